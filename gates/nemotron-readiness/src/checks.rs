//! The twenty-six checks, in their order, each with the name of its failure.

use portcullis_sdk::prelude::*;

use crate::{
    documents::{Counts, Documents},
    value::{Fields, Integer, Node, Value, equal, integer, is, is_blank, is_empty_list, is_text, is_zero, text},
};

const MANIFEST_SCHEMA: &str = "agent_nemotron_external_runner_manifest_v1";
const SANITIZE_SCHEMA: &str = "agent_nemotron_request_pack_sanitize_report_v1";
const PREFLIGHT_SCHEMA: &str = "agent_nemotron_external_runner_preflight_v1";
const RESULT_SCHEMA: &str = "docs/schemas/agent_nemotron_external_result_v1.schema.json";
const READY_STATUS: &str = "ready_for_approved_external_offline_runner_with_sanitized_pack";

/// What a model must not say of itself: all of it has to be forbidden by the output contract.
const SELF_GRADING: [&str; 9] = [
    "evaluation_labels",
    "verification_result",
    "execution_success",
    "execution_error",
    "self_healing_score",
    "rca_correct",
    "tool_dry_run_pass",
    "repair_success",
    "false_repair",
];

const RECORD_SETS: [&str; 7] = [
    "duplicate_fixtures",
    "duplicate_candidate_inputs",
    "duplicate_requests",
    "missing_candidate_inputs",
    "missing_requests",
    "unexpected_candidate_inputs",
    "unexpected_requests",
];

/// All checks over the documents.
pub fn check(documents: &Documents<'_>, candidate_id: &str, minimum_records: Integer<'_>) -> Checks {
    let checks = manifest_checks(Checks::new(), &documents.manifest, candidate_id);
    let checks = sanitize_checks(checks, &documents.sanitize);
    let checks = preflight_checks(checks, &documents.preflight, candidate_id);
    let checks = record_checks(checks, documents);
    count_checks(checks, documents, minimum_records)
}

fn manifest_checks(checks: Checks, manifest: &Fields<'_>, candidate_id: &str) -> Checks {
    let get = |name| manifest.get(name);
    checks
        .check("manifest_schema_valid", is_text(get("schema_version"), MANIFEST_SCHEMA), "manifest_schema_mismatch")
        .check(
            "candidate_is_nemotron_fabric",
            is_text(get("candidate_id"), candidate_id),
            "manifest_candidate_mismatch",
        )
        .check("run_id_present", says_something(get("run_id")), "manifest_run_id_missing")
        .check(
            "manifest_status_sanitized_ready",
            is_text(get("status"), READY_STATUS),
            "manifest_status_not_sanitized_ready",
        )
        .check(
            "external_calls_not_performed_by_codex",
            is(get("external_calls_performed_by_codex"), false),
            "external_calls_already_performed_by_codex",
        )
        .check(
            "external_execution_still_requires_approval",
            is(get("approval_required_before_external_execution"), true),
            "approval_required_flag_missing",
        )
        .check(
            "raw_artifacts_not_committed",
            is(get("raw_artifacts_committed"), false),
            "raw_artifacts_committed_or_unknown",
        )
}

fn sanitize_checks(checks: Checks, report: &Fields<'_>) -> Checks {
    let get = |name| report.get(name);
    let no_failures = is_empty_list(get("failures")) && is_empty_list(get("preflight_failures"));
    checks
        .check(
            "sanitize_report_schema_valid",
            is_text(get("schema_version"), SANITIZE_SCHEMA),
            "sanitize_report_schema_mismatch",
        )
        .check("sanitize_report_valid", is(get("valid"), true), "sanitize_report_invalid")
        .check("sanitize_preflight_valid", is(get("preflight_valid"), true), "sanitize_report_preflight_invalid")
        .check("sanitize_failures_empty", no_failures, "sanitize_report_has_failures")
        .check(
            "sanitize_sensitive_markers_removed",
            is_zero(get("sensitive_marker_records_after")),
            "sanitize_sensitive_markers_remaining",
        )
}

fn preflight_checks(checks: Checks, report: &Fields<'_>, candidate_id: &str) -> Checks {
    let get = |name| report.get(name);
    let clean = RECORD_SETS.iter().all(|name| is_empty_list(get(name)));
    checks
        .check(
            "sanitized_preflight_schema_valid",
            is_text(get("schema_version"), PREFLIGHT_SCHEMA),
            "sanitized_preflight_schema_mismatch",
        )
        .check(
            "sanitized_preflight_candidate_valid",
            is_text(get("candidate_id"), candidate_id),
            "sanitized_preflight_candidate_mismatch",
        )
        .check("sanitized_preflight_valid", is(get("valid"), true), "sanitized_preflight_invalid")
        .check("sanitized_preflight_failures_empty", is_empty_list(get("failures")), "sanitized_preflight_has_failures")
        .check("no_missing_extra_or_duplicate_records", clean, "sanitized_preflight_record_set_not_clean")
}

