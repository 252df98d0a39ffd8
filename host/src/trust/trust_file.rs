//! The trust file: who is trusted, written by hand as `trust.toml`, or signed as `root.json`.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    key::{KeyId, PublicKey},
    problem::DocumentError,
    root::{TrustRoot, Window, matches},
    standing::RevocationRules,
    toml_error::TomlError,
    trust_toml,
};
use crate::{diagnostic::Diagnostic, digest::Digest, text::excerpt};

/// The list that a signed root, which names no files, is used with.
const DEFAULT_LIST: &str = "revocations.json";

/// Why a trust file is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustFileError {
    /// The signed root is not one.
    #[error(transparent)]
    Root(#[from] DocumentError),
    /// The signed root is not the one that is pinned.
    #[error("the root is {found}, and {pinned} is pinned")]
    Pin {
        /// The digest of the root's payload.
        found: Digest,
        /// The digest that the trust file asks for.
        pinned: Digest,
    },
    /// Someone may approve with a key that the signed root trusts for something else.
    #[error("the key {} of the approver `{approver}` signs modules or holds a role", .key.short())]
    Approver {
        /// Who, fit for a terminal.
        approver: String,
        /// Which key.
        key: KeyId,
    },
    /// `trust.toml` does not say anything that can be meant.
    #[error(transparent)]
    Toml(#[from] TomlError),
}

impl TrustFileError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Root(error) => error.code(),
            Self::Pin { .. } => "root-pin",
            Self::Approver { .. } | Self::Toml(_) => "trust-file",
        }
    }

    /// The problem as it is told, `file` being the trust file as the user named it.
    #[must_use]
    pub fn diagnostic(&self, file: &str) -> Diagnostic {
        let problem = Diagnostic::new(self.code(), self.to_string());
        match self {
            Self::Root(error) => problem.at(file).help(error.help()),
            Self::Pin { .. } => {
                problem.at(file).help("fetch the root that is pinned, or pin the new one once it was checked")
            }
            Self::Approver { .. } => problem.at(file).help(OWN_KEY),
            Self::Toml(error) => {
                let problem = problem.at(format!("{file}:{}:{}", error.line, error.column));
                error.help.iter().fold(problem, |problem, help| problem.help(help))
            }
        }
    }
}

/// What to do about an approver's key that is trusted for something else.
pub(super) const OWN_KEY: &str = "give the approver a key of their own, made with `portcullis key new`: whoever makes a module must not be who lets it through";

/// What a trust file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFile {
    /// Who is trusted.
    pub root: TrustRoot,
    /// The file that the signed root stands in, relative to the trust file, if it is not the trust file itself.
    pub root_path: Option<String>,
    /// Which revocation lists are looked at, and how fresh they have to be.
    pub revocations: RevocationRules,
    /// Who may approve what a gate left to people, by name.
    pub approvers: BTreeMap<String, Approver>,
}

/// Someone whose signed word turns a review into a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Their keys, each with when it counts.
    pub keys: Vec<(PublicKey, Window)>,
    /// Patterns of names of the gates that they may approve, `*` for any characters.
    pub gates: Vec<String>,
}

impl Approver {
    /// Whether they may approve what that gate left to people.
    #[must_use]
    pub fn may_approve(&self, gate: &str) -> bool {
        self.gates.iter().any(|pattern| matches(pattern, gate))
    }
}

/// The first approver with a key that `root` trusts for something else, and that key.
pub(super) fn doubly_trusted<'a>(
    approvers: &'a BTreeMap<String, Approver>,
    root: &TrustRoot,
) -> Option<(&'a str, KeyId)> {
    let keys = approvers.iter().flat_map(|(name, approver)| approver.keys.iter().map(move |(key, _)| (name, key.id())));
    keys.map(|(name, key)| (name.as_str(), key)).find(|(_, key)| root.key(key).is_some())
}

/// A trust file as it was read.
#[derive(Clone, Debug)]
pub enum TrustSource {
    /// All of it.
    Whole(TrustFile),
    /// It names a signed root, which has to be read too.
    NeedsRoot(NeedsRoot),
}

/// The local part of a trust file whose root is a signed one in a file of its own.
#[derive(Clone, Debug)]
pub struct NeedsRoot {
    /// The root's path, relative to the trust file.
    pub path: String,
    pub(super) pin: Digest,
    pub(super) revocations: RevocationRules,
    pub(super) approvers: BTreeMap<String, Approver>,
}

