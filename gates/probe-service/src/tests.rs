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
fn a_summary_says_what_is_wrong() {
    for (case, summary) in [
        ("api-any-2xx", "all 2 exchanges went as expected"),
        ("api-one-is-an-error", "GET http://127.0.0.1:8080/api: status 404"),
        ("api-refused", "GET http://127.0.0.1:8080/api: refused"),
        ("api-timeout-while-it-answers", "GET http://127.0.0.1:8080/api: timeout"),
        ("api-other-status", "GET http://127.0.0.1:8080/api: status 200, and 201 is expected"),
        ("api-other-value", "GET http://127.0.0.1:8080/api: `/status` is not as expected"),
        ("api-value-missing", "GET http://127.0.0.1:8080/api: `/status` is not there"),
        ("api-not-json", "GET http://127.0.0.1:8080/api: the response is not JSON"),
        ("api-cut", "GET http://127.0.0.1:8080/api: the response is cut"),
        ("api-sequence-ended-early", "1 of the expected exchanges did not take place"),
        ("effects-exactly", "3 changes, as expected"),
        ("effects-one-more", "0 expected changes are missing, and 1 change is not expected"),
        ("effects-one-missing", "1 expected change is missing, and 0 changes are not expected"),
        ("effects-nothing-to-see", "there is nothing before and nothing after"),
        ("effects-after-refused", "after: refused"),
        ("effects-before-is-an-error", "before: status 500"),
        ("effects-not-json", "before: the response is not JSON, or not whole"),
        ("browser-good", "2 steps, and no error"),
        ("browser-console-error", "0 of 2 steps failed, 1 error in the console"),
        ("browser-nothing-done", "nothing was done in the session"),
        ("browser-of-a-command-that-timed-out", "timeout"),
    ] {
        assert_eq!(evidence(case).summary, summary, "{case}");
    }
}

#[test]
fn what_was_seen_is_kept() {
    let none = r#"{"count":0,"first":[]}"#;
    let one = |text: &str| format!(r#"{{"count":1,"first":["{text}"]}}"#);
    let effects = |missing: &str, unexpected: &str| {
        let [created, changed, removed] = ["out/d", "a", "b"].map(one);
        format!(
            r#"{{"created":{created},"changed":{changed},"removed":{removed},"missing":{missing},"unexpected":{unexpected}}}"#
        )
    };
    for (case, payload) in [
        (
            "api-other-status",
            format!(
                r#"{{"exchanges":[{{"method":"GET","url":"http://127.0.0.1:8080/api","outcome":"completed","status":200,"failures":{}}}],"expected":1}}"#,
                one("status 200, and 201 is expected")
            ),
        ),
        ("effects-exactly", effects(none, none)),
        ("effects-one-more", effects(none, &one("b"))),
        ("effects-one-missing", effects(&one("e"), none)),
        (
            "browser-console-error",
            format!(
                r#"{{"steps":2,"failed_steps":{none},"console":2,"console_errors":{}}}"#,
                one("TypeError: x is undefined")
            ),
        ),
    ] {
        assert_eq!(evidence(case).payload.get(), payload, "{case}");
    }
}

#[test]
fn evidence_says_how_long_it_took() {
    for (case, seconds) in [
        ("api-any-2xx", 0.2),
        ("effects-of-exchanges", 0.2),
        ("effects-exactly", 0.0),
        ("browser-good", 2.5),
        ("browser-of-a-command", 0.412),
    ] {
        assert_eq!(evidence(case).duration_seconds, seconds, "{case}");
    }
}
