use portcullis_sdk::Finding;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    digest::Digest,
    findings::{BaselineState, Classification, File, Files, Fingerprints, Found, Phase, Scan, Scanned, Stamp},
    judge::ResultCode,
};

const AT: &str = "2026-01-10T00:00:00+00:00";

fn stamp() -> Stamp {
    AT.parse().expect("a time")
}

fn found(path: &str, finding: Finding) -> Found {
    let fingerprints = Fingerprints::of(&finding, path, Some("x: f()"));
    Found { finding, fingerprints, state: None, suppressed: None }
}

fn file(path: &str, code: ResultCode, line: Option<u32>, message: &str) -> (String, Scanned) {
    let finding = Finding { line, ..Finding::error(code.name(), message) };
    let findings = if code == ResultCode::Success { vec![] } else { vec![found(path, finding)] };
    let fingerprint = findings.first().map(|found| found.fingerprints.v1);
    let message = message.to_owned();
    let scanned = Scanned { code, phase: Phase::Parse, message, line, fingerprint, suppressed: false, findings };
    (path.to_owned(), scanned)
}

fn files() -> [(String, Scanned); 4] {
    let mut two = file("flows/b.aether", ResultCode::ValidationError, Some(7), "unknown function 'launch'");
    two.1.findings.push(found("flows/b.aether", Finding::note("legacy-intent", "write `goal:`").on_line(1)));
    let mut passed = file("flows/c.aether", ResultCode::ParseError, Some(2), "Unbalanced parentheses line 2: f((");
    passed.1.suppressed = true;
    [
        file("flows/a.aether", ResultCode::Success, None, ""),
        two,
        passed,
        file("flows/d \u{1b}.aether", ResultCode::IoError, None, "it is not there any more"),
    ]
}

fn scan() -> Scan {
    let files = files().into_iter().collect();
    let (module, content) = ("aether-workflow 1.0.0".to_owned(), Digest::of(b"module"));
    Scan { timestamp: stamp().0, module, content, publisher: Some("own".to_owned()), files }
}

/// The scan as its classification has it.
fn classified(scan: &Scan) -> Value {
    let of = |file: File<'_>| {
        json!({"path": file.path, "ok": file.ok(), "category": file.category(), "error": file.message, "code": file.code.number(),
            "code_name": file.code.name(), "phase": file.phase, "line": file.line, "fingerprint": file.fingerprint,
            "suppressed": file.suppressed, "fingerprints": file.named()})
    };
    let files: Vec<Value> = scan.files.iter().map(of).collect();
    json!({"workflows": files, "summary": {"total": 4, "failed": 2, "timestamp": AT}})
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("JSON") + "\n"
}

#[test]
fn a_baseline_has_every_file_and_the_lasting_name_of_every_error() {
    let written = text(&document(&scan()));
    assert_eq!(written, include_str!("../testdata/parse_baseline.json"));
    let classified = classified(&scan()).to_string();
    let read = Classification::read(classified.as_bytes()).expect("a scan");
    assert_eq!(text(&document_of(&read)), written, "from what the scan left too");
}

#[test]
fn a_baseline_of_what_a_scan_left_says_that_nobody_vouches_for_its_validator() {
    let verified = classified(&scan());
    for (tool, unverified) in [
        (json!({"name": "a", "verified": false}), true),
        (json!({"name": "a"}), true),
        (json!({"name": "a", "verified": true}), false),
        (Value::Null, false),
    ] {
        let mut classified = verified.clone();
        classified["tool"] = tool.clone();
        let read = Classification::read(classified.to_string().as_bytes()).expect("a scan");
        let written = serde_json::to_value(document_of(&read)).expect("JSON");
        assert_eq!(written.get("unverified"), unverified.then_some(&json!(true)), "{tool}");
    }
}

