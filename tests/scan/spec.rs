//! The check of `.aether` workflows, line by line of what is written about it, through the built gate.

use serde_json::json;

use super::{MODULE, NOW, comes_to, dir, scan, with_flows};
use crate::harness::{Dir, Ended};

const FINE: &str = "SUCCESS parse -";

/// One file a text, and what it comes to behind `parse`: `CODE parse LINE MESSAGE`.
#[track_caller]
fn check(cases: &[(&str, &str)], more: &[&str]) {
    let dir = dir();
    let names: Vec<String> = (0..cases.len()).map(|number| format!("{number:03}.aether")).collect();
    for (name, (text, _)) in names.iter().zip(cases) {
        dir.write(format!("flows/{name}"), text);
    }
    let expected: Vec<(&str, &str)> =
        names.iter().zip(cases).map(|(name, (_, expect))| (name.as_str(), *expect)).collect();
    let ended = scan(&dir, &[&["--status-json"], more].concat()).run();
    ended.exits(i32::from(cases.iter().any(|(_, expect)| *expect != FINE)));
    comes_to(&ended, &expected);
}

#[test]
fn each_rule_lets_through_what_it_says() {
    let built_ins: Vec<String> = [
        "reflect",
        "summarize",
        "load_logs",
        "store",
        "detect_anomalies",
        "escalate_to",
        "run_plugin",
        "evaluate_confidence",
        "self_heal",
        "narrate",
        "load_feature_index",
        "available_plugins",
        "check_confidence",
    ]
    .iter()
    .map(|name| format!("{name}(1)\nx: {name}()\nmemory: {name}(\"a\", b)\n"))
    .collect();
    let mut cases: Vec<(&str, &str)> = built_ins.iter().map(|text| (text.as_str(), FINE)).collect();
    for text in [
        "",
        "\n \t \n",
        "# foo((1)\n   # : x\n",
        "goal:\n",
        "goal: foo(1) : ((\n  goal: x\n",
        "memory: words\nmemory:\n",
        "x: y\nx:\nx: a foo(1)\nx: foo(1) then\nx: (1)\n",
        "if x: foo(1)\nfor x in y: foo(1)\n",
        "anything else\nfoo (1)\n(1)\n()\nstore)1(\nfoo((1\n",
        "store(1)\r\nx: y\r\n",
    ] {
        cases.push((text, FINE));
    }
    check(&cases, &[]);
}

