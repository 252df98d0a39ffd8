//! Sixty documents with their reports, and what each Python idiom of the check's origin must not let through here.

use portcullis_sdk::{Answer, Fault, Verdict, testing};
use serde_json::{Value, json};

const VECTORS: &str = include_str!("../tests/readiness.jsonl");

fn ask(params: &Value, input: &Value) -> Result<Answer, Fault> {
    testing::ask(super::judge, params, input)
}

fn vectors() -> impl Iterator<Item = (Value, Value)> {
    VECTORS.lines().map(|line| {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        (vector["input"].clone(), vector["expected"].clone())
    })
}

/// An input whose report says ready.
fn ready() -> Value {
    vectors().find(|(_, report)| report["ready"] == true).expect("a vector is ready").0
}

/// A ready input with one value replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut input = ready();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    input.pointer_mut(parent).expect("the parent exists")[name] = value;
    input
}

fn without(pointer: &str) -> Value {
    let mut input = ready();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = input.pointer_mut(parent).and_then(Value::as_object_mut).expect("the parent exists");
    assert!(parent.shift_remove(name).is_some(), "{pointer} was there");
    input
}

fn failed(input: &Value) -> Vec<String> {
    let answer = ask(&json!({}), input).expect("it is answered");
    assert_eq!(answer.verdict == Verdict::Fail, answer.checks.iter().any(|check| !check.passed));
    answer.checks.into_iter().filter(|check| !check.passed).map(|check| check.id).collect()
}

#[test]
fn the_cases_hold() {
    testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
}

#[test]
fn every_vector_gives_its_report_whole_and_in_order() {
    let mut count = 0;
    for (i, (input, report)) in vectors().enumerate() {
        let answer = ask(&json!({}), &input).expect("a vector is answered");
        let details: Value =
            serde_json::from_str(answer.details.expect("there is a report").get()).expect("it is JSON");
        assert_eq!(details.to_string(), report.to_string(), "vector {i}");
        assert_eq!(answer.verdict == Verdict::Pass, report["ready"] == true, "vector {i}");
        let gates = answer.checks.iter().map(|check| (check.id.clone(), json!(check.passed)));
        assert_eq!(Value::Object(gates.collect()).to_string(), report["gates"].to_string(), "vector {i}");
        let failures: Vec<_> = answer.checks.iter().filter_map(|check| check.failure.clone()).collect();
        assert_eq!(json!(failures), report["failures"], "vector {i}");
        assert_eq!(json!(answer.next_actions), report["next_actions"], "vector {i}");
        count += 1;
    }
    assert_eq!(count, 60);
}

