//! Who is trusted, and what is revoked: bytes → [`VerifiedModule`].
//!
//! ```text
//! trust.toml | root.json ──TrustSource::read──▶ TrustFile { root, revocations, approvers }
//! list, state, deny list ──Standing::assess───▶ Standing: what is revoked, how well that is known, what to remember
//! bytes × Policy { root, standing, now } ──verify_module──▶ VerifiedModule | Refusal
//! bytes × Review × approvers × revocations × now ──weigh──▶ SignedOff | Ignored
//! ```
//!
//! # What holds here
//!
//! - No file is opened and no clock is read: bytes and `now` come in as arguments, so every case is a plain test.
//! - Only [`verify_module`] makes a [`VerifiedModule`], and it holds the very bytes that were verified.
//! - The publisher follows from the keys, never from the file; a hint selects which key to try and decides nothing.
//! - A threshold counts distinct public keys. Holding a [`PublicKey`] is proof that it was checked when it was loaded.
//! - Whatever cannot be determined refuses, with a code of its own. What an authentic list revokes stays revoked, even when
//!   that list is refused for its age or its number.
//! - No allocation is sized by a number that a file gives, and no input panics.
//!
//! # Files
//!
//! - Keys: `armor` (base64, PEM, OpenSSH fields), `key`, `private_key`.
//! - Modules: `wasm` (sections), `signature` (the section's payload), `file` (where it stands, what it has to cover),
//!   `metadata`, `sign`, `inspect`.
//! - Approvals: `approval` (what one says), `approval_weigh` (what it is worth).
//! - Documents: `strict_json`, `envelope` (DSSE), `root`, `root_document`, `trust_file`, `trust_toml`, `toml_error`, `list`,
//!   `versions`, `state`, and `problem`, the codes they share.
//! - Decisions: `revoked` (the index), `standing`, `verify`, `refusal`; `appraise` says all that a decision rests on.

mod appraise;
mod approval;
mod approval_weigh;
mod armor;
mod envelope;
mod file;
mod inspect;
mod key;
mod list;
mod metadata;
mod private_key;
mod problem;
mod refusal;
mod revoked;
mod root;
mod root_document;
mod sign;
mod signature;
mod standing;
mod state;
mod strict_json;
mod toml_error;
mod trust_file;
mod trust_toml;
mod verify;
mod versions;
mod wasm;

#[cfg(test)]
mod tests;

pub use appraise::{Appraisal, SignedFor, appraise};
pub use approval::{APPROVAL_TYPE, Approval, MAX_APPROVAL, Review, gate_named};
pub use approval_weigh::{Ignored, SignedOff, weigh};
pub use envelope::Envelope;
pub use file::{FormatError, content_digest};
pub use inspect::{Inspection, SignatureView, inspect};
pub use key::{KeyError, KeyId, PublicKey};
pub use list::{CheckedList, Demand, Entry, Floor, Freshness, LIST_TYPE, List, Reason, Severity, check_list};
pub use metadata::{MetadataError, is_name};
pub use private_key::PrivateKey;
pub use problem::DocumentError;
pub use refusal::Refusal;
pub use revoked::{Revocation, Revocations, Source};
pub use root::{Publisher, Role, TrustRoot, Window};
pub use root_document::ROOT_TYPE;
pub use sign::{SignError, attach, sign, sign_detached};
pub use signature::SignatureError;
pub use standing::{ListFacts, Material, RevocationRules, Standing};
pub use state::{SeenList, SeenRoot, State};
pub use strict_json::{Time, Whole};
pub use toml_error::TomlError;
pub use trust_file::{Approver, NeedsRoot, TrustFile, TrustFileError, TrustSource};
pub use verify::{Policy, SignedModule, VerifiedModule, verify_module, verify_with_keys};
pub use versions::VersionRange;
pub use wasm::{FileKind, WasmError};
