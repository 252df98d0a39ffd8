//! The reader of gates beside `serde_json`: what is JSON, and what it means.

use std::collections::BTreeMap;

use portcullis_sdk::{
    RawValue,
    json::{DEPTH_LIMIT, read},
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// Both readers take `text` as the same value, or neither takes it.
fn agree(text: &str) {
    let (ours, theirs) = (read::<Value>(text), serde_json::from_str::<Value>(text));
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text:?}"),
        (Err(_), Err(_)) => {}
        _ => panic!("{text:?}: {ours:?}, and serde_json {theirs:?}"),
    }
    // A piece that is only passed over is held to the same grammar; past any float it is kept as it is.
    if theirs.is_ok() || read::<&RawValue>(text).is_ok() {
        let kept = read::<&RawValue>(text).expect("a document is a piece of itself");
        assert_eq!(kept.get(), text.trim_matches([' ', '\n', '\r', '\t']));
        assert_eq!(serde_json::from_str::<&RawValue>(text).expect("both keep it").get(), kept.get());
    }
}

#[test]
fn the_corners_of_the_grammar() {
    let corners = [
        "",
        " ",
        "null",
        " true\n",
        "nul",
        "nulll",
        "tru",
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-1",
        "+1",
        "1.",
        ".1",
        "1.5",
        "1e3",
        "1E+3",
        "1e-3",
        "1e",
        "1e+",
        "1e400",
        "-1e400",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "0.1",
        "5e-324",
        "1e-400",
        r#""""#,
        r#""a"#,
        r#""a\"b""#,
        r#""\u0041\u00e9""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ud83d\ud83d""#,
        r#""\ud83dx""#,
        r#""\u12""#,
        r#""\uzzzz""#,
        r#""\x""#,
        r#""\/\b\f\n\r\t\\""#,
        "\"\t\"",
        "\"\u{7f}\u{e9}\u{1f600}12345678\\n12345678\"",
        "\"1234567\\\\",
        "\"é1234567\u{1}\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,2]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "[1",
        "]",
        "[]]",
        "{}",
        "{ }",
        r#"{"a":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        r#"{"a":}"#,
        r#"{"a"}"#,
        "{1:2}",
        "{",
        r#"{"a":1"#,
        r#"{"\u0061":[{"b":null}]}"#,
        "[}",
        "{]",
        "\u{feff}1",
        "1 1",
        "{} {}",
        "NaN",
        "Infinity",
        "'a'",
        "// c\n1",
        "\u{a0}1",
        "\0",
        "1\0",
    ];
    for text in corners {
        agree(text);
    }
}

#[test]
fn nesting_ends_at_the_limit_whether_a_piece_is_read_kept_or_passed_over() {
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(read::<&RawValue>(&nested(DEPTH_LIMIT)).is_ok());
    for depth in [DEPTH_LIMIT + 1, 100_000] {
        let text = nested(depth);
        assert!(read::<&RawValue>(&text).is_err());
        assert!(read::<Value>(&text).is_err());
        assert!(read::<Shape>(&format!(r#"{{"other":{text}}}"#)).is_err());
        assert!(read::<&RawValue>(&"[{\"a\":".repeat(depth)).is_err());
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Plain,
    One(u8),
    Pair(u8, u8),
    Named { a: u8 },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Shape {
    small: u8,
    signed: i64,
    float: f64,
    flag: bool,
    letter: Option<char>,
    unit: (),
    pair: (u8, bool),
    list: Vec<Option<i32>>,
    map: BTreeMap<String, u16>,
    inner: Option<Box<Shape>>,
    choices: Vec<Choice>,
}

#[test]
fn typed_values_are_read_as_serde_json_reads_them() {
    let texts = [
        r#"{"small":255,"signed":-9,"float":3,"flag":true,"letter":"é","unit":null,"pair":[1,false],"list":[1,null,-2]}"#,
        r#"{"map":{"a":1,"b":65535},"inner":{"inner":null,"float":-1.5e3},"other":[{"x":"\n"}]}"#,
        r#"{"choices":["plain",{"one":1},{"pair":[1,2]},{"named":{"a":3}},{"plain":null}]}"#,
        r#"{"small":256}"#,
        r#"{"small":-1}"#,
        r#"{"small":1.0}"#,
        r#"{"small":"1"}"#,
        r#"{"small":true}"#,
        r#"{"signed":9223372036854775808}"#,
        r#"{"float":"1"}"#,
        r#"{"float":1e999}"#,
        r#"{"flag":1}"#,
        r#"{"flag":null}"#,
        r#"{"letter":"ab"}"#,
        r#"{"unit":0}"#,
        r#"{"pair":[1]}"#,
        r#"{"pair":[1,true,2]}"#,
        r#"{"list":{}}"#,
        r#"{"map":{"a":-1}}"#,
        r#"{"small":1,"small":2}"#,
        r#"{"choices":["one"]}"#,
        r#"{"choices":["other"]}"#,
        r#"{"choices":[{"one":1,"plain":null}]}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"named":[3,4]}]}"#,
        r#"{"choices":[1]}"#,
        r#"{"inner":"x"}"#,
        "\"x\"",
        "null",
    ];
    for text in texts {
        match (read::<Shape>(text), serde_json::from_str::<Shape>(text)) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{text}"),
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{text}: {ours:?}, and serde_json {theirs:?}"),
        }
    }
}

#[test]
fn a_struct_is_never_read_from_a_list() {
    let whole = "[1,2,3,true,null,null,[1,true],[],{},null,[]]";
    assert!(serde_json::from_str::<Shape>(whole).is_ok(), "this is what serde_json does, and the reason for the rule");
    let error = read::<Shape>(whole).expect_err("a list is no object").to_string();
    assert_eq!(error, "expected struct Shape, found a list");
}

#[test]
fn an_error_names_the_place() {
    let cases = [
        (r#"{"inner":{"list":[1,"x"]}}"#, "inner.list: expected i32, found a string"),
        (r#"{"map":{"a b":null}}"#, "map.a b: expected u16, found null"),
        (r#"{"flag":yes}"#, "flag: no JSON value at byte 8"),
        (r#"{"flag":true"#, "the document ends early at byte 12"),
    ];
    for (text, message) in cases {
        assert_eq!(read::<Shape>(text).expect_err("it does not fit").to_string(), message, "{text}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no other", |f| f.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~\\n\"\\\\é]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn documents_are_read_as_they_were_written(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.expect("a value is JSON");
        prop_assert_eq!(&read::<Value>(&text).expect("it is JSON"), &value);
        agree(&text);
    }

    #[test]
    fn damaged_documents_are_judged_alike(value in json(), at: prop::sample::Index, with in prop::sample::select(vec![
        "", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "\u{0}", "\n", "é", "null", "\\u00e", "\\ud800",
    ])) {
        let text = serde_json::to_string(&value).expect("a value is JSON");
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let place = *at.get(&places);
        let rest = text[place..].char_indices().nth(1).map_or("", |(next, _)| &text[place + next..]);
        agree(&format!("{}{with}{rest}", &text[..place]));
        agree(&format!("{}{with}{}", &text[..place], &text[place..]));
        agree(&text[..place]);
    }

    #[test]
    fn any_text_is_judged_alike(text in "[\\[\\]{}:,\"\\\\0-9eE+.\\- a-z\\n]{0,24}") {
        agree(&text);
    }
}
