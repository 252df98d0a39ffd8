//! What an approval is worth in a run. Who signed is asked first: of a payload that no approver signed nothing is believed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    approval::{APPROVAL_TYPE, Approval, MAX_APPROVAL, Review},
    envelope::Envelope,
    key::{KeyId, PublicKey},
    problem::DocumentError,
    revoked::Revocations,
    root::{Window, check_span},
    strict_json::Time,
    trust_file::Approver,
};
use crate::{digest::Digest, text::excerpt};

/// How much of a name that an approval gives a message repeats, in characters.
const QUOTED: usize = 100;

/// An approval that counts: everything about it held when it was weighed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOff {
    /// The approver's name in the trust file.
    pub approver: String,
    /// The key that signed.
    pub key: KeyId,
    /// The digest of the approval's payload: its identity.
    pub approval: Digest,
    /// Why, in the approver's words; shown through [`crate::text::printable`].
    pub reason: String,
    /// When it was made.
    pub issued: Time,
    /// When its time is over.
    pub expires: Time,
}

/// Why an approval counts for nothing. Fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// Its time is over.
    #[error("it expired on {0}")]
    Expired(Time),
    /// It is issued in the future.
    #[error("it is issued on {0}, which is yet to come")]
    NotYetValid(Time),
    /// The key that signed it is revoked, or the approval itself is.
    #[error("{what} is revoked by `{id}`")]
    Revoked {
        /// The key, or the approval.
        what: &'static str,
        /// The entry of the list.
        id: String,
    },
    /// It is about other evidence.
    #[error("it is for other evidence: `{0}` is not what it was, or stands on one side alone")]
    OtherEvidence(String),
    /// It is about something else, or it is not known what the run is about.
    #[error("it is for the subject `{approved}`, and the run {}", about(.run.as_deref()))]
    OtherSubject {
        /// What it is for.
        approved: String,
        /// What the run is about.
        run: Option<String>,
    },
    /// It is about another module behind the gate.
    #[error("it is for the module {}, and the gate is another one", .0.short())]
    OtherModule(Digest),
    /// It is about other parameters of the gate.
    #[error("it is for other parameters of the gate")]
    OtherParams,
    /// It is about another pipeline.
    #[error("it is for the pipeline `{0}`")]
    OtherPolicy(String),
    /// It is about another gate; told where a caller weighs it without asking which gate it names.
    #[error("it is for the gate `{0}`")]
    OtherGate(String),
    /// Nobody who may approve the gate signed it.
    #[error("{0}")]
    WrongPerson(String),
    /// Its signature does not hold.
    #[error("{0}")]
    Tampered(String),
    /// It is no approval.
    #[error("it does not read: {0}")]
    Malformed(#[from] DocumentError),
}

impl Ignored {
    /// The stable code, as findings of the host spell it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired(_) => "APPROVAL_EXPIRED",
            Self::NotYetValid(_) => "APPROVAL_NOT_YET_VALID",
            Self::Revoked { .. } => "APPROVAL_REVOKED",
            Self::OtherEvidence(_) => "APPROVAL_OTHER_EVIDENCE",
            Self::OtherSubject { .. } => "APPROVAL_OTHER_SUBJECT",
            Self::OtherModule(_) => "APPROVAL_OTHER_MODULE",
            Self::OtherParams => "APPROVAL_OTHER_PARAMS",
            Self::OtherPolicy(_) => "APPROVAL_OTHER_POLICY",
            Self::OtherGate(_) => "APPROVAL_OTHER_GATE",
            Self::WrongPerson(_) => "APPROVAL_WRONG_PERSON",
            Self::Tampered(_) => "APPROVAL_TAMPERED",
            Self::Malformed(_) => "APPROVAL_MALFORMED",
        }
    }
}

fn about(subject: Option<&str>) -> String {
    subject.map_or_else(|| "has none".to_owned(), |subject| format!("is about `{subject}`"))
}

/// What the signed approval `bytes` is worth for `review` at `now`: who signed it off, or why it counts for nothing.
///
/// Of several approvers who signed, one who may is enough; what else stands on it, valid or not, takes nothing away.
///
/// # Errors
/// When it does not count, with the first reason in the order: envelope, person, revocation, payload, time, binding.
pub fn weigh(
    bytes: &[u8],
    review: &Review<'_>,
    approvers: &BTreeMap<String, Approver>,
    revocations: &Revocations,
    now: Timestamp,
) -> Result<SignedOff, Ignored> {
    if bytes.len() as u64 > MAX_APPROVAL {
        return Err(DocumentError::Schema(format!("the approval has more than {MAX_APPROVAL} bytes")).into());
    }
    let envelope = Envelope::parse(bytes)?;
    let payload = envelope.expect_type(APPROVAL_TYPE)?;
    let digest = Digest::of(payload);
    let people = People { approvers, revocations, approval: &digest, gate: review.gate, now };
    let (approver, key) = people.signer(&envelope)?;
    if let Some(revocation) = revocations.of_module(&digest).next() {
        return Err(revoked("the approval", revocation.id()));
    }
    let approval = Approval::parse(payload)?;
    check_time(&approval, now)?;
    check_bound(&approval, review)?;
    let Approval { reason, issued, expires, .. } = approval;
    Ok(SignedOff { approver: approver.to_owned(), key, approval: digest, reason, issued, expires })
}

