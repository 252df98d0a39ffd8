//! An agent's stage: the agent is driven, and its gates judge it on the way.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    Event, Setting,
    gates::{About, Answered, Before, Gates, Settled, has_passed},
    late::Gathering,
    record::input,
};
use crate::{
    agent::{
        AgentOutput, AgentStatus, Asked, ErrorBudget, Happening, Judged, Report, Revocation, Spent, Violation,
        ViolationSeverity,
    },
    decision::{AgentRecord, GateOutcome, GateResult, InputRecord},
    digest::Digest,
    evidence::{Collected, World},
    govern::{self, Approvers, Assignment, Charge, Driven, Hindrance, Observed, Outputs, Patience},
    intake::TrustFiles,
    manifest::{AgentPlan, Enforcement, Plan, Stage},
    notify::{self, Notifier},
    state::{State, keys},
    text::excerpt,
};

/// How much of what an agent wrote to stderr a reason repeats, in characters.
const QUOTED: usize = 200;

/// What became of an agent's stage.
#[derive(Clone, Debug)]
pub struct Governed {
    /// What became of the agent.
    pub record: AgentRecord,
    /// Its gates that were asked, each the last time.
    pub gates: Vec<Answered>,
    pub(super) entry: AgentEntry,
}

/// What is kept of an agent's stage beside the record and its gates.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentEntry {
    pub(super) record: AgentRecord,
    budget: ErrorBudget,
    spent: Spent,
    violations: Vec<Violation>,
    /// The last output of each type.
    outputs: Vec<AgentOutput>,
    /// What its gates were asked about that changed while it worked, as it was the last time.
    pub(super) inputs: Vec<InputRecord>,
    /// What each of its gates judged that was asked, as [`super::judged_evidence`] has it.
    pub(super) judged: BTreeMap<String, BTreeMap<String, Digest>>,
}

impl AgentEntry {
    fn new(
        record: AgentRecord,
        outputs: Vec<AgentOutput>,
        inputs: Vec<InputRecord>,
        judged: BTreeMap<String, BTreeMap<String, Digest>>,
    ) -> Self {
        let (budget, spent, violations) = (record.budget, record.spent.clone(), record.violations.clone());
        Self { record, budget, spent, violations, outputs, inputs, judged }
    }

    fn outputs(&self) -> Outputs {
        self.outputs.iter().cloned().collect()
    }

    /// The record with what stands elsewhere in it.
    fn whole(&self) -> AgentRecord {
        let (budget, spent, violations) = (self.budget, self.spent.clone(), self.violations.clone());
        AgentRecord { budget, spent, violations, ..self.record.clone() }
    }
}

/// An agent's stage that ended in an earlier attempt at the run.
#[derive(Clone, Debug)]
pub struct KeptAgent {
    pub(super) entry: AgentEntry,
    /// How its gates were asked, by their names.
    pub(super) calls: BTreeMap<String, super::Calls>,
}

/// What agents are driven with.
#[derive(Clone, Copy)]
pub(super) struct Governing<'a> {
    pub(super) plan: &'a Plan,
    pub(super) setting: Setting<'a>,
    pub(super) world: World<'a>,
    pub(super) state: Option<&'a Arc<dyn State>>,
    pub(super) supervisor: Option<&'a Path>,
    pub(super) trust: &'a TrustFiles,
    pub(super) notifier: Option<&'a Notifier>,
    /// Whether the run was begun by a host that is gone: this one has claimed it.
    pub(super) resumes: bool,
    pub(super) observe: &'a (dyn Fn(Event<'_>) + Sync),
}

/// Where gates and evidence of the run are.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) gates: &'a Gates<'a>,
    pub(super) gathering: &'a Gathering<'a>,
    /// Whether gates of the stages before it have passed.
    pub(super) settled: Settled<'a>,
}

