//! What was there before (spec/workflow-findings.md, Baseline and regression).

mod compare;
mod document;
mod known;
mod read;

pub use compare::{Regressed, Regression, Thresholds, compare};
pub(crate) use document::rate;
pub use document::{Document, document, document_of};
pub use known::Known;
pub use read::Baseline;

#[cfg(test)]
mod tests;
