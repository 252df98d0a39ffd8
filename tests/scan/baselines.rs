//! `baseline write` and `diff`: whether more is wrong than before, and that nothing broken is ever taken for nothing wrong.

use serde_json::{Value, json};

use super::{MODULE, NOW, dir, scan, with_flows};
use crate::harness::{Dir, Ended};

fn diff(dir: &Dir, more: &[&str]) -> Ended {
    dir.portcullis(&[&["baseline", "diff", "--new", "new.json", "--ref", "ref.json", "--now", NOW], more].concat())
        .run()
}

/// A baseline with so many files of each code, and nothing more than older tools wrote.
fn counting(counts: &Value) -> String {
    json!({"timestamp": "2025-09-13T10:15:22.123456+00:00", "total": 3_000, "by_code": counts, "failure_rate": 0.5})
        .to_string()
}

#[test]
fn a_baseline_is_written_by_a_scan_and_from_what_a_scan_left_alike() {
    let dir = with_flows(&[("a", "foo(1)\n:\n"), ("b", "bar(1)\n"), ("c", "goal: x\n")]);
    dir.write("s.txt", "0000000000000000\n");
    scan(&dir, &["--output", "baseline=one.json", "--output", "classification=c.json"]).run().exits(1);
    let written = dir.portcullis(&["baseline", "write", "--scan", "c.json", "--out", "two.json"]).run();
    written.exits(0).says("two.json  3 files, failure rate 0.6667");
    assert_eq!(dir.text("one.json"), dir.text("two.json"));
    let told = dir.json("one.json");
    let members: Vec<&String> = told.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["timestamp", "total", "by_code", "failure_rate", "files", "findings"]);
    assert_eq!(told["by_code"], json!({"PARSE_ERROR": 1, "SUCCESS": 1, "VALIDATION_ERROR": 1}));
    assert_eq!((&told["total"], &told["failure_rate"]), (&json!(3), &json!(0.6667)));
    assert_eq!(
        told["files"][0],
        json!({"path": "flows/a.aether", "ok": false, "code": 20, "code_name": "PARSE_ERROR", "line": 2, "message": "Parse error (assignment) line 2: :"})
    );
    let findings: Vec<&str> = told["findings"].as_array().expect("names").iter().filter_map(Value::as_str).collect();
    assert!(findings.len() == 3 && findings.is_sorted(), "{findings:?}");
    for (arguments, code) in [
        (["--scan", "c.json", "--out", "./c.json"], "output-is-input"),
        (["--scan", "gone.json", "--out", "x.json"], "file-missing"),
        (["--scan", "one.json", "--out", "x.json"], "scan-unreadable"),
        (["--scan", "s.txt", "--out", "x.json"], "scan-unreadable"),
    ] {
        dir.portcullis(&[&["baseline", "write"][..], &arguments].concat()).run().exits(2).refuses_with(code);
    }
    dir.portcullis(&["baseline", "write", "--scan", "c.json", "--out", "gone/x.json"]).run().exits(3);
    assert!(!dir.has("x.json"));
}

