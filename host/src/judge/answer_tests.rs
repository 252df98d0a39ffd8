//! What is an answer and what is not, one line a case.

use portcullis_sdk::{Kind, Verdict};

use super::*;

const FAILED_CHECK: &str = r#""checks":[{"id":"a","passed":true},{"id":"b","passed":false,"failure":"b_missing"}]"#;
const HELD_CHECK: &str = r#""checks":[{"id":"a","passed":true}]"#;
const ERROR: &str = r#""findings":[{"code":"PARSE_ERROR","number":20,"severity":"error","message":"m","line":3}]"#;
const WARNING: &str = r#""findings":[{"code":"odd","severity":"warning","message":"m"}]"#;
const VIOLATION: &str = r#""violations":[{"type":"SCOPE_VIOLATION","detail":"d"}]"#;

fn seen(passed: bool) -> String {
    format!(
        r#""evidence":[{{"probe_kind":"headless_run","passed":{passed},"summary":"s","duration_seconds":0.5,"payload":{{}}}}]"#
    )
}

fn answer(verdict: &str, parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!(",{part}")).collect();
    format!(r#"{{"verdict":"{verdict}"{parts}}}"#)
}

#[track_caller]
fn refused(kind: Kind, stdout: &[u8]) -> String {
    read_answer(kind, stdout).expect_err("no answer").to_string()
}

#[test]
fn every_kind_gives_its_verdicts_for_reasons_that_bear_them_out() {
    use Kind::{Gate, Probe, Readiness, Validator};
    let (good, bad) = (seen(true), seen(false));
    let (good, bad) = (good.as_str(), bad.as_str());
    let cases: &[(Kind, &str, &[&str], Option<&str>)] = &[
        (Readiness, "pass", &[HELD_CHECK], None),
        (Readiness, "pass", &[HELD_CHECK, WARNING], None),
        (Readiness, "fail", &[FAILED_CHECK], None),
        (Readiness, "pass", &[], Some("a readiness gate has to name at least one check")),
        (Readiness, "pass", &[FAILED_CHECK], Some("the verdict is pass, but check `b` failed")),
        (Readiness, "fail", &[HELD_CHECK], Some("the verdict is fail, but every check holds")),
        (Readiness, "fail", &[HELD_CHECK, ERROR], Some("the verdict is fail, but every check holds")),
        (Readiness, "review", &[HELD_CHECK], Some("a readiness gate cannot answer review")),
        (Readiness, "not_applicable", &[HELD_CHECK], Some("a readiness gate cannot answer not_applicable")),
        (Gate, "pass", &[], None),
        (Gate, "pass", &[WARNING, HELD_CHECK], None),
        (Gate, "fail", &[ERROR], None),
        (Gate, "fail", &[VIOLATION], None),
        (Gate, "review", &[], None),
        (Gate, "review", &[FAILED_CHECK], None),
        (Gate, "not_applicable", &[], None),
        (Gate, "fail", &[], Some("the verdict is fail, but no failed check, error finding or violation says why")),
        (
            Gate,
            "fail",
            &[WARNING],
            Some("the verdict is fail, but no failed check, error finding or violation says why"),
        ),
        (Gate, "pass", &[ERROR], Some("the verdict is pass, but finding `PARSE_ERROR` is an error")),
        (Gate, "pass", &[VIOLATION], Some("the verdict is pass, but violation `SCOPE_VIOLATION` was seen")),
        (Gate, "not_applicable", &[FAILED_CHECK], Some("the verdict is not_applicable, but check `b` failed")),
        (Gate, "pass", &[good], Some("a gate gives no runtime evidence; only a probe does")),
        (Validator, "pass", &[WARNING], None),
        (Validator, "fail", &[ERROR], None),
        (Validator, "not_applicable", &[], None),
        (Validator, "pass", &[ERROR], Some("the verdict is pass, but finding `PARSE_ERROR` is an error")),
        (Validator, "fail", &[WARNING], Some("the verdict is fail, but no finding is an error")),
        (Validator, "fail", &[FAILED_CHECK], Some("the verdict is fail, but no finding is an error")),
        (Validator, "review", &[], Some("a validator cannot answer review")),
        (Probe, "pass", &[good], None),
        (Probe, "fail", &[bad], None),
        (Probe, "fail", &[VIOLATION], None),
        (Probe, "pass", &[bad], Some("the verdict is pass, but evidence `headless_run` did not pass")),
        (Probe, "pass", &[], Some("the verdict is pass, and a probe passes only on runtime evidence")),
        (
            Probe,
            "fail",
            &[good],
            Some("the verdict is fail, but no failed evidence, check, error finding or violation says why"),
        ),
        (Probe, "review", &[good], Some("a probe cannot answer review")),
    ];
    for (kind, verdict, parts, expect) in cases {
        let text = answer(verdict, parts);
        let reason = read_answer(*kind, text.as_bytes()).err().map(|malformed| malformed.to_string());
        assert_eq!(reason.as_deref(), *expect, "{kind:?} {text}");
    }
}

