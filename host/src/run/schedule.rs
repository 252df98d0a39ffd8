//! Who runs when: stages one after another, the gates of a stage as soon as what they need has passed.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Event, Judged,
    agent::{Around, Governed, Governing, KeptAgent, reports},
    gates::{About, Answered, Gates, has_passed},
    late::Gathering,
};
use crate::{
    agent::{AgentStatus, Report, StageStatus},
    decision::{AgentRecord, GateOutcome, GateResult, InputRecord, NextAction, Objection, Reason, Ruling, StageRecord},
    evidence::Strays,
    govern::{Charge, Hindrance},
    manifest::{Branch, Condition, Enforcement, Plan, Side, Stage, StageKind},
    parallel::in_parallel,
    text::excerpt,
};

/// Agents that are driven at once: they are processes that mostly wait, so that it does not depend on the cores.
const AGENTS_AT_ONCE: usize = 16;

pub(super) struct Schedule<'a> {
    pub(super) plan: &'a Plan,
    pub(super) gates: Gates<'a>,
    pub(super) gathering: Gathering<'a>,
    pub(super) governing: Governing<'a>,
    /// Agents' stages that ended in an earlier attempt at the run.
    pub(super) kept: BTreeMap<String, KeptAgent>,
    /// What the world had against a go, where the run has ended before.
    pub(super) objections: Option<Vec<Objection>>,
}

type Results = Vec<Option<GateResult>>;

/// How much of a condition a reason repeats, in characters.
const QUOTED: usize = 200;

/// How a stage ended.
enum Ended {
    /// Well; a condition took that side.
    Well(Option<&'static str>),
    /// It ran, and did not come to what it is for; gates speak for themselves, anything else objects.
    Failed(String, Option<Objection>),
    /// It could not run.
    Skipped(String),
    /// It was not to run: another branch was taken.
    NotTaken(String),
}

impl Ended {
    fn is_well(&self) -> bool {
        matches!(self, Self::Well(_))
    }

    /// Why no rule over gates may make a go of a run in which a stage ended so.
    fn objection(&self, stage: &Stage) -> Option<Objection> {
        match (self, &stage.kind) {
            (Self::Failed(_, objection), _) => objection.clone(),
            (Self::Skipped(why), StageKind::Agent(_)) => {
                Some(blocked("agent-skipped", format!("stage `{}` did not drive its agent: {why}", stage.id)))
            }
            _ => None,
        }
    }

    fn record(self, stage: &Stage) -> StageRecord {
        let (status, reason, taken) = match self {
            Self::Well(taken) => (StageStatus::Completed, None, taken),
            Self::Failed(why, _) => (StageStatus::Failed, Some(why), None),
            Self::Skipped(why) | Self::NotTaken(why) => (StageStatus::Skipped, Some(why), None),
        };
        StageRecord { id: stage.id.clone(), kind: stage.kind.name(), status, reason, taken }
    }
}

/// What came of the stages so far.
#[derive(Default)]
struct Walked {
    ended: Vec<Ended>,
    results: Results,
    agents: Vec<AgentRecord>,
    /// The evidence that agents' gates judged, by its name, as it was the last time.
    inputs: Vec<InputRecord>,
    objections: Vec<Objection>,
    /// Objections that hang on what the world is like.
    of_the_world: Vec<Objection>,
}

impl Walked {
    fn put(&mut self, answered: Answered) {
        if let Some(place) = self.results.get_mut(answered.index) {
            *place = Some(answered.result);
        }
    }

    fn settled(&self, gate: usize) -> Option<bool> {
        self.results.get(gate)?.as_ref().map(has_passed)
    }
}

impl Schedule<'_> {
    pub(super) fn run(self) -> Judged {
        let results = self.plan.gates.iter().map(|_| None).collect();
        let mut walked = Walked { results, ..Walked::default() };
        while let Some(stage) = self.plan.stages.get(walked.ended.len()) {
            let batch = self.batch(&walked);
            if batch.is_empty() {
                let end = self.walk(stage, &mut walked);
                walked.ended.push(end);
            } else {
                self.drive(batch, &mut walked);
            }
        }
        let of_the_world = self.objections.clone().unwrap_or_else(|| {
            let standing = walked.agents.iter().filter_map(|agent| self.look_back(agent));
            walked.of_the_world.iter().cloned().chain(standing).collect()
        });
        let Walked { ended, results, agents, inputs, mut objections, .. } = walked;
        let stages = || self.plan.stages.iter().zip(&ended);
        objections.splice(0..0, stages().filter_map(|(stage, end)| end.objection(stage)));
        Judged {
            gates: results.into_iter().flatten().collect(),
            evidence: self.gathering.all(),
            inputs: self.gates.into_inputs(),
            agents_inputs: inputs,
            objections,
            of_the_world,
            agents,
            stages: self.plan.stages.iter().zip(ended).map(|(stage, end)| end.record(stage)).collect(),
        }
    }

