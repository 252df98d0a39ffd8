//! What an [`Agent`](super::Agent) is told, and what it wants done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    budget::Spent,
    clarified::{ClarifiedPlan, Trouble},
    content::Checksum,
    kind::EventKind as Kind,
    line::{AgentLine, BadLine, Confidence},
    output::AgentOutput,
    promotion::PromotionRequest,
    revocation::Revocation,
    said::HostLine,
    violation::{Report, Violation},
    words::{Phase, Tier, words},
};

/// Something that happened. Lines carry the time at which they came, not the one at which there was time for them.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Its process runs, and the host holds its lock.
    Started,
    /// It said something.
    Line(AgentLine),
    /// It said something that is no line of the protocol.
    BadLine(BadLine),
    /// Gates have been asked, as [`Effect::Ask`] wanted.
    Judged(Judged),
    /// Gates that were asked for something else, or the host, saw violations.
    Reported(Vec<Report>),
    /// The clarified plan is there that [`Effect::Clarify`] wanted.
    Clarified(ClarifiedPlan),
    /// An approver has signed its promotion to that tier.
    PromotionApproved {
        /// Who.
        approver: String,
        /// To which tier.
        to: Tier,
    },
    /// Time has passed; due when [`Agent::deadline`](super::Agent::deadline) says.
    Tick,
    /// The host has renewed its lock; with the time at which it asked for that, so that the lock is never thought to hold longer
    /// than it does.
    LockRenewed,
    /// Its lock is somebody else's.
    LockLost,
    /// It stands in the ledger of revocations; with what is written there.
    TokenRevoked(String),
    /// The host has lost its state, or does not reach it; with what happened.
    Disturbed(String),
    /// The host has its state back.
    Recovered,
    /// It is to end: the run was interrupted, its time is over, or its state cannot be had back; with what happened.
    Stopped(String),
    /// Its process has ended, and all of its lines were handed in.
    ProcessEnded,
}

words! {
    /// Gates that judge an agent, by the key of the manifest that names them.
    pub enum Asked {
        /// What has to hold before it plans and works.
        Preflight = "preflight",
        /// Its plan.
        Plan = "plan",
        /// What it made.
        Verify = "verify",
    }
}

/// What gates came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Which gates.
    pub asked: Asked,
    /// Whether none of them that decides is against it. A fault, a review and evidence that is missing are no pass.
    pub passed: bool,
    /// Whether one that decides gave no verdict and none is against it, so that nobody can say; then it has not passed.
    pub faulted: bool,
    /// Whether one passed at all: where none decides, nothing is verified by it.
    pub verifies: bool,
    /// Where not: why not, fit for a terminal.
    pub reason: String,
    /// The violations that they saw.
    pub reports: Vec<Report>,
}

/// Something to be done. Effects are done in their order; where one cannot be done, those behind it are done all the same,
/// but for the `checkpoint` that is said behind an output that is not kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write the revocation to the ledger, ahead of everything else. It must not hold up what follows: a ledger that is not
    /// reached in time is written later.
    Revoke(Revocation),
    /// Say something to the agent.
    Say(HostLine),
    /// Ask gates; the answer is [`Event::Judged`]. Meanwhile lines stay in the pipe.
    Ask(Asked),
    /// Keep an output.
    Keep(Box<AgentOutput>),
    /// Keep a violation, where later runs find it.
    Record(Violation),
    /// Alert people.
    Alert(Violation),
    /// Tell the world.
    Tell(Notice),
    /// Write that the agent was seen.
    Seen,
    /// Renew its lock; the answer is [`Event::LockRenewed`] or [`Event::LockLost`].
    RenewLock,
    /// Draw up a clarified plan; the answer is [`Event::Clarified`].
    Clarify(Trouble),
    /// Tell a clarified plan to all agents of the project: when it is new, and when somebody has read it.
    Broadcast(ClarifiedPlan),
    /// Keep its new tier.
    Promote(Tier),
    /// End its process, if it has one that goes on.
    End(End),
}

/// How a process is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its input is closed; it has a moment to end by itself.
    Gently,
    /// The process group is killed, now.
    AtOnce,
}

/// An event of the pipeline core, for the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The phase that the agent was in.
    pub phase: Option<Phase>,
    /// What happened.
    pub what: Happening,
}

/// What the world is told of an agent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Happening {
    /// Its plan was accepted.
    PlanCreated {
        /// The plan, by its checksum.
        plan_id: Checksum,
        /// How sure the agent is of it.
        confidence: Option<Confidence>,
    },
    /// It began to carry out its plan.
    ExecutionStarted {
        /// The plan, by its checksum.
        plan_id: Checksum,
    },
    /// It has carried out its plan.
    ExecutionComplete {
        /// The last thing that it made of it.
        output: Option<Checksum>,
        /// The errors that it made so far.
        errors: u32,
    },
    /// It broke a rule.
    ViolationDetected(Violation),
    /// It asks for a higher tier.
    PromotionRequested(PromotionRequest),
    /// It got it.
    PromotionApproved {
        /// The tier it had.
        from: Tier,
        /// The tier it has.
        to: Tier,
        /// Who signed.
        approver: String,
    },
    /// It was ended for what it did.
    AgentRevoked(Revocation),
    /// A person has to sign before something goes on.
    ApprovalRequired {
        /// What waits.
        what: String,
    },
    /// It is alive.
    Heartbeat {},
}

impl Happening {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::PlanCreated { .. } => Kind::PlanCreated,
            Self::ExecutionStarted { .. } => Kind::ExecutionStarted,
            Self::ExecutionComplete { .. } => Kind::ExecutionComplete,
            Self::ViolationDetected(_) => Kind::ViolationDetected,
            Self::PromotionRequested(_) => Kind::PromotionRequested,
            Self::PromotionApproved { .. } => Kind::PromotionApproved,
            Self::AgentRevoked(_) => Kind::AgentRevoked,
            Self::ApprovalRequired { .. } => Kind::ApprovalRequired,
            Self::Heartbeat {} => Kind::Heartbeat,
        }
    }

    /// What is to be said of it, beside agent, phase and time. May hold hostile text.
    #[must_use]
    pub fn detail(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}

/// What has to be known of an agent from before its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Violations of medium severity that it has committed in all runs.
    pub offences: u32,
    /// What it has spent of its error budget: errors in the run that goes on, procedure violations in all runs.
    pub spent: Spent,
}

impl Remembered {
    /// The same in a run that is new rather than one that goes on.
    #[must_use]
    pub fn in_new_run(self) -> Self {
        let spent = Spent { procedure: self.spent.procedure, ..Spent::default() };
        Self { spent, ..self }
    }
}
