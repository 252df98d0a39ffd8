//! Why the state could not be read or written.

use super::{keys::MAX_ID, lock::MAX_HOLDER, sqlite::VERSION};
use crate::{
    diagnostic::Diagnostic,
    manifest::BadState,
    sqlite::SqliteError,
    text::{excerpt, printable},
};

/// How much of what a store says a message repeats, in characters.
const QUOTED: usize = 200;

/// Why the state could not be read or written. Fit for a terminal, and without the password of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// What names the store names none.
    #[error("it names no store: {0}")]
    Place(#[from] BadState),
    /// A variable of the environment that is not set.
    #[error("the variable `{}`, which the state's URL names, is not set", excerpt(.0, QUOTED))]
    Variable(String),
    /// The user has no folder.
    #[error("there is no folder for a state")]
    NoFolder,
    /// A name that may not stand in a key.
    #[error("`{}` is no name of 1 to {MAX_ID} letters, digits, `-`, `_` and `.`", excerpt(.0, QUOTED))]
    Id(String),
    /// A holder of a lock needs another name.
    #[error("a holder's name has 1 to {MAX_HOLDER} printable ASCII characters")]
    Holder,
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
    /// The file is something else.
    #[error("the file is no state of this program's: {0}")]
    Foreign(&'static str),
    /// It is a state of another version.
    #[error("the state is of version {0}, and this program knows version {VERSION}")]
    Version(u32),
    /// The file does not hold together.
    #[error("the state's file is damaged: {0}")]
    Damaged(String),
    /// Others use the store, and have not ended within the time that this one waits.
    #[error("the store is busy, and has been for as long as anybody waits")]
    Busy,
    /// The store takes no more.
    #[error("the store is full; nothing was written")]
    Full,
    /// It may only be read.
    #[error("the store can only be read")]
    ReadOnly,
    /// The system failed to read or write.
    #[error("the system failed at the state's file: {0}")]
    Io(String),
    /// Nobody answers, and nothing was done.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    /// The connection was lost before the answer came.
    #[error("the store was lost before it answered, and nobody knows whether it was done: {0}")]
    Unsure(String),
    /// The store lets nobody in with this user and password.
    #[error("the store lets nobody in with this user and password")]
    Denied,
    /// What answers does not speak the protocol, or passes a limit of it.
    #[error("what answers is no store that this program can talk to: {0}")]
    Protocol(&'static str),
    /// The store refuses what it was asked.
    #[error("the store refuses it: {0}")]
    Refused(String),
    /// What stands under a key is not what was written there.
    #[error("what stands under `{}` is not what was written there: {why}", printable(.key))]
    Corrupted {
        /// The key.
        key: String,
        /// A fragment.
        why: &'static str,
    },
    /// A list is shorter than it was.
    #[error("the list `{}` ends before what was read of it: it was cut or made anew", printable(.key))]
    Lost {
        /// The key.
        key: String,
    },
    /// Somebody changed the value meanwhile.
    #[error("somebody else has changed `{}`; nothing was written", printable(.key))]
    Conflict {
        /// The key.
        key: String,
    },
    /// A list or counters that take no more.
    #[error("`{}` takes no more than {most}", printable(.key))]
    Crowded {
        /// The key.
        key: String,
        /// How many it takes.
        most: u32,
    },
    /// Somebody else holds the lock.
    #[error("`{}` holds the lock `{}` for another {} s", excerpt(.by, QUOTED), printable(.key), left_ms.div_ceil(1_000))]
    Held {
        /// The lock's key.
        key: String,
        /// Who holds it.
        by: String,
        /// How long it is held unless it is renewed, in milliseconds.
        left_ms: u64,
    },
    /// The lock is no longer held: it was too late, or somebody else has it.
    #[error("the lock `{}` is no longer held with the fence {token}; nothing was written", printable(.key))]
    LockLost {
        /// The lock's key.
        key: String,
        /// The token of the fence that is stale.
        token: u64,
    },
    /// More bytes than a store keeps in one piece.
    #[error("it has more than {most} bytes, which is the most that is kept in one piece")]
    TooLarge {
        /// How many it may have.
        most: usize,
    },
}

impl StateError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place(_) => "state-place",
            Self::Variable(_) => "state-env-missing",
            Self::NoFolder => "no-state-folder",
            Self::Id(_) => "state-id",
            Self::Holder => "state-holder",
            Self::Randomness => "no-randomness",
            Self::Foreign(_) => "state-foreign",
            Self::Version(_) => "state-version",
            Self::Damaged(_) => "state-damaged",
            Self::Busy => "state-busy",
            Self::Full => "state-full",
            Self::ReadOnly => "state-read-only",
            Self::Io(_) => "state-io",
            Self::Unreachable(_) => "state-unreachable",
            Self::Unsure(_) => "state-unsure",
            Self::Denied => "state-denied",
            Self::Protocol(_) => "state-protocol",
            Self::Refused(_) => "state-refused",
            Self::Corrupted { .. } => "state-corrupted",
            Self::Lost { .. } => "state-lost",
            Self::Conflict { .. } => "state-conflict",
            Self::Crowded { .. } => "state-crowded",
            Self::Held { .. } => "lock-held",
            Self::LockLost { .. } => "lock-lost",
            Self::TooLarge { .. } => "state-too-large",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Place(_) => "write `redis://[USER:${env:NAME}@]HOST:PORT/DATABASE`, or the path of a file",
            Self::Variable(_) => "set it, or name another place for the state",
            Self::NoFolder => "set HOME or XDG_DATA_HOME, or name a place for the state with --state",
            Self::Foreign(_) => "name another file; this one was left as it is",
            Self::Version(_) => "use the program of that version; nothing was changed",
            Self::Damaged(_) => {
                "take it from a backup, or move it and its `-wal` away; it is never repaired in silence"
            }
            Self::Busy => "try again, or see which process holds the store",
            Self::Full => "make room on the disk or in the store's memory",
            Self::ReadOnly => "see who may write to it; a replica takes no writes",
            Self::Unreachable(_) => "see that the store runs, and that its host and port are right",
            Self::Unsure(_) => "read what stands there before it is done again",
            Self::Denied => "see user and password in the state's URL, and what its variables hold",
            Self::Corrupted { .. } | Self::Lost { .. } => {
                "nothing of it was used; see who else writes to the store and whether it lost data, then put back what was there"
            }
            Self::Conflict { .. } => "read it again and decide anew",
            Self::Held { .. } => "wait until it is released or runs out",
            Self::LockLost { .. } => "stop, for somebody else may be at it",
            _ => return None,
        })
    }

    /// What stands under `key` is not what was written there.
    pub(super) fn corrupted(key: &str, why: &'static str) -> Self {
        Self::Corrupted { key: key.to_owned(), why }
    }
}