fn check_time(approval: &Approval, now: Timestamp) -> Result<(), Ignored> {
    check_span(Some(approval.issued), Some(approval.expires), now).map_err(|error| match error {
        DocumentError::NotYetValid(issued) => Ignored::NotYetValid(issued),
        DocumentError::Expired(expires) => Ignored::Expired(expires),
        other => Ignored::Malformed(other),
    })
}

/// Whether the approval is of this very review.
fn check_bound(approval: &Approval, review: &Review<'_>) -> Result<(), Ignored> {
    let named = |name: &str| excerpt(name, QUOTED);
    if approval.policy != review.policy {
        return Err(Ignored::OtherPolicy(named(&approval.policy)));
    }
    if approval.gate != review.gate {
        return Err(Ignored::OtherGate(named(&approval.gate)));
    }
    if approval.module != review.module {
        return Err(Ignored::OtherModule(approval.module));
    }
    if approval.params != review.params {
        return Err(Ignored::OtherParams);
    }
    if let Some(name) = differing(&approval.evidence, review.evidence) {
        return Err(Ignored::OtherEvidence(named(name)));
    }
    if review.subject != Some(approval.subject.as_str()) {
        return Err(Ignored::OtherSubject { approved: named(&approval.subject), run: review.subject.map(named) });
    }
    Ok(())
}

/// The first name that has another digest in one map than in the other, or none.
fn differing<'a>(one: &'a BTreeMap<String, Digest>, other: &'a BTreeMap<String, Digest>) -> Option<&'a str> {
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).min().map(String::as_str)
}

fn revoked(what: &'static str, id: &str) -> Ignored {
    Ignored::Revoked { what, id: excerpt(id, QUOTED) }
}

/// Those who may approve, and what they are asked about.
struct People<'a> {
    approvers: &'a BTreeMap<String, Approver>,
    revocations: &'a Revocations,
    approval: &'a Digest,
    gate: &'a str,
    now: Timestamp,
}

/// A key and whose it is.
struct Holder<'a> {
    name: &'a str,
    approver: &'a Approver,
    key: KeyId,
    window: Window,
}

impl<'a> People<'a> {
    /// The first approver, by name, whose signature counts; else why the one that came nearest does not.
    fn signer(&self, envelope: &Envelope) -> Result<(&'a str, KeyId), Ignored> {
        let keys = self.approvers.values().flat_map(|approver| &approver.keys).map(|(key, _)| key);
        let signed = envelope.signers(keys);
        let mut nearest = None;
        for holder in self.holders().filter(|holder| signed.contains(&holder.key)) {
            match self.check(&holder) {
                Ok(()) => return Ok((holder.name, holder.key)),
                Err(ignored @ Ignored::Revoked { .. }) => nearest = Some(ignored),
                Err(ignored) => nearest = nearest.or(Some(ignored)),
            }
        }
        Err(nearest.unwrap_or_else(|| self.unsigned(envelope)))
    }

    fn holders(&self) -> impl Iterator<Item = Holder<'a>> {
        self.approvers.iter().flat_map(|(name, approver)| {
            let holder = move |(key, window): &(PublicKey, Window)| {
                let (key, window) = (key.id(), *window);
                Holder { name, approver, key, window }
            };
            approver.keys.iter().map(holder)
        })
    }

    fn check(&self, holder: &Holder<'_>) -> Result<(), Ignored> {
        let Holder { name, approver, key, window } = holder;
        let (name, short) = (excerpt(name, QUOTED), key.short());
        // A trust file has no such key; whose word it would be, nobody could say.
        if self.holders().any(|other| other.key == *key && other.name != holder.name) {
            return Err(Ignored::WrongPerson(format!("the key {short} that signed it is of more than one approver")));
        }
        if !window.holds(self.now) {
            return Err(Ignored::WrongPerson(format!("the key {short} of `{name}` that signed it does not count now")));
        }
        if !approver.may_approve(self.gate) {
            return Err(Ignored::WrongPerson(format!("`{name}`, who signed it, may not approve this gate")));
        }
        match self.revocations.of_key(key, self.approval).next() {
            Some(revocation) => Err(revoked("the key that signed it", revocation.id())),
            None => Ok(()),
        }
    }

    /// What to call an envelope that no approver signed: changed, where it says that one did or that nobody did.
    fn unsigned(&self, envelope: &Envelope) -> Ignored {
        let named: Vec<KeyId> = envelope.key_ids().filter_map(|id| id.parse().ok()).collect();
        let of = |holder: &Holder<'_>| named.contains(&holder.key);
        match (self.holders().find(of), named.first()) {
            (Some(holder), _) => {
                let name = excerpt(holder.name, QUOTED);
                Ignored::Tampered(format!("the signature with the name of a key of `{name}` is not of that key"))
            }
            (None, Some(key)) => {
                Ignored::WrongPerson(format!("the key {} that it names is no approver's", key.short()))
            }
            (None, None) => Ignored::Tampered("no signature on it is an approver's".to_owned()),
        }
    }
}
