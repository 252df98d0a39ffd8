//! Whether the work is complete: what the probes of a run saw, held against what the manifest asks to be shown.
//!
//! It stands beside the decision and never changes it: probes are gates, too, and decide by the rule. What a rule or an
//! advisory probe lets pass, completion does not.

use serde::Serialize;

use portcullis_sdk::Kind;

use super::{
    combine::{Reason, Ruling},
    gate::{GateOutcome, GateResult},
};
use crate::{
    manifest::{Completion, CompletionMode},
    text::excerpt,
};

/// How much of a name or a sentence a reason repeats, in characters.
const QUOTED: usize = 200;

/// Whether the work is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CompletionOutcome {
    /// All that has to be shown was.
    Complete,
    /// Something speaks against it: a probe that failed or gave no evidence, or the decision.
    Blocked,
    /// Nothing speaks against it, and something was not shown.
    Incomplete,
}

impl CompletionOutcome {
    /// Its name in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Blocked => "blocked",
            Self::Incomplete => "incomplete",
        }
    }
}

/// `completion` in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionRecord {
    /// What stands in the way.
    pub mode: CompletionMode,
    /// The class that binds kinds and mode, where the manifest names one.
    pub task_class: Option<&'static str>,
    /// What it comes to.
    pub outcome: CompletionOutcome,
    /// What probes saw, in the manifest's order, and behind them what has to be shown and nobody looked at.
    pub probes: Vec<ProbeRecord>,
    /// Why it is not complete; empty where it is.
    pub reasons: Vec<Reason>,
}

/// One kind of look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeRecord {
    /// The kind, in the words of whoever gave the evidence; nothing where a gate gave none, and the manifest does not say what
    /// it was to show.
    pub kind: Option<String>,
    /// The gate; nothing where none looked.
    pub gate: Option<String>,
    /// What it came to.
    pub status: ProbeStatus,
    /// One sentence without a full stop, fit for a terminal.
    pub reason: String,
}

/// What one look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeStatus {
    /// There is evidence, and it passed.
    Passed,
    /// What was seen is not as it should be.
    Failed,
    /// The gate gave no verdict, or was not asked.
    Faulted,
    /// Nobody looked. Never a pass.
    Deferred,
}

impl ProbeStatus {
    /// Its name in the record.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Faulted => "faulted",
            Self::Deferred => "deferred",
        }
    }
}

/// Whether a run that was decided so, over `gates`, is complete as `asked`.
///
/// A decision that is no go is never complete. A probe that failed, gave no verdict or could not be asked blocks: any probe of
/// the run in `product_complete`; in `code_complete` those of its own kinds, and whatever may be one of them. Each kind that is
/// asked for has to be shown by evidence that passed, from the gate that the manifest binds to it where it does; where no
/// kind is asked for, one piece of evidence has to pass.
#[must_use]
pub fn completion(asked: &Completion, ruling: Ruling, gates: &[GateResult]) -> CompletionRecord {
    let mut probes: Vec<ProbeRecord> = gates.iter().flat_map(|gate| looks(asked, gate)).collect();
    probes.extend(asked.kinds.iter().filter_map(|kind| nobodys(asked, kind, &probes)).collect::<Vec<_>>());
    let against: Vec<Reason> =
        decision_reason(ruling).into_iter().chain(probes.iter().filter_map(|probe| against(asked, probe))).collect();
    let open = open(asked, &probes);
    let outcome = match (against.is_empty(), open.is_empty()) {
        (false, _) => CompletionOutcome::Blocked,
        (true, false) => CompletionOutcome::Incomplete,
        (true, true) => CompletionOutcome::Complete,
    };
    let reasons = against.into_iter().chain(open).collect();
    CompletionRecord { mode: asked.mode, task_class: asked.task_class, outcome, probes, reasons }
}

