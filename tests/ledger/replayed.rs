//! A run that is judged again: by what was kept it comes to the same; by newer trust it is what it would be today.

use super::*;
use crate::harness::{Ended, FAIL, PASS, answering};

fn pipeline() -> Dir {
    let dir = Dir::new();
    with_list(&dir);
    dir.parrot("gate");
    dir.echo();
    dir.write("in.json", "[1]");
    let sources = [("file", "{ file = 'in.json' }"), ("ran", &*sh("echo x >> ran; date +%N", ""))];
    let look = "[gate.look]\nmodule = 'echo.wasm'\ninput = { file = 'file', ran = 'ran' }\n";
    manifest(
        &dir,
        "",
        &sources,
        &format!("{look}{}{}enforcement = 'advisory'\n", answering("good", PASS), answering("bad", FAIL)),
    );
    dir.portcullis(&["run", "--subject", SUBJECT]).run().exits(0);
    dir
}

fn replay(dir: &Dir, more: &[&str]) -> Ended {
    dir.portcullis(&[&["replay", "last"], more].concat()).run()
}

#[track_caller]
fn differences(ended: &Ended) -> Vec<String> {
    let told = ended.json();
    let differences = told["differences"].as_array().unwrap_or_else(|| panic!("{ended}"));
    differences.iter().map(|it| format!("{} {}", it["gate"].as_str().unwrap_or("-"), text(&it["what"]))).collect()
}

#[test]
fn a_run_comes_to_the_same_though_nothing_of_it_is_left_but_what_was_kept() {
    let dir = pipeline();
    replay(&dir, &[]).exits(0).says("comes to the same: go, 3 gates with the same verdicts and the same fuel");
    let decision = dir.decision();
    for file in ["portcullis.toml", "trust.toml", "list.json", "parrot-gate.wasm", "echo.wasm", "in.json"] {
        fs::remove_file(dir.path(file)).expect("removed");
    }
    fs::remove_dir_all(dir.path(OUT)).expect("removed");
    let before = files(&dir);
    let told = replay(&dir, &["--json"]).exits(0).json();
    assert_eq!((&told["same"], &told["differences"]), (&true.into(), &serde_json::json!([])));
    assert_eq!((&told["decisionThen"], &told["decision"], &told["gates"]), (&"go".into(), &"go".into(), &3.into()));
    let fuel: u64 =
        decision["gates"].as_array().expect("gates").iter().filter_map(|gate| gate["fuelUsed"].as_u64()).sum();
    assert_eq!((&told["fuelThen"], &told["fuel"]), (&fuel.into(), &fuel.into()), "{told}");
    assert_eq!(dir.text("ran"), "x\n", "nothing is done in the world");
    assert!(!dir.has(OUT), "and nothing left in it");
    assert_eq!(files(&dir), before);
    replay(&dir, &["--no-cache", "--jobs", "1"]).exits(0);
}

#[test]
fn by_a_newer_list_or_another_trust_it_is_what_it_would_be_today() {
    let dir = pipeline();
    let refused = |more: &[&str], code: &str| {
        let ended = replay(&dir, more);
        ended.exits(1).says("today it would be refused").says(code);
        let told = replay(&dir, &[more, &["--json"]].concat()).json();
        assert_eq!(
            (&told["same"], &told["decision"], &told["decisionThen"]),
            (&false.into(), &Value::Null, &"go".into())
        );
        assert_eq!(told["refused"][0]["code"], code, "{told}");
    };
    list_with(&dir, "newer.json", &["--module", "echo.wasm", "--reason", "malicious"]);
    refused(&["--revocations", "newer.json"], "revoked-module");
    list_with(&dir, "newer.json", &["--signer", "own.pub", "--reason", "key-compromise"]);
    refused(&["--revocations", "newer.json"], "revoked-key");
    list_with(&dir, "newer.json", &["--release", "own/parrot-gate", "--versions", "<2.0.0", "--reason", "vulnerable"]);
    refused(&["--revocations", "newer.json"], "revoked-release");
    refused(&["--now", "2999-01-01T00:00:00Z"], "expired");
    dir.new_key("eve");
    dir.write("others.toml", dir.text("trust.toml").replace(&short(&dir, "own"), &short(&dir, "eve")));
    refused(&["--trust", "others.toml"], "untrusted-key");
    // A list that only warns leaves the decision what it was, and says so in a finding.
    list_with(&dir, "newer.json", &["--module", "echo.wasm", "--reason", "superseded", "--severity", "warn"]);
    let ended = replay(&dir, &["--revocations", "newer.json", "--json"]);
    ended.exits(1);
    assert_eq!(differences(&ended), ["look findings"], "{ended}");
    assert_eq!((&ended.json()["decision"], &ended.json()["same"]), (&"go".into(), &false.into()));
    replay(&dir, &["--revocations", "newer.json"])
        .exits(1)
        .says("was go; judged again it is go")
        .says("REVOCATION_WARNING");
    // The same list and trust come to the same, and what cannot be read is misuse.
    replay(&dir, &["--revocations", "list.json", "--trust", "trust.toml"]).exits(0);
    replay(&dir, &["--revocations", "gone.json"]).exits(2);
    replay(&dir, &["--trust", "gone.toml"]).exits(2);
    dir.portcullis(&["replay", "2999"]).run().exits(2).refuses_with("run-unknown");
}

#[test]
fn a_gate_that_gave_no_verdict_gives_none_again() {
    let dir = Dir::new();
    dir.gate("spins.wasm", "gate", include_str!("../hostile/spins.wat"));
    dir.gate("traps.wasm", "gate", &include_str!("../hostile/traps.wat").replace("TRAP", "unreachable"));
    dir.parrot("gate");
    let gates = "[gate.spins]\nmodule = 'spins.wasm'\nlimits = { fuel = '1M' }\n[gate.traps]\nmodule = 'traps.wasm'\n";
    dir.manifest(&format!("{gates}{}", answering("nonsense", "{")));
    dir.run().exits(3);
    replay(&dir, &[]).exits(0).says("comes to the same: blocked");
}

#[test]
fn a_replay_that_the_user_ends_says_nothing_of_the_run() {
    let dir = Dir::new();
    dir.gate("spins.wasm", "gate", include_str!("../hostile/spins.wat"));
    dir.manifest("[gate.spins]\nmodule = 'spins.wasm'\nlimits = { fuel = '4G', time = '60s' }\n");
    dir.run().exits(3);
    let running = dir.portcullis(&["replay", "last"]).start();
    crate::interrupts::wait_until_it_works(running.id());
    crate::interrupts::send(running.id(), rustix::process::Signal::INT);
    let ended = running.wait();
    assert!(
        ended.status == Some(0) || ended.status == Some(3) && ended.stderr.contains("error[interrupted]"),
        "{ended}"
    );
}