#[test]
fn output_that_is_not_exactly_one_document_is_told_apart_and_placed() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "the gate wrote no answer"),
        (b" \n\t", "the gate wrote no answer"),
        (b"{\"verdict\":\"pa\xffss\"}", "the answer is not UTF-8 (line 1, column 15 of stdout)"),
        (b"\n ready", "the answer is not a JSON object (line 2, column 2 of stdout)"),
        (b"[\"pass\"]", "the answer is not a JSON object (line 1, column 1 of stdout)"),
        (b"\xef\xbb\xbf{\"verdict\":\"pass\"}", "the answer is not a JSON object (line 1, column 1 of stdout)"),
        (
            b"{\"verdict\":\"pass\"}{\"verdict\":\"pass\"}",
            "the answer goes on after its document (line 1, column 19 of stdout)",
        ),
        (b"{\"verdict\":\"pass\"}\n\nok", "the answer goes on after its document (line 3, column 1 of stdout)"),
        (
            b"{\"verdict\":\"pass\"",
            "the answer does not parse: EOF while parsing an object (line 1, column 17 of stdout)",
        ),
        (b"{}", "the answer does not parse: missing field `verdict` (line 1, column 2 of stdout)"),
        (
            b"{\"verdict\":\"go\"}",
            "the answer does not parse: unknown variant `go`, expected one of `pass`, `fail`, `review`, `not_applicable` (line 1, column 15 of stdout)",
        ),
        (
            b"{\"verdict\":\"pass\",\"verdict\":\"pass\"}",
            "the answer does not parse: duplicate field `verdict` (line 1, column 27 of stdout)",
        ),
        (
            b"{\"verdict\":\"pass\",\"checks\":[[\"a\",true]]}",
            "the answer does not parse: invalid type: sequence, expected an object (line 1, column 28 of stdout)",
        ),
        (
            b"{\"verdict\":\"pass\",\"checks\":[{\"id\":\"a\",\"passed\":1}]}",
            "the answer does not parse: invalid type: integer `1`, expected a boolean (line 1, column 48 of stdout)",
        ),
    ];
    for (stdout, expect) in cases {
        assert_eq!(refused(Kind::Gate, stdout), *expect, "{}", String::from_utf8_lossy(stdout));
    }
    assert!(read_answer(Kind::Gate, b" {\"verdict\":\"pass\"} \r\n").is_ok());
}

#[test]
fn unknown_names_refuse_an_answer_at_every_level() {
    for parts in [
        r#""extra":1"#,
        r#""checks":[{"id":"a","passed":true,"extra":1}]"#,
        r#""findings":[{"code":"a","severity":"note","message":"m","extra":1}]"#,
        r#""violations":[{"type":"a","detail":"d","extra":1}]"#,
    ] {
        assert!(refused(Kind::Gate, answer("pass", &[parts]).as_bytes()).contains("unknown field `extra`"), "{parts}");
    }
}

