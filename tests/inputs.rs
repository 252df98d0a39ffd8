//! What gates are to judge: missing, broken, too large.

use serde_json::json;

use crate::harness::{Dir, Ended, PASS, answering, hex};

/// Runs a good gate beside one whose evidence is `source`, under more `limits` if there are any.
fn run_with(dir: &Dir, source: &str, more: &str) -> Ended {
    dir.parrot("gate");
    dir.manifest(&format!(
        "{}[evidence.e]\n{source}\n[gate.g]\nmodule = 'parrot-gate.wasm'\ninput = {{ text = 'e' }}\n{more}",
        answering("good", PASS)
    ));
    dir.run()
}

/// That it keeps its gate from a verdict, and the other gate's verdict stands.
fn check_missing(dir: &Dir, source: &str, more: &str, told: &str) {
    run_with(dir, source, more).exits(3).says("evidence-missing").says(told);
    let decision = dir.decision();
    assert_eq!(decision["decision"], "blocked");
    assert_eq!((&decision["gates"][0]["outcome"], &decision["gates"][1]["outcome"]), (&json!("pass"), &json!("fault")));
    assert_eq!(decision["gates"][1]["fault"]["code"], "evidence-missing", "{source}");
}

#[test]
fn evidence_that_cannot_be_had_is_never_a_verdict() {
    let dir = Dir::new();
    for (file, bytes) in [
        ("broken.json", &b"{"[..]),
        ("empty.json", b""),
        ("two.json", b"{} {}"),
        ("nan.json", b"{\"a\":NaN}"),
        ("latin.json", b"\"\xe4\""),
        ("bom.json", b"\xef\xbb\xbf{}"),
        ("second.jsonl", b"{}\n{\n"),
        ("broken.toml", b"a = "),
    ] {
        dir.write(file, bytes);
    }
    dir.write("deep.json", "[".repeat(100_000));
    dir.write("folder.json/inside", "");
    std::os::unix::fs::symlink("/dev/zero", dir.path("zero.json")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path("pipe.json"), rustix::fs::Mode::RUSR).expect("a pipe");
    for (file, told) in [
        ("gone.json", "does not exist"),
        ("broken.json", "is not JSON"),
        ("empty.json", "is not JSON"),
        ("two.json", "is not JSON"),
        ("nan.json", "is not JSON"),
        ("latin.json", "is not UTF-8"),
        ("bom.json", "is not JSON"),
        ("second.jsonl", "line 2"),
        ("broken.toml", "is not TOML"),
        ("deep.json", "nested deeper"),
        ("folder.json", "is not a regular file"),
        ("zero.json", "is not a regular file"),
        ("pipe.json", "is not a regular file"),
    ] {
        check_missing(&dir, &format!("file = '{file}'"), "", told);
    }
}

#[test]
fn evidence_past_the_input_limit_is_not_read() {
    let dir = Dir::new();
    dir.write("e.json", format!("\"{}\"", hex(PASS.as_bytes())));
    run_with(&dir, "file = 'e.json'", "").exits(0);
    check_missing(&dir, "file = 'e.json'", "limits = { input = 20 }\n", "larger than 20 bytes");
    // Within the limit by itself, and past it with the request around it.
    run_with(&dir, "file = 'e.json'", "limits = { input = 60 }\n").exits(3).says("input-limit");
    let limit = &dir.decision()["gates"][1]["fault"]["limit"];
    assert_eq!((&limit["limit"], &limit["allowed"]), (&json!("input"), &json!(60)), "{limit}");
}

#[test]
fn evidence_that_the_command_line_names_takes_the_place_of_its_source() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.write("other.json", format!("\"{}\"", hex(crate::harness::FAIL.as_bytes())));
    dir.manifest(&answering("g", PASS));
    dir.run().exits(0);
    dir.portcullis(&["run", "--evidence", "g=other.json"]).run().exits(1);
    let input = &dir.decision()["inputs"][0];
    assert_eq!((&input["name"], &input["uri"]), (&json!("g"), &json!("other.json")), "{input}");
    dir.portcullis(&["run", "--evidence", "g=gone.json"]).run().exits(3).says("evidence-missing");
    dir.portcullis(&["run", "--evidence", "h=other.json"]).run().exits(2).refuses_with("unknown-evidence");
    dir.portcullis(&["run", "--evidence", "g"]).run().exits(2).says("NAME=PATH");
}

