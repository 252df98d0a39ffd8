//! What speaks against what was judged, and what is to be known of an agent: one row a thing, the same for every form in
//! which it is shown.

use std::borrow::Cow;

use portcullis_sdk::{Finding, Severity};

use super::is_unsigned;
use crate::{
    agent::{Cause, Consequence, Violation},
    decision::{AgentRecord, GateResult, place, told},
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
    /// A rule that an agent broke, with what followed from it.
    Broken(Consequence),
    /// A promotion that an agent has asked for and not got.
    Promotion,
    /// What the shared state does not hold.
    Unwritten,
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
            Self::Broken(consequence) => consequence.name(),
            Self::Promotion => "asks",
            Self::Unwritten => "unwritten",
        }
    }
}

/// One thing that speaks against what was judged. Hostile text.
pub(super) struct Row<'a> {
    pub(super) kind: RowKind,
    pub(super) code: &'a str,
    pub(super) text: Cow<'a, str>,
    subject: Subject<'a>,
}

/// What a row is about, as far as that has a place.
enum Subject<'a> {
    Nothing,
    Finding(&'a Finding),
    Violation(&'a Violation),
}

impl<'a> Row<'a> {
    fn new(kind: RowKind, code: &'a str, text: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, code, text: text.into(), subject: Subject::Nothing }
    }

    /// Where it is; empty where it has no place. Of a rule that an agent broke: how grave that is, and the agent's phase.
    pub(super) fn place(&self) -> String {
        match self.subject {
            Subject::Nothing => String::new(),
            Subject::Finding(finding) => place(finding),
            Subject::Violation(Violation { severity, phase: Some(phase), .. }) => format!("{severity} in {phase}"),
            Subject::Violation(Violation { severity, phase: None, .. }) => severity.name().to_owned(),
        }
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
    let severities = [Severity::Error, Severity::Warning, Severity::Note].into_iter();
    let ranks = severities.flat_map(|severity| [(severity, false), (severity, true)]);
    let findings = ranks.flat_map(|(severity, was_there)| {
        let is_old = |found: &Found| found.state == Some(BaselineState::Unchanged);
        // What is suppressed is counted in the details, and shown in the record.
        let speaks = move |found: &&Found| {
            found.severity == severity && found.suppressed.is_none() && is_old(found) == was_there
        };
        gate.findings.iter().filter(speaks).map(move |found| {
            let row = Row::new(RowKind::Finding(severity), &found.code, worded(found));
            Row { subject: Subject::Finding(&found.finding), ..row }
        })
    });
    let evidence = gate.evidence.iter().filter(|evidence| !evidence.passed);
    let evidence = evidence.map(|evidence| Row::new(RowKind::Probe, &evidence.probe_kind, evidence.summary.as_str()));
    let violations = gate.violations.iter();
    let violations = violations.map(|violation| Row::new(RowKind::Rule, &violation.kind, violation.detail.as_str()));
    fault.into_iter().chain(review).chain(checks).chain(findings).chain(evidence).chain(violations)
}

/// Everything that is to be known of `agent` beside how it fares: the rules that it broke, in their order, what it was revoked
/// for where that is no rule, what it asks for, and what nobody will find in the shared state.
pub(super) fn of_agent(agent: &AgentRecord) -> impl Iterator<Item = Row<'_>> {
    let broken = agent.violations.iter().map(|violation| {
        let text = match &violation.gate {
            Some(gate) => Cow::Owned(format!("{gate}: {}", violation.detail)),
            None => Cow::Borrowed(violation.detail.as_str()),
        };
        let row = Row::new(RowKind::Broken(violation.consequence), violation.rule.name(), text);
        Row { subject: Subject::Violation(violation), ..row }
    });
    let elsewhere = agent.revocation.iter().filter(|revocation| revocation.cause == Cause::Token).map(|revocation| {
        Row::new(RowKind::Broken(Consequence::Revoked), revocation.cause.name(), revocation.reason.as_str())
    });
    let asks = agent.promotion.iter().map(|promotion| {
        let text = format!("to be moved up from tier {} to {}: {}", promotion.from, promotion.to, promotion.reason);
        Row::new(RowKind::Promotion, "promotion", text)
    });
    let missing = agent.missing.iter().map(|missing| Row::new(RowKind::Unwritten, "state", missing.as_str()));
    broken.chain(elsewhere).chain(asks).chain(missing)
}
