//! SARIF that public tools read: held to the schema that OASIS published, whatever is in it.

use std::fs;

use serde_json::{Value, json};

use super::{MODULE, classified, names, raw, scan, scan_by, with_flows};
use crate::harness::{Dir, hex};

/// What the schema has against a log.
fn against_the_schema(log: &Value) -> Vec<String> {
    static VALIDATOR: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| {
        let schema = include_str!("../fixtures/sarif-schema-2.1.0.json");
        // Its pattern for languages has a `]` that opens nowhere: the validator takes it only when it is escaped.
        let schema = serde_json::from_str(&schema.replace("{2}]?$\"", "{2}\\\\]?$\"")).expect("is JSON");
        jsonschema::options().should_validate_formats(true).build(&schema).expect("is a schema")
    });
    VALIDATOR.iter_errors(log).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

/// The one run of the log that a scan with `more` leaves, which keeps the schema.
#[track_caller]
fn run(dir: &Dir, module: &str, more: &[&str]) -> Value {
    let ended = scan_by(dir, module, &[&["--output", "sarif"], more].concat()).run();
    let log = ended.json();
    assert_eq!(against_the_schema(&log), [""; 0], "{ended}");
    assert_eq!((&log["version"], log["runs"].as_array().map(Vec::len)), (&json!("2.1.0"), Some(1)));
    log["runs"][0].clone()
}

#[test]
fn findings_carry_their_names_their_state_and_why_they_pass() {
    let dir = with_flows(&[("a", "goal: x\nfoo(1)\n: y\n"), ("b", "goal: x\n")]);
    scan(&dir, &["--output", "baseline=main.json"]).run().exits(1);
    dir.write("flows/b.aether", "bar(1)\n");
    let found = classified(&dir, &[]);
    let (v1, v2) = (names(&found, "flows/a.aether", "v1"), names(&found, "flows/a.aether", "v2"));
    dir.write("s.txt", format!("{}  # waits for it owner=@ann expires=2026-03-01\n", v1[1]));
    let told = run(&dir, MODULE, &["--suppressions", "s.txt", "--baseline", "main.json"]);
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    for (number, result) in results[..2].iter().enumerate() {
        assert_eq!(result["partialFingerprints"], json!({"portcullis/v1": v1[number], "portcullis/v2": v2[number]}));
    }
    let states: Vec<&Value> = results.iter().map(|result| &result["baselineState"]).collect();
    assert_eq!(states, ["unchanged", "unchanged", "new"]);
    let passes = json!([{"kind": "external", "status": "accepted", "justification": "waits for it", "properties": {"owner": "ann", "expires": "2026-03-01"}}]);
    let suppressed: Vec<&Value> = results.iter().map(|result| &result["suppressions"]).collect();
    assert_eq!(suppressed, [&json!([]), &passes, &json!([])]);
    let rules = told["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!((&rules[index]["id"], &result["level"]), (&result["ruleId"], &json!("error")));
    }
    assert_eq!(told["invocations"][0]["executionSuccessful"], true);
    assert_eq!(told["tool"]["driver"]["properties"]["publisher"], "own");
}

#[test]
fn files_that_could_not_be_judged_are_told_and_the_execution_was_not_successful() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", include_str!("../guests/moody.wat"));
    for (name, text) in [("a", "trap"), ("b", "spin"), ("c", "pass")] {
        dir.write(format!("flows/{name}.aether"), text);
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path("flows/d.aether"), rustix::fs::Mode::RUSR).expect("a pipe");
    let told = run(&dir, "moody.wasm", &["--fuel", "20M"]);
    let invocation = &told["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let told = invocation["toolExecutionNotifications"].as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|it| it["descriptor"]["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(told, ["INTERNAL_ERROR", "TIMEOUT_ERROR", "IO_ERROR"]);
}

#[test]
fn a_scan_without_findings_keeps_the_schema() {
    let dir = with_flows(&[("a", "goal: x\n")]);
    assert_eq!(run(&dir, MODULE, &[])["results"], json!([]));
}

#[test]
fn hostile_names_and_words_keep_the_schema_and_stay_what_they_are() {
    let dir = with_flows(&[]);
    let names: [&[u8]; 9] = [
        b"a b",
        b"%41{0}",
        b"\x1b]0;x\x07",
        b"a\nb",
        b"\xff",
        "\u{202e}\u{1f600}".as_bytes(),
        b"..",
        b"#?:@!$&'()*+,;=[]",
        b"\\",
    ];
    for name in names {
        fs::create_dir_all(dir.path("flows")).expect("made");
        fs::write(raw(&dir, &[b"flows/", name, b".aether"].concat()), "foo(1)\n").expect("written");
    }
    let told = run(&dir, MODULE, &[]);
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), names.len());
    let uri = |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
    for expect in ["a%20b", "%2541%7B0%7D", "%1B%5D0%3Bx%07", "a%0Ab", "%EF%BF%BD", "%E2%80%AE%F0%9F%98%80", "%5C"] {
        assert!(results.iter().any(|result| uri(result) == format!("flows/{expect}.aether")), "{expect}: {told}");
    }
    // A validator whose every word is hostile.
    let dir = Dir::new();
    dir.parrot("validator");
    for (number, words) in
        ["", " ", "{0} {", "[a](javascript:x)", "\u{1b}[2J\r\n::error::\0", "\u{202e}", "<b>@all</b>", "\u{fffe}"]
            .iter()
            .enumerate()
    {
        let answer = json!({"verdict": "fail", "summary": words, "findings": [
            {"code": format!("c{words}"), "severity": "error", "message": words, "path": words, "pointer": format!("/{words}"), "fix": words},
            {"code": format!("d{words}"), "severity": "note", "message": format!("m{words}"), "line": 4_294_967_295_u32},
        ]});
        dir.write(format!("flows/{number}.aether"), hex(answer.to_string().as_bytes()));
    }
    let told = run(&dir, "parrot-validator.wasm", &[]);
    let unjudged = told["invocations"][0]["toolExecutionNotifications"].as_array().map_or(0, Vec::len);
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), 2 * (8 - unjudged) + unjudged, "{told}");
    assert!(unjudged < 3, "hostile words are an answer all the same: {told}");
}

#[test]
fn paths_are_relative_to_where_the_scan_started_unless_they_are_absolute() {
    let dir = with_flows(&[("a", "foo(1)\n")]);
    let absolute = dir.path("flows/a.aether").to_string_lossy().into_owned();
    for (path, uri, base) in [
        ("./flows", "flows/a.aether".to_owned(), json!("SRCROOT")),
        ("flows/../flows", "flows/../flows/a.aether".to_owned(), json!("SRCROOT")),
        (&absolute, format!("file://{absolute}"), Value::Null),
    ] {
        let arguments = ["scan", MODULE, path, "--unverified", "--output", "sarif"];
        let log = dir.portcullis(&arguments).run().exits(1).json();
        assert_eq!(against_the_schema(&log), [""; 0]);
        let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!((&place["uri"], &place["uriBaseId"]), (&json!(uri), &base));
    }
}
