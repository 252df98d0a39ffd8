//! What is let pass, by whom and until when (spec/workflow-findings.md, Suppressions).
//!
//! A file has one entry a line, `FINGERPRINT  # reason owner=@name expires=YYYY-MM-DD`; blank lines and lines that start with
//! `#` say nothing. Older tools' bare form, a fingerprint and free words, is read too.

mod apply;
mod edit;
mod entry;
mod problem;
mod template;

use std::collections::HashMap;

pub use apply::{Notice, Used};
pub use edit::{AddError, HEAD, add, without};
pub use entry::{Entry, day_of, owner_of};
pub use problem::{Problem, Wrong};
pub use template::{Frequent, most_frequent, template};

use super::{Fingerprint, Fingerprints};

/// The most bytes of a file of suppressions that are read.
pub const CAP: u64 = 8 << 20;
/// The most entries of a file.
const ENTRIES: usize = 100_000;
/// How many problems are told; a file of something else has one a line.
const PROBLEMS: usize = 100;

/// How many days before its last one an entry is told of.
pub const WARNED: u32 = 14;

/// The entries of a file.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    entries: Vec<Entry>,
    places: HashMap<Fingerprint, usize>,
}

impl Suppressions {
    /// Reads a file.
    ///
    /// # Errors
    /// With every problem of it, at most a hundred, in the order of their lines.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut read = Self::default();
        let mut problems = Vec::new();
        for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            if let Err(wrong) = read.take(number, line) {
                let is_last = problems.len() + 1 == PROBLEMS || wrong == Wrong::TooMany(ENTRIES);
                problems.push(Problem { line: number, wrong, is_cut: !line.ends_with(b"\n") });
                if is_last {
                    break;
                }
            }
        }
        if problems.is_empty() { Ok(read) } else { Err(problems) }
    }

    fn take(&mut self, number: usize, line: &[u8]) -> Result<(), Wrong> {
        let text = str::from_utf8(line).map_err(|_| Wrong::NotUtf8)?.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let entry = Entry::parse(number, text)?;
        if let Some(first) = self.places.get(&entry.fingerprint).and_then(|place| self.entries.get(*place)) {
            return Err(Wrong::Twice { fingerprint: entry.fingerprint, first: first.line });
        }
        if self.entries.len() == ENTRIES {
            return Err(Wrong::TooMany(ENTRIES));
        }
        self.places.insert(entry.fingerprint, self.entries.len());
        self.entries.push(entry);
        Ok(())
    }

    /// The entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The places of the entries that name a finding, by one of its names or by each.
    pub fn matching(&self, names: &Fingerprints) -> impl Iterator<Item = usize> + use<> {
        let places = [names.v1, names.v2].map(|name| self.places.get(&name).copied());
        places.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
