//! A gate's answer.

use alloc::{boxed::Box, string::String};

use super::draft::{Draft, common_methods};
use crate::{Answer, Fault, Finding, Kind, Part, Verdict, Violation};

/// Checks and findings over evidence. The verdict is
/// - fail, if a check fails, a finding is an error, or a rule of the pipeline was broken;
/// - else review, if a person has to look;
/// - else not applicable, if the ruling began so;
/// - else pass, if there is a check.
#[derive(Clone, Debug)]
#[must_use]
pub struct Ruling {
    draft: Box<Draft>,
    review: bool,
    applicable: bool,
}

impl Ruling {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self { draft: Draft::new(), review: false, applicable: true }
    }

    /// The question does not arise for this input, and why; a sentence.
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self { applicable: false, ..Self::new() }.summary(why)
    }

    /// One more check: its name and whether it holds.
    pub fn check(mut self, id: impl Into<String>, passed: bool) -> Self {
        self.draft.check(id.into(), passed, None);
        self
    }

    /// One more check, whose failure has a name of its own.
    pub fn check_or(mut self, id: impl Into<String>, passed: bool, failure: impl Into<String>) -> Self {
        self.draft.check(id.into(), passed, if passed { None } else { Some(failure.into()) });
        self
    }

    /// One more finding; an error decides.
    pub fn finding(mut self, finding: Finding) -> Self {
        self.draft.answer.findings.push(finding);
        self
    }

    /// A person has to look, and why: a stable code and a sentence, told as a warning.
    pub fn review(mut self, code: impl Into<String>, why: impl Into<String>) -> Self {
        self.review = true;
        self.finding(Finding::warning(code, why))
    }

    /// A rule of the pipeline that was broken, such as `SCOPE_VIOLATION`, and what happened.
    pub fn violation(mut self, kind: impl Into<String>, detail: impl Into<String>) -> Self {
        self.draft.answer.violations.push(Violation { kind: kind.into(), detail: detail.into() });
        self
    }

    common_methods!();

    fn verdict(&self) -> Verdict {
        if self.draft.has_reason_to_fail() {
            Verdict::Fail
        } else if self.review {
            Verdict::Review
        } else if self.applicable {
            Verdict::Pass
        } else {
            Verdict::NotApplicable
        }
    }
}

impl Default for Ruling {
    fn default() -> Self {
        Self::new()
    }
}

impl Part for Ruling {
    const KIND: Kind = Kind::Gate;
    const HAS_EVIDENCE: bool = false;

    fn into_answer(mut self) -> Result<Answer, Fault> {
        let mut verdict = self.verdict();
        let Answer { checks, findings, .. } = &self.draft.answer;
        if verdict == Verdict::Pass && checks.is_empty() {
            self = self.check_or("something_checked", false, "nothing_checked");
            verdict = Verdict::Fail;
        } else if verdict == Verdict::Fail && findings.is_empty() && checks.iter().all(|check| check.passed) {
            // The protocol wants a failed check or a finding with a fail; a violation alone is neither.
            self = self.check_or("rules_kept", false, "rules_broken");
        }
        let summary = self.draft.check_count();
        self.draft.finish(verdict, summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_from_what_was_said() {
        let held = Ruling::new().check("a", true);
        let cases = [
            (held.clone(), Verdict::Pass, 1),
            (held.clone().check("b", false), Verdict::Fail, 2),
            (held.clone().finding(Finding::error("E", "broken")), Verdict::Fail, 1),
            (held.clone().finding(Finding::note("N", "advice")), Verdict::Pass, 1),
            (held.clone().review("R", "look"), Verdict::Review, 1),
            (held.clone().review("R", "look").check("b", false), Verdict::Fail, 2),
            (held.violation("SCOPE_VIOLATION", "it wrote elsewhere"), Verdict::Fail, 2),
            (Ruling::new(), Verdict::Fail, 1),
            (Ruling::new().finding(Finding::note("N", "advice")), Verdict::Fail, 1),
            (Ruling::new().review("R", "look"), Verdict::Review, 0),
            (Ruling::not_applicable("nothing to do"), Verdict::NotApplicable, 0),
            (Ruling::not_applicable("nothing to do").check("a", false), Verdict::Fail, 1),
        ];
        for (i, (ruling, verdict, checks)) in cases.into_iter().enumerate() {
            let answer = ruling.into_answer().expect("a ruling is an answer");
            assert_eq!((answer.verdict, answer.checks.len()), (verdict, checks), "case {i}");
        }
    }

    #[test]
    fn every_fail_carries_a_failed_check_or_a_finding() {
        let answer = Ruling::new().violation("X", "y").into_answer().expect("a ruling is an answer");
        assert!(answer.checks.iter().any(|check| !check.passed));
    }

    #[test]
    fn details_that_are_no_json_are_a_fault() {
        let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
        let fault = Ruling::new().check("a", true).details(&odd).into_answer().expect_err("a key is no string");
        assert_eq!(fault, Fault::bad_answer("key must be a string"));
    }
}
