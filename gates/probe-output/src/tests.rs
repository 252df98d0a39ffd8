use portcullis_sdk::{RuntimeEvidence, testing};

use super::judge;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

fn evidence(case: &str) -> RuntimeEvidence {
    testing::evidence(judge, CASES, case)
}

#[test]
fn the_cases_hold() {
    testing::cases(judge, CASES);
}

#[test]
fn a_summary_says_what_differs() {
    for (case, summary) in [
        ("golden-equal", "standard output is as expected"),
        ("golden-differs", "standard output differs in line 2"),
        ("golden-exit-1", "exit code 1"),
        ("golden-cut", "standard output is cut"),
        ("golden-timeout", "timeout"),
        ("fixture-same", "all 2 expected files are there as they should be"),
        ("fixture-different", "1 files differ, 0 are missing, 0 are not expected"),
        ("fixture-unexpected", "0 files differ, 0 are missing, 1 are not expected"),
        ("hash-other", "`out/frame.png` is another than expected"),
        ("hash-gone", "`out/frame.png` is not there"),
        ("hash-link", "`out/frame.png` is a link"),
        ("trace-equal", "all 3 expected events are there"),
        ("trace-one-more", "2 of 2 expected events are there; the trace leaves them at 2"),
        ("trace-out-of-order", "1 of 2 expected events are there; the trace leaves them at 3"),
        ("trace-of-a-command-without-data", "it wrote no list of events"),
    ] {
        assert_eq!(evidence(case).summary, summary, "{case}");
    }
}

#[test]
fn what_differs_is_kept() {
    for (case, payload) in [
        (
            "golden-differs",
            r#"{"argv":["./app","--smoke"],"exit_code":0,"outcome":"completed","stdout_bytes":7,"expected_bytes":7,"difference":{"line":2,"expected":"yes","found":"not"}}"#,
        ),
        (
            "fixture-unexpected",
            r#"{"files":2,"expected":1,"different":{"count":0,"first":[]},"missing":{"count":0,"first":[]},"unexpected":{"count":1,"first":["b"]}}"#,
        ),
        (
            "hash-gone",
            r#"{"path":"out/frame.png","expected":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","found":null}"#,
        ),
    ] {
        assert_eq!(evidence(case).payload.get(), payload, "{case}");
    }
    let trace = evidence("trace-out-of-order").payload;
    assert!(trace.get().ends_with(r#""at":3,"found":null}}"#), "{trace}");
}

#[test]
fn a_fault_names_the_part_of_the_request() {
    for (case, reason) in [
        ("golden-misspelt-param", "bad input: params: unknown field `trim`"),
        ("golden-missing", "bad input: input: expected: expected a string, found null"),
        ("hash-without-path", "bad input: params: missing field `path`"),
        ("fixture-not-below-its-root", "bad input: input: files: `outer/a` does not lie below `out`"),
        ("no-kind", "bad input: params: missing field `kind`"),
    ] {
        let fault = testing::case(judge, CASES, case).expect_err("it is a fault").to_string();
        assert!(fault.starts_with(reason), "{case}: {fault}");
    }
}

#[test]
fn evidence_says_how_long_the_command_ran() {
    for (case, seconds) in [("golden-equal", 0.412), ("trace-of-a-command", 0.412), ("trace-equal", 0.0)] {
        assert_eq!(evidence(case).duration_seconds, seconds, "{case}");
    }
}
