//! Evidence that was collected earlier and stands for the world, and those who are handed evidence to keep.

use std::collections::BTreeMap;

use super::{
    MatchError, Matched, Piece,
    entry::{PieceEntry, Written, not_recorded},
    state::state,
    world::World,
};
use crate::{
    digest::Digest,
    files::read_capped,
    limits::ceiling,
    manifest::{EvidenceSource, Format, GatePlan, Origin, Plan},
};

/// Evidence that was collected earlier.
pub trait Archive: Sync {
    /// The piece of that source, at most `cap` bytes of it, its bytes handed to `keeper`; nothing where the world is asked.
    fn piece(&self, source: &EvidenceSource, cap: u64, keeper: Option<&dyn Keeper>) -> Option<Piece>;

    /// The files that the gate of that name is asked about; nothing where the world is looked at.
    fn matched(&self, gate: &str, pattern: &str) -> Option<Result<Matched, MatchError>>;
}

/// Is handed what is collected, from several threads, before anybody is told that it was.
pub trait Keeper: Sync {
    /// The bytes of a piece, read as `format`.
    fn keep(&self, name: &str, format: Format, bytes: &[u8]);

    /// The files that a gate is asked about, before any of them is read for it.
    fn keep_files(&self, _gate: &GatePlan, _matched: &Result<Matched, MatchError>) {}
}

/// What is known of a piece but its bytes, as one line of JSON that [`Pieces::add`] reads.
#[must_use]
pub fn description(piece: &Piece) -> String {
    // Text and numbers always have a form in JSON.
    serde_json::to_string(&PieceEntry::of(piece)).unwrap_or_default()
}

/// A description of a piece is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was written down of a piece of evidence does not read")]
pub struct BadPiece;

/// Pieces that were kept with a run.
#[derive(Default)]
pub struct Pieces {
    pieces: BTreeMap<String, (PieceEntry, Option<Vec<u8>>)>,
    files: BTreeMap<String, Matched>,
    complete: bool,
}

impl Pieces {
    /// None yet. `complete` says whether there will be no others: then the world is asked about nothing.
    #[must_use]
    pub fn new(complete: bool) -> Self {
        Self { complete, ..Self::default() }
    }

    /// Adds a piece by its [`description`] and its bytes, where it has any.
    ///
    /// # Errors
    /// When the description is none.
    pub fn add(&mut self, description: &[u8], bytes: Option<Vec<u8>>) -> Result<(), BadPiece> {
        let entry: PieceEntry = serde_json::from_slice(description).map_err(|_| BadPiece)?;
        self.pieces.insert(entry.name.clone(), (entry, bytes));
        Ok(())
    }

    /// Adds the files that a gate is asked about.
    pub fn add_files(&mut self, gate: &str, matched: Matched) {
        self.files.insert(gate.to_owned(), matched);
    }

    /// The names of pieces that the world would give other bytes of now, as far as it can be asked without doing anything in
    /// it: files, and what lies in folders.
    #[must_use]
    pub fn changed(&self, plan: &Plan, world: World<'_>) -> Vec<String> {
        let differs = |source: &&EvidenceSource| {
            let Some((entry, _)) = self.pieces.get(&source.name) else { return false };
            let now = match &source.origin {
                Origin::File { path, .. } => read_capped(path, ceiling::INPUT).ok(),
                Origin::Files { pattern, root } => state(pattern, root, world).ok().map(String::into_bytes),
                _ => return false,
            };
            // An optional file that is not there is kept as `null`.
            let absent = entry.digest().is_none_or(|kept| kept == Digest::of(b"null"));
            now.map_or(!absent, |bytes| entry.digest() != Some(Digest::of(&bytes)))
        };
        plan.evidence.iter().filter(differs).map(|source| source.name.clone()).collect()
    }
}

impl Archive for Pieces {
    fn piece(&self, source: &EvidenceSource, cap: u64, keeper: Option<&dyn Keeper>) -> Option<Piece> {
        let read = |bytes: Option<&Vec<u8>>| match bytes {
            Some(bytes) if bytes.len() as u64 <= cap => Ok(bytes.clone()),
            Some(_) => Err(format!("what was kept of it is larger than {cap} bytes")),
            None => Err("its bytes were not kept".to_owned()),
        };
        let kept = self.pieces.get(&source.name).and_then(|(entry, bytes)| {
            entry.piece(keeper, |_| Written { place: "what was kept".to_owned(), bytes: read(bytes.as_ref()) })
        });
        let missing = || not_recorded(&source.name, source.origin.kind(), "it was not kept".to_owned());
        kept.or_else(|| self.complete.then(missing))
    }

    fn matched(&self, gate: &str, pattern: &str) -> Option<Result<Matched, MatchError>> {
        let kept = self.files.get(gate).cloned().map(Ok);
        kept.or_else(|| self.complete.then(|| Err(MatchError::NotRecorded(pattern.to_owned()))))
    }
}