#[test]
fn a_rate_has_four_places_and_nothing_of_nothing_is_nothing() {
    for (failed, total, expect) in [(1_800, 2_700, 0.6667), (1, 3, 0.3333), (0, 5, 0.0), (5, 5, 1.0), (0, 0, 0.0)] {
        assert_eq!(rate(failed, total), expect, "{failed}/{total}");
    }
    let empty = Scan { files: Files::default(), ..scan() };
    let expect = json!({"timestamp": AT, "total": 0, "by_code": {}, "failure_rate": 0.0, "files": [], "findings": []});
    assert_eq!(serde_json::to_value(document(&empty)).expect("JSON"), expect);
}

#[test]
fn a_baseline_is_read_back_and_a_cut_one_is_an_error_at_every_length() {
    let written = text(&document(&scan()));
    let read = Baseline::read(written.as_bytes()).expect("read");
    assert_eq!(read.count(ResultCode::ValidationError), 1);
    assert_eq!(read.count(ResultCode::ParseError), 0, "what is let pass is counted apart");
    for length in 0..written.len() - 1 {
        assert!(Baseline::read(&written.as_bytes()[..length]).is_err(), "{length}");
    }
}

#[test]
fn nothing_else_is_taken_for_a_baseline() {
    let check = |text: &str, expect: Result<u64, &str>| {
        let found = Baseline::read(text.as_bytes()).map(|read| read.count(ResultCode::ParseError));
        let found = found.map_err(|error| error.to_string());
        match (&found, expect) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
            _ => assert_eq!(found.as_ref().map_err(String::as_str).copied(), expect, "{text}"),
        }
    };
    check(r#"{"by_code":{"PARSE_ERROR":3}}"#, Ok(3));
    check(r#"{"by_code":{"PARSE_ERROR":{"count":3,"examples":["a"]},"SUCCESS":1}}"#, Ok(3));
    check(r#"{"total":0,"by_code":{}}"#, Ok(0));
    check(
        r#"{"timestamp":"2025-09-13T10:15:22.123456+00:00","total":9,"by_code":{"PARSE_ERROR":3,"SUCCESS":6}}"#,
        Ok(3),
    );
    for (text, part) in [
        ("", "empty"),
        ("{}", "missing field `by_code`"),
        ("[]", "it is a list"),
        ("null", "something else"),
        (r#"{"by_code":{}}"#, "it counts nothing"),
        (r#"{"total":3,"by_code":{}}"#, "it counts none of 3 files"),
        (r#"{"total":3,"by_code":{"PARSE_ERROR":4}}"#, "it counts 4 of 3 files"),
        (r#"{"total":0,"by_code":{},"files":[{"path":"a","code_name":"SUCCESS"}]}"#, "it lists 1 of 0 files"),
        (r#"{"by_code":{"PARSE_ERROR":-3}}"#, "something else"),
        (r#"{"by_code":{"PARSE_ERROR":3.5}}"#, "something else"),
        (r#"{"by_code":{"PARSE_ERROR":"3"}}"#, "something else"),
        (r#"{"by_code":{"PARSE_ERROR":3,"PARSE_ERROR":0}}"#, "counted twice"),
        (r#"{"by_code":{"PARSE_ERROR":3},"by_code":{}}"#, "duplicate field"),
        (r#"{"by_code":[3]}"#, "something else"),
        (r#"{"by_code":{"PARSE_ERROR":3},"failure_rate":1.5}"#, "failure rate"),
        (r#"{"by_code":{"PARSE_ERROR":3},"timestamp":"yesterday"}"#, "offset"),
        (r#"{"by_code":{"PARSE_ERROR":3},"findings":["x"]}"#, "16 hex digits"),
        (r#"{"workflows":[],"summary":{"total":0,"failed":0}}"#, "by_code"),
        (r#"{"by_code":{"A":18446744073709551615,"B":1},"total":7}"#, "it counts 18446744073709551615 of 7 files"),
    ] {
        check(text, Err(part));
    }
}

fn state(known: &Known, (path, file): &(String, Scanned)) -> Vec<BaselineState> {
    file.findings.iter().map(|found| known.state_of(&found.fingerprints, path)).collect()
}

#[test]
fn a_run_tells_what_is_new() {
    use BaselineState::{New, Unchanged};
    let scan = scan();
    let known = Baseline::read(text(&document(&scan)).as_bytes()).expect("read").known().expect("listed");
    let files = files();
    assert_eq!(state(&known, &files[1]), [Unchanged, New], "notes are not in a baseline");
    assert_eq!(state(&known, &files[2]), [Unchanged], "nor do suppressions make anything new");
    let moved = file("flows/b.aether", ResultCode::ValidationError, Some(70), "unknown function 'launch'");
    assert_eq!(state(&known, &moved), [Unchanged]);
    let elsewhere = file("flows/e.aether", ResultCode::ValidationError, Some(7), "unknown function 'launch'");
    assert_eq!(state(&known, &elsewhere), [New]);
}

#[test]
fn an_older_baseline_is_matched_by_what_it_lists() {
    use BaselineState::{New, Unchanged};
    let older = r#"{"timestamp":"2025-09-13T10:15:22Z","total":2,"by_code":{"VALIDATION_ERROR":1,"SUCCESS":1},"failure_rate":0.5,
        "files":[{"path":".\\flows\\b.aether","code_name":"VALIDATION_ERROR","line":7,"message":"unknown function 'launch'"}]}"#;
    let known = Baseline::read(older.as_bytes()).expect("read").known().expect("listed");
    assert_eq!(state(&known, &files()[1]), [Unchanged, New]);
    let moved = file("flows/b.aether", ResultCode::ValidationError, Some(8), "unknown function 'launch'");
    assert_eq!(state(&known, &moved), [New]);
    let elsewhere = file("flows/e.aether", ResultCode::ValidationError, Some(7), "unknown function 'launch'");
    assert_eq!(state(&known, &elsewhere), [New], "the same words in another file are another finding");
}

#[test]
fn a_baseline_that_does_not_list_what_it_counts_tells_nobody_what_is_new() {
    for text in [
        r#"{"by_code":{"PARSE_ERROR":3}}"#,
        r#"{"by_code":{"PARSE_ERROR":3},"files":[]}"#,
        r#"{"by_code":{"Suppressed-PARSE_ERROR":3},"findings":[]}"#,
        r#"{"total":0,"by_code":{}}"#,
    ] {
        let read = Baseline::read(text.as_bytes()).expect(text);
        assert_eq!(read.known().map_err(|error| error.code()), Err("baseline-unreadable"), "{text}");
    }
    let clean = r#"{"by_code":{"SUCCESS":3},"findings":[]}"#;
    assert!(Baseline::read(clean.as_bytes()).expect("read").known().is_ok());
}

fn counted(parse: u64, validation: u64, internal: u64) -> Baseline {
    let codes =
        json!({"PARSE_ERROR": parse, "VALIDATION_ERROR": validation, "INTERNAL_ERROR": internal, "IO_ERROR": 900});
    Baseline::read(json!({"by_code": codes}).to_string().as_bytes()).expect("a baseline")
}

#[test]
fn the_answer_is_that_of_older_tools() {
    let found = compare(&counted(1_810, 42, 0), &counted(1_800, 30, 0), Thresholds::default(), stamp());
    let expect = json!({
        "ok": false,
        "timestamp": AT,
        "new_counts": {"PARSE_ERROR": 1810, "VALIDATION_ERROR": 42},
        "ref_counts": {"PARSE_ERROR": 1800, "VALIDATION_ERROR": 30},
        "abs_threshold": 5,
        "rel_threshold": 0.1,
        "regressions": [{"code": "VALIDATION_ERROR", "old": 30, "new": 42, "delta": 12, "relative_increase": 0.4}],
    });
    assert_eq!(text(&found), text(&expect));
}

#[test]
fn more_is_a_regression_only_above_both_thresholds() {
    for (old, new, expect) in [
        (0, 5, false),
        (0, 6, true),
        (50, 55, false),
        (50, 56, true),
        (60, 66, false),
        (60, 67, true),
        (70, 77, false),
        (1_800, 1_980, false),
        (1_800, 1_981, true),
        (9, 0, false),
        (u64::MAX, u64::MAX, false),
        (0, u64::MAX, true),
    ] {
        let found = compare(&counted(new, 0, 0), &counted(old, 0, 0), Thresholds::default(), stamp());
        assert_eq!(!found.ok, expect, "{old} -> {new}");
    }
    let found =
        compare(&counted(100, 0, 0), &Baseline::of_nothing(), Thresholds { absolute: 0, relative: 1.0 }, stamp());
    assert!(found.ok, "where there were none, the increase is 1 and no more");
}

#[test]
fn a_failure_of_the_tool_that_is_new_is_a_regression_at_once() {
    let with = |internal: &[&str]| {
        let files = internal.iter().map(|path| file(path, ResultCode::InternalError, None, "trap")).collect();
        Baseline::read(text(&document(&Scan { files, ..scan() })).as_bytes()).expect("read")
    };
    let check = |new: &[&str], before: &[&str], expect: bool| {
        let patient = Thresholds { absolute: 1_000, relative: 1_000.0 };
        let found = compare(&with(new), &with(before), patient, stamp());
        let codes: Vec<&str> = found.regressions.iter().map(|one| one.code).collect();
        assert_eq!(codes == ["INTERNAL_ERROR"], expect, "{before:?} -> {new:?}");
        assert_eq!(found.ok, !expect);
    };
    check(&["a"], &[], true);
    check(&["a"], &["a"], false);
    check(&["a", "b"], &["a"], true);
    check(&["b"], &["a"], true);
    check(&[], &["a"], false);
    assert!(!compare(&counted(0, 0, 2), &counted(0, 0, 1), Thresholds::default(), stamp()).ok, "by counts alone");
    assert!(compare(&counted(0, 0, 2), &counted(0, 0, 2), Thresholds::default(), stamp()).ok);
}

/// The rule in exact numbers: `delta > abs`, and `delta / old > rel` with `rel` in thousandths, or 1 where `old` is 0.
fn naive(old: u64, new: u64, absolute: u64, thousandths: u64) -> bool {
    let delta = i128::from(new) - i128::from(old);
    let is_relative = if old == 0 { 1_000 > thousandths } else { delta * 1_000 > i128::from(old * thousandths) };
    delta > i128::from(absolute) && is_relative
}

proptest! {
    #[test]
    fn comparing_is_the_rule_and_nothing_else(
        parse in (0..400_u64, 0..400_u64),
        validation in (0..400_u64, 0..400_u64),
        absolute in 0..20_u64,
        thousandths in 0..1_500_u64,
    ) {
        let thresholds = Thresholds { absolute, relative: thousandths as f64 / 1_000.0 };
        let (old, new) = (counted(parse.0, validation.0, 0), counted(parse.1, validation.1, 0));
        let found = compare(&new, &old, thresholds, stamp());
        let codes: Vec<&str> = found.regressions.iter().map(|one| one.code).collect();
        let rules = [("PARSE_ERROR", parse), ("VALIDATION_ERROR", validation)];
        let expect: Vec<&str> =
            rules.into_iter().filter(|(_, (old, new))| naive(*old, *new, absolute, thousandths)).map(|(code, _)| code).collect();
        prop_assert_eq!(found.ok, expect.is_empty());
        prop_assert_eq!(codes, expect);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>, cut in 0..2_000_usize) {
        let _ = Baseline::read(&bytes);
        let _ = Classification::read(&bytes);
        let mut written = text(&document(&scan())).into_bytes();
        let cut = cut.min(written.len());
        written.splice(cut..cut, bytes);
        let _ = Baseline::read(&written);
    }
}
