//! Validators that misbehave on some files: what they do to one file stays with that file.

use serde_json::json;

use super::{NOW, comes_to, scan_by, statuses};
use crate::harness::{Dir, Ended, PASS, hex};

const MOODY: &str = include_str!("../guests/moody.wat");

/// A folder with the validator that does what each file's first letter says.
fn moody(flows: &[(&str, &str)]) -> Dir {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", MOODY);
    for (name, text) in flows {
        dir.write(format!("flows/{name}.aether"), text);
    }
    dir
}

/// A folder with the validator that answers what each file spells, and files that spell those answers.
fn parrot(answers: &[(&str, &[u8])]) -> Dir {
    let dir = Dir::new();
    dir.parrot("validator");
    for (name, answer) in answers {
        dir.write(format!("flows/{name}.aether"), hex(answer));
    }
    dir
}

fn asked(dir: &Dir, module: &str) -> Ended {
    scan_by(dir, module, &["--status-json", "--fuel", "20M"]).run()
}

#[test]
fn a_validator_that_fails_on_some_files_fails_on_no_other() {
    let dir = moody(&[
        ("a", "pass"),
        ("b", "trap"),
        ("c", "spin"),
        ("d", "memory"),
        ("e", "leave"),
        ("f", "nothing"),
        ("g", "gibberish"),
        ("h", "recurse"),
        ("i", ""),
    ]);
    let found = statuses(asked(&dir, "moody.wasm").exits(3));
    let expect = [
        ("a", "SUCCESS parse -"),
        ("b", "INTERNAL_ERROR execute - trap: "),
        ("c", "TIMEOUT_ERROR execute - fuel-exhausted: "),
        ("d", "INTERNAL_ERROR execute - memory-limit: "),
        ("e", "INTERNAL_ERROR execute - exit-status: "),
        ("f", "INTERNAL_ERROR execute - malformed-answer: "),
        ("g", "INTERNAL_ERROR execute - malformed-answer: "),
        ("h", "INTERNAL_ERROR execute - stack-limit: "),
        ("i", "SUCCESS parse -"),
    ];
    assert_eq!(found.len(), expect.len());
    for (found, (name, expect)) in found.iter().zip(expect) {
        assert!(found.starts_with(&format!("flows/{name}.aether {expect}")), "{found}");
    }
}

#[test]
fn one_trap_in_a_thousand_files_is_one_result_of_a_thousand() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", MOODY);
    for number in 0..1_000 {
        dir.write(format!("flows/{number:04}.aether"), if number == 617 { "trap" } else { "pass" });
    }
    for jobs in ["1", "4"] {
        let ended = scan_by(&dir, "moody.wasm", &["--jobs", jobs, "--output", "classification"]).run();
        let told = ended.exits(3).json();
        let categories = &told["summary"]["categories"];
        assert_eq!((&categories["SUCCESS"]["count"], &told["summary"]["failed"]), (&json!(999), &json!(1)));
        assert_eq!(categories["INTERNAL_ERROR"], json!({"count": 1, "examples": ["flows/0617.aether"]}));
    }
}

#[test]
fn time_that_runs_out_on_one_file_is_told_as_time() {
    let dir = moody(&[("a", "spin"), ("b", "pass")]);
    let ended = scan_by(&dir, "moody.wasm", &["--status-json", "--fuel", "1T", "--time", "200ms"]).run();
    let found = statuses(ended.exits(3));
    assert!(found[0].starts_with("flows/a.aether TIMEOUT_ERROR execute - time-limit: "), "{ended}");
    assert_eq!(found[1], "flows/b.aether SUCCESS parse -");
}

