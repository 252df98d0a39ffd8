//! What keeps an agent from its start, or from going on, and is not its own doing.

use crate::{diagnostic::Diagnostic, state::StateError, text::excerpt};

/// Characters of a reason that a message repeats.
const QUOTED: usize = 300;

/// Why the host does not let an agent start or go on. Fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// It stands in the ledger of revocations.
    #[error("it is revoked, and nobody has reinstated it: {}", excerpt(.0, QUOTED))]
    Revoked(String),
    /// Another driver has it.
    #[error("another run drives it: {0}")]
    Busy(StateError),
    /// An entry of the ledger that cannot be read may revoke it.
    #[error("entry {0} of the ledger of revocations is missing or none that this program knows, and may revoke it")]
    LedgerEntry(u64),
    /// What is kept of it cannot be read.
    #[error("what is kept of it under `{0}` is nothing that this program writes")]
    Unreadable(String),
    /// The state failed.
    #[error("{0}")]
    State(#[from] StateError),
    /// The state takes too long.
    #[error("the state has not answered for {0:?}")]
    Slow(std::time::Duration),
    /// It could not be started.
    #[error("`{}` could not be started: {reason}", excerpt(.command, QUOTED))]
    NotStarted {
        /// As the manifest has it.
        command: String,
        /// A fragment.
        reason: String,
    },
    /// A variable is not there that the manifest names.
    #[error("{0}")]
    Variable(String),
    /// Gates that were to judge it gave no verdict.
    #[error("nobody can say what it made is worth: {}", excerpt(.0, QUOTED))]
    NotJudged(String),
    /// It does not read what it is told.
    #[error("it does not read what it is told")]
    Deaf,
    /// Its time is over.
    #[error("it did not end within {0:?}")]
    TimedOut(std::time::Duration),
    /// The run was interrupted.
    #[error("the run was interrupted")]
    Interrupted,
    /// Its process is still there.
    #[error("its process was killed, and is not gone")]
    Remains,
    /// A process of an earlier run of it, of that number, is still there.
    #[error("process {0} of an earlier run of it is still there")]
    StillThere(i32),
    /// It was revoked, and the ledger does not know.
    #[error("it was revoked, and that could not be written to the ledger: {0}")]
    NotInLedger(String),
}

impl Hindrance {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Revoked(_) => "agent-revoked",
            Self::Busy(_) => "agent-busy",
            Self::LedgerEntry(_) => "agent-ledger-unreadable",
            Self::Unreadable(_) => "agent-state-unreadable",
            Self::State(error) => error.code(),
            Self::Slow(_) => "state-slow",
            Self::NotStarted { .. } => "agent-not-started",
            Self::Variable(_) => "agent-env-missing",
            Self::NotJudged(_) => "agent-not-judged",
            Self::Deaf => "agent-deaf",
            Self::TimedOut(_) => "agent-timeout",
            Self::Interrupted => "agent-interrupted",
            Self::Remains => "agent-remains",
            Self::StillThere(_) => "agent-still-there",
            Self::NotInLedger(_) => "agent-revocation-unwritten",
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Revoked(_) => "an approver may reinstate it with `portcullis agent reinstate`",
            Self::Busy(_) => "wait until that run has ended, or until the lock runs out",
            Self::LedgerEntry(_) => "use the newest version of this program, or see who else writes to the state",
            Self::Unreadable(_) => "see who else writes to the state; nothing of it was used",
            Self::State(error) => return error.help(),
            Self::StillThere(_) => "end that process, or wait until it has ended",
            Self::NotInLedger(_) => "revoke it with `portcullis agent revoke`; its lock was left to run out",
            Self::NotJudged(_) => "see why the gate gave no verdict; nothing of it counts against the agent",
            Self::Deaf => "an agent has to read its standard input to the end",
            _ => return None,
        })
    }

    /// Whether another try may come to something else: for as long as the driver is patient.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::State(error) => !matches!(
                error,
                StateError::LockLost { .. }
                    | StateError::Held { .. }
                    | StateError::TooLarge { .. }
                    | StateError::Crowded { .. }
                    | StateError::Id(_)
                    | StateError::Holder
                    | StateError::Place(_)
                    | StateError::Variable(_)
                    | StateError::NoFolder
                    | StateError::Foreign(_)
                    | StateError::Version(_)
                    | StateError::Denied
                    | StateError::ReadOnly
            ),
            _ => false,
        }
    }
}

impl From<&Hindrance> for Diagnostic {
    fn from(hindrance: &Hindrance) -> Self {
        let diagnostic = Self::new(hindrance.code(), hindrance.to_string());
        match hindrance.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
