//! On recorded evidence, as the repository has it: the whole suite, a part of it, and evidence that is not there.

use std::fs;

use serde_json::json;

use super::{GATES, aetherra, came_to, gate};
use crate::harness::{Dir, Ended, OUT};

fn run(dir: &Dir, more: &[&str]) -> Ended {
    dir.portcullis(&[&["run", "go-no-go.toml"], more].concat()).run()
}

#[test]
fn the_recorded_suite_is_a_go_with_the_artifacts_that_its_users_know() {
    let dir = aetherra();
    for more in [&[][..], &["--all"], &["--strict-manual"]] {
        let ended = run(&dir, more);
        came_to(&dir, &ended, "recorded", &[]);
    }
    let results = dir.json(format!("{OUT}/gate_results.json"));
    let results = results.as_object().expect("an object");
    let names: Vec<&str> = results.keys().map(String::as_str).collect();
    assert_eq!(names, [&["_meta"], &GATES[..]].concat());
    let meta = results["_meta"].as_object().expect("an object");
    assert_eq!(meta.keys().collect::<Vec<_>>(), ["profile", "ts", "all_passed"]);
    assert!(meta["ts"].as_f64() > Some(1_700_000_000.0), "{meta:?}");
    for name in GATES {
        let entry = results[name].as_object().expect("an object");
        assert_eq!(entry.keys().collect::<Vec<_>>(), ["ok", "manual", "duration_sec", "details"], "{name}");
        assert_eq!((&entry["ok"], &entry["manual"]), (&json!(true), &json!(false)), "{name}");
        let seconds = entry["duration_sec"].as_f64().expect("a number");
        assert!((seconds * 1_000.0 - (seconds * 1_000.0).round()).abs() < 1e-6, "{name}: to 3 places: {seconds}");
    }
    for (name, member) in [
        ("launcher_smoke", "services"),
        ("launcher_smoke", "missing"),
        ("launcher_smoke", "expected"),
        ("chat_sse_resume", "last_id"),
        ("chat_sse_resume", "resumed_first"),
        ("chat_sse_resume", "monotonic"),
    ] {
        assert!(results[name]["details"].get(member).is_some(), "{member} of {name}: {}", results[name]);
    }
}

#[test]
fn the_sign_off_is_a_table_and_the_eight_lines_of_the_template() {
    let dir = aetherra();
    run(&dir, &[]).exits(0);
    let text = dir.text(format!("{OUT}/gate_sign_off.md"));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["| Gate | Status | Manual | Notes |", "| --- | --- | --- | --- |"]);
    for (name, line) in GATES.iter().zip(&lines[2..10]) {
        assert!(line.starts_with(&format!("| {name} | ✅ |")) && line.ends_with(" |"), "{line}");
    }
    assert_eq!(lines[10], "");
    let template = [
        "Launcher smoke: ",
        "Chat SSE v2 + resume: ",
        "Security strict (scripts/plugins/net): ",
        "Memory (core + QFAC fallback): ",
        "HMR swap + audit: ",
        "Agents API posture: ",
        "Spec→Tests & coverage no‑drop: ",
        "Policy/DP surfaced to clients: ",
    ];
    assert_eq!(lines.len(), 11 + template.len(), "{text}");
    for (start, line) in template.iter().zip(&lines[11..]) {
        assert!(line.strip_prefix(start).is_some_and(|rest| rest.starts_with('✅')), "{line}");
    }
}

#[test]
fn a_subset_decides_and_says_what_did_not_run() {
    let dir = aetherra();
    run(&dir, &["--gates", "launcher_smoke", "chat_sse_resume"]).exits(0);
    let results = dir.json(format!("{OUT}/gate_results.json"));
    let names: Vec<_> = results.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["_meta", "launcher_smoke", "chat_sse_resume"]);
    assert_eq!(results["_meta"]["all_passed"], true);
    let sign_off = dir.text(format!("{OUT}/gate_sign_off.md"));
    assert_eq!(sign_off.lines().filter(|line| line.ends_with("⚪")).count(), 6, "{sign_off}");
    assert_eq!(sign_off.lines().filter(|line| line.contains('✅')).count(), 4, "{sign_off}");
    // What the others would have been asked about is not missed.
    fs::remove_file(dir.path("recorded/memory.json")).expect("removed");
    run(&dir, &["--gates", "launcher_smoke"]).exits(0);
    run(&dir, &["--gates", "memory_qfac"]).exits(3);
}

#[test]
fn a_selection_of_no_gate_or_of_one_that_is_not_there_is_misuse() {
    let dir = aetherra();
    run(&dir, &[]).exits(0);
    run(&dir, &["--gates", "launcher_smok"]).exits(2).refuses_with("unknown-gate").says("launcher_smoke");
    dir.has_no_artifacts();
    run(&dir, &["--gates", "launcher_smoke", "gone"]).exits(2).refuses_with("unknown-gate");
    run(&dir, &["--gates"]).exits(2);
    run(&dir, &["--gates", ""]).exits(2);
    run(&dir, &["--gates", "launcher_smoke", "--all"]).exits(2);
    dir.has_no_artifacts();
}

