//! The tables of a state, and how a file says that it is one.

use crate::{sqlite::Form, state::MAX_VALUE};

/// What the header of the file names as its application: `Pors` in ASCII.
const APPLICATION: u32 = 0x506f_7273;

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

/// What a file is that is a state.
pub(super) const FORM: Form = Form {
    application: APPLICATION,
    version: VERSION,
    tables: &TABLES,
    first: "INSERT INTO fences (id, token) VALUES (1, 0)",
    before: "",
    row: MAX_VALUE as i32 + (64 << 10),
    other: "its tables are not those of a state",
};
