//! Opening a state: a file that is none, or is of another version, is refused before SQLite has touched it.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::schema::FORM;
use crate::{
    sqlite::{check_header, check_tables, create, harden},
    state::StateError,
};

/// Opens the state at `path`, which is made where there is none; `wait` is how long a writer waits for another one.
pub(super) fn open(path: &Path, wait: Duration) -> Result<Connection, StateError> {
    if !path.try_exists()? {
        create(path, &FORM)?;
    }
    check_header(path, &FORM)?;
    // SQLite reads a path that does not begin with a slash in ways of its own.
    let path = fs::canonicalize(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    harden(&connection, wait, &FORM)?;
    connection.execute_batch("PRAGMA cache_size = -8192")?;
    check_tables(&connection, &FORM)?;
    // A file that may only be read opens all the same; better to say so before anything has run.
    if connection.is_readonly(MAIN_DB)? { Err(StateError::ReadOnly) } else { Ok(connection) }
}
