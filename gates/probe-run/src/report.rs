//! What a run of tests tells of each of them.

use alloc::collections::BTreeSet;

use portcullis_sdk::{
    evidence::{RunAttempt, preview},
    json,
    prelude::*,
};

/// How much of a name or a reason a sentence repeats, in characters.
const QUOTED: usize = 200;

/// The names of tests: a document `{"passed": […], "failed": […]}`, whatever else is in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// Those that passed.
    pub passed: BTreeSet<String>,
    /// Those that did not. One that is in both did not.
    pub failed: BTreeSet<String>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    passed: usize,
    failed: usize,
}

impl Report {
    /// The report that `document` is.
    pub fn read(document: &RawValue) -> Option<Self> {
        let Self { mut passed, failed } = json::read(document.get()).ok()?;
        passed.retain(|name| !failed.contains(name));
        Some(Self { passed, failed })
    }

    /// What a run wrote, where the manifest says that it is data; or why it is no report.
    pub fn of(run: &RunAttempt<'_>) -> Result<Option<Self>, String> {
        match (run.data, &run.data_error) {
            (Some(data), _) => Self::read(data).map(Some).ok_or_else(|| "what it wrote is no report of tests".into()),
            (None, Some(error)) => Err(format!("its report cannot be read: {}", preview(error, QUOTED))),
            (None, None) => Ok(None),
        }
    }

    /// Whether there is one that passed, and none that did not.
    pub fn is_good(&self) -> bool {
        !self.passed.is_empty() && self.failed.is_empty()
    }

    /// How many tests there are.
    pub fn counts(&self) -> Counts {
        Counts { passed: self.passed.len(), failed: self.failed.len() }
    }

    /// `12 tests passed, 1 failed (a::b)`.
    pub fn said(&self) -> String {
        let Counts { passed, failed } = self.counts();
        let first = self.failed.first().map(|name| format!(" ({})", preview(name, QUOTED)));
        format!("{passed} tests passed, {failed} failed{}", first.unwrap_or_default())
    }
}
