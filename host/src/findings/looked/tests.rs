//! What a file comes to, whatever was said of it, and that nothing lets a fault pass.

use jiff::civil::{Date, date};
use portcullis_sdk::Answer;

use super::*;
use crate::findings::baseline::Baseline;

const TODAY: Date = date(2026, 1, 10);
const ANY: Rules<'_> = Rules { suppressions: None, known: None, fail_on: FailOn::Any, today: TODAY };
const PATH: &str = "flows/a.aether";
const TEXT: &[u8] = b"goal: x\nfoo(1)\n: y\n";

/// An answer with errors, `CODE LINE` each, and `more` members.
fn answer(verdict: &str, errors: &[&str], more: &str) -> Outcome {
    let errors = errors.iter().map(|error| {
        let (code, line) = error.split_once(' ').expect("a code and a line");
        format!(r#"{{"code":"{code}","severity":"error","message":"{code} in line {line}","line":{line}}}"#)
    });
    let errors = errors.collect::<Vec<_>>().join(",");
    said(&format!(r#"{{"verdict":"{verdict}","findings":[{errors}]{more}}}"#))
}

fn fail(errors: &[&str]) -> Outcome {
    answer("fail", errors, "")
}

fn said(json: &str) -> Outcome {
    Outcome::Answered(serde_json::from_str::<Answer>(json).expect("an answer"))
}

fn fault(cause: Cause) -> Outcome {
    Outcome::Fault(Fault { cause, message: "why".to_owned() })
}

fn reached(limit: Limit) -> Cause {
    Cause::Limit(Exceeded { limit, used: 2, allowed: 1 })
}

fn look(text: &[u8], outcome: Outcome, rules: &Rules<'_>) -> Looked {
    let document = Document::of(Digest::of(text), text.to_vec());
    let judgement = Judgement { outcome, usage: Usage::default(), notes: String::new() };
    Looked::at(PATH, &document, judgement, rules, &mut Used::default())
}

/// `CODE phase LINE message`, with a star where it counts as suppressed.
fn status(looked: Looked) -> String {
    let Scanned { code, phase, line, message, suppressed, .. } = looked.scanned();
    let line = line.map_or("-".to_owned(), |line| line.to_string());
    let star = if suppressed { "*" } else { "" };
    format!("{star}{} {phase:?} {line} {message}", code.name())
}

fn suppressions(text: &str) -> Suppressions {
    Suppressions::parse(text.as_bytes()).expect("suppressions")
}

/// The names of what is found when `outcome` is said of the text.
fn names(outcome: Outcome) -> Vec<Fingerprints> {
    look(TEXT, outcome, &ANY).findings.into_iter().map(|found| found.fingerprints).collect()
}

/// A baseline that has exactly what is found when `outcome` is said of the text.
fn baseline(outcome: Outcome) -> Known {
    let names: Vec<String> = names(outcome).iter().map(|names| format!("\"{}\"", names.v2)).collect();
    let text = format!(r#"{{"total":1,"by_code":{{"PARSE_ERROR":1}},"findings":[{}]}}"#, names.join(","));
    Baseline::read(text.as_bytes()).and_then(|baseline| baseline.known()).expect("a baseline")
}

#[test]
fn a_files_status_is_its_first_parse_error_else_its_first_validation_error_else_its_first_error() {
    let quiet = r#","findings":[{"code":"PARSE_ERROR","severity":"warning","message":"m","line":1},{"code":"VALIDATION_ERROR","severity":"note","message":"m"}]"#;
    for (outcome, expect) in [
        (answer("pass", &[], ""), "SUCCESS Parse - "),
        (answer("not_applicable", &[], ""), "SUCCESS Parse - "),
        (said(&format!(r#"{{"verdict":"pass"{quiet}}}"#)), "SUCCESS Parse - "),
        (
            fail(&["IO_ERROR 1", "VALIDATION_ERROR 1", "PARSE_ERROR 2", "PARSE_ERROR 3"]),
            "PARSE_ERROR Parse 2 PARSE_ERROR in line 2",
        ),
        (
            fail(&["odd 1", "VALIDATION_ERROR 2", "VALIDATION_ERROR 3"]),
            "VALIDATION_ERROR Parse 2 VALIDATION_ERROR in line 2",
        ),
        (fail(&["RUNTIME_ERROR 2", "odd 1"]), "RUNTIME_ERROR Parse 2 RUNTIME_ERROR in line 2"),
        (fail(&["odd 1"]), "GENERIC_FAILURE Parse 1 odd in line 1"),
        // Whatever a validator calls it, an error is no success.
        (fail(&["SUCCESS 3"]), "GENERIC_FAILURE Parse 3 SUCCESS in line 3"),
        (said(r#"{"verdict":"fail","summary":"so"}"#), "GENERIC_FAILURE Parse - so"),
        (said(r#"{"verdict":"review","summary":"so"}"#), "GENERIC_FAILURE Parse - so"),
    ] {
        let looked = look(TEXT, outcome, &ANY);
        assert_eq!(looked.fails(FailOn::Any), !expect.starts_with("SUCCESS"), "{expect}");
        assert_eq!(status(looked), expect);
    }
}

#[test]
fn what_kept_a_file_from_being_judged_is_its_status_also_where_its_bytes_are_no_text() {
    for (cause, expect) in [
        (Cause::Trap, "INTERNAL_ERROR Execute - trap: why"),
        (Cause::Exit(2), "INTERNAL_ERROR Execute - exit-status: why"),
        (Cause::Malformed, "INTERNAL_ERROR Execute - malformed-answer: why"),
        (Cause::Internal, "INTERNAL_ERROR Execute - internal: why"),
        (reached(Limit::Memory), "INTERNAL_ERROR Execute - memory-limit: why"),
        (reached(Limit::Fuel), "TIMEOUT_ERROR Execute - fuel-exhausted: why"),
        (reached(Limit::Time), "TIMEOUT_ERROR Execute - time-limit: why"),
        (Cause::Interrupted, "TIMEOUT_ERROR Execute - interrupted: why"),
        (reached(Limit::Input), "IO_ERROR Read - input-limit: why"),
        (Cause::Evidence, "IO_ERROR Read - evidence-missing: why"),
    ] {
        for text in [TEXT, b"\xff"] {
            let looked = look(text, fault(cause), &ANY);
            assert!(looked.fault().is_some() && !looked.fails(FailOn::Any), "a fault is no verdict: {expect}");
            assert_eq!(status(looked), expect);
        }
        let unread = Looked::unread(PATH, Fault { cause, message: "why".to_owned() });
        assert_eq!((unread.seen, unread.findings.len()), (None, 1));
        assert_eq!(status(unread), expect);
    }
}

#[test]
fn a_finding_is_let_pass_by_either_name_and_what_is_left_gives_the_status() {
    let said = || fail(&["VALIDATION_ERROR 2", "PARSE_ERROR 3"]);
    let [validation, parse] = names(said()).try_into().expect("two findings");
    for (text, expect) in [
        (format!("{}", parse.v1), "VALIDATION_ERROR Parse 2 VALIDATION_ERROR in line 2"),
        (format!("{}", validation.v2), "PARSE_ERROR Parse 3 PARSE_ERROR in line 3"),
        (format!("{}\n{}", parse.v2, validation.v1), "*PARSE_ERROR Parse 3 PARSE_ERROR in line 3"),
        (format!("{}\n{} expires=2026-01-10", parse.v2, validation.v1), "*PARSE_ERROR Parse 3 PARSE_ERROR in line 3"),
        (
            format!("{}\n{} expires=2026-01-09", parse.v2, validation.v1),
            "VALIDATION_ERROR Parse 2 VALIDATION_ERROR in line 2",
        ),
        ("0000000000000000".to_owned(), "PARSE_ERROR Parse 3 PARSE_ERROR in line 3"),
    ] {
        let suppressions = suppressions(&text);
        let rules = Rules { suppressions: Some(&suppressions), ..ANY };
        let looked = look(TEXT, said(), &rules);
        assert_eq!(looked.fails(FailOn::Any), !expect.starts_with('*'), "{text}");
        assert_eq!(status(looked), expect, "{text}");
    }
}

#[test]
fn neither_a_fault_nor_a_failure_of_the_tool_nor_a_fail_for_no_finding_is_let_pass() {
    let check = r#","checks":[{"id":"it_holds","passed":false}]"#;
    let numbered = r#"{"verdict":"fail","findings":[{"code":"odd","number":27,"severity":"error","message":"m"}]}"#;
    for outcome in [
        fault(Cause::Trap),
        fault(reached(Limit::Fuel)),
        fault(reached(Limit::Input)),
        fail(&["INTERNAL_ERROR 1"]),
        said(numbered),
        answer("fail", &["PARSE_ERROR 1"], check),
    ] {
        let all: Vec<String> =
            names(outcome.clone()).iter().map(|names| format!("{}\n{}\n", names.v1, names.v2)).collect();
        let suppressions = suppressions(&all.concat());
        let known = baseline(outcome.clone());
        let rules = Rules { suppressions: Some(&suppressions), known: Some(&known), fail_on: FailOn::New, ..ANY };
        let looked = look(TEXT, outcome, &rules);
        assert!(looked.fault().is_some() || looked.fails(FailOn::New), "{looked:?}");
        let scanned = looked.scanned();
        assert!(scanned.failed() && !scanned.suppressed, "{scanned:?}");
    }
}

#[test]
fn only_what_the_baseline_does_not_have_decides_where_only_what_is_new_does() {
    let known = baseline(fail(&["PARSE_ERROR 3"]));
    let rules = Rules { known: Some(&known), fail_on: FailOn::New, ..ANY };
    let moved: &[u8] = b"# one line more\ngoal: x\nfoo(1)\n: y\n";
    let changed: &[u8] = b"goal: x\nfoo(1)\n: z\n";
    for (text, errors, states, fails) in [
        (TEXT, &["PARSE_ERROR 3"][..], &[BaselineState::Unchanged][..], false),
        (moved, &["PARSE_ERROR 4"], &[BaselineState::Unchanged], false),
        (changed, &["PARSE_ERROR 3"], &[BaselineState::New], true),
        (TEXT, &["VALIDATION_ERROR 3"], &[BaselineState::New], true),
        (TEXT, &["PARSE_ERROR 3", "PARSE_ERROR 2"], &[BaselineState::Unchanged, BaselineState::New], true),
    ] {
        let looked = look(text, fail(errors), &rules);
        assert_eq!((looked.fails(FailOn::New), looked.fails(FailOn::Any)), (fails, true), "{errors:?}");
        let found: Vec<BaselineState> = looked.findings.iter().filter_map(|found| found.state).collect();
        assert_eq!(found, states, "{errors:?}");
    }
    assert!(look(TEXT, said(r#"{"verdict":"fail"}"#), &rules).fails(FailOn::New));
}

#[test]
fn bytes_that_are_no_text_are_a_finding_where_they_stand_and_the_rest_is_looked_at() {
    for (text, byte, line) in [
        (&b"\xff"[..], 0, 1),
        (b"ab\xffcd\xfe", 2, 1),
        (b"one\r\ntwo\n\xc3(", 9, 3),
        ("ä\nö\u{fffd}\n".as_bytes(), usize::MAX, 0),
        (b"one\ntwo\xe2\x82", 7, 2),
        (b"one\n\xed\xa0\x80", 4, 2),
    ] {
        let looked = look(text, answer("pass", &[], ""), &ANY);
        assert_eq!(looked.seen, Some((Digest::of(text), text.len() as u64)));
        let is_text = byte == usize::MAX;
        assert_eq!((looked.findings.is_empty(), looked.fails(FailOn::Any)), (is_text, !is_text), "{text:?}");
        let expect = format!("IO_ERROR Parse {line} the file is not UTF-8 at byte {byte}");
        assert_eq!(status(looked), if is_text { "SUCCESS Parse - ".to_owned() } else { expect });
    }
    let looked = look(b"a\n\xff\nfoo(1)\n", fail(&["VALIDATION_ERROR 3"]), &ANY);
    let names: Vec<(u32, &Fingerprints)> =
        looked.findings.iter().map(|found| (found.line.expect("a line"), &found.fingerprints)).collect();
    assert_eq!(names.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(*names[1].1, Fingerprints::of(&looked.findings[1], PATH, Some("foo(1)")));
    assert_eq!(status(looked), "VALIDATION_ERROR Parse 3 VALIDATION_ERROR in line 3");
}

#[test]
fn a_finding_is_in_the_file_that_was_looked_at_and_on_no_line_that_is_not_there() {
    let elsewhere = r#"{"verdict":"fail","findings":[{"code":"X","severity":"error","message":"m","path":"/etc/passwd","line":4000000000},{"code":"Y","severity":"error","message":"m","line":1}]}"#;
    let looked = look(b"one", said(elsewhere), &ANY);
    assert!(looked.findings.iter().all(|found| found.path.as_deref() == Some(PATH)));
    assert_eq!(looked.findings[0].fingerprints, Fingerprints::of(&looked.findings[0], PATH, None));
    assert_eq!(looked.findings[1].fingerprints, Fingerprints::of(&looked.findings[1], PATH, Some("one")));
}
