//! What a run leaves in the ledger, and where that is.

use super::*;
use crate::harness::{PASS, answering};

/// A pipeline with something of everything.
fn pipeline() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.echo();
    dir.write("in.json", "\n{ \"n\": 1.50 }\n");
    let sources = [
        ("file", "{ file = 'in.json' }"),
        ("ran", &sh("echo out", "")),
        ("gone", "{ file = 'gone.json' }"),
        ("variable", "{ env = ['CI'] }"),
    ];
    let gates = "[gate.echo]\nmodule = 'echo.wasm'\ninput = { file = 'file', ran = 'ran', variable = 'variable' }\n\
        [gate.blocked]\nmodule = 'echo.wasm'\ninput = 'gone'\nenforcement = 'advisory'\n";
    manifest(&dir, "", &sources, &format!("{gates}{}", answering("good", PASS)));
    dir
}

#[test]
fn a_run_is_kept_whole() {
    let dir = pipeline();
    dir.portcullis(&["run", "--subject", SUBJECT]).env("CI", "true").run().exits(0);
    let decision = dir.decision();
    let run = shown(&dir, "last");
    assert_eq!((&run["run"], &run["policy"], &run["subject"]), (&decision["runId"], &"e2e".into(), &SUBJECT.into()));
    assert_eq!((&run["finished"]["decision"], &run["finished"]["exitCode"]), (&"go".into(), &0.into()));
    assert_eq!((&run["started"], &run["finished"]["at"]), (&decision["startedOn"], &decision["finishedOn"]));
    assert_eq!(run["manifest"], decision["policy"]["digest"]["sha256"]);
    let mut steps = steps(&run);
    assert_eq!(
        (steps.first().map(String::as_str), steps.last().map(String::as_str)),
        (Some("begin begin"), Some("finish finish"))
    );
    steps.sort();
    let pieces = ["file", "gone", "good", "ran", "variable"].map(|name| format!("evidence {name}"));
    let gates = ["blocked", "echo", "good"].map(|name| format!("gate {name}"));
    let expect = [&["begin begin".to_owned()], &pieces[..], &["finish finish".to_owned()], &gates].concat();
    assert_eq!(steps, expect);
    adds_up(&dir);

    let export = Export::of(&dir, "last");
    assert_eq!(dir.read("exported/decision.json"), dir.read(format!("{OUT}/decision.json")));
    assert_eq!(export.bytes("finish finish", "record"), dir.read(format!("{OUT}/decision.json")));
    for (digest, bytes) in &export.blobs {
        assert_eq!(*digest, portcullis::digest::Digest::of(bytes).to_string());
    }
    let read = export.json("begin begin", "read");
    let read: Vec<String> = read.as_array().expect("files").iter().map(|entry| text(&entry["path"])).collect();
    for file in ["portcullis.toml", "trust.toml", "parrot-gate.wasm", "echo.wasm"] {
        let at = read.iter().position(|path| path == file).unwrap_or_else(|| panic!("{file}: {read:?}"));
        assert_eq!(export.bytes("begin begin", &format!("read.{at}")), dir.read(file), "{file}");
    }
    assert_eq!(export.bytes("gate echo", "module"), dir.read("echo.wasm"));
    assert_eq!(export.bytes("evidence file", "bytes"), dir.read("in.json"));
    assert_eq!(export.json("evidence variable", "bytes"), serde_json::json!({"CI": "true"}));
    assert_eq!(export.find("evidence gone", "bytes"), None);
    assert_eq!(export.json("evidence gone", "piece")["error"]["code"], "evidence-missing");
    assert_eq!(export.json("evidence ran", "bytes")["stdout"], "out\n");
    assert_eq!(export.bytes("gate good", "answer"), PASS.as_bytes());
    let (request, answer) = (export.json("gate echo", "request"), export.json("gate echo", "answer"));
    assert_eq!((&request["run_id"], &request["input"]["ran"]), (&run["run"], &export.json("evidence ran", "bytes")));
    assert_eq!(answer["details"], request);
    assert_eq!(export.find("gate blocked", "request"), None, "it was not asked");
    let entry = export.json("gate echo", "entry");
    let gate = decision["gates"].as_array().expect("gates").iter().find(|gate| gate["id"] == "echo");
    assert_eq!(Some(&entry), gate);

    let document = told(&dir, &["ledger", "export", "last"]);
    assert_eq!(document["run"], export.run);
    assert_eq!(document["blobs"].as_object().map(serde_json::Map::len), Some(export.blobs.len()));
    dir.portcullis(&["ledger", "export", "last", "--out", "exported"]).run().exits(2).refuses_with("output-exists");
}

#[test]
fn what_is_shown_for_people_says_the_same() {
    let dir = pipeline();
    dir.portcullis(&["run", "--subject", SUBJECT]).run().exits(0);
    let run = text(&shown(&dir, "last")["run"]);
    let list = dir.portcullis(&["ledger", "list"]).run();
    list.exits(0).says(&run).says(SUBJECT).says("go");
    let shown = dir.portcullis(&["ledger", "show", &run[..12]]).run();
    shown.exits(0).says("evidence ran").says("gate echo").says("fault").says("exit status 0");
    dir.portcullis(&["ledger", "show", "2999"]).run().exits(2).refuses_with("run-unknown");
    dir.portcullis(&["ledger", "verify"]).run().exits(0).says("everything adds up: 10 entries, 1 run (1 ended");
    dir.portcullis(&["run"]).run().exits(0);
    dir.portcullis(&["ledger", "show", "20"]).run().exits(2).refuses_with("run-ambiguous");
}