#[test]
fn a_value_of_another_type_fails_its_check_and_never_passes_as_the_one_it_resembles() {
    let leaks = "no_label_leaks";
    let markers = "no_sensitive_context_markers";
    let contract = "external_output_contract_declared";
    let artifacts = "manifest_uses_sanitized_tmp_artifacts";
    let cases = [
        ("/manifest/external_calls_performed_by_codex", json!(0), "external_calls_not_performed_by_codex"),
        (
            "/manifest/approval_required_before_external_execution",
            json!(1),
            "external_execution_still_requires_approval",
        ),
        ("/manifest/raw_artifacts_committed", json!(""), "raw_artifacts_not_committed"),
        ("/manifest/run_id", json!(7), "run_id_present"),
        ("/manifest/run_id", json!(["run"]), "run_id_present"),
        ("/manifest/run_id", json!("\u{1c}\u{1f} \u{a0}\u{3000}"), "run_id_present"),
        ("/manifest/candidate_id", json!(["nemotron_fabric"]), "candidate_is_nemotron_fabric"),
        ("/manifest/preferred_post_external_run_command", json!(true), "post_external_finalizer_declared"),
        ("/sanitize_report/valid", json!("true"), "sanitize_report_valid"),
        ("/sanitize_report/failures", json!({}), "sanitize_failures_empty"),
        ("/sanitize_report/preflight_failures", json!(0), "sanitize_failures_empty"),
        ("/sanitize_report/sensitive_marker_records_after", json!(false), "sanitize_sensitive_markers_removed"),
        ("/sanitize_report/sensitive_marker_records_after", json!(0.0), "sanitize_sensitive_markers_removed"),
        ("/sanitized_preflight/failures", json!(""), "sanitized_preflight_failures_empty"),
        ("/sanitized_preflight/duplicate_requests", json!(false), "no_missing_extra_or_duplicate_records"),
        ("/sanitized_preflight/request_context_label_leak_records", json!(false), leaks),
        ("/manifest/request_pack/label_leak_records", json!("0"), leaks),
        ("/manifest/candidate_inputs/label_leak_records", Value::Null, leaks),
        ("/sanitized_preflight/sensitive_marker_present_in_context", json!(0), markers),
        ("/manifest/request_pack/sensitive_marker_records", json!([]), markers),
        ("/manifest/fixtures/source_unsanitized_path", json!(5), artifacts),
        ("/manifest/fixtures/source_unsanitized_path", json!(false), artifacts),
        ("/manifest/fixtures/local_path", json!(["/tmp/", "sanitized"]), artifacts),
        ("/manifest/external_runner_output/one_result_per_request", json!(1), contract),
        ("/manifest/external_runner_output/required_path", json!({"/tmp/": 1}), contract),
        ("/manifest/external_runner_output/forbidden_model_output_fields", json!("evaluation_labels"), contract),
        ("/manifest/external_runner_output/forbidden_model_output_fields", json!([["evaluation_labels"]]), contract),
    ];
    for (pointer, value, check) in cases {
        assert_eq!(failed(&with(pointer, value.clone())), [check], "{pointer} = {value}");
    }
}

#[test]
fn the_fields_forbidden_are_named_in_a_list_and_not_as_members() {
    let fields = ready()["manifest"]["external_runner_output"]["forbidden_model_output_fields"].clone();
    let members: Value = fields.as_array().expect("a list").iter().filter_map(Value::as_str).map(|f| (f, 1)).collect();
    let pointer = "/manifest/external_runner_output/forbidden_model_output_fields";
    assert_eq!(failed(&with(pointer, members)), ["external_output_contract_declared"]);
}

#[test]
fn counts_are_integers_of_one_value() {
    let count = ready()["manifest"]["fixtures"]["records"].clone();
    let float = json!(count.as_f64().expect("a number"));
    let text = json!(count.to_string());
    for other in [float, text, json!(true), Value::Null] {
        assert_eq!(
            failed(&with("/sanitize_report/fixtures", other.clone())),
            ["counts_match_across_reports"],
            "{other}"
        );
    }
    let mut input = ready();
    for document in ["/manifest/fixtures", "/sanitize_report", "/sanitized_preflight"] {
        input.pointer_mut(document).expect("it exists")["expected_action_marker_records"] = json!("12");
    }
    assert_eq!(failed(&input), ["counts_match_across_reports"], "the same text three times is no count");
}

#[test]
fn counts_missing_everywhere_do_not_match() {
    let mut input = without("/manifest/fixtures/records");
    for document in ["/sanitize_report", "/sanitized_preflight"] {
        input.pointer_mut(document).and_then(Value::as_object_mut).expect("it exists").shift_remove("fixtures");
    }
    assert_eq!(failed(&input), ["counts_match_across_reports"]);
}