    /// An agent that somebody revoked since its stage ended: no go rests on it.
    fn look_back(&self, agent: &AgentRecord) -> Option<Objection> {
        if agent.revocation.is_some() || agent.hindrance.is_some() {
            return None;
        }
        let name = &agent.agent;
        match self.governing.standing(name) {
            Ok(None) => None,
            Ok(Some(revocation)) => {
                let (cause, reason) = (revocation.cause.name(), &revocation.reason);
                Some(revoked(name, format!("agent `{name}` stands revoked: {cause}: {reason}")))
            }
            Err(hindrance) => {
                let message = format!("whether agent `{name}` was revoked cannot be told: {hindrance}");
                Some(blocked(hindrance.code(), message))
            }
        }
    }

    /// The next agents' stages that need nothing of each other, not for their gates either.
    fn batch(&self, walked: &Walked) -> &[Stage] {
        let from = walked.ended.len();
        let later = self.plan.stages.get(from..).unwrap_or_default();
        let is_settled = |stage: &Stage, gate: &usize| {
            let needs = self.plan.gates.get(*gate).map_or(&[][..], |gate| &gate.needs);
            needs.iter().all(|need| stage.gates.contains(need) || walked.settled(*need).is_some())
        };
        let stands_alone = |stage: &&Stage| {
            let condition = stage.branch.map(|branch| branch.condition);
            let mut before = stage.needs.iter().chain(&stage.after).copied().chain(condition);
            matches!(stage.kind, StageKind::Agent(_))
                && before.all(|before| before < from)
                && stage.gates.iter().all(|gate| is_settled(stage, gate))
        };
        let length = later.iter().take_while(stands_alone).count();
        // Whatever it waits for, the first of them has its turn.
        let first = usize::from(later.first().is_some_and(|stage| matches!(stage.kind, StageKind::Agent(_))));
        later.get(..length.max(first)).unwrap_or_default()
    }

    /// What keeps a stage from running, if anything does: its branch was not taken, or what it needs did not end well.
    fn hindrance(&self, stage: &Stage, ended: &[Ended]) -> Option<Ended> {
        if let Some(end) = stage.branch.and_then(|branch| self.off_the_way(branch, ended)) {
            return Some(end);
        }
        let needed = stage.needs.iter().map(|need| (*need, ended.get(*need)));
        let (need, end) = needed.into_iter().find(|(_, end)| !end.is_some_and(Ended::is_well))?;
        let need = self.plan.stages.get(need).map_or("", |need| need.id.as_str());
        Some(match end {
            Some(Ended::NotTaken(_)) => {
                Ended::NotTaken(format!("stage `{}` needs stage `{need}`, which does not run", stage.id))
            }
            _ => Ended::Skipped(format!("stage `{}` needs stage `{need}`, which did not end well", stage.id)),
        })
    }

    /// Why a stage of that branch does not run; nothing where its branch was taken.
    fn off_the_way(&self, branch: Branch, ended: &[Ended]) -> Option<Ended> {
        let condition = self.plan.stages.get(branch.condition).map_or("", |stage| stage.id.as_str());
        match ended.get(branch.condition) {
            Some(Ended::Well(taken)) if *taken == Some(branch.side.name()) => None,
            Some(Ended::Well(_)) => Some(Ended::NotTaken(format!("condition `{condition}` took the other branch"))),
            Some(Ended::NotTaken(_)) => Some(Ended::NotTaken(format!("condition `{condition}` does not run"))),
            Some(Ended::Failed(..)) => Some(Ended::Skipped(format!("condition `{condition}` could not be told"))),
            Some(Ended::Skipped(_)) | None => Some(Ended::Skipped(format!("condition `{condition}` was skipped"))),
        }
    }

    /// Which way a condition leads. What is not known leads nowhere.
    fn choose(&self, stage: &Stage, condition: &Condition, results: &Results) -> Ended {
        let collected = self.gathering.for_stage(stage);
        let gate = |name: &str| results.iter().flatten().find(|result| result.gate.name == name);
        let evidence = |name: &str| {
            let index = self.plan.evidence.iter().position(|source| source.name == name)?;
            Some(&*collected.get(index)?.ok()?.json)
        };
        let truth = condition.test.eval_atoms(&|atom| atom.truth(&gate, &evidence));
        if let Some(side) = Side::taken(truth) {
            return Ended::Well(Some(side.name()));
        }
        let why = format!("`{}` cannot be told", excerpt(&condition.test.to_string(), QUOTED));
        let objection = blocked("condition-unknown", format!("condition `{}` led nowhere: {why}", stage.id));
        Ended::Failed(why, Some(objection))
    }