#[test]
fn each_rule_finds_what_it_says_on_the_line_where_it_stands() {
    check(
        &[
            ("goal: x\nmemory: foo(1)\n", "VALIDATION_ERROR parse 2 unknown function 'foo'"),
            ("memory:\tfoo(1)", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            (": store(1)\n", "PARSE_ERROR parse 1 Parse error (assignment) line 1: : store(1)"),
            ("\n# one\n\n   :   x  \n", "PARSE_ERROR parse 4 Parse error (assignment) line 4: :   x"),
            ("x: foo(1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("x: foo(a: b)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("x: foo((1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("iffy: foo(1)\nforum: bar(1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("foo(1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("Store(1)\n", "VALIDATION_ERROR parse 1 unknown function 'Store'"),
            ("größe(1)\n", "VALIDATION_ERROR parse 1 unknown function 'größe'"),
            ("store((1)\n", "PARSE_ERROR parse 1 Unbalanced parentheses line 1: store((1)"),
            ("  foo(1))  \n", "PARSE_ERROR parse 1 Unbalanced parentheses line 1: foo(1))"),
            ("if foo((1)\n", "PARSE_ERROR parse 1 Unbalanced parentheses line 1: if foo((1)"),
            // The first parse error goes before any validation error; of each, the first.
            ("foo(1)\n:\nstore((1)\n", "PARSE_ERROR parse 2 Parse error (assignment) line 2: :"),
            ("foo(1)\nbar(1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("store(1)\r\n\r\nfoo(1)\r\n: x\r\n", "PARSE_ERROR parse 4 Parse error (assignment) line 4: : x"),
            ("\u{feff}foo(1)\n", "VALIDATION_ERROR parse 1 unknown function 'foo'"),
            ("foo\0(1)\n: a\0\n", "PARSE_ERROR parse 2 Parse error (assignment) line 2: : a\0"),
        ],
        &[],
    );
}

#[test]
fn a_parameter_adds_built_ins_and_advice_decides_nothing() {
    let all = r#"{"builtins":["foo"],"unknown_variables":true,"reserved_words":true,"legacy":true}"#;
    let advised = "intent: tidy\nremember: store(1)\nin: 1\nstore(gone)\n";
    let cases = [
        ("foo(1)\nx: foo(1)\n", FINE),
        ("bar(1)\n", "VALIDATION_ERROR parse 1 unknown function 'bar'"),
        (advised, FINE),
    ];
    check(&cases, &["--params", all]);
    let dir = with_flows(&[("a", advised)]);
    let log = scan(&dir, &["--params", all, "--output", "sarif"]).run().exits(0).json();
    let results = log["runs"][0]["results"].as_array().expect("results").clone();
    let told: Vec<_> = results.iter().map(|result| (result["ruleId"].as_str(), result["level"].as_str())).collect();
    let note = |rule| (Some(rule), Some("note"));
    assert_eq!(told, [note("LEGACY_KEY"), note("LEGACY_KEY"), note("RESERVED_WORD"), note("UNKNOWN_VARIABLE")]);
    // What nobody told the gate how to take is no verdict.
    scan(&dir, &["--params", r#"{"builtin":[]}"#, "--status-json"]).run().exits(3).says("unknown field `builtin`");
}

#[test]
fn all_findings_of_a_file_are_reported_and_not_only_the_one_that_is_its_status() {
    let dir = with_flows(&[("a", "foo(1)\n:\nbar(1)\nstore((1)\n"), ("b", "goal: x\n")]);
    let log = scan(&dir, &["--output", "sarif"]).run().exits(1).json();
    let results = log["runs"][0]["results"].as_array().expect("results").clone();
    let line = |result: &serde_json::Value| result["locations"][0]["physicalLocation"]["region"]["startLine"].clone();
    assert_eq!(results.iter().map(line).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn the_code_of_each_file_is_told_on_stderr_in_their_order_when_asked_for() {
    let dir = with_flows(&[("a", ": x\n"), ("b", "goal: x\n"), ("c", "foo(1)\n")]);
    std::os::unix::fs::symlink("/dev/null", dir.path("flows/d.aether")).expect("a link");
    dir.write("flows/e.aether", vec![b'x'; 2_000]);
    let codes = |ended: &Ended| -> Vec<String> {
        ended.stderr.lines().filter(|line| line.starts_with("AETHER_ERROR_CODE:")).map(str::to_owned).collect()
    };
    let ended = scan(&dir, &["--emit-error-code", "--input-limit", "1KiB"]).run();
    assert_eq!(codes(ended.exits(1)), ["20", "0", "25", "26"].map(|code| format!("AETHER_ERROR_CODE:{code}")));
    assert!(codes(scan(&dir, &[]).run().exits(1)).is_empty());
}

#[test]
fn the_status_is_what_the_files_come_to_in_the_worst_case() {
    let of = |flows: &[(&str, &str)], status: i32| {
        scan(&with_flows(flows), &["--input-limit", "1KiB"]).run().exits(status);
    };
    let large = "x".repeat(2_000);
    of(&[("a", "goal: x\n")], 0);
    of(&[("a", "goal: x\n"), ("b", "foo(1)\n")], 1);
    of(&[("a", "goal: x\n"), ("b", &large)], 3);
    of(&[("a", "foo(1)\n"), ("b", &large)], 1);
}

/// One gate of a manifest over the same files: the pattern is relative to the manifest's folder.
fn gate(dir: &Dir, more: &str) {
    dir.manifest(&format!("[gate.flows]\nmodule = '{}'\neach = 'flows/**/*.aether'\n{more}", MODULE));
}

#[test]
fn a_gate_over_the_same_files_comes_to_one_outcome_that_is_the_scans() {
    let large = "x".repeat(2_000);
    for (flows, outcome, code, status) in [
        (&[("a", "goal: x\n"), ("b/c", "store(1)\n")][..], "pass", "SUCCESS", 0),
        (&[("a", "goal: x\n"), ("b", "foo(1)\n")], "fail", "VALIDATION_ERROR", 1),
        (&[("a", "foo(1)\n"), ("b", ":\n"), ("c", &large)], "fail", "PARSE_ERROR", 1),
        (&[("a", "goal: x\n"), ("b", &large)], "fault", "IO_ERROR", 3),
    ] {
        let dir = with_flows(flows);
        gate(&dir, "limits = { input = '1KiB' }\n");
        dir.portcullis(&["run", "--now", NOW]).run().exits(status);
        let decision = dir.decision();
        let judged = &decision["gates"][0];
        assert_eq!((&judged["outcome"], &judged["codeName"]), (&json!(outcome), &json!(code)), "{judged}");
        // By the gate's name, which brings its files, limits and trust, as by the module.
        let by_name = dir.portcullis(&["scan", "flows", "--now", NOW, "--status-json"]).run();
        let by_module = scan(&dir, &["--input-limit", "1KiB", "--status-json"]).run();
        assert_eq!(by_name.exits(status).stdout, by_module.exits(status).stdout);
        let found = |name: &str| {
            judged["findings"].as_array().expect("findings").iter().map(|it| it[name].clone()).collect::<Vec<_>>()
        };
        let failed: Vec<_> =
            by_module.json_lines().iter().filter(|line| line["ok"] == false).map(|line| line["file"].clone()).collect();
        let mut paths = found("path");
        paths.dedup();
        assert_eq!(paths, failed);
    }
}
