//! What YAML means, and what of it is refused.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn check(text: &str, expect: Result<&str, &str>) {
    let shown: String = text.chars().take(80).collect();
    let got = to_json(text);
    assert_eq!(got.as_deref().map_err(|error| error.to_string()), expect.map_err(str::to_owned), "{shown}");
}

fn refused(text: &str, reason: &str) {
    check(text, Err(&format!("is not YAML that can be read as JSON: {reason}")));
}

#[test]
fn documents_become_json_in_their_order() {
    for (text, expect) in [
        ("b: 1\na:\n  - x\n  - {c: [1, 2], d: }\n", r#"{"b":1,"a":["x",{"c":[1,2],"d":null}]}"#),
        ("%YAML 1.2\n---\na: |\n  x\n  y\nb: >-\n  x\n  y\n...\n", r#"{"a":"x\ny\n","b":"x y"}"#),
        ("# only this\n--- 'it''s' # and this\n", r#""it's""#),
        ("---\n", "null"),
        ("[[], {}]", "[[],{}]"),
        (r#"{"json": [1.5, "\u00e9\u0000", null]}"#, "{\"json\":[1.5,\"é\\u0000\",null]}"),
        ("- - a\n  - b\n- c: d\n  e: f\n", r#"[["a","b"],{"c":"d","e":"f"}]"#),
    ] {
        check(text, Ok(expect));
    }
}

#[test]
fn scalars_mean_what_the_core_schema_says() {
    for (text, expect) in [
        ("[no, yes, on, off, y, n, No]", r#"["no","yes","on","off","y","n","No"]"#),
        ("[true, True, TRUE, tRUE, false]", r#"[true,true,true,"tRUE",false]"#),
        ("[null, ~, NULL, nULL, '', 'null']", r#"[null,null,null,"nULL","","null"]"#),
        ("[1, -2, +3, 007, 0o17, 0xfF, 0b1, 1_000, 12:30]", r#"[1,-2,3,7,15,255,"0b1","1_000","12:30"]"#),
        ("[1.5, -.5, 2., 1e3, +1.e-1, ., e1, 1e, 1.2.3]", r#"[1.5,-0.5,2.0,1000.0,0.1,".","e1","1e","1.2.3"]"#),
        ("[9223372036854775807, 18446744073709551615]", "[9223372036854775807,18446744073709551615]"),
        ("[!!str 1, ! 2, !!int '3', !!float 4, !!null '', !!bool true]", r#"["1","2",3,4,null,true]"#),
        ("[2026-01-10, .info, 0x, 0o, 0o8, 0xg]", r#"["2026-01-10",".info","0x","0o","0o8","0xg"]"#),
        ("!!map {a: !!seq [b]}", r#"{"a":["b"]}"#),
    ] {
        check(text, Ok(expect));
    }
}

#[test]
fn what_json_cannot_say_is_an_error_in_its_line() {
    for (text, reason) in [
        ("", "there is no document in it at line 1"),
        ("# nothing\n", "there is no document in it at line 1"),
        ("a: 1\n---\nb: 2\n", "a second document begins at line 2"),
        ("%YAML 1.1\n---\na: no\n", "it says that it is YAML 1.1, and YAML 1.2 is read at line 2"),
        ("a:\n  .inf\n", "JSON has no number `.inf` at line 2"),
        ("[-.INF]", "JSON has no number `-.INF` at line 1"),
        ("[.nan]", "JSON has no number `.nan` at line 1"),
        ("[1e999]", "JSON has no number `1e999` at line 1"),
        ("\n\n18446744073709551616", "the integer does not fit into 64 bits: `18446744073709551616` at line 3"),
        ("-9223372036854775809", "the integer does not fit into 64 bits: `-9223372036854775809` at line 1"),
        ("0x10000000000000000", "the integer does not fit into 64 bits: `0x10000000000000000` at line 1"),
        ("a: 1\nb: 2\na: 3\n", "the key \"a\" is there twice at line 3"),
        ("{a: 1, 'a': 2}", "the key \"a\" is there twice at line 1"),
        ("&k k: v\n*k : w\n", "the key \"k\" is there twice at line 2"),
        ("1: a", "a key is not a text: 1 at line 1"),
        ("true: a", "a key is not a text: true at line 1"),
        ("? [a]\n: b\n", "a key is not a text: [ at line 1"),
        (": a", "a key is not a text: null at line 1"),
        ("a: &x [1]\n*x : 2\n", "a key is not a text: [1] at line 2"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "the key `<<` merges in YAML 1.1 only; a key of that name is quoted at line 3",
        ),
        ("a: !Ref b", "the tag `!Ref` means nothing here at line 1"),
        ("a: !!binary YQ==", "the tag `!!binary` means nothing here at line 1"),
        ("!!int x", "`x` is not what its tag says at line 1"),
        ("!!int 1.5", "`1.5` is not what its tag says at line 1"),
        ("!!map [a]", "a tag does not fit what it stands at at line 1"),
        ("&a [*a]", "an alias stands within what it names at line 1"),
    ] {
        refused(text, reason);
    }
    // The parser's own words may change; that it is an error and where may not.
    for (text, line) in [("a: [1\nb: 2\n", 2), ("\"a", 1), ("[*none]", 1), ("a: \u{1}", 1), ("]", 1)] {
        let error = to_json(text).expect_err("no YAML");
        assert_eq!(error.code(), "evidence-not-yaml", "{text:?}");
        assert!(error.to_string().ends_with(&format!(" at line {line}")), "{text:?}: {error}");
    }
}

#[test]
fn an_anchor_is_copied_where_an_alias_names_it() {
    check("a: &x {b: [1]}\nc: [*x, *x]\n", Ok(r#"{"a":{"b":[1]},"c":[{"b":[1]},{"b":[1]}]}"#));
    check("[&x a, &x b, *x]", Ok(r#"["a","b","b"]"#));
    check("&k key: &v\n*v : *k\n", Err("is not YAML that can be read as JSON: a key is not a text: null at line 2"));
    check("&k key: 1\nother: {*k : *k}\n", Ok(r#"{"key":1,"other":{"key":"key"}}"#));
}

#[test]
fn aliases_cannot_blow_a_document_up_nor_hide_its_depth() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        let before = level - 1;
        let _ = writeln!(bomb, "a{level}: &a{level} [{}]", vec![format!("*a{before}"); 9].join(","));
        let _ = writeln!(deep, "a{level}: &a{level} [*a{before}]");
    }
    assert_eq!(to_json(&bomb), Err(DecodeError::TooOften));
    assert_eq!(to_json(&deep), Err(DecodeError::TooDeep));
}

#[test]
fn nesting_is_bounded_in_every_notation() {
    let flow = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let block = |levels: usize| "- ".repeat(levels) + "x";
    assert!(to_json(&flow(MAX_DEPTH)).is_ok());
    assert!(to_json(&block(MAX_DEPTH)).is_ok());
    let mixed = block(MAX_DEPTH - 1).replace('x', "[[]]");
    for text in [
        flow(MAX_DEPTH + 1),
        block(MAX_DEPTH + 1),
        mixed,
        "[".repeat(100_000),
        "- ".repeat(100_000),
        "{a: ".repeat(100_000),
    ] {
        assert_eq!(to_json(&text), Err(DecodeError::TooDeep), "{}", text.len());
    }
}

proptest! {
    #[test]
    fn any_text_becomes_json_or_an_error(text in "[\\[\\]{}\",:'&*!|>#%@?<~\\-.0-9a-ce\\\\\t\n \u{e9}]{0,60}") {
        if let Ok(json) = to_json(&text) {
            prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
        }
    }

    #[test]
    fn json_is_yaml_and_means_the_same(keys in proptest::collection::btree_set("[ -~é]{0,8}", 0..5), texts in proptest::collection::vec("[ -~\t\né]{0,12}", 5), number: i64) {
        let members = keys.into_iter().zip(texts).map(|(key, text)| (key, serde_json::json!([text, number, null, {"a": true}])));
        let value = Value::Object(members.collect());
        let read = to_json(&value.to_string());
        let read = read.map(|json| serde_json::from_str::<Value>(&json).expect("JSON"));
        prop_assert_eq!(read, Ok(value));
    }
}
