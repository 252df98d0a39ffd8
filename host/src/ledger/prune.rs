//! Letting bytes go. No entry is touched: the chain is as checkable as before, and one more entry says of which runs bytes
//! were let go, so that none is taken away unseen.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

use super::{
    Facts, Keep, Kind, Ledger, LedgerError, PruneFacts,
    append::{Draft, append, find_run, head},
    read::whole,
    step::role,
};

/// Of which runs bytes are let go: of those named, and of those that came to their end and that `before` and `keep`, where
/// they are given, both leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// Those that ended before.
    pub before: Option<Timestamp>,
    /// Those that are not among so many that began last.
    pub keep: Option<u32>,
    /// These, also if they were broken off.
    pub runs: Vec<String>,
}

/// What was let go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Of these runs, in the order in which they began.
    pub runs: Vec<String>,
    /// Blobs that nothing else needs.
    pub blobs: u64,
    /// The bytes in them.
    pub bytes: u64,
}

impl Ledger {
    /// Lets the bytes of runs go that nothing else needs: requests, answers, evidence, records, modules. What stays of such a
    /// run is when it was, what it was about, what it and its gates came to, and what they rested on. With `dry`, nothing
    /// changes, and what would go is said.
    ///
    /// # Errors
    /// When a run that is named is not there, was pruned before or is under way, or the ledger cannot be written.
    pub fn prune(&mut self, which: &Prune, at: Timestamp, dry: bool) -> Result<Pruned, LedgerError> {
        for run in &which.runs {
            if self.is_claimed(run) {
                return Err(LedgerError::RunClaimed(run.clone()));
            }
        }
        let transaction = self.change()?;
        let runs = chosen(&transaction, which)?;
        if runs.is_empty() {
            return Ok(Pruned::default());
        }
        let mut head = head(&transaction)?;
        let seq = head.entries.saturating_add(1).cast_signed();
        for (id, _) in &runs {
            transaction.prepare_cached("UPDATE runs SET pruned = ?2 WHERE id = ?1")?.execute((id, seq))?;
        }
        let (blobs, bytes) = let_go(&transaction)?;
        let runs: Vec<String> = runs.into_iter().map(|(_, name)| name).collect();
        let list = serde_json::to_string(&runs).map_err(|error| LedgerError::Io(error.to_string()))?;
        let facts = PruneFacts { runs: runs.len() as u64, blobs, bytes };
        let keeps = [Keep::new(role::RUNS, list)];
        let draft = Draft::new(Kind::Prune, Kind::Prune.name(), at, &Facts::Prune(facts), &keeps)?;
        append(&transaction, None, &draft, &mut head)?;
        if dry {
            transaction.rollback()?;
        } else {
            transaction.commit()?;
            self.committed(&head);
            // The bytes are gone from the ledger; that the file shrinks too is not worth failing for.
            let _ = shrink(&self.connection);
        }
        Ok(Pruned { runs, blobs, bytes })
    }
}

fn chosen(connection: &Connection, which: &Prune) -> Result<Vec<(i64, String)>, LedgerError> {
    let mut runs = Vec::new();
    for run in &which.runs {
        match find_run(connection, run)? {
            None => return Err(LedgerError::NoRun(run.clone())),
            Some(state) if state.pruned => return Err(LedgerError::RunPruned(run.clone())),
            Some(state) => runs.push((state.id, run.clone())),
        }
    }
    if which.before.is_some() || which.keep.is_some() {
        let mut statement = connection.prepare(
            "SELECT id, name FROM runs WHERE pruned IS NULL AND finished IS NOT NULL AND (?1 IS NULL OR finished < ?1) \
             AND (?2 IS NULL OR id NOT IN (SELECT id FROM runs WHERE pruned IS NULL AND finished IS NOT NULL \
             ORDER BY id DESC LIMIT ?2))",
        )?;
        let before = which.before.map(|before| before.as_millisecond());
        let found = statement.query_map((before, which.keep), |row| Ok((row.get(0)?, row.get(1)?)))?;
        for run in found {
            runs.push(run?);
        }
    }
    runs.sort();
    runs.dedup();
    Ok(runs)
}

/// Empties every blob that no run needs that is left: how many, and how many bytes.
fn let_go(transaction: &Transaction<'_>) -> Result<(u64, u64), LedgerError> {
    transaction.execute_batch("CREATE TEMP TABLE needed (blob INTEGER PRIMARY KEY)")?;
    transaction.execute(
        "INSERT INTO needed SELECT DISTINCT keeps.blob FROM keeps JOIN entries ON seq = entry \
         LEFT JOIN runs ON runs.id = entries.run WHERE role IN (?1, ?2) OR runs.pruned IS NULL",
        (role::USES, role::RUNS),
    )?;
    transaction.execute_batch(
        "INSERT OR IGNORE INTO needed SELECT source FROM parts WHERE source IS NOT NULL AND blob IN needed",
    )?;
    let took = transaction.query_row(
        "SELECT count(DISTINCT blob), coalesce(sum(length(bytes)), 0) FROM parts WHERE blob NOT IN needed",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    transaction.execute_batch("DELETE FROM parts WHERE blob NOT IN needed; DROP TABLE needed")?;
    Ok((whole(took.0)?, whole(took.1)?))
}

/// Gives what is free back to the system, as far as nobody reads an older state.
fn shrink(connection: &Connection) -> Result<(), LedgerError> {
    for pragma in ["PRAGMA incremental_vacuum", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        let mut statement = connection.prepare(pragma)?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}
