//! A plan as a drawing: stages, what they need and choose, gates, agents and evidence; and what came of each, where a run is
//! given.
//!
//! Names come from manifests, and words from records that anybody may have written: each form spells them so that they are
//! nothing but labels in it.

mod dot;
mod label;
mod mermaid;
mod run;
#[cfg(test)]
mod samples;
mod shown;
#[cfg(test)]
mod tests;
mod text;

pub use run::{BadRun, GraphRun};

use super::github::defused;
use crate::manifest::Plan;
use shown::Shown;

/// What a drawing is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphForm {
    /// A tree, for people at a terminal; with colours, which the caller takes out where nobody wants them.
    Text,
    /// A flowchart of Mermaid.
    Mermaid,
    /// A digraph of Graphviz.
    Dot,
}

/// `plan` as a drawing, with what came of it in `run`; ends with a line feed.
#[must_use]
pub fn graph(plan: &Plan, run: Option<&GraphRun>, form: GraphForm) -> String {
    let shown = Shown::new(plan, run);
    // A workflow's runner reads what is printed, too.
    defused(&match form {
        GraphForm::Text => text::text(&shown),
        GraphForm::Mermaid => mermaid::mermaid(&shown),
        GraphForm::Dot => dot::dot(&shown),
    })
}
