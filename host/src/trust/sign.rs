//! Signing: embeds a signature in a module, adds one beside others, or gives it alone.

use super::{
    file::{FormatError, ModuleFile, SIGNATURE},
    private_key::PrivateKey,
    signature::{self, ED25519, HashSet, MAX_SIGNATURES, Record},
    wasm::{Lengths, WasmError, sections, write_section},
};

/// Why a module was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// It is no module that can be signed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// This key has signed it already.
    #[error("the module is signed by this key already")]
    AlreadySigned,
    /// It carries a signature, and none over its own content.
    #[error("the module was changed after it was signed")]
    Changed,
    /// There is no room for another signature.
    #[error("the module has {MAX_SIGNATURES} signatures already")]
    Full,
    /// A signature is to be attached to a file that has one.
    #[error("the module carries a signature already")]
    Embedded,
}

impl SignError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            Self::AlreadySigned => "already-signed",
            Self::Changed => "digest-mismatch",
            Self::Full => "signatures-full",
            Self::Embedded => "signature-present",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Format(FormatError::Wasm(WasmError::Leb128(_))) => {
                "embed the signature: signing re-encodes such a module"
            }
            Self::Format(_) => "name a `.wasm` file as `portcullis build` writes it",
            Self::AlreadySigned => "there is nothing to do; another key adds a signature",
            Self::Changed | Self::Full => "sign the module that was built again",
            Self::Embedded => "verify the module as it is, without a detached signature",
        }
    }
}

/// `bytes` with a signature of `key`: embedded as the first section, or added to the signatures that are there.
///
/// An unsigned module whose section lengths are padded, as some linkers write them, is re-encoded with minimal ones, as
/// only those verify. A delimiter in the module gives a hash of its own, so that the parts can be told apart.
///
/// # Errors
/// When the bytes are no WebAssembly binary or carry a malformed signature, were changed after they were signed, or
/// `key` has signed them.
pub fn sign(bytes: &[u8], key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let minimal;
    let bytes = match ModuleFile::read(bytes) {
        Err(FormatError::Wasm(WasmError::Leb128(_))) => {
            minimal = with_minimal_lengths(bytes)?;
            &minimal
        }
        _ => bytes,
    };
    let file = ModuleFile::read(bytes)?;
    Ok(assemble(bytes, &file, &signed_payload(&file, key)?))
}

/// The signature of `key` over `bytes` alone: what [`attach`] takes. Signatures that the file carries stand in it too.
///
/// # Errors
/// As [`sign`], and when section lengths are padded: the bytes stay as they are here, and as they are they never verify.
pub fn sign_detached(bytes: &[u8], key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    signed_payload(&ModuleFile::read(bytes)?, key)
}

/// An unsigned module with a detached signature embedded. Says nothing about whether the signature holds.
///
/// # Errors
/// When the module carries a signature, or one of the two is malformed.
pub fn attach(bytes: &[u8], payload: &[u8]) -> Result<Vec<u8>, SignError> {
    let file = ModuleFile::read(bytes)?;
    if file.sets.is_some() {
        return Err(SignError::Embedded);
    }
    signature::parse(payload).map_err(FormatError::from)?;
    Ok(assemble(bytes, &file, payload))
}

fn signed_payload(file: &ModuleFile<'_>, key: &PrivateKey) -> Result<Vec<u8>, SignError> {
    let own = HashSet { hashes: file.hashes.clone(), records: Vec::new() };
    let mut sets = file.sets.clone().unwrap_or_else(|| vec![own]);
    if file.is_signed_by(key.public()) {
        return Err(SignError::AlreadySigned);
    }
    let set = sets.iter_mut().find(|set| file.owns(set)).ok_or(SignError::Changed)?;
    if set.records.len() >= MAX_SIGNATURES {
        return Err(SignError::Full);
    }
    let (hint, made) = (key.public().hint(), set.sign(key));
    set.records.push(Record { hint: &hint, algorithm: ED25519, signature: &made });
    Ok(signature::encode(&sets))
}

fn assemble(bytes: &[u8], file: &ModuleFile<'_>, payload: &[u8]) -> Vec<u8> {
    let body = bytes.get(file.body..).unwrap_or_default();
    let mut out = Vec::with_capacity(body.len() + payload.len() + 32);
    out.extend_from_slice(&file.kind.preamble());
    write_section(&mut out, 0, Some(SIGNATURE), payload);
    out.extend_from_slice(body);
    out
}