impl Governing<'_> {
    /// Drives the agent of `stage`. Comes back when it is gone.
    pub(super) fn drive(&self, stage: &Stage, agent: usize, around: Around<'_>) -> Option<Governed> {
        let plan = self.plan.agents.get(agent)?;
        let judging = Judging { plan, agent, stage, around, asked: Mutex::default() };
        let driven = match self.state {
            Some(state) => self.drive_with(&**state, plan, &judging),
            None => return Some(no_state(plan, stage)),
        };
        let Asking { answered, inputs, judged } = judging.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outputs: Vec<AgentOutput> = driven.outputs.iter().cloned().collect();
        around.gathering.ended(agent, driven.outputs.clone());
        let mut record = record(plan, stage, driven);
        if record.status == AgentStatus::Completed {
            self.look_back(&mut record);
        }
        let entry = AgentEntry::new(record.clone(), outputs, inputs.into_values().collect(), judged);
        Some(Governed { record, gates: answered.into_values().collect(), entry })
    }

    fn drive_with(&self, state: &dyn State, plan: &AgentPlan, judging: &Judging<'_>) -> Driven {
        let stage = judging.stage;
        govern::drive(&govern::Stage {
            plan: &Assignment::from(plan),
            agent: &keys::id_of(&plan.name),
            project: &keys::id_of(&self.plan.name),
            task: &keys::id_of(&format!("{}.{}", self.plan.name, stage.id)),
            run_id: self.setting.run_id,
            resumes: self.resumes,
            supervisor: self.supervisor,
            state,
            notifier: self.notifier,
            world: self.world,
            judge: &|asked, outputs| judging.judge(asked, outputs),
            signed: &|signed| self.believes(signed),
            observe: &|observed| match observed {
                Observed::Fares(fares) => (self.observe)(Event::Agent { name: &plan.name, fares }),
                Observed::Alert(violation) => (self.observe)(Event::Alert(violation)),
            },
            patience: Patience::default(),
        })
    }

    /// Between its end and the last look at the ledger somebody may have revoked it: then what it made is not gone on with.
    fn look_back(&self, record: &mut AgentRecord) {
        match self.standing(&record.agent) {
            Ok(revocation) => record.revocation = revocation,
            Err(hindrance) => {
                record.hindrance = Some(hindrance.code().to_owned());
                record.reason = Some(hindrance.to_string());
            }
        }
    }

    /// The first revocation of an agent that nobody has lifted.
    pub(super) fn standing(&self, agent: &str) -> Result<Option<Revocation>, Hindrance> {
        let Some(state) = self.state else { return Ok(None) };
        let unlifted = self.insist(|| govern::standing(&**state, agent, &|signed| self.believes(signed)))?;
        Ok(unlifted.into_iter().map(|(_, revocation)| revocation).next())
    }

    fn insist<T>(&self, work: impl FnMut() -> Result<T, Hindrance>) -> Result<T, Hindrance> {
        govern::insist(Patience::default().recover, self.world.cancelled, work)
    }

    /// By the clock and not by the run's: people sign while it runs.
    fn believes(&self, signed: &govern::Signed<'_>) -> Result<String, String> {
        let (people, revocations) = (&self.trust.file.approvers, self.trust.standing.revocations());
        Approvers { people, revocations, now: (self.world.clock)() }.believes(signed)
    }

    /// Writes what gates saw of an agent that has ended, and tells of a revocation that is new.
    pub(super) fn write(&self, charge: &Charge, agent: &str) -> Result<(), Hindrance> {
        let Some(state) = self.state else { return Ok(()) };
        let critical = |violation: &&Violation| violation.severity == ViolationSeverity::Critical;
        charge.violations.iter().filter(critical).for_each(|violation| (self.observe)(Event::Alert(violation)));
        let id = keys::id_of(agent);
        if self.insist(|| charge.write(&**state, &id))?
            && let (Some(revocation), Some(notifier)) = (&charge.revocation, self.notifier)
        {
            let happening = Happening::AgentRevoked(revocation.clone());
            notifier.tell(notify::Event {
                kind: happening.kind(),
                time: (self.world.clock)(),
                agent_id: Some(agent.to_owned()),
                phase: revocation.phase.map(|phase| phase.name().to_owned()),
                detail: happening.detail(),
            });
        }
        Ok(())
    }

    /// What became of a stage that ended in an earlier attempt: its agent is not started again, its gates come to what they
    /// came to.
    pub(super) fn again(&self, stage: &Stage, agent: usize, kept: &KeptAgent, around: Around<'_>) -> Governed {
        around.gathering.ended(agent, kept.entry.outputs());
        let before = |index: usize| {
            let name = &self.plan.gates.get(index)?.name;
            Some(Before { judged: kept.entry.judged.get(name)?, calls: kept.calls.get(name)? })
        };
        let asked: Vec<usize> = stage.gates.iter().copied().filter(|gate| before(*gate).is_some()).collect();
        let evidence = around.gathering.again(&asked);
        let about = |index| About { evidence: &evidence, before: before(index) };
        let answered = around.gates.ask_all(stage, &asked, &about, around.settled, &|_| {});
        let noted = answered.into_iter().filter_map(|answered| {
            let judged = before(answered.index)?.judged;
            Some(note_judged(answered, judged, around))
        });
        let gates = noted.collect();
        Governed { record: kept.entry.whole(), gates, entry: kept.entry.clone() }
    }
}

