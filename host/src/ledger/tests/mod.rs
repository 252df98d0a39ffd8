//! The ledger as its callers use it, and what others may do to its file.

mod affected;
mod crash;
mod files;
mod model;
mod pruning;
mod steps;
mod tamper;
mod writers;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::{
    digest::Digest,
    trust::{KeyId, PrivateKey},
};

/// A folder with a ledger in it.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub(super) fn open(&self) -> Ledger {
        Ledger::open(&self.path(), Mode::Write).expect("a ledger")
    }

    /// All that there is, in one file.
    pub(super) fn gather(&self) -> Vec<u8> {
        self.open().into_one_file().expect("nobody uses it");
        std::fs::read(self.path()).expect("there")
    }

    /// A file beside the ledger.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("ledger.sqlite{ending}"))
    }

    /// Acts on the file as somebody else would, who knows of the witness.
    pub(super) fn meddle(&self, sql: &str) {
        meddle(&self.path(), sql);
        let _ = std::fs::remove_file(self.beside("-head"));
    }
}

pub(super) fn meddle(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.pragma_update(None, "foreign_keys", false).expect("off");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub(super) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_768_003_200 + seconds).expect("in range")
}

pub(super) fn key_id(seed: u8) -> KeyId {
    PrivateKey::from_seed(&[seed; 32]).public().id()
}

pub(super) fn start(run: &str, at: i64) -> RunStart<'_> {
    RunStart {
        run: run.into(),
        at: time(at),
        policy: "release".into(),
        manifest: Digest::of(b"manifest"),
        subject: Some("git:0123".into()),
        keeps: vec![Keep::new(role::MANIFEST, "manifest"), Keep::new(role::TRUST, "trust")],
        uses: Vec::new(),
    }
}

pub(super) fn evidence<'a>(name: &'a str, bytes: &'a str) -> EvidenceStep<'a> {
    EvidenceStep {
        name: name.into(),
        at: time(1),
        outcome: "completed".into(),
        keeps: vec![Keep::new(role::PIECE, r#"{"kind":"file"}"#), Keep::new(role::BYTES, bytes)],
    }
}

pub(super) fn module_use(content: &[u8], publisher: &str, version: &str, keys: &[u8]) -> Use {
    Use {
        role: UseRole::Module,
        content: Digest::of(content),
        publisher: Some(publisher.to_owned()),
        name: Some("lint".to_owned()),
        version: Some(version.to_owned()),
        keys: keys.iter().map(|seed| key_id(*seed)).collect(),
    }
}

pub(super) fn gate(name: &str, run: &str) -> GateStep<'static> {
    let asked = Asked {
        request: format!(r#"{{"gate":"{name}","run_id":"{run}"}}"#).into(),
        answer: r#"{"verdict":"pass"}"#.into(),
        notes: "".into(),
    };
    GateStep {
        name: name.to_owned().into(),
        at: time(2),
        outcome: "pass".into(),
        entry: format!(r#"{{"id":"{name}","run":"{run}"}}"#).into(),
        module: "module".into(),
        asked: Some(asked),
        keeps: Vec::new(),
        uses: vec![module_use(b"module", "acme", "1.0.0", &[1])],
    }
}

pub(super) fn finish(record: &str) -> Finish<'_> {
    Finish { at: time(3), decision: "go", exit_code: 0, record: record.into(), keeps: Vec::new() }
}

/// A whole run: five entries.
pub(super) fn whole_run(ledger: &mut Ledger, run: &str) {
    ledger.begin(&start(run, 0)).expect("begun");
    ledger.evidence(run, evidence("audit", &format!("audit of {run}"))).expect("kept");
    ledger.gate(run, gate("one", run)).expect("kept");
    ledger.gate(run, gate("two", run)).expect("kept");
    ledger.finish(run, &finish(&format!("record of {run}"))).expect("ended");
}

/// What does not add up, each as its code and what it is about.
pub(super) fn broken(verified: Result<Verified, Unverified>) -> Vec<String> {
    match verified {
        Ok(_) => Vec::new(),
        Err(Unverified::Unreadable(error)) => panic!("unreadable: {error}"),
        Err(Unverified::Broken(broken)) => broken.iter().map(told).collect(),
    }
}

fn told(broken: &Broken) -> String {
    let about = match broken {
        Broken::EntryChanged { seq, .. }
        | Broken::EntryUnlinked { seq, .. }
        | Broken::EntryMalformed { seq, .. }
        | Broken::Rewritten { seq } => seq.to_string(),
        Broken::EntryMissing { from, to } => format!("{from}-{to}"),
        Broken::EntryMoved { from, to, .. } => format!("{from}>{to}"),
        Broken::Truncated { entries, known } => format!("{entries}<{known}"),
        Broken::BlobChanged { entries, .. } | Broken::BlobMissing { entries, .. } => format!("{entries:?}"),
        Broken::RunChanged { run } => run.clone(),
        Broken::BlobStray { .. } | Broken::Damaged { .. } | Broken::More { .. } => String::new(),
    };
    format!("{} {about}", broken.code()).trim_end().to_owned()
}
