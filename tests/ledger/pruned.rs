//! Bytes that were let go: what stays known, and what cannot be done any more.

use super::*;
use crate::harness::{PASS, answering};

/// Three runs, the oldest with evidence of its own that is large; their names, the oldest first.
fn three_runs() -> (Dir, Vec<String>) {
    let dir = Dir::new();
    dir.gate("content.wasm", "gate", CONTENT);
    let source = [("large", "{ file = 'large.txt' }")];
    manifest(&dir, "", &source, "[gate.g]\nmodule = 'content.wasm'\ninput = 'large'\n");
    let mut runs = Vec::new();
    for size in [4 << 20, 10, 20] {
        dir.write("large.txt", "x".repeat(size));
        dir.run().exits(0);
        runs.push(text(&dir.decision()["runId"]));
    }
    (dir, runs)
}

fn is_pruned(dir: &Dir, run: &str) -> bool {
    shown(dir, run)["pruned"] == true
}

#[test]
fn what_a_run_came_to_stays_known_when_its_bytes_are_let_go() {
    let (dir, runs) = three_runs();
    let before = shown(&dir, &runs[0]);
    let planned = told(&dir, &["ledger", "prune", &runs[0], "--dry-run"]);
    assert!(!is_pruned(&dir, &runs[0]));
    let pruned = told(&dir, &["ledger", "prune", &runs[0]]);
    assert_eq!((&planned["dryRun"], &pruned["dryRun"]), (&true.into(), &false.into()));
    assert_eq!((&planned["runs"], &planned["bytes"]), (&pruned["runs"], &pruned["bytes"]));
    assert!(pruned["bytes"].as_u64() >= Some(4 << 20), "{pruned}");
    assert!(fs::metadata(dir.path(LEDGER)).expect("there").len() < 2 << 20, "the file gives its room back");
    let after = shown(&dir, &runs[0]);
    for (was, is) in
        before["entries"].as_array().expect("entries").iter().zip(after["entries"].as_array().expect("entries"))
    {
        assert_eq!((&was["hash"], &was["facts"], &was["at"]), (&is["hash"], &is["facts"], &is["at"]));
    }
    assert_eq!((&after["finished"], &after["pruned"]), (&before["finished"], &true.into()));
    assert_eq!(adds_up(&dir)["pruned"], 1);
    let before = files(&dir);
    for arguments in [&["resume", &runs[0]][..], &["replay", &runs[0]], &["ledger", "prune", &runs[0]]] {
        dir.portcullis(arguments).run().exits(2).refuses_with("run-pruned");
    }
    dir.portcullis(&["ledger", "export", &runs[0], "--out", "pruned"]).run().exits(0).says("were pruned");
    assert!(!dir.has("pruned/decision.json"));
    assert_eq!(files(&dir), before);
    // What others need, such as the module, is there for them.
    for run in &runs[1..] {
        dir.portcullis(&["replay", run]).run().exits(0);
    }
    dir.portcullis(&["resume", "last"]).run().exits(0);
    dir.portcullis(&["ledger", "show", &runs[0]]).run().exits(0).says("its bytes were pruned");
}

#[test]
fn runs_are_let_go_by_age_and_by_number_and_those_that_may_go_on_are_kept() {
    let (dir, runs) = three_runs();
    dir.gate("spins.wasm", "gate", include_str!("../hostile/spins.wat"));
    let spins = "[gate.spins]\nmodule = 'spins.wasm'\nneeds = ['good']\nlimits = { fuel = '1T', time = '60s' }\n";
    dir.parrot("gate");
    dir.manifest(&format!("{}{spins}", answering("good", PASS)));
    let before = entries(&dir);
    let running = dir.portcullis(&["run"]).start();
    wait_until("its first gate has ended", || entries(&dir) >= before + 3);
    kill(&dir, running);
    let broken = text(&shown(&dir, "last")["run"]);
    let prune = |more: &[&str]| told(&dir, &[&["ledger", "prune"], more].concat())["runs"].as_array().map(Vec::len);
    assert_eq!(prune(&["--older-than", "1d"]), Some(0));
    assert_eq!(prune(&["--before", "2020-01-01T00:00:00Z"]), Some(0));
    assert_eq!(prune(&["--older-than", "1d", "--now", "2999-01-01T00:00:00Z", "--keep", "2"]), Some(1));
    assert!(is_pruned(&dir, &runs[0]) && !is_pruned(&dir, &runs[1]));
    assert_eq!(prune(&["--keep", "0"]), Some(2));
    assert!(!is_pruned(&dir, &broken));
    assert_eq!(prune(&[&broken]), Some(1));
    dir.portcullis(&["resume", &broken]).run().exits(2).refuses_with("run-pruned");
    adds_up(&dir);
    dir.portcullis(&["ledger", "prune"]).run().exits(2);
    dir.portcullis(&["ledger", "prune", "2999"]).run().exits(2).refuses_with("run-unknown");
    dir.portcullis(&["ledger", "prune", "--keep", "0", "--ledger", "gone.db"])
        .run()
        .exits(2)
        .refuses_with("ledger-missing");
    assert!(!dir.has("gone.db"));
}
