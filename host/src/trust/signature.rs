//! The payload of a `signature` section: sets of hashes, and signatures over each set.
//!
//! The format is the WebAssembly tool-conventions proposal "Module Signatures" with the two length prefixes that its
//! implementations write and its prose leaves out.

use super::{
    key::{KeyId, PublicKey},
    private_key::PrivateKey,
    wasm::{Lengths, Reader, write_number},
};
use crate::digest::Digest;

/// Spec version, content type and hash function: the only ones there are.
const HEAD: [u8; 3] = [1, 1, 1];
const DOMAIN: &[u8] = b"wasmsig\x01\x01\x01";
/// The only algorithm there is a meaning for.
pub(super) const ED25519: u8 = 1;
const SIGNATURE_LENGTH: usize = 64;

/// Sets of hashes in one section.
pub(super) const MAX_SETS: usize = 4;
/// Hashes in one set.
pub(super) const MAX_HASHES: usize = 64;
/// Signatures over one set.
pub(super) const MAX_SIGNATURES: usize = 16;

/// Why a payload is not a signature section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Spec version, content type or hash function is not 1.
    #[error("the signature is of another version, content type or hash function")]
    Head,
    /// A number is not minimal, or the payload ends within something.
    #[error("the signature ends too early or has a number that is not minimal")]
    Encoding,
    /// A length prefix is not the length of what it is for.
    #[error("a length in the signature is not that of what it stands for")]
    Length,
    /// More sets, hashes or signatures than are taken.
    #[error("the signature has more than 4 sets, 64 hashes or 16 signatures")]
    Count,
    /// An Ed25519 signature that is not 64 bytes long.
    #[error("an Ed25519 signature is not 64 bytes long")]
    SignatureLength,
    /// Something stands behind the last set.
    #[error("something stands behind the last signature")]
    Trailing,
}

/// One signature over a set of hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Says which key to try; may be empty.
    pub(super) hint: &'a [u8],
    pub(super) algorithm: u8,
    pub(super) signature: &'a [u8],
}

/// A set of hashes and the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashSet<'a> {
    pub(super) hashes: Vec<Digest>,
    pub(super) records: Vec<Record<'a>>,
}

impl Record<'_> {
    /// Whether the record may be by `key`: an algorithm that is known and a hint that does not name another key.
    fn may_be_by(&self, key: &PublicKey) -> bool {
        self.algorithm == ED25519 && (self.hint.is_empty() || self.hint == key.hint())
    }

    /// Whether the record names `key` by its hint.
    pub(super) fn names(&self, key: &PublicKey) -> bool {
        self.hint == key.hint()
    }
}

impl HashSet<'_> {
    /// What is signed: the domain and the hashes, nothing between them.
    pub(super) fn message(&self) -> Vec<u8> {
        DOMAIN.iter().chain(self.hashes.iter().flat_map(|hash| &hash.0)).copied().collect()
    }

    /// Whether `key` validly signed this set.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let candidates = || self.records.iter().filter(|record| record.may_be_by(key));
        if candidates().next().is_none() {
            return false;
        }
        let message = self.message();
        candidates().any(|record| key.verifies(&message, record.signature))
    }

    /// The signature of `key` over this set.
    pub(super) fn sign(&self, key: &PrivateKey) -> [u8; SIGNATURE_LENGTH] {
        key.sign(&self.message())
    }

    /// Which of `keys` made the record, if one did.
    pub(super) fn signer(&self, record: &Record<'_>, keys: &[&PublicKey]) -> Option<KeyId> {
        let message = self.message();
        let by = |key: &&&PublicKey| record.may_be_by(key) && key.verifies(&message, record.signature);
        keys.iter().find(by).map(|key| key.id())
    }
}

/// Reads the payload of a `signature` section, behind its name; also what a detached signature is.
pub(super) fn parse(payload: &[u8]) -> Result<Vec<HashSet<'_>>, SignatureError> {
    let Some(body) = payload.strip_prefix(&HEAD) else { return Err(SignatureError::Head) };
    let mut reader = Reader { bytes: body, at: 0, lengths: Lengths::Minimal };
    let sets = list(&mut reader, MAX_SETS, |reader| prefixed(reader, hash_set))?;
    if reader.is_empty() { Ok(sets) } else { Err(SignatureError::Trailing) }
}

fn hash_set<'a>(reader: &mut Reader<'a>) -> Result<HashSet<'a>, SignatureError> {
    let hashes = list(reader, MAX_HASHES, |reader| {
        let bytes = reader.take(32).map_err(|()| SignatureError::Encoding)?;
        bytes.try_into().map(Digest).map_err(|_| SignatureError::Encoding)
    })?;
    let records = list(reader, MAX_SIGNATURES, |reader| prefixed(reader, record))?;
    Ok(HashSet { hashes, records })
}