#[test]
fn more_is_a_regression_only_when_it_is_above_both_thresholds() {
    let dir = Dir::new();
    let cases: [(u64, u64, &[&str], i32); 16] = [
        (100, 100, &[], 0),
        (100, 90, &[], 0),
        (100, 110, &[], 0), // a tenth is not above a tenth
        (100, 111, &[], 1),
        (10, 15, &[], 0), // five are not above five
        (10, 16, &[], 1),
        (1_000, 1_099, &[], 0),
        (0, 5, &[], 0),
        (0, 6, &[], 1), // of none, any is all
        (100, 101, &["--abs-threshold", "0", "--rel-threshold", "0"], 1),
        (100, 100, &["--abs-threshold", "0", "--rel-threshold", "0"], 0),
        (10, 16, &["--abs-threshold", "6"], 0),
        (10, 16, &["--rel-threshold", "0.6"], 0),
        (10, 16, &["--rel-threshold", "0.59"], 1),
        (0, 900, &["--rel-threshold", "1"], 0),
        (0, 900, &["--rel-threshold", "0.999"], 1),
    ];
    for (old, new, more, status) in cases {
        for code in ["PARSE_ERROR", "VALIDATION_ERROR"] {
            dir.write("ref.json", counting(&json!({code: old, "SUCCESS": 1})));
            // Each form in which counts are written, on either side.
            dir.write("new.json", counting(&json!({code: {"count": new, "examples": ["a"]}, "SUCCESS": {"count": 1}})));
            let told = diff(&dir, more).exits(status).json();
            assert_eq!((&told["ok"], &told["new_counts"][code]), (&json!(status == 0), &json!(new)), "{old} {new}");
            assert_eq!(told["ref_counts"][code], old);
            assert_eq!(told["timestamp"], "2026-01-10T00:00:00+00:00");
            let regressions = told["regressions"].as_array().expect("a list");
            assert_eq!(regressions.len() as i32, status, "{old} {new} {more:?}: {told}");
            if let [regression] = &regressions[..] {
                let delta = new - old;
                let relative = if old == 0 { 1.0 } else { delta as f64 / old as f64 };
                let expect =
                    json!({"code": code, "old": old, "new": new, "delta": delta, "relative_increase": relative});
                assert_eq!(*regression, expect);
            }
        }
    }
    for wrong in
        [["--abs-threshold", "-1"], ["--rel-threshold", "nan"], ["--rel-threshold", "-0.1"], ["--rel-threshold", "inf"]]
    {
        diff(&dir, &wrong).exits(2);
    }
}

#[test]
fn a_failure_of_the_tool_that_is_new_is_a_regression_at_once_and_other_codes_are_none() {
    let dir = Dir::new();
    for (old, new, status) in [
        (json!({"SUCCESS": 9}), json!({"SUCCESS": 8, "INTERNAL_ERROR": 1}), 1),
        (json!({"INTERNAL_ERROR": 1}), json!({"INTERNAL_ERROR": 1}), 0),
        (json!({"INTERNAL_ERROR": 2}), json!({"INTERNAL_ERROR": 1, "SUCCESS": 1}), 0),
        (json!({"SUCCESS": 900}), json!({"IO_ERROR": 900}), 0),
        (json!({"SUCCESS": 900}), json!({"Suppressed-PARSE_ERROR": 900}), 0),
        (json!({"SUCCESS": 900}), json!({"PARSE_ERROR": 10, "INTERNAL_ERROR": 1, "VALIDATION_ERROR": 7}), 1),
    ] {
        dir.write("ref.json", counting(&old));
        dir.write("new.json", counting(&new));
        let told = diff(&dir, &[]).exits(status).json();
        assert_eq!(told["regressions"].as_array().map(Vec::is_empty), Some(status == 0), "{told}");
    }
    let told = diff(&dir, &[]).exits(1).json();
    let codes: Vec<&Value> = told["regressions"].as_array().expect("a list").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["PARSE_ERROR", "VALIDATION_ERROR", "INTERNAL_ERROR"]);
    // The same number on another file is new as well.
    let on = |path: &str| {
        let file = json!({"path": path, "ok": false, "code": 27, "code_name": "INTERNAL_ERROR", "line": null, "message": "trap"});
        json!({"total": 1, "by_code": {"INTERNAL_ERROR": 1}, "files": [file]}).to_string()
    };
    dir.write("ref.json", on("a"));
    dir.write("new.json", on("b"));
    diff(&dir, &[]).exits(1);
}

#[test]
fn a_missing_reference_counts_as_nothing_wrong_unless_it_has_to_be_there() {
    let dir = Dir::new();
    dir.write("new.json", counting(&json!({"PARSE_ERROR": 5})));
    let ended = diff(&dir, &[]);
    assert_eq!(ended.exits(0).json()["ref_counts"], json!({"PARSE_ERROR": 0, "VALIDATION_ERROR": 0}));
    assert!(ended.stderr.contains("`ref.json` does not exist"), "{ended}");
    diff(&dir, &["--require-ref"]).exits(2).refuses_with("file-missing");
    dir.write("new.json", counting(&json!({"PARSE_ERROR": 6})));
    diff(&dir, &[]).exits(1);
    std::fs::rename(dir.path("new.json"), dir.path("ref.json")).expect("moved");
    diff(&dir, &[]).exits(2).refuses_with("file-missing");
}

