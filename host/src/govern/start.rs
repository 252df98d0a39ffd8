//! Before the process: the lock, the ledger behind it, and what is known of the agent from before.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{RecvTimeoutError, channel},
    thread::{self, Builder},
    time::Instant,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    driven::Outputs,
    hindrance::Hindrance,
    insist::insist,
    ledger::Ledger,
    mask::Mask,
    plan::Stage,
    signed::{Grant, Signed, granted},
    takeover::{left, take_over},
    tally::{OFFENCES, PROCEDURE, Tally},
};
use crate::{
    agent::{AgentOutput, AgentStatus, Asked, Remembered, Report, Revocation, Snapshot, Tier},
    digest::Digest,
    evidence::secrets::Secrets,
    state::{Fence, Holder, Id, StateError, ValueKey, keys},
};

/// How often a lock is renewed in its time while gates are asked.
const RENEWALS: u32 = 3;
/// Characters of a run's name in that of a holder.
const MOST_RUN: usize = 100;

/// `handoff:{task}:latest`: the last gamma of a run that has not come to its end.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Handoff {
    /// The run that made it.
    pub run_id: String,
    /// Which work it was: command, gates and limits of the agent.
    pub work: Digest,
    /// What was made.
    pub output: AgentOutput,
    /// The last outputs of the other types, which gates may ask about.
    #[serde(default)]
    pub before: Vec<AgentOutput>,
}

impl Handoff {
    pub(super) fn new(stage: &Stage<'_>, output: &AgentOutput, made: &Outputs) -> Self {
        let before = made.iter().filter(|other| other.output_type != output.output_type).cloned().collect();
        Self { run_id: stage.run_id.to_owned(), work: stage.plan.digest(), output: output.clone(), before }
    }

    /// All that was made, as far as it is whole and the agent's own.
    fn outputs(&self) -> Outputs {
        let own = |output: &&AgentOutput| output.agent_id == self.output.agent_id && output.holds();
        self.before.iter().filter(own).chain([&self.output]).cloned().collect()
    }
}

/// An agent that may be started.
pub(super) struct Started {
    pub(super) fence: Fence,
    pub(super) ledger: Ledger,
    pub(super) known: Before,
    pub(super) secrets: Secrets,
    pub(super) mask: Mask,
}

/// Takes the lock and reads what is known. Nothing was started where this fails, and the lock is free again.
pub(super) fn start(stage: &Stage<'_>) -> Result<Started, Box<Hindrance>> {
    let plan = stage.plan;
    let templates = || plan.argv.iter().chain(plan.env.iter().map(|(_, value)| value));
    let secrets = Secrets::read(templates(), &plan.reveal, stage.world)
        .map_err(|failed| Box::new(Hindrance::Variable(failed.message)))?;
    let mask = Mask::new(templates(), &plan.reveal, &secrets);
    let lock = keys::agent_lock(stage.agent).lasting(plan.lock);
    let plain = |character: &char| (' '..='~').contains(character);
    let name = format!("run {}", stage.run_id.chars().filter(plain).take(MOST_RUN).collect::<String>());
    let holder = Holder::new(&name).map_err(|error| Box::new(error.into()))?;
    let fence = patiently(stage, || match stage.state.acquire(&lock, &holder) {
        Err(held @ StateError::Held { .. }) => take_over(stage, &lock, &holder)?.ok_or(Hindrance::Busy(held)),
        acquired => Ok(acquired?),
    })
    .map_err(Box::new)?;
    match nothing_is_left(stage, &fence).and_then(|()| known(stage, &fence)) {
        Ok((ledger, known)) => Ok(Started { fence, ledger, known, secrets, mask }),
        Err(error) => {
            // Should that fail too, it runs out.
            let _ = stage.state.release(&fence);
            Err(Box::new(error))
        }
    }
}

/// Waits for what an earlier run has left on this machine: the lock may have run out before it was gone.
fn nothing_is_left(stage: &Stage<'_>, fence: &Fence) -> Result<(), Hindrance> {
    let mut renewed = Instant::now();
    let Some(left) = patiently(stage, || Ok(left(stage)?))? else { return Ok(()) };
    left.wait(stage, || {
        if renewed.elapsed() > stage.plan.lock / RENEWALS {
            renewed = Instant::now();
            // One that fails is noticed behind it.
            let _ = stage.state.renew(fence);
        }
    })
}

/// What is known of an agent at its start.
pub(super) struct Before {
    /// What it has done before.
    pub(super) remembered: Remembered,
    /// What it goes on from.
    pub(super) checkpoint: Option<AgentOutput>,
    /// What it had made by then.
    pub(super) outputs: Outputs,
    /// What gates saw broken that were asked whether that still stands.
    pub(super) reports: Vec<Report>,
    pub(super) tier: Tier,
    pub(super) tally: Tally,
    /// Since when the lock certainly lasts.
    pub(super) held: Timestamp,
}

