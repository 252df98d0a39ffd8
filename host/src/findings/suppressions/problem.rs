//! What is wrong with a file of suppressions.

use super::super::Fingerprint;
use crate::{
    diagnostic::Diagnostic,
    text::{excerpt, printable},
};

/// Characters of a word that a problem repeats.
const QUOTED: usize = 64;

/// A line that is no entry. A file with one counts for nothing: what it was to say, nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// Whether the file ends within the line.
    pub is_cut: bool,
}

/// What is wrong with a line. Words are hostile text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Its bytes are no text.
    #[error("the line is not UTF-8")]
    NotUtf8,
    /// It starts with something else.
    #[error("`{}` is no fingerprint: it is 16 hex digits", excerpt(.0, QUOTED))]
    NotAFingerprint(String),
    /// The owner is no name.
    #[error("`{}` names no owner: it is written owner=@name", excerpt(.0, QUOTED))]
    BadOwner(String),
    /// The last day is none.
    #[error("`{}` names no day: it is written expires=YYYY-MM-DD", excerpt(.0, QUOTED))]
    BadDay(String),
    /// A line says the same thing twice.
    #[error("`{0}=` stands twice in the line")]
    Repeated(&'static str),
    /// A word that looks like one that counts, and would count for nothing.
    #[error("`{}` counts for nothing: it is written {form}", excerpt(.word, QUOTED))]
    Misspelt {
        /// The word.
        word: String,
        /// How what it looks like is written.
        form: &'static str,
    },
    /// Two entries have the same fingerprint.
    #[error("{fingerprint} is suppressed in line {first} already")]
    Twice {
        /// Which.
        fingerprint: Fingerprint,
        /// The line of the first.
        first: usize,
    },
    /// There are more entries than anybody could answer for.
    #[error("there are more than {0} entries")]
    TooMany(usize),
}

impl Wrong {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotUtf8 => "suppression-not-utf8",
            Self::NotAFingerprint(_) => "suppression-fingerprint",
            Self::BadOwner(_) => "suppression-owner",
            Self::BadDay(_) => "suppression-expiry",
            Self::Repeated(_) => "suppression-repeated",
            Self::Misspelt { .. } => "suppression-misspelt",
            Self::Twice { .. } => "suppression-twice",
            Self::TooMany(_) => "suppressions-too-many",
        }
    }
}

impl Problem {
    /// How it is told of the file with that name.
    #[must_use]
    pub fn diagnostic(&self, file: &str) -> Diagnostic {
        let told = Diagnostic::new(self.wrong.code(), self.wrong.to_string());
        let told = told.at(format!("{}:{}", printable(file), self.line));
        if self.is_cut { told.help("the file ends within this line: it may be half-written") } else { told }
    }
}
