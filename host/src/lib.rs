//! Portcullis decides go or no-go: it runs signed WebAssembly gates in a sandbox and combines their verdicts into one
//! decision that can be proved, replayed and audited.
//!
//! # The line
//!
//! Data takes one way through the house, and each room knows only the rooms before it:
//!
//! ```text
//! manifest ──resolve──▶ Plan
//! evidence sources ──collect (once)──▶ Evidence (bytes + digest)
//! bytes ──verify(trust root, revocations, now)──▶ VerifiedModule ──compile──▶ Gate
//! Gate × Request(params, evidence, now) ──run(limits)──▶ Outcome = Verdict | Fault
//! Agent × [Gate] ──drive(phases, state)──▶ its outputs, as Evidence for what stands behind it
//! [Outcome] ──combine──▶ Decision ──▶ record in the ledger ──▶ reports, exit code
//! ```
//!
//! # What may know what
//!
//! - [`manifest`] knows no clock and runs nothing; it finds every problem of a manifest in one go.
//! - [`trust`] reads no file and no clock; only it makes a [`trust::VerifiedModule`].
//! - [`sandbox`] is the only room that names wasmtime; compiling for a decision takes a `VerifiedModule`.
//! - [`judge`] knows what a request and an answer are, and nothing of how a gate is run.
//! - [`decision`] is pure: outcomes in, decision out; a fault can never become a go in it.
//! - [`findings`] gives findings names that last, and holds them against suppressions and baselines; it asks no gate.
//! - [`migration`] turns the text of a workflow in an older form into the newer one.
//! - [`cases`] compares what a gate came to with what its author expects; it decides nothing and opens no file.
//! - [`intake`] reads every file that a plan names, each once, from the disk or as a ledger kept it.
//! - [`ledger`] keeps what runs did, so that it outlasts them; it judges nothing.
//! - [`agent`] is what governed agents go by: phases, violations, budgets; it starts nothing and reads no clock.
//! - [`state`] is what machines that watch agents share, in a file or on a server; it knows no rule of agents.
//! - [`notify`] tells events to files, commands and servers, and never holds a run up.
//! - [`govern`] drives one agent by those rules: its process, its lock, what it may and when it has to end.
//! - [`mod@run`] walks the line for a whole plan and tells what happens as events; it prints nothing. [`run()`] is all of it.
//! - [`report`] turns a record or an event into text.
//! - `fuzz`, built for tests and fuzzers alone, lets them in to every reader of hostile bytes.
//! - `cli`, in the binary, is the only room that prints, reads the clock and the environment, and opens files that a user names.
#![deny(missing_docs)]

pub mod agent;
pub mod cases;
pub mod decision;
pub mod diagnostic;
pub mod digest;
pub mod evidence;
pub mod files;
pub mod findings;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
#[cfg(test)]
mod golden;
pub mod govern;
pub mod intake;
pub mod judge;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod migration;
pub mod names;
pub mod notify;
pub mod parallel;
pub mod report;
pub mod run;
pub mod sandbox;
mod sqlite;
pub mod state;
pub mod stopped;
pub mod text;
pub mod trust;
pub mod units;

pub use run::run;
