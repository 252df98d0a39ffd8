//! What the findings of a validator are held against in a run: suppressions and a baseline, as they were read.

use jiff::Timestamp;
use portcullis_sdk::Finding;

use super::{
    Rules,
    baseline::Known,
    day,
    suppressions::{Notice, Suppressions, Used, WARNED},
};
use crate::manifest::FailOn;

/// Suppressions and a baseline of one validator.
#[derive(Debug, Default)]
pub struct Held {
    /// What is let pass, with the name of its file.
    pub suppressions: Option<(String, Suppressions)>,
    /// Whether others are held against the same suppressions, so that one that this validator does not need may be theirs.
    pub shared: bool,
    /// What was there before.
    pub known: Option<Known>,
    /// Which findings decide.
    pub fail_on: FailOn,
}

impl Held {
    /// Against nothing.
    #[must_use]
    pub fn none(now: Timestamp) -> Rules<'static> {
        Rules { suppressions: None, known: None, fail_on: FailOn::Any, today: day(now) }
    }

    /// What decides at `now`.
    #[must_use]
    pub fn rules(&self, now: Timestamp) -> Rules<'_> {
        Rules {
            suppressions: self.suppressions.as_ref().map(|(_, suppressions)| suppressions),
            known: self.known.as_ref(),
            fail_on: self.fail_on,
            today: day(now),
        }
    }

    /// What has to be told of the suppressions after everything was looked at, as findings that decide nothing.
    #[must_use]
    pub fn notices(&self, used: &Used, rules: &Rules<'_>) -> Vec<Finding> {
        let Some((file, suppressions)) = &self.suppressions else { return Vec::new() };
        let notices = suppressions.notices(used, rules.today, WARNED).into_iter();
        notices
            .filter(|notice| !(self.shared && matches!(notice, Notice::Unused { .. })))
            .map(|n| told(file, &n))
            .collect()
    }
}

fn told(file: &str, notice: &Notice<'_>) -> Finding {
    let problem = notice.diagnostic(file);
    let code = problem.code.to_uppercase().replace('-', "_");
    let line = u32::try_from(notice.entry().line).unwrap_or(u32::MAX);
    let finding = Finding::warning(code, problem.message).on_line(line);
    let finding = Finding { path: Some(file.to_owned()), ..finding };
    problem.help.into_iter().fold(finding, Finding::fix)
}
