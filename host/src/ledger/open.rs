//! Opening a ledger: a file that is none, or is of another version, is refused before SQLite has touched it.

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig};

use super::{Ledger, LedgerError, schema::FORM, witness};
use crate::sqlite::{beside, check_header, check_tables, create, files, harden};

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a ledger is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To look at; it has to be there.
    Read,
    /// To add to; it is made where there is none.
    Write,
}

impl Ledger {
    /// Opens the ledger at `path`. With [`Mode::Write`], one that is not there is made, for its owner alone, and the folder too.
    ///
    /// # Errors
    /// When there is none, it is something else, of another version or damaged, somebody else holds it, or the system
    /// refuses it.
    pub fn open(path: &Path, mode: Mode) -> Result<Self, LedgerError> {
        Self::open_waiting(path, mode, PATIENCE)
    }

    /// [`Ledger::open`], with another wait for those who write.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_waiting(path: &Path, mode: Mode, wait: Duration) -> Result<Self, LedgerError> {
        if mode == Mode::Write && !path.try_exists()? {
            create(path, &FORM)?;
        }
        check_header(path, &FORM)?;
        // SQLite reads a path that does not begin with a slash in ways of its own.
        let path = fs::canonicalize(path)?;
        let connection = match (connect(&path, mode, wait), mode) {
            (Err(LedgerError::ReadOnly | LedgerError::Io(_)), Mode::Read) if !has_log(&path) => frozen(&path)?,
            (connected, _) => connected?,
        };
        witness::check(&connection, &path)?;
        Ok(Self { connection, path, mode })
    }

    /// Every file that belongs to the ledger at `path`: its own, the log with its index, and the witness.
    #[must_use]
    pub fn files(path: &Path) -> Vec<PathBuf> {
        files(path).into_iter().chain([beside(path, "-head")]).collect()
    }

    /// Moves what stands in the log beside the file into the file, which is then all there is to copy.
    ///
    /// # Errors
    /// When the ledger can only be read, or somebody else is using it.
    pub fn into_one_file(self) -> Result<(), LedgerError> {
        self.check_writable()?;
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        let busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        self.connection.close().map_err(|(_, error)| error)?;
        if busy { Err(LedgerError::Locked) } else { Ok(()) }
    }

    /// That this one may be written to.
    pub(super) fn check_writable(&self) -> Result<(), LedgerError> {
        if self.mode == Mode::Write { Ok(()) } else { Err(LedgerError::ReadOnly) }
    }
}

fn connect(path: &Path, mode: Mode, wait: Duration) -> Result<Connection, LedgerError> {
    let access = match mode {
        Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settle(&connection, wait)?;
    check_tables(&connection, &FORM)?;
    // A file that may only be read opens all the same; better to say so before anything has run.
    if mode == Mode::Write && connection.is_readonly(MAIN_DB)? { Err(LedgerError::ReadOnly) } else { Ok(connection) }
}

/// A ledger where nothing can be written, not even the log's index: such as one on a disk that is mounted to be read.
pub(super) fn frozen(path: &Path) -> Result<Connection, LedgerError> {
    let encoded: String = path.as_os_str().as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags)?;
    settle(&connection, Duration::ZERO)?;
    check_tables(&connection, &FORM)?;
    Ok(connection)
}

/// Whether the log holds what the file does not; then the file alone is not the ledger.
fn has_log(path: &Path) -> bool {
    fs::symlink_metadata(beside(path, "-wal")).is_ok_and(|found| found.len() > 0)
}

fn settle(connection: &Connection, wait: Duration) -> Result<(), LedgerError> {
    harden(connection, wait, &FORM)?;
    // What is pruned is overwritten where that costs nothing; the rest leaves the file when it shrinks.
    // A log that grew with one large run shrinks again once it starts over.
    connection.execute_batch(
        "PRAGMA secure_delete = FAST; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 33554432",
    )?;
    Ok(())
}
