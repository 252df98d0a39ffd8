//! The state in a SQLite file: the default, for the processes of one machine.
//!
//! Each operation is one transaction, and writers take turns from its first statement on. What passes by itself, such as a
//! heartbeat, does not wait for the disk: a power cut may take the last of it, and whoever wrote it is gone too. All else
//! waits, and with it whatever was written before.

mod counters;
mod lists;
mod locks;
mod open;
mod schema;
mod values;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Row, Transaction, TransactionBehavior};

use super::{
    Agents, Clock, Counted, CounterKey, Entry, Fence, Held, Holder, Id, ListKey, LockKey, MAX_ITEM, MAX_VALUE, Page,
    State, StateError, ValueKey, Version,
    envelope::{Nonces, fits},
    keys::milliseconds,
};

pub(super) use schema::VERSION;

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so many writes, what has run out is taken away.
const SWEEP_EVERY: u32 = 64;

/// A state in a SQLite file.
pub struct Sqlite {
    path: PathBuf,
    clock: Clock,
    nonces: Nonces,
    used: Mutex<Used>,
}

struct Used {
    connection: Connection,
    /// Whether a transaction waits for the disk, as SQLite was told last.
    waits: bool,
    writes: u32,
}

/// Whether what is written has to survive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Durably,
    ForAWhile,
}

impl Kept {
    fn of(lifetime: Option<Duration>) -> Self {
        if lifetime.is_some() { Self::ForAWhile } else { Self::Durably }
    }
}

/// A write that is under way, and what time it is.
struct Write<'a> {
    rows: Transaction<'a>,
    now: i64,
}

impl Write<'_> {
    /// When something ends that is written now.
    fn end(&self, lifetime: Duration) -> i64 {
        self.now.saturating_add(milliseconds(lifetime))
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the state at `path`, which is made for its owner alone where there is none, and the folder too. `clock` says when
    /// a lifetime has run out.
    ///
    /// # Errors
    /// When the file is something else, of another version or damaged, or the system refuses it.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, StateError> {
        Self::open_waiting(path, clock, PATIENCE)
    }

    /// [`Sqlite::open`], with another wait for those who write.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open_waiting(path: &Path, clock: Clock, wait: Duration) -> Result<Self, StateError> {
        let used = Mutex::new(Used { connection: open::open(path, wait)?, waits: true, writes: 0 });
        Ok(Self { path: path.to_owned(), clock, nonces: Nonces::new()?, used })
    }

    /// Where a thread died in the middle of an operation, its transaction was undone.
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.clock)().as_millisecond()
    }

    /// Reads at one moment, whatever others write meanwhile.
    fn look<T>(&self, work: impl FnOnce(&Connection, i64) -> Result<T, StateError>) -> Result<T, StateError> {
        let mut used = self.used();
        let transaction = used.connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        work(&transaction, self.now())
    }

    /// Writes all of it or nothing, and only while the lock of `under` is held.
    fn write<T>(
        &self,
        kept: Kept,
        under: Option<&Fence>,
        work: impl FnOnce(&Write<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut used = self.used();
        let waits = kept == Kept::Durably;
        if used.waits != waits {
            used.connection.execute_batch(if waits {
                "PRAGMA synchronous = FULL"
            } else {
                "PRAGMA synchronous = NORMAL"
            })?;
            used.waits = waits;
        }
        used.writes = used.writes.wrapping_add(1);
        let sweep = used.writes.is_multiple_of(SWEEP_EVERY);
        let rows = used.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Others may have held the file for long: what counts is when this one got it.
        let write = Write { rows, now: self.now() };
        if let Some(fence) = under {
            locks::check(&write, fence)?;
        }
        let done = work(&write)?;
        if sweep {
            values::sweep(&write)?;
        }
        write.rows.commit()?;
        Ok(done)
    }

    fn version(&self) -> Version {
        Version(self.nonces.next())
    }
}

/// A number of 16 bytes out of a row.
fn number(row: &Row<'_>, column: usize, key: &str) -> Result<u128, StateError> {
    let bytes = row.get_ref(column)?.as_blob().ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(u128::from_be_bytes).ok_or(StateError::corrupted(key, "it has a number that is none"))
}

impl State for Sqlite {
    fn get(&self, key: &ValueKey) -> Result<Option<Entry>, StateError> {
        self.look(|rows, now| values::get(rows, now, key))
    }

    fn put(&self, key: &ValueKey, value: &[u8], under: Option<&Fence>) -> Result<Version, StateError> {
        fits(value, MAX_VALUE)?;
        let version = self.version();
        self.write(Kept::of(key.lifetime()), under, |write| values::put(write, key, version, value))?;
        Ok(version)
    }

    fn compare_and_set(
        &self,
        key: &ValueKey,
        expected: Option<Version>,
        value: &[u8],
        under: Option<&Fence>,
    ) -> Result<Version, StateError> {
        fits(value, MAX_VALUE)?;
        let version = self.version();
        self.write(Kept::of(key.lifetime()), under, |write| {
            if values::version(write, key)? != expected {
                return Err(StateError::Conflict { key: key.name().to_owned() });
            }
            values::put(write, key, version, value)
        })?;
        Ok(version)
    }

    fn delete(&self, key: &ValueKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.write(Kept::of(key.lifetime()), under, |write| values::delete(write, key))
    }

    fn count(
        &self,
        key: &CounterKey,
        name: &Id,
        by: u32,
        most: u32,
        under: Option<&Fence>,
    ) -> Result<Counted, StateError> {
        self.write(Kept::of(key.lifetime()), under, |write| counters::count(write, key, name, by, most))
    }

    fn counters(&self, key: &CounterKey) -> Result<BTreeMap<Id, u32>, StateError> {
        self.look(|rows, now| counters::all(rows, now, key))
    }

    fn clear(&self, key: &CounterKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.write(Kept::of(key.lifetime()), under, |write| counters::clear(write, key))
    }

    fn append(&self, key: &ListKey, value: &[u8], under: Option<&Fence>) -> Result<u64, StateError> {
        fits(value, MAX_ITEM)?;
        let version = self.version();
        self.write(Kept::Durably, under, |write| lists::append(write, key, version, value))
    }

    fn read(&self, key: &ListKey, from: u64, most: usize) -> Result<Page, StateError> {
        self.look(|rows, _| lists::read(rows, key, from, most))
    }

    fn acquire(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.write(Kept::ForAWhile, None, |write| locks::acquire(write, lock, holder))
    }

    fn seize(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.write(Kept::Durably, None, |write| locks::seize(write, lock, holder))
    }

    fn take_over(&self, lock: &LockKey, holder: &Holder, from: u64) -> Result<Fence, StateError> {
        self.write(Kept::Durably, None, |write| locks::take_over(write, lock, holder, from))
    }

    fn renew(&self, fence: &Fence) -> Result<(), StateError> {
        self.write(Kept::ForAWhile, Some(fence), |write| locks::renew(write, fence))
    }

    fn release(&self, fence: &Fence) -> Result<(), StateError> {
        self.write(Kept::ForAWhile, None, |write| locks::release(write, fence))
    }

    fn held(&self, lock: &LockKey) -> Result<Option<Held>, StateError> {
        self.look(|rows, now| Ok(locks::holding(rows, now, lock)?.map(|holding| holding.held)))
    }

    fn agents(&self) -> Result<Agents, StateError> {
        self.look(values::agents)
    }
}
