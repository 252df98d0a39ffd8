//! Keeping a run as it goes: what it began with, each piece of evidence and each gate as they end, and what it came to.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, Calls, Event};
use crate::{
    decision::{GateResult, Record},
    digest::Digest,
    evidence::{CollectEvent, Keeper, Piece, description},
    intake::{Intake, Settings},
    judge::{Fault, Usage},
    ledger::{
        Asked, Claim, Content, EvidenceStep, Finish, GateStep, Keep, Kind, Ledger, LedgerError, RunStart, Step, Use,
        UseRole, Writer, role,
    },
    manifest::{Format, Plan},
    stopped::Stopped,
    trust::VerifiedModule,
};

/// A file that a run read.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadEntry {
    pub(super) path: PathBuf,
    /// Why it could not be read, where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Whether it was there; then its bytes are kept under its number.
    pub(super) there: bool,
}

/// What is kept of a gate's calls beside their bytes, which stand one behind the other.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallsEntry {
    pub(super) fault: Option<Fault>,
    pub(super) calls: Vec<CallEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallEntry {
    pub(super) file: Option<FileEntry>,
    pub(super) answer: usize,
    pub(super) notes: usize,
    pub(super) fault: Option<Fault>,
    pub(super) usage: Usage,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    pub(super) path: String,
    /// How many bytes; nothing where it could not be read.
    pub(super) bytes: Option<usize>,
}

/// The name of the bytes of the file with that number.
pub(super) fn numbered(index: usize) -> String {
    format!("{}.{index}", role::READ)
}

/// A run that is being kept.
pub(super) struct Keeping<'a> {
    run: &'a str,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    path: PathBuf,
    writer: Writer,
    _claim: Claim,
    /// The digest of each gate's module file, which the run's begin keeps.
    modules: Vec<Digest>,
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
    pub(super) started: Timestamp,
}

impl<'a> Keeping<'a> {
    /// Keeps a run that begins.
    pub(super) fn begin(
        ledger: Ledger,
        run: &'a str,
        clock: &'a (dyn Fn() -> Timestamp + Sync),
        begin: &Begin<'_>,
    ) -> Result<Self, Stopped> {
        let path = ledger.path().to_owned();
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
        Ok(Self { modules: modules(begin.modules), ..Self::of(run, clock, path, writer, claim) })
    }

    /// Goes on keeping a run of which `done` is kept.
    pub(super) fn resume(
        ledger: Ledger,
        claim: Claim,
        run: &'a str,
        clock: &'a (dyn Fn() -> Timestamp + Sync),
        used: &[Arc<VerifiedModule>],
        done: HashSet<(Kind, String)>,
    ) -> Result<Self, Stopped> {
        let path = ledger.path().to_owned();
        let writer = Writer::resume(ledger, run.to_owned()).map_err(|error| failed(&path, &error))?;
        Ok(Self { modules: modules(used), done, ..Self::of(run, clock, path, writer, claim) })
    }

    fn of(
        run: &'a str,
        clock: &'a (dyn Fn() -> Timestamp + Sync),
        path: PathBuf,
        writer: Writer,
        claim: Claim,
    ) -> Self {
        let (modules, done) = (Vec::new(), HashSet::new());
        Self { run, clock, path, writer, _claim: claim, modules, done, bytes: Mutex::default() }
    }

    /// Keeps what ended. What ended because the run did has yet to be done.
    pub(super) fn note(&self, event: &Event<'_>) {
        match event {
            Event::Collect(CollectEvent::Finished { piece, .. }) if piece.outcome != "interrupted" => self.piece(piece),
            Event::Finished { index, result, calls, .. } if !result.interrupted() && !calls.interrupted() => {
                self.gate(*index, result, calls);
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
    }

    fn gate(&self, index: usize, result: &GateResult, calls: &Calls) {
        let (name, Some(module)) = (&result.gate.name, self.modules.get(index)) else { return };
        if self.is_done(Kind::Gate, name) {
            return;
        }
        let (asked, keeps) = kept(calls);
        self.writer.keep(Step::Gate(GateStep {
            name: Cow::Owned(name.clone()),
            at: (self.clock)(),
            outcome: Cow::Borrowed(result.outcome.name()),
            entry: serde_json::to_string(result).unwrap_or_default().into(),
            module: Content::Known(*module),
            asked,
            keeps,
            uses: uses(result),
        }));
    }

    /// Waits until all that was handed in is on disk.
    pub(super) fn settle(&self) -> Result<(), Stopped> {
        self.writer.settle().map_err(|error| failed(&self.path, &error))
    }

    /// Waits until all is on disk, and ends the run, if it came to its end.
    pub(super) fn end(self, record: Option<&Record>) -> Result<(), Stopped> {
        let Self { writer, path, run, _claim, .. } = self;
        let failed = |error| failed(&path, &error);
        let mut ledger = writer.end().map_err(failed)?;
        let Some(record) = record else { return Ok(()) };
        let finish = Finish {
            at: record.finished_on,
            decision: record.decision.name(),
            exit_code: record.exit_code,
            record: crate::report::decision_json(record).unwrap_or_default().into(),
            keeps: Vec::new(),
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

fn modules(modules: &[Arc<VerifiedModule>]) -> Vec<Digest> {
    modules.iter().map(|module| Digest::of(module.bytes())).collect()
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

/// A document without the white space around it is what requests hold, so it is a piece of its own.
fn around_json(bytes: Vec<u8>) -> Content<'static> {
    let before = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let behind = bytes.trim_ascii_end().len().max(before);
    let part = |range: std::ops::Range<usize>| Cow::Owned(bytes.get(range).unwrap_or_default().to_vec());
    if before == 0 && behind == bytes.len() {
        return bytes.into();
    }
    Content::Pieces(vec![part(0..before), part(before..behind), part(behind..bytes.len())])
}

fn kept(calls: &Calls) -> (Option<Asked<'static>>, Vec<Keep<'static>>) {
    let entry = CallsEntry { fault: calls.fault.clone(), calls: calls.calls.iter().map(CallEntry::of).collect() };
    let mut keeps = vec![Keep::new(role::CALLS, serde_json::to_string(&entry).unwrap_or_default())];
    match calls.calls.as_slice() {
        [call] if call.file.is_none() => {
            let Call { request, answer, notes, .. } = call.clone();
            (Some(Asked { request: request.into(), answer: answer.into(), notes: notes.into() }), keeps)
        }
        [] => (None, keeps),
        calls => {
            let all = |part: fn(&Call) -> Option<&Vec<u8>>| {
                Content::Pieces(calls.iter().filter_map(part).map(|part| Cow::Owned(part.clone())).collect())
            };
            keeps.push(Keep::new(role::FILES, all(|call| call.file.as_ref()?.bytes.as_ref())));
            keeps.push(Keep::new(role::ANSWER, all(|call| Some(&call.answer))));
            keeps.push(Keep::new(role::NOTES, all(|call| Some(&call.notes))));
            (None, keeps)
        }
    }
}

impl CallEntry {
    fn of(call: &Call) -> Self {
        Self {
            file: call
                .file
                .as_ref()
                .map(|file| FileEntry { path: file.path.clone(), bytes: file.bytes.as_ref().map(Vec::len) }),
            answer: call.answer.len(),
            notes: call.notes.len(),
            fault: call.fault.clone(),
            usage: call.usage,
        }
    }
}

fn failed(path: &Path, error: &LedgerError) -> Stopped {
    Stopped::from_ledger(path, error)
}