impl From<StateError> for Diagnostic {
    fn from(error: StateError) -> Self {
        let diagnostic = Self::new(error.code(), error.to_string());
        match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

impl From<SqliteError> for StateError {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Missing => Self::Io("the file is gone".to_owned()),
            SqliteError::Foreign(why) => Self::Foreign(why),
            SqliteError::Version(version) => Self::Version(version),
            SqliteError::Damaged(why) => Self::Damaged(why),
            SqliteError::Busy => Self::Busy,
            SqliteError::Full => Self::Full,
            SqliteError::ReadOnly => Self::ReadOnly,
            SqliteError::Io(why) => Self::Io(why),
        }
    }
}

impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        SqliteError::from(error).into()
    }
}

impl From<std::io::Error> for StateError {
    fn from(error: std::io::Error) -> Self {
        SqliteError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_the_code_that_scripts_know_and_a_sentence_for_a_terminal() {
        use StateError::*;
        let (text, key) = (|| "a\u{1b}b".to_owned(), || "agent:a:lock".to_owned());
        let all = [
            (Place(BadState::Tls), "state-place"),
            (Variable("PW".to_owned()), "state-env-missing"),
            (NoFolder, "no-state-folder"),
            (Id(text()), "state-id"),
            (Holder, "state-holder"),
            (Randomness, "no-randomness"),
            (Foreign("why"), "state-foreign"),
            (Version(7), "state-version"),
            (Damaged("why".to_owned()), "state-damaged"),
            (Busy, "state-busy"),
            (Full, "state-full"),
            (ReadOnly, "state-read-only"),
            (Io("why".to_owned()), "state-io"),
            (Unreachable("why".to_owned()), "state-unreachable"),
            (Unsure("why".to_owned()), "state-unsure"),
            (Denied, "state-denied"),
            (Protocol("why"), "state-protocol"),
            (Refused("why".to_owned()), "state-refused"),
            (Corrupted { key: key(), why: "why" }, "state-corrupted"),
            (Lost { key: key() }, "state-lost"),
            (Conflict { key: key() }, "state-conflict"),
            (Crowded { key: key(), most: 7 }, "state-crowded"),
            (Held { key: key(), by: text(), left_ms: 7 }, "lock-held"),
            (LockLost { key: key(), token: 7 }, "lock-lost"),
            (TooLarge { most: 7 }, "state-too-large"),
        ];
        for (error, code) in all {
            let told = Diagnostic::from(error);
            assert_eq!(told.code, code);
            assert!(!told.message.ends_with('.') && !told.message.contains('\u{1b}'), "{told}");
        }
    }
}
