//! One run of a command, as evidence keeps it.

use portcullis_sdk::{
    evidence::{RunAttempt, Seconds, preview},
    prelude::*,
};

use crate::report::Counts;

/// How much of what a command wrote is kept, in characters.
const KEPT: usize = 2_000;

/// What is kept of a run.
#[derive(Serialize)]
pub struct Ran<'a> {
    argv: &'a [String],
    exit_code: Option<i32>,
    stdout_preview: Cow<'a, str>,
    stderr_preview: Cow<'a, str>,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_seconds: Option<Seconds>,
    /// What it told of its tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<Counts>,
    #[serde(skip)]
    run: &'a RunAttempt<'a>,
}

impl<'a> Ran<'a> {
    /// What is kept of `run`, which may take as long as `budget` says.
    pub fn of(run: &'a RunAttempt<'a>, budget: Option<Seconds>) -> Self {
        Self {
            argv: &run.argv,
            exit_code: run.exit_code,
            stdout_preview: preview(&run.stdout, KEPT),
            stderr_preview: preview(&run.stderr, KEPT),
            outcome: &run.outcome,
            budget_seconds: budget,
            tests: None,
            run,
        }
    }

    /// Whether it exited with 0 within its budget.
    pub fn is_well(&self) -> bool {
        self.run.exited_with(0) && !self.is_late()
    }

    fn is_late(&self) -> bool {
        self.budget_seconds.is_some_and(|budget| self.run.took > budget)
    }

    /// How it ended, and when: `exit code 0 after 412 ms`.
    pub fn said(&self) -> String {
        let said = format!("{} after {}", self.run.ending(), self.run.took.told());
        match self.budget_seconds.filter(|_| self.is_late()) {
            Some(budget) => format!("{said}, past its budget of {}", budget.told()),
            None => said,
        }
    }
}
