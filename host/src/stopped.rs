//! Why a run came to no decision: everything that is wrong, and what that makes of its exit status.

use std::path::Path;

use crate::{
    diagnostic::Diagnostic,
    files::{FileError, shown},
    ledger::LedgerError,
};

/// What kept a run from a decision, in the terms of its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was asked for is wrong, or is not there; nothing ran.
    Usage,
    /// Nobody can say.
    Blocked,
    /// Something is not to be trusted; nothing ran.
    Refused,
}

/// A run that came to no decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What kind of trouble it is.
    pub stop: Stop,
    /// All that is wrong; at least one.
    pub problems: Vec<Diagnostic>,
}

impl Stopped {
    /// For one problem.
    pub fn new(stop: Stop, problem: impl Into<Diagnostic>) -> Self {
        Self { stop, problems: vec![problem.into()] }
    }

    /// What was asked for is wrong.
    pub fn usage(problem: impl Into<Diagnostic>) -> Self {
        Self::new(Stop::Usage, problem)
    }

    /// Nobody can say.
    pub fn blocked(problem: impl Into<Diagnostic>) -> Self {
        Self::new(Stop::Blocked, problem)
    }

    /// Something is not to be trusted.
    pub fn refused(problem: impl Into<Diagnostic>) -> Self {
        Self::new(Stop::Refused, problem)
    }
}

impl Stopped {
    /// What kept a run, or a question, from the ledger at `path`: one that was named wrongly is misuse, any other can give no
    /// answer.
    #[must_use]
    pub fn from_ledger(path: &Path, error: &LedgerError) -> Self {
        let stop = match error {
            LedgerError::Missing | LedgerError::NoRun(_) | LedgerError::RunPruned(_) => Stop::Usage,
            _ => Stop::Blocked,
        };
        let problem = Diagnostic::new(error.code(), error.to_string()).at(shown(path));
        Self::new(stop, Diagnostic { help: error.help().map(str::to_owned), ..problem })
    }
}

impl From<FileError> for Stopped {
    /// A file that cannot be read was named wrongly; one that cannot be written leaves the work undone.
    fn from(error: FileError) -> Self {
        let stop = if matches!(error, FileError::Write(..)) { Stop::Blocked } else { Stop::Usage };
        Self::new(stop, error)
    }
}
