//! Asking gates: wave after wave, each as soon as what it needs is settled.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use portcullis_sdk::Finding;

use super::{
    Answers, Event, Given, Loaded, Setting,
    ask::call,
    calls::{Call, Calls},
    each::{Validator, look_at},
    facts, interrupted,
    sign_off::judged_evidence,
};
use crate::{
    decision::{GateFacts, GateOutcome, GateResult, InputRecord},
    digest::Digest,
    evidence::{Collected, Matched},
    files::shown,
    findings::{Found, Held, Looked, Rules, suppressions::Used},
    judge::{Cause, Fault, RequestTemplate},
    manifest::{GatePlan, Input, Plan, Stage},
    parallel::in_parallel,
    sandbox::{Buffers, Gate},
    trust::Revocation,
};

/// The gates of a run.
pub(super) struct Gates<'a> {
    pub(super) plan: &'a Plan,
    loaded: Vec<Loaded>,
    given: Given<'a>,
    setting: Setting<'a>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
    ended: AtomicUsize,
    /// The files that validators looked at, by gate: an agent's may be asked more than once, and the last time counts.
    inputs: Mutex<BTreeMap<usize, InputRecord>>,
}

/// A gate that was asked, and how.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Its index in the plan.
    pub index: usize,
    /// What it came to.
    pub result: GateResult,
    /// How.
    pub calls: Calls,
}

/// What a gate is asked about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    /// The evidence.
    pub(super) evidence: &'a Collected,
    /// What it judged when it was asked before, where that is known.
    pub(super) before: Option<Before<'a>>,
}

/// What a gate judged that was asked before.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    /// How it was asked.
    pub(super) calls: &'a Calls,
    /// What it judged, as [`judged_evidence`] has it.
    pub(super) judged: &'a BTreeMap<String, Digest>,
}

