//! Gates, results and agents for tests.

use portcullis_sdk::{Answer, Finding, Kind};

use super::{AgentRecord, GateFacts, GateOutcome, GateResult, ModuleRecord, SignOff};
use crate::{
    agent::{
        AgentStatus, Checkpoint, Consequence, Content, ErrorBudget, Phase, Spent, Tier, Violation, ViolationSeverity,
        ViolationType,
    },
    digest::Digest,
    judge::{Cause, Fault, ResultCode},
    limits::Limits,
    manifest::Enforcement,
    trust::Time,
};

pub(crate) fn gate(name: &str) -> GateFacts {
    GateFacts {
        name: name.to_owned(),
        kind: Kind::Gate,
        stage: "checks".to_owned(),
        enforcement: Enforcement::Mandatory,
        module: ModuleRecord {
            content_digest: Digest::of(name.as_bytes()),
            name: format!("{name}-module"),
            version: "1.2.0".to_owned(),
            publisher: "acme".to_owned(),
            key_ids: vec!["k1".to_owned()],
        },
        params: serde_json::Map::new(),
        judged: Vec::new(),
        limits: Limits::default(),
    }
}

pub(crate) fn advisory(name: &str) -> GateFacts {
    GateFacts { enforcement: Enforcement::Advisory, ..gate(name) }
}

pub(crate) fn answer(json: &str) -> Answer {
    serde_json::from_str(json).expect("the sample is an answer")
}

pub(crate) fn fault(cause: Cause, message: &str) -> Fault {
    Fault { cause, message: message.to_owned() }
}

pub(crate) fn finding(code: &str, line: u32) -> Finding {
    Finding { path: Some("flows/a.aether".to_owned()), ..Finding::error(code, "it is wrong").on_line(line) }
}

pub(crate) fn sign_off(approver: &str) -> SignOff {
    SignOff {
        approver: approver.to_owned(),
        key_id: "k2".to_owned(),
        approval: Digest::of(approver.as_bytes()),
        reason: "looked at the log".to_owned(),
        issued: "2026-01-09T00:00:00Z".to_owned(),
        expires: "2026-01-16T00:00:00Z".to_owned(),
    }
}

/// A gate with that outcome and nothing that bears it out.
pub(crate) fn bare(gate: GateFacts, outcome: GateOutcome) -> GateResult {
    GateResult::empty(gate, outcome, ResultCode::Success)
}

/// An agent of tier 1 of which nothing more is known.
pub(crate) fn agent(name: &str, status: AgentStatus) -> AgentRecord {
    AgentRecord {
        agent: name.to_owned(),
        stage: format!("{name}s"),
        status,
        phase: None,
        tier: Tier::new(1).expect("a tier"),
        reason: None,
        hindrance: None,
        verified: false,
        outputs: Vec::new(),
        offences: 0,
        revocation: None,
        promotion: None,
        missing: Vec::new(),
        budget: ErrorBudget::default(),
        spent: Spent::default(),
        violations: Vec::new(),
    }
}

/// What an agent made in that phase.
pub(crate) fn output(phase: Phase) -> Checkpoint {
    let content = Content::read("{\"made\":1}").expect("content");
    Checkpoint { kind: phase.output_type().expect("a type"), phase, checksum: content.checksum().clone() }
}

/// A rule that an agent broke in EXECUTE, for the first time.
pub(crate) fn violation(agent: &str, kind: ViolationType, gate: Option<&str>, detail: &str) -> Violation {
    let severity: ViolationSeverity = kind.severity();
    Violation {
        rule: kind.into(),
        severity,
        consequence: Consequence::of(severity, 0),
        detail: detail.to_owned(),
        gate: gate.map(str::to_owned),
        agent_id: agent.to_owned(),
        run_id: "r-1".to_owned(),
        phase: Some(Phase::Execute),
        at: Time("2026-01-10T00:00:01Z".parse().expect("a time")),
    }
}