/// Texts that are no baseline, of which none may be taken for one in which nothing is wrong.
pub(super) fn broken_baselines() -> Vec<Vec<u8>> {
    let whole = r#"{"timestamp":"2026-01-10T00:00:00+00:00","total":2,"by_code":{"PARSE_ERROR":1,"SUCCESS":1},"failure_rate":0.5,"files":[],"findings":["a1b2c3d4e5f67890"]}"#;
    let mut broken: Vec<Vec<u8>> =
        (0..whole.len()).step_by(7).map(|length| whole.as_bytes()[..length].to_vec()).collect();
    let texts: [&[u8]; 14] = [
        b"\n",
        b"\0\0\0\0",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"\"text\"",
        br#"{"total":2,"by_code":{}}"#,
        br#"{"total":0,"by_code":{"PARSE_ERROR":1}}"#,
        br#"{"by_code":{"PARSE_ERROR":-1}}"#,
        br#"{"by_code":{"PARSE_ERROR":1,"PARSE_ERROR":2}}"#,
        br#"{"workflows":[],"summary":{"total":0,"failed":0,"timestamp":"2026-01-10T00:00:00+00:00"}}"#,
        br#"{"total":1,"by_code":{"SUCCESS":1},"findings":["nothing"]}"#,
        br#"{"total":1,"by_code":{"SUCCESS":1},"timestamp":"yesterday"}"#,
    ];
    broken.extend(texts.map(<[u8]>::to_vec));
    broken
}

#[test]
fn what_is_cut_empty_or_something_else_is_never_taken_for_a_baseline() {
    let dir = dir();
    dir.write("flows/a.aether", "goal: x\n");
    let good = counting(&json!({"SUCCESS": 9}));
    for (number, bytes) in broken_baselines().iter().enumerate() {
        let told = String::from_utf8_lossy(bytes).into_owned();
        for (broken, whole) in [("new.json", "ref.json"), ("ref.json", "new.json")] {
            dir.write(whole, &good);
            dir.write(broken, bytes);
            let ended = diff(&dir, &[]);
            assert_eq!(ended.status, Some(2), "{told:?}\n{ended}");
            ended.refuses_with("baseline-unreadable");
            assert!(ended.stdout.is_empty() && ended.stderr.contains(broken), "{ended}");
        }
        // One in ten is enough for the slower command.
        if number % 10 == 0 {
            scan(&dir, &["--baseline", "ref.json"]).run();
            dir.write("main.json", bytes);
            scan(&dir, &["--baseline", "main.json"]).run().exits(2).refuses_with("baseline-unreadable");
        }
    }
    dir.write("ref.json", &good);
    dir.write("new.json", &good);
    diff(&dir, &[]).exits(0);
    std::fs::create_dir(dir.path("folder")).expect("made");
    scan(&dir, &["--baseline", "folder"]).run().exits(2).refuses_with("not-a-file");
}

#[test]
fn a_baseline_says_of_a_validator_that_nobody_verified_that_it_is_none() {
    let dir = with_flows(&[("a", "foo(1)\n"), ("b", "goal: x\n")]);
    let outputs = ["--output", "baseline=one.json", "--output", "classification=c.json", "--now", NOW];
    for (trust, unverified) in [(&["--unverified"][..], Some(json!(true))), (&["--trust", "trust.toml"], None)] {
        dir.portcullis(&[&["scan", MODULE, "flows"], trust, &outputs].concat()).run().exits(1);
        dir.portcullis(&["baseline", "write", "--scan", "c.json", "--out", "two.json"]).run().exits(0);
        for file in ["one.json", "two.json"] {
            assert_eq!(dir.json(file).get("unverified"), unverified.as_ref(), "{file} {trust:?}");
        }
        assert_eq!(dir.text("one.json"), dir.text("two.json"));
        // It is a baseline all the same: whoever made it said so.
        let held = ["--baseline", "two.json", "--fail-on", "new"];
        scan(&dir, &held).run().exits(0).says("0 new");
    }
}
