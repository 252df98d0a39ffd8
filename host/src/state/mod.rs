//! The shared state: what agents, and those who watch them, know of each other while they run, on one machine or on several.
//!
//! ```text
//!            ┌── SQLite: a file; several processes of one machine
//! State ─────┤
//!            └── Redis protocol (DragonflyDB, Valkey, Redis): several machines
//! ```
//!
//! # What holds here
//!
//! - It knows no rule of agents: keys, bytes, lifetimes, counters, lists and locks. [`keys`] has every key there is, and what
//!   may be done with it: nothing deletes from a list.
//! - Each operation is done whole or not at all, and where it is done under a [`Fence`], only while its lock is held with that
//!   very fence. Tokens of fences only grow: a store that lost its counter goes on from its clock.
//! - Nothing is served that is not what was written: each value carries a checksum over itself, its key and its version. What
//!   does not add up is `state-corrupted`. What adds up may still have been written by anybody with access to the store.
//! - Whatever comes from a file or a server is hostile: no length is believed, no allocation is sized by one, every wait ends.
//! - A network that loses an answer loses nothing else: each operation has a number of its own, and a store that has done it
//!   does not do it again. Where even asking again gives no answer, that is said (`state-unsure`), and never guessed.
//! - Lifetimes in SQLite are judged by the clock that is handed in, those of a server by the server's.
//!
//! # What a store does not promise
//!
//! A server keeps what its settings say that it keeps: without a log on its disk, what was acknowledged is gone with its
//! power. A list that got shorter is noticed by whoever had read further (`state-lost`), and by nobody else. A cluster that
//! keeps keys on several servers is none that locks and values could be asked in one step on: it refuses, and so do we.

mod envelope;
mod error;
pub mod faults;
pub mod keys;
mod lock;
mod place;
pub(crate) mod redis;
mod sqlite;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use jiff::Timestamp;

pub use envelope::{Entry, Version};
pub use error::StateError;
pub use keys::{CounterKey, Id, ListKey, LockKey, ValueKey, WhenFull};
pub use lock::{Fence, Held, Holder};
pub use place::{Address, Place};
pub use redis::{Patience, Redis};
pub use sqlite::Sqlite;

/// The most bytes of a value.
pub const MAX_VALUE: usize = 4 << 20;
/// The most bytes of an item of a list.
pub const MAX_ITEM: usize = 64 << 10;
/// The most items that are read at once.
pub const PAGE: usize = 128;
/// The most counters under one key.
pub const MAX_COUNTERS: u32 = 256;
/// The most agents that are told.
pub const MAX_AGENTS: usize = 10_000;

/// What the time is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a counter came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How far it is.
    pub value: u32,
    /// Whether it would have gone past its limit; then it stands where it stood.
    pub limited: bool,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number: each is one more than the one before it.
    pub offset: u64,
    /// Its bytes, which are to be validated as all that comes from outside.
    pub value: Vec<u8>,
}

/// A stretch of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The items, one after the other without a gap.
    pub items: Vec<Item>,
    /// The number of the oldest item that there still is; [`Page::end`] where there is none.
    pub first: u64,
    /// The number that the next item will have.
    pub end: u64,
}

impl Page {
    /// Where to go on reading, after having asked from `from` on.
    #[must_use]
    pub fn next(&self, from: u64) -> u64 {
        self.items.last().map_or(from.max(self.first), |last| last.offset.saturating_add(1))
    }
}

/// The agents that have a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    /// Their names in order, [`MAX_AGENTS`] at most.
    pub ids: Vec<Id>,
    /// Whether there are more.
    pub more: bool,
}

/// A store of the shared state. Any number of threads may use one, and any number of processes the same place.
///
/// Every error but [`StateError::Unsure`] means that nothing was changed. `under` is the fence of a lock: with one, the write is
/// done only while that lock is held with it, and is [`StateError::LockLost`] else.
pub trait State: fmt::Debug + Send + Sync {
    /// The value under `key`, if there is one and its time has not run out.
    ///
    /// # Errors
    /// [`StateError::Corrupted`], when it is not what was written there; else when the store cannot be read.
    fn get(&self, key: &ValueKey) -> Result<Option<Entry>, StateError>;

    /// Puts `value` under `key`, whatever stood there, for the key's lifetime.
    ///
    /// # Errors
    /// [`StateError::TooLarge`], [`StateError::LockLost`]; else when the store cannot be written.
    fn put(&self, key: &ValueKey, value: &[u8], under: Option<&Fence>) -> Result<Version, StateError>;

