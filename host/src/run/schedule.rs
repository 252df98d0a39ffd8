//! Who runs when: stages one after another, the gates of a stage as soon as what they need has passed.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use portcullis_sdk::Finding;

use super::{
    Answers, Event, Given, Judged, Loaded, Setting,
    ask::call,
    calls::{Call, Calls},
    each::{Validator, look_at},
    facts, interrupted,
};
use crate::{
    agent::StageStatus,
    decision::{GateFacts, GateOutcome, GateResult, InputRecord, Reason, StageRecord},
    digest::Digest,
    evidence::Matched,
    files::shown,
    findings::{Found, Held, Looked, Rules, suppressions::Used},
    judge::{Cause, Fault, RequestTemplate},
    manifest::{Branch, Condition, Enforcement, GatePlan, Input, Plan, Side, Stage, StageKind},
    parallel::in_parallel,
    sandbox::{Buffers, Gate},
    text::excerpt,
    trust::Revocation,
};

pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    gates: Vec<Loaded>,
    given: Given<'a>,
    setting: Setting<'a>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
    ended: AtomicUsize,
    inputs: Mutex<Vec<InputRecord>>,
}

type Results = Vec<Option<GateResult>>;

/// How much of a condition a reason repeats, in characters.
const QUOTED: usize = 200;

/// How a stage ended.
enum Ended {
    /// Well; a condition took that side.
    Well(Option<&'static str>),
    /// It ran, and did not come to what it is for.
    Failed(String),
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
    fn holds_up(&self, stage: &Stage) -> Option<Reason> {
        let (StageKind::Condition(_), Self::Failed(why)) = (&stage.kind, self) else { return None };
        let message = format!("condition `{}` led nowhere: {why}", stage.id);
        Some(Reason { code: "condition-unknown", gate: None, message })
    }

    fn record(self, stage: &Stage) -> StageRecord {
        let (status, reason, taken) = match self {
            Self::Well(taken) => (StageStatus::Completed, None, taken),
            Self::Failed(why) => (StageStatus::Failed, Some(why), None),
            Self::Skipped(why) | Self::NotTaken(why) => (StageStatus::Skipped, Some(why), None),
        };
        StageRecord { id: stage.id.clone(), kind: stage.kind.name(), status, reason, taken }
    }
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        gates: Vec<Loaded>,
        given: Given<'a>,
        setting: Setting<'a>,
        observe: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        Self { plan, gates, given, setting, observe, ended: AtomicUsize::new(0), inputs: Mutex::default() }
    }

