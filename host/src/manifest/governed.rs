//! What a governed pipeline has beside gates: stages that choose, agents, and the state that they share.

use std::{path::PathBuf, time::Duration};

use super::{plan::CommandSource, template::Part};
use crate::{
    agent::{Confidence, ErrorBudget, Tier},
    decision::{Expr, Truth},
};

/// What a stage does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Asks one gate.
    Gate,
    /// Asks its gates all at once, as far as the machine goes.
    Parallel,
    /// Runs an agent, as an index into [`Plan::agents`](super::Plan::agents), and asks its gates on the way.
    Agent(usize),
    /// Chooses which stages run.
    Condition(Condition),
}

impl StageKind {
    /// The word that a manifest and a record use for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Parallel => "parallel",
            Self::Agent(_) => "agent",
            Self::Condition(_) => "condition",
        }
    }
}

/// A choice between stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is asked. All gates and all evidence that it names stand before the stage.
    pub test: Expr,
    /// The stages that run only where it holds, as indices into [`Plan::stages`](super::Plan::stages), all behind the
    /// condition. These and the others are at least one.
    pub then: Vec<usize>,
    /// The stages that run only where it does not.
    pub otherwise: Vec<usize>,
}

impl Condition {
    /// Both sides, each with its stages.
    #[must_use]
    pub fn sides(&self) -> [(Side, &[usize]); 2] {
        [(Side::Then, &self.then), (Side::Else, &self.otherwise)]
    }
}

/// One of the two ways that lead out of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Where it holds.
    Then,
    /// Where it does not.
    Else,
}

impl Side {
    /// The side that is taken where the condition comes to `truth`; neither where that is not known, or nothing speaks for
    /// or against it.
    #[must_use]
    pub fn taken(truth: Truth) -> Option<Self> {
        match truth {
            Truth::True => Some(Self::Then),
            Truth::False => Some(Self::Else),
            Truth::Unknown | Truth::Neutral => None,
        }
    }

    /// The key of a manifest that it is written at.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Then => "then",
            Self::Else => "else",
        }
    }
}

/// Where a stage stands that does not always run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch {
    /// The stage that chooses, as an index into [`Plan::stages`](super::Plan::stages).
    pub condition: usize,
    /// The side of it.
    pub side: Side,
}

/// An agent: a program that works through the phases, and what is asked of it on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentPlan {
    /// Its name, unique in the plan.
    pub name: String,
    /// What it is to do, in a sentence, where the manifest says it.
    pub objective: Option<String>,
    /// The program. Its timeout is that of the whole agent; what is kept of it is its stderr.
    pub command: CommandSource,
    /// Environment variables whose values are no secrets in what it says.
    pub reveal: Vec<String>,
    /// What it may at the start; promotions move it up.
    pub tier: Tier,
    /// The confidence below which it is warned; nothing where none is asked for.
    pub confidence: Option<Confidence>,
    /// Gates that have to pass before it may act, as indices into [`Plan::gates`](super::Plan::gates).
    pub preflight: Vec<usize>,
    /// Gates that judge its plan before that is accepted.
    pub plan: Vec<usize>,
    /// Gates that judge what it made.
    pub verify: Vec<usize>,
    /// The longest that it may be silent.
    pub heartbeat: Duration,
    /// How long its lock holds without being renewed; no shorter than the heartbeat.
    pub lock: Duration,
    /// How many errors it may make.
    pub errors: ErrorBudget,
}

impl AgentPlan {
    /// The keys at which its gates are written, in the order in which they are asked, each with those gates.
    pub fn gates(&self) -> [(&'static str, &[usize]); 3] {
        [("preflight", &self.preflight), ("plan", &self.plan), ("verify", &self.verify)]
    }
}

/// Where the state of agents is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatePlan {
    /// In the user's own data folder.
    #[default]
    User,
    /// In a SQLite file, made where there is none.
    File(PathBuf),
    /// On a server that speaks Redis' protocol.
    Redis(RedisPlan),
}

/// A server that speaks Redis' protocol. Displays without a user and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisPlan {
    /// The host, in lower case and without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The number of the database.
    pub database: u32,
    /// How to be let in, where that is said.
    pub login: Option<Login>,
}

/// A user and a password, of text and variables of the environment in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user; the one that needs no name where it is empty.
    pub user: Vec<Part>,
    /// The password: variables alone.
    pub password: Vec<Part>,
}