    /// A stage that drives no agent.
    fn walk(&self, stage: &Stage, walked: &mut Walked) -> Ended {
        if let Some(end) = self.hindrance(stage, &walked.ended) {
            self.pass_over(stage, &end, walked);
            return end;
        }
        if let StageKind::Condition(condition) = &stage.kind {
            return self.choose(stage, condition, &walked.results);
        }
        let evidence = self.gathering.for_stage(stage);
        let about = |_| About { evidence: &evidence, before: None };
        let settled = |gate| walked.settled(gate);
        let tell = |answered: &Answered| self.gates.tell_end(answered);
        let answered = self.gates.ask_all(stage, &stage.gates, &about, &settled, &tell);
        for answered in answered {
            self.charge(stage, &answered, walked);
            walked.put(answered);
        }
        match stage.gates.iter().find(|gate| stands_in_the_way(&walked.results, **gate)) {
            None => Ended::Well(None),
            Some(gate) => {
                let gate = self.plan.gates.get(*gate).map_or("", |gate| gate.name.as_str());
                Ended::Failed(format!("gate `{gate}` stands in the way"), None)
            }
        }
    }

    /// Its gates are not asked.
    fn pass_over(&self, stage: &Stage, end: &Ended, walked: &mut Walked) {
        for &index in &stage.gates {
            let answered = self.gates.unasked(index, stage, |facts| match end {
                Ended::NotTaken(why) => GateResult::not_taken(facts, why.clone()),
                Ended::Skipped(why) | Ended::Failed(why, _) => GateResult::skipped(facts, why.clone()),
                Ended::Well(_) => GateResult::skipped(facts, String::new()),
            });
            if let Some(answered) = answered {
                self.gates.tell_end(&answered);
                walked.put(answered);
            }
        }
    }

    /// The agents of `batch`, all at once.
    fn drive(&self, batch: &[Stage], walked: &mut Walked) {
        let hindered: Vec<Option<Ended>> = batch.iter().map(|stage| self.hindrance(stage, &walked.ended)).collect();
        let stages: Vec<(&Stage, bool)> =
            batch.iter().zip(&hindered).map(|(stage, hindered)| (stage, hindered.is_none())).collect();
        // What agents leave behind, even in sessions of its own, ends with the last of them.
        let strays = Strays::adopt();
        let settled = |gate| walked.settled(gate);
        let around = Around { gates: &self.gates, gathering: &self.gathering, settled: &settled };
        let governed =
            in_parallel(AGENTS_AT_ONCE, &stages, |(stage, runs)| if *runs { self.govern(stage, around) } else { None });
        drop(strays);
        for ((stage, hindered), governed) in batch.iter().zip(hindered).zip(governed) {
            let end = match (hindered, governed) {
                (Some(end), _) => {
                    self.pass_over(stage, &end, walked);
                    end
                }
                (None, Some(governed)) => self.take(stage, governed, walked),
                (None, None) => Ended::Skipped("its agent is not in the plan".to_owned()),
            };
            walked.ended.push(end);
        }
    }

    fn govern(&self, stage: &Stage, around: Around<'_>) -> Option<Governed> {
        let StageKind::Agent(agent) = stage.kind else { return None };
        let governed = match self.kept.get(&stage.id) {
            Some(kept) => Some(self.governing.again(stage, agent, kept, around)),
            None => self.governing.drive(stage, agent, around),
        }?;
        (self.governing.observe)(Event::Governed(&governed));
        Some(governed)
    }

    /// Notes what came of an agent and its gates.
    fn take(&self, stage: &Stage, governed: Governed, walked: &mut Walked) -> Ended {
        let Governed { record, gates, entry } = governed;
        walked.inputs.extend(entry.inputs);
        let end = ended(&record);
        for &index in &stage.gates {
            let asked = gates.iter().find(|answered| answered.index == index).cloned();
            let why = format!("agent `{}` did not come to be judged by it", record.agent);
            let answered = asked.or_else(|| self.gates.unasked(index, stage, |facts| GateResult::skipped(facts, why)));
            if let Some(answered) = answered {
                self.gates.tell_end(&answered);
                self.charge(stage, &answered, walked);
                walked.put(answered);
            }
        }
        walked.agents.push(record);
        end
    }

