//! What one call came to, as JSON: the fields of the record's `gates`, as far as a lone call has them.

use portcullis_sdk::{Check, Finding, Json, RuntimeEvidence, Violation};
use serde::Serialize;

use crate::{
    decision::FaultRecord,
    digest::Digest,
    judge::{Judgement, Outcome},
    text::inert,
};

/// Which module was asked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its content digest.
    pub content_digest: Digest,
    /// The name in its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version in its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether its signatures were checked; an unverified module decides nothing.
    pub verified: bool,
    /// The publisher, where a trust file named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutcomeRecord<'a> {
    outcome: &'static str,
    code: u32,
    code_name: &'static str,
    summary: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    checks: &'a [Check],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    evidence: &'a [RuntimeEvidence],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    violations: &'a [Violation],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    next_actions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a Identity>,
    fuel_used: u64,
    fuel_limit: u64,
    memory_peak_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
}

/// `judgement` as one JSON object; on one line, and without the one field that differs from run to run, unless `pretty`.
#[must_use]
pub fn outcome_json(judgement: &Judgement, module: Option<&Identity>, pretty: bool) -> String {
    let usage = &judgement.usage;
    let mut record = OutcomeRecord {
        outcome: "fault",
        code: 0,
        code_name: "",
        summary: "",
        checks: &[],
        findings: &[],
        evidence: &[],
        violations: &[],
        next_actions: &[],
        details: None,
        fault: None,
        module,
        fuel_used: usage.fuel,
        fuel_limit: usage.fuel_limit,
        memory_peak_bytes: usage.memory_peak,
        duration_ms: pretty.then(|| usage.duration.as_micros() as f64 / 1_000.0),
    };
    let code = match &judgement.outcome {
        Outcome::Fault(fault) => {
            record.fault = Some(FaultRecord::from(fault));
            record.summary = &fault.message;
            fault.cause.result_code()
        }
        Outcome::Answered(answer) => {
            record.outcome = answer.verdict.name();
            record.summary = &answer.summary;
            record.checks = &answer.checks;
            record.findings = &answer.findings;
            record.evidence = &answer.evidence;
            record.violations = &answer.violations;
            record.next_actions = &answer.next_actions;
            record.details = answer.details.as_ref();
            crate::decision::code_of(answer.verdict, &answer.findings)
        }
    };
    (record.code, record.code_name) = (code.number(), code.name());
    let written = if pretty { serde_json::to_string_pretty(&record) } else { serde_json::to_string(&record) };
    let text = inert(written.unwrap_or_default());
    // A part that the gate wrote stays as it was written; its line feeds stand outside of strings, where a space does.
    if !pretty && text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text }
}
