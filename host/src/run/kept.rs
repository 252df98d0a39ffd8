//! A run as a ledger kept it: what it was called with, what it read, what was collected, and what its gates said.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{
    agent::{AgentEntry, KeptAgent},
    calls::{Call, Calls, File},
    entries::{CallsEntry, ReadEntry, numbered},
};
use crate::{
    decision::Objection,
    digest::Digest,
    evidence::{Matched, Pieces},
    intake::{Content, Settings, Shelf},
    ledger::{Entry, Kept as KeptBytes, KeptRun, Kind, Ledger, LedgerError, role},
};

/// A run that was kept, as far as it came.
pub struct Kept {
    /// Its name.
    pub run_id: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it did, and the record of its decision, as it was written.
    pub finished: Option<(Timestamp, Vec<u8>)>,
    /// What the world had against a go when it ended; nothing where it has not ended.
    pub(super) objections: Option<Vec<Objection>>,
    /// What it was called with.
    pub settings: Settings,
    /// Every file that it read before it collected anything.
    pub files: BTreeMap<std::path::PathBuf, Content>,
    /// The evidence that was collected.
    pub pieces: Pieces,
    /// What was said in the calls of each gate that ended, by the gate's name.
    pub calls: BTreeMap<String, Calls>,
    /// Agents' stages that ended, by their names.
    pub agents: BTreeMap<String, KeptAgent>,
    /// What each of those gates came to: its entry in the record.
    pub entries: BTreeMap<String, Vec<u8>>,
    /// The steps that were kept.
    pub(super) done: HashSet<(Kind, String)>,
}

impl Kept {
    /// Nothing yet, of a run that begins.
    pub(super) fn nothing(run: &str, settings: Settings, started: Timestamp) -> Self {
        Self {
            run_id: run.to_owned(),
            started,
            finished: None,
            objections: None,
            settings,
            files: BTreeMap::new(),
            pieces: Pieces::new(false),
            calls: BTreeMap::new(),
            agents: BTreeMap::new(),
            entries: BTreeMap::new(),
            done: HashSet::new(),
        }
    }

    /// Reads all that was kept of a run; every byte is held against its digest. `complete` says whether it is judged by what
    /// was kept alone, the files of validators included.
    ///
    /// # Errors
    /// When the ledger has no such run, its bytes were pruned, or it is not what it was.
    pub fn read(ledger: &Ledger, run: &str, complete: bool) -> Result<Self, LedgerError> {
        Self::of(&ledger.run(run)?, &|digest| ledger.blob(digest), complete)
    }

    /// The same, where the run is read already and `blob` gives the bytes with a digest.
    pub(crate) fn of(kept: &KeptRun, blob: &Blobs<'_>, complete: bool) -> Result<Self, LedgerError> {
        if kept.row.pruned {
            return Err(LedgerError::RunPruned(kept.row.run.clone()));
        }
        let begin = kept.entry(Kind::Begin, Kind::Begin.name()).ok_or_else(|| corrupt("a run without a begin"))?;
        let reader = Reader { blob };
        let settings = reader.bytes(begin, role::SETTINGS)?;
        let mut read = Self {
            run_id: kept.row.run.clone(),
            started: begin.at,
            finished: reader.finished(kept)?,
            objections: reader.objections(kept)?,
            settings: Settings::from_json(&settings).ok_or_else(|| corrupt("the settings of a run do not read"))?,
            files: reader.files(begin)?,
            pieces: Pieces::new(complete),
            calls: BTreeMap::new(),
            agents: BTreeMap::new(),
            entries: BTreeMap::new(),
            done: HashSet::new(),
        };
        for entry in &kept.entries {
            match entry.kind {
                Kind::Evidence => read.add_piece(&reader, entry)?,
                Kind::Agent => read.add_agent(&reader, entry)?,
                Kind::Gate => read.add_gate(&reader, entry, complete)?,
                Kind::Begin | Kind::Finish | Kind::Prune => {}
            }
        }
        for agent in read.agents.values_mut() {
            let own = read.calls.iter().filter(|(gate, _)| agent.entry.judged.contains_key(*gate));
            agent.calls = own.map(|(gate, calls)| (gate.clone(), calls.clone())).collect();
        }
        Ok(read)
    }

    /// The files that it read, as it read them.
    #[must_use]
    pub fn shelf(&self) -> Shelf {
        Shelf::of(self.files.clone())
    }

    fn add_piece(&mut self, reader: &Reader<'_>, entry: &Entry) -> Result<(), LedgerError> {
        let bytes = entry.kept(role::BYTES).map(|kept| reader.blob(kept)).transpose()?;
        let added = self.pieces.add(&reader.bytes(entry, role::PIECE)?, bytes);
        added.map_err(|error| corrupt(&error.to_string()))?;
        self.done.insert((Kind::Evidence, entry.name.clone()));
        Ok(())
    }

    fn add_agent(&mut self, reader: &Reader<'_>, entry: &Entry) -> Result<(), LedgerError> {
        let read: AgentEntry = reader.json(entry, role::ENTRY)?;
        self.agents.insert(entry.name.clone(), KeptAgent { entry: read, calls: BTreeMap::new() });
        self.done.insert((Kind::Agent, entry.name.clone()));
        Ok(())
    }

