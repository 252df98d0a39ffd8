//! Answers that are none, and answers that are hostile.

use serde_json::{Value, json};

use crate::harness::{Dir, OUT, PASS, answering, answering_as};

/// Runs one gate of that kind with that answer, and gives its entry of the record.
fn judged(dir: &Dir, kind: &str, answer: &[u8]) -> (Value, Option<i32>) {
    dir.parrot(kind);
    dir.manifest(&answering_as(kind, "g", answer));
    let ended = dir.run();
    (dir.decision()["gates"][0].clone(), ended.status)
}

fn check_malformed(kind: &str, answers: &[&[u8]]) {
    let dir = Dir::new();
    for answer in answers {
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(100)]).into_owned();
        let (gate, status) = judged(&dir, kind, answer);
        assert_eq!(
            (status, &gate["outcome"], &gate["fault"]["code"]),
            (Some(3), &json!("fault"), &json!("malformed-answer")),
            "{shown}: {gate}"
        );
    }
}

#[test]
fn what_is_not_one_json_object_is_no_answer() {
    check_malformed(
        "gate",
        &[
            b"",
            b"\n \t",
            b"pass",
            b"true",
            b"[]",
            b"{}",
            b"\"pass\"",
            br#"[{"verdict":"pass"}]"#,
            br#"{"verdict":"pass"}{"verdict":"pass"}"#,
            b"{\"verdict\":\"pass\"}\n{\"verdict\":\"pass\"}\n",
            br#"{"verdict":"pass"} trailing"#,
            br#"{"verdict":"pass""#,
            br#"{"verdict":"pass",}"#,
            b"{\"verdict\":\"pass\"}\0",
            b"\xef\xbb\xbf{\"verdict\":\"pass\"}",
            b"{\"verdict\":\"pass\",\"summary\":\"\xff\"}",
            b"\xff\xfe{\0\"\0",
            b"{\"verdict\":\"pass\",\"summary\":\"a\nb\"}",
            b"verdict: pass",
        ],
    );
}

#[test]
fn numbers_that_json_has_not_are_no_answer() {
    check_malformed(
        "gate",
        &[
            b"NaN",
            br#"{"verdict":"pass","details":NaN}"#,
            br#"{"verdict":"pass","details":{"n":-Infinity}}"#,
            br#"{"verdict":"pass","details":1e999}"#,
            br#"{"verdict":"pass","details":01}"#,
        ],
    );
    let seconds = |seconds: &str| {
        format!(
            r#"{{"verdict":"pass","evidence":[{{"probe_kind":"p","passed":true,"summary":"","duration_seconds":{seconds},"payload":{{}}}}]}}"#
        )
    };
    check_malformed("probe", &["NaN", "-1", "1e999"].map(seconds).each_ref().map(|it| it.as_bytes()));
}

