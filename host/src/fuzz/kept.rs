//! A run as a ledger kept it, of which every byte may be another one's: whoever can write to a ledger writes its digests too.

use jiff::Timestamp;
use portcullis_sdk::Kind as GateKind;
use serde_json::Value;

use super::assert_plain;
use crate::{
    digest::Digest,
    evidence::Archive,
    intake::Settings,
    ledger::{
        BeginFacts, Entry, Facts, FinishFacts, Finished, Kept as KeptBytes, KeptRun, Kind, LedgerError, OutcomeFacts,
        RunRow, role,
    },
    manifest::{EvidenceSource, Origin},
    run::Kept,
};

/// What stands between two kept documents, and in none that is JSON.
pub(super) const BETWEEN: u8 = 0x1e;

/// What each document is, in the order in which they stand; nothing is kept as one that is empty.
pub(super) const PARTS: [(Kind, &str); 13] = [
    (Kind::Begin, role::SETTINGS),
    (Kind::Begin, role::READ),
    (Kind::Begin, "read.0"),
    (Kind::Evidence, role::PIECE),
    (Kind::Evidence, role::BYTES),
    (Kind::Agent, role::ENTRY),
    (Kind::Gate, role::ENTRY),
    (Kind::Gate, role::CALLS),
    (Kind::Gate, role::REQUEST),
    (Kind::Gate, role::ANSWER),
    (Kind::Gate, role::NOTES),
    (Kind::Gate, role::FILES),
    (Kind::Finish, role::RECORD),
];

/// A run of which these documents were kept: what reads has no more of answers and files than there is.
///
/// # Panics
/// When that does not hold.
pub fn kept_run(bytes: &[u8]) {
    for complete in [false, true] {
        match read(bytes, complete) {
            Ok(kept) => hold(&kept, bytes.len()),
            Err(error) => assert_plain(&error),
        }
    }
}

pub(super) fn read(bytes: &[u8], complete: bool) -> Result<Kept, LedgerError> {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == BETWEEN).collect();
    let blob = |digest: &Digest| {
        let found = parts.iter().find(|part| Digest::of(part) == *digest);
        found.map(|part| part.to_vec()).ok_or(LedgerError::NoBlob(*digest))
    };
    Kept::of(&run_of(&parts), &blob, complete)
}

fn hold(kept: &Kept, size: usize) {
    let settings = kept.settings.to_json().expect("a path out of JSON is UTF-8");
    assert_eq!(Settings::from_json(settings.as_bytes()).as_ref(), Some(&kept.settings));
    let calls = || kept.calls.values().flat_map(|calls| &calls.calls);
    let file = |call: &crate::run::Call| call.file.as_ref().and_then(|file| file.bytes.as_ref()).map_or(0, Vec::len);
    assert!(calls().map(|call| call.answer.len() + call.notes.len() + file(call)).sum::<usize>() <= size);
    for call in calls() {
        for kind in [GateKind::Gate, GateKind::Validator] {
            let _ = call.judgement(kind);
        }
    }
    let (name, origin) = ("e".to_owned(), Origin::Value(Value::Null));
    let source = EvidenceSource { name, origin, after: Vec::new(), reveal: Vec::new(), overridden: false };
    if let Some(Err(error)) = kept.pieces.piece(&source, u64::MAX, None).map(|piece| piece.result) {
        assert_plain(&error);
    }
}

fn run_of(parts: &[&[u8]]) -> KeptRun {
    let (at, none) = (Timestamp::UNIX_EPOCH, Digest::of(b""));
    let (decision, exit_code) = ("go".to_owned(), 0);
    let row = RunRow {
        run: "r".to_owned(),
        policy: "p".to_owned(),
        manifest: none,
        subject: None,
        started: at,
        finished: Some(Finished { at, decision: decision.clone(), exit_code }),
        pruned: false,
    };
    let outcome = || OutcomeFacts { outcome: "completed".to_owned() };
    let steps = [
        (Kind::Begin, "begin", Facts::Begin(BeginFacts { policy: "p".to_owned(), manifest: none, subject: None })),
        (Kind::Evidence, "e", Facts::Evidence(outcome())),
        (Kind::Agent, "a", Facts::Agent(outcome())),
        (Kind::Gate, "g", Facts::Gate(outcome())),
        (Kind::Finish, "finish", Facts::Finish(FinishFacts { decision, exit_code })),
    ];
    let entry = |(seq, (kind, name, facts)): (u64, (Kind, &str, Facts))| {
        let own = PARTS.iter().zip(parts).filter(|((of, _), part)| *of == kind && !part.is_empty());
        let keep = |((_, role), part): (&(Kind, &str), &&[u8])| KeptBytes {
            role: (*role).to_owned(),
            digest: Digest::of(part),
            size: part.len() as u64,
            there: true,
        };
        let (run, keeps) = (Some("r".to_owned()), own.map(keep).collect());
        Entry { seq, run, kind, name: name.to_owned(), at, facts, keeps, prev: none, hash: none }
    };
    let entries: Vec<Entry> = (1..).zip(steps).map(entry).collect();
    // A step that keeps nothing was never taken.
    let entries = entries.into_iter().filter(|entry| !entry.keeps.is_empty()).collect();
    KeptRun { row, entries }
}
