//! Completion beside the decision: the rule may say go, and the work is not complete all the same.

use serde_json::json;

use super::{completed, dir, manifest, run, sh};
use crate::harness::{OUT, PASS, answering};

const CLI: &str = "[completion]\ntask_class = 'cli'\n";
const HEADLESS: (&str, &str, &str, &str) = ("runs", "probe-run", "'run'", "kind = 'headless_run'");
const GOLDEN: (&str, &str, &str, &str) =
    ("prints", "probe-output", "{ run = 'run', expected = 'golden' }", "kind = 'stdout_golden'");
const EXPECTED: (&str, &str) = ("golden", "{ value = \"hello\\n\" }");

fn told(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_product_is_complete_once_each_kind_of_its_class_passed() {
    let dir = dir();
    manifest(&dir, CLI, &[("run", &sh("echo hello", "")), EXPECTED], &[HEADLESS, GOLDEN]);
    let (ended, decision) = run(&dir);
    ended.exits(0).says("complete — product_complete (cli): headless_run passed, stdout_golden passed");
    let completion = &decision["completion"];
    assert_eq!(completion["taskClass"], "cli");
    assert_eq!((&completion["mode"], &completion["outcome"]), (&json!("product_complete"), &json!("complete")));
    assert_eq!(completion["reasons"], json!([]));
    let kept = json!({"kind": "stdout_golden", "gate": "prints", "status": "passed", "reason": "standard output is as expected"});
    assert_eq!(completion["probes"][1], kept);
    let planned = dir.portcullis(&["run", "--dry-run"]).run();
    planned.exits(0).says("complete  product_complete (cli) when headless_run, stdout_golden passed");
}

#[test]
fn a_kind_that_nobody_looks_at_is_deferred_and_completes_nothing() {
    let dir = dir();
    for (gates, probes) in [
        (&[HEADLESS][..], &["headless_run passed", "stdout_golden deferred"][..]),
        (&[], &["headless_run deferred", "stdout_golden deferred"]),
    ] {
        dir.parrot("gate");
        manifest(&dir, CLI, &[("run", &sh("echo hello", "")), EXPECTED], gates);
        let text = dir.text("portcullis.toml");
        dir.write("portcullis.toml", format!("{text}{}", answering("other", PASS)));
        let (ended, decision) = run(&dir);
        ended.exits(0).says("incomplete — product_complete (cli)");
        assert_eq!(completed(&decision), ("incomplete".to_owned(), told(probes)), "{ended}");
        assert!(
            decision["completion"]["reasons"]
                .as_array()
                .expect("reasons")
                .iter()
                .all(|it| it["code"] == "probe-deferred")
        );
    }
    let text = dir.text("portcullis.toml");
    dir.write("portcullis.toml", text + "[completion.probes]\nrender_hash = 'other'\n");
    let (_, decision) = run(&dir);
    assert_eq!(decision["completion"]["outcome"], "blocked", "a gate that is no probe shows nothing: {decision}");
}

#[test]
fn a_probe_that_fails_or_faults_blocks_what_the_rule_lets_pass() {
    let dir = dir();
    dir.gate("spins.wasm", "probe", include_str!("../hostile/spins.wat"));
    dir.gate("traps.wasm", "probe", &include_str!("../hostile/traps.wat").replace("TRAP", "unreachable"));
    let rule = format!("{CLI}[decision]\nexpr = 'runs'\n[limits]\nfuel = '100M'\n");
    for (gate, probe, code) in [
        (
            ("prints", "probe-output", "{ run = 'run', expected = 'golden' }", "kind = 'stdout_golden', exit_code = 1"),
            "stdout_golden failed",
            "probe-failed",
        ),
        (("prints", "spins", "'run'", ""), "prints faulted", "probe-faulted"),
        (("prints", "traps", "'run'", ""), "prints faulted", "probe-faulted"),
        (("prints", "probe-output", "'run'", "kind = 'stdout_golden'"), "prints faulted", "probe-faulted"),
    ] {
        manifest(&dir, &rule, &[("run", &sh("echo hello", "")), EXPECTED], &[HEADLESS, gate]);
        let (ended, decision) = run(&dir);
        ended.exits(0).says("completion blocked");
        let (outcome, probes) = completed(&decision);
        assert_eq!(
            (outcome.as_str(), &probes[..2]),
            ("blocked", &told(&["headless_run passed", probe])[..]),
            "{ended}"
        );
        assert_eq!(decision["completion"]["reasons"][0]["code"], code, "{decision}");
    }
}

#[test]
fn a_kind_that_is_bound_to_a_gate_is_named_even_where_that_gave_nothing() {
    let dir = dir();
    let head = format!("{CLI}probes = {{ stdout_golden = 'prints' }}\n");
    let prints = ("prints", "probe-output", "{ run = 'run', expected = 'gone' }", "kind = 'stdout_golden'");
    manifest(&dir, &head, &[("run", &sh("echo hello", "")), ("gone", "{ file = 'gone.txt' }")], &[HEADLESS, prints]);
    let (ended, decision) = run(&dir);
    ended.exits(3);
    assert_eq!(completed(&decision), ("blocked".to_owned(), told(&["headless_run passed", "stdout_golden faulted"])));
    let ended = dir.portcullis(&["run", "--gates", "runs"]).run();
    ended.exits(0);
    let (outcome, probes) = completed(&dir.decision());
    assert_eq!((outcome.as_str(), probes), ("incomplete", told(&["headless_run passed", "stdout_golden deferred"])));
}

#[test]
fn code_is_complete_by_its_own_kinds_and_a_no_go_never_is() {
    let dir = dir();
    dir.write("before.json", r#"{"passed":["a"],"failed":[]}"#);
    let parity = ("parity", "probe-run", "{ before = 'before', after = 'after' }", "kind = 'test_suite_parity'");
    let sources = [
        ("run", sh("exit 1", "")),
        ("before", "{ file = 'before.json' }".to_owned()),
        ("after", "{ command = ['/bin/echo', '{\"passed\":[\"a\"],\"failed\":[\"b\"]}'], format = 'json' }".to_owned()),
    ];
    let sources: Vec<_> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
    for (rule, status, outcome) in [("expr = 'parity'", 0, "complete"), ("rule = 'all'", 1, "blocked")] {
        let head = format!("[completion]\ntask_class = 'refactor_in_place'\n[decision]\n{rule}\n");
        manifest(&dir, &head, &sources, &[parity, HEADLESS]);
        let (ended, decision) = run(&dir);
        ended.exits(status);
        let probes = told(&["test_suite_parity passed", "headless_run failed"]);
        assert_eq!(completed(&decision), (outcome.to_owned(), probes), "{ended}");
    }
    assert!(dir.text(format!("{OUT}/decision.json")).contains("\"code\": \"decision-not-go\""));
}
