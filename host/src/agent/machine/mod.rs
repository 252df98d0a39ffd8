//! One agent's life: what happens goes in, what is to be done comes out.
//!
//! Nothing here reads a clock, starts a process or asks a gate: every event carries its time, and every deed is an
//! [`Effect`]. So what an agent can come to is a matter of the order of events alone, and tests try many orders.

mod consequences;
mod held;
mod lines;
mod phases;

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    budget::{ErrorBudget, Spent},
    clarified::ClarifiedPlan,
    content::Checksum,
    effect::{Asked, Effect, Event, Happening, Notice, Remembered},
    line::Confidence,
    output::{AgentOutput, Checkpoint},
    promotion::PromotionRequest,
    said::HostLine,
    violation::{Report, ViolationType},
    words::{AgentStatus, OutputType, Phase, Tier},
};

/// How many errors are kept for a clarified plan.
const HISTORY: usize = 12;
/// Characters that are kept of a reason.
const MOST_REASON: usize = 1000;

/// What an agent starts with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The agent.
    pub agent_id: String,
    /// The run.
    pub run_id: String,
    /// What it is to do, in a sentence.
    pub objective: String,
    /// What it may do.
    pub tier: Tier,
    /// How sure it has to be; nothing where it need not be.
    pub confidence: Option<Confidence>,
    /// The gates that judge it; each set that is not named here is empty, and nothing is asked in its place.
    pub gates: Vec<Asked>,
    /// How long it may be silent.
    pub heartbeat: Duration,
    /// How long its lock holds that is not renewed.
    pub lock: Duration,
    /// How many errors it may make.
    pub budget: ErrorBudget,
    /// The output of an earlier run to go on from; ignored when it is no gamma of this agent that holds.
    pub checkpoint: Option<AgentOutput>,
    /// What is known of it from before.
    pub remembered: Remembered,
}

/// An agent and where it is in its life.
#[derive(Clone, Debug)]
pub struct Agent {
    setup: Setup,
    life: Life,
    phase: Option<Phase>,
    tier: Tier,
    checks_passed: bool,
    plan: Planned,
    verified: bool,
    confidence: Option<Confidence>,
    spent: Spent,
    offences: u32,
    history: VecDeque<String>,
    /// The last output of each type, in the order of the types.
    outputs: [Option<Checkpoint>; 3],
    promotion: Option<(PromotionRequest, Option<String>)>,
    clock: Clock,
    reason: Option<String>,
}

/// Where an agent is; what is held of it there and nowhere else.
#[derive(Clone, Debug, PartialEq)]
enum Life {
    Pending,
    Starting,
    Running,
    Judging(Asked),
    Paused(Pause),
    /// Held by the host.
    Recovering {
        /// What it goes on with.
        then: Box<Life>,
        why: String,
    },
    /// Through all phases. What it makes in `EXIT` is still kept, until it says that it is done or its process has ended.
    Completed {
        is_open: bool,
    },
    Failed,
    Revoked,
}

#[derive(Clone, Debug, PartialEq)]
struct Pause {
    /// The error that it is paused for.
    code: String,
    why: String,
    /// The plan to acknowledge, once there is one.
    plan: Option<Box<ClarifiedPlan>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Planned {
    Nothing,
    Offered(Checksum),
    Accepted(Checksum),
    /// By an earlier run that this one goes on from.
    Before,
}

#[derive(Clone, Copy, Debug)]
struct Clock {
    /// When it last said something.
    seen: Timestamp,
    /// When that was last written down.
    told: Option<Timestamp>,
    lock_ends: Timestamp,
    renew: Timestamp,
}

/// An agent as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The agent.
    pub agent_id: String,
    /// The run.
    pub run_id: String,
    /// How it fares.
    pub status: AgentStatus,
    /// The phase that it is in; nothing before the first.
    pub phase: Option<Phase>,
    /// What it may do.
    pub tier: Tier,
    /// How sure it last said it is.
    pub confidence: Option<Confidence>,
    /// Why it is held, has failed or was revoked, fit for a terminal.
    pub reason: Option<String>,
    /// What it has spent of its error budget.
    pub errors: Spent,
    /// Violations of medium severity that it has committed in all runs.
    pub offences: u32,
    /// The last output of each type that it made.
    pub outputs: Vec<Checkpoint>,
    /// Whether gates have judged what it made, and passed.
    pub verified: bool,
    /// The promotion that it has asked for and not got.
    pub promotion: Option<PromotionRequest>,
}

impl Agent {
    /// An agent that waits for its start.
    #[must_use]
    pub fn new(mut setup: Setup) -> Self {
        let is_one = |output: &AgentOutput| {
            output.holds() && output.output_type == OutputType::Gamma && output.agent_id == setup.agent_id
        };
        setup.checkpoint = setup.checkpoint.filter(is_one);
        let Remembered { offences, spent } = setup.remembered.clone();
        let epoch = Timestamp::UNIX_EPOCH;
        Self {
            life: Life::Pending,
            phase: None,
            tier: setup.tier,
            checks_passed: false,
            plan: Planned::Nothing,
            verified: false,
            confidence: None,
            spent,
            offences,
            history: VecDeque::new(),
            outputs: [None, None, None],
            promotion: None,
            clock: Clock { seen: epoch, told: None, lock_ends: epoch, renew: epoch },
            reason: None,
            setup,
        }
    }

