//! Gates and results for tests.

use portcullis_sdk::{Answer, Finding, Kind};

use super::{GateFacts, GateOutcome, GateResult, ModuleRecord, SignOff};
use crate::{
    digest::Digest,
    judge::{Cause, Fault, ResultCode},
    limits::Limits,
    manifest::Enforcement,
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
