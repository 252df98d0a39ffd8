//! Which past decisions rested on something: a module, a key, or whatever a revocation list names.
//!
//! What a step rested on is kept as one document, and steps that rested on the same share it. So a question is put to a
//! handful of documents, and only those that it concerns are followed to their entries. They outlast pruning.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Connection;
use semver::Version;

use super::{
    Broken, Facts, Kind, Ledger, LedgerError, RunRow, Use, UseRole, blobs,
    read::{RUNS, run_row, whole},
    step::role,
};
use crate::{
    digest::Digest,
    trust::{KeyId, Revocation, Revocations},
};

/// What decisions are asked to have rested on.
#[derive(Clone, Copy, Debug)]
pub enum Query<'a> {
    /// A module by its content, or a signed document by its payload.
    Content(Digest),
    /// A key that counted.
    Key(KeyId),
    /// Whatever is revoked, by the rules that a run goes by.
    Revocations(&'a Revocations),
}

/// Why something that was used answers a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is what was asked for.
    Content,
    /// The key counted for it.
    Key(KeyId),
    /// It, its release, or a key that counted for it is revoked.
    Revoked(Box<Revocation>),
    /// Releases of its publisher are revoked, and it is not known which release it is.
    ReleaseUnknown,
}

/// Something that was used, and why it answers the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rested {
    /// What was used.
    pub used: Use,
    /// Why it answers; never empty.
    pub why: Vec<Why>,
}

/// A step of a run that rested on what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedStep {
    /// The number of its entry.
    pub seq: u64,
    /// What it is.
    pub kind: Kind,
    /// The gate.
    pub name: String,
    /// What it came to, in one word.
    pub outcome: Option<String>,
    /// What it rested on, of what was asked for.
    pub rested: Arc<[Rested]>,
}

/// A run that rested on what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The run, and what it decided.
    pub run: RunRow,
    /// Its steps that did.
    pub steps: Vec<AffectedStep>,
}

impl Query<'_> {
    fn why(&self, used: &Use) -> Vec<Why> {
        match self {
            Self::Content(content) => (used.content == *content).then_some(Why::Content).into_iter().collect(),
            Self::Key(key) => used.keys.contains(key).then_some(Why::Key(*key)).into_iter().collect(),
            Self::Revocations(revocations) => revoked(revocations, used),
        }
    }
}

fn revoked(revocations: &Revocations, used: &Use) -> Vec<Why> {
    let keys = used.keys.iter().flat_map(|key| revocations.of_key(key, &used.content));
    let named = revocations.of_module(&used.content).chain(keys);
    let mut why: Vec<Why> = named.map(|revocation| Why::Revoked(Box::new(revocation.clone()))).collect();
    if let (UseRole::Module, Some(publisher)) = (used.role, &used.publisher) {
        let version = used.version.as_ref().and_then(|version| Version::parse(version).ok());
        match used.name.as_ref().zip(version) {
            Some((name, version)) => {
                let releases = revocations.of_release(publisher, name, &version);
                why.extend(releases.map(|revocation| Why::Revoked(Box::new(revocation.clone()))));
            }
            None if revocations.has_release_of(publisher) => why.push(Why::ReleaseUnknown),
            None => {}
        }
    }
    why
}

impl Ledger {
    /// Every past decision that rested on what is asked for, the one that began last first; pruned ones too.
    ///
    /// # Errors
    /// When the ledger cannot be read, or what it says of something that was used is not what it was.
    pub fn affected(&self, query: &Query<'_>) -> Result<Vec<Affected>, LedgerError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let mut runs: BTreeMap<i64, Vec<AffectedStep>> = BTreeMap::new();
        for (blob, uses) in documents(&snapshot)? {
            let rested = uses.into_iter().filter_map(|used| {
                let why = query.why(&used);
                (!why.is_empty()).then_some(Rested { used, why })
            });
            let rested: Arc<[Rested]> = rested.collect();
            if !rested.is_empty() {
                follow(&snapshot, blob, &rested, &mut runs)?;
            }
        }
        let affected = runs.into_iter().rev().map(|(run, mut steps)| {
            steps.sort_by_key(|step| step.seq);
            Ok(Affected { run: row_of(&snapshot, run)?, steps })
        });
        affected.collect()
    }
}

/// Every document of what was used, with the row that it lies in.
fn documents(connection: &Connection) -> Result<Vec<(i64, Vec<Use>)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        // From one document to the next by the index, over however many entries share it.
        "WITH RECURSIVE resting (blob) AS ( \
             SELECT min(blob) FROM keeps WHERE role = 'uses' \
             UNION ALL SELECT (SELECT min(keeps.blob) FROM keeps WHERE role = 'uses' AND keeps.blob > resting.blob) \
                 FROM resting WHERE resting.blob IS NOT NULL) \
         SELECT id, digest FROM resting JOIN blobs ON id = resting.blob",
    )?;
    let mut rows = statement.query([])?;
    let mut documents = Vec::new();
    while let Some(row) = rows.next()? {
        let digest = Digest(row.get(1)?);
        let mut text = Vec::new();
        blobs::read(connection, &digest, &mut |bytes| {
            text.extend_from_slice(bytes);
            Ok(())
        })?;
        let uses = serde_json::from_slice(&text).map_err(|_| Broken::BlobChanged { digest, entries: Vec::new() })?;
        documents.push((row.get(0)?, uses));
    }
    Ok(documents)
}

/// The entries that keep a document, by run.
fn follow(
    connection: &Connection,
    document: i64,
    rested: &Arc<[Rested]>,
    runs: &mut BTreeMap<i64, Vec<AffectedStep>>,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, run, kind, name, facts FROM keeps JOIN entries ON seq = entry \
         WHERE role = 'uses' AND blob = ?1 AND run IS NOT NULL ORDER BY entry",
    )?;
    debug_assert_eq!(role::USES, "uses", "the index and the queries that use it spell it out");
    let mut rows = statement.query([document])?;
    while let Some(row) = rows.next()? {
        let kind = Kind::named(row.get_ref(2)?.as_str().unwrap_or_default())
            .ok_or_else(|| LedgerError::corrupt("an entry is of no known kind"))?;
        let facts = Facts::parse(kind, row.get_ref(4)?.as_str().unwrap_or_default())?;
        runs.entry(row.get(1)?).or_default().push(AffectedStep {
            seq: whole(row.get(0)?)?,
            kind,
            name: row.get(3)?,
            outcome: facts.outcome().map(str::to_owned),
            rested: Arc::clone(rested),
        });
    }
    Ok(())
}

fn row_of(connection: &Connection, run: i64) -> Result<RunRow, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{RUNS} WHERE id = ?1"))?;
    let mut rows = statement.query([run])?;
    run_row(rows.next()?.ok_or_else(|| LedgerError::corrupt("an entry is of a run that is not there"))?)
}
