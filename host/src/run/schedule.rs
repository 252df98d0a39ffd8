//! Who runs when: stages one after another, the gates of a stage as soon as what they need has passed.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use portcullis_sdk::{Finding, Severity};

use super::{
    Event, Loaded, Ran, Setting, SignOffs,
    ask::ask,
    facts,
    lanes::{Lane, Lanes},
};
use crate::{
    decision::{GateFacts, GateOutcome, GateResult, InputRecord},
    digest::Digest,
    evidence::{Collected, Matched},
    files::shown,
    judge::{Cause, Fault, Judgement, Outcome, RequestTemplate},
    manifest::{Enforcement, GatePlan, Input, Plan, Stage},
    parallel::{in_parallel, in_parallel_with},
    sandbox::{Buffers, Gate},
    text::printable,
    trust::Revocation,
};

pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    gates: Vec<Loaded>,
    evidence: &'a Collected,
    sign_offs: &'a SignOffs<'a>,
    setting: Setting<'a>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
    ended: AtomicUsize,
    inputs: Mutex<Vec<InputRecord>>,
}

type Results = Vec<Option<GateResult>>;

impl<'a> Schedule<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        gates: Vec<Loaded>,
        (evidence, sign_offs): (&'a Collected, &'a SignOffs<'a>),
        setting: Setting<'a>,
        observe: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        Self {
            plan,
            gates,
            evidence,
            sign_offs,
            setting,
            observe,
            ended: AtomicUsize::new(0),
            inputs: Mutex::default(),
        }
    }

    pub(super) fn run(self) -> Ran {
        let mut results: Results = self.plan.gates.iter().map(|_| None).collect();
        let mut blocked: Vec<bool> = Vec::with_capacity(self.plan.stages.len());
        for stage in &self.plan.stages {
            let hindered = stage.needs.iter().find(|need| blocked.get(**need).copied().unwrap_or(true));
            match hindered.and_then(|need| self.plan.stages.get(*need)) {
                Some(need) => self.skip_stage(stage, &need.id, &mut results),
                None => self.run_stage(stage, &mut results),
            }
            blocked.push(hindered.is_some() || stage.gates.iter().any(|gate| stands_in_the_way(&results, *gate)));
        }
        let mut inputs = self.inputs.into_inner().unwrap_or_else(PoisonError::into_inner);
        inputs.sort_by(|one, other| one.name.cmp(&other.name));
        Ran { gates: results.into_iter().flatten().collect(), inputs }
    }

    fn skip_stage(&self, stage: &Stage, need: &str, results: &mut Results) {
        for &index in &stage.gates {
            let why = format!("stage `{}` needs stage `{need}`, which did not end well", stage.id);
            self.put(index, stage, results, |facts| GateResult::skipped(facts, why));
        }
    }

    /// Wave after wave: all gates whose needs are settled, those that look at many files one by one with every thread.
    fn run_stage(&self, stage: &Stage, results: &mut Results) {
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
        self.tell_end(&result);
        if let Some(place) = results.get_mut(index) {
            *place = Some(result);
        }
    }

    fn tell_end(&self, result: &GateResult) {
        let ended = self.ended.fetch_add(1, Ordering::Relaxed) + 1;
        (self.observe)(Event::Finished { result, ended, gates: self.plan.gates.len() });
    }

    /// One gate, from start to end.
    fn gate(&self, stage: &Stage, index: usize) -> Option<GateResult> {
        let (gate, loaded) = (self.plan.gates.get(index)?, self.gates.get(index)?);
        (self.observe)(Event::Started { gate: &gate.name });
        let facts = facts(self.plan, gate, stage, &loaded.module);
        let mut result = match &loaded.gate {
            _ if self.setting.cancelled.load(Ordering::Relaxed) => GateResult::faulted(facts, interrupted()),
            Err(fault) => GateResult::faulted(facts, fault.clone()),
            Ok(program) => match &gate.input {
                Input::Each { pattern, root } => match self.evidence.files(index) {
                    Some(Ok(matched)) => self.judge_each(gate, facts, program, &Files { pattern, root, matched }),
                    Some(Err(error)) => GateResult::faulted(facts, evidence_fault(&error.to_string())),
                    None => GateResult::faulted(facts, evidence_fault("its files were not listed")),
                },
                _ => self.judge_once(gate, facts, program),
            },
        };
        result.findings.extend(loaded.module.warnings().iter().map(warning));
        let result = self.sign_offs.heard(result, gate, self.plan, self.evidence);
        self.tell_end(&result);
        Some(result)
    }

    fn template(&self, gate: &GatePlan, facts: &GateFacts) -> RequestTemplate {
        RequestTemplate::new(&gate.name, facts.kind, &gate.params, self.setting.now, self.setting.run_id)
    }

    fn judge_once(&self, gate: &GatePlan, facts: GateFacts, program: &Gate) -> GateResult {
        match self.template(gate, &facts).request(&gate.input, self.evidence) {
            Err(fault) => GateResult::faulted(facts, fault),
            Ok(request) => {
                let mut buffers = Buffers { request, ..Buffers::default() };
                let judgement = ask(program, &gate.name, facts.kind, &gate.limits, self.setting, &mut buffers);
                GateResult::from_judgement(facts, judgement)
            }
        }
    }

    fn judge_each(&self, gate: &GatePlan, facts: GateFacts, program: &Gate, asked: &Files<'_>) -> GateResult {
        let template = self.template(gate, &facts);
        let jobs = self.setting.jobs;
        let files: Vec<(usize, &String)> = asked.matched.paths().iter().enumerate().collect();
        let lanes = Lanes::new(program, jobs, files.len());
        let ended = in_parallel_with(
            jobs,
            &files,
            || lanes.lane(),
            |lane, (index, path)| {
                if self.setting.cancelled.load(Ordering::Relaxed) {
                    return (None, unasked(interrupted()));
                }
                let document = match Document::read(asked.matched, *index, path, gate.limits.input) {
                    Ok(document) => document,
                    Err(fault) => return (None, unasked(fault)),
                };
                template.fill_document(path, &document.text, &mut lane.buffers.request);
                let Lane { program, buffers } = lane;
                let judgement = ask(program, &gate.name, facts.kind, &gate.limits, self.setting, buffers);
                (Some((document.digest, document.text.len() as u64)), judgement)
            },
        );
        let (seen, judgements): (Vec<_>, Vec<Judgement>) = ended.into_iter().unzip();
        let record = asked.record(&seen);
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        GateResult::from_files(facts, asked.matched.paths().iter().cloned().zip(judgements).collect())
    }
}

