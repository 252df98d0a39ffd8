//! What is shown: pure functions from a [`Record`] to text.
//!
//! Everything that gates wrote is hostile here: it is spelled out for terminals, escaped for Markdown, and cut short
//! wherever people read it. Only JSON carries it whole.

mod gate_results;
mod json;
mod outcome;
mod plan;
mod sign_off;
pub mod terminal;

pub use gate_results::gate_results;
pub use json::{decision_json, line, pretty};
pub use outcome::{Identity, outcome_json};
pub use plan::describe;
pub use sign_off::sign_off;

use crate::{
    decision::{GateOutcome, GateResult, Record},
    manifest::Enforcement,
};

/// What the go / no-go artifacts say of a gate in one word: it stands in the way, or it does not.
///
/// A review that nobody signed off does not, unless `strict_manual`; a gate whose question did not arise does not; one
/// that did not run, or gave no verdict, does.
fn is_ok(gate: &GateResult, strict_manual: bool) -> bool {
    match gate.outcome {
        GateOutcome::Pass | GateOutcome::NotApplicable => true,
        GateOutcome::Review => !(strict_manual && gate.gate.enforcement == Enforcement::Mandatory),
        GateOutcome::Fail | GateOutcome::Skipped(_) | GateOutcome::Fault(_) => false,
    }
}

/// Whether a person has to look.
fn is_manual(gate: &GateResult) -> bool {
    gate.outcome == GateOutcome::Review
}

#[cfg(test)]
mod samples;