    fn add_gate(&mut self, reader: &Reader<'_>, entry: &Entry, complete: bool) -> Result<(), LedgerError> {
        let calls = reader.calls(entry)?;
        if complete && calls.calls.iter().any(|call| call.file.is_some()) {
            let files = calls.calls.iter().filter_map(|call| {
                let file = call.file.as_ref()?;
                let unread = || call.fault.as_ref().map_or_else(String::new, |fault| fault.message.clone());
                Some((file.path.clone(), file.bytes.clone().ok_or_else(unread)))
            });
            self.pieces.add_files(&entry.name, Ok(Matched::kept(files)));
        }
        if let (true, true, Some(fault)) = (complete, calls.calls.is_empty(), &calls.fault) {
            self.pieces.add_files(&entry.name, Err(fault.message.clone()));
        }
        self.calls.insert(entry.name.clone(), calls);
        self.entries.insert(entry.name.clone(), reader.bytes(entry, role::ENTRY)?);
        self.done.insert((Kind::Gate, entry.name.clone()));
        Ok(())
    }
}

/// Bytes by their digest.
type Blobs<'a> = dyn Fn(&Digest) -> Result<Vec<u8>, LedgerError> + 'a;

struct Reader<'a> {
    blob: &'a Blobs<'a>,
}

impl Reader<'_> {
    fn blob(&self, kept: &KeptBytes) -> Result<Vec<u8>, LedgerError> {
        (self.blob)(&kept.digest)
    }

    fn bytes(&self, entry: &Entry, role: &str) -> Result<Vec<u8>, LedgerError> {
        let kept = entry.kept(role).ok_or_else(|| corrupt("an entry does not keep what its kind keeps"))?;
        self.blob(kept)
    }

    fn json<T: DeserializeOwned>(&self, entry: &Entry, role: &str) -> Result<T, LedgerError> {
        serde_json::from_slice(&self.bytes(entry, role)?).map_err(|_| corrupt("what an entry keeps does not read"))
    }

    fn objections(&self, kept: &KeptRun) -> Result<Option<Vec<Objection>>, LedgerError> {
        let Some(finish) = kept.entry(Kind::Finish, Kind::Finish.name()) else { return Ok(None) };
        if finish.kept(role::OBJECTIONS).is_none() {
            return Ok(Some(Vec::new()));
        }
        self.json(finish, role::OBJECTIONS).map(Some)
    }

    fn finished(&self, kept: &KeptRun) -> Result<Option<(Timestamp, Vec<u8>)>, LedgerError> {
        let Some(finish) = kept.entry(Kind::Finish, Kind::Finish.name()) else { return Ok(None) };
        Ok(Some((finish.at, self.bytes(finish, role::RECORD)?)))
    }

    fn files(&self, begin: &Entry) -> Result<BTreeMap<std::path::PathBuf, Content>, LedgerError> {
        let read: Vec<ReadEntry> = self.json(begin, role::READ)?;
        let content = |(index, entry): (usize, ReadEntry)| {
            let content = match (entry.there, entry.error) {
                (true, _) => Ok(Some(self.bytes(begin, &numbered(index))?.into())),
                (false, None) => Ok(None),
                (false, Some(reason)) => Err(reason),
            };
            Ok((entry.path, content))
        };
        read.into_iter().enumerate().map(content).collect()
    }

    fn calls(&self, entry: &Entry) -> Result<Calls, LedgerError> {
        let CallsEntry { fault, calls: entries } = self.json(entry, role::CALLS)?;
        let part = |role| entry.kept(role).map(|kept| self.blob(kept)).transpose().map(Option::unwrap_or_default);
        let (mut answers, mut notes) = (Rest::of(part(role::ANSWER)?), Rest::of(part(role::NOTES)?));
        let (mut files, mut request) = (Rest::of(part(role::FILES)?), part(role::REQUEST)?);
        let mut calls = Vec::new();
        for entry in entries {
            let file = match entry.file {
                None => None,
                Some(file) => {
                    let bytes = file.bytes.map(|bytes| files.take(bytes)).transpose()?;
                    Some(File { path: file.path, bytes })
                }
            };
            calls.push(Call {
                file,
                request: std::mem::take(&mut request),
                answer: answers.take(entry.answer)?,
                notes: notes.take(entry.notes)?,
                fault: entry.fault,
                usage: entry.usage,
            });
        }
        Ok(Calls { fault, calls })
    }
}

/// Bytes that stand one behind the other.
struct Rest {
    bytes: Vec<u8>,
    at: usize,
}

impl Rest {
    fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, LedgerError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).map(<[u8]>::to_vec);
        let taken = taken.ok_or_else(|| corrupt("the calls of a gate have more bytes than were kept"))?;
        self.at += length;
        Ok(taken)
    }
}

fn corrupt(what: &str) -> LedgerError {
    LedgerError::Corrupt(what.to_owned())
}

/// What tells two readings of a file apart; nothing where it was not there or could not be read.
pub(super) fn digest(content: &Content) -> Option<Digest> {
    content.as_ref().ok()?.as_ref().map(|bytes| Digest::of(bytes))
}
