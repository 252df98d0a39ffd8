//! What the driver wants of the state, and what comes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{hindrance::Hindrance, signed::Grant, tally::Tally};
use crate::{
    agent::{
        AgentOutput, AgentStatus, Checkpoint, ClarifiedPlan, Phase, Revocation, Snapshot, Spent, Tier, Trouble,
        Violation,
    },
    trust::Time,
};

/// One thing to be done with the state.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// Write a revocation to the ledger.
    Revoke(Box<Revocation>),
    /// Read what is new in the ledger.
    Follow,
    /// Renew the lock.
    Renew,
    /// Write that the agent was seen.
    Seen(Timestamp),
    /// Write how the agent fares.
    Snapshot(Box<Snapshot>),
    /// Bring the counters up to these.
    Count(Tally),
    /// Keep an output, the first of which has number 1.
    Keep(u64, Box<AgentOutput>),
    /// Keep a violation.
    Record(Box<Violation>),
    /// Keep what an error said.
    Note(Box<ErrorNote>),
    /// Ask everybody in the project for a clarified plan.
    AskPlan(Box<ClarifyRequest>),
    /// Tell everybody in the project of one.
    TellPlan(Box<ClarifiedPlan>),
    /// Look for plans in the mailbox.
    ReadMail,
    /// Look for grants of higher tiers.
    ReadGrants,
    /// Write what became of the run, which goes on another time or does not.
    EndRun {
        /// Its entry in the history.
        entry: Box<RunEntry>,
        /// Whether another run may go on from its last gamma.
        goes_on: bool,
    },
    /// Give the lock back.
    Release,
}

impl Job {
    /// What is missing where it was not done; nothing where nothing is.
    pub(super) fn missing(&self) -> Option<String> {
        Some(match self {
            Self::Follow | Self::Renew | Self::Seen(_) | Self::ReadMail | Self::ReadGrants | Self::Release => {
                return None;
            }
            Self::Revoke(_) => "the revocation in the ledger".to_owned(),
            Self::Snapshot(_) => "how it fares".to_owned(),
            Self::Count(_) => "its counters".to_owned(),
            Self::Keep(_, output) => format!("its {} output {}", output.output_type, output.checksum),
            Self::Record(violation) => format!("its violation {}", violation.rule.name()),
            Self::Note(note) => format!("its error {}", note.code),
            Self::AskPlan(_) => "the question for a clarified plan".to_owned(),
            Self::TellPlan(plan) => format!("the clarified plan {}", plan.plan_id),
            Self::EndRun { .. } => "the run in its history".to_owned(),
        })
    }

    /// Whether it writes nothing that is to last.
    pub(super) fn looks_only(&self) -> bool {
        matches!(self, Self::Follow | Self::Renew | Self::Seen(_) | Self::ReadMail | Self::ReadGrants)
    }

    /// Whether the next one of its kind makes it needless while it waits.
    pub(super) fn gives_way_to(&self, next: &Self) -> bool {
        matches!(
            (self, next),
            (Self::Seen(_), Self::Seen(_))
                | (Self::Snapshot(_), Self::Snapshot(_))
                | (Self::Count(_), Self::Count(_))
                | (Self::Follow, Self::Follow)
                | (Self::Renew, Self::Renew)
                | (Self::ReadMail, Self::ReadMail)
                | (Self::ReadGrants, Self::ReadGrants)
        )
    }
}

/// What came of a job.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is done, and there is nothing to be said.
    Done,
    /// The agent may not run: somebody has revoked it.
    Revoked(String),
    /// The lock is held, and was asked for then.
    Renewed(Timestamp),
    /// The lock is not held any more; nothing was written.
    LockLost,
    /// The output of that number is kept.
    Kept(u64),
    /// These plans are new in the mailbox.
    Mail(Vec<ClarifiedPlan>),
    /// These grants are there, with who signed each.
    Grants(Vec<(Grant, String)>),
    /// It cannot be done, however often it is tried.
    Refused(Box<Job>, Hindrance),
}

/// What stands in the mailbox of a project.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mail {
    /// An agent is paused and needs a clarified plan.
    Clarify(ClarifyRequest),
    /// A clarified plan: a new one, or one that agents have read.
    Plan(ClarifiedPlan),
}

/// What a clarified plan is asked for with.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClarifyRequest {
    /// Why the agent is paused.
    pub trouble: Trouble,
    /// When it was asked.
    pub at: Time,
}

impl ClarifyRequest {
    pub(super) fn new(trouble: Trouble, at: Timestamp) -> Self {
        Self { trouble, at: Time(at) }
    }

    /// Whether `plan` was drawn up for this very trouble, and is whole.
    #[must_use]
    pub fn is_answered_by(&self, plan: &ClarifiedPlan) -> bool {
        let ClarifiedPlan { clarified_objective, adjustments, broadcast_at, .. } = plan.clone();
        let expect = self.trouble.plan(clarified_objective, adjustments, broadcast_at.0);
        expect == ClarifiedPlan { acknowledged_by: Vec::new(), ..plan.clone() }
    }
}

/// What an error said, as its log has it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ErrorNote {
    pub(super) run_id: String,
    pub(super) phase: Option<Phase>,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) at: Time,
}

/// A run in the history of an agent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunEntry {
    /// The run.
    pub run_id: String,
    /// The task.
    pub task: String,
    /// How the agent ended.
    pub status: AgentStatus,
    /// The last phase that it entered.
    pub phase: Option<Phase>,
    /// What it may do.
    pub tier: Tier,
    /// Why it ended, where it did not end well.
    pub reason: Option<String>,
    /// When it was started.
    pub started: Time,
    /// When it had ended.
    pub ended: Time,
    /// The last output of each type.
    pub outputs: Vec<Checkpoint>,
    /// The rules that it broke, the first ones.
    pub violations: Vec<String>,
    /// What it spent of its error budget.
    pub errors: Spent,
}
