//! Keeping a run as it goes: what it began with, each piece of evidence and each gate as they end, and what it came to.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;

use super::{
    Calls, Event, Governed, Setting,
    entries::{ReadEntry, around_json, kept, numbered},
};
use crate::{
    decision::{GateResult, Objection, Record},
    digest::Digest,
    evidence::{CollectEvent, Keeper, Piece, description},
    govern::Hindrance,
    intake::{Intake, Settings},
    ledger::{
        AgentStep, Claim, Content, EvidenceStep, Finish, GateStep, Keep, Kind, Ledger, LedgerError, RunStart, Step,
        Use, UseRole, Writer, role,
    },
    manifest::{AgentPlan, Format, Plan},
    stopped::Stopped,
    trust::VerifiedModule,
};

/// A run that is being kept.
pub(super) struct Keeping<'a> {
    setting: Setting<'a>,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    path: PathBuf,
    writer: Writer,
    _claim: Claim,
    /// The digest of each gate's module file, which the run's begin keeps.
    modules: Vec<Digest>,
    /// Sources that do something in the world: it is not done again, so nothing goes on before that is on disk.
    acting: HashSet<String>,
    /// Gates that agents are judged by: they are kept with their agents.
    of_agents: HashSet<usize>,
    /// Whether the run was begun by a host that is gone.
    resumed: bool,
    /// Set when an agent of such a run could not be driven: it may be another time, so the run stays open.
    stays_open: AtomicBool,
    /// Steps that an earlier attempt kept.
    done: HashSet<(Kind, String)>,
    /// Bytes of pieces that were seen and have not ended.
    bytes: Mutex<BTreeMap<String, Vec<u8>>>,
}

/// What a run that begins has to say.
pub(super) struct Begin<'a> {
    pub(super) plan: &'a Plan,
    pub(super) settings: &'a Settings,
    pub(super) intake: &'a Intake<'a>,
    pub(super) modules: &'a [Arc<VerifiedModule>],
    pub(super) setting: Setting<'a>,
    pub(super) clock: &'a (dyn Fn() -> Timestamp + Sync),
    pub(super) started: Timestamp,
}

impl<'a> Keeping<'a> {
    /// Keeps a run that begins.
    pub(super) fn begin(ledger: Ledger, begin: &Begin<'a>) -> Result<Self, Stopped> {
        let (path, run) = (ledger.path().to_owned(), begin.setting.run_id);
        let failed = |error| failed(&path, &error);
        let claim = ledger.claim(run).map_err(failed)?;
        let start = RunStart {
            run: Cow::Owned(run.to_owned()),
            at: begin.started,
            policy: Cow::Owned(begin.plan.name.clone()),
            manifest: begin.plan.digest,
            subject: begin.settings.subject.clone().map(Cow::Owned),
            keeps: begin.keeps()?,
            uses: begin.uses(),
        };
        let writer = Writer::begin(ledger, start).map_err(failed)?;
        let keeping = Self::of(begin, path, writer, claim);
        // Nothing is done in the world for a run that nobody could find again.
        if keeping.acting.is_empty() { Ok(keeping) } else { keeping.settle().map(|()| keeping) }
    }

    /// Goes on keeping a run of which `done` is kept.
    pub(super) fn resume(
        (ledger, claim): (Ledger, Claim),
        begin: &Begin<'a>,
        done: HashSet<(Kind, String)>,
    ) -> Result<Self, Stopped> {
        let path = ledger.path().to_owned();
        let writer = Writer::resume(ledger, begin.setting.run_id.to_owned()).map_err(|error| failed(&path, &error))?;
        Ok(Self { done, resumed: true, ..Self::of(begin, path, writer, claim) })
    }

    fn of(begin: &Begin<'a>, path: PathBuf, writer: Writer, claim: Claim) -> Self {
        let acting = begin.plan.evidence.iter().filter(|source| source.origin.acts());
        Self {
            setting: begin.setting,
            clock: begin.clock,
            path,
            writer,
            _claim: claim,
            modules: begin.modules.iter().map(|module| Digest::of(module.bytes())).collect(),
            acting: acting.map(|source| source.name.clone()).collect(),
            of_agents: begin
                .plan
                .agents
                .iter()
                .flat_map(AgentPlan::gates)
                .flat_map(|(_, gates)| gates)
                .copied()
                .collect(),
            resumed: false,
            stays_open: AtomicBool::new(false),
            done: HashSet::new(),
            bytes: Mutex::default(),
        }
    }