/// What each gate is asked about, by its index.
pub(super) type AboutEach<'a> = &'a (dyn Fn(usize) -> About<'a> + Sync);

/// Whether gates that are needed have passed, by their indices; nothing while that is not settled.
pub(super) type Settled<'a> = &'a (dyn Fn(usize) -> Option<bool> + Sync);

impl<'a> Gates<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        loaded: Vec<Loaded>,
        given: Given<'a>,
        setting: Setting<'a>,
        observe: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        Self { plan, loaded, given, setting, observe, ended: AtomicUsize::new(0), inputs: Mutex::default() }
    }

    /// The files that validators looked at.
    pub(super) fn into_inputs(self) -> Vec<InputRecord> {
        let inputs = self.inputs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut inputs: Vec<_> = inputs.into_values().collect();
        inputs.sort_by(|one, other| one.name.cmp(&other.name));
        inputs
    }

    /// Asks `gates`, wave after wave: all whose needs are settled, those that look at many files one by one with every thread.
    /// Each is handed to `ended` as it ends.
    pub(super) fn ask_all(
        &self,
        stage: &Stage,
        gates: &[usize],
        about: AboutEach<'_>,
        settled: Settled<'_>,
        ended: &(dyn Fn(&Answered) + Sync),
    ) -> Vec<Answered> {
        let mut all: Vec<Answered> = Vec::with_capacity(gates.len());
        let mut waiting = gates.to_vec();
        while !waiting.is_empty() {
            let known = |index: usize| {
                let own = all.iter().find(|answered| answered.index == index);
                own.map(|answered| has_passed(&answered.result)).or_else(|| settled(index))
            };
            let is_ready = |index: &usize| {
                let needs = self.plan.gates.get(*index).map_or(&[][..], |gate| &gate.needs);
                needs.iter().all(|need| known(*need).is_some())
            };
            let (ready, later): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|index| is_ready(index));
            // The plan has no cycles; should one come about all the same, its gates are asked rather than lost.
            let (ready, later) = if ready.is_empty() { (later, ready) } else { (ready, later) };
            let wave = self.wave(stage, &ready, about, &known, ended);
            all.extend(wave);
            waiting = later;
        }
        all
    }

    fn wave(
        &self,
        stage: &Stage,
        wave: &[usize],
        about: AboutEach<'_>,
        known: &dyn Fn(usize) -> Option<bool>,
        ended: &(dyn Fn(&Answered) + Sync),
    ) -> Vec<Answered> {
        let (mut once, mut each, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for &index in wave {
            let Some(gate) = self.plan.gates.get(index) else { continue };
            let missed = gate.needs.iter().find(|need| known(**need) != Some(true));
            match (missed.and_then(|need| self.plan.gates.get(*need)), gate.input.is_each()) {
                (Some(need), _) => {
                    let why = format!("needs gate `{}`, which did not pass", need.name);
                    all.extend(self.unasked(index, stage, |facts| GateResult::skipped(facts, why)).inspect(ended));
                }
                (None, true) => each.push(index),
                (None, false) => once.push(index),
            }
        }
        let ask = |index: &usize| self.ask(*index, stage, about(*index)).inspect(ended);
        all.extend(in_parallel(self.setting.jobs, &once, ask).into_iter().flatten());
        all.extend(each.iter().filter_map(ask));
        all
    }

    /// What a gate comes to that is not asked.
    pub(super) fn unasked(
        &self,
        index: usize,
        stage: &Stage,
        make: impl FnOnce(GateFacts) -> GateResult,
    ) -> Option<Answered> {
        let (gate, loaded) = (self.plan.gates.get(index)?, self.loaded.get(index)?);
        let result = make(facts(self.plan, gate, stage, &loaded.module));
        Some(Answered { index, result, calls: Calls::default() })
    }

    /// Tells that a gate has come to its end.
    pub(super) fn tell_end(&self, Answered { index, result, calls }: &Answered) {
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        (self.observe)(Event::Finished { index: *index, result, calls, ended, gates: self.plan.gates.len() });
    }

    /// One gate, from start to end.
    fn ask(&self, index: usize, stage: &Stage, about: About<'_>) -> Option<Answered> {
        let (gate, loaded) = (self.plan.gates.get(index)?, self.loaded.get(index)?);
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
            Answers::Kept(_) => (self.judge_uncalled(index, gate, facts, about), Calls::default()),
            Answers::Program(program) => match &gate.input {
                Input::Each { .. } => match about.evidence.files(index) {
                    Some(Ok(matched)) => self.judge_each(index, gate, facts, program, matched),
                    _ => (self.judge_uncalled(index, gate, facts, about), Calls::default()),
                },
                _ => self.judge_once(gate, facts, program, about),
            },
        };
        result.findings.extend(loaded.module.warnings().iter().map(warning).map(Found::from));
        let judged = self.judged(gate, about);
        let result = self.given.sign_offs.heard(result, gate, &judged);
        Some(Answered { index, result, calls })
    }

    /// What a gate judges.
    pub(super) fn judged(&self, gate: &GatePlan, about: About<'_>) -> BTreeMap<String, Digest> {
        let before = about.before.map(|before| before.judged.clone());
        before.unwrap_or_else(|| judged_evidence(gate, self.plan, about.evidence))
    }

    fn template(&self, gate: &GatePlan, facts: &GateFacts) -> RequestTemplate {
        RequestTemplate::new(&gate.name, facts.kind, &gate.params, self.setting.now, self.setting.run_id)
    }

    fn request(&self, gate: &GatePlan, facts: &GateFacts, about: About<'_>) -> Result<Vec<u8>, Fault> {
        match about.before.map(|before| before.calls) {
            None => self.template(gate, facts).request(&gate.input, about.evidence),
            Some(Calls { fault: Some(fault), .. }) => Err(fault.clone()),
            Some(Calls { calls, .. }) => calls
                .first()
                .map(|call| call.request.clone())
                .ok_or_else(|| evidence_fault("what it was asked was not kept")),
        }
    }

    fn judge_once(&self, gate: &GatePlan, facts: GateFacts, program: &Gate, about: About<'_>) -> (GateResult, Calls) {
        let request = match self.request(gate, &facts, about) {
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
    fn judge_uncalled(&self, index: usize, gate: &GatePlan, facts: GateFacts, about: About<'_>) -> GateResult {
        let fault = match &gate.input {
            Input::Each { .. } => match about.evidence.files(index) {
                Some(Err(error)) => evidence_fault(&error.to_string()),
                _ => evidence_fault("its files were not listed"),
            },
            _ => match self.request(gate, &facts, about) {
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
            self.inputs.lock().unwrap_or_else(PoisonError::into_inner).insert(index, record);
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

/// Whether what needs this gate may run.
pub(super) fn has_passed(result: &GateResult) -> bool {
    matches!(result.outcome, GateOutcome::Pass | GateOutcome::NotApplicable)
}
