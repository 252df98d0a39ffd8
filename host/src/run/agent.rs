//! An agent's stage: the agent is driven, and its gates judge it on the way.

use std::{
    collections::BTreeMap,
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
    agent::{AgentOutput, AgentStatus, Asked, ErrorBudget, Happening, Judged, Report, Spent, Violation},
    decision::{AgentRecord, GateResult, InputRecord},
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
        let record = record(plan, stage, driven);
        let entry = AgentEntry::new(record.clone(), outputs, inputs.into_values().collect(), judged);
        Some(Governed { record, gates: answered.into_values().collect(), entry })
    }

    fn drive_with(&self, state: &dyn State, plan: &AgentPlan, judging: &Judging<'_>) -> Driven {
        let stage = judging.stage;
        let people = &self.trust.file.approvers;
        let revocations = self.trust.standing.revocations();
        govern::drive(&govern::Stage {
            plan: &Assignment::from(plan),
            agent: &keys::id_of(&plan.name),
            project: &keys::id_of(&self.plan.name),
            task: &keys::id_of(&format!("{}.{}", self.plan.name, stage.id)),
            run_id: self.setting.run_id,
            resumes: self.resumes,
            state,
            notifier: self.notifier,
            world: self.world,
            judge: &|asked, outputs| judging.judge(asked, outputs),
            // By the clock and not by the run's: people sign while it runs.
            signed: &|signed| Approvers { people, revocations, now: (self.world.clock)() }.believes(signed),
            observe: &|observed| match observed {
                Observed::Fares(fares) => (self.observe)(Event::Agent { name: &plan.name, fares }),
                Observed::Alert(violation) => (self.observe)(Event::Alert(violation)),
            },
            patience: Patience::default(),
        })
    }

    /// Writes what gates saw of an agent that has ended, and tells of a revocation that is new.
    pub(super) fn write(&self, charge: &Charge, agent: &str) -> Result<(), Hindrance> {
        let Some(state) = self.state else { return Ok(()) };
        if charge.write(&**state, &keys::id_of(agent))?
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
        let judged = summed_up(asked, &answered);
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

/// What gates came to that were asked together. Advisory ones are heard, and keep nothing back.
fn summed_up(asked: Asked, answered: &[Answered]) -> Judged {
    let stands_in_the_way =
        |result: &&GateResult| result.gate.enforcement == Enforcement::Mandatory && !has_passed(result);
    let missed = answered.iter().map(|answered| &answered.result).find(stands_in_the_way);
    let told = |result: &GateResult| {
        let headline = result.headline();
        format!("gate `{}` came to {}: {}", result.gate.name, result.outcome.name(), excerpt(&headline, QUOTED))
    };
    let reports = answered.iter().flat_map(|answered| {
        let gate = &answered.result.gate.name;
        answered.result.violations.iter().map(|seen| Report::of_gate(gate, &seen.kind, &seen.detail))
    });
    Judged { asked, passed: missed.is_none(), reason: missed.map(told).unwrap_or_default(), reports: reports.collect() }
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
