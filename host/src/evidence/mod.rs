//! Evidence: what the gates of a plan are asked about, collected once, before any gate runs.
//!
//! Collecting touches the world and judging does not, so whatever goes wrong out there ends here, as an error in the
//! place of a piece of evidence. JSON is carried as it was written: a gate sees the digits that the file has.
//!
//! - `collect` decides what is collected when, `source` collects one piece, `command` and `http` are the sources that act,
//!   `state` is the one that looks at a whole folder.
//! - `secrets` keeps what came out of the environment from being seen; `world` is all that is known of the outside.
//! - `archive` says what stands for the world when evidence was collected earlier, `entry` how a piece is written down;
//!   `recorded` is a folder of such evidence.

mod archive;
mod collect;
pub(crate) mod command;
mod decode;
mod each;
mod entry;
pub(crate) mod http;
mod matched;
mod recorded;
pub(crate) mod secrets;
mod source;
mod state;
mod world;

use std::{borrow::Cow, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::value::RawValue;

pub use archive::{Archive, BadPiece, Keeper, Pieces, description};
pub use collect::{CollectEvent, Collecting, Late, Output, collect, collect_late, files_now};
pub use command::Strays;
pub use decode::{DecodeError, document};
pub use each::{GlobError, MatchError, Selection, expand, gather, glob};
pub use matched::Matched;
pub use recorded::{Recorded, RecordedError, Recorder, is_recorded};
pub use world::World;

use crate::{digest::Digest, manifest::Format};

/// One piece of evidence.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Its name in the manifest.
    pub name: String,
    /// The digest of the bytes that were collected; of its JSON, where no file holds it.
    pub digest: Digest,
    /// How many bytes that were.
    pub size: u64,
    /// What a request holds.
    pub json: Box<RawValue>,
}

/// A piece of evidence that could not be had. Holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[error("evidence `{name}` could not be collected: {message}")]
pub struct CollectError {
    /// Its name in the manifest.
    pub name: String,
    code: Cow<'static, str>,
    message: String,
    document: Option<Box<RawValue>>,
}

impl CollectError {
    /// The stable code, such as `evidence-missing`, `evidence-not-json` or `evidence-timeout`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What was seen all the same: how a command or an exchange went that did not complete. Probes alone are asked about it;
    /// to every other gate it is no evidence.
    #[must_use]
    pub fn document(&self) -> Option<&RawValue> {
        self.document.as_deref()
    }
}

/// What a source came to, and how.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its name in the manifest.
    pub name: String,
    /// The kind of its source: `file`, `files`, `value`, `env`, `command`, `http`, `agent`.
    pub kind: Cow<'static, str>,
    /// Where it came from, as the manifest says it.
    pub uri: Option<String>,
    /// `completed`, or what kept it from that.
    pub outcome: Cow<'static, str>,
    /// How its bytes are read.
    pub format: Format,
    /// When collecting it began.
    pub collected_on: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// The digest and the number of the bytes that were seen, also of a source that failed and says what it saw.
    pub seen: Option<(Digest, u64)>,
    /// The evidence, or why there is none.
    pub result: Result<Evidence, CollectError>,
}

/// What was collected for a plan. A copy of it shares all that is in it.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    pieces: Vec<Option<Arc<Piece>>>,
    files: Vec<Option<Arc<Result<Matched, MatchError>>>>,
}

impl Collected {
    /// The piece with that index into the plan's evidence, or why it could not be had; nothing where no gate asks for it, or
    /// it was not collected yet.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Result<&Evidence, &CollectError>> {
        self.piece(index).map(|piece| piece.result.as_ref())
    }

    /// What the source with that index into the plan's evidence came to, and how.
    #[must_use]
    pub fn piece(&self, index: usize) -> Option<&Piece> {
        self.pieces.get(index)?.as_deref()
    }

    /// The files that the gate with that index into the plan's gates is asked about; nothing where it is asked once.
    #[must_use]
    pub fn files(&self, gate: usize) -> Option<Result<&Matched, &MatchError>> {
        Some(self.files.get(gate)?.as_ref()?.as_ref().as_ref())
    }

    /// All that was collected, or could not be, in the plan's order.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().flatten().map(|piece| &**piece)
    }

    /// The same, with what was collected later in the place of what was there.
    #[must_use]
    pub fn with(&self, later: &Self) -> Self {
        Self { pieces: over(&self.pieces, &later.pieces), files: over(&self.files, &later.files) }
    }
}

fn over<T>(before: &[Option<Arc<T>>], later: &[Option<Arc<T>>]) -> Vec<Option<Arc<T>>> {
    let later = later.iter().chain(std::iter::repeat(&None));
    before.iter().zip(later).map(|(before, later)| later.as_ref().or(before.as_ref()).cloned()).collect()
}

#[cfg(test)]
pub(crate) use collect::tests::collect_files;
