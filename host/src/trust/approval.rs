//! Approvals (`application/vnd.portcullis.approval.v1+json`): a person's signed word that a review passes, bound to what
//! that person saw. What one is worth in a run says [`super::weigh`].

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{
    envelope::Envelope,
    metadata::is_name,
    private_key::PrivateKey,
    problem::DocumentError,
    strict_json::{self, Time},
};
use crate::{
    digest::Digest,
    text::{excerpt, is_unsafe},
};

/// The payload's type.
pub const APPROVAL_TYPE: &str = "application/vnd.portcullis.approval.v1+json";
/// The most bytes that a signed approval may have; an honest one has about a thousand.
pub const MAX_APPROVAL: u64 = 512 << 10;
const KIND: &str = "approval";
/// Bytes of a payload: in base64 and with as many signatures as an envelope may have, it is within [`MAX_APPROVAL`].
const MAX_PAYLOAD: usize = 256 << 10;
/// Bytes of an id.
const MAX_ID: usize = 64;
/// Bytes of a subject.
const MAX_SUBJECT: usize = 256;
/// Bytes of a reason.
const MAX_REASON: usize = 4096;

/// An approval as it is written. Serialised, it is the payload of a signed one. It names nobody: who approves follows from
/// the key that signs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    #[serde(rename = "type")]
    kind: String,
    /// Its name among people; what identifies it is the digest of its payload.
    pub id: String,
    /// The pipeline.
    pub policy: String,
    /// The gate.
    pub gate: String,
    /// The content of the module behind the gate.
    pub module: Digest,
    /// The gate's parameters.
    pub params: Digest,
    /// The evidence that the gate judged, by name.
    pub evidence: BTreeMap<String, Digest>,
    /// What the decision is about, such as `git:` and a commit.
    pub subject: String,
    /// Why, in the approver's words; shown through [`crate::text::printable`].
    pub reason: String,
    /// When it was made.
    pub issued: Time,
    /// When its time is over.
    pub expires: Time,
}

/// A review as it stands in a run: all that an approval of it has to be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review<'a> {
    /// The pipeline.
    pub policy: &'a str,
    /// The gate.
    pub gate: &'a str,
    /// The content of the module behind the gate.
    pub module: Digest,
    /// The gate's parameters.
    pub params: Digest,
    /// The evidence that the gate judged, by name; empty where it judged none.
    pub evidence: &'a BTreeMap<String, Digest>,
    /// What the decision is about, where that is known; nothing can be approved without it.
    pub subject: Option<&'a str>,
}

impl Approval {
    /// The approval of `review`. Its id follows from what it says, so that the same is never there under two names.
    ///
    /// # Errors
    /// When the review has no subject, or a part breaks a rule of the format.
    pub fn of(review: &Review<'_>, reason: &str, issued: Time, expires: Time) -> Result<Self, DocumentError> {
        let subject = review.subject.ok_or_else(|| DocumentError::schema("an approval needs a subject"))?;
        let mut approval = Self {
            kind: KIND.to_owned(),
            id: "A-0".to_owned(),
            policy: review.policy.to_owned(),
            gate: review.gate.to_owned(),
            module: review.module,
            params: review.params,
            evidence: review.evidence.clone(),
            subject: subject.to_owned(),
            reason: reason.to_owned(),
            issued,
            expires,
        };
        approval.id = format!("A-{}", Digest::of(&approval.to_payload()?).short());
        Ok(approval)
    }

    /// Reads a payload; says nothing about who signed it.
    ///
    /// # Errors
    /// With `duplicate-key` or `schema` when it is not one.
    pub fn parse(payload: &[u8]) -> Result<Self, DocumentError> {
        if payload.len() > MAX_PAYLOAD {
            return Err(too_large());
        }
        let approval: Self = strict_json::read(payload)?;
        approval.check()?;
        Ok(approval)
    }

