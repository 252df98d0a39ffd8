//! Why a gate gives no answer.

use alloc::string::{String, ToString};
use core::fmt;

use crate::text::push_char;

/// The longest note that is worth a reader's time, in bytes; serde can quote whole inputs.
const NOTE_LIMIT: usize = 1000;

/// Why a gate gives no answer: never a verdict, always the host's `fault`.
///
/// What it says goes to standard error as one line, and the gate exits with status 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// The input or the parameters are not what this gate can judge; `what` is a sentence fragment.
    #[must_use]
    pub fn bad_input(what: impl fmt::Display) -> Self {
        Self::noted("bad input: ", &what.to_string())
    }

    /// The same for a text.
    #[cold]
    #[inline(never)]
    pub(crate) fn input(what: &str) -> Self {
        Self::noted("bad input: ", what)
    }

    /// What the gate was about to say is not an answer; `what` is a sentence fragment.
    #[must_use]
    pub fn bad_answer(what: impl fmt::Display) -> Self {
        Self::noted("bad answer: ", &what.to_string())
    }

    #[inline(never)]
    fn noted(kind: &str, what: &str) -> Self {
        let mut note = String::from(kind);
        for c in what.chars() {
            if note.len() >= NOTE_LIMIT {
                push_char(&mut note, '…');
                break;
            }
            push_char(&mut note, if c.is_control() { ' ' } else { c });
        }
        Self(note)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Fault {}

impl From<crate::json::Error> for Fault {
    fn from(error: crate::json::Error) -> Self {
        Self::input(error.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_line_of_bounded_length() {
        let note = Fault::bad_input("a\nb\u{1b}[31mc\u{9b}").to_string();
        assert_eq!(note, "bad input: a b [31mc ");
        assert!(Fault::bad_answer("é".repeat(5000)).to_string().len() < NOTE_LIMIT + 8);
    }
}
