//! The SARIF log against the published schema, and against what a reader makes of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    findings::Scanned,
    report::{samples::check_golden, scan::samples},
};

fn log(scan: &Scan) -> Value {
    serde_json::from_str(&samples::text(|out| sarif(scan, out))).expect("is JSON")
}

/// What the schema that OASIS published has against `log`.
fn against_the_schema(log: &Value) -> Vec<String> {
    static VALIDATOR: std::sync::LazyLock<jsonschema::Validator> = std::sync::LazyLock::new(|| {
        let schema = include_str!("../../../../../tests/fixtures/sarif-schema-2.1.0.json");
        // Its pattern for languages has a `]` that opens nowhere: the validator takes it only when it is escaped.
        let schema = schema.replace("{2}]?$\"", "{2}\\\\]?$\"");
        let schema = serde_json::from_str(&schema).expect("is JSON");
        jsonschema::options().should_validate_formats(true).build(&schema).expect("is a schema")
    });
    VALIDATOR.iter_errors(log).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

fn decoded(uri: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte.expect("a digit")).to_digit(16).expect("a digit") as u8;
        bytes.push(if byte == b'%' { digit(rest.next()) << 4 | digit(rest.next()) } else { byte });
    }
    String::from_utf8(bytes).expect("is UTF-8")
}

#[test]
fn a_scan_with_every_case_is_logged_as_it_was_and_keeps_the_schema() {
    let scan = samples::scan();
    check_golden("scan.sarif", &samples::text(|out| sarif(&scan, out)), include_str!("../../testdata/scan.sarif"));
    assert_eq!(against_the_schema(&log(&scan)), [""; 0]);
}

#[test]
fn the_schema_is_one_that_can_be_broken() {
    let mut broken = log(&samples::scan());
    broken["runs"][0]["results"][0]["level"] = json!("loud");
    assert_eq!(against_the_schema(&broken).len(), 1);
}

#[test]
fn an_empty_scan_and_one_without_findings_keep_the_schema() {
    for scan in [samples::many(0, 0), samples::many(2, 0)] {
        let log = log(&scan);
        assert_eq!(against_the_schema(&log), [""; 0]);
        assert_eq!(log["runs"][0]["results"], json!([]));
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
    }
}

#[test]
fn a_file_that_nobody_looked_at_is_told_and_the_execution_is_not_successful() {
    let log = log(&samples::scan());
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let told = invocation["toolExecutionNotifications"].as_array().expect("a list").iter();
    let told: Vec<&str> = told.filter_map(|told| told["descriptor"]["id"].as_str()).collect();
    assert_eq!(told, ["IO_ERROR", "INTERNAL_ERROR", "TIMEOUT_ERROR"]);
}

#[test]
fn every_result_names_its_rule_and_has_a_list_of_suppressions() {
    let log = log(&samples::scan());
    let run = &log["runs"][0];
    let results = run["results"].as_array().expect("a list");
    assert_eq!(results.len(), 10);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("a number")).expect("small");
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert!(result["suppressions"].is_array(), "{result}");
    }
    let suppressed: Vec<&Value> = results.iter().filter(|result| result["suppressions"] != json!([])).collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(
        suppressed[0]["suppressions"],
        json!([{"kind": "external", "status": "accepted", "justification": "waits for the plugin",
            "properties": {"owner": "lyra", "expires": "2026-03-01"}}])
    );
    let states: Vec<&Value> = results.iter().map(|result| &result["baselineState"]).collect();
    assert_eq!(states[..3], [&json!("new"), &json!("unchanged"), &Value::Null]);
}

#[test]
fn words_of_a_validator_are_no_placeholders_and_no_links() {
    for (words, expect) in [
        ("plain", "plain"),
        ("", "else"),
        ("{0} {", "{{0}} {{"),
        ("[click](https://evil.example)", "[click] (https://evil.example)"),
        ("a[0] (b)", "a[0] (b)"),
    ] {
        assert_eq!(message(words, "else").text, expect);
    }
}

#[test]
fn a_path_is_a_reference_below_the_root_unless_it_is_absolute() {
    for (path, expect, base) in [
        ("flows/a.aether", "flows/a.aether", Some(ROOT)),
        ("a b/ä:%.aether", "a%20b/%C3%A4%3A%25.aether", Some(ROOT)),
        ("../a", "../a", Some(ROOT)),
        ("a\\b?#", "a%5Cb%3F%23", Some(ROOT)),
        ("/tmp/a b", "file:///tmp/a%20b", None),
    ] {
        let file = File { path, scanned: &Scanned::CLEAN };
        let artifact = location(file, Some(0), None).physical_location;
        assert_eq!((artifact.artifact_location.uri.as_str(), artifact.artifact_location.uri_base_id), (expect, base));
        assert!(artifact.region.is_none(), "lines count from 1");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_words_are_the_log_keeps_the_schema_and_the_path_comes_back(
        path in "[^/]\\PC{0,40}|[^/][%:?#\\\\ \r\n/.{}\u{0}-\u{1f}]{0,20}", words in "\\PC{0,40}|[\\[\\](){}0-9\r\n]{0,30}",
        code in "\\PC{0,20}", line in any::<Option<u32>>(), module in "\\PC{0,20}",
    ) {
        let mut files = samples::files();
        let (told, scanned) = &mut files[1];
        *told = path.clone();
        let found = &mut scanned.findings[0];
        (found.finding.message, found.finding.fix) = (words.clone(), Some(words.clone()));
        (found.finding.code, found.finding.line, found.finding.pointer) = (code.clone(), line, Some(words));
        let log = log(&Scan { module, ..samples::scanned(files) });
        prop_assert_eq!(against_the_schema(&log), [""; 0]);
        let result = &log["runs"][0]["results"][0];
        prop_assert_eq!(result["ruleId"].as_str(), Some(code.as_str()));
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        prop_assert_eq!(decoded(uri.as_str().expect("text")), path);
    }
}
