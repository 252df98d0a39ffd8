//! How a problem is told: a stable code, one sentence, the place, and what to do.
//!
//! Rooms describe what failed with enums of their own; the edge turns those into a [`Diagnostic`] and prints it once.

use std::fmt;

/// A problem as it is shown to a person or written as JSON.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// Stable and kebab-case: what scripts match on.
    pub code: &'static str,
    /// One sentence without a full stop, made of nothing that a terminal would obey.
    pub message: String,
    /// `file:line:column`, a gate's name, or a limit with used and allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The fix, or the next command to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem with its code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None, help: None }
    }

    /// The same problem, at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The same problem, with its fix.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.message)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