#[test]
fn counts_may_be_larger_than_any_machine_word() {
    let text = ready().to_string();
    let count = ready()["manifest"]["request_pack"]["records"].to_string();
    let large = text.replace(&format!(":{count}"), ":340282366920938463463374607431768211456");
    let input: &portcullis_sdk::RawValue = portcullis_sdk::json::read(&large).expect("it is JSON");
    let answer = testing::ask(super::judge, &json!({}), input).expect("it is answered");
    assert_eq!(answer.verdict, Verdict::Pass, "{:?}", answer.checks);
    assert!(answer.details.expect("a report").get().contains(r#""requests":340282366920938463463374607431768211456"#));
}

#[test]
fn an_object_that_is_none_is_a_fault_and_one_that_is_missing_is_empty() {
    for name in ["fixtures", "candidate_inputs", "request_pack", "external_runner_output"] {
        let pointer = format!("/manifest/{name}");
        for (value, found) in [
            (json!([]), "a list"),
            (json!([["records", 50]]), "a list"),
            (json!(""), "a string"),
            (json!(0), "a number"),
            (json!(false), "a boolean"),
        ] {
            let fault = ask(&json!({}), &with(&pointer, value)).expect_err("it is no object").to_string();
            assert_eq!(fault, format!("bad input: manifest.{name}: expected an object, found {found}"));
        }
        assert_eq!(failed(&with(&pointer, Value::Null)), failed(&without(&pointer)));
        assert!(!failed(&without(&pointer)).is_empty());
    }
    for document in ["manifest", "sanitize_report", "sanitized_preflight"] {
        for value in [json!([]), Value::Null, json!("{}")] {
            assert!(ask(&json!({}), &with(&format!("/{document}"), value)).is_err());
        }
        assert!(ask(&json!({}), &without(&format!("/{document}"))).is_err());
    }
}

#[test]
fn a_member_that_stands_twice_is_a_fault() {
    let text = ready().to_string().replacen(r#""valid":true"#, r#""valid":false,"valid":true"#, 1);
    let input: &portcullis_sdk::RawValue = portcullis_sdk::json::read(&text).expect("it is JSON");
    let fault = testing::ask(super::judge, &json!({}), input).expect_err("two readers could differ").to_string();
    assert_eq!(fault, "bad input: input.sanitize_report: member `valid` stands there twice");
}

#[test]
fn the_least_number_of_records_is_a_parameter_that_the_input_may_override() {
    let input = without("/minimum_records");
    let count = input["sanitized_preflight"]["requests"].as_i64().expect("a count");
    let verdict = |params, input: &Value| ask(&params, input).map(|answer| answer.verdict);
    assert_eq!(verdict(json!({"minimum_records": count}), &input), Ok(Verdict::Pass));
    assert_eq!(verdict(json!({"minimum_records": count + 1}), &input), Ok(Verdict::Fail));
    let overridden = with("/minimum_records", json!(count));
    assert_eq!(verdict(json!({"minimum_records": count + 1}), &overridden), Ok(Verdict::Pass));
    for value in [json!(true), json!("50"), json!(50.0), Value::Null, json!([50])] {
        assert!(verdict(json!({}), &with("/minimum_records", value.clone())).is_err(), "{value}");
        assert!(verdict(json!({"minimum_records": value}), &input).is_err());
    }
}

#[test]
fn the_candidate_is_a_parameter_and_has_to_be_one() {
    let other = ask(&json!({"candidate_id": "other"}), &ready()).expect("it is answered");
    let failed: Vec<_> = other.checks.iter().filter(|check| !check.passed).map(|check| check.id.as_str()).collect();
    assert_eq!(failed, ["candidate_is_nemotron_fabric", "sanitized_preflight_candidate_valid"]);
    for params in [json!({"candidate_id": " "}), json!({"candidate_id": 1}), json!({"candidate": "x"})] {
        assert!(ask(&params, &ready()).is_err(), "{params}");
    }
}

#[test]
fn what_the_report_shows_again_is_shown_as_it_was_written() {
    let text = with("/manifest/fixtures/note", json!("MARK")).to_string();
    let text = text.replace(r#""MARK""#, r#"{"z":1.00,"a":1E2,"big":123456789012345678901234567890,"s":"\u00e9\/"}"#);
    let input: &portcullis_sdk::RawValue = portcullis_sdk::json::read(&text).expect("it is JSON");
    let answer = testing::ask(super::judge, &json!({}), input).expect("it is answered");
    let report = answer.details.expect("there is a report");
    assert!(report.get().contains(r#"{"z":1.00,"a":1E2,"big":123456789012345678901234567890,"s":"\u00e9\/"}"#));
}