#[test]
fn answers_that_are_none_cost_their_own_file_alone() {
    let many = format!(r#"{{"verdict":"pass","next_actions":[{}""]}}"#, "\"\",".repeat(10_001));
    let odd = br#"{"verdict":"fail","findings":[{"code":"odd","severity":"error","message":"no","path":"/etc/passwd","line":9}]}"#;
    let dir = parrot(&[
        ("a", PASS.as_bytes()),
        ("b", b"{"),
        ("c", b"[]"),
        ("d", b"\xff"),
        ("e", br#"{"verdict":"pass"}{"verdict":"pass"}"#),
        ("f", br#"{"verdict":"pass","findings":[{"code":"X","severity":"error","message":"m"}]}"#),
        ("g", many.as_bytes()),
        ("h", br#"{"verdict":"review"}"#),
        ("i", br#"{"verdict":"not_applicable"}"#),
        ("j", br#"{"verdict":"fail","summary":"for no finding"}"#),
        ("k", br#"{"verdict":"fail","findings":[{"code":"SUCCESS","severity":"error","message":"m"}]}"#),
        ("l", odd),
    ]);
    let found = statuses(asked(&dir, "parrot-validator.wasm").exits(1));
    for (found, name) in found.iter().zip('a'..) {
        let expect = match name {
            'a' | 'i' => "SUCCESS parse -",
            'l' => "GENERIC_FAILURE parse 9 no",
            _ => "INTERNAL_ERROR execute - malformed-answer: ",
        };
        assert!(found.starts_with(&format!("flows/{name}.aether {expect}")), "{found}");
    }
    // Where it stands is what the host looked at, whatever the validator says.
    let dir = parrot(&[("a", odd)]);
    let log = scan_by(&dir, "parrot-validator.wasm", &["--output", "sarif"]).run().exits(1).json();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        *place,
        json!({"artifactLocation": {"uri": "flows/a.aether", "uriBaseId": "SRCROOT"}, "region": {"startLine": 9}})
    );
}

#[test]
fn a_failure_of_the_tool_is_the_status_also_where_the_file_is_no_text() {
    let dir = moody(&[]);
    dir.write("flows/a.aether", b"trap \xff");
    let ended = asked(&dir, "moody.wasm");
    let found = statuses(ended.exits(3));
    assert!(found[0].starts_with("flows/a.aether INTERNAL_ERROR execute - trap: "), "{ended}");
}

#[test]
fn what_a_validator_says_is_shown_harmlessly_in_every_form() {
    let evil = "\u{1b}]0;owned\u{7}\r\n::error::x\u{202e} | **x** [a](b) {0} <script>";
    let answer = json!({"verdict": "fail", "findings": [
        {"code": evil, "severity": "error", "message": evil, "fix": evil, "pointer": format!("/{evil}"), "line": 4_294_967_295_u32},
        {"code": "W", "severity": "warning", "message": evil},
    ]});
    let dir = parrot(&[("a", answer.to_string().as_bytes())]);
    for form in ["text", "classification", "markdown", "baseline", "sarif", "status"] {
        let ended = scan_by(&dir, "parrot-validator.wasm", &["--output", form]).run();
        ended.exits(1);
        assert!(!ended.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{ended}");
        assert!(!(form == "markdown" && ended.stdout.contains("<script>")), "{ended}");
    }
}

#[test]
fn a_gate_that_traps_on_one_file_gives_no_verdict_and_one_that_fails_one_fails() {
    for (flows, outcome, code, status) in [
        (&[("a", "pass"), ("b", "trap")][..], "fault", "INTERNAL_ERROR", 3),
        (&[("a", "spin"), ("b", "pass")], "fault", "TIMEOUT_ERROR", 3),
        (&[("a", "pass"), ("b", "pass")], "pass", "SUCCESS", 0),
    ] {
        let dir = moody(flows);
        dir.manifest("[gate.g]\nmodule = 'moody.wasm'\neach = 'flows/*.aether'\nlimits = { fuel = '20M' }\n");
        dir.portcullis(&["run", "--now", NOW]).run().exits(status);
        let judged = dir.decision()["gates"][0].clone();
        assert_eq!((&judged["outcome"], &judged["codeName"]), (&json!(outcome), &json!(code)), "{judged}");
        dir.portcullis(&["scan", "g", "--now", NOW]).run().exits(status);
    }
}

#[test]
fn a_file_sees_no_other_and_no_more_than_the_validators_clock() {
    let dir = Dir::new();
    // It looks for the name that it is told as well.
    dir.gate("name.wasm", "validator", include_str!("../guests/looks-around.wat"));
    for name in ["a", "b"] {
        dir.write(format!("flows/{name}.aether"), "");
    }
    let ended = asked(&dir, "name.wasm");
    comes_to(&ended, &[("a.aether", "SUCCESS parse -"), ("b.aether", "SUCCESS parse -")]);
    // Each call starts from a memory of its own: what the clock and the dice say is the same for every file.
    dir.gate("dice.wasm", "validator", include_str!("../guests/clock-and-random.wat"));
    comes_to(&asked(&dir, "dice.wasm"), &[("a.aether", "SUCCESS parse -"), ("b.aether", "SUCCESS parse -")]);
}
