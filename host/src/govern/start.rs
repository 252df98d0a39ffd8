//! Before the process: the lock, the ledger behind it, and what is known of the agent from before.

use std::{
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    hindrance::Hindrance,
    ledger::Ledger,
    mask::Mask,
    plan::Stage,
    signed::{Grant, Signed, granted},
    takeover::take_over,
    tally::{OFFENCES, PROCEDURE, Tally},
};
use crate::{
    agent::{AgentOutput, AgentStatus, Remembered, Snapshot, Tier},
    digest::Digest,
    evidence::secrets::Secrets,
    state::{Fence, Holder, Id, StateError, ValueKey, keys},
};

/// How long is waited between tries.
const PAUSE: Duration = Duration::from_millis(20);
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
}

impl Handoff {
    pub(super) fn new(stage: &Stage<'_>, output: &AgentOutput) -> Self {
        Self { run_id: stage.run_id.to_owned(), work: stage.plan.digest(), output: output.clone() }
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
    match known(stage, &fence) {
        Ok((ledger, known)) => Ok(Started { fence, ledger, known, secrets, mask }),
        Err(error) => {
            // Should that fail too, it runs out.
            let _ = stage.state.release(&fence);
            Err(Box::new(error))
        }
    }
}

/// What is known of an agent at its start.
pub(super) struct Before {
    /// What it has done before.
    pub(super) remembered: Remembered,
    /// What it goes on from.
    pub(super) checkpoint: Option<AgentOutput>,
    pub(super) tier: Tier,
    pub(super) tally: Tally,
    /// Since when the lock certainly lasts.
    pub(super) held: Timestamp,
}

fn known(stage: &Stage<'_>, fence: &Fence) -> Result<(Ledger, Before), Hindrance> {
    let agent = stage.agent;
    let mut ledger = Ledger::new(Some(agent.as_str()));
    patiently(stage, || ledger.follow(stage.state, stage.signed))?;
    if let Some(revocation) = ledger.revoked() {
        return Err(Hindrance::Revoked(format!("{}: {}", revocation.cause.name(), revocation.reason)));
    }
    let snapshot: Option<Snapshot> = patiently(stage, || read(stage, &keys::agent_state(agent)))?;
    let tally = Tally(patiently(stage, || Ok(stage.state.counters(&keys::agent_errors(agent))?))?);
    let handoff: Option<Handoff> = patiently(stage, || read(stage, &keys::handoff(stage.task)))?;
    let grants = patiently(stage, || Grant::all(stage, &grants_key(agent)?))?;
    let is_signed = |grant: &Grant| (stage.signed)(&Signed::Grant(grant)).is_ok();
    let tier = granted(agent.as_str(), stage.plan.tier, &grants, is_signed);
    let checkpoint = handoff.filter(|handoff| goes_on(stage, handoff, snapshot.as_ref(), &ledger));
    let checkpoint = checkpoint.map(|handoff| handoff.output);
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
    Ok((ledger, Before { remembered, checkpoint, tier, tally, held }))
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

/// Tries it until it is done, it is clear that it never will be, or patience is over.
pub(super) fn patiently<T>(stage: &Stage<'_>, mut work: impl FnMut() -> Result<T, Hindrance>) -> Result<T, Hindrance> {
    let since = Instant::now();
    loop {
        if stage.is_cancelled() {
            return Err(Hindrance::Interrupted);
        }
        match work() {
            Err(hindrance) if hindrance.may_pass() && since.elapsed() < stage.patience.recover => thread::sleep(PAUSE),
            ended => return ended,
        }
    }
}
