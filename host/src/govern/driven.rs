//! What became of an agent.

use super::{hindrance::Hindrance, plan::Stage};
use crate::agent::{
    AgentOutput, AgentStatus, OutputType, Phase, PromotionRequest, Remembered, Revocation, Snapshot, Spent,
    StageStatus, Tier, Violation,
};

/// The last output of each type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs([Option<AgentOutput>; 3]);

impl Outputs {
    /// The last one of that type.
    #[must_use]
    pub fn get(&self, kind: OutputType) -> Option<&AgentOutput> {
        self.0.get(kind as usize)?.as_ref()
    }

    /// Those that there are, in the order of the types.
    pub fn iter(&self) -> impl Iterator<Item = &AgentOutput> {
        self.0.iter().flatten()
    }

    pub(super) fn put(&mut self, output: AgentOutput) {
        if let Some(place) = self.0.get_mut(output.output_type as usize) {
            *place = Some(output);
        }
    }
}

impl FromIterator<AgentOutput> for Outputs {
    /// The last one of each type.
    fn from_iter<I: IntoIterator<Item = AgentOutput>>(outputs: I) -> Self {
        outputs.into_iter().fold(Self::default(), |mut all, output| {
            all.put(output);
            all
        })
    }
}

/// What is told of an agent while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Observed<'a> {
    /// It fares otherwise than before.
    Fares(&'a Snapshot),
    /// It broke a rule so gravely that people have to know at once.
    Alert(&'a Violation),
}

/// What became of an agent. Fit for a terminal but for the contents of outputs, and without a secret.
#[derive(Clone, Debug)]
pub struct Driven {
    /// How the agent fares. One that was never started is REVOKED where the ledger says so, PENDING where another run drives
    /// it or has left a process of it, and FAILED else.
    pub status: AgentStatus,
    /// What that makes of the stage: completed or failed.
    pub stage: StageStatus,
    /// The last phase that it entered.
    pub phase: Option<Phase>,
    /// What it may do.
    pub tier: Tier,
    /// Why it ended, where it did not end well.
    pub reason: Option<String>,
    /// Why the host did not let it start or go on, where it was the host: then nobody can say what it would have come to.
    pub hindrance: Option<Hindrance>,
    /// The last output of each type, of this run and of the one that it went on from.
    pub outputs: Outputs,
    /// The rules that it broke, in their order; where there were very many, the first of them, and what it was revoked for.
    pub violations: Vec<Violation>,
    /// What it was revoked for.
    pub revocation: Option<Revocation>,
    /// What it spent of its error budget.
    pub spent: Spent,
    /// Violations of medium severity that it has committed in all runs.
    pub offences: u32,
    /// Whether gates have judged what it made, and passed.
    pub verified: bool,
    /// The promotion that it has asked for and not got.
    pub promotion: Option<PromotionRequest>,
    /// What it wrote to stderr, the beginning of it.
    pub notes: String,
    /// How many bytes that were in all.
    pub notes_bytes: u64,
    /// What of all this the state does not hold, because it could not be written, and how many violations are not listed.
    pub missing: Vec<String>,
}

impl Driven {
    /// An agent that was not started.
    pub(super) fn refused(stage: &Stage<'_>, hindrance: Hindrance) -> Self {
        let status = match hindrance {
            Hindrance::Revoked(_) => AgentStatus::Revoked,
            Hindrance::Busy(_) | Hindrance::StillThere(_) => AgentStatus::Pending,
            _ => AgentStatus::Failed,
        };
        let Remembered { offences, spent } = Remembered::default();
        Self {
            status,
            stage: StageStatus::Failed,
            phase: None,
            tier: stage.plan.tier,
            reason: Some(hindrance.to_string()),
            hindrance: Some(hindrance),
            outputs: Outputs::default(),
            violations: Vec::new(),
            revocation: None,
            spent,
            offences,
            verified: false,
            promotion: None,
            notes: String::new(),
            notes_bytes: 0,
            missing: Vec::new(),
        }
    }
}