#[test]
fn a_validator_sees_every_file_and_one_bad_file_is_a_fault_of_it_alone() {
    let dir = Dir::new();
    dir.parrot("validator");
    let finding = |severity: &str| {
        let answer = format!(
            r#"{{"verdict":"{}","findings":[{{"code":"X","severity":"{severity}","message":"m","line":1}}]}}"#,
            if severity == "error" { "fail" } else { "pass" }
        );
        hex(answer.as_bytes())
    };
    dir.write("docs/b.txt", finding("error"));
    dir.write("docs/a/a.txt", finding("note"));
    dir.write("docs/c.md", "not looked at");
    dir.manifest("[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/**/*.txt'\n");
    dir.run().exits(1).says("docs/b.txt:1");
    let gate = dir.decision()["gates"][0].clone();
    let paths: Vec<_> = gate["findings"].as_array().expect("findings").iter().map(|it| it["path"].clone()).collect();
    assert_eq!((&gate["outcome"], paths), (&json!("fail"), vec![json!("docs/a/a.txt"), json!("docs/b.txt")]), "{gate}");

    // What is no text is found wrong by the host itself, whatever the validator makes of the rest.
    dir.write("docs/b.txt", b"\xff");
    dir.run().says("docs/b.txt:1").says("the file is not UTF-8 at byte 0");
    let gate = dir.decision()["gates"][0].clone();
    let found = gate["findings"].as_array().expect("findings").iter().find(|it| it["path"] == "docs/b.txt");
    assert_eq!(found.map(|it| &it["code"]), Some(&json!("IO_ERROR")), "{gate}");
    assert_ne!(gate["outcome"], "pass");

    dir.manifest("[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'nothing/*.txt'\n");
    dir.run().exits(3).says("evidence-missing");
    assert_eq!(dir.decision()["decision"], "blocked");
}

#[test]
fn a_large_document_is_judged_with_limits_that_grow_with_it() {
    let dir = Dir::new();
    let answer = format!("{{\"verdict\":\"pass\",\"details\":\"{}\"}}", "a".repeat(1_200_000));
    dir.write("e.json", format!("\"{}\"", hex(answer.as_bytes())));
    run_with(&dir, "file = 'e.json'", "").exits(0);
    assert_eq!(dir.decision()["gates"][1]["details"].as_str().map(str::len), Some(1_200_000));
}

#[test]
fn what_eval_cannot_ask_about_is_misuse() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.write("broken.json", "{");
    dir.write("two.json", "{} {}");
    dir.write("latin.json", b"\"\xe4\"");
    dir.write("long.json", format!("\"{}\"", "a".repeat(100)));
    dir.write("folder/inside", "");
    for (arguments, code) in [
        (&["--input", "gone.json"][..], "file-missing"),
        (&["--input", "folder"], "not-a-file"),
        (&["--input", "broken.json"], "input-not-json"),
        (&["--input", "two.json"], "input-not-json"),
        (&["--input", "latin.json"], "not-utf8"),
        (&["--input", "long.json", "--input-limit", "50B"], "file-too-large"),
        (&["--input", "-", "--input-limit", "50B"], "input-limit"),
        (&["--params", "[]"], "params-not-an-object"),
        (&["--params", "{"], "params-not-an-object"),
        (&["--params", "@gone.json"], "file-missing"),
        (&["--fuel", "2T"], "over-ceiling"),
        (&["--memory", "2GiB"], "over-ceiling"),
        (&["--time", "11m"], "over-ceiling"),
        (&["--lines", "--input", "gone.jsonl"], "file-unreadable"),
        (&["--lines", "--input", "folder"], "not-a-file"),
        (&["--lines"], "no-lines"),
    ] {
        let arguments = [&["eval", "parrot-gate.wasm"], arguments].concat();
        let mut command = dir.portcullis(&arguments);
        if arguments.contains(&"-") {
            command = command.stdin(format!("\"{}\"", "a".repeat(100)));
        }
        command.run().exits(2).refuses_with(code);
    }
    dir.portcullis(&["eval", "parrot-gate.wasm", "--fuel", "many"]).run().exits(2);
}

#[test]
fn eval_tells_what_a_gate_says_and_decides_nothing() {
    let dir = Dir::new();
    dir.parrot("gate");
    let ask = |answer: &str| {
        let input = format!("{{\"text\":\"{}\"}}", hex(answer.as_bytes()));
        dir.portcullis(&["eval", "parrot-gate.wasm", "--input", "-", "--key", "own.pub"]).stdin(input).run()
    };
    for (answer, outcome) in [
        (PASS, "pass"),
        (crate::harness::FAIL, "fail"),
        (crate::harness::REVIEW, "review"),
        (crate::harness::NOT_APPLICABLE, "not_applicable"),
    ] {
        let json = ask(answer).exits(0).json();
        assert_eq!((&json["outcome"], &json["module"]["verified"]), (&json!(outcome), &json!(true)), "{json}");
    }
    let json = ask("").exits(3).json();
    assert_eq!((&json["outcome"], &json["fault"]["code"]), (&json!("fault"), &json!("malformed-answer")), "{json}");
    dir.new_key("other");
    dir.portcullis(&["eval", "parrot-gate.wasm", "--key", "other.pub"]).run().exits(4).refuses_with("untrusted-key");
    dir.portcullis(&["eval", "parrot-gate.wasm", "--trust", "trust.toml"]).run().exits(3);
    assert!(!dir.has(crate::harness::OUT));
}
