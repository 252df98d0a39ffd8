//! The report, whole, in the answer's details.

use portcullis_sdk::prelude::*;
use serde::Serializer;

use crate::{
    documents::{Counts, Documents},
    value::{Integer, Node, Value, text},
};

#[derive(Serialize)]
struct Report<'a> {
    schema_version: &'static str,
    candidate_id: Cow<'a, str>,
    run_id: Cow<'a, str>,
    ready: bool,
    decision: &'static str,
    minimum_records: Integer<'a>,
    #[serde(serialize_with = "by_name")]
    gates: Vec<(String, bool)>,
    failures: Vec<String>,
    counts: AllCounts<'a>,
    artifacts: Artifacts<'a>,
    safety: Safety<'a>,
    next_actions: &'a [String],
}

#[derive(Serialize)]
struct AllCounts<'a> {
    manifest: Counts<'a>,
    sanitize_report: Counts<'a>,
    sanitized_preflight: Counts<'a>,
}

#[derive(Serialize)]
struct Artifacts<'a> {
    request_pack: &'a Node<'a>,
    candidate_inputs: &'a Node<'a>,
    fixtures: &'a Node<'a>,
    sanitize_report: Value<'a>,
    sanitized_preflight_report: Value<'a>,
    external_results_required_path: Value<'a>,
    preferred_post_external_run_command: Value<'a>,
}

#[derive(Serialize)]
struct Safety<'a> {
    external_calls_performed_by_codex: Value<'a>,
    approval_required_before_external_execution: Value<'a>,
    raw_artifacts_committed: Value<'a>,
    sensitive_marker_records: Value<'a>,
    candidate_input_label_leak_records: Value<'a>,
    request_context_label_leak_records: Value<'a>,
    request_only_records: Value<'a>,
    not_replacement_evidence_records: Value<'a>,
}

fn by_name<S: Serializer>(checks: &[(String, bool)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(checks.iter().map(|(name, passed)| (name, passed)))
}

/// The checks with the report and the next actions that follow from them.
pub fn attach(checks: Checks, documents: &Documents<'_>, minimum_records: Integer<'_>) -> Checks {
    let ready = checks.all_hold();
    let next_actions = next_actions(ready, &documents.output);
    let [manifest, sanitize_report, sanitized_preflight] = documents.counts();
    let report = Report {
        schema_version: "agent_nemotron_external_runner_readiness_v1",
        candidate_id: text(documents.manifest.get("candidate_id")).unwrap_or_default(),
        run_id: text(documents.manifest.get("run_id")).unwrap_or_default(),
        ready,
        decision: if ready { "ready_for_approval" } else { "blocked" },
        minimum_records,
        gates: checks.iter().map(|(name, passed)| (name.into(), passed)).collect(),
        failures: checks.failures().map(String::from).collect(),
        counts: AllCounts { manifest, sanitize_report, sanitized_preflight },
        artifacts: artifacts(documents),
        safety: safety(documents),
        next_actions: &next_actions,
    };
    let checks = checks.details(&report);
    next_actions.into_iter().fold(checks, Checks::next_action)
}

fn artifacts<'a>(documents: &'a Documents<'a>) -> Artifacts<'a> {
    let manifest = &documents.manifest;
    Artifacts {
        request_pack: &documents.request_pack,
        candidate_inputs: &documents.candidate_inputs,
        fixtures: &documents.fixtures,
        sanitize_report: manifest.get("sanitize_report"),
        sanitized_preflight_report: manifest.get("external_runner_preflight_report_sanitized"),
        external_results_required_path: documents.output.get("required_path"),
        preferred_post_external_run_command: manifest.get("preferred_post_external_run_command"),
    }
}

fn safety<'a>(documents: &Documents<'a>) -> Safety<'a> {
    let Documents { manifest, preflight, .. } = documents;
    Safety {
        external_calls_performed_by_codex: manifest.get("external_calls_performed_by_codex"),
        approval_required_before_external_execution: manifest.get("approval_required_before_external_execution"),
        raw_artifacts_committed: manifest.get("raw_artifacts_committed"),
        sensitive_marker_records: preflight.get("sensitive_marker_records"),
        candidate_input_label_leak_records: preflight.get("candidate_input_label_leak_records"),
        request_context_label_leak_records: preflight.get("request_context_label_leak_records"),
        request_only_records: preflight.get("request_only_records"),
        not_replacement_evidence_records: preflight.get("not_replacement_evidence_records"),
    }
}

fn next_actions(ready: bool, output: &Node<'_>) -> Vec<String> {
    if !ready {
        return vec![
            "Fix the readiness failures.".into(),
            "Regenerate sanitized fixtures, candidate inputs, and requests if needed.".into(),
            "Rerun sanitized preflight and readiness before any external execution.".into(),
        ];
    }
    let path = text(output.get("required_path")).unwrap_or_default();
    vec![
        "Obtain explicit commander approval before external execution.".into(),
        "Run the approved offline NeMo/NIM/Nemotron runner against the sanitized request pack only.".into(),
        format!("Write external results to {path}."),
        "Run the preferred post-external finalizer command.".into(),
    ]
}
