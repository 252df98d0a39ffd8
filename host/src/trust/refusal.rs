//! Why a module is not trusted.

use portcullis_sdk::Kind;

use super::{
    file::FormatError,
    key::KeyId,
    metadata::MetadataError,
    problem::DocumentError,
    revoked::Revocation,
    strict_json::Time,
    wasm::{FileKind, WasmError},
};
use crate::text::printable;

/// Why a module is not trusted. Nothing of it runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file cannot be a signed module.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// It is of the kind of WebAssembly binary that is not asked for.
    #[error("the file is {}, and that is not taken here", .0.described())]
    FileKind(FileKind),
    /// It carries no signature.
    #[error("the module is not signed")]
    Unsigned,
    /// No signature is over this content.
    #[error("the module was changed after it was signed")]
    DigestMismatch,
    /// A signature names a trusted key, and is not by it.
    #[error("the signature that names the key {} does not hold", .0.short())]
    SignatureInvalid(KeyId),
    /// No trusted key signed it.
    #[error("no key that is trusted signed the module")]
    UntrustedKey,
    /// Too few keys of the publisher signed it.
    #[error("{found} of the {needed} keys that {publisher} needs signed the module")]
    Threshold {
        /// The publisher.
        publisher: String,
        /// Distinct keys that count and validly signed.
        found: usize,
        /// Distinct keys that have to.
        needed: usize,
    },
    /// A key that would be needed does not count now.
    #[error("the key {} of {publisher} does not count at this time", key.short())]
    KeyWindow {
        /// The publisher.
        publisher: String,
        /// The key.
        key: KeyId,
    },
    /// The publisher may not sign modules of this name.
    #[error("{publisher} may not sign a module named `{module}`")]
    PublisherModule {
        /// The publisher.
        publisher: String,
        /// The module's name.
        module: String,
    },
    /// The publisher may not sign modules of this kind.
    #[error("{publisher} may not sign a {}", kind.name())]
    PublisherKind {
        /// The publisher.
        publisher: String,
        /// The module's kind.
        kind: Kind,
    },
    /// The module does not say what it is.
    #[error("the module has no section `portcullis.gate` that says what it is")]
    MetadataMissing,
    /// What the module says it is does not read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// It is revoked.
    #[error(
        "{} is revoked by `{}`: {}, since {}",
        .0.subject(), printable(.0.id()), .0.reason.name(), since(.0.revoked_at)
    )]
    Revoked(Box<Revocation>),
    /// Releases of its publisher are revoked, and it does not say which release it is.
    #[error("releases of {0} are revoked, and the module does not say which release it is")]
    ReleaseUnknown(String),
    /// The trust root is not to be believed at this time.
    #[error("the trust root does not count: {0}")]
    Root(DocumentError),
    /// It cannot be determined what is revoked.
    #[error("it cannot be determined what is revoked: {0}")]
    Revocations(DocumentError),
}

/// The local deny list has no dates.
fn since(at: Time) -> String {
    if at.0 == jiff::Timestamp::UNIX_EPOCH { "ever".to_owned() } else { at.to_string() }
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            Self::FileKind(_) => "file-kind",
            Self::Unsigned => "signature-missing",
            Self::DigestMismatch => "digest-mismatch",
            Self::SignatureInvalid(_) => "signature-invalid",
            Self::UntrustedKey => "untrusted-key",
            Self::Threshold { .. } => "threshold",
            Self::KeyWindow { .. } => "key-window",
            Self::PublisherModule { .. } => "publisher-module",
            Self::PublisherKind { .. } => "publisher-kind",
            Self::MetadataMissing => "metadata-missing",
            Self::Metadata(error) => error.code(),
            Self::Revoked(revocation) => revocation.code(),
            Self::ReleaseUnknown(_) => "revoked-release",
            Self::Root(DocumentError::NotYetValid(_)) => "root-not-yet-valid",
            Self::Root(_) => "root-expired",
            Self::Revocations(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Format(FormatError::Wasm(WasmError::Leb128(_))) => {
                "sign it with `portcullis sign`, which writes padded lengths in the shortest way"
            }
            Self::Format(FormatError::Wasm(_)) => "name a `.wasm` file as `portcullis build` writes it",
            Self::Format(_) => "sign the module that was built again, with `portcullis sign`",
            Self::FileKind(_) => "build the gate for wasm32-wasip1, as `portcullis build` does",
            Self::Unsigned => "sign it with `portcullis sign MODULE --key KEY`",
            Self::DigestMismatch | Self::SignatureInvalid(_) => "ask its publisher for the module that was signed",
            Self::UntrustedKey => {
                "`portcullis inspect MODULE` shows who signed it; name that key in the trust file if you trust it"
            }
            Self::Threshold { .. } => "ask its publisher for the module with enough signatures",
            Self::KeyWindow { .. } => "ask its publisher for the module signed with a key that counts now",
            Self::PublisherModule { .. } => {
                "add its name to the publisher's `modules` in the trust file if that is meant"
            }
            Self::PublisherKind { .. } => "add its kind to the publisher's `kinds` in the trust file if that is meant",
            Self::MetadataMissing | Self::Metadata(_) => "build the gate with the sdk, which writes the section",
            Self::Revoked(_) | Self::ReleaseUnknown(_) => "ask its publisher for a release that is not revoked",
            Self::Root(_) => "fetch the root that is valid now, and check this machine's clock",
            Self::Revocations(error) => error.help(),
        }
    }
}
