//! What is shown: pure functions from a [`Record`] to text.
//!
//! Everything that gates wrote is hostile here: it is spelled out for terminals, escaped for Markdown, and cut short
//! wherever people read it. Only JSON carries it whole.

mod actions;
mod agents;
mod completion;
mod gate_results;
pub mod github;
mod graph;
mod json;
mod markdown;
mod migration;
mod outcome;
mod palette;
mod plan;
mod rows;
pub mod scan;
mod sign_off;
mod tally;
pub mod terminal;

pub use gate_results::gate_results;
pub use graph::{BadRun, GraphForm, GraphRun, graph};
pub use json::{decision_json, line, pretty, write_pretty};
pub use migration::{Fate, MigratedFile, migration_line, migration_md};
pub use outcome::{Identity, outcome_json};
pub use plan::describe;
pub use sign_off::sign_off;

use crate::{
    decision::{GateOutcome, GateResult, Record, SignOff},
    manifest::Enforcement,
    text::excerpt,
};

/// How much of a name a headline repeats, in characters.
const QUOTED: usize = 100;

/// What the go / no-go artifacts say of a gate in one word: it stands in the way, or it does not.
///
/// A review that nobody signed off does not, unless `strict_manual`; one that was signed off is a pass. A gate whose
/// question did not arise does not; one that did not run, or gave no verdict, does.
fn is_ok(gate: &GateResult, strict_manual: bool) -> bool {
    match gate.outcome {
        GateOutcome::Pass | GateOutcome::NotApplicable | GateOutcome::NotTaken(_) => true,
        GateOutcome::Review => !(strict_manual && gate.gate.enforcement == Enforcement::Mandatory),
        GateOutcome::Fail | GateOutcome::Skipped(_) | GateOutcome::Fault(_) => false,
    }
}

/// Whether a person has to look, or has looked and signed off.
fn is_manual(gate: &GateResult) -> bool {
    gate.outcome == GateOutcome::Review || gate.sign_off.is_some()
}

/// Whether a person has to look, and nobody has signed off.
fn is_unsigned(gate: &GateResult) -> bool {
    gate.outcome == GateOutcome::Review && gate.sign_off.is_none()
}

/// Why a gate came to its outcome, in one short line that is fit for a terminal: who signed it off, or its headline.
fn headline(gate: &GateResult) -> String {
    gate.sign_off.as_ref().map_or_else(|| gate.headline(), |sign_off| excerpt(&approved(sign_off), QUOTED))
}

/// `approved by alice until 2026-02-01`. Hostile text.
fn approved(SignOff { approver, expires, .. }: &SignOff) -> String {
    let day = expires.split_once('T').map_or(expires.as_str(), |(day, _)| day);
    format!("approved by {approver} until {day}")
}

#[cfg(test)]
mod samples;
