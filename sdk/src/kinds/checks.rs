//! A readiness gate's answer.

use alloc::{boxed::Box, string::String};

use super::draft::{Draft, common_methods};
use crate::{Answer, Fault, Kind, Part, Verdict};

/// Named checks over documents; the verdict is pass if there is one and all hold, else fail.
#[derive(Clone, Debug)]
#[must_use]
pub struct Checks {
    draft: Box<Draft>,
}

impl Checks {
    /// No checks yet.
    pub fn new() -> Self {
        Self { draft: Draft::new() }
    }

    /// One more check: its name, whether it holds, and the name of its failure, which is told only if it fails.
    pub fn check(mut self, id: impl Into<String>, passed: bool, failure: impl Into<String>) -> Self {
        self.draft.check(id.into(), passed, if passed { None } else { Some(failure.into()) });
        self
    }

    /// Whether all checks so far hold, and there is one.
    #[must_use]
    pub fn all_hold(&self) -> bool {
        !self.draft.answer.checks.is_empty() && !self.draft.has_reason_to_fail()
    }

    /// The names of the failures so far, in order.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        self.draft.answer.checks.iter().filter_map(|check| check.failure.as_deref())
    }

    /// The name of each check so far and whether it holds, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.draft.answer.checks.iter().map(|check| (check.id.as_str(), check.passed))
    }

    common_methods!();
}

impl Default for Checks {
    fn default() -> Self {
        Self::new()
    }
}

impl Part for Checks {
    const KIND: Kind = Kind::Readiness;
    const HAS_EVIDENCE: bool = false;

    fn into_answer(mut self) -> Result<Answer, Fault> {
        if self.draft.answer.checks.is_empty() {
            self = self.check("something_checked", false, "nothing_checked");
        }
        let verdict = if self.all_hold() { Verdict::Pass } else { Verdict::Fail };
        let summary = self.draft.check_count();
        self.draft.finish(verdict, summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(checks: Checks) -> (Verdict, String) {
        let answer = checks.into_answer().expect("checks are an answer");
        (answer.verdict, answer.summary)
    }

    #[test]
    fn passes_only_if_there_is_a_check_and_all_hold() {
        let good = Checks::new().check("a", true, "not_a");
        assert_eq!(verdict(good.clone()), (Verdict::Pass, "1 of 1 checks hold".into()));
        assert_eq!(verdict(good.check("b", false, "not_b")), (Verdict::Fail, "1 of 2 checks hold".into()));
        assert_eq!(verdict(Checks::new()), (Verdict::Fail, "0 of 1 checks hold".into()));
    }

    #[test]
    fn a_failure_is_named_only_where_a_check_failed() {
        let checks = Checks::new().check("a", true, "not_a").check("b", false, "not_b");
        assert_eq!(checks.failures().collect::<Vec<_>>(), ["not_b"]);
        assert_eq!(checks.iter().collect::<Vec<_>>(), [("a", true), ("b", false)]);
    }
}
