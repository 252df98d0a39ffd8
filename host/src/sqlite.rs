//! SQLite files of this program's own: made whole or not at all, known by their header before SQLite has touched them, and
//! opened so that nothing that stands in one makes SQLite do more than read and write rows.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, config::DbConfig, ffi, limits::Limit};

use crate::{
    files::{FileError, open_capped, reason},
    text::excerpt,
};

/// Statements that are kept ready: more than anybody here has.
const STATEMENTS: usize = 64;
/// How much of what SQLite says a message repeats, in characters.
const QUOTED: usize = 200;

/// What a file of ours is.
pub(crate) struct Form {
    /// What its header names as its application.
    pub(crate) application: u32,
    /// The version of its tables.
    pub(crate) version: u32,
    /// How each table and index is made, in this order, letter by letter as SQLite remembers it.
    pub(crate) tables: &'static [&'static str],
    /// What is done besides when it is made.
    pub(crate) first: &'static str,
    /// What has to be said before the first table is made.
    pub(crate) before: &'static str,
    /// The most bytes of one row: a hostile file may claim any number.
    pub(crate) row: i32,
    /// What is told of a file with other tables.
    pub(crate) other: &'static str,
}

/// Why a file could not be read or written.
pub(crate) enum SqliteError {
    /// There is none.
    Missing,
    /// It is something else.
    Foreign(&'static str),
    /// It is of another version.
    Version(u32),
    /// It does not hold together.
    Damaged(String),
    /// Somebody else writes to it, and does not end.
    Busy,
    /// The disk takes no more.
    Full,
    /// It may only be read.
    ReadOnly,
    /// The system failed to read or write.
    Io(String),
}

/// The files of the database at `path`: its own, and the log with its index.
pub(crate) fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| beside(path, ending))
}

/// The file whose name is that of `path` with `ending` behind it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut file = path.as_os_str().to_owned();
    file.push(ending);
    PathBuf::from(file)
}

/// Magic, version and application, where SQLite's file format has them; the tables are looked at by [`check_tables`].
pub(crate) fn check_header(path: &Path, form: &Form) -> Result<(), SqliteError> {
    let (mut file, _) = open_capped(path, u64::MAX)?;
    let mut header = [0; 100];
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SqliteError::Foreign("it is no database"),
        _ => error.into(),
    })?;
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    };
    if !header.starts_with(b"SQLite format 3\0") {
        Err(SqliteError::Foreign("it is no database"))
    } else if number(68) != form.application {
        Err(SqliteError::Foreign("it is a database of another program's"))
    } else if number(60) != form.version {
        Err(SqliteError::Version(number(60)))
    } else if header.get(18..20) != Some(&[2, 2]) {
        Err(SqliteError::Foreign("it is not written with a write-ahead log"))
    } else {
        Ok(())
    }
}

/// That the file has the tables of its form and nothing else: a trigger or a view of somebody's would act on what is written.
pub(crate) fn check_tables(connection: &Connection, form: &Form) -> Result<(), SqliteError> {
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut expected = form.tables.iter();
    while let Some(row) = rows.next()? {
        if expected.next() != Some(&row.get_ref(0)?.as_str().unwrap_or_default()) {
            return Err(SqliteError::Foreign(form.other));
        }
    }
    if expected.next().is_some() { Err(SqliteError::Foreign("tables are missing in it")) } else { Ok(()) }
}

/// Nothing that stands in the file makes SQLite do more than read and write rows. `wait` is how long a writer waits for another
/// one.
pub(crate) fn harden(connection: &Connection, wait: Duration, form: &Form) -> Result<(), SqliteError> {
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
        // What stands in the log is moved into the file when there is much of it, and not whenever a process ends: that takes
        // longer than most runs.
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        // Otherwise a statement is planned anew whenever it is asked about another value.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, form.row)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;",
    )?;
    Ok(())
}

/// Makes an empty file of that form and the folder that it lies in, for their owner alone; whole or not at all: of two that make
/// one at once, one does, and both use it.
pub(crate) fn create(path: &Path, form: &Form) -> Result<(), SqliteError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = tempfile::Builder::new()
        .prefix(".portcullis-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    fill(&fs::canonicalize(file.path())?, form)?;
    file.as_file().sync_all()?;
    // SQLite would write what stands in it into the new file. Where somebody else just made the file, the log is that one's.
    if beside(path, "-wal").exists() && !path.exists() {
        return Err(SqliteError::Foreign("its file is gone, and its log, which ends with `-wal`, is still there"));
    }
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error.into()),
        _ => {
            // The name itself has to survive a power cut; where a folder cannot be synced, the file still is.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
            Ok(())
        }
    }
}

fn fill(path: &Path, form: &Form) -> Result<(), SqliteError> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Nobody else sees the file yet, and it is synced as a whole.
    connection.execute_batch(form.before)?;
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
    let transaction = connection.transaction()?;
    create_tables(&transaction, form)?;
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error.into())
}

fn create_tables(transaction: &Transaction<'_>, form: &Form) -> Result<(), SqliteError> {
    for table in form.tables {
        transaction.execute_batch(table)?;
    }
    transaction.execute_batch(form.first)?;
    transaction.pragma_update(None, "application_id", form.application)?;
    transaction.pragma_update(None, "user_version", form.version)?;
    Ok(())
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, message) => failed(failure, message),
            // Whatever else goes wrong is a value that this program never wrote.
            error => Self::Damaged(excerpt(&error.to_string(), QUOTED)),
        }
    }
}

fn failed(failure: ffi::Error, message: Option<String>) -> SqliteError {
    let said = || excerpt(&message.clone().unwrap_or_else(|| failure.to_string()), QUOTED);
    match failure.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => SqliteError::Busy,
        ErrorCode::DiskFull => SqliteError::Full,
        // The index of the write-ahead log is a file of its own, and finds the disk full in its own way.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => SqliteError::Full,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => SqliteError::ReadOnly,
        ErrorCode::NotADatabase => SqliteError::Foreign("it is no database"),
        ErrorCode::DatabaseCorrupt | ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ConstraintViolation => {
            SqliteError::Damaged(said())
        }
        _ => SqliteError::Io(said()),
    }
}

impl From<FileError> for SqliteError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing(_) => Self::Missing,
            FileError::NotAFile(_) => Self::Foreign("it is no regular file"),
            FileError::Read(_, error) | FileError::Write(_, error) => error.into(),
            error @ FileError::TooLarge { .. } => Self::Io(error.to_string()),
        }
    }
}

impl From<io::Error> for SqliteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Io(reason(&error)),
        }
    }
}