#[test]
fn a_part_that_makes_no_sense_refuses_the_answer() {
    let probe = |part: &str| answer("pass", &[&format!(r#""evidence":[{{{part}}}]"#)]);
    let cases = [
        (answer("pass", &[r#""checks":[{"id":" ","passed":true}]"#]), "the id of a check is empty"),
        (
            answer("fail", &[r#""findings":[{"code":"PARSE_ERROR","number":25,"severity":"error","message":"m"}]"#]),
            "finding `PARSE_ERROR` has number 25, and that code is 20",
        ),
        (
            answer("pass", &[r#""findings":[{"code":"SUCCESS","severity":"note","message":"m"}]"#]),
            "a finding is called `SUCCESS`",
        ),
        (
            answer("fail", &[r#""findings":[{"code":"x","severity":"error","message":"m","line":0}]"#]),
            "finding `x` is on line 0, and lines count from 1",
        ),
        (
            answer("fail", &[r#""findings":[{"code":"x","severity":"error","message":"m","pointer":"a"}]"#]),
            "the pointer of finding `x` does not start with `/`",
        ),
        (
            probe(r#""probe_kind":"","passed":true,"summary":"","duration_seconds":0,"payload":{}"#),
            "the probe_kind of evidence is empty",
        ),
        (
            probe(r#""probe_kind":"a","passed":true,"summary":"","duration_seconds":-1e-9,"payload":{}"#),
            "evidence `a` took a negative or endless time",
        ),
        (
            probe(r#""probe_kind":"a","passed":true,"summary":"","duration_seconds":0,"payload":[]"#),
            "the payload of evidence `a` is not an object",
        ),
        (
            answer("pass", &[r#""details":{"a":[{"b":1,"b":2}]}"#]),
            "details: the answer does not parse: duplicate field `b`",
        ),
    ];
    for (text, expect) in cases {
        let kind = if text.contains("evidence") { Kind::Probe } else { Kind::Gate };
        assert_eq!(refused(kind, text.as_bytes()), expect, "{text}");
    }
    let boolean = probe(r#""probe_kind":"a","passed":true,"summary":"","duration_seconds":true,"payload":{}"#);
    assert!(refused(Kind::Probe, boolean.as_bytes()).contains("invalid type: boolean `true`, expected f64"));
    let endless = probe(r#""probe_kind":"a","passed":true,"summary":"","duration_seconds":1e999,"payload":{}"#);
    assert!(refused(Kind::Probe, endless.as_bytes()).contains("number out of range"));
    let nan = br#"{"verdict":"pass","details":{"a":NaN}}"#;
    assert!(refused(Kind::Gate, nan).starts_with("the answer does not parse: expected value"));
}

#[test]
fn sizes_are_capped_before_they_cost_anything() {
    let nested = |depth: usize| format!(r#"{{"verdict":"pass","details":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(read_answer(Kind::Gate, nested(127).as_bytes()).is_ok());
    let reason = refused(Kind::Gate, nested(128).as_bytes());
    assert_eq!(reason, "the answer nests deeper than 128 (line 1, column 156 of stdout)");
    assert!(refused(Kind::Gate, nested(1_000_000).as_bytes()).starts_with("the answer nests deeper than 128"));

    let list = |count: usize| answer("pass", &[&format!(r#""next_actions":[{}]"#, vec![r#""""#; count].join(","))]);
    assert!(read_answer(Kind::Gate, list(10_000).as_bytes()).is_ok());
    assert!(refused(Kind::Gate, list(10_001).as_bytes()).contains("a list has more than 10000 entries"));

    let summary = |length: usize| answer("pass", &[&format!(r#""summary":"{}""#, "a".repeat(length))]);
    assert!(read_answer(Kind::Gate, summary(65_536).as_bytes()).is_ok());
    assert_eq!(refused(Kind::Gate, summary(65_537).as_bytes()), "summary is 65537 bytes, and 65536 are allowed");
}

#[test]
fn a_reason_repeats_hostile_words_harmlessly_and_cut_short() {
    let long = format!(r#"{{"verdict":"pass","\u001b[2J{}":1}}"#, "x".repeat(100_000));
    let reason = refused(Kind::Gate, long.as_bytes());
    assert!(reason.starts_with("the answer does not parse: unknown field `\\u{1b}[2Jxxx"), "{reason}");
    assert!(reason.len() < 300 && !reason.contains('\u{1b}'), "{reason}");
}

#[test]
fn what_a_gate_wrote_is_kept_as_it_was_written() {
    let text = r#"{"verdict":"pass","summary":"s","details":{ "n": 1.10, "big":123456789012345678901234567890 }}"#;
    let answer = read_answer(Kind::Gate, text.as_bytes()).expect("an answer");
    assert_eq!(answer.verdict, Verdict::Pass);
    let details = answer.details.expect("details");
    assert_eq!(details.get(), r#"{ "n": 1.10, "big":123456789012345678901234567890 }"#);
}

#[test]
fn a_malformed_answer_is_a_fault_with_its_own_cause() {
    let fault = Fault::from(read_answer(Kind::Gate, b"").expect_err("no answer"));
    assert_eq!((fault.cause, fault.message.as_str()), (Cause::Malformed, "the gate wrote no answer"));
}

proptest::proptest! {
    #[test]
    fn noise_is_refused_and_panics_nothing(stdout in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        proptest::prop_assert!(read_answer(Kind::Gate, &stdout).is_err());
    }

    #[test]
    fn an_answer_that_breaks_off_anywhere_is_refused(end in 0..200_usize) {
        let whole = answer("fail", &[FAILED_CHECK, ERROR, VIOLATION]);
        let end = end.min(whole.len() - 1);
        proptest::prop_assert!(read_answer(Kind::Gate, &whole.as_bytes()[..end]).is_err());
    }
}