    pub(super) fn run(self) -> Judged {
        let mut results: Results = self.plan.gates.iter().map(|_| None).collect();
        let mut ended: Vec<Ended> = Vec::with_capacity(self.plan.stages.len());
        for stage in &self.plan.stages {
            let end = match self.hindrance(stage, &ended) {
                Some(end) => {
                    self.pass_over(stage, &end, &mut results);
                    end
                }
                None => self.run_stage(stage, &mut results),
            };
            ended.push(end);
        }
        let mut inputs = self.inputs.into_inner().unwrap_or_else(PoisonError::into_inner);
        inputs.sort_by(|one, other| one.name.cmp(&other.name));
        Judged {
            gates: results.into_iter().flatten().collect(),
            inputs,
            held_up: self.plan.stages.iter().zip(&ended).filter_map(|(stage, end)| end.holds_up(stage)).collect(),
            stages: self.plan.stages.iter().zip(ended).map(|(stage, end)| end.record(stage)).collect(),
        }
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
            Some(Ended::Failed(_)) => Some(Ended::Skipped(format!("condition `{condition}` could not be told"))),
            Some(Ended::Skipped(_)) | None => Some(Ended::Skipped(format!("condition `{condition}` was skipped"))),
        }
    }

    /// Which way a condition leads. What is not known leads nowhere.
    fn choose(&self, condition: &Condition, results: &Results) -> Ended {
        let gate = |name: &str| results.iter().flatten().find(|result| result.gate.name == name);
        let evidence = |name: &str| {
            let index = self.plan.evidence.iter().position(|source| source.name == name)?;
            Some(&*self.given.evidence.get(index)?.ok()?.json)
        };
        let truth = condition.test.eval_atoms(&|atom| atom.truth(&gate, &evidence));
        match Side::taken(truth) {
            Some(side) => Ended::Well(Some(side.name())),
            None => Ended::Failed(format!("`{}` cannot be told", excerpt(&condition.test.to_string(), QUOTED))),
        }
    }

    /// Its gates are not asked.
    fn pass_over(&self, stage: &Stage, end: &Ended, results: &mut Results) {
        for &index in &stage.gates {
            self.put(index, stage, results, |facts| match end {
                Ended::NotTaken(why) => GateResult::not_taken(facts, why.clone()),
                Ended::Skipped(why) | Ended::Failed(why) => GateResult::skipped(facts, why.clone()),
                Ended::Well(_) => GateResult::skipped(facts, String::new()),
            });
        }
    }

    fn run_stage(&self, stage: &Stage, results: &mut Results) -> Ended {
        if let StageKind::Condition(condition) = &stage.kind {
            return self.choose(condition, results);
        }
        self.ask_gates(stage, results);
        match stage.gates.iter().find(|gate| stands_in_the_way(results, **gate)) {
            None => Ended::Well(None),
            Some(gate) => {
                let gate = self.plan.gates.get(*gate).map_or("", |gate| gate.name.as_str());
                Ended::Failed(format!("gate `{gate}` stands in the way"))
            }
        }
    }

    /// Wave after wave: all gates whose needs are settled, those that look at many files one by one with every thread.
    fn ask_gates(&self, stage: &Stage, results: &mut Results) {
        let mut waiting = stage.gates.clone();
        while !waiting.is_empty() {
            let settled = |index: &usize| match self.plan.gates.get(*index) {
                Some(gate) => gate.needs.iter().all(|need| results.get(*need).is_none_or(Option::is_some)),
                None => true,
            };
            let (ready, later): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|index| settled(index));
            // The plan has no cycles; should one come about all the same, its gates are asked rather than lost.
            let (ready, later) = if ready.is_empty() { (later, ready) } else { (ready, later) };
            self.run_wave(stage, &ready, results);
            waiting = later;
        }
    }

    fn run_wave(&self, stage: &Stage, wave: &[usize], results: &mut Results) {
        let mut once = Vec::new();
        let mut each = Vec::new();
        for &index in wave {
            let Some(gate) = self.plan.gates.get(index) else { continue };
            let missed = gate.needs.iter().find(|need| !has_passed(results, **need));
            match (missed.and_then(|need| self.plan.gates.get(*need)), &gate.input) {
                (Some(need), _) => {
                    let why = format!("needs gate `{}`, which did not pass", need.name);
                    self.put(index, stage, results, |facts| GateResult::skipped(facts, why));
                }
                (None, Input::Each { .. }) => each.push(index),
                (None, _) => once.push(index),
            }
        }
        let ended = in_parallel(self.setting.jobs, &once, |index| (*index, self.gate(stage, *index)));
        let ended = ended.into_iter().chain(each.into_iter().map(|index| (index, self.gate(stage, index))));
        for (index, result) in ended {
            if let Some(place) = results.get_mut(index) {
                *place = result;
            }
        }
    }

    fn put(&self, index: usize, stage: &Stage, results: &mut Results, make: impl FnOnce(GateFacts) -> GateResult) {
        let (Some(gate), Some(loaded)) = (self.plan.gates.get(index), self.gates.get(index)) else { return };
        let result = make(facts(self.plan, gate, stage, &loaded.module));
        self.tell_end(index, &result, &Calls::default());
        if let Some(place) = results.get_mut(index) {
            *place = Some(result);
        }
    }

    fn tell_end(&self, index: usize, result: &GateResult, calls: &Calls) {
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        (self.observe)(Event::Finished { index, result, calls, ended, gates: self.plan.gates.len() });
    }

    /// One gate, from start to end.
    fn gate(&self, stage: &Stage, index: usize) -> Option<GateResult> {
        let (gate, loaded) = (self.plan.gates.get(index)?, self.gates.get(index)?);
        (self.observe)(Event::Started { gate: &gate.name });
        let facts = facts(self.plan, gate, stage, &loaded.module);
        let (mut result, calls) = match &loaded.answers {
            _ if self.setting.cancelled.load(Ordering::Relaxed) => {
                (GateResult::faulted(facts, interrupted()), Calls::default())
            }
            Answers::Fault(fault) | Answers::Kept(Calls { fault: Some(fault), .. }) => {
                let calls = Calls { fault: Some(fault.clone()), calls: Vec::new() };
                (GateResult::faulted(facts, fault.clone()), calls)
            }
            Answers::Kept(kept) if !kept.calls.is_empty() => (self.judge_again(index, gate, facts, kept), kept.clone()),
            // It came to what it did before anything was called, and comes to that again.
            Answers::Kept(_) => (self.judge_uncalled(index, gate, facts), Calls::default()),
            Answers::Program(program) => match &gate.input {
                Input::Each { .. } => match self.given.evidence.files(index) {
                    Some(Ok(matched)) => self.judge_each(index, gate, facts, program, matched),
                    _ => (self.judge_uncalled(index, gate, facts), Calls::default()),
                },
                _ => self.judge_once(gate, facts, program),
            },
        };
        result.findings.extend(loaded.module.warnings().iter().map(warning).map(Found::from));
        let result = self.given.sign_offs.heard(result, gate, self.plan, self.given.evidence);
        self.tell_end(index, &result, &calls);
        Some(result)
    }

    fn template(&self, gate: &GatePlan, facts: &GateFacts) -> RequestTemplate {
        RequestTemplate::new(&gate.name, facts.kind, &gate.params, self.setting.now, self.setting.run_id)
    }

    fn judge_once(&self, gate: &GatePlan, facts: GateFacts, program: &Gate) -> (GateResult, Calls) {
        let request = match self.template(gate, &facts).request(&gate.input, self.given.evidence) {
            Err(fault) => return (GateResult::faulted(facts, fault), Calls::default()),
            Ok(request) => request,
        };
        let mut buffers = Buffers { request, ..Buffers::default() };
        let (fault, usage) = call(program, &gate.name, &gate.limits, self.setting, &mut buffers);
        let Buffers { request, stdout: answer, stderr: notes } = buffers;
        let call = Call { file: None, request, answer, notes, fault, usage };
        let judgement = call.judgement(facts.kind);
        (GateResult::from_judgement(facts, judgement), Calls { fault: None, calls: vec![call] })
    }

    /// A gate that cannot be asked, because what it judges is not to be had.
    fn judge_uncalled(&self, index: usize, gate: &GatePlan, facts: GateFacts) -> GateResult {
        let fault = match &gate.input {
            Input::Each { .. } => match self.given.evidence.files(index) {
                Some(Err(error)) => evidence_fault(&error.to_string()),
                _ => evidence_fault("its files were not listed"),
            },
            input => match self.template(gate, &facts).request(input, self.given.evidence) {
                Err(fault) => fault,
                Ok(_) => evidence_fault("what it was asked was not kept"),
            },
        };
        GateResult::faulted(facts, fault)
    }

    fn judge_each(
        &self,
        index: usize,
        gate: &GatePlan,
        facts: GateFacts,
        program: &Gate,
        matched: &Matched,
    ) -> (GateResult, Calls) {
        let template = self.template(gate, &facts);
        let keeps = self.given.keeps;
        let validator = Validator { program, name: &gate.name, limits: &gate.limits, template: &template, keeps };
        let keep = |path: &str, looked, call| ((path.to_owned(), looked), call);
        let (files, used) = look_at(&validator, matched, &self.rules(index), self.setting, keep, |_| {});
        let (files, calls): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        let calls = if keeps { calls } else { Vec::new() };
        (self.of_files(index, gate, facts, files, &used), Calls { fault: None, calls })
    }

    /// What a gate came to whose calls are known.
    fn judge_again(&self, index: usize, gate: &GatePlan, facts: GateFacts, kept: &Calls) -> GateResult {
        match (&gate.input, kept.calls.first()) {
            (Input::Each { .. }, _) | (_, None) => {
                let (rules, mut used) = (self.rules(index), Used::default());
                let path = |call: &Call| call.file.as_ref().map(|file| file.path.clone()).unwrap_or_default();
                let files = kept.calls.iter().map(|call| (path(call), call.looked(&rules, &mut used))).collect();
                self.of_files(index, gate, facts, files, &used)
            }
            (_, Some(call)) => {
                let judgement = call.judgement(facts.kind);
                GateResult::from_judgement(facts, judgement)
            }
        }
    }

    fn held(&self, index: usize) -> Option<&'a Held> {
        self.given.held.get(index).and_then(Option::as_ref)
    }

    fn rules(&self, index: usize) -> Rules<'a> {
        self.held(index).map_or_else(|| Held::none(self.setting.now), |held| held.rules(self.setting.now))
    }

    /// What a validator came to over many files, which are an input of the record's.
    fn of_files(
        &self,
        index: usize,
        gate: &GatePlan,
        facts: GateFacts,
        files: Vec<(String, Looked)>,
        used: &Used,
    ) -> GateResult {
        if let Input::Each { pattern, root } = &gate.input {
            let record = input_record(pattern, root, &files);
            self.inputs.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        }
        let rules = self.rules(index);
        let mut result = GateResult::from_files(facts, files, rules.fail_on);
        let notices = self.held(index).into_iter().flat_map(|held| held.notices(used, &rules));
        result.findings.extend(notices.map(Found::from));
        result
    }
}

