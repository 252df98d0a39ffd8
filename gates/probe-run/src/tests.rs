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
fn a_summary_says_how_it_ended() {
    for (case, summary) in [
        ("headless-exit-0", "exit code 0 after 412 ms"),
        ("headless-exit-2", "exit code 2 after 412 ms"),
        ("headless-timeout", "timeout after 30.0 s"),
        ("headless-killed", "killed by signal 9 after 412 ms"),
        ("headless-past-its-budget", "exit code 0 after 412 ms, past its budget of 411 ms"),
        ("tests-named-and-one-failed", "exit code 0 after 412 ms: 1 tests passed, 1 failed (b)"),
        ("tests-report-is-none", "what it wrote is no report of tests"),
        ("tests-report-cannot-be-read", "its report cannot be read: stdout is cut after 1048576 bytes"),
        ("parity-one-broken", "1 that passed before fail after and 0 are gone: b"),
        ("parity-one-gone", "0 that passed before fail after and 1 are gone: b"),
        ("parity-nothing-passed-before", "nothing is known to have passed before"),
        ("parity-after-timed-out", "after: timeout"),
    ] {
        assert_eq!(evidence(case).summary, summary, "{case}");
    }
}

#[test]
fn a_run_is_kept_with_the_beginning_of_what_it_wrote() {
    for (case, payload) in [
        (
            "headless-exit-2",
            r#"{"argv":["./app","--smoke"],"exit_code":2,"stdout_preview":"ok\n","stderr_preview":"no display\n","outcome":"completed"}"#,
        ),
        (
            "headless-timeout",
            r#"{"argv":["./app","--smoke"],"exit_code":null,"stdout_preview":"ok\n","stderr_preview":"","outcome":"timeout"}"#,
        ),
        (
            "tests-named",
            r#"{"argv":["./app","--smoke"],"exit_code":0,"stdout_preview":"ok\n","stderr_preview":"","outcome":"completed","tests":{"passed":2,"failed":0}}"#,
        ),
    ] {
        assert_eq!(evidence(case).payload.get(), payload, "{case}");
    }
    let much = evidence("headless-writes-much").payload;
    let expect = format!("\"stdout_preview\":\"{}… [truncated, 17 more chars]\"", "é".repeat(2_000));
    assert!(much.get().contains(&expect), "{much}");
}

#[test]
fn a_comparison_is_kept_with_the_tests_that_are_worse_off() {
    let kept = evidence("parity-one-broken");
    let run = |exit_code, tests| {
        format!(r#"{{"argv":["./app","--smoke"],"exit_code":{exit_code},"outcome":"completed","tests":{tests}}}"#)
    };
    let (before, after) = (run(0, r#"{"passed":2,"failed":0}"#), run(1, r#"{"passed":1,"failed":1}"#));
    let rest = r#""broken":{"count":1,"first":["b"]},"gone":{"count":0,"first":[]}"#;
    assert_eq!(kept.payload.get(), format!(r#"{{"before":{before},"after":{after},{rest}}}"#));
}

#[test]
fn evidence_says_how_long_the_command_ran() {
    for (case, seconds) in [("headless-exit-0", 0.412), ("parity-same", 0.824), ("parity-reports", 0.0)] {
        assert_eq!(evidence(case).duration_seconds, seconds, "{case}");
    }
}
