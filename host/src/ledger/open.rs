//! Opening a ledger: a file that is none, or is of another version, is refused before SQLite has touched it.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig, limits::Limit};

use super::{Ledger, LedgerError, schema, witness};
use crate::files::open_capped;

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of one row: a hostile file may claim any number.
const MAX_ROW: i32 = 16 << 20;

/// Statements that are kept ready: more than there are.
const STATEMENTS: usize = 64;

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
            create(path)?;
        }
        check_header(path)?;
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
        let beside = |ending: &str| {
            let mut file = path.as_os_str().to_owned();
            file.push(ending);
            PathBuf::from(file)
        };
        ["", "-wal", "-shm", "-head"].map(beside).into()
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

/// Magic, version and application, where SQLite's file format has them; the tables are looked at later.
fn check_header(path: &Path) -> Result<(), LedgerError> {
    let (mut file, _) = open_capped(path, u64::MAX)?;
    let mut header = [0; 100];
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => LedgerError::Foreign("it is no database"),
        _ => error.into(),
    })?;
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    };
    if !header.starts_with(b"SQLite format 3\0") {
        Err(LedgerError::Foreign("it is no database"))
    } else if number(68) != schema::APPLICATION {
        Err(LedgerError::Foreign("it is a database of another program's"))
    } else if number(60) != schema::VERSION {
        Err(LedgerError::Version(number(60)))
    } else if header.get(18..20) != Some(&[2, 2]) {
        Err(LedgerError::Foreign("it is not written with a write-ahead log"))
    } else {
        Ok(())
    }
}

fn connect(path: &Path, mode: Mode, wait: Duration) -> Result<Connection, LedgerError> {
    let access = match mode {
        Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    settle(&connection, wait)?;
    schema::check(&connection)?;
    // A file that may only be read opens all the same; better to say so before anything has run.
    if mode == Mode::Write && connection.is_readonly(MAIN_DB)? { Err(LedgerError::ReadOnly) } else { Ok(connection) }
}

/// A ledger where nothing can be written, not even the log's index: such as one on a disk that is mounted to be read.
pub(super) fn frozen(path: &Path) -> Result<Connection, LedgerError> {
    let encoded: String = path.as_os_str().as_bytes().iter().map(|byte| format!("%{byte:02x}")).collect();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags)?;
    settle(&connection, Duration::ZERO)?;
    schema::check(&connection)?;
    Ok(connection)
}

/// Whether the log holds what the file does not; then the file alone is not the ledger.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::symlink_metadata(log).is_ok_and(|found| found.len() > 0)
}

/// Nothing that stands in the file makes SQLite do more than read and write rows.
fn settle(connection: &Connection, wait: Duration) -> Result<(), LedgerError> {
    connection.busy_timeout(wait)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        // What stands in the log is moved into the file when there is much of it, and not at the end of every run: that
        // takes longer than the run.
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        // Otherwise a statement is planned anew whenever it is asked about another value.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_ROW)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // What is pruned is overwritten where that costs nothing; the rest leaves the file when it shrinks.
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0; PRAGMA cache_size = -16384;",
    )?;
    Ok(())
}

/// Makes an empty ledger, whole or not at all: of two that make one at once, one does, and both use it.
fn create(path: &Path) -> Result<(), LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = tempfile::Builder::new()
        .prefix(".portcullis-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    fill(&fs::canonicalize(file.path())?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error.into()),
        _ => {
            // The name itself has to survive a power cut; where a folder cannot be synced, the file still is.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
            Ok(())
        }
    }
}

fn fill(path: &Path) -> Result<(), LedgerError> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Nobody else sees the file yet, and it is synced as a whole.
    connection
        .execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
    let transaction = connection.transaction()?;
    schema::create(&transaction)?;
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error.into())
}