/// The files that a gate was asked about as one input: a digest over every path and the digest of its bytes.
fn input_record(pattern: &str, root: &Path, files: &[(String, Looked)]) -> InputRecord {
    let read = || files.iter().filter_map(|(path, looked)| Some((path, looked.seen?)));
    let list: String = read().map(|(path, (digest, _))| format!("{digest}  {path}\n")).collect();
    let unread = files.iter().any(|(_, looked)| looked.seen.is_none());
    InputRecord {
        name: pattern.to_owned(),
        kind: "each".to_owned(),
        uri: Some(shown(root)),
        outcome: if unread { "failed" } else { "completed" }.to_owned(),
        error: unread.then(|| "evidence-unreadable".to_owned()),
        digest: Some(Digest::of(list.as_bytes()).into()),
        size_bytes: Some(read().map(|(_, (_, size))| size).sum()),
        collected_on: None,
        duration_ms: None,
    }
}

fn evidence_fault(message: &str) -> Fault {
    Fault { cause: Cause::Evidence, message: message.to_owned() }
}

/// A revocation that lets the module run, as a finding.
fn warning(revocation: &Revocation) -> Finding {
    let message = format!("its module is named by revocation `{}` ({})", revocation.id(), revocation.code());
    Finding::warning("REVOCATION_WARNING", message)
}

/// Whether a gate keeps what needs its stage from running: a mandatory one that is not settled well.
fn stands_in_the_way(results: &Results, index: usize) -> bool {
    results.get(index).and_then(Option::as_ref).is_some_and(|result| {
        let well = matches!(result.outcome, GateOutcome::Pass | GateOutcome::NotApplicable | GateOutcome::Review);
        result.gate.enforcement == Enforcement::Mandatory && !well
    })
}

/// Whether what needs this gate may run.
fn has_passed(results: &Results, index: usize) -> bool {
    let outcome = results.get(index).and_then(Option::as_ref).map(|result| &result.outcome);
    matches!(outcome, Some(GateOutcome::Pass | GateOutcome::NotApplicable))
}
