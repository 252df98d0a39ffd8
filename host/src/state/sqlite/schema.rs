//! The tables of a state, and how a file says that it is one.

use rusqlite::{Connection, Transaction};

use crate::state::StateError;

/// What the header of the file names as its application: `Pors` in ASCII.
pub(super) const APPLICATION: u32 = 0x506f_7273;

/// The version of the tables.
pub(in crate::state) const VERSION: u32 = 1;

/// How each table and index is made, in this order, letter by letter as SQLite remembers it.
///
/// - `entries`: values. `expires` is in milliseconds since 1970, as everywhere here; without one, never.
/// - `counters`: each with a checksum of its own; those of one key expire together.
/// - `items`: of lists, numbered without a gap.
/// - `locks`: who holds which until when. One that has run out may still stand there.
/// - `fences`: the largest token that was ever given, in its only row.
const TABLES: [&str; 6] = [
    "CREATE TABLE entries (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, version BLOB NOT NULL, \
     checksum BLOB NOT NULL, value BLOB NOT NULL, expires INTEGER) STRICT",
    "CREATE INDEX passing ON entries (expires) WHERE expires IS NOT NULL",
    "CREATE TABLE counters (key TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, checksum BLOB NOT NULL, \
     expires INTEGER, PRIMARY KEY (key, name)) STRICT, WITHOUT ROWID",
    "CREATE TABLE items (id INTEGER PRIMARY KEY, key TEXT NOT NULL, number INTEGER NOT NULL, version BLOB NOT NULL, \
     checksum BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (key, number)) STRICT",
    "CREATE TABLE locks (key TEXT PRIMARY KEY, token INTEGER NOT NULL, nonce BLOB NOT NULL, holder TEXT NOT NULL, \
     expires INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE fences (id INTEGER PRIMARY KEY CHECK (id = 1), token INTEGER NOT NULL) STRICT",
];

/// Makes the tables in a new file.
pub(super) fn create(transaction: &Transaction<'_>) -> Result<(), StateError> {
    for table in TABLES {
        transaction.execute_batch(table)?;
    }
    transaction.execute("INSERT INTO fences (id, token) VALUES (1, 0)", [])?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// That the file has these tables and nothing else: a trigger or a view of somebody's would act on what is written here.
pub(super) fn check(connection: &Connection) -> Result<(), StateError> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut expected = TABLES.iter();
    while let Some(row) = rows.next()? {
        if expected.next() != Some(&row.get_ref(0)?.as_str().unwrap_or_default()) {
            return Err(StateError::Foreign("its tables are not those of a state"));
        }
    }
    if expected.next().is_some() { Err(StateError::Foreign("tables of a state are missing in it")) } else { Ok(()) }
}