/// What gates have come to so far that an agent is judged by.
struct Judging<'a> {
    plan: &'a AgentPlan,
    agent: usize,
    stage: &'a Stage,
    around: Around<'a>,
    asked: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    answered: BTreeMap<usize, Answered>,
    /// By the source's index.
    inputs: BTreeMap<usize, InputRecord>,
    /// By the gate's name.
    judged: BTreeMap<String, BTreeMap<String, Digest>>,
}

impl Judging<'_> {
    fn asked(&self) -> MutexGuard<'_, Asking> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the gates of a set about what the agent gave last.
    fn judge(&self, asked: Asked, outputs: &Outputs) -> Judged {
        let gates =
            self.plan.gates().into_iter().find(|(key, _)| *key == asked.name()).map_or(&[][..], |(_, gates)| gates);
        let Around { gates: asker, gathering, settled } = self.around;
        let evidence = gathering.for_agent(self.agent, gates, outputs);
        // What came of a gate the last time it was asked; this time does not count before it is over.
        let own = |index: usize| self.asked().answered.get(&index).map(|answered| has_passed(&answered.result));
        let known = |index: usize| if gates.contains(&index) { None } else { own(index).or_else(|| settled(index)) };
        let answered =
            asker.ask_all(self.stage, gates, &|_| About { evidence: &evidence, before: None }, &known, &|_| {});
        // What a gate saw in the work of others is theirs.
        let own = |index: usize| {
            let agents = gathering.agents_of(self.stage, index);
            agents.is_empty() || agents.contains(&self.agent)
        };
        let seen =
            answered.iter().filter(|answered| own(answered.index)).flat_map(|answered| reports(&answered.result));
        let judged = summed_up(asked, &answered, seen.collect());
        self.note(answered, &evidence);
        judged
    }

    fn note(&self, answered: Vec<Answered>, evidence: &Collected) {
        let Around { gates: asker, gathering, .. } = self.around;
        let mut asked = self.asked();
        for answered in answered {
            let Some(gate) = asker.plan.gates.get(answered.index) else { continue };
            let judged = asker.judged(gate, About { evidence, before: None });
            let sources = gate.input.members().into_iter().map(|(_, source)| source);
            for source in sources.filter(|source| gathering.waits(*source)) {
                asked.inputs.extend(evidence.piece(source).map(|piece| (source, input(piece))));
            }
            let answered = note_judged(answered, &judged, self.around);
            asked.judged.insert(gate.name.clone(), judged);
            asked.answered.insert(answered.index, answered);
        }
    }
}

