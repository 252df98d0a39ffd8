//! Why a signed document, a root or a revocation list, is not taken. The codes are those of the format's description.

use super::strict_json::{JsonError, Time, Whole};
use crate::digest::Digest;

/// Why a root or a revocation list is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The trust file demands a revocation list, and there is none.
    #[error("the trust file demands a revocation list, and there is none")]
    Missing,
    /// A revocation list was seen under the name that the trust file gives, and there is none any more.
    #[error("a revocation list was seen here before, and there is none now")]
    Gone,
    /// Fewer distinct keys of the role signed it than have to.
    #[error("{found} of the {needed} keys that the role `{role}` needs signed it")]
    Threshold {
        /// Which role.
        role: &'static str,
        /// Distinct keys of the role that validly signed.
        found: usize,
        /// Distinct keys that have to.
        needed: usize,
    },
    /// It is a document of another type.
    #[error("the payload is of type `{0}`")]
    PayloadType(String),
    /// An object names the same key twice.
    #[error("the key `{0}` stands twice in one object")]
    DuplicateKey(String),
    /// It speaks of a kind that this host does not know.
    #[error("`{0}` is no kind that is known here")]
    UnknownKind(String),
    /// It is not what the format says.
    #[error("{0}")]
    Schema(String),
    /// The list was made under another version of the root.
    #[error("the list was made under version {list} of the root, and this is version {root}")]
    RootVersion {
        /// What the list says.
        list: Whole,
        /// The root's version.
        root: Whole,
    },
    /// It is older than what was seen or is demanded.
    #[error(
        "epoch {found_epoch} version {found_version} is older than epoch {epoch} version {version}, which was seen or is demanded"
    )]
    Rollback {
        /// What it says.
        found_epoch: Whole,
        /// What it says.
        found_version: Whole,
        /// The least that is taken.
        epoch: Whole,
        /// The least that is taken.
        version: Whole,
    },
    /// An entry that was seen is gone, and nothing says that it was withdrawn.
    #[error("the entry `{0}` is gone without a record that withdraws it")]
    Dropped(String),
    /// It has the number of a list that was seen, and other bytes.
    #[error("another list of the same number was seen ({0})")]
    Equivocation(Digest),
    /// It is another list than the one that was seen or is demanded.
    #[error("it is the list `{found}`, and `{expected}` was seen or is demanded")]
    OtherList {
        /// The list's name.
        found: String,
        /// The name that is asked for.
        expected: String,
    },
    /// The root is older than the one that was seen.
    #[error(
        "the trust root of epoch {found_epoch} version {found_version} is older than epoch {epoch} version {version}, which was seen"
    )]
    OlderRoot {
        /// What the root says.
        found_epoch: Whole,
        /// What the root says.
        found_version: Whole,
        /// What was seen.
        epoch: Whole,
        /// What was seen.
        version: Whole,
    },
    /// The root has the number of one that was seen, and other bytes.
    #[error("another trust root of the same number was seen ({0})")]
    OtherRoot(Digest),
    /// It is issued in the future.
    #[error("it is issued on {0}, which is yet to come")]
    NotYetValid(Time),
    /// Its time is over.
    #[error("it expired on {0}")]
    Expired(Time),
    /// It is older than the trust file allows.
    #[error("it was issued on {0}, longer ago than the trust file allows")]
    Stale(Time),
    /// A new root is not the one that follows.
    #[error("version {found} does not follow version {old}")]
    RootStep {
        /// The new root's version.
        found: Whole,
        /// The old root's version.
        old: Whole,
    },
    /// The clock is behind the one last seen.
    #[error("the clock is behind {0}, when it was last seen")]
    ClockBehind(Time),
    /// The file that remembers what was seen does not read.
    #[error("the state file does not read: {0}")]
    State(String),
    /// The local deny list does not read.
    #[error("line {line} of the deny list does not read: {message}")]
    Deny {
        /// Counted from 1.
        line: usize,
        /// One sentence fragment.
        message: &'static str,
    },
}

impl DocumentError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Gone => "missing",
            Self::Threshold { .. } => "threshold",
            Self::PayloadType(_) => "payload-type",
            Self::DuplicateKey(_) => "duplicate-key",
            Self::UnknownKind(_) => "unknown-kind",
            Self::Schema(_) => "schema",
            Self::RootVersion { .. } => "root-version",
            Self::Rollback { .. } | Self::Dropped(_) | Self::OlderRoot { .. } => "rollback",
            Self::Equivocation(_) | Self::OtherList { .. } | Self::OtherRoot(_) => "equivocation",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::Expired(_) => "expired",
            Self::Stale(_) => "stale",
            Self::RootStep { .. } => "root-step",
            Self::ClockBehind(_) => "clock-behind",
            Self::State(_) => "state-malformed",
            Self::Deny { .. } => "deny-malformed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing => "fetch the list to the path that the trust file names, or say `required = false` there",
            Self::Gone => "fetch the newest list to the path that the trust file names",
            Self::Threshold { .. } => "ask for the document with the signatures of enough keys of the role",
            Self::Rollback { .. } | Self::Dropped(_) | Self::Expired(_) | Self::Stale(_) => "fetch the newest list",
            Self::Equivocation(_) => "two lists of one number were signed: ask those who sign it which is right",
            Self::OtherList { .. } => "fetch the list of that name; `list_id` under [revocations] says which it is",
            Self::OlderRoot { .. } => "fetch the newest root",
            Self::OtherRoot(_) => "two roots of one number were signed: ask those who sign them which is right",
            Self::NotYetValid(_) | Self::ClockBehind(_) => "check this machine's clock",
            Self::RootVersion { .. } => "fetch the list and the root that belong together",
            Self::RootStep { .. } => "rotate one version at a time, with `portcullis trust check-root NEW --root OLD`",
            Self::State(_) => "compare with a backup; without the state file, older lists are taken again",
            Self::Deny { .. } => "a line is `module SHA256`, `key SHA256` or `release PUBLISHER MODULE VERSIONS`",
            Self::PayloadType(_) | Self::DuplicateKey(_) | Self::UnknownKind(_) | Self::Schema(_) => {
                "ask those who publish the document; this host takes nothing that it does not fully understand"
            }
        }
    }

    pub(super) fn schema(message: impl Into<String>) -> Self {
        Self::Schema(message.into())
    }
}

impl From<JsonError> for DocumentError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::DuplicateKey(key) => Self::DuplicateKey(key),
            JsonError::Invalid(message) => Self::Schema(message),
        }
    }
}