#[test]
fn without_an_audit_log_a_person_has_to_look() {
    let dir = aetherra();
    fs::remove_file(dir.path("recorded/hmr_audit.jsonl")).expect("removed");
    let ended = run(&dir, &[]);
    ended.exits(0);
    let review = gate(&dir.decision(), "hmr_quiesce");
    assert_eq!((&review["outcome"], &review["details"]["manual_followup"]), (&json!("review"), &json!(true)));
    let results = dir.json(format!("{OUT}/gate_results.json"));
    let entry = &results["hmr_quiesce"];
    assert_eq!((&entry["ok"], &entry["manual"]), (&json!(true), &json!(true)), "{entry}");
    assert_eq!(entry["details"]["manual_followup"], true, "{entry}");
    assert!(entry["details"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{entry}");
    let sign_off = dir.text(format!("{OUT}/gate_sign_off.md"));
    assert!(sign_off.lines().any(|line| line.starts_with("| hmr_quiesce | ✅ | 🔧 |")), "{sign_off}");

    run(&dir, &["--strict-manual"]).exits(1).says("--strict-manual");
    let results = dir.json(format!("{OUT}/gate_results.json"));
    assert_eq!((&results["hmr_quiesce"]["ok"], &results["_meta"]["all_passed"]), (&json!(false), &json!(false)));
    let sign_off = dir.text(format!("{OUT}/gate_sign_off.md"));
    assert!(sign_off.lines().any(|line| line.starts_with("| hmr_quiesce | ❌ | 🔧 |")), "{sign_off}");
    // Nobody has to look at what was not asked for.
    run(&dir, &["--strict-manual", "--gates", "launcher_smoke"]).exits(0);
}

#[test]
fn a_person_who_looked_signs_the_reload_off() {
    let dir = aetherra();
    fs::remove_file(dir.path("recorded/hmr_audit.jsonl")).expect("removed");
    dir.new_key("ann");
    let key = dir.portcullis(&["key", "show", "ann.pub", "--json"]).run().exits(0).json()["short"].clone();
    let trust = dir.text("trust.toml");
    dir.write("trust.toml", format!("{trust}\n[approver.ann]\nkeys = [{key}]\ngates = [\"hmr_quiesce\"]\n"));
    let strict = ["--strict-manual", "--subject", "git:0123456789abcdef0123456789abcdef01234567"];
    run(&dir, &strict).exits(1).says("portcullis approve hmr_quiesce");
    let approve =
        ["approve", "hmr_quiesce", "--run", OUT, "--key", "ann.key", "--expires", "14d", "--reason", "swapped it"];
    dir.portcullis(&approve).run().exits(0);
    came_to(&dir, &run(&dir, &strict), "signed off", &[]);
    let results = dir.json(format!("{OUT}/gate_results.json"));
    assert_eq!(results["hmr_quiesce"]["details"]["approved_by"], "ann", "{results}");
    let sign_off = dir.text(format!("{OUT}/gate_sign_off.md"));
    let line = sign_off.lines().find(|line| line.starts_with("HMR swap + audit: ")).expect("the template's line");
    assert!(line.contains('✅') && line.contains("ann"), "{line}");
    // A log that tells of a reload is judged, whatever was signed.
    dir.write("recorded/hmr_audit.jsonl", "{\"event\":\"HMR_PREPARE\",\"target\":\"engine\"}\n");
    came_to(&dir, &run(&dir, &strict), "left open", &[("hmr_quiesce", "fail", "reloads_ended")]);
}

#[test]
fn evidence_that_is_missing_or_breaks_off_blocks_the_gates_that_need_it_and_no_other() {
    let dir = aetherra();
    let fault = |gate: &'static str| (gate, "fault", "");
    for (file, gates) in [
        ("services.json", vec![fault("launcher_smoke")]),
        ("stream.json", vec![fault("chat_sse_resume"), fault("policy_privacy")]),
        ("resumed.json", vec![fault("chat_sse_resume")]),
        ("verify.json", vec![fault("security_strict")]),
        ("outbound.json", vec![fault("security_strict")]),
        ("memory.json", vec![fault("memory_qfac")]),
        ("memory_status.json", vec![fault("memory_qfac")]),
        ("agents_closed.json", vec![fault("agents_api")]),
        ("agents_open.json", vec![fault("agents_api")]),
        ("tests.json", vec![fault("quality_gates")]),
        ("spec.json", vec![fault("quality_gates")]),
        ("coverage.json", vec![fault("quality_gates")]),
        ("baseline.json", vec![fault("quality_gates")]),
        ("hmr_audit.jsonl", vec![fault("hmr_quiesce")]),
    ] {
        let path = format!("recorded/{file}");
        let whole = dir.read(&path);
        dir.write(&path, &whole[..whole.len() * 2 / 3]);
        came_to(&dir, &run(&dir, &[]), &format!("{file} breaks off"), &gates);
        if file != "hmr_audit.jsonl" {
            fs::remove_file(dir.path(&path)).expect("removed");
            came_to(&dir, &run(&dir, &[]), &format!("{file} is missing"), &gates);
            dir.write(&path, "{\"what\":\"nobody expects\"}");
            let ended = run(&dir, &[]);
            assert_ne!(ended.status, Some(0), "{file} is something else\n{ended}");
        }
        dir.write(&path, &whole);
    }
    came_to(&dir, &run(&dir, &[]), "all is back", &[]);
}
