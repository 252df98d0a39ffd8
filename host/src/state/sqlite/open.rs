//! Opening a state: a file that is none, or is of another version, is refused before SQLite has touched it.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig, limits::Limit};

use super::schema;
use crate::{
    files::open_capped,
    state::{MAX_VALUE, StateError},
};

/// The most bytes of one row: a hostile file may claim any number.
const MAX_ROW: i32 = MAX_VALUE as i32 + (64 << 10);

/// Statements that are kept ready: more than there are.
const STATEMENTS: usize = 64;

/// Opens the state at `path`, which is made where there is none; `wait` is how long a writer waits for another one.
pub(super) fn open(path: &Path, wait: Duration) -> Result<Connection, StateError> {
    if !path.try_exists()? {
        create(path)?;
    }
    check_header(path)?;
    // SQLite reads a path that does not begin with a slash in ways of its own.
    let path = fs::canonicalize(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection, wait)?;
    schema::check(&connection)?;
    // A file that may only be read opens all the same; better to say so before anything has run.
    if connection.is_readonly(MAIN_DB)? { Err(StateError::ReadOnly) } else { Ok(connection) }
}

/// Magic, version and application, where SQLite's file format has them; the tables are looked at later.
fn check_header(path: &Path) -> Result<(), StateError> {
    let (mut file, _) = open_capped(path, u64::MAX)?;
    let mut header = [0; 100];
    file.read_exact(&mut header).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => StateError::Foreign("it is no database"),
        _ => error.into(),
    })?;
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    };
    if !header.starts_with(b"SQLite format 3\0") {
        Err(StateError::Foreign("it is no database"))
    } else if number(68) != schema::APPLICATION {
        Err(StateError::Foreign("it is a database of another program's"))
    } else if number(60) != schema::VERSION {
        Err(StateError::Version(number(60)))
    } else if header.get(18..20) != Some(&[2, 2]) {
        Err(StateError::Foreign("it is not written with a write-ahead log"))
    } else {
        Ok(())
    }
}

/// Nothing that stands in the file makes SQLite do more than read and write rows.
fn settle(connection: &Connection, wait: Duration) -> Result<(), StateError> {
    connection.busy_timeout(wait)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        // Otherwise every process that ends waits for the disk once more.
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_ROW)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
         PRAGMA cache_size = -8192;",
    )?;
    Ok(())
}

/// Makes an empty state, whole or not at all: of two that make one at once, one does, and both use it.
fn create(path: &Path) -> Result<(), StateError> {
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

fn fill(path: &Path) -> Result<(), StateError> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Nobody else sees the file yet, and it is synced as a whole.
    connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
    let transaction = connection.transaction()?;
    schema::create(&transaction)?;
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error.into())
}