fn known(stage: &Stage<'_>, fence: &Fence) -> Result<(Ledger, Before), Hindrance> {
    let agent = stage.agent;
    let mut ledger = Ledger::new(Some(agent.as_str()));
    patiently(stage, || ledger.follow(stage.state, stage.signed))?;
    refuse_revoked(&ledger)?;
    let snapshot: Option<Snapshot> = patiently(stage, || read(stage, &keys::agent_state(agent)))?;
    let tally = Tally(patiently(stage, || Ok(stage.state.counters(&keys::agent_errors(agent))?))?);
    let handoff: Option<Handoff> = patiently(stage, || read(stage, &keys::handoff(stage.task)))?;
    let grants = patiently(stage, || Grant::all(stage, &grants_key(agent)?))?;
    let is_signed = |grant: &Grant| (stage.signed)(&Signed::Grant(grant)).is_ok();
    let tier = granted(agent.as_str(), stage.plan.tier, &grants, is_signed);
    let handoff = handoff.filter(|handoff| goes_on(stage, handoff, snapshot.as_ref(), &ledger));
    let Stands { stands, reports } = handoff.as_ref().map(|made| stands(stage, fence, made)).unwrap_or_default();
    // What happened while gates were asked counts too.
    patiently(stage, || ledger.follow(stage.state, stage.signed))?;
    refuse_revoked(&ledger)?;
    let handoff = handoff.filter(|_| stands);
    let outputs = handoff.as_ref().map(Handoff::outputs).unwrap_or_default();
    let checkpoint = handoff.map(|handoff| handoff.output);
    let remembered = remembered(stage, snapshot, checkpoint.is_some(), &ledger, &tally);
    patiently(stage, || {
        let packet = serde_json::to_vec(&stage.packet(fence.token(), None)).unwrap_or_default();
        stage.state.put(&keys::agent_packet(agent), &packet, Some(fence))?;
        let name = serde_json::to_vec(agent.as_str()).unwrap_or_default();
        stage.state.put(&keys::task_active_agent(stage.task), &name, Some(fence))?;
        Ok(())
    })?;
    let held = patiently(stage, || {
        let asked = (stage.world.clock)();
        stage.state.renew(fence)?;
        Ok(asked)
    })?;
    Ok((ledger, Before { remembered, checkpoint, outputs, reports, tier, tally, held }))
}

fn refuse_revoked(ledger: &Ledger) -> Result<(), Hindrance> {
    match ledger.revoked() {
        Some(Revocation { cause, reason, .. }) => Err(Hindrance::Revoked(format!("{}: {reason}", cause.name()))),
        None => Ok(()),
    }
}

/// What gates say of what an earlier run made.
#[derive(Default)]
struct Stands {
    stands: bool,
    reports: Vec<Report>,
}

/// Asks every gate of the agent whether it may go on from there. That they have passed once is written by whoever can write to
/// the state; and what this run decides on was judged in this run. The lock is renewed meanwhile.
fn stands(stage: &Stage<'_>, fence: &Fence, made: &Handoff) -> Stands {
    let outputs = made.outputs();
    let ask = |asked: Asked| catch_unwind(AssertUnwindSafe(|| (stage.judge)(asked, &outputs))).ok();
    thread::scope(|scope| {
        let (over, is_over) = channel::<()>();
        let renews = move || {
            while is_over.recv_timeout(stage.plan.lock / RENEWALS) == Err(RecvTimeoutError::Timeout) {
                // One that fails is noticed behind the gates.
                let _ = stage.state.renew(fence);
            }
        };
        if Builder::new().spawn_scoped(scope, renews).is_err() {
            return Stands::default();
        }
        let judged: Vec<_> = stage.plan.gates.iter().copied().map(ask).collect();
        drop(over);
        let stands = judged.iter().all(|judged| judged.as_ref().is_some_and(|judged| judged.passed));
        Stands { stands, reports: judged.into_iter().flatten().flat_map(|judged| judged.reports).collect() }
    })
}

/// Whether this run goes on from there: from the same work, by the same agent, and not from what a revoked one made.
fn goes_on(stage: &Stage<'_>, handoff: &Handoff, snapshot: Option<&Snapshot>, ledger: &Ledger) -> bool {
    let was_revoked = snapshot.is_some_and(|snapshot| snapshot.status == AgentStatus::Revoked);
    handoff.work == stage.plan.digest()
        && handoff.output.agent_id == stage.agent.as_str()
        && handoff.output.holds()
        && !was_revoked
        && !ledger.knows_run(&handoff.run_id)
}

/// What the agent has done before, by whichever of its two places says more.
fn remembered(
    stage: &Stage<'_>,
    snapshot: Option<Snapshot>,
    from_checkpoint: bool,
    ledger: &Ledger,
    tally: &Tally,
) -> Remembered {
    let mut goes_on = false;
    let mut remembered = Remembered::default();
    if let Some(snapshot) = snapshot {
        let is_open = !matches!(snapshot.status, AgentStatus::Completed | AgentStatus::Revoked);
        goes_on =
            is_open && !ledger.knows_run(&snapshot.run_id) && (from_checkpoint || snapshot.run_id == stage.run_id);
        remembered = Remembered { offences: snapshot.offences, spent: snapshot.errors };
    }
    remembered.offences = remembered.offences.max(tally.of(OFFENCES));
    remembered.spent.procedure = remembered.spent.procedure.max(tally.of(PROCEDURE));
    if goes_on { remembered } else { remembered.in_new_run() }
}

/// Where the grants of an agent stand.
pub(super) fn grants_key(agent: &Id) -> Result<ValueKey, StateError> {
    Ok(keys::blackboard(agent, &Id::parse("grants")?))
}

impl Grant {
    /// All that stand there.
    pub(super) fn all(stage: &Stage<'_>, key: &ValueKey) -> Result<Vec<Self>, Hindrance> {
        Ok(read(stage, key)?.unwrap_or_default())
    }
}

fn read<T: DeserializeOwned>(stage: &Stage<'_>, key: &ValueKey) -> Result<Option<T>, Hindrance> {
    let Some(entry) = stage.state.get(key)? else { return Ok(None) };
    serde_json::from_slice(&entry.value).map(Some).map_err(|_| Hindrance::Unreadable(key.name().to_owned()))
}

/// [`insist`]s on it as the stage is patient.
pub(super) fn patiently<T>(stage: &Stage<'_>, work: impl FnMut() -> Result<T, Hindrance>) -> Result<T, Hindrance> {
    insist(stage.patience.recover, stage.world.cancelled, work)
}
