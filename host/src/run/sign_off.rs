//! People's word on reviews: each gate that left something to people is held against the approvals that are at hand.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portcullis_sdk::Finding;
use serde_json::{Map, Value};

use crate::{
    decision::{GateOutcome, GateResult, SignOff},
    digest::Digest,
    evidence::Collected,
    files::shown,
    intake::{ApprovalFile, Intake, Settings},
    manifest::{GatePlan, Plan},
    text::excerpt,
    trust::{Approver, Review, Revocations, SignedOff, gate_named, weigh},
};

/// The approvals at hand, and what they are weighed by.
pub struct SignOffs<'a> {
    /// Every file that was found.
    pub files: &'a [ApprovalFile],
    /// Who may approve what.
    pub approvers: &'a BTreeMap<String, Approver>,
    /// What is revoked.
    pub revocations: &'a Revocations,
    /// The run's clock.
    pub now: Timestamp,
    /// The pipeline's name.
    pub policy: &'a str,
    /// What the run is about, where that is known.
    pub subject: Option<&'a str>,
}

impl<'a> SignOffs<'a> {
    /// What a run weighs approvals by.
    pub(super) fn of(plan: &'a Plan, settings: &'a Settings, intake: &'a Intake<'_>, now: Timestamp) -> Self {
        Self {
            files: &intake.approvals,
            approvers: &intake.trust.file.approvers,
            revocations: intake.trust.standing.revocations(),
            now,
            policy: &plan.name,
            subject: settings.subject.as_deref(),
        }
    }

    /// What the gate came to once people were heard: a review that someone signed off is a pass. Every approval of the gate
    /// that counts for nothing becomes a finding, so that nobody wonders where their word went.
    /// `judged` is what it judged, as [`judged_evidence`] has it.
    #[must_use]
    pub fn heard(&self, result: GateResult, gate: &GatePlan, judged: &BTreeMap<String, Digest>) -> GateResult {
        if result.outcome != GateOutcome::Review || self.files.is_empty() {
            return result;
        }
        let review = Review {
            policy: self.policy,
            gate: &gate.name,
            module: result.gate.module.content_digest,
            params: params_digest(&gate.params),
            evidence: judged,
            subject: self.subject,
        };
        let mut result = result;
        for file in self.files {
            match self.weigh(file, &review) {
                None => {}
                Some(Ok(signed)) => result = result.signed_off(sign_off(signed)),
                Some(Err((code, reason))) => result.findings.push(ignored(file, code, &reason).into()),
            }
        }
        result
    }

    /// What one file is worth for a review; nothing where it is about another gate. What names no gate may be about any.
    fn weigh(&self, file: &ApprovalFile, review: &Review<'_>) -> Option<Result<SignedOff, (&'static str, String)>> {
        let bytes = match &file.bytes {
            Ok(bytes) => bytes,
            Err(reason) => return Some(Err(("APPROVAL_MALFORMED", reason.clone()))),
        };
        if gate_named(bytes).is_some_and(|gate| gate != review.gate) {
            return None;
        }
        let weighed = weigh(bytes, review, self.approvers, self.revocations, self.now);
        Some(weighed.map_err(|ignored| (ignored.code(), ignored.to_string())))
    }
}

/// The digest of a gate's parameters, which an approval is bound to: of their JSON, in the manifest's order.
#[must_use]
pub fn params_digest(params: &Map<String, Value>) -> Digest {
    Digest::of(Value::Object(params.clone()).to_string().as_bytes())
}

/// The evidence that a gate judges, by what the gate knows it as: what an approval of it is bound to. What could not be
/// collected is left out; a gate that needs it is not asked.
#[must_use]
pub fn judged_evidence(gate: &GatePlan, plan: &Plan, evidence: &Collected) -> BTreeMap<String, Digest> {
    let named = |(name, index): (Option<&str>, usize)| {
        let source = plan.evidence.get(index)?;
        let digest = evidence.get(index)?.ok()?.digest;
        Some((name.unwrap_or(&source.name).to_owned(), digest))
    };
    gate.input.members().into_iter().filter_map(named).collect()
}

fn sign_off(signed: SignedOff) -> SignOff {
    SignOff {
        approver: signed.approver,
        key_id: signed.key.to_string(),
        approval: signed.approval,
        reason: excerpt(&signed.reason, 1_000),
        issued: signed.issued.to_string(),
        expires: signed.expires.to_string(),
    }
}

fn ignored(file: &ApprovalFile, code: &str, reason: &str) -> Finding {
    Finding::warning(code, format!("the approval in `{}` counts for nothing: {reason}", shown(&file.path)))
}
