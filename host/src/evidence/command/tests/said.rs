//! What is kept of what commands say.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_command_that_ends_by_itself_is_evidence_whatever_its_exit_code() {
    let mut source = shell("echo out; echo err >&2; exit 3");
    source.argv.push(template("$TOKEN"));
    let expect = json!({
        "outcome": "completed", "argv": ["/bin/sh", "-c", "echo out; echo err >&2; exit 3", "$TOKEN"],
        "exit_code": 3, "signal": null,
        "stdout": "out\n", "stdout_bytes": 4, "stdout_cut": false,
        "stderr": "err\n", "stderr_bytes": 4, "stderr_cut": false,
        "data": null,
    });
    assert_eq!(completed(&source), expect);
}

#[test]
fn what_a_command_says_beyond_the_cap_is_read_counted_and_dropped() {
    let mut source = shell("yes | head -c 3000000; echo end >&2");
    source.max_output = 5;
    let document = completed(&source);
    assert_eq!((&document["stdout"], &document["stdout_bytes"]), (&json!("y\ny\ny"), &json!(3_000_000)));
    assert_eq!((&document["stdout_cut"], &document["stderr_cut"]), (&json!(true), &json!(false)));
    source.max_output = 0;
    assert_eq!(completed(&source)["stderr"], "");
}

#[test]
fn no_secret_is_in_what_a_command_says_nor_the_beginning_of_one_at_a_cut() {
    let mut source = shell(r#"echo "a $0 b"; echo "$T" >&2; kill -9 $$"#);
    source.argv.push(template("$TOKEN"));
    source.env.push(("T".to_owned(), template("$TOKEN")));
    let (document, message) = failed(&source, "evidence-killed");
    assert_eq!((&document["stdout"], &document["stderr"]), (&json!("a [env TOKEN] b\n"), &json!("[env TOKEN]\n")));
    assert!(message.ends_with("the last line of its stderr: [env TOKEN]"), "{message}");

    let mut source = shell(r#"printf "a $0 b""#);
    source.argv.push(template("$TOKEN"));
    // Within it, within its last character, and behind it.
    for (cap, expect) in [(4, "a [env TOKEN]"), (11, "a [env TOKEN]"), (12, "a [env TOKEN]"), (13, "a [env TOKEN] ")] {
        source.max_output = cap;
        assert_eq!(completed(&source)["stdout"], expect, "{cap}");
    }
    // Killed before it could say all of it.
    let (document, _) = failed(&shell("printf 'a hun'; kill -9 $$"), "evidence-killed");
    assert_eq!(document["stdout"], "a hun");
    let mut source = shell("printf 'a hunter'; kill -9 $$");
    source.argv.push(template("$TOKEN"));
    assert_eq!(failed(&source, "evidence-killed").0["stdout"], "a [env TOKEN]");
}

#[test]
fn stdout_becomes_data_in_the_format_that_the_manifest_says() {
    let said = |text: &str, format| {
        // Not a word more than the text takes: printf tells of others in a spelling of its own.
        let mut source = command(&["printf", text, "$TOKEN"]);
        source.argv.truncate(if text.contains('%') { 3 } else { 2 });
        source.format = Some(format);
        let document = completed(&source);
        (document["data"].clone(), document["data_error"].as_str().map(str::to_owned))
    };
    let refused = |reason: &str| (Value::Null, Some(reason.to_owned()));
    assert_eq!(said(r#"{"a": "%s"}"#, Format::Json), (json!({"a": "[env TOKEN]"}), None));
    assert_eq!(said("a: [no]\n", Format::Yaml), (json!({"a": ["no"]}), None));
    assert_eq!(said("1\\n2\\n", Format::JsonLines), (json!([1, 2]), None));
    assert_eq!(said("{", Format::Json), refused("stdout is not JSON: EOF while parsing an object at line 1, column 1"));
    assert_eq!(said("a\\377", Format::Text), refused("stdout is not UTF-8 from byte 1 on"));
    assert_eq!(said("a\\377", Format::Bytes), (json!({"base64": "Yf8="}), None));
    assert_eq!(said("a", Format::Bytes), (json!({"base64": "YQ=="}), None));
    assert_eq!(said("%s\\377", Format::Bytes), refused("stdout holds a secret among bytes that are no text"));

    let mut source = shell("echo 1; kill -9 $$");
    source.format = Some(Format::Json);
    let (document, _) = failed(&source, "evidence-killed");
    assert_eq!((&document["data"], &document["data_error"]), (&Value::Null, &json!("the command did not complete")));
}

#[test]
fn bytes_that_are_no_text_are_marked_and_a_character_is_not_cut_in_two() {
    let mut source = command(&["printf", "a\\377\\0b\\303\\244"]);
    let document = completed(&source);
    assert_eq!((&document["stdout"], &document["stdout_bytes"]), (&json!("a\u{fffd}\0bä"), &json!(6)));
    source.max_output = 5;
    assert_eq!(completed(&source)["stdout"], "a\u{fffd}\0b");
    for (bytes, whole) in [(&b""[..], 0), (b"ab", 2), (b"a\xc3", 1), (b"a\xe2\x82", 1), (b"a\xff", 2), (b"\x82\x82", 2)]
    {
        assert_eq!(whole_characters(bytes), whole, "{bytes:?}");
    }
}
