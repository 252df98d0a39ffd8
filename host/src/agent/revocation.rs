//! Revocations of agents, as the ledger that all machines share keeps them.

use serde::{Deserialize, Serialize};

use super::{
    violation::{BrokenRule, ViolationSeverity},
    words::Phase,
};
use crate::trust::Time;

/// The word of [`Cause::Token`].
const TOKEN: &str = "token_revoked";

/// What an agent was revoked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub enum Cause {
    /// It broke a rule.
    Rule(BrokenRule),
    /// It was found in the ledger: somebody else revoked it.
    Token,
}

impl Cause {
    /// Its word.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::Token => TOKEN,
        }
    }

    /// How grave it is; what somebody else revoked was judged there.
    #[must_use]
    pub fn severity(&self) -> Option<ViolationSeverity> {
        match self {
            Self::Rule(rule) => Some(rule.severity()),
            Self::Token => None,
        }
    }
}

impl From<String> for Cause {
    fn from(word: String) -> Self {
        if word == TOKEN { Self::Token } else { Self::Rule(BrokenRule::of(&word)) }
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.name().to_owned()
    }
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The agent.
    pub agent_id: String,
    /// The run.
    pub run_id: String,
    /// What it was revoked for.
    #[serde(rename = "type")]
    pub cause: Cause,
    /// How grave that is; nothing where somebody else revoked it.
    pub severity: Option<ViolationSeverity>,
    /// What happened, fit for a terminal.
    pub reason: String,
    /// The phase that it was in; nothing before the first.
    pub phase: Option<Phase>,
    /// When it was revoked.
    pub at: Time,
}