#[test]
fn what_nests_too_deep_is_no_answer() {
    let nested = |count: usize| [vec![b'['; count], vec![b']'; count]].concat();
    let within = |before: &str, count: usize| [before.as_bytes(), &nested(count), b"}"].concat();
    check_malformed(
        "gate",
        &[
            &nested(100_000),
            &within(r#"{"verdict":"pass","details":"#, 100_000),
            &within(r#"{"verdict":"pass","checks":"#, 100_000),
            &within(r#"{"unknown":"#, 100_000),
            &vec![b'['; 200_000],
            &within(r#"{"verdict":"pass","details":"#, 128),
        ],
    );
    let (gate, status) = judged(&Dir::new(), "gate", &within(r#"{"verdict":"pass","details":"#, 100));
    assert_eq!((status, &gate["outcome"]), (Some(0), &json!("pass")));
}

#[test]
fn unknown_and_doubled_fields_are_no_answer() {
    check_malformed(
        "gate",
        &[
            br#"{"verdict":"pass","confidence":1}"#,
            br#"{"verdict":"pass","verdict":"fail"}"#,
            br#"{"verdict":"fail","verdict":"pass"}"#,
            br#"{"verdict":"pass","checks":[{"id":"a","passed":true,"weight":1}]}"#,
            br#"{"verdict":"pass","checks":[["a",true]]}"#,
            br#"{"verdict":"pass","details":{"a":1,"a":2}}"#,
            br#"{"Verdict":"pass"}"#,
            br#"{"verdict":"PASS"}"#,
            br#"{"verdict":null}"#,
            br#"{"verdict":"skipped"}"#,
            br#"{"verdict":"fault"}"#,
            br#"{"verdict":"pass","exitCode":0}"#,
        ],
    );
}

#[test]
fn an_answer_that_contradicts_itself_is_none() {
    check_malformed(
        "gate",
        &[
            br#"{"verdict":"pass","checks":[{"id":"a","passed":true},{"id":"b","passed":false}]}"#,
            br#"{"verdict":"pass","findings":[{"code":"X","severity":"error","message":"m"}]}"#,
            br#"{"verdict":"not_applicable","checks":[{"id":"b","passed":false}]}"#,
            br#"{"verdict":"fail"}"#,
            br#"{"verdict":"fail","summary":"because I say so"}"#,
            br#"{"verdict":"fail","checks":[{"id":"a","passed":true}]}"#,
            br#"{"verdict":"fail","findings":[{"code":"X","severity":"note","message":"m"}]}"#,
            br#"{"verdict":"pass","checks":[{"id":"","passed":true}]}"#,
            br#"{"verdict":"fail","findings":[{"code":"SUCCESS","severity":"error","message":"m"}]}"#,
        ],
    );
}

#[test]
fn a_verdict_of_another_kind_is_no_answer() {
    let review = br#"{"verdict":"review"}"#;
    let evidence = br#"{"verdict":"pass","evidence":[{"probe_kind":"p","passed":true,"summary":"","duration_seconds":1,"payload":{}}]}"#;
    let fail = br#"{"verdict":"fail","checks":[{"id":"a","passed":false}]}"#;
    check_malformed("readiness", &[review, br#"{"verdict":"not_applicable"}"#, br#"{"verdict":"pass"}"#, evidence]);
    check_malformed("gate", &[evidence]);
    check_malformed("validator", &[review, fail, evidence]);
    check_malformed("probe", &[review, br#"{"verdict":"pass"}"#]);
}

#[test]
fn each_kind_is_taken_at_its_word_when_it_keeps_the_rules() {
    let evidence = r#"{"verdict":"pass","evidence":[{"probe_kind":"p","passed":true,"summary":"s","duration_seconds":0.5,"payload":{"n":1.50}}]}"#;
    for (kind, answer) in [
        ("readiness", r#"{"verdict":"pass","checks":[{"id":"a","passed":true}]}"#),
        ("gate", PASS),
        (
            "validator",
            r#"{"verdict":"pass","findings":[{"code":"legacy","severity":"warning","message":"m","line":1}]}"#,
        ),
        ("probe", evidence),
    ] {
        let dir = Dir::new();
        let (gate, status) = judged(&dir, kind, answer.as_bytes());
        assert_eq!((status, &gate["outcome"], &gate["kind"]), (Some(0), &json!("pass"), &json!(kind)), "{gate}");
    }
}

/// Everything that a terminal obeys and a reader does not see, as far as JSON lets it stand in a string.
const ESCAPES: &str =
    "\\u001b[31m\\u001b]0;x\\u0007\\u009b2J\u{9b}2J\u{202e}gnp\u{200b}\u{2066}\u{feff}\\r\\n\\b\\u0000";

#[test]
fn nothing_that_a_gate_says_is_obeyed_by_a_terminal() {
    let dir = Dir::new();
    let text = |e: &str| {
        format!(
            r#"{{"verdict":"fail","summary":"{e}","checks":[{{"id":"{e}","passed":false,"failure":"{e}"}}],
            "findings":[{{"code":"{e}","severity":"error","message":"{e}","path":"{e}","pointer":"/{e}"}},
            {{"code":"{e}","severity":"note","message":"{e}","path":"{e}","line":3}}],
            "violations":[{{"type":"{e}","detail":"{e}"}}],"next_actions":["{e}"],"details":{{"{e}":["{e}"]}}}}"#
        )
    };
    dir.parrot("gate");
    dir.manifest(&answering("g", text(ESCAPES)));
    let formats = ["text", "json", "results", "markdown"];
    let mut arguments = vec!["run".to_owned(), "--color".to_owned(), "never".to_owned()];
    for format in formats {
        arguments.extend([
            "--output".to_owned(),
            format.to_owned(),
            "--output".to_owned(),
            format!("{format}=out.{format}"),
        ]);
    }
    // The harness looks at what is shown; what is written is looked at as often.
    dir.portcullis(&arguments).run().exits(1);
    let files = formats.map(|format| format!("out.{format}"));
    let artifacts = ["decision.json", "gate_results.json", "gate_sign_off.md"].map(|name| format!("{OUT}/{name}"));
    for file in files.into_iter().chain(artifacts) {
        let text = dir.text(&file);
        let raw =
            text.chars().find(|c| *c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{2066}\u{feff}".contains(*c)));
        assert_eq!(raw, None, "{file}");
    }
    // It is escaped and not lost.
    assert!(
        dir.decision()["gates"][0]["summary"]
            .as_str()
            .is_some_and(|it| it.contains("\u{1b}[31m") && it.contains('\u{9b}'))
    );
    let coloured = dir.portcullis(&["eval", "parrot-gate.wasm", "--input", "in.json"]);
    dir.write("in.json", format!("{{\"text\":\"{}\"}}", crate::harness::hex(text(ESCAPES).as_bytes())));
    coloured.run().exits(0);
}

#[test]
fn white_space_of_a_gates_details_cannot_write_over_a_line() {
    let dir = Dir::new();
    let answer = "{\"verdict\":\"pass\",\"details\":{\r\n\t\"a\":\r1}}";
    dir.parrot("gate");
    dir.manifest(&answering("g", answer));
    dir.portcullis(&["run", "--output", "json"]).run().exits(0);
    dir.write("in.json", format!("{{\"text\":\"{}\"}}", crate::harness::hex(answer.as_bytes())));
    dir.portcullis(&["eval", "parrot-gate.wasm", "--input", "in.json"]).run().exits(0);
}

#[test]
fn a_name_that_a_terminal_obeys_is_shown_and_not_obeyed() {
    let dir = Dir::new();
    for arguments in [
        &["run", "\u{1b}[2J.toml"][..],
        &["eval", "\u{202e}.wasm"],
        &["verify", "\u{1b}]0;x\u{7}", "--trust", "trust.toml"],
        &["sign", "\u{9b}2J", "--key", "own.key"],
        &["key", "show", "\r\u{1b}[1A"],
        &["run", "--gates", "\u{1b}[2J"],
        &["run", "--evidence", "\u{1b}[2J=x"],
    ] {
        dir.portcullis(arguments).run().exits(2);
    }
}