#[test]
fn a_ledger_is_where_the_user_says_or_nowhere() {
    let dir = pipeline();
    dir.portcullis(&["run", "--no-ledger"]).run().exits(0);
    assert!(!dir.has(LEDGER));
    dir.portcullis(&["ledger", "list"]).run().exits(2).refuses_with("ledger-missing");
    assert!(!dir.has(LEDGER));
    dir.portcullis(&["run", "--dry-run"]).run().exits(0);
    assert!(!dir.has(LEDGER));
    dir.portcullis(&["run", "--ledger", "kept/here.db"]).run().exits(0);
    assert!(dir.has("kept/here.db") && !dir.has(LEDGER));
    let kept = told(&dir, &["ledger", "list", "--ledger", "kept/here.db"]);
    assert_eq!(kept[0]["run"], dir.decision()["runId"]);
    dir.portcullis(&["replay", "last", "--ledger", "kept/here.db"]).run().exits(0);
    dir.portcullis(&["run", "--no-ledger", "--ledger", "x"]).run().exits(2);
    dir.portcullis(&["run"]).env("XDG_DATA_HOME", &dir.path("data").to_string_lossy()).run().exits(0);
    assert!(dir.has("data/portcullis/ledger.sqlite"));
}

#[test]
fn who_has_no_home_is_told_that_nothing_is_kept_and_runs_all_the_same() {
    let dir = pipeline();
    let ended = dir.portcullis(&["run"]).without("HOME").run();
    ended.exits(0);
    assert!(ended.stderr.contains("nothing is kept of this run") && ended.stderr.contains("--ledger"), "{ended}");
    assert_eq!(dir.decision()["decision"], "go");
    for arguments in [&["ledger", "list"][..], &["resume", "last"], &["replay", "last"]] {
        dir.portcullis(arguments).without("HOME").run().exits(2).refuses_with("no-ledger-folder");
    }
    let kept = dir.portcullis(&["run", "--ledger", "here.db"]).without("HOME").run();
    kept.exits(0);
    assert!(!kept.stderr.contains("nothing is kept") && dir.has("here.db"), "{kept}");
}

#[test]
fn a_run_that_is_refused_leaves_no_run_behind() {
    let dir = pipeline();
    dir.run().exits(0);
    let before = entries(&dir);
    dir.write("echo.wasm", crate::harness::assemble(crate::harness::ECHO));
    dir.run().exits(4);
    dir.write("portcullis.toml", "");
    dir.run().exits(2);
    assert_eq!((entries(&dir), listed(&dir, &[]).len()), (before, 1));
    adds_up(&dir);
}

#[test]
fn no_output_takes_the_place_of_the_ledger() {
    let dir = pipeline();
    dir.run().exits(0);
    for file in [LEDGER.to_owned(), format!("{LEDGER}-wal"), format!("{LEDGER}-head")] {
        let output = format!("json={file}");
        for arguments in [&["run", "--output", &output][..], &["resume", "last", "--output", &output]] {
            dir.portcullis(arguments).run().exits(2).refuses_with("output-is-input");
        }
    }
    adds_up(&dir);
}

#[test]
fn a_clock_that_goes_back_breaks_nothing() {
    let dir = pipeline();
    for now in ["2026-01-10T00:00:00Z", "2020-01-10T00:00:00Z", "2026-01-09T23:59:59Z"] {
        dir.portcullis(&["run", "--now", now]).run().exits(0);
    }
    adds_up(&dir);
    let runs = listed(&dir, &[]);
    assert_eq!(runs.len(), 3);
    assert!(text(&runs[1]["run"]).starts_with("20200110T000000Z-"), "{runs:?}");
    for run in &runs {
        dir.portcullis(&["replay", &text(&run["run"])]).run().exits(0);
        dir.portcullis(&["resume", &text(&run["run"])]).run().exits(0);
    }
}

#[test]
fn evidence_of_a_hundred_mebibytes_is_kept_once() {
    const SIZE: usize = 100 << 20;
    let dir = Dir::new();
    dir.gate("content.wasm", "gate", CONTENT);
    dir.write("large.json", format!("\"{}\"\n", "x".repeat(SIZE)));
    let gate = |name: &str| {
        format!("[gate.{name}]\nmodule = 'content.wasm'\ninput = {{ l = 'large' }}\nlimits = {{ input = '200MiB' }}\n")
    };
    manifest(&dir, "", &[("large", "{ file = 'large.json' }")], &format!("{}{}", gate("one"), gate("two")));
    dir.run().exits(0);
    let kept = adds_up(&dir);
    dir.portcullis(&["ledger", "seal", "--key", "own.key"]).run().exits(0);
    let size = fs::metadata(dir.path(LEDGER)).expect("there").len() as usize;
    assert!((SIZE..SIZE + (8 << 20)).contains(&size), "{size} bytes, {kept}");
    let export = Export::of(&dir, "last");
    assert_eq!(export.bytes("evidence large", "bytes"), dir.read("large.json"));
    assert_eq!(export.bytes("gate one", "request").len(), SIZE + 2 + request_around(&export));
}

/// The bytes of a request around its one piece of evidence.
fn request_around(export: &Export) -> usize {
    let run = text(&export.run["run"]);
    let now = text(&export.json("finish finish", "record")["timeVerified"]);
    format!(
        "{{\"protocol\":1,\"gate\":\"one\",\"kind\":\"gate\",\"params\":{{}},\"input\":{{\"l\":}},\"now\":\"{now}\",\"run_id\":\"{run}\"}}"
    )
    .len()
}