    /// What a gate saw of agents that have ended weighs as much as if they were still there.
    fn charge(&self, stage: &Stage, answered: &Answered, walked: &mut Walked) {
        let Answered { index, result, .. } = answered;
        if result.violations.is_empty() {
            return;
        }
        let gate = &result.gate.name;
        let reports: Vec<Report> = reports(result).collect();
        let agents = self.gathering.agents_of(stage, *index);
        let names: Vec<&str> = agents.into_iter().filter_map(|agent| self.name(agent)).collect();
        let Walked { agents, objections, of_the_world, .. } = walked;
        for agent in agents.iter_mut().filter(|agent| names.contains(&agent.agent.as_str())) {
            let setting = self.governing.setting;
            let before = (agent.phase, agent.offences);
            let charge = Charge::of((&agent.agent, setting.run_id), before, &reports, setting.now);
            let name = &agent.agent;
            if let Err(hindrance) = self.governing.write(&charge, name) {
                let message = format!("what gate `{gate}` saw of agent `{name}` could not be kept: {hindrance}");
                let next = Some(next(name, format!("revoke it: portcullis agent revoke {name} --reason TEXT")));
                of_the_world.push(Objection { next, ..blocked(hindrance.code(), message) });
            }
            if let (Some(revocation), None) = (&charge.revocation, &agent.revocation) {
                let cause = revocation.cause.name();
                let message = format!("agent `{name}` was revoked after its end: gate `{gate}` saw {cause}");
                objections.push(revoked(name, message));
                agent.revocation = Some(revocation.clone());
            }
            agent.offences = agent.offences.saturating_add(charge.offences());
            agent.violations.extend(charge.violations);
        }
    }

    fn name(&self, agent: usize) -> Option<&str> {
        self.plan.agents.get(agent).map(|agent| agent.name.as_str())
    }
}

fn blocked(code: &'static str, message: String) -> Objection {
    let reason = Reason { code: Cow::Borrowed(code), gate: None, message };
    Objection { ruling: Ruling::Blocked, reason, next: None }
}

/// How a stage ended whose agent came to that.
fn ended(agent: &AgentRecord) -> Ended {
    let AgentRecord { agent: name, status, reason, hindrance, .. } = agent;
    // Where it was revoked says more than that it is.
    let phase = agent.revocation.as_ref().map_or(agent.phase, |revocation| revocation.phase);
    let revoked = agent.revocation.is_some() || *status == AgentStatus::Revoked;
    if *status == AgentStatus::Completed && hindrance.is_none() && !revoked {
        return Ended::Well(None);
    }
    let (ruling, code) = match hindrance {
        Some(code) => (Ruling::Blocked, Cow::Owned(code.clone())),
        None if revoked => (Ruling::NoGo, Cow::Borrowed("agent-revoked")),
        None => (Ruling::NoGo, Cow::Borrowed("agent-failed")),
    };
    let came_to = match (status, phase) {
        (AgentStatus::Completed, _) => "has ended".to_owned(),
        (AgentStatus::Pending, _) | (_, None) => "was not started".to_owned(),
        (AgentStatus::Revoked, Some(phase)) => format!("was revoked in {}", phase.name()),
        (_, Some(phase)) => format!("ended in {}", phase.name()),
    };
    let why = match &agent.revocation {
        Some(revocation) if *status == AgentStatus::Completed => {
            format!("agent `{name}` was revoked: {}: {}", revocation.cause.name(), revocation.reason)
        }
        _ => format!("agent `{name}` {came_to}: {}", reason.as_deref().unwrap_or("nobody knows why")),
    };
    let next = match hindrance.as_deref() {
        // Nobody else knows that it is revoked.
        Some(code) if code == Hindrance::NotInLedger(String::new()).code() => {
            next(name, format!("revoke it: portcullis agent revoke {name} --reason TEXT"))
        }
        _ if revoked => reinstate(name),
        _ => next(name, format!("see how it fares: portcullis agent show {name}")),
    };
    let reason = Reason { code, gate: None, message: why.clone() };
    Ended::Failed(why, Some(Objection { ruling, reason, next: Some(next) }))
}

fn revoked(agent: &str, message: String) -> Objection {
    let reason = Reason { code: Cow::Borrowed("agent-revoked"), gate: None, message };
    Objection { ruling: Ruling::NoGo, reason, next: Some(reinstate(agent)) }
}

fn reinstate(agent: &str) -> NextAction {
    next(agent, format!("let it start again: portcullis agent reinstate {agent} --key KEY --reason TEXT"))
}

fn next(agent: &str, action: String) -> NextAction {
    NextAction { gate: None, agent: Some(agent.to_owned()), action }
}

/// Whether a gate keeps what needs its stage from running: a mandatory one that is not settled well.
fn stands_in_the_way(results: &Results, index: usize) -> bool {
    results.get(index).and_then(Option::as_ref).is_some_and(|result| {
        let well = matches!(result.outcome, GateOutcome::Pass | GateOutcome::NotApplicable | GateOutcome::Review);
        result.gate.enforcement == Enforcement::Mandatory && !well
    })
}
