//! What was kept, read back. An entry is held against its own hash, and a blob against its digest; whether the chain as a
//! whole is what it was is for [`Ledger::verify`] to say.

use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde::Serialize;

use super::{
    Broken, Facts, Kind, Ledger, LedgerError,
    blobs::IS_THERE,
    hash::{Bound, Link},
};
use crate::digest::Digest;

/// A run, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// Its name.
    pub run: String,
    /// The pipeline.
    pub policy: String,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// What the decision is about.
    pub subject: Option<String>,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started: Timestamp,
    /// What it came to; nothing while it is under way, or was broken off.
    pub finished: Option<Finished>,
    /// Whether its bytes were let go.
    pub pruned: bool,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finished {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// `go`, `no-go` or `blocked`.
    pub decision: String,
    /// The exit status.
    pub exit_code: u8,
}

/// Which runs are asked for; nothing asked is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this pipeline.
    pub policy: Option<String>,
    /// About this.
    pub subject: Option<String>,
    /// That came to this decision.
    pub decision: Option<String>,
    /// That have not come to their end, or have.
    pub finished: Option<bool>,
    /// That began then or later.
    pub since: Option<Timestamp>,
    /// No more than so many.
    pub limit: Option<u32>,
}

/// An entry of the chain, which its hash was held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1.
    pub seq: u64,
    /// Its run; nothing where bytes were let go.
    pub run: Option<String>,
    /// What it is about.
    pub kind: Kind,
    /// The name of the piece of evidence or the gate; else that of its kind.
    pub name: String,
    /// When, as the caller said.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// What it says.
    pub facts: Facts,
    /// What it keeps, in the order of the roles.
    pub keeps: Vec<Kept>,
    /// The hash of the entry before.
    pub prev: Digest,
    /// Its own.
    pub hash: Digest,
}

/// Something that an entry keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What it is to the entry.
    pub role: String,
    /// Its digest, which [`Ledger::blob`] takes.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Whether its bytes are there still.
    pub there: bool,
}

/// A run with all its entries, in the order of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptRun {
    /// The run.
    #[serde(flatten)]
    pub row: RunRow,
    /// What was kept of it.
    pub entries: Vec<Entry>,
}

impl KeptRun {
    /// The entry of that kind and name.
    #[must_use]
    pub fn entry(&self, kind: Kind, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind && entry.name == name)
    }
}

impl Entry {
    /// What it keeps as `role`.
    #[must_use]
    pub fn kept(&self, role: &str) -> Option<&Kept> {
        self.keeps.iter().find(|kept| kept.role == role)
    }
}

/// Runs, as [`run_row`] reads them, with the row's number at the end.
pub(super) const RUNS: &str =
    "SELECT name, policy, manifest, subject, started, finished, decision, exit_code, pruned IS NOT NULL, id FROM runs";

impl Ledger {
    /// Runs, the one that began last first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn runs(&self, filter: &Filter) -> Result<Vec<RunRow>, LedgerError> {
        let Filter { policy, subject, decision, finished, since, limit } = filter;
        let mut statement = self.connection.prepare_cached(&format!(
            "{RUNS} WHERE (?1 IS NULL OR policy = ?1) AND (?2 IS NULL OR subject = ?2) \
             AND (?3 IS NULL OR decision = ?3) AND (?4 IS NULL OR (finished IS NOT NULL) = ?4) \
             AND (?5 IS NULL OR started >= ?5) ORDER BY id DESC LIMIT ?6"
        ))?;
        let since = since.map(|since| since.as_millisecond());
        let limit = limit.map_or(-1, i64::from);
        let mut rows = statement.query((policy, subject, decision, finished, since, limit))?;
        let mut runs = Vec::new();
        while let Some(row) = rows.next()? {
            runs.push(run_row(row)?);
        }
        Ok(runs)
    }

    /// The run of that name.
    ///
    /// # Errors
    /// When there is none, one of its entries is not what it was, or the ledger cannot be read.
    pub fn run(&self, run: &str) -> Result<KeptRun, LedgerError> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut statement = transaction.prepare_cached(&format!("{RUNS} WHERE name = ?1"))?;
        let mut rows = statement.query([run])?;
        let row = rows.next()?.ok_or_else(|| LedgerError::NoRun(run.to_owned()))?;
        let (id, row): (i64, _) = (row.get(9)?, run_row(row)?);
        Ok(KeptRun { row, entries: entries_of(&transaction, id)? })
    }

    /// The names of the runs that begin with `prefix`, the one that began last first; at most `most` of them.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn runs_named(&self, prefix: &str, most: u32) -> Result<Vec<String>, LedgerError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT name FROM runs WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name <> ?1, id DESC LIMIT ?2",
        )?;
        let names = statement.query_map((prefix, most), |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

pub(super) fn run_row(row: &Row<'_>) -> Result<RunRow, LedgerError> {
    let finished = match (row.get(5)?, row.get(6)?, row.get::<_, Option<i64>>(7)?) {
        (Some(at), Some(decision), Some(exit_code)) => {
            let exit_code =
                u8::try_from(exit_code).map_err(|_| LedgerError::corrupt("an exit status is out of range"))?;
            Some(Finished { at: time(at)?, decision, exit_code })
        }
        (None, None, None) => None,
        _ => return Err(LedgerError::corrupt("a run has half an end")),
    };
    Ok(RunRow {
        run: row.get(0)?,
        policy: row.get(1)?,
        manifest: Digest(row.get(2)?),
        subject: row.get(3)?,
        started: time(row.get(4)?)?,
        finished,
        pruned: row.get(8)?,
    })
}

fn entries_of(connection: &Connection, run: i64) -> Result<Vec<Entry>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{ENTRIES} WHERE entries.run = ?1 ORDER BY seq"))?;
    let mut rows = statement.query([run])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let raw = RawEntry::of(row)?;
        let keeps = keeps_of(connection, raw.seq)?;
        entries.push(raw.checked(keeps)?);
    }
    Ok(entries)
}

