//! What a module's file says about its signatures, trusted or not. Decides nothing.

use portcullis_sdk::Metadata;

use super::{
    file::{FormatError, ModuleFile},
    key::{KeyId, PublicKey},
    metadata::{self, MetadataError},
    signature::{ED25519, Record},
    wasm::FileKind,
};
use crate::digest::Digest;

/// What a file shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// A module or a component.
    pub kind: FileKind,
    /// The module's identity; what it would be once signed, if it is not.
    pub content_digest: Digest,
    /// Into how many parts delimiters cut it; 1 without any.
    pub parts: usize,
    /// Whether there is a `signature` section.
    pub is_signed: bool,
    /// Every signature in it, in its order.
    pub signatures: Vec<SignatureView>,
    /// What it says of itself.
    pub metadata: Result<Option<Metadata>, MetadataError>,
}

/// One signature of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureView {
    /// The hint that names a key; may be empty, and says nothing certain.
    pub hint: Vec<u8>,
    /// The algorithm's number.
    pub algorithm: u8,
    /// Whether that is Ed25519, the only one there is a meaning for.
    pub is_known_algorithm: bool,
    /// Whether it is over this very file.
    pub covers_file: bool,
    /// Which of the keys that are known made it.
    pub signer: Option<KeyId>,
}

/// Everything that `bytes` say about their signatures; `known` are keys to recognise.
///
/// # Errors
/// When the file cannot be a signed module.
pub fn inspect(bytes: &[u8], known: &[&PublicKey]) -> Result<Inspection, FormatError> {
    let file = ModuleFile::read(bytes)?;
    let sets = file.sets.iter().flatten();
    let signatures = sets.flat_map(|set| {
        let view = |record: &Record<'_>| SignatureView {
            hint: record.hint.to_vec(),
            algorithm: record.algorithm,
            is_known_algorithm: record.algorithm == ED25519,
            covers_file: file.owns(set),
            signer: set.signer(record, known),
        };
        set.records.iter().map(view).collect::<Vec<_>>()
    });
    Ok(Inspection {
        kind: file.kind,
        content_digest: file.content_digest(),
        parts: file.hashes.len(),
        is_signed: file.sets.is_some(),
        signatures: signatures.collect(),
        metadata: metadata::read(&file.metadata),
    })
}
