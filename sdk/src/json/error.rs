//! What is wrong with a document, and where in it.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
};
use core::fmt;

use serde::de::{self, Expected, Unexpected};

/// What is wrong, and the names of the members that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>); // boxed, because every step of the reader returns one or hands one on

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    path: String,
    message: String,
}

impl Error {
    #[cold]
    fn new(message: String) -> Self {
        Self(Box::new(Inner { path: String::new(), message }))
    }

    /// Not JSON, at a byte of the document.
    #[cold]
    pub(super) fn syntax(message: &str, at: usize) -> Self {
        Self::new(format!("{message} at byte {at}"))
    }

    /// JSON of another type than `expected`.
    #[cold]
    pub(super) fn mismatch(expected: &dyn Expected, found: &str) -> Self {
        Self::new(format!("expected {expected}, found {found}"))
    }

    /// The same error, in the member `name`.
    #[cold]
    pub(super) fn inside(mut self, name: &str) -> Self {
        let path = &mut self.0.path;
        *path = if path.is_empty() { name.to_string() } else { format!("{name}.{path}") };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.path.is_empty() {
            f.write_str(&self.0.path)?;
            f.write_str(": ")?;
        }
        f.write_str(&self.0.message)
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
    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected, kind(&unexpected))
    }

    #[cold]
    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected, &format!("{} of another value", kind(&unexpected)))
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