    /// What is to be done about `event`, which happened at `now`.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut does = Vec::new();
        let at = &mut Moment { now, does: &mut does };
        // What was due before the event comes before it: a line that comes too late does not bring an agent back.
        if !matches!(event, Event::LockRenewed | Event::Started) {
            self.pass_time(at);
        }
        self.take(event, at);
        self.settle(at);
        does
    }

    fn take(&mut self, event: Event, at: &mut Moment<'_>) {
        match event {
            Event::Started => self.start(at),
            Event::Line(line) => self.hear(line, at),
            Event::BadLine(bad) => self.hear_bad(&bad, at),
            Event::Judged(judged) => self.judged(judged, at),
            Event::Reported(reports) => self.violate(reports, at),
            Event::Clarified(plan) => self.clarified(plan, at),
            Event::PromotionApproved { approver, to } => self.approved(approver, to),
            Event::Tick => self.renew_lock(at),
            Event::LockRenewed => self.lock_holds(at.now),
            Event::LockLost => self.lock_lost(at),
            Event::TokenRevoked(reason) => self.revoke_elsewhere(&reason, at),
            Event::Disturbed(why) => self.disturb(&why),
            Event::Recovered => self.recover(at),
            Event::Stopped(reason) => self.stop(&reason, at),
            Event::ProcessEnded => self.process_ended(at),
        }
    }

    fn start(&mut self, at: &mut Moment<'_>) {
        if self.life != Life::Pending {
            return;
        }
        self.life = Life::Starting;
        self.clock = Clock { seen: at.now, told: None, lock_ends: at.now, renew: at.now };
        self.lock_holds(at.now);
        // An agent that comes with an exhausted budget is not greeted.
        if self.exhausted().is_none() {
            at.say(HostLine::Started {
                run_id: self.setup.run_id.clone(),
                agent_id: self.setup.agent_id.clone(),
                tier: self.tier,
                checkpoint: self.setup.checkpoint.as_ref().map(Into::into),
            });
        }
    }

    /// What holds after every event: no agent goes on with an exhausted budget, with an error that came too often, or with
    /// a promotion that is due.
    fn settle(&mut self, at: &mut Moment<'_>) {
        if !self.is_live() {
            return;
        }
        if let Some(why) = self.exhausted() {
            return self.violate(vec![Report::of_host(ViolationType::ErrorBudgetExceeded, why)], at);
        }
        if matches!(self.life, Life::Starting | Life::Running) {
            self.pause_if_repeated(at);
        }
        if self.life == Life::Running {
            self.promote_if_granted(at);
        }
    }

    fn exhausted(&self) -> Option<String> {
        self.spent.exhausted(&self.setup.budget)
    }

    /// Whether it has a process that may go on.
    fn is_live(&self) -> bool {
        !matches!(self.life, Life::Pending | Life::Completed { .. } | Life::Failed | Life::Revoked)
    }

    fn asks(&self, asked: Asked) -> bool {
        self.setup.gates.contains(&asked)
    }

    /// How it fares.
    #[must_use]
    pub fn status(&self) -> AgentStatus {
        match self.life {
            Life::Pending => AgentStatus::Pending,
            Life::Starting => AgentStatus::Starting,
            Life::Running | Life::Judging(_) => AgentStatus::Running,
            Life::Paused(_) => AgentStatus::Paused,
            Life::Recovering { .. } => AgentStatus::Recovering,
            Life::Completed { .. } => AgentStatus::Completed,
            Life::Failed => AgentStatus::Failed,
            Life::Revoked => AgentStatus::Revoked,
        }
    }

    /// The phase that it is in; nothing before the first.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// What it may do.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// Why it is held, has failed or was revoked, fit for a terminal.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.life {
            Life::Paused(Pause { why, .. }) | Life::Recovering { why, .. } => Some(why),
            _ => self.reason.as_deref(),
        }
    }

    /// The promotion that it has asked for and not got.
    #[must_use]
    pub fn promotion(&self) -> Option<&PromotionRequest> {
        self.promotion.as_ref().map(|(request, _)| request)
    }

    /// What is to be known of it at its next start, in this run or another one.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        Remembered { offences: self.offences, spent: self.spent.clone() }
    }

    /// The whole of it, to be kept and shown.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            agent_id: self.setup.agent_id.clone(),
            run_id: self.setup.run_id.clone(),
            status: self.status(),
            phase: self.phase,
            tier: self.tier,
            confidence: self.confidence,
            reason: self.reason().map(str::to_owned),
            errors: self.spent.clone(),
            offences: self.offences,
            outputs: self.outputs.iter().flatten().cloned().collect(),
            verified: self.verified,
            promotion: self.promotion().cloned(),
        }
    }
}

/// The time of an event, and what is to be done about it.
struct Moment<'a> {
    now: Timestamp,
    does: &'a mut Vec<Effect>,
}

impl Moment<'_> {
    fn say(&mut self, line: HostLine) {
        self.does.push(Effect::Say(line));
    }

    fn tell(&mut self, phase: Option<Phase>, what: Happening) {
        self.does.push(Effect::Tell(Notice { phase, what }));
    }
}
