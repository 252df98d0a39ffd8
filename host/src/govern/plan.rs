//! What a governed stage is driven by: what the manifest says of its agent, and what the run hands in.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::{
    driven::{Observed, Outputs},
    signed::Signed,
    takeover::Trace,
};
use crate::{
    agent::{Asked, Confidence, ErrorBudget, Judged, Tier},
    digest::Digest,
    evidence::World,
    manifest::{AgentPlan, CommandSource, Template},
    notify::Notifier,
    state::{Id, State},
};

/// How long a clarified plan is usually waited for until the host draws up a plain one.
pub const CLARIFY: Duration = Duration::from_secs(60);

/// What an agent is to do, and how it is held to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The program and its arguments; at least one.
    pub argv: Vec<Template>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its environment, all of it.
    pub env: Vec<(String, Template)>,
    /// The variables whose values may be shown.
    pub reveal: Vec<String>,
    /// How long it may run in all.
    pub timeout: Duration,
    /// What it is to do, in a sentence.
    pub objective: String,
    /// What it may do at the start; promotions move it up.
    pub tier: Tier,
    /// How sure it has to be; nothing where it need not be.
    pub confidence: Option<Confidence>,
    /// How long it may be silent.
    pub heartbeat: Duration,
    /// How long its lock holds that is not renewed.
    pub lock: Duration,
    /// How many errors it may make.
    pub errors: ErrorBudget,
    /// The sets of gates that judge it.
    pub gates: Vec<Asked>,
    /// How long a clarified plan is waited for until the host draws up a plain one; nothing where it never does.
    pub clarify: Option<Duration>,
}

/// How long the driver waits for what is not the agent's to hurry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often the ledger and the mailbox are looked at.
    pub poll: Duration,
    /// How long the state may take for one answer until the agent is held.
    pub answer: Duration,
    /// How long the state may stay away until the agent is ended.
    pub recover: Duration,
    /// How long an agent that was interrupted may take to end after `SIGTERM`. One that is revoked is killed at once.
    pub term: Duration,
    /// How long an agent that is through may take to end by itself.
    pub gentle: Duration,
    /// How long the last words to the state may take.
    pub finish: Duration,
    /// How long what is left of an earlier run of the agent may take to be gone.
    pub left: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            answer: Duration::from_secs(5),
            recover: Duration::from_secs(30),
            term: Duration::from_secs(2),
            gentle: Duration::from_secs(10),
            finish: Duration::from_secs(10),
            left: Duration::from_secs(5),
        }
    }
}

/// One stage of a run that drives an agent.
#[derive(Clone, Copy)]
pub struct Stage<'a> {
    /// What the manifest says of the agent.
    pub plan: &'a Assignment,
    /// The agent.
    pub agent: &'a Id,
    /// The project whose mailbox it hears: the pipeline.
    pub project: &'a Id,
    /// The task that it is at, under which its last gamma waits for a run that goes on: the pipeline and the stage.
    pub task: &'a Id,
    /// The run.
    pub run_id: &'a str,
    /// Whether the run was begun by a host that is gone; the caller knows that it is.
    pub resumes: bool,
    /// The program that the agent is started through, which ends all that it starts: one that does as
    /// [`super::serve_supervisor`] says where its first argument is [`super::SUPERVISE`], such as `portcullis` itself.
    pub supervisor: Option<&'a Path>,
    /// The state that everybody shares.
    pub state: &'a dyn State,
    /// Who is told what happens.
    pub notifier: Option<&'a Notifier>,
    /// The world.
    pub world: World<'a>,
    /// Asks the gates of a set about the last outputs of the agent. Runs in a thread of its own; a panic in it is no pass.
    pub judge: &'a (dyn Fn(Asked, &Outputs) -> Judged + Sync),
    /// Who signed: the name of the approver, or why it is not believed; [`super::Approvers`] with the clock's time, not that of
    /// the run, because grants come while it runs.
    pub signed: &'a (dyn Fn(&Signed<'_>) -> Result<String, String> + Sync),
    /// Is told how the agent fares, while it does. Must not take long: the driver waits for it.
    pub observe: &'a (dyn Fn(Observed<'_>) + Sync),
    /// How long the driver waits.
    pub patience: Patience,
}

/// `agent:{agent_id}:packet`: what an agent was started with. No value of a variable stands in it.
#[derive(Serialize)]
pub(super) struct Packet<'a> {
    agent_id: &'a str,
    run_id: &'a str,
    project: &'a str,
    task: &'a str,
    token: u64,
    /// The agent, once it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Trace>,
    #[serde(flatten)]
    work: Work<'a>,
}

/// What an agent is to do and how it is judged: an output counts for a run that goes on only where this is the same.
#[derive(Serialize)]
struct Work<'a> {
    objective: &'a str,
    argv: Vec<&'a str>,
    env: Vec<(&'a str, &'a str)>,
    tier: Tier,
    confidence: Option<Confidence>,
    gates: Vec<&'static str>,
    errors: ErrorBudget,
    heartbeat_seconds: f64,
    lock_seconds: f64,
    timeout_seconds: f64,
}

impl From<&AgentPlan> for Assignment {
    /// As the manifest has it.
    fn from(plan: &AgentPlan) -> Self {
        let CommandSource { argv, cwd, env, timeout, .. } = plan.command.clone();
        let sets = [(Asked::Preflight, &plan.preflight), (Asked::Plan, &plan.plan), (Asked::Verify, &plan.verify)];
        Self {
            argv,
            cwd,
            env,
            reveal: plan.reveal.clone(),
            timeout,
            objective: plan.objective.clone().unwrap_or_else(|| format!("what `{}` is for", plan.name)),
            tier: plan.tier,
            confidence: plan.confidence,
            heartbeat: plan.heartbeat,
            lock: plan.lock,
            errors: plan.errors,
            gates: sets.into_iter().filter(|(_, gates)| !gates.is_empty()).map(|(asked, _)| asked).collect(),
            clarify: Some(CLARIFY),
        }
    }
}

impl Assignment {
    fn work(&self) -> Work<'_> {
        Work {
            objective: &self.objective,
            argv: self.argv.iter().map(|argument| argument.written.as_str()).collect(),
            env: self.env.iter().map(|(name, value)| (name.as_str(), value.written.as_str())).collect(),
            tier: self.tier,
            confidence: self.confidence,
            gates: self.gates.iter().map(|asked| asked.name()).collect(),
            errors: self.errors,
            heartbeat_seconds: self.heartbeat.as_secs_f64(),
            lock_seconds: self.lock.as_secs_f64(),
            timeout_seconds: self.timeout.as_secs_f64(),
        }
    }

    /// For how long the lock is held for sure. The process is to be gone before the store gives it to anybody else.
    pub(super) fn sure_of_lock(&self) -> Duration {
        self.lock / 10 * 9
    }

    /// Which work it is.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(&self.work()).unwrap_or_default())
    }
}

impl Stage<'_> {
    /// The packet of its agent, which holds its lock with that token.
    pub(super) fn packet(&self, token: u64, process: Option<Trace>) -> Packet<'_> {
        let (agent_id, project, task) = (self.agent.as_str(), self.project.as_str(), self.task.as_str());
        Packet { agent_id, run_id: self.run_id, project, task, token, process, work: self.plan.work() }
    }

    /// Whether the run is to end.
    pub(super) fn is_cancelled(&self) -> bool {
        self.world.cancelled.load(std::sync::atomic::Ordering::Relaxed)
    }
}