/// The files that one gate is asked about.
struct Files<'a> {
    pattern: &'a str,
    root: &'a Path,
    matched: &'a Matched,
}

impl Files<'_> {
    /// All of them as one input: a digest over every path and the digest of its bytes.
    fn record(&self, seen: &[Option<(Digest, u64)>]) -> InputRecord {
        let read = || self.matched.paths().iter().zip(seen).filter_map(|(path, seen)| Some((path, (*seen)?)));
        let list: String = read().map(|(path, (digest, _))| format!("{digest}  {path}\n")).collect();
        let unread = seen.iter().any(Option::is_none);
        InputRecord {
            name: self.pattern.to_owned(),
            kind: "each".to_owned(),
            uri: Some(shown(self.root)),
            outcome: if unread { "failed" } else { "completed" }.to_owned(),
            error: unread.then(|| "evidence-unreadable".to_owned()),
            digest: Some(Digest::of(list.as_bytes()).into()),
            size_bytes: Some(read().map(|(_, (_, size))| size).sum()),
            collected_on: None,
            duration_ms: None,
        }
    }
}

/// A file that a validator looks at.
struct Document {
    digest: Digest,
    text: String,
}

impl Document {
    fn read(matched: &Matched, index: usize, path: &str, cap: u64) -> Result<Self, Fault> {
        let (digest, bytes) = matched.read(index, cap).map_err(|reason| evidence_fault(&reason))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            evidence_fault(&format!("`{}` is not UTF-8 from byte {at} on", printable(path)))
        })?;
        Ok(Self { digest, text })
    }
}

fn evidence_fault(message: &str) -> Fault {
    Fault { cause: Cause::Evidence, message: message.to_owned() }
}

/// A revocation that lets the module run, as a finding.
fn warning(revocation: &Revocation) -> Finding {
    Finding {
        code: "REVOCATION_WARNING".to_owned(),
        number: None,
        severity: Severity::Warning,
        message: format!("its module is named by revocation `{}` ({})", revocation.id(), revocation.code()),
        path: None,
        line: None,
        pointer: None,
    }
}

fn interrupted() -> Fault {
    Fault { cause: Cause::Interrupted, message: "the run was interrupted".to_owned() }
}

fn unasked(fault: Fault) -> Judgement {
    Judgement { outcome: Outcome::Fault(fault), usage: crate::judge::Usage::default(), notes: String::new() }
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
