//! What is wrong with a document, and where in it.
//!
//! Messages are put together by hand, each in one place that no type is a parameter of: formatting would be most of a small
//! gate, and serde would have each of its types bring its own.

use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::{fmt, mem};

use serde::de::{self, Expected, Unexpected};

use crate::text::{Digits, joined, push, said};

/// What is wrong, and the names of the members that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>); // boxed, because every step of the reader returns one or hands one on

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    text: String,
    /// Whether the text begins with a path.
    inside: bool,
}

impl Error {
    #[cold]
    #[inline(never)]
    fn new(text: String) -> Self {
        Self(Box::new(Inner { text, inside: false }))
    }

    /// What the pieces say together.
    #[cold]
    #[inline(never)]
    pub(super) fn of(pieces: &[&str]) -> Self {
        Self::new(joined(pieces))
    }

    /// Not JSON, at a byte of the document.
    #[cold]
    #[inline(never)]
    pub(super) fn syntax(message: &str, at: usize) -> Self {
        Self::of(&[message, " at byte ", Digits::of(at as u64).as_str()])
    }

    /// JSON of another type than `expected`.
    #[cold]
    #[inline(never)]
    pub(super) fn mismatch(expected: &dyn Expected, found: &str) -> Self {
        Self::of(&["expected ", &said(&expected), ", found ", found])
    }

    /// The same error, in the member `name`.
    #[cold]
    #[inline(never)]
    pub(super) fn inside(mut self, name: &str) -> Self {
        if self.0.inside || !name.is_empty() {
            let between = if mem::replace(&mut self.0.inside, true) { "." } else { ": " };
            self.0.text = joined(&[name, between, &self.0.text]);
        }
        self
    }

    /// One sentence fragment: the path, and what is wrong there.
    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    #[cold]
    #[inline(never)]
    fn field(what: &str, name: &str) -> Self {
        Self::of(&[what, name, "`"])
    }

    /// A name that is none of those that it could be.
    #[cold]
    #[inline(never)]
    fn unknown(what: &str, name: &str, known: &[&str]) -> Self {
        let mut message = joined(&["unknown ", what, " `", name]);
        let (first, others) = match known.len() {
            0 => return Self::of(&[&message, "`, there are no ", what, "s"]),
            1 | 2 => ("`, expected `", "` or `"),
            _ => ("`, expected one of `", "`, `"),
        };
        let mut before = first;
        for name in known {
            push(&mut message, before);
            push(&mut message, name);
            before = others;
        }
        push(&mut message, "`");
        Self::new(message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl core::error::Error for Error {}

impl de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    // The next two name the type only: serde's own would format the value, and bring what formatting a float takes.
    #[cold]
    #[inline(never)]
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected, kind(&unexpected))
    }

    #[cold]
    #[inline(never)]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected, &joined(&[kind(&unexpected), " of another value"]))
    }

    // The others say what serde's own say, which would format it.
    #[cold]
    #[inline(never)]
    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        Self::of(&["invalid length ", Digits::of(len as u64).as_str(), ", expected ", &said(&expected)])
    }

    #[cold]
    #[inline(never)]
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("variant", variant, expected)
    }

    #[cold]
    #[inline(never)]
    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("field", field, expected)
    }

    #[cold]
    #[inline(never)]
    fn missing_field(field: &'static str) -> Self {
        Self::field("missing field `", field)
    }

    #[cold]
    #[inline(never)]
    fn duplicate_field(field: &'static str) -> Self {
        Self::field("duplicate field `", field)
    }
}

fn kind(unexpected: &Unexpected<'_>) -> &'static str {
    match unexpected {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) | Unexpected::Bytes(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}
