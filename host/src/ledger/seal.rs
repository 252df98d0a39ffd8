//! Seals: the head of a chain, signed, to be kept where whoever writes the ledger cannot write.
//!
//! A chain proves that nothing in it was changed without all that follows; a seal proves that all of it is what it was. The
//! document is a DSSE envelope like every other that this program signs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Head, Verified};
use crate::{
    digest::Digest,
    text::excerpt,
    trust::{DocumentError, Envelope, PrivateKey, PublicKey, Time, Whole},
};

/// The payload's type.
pub const HEAD_TYPE: &str = "application/vnd.portcullis.ledger-head.v1+json";
const KIND: &str = "ledger-head";

/// Why a seal counts for nothing. Fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It is no seal.
    #[error("it is no seal of a ledger: {0}")]
    Malformed(String),
    /// None of the keys signed it.
    #[error("none of the keys that were named signed it")]
    Untrusted,
}

impl SealError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "seal-malformed",
            Self::Untrusted => "seal-untrusted",
        }
    }
}

impl From<DocumentError> for SealError {
    fn from(error: DocumentError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The payload.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    entries: Whole,
    head: Digest,
    sealed_at: Time,
}

/// The head of a chain as somebody signed it. Made only of a chain that was verified, or read from what a known key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    head: Head,
    sealed_at: Timestamp,
}

impl Verified {
    /// A seal of this chain, to be signed.
    #[must_use]
    pub fn seal(&self, at: Timestamp) -> Seal {
        Seal { head: self.head, sealed_at: at }
    }
}

impl Seal {
    /// What was sealed.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// When.
    #[must_use]
    pub fn sealed_at(&self) -> Timestamp {
        self.sealed_at
    }

    /// The document, signed by `key`.
    ///
    /// # Errors
    /// When the chain is longer, or the time another one, than a document can say.
    pub fn sign(&self, key: &PrivateKey) -> Result<Envelope, SealError> {
        let entries = Whole::new(self.head.entries).ok_or_else(|| malformed("there are too many entries to write"))?;
        let written = Written { kind: KIND.to_owned(), entries, head: self.head.hash, sealed_at: Time(self.sealed_at) };
        let payload = serde_json::to_vec(&written).map_err(|error| malformed(&error.to_string()))?;
        let mut envelope = Envelope::new(HEAD_TYPE, payload);
        envelope.sign(key);
        Ok(envelope)
    }

    /// Reads a seal that one of `keys` signed. Of one that none of them signed nothing is believed.
    ///
    /// # Errors
    /// When it is not a seal, or none of them signed it.
    pub fn read(bytes: &[u8], keys: &[PublicKey]) -> Result<Self, SealError> {
        let envelope = Envelope::parse(bytes)?;
        if envelope.payload_type() != HEAD_TYPE {
            return Err(malformed(&format!("the payload is of type `{}`", excerpt(envelope.payload_type(), 100))));
        }
        if envelope.signers(keys).is_empty() {
            return Err(SealError::Untrusted);
        }
        let written: Written =
            serde_json::from_slice(envelope.payload()).map_err(|error| malformed(&excerpt(&error.to_string(), 200)))?;
        if written.kind != KIND {
            return Err(malformed(&format!("the document is a `{}`", excerpt(&written.kind, 64))));
        }
        let head = Head { entries: written.entries.get(), hash: written.head };
        Ok(Self { head, sealed_at: written.sealed_at.0 })
    }
}

fn malformed(why: &str) -> SealError {
    SealError::Malformed(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn seal() -> Seal {
        let head = Head { entries: 7, hash: Digest::of(b"head") };
        Seal { head, sealed_at: "2026-01-10T00:00:00Z".parse().expect("a time") }
    }

    #[test]
    fn a_seal_reads_back_for_whoever_knows_the_key_and_for_nobody_else() {
        let text = seal().sign(&key(1)).expect("signed").to_json();
        let publics = [1, 2].map(|seed| key(seed).public().clone());
        assert_eq!(Seal::read(text.as_bytes(), &publics), Ok(seal()));
        assert_eq!(Seal::read(text.as_bytes(), &publics[1..]), Err(SealError::Untrusted));
        assert_eq!(Seal::read(text.as_bytes(), &[]), Err(SealError::Untrusted));
    }

    #[test]
    fn what_is_no_seal_is_refused_whoever_signed_it() {
        let payload = String::from_utf8(seal().sign(&key(1)).expect("signed").payload().to_vec()).expect("JSON");
        let again = |kind: &str, payload: &str| {
            let mut envelope = Envelope::new(kind, payload.as_bytes().to_vec());
            envelope.sign(&key(1));
            Seal::read(envelope.to_json().as_bytes(), &[key(1).public().clone()])
        };
        assert_eq!(again(HEAD_TYPE, &payload), Ok(seal()));
        for (kind, payload) in [
            ("text/plain", payload.clone()),
            (HEAD_TYPE, payload.replace("ledger-head", "approval")),
            (HEAD_TYPE, payload.replace("\"entries\":7", "\"entries\":-7")),
            (HEAD_TYPE, payload.replace("\"entries\":7", "\"entries\":7,\"entries\":8")),
            (HEAD_TYPE, payload.replace("\"entries\":7", "\"entries\":7,\"by\":\"me\"")),
            (HEAD_TYPE, payload.replace("\"head\":\"", "\"head\":\"0")),
            (HEAD_TYPE, payload[..payload.len() - 1].to_owned()),
        ] {
            assert_eq!(again(kind, &payload).expect_err("no seal").code(), "seal-malformed", "{payload}");
        }
        assert_eq!(Seal::read(b"{}", &[]).expect_err("no envelope").code(), "seal-malformed");
    }
}
