//! What speaks against what was judged, one row a thing, the same for every form in which it is shown.

use std::borrow::Cow;

use portcullis_sdk::{Finding, Severity};

use super::is_unsigned;
use crate::{
    decision::{GateResult, place, told},
    findings::{BaselineState, Found},
};

/// What kind of thing a row tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Why there is no verdict.
    Fault,
    /// That a person has to look.
    Review,
    /// A check that does not hold.
    Check,
    /// A finding, by its severity.
    Finding(Severity),
    /// A probe that did not pass.
    Probe,
    /// A rule of the pipeline that was broken.
    Rule,
}

impl RowKind {
    /// Its name in front of a row.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Review => "review",
            Self::Check => "check",
            Self::Finding(Severity::Error) => "error",
            Self::Finding(Severity::Warning) => "warning",
            Self::Finding(Severity::Note) => "note",
            Self::Probe => "probe",
            Self::Rule => "rule",
        }
    }
}

/// One thing that speaks against what was judged. Hostile text.
pub(super) struct Row<'a> {
    pub(super) kind: RowKind,
    pub(super) code: &'a str,
    pub(super) text: Cow<'a, str>,
    finding: Option<&'a Finding>,
}

impl<'a> Row<'a> {
    fn new(kind: RowKind, code: &'a str, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, code, text: text.into(), finding: None }
    }

    /// Where it is; empty where it has no place.
    pub(super) fn place(&self) -> String {
        self.finding.map(place).unwrap_or_default()
    }
}

/// What is wrong, what to do about it, and whether it was there before.
fn worded(found: &Found) -> Cow<'_, str> {
    let before = if found.state == Some(BaselineState::Unchanged) { "not new: " } else { "" };
    match &found.fix {
        None if before.is_empty() => Cow::Borrowed(&found.message),
        fix => {
            let fix = fix.as_ref().map(|fix| format!("; {fix}")).unwrap_or_default();
            Cow::Owned(format!("{before}{}{fix}", found.message))
        }
    }
}

/// Everything that speaks against what `gate` judged, the most important first.
pub(super) fn rows(gate: &GateResult) -> impl Iterator<Item = Row<'_>> {
    let fault = gate.fault().map(|fault| Row::new(RowKind::Fault, fault.cause.code(), told(fault)));
    let review = is_unsigned(gate).then(|| Row::new(RowKind::Review, "review-unsigned", gate.headline()));
    let checks = gate.checks.iter().filter(|check| !check.passed);
    let checks = checks.map(|check| Row::new(RowKind::Check, &check.id, check.failure.as_deref().unwrap_or("failed")));
    let findings = [Severity::Error, Severity::Warning, Severity::Note].into_iter().flat_map(|severity| {
        // What is suppressed is counted in the details, and shown in the record.
        let speaks = move |found: &&Found| found.severity == severity && found.suppressed.is_none();
        gate.findings.iter().filter(speaks).map(move |found| {
            let row = Row::new(RowKind::Finding(severity), &found.code, worded(found));
            Row { finding: Some(&found.finding), ..row }
        })
    });
    let evidence = gate.evidence.iter().filter(|evidence| !evidence.passed);
    let evidence = evidence.map(|evidence| Row::new(RowKind::Probe, &evidence.probe_kind, evidence.summary.as_str()));
    let violations = gate.violations.iter();
    let violations = violations.map(|violation| Row::new(RowKind::Rule, &violation.kind, violation.detail.as_str()));
    fault.into_iter().chain(review).chain(checks).chain(findings).chain(evidence).chain(violations)
}
