//! Whether a ledger is what it was: every entry against its hash and the one before it, every blob against its digest, and
//! the table of runs against the chain.

mod blobs;
mod chain;

use super::{Broken, Head, Ledger, LedgerError, Seal, witness};

/// Things that do not add up, told at most; a ledger that is garbage has one for every row.
const TOLD: usize = 1_000;

/// A ledger in which everything adds up: proof that it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The end of the chain.
    pub head: Head,
    /// How many runs there are.
    pub runs: u64,
    /// How many of them have come to their end.
    pub finished: u64,
    /// How many of them were pruned.
    pub pruned: u64,
    /// How many blobs are there.
    pub blobs: u64,
    /// How many bytes they have, each counted once however many share it.
    pub bytes: u64,
}

/// Why a ledger was not verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It is not what it was: everything that is not, as far as a thousand.
    #[error("the ledger is not what it was")]
    Broken(Vec<Broken>),
    /// It could not be read.
    #[error("{0}")]
    Unreadable(#[from] LedgerError),
}

impl From<rusqlite::Error> for Unverified {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// What does not add up, so far.
#[derive(Default)]
struct Found {
    broken: Vec<Broken>,
    untold: u64,
}

impl Found {
    fn add(&mut self, broken: Broken) {
        if self.broken.len() < TOLD {
            self.broken.push(broken);
        } else {
            self.untold += 1;
        }
    }

    fn is_full(&self) -> bool {
        self.broken.len() >= TOLD
    }
}

impl Ledger {
    /// Looks at everything; with a seal, also that the chain is the one that was sealed, as far as that goes, and likewise with
    /// the witness beside the ledger. What is written meanwhile is not looked at.
    ///
    /// # Errors
    /// With everything that does not add up, or why the ledger could not be read.
    pub fn verify(&self, seal: Option<&Seal>) -> Result<Verified, Unverified> {
        // Read first: what is committed meanwhile may be more than it says, and is never less.
        let witness = witness::read(&self.path);
        let snapshot = self.connection.unchecked_transaction()?;
        let mut found = Found::default();
        check_pages(&snapshot, &mut found)?;
        let chain = chain::walk(&snapshot, [seal.map(Seal::head), witness], &mut found)?;
        let (blobs, bytes) = blobs::walk(&snapshot, chain.needs, &mut found)?;
        if found.untold > 0 {
            found.broken.push(Broken::More { count: found.untold });
        }
        if !found.broken.is_empty() {
            return Err(Unverified::Broken(found.broken));
        }
        let count = |which: fn(&chain::Said) -> bool| chain.runs.values().filter(|run| which(run)).count() as u64;
        Ok(Verified {
            head: chain.head,
            runs: count(|_| true),
            finished: count(|run| run.finished.is_some()),
            pruned: count(|run| run.pruned.is_some()),
            blobs,
            bytes,
        })
    }
}

/// SQLite's own look at the file: trees, indexes, types.
fn check_pages(snapshot: &rusqlite::Connection, found: &mut Found) -> Result<(), LedgerError> {
    let mut statement = snapshot.prepare("PRAGMA integrity_check(20)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let what: String = row.get(0)?;
        if what != "ok" {
            found.add(Broken::Damaged { what });
        }
    }
    Ok(())
}