/// The gate's result, with the digests of what it judged that changed while the agent worked.
fn note_judged(mut answered: Answered, judged: &BTreeMap<String, Digest>, around: Around<'_>) -> Answered {
    let plan = around.gates.plan;
    let members = plan.gates.get(answered.index).map(|gate| gate.input.members()).unwrap_or_default();
    for (own, (_, source)) in answered.result.gate.judged.iter_mut().zip(members) {
        if around.gathering.waits(source) {
            own.digest = judged.get(own.name.as_ref().unwrap_or(&own.evidence)).copied();
        }
    }
    answered
}

/// What gates came to that were asked together. Advisory ones are heard, and keep nothing back; one that fails speaks before one
/// that gives no verdict.
fn summed_up(asked: Asked, answered: &[Answered], reports: Vec<Report>) -> Judged {
    let decides = |result: &&GateResult| result.gate.enforcement == Enforcement::Mandatory;
    let results = || answered.iter().map(|answered| &answered.result);
    let missed: Vec<&GateResult> = results().filter(decides).filter(|result| !has_passed(result)).collect();
    // What was skipped was skipped for another that did not pass.
    let is_open = |result: &&&GateResult| matches!(result.outcome, GateOutcome::Fault(_) | GateOutcome::Skipped(_));
    let against = missed.iter().find(|result| !is_open(result));
    let told = |result: &&&GateResult| {
        let headline = result.headline();
        format!("gate `{}` came to {}: {}", result.gate.name, result.outcome.name(), excerpt(&headline, QUOTED))
    };
    Judged {
        asked,
        passed: missed.is_empty(),
        faulted: !missed.is_empty() && against.is_none(),
        verifies: results().any(|result| result.gate.enforcement == Enforcement::Mandatory && has_passed(result)),
        reason: against.or(missed.first()).as_ref().map(told).unwrap_or_default(),
        reports,
    }
}

/// What a gate saw broken, in its own words.
pub(super) fn reports(result: &GateResult) -> impl Iterator<Item = Report> {
    let gate = &result.gate.name;
    result.violations.iter().map(move |seen| Report::of_gate(gate, &seen.kind, &seen.detail))
}

fn record(plan: &AgentPlan, stage: &Stage, driven: Driven) -> AgentRecord {
    let said = driven.notes.lines().rev().find(|line| !line.trim().is_empty());
    let said = said.filter(|_| driven.status == AgentStatus::Failed).map(|line| excerpt(line, QUOTED));
    let reason = match (driven.reason, said) {
        (Some(reason), Some(said)) => Some(format!("{reason}; the last that it noted is: {said}")),
        (reason, _) => reason,
    };
    AgentRecord {
        agent: plan.name.clone(),
        stage: stage.id.clone(),
        status: driven.status,
        phase: driven.phase,
        tier: driven.tier,
        reason,
        hindrance: driven.hindrance.map(|hindrance| hindrance.code().to_owned()),
        verified: driven.verified,
        outputs: driven.outputs.iter().map(AgentOutput::checkpoint).collect(),
        offences: driven.offences,
        revocation: driven.revocation,
        promotion: driven.promotion,
        missing: driven.missing,
        budget: plan.errors,
        spent: driven.spent,
        violations: driven.violations,
    }
}

/// An agent that nobody can drive, because what is remembered of it is not to be had.
fn no_state(plan: &AgentPlan, stage: &Stage) -> Governed {
    let record = AgentRecord {
        agent: plan.name.clone(),
        stage: stage.id.clone(),
        status: AgentStatus::Failed,
        phase: None,
        tier: plan.tier,
        reason: Some("there is no state in which agents are remembered".to_owned()),
        hindrance: Some("no-state".to_owned()),
        verified: false,
        outputs: Vec::new(),
        offences: 0,
        revocation: None,
        promotion: None,
        missing: Vec::new(),
        budget: plan.errors,
        spent: Spent::default(),
        violations: Vec::new(),
    };
    let entry = AgentEntry::new(record.clone(), Vec::new(), Vec::new(), BTreeMap::new());
    Governed { record, gates: Vec::new(), entry }
}
