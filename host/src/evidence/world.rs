//! What collecting is handed of the world, and what a source that touches it comes to.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::secrets::Secrets;

/// The world, as the edge hands it in: nothing here reads a clock or the environment by itself.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// The value of a variable of the environment.
    pub variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Set from outside to end collecting: children are killed, and nothing new starts.
    pub cancelled: &'static AtomicBool,
}

impl World<'_> {
    /// Whether collecting is to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// The outcome of what was under way when the user ended the run.
pub(super) const INTERRUPTED: &str = "interrupted";

/// What a source came to: a document that says what was seen, and why it failed if it did.
#[derive(Debug)]
pub(super) struct Seen {
    /// `completed`, or what kept it from that; the same word that stands as `outcome` in the document.
    pub(super) outcome: &'static str,
    /// The document, as one line of JSON, without a secret.
    pub(super) document: String,
    /// Why it is no evidence that a gate may judge.
    pub(super) failure: Option<Failed>,
}

/// Why a source failed. Nothing of it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The stable code.
    pub(crate) code: &'static str,
    /// What happened, as a fragment that follows "evidence `x` could not be collected: ".
    pub(crate) message: String,
}

/// A source's own view: the world, and the secrets that its templates brought with them.
pub(super) struct Place<'a> {
    /// The world.
    pub(super) world: World<'a>,
    /// What may not be said.
    pub(super) secrets: &'a Secrets,
}
