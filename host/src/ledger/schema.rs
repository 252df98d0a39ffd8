//! The tables of a ledger, and how a file says that it is one.

use crate::sqlite::Form;

/// What the header of the file names as its application: `Porc` in ASCII.
const APPLICATION: u32 = 0x506f_7263;

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

/// What a file is that is a ledger.
pub(super) const FORM: Form = Form {
    application: APPLICATION,
    version: VERSION,
    tables: &TABLES,
    first: "",
    // Space that pruning frees is given back to the disk.
    before: "PRAGMA auto_vacuum = INCREMENTAL",
    row: 16 << 20,
    other: "its tables are not those of a ledger",
};