    /// Puts `value` under `key` if what stands there is `expected`, where none means that nothing stands there.
    ///
    /// # Errors
    /// [`StateError::Conflict`], when something else stands there; else as [`State::put`].
    fn compare_and_set(
        &self,
        key: &ValueKey,
        expected: Option<Version>,
        value: &[u8],
        under: Option<&Fence>,
    ) -> Result<Version, StateError>;

    /// Takes away what stands under `key`, if anything does.
    ///
    /// # Errors
    /// [`StateError::LockLost`]; else when the store cannot be written.
    fn delete(&self, key: &ValueKey, under: Option<&Fence>) -> Result<(), StateError>;

    /// Adds `by` to the counter `name`, unless it would come to more than `most`.
    ///
    /// # Errors
    /// [`StateError::Crowded`], when there are [`MAX_COUNTERS`] others; [`StateError::Corrupted`], [`StateError::LockLost`]; else
    /// when the store cannot be written.
    fn count(
        &self,
        key: &CounterKey,
        name: &Id,
        by: u32,
        most: u32,
        under: Option<&Fence>,
    ) -> Result<Counted, StateError>;

    /// All counters under `key`.
    ///
    /// # Errors
    /// As [`State::get`].
    fn counters(&self, key: &CounterKey) -> Result<BTreeMap<Id, u32>, StateError>;

    /// Forgets all counters under `key`.
    ///
    /// # Errors
    /// As [`State::delete`].
    fn clear(&self, key: &CounterKey, under: Option<&Fence>) -> Result<(), StateError>;

    /// Adds an item to a list, and says which number it has.
    ///
    /// # Errors
    /// [`StateError::Crowded`], when the list is one that drops nothing and is full; [`StateError::TooLarge`],
    /// [`StateError::Corrupted`], [`StateError::LockLost`]; else when the store cannot be written.
    fn append(&self, key: &ListKey, value: &[u8], under: Option<&Fence>) -> Result<u64, StateError>;

    /// The items of a list from number `from` on, `most` and [`PAGE`] at most. Where that one was dropped, from the oldest on.
    ///
    /// # Errors
    /// [`StateError::Lost`], when the list has never come that far: it is not the list that was read before;
    /// [`StateError::Corrupted`], when an item is not what was written or is missing; else when the store cannot be read.
    fn read(&self, key: &ListKey, from: u64, most: usize) -> Result<Page, StateError>;

    /// Takes a lock that nobody holds, or that this very holder holds.
    ///
    /// # Errors
    /// [`StateError::Held`], when somebody else holds it; [`StateError::Corrupted`]; else when the store cannot be written.
    fn acquire(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError>;

    /// Takes a lock from whoever holds it: what that one still writes is refused from now on.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn seize(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError>;

    /// Takes a lock that nobody holds, that this very holder holds, or that is still held with the token `from`: what that one
    /// still writes is refused from now on.
    ///
    /// # Errors
    /// [`StateError::Held`], when it is held with another token; else as [`State::acquire`].
    fn take_over(&self, lock: &LockKey, holder: &Holder, from: u64) -> Result<Fence, StateError>;

    /// Holds the lock for its lifetime from now on.
    ///
    /// # Errors
    /// [`StateError::LockLost`], when it is not held any more; else when the store cannot be written.
    fn renew(&self, fence: &Fence) -> Result<(), StateError>;

    /// Gives the lock back, if it is still held.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn release(&self, fence: &Fence) -> Result<(), StateError>;

    /// Who holds the lock.
    ///
    /// # Errors
    /// As [`State::get`].
    fn held(&self, lock: &LockKey) -> Result<Option<Held>, StateError>;

    /// The agents that have a state.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn agents(&self) -> Result<Agents, StateError>;
}

/// Opens the store that `spec` names: `redis://…`, with variables of the environment in it, or the path of a file, which is looked
/// for in `folder` and made where there is none. `clock` says when lifetimes in a file have run out.
///
/// # Errors
/// When it names none, is of another program or another version, or cannot be reached or written.
pub fn open(
    spec: &str,
    folder: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    clock: Clock,
) -> Result<Arc<dyn State>, StateError> {
    Place::parse(spec, folder, variable)?.open(clock)
}