    /// Keeps what ended. What ended because the run did has yet to be done.
    pub(super) fn note(&self, event: &Event<'_>) {
        match event {
            // What was seen before something acts is on disk before it does: it cannot be seen again.
            Event::Collect(CollectEvent::Started { name }) if self.acting.contains(*name) => drop(self.settle()),
            Event::Collect(CollectEvent::Finished { piece, .. }) if piece.outcome != "interrupted" => self.piece(piece),
            Event::Governed(governed) => self.agent(governed),
            Event::Finished { index, result, calls, .. } if !self.of_agents.contains(index) => {
                // Once the run is to end, a gate that was not asked may have been passed over for one that was interrupted.
                let passed_over = calls.calls.is_empty() && self.goes_on_later();
                if !result.interrupted() && !calls.interrupted() && !passed_over {
                    self.gate(*index, result, calls).into_iter().for_each(|step| self.writer.keep(step));
                }
            }
            _ => {}
        }
    }

    fn is_done(&self, kind: Kind, name: &str) -> bool {
        self.done.contains(&(kind, name.to_owned()))
    }

    fn piece(&self, piece: &Piece) {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner).remove(&piece.name);
        let interrupted = piece.result.as_ref().is_err_and(|error| error.code() == "evidence-interrupted");
        if interrupted || self.is_done(Kind::Evidence, &piece.name) {
            return;
        }
        let mut keeps = vec![Keep::new(role::PIECE, description(piece))];
        keeps.extend(bytes.map(|bytes| Keep::new(role::BYTES, around_json(bytes))));
        let (name, at) = (Cow::Owned(piece.name.clone()), (self.clock)());
        let outcome = Cow::Owned(piece.outcome.to_string());
        self.writer.keep(Step::Evidence(EvidenceStep { name, at, outcome, keeps }));
        if self.acting.contains(&piece.name) {
            // That it failed is told once all evidence is there.
            drop(self.settle());
        }
    }

    fn gate(&self, index: usize, result: &GateResult, calls: &Calls) -> Option<Step<'static>> {
        let (name, module) = (&result.gate.name, self.modules.get(index)?);
        if self.is_done(Kind::Gate, name) {
            return None;
        }
        let (asked, keeps) = kept(calls, result);
        Some(Step::Gate(GateStep {
            name: Cow::Owned(name.clone()),
            at: (self.clock)(),
            outcome: Cow::Borrowed(result.outcome.name()),
            entry: serde_json::to_string(result).unwrap_or_default().into(),
            module: Content::Known(*module),
            asked,
            keeps,
            uses: uses(result),
        }))
    }

    /// An agent with the gates that judged it, all or nothing: what ended is not started again, and what was broken off is
    /// judged anew. One that was interrupted goes on another time.
    fn agent(&self, governed: &Governed) {
        let Governed { record, gates, entry } = governed;
        if self.resumed && record.hindrance.is_some() {
            self.stays_open.store(true, Ordering::Relaxed);
        }
        let is_interrupted = record.hindrance.as_deref() == Some(Hindrance::Interrupted.code()) || self.goes_on_later();
        if is_interrupted || self.is_done(Kind::Agent, &record.stage) {
            return;
        }
        let step = AgentStep {
            name: Cow::Owned(record.stage.clone()),
            at: (self.clock)(),
            outcome: Cow::Borrowed(record.status.name()),
            keeps: vec![Keep::new(role::ENTRY, serde_json::to_string(entry).unwrap_or_default())],
        };
        let gates = gates.iter().filter_map(|gate| self.gate(gate.index, &gate.result, &gate.calls));
        self.writer.keep_all([Step::Agent(step)].into_iter().chain(gates).collect());
        // What comes behind it may do something in the world that rests on it.
        drop(self.settle());
    }

    /// Waits until all that was handed in is on disk.
    pub(super) fn settle(&self) -> Result<(), Stopped> {
        self.writer.settle().map_err(|error| failed(&self.path, &error))
    }

    /// Whether the run has not come to its end: the user ended it, or what kept an agent from going on may pass.
    fn goes_on_later(&self) -> bool {
        self.setting.cancelled.load(Ordering::Relaxed) || self.stays_open.load(Ordering::Relaxed)
    }

    /// Waits until all is on disk, and ends the run, if it came to its end.
    /// `objections` are those that hang on what the world was like, and so are not derived again.
    pub(super) fn end(self, record: &Record, objections: &[Objection]) -> Result<(), Stopped> {
        let record = (!self.goes_on_later()).then_some(record);
        let Self { setting: Setting { run_id: run, .. }, writer, path, _claim, .. } = self;
        let failed = |error| failed(&path, &error);
        let mut ledger = writer.end().map_err(failed)?;
        let Some(record) = record else { return Ok(()) };
        let finish = Finish {
            at: record.finished_on,
            decision: record.decision.name(),
            exit_code: record.exit_code,
            record: crate::report::decision_json(record).unwrap_or_default().into(),
            keeps: match objections {
                [] => Vec::new(),
                some => vec![Keep::new(role::OBJECTIONS, serde_json::to_string(some).unwrap_or_default())],
            },
        };
        ledger.finish(run, &finish).map_err(failed)
    }
}