impl NeedsRoot {
    /// The trust file with its root.
    ///
    /// # Errors
    /// When the bytes are no root, or not the one that is pinned.
    pub fn with_root(self, bytes: &[u8], now: Timestamp) -> Result<TrustFile, TrustFileError> {
        let root = TrustRoot::from_json(bytes, now)?;
        let Self { path, pin, revocations, approvers } = self;
        if root.digest() != pin {
            return Err(TrustFileError::Pin { found: root.digest(), pinned: pin });
        }
        if let Some((approver, key)) = doubly_trusted(&approvers, &root) {
            return Err(TrustFileError::Approver { approver: excerpt(approver, 64), key });
        }
        Ok(TrustFile { root, root_path: Some(path), revocations, approvers })
    }
}

impl TrustSource {
    /// Reads a trust file: `trust.toml`, or a signed root, which is used with the list `revocations.json` beside it.
    ///
    /// # Errors
    /// When it is neither, or breaks a rule.
    pub fn read(bytes: &[u8], now: Timestamp) -> Result<Self, TrustFileError> {
        if bytes.trim_ascii_start().starts_with(b"{") {
            let root = TrustRoot::from_json(bytes, now)?;
            let required = root.revocation_role().is_some();
            let list = required.then(|| DEFAULT_LIST.to_owned());
            let revocations = RevocationRules { list, required, ..RevocationRules::default() };
            return Ok(Self::Whole(TrustFile { root, root_path: None, revocations, approvers: BTreeMap::new() }));
        }
        Ok(trust_toml::read(bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Time;

    fn now() -> Timestamp {
        Time::parse("2026-01-10T00:00:00Z").expect("a time").0
    }

    #[test]
    fn a_signed_root_is_a_trust_file_and_can_be_named_and_pinned_by_one() {
        let signed = include_bytes!("../../../tests/fixtures/signing/revocation/root.1.json");
        let payload = include_bytes!("../../../tests/fixtures/signing/revocation/root.1.payload.json");
        let Ok(TrustSource::Whole(file)) = TrustSource::read(signed, now()) else { panic!("a signed root") };
        assert_eq!((file.revocations.required, file.revocations.list.as_deref()), (true, Some(DEFAULT_LIST)));
        assert!(matches!(TrustSource::read(payload, now()), Ok(TrustSource::Whole(_))));
        let named = |pin: Digest| {
            let text =
                format!("schema = 1\nroot = \"root.json\"\nroot_sha256 = \"{pin}\"\n[revocations]\nlist = \"l.json\"");
            match TrustSource::read(text.as_bytes(), now()) {
                Ok(TrustSource::NeedsRoot(rest)) => rest.with_root(signed, now()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(named(file.root.digest()).map(|named| named.root), Ok(file.root.clone()));
        assert_eq!(named(Digest::of(b"other")).expect_err("another root").code(), "root-pin");
    }

    #[test]
    fn who_signs_for_the_root_that_is_named_does_not_approve() {
        let signed = include_bytes!("../../../tests/fixtures/signing/revocation/root.1.json");
        let Ok(TrustSource::Whole(file)) = TrustSource::read(signed, now()) else { panic!("a signed root") };
        let own = crate::trust::PrivateKey::from_seed(&[200; 32]).public().clone();
        for (key, expect) in [(&own, None), (file.root.keys().next().expect("a key"), Some("trust-file"))] {
            let text = format!(
                "schema = 1\nroot = \"root.json\"\nroot_sha256 = \"{}\"\n[approver.alice]\nkeys = [\"{}\"]\ngates = [\"*\"]",
                file.root.digest(),
                key.to_short_form()
            );
            let Ok(TrustSource::NeedsRoot(rest)) = TrustSource::read(text.as_bytes(), now()) else { panic!("{text}") };
            assert_eq!(rest.with_root(signed, now()).err().map(|error| error.code()), expect);
        }
    }

    #[test]
    fn a_problem_is_told_with_its_place_and_its_fix() {
        let told = |bytes: &[u8]| TrustSource::read(bytes, now()).expect_err("a mistake").diagnostic("trust.toml");
        let problem = told(b"schema = 1\n  versoin = 2");
        assert_eq!(problem.to_string(), "[trust-file] unknown key `versoin` (trust.toml:2:3)");
        assert_eq!(problem.help.as_deref(), Some("did you mean `version`?"));
        assert_eq!(told(b"{").code, "schema");
    }
}