fn with_minimal_lengths(bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let (kind, walk) = sections(bytes, Lengths::Padded)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&kind.preamble());
    for section in walk {
        let section = section?;
        if section.name == Some(SIGNATURE) {
            // What is signed already stays as it is, so it cannot be mended.
            return Err(WasmError::Leb128(section.start).into());
        }
        write_section(&mut out, section.id, section.name, section.payload);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    const TINY: &[u8] = include_bytes!("../../../tests/fixtures/signing/in/tiny.wasm");
    const PADDED: &[u8] = include_bytes!("../../../tests/fixtures/signing/in/padded.wasm");
    const SPLIT: &[u8] = include_bytes!("../../../tests/fixtures/signing/out/tail.split.wasm");
    const SPLIT_SIGNED: &[u8] = include_bytes!("../../../tests/fixtures/signing/out/tail.split.k1.wasm");
    const TINY_SIGNED: &[u8] = include_bytes!("../../../tests/fixtures/signing/out/tiny.k1.wasm");

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }

    fn digest(bytes: &[u8]) -> Digest {
        ModuleFile::read(bytes).expect("well-formed").content_digest()
    }

    #[test]
    fn a_second_signer_adds_a_record_and_the_same_one_is_an_error() {
        let once = sign(TINY, &key(1)).expect("signed");
        let twice = sign(&once, &key(2)).expect("signed again");
        assert_eq!(sign(&once, &key(1)), Err(SignError::AlreadySigned));
        assert_eq!(sign(&twice, &key(2)), Err(SignError::AlreadySigned));
        let file = ModuleFile::read(&twice).expect("well-formed");
        assert!(file.is_signed_by(key(1).public()) && file.is_signed_by(key(2).public()));
        assert!(!file.is_signed_by(key(3).public()));
        assert_eq!([digest(TINY), digest(&once), digest(&twice)], [Digest::of(&TINY[8..]); 3]);
    }

    #[test]
    fn signing_is_deterministic_and_adds_only_the_first_section() {
        let signed = sign(TINY, &key(1)).expect("signed");
        assert_eq!(sign(TINY, &key(1)).as_ref(), Ok(&signed));
        assert!(signed.ends_with(&TINY[8..]));
        // 119 bytes as the format counts them, one more for the section's longer length, and the hint of 12.
        assert_eq!(signed.len(), TINY.len() + 119 + 1 + 12);
    }

    #[test]
    fn padded_lengths_become_the_same_module_with_minimal_ones() {
        let signed = sign(PADDED, &key(1)).expect("signed");
        assert_eq!(digest(&signed), digest(TINY));
        assert_eq!(digest(&signed), digest(include_bytes!("../../../tests/fixtures/signing/out/padded.k1.wasm")));
        assert_eq!(sign_detached(PADDED, &key(1)), Err(FormatError::Wasm(WasmError::Leb128(8)).into()));
        let mut resealed = signed;
        resealed.splice(8 + 1..8 + 3, [0x81, 0x81, 0]);
        assert_eq!(sign(&resealed, &key(2)), Err(FormatError::Wasm(WasmError::Leb128(8)).into()));
    }

    #[test]
    fn a_module_in_parts_is_signed_over_the_hash_of_each() {
        let signed = sign(SPLIT, &key(1)).expect("signed");
        let again = sign(SPLIT_SIGNED, &key(1)).expect("a second signer beside another implementation's");
        for bytes in [&signed, &again] {
            let file = ModuleFile::read(bytes).expect("well-formed");
            assert!(file.hashes.len() == 2 && file.is_signed_by(key(1).public()));
            assert_eq!(file.content_digest(), digest(SPLIT_SIGNED));
        }
    }

    #[test]
    fn a_detached_signature_is_the_payload_and_attaches_to_the_same_file_only_once() {
        let payload = sign_detached(TINY, &key(1)).expect("signed");
        let attached = attach(TINY, &payload).expect("attached");
        assert_eq!(sign(TINY, &key(1)).as_ref(), Ok(&attached));
        assert_eq!(attach(&attached, &payload), Err(SignError::Embedded));
        assert_eq!(attach(TINY, b"nonsense").expect_err("malformed").code(), "signature-malformed");
        let foreign = include_bytes!("../../../tests/fixtures/signing/out/tiny.sig");
        assert_eq!(attach(TINY, foreign).as_deref(), Ok(TINY_SIGNED));
    }

    #[test]
    fn a_module_that_was_changed_or_is_full_takes_no_more_signatures() {
        let mut changed = TINY_SIGNED.to_vec();
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(sign(&changed, &key(1)), Err(SignError::Changed));
        let full =
            (0..MAX_SIGNATURES as u8).fold(TINY.to_vec(), |bytes, seed| sign(&bytes, &key(seed)).expect("signed"));
        assert_eq!(sign(&full, &key(99)), Err(SignError::Full));
        assert_eq!(sign(b"(module)", &key(1)).expect_err("text").code(), "not-wasm");
    }
}