fn record_checks(checks: Checks, documents: &Documents<'_>) -> Checks {
    let Documents { preflight, request_pack: pack, candidate_inputs, .. } = documents;
    let no_leaks = is_zero(preflight.get("candidate_input_label_leak_records"))
        && is_zero(preflight.get("request_context_label_leak_records"))
        && is_zero(pack.get("label_leak_records"))
        && is_zero(candidate_inputs.get("label_leak_records"));
    let no_markers = is(preflight.get("sensitive_marker_present_in_context"), false)
        && is_zero(preflight.get("sensitive_marker_records"))
        && is_zero(pack.get("sensitive_marker_records"));
    let all_are =
        |name| equal(preflight.get(name), preflight.get("requests")) && equal(pack.get(name), pack.get("records"));
    checks
        .check("no_label_leaks", no_leaks, "label_leak_records_present")
        .check("no_sensitive_context_markers", no_markers, "sensitive_context_markers_present")
        .check("request_pack_is_request_only", all_are("request_only_records"), "request_pack_not_fully_request_only")
        .check(
            "request_pack_not_replacement_evidence",
            all_are("not_replacement_evidence_records"),
            "request_pack_contains_replacement_evidence",
        )
}

fn count_checks(checks: Checks, documents: &Documents<'_>, minimum_records: Integer<'_>) -> Checks {
    let counts = documents.counts();
    let [manifest, ..] = &counts;
    let enough = counts.iter().all(|counts| counts.request_count() >= minimum_records);
    let nodes = [&documents.fixtures, &documents.candidate_inputs, &documents.request_pack];
    checks
        .check("counts_match_across_reports", counts_match(&counts), "record_counts_mismatch")
        .check("minimum_records_met", enough, "minimum_records_not_met")
        .check(
            "manifest_uses_sanitized_tmp_artifacts",
            nodes.into_iter().all(is_sanitized_tmp_artifact),
            "manifest_not_pointing_to_sanitized_tmp_artifacts",
        )
        .check(
            "external_output_contract_declared",
            output_contract_declared(&documents.output, manifest.request_count()),
            "external_output_contract_incomplete",
        )
        .check(
            "post_external_finalizer_declared",
            says_something(documents.manifest.get("preferred_post_external_run_command")),
            "preferred_post_external_run_command_missing",
        )
}

fn says_something(value: Value<'_>) -> bool {
    text(value).is_some_and(|text| !is_blank(&text))
}

/// Each count is the same integer in all three documents; the markers' too, in those that count them.
fn counts_match(counts: &[Counts<'_>; 3]) -> bool {
    let same = |value: for<'c> fn(&Counts<'c>) -> Value<'c>| {
        let [first, rest @ ..] = counts;
        integer(value(first)).is_some_and(|first| rest.iter().all(|counts| integer(value(counts)) == Some(first)))
    };
    let mut markers = counts.iter().filter(|c| c.expected_action_marker_records.is_some());
    let markers_match = markers.next().is_none_or(|first| {
        let first = integer(first.expected_action_marker_records);
        first.is_some() && markers.all(|counts| integer(counts.expected_action_marker_records) == first)
    });
    same(|c| c.fixtures) && same(|c| c.candidate_inputs) && same(|c| c.requests) && markers_match
}

/// A sanitized file below /tmp that is not the unsanitized one under its own name.
fn is_sanitized_tmp_artifact(node: &Node<'_>) -> bool {
    let path = text(node.get("local_path")).unwrap_or_default();
    let source = node.get("source_unsanitized_path");
    let is_another = source.is_none() || text(source).is_some_and(|source| source != path);
    let is_sanitized = path.as_bytes().windows("sanitized".len()).any(|part| part == b"sanitized");
    path.starts_with("/tmp/") && is_sanitized && is_another
}

fn output_contract_declared(output: &Node<'_>, requests: Integer<'_>) -> bool {
    let forbidden: Vec<&RawValue> = output
        .get("forbidden_model_output_fields")
        .and_then(|list| portcullis_sdk::json::read(list.get()).ok())
        .unwrap_or_default();
    text(output.get("required_path")).is_some_and(|path| path.starts_with("/tmp/"))
        && is_text(output.get("schema"), RESULT_SCHEMA)
        && integer(output.get("required_records")) == Some(requests)
        && is(output.get("one_result_per_request"), true)
        && SELF_GRADING.iter().all(|name| forbidden.iter().any(|field| is_text(Some(*field), name)))
}
