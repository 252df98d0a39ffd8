//! What the probes of one module, of which a parameter chooses one, have in common.

use alloc::{format, string::String};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Seconds;
use crate::{Evidence, Fault, json};

/// What one look came to.
#[derive(Clone, Debug)]
pub struct Look<T> {
    /// Whether what was seen is as it should be.
    pub passed: bool,
    /// One sentence for people.
    pub summary: String,
    /// How long what was looked at took.
    pub took: Seconds,
    /// What was seen, as an object.
    pub seen: T,
}

impl<T: Serialize> Look<T> {
    /// The answer of a probe that looked once, as evidence of the kind `probe_kind`.
    pub fn into_evidence(self, probe_kind: &str) -> Evidence {
        let Self { passed, summary, took, seen } = self;
        Evidence::new().saw(probe_kind, passed, summary.clone(), took.as_f64(), &seen).summary(summary)
    }
}

/// A part of a request, taken as `&RawValue`, once it is known what it has to be; `part` names it.
///
/// # Errors
/// It is something else.
pub fn read_part<'a, T: Deserialize<'a>>(part: &str, text: &'a RawValue) -> Result<T, Fault> {
    json::read(text.get()).map_err(|error| Fault::bad_input(format!("{part}: {error}")))
}
