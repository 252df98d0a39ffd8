//! The tables of a ledger, and how a file says that it is one.

use rusqlite::{Connection, Transaction};

use super::LedgerError;

/// What the header of the file names as its application: `Porc` in ASCII.
pub(super) const APPLICATION: u32 = 0x506f_7263;

/// The version of the tables.
pub const VERSION: u32 = 1;

/// How each table and index is made, in this order, letter by letter as SQLite remembers it.
///
/// - `blobs`: what bytes are known by. A row stays when its bytes are pruned, for entries go on naming the digest.
/// - `parts`: the bytes, in pieces that fit a row, or shared with another blob (`source`). Apart from what stays, so that
///   pages become free when bytes are pruned.
/// - `runs`: what the chain says of each run, for finding them.
/// - `entries`: the chain. No row of it is ever changed or deleted.
/// - `keeps`: what an entry keeps, by role.
/// - `resting`: from what decisions rested on to the entries that say so.
const TABLES: [&str; 6] = [
    "CREATE TABLE blobs (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, size INTEGER NOT NULL) STRICT",
    "CREATE TABLE parts (id INTEGER PRIMARY KEY, blob INTEGER NOT NULL REFERENCES blobs, part INTEGER NOT NULL, \
     bytes BLOB, source INTEGER REFERENCES blobs, UNIQUE (blob, part), CHECK ((bytes IS NULL) <> (source IS NULL))) STRICT",
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, policy TEXT NOT NULL, \
     manifest BLOB NOT NULL, subject TEXT, started INTEGER NOT NULL, finished INTEGER, decision TEXT, \
     exit_code INTEGER, pruned INTEGER) STRICT",
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY, run INTEGER REFERENCES runs, kind TEXT NOT NULL, \
     name TEXT NOT NULL, at INTEGER NOT NULL, facts TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL, \
     UNIQUE (run, kind, name)) STRICT",
    "CREATE TABLE keeps (entry INTEGER NOT NULL REFERENCES entries, role TEXT NOT NULL, \
     blob INTEGER NOT NULL REFERENCES blobs, PRIMARY KEY (entry, role)) STRICT, WITHOUT ROWID",
    "CREATE INDEX resting ON keeps (blob, entry) WHERE role = 'uses'",
];

/// Makes the tables in a new file.
pub(super) fn create(transaction: &Transaction<'_>) -> Result<(), LedgerError> {
    for table in TABLES {
        transaction.execute_batch(table)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// That the file has these tables and nothing else: a trigger or a view of somebody's would act on what is written here.
pub(super) fn check(connection: &Connection) -> Result<(), LedgerError> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut expected = TABLES.iter();
    while let Some(row) = rows.next()? {
        if expected.next() != Some(&row.get_ref(0)?.as_str().unwrap_or_default()) {
            return Err(LedgerError::Foreign("its tables are not those of a ledger"));
        }
    }
    if expected.next().is_some() { Err(LedgerError::Foreign("tables of a ledger are missing in it")) } else { Ok(()) }
}