/// What one gate shows; nothing where it is no probe and nothing is asked of it.
fn looks(asked: &Completion, gate: &GateResult) -> Vec<ProbeRecord> {
    let name = gate.gate.name.as_str();
    let bound = || asked.probes.iter().filter(|(_, gate)| gate == name).map(|(kind, _)| *kind);
    let look = |kind: Option<&str>, status, reason: &str| ProbeRecord {
        kind: kind.map(str::to_owned),
        gate: Some(name.to_owned()),
        status,
        reason: excerpt(reason, QUOTED),
    };
    if gate.gate.kind != Kind::Probe {
        let reason = format!("it is signed as a {}, and shows nothing of what ran", gate.gate.kind.name());
        return bound().map(|kind| look(Some(kind), ProbeStatus::Faulted, &reason)).collect();
    }
    let without_evidence = |status, reason: &str| -> Vec<ProbeRecord> {
        if bound().next().is_none() {
            return vec![look(None, status, reason)];
        }
        bound().map(|kind| look(Some(kind), status, reason)).collect()
    };
    let seen = gate.evidence.iter().map(|evidence| {
        let status = if evidence.passed { ProbeStatus::Passed } else { ProbeStatus::Failed };
        look(Some(&evidence.probe_kind), status, &evidence.summary)
    });
    let gave = |kind: &str| gate.evidence.iter().any(|evidence| evidence.probe_kind == kind);
    let missing = bound().filter(|kind| !gave(kind));
    match gate.outcome {
        GateOutcome::Fault(_) | GateOutcome::Skipped(_) => without_evidence(ProbeStatus::Faulted, &gate.headline()),
        GateOutcome::NotApplicable | GateOutcome::Review | GateOutcome::NotTaken(_) => {
            without_evidence(ProbeStatus::Deferred, &gate.headline())
        }
        // That something else speaks against it is against all that it shows.
        GateOutcome::Fail if gate.evidence.iter().all(|evidence| evidence.passed) => {
            without_evidence(ProbeStatus::Failed, &gate.headline())
        }
        GateOutcome::Pass | GateOutcome::Fail => seen
            .chain(missing.map(|kind| look(Some(kind), ProbeStatus::Failed, "it gave no evidence of this kind")))
            .collect(),
    }
}

/// That nobody looked at a kind that is asked for.
fn nobodys(asked: &Completion, kind: &str, probes: &[ProbeRecord]) -> Option<ProbeRecord> {
    let bound = asked.gate_of(kind);
    let is_shown = |probe: &ProbeRecord| {
        probe.kind.as_deref() == Some(kind) && bound.is_none_or(|bound| probe.gate.as_deref() == Some(bound))
    };
    if probes.iter().any(is_shown) {
        return None;
    }
    let reason = match bound {
        Some(gate) => format!("gate `{}` is no part of this run", excerpt(gate, QUOTED)),
        None => "no probe of this run gives evidence of this kind".to_owned(),
    };
    Some(ProbeRecord { kind: Some(kind.to_owned()), gate: None, status: ProbeStatus::Deferred, reason })
}

fn decision_reason(ruling: Ruling) -> Option<Reason> {
    let message = format!("the decision is {}", ruling.name());
    (ruling != Ruling::Go).then_some(Reason { code: "decision-not-go".into(), gate: None, message })
}

/// Why a look blocks completion, if it does.
fn against(asked: &Completion, probe: &ProbeRecord) -> Option<Reason> {
    let (code, what) = match probe.status {
        ProbeStatus::Failed => ("probe-failed", "failed"),
        ProbeStatus::Faulted => ("probe-faulted", "gave no evidence"),
        ProbeStatus::Passed | ProbeStatus::Deferred => return None,
    };
    let counts = match (asked.mode, &probe.kind) {
        // What a gate would have shown that the manifest binds to nothing is not known.
        (CompletionMode::ProductComplete, _) | (_, None) => true,
        (CompletionMode::CodeComplete, Some(kind)) => asked.kinds.is_empty() || asked.kinds.contains(&kind.as_str()),
    };
    counts.then(|| reason(code, probe, what))
}

/// What has still to be shown.
fn open(asked: &Completion, probes: &[ProbeRecord]) -> Vec<Reason> {
    let is_asked_for = |probe: &&ProbeRecord| {
        probe.status == ProbeStatus::Deferred && probe.kind.as_deref().is_some_and(|kind| asked.kinds.contains(&kind))
    };
    let deferred = probes.iter().filter(is_asked_for).map(|probe| reason("probe-deferred", probe, "is deferred"));
    let mut open: Vec<Reason> = deferred.collect();
    if asked.kinds.is_empty() && !probes.iter().any(|probe| probe.status == ProbeStatus::Passed) {
        let message = "no probe passed, and nothing is never complete".to_owned();
        open.push(Reason { code: "nothing-shown".into(), gate: None, message });
    }
    open
}

fn reason(code: &'static str, probe: &ProbeRecord, what: &str) -> Reason {
    let kind = probe.kind.as_ref().map(|kind| format!(" `{}`", excerpt(kind, QUOTED))).unwrap_or_default();
    let gate = probe.gate.as_ref().map(|gate| format!(" of gate `{}`", excerpt(gate, QUOTED))).unwrap_or_default();
    let message = format!("probe{kind}{gate} {what}: {}", probe.reason);
    Reason { code: code.into(), gate: probe.gate.clone(), message }
}

#[cfg(test)]
#[path = "completion_tests.rs"]
mod tests;
