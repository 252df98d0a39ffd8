//! A module's file as the signature format sees it: where the signature stands, and the hashes that a signature has to
//! be over.

use sha2::{Digest as _, Sha256};

use super::{
    key::PublicKey,
    metadata,
    signature::{self, HashSet, MAX_HASHES, SignatureError},
    wasm::{FileKind, Lengths, Section, WasmError, sections},
};
use crate::digest::Digest;

pub(super) const SIGNATURE: &str = "signature";
const DELIMITER: &str = "signature_delimiter";

/// Why a file cannot be a signed module, whoever signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Its sections are not those of a WebAssembly binary.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// The `signature` section is not the first one.
    #[error("the signature is not the first section (byte {0})")]
    Misplaced(usize),
    /// There is a second `signature` section.
    #[error("there is a second signature section (byte {0})")]
    Doubled(usize),
    /// It is cut into more parts than a set has hashes.
    #[error("the file is cut into more than {MAX_HASHES} parts")]
    Parts,
    /// The payload of the `signature` section is malformed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl FormatError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Wasm(WasmError::Preamble) => "not-wasm",
            Self::Wasm(WasmError::Truncated(_)) => "wasm-truncated",
            Self::Wasm(WasmError::Leb128(_)) => "wasm-leb128",
            Self::Wasm(WasmError::Name(_)) => "wasm-name",
            Self::Misplaced(_) => "signature-misplaced",
            Self::Doubled(_) => "signature-doubled",
            Self::Parts | Self::Signature(_) => "signature-malformed",
        }
    }
}

/// A module's identity, signed or not: SHA-256 of all that is signed, which is everything behind the preamble and the
/// `signature` section.
///
/// # Errors
/// When the file cannot be a signed module.
pub fn content_digest(bytes: &[u8]) -> Result<Digest, FormatError> {
    ModuleFile::read(bytes).map(|file| file.content_digest())
}

/// A module's file, read once.
pub(super) struct ModuleFile<'a> {
    pub(super) kind: FileKind,
    /// What the `signature` section holds; `None` if there is no such section.
    pub(super) sets: Option<Vec<HashSet<'a>>>,
    /// Where the signed bytes start.
    pub(super) body: usize,
    /// The running hash at each delimiter, and at the end of the file.
    pub(super) hashes: Vec<Digest>,
    /// The sections that say what the gate is; well-formed with exactly one.
    pub(super) metadata: Vec<&'a [u8]>,
}

impl<'a> ModuleFile<'a> {
    /// Reads `bytes` by the strict rules and hashes all that is signed.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let (kind, walk) = sections(bytes, Lengths::Minimal)?;
        let mut file =
            Self { kind, sets: None, body: FileKind::PREAMBLE_LENGTH, hashes: Vec::new(), metadata: Vec::new() };
        let mut cuts = Vec::new();
        for section in walk {
            file.take(&section?, &mut cuts)?;
        }
        if cuts.last() != Some(&bytes.len()) {
            cuts.push(bytes.len());
        }
        if cuts.len() > MAX_HASHES {
            return Err(FormatError::Parts);
        }
        file.hashes = running_hashes(bytes, file.body, &cuts);
        Ok(file)
    }

    fn take(&mut self, section: &Section<'a>, cuts: &mut Vec<usize>) -> Result<(), FormatError> {
        match section.name {
            Some(SIGNATURE) if self.sets.is_some() => return Err(FormatError::Doubled(section.start)),
            Some(SIGNATURE) if section.start != FileKind::PREAMBLE_LENGTH => {
                return Err(FormatError::Misplaced(section.start));
            }
            Some(SIGNATURE) => {
                self.sets = Some(signature::parse(section.payload)?);
                self.body = section.end;
            }
            // One more than may be is enough to know that there are too many.
            Some(DELIMITER) if cuts.len() <= MAX_HASHES => cuts.push(section.end),
            Some(metadata::SECTION) if self.metadata.len() < 2 => self.metadata.push(section.payload),
            _ => {}
        }
        Ok(())
    }

    /// The module's identity: SHA-256 of all that is signed.
    pub(super) fn content_digest(&self) -> Digest {
        self.hashes.last().copied().unwrap_or(Digest([0; 32]))
    }

    /// Whether a signature over `set` is a signature over this very file: number and value of its hashes are the
    /// file's own, so that the last one covers the file's end.
    pub(super) fn owns(&self, set: &HashSet<'_>) -> bool {
        set.hashes == self.hashes
    }

    /// The sets that count.
    pub(super) fn own_sets(&self) -> impl Iterator<Item = &HashSet<'a>> {
        self.sets.iter().flatten().filter(|set| self.owns(set))
    }

    /// Whether `key` validly signed this very file.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.own_sets().any(|set| set.is_signed_by(key))
    }
}

fn running_hashes(bytes: &[u8], body: usize, cuts: &[usize]) -> Vec<Digest> {
    let mut hasher = Sha256::new();
    let mut from = body;
    let mut hashes = Vec::with_capacity(cuts.len());
    for &cut in cuts {
        hasher.update(bytes.get(from..cut).unwrap_or_default());
        from = cut;
        hashes.push(Digest(hasher.clone().finalize().into()));
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::wasm::write_section;

    const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";

    fn file(names: &[&str]) -> Vec<u8> {
        let mut bytes = PREAMBLE.to_vec();
        for name in names {
            write_section(&mut bytes, 0, Some(name), b"0123456789abcdef");
        }
        bytes
    }

    #[test]
    fn a_file_has_one_hash_for_each_delimiter_and_one_for_its_end() {
        let check = |names: &[&str], expect: usize| {
            let bytes = file(names);
            let read = ModuleFile::read(&bytes).expect("well-formed");
            assert_eq!(read.hashes.len(), expect, "{names:?}");
            assert_eq!(content_digest(&bytes), Ok(Digest::of(&bytes[8..])), "{names:?}");
        };
        check(&[], 1);
        check(&["a"], 1);
        check(&["a", DELIMITER], 1);
        check(&["a", DELIMITER, "b"], 2);
        check(&["a", DELIMITER, DELIMITER], 2);
        check(&[DELIMITER; MAX_HASHES], MAX_HASHES);
    }

    #[test]
    fn more_parts_than_a_set_can_hold_are_refused() {
        let mut names = vec![DELIMITER; MAX_HASHES];
        names.push("tail");
        assert_eq!(ModuleFile::read(&file(&names)).err(), Some(FormatError::Parts));
        assert_eq!(ModuleFile::read(&file(&[DELIMITER; 1000])).err(), Some(FormatError::Parts));
    }
}