    /// The payload, one line of JSON.
    ///
    /// # Errors
    /// When it breaks a rule of the format.
    pub fn to_payload(&self) -> Result<Vec<u8>, DocumentError> {
        self.check()?;
        let payload = serde_json::to_vec(self).map_err(|error| DocumentError::schema(error.to_string()))?;
        if payload.len() > MAX_PAYLOAD { Err(too_large()) } else { Ok(payload) }
    }

    /// The approval, signed by `key`.
    ///
    /// # Errors
    /// When it breaks a rule of the format.
    pub fn seal(&self, key: &PrivateKey) -> Result<Envelope, DocumentError> {
        let mut envelope = Envelope::new(APPROVAL_TYPE, self.to_payload()?);
        envelope.sign(key);
        Ok(envelope)
    }

    fn check(&self) -> Result<(), DocumentError> {
        if self.kind != KIND {
            let kind = excerpt(&self.kind, 64);
            return Err(DocumentError::Schema(format!("the document is a `{kind}`, not an approval")));
        }
        match self.flaw() {
            Some(flaw) => Err(DocumentError::schema(flaw)),
            None => Ok(()),
        }
    }

    fn flaw(&self) -> Option<&'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_id = |id: &str| !id.is_empty() && id.len() <= MAX_ID && id.bytes().all(is_plain);
        let is_subject = |text: &str| !text.is_empty() && text.len() <= MAX_SUBJECT && !text.contains(is_unsafe);
        if !self.id.strip_prefix("A-").is_some_and(is_id) {
            Some("the id is not `A-` and letters or digits")
        } else if !is_name(&self.policy) || !is_name(&self.gate) {
            Some("the policy or the gate is no name")
        } else if !is_subject(&self.subject) {
            Some("the subject is empty, too long, or not plain text")
        } else if self.reason.trim().is_empty() || self.reason.len() > MAX_REASON {
            Some("the reason is empty or too long")
        } else if self.expires <= self.issued {
            Some("the approval expires before it is issued")
        } else {
            None
        }
    }
}

fn too_large() -> DocumentError {
    DocumentError::Schema(format!("the approval has more than {MAX_PAYLOAD} bytes"))
}

