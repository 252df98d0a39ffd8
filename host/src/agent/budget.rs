//! The error budget: how many errors an agent may make, and what it has spent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many errors an agent may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorBudget {
    /// Errors in all; the next one is a violation.
    pub max_total_errors: u32,
    /// How often the same error may come until the agent is paused.
    pub max_same_error_repeats: u32,
    /// Procedure violations in all; the next one is more than that. Each of them revokes an agent, so a second one can only
    /// come after it was reinstated.
    pub max_procedure_violations: u32,
}

impl Default for ErrorBudget {
    fn default() -> Self {
        Self { max_total_errors: 12, max_same_error_repeats: 3, max_procedure_violations: 1 }
    }
}

/// What was spent of a budget. Kept in the shared state, so that an agent does not come to a new budget by stopping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Errors in all.
    pub total: u32,
    /// How often each error came, by its code; anew after a pause for it.
    pub same: BTreeMap<String, u32>,
    /// Procedure violations.
    pub procedure: u32,
}

impl Spent {
    /// One more error of that code.
    pub(super) fn add(&mut self, code: &str) {
        self.total = self.total.saturating_add(1);
        let count = self.same.entry(code.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// One more procedure violation.
    pub(super) fn add_procedure(&mut self) {
        self.procedure = self.procedure.saturating_add(1);
    }

    /// Counts that error anew.
    pub(super) fn forgive(&mut self, code: &str) {
        self.same.remove(code);
    }

    /// What is past the budget, as one sentence; nothing while nothing is.
    #[must_use]
    pub fn exhausted(&self, budget: &ErrorBudget) -> Option<String> {
        if self.total > budget.max_total_errors {
            Some(format!("{} errors were made, {} are allowed", self.total, budget.max_total_errors))
        } else if self.procedure > budget.max_procedure_violations {
            let allowed = budget.max_procedure_violations;
            Some(format!("{} procedure violations were committed, {allowed} are allowed", self.procedure))
        } else {
            None
        }
    }

    /// An error that has come as often as it may, and how often that is.
    #[must_use]
    pub fn repeated(&self, budget: &ErrorBudget) -> Option<(&str, u32)> {
        let most = budget.max_same_error_repeats.max(1);
        self.same.iter().find(|(_, count)| **count >= most).map(|(code, count)| (code.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_that_of_the_pipeline_core() {
        let text = r#"{"max_total_errors":12,"max_same_error_repeats":3,"max_procedure_violations":1}"#;
        assert_eq!(serde_json::to_string(&ErrorBudget::default()).expect("JSON"), text);
    }

    #[test]
    fn the_last_error_that_is_allowed_is_allowed_and_the_next_is_not() {
        let budget = ErrorBudget::default();
        let mut spent = Spent::default();
        (0..12).for_each(|number| spent.add(&format!("E{number}")));
        assert_eq!((spent.exhausted(&budget), spent.repeated(&budget)), (None, None));
        spent.add("E12");
        assert_eq!(spent.exhausted(&budget).as_deref(), Some("13 errors were made, 12 are allowed"));
        let mut spent = Spent::default();
        spent.add_procedure();
        assert_eq!(spent.exhausted(&budget), None);
        spent.add_procedure();
        let why = "2 procedure violations were committed, 1 are allowed";
        assert_eq!(spent.exhausted(&budget).as_deref(), Some(why));
    }

    #[test]
    fn the_same_error_counts_by_its_code_and_anew_once_it_is_forgiven() {
        let budget = ErrorBudget::default();
        let mut spent = Spent::default();
        ["A", "B", "A", "B", "A"].iter().for_each(|code| spent.add(code));
        assert_eq!(spent.repeated(&budget), Some(("A", 3)));
        spent.forgive("A");
        assert_eq!((spent.repeated(&budget), spent.total), (None, 5));
        spent.add("B");
        assert_eq!(spent.repeated(&budget), Some(("B", 3)));
        // A budget of none still needs an error to pause for.
        let none = ErrorBudget { max_same_error_repeats: 0, ..budget };
        assert_eq!(Spent::default().repeated(&none), None);
    }
}