fn record<'a>(reader: &mut Reader<'a>) -> Result<Record<'a>, SignatureError> {
    let hint = bytes(reader)?;
    let algorithm = reader.byte().map_err(|()| SignatureError::Encoding)?;
    let signature = bytes(reader)?;
    if algorithm == ED25519 && signature.len() != SIGNATURE_LENGTH {
        return Err(SignatureError::SignatureLength);
    }
    Ok(Record { hint, algorithm, signature })
}

/// A count of at most `cap`, then so many of what `read` reads.
fn list<'a, T>(
    reader: &mut Reader<'a>,
    cap: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, SignatureError>,
) -> Result<Vec<T>, SignatureError> {
    let count = reader.number(0).map_err(|_| SignatureError::Encoding)?;
    if count as usize > cap {
        return Err(SignatureError::Count);
    }
    (0..count).map(|_| read(reader)).collect()
}

/// A length, then exactly so many bytes of what `read` reads.
fn prefixed<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, SignatureError>,
) -> Result<T, SignatureError> {
    let mut inner = Reader { bytes: bytes(reader)?, at: 0, lengths: Lengths::Minimal };
    let value = read(&mut inner)?;
    if inner.is_empty() { Ok(value) } else { Err(SignatureError::Length) }
}

fn bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], SignatureError> {
    let length = reader.number(0).map_err(|_| SignatureError::Encoding)?;
    reader.take(length).map_err(|()| SignatureError::Encoding)
}

/// Writes the payload of a `signature` section.
pub(super) fn encode(sets: &[HashSet<'_>]) -> Vec<u8> {
    let mut out = HEAD.to_vec();
    write_number(&mut out, sets.len() as u32);
    for set in sets {
        let mut body = Vec::new();
        write_number(&mut body, set.hashes.len() as u32);
        body.extend(set.hashes.iter().flat_map(|hash| hash.0));
        write_number(&mut body, set.records.len() as u32);
        for record in &set.records {
            let mut inner = Vec::new();
            write_bytes(&mut inner, record.hint);
            inner.push(record.algorithm);
            write_bytes(&mut inner, record.signature);
            write_bytes(&mut body, &inner);
        }
        write_bytes(&mut out, &body);
    }
    out
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u32);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &[u8] = include_bytes!("../../../tests/fixtures/signing/out/tiny.sig");

    #[test]
    fn a_payload_of_another_implementation_reads_and_writes_back_byte_for_byte() {
        let sets = parse(GOOD).expect("a detached signature");
        assert_eq!((sets.len(), sets[0].hashes.len(), sets[0].records.len()), (1, 1, 1));
        assert_eq!(encode(&sets), GOOD);
    }

    #[test]
    fn each_way_to_malform_a_payload_has_its_reason() {
        let check = |at: usize, bytes: &[u8], expect: SignatureError| {
            let mut payload = GOOD.to_vec();
            payload.splice(at..at + 1, bytes.iter().copied());
            assert_eq!(parse(&payload), Err(expect), "{at}: {bytes:x?}");
        };
        for at in 0..3 {
            check(at, &[2], SignatureError::Head);
        }
        check(3, &[5], SignatureError::Count);
        check(3, &[0], SignatureError::Trailing);
        check(3, &[2], SignatureError::Encoding);
        check(3, &[0x81, 0], SignatureError::Encoding);
        check(4, &[0x65], SignatureError::Encoding);
        check(4, &[0x67], SignatureError::Encoding);
        check(4, &[0xff, 0xff, 0xff, 0xff, 0x0f], SignatureError::Encoding);
        check(5, &[65], SignatureError::Count);
        check(38, &[17], SignatureError::Count);
        check(38, &[0], SignatureError::Length);
        check(39, &[0x42], SignatureError::Encoding);
        check(42, &[0x3f], SignatureError::SignatureLength);
        assert_eq!(parse(&[GOOD, b"x"].concat()), Err(SignatureError::Trailing));
        assert_eq!(parse(&[]), Err(SignatureError::Head));
    }

    #[test]
    fn a_record_of_an_unknown_algorithm_is_read_whatever_its_length() {
        let mut sets = parse(GOOD).expect("a detached signature");
        sets[0].records.insert(0, Record { hint: b"x", algorithm: 0xff, signature: b"abc" });
        assert_eq!(parse(&encode(&sets)), Ok(sets));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(shape in prop::collection::vec((0..5usize, prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..5)), 0..=MAX_SETS)) {
            let signature = [9; SIGNATURE_LENGTH];
            let sets: Vec<_> = shape.iter().map(|(hashes, records)| HashSet {
                hashes: vec![Digest([7; 32]); *hashes],
                records: records.iter().map(|(algorithm, hint)| Record { hint, algorithm: *algorithm, signature: &signature }).collect(),
            }).collect();
            let written = encode(&sets);
            prop_assert_eq!(parse(&written), Ok(sets));
        }

        #[test]
        fn any_payload_is_read_or_refused_without_a_panic_and_only_in_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..120), keep in 0..110usize) {
            let payload = [&GOOD[..keep.min(GOOD.len())], &bytes].concat();
            if let Ok(sets) = parse(&payload) {
                prop_assert_eq!(encode(&sets), payload);
            }
        }
    }
}
