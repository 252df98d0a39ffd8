//! Files, values and variables: how each becomes what a gate sees.

use serde_json::{Value, json};

use super::{check_fails, dir, handed, manifest, seen, seen_with};

#[test]
fn a_file_is_read_as_its_ending_or_the_manifest_says() {
    let dir = dir();
    for (file, more, text, expect) in [
        ("a.json", "", "{\"a\":[1,2]}", json!({ "a": [1, 2] })),
        ("a.jsonl", "", "{\"a\":1}\n\n{\"a\":2}\n", json!([{ "a": 1 }, { "a": 2 }])),
        ("a.toml", "", "[a]\nb = 'c'\n", json!({ "a": { "b": "c" } })),
        ("a.yaml", "", "a:\n  - 1\n  - x: y\n  - no\n", json!({ "a": [1, { "x": "y" }, "no"] })),
        ("a.yml", "", "- 1\n- null\n- 'true'\n", json!([1, null, "true"])),
        ("a.txt", "", "one\ntwo\n", json!("one\ntwo\n")),
        ("a.report", ", format = 'text'", "said", json!("said")),
        ("a.report", ", format = 'bytes'", "\0\u{1}", json!({ "base64": "AAE=" })),
        ("b.txt", ", format = 'json'", "[1]", json!([1])),
    ] {
        dir.write(file, text);
        assert_eq!(seen(&dir, &format!("{{ file = '{file}'{more} }}")), expect, "{file}{more}");
    }
}

#[test]
fn yaml_that_is_broken_or_a_trap_is_no_evidence() {
    let dir = dir();
    let nested = "[".repeat(100_000);
    // Each line says the one before it ten times.
    let bomb: String = (1..12).fold("a0: &a0 [x]\n".to_owned(), |text, at| {
        let before = format!("*a{}", at - 1);
        format!("{text}a{at}: &a{at} [{}]\n", vec![before; 10].join(", "))
    });
    for text in ["a: [1", "a: b: c", "a: 1\na: 2", "a: 1\n---\nb: 2", "? [a, b]\n: c", &nested, &bomb] {
        dir.write("e.yaml", text);
        check_fails(&dir, "", "file = 'e.yaml'\n", "failed");
    }
    dir.write("e.yaml", b"a: \xff");
    check_fails(&dir, "", "file = 'e.yaml'\n", "failed");
}

#[test]
fn variables_are_those_that_are_named() {
    let dir = dir();
    let document = seen_with(&dir, "", "{ env = ['CI', 'GONE', 'EMPTY'] }", |command| {
        command.env("CI", "true").env("EMPTY", "").env("OTHER", "unseen")
    });
    assert_eq!(document, json!({ "CI": "true", "GONE": null, "EMPTY": "" }));
    assert!(!dir.text("portcullis-out/decision.json").contains("unseen"));
}

#[test]
fn a_file_that_may_be_missing_is_null_and_one_that_is_broken_is_not() {
    let dir = dir();
    assert_eq!(seen_missing(&dir), Value::Null);
    dir.write("log.jsonl", "{\"event\":\"HMR_PREPARE\"}\n");
    assert_eq!(seen(&dir, "{ file = 'log.jsonl', optional = true }"), json!([{ "event": "HMR_PREPARE" }]));
    dir.write("log.jsonl", "{");
    check_fails(&dir, "", "file = 'log.jsonl'\noptional = true\n", "failed");
    std::fs::remove_file(dir.path("log.jsonl")).expect("removed");
    std::fs::create_dir(dir.path("log.jsonl")).expect("a folder");
    check_fails(&dir, "", "file = 'log.jsonl'\noptional = true\n", "failed");
}

fn seen_missing(dir: &crate::harness::Dir) -> Value {
    manifest(dir, "", "e = { file = 'log.jsonl', optional = true }");
    dir.run().exits(0);
    handed(dir)["e"].clone()
}

#[test]
fn a_source_that_is_none_is_misuse() {
    let dir = dir();
    for source in [
        "{ command = [] }",
        "{ command = 'echo hello' }",
        "{ command = ['/bin/true'], file = 'a.json' }",
        "{ command = ['/bin/true'], timeout = 'soon' }",
        "{ command = ['/bin/true'], env = ['PATH'] }",
        "{ command = ['/bin/true'], shell = true }",
        "{ env = [] }",
        "{ env = ['A=B'] }",
        "{ http = {} }",
        "{ http = [] }",
        "{ http = { url = 'not a url' } }",
        "{ http = { url = 'ftp://127.0.0.1/' } }",
        "{ http = { url = 'http://${env:HOST}/' } }",
        "{ http = { url = 'http://127.0.0.1/', method = 'G T' } }",
        "{ http = { url = 'http://127.0.0.1/', headers = { 'a b' = 'c' } } }",
        "{ http = { url = 'http://127.0.0.1/', headers = { a = \"b\\r\\nc: d\" } } }",
        "{ http = { url = 'http://127.0.0.1/', body = 'a', json = {} } }",
        "{ http = { url = 'http://127.0.0.1/', stop_after = 0 } }",
        "{ http = { url = 'http://127.0.0.1/' }, value = 1 }",
    ] {
        manifest(&dir, "", &format!("e = {source}"));
        let ended = dir.run();
        assert_eq!(ended.status, Some(2), "{source}\n{ended}");
        dir.has_no_artifacts();
    }
    for hosts in ["'127.0.0.1'", "['http://127.0.0.1']", "['*']", "['a.*.b']", "['127.0.0.1:99999']", "['']"] {
        manifest(&dir, &format!("[network]\nhosts = {hosts}"), "e = { value = 1 }");
        let ended = dir.run();
        assert_eq!(ended.status, Some(2), "{hosts}\n{ended}");
    }
}