impl Keeper for Keeping<'_> {
    fn keep(&self, name: &str, _: Format, bytes: &[u8]) {
        if !self.is_done(Kind::Evidence, name) {
            self.bytes.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), bytes.to_vec());
        }
    }
}

impl Begin<'_> {
    /// The settings and every file that was read: manifest, trust, lists, suppressions, baselines, approvals, modules.
    fn keeps(&self) -> Result<Vec<Keep<'static>>, Stopped> {
        let files = self.intake.shelf.seen();
        let mut keeps = vec![Keep::new(role::SETTINGS, self.settings.to_json()?)];
        let mut read = Vec::with_capacity(files.len());
        for (index, (path, content)) in files.into_iter().enumerate() {
            let (there, error) = match content {
                Ok(Some(bytes)) => {
                    keeps.push(Keep::new(numbered(index), bytes.to_vec()));
                    (true, None)
                }
                Ok(None) => (false, None),
                Err(error) => (false, Some(error)),
            };
            read.push(ReadEntry { path, error, there });
        }
        let read = serde_json::to_string(&read).map_err(|_| self.settings.to_json().err().unwrap_or_else(not_utf8))?;
        keeps.push(Keep::new(role::READ, read));
        Ok(keeps)
    }

    /// The root and the list.
    fn uses(&self) -> Vec<Use> {
        let trust = &self.intake.trust;
        let used = |role, content, keys| Use { role, content, publisher: None, name: None, version: None, keys };
        let root = used(UseRole::Root, trust.file.root.digest(), trust.root_signers(self.intake.shelf));
        let list = trust.standing.list().map(|list| used(UseRole::List, list.digest, trust.list_signers()));
        [root].into_iter().chain(list).collect()
    }
}

fn not_utf8() -> Stopped {
    let problem =
        crate::diagnostic::Diagnostic::new("path-not-utf8", "a file of this run has a path that is not UTF-8");
    Stopped::usage(problem.help("name it otherwise, or keep nothing of the run with --no-ledger"))
}

/// What a gate's outcome rests on: its module, and the approval that made a pass of a review.
fn uses(result: &GateResult) -> Vec<Use> {
    let module = &result.gate.module;
    let keys = |ids: &[String]| ids.iter().filter_map(|id| id.parse().ok()).collect();
    let own = Use {
        role: UseRole::Module,
        content: module.content_digest,
        publisher: Some(module.publisher.clone()),
        name: Some(module.name.clone()),
        version: Some(module.version.clone()),
        keys: keys(&module.key_ids),
    };
    let approval = result.sign_off.as_ref().map(|signed| Use {
        role: UseRole::Approval,
        content: signed.approval,
        publisher: Some(signed.approver.clone()),
        name: None,
        version: None,
        keys: keys(std::slice::from_ref(&signed.key_id)),
    });
    [own].into_iter().chain(approval).collect()
}

fn failed(path: &Path, error: &LedgerError) -> Stopped {
    Stopped::from_ledger(path, error)
}
