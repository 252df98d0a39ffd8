//! Evidence that was collected earlier and stands for the world, and those who are handed evidence to keep.

use std::collections::{BTreeMap, HashSet};

use super::{
    MatchError, Matched, Output, Piece,
    collect::caps,
    entry::{PieceEntry, Written, not_recorded},
    source::{Asking, Earlier, collect_one},
    world::World,
};
use crate::manifest::{EvidenceSource, Format, GatePlan, Origin, Plan};

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
    files: BTreeMap<String, Result<Matched, MatchError>>,
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

    /// Adds the files that a gate is asked about, or why they could not be listed.
    pub fn add_files(&mut self, gate: &str, matched: Result<Matched, String>) {
        self.files.insert(gate.to_owned(), matched.map_err(MatchError::Recorded));
    }

    /// The names of pieces of which `archives`, or the world where they have none, would say something else now, as far as
    /// it can be asked without doing anything in it: files, and what lies in folders. What was looked at before something that
    /// acts is not asked for: that may well have changed it.
    #[must_use]
    pub fn changed(&self, plan: &Plan, world: World<'_>, archives: &[&dyn Archive]) -> Vec<String> {
        let (caps, acted_after) = (caps(plan), before_acting(plan));
        let now = |index: usize, source: &EvidenceSource| {
            let cap = caps.get(index).copied().flatten()?;
            archives.iter().find_map(|archive| archive.piece(source, cap, None)).or_else(|| {
                let looks = matches!(source.origin, Origin::File { .. } | Origin::Files { .. });
                let earlier = Earlier { failed: None, event_id: None };
                let output: Output<'_> = &|_, _| Err("agents are not asked again".to_owned());
                let asking = Asking { world, hosts: &plan.hosts, keeper: None, cap, earlier, output };
                (looks && !acted_after.contains(&index)).then(|| collect_one(source, &asking))
            })
        };
        let differs = |(index, source): &(usize, &EvidenceSource)| {
            let Some((entry, _)) = self.pieces.get(&source.name) else { return false };
            // Of what was never reached nothing was seen that could be something else now.
            entry.error_code() != Some("evidence-not-reached")
                && now(*index, source).is_some_and(|piece| !world.is_cancelled() && !entry.says_the_same(&piece))
        };
        plan.evidence.iter().enumerate().filter(differs).map(|(_, source)| source.name.clone()).collect()
    }
}

/// The sources that something which acts comes after.
fn before_acting(plan: &Plan) -> HashSet<usize> {
    let after = |source: &EvidenceSource| source.after.clone();
    let mut waiting: Vec<usize> = plan.evidence.iter().filter(|source| source.origin.acts()).flat_map(after).collect();
    let mut before = HashSet::new();
    while let Some(index) = waiting.pop() {
        if before.insert(index) {
            waiting.extend(plan.evidence.get(index).map(after).unwrap_or_default());
        }
    }
    before
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
        let kept = self.files.get(gate).cloned();
        kept.or_else(|| self.complete.then(|| Err(MatchError::NotRecorded(pattern.to_owned()))))
    }
}
