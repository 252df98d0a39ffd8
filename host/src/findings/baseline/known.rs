//! What a baseline knows, so that a run tells what is new.

use std::collections::{BTreeSet, HashSet};

use super::{super::Fingerprint, read::File};
use crate::findings::{BaselineState, Fingerprints};

/// The findings of a baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Known(By);

#[derive(Clone, Debug, PartialEq)]
enum By {
    /// The names that last of every error.
    Name(HashSet<Fingerprint>),
    /// The file and what gave its code, by the formula of older tools: all that their baselines tell.
    Entry(HashSet<(String, Fingerprint)>),
}

impl Known {
    pub(super) fn findings(findings: &BTreeSet<Fingerprint>) -> Self {
        Self(By::Name(findings.iter().copied().collect()))
    }

    pub(super) fn entries(files: &[File]) -> Self {
        let of = |file: &File| {
            let message = file.message.as_deref().unwrap_or_default();
            (plain(&file.path), Fingerprint::v1(&file.code_name, file.line, message))
        };
        Self(By::Entry(files.iter().map(of).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.0 {
            By::Name(names) => names.is_empty(),
            By::Entry(entries) => entries.is_empty(),
        }
    }

    /// Whether a finding of those names in the file at `path` was there.
    #[must_use]
    pub fn state_of(&self, names: &Fingerprints, path: &str) -> BaselineState {
        let is_known = match &self.0 {
            By::Name(known) => known.contains(&names.v2),
            By::Entry(known) => known.contains(&(plain(path), names.v1)),
        };
        if is_known { BaselineState::Unchanged } else { BaselineState::New }
    }
}

/// A path as one tool writes it like another.
fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").map(str::to_owned).unwrap_or(path)
}
