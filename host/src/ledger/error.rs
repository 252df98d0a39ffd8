//! Why a ledger could not be read or written.

use super::{Broken, VERSION};
use crate::{
    digest::Digest,
    sqlite::SqliteError,
    text::{excerpt, printable},
};

/// How much of what a ledger or its library says a message repeats, in characters.
const QUOTED: usize = 200;

/// Why a ledger could not be read or written. Fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// There is none.
    #[error("there is no ledger")]
    Missing,
    /// The file is something else.
    #[error("the file is no ledger of this program's: {0}")]
    Foreign(&'static str),
    /// It is a ledger of another version.
    #[error("the ledger is of version {0}, and this program knows version {VERSION}")]
    Version(u32),
    /// Somebody else writes to it, and has not ended within the time that this one waits.
    #[error("somebody else is writing to the ledger")]
    Locked,
    /// Its file does not hold together.
    #[error("the ledger's file is damaged: {0}")]
    Corrupt(String),
    /// Its end is gone.
    #[error("the ledger ends after entry {entries}, and it had an entry {seen}: its log was left behind or damaged")]
    CutShort {
        /// How many entries there are.
        entries: u64,
        /// How many there were at least.
        seen: u64,
    },
    /// The disk takes no more.
    #[error("the disk is full; nothing of this step was kept")]
    Full,
    /// The system failed to read or write.
    #[error("the system failed at the ledger's file: {0}")]
    Io(String),
    /// It may only be read.
    #[error("the ledger can only be read")]
    ReadOnly,
    /// An entry or a blob is not what the chain says.
    #[error("the ledger is not what it was: {0}")]
    BrokenChain(Box<Broken>),
    /// It knows no such run.
    #[error("the ledger has no run `{}`", excerpt(.0, QUOTED))]
    NoRun(String),
    /// It has a run of that name.
    #[error("the ledger has a run `{}` already", excerpt(.0, QUOTED))]
    RunExists(String),
    /// The run has come to its end, and takes no more steps.
    #[error("the run `{}` has ended", excerpt(.0, QUOTED))]
    RunFinished(String),
    /// What the run kept was taken away.
    #[error("what the run `{}` kept was pruned", excerpt(.0, QUOTED))]
    RunPruned(String),
    /// Another process is at this run.
    #[error("another process is at the run `{}`", excerpt(.0, QUOTED))]
    RunClaimed(String),
    /// The run has that step.
    #[error("the run has kept {} already", printable(.0))]
    StepExists(String),
    /// A name that is empty, too long, or something else's.
    #[error("a {0} needs a name of its own, of 1 to {max} bytes", max = super::step::MAX_NAME)]
    Name(&'static str),
    /// The ledger has never kept such bytes.
    #[error("the ledger keeps no bytes with the digest {0}")]
    NoBlob(Digest),
    /// It has kept such bytes, and they were pruned.
    #[error("the bytes with the digest {0} were pruned")]
    BlobPruned(Digest),
    /// More bytes than a ledger keeps in one piece.
    #[error("it is larger than {max} bytes, which is the most that a ledger keeps in one piece", max = super::blobs::MAX)]
    TooLarge,
}

impl LedgerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "ledger-missing",
            Self::Foreign(_) => "ledger-foreign",
            Self::Version(_) => "ledger-version",
            Self::Locked => "ledger-locked",
            Self::Corrupt(_) => "ledger-corrupt",
            Self::CutShort { .. } => "ledger-cut-short",
            Self::Full => "ledger-full",
            Self::Io(_) => "ledger-io",
            Self::ReadOnly => "ledger-read-only",
            Self::BrokenChain(_) => "ledger-broken-chain",
            Self::NoRun(_) => "run-unknown",
            Self::RunExists(_) => "run-exists",
            Self::RunFinished(_) => "run-finished",
            Self::RunPruned(_) => "run-pruned",
            Self::RunClaimed(_) => "run-claimed",
            Self::StepExists(_) => "step-exists",
            Self::Name(_) => "ledger-name",
            Self::NoBlob(_) => "blob-unknown",
            Self::BlobPruned(_) => "blob-pruned",
            Self::TooLarge => "blob-too-large",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Missing => "a run makes it; name another with --ledger PATH",
            Self::Foreign(_) => "name another file with --ledger PATH; this one was left as it is",
            Self::Version(_) => "use the program of that version; nothing was changed",
            Self::Locked => "try again, or see which process holds the file",
            Self::Corrupt(_) | Self::BrokenChain(_) => {
                "take it from a backup: it is never repaired in silence; `portcullis ledger verify` says what is wrong"
            }
            Self::CutShort { .. } => {
                "put the file with `-wal` behind its name back, or take all from a backup; whoever gives up what is gone \
                 removes the file with `-head` behind its name"
            }
            Self::Full => "make room, or take some with `portcullis ledger prune`",
            Self::ReadOnly => "see who may write to the file and its folder",
            Self::NoRun(_) => "`portcullis ledger list` says which there are",
            Self::RunClaimed(_) => "wait until it has ended",
            _ => return None,
        })
    }

    /// What stands in the file is not what this program writes there.
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt(what.into())
    }
}

impl From<Broken> for LedgerError {
    fn from(broken: Broken) -> Self {
        Self::BrokenChain(Box::new(broken))
    }
}

impl From<SqliteError> for LedgerError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Missing => Self::Missing,
            SqliteError::Foreign(why) => Self::Foreign(why),
            SqliteError::Version(version) => Self::Version(version),
            SqliteError::Damaged(why) => Self::Corrupt(why),
            SqliteError::Busy => Self::Locked,
            SqliteError::Full => Self::Full,
            SqliteError::ReadOnly => Self::ReadOnly,
            SqliteError::Io(why) => Self::Io(why),
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        SqliteError::from(error).into()
    }
}

impl From<std::io::Error> for LedgerError {
    fn from(error: std::io::Error) -> Self {
        SqliteError::from(error).into()
    }
}
