//! `[[events]]` of a run: what gates saw broken, and what waits for a person, is told while the run goes on.

use serde_json::{Value, json};

use crate::harness::{Dir, REVIEW, answering};

const BROKEN: &str = r#"{"verdict":"fail","violations":[{"type":"SCOPE_VIOLATION","detail":"wrote \u001b[31melsewhere"},
    {"type":"FORBIDDEN_ACTION","detail":"pushed"}]}"#;

/// A run in which one gate fails and one asks for a person, with `events` in its manifest.
fn pipeline(events: &str) -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&format!("{}{}{events}", answering("scope", BROKEN), answering("look", REVIEW)));
    dir
}

fn told(dir: &Dir, file: &str) -> Vec<Value> {
    dir.text(file).lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
}

/// Which rules were broken and which gates wait, in an order of their own: gates run at once.
fn said(events: &[Value]) -> Vec<String> {
    let one = |event: &Value| format!("{} {} {}", event["event"], event["detail"]["gate"], event["detail"]["type"]);
    let mut said: Vec<String> = events.iter().map(|event| one(event).replace('"', "")).collect();
    said.sort();
    said
}

const ALL: [&str; 3] = [
    "approval_required look null",
    "violation_detected scope FORBIDDEN_ACTION",
    "violation_detected scope SCOPE_VIOLATION",
];

#[test]
fn a_file_and_a_command_are_told_what_their_kinds_let_through() {
    let command = "command = ['/bin/sh', '-c', '/bin/cat > told.txt']\nkinds = ['approval_required']\n";
    let dir = pipeline(&format!("[[events]]\nfile = 'events.jsonl'\n[[events]]\n{command}"));
    let ended = dir.run();
    ended.exits(1);
    assert!(!ended.stderr.contains("events-"), "{}", ended.stderr);
    let events = told(&dir, "events.jsonl");
    assert_eq!(said(&events), ALL);
    let scope = events.iter().find(|event| event["detail"]["type"] == "SCOPE_VIOLATION").expect("told");
    assert_eq!(scope["pipeline"], "e2e");
    assert_eq!(scope["run_id"], dir.decision()["runId"]);
    assert!(scope["detail"]["module"]["contentDigest"].is_string());
    assert!(!dir.text("events.jsonl").contains('\u{1b}'), "nothing that a terminal obeys is written");
    assert_eq!(said(&told(&dir, "told.txt")), ALL[..1]);
}

#[test]
fn a_command_that_is_told_outlives_the_commands_that_are_evidence() {
    let told = "[[events]]\ncommand = ['/bin/sh', '-c', '/bin/cat > told.txt']\n";
    let dir = pipeline(&format!("{told}[evidence.smoke]\ncommand = ['/bin/sh', '-c', 'echo ok']\n"));
    let manifest = dir.text("portcullis.toml").replacen(
        "input = { text = \"scope\" }",
        "input = { text = \"scope\", smoke = \"smoke\" }",
        1,
    );
    dir.write("portcullis.toml", manifest);
    dir.run().exits(1);
    assert_eq!(said(&self::told(&dir, "told.txt")), ALL);
}

#[test]
fn what_was_told_is_not_told_again_by_a_replay_or_for_a_run_that_had_ended() {
    let dir = pipeline("[[events]]\nfile = 'events.jsonl'\n");
    dir.run().exits(1);
    dir.portcullis(&["replay", "last"]).run().exits(0);
    dir.portcullis(&["resume", "last"]).run().exits(1);
    assert_eq!(said(&told(&dir, "events.jsonl")), ALL);
}

#[test]
fn a_server_that_is_not_there_takes_nothing_from_the_decision_and_is_told() {
    let dir = pipeline("[[events]]\nurl = 'http://127.0.0.1:1/hook'\nkinds = ['approval_required']\n");
    let ended = dir.run();
    ended.exits(1).says("no-go");
    assert!(ended.stderr.contains("[events-lost]"), "{}", ended.stderr);
    assert_eq!(dir.decision()["decision"], json!("no-go"));
}

#[test]
fn a_way_out_that_cannot_be_opened_is_told_before_anything_runs() {
    let dir = pipeline("[[events]]\nfile = 'folder'\n");
    std::fs::create_dir(dir.path("folder")).expect("a folder");
    dir.run().exits(3).refuses_with("events-not-a-file");
    dir.has_no_artifacts();
}