/// The gate that a file claims to approve, signed or not: where to tell what became of it. Nothing that counts follows
/// from it.
#[must_use]
pub fn gate_named(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        gate: Cow<'a, str>,
    }
    let bytes = Some(bytes).filter(|bytes| bytes.len() as u64 <= MAX_APPROVAL)?;
    let envelope = Envelope::parse(bytes).ok();
    let payload = envelope.as_ref().map_or(bytes, Envelope::payload);
    let named: Named<'_> = strict_json::read(payload).ok()?;
    is_name(&named.gate).then(|| named.gate.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    fn approval() -> Approval {
        let evidence = BTreeMap::from([("audit".to_owned(), Digest::of(b"audit"))]);
        let review = Review {
            policy: "go-no-go",
            gate: "hmr_quiesce",
            module: Digest::of(b"module"),
            params: Digest::of(b"{}"),
            evidence: &evidence,
            subject: Some("git:0123"),
        };
        let (issued, expires) = (time("2026-01-09T00:00:00Z"), time("2026-01-16T00:00:00Z"));
        Approval::of(&review, "looked at the log", issued, expires).expect("an approval")
    }

    fn payload() -> String {
        String::from_utf8(approval().to_payload().expect("a payload")).expect("JSON")
    }

    #[test]
    fn an_approval_is_written_in_the_order_of_the_format_and_reads_back() {
        let expect = format!(
            r#"{{"type":"approval","id":"{}","policy":"go-no-go","gate":"hmr_quiesce","module":"{}","params":"{}","evidence":{{"audit":"{}"}},"subject":"git:0123","reason":"looked at the log","issued":"2026-01-09T00:00:00Z","expires":"2026-01-16T00:00:00Z"}}"#,
            approval().id,
            Digest::of(b"module"),
            Digest::of(b"{}"),
            Digest::of(b"audit"),
        );
        assert_eq!(payload(), expect);
        assert_eq!(Approval::parse(expect.as_bytes()), Ok(approval()));
        assert_eq!(approval().id.len(), "A-0123456789ab".len());
    }

    #[test]
    fn what_is_not_wholly_understood_is_refused() {
        let long = "x".repeat(MAX_REASON + 1);
        for (from, to, expect) in [
            ("\"policy\"", "\"policy\"", Ok(())),
            ("\"approval\"", "\"root\"", Err("schema")),
            ("\"subject\":\"git:0123\"", "\"subject\":\"git:0123\",\"by\":\"alice\"", Err("schema")),
            ("\"subject\":\"git:0123\",", "", Err("schema")),
            ("\"subject\":\"git:0123\"", "\"subject\":null", Err("schema")),
            ("git:0123", "", Err("schema")),
            ("git:0123", "git:\\u001b[2J", Err("schema")),
            ("\"id\":\"A-", "\"id\":\"B-", Err("schema")),
            ("\"id\":\"A-", "\"id\":\"A-/../", Err("schema")),
            ("\"policy\":\"go-no-go\"", "\"policy\":\"Go\"", Err("schema")),
            ("\"gate\":\"hmr_quiesce\"", "\"gate\":\"*\"", Err("schema")),
            ("looked at the log", " \\n", Err("schema")),
            ("looked at the log", &long, Err("schema")),
            ("2026-01-16", "2026-01-09", Err("schema")),
            ("2026-01-16T00:00:00Z", "2026-01-16T01:00:00+01:00", Err("schema")),
            ("\"gate\":\"hmr_quiesce\"", "\"gate\":\"hmr_quiesce\",\"gate\":\"hmr_quiesce\"", Err("duplicate-key")),
            ("\"evidence\":{", "\"evidence\":{\"\\u0061udit\":\"00\",", Err("duplicate-key")),
            ("\"evidence\":{", "\"evidence\":{\"log\":\"00\",", Err("schema")),
        ] {
            let text = payload().replace(from, to);
            let found = Approval::parse(text.as_bytes()).map(|_| ());
            assert_eq!(found.map_err(|error| error.code()), expect, "{from} → {to}");
        }
        let evidence = (0..4_000).map(|index| (index.to_string(), Digest::of(b""))).collect();
        assert!(Approval { evidence, ..approval() }.to_payload().is_err());
    }

    #[test]
    fn the_gate_is_named_whoever_signed_and_whatever_else_is_wrong() {
        let sealed = approval().seal(&PrivateKey::from_seed(&[1; 32])).expect("sealed").to_json();
        let named = Some("hmr_quiesce".to_owned());
        for (bytes, expect) in [
            (sealed.clone(), named.clone()),
            (Envelope::new("text/plain", payload().into_bytes()).to_json(), named.clone()),
            (payload(), named.clone()),
            (r#"{"gate":"hmr_quiesce"}"#.to_owned(), named),
            (r#"{"gate":"hmr_quiesce","gate":"other"}"#.to_owned(), None),
            (r#"{"gate":"\u001b[2J"}"#.to_owned(), None),
            (r#"{"gate":7}"#.to_owned(), None),
            (sealed[..sealed.len() / 2].to_owned(), None),
            (String::new(), None),
            (format!("{{\"gate\":\"hmr_quiesce\"{}}}", " ".repeat(512 << 10)), None),
        ] {
            assert_eq!(gate_named(bytes.as_bytes()), expect, "{}", excerpt(&bytes, 100));
        }
    }

    proptest! {
        #[test]
        fn whatever_reads_is_written_so_that_it_reads_back(from in 0_usize..600, length in 0_usize..8, put in "[ -~]{0,8}") {
            let mut text = payload();
            let from = from.min(text.len());
            text.replace_range(from..(from + length).min(text.len()), &put);
            if let Ok(read) = Approval::parse(text.as_bytes()) {
                prop_assert_eq!(Approval::parse(&read.to_payload().expect("what reads is written")), Ok(read));
            }
        }
    }
}
