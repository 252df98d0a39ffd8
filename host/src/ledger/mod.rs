//! The ledger: what is kept of every run, in one SQLite file, so that a decision can be shown, judged again and doubted
//! years later.
//!
//! ```text
//! begin ── evidence* ── gate* ── finish      one entry each, one transaction each
//!   │          │          │         │
//!   └──────────┴─────┬────┴─────────┘
//!      entry n: facts, names of what it keeps, hash(n) over all of it and hash(n-1)
//!                    │
//!                  blobs: bytes by SHA-256, each once
//! ```
//!
//! # What holds here
//!
//! - A step is kept whole or not at all. What was committed survives `kill -9` and, as every transaction waits for the disk
//!   (WAL with `synchronous=FULL`), a power cut too; that one loses at most the step that was being written.
//! - What was committed last may stand in the log beside the file (`-wal`), which belongs to it: whoever copies a ledger
//!   copies both, or lets [`Ledger::into_one_file`] make one of them. A log that was damaged or left behind is noticed: the
//!   witness beside it (`-head`) knows how far the chain had come.
//! - Two runs at once take turns: an entry gets its number and its predecessor under the write lock.
//! - No entry is ever changed or deleted. Pruning takes bytes, and adds an entry that says of which runs; the chain is as
//!   checkable as before, and what decisions rested on stays known.
//! - [`Ledger::verify`] finds every entry and blob that was changed, removed, moved or added past the chain. Whoever can
//!   write to the file can write a whole new chain: against that stands a [`Seal`], signed and kept elsewhere.
//! - A file that is not a ledger, is of another version, is damaged or does not add up is refused with a code of its own and
//!   left as it is. Nothing is repaired in silence.
//! - The order of the chain is the order in which steps were kept. Times are what the caller says they are; a clock that went
//!   back breaks nothing.
//! - No clock and no environment is read here, and nothing is printed. What comes out of the file is hostile: no allocation is
//!   sized by a number in it, and every blob is held against its digest when it is read.
//!
//! # Files
//!
//! - `open`, `schema`: the file; `witness`: that its end is there. `error`: why not. `claim`: one process at a time at a run.
//! - `step` (what is handed in), `append` (how it gets there), `blobs`, `facts`, `hash`; `writer` does it in the background.
//! - `read`, `affected`: what was kept. `verify`, `broken`, `seal`: whether it is what it was. `prune`: what is let go.

mod affected;
mod append;
mod blobs;
mod broken;
mod claim;
mod error;
mod facts;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod hash;
mod open;
mod prune;
mod read;
mod schema;
mod seal;
mod step;
mod verify;
mod witness;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use affected::{Affected, AffectedStep, Query, Rested, Why};
pub(crate) use blobs::SHARED;
pub use broken::Broken;
pub use claim::Claim;
pub use error::LedgerError;
pub use facts::{BeginFacts, Facts, FinishFacts, OutcomeFacts, PruneFacts};
pub use hash::Head;
pub use open::Mode;
pub use prune::{Prune, Pruned};
pub use read::{Entry, Filter, Finished, Kept, KeptRun, RunRow};
pub use schema::VERSION;
pub use seal::{HEAD_TYPE, Seal, SealError};
pub use step::{
    AgentStep, Asked, Content, EvidenceStep, Finish, GateStep, Keep, Kind, RunStart, Step, Use, UseRole, role,
};
pub use verify::{Unverified, Verified};
pub use writer::Writer;

/// An open ledger. One thread at a time uses it; two processes may have the same one open.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    mode: Mode,
}

impl Ledger {
    /// Where it is, as a path from the root.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
