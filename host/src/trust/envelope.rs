//! DSSE v1 envelopes: a payload, its type, and signatures over both.
//!
//! What is signed are the exact bytes of the payload; it is decoded once, and the bytes that were verified are the ones
//! that are parsed. Members that this version does not know are ignored, as DSSE asks: they are not signed and mean nothing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    armor,
    key::{KeyId, PublicKey},
    private_key::PrivateKey,
    problem::DocumentError,
    strict_json,
};
use crate::text::excerpt;

/// Signatures of one envelope: bounds the work that a hostile one can ask for.
const MAX_SIGNATURES: usize = 64;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    #[serde(borrow)]
    payload_type: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    signatures: Vec<WrittenSignature<'a>>,
}

#[derive(Deserialize, Serialize)]
struct WrittenSignature<'a> {
    #[serde(borrow, default)]
    keyid: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

/// An envelope as it was read; nothing of it is verified yet.
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

struct EnvelopeSignature {
    key_id: String,
    signature: Vec<u8>,
}

impl Envelope {
    /// Whether a document is an envelope rather than a bare payload, which has no `payloadType`.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        let object: Result<BTreeMap<Cow<'_, str>, IgnoredAny>, _> = serde_json::from_slice(bytes);
        object.is_ok_and(|object| object.contains_key("payloadType"))
    }

    /// Reads an envelope; both alphabets of base64 are taken.
    ///
    /// # Errors
    /// When it is not an envelope, holds a key twice, or has more signatures than anyone needs.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let written: Written<'_> = strict_json::read(bytes)?;
        if written.signatures.len() > MAX_SIGNATURES {
            return Err(DocumentError::Schema(format!("the envelope has more than {MAX_SIGNATURES} signatures")));
        }
        let decode = |text: &str, what: &str| {
            armor::from_base64(text).ok_or_else(|| DocumentError::Schema(format!("the {what} is not base64")))
        };
        let signature = |written: WrittenSignature<'_>| {
            let signature = decode(&written.sig, "signature")?;
            Ok(EnvelopeSignature { key_id: written.keyid.into_owned(), signature })
        };
        Ok(Self {
            signatures: written.signatures.into_iter().map(signature).collect::<Result<_, DocumentError>>()?,
            payload: decode(&written.payload, "payload")?,
            payload_type: written.payload_type.into_owned(),
        })
    }

    /// An envelope without signatures around `payload`.
    #[must_use]
    pub fn new(payload_type: &str, payload: Vec<u8>) -> Self {
        Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() }
    }

    /// The payload's type.
    #[must_use]
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The payload, verified or not.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Adds the signature of `key`; false if it is there already.
    pub fn sign(&mut self, key: &PrivateKey) -> bool {
        if !self.signers([key.public()]).is_empty() {
            return false;
        }
        let signature = key.sign(&self.message()).to_vec();
        self.signatures.push(EnvelopeSignature { key_id: key.public().id().to_string(), signature });
        true
    }

    /// The envelope as JSON, with a line feed behind it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let written = Written {
            payload_type: self.payload_type.as_str().into(),
            payload: armor::to_base64(&self.payload).into(),
            signatures: self
                .signatures
                .iter()
                .map(|made| WrittenSignature {
                    keyid: made.key_id.as_str().into(),
                    sig: armor::to_base64(&made.signature).into(),
                })
                .collect(),
        };
        // Strings in a struct always serialise.
        serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
    }

    /// The full names of those of `keys` that validly signed. A `keyid` only says which key to try first: the same key
    /// under two names is one key.
    pub fn signers<'a>(&self, keys: impl IntoIterator<Item = &'a PublicKey>) -> BTreeSet<KeyId> {
        let message = self.message();
        let keys: Vec<&PublicKey> = keys.into_iter().collect();
        let mut found = BTreeSet::new();
        for made in &self.signatures {
            let named = |key: &&&PublicKey| key.id().to_string() == made.key_id;
            let verifies = |key: &&&PublicKey| key.verifies(&message, &made.signature);
            let signer = keys.iter().find(named).filter(verifies).or_else(|| keys.iter().find(verifies));
            found.extend(signer.map(|key| key.id()));
        }
        found
    }

    /// The names of keys that stand beside the signatures; anyone may have written them.
    pub(super) fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|made| made.key_id.as_str())
    }

    /// The payload, if it is of `payload_type`.
    pub(super) fn expect_type(&self, payload_type: &str) -> Result<&[u8], DocumentError> {
        if self.payload_type == payload_type {
            Ok(&self.payload)
        } else {
            Err(DocumentError::PayloadType(excerpt(&self.payload_type, 100)))
        }
    }

    /// DSSE's pre-authentication encoding: lengths in bytes, decimal.
    fn message(&self) -> Vec<u8> {
        let head = format!("DSSEv1 {} {} {} ", self.payload_type.len(), self.payload_type, self.payload.len());
        [head.as_bytes(), &self.payload].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn signers(text: &str, seeds: &[u8]) -> usize {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        Envelope::parse(text.as_bytes()).expect("an envelope").signers(keys.iter().map(PrivateKey::public)).len()
    }

    fn sealed(seeds: &[u8]) -> String {
        let mut envelope = Envelope::new("text/plain", "größe".into());
        for seed in seeds {
            envelope.sign(&key(*seed));
        }
        envelope.to_json()
    }

    #[test]
    fn a_key_counts_once_however_often_and_under_whatever_name_it_signed() {
        let text = sealed(&[1, 2]);
        assert_eq!(signers(&text, &[1, 2, 3]), 2);
        assert_eq!(signers(&text, &[1]), 1);
        assert_eq!(signers(&text, &[3]), 0);
        let (one, two) = (key(1).public().id().to_string(), key(2).public().id().to_string());
        assert_eq!(signers(&text.replace(&one, "x").replace(&two, &one), &[1, 2, 3]), 2);
        let envelope = Envelope::parse(text.as_bytes()).expect("an envelope");
        let mut again = Envelope::parse(text.as_bytes()).expect("an envelope");
        again.signatures.push(EnvelopeSignature { key_id: two, signature: envelope.signatures[0].signature.clone() });
        assert_eq!(signers(&again.to_json(), &[1, 2]), 2);
        assert!(!again.sign(&key(1)));
    }

    #[test]
    fn the_message_counts_bytes_and_has_the_type_in_it() {
        let envelope = Envelope::new("text/plain", "größe".into());
        assert_eq!(envelope.message(), "DSSEv1 10 text/plain 7 größe".as_bytes());
        let other = sealed(&[1]).replace("text/plain", "text/html1");
        assert_eq!(signers(&other, &[1]), 0);
    }

    #[test]
    fn what_is_not_an_envelope_is_refused_and_what_means_nothing_is_ignored() {
        let check = |text: &str, expect: Result<(), &str>| {
            let found = Envelope::parse(text.as_bytes()).map(|_| ());
            assert_eq!(found.as_ref().map_err(DocumentError::code).copied(), expect, "{text}");
        };
        check(r#"{"payloadType":"a","payload":"","signatures":[]}"#, Ok(()));
        check(r#"{"payloadType":"a","payload":"","signatures":[{"sig":""}],"later":1}"#, Ok(()));
        check(r#"{"payloadType":"a","payload":"","payload":"","signatures":[]}"#, Err("duplicate-key"));
        check(r#"{"payloadType":"a","payload":"?","signatures":[]}"#, Err("schema"));
        check(r#"{"payloadType":"a","payload":"","signatures":[{"sig":"AA=A"}]}"#, Err("schema"));
        check(r#"{"payloadType":"a","payload":""}"#, Err("schema"));
        check(r#"{"payloadType":"a","payload":"","signatures":[]}x"#, Err("schema"));
        let many = vec![r#"{"sig":""}"#; MAX_SIGNATURES + 1].join(",");
        check(&format!(r#"{{"payloadType":"a","payload":"","signatures":[{many}]}}"#), Err("schema"));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_no_other_payload_does(payload: Vec<u8>, at: usize, bit in 0..8u8) {
            let mut envelope = Envelope::new("t", payload);
            envelope.sign(&key(1));
            let mut read = Envelope::parse(envelope.to_json().as_bytes()).expect("just written");
            prop_assert_eq!(read.signers([key(1).public()]).len(), 1);
            if !read.payload.is_empty() {
                let at = at % read.payload.len();
                read.payload[at] ^= 1u8 << bit;
                prop_assert_eq!(read.signers([key(1).public()]).len(), 0);
            }
        }
    }
}