/// What an entry keeps, with the digests that its hash covers.
fn keeps_of(connection: &Connection, entry: u64) -> Result<Vec<Kept>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT role, digest, size, {IS_THERE} FROM keeps JOIN blobs ON blobs.id = keeps.blob \
         WHERE entry = ?1 ORDER BY role"
    ))?;
    let mut rows = statement.query([entry.cast_signed()])?;
    let mut keeps = Vec::new();
    while let Some(row) = rows.next()? {
        keeps.push(Kept {
            role: row.get(0)?,
            digest: Digest(row.get(1)?),
            size: whole(row.get(2)?)?,
            there: row.get(3)?,
        });
    }
    Ok(keeps)
}

pub(super) const ENTRIES: &str = "SELECT seq, runs.name, kind, entries.name, at, facts, prev, hash, entries.run \
     FROM entries LEFT JOIN runs ON runs.id = entries.run";

/// An entry as it stands in the file, whether it adds up or not.
#[derive(Clone, Debug)]
pub(super) struct RawEntry {
    pub(super) seq: u64,
    pub(super) run: Option<String>,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) at: i64,
    pub(super) facts: String,
    pub(super) prev: Digest,
    pub(super) hash: Digest,
    pub(super) run_id: Option<i64>,
}

impl RawEntry {
    /// Out of a row of [`ENTRIES`].
    pub(super) fn of(row: &Row<'_>) -> Result<Self, LedgerError> {
        Ok(Self {
            seq: whole(row.get(0)?)?,
            run: row.get(1)?,
            kind: row.get(2)?,
            name: row.get(3)?,
            at: row.get(4)?,
            facts: row.get(5)?,
            prev: Digest(row.get(6)?),
            hash: Digest(row.get(7)?),
            run_id: row.get(8)?,
        })
    }

    /// The hash that it ought to have as number `seq`.
    pub(super) fn hash_as(&self, seq: u64, keeps: &[Bound<'_>]) -> Digest {
        let Self { run, kind, name, at, facts, prev, .. } = self;
        let run = run.as_deref().unwrap_or_default();
        Link { seq, prev: *prev, run, kind, name, at: *at, facts, keeps }.hash()
    }

    /// What it is, in a few words.
    pub(super) fn label(&self) -> String {
        match &self.run {
            Some(run) => format!("{} `{}` of run `{run}`", self.kind, self.name),
            None => self.kind.clone(),
        }
    }

    /// The entry, if its hash is the one of what it says.
    pub(super) fn checked(self, keeps: Vec<Kept>) -> Result<Entry, LedgerError> {
        let bound: Vec<Bound<'_>> = keeps.iter().map(Bound::from).collect();
        if self.hash_as(self.seq, &bound) != self.hash {
            return Err(Broken::EntryChanged { seq: self.seq, what: self.label() }.into());
        }
        let kind = Kind::named(&self.kind).ok_or_else(|| LedgerError::corrupt("an entry is of no known kind"))?;
        Ok(Entry {
            facts: Facts::parse(kind, &self.facts)?,
            at: time(self.at)?,
            seq: self.seq,
            run: self.run,
            kind,
            name: self.name,
            keeps,
            prev: self.prev,
            hash: self.hash,
        })
    }
}

impl<'a> From<&'a Kept> for Bound<'a> {
    fn from(kept: &'a Kept) -> Self {
        Self { role: &kept.role, digest: kept.digest, size: kept.size }
    }
}

/// A number that is never negative.
pub(super) fn whole(number: i64) -> Result<u64, LedgerError> {
    u64::try_from(number).map_err(|_| LedgerError::corrupt("a number is negative that never is"))
}

/// Every time that a caller may have said, the last millisecond of all time included.
pub(super) fn time(milliseconds: i64) -> Result<Timestamp, LedgerError> {
    let nanoseconds = milliseconds.rem_euclid(1_000) * 1_000_000;
    Timestamp::new(milliseconds.div_euclid(1_000), i32::try_from(nanoseconds).unwrap_or_default())
        .map_err(|_| LedgerError::corrupt("a time is past all time"))
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
