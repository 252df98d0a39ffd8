//! The file as written → the plan as meant, with every problem told at once.
//!
//! Knows no clock, opens no file and runs nothing: it is handed the manifest's bytes and its path, and answers with a
//! [`Plan`] in which every name is resolved, or with all that is wrong. [`Plan::select`] narrows a plan to some gates.

mod agents;
mod branches;
mod completion;
mod events;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod governed;
#[cfg(test)]
mod governed_mistakes;
#[cfg(test)]
mod governed_tests;
#[cfg(test)]
pub(crate) mod hostile;
mod hosts;
mod json;
mod late;
mod limits;
#[cfg(test)]
mod mistakes;
mod network;
mod order;
mod plan;
mod problems;
mod reader;
mod resolve;
mod rule;
mod select;
mod sequence;
mod sinks;
mod sources;
mod stages;
mod state;
mod syntax;
mod template;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::{diagnostic::Diagnostic, digest::Digest};

pub use completion::{Completion, CompletionMode};
pub use governed::{AgentPlan, Branch, Condition, Login, RedisPlan, Side, StageKind, StatePlan};
pub use hosts::{BadHost, HostRule, Hosts};
pub(crate) use json::{JsonError, MAX_DEPTH, table as json_table};
pub use plan::{
    CommandSource, Enforcement, EvidenceSource, Exchange, FailOn, Format, GatePlan, HeldPlan, HttpSource, Input,
    Origin, Plan, Resume, Rule, Stage,
};
use problems::Problems;
pub(crate) use sinks::origin;
pub use sinks::{CommandSink, EventsPlan, Filter, Form, Sink, SinkPlan, WebhookSink};
pub use state::BadState;
pub use template::{BadTemplate, Part, Template};

/// The most bytes that a manifest may have. Reading one takes many times its size in memory.
pub const MAX_BYTES: u64 = 1 << 20;

/// What the command line changes in a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Evidence by name, and the file that it comes from instead of its source; relative to where the command runs.
    pub evidence: Vec<(String, PathBuf)>,
}

/// The plan that the manifest in `bytes` means. `path` is where it was found: problems are placed in it, and the paths
/// in it are relative to its folder.
///
/// # Errors
/// Every problem of the manifest (a hundred at most), in the file's order, each with a stable code and its place as
/// `path:line:column`. A text that is not TOML has only the problems of its syntax, because nothing else can be known of it.
pub fn parse(bytes: &[u8], path: &Path, overrides: &Overrides) -> Result<Plan, Vec<Diagnostic>> {
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the manifest has {} bytes, and {MAX_BYTES} are allowed", bytes.len());
        return Err(vec![Diagnostic::new("manifest-too-large", message).at(crate::files::shown(path))]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let mut problems = Problems::new(std::str::from_utf8(valid).unwrap_or_default(), path);
            problems.add(valid.len(), Diagnostic::new("not-utf8", "the manifest is not UTF-8"));
            return Err(problems.finish());
        }
    };
    let mut problems = Problems::new(text, path);
    let plan = syntax::read(text, &mut problems)
        .map(|document| resolve::plan(&document, (path, Digest::of(bytes)), overrides, &mut problems));
    match plan {
        Some(plan) if problems.is_empty() => Ok(plan),
        _ => Err(problems.finish()),
    }
}
