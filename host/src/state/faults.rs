//! A store that fails when it is told to: for tests, and for pipelines that are to be tried under chaos.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::{
    Agents, Counted, CounterKey, Entry, Fence, Held, Holder, Id, ListKey, LockKey, Page, State, StateError, ValueKey,
    Version,
};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The lock is really taken away before the next renewal or write under a fence, and given back free.
    LockLost,
    /// What is read is not what was written.
    StateCorrupted,
    /// Each operation takes so much longer.
    NetworkDelay(Duration),
    /// The store cannot be reached; nothing is done.
    Disconnected,
    /// What writes is done, and its answer is lost.
    AnswerLost,
}

/// A fault that is to hit so many more operations.
#[derive(Debug)]
struct Injected {
    fault: Fault,
    left: usize,
}

/// A store in front of another one, which goes wrong when it is told to. Any number of faults may be there at once.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn State>,
    injected: Mutex<Vec<Injected>>,
}

/// What an operation is, as far as faults tell them apart.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Reads,
    Writes(Option<&'a Fence>),
}

impl Faulty {
    /// A store that does as `inner` does, until it is told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn State>) -> Self {
        Self { inner, injected: Mutex::default() }
    }

    /// From now on `fault` hits the next `times` operations that it can hit.
    pub fn inject(&self, fault: Fault, times: usize) {
        if times > 0 {
            self.injected().push(Injected { fault, left: times });
        }
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.injected().clear();
    }

    /// Whether every fault has hit as often as it was to.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.injected().is_empty()
    }

    fn injected(&self) -> MutexGuard<'_, Vec<Injected>> {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the faults that hit this operation, one of a kind.
    fn hits(&self, kind: Kind<'_>) -> Vec<Fault> {
        let mut hits: Vec<Fault> = Vec::new();
        let mut injected = self.injected();
        for Injected { fault, left } in injected.iter_mut() {
            let can_hit = match fault {
                Fault::LockLost => matches!(kind, Kind::Writes(Some(_))),
                Fault::StateCorrupted => matches!(kind, Kind::Reads),
                Fault::AnswerLost => matches!(kind, Kind::Writes(_)),
                Fault::NetworkDelay(_) | Fault::Disconnected => true,
            };
            let same = |hit: &Fault| std::mem::discriminant(hit) == std::mem::discriminant(fault);
            if can_hit && *left > 0 && !hits.iter().any(same) {
                hits.push(*fault);
                *left -= 1;
            }
        }
        injected.retain(|injected| injected.left > 0);
        hits
    }

    fn through<T>(
        &self,
        kind: Kind<'_>,
        key: &str,
        work: impl FnOnce(&dyn State) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let hits = self.hits(kind);
        for fault in &hits {
            if let Fault::NetworkDelay(delay) = fault {
                thread::sleep(*delay);
            }
        }
        if hits.contains(&Fault::Disconnected) {
            return Err(StateError::Unreachable("it was told to be out of reach".to_owned()));
        }
        if let (true, Kind::Writes(Some(fence))) = (hits.contains(&Fault::LockLost), kind) {
            let thief = self.inner.seize(fence.lock(), &Holder::new("chaos")?)?;
            self.inner.release(&thief)?;
        }
        if hits.contains(&Fault::StateCorrupted) {
            return Err(StateError::corrupted(key, "it was told to be"));
        }
        let done = work(&*self.inner)?;
        if hits.contains(&Fault::AnswerLost) {
            return Err(StateError::Unsure("it was told to lose its answer".to_owned()));
        }
        Ok(done)
    }
}

impl State for Faulty {
    fn get(&self, key: &ValueKey) -> Result<Option<Entry>, StateError> {
        self.through(Kind::Reads, key.name(), |inner| inner.get(key))
    }

    fn put(&self, key: &ValueKey, value: &[u8], under: Option<&Fence>) -> Result<Version, StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.put(key, value, under))
    }

    fn compare_and_set(
        &self,
        key: &ValueKey,
        expected: Option<Version>,
        value: &[u8],
        under: Option<&Fence>,
    ) -> Result<Version, StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.compare_and_set(key, expected, value, under))
    }

    fn delete(&self, key: &ValueKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.delete(key, under))
    }

    fn count(
        &self,
        key: &CounterKey,
        name: &Id,
        by: u32,
        most: u32,
        under: Option<&Fence>,
    ) -> Result<Counted, StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.count(key, name, by, most, under))
    }

    fn counters(&self, key: &CounterKey) -> Result<BTreeMap<Id, u32>, StateError> {
        self.through(Kind::Reads, key.name(), |inner| inner.counters(key))
    }

    fn clear(&self, key: &CounterKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.clear(key, under))
    }

    fn append(&self, key: &ListKey, value: &[u8], under: Option<&Fence>) -> Result<u64, StateError> {
        self.through(Kind::Writes(under), key.name(), |inner| inner.append(key, value, under))
    }

    fn read(&self, key: &ListKey, from: u64, most: usize) -> Result<Page, StateError> {
        self.through(Kind::Reads, key.name(), |inner| inner.read(key, from, most))
    }

    fn acquire(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.through(Kind::Writes(None), lock.name(), |inner| inner.acquire(lock, holder))
    }

    fn seize(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.through(Kind::Writes(None), lock.name(), |inner| inner.seize(lock, holder))
    }

    fn take_over(&self, lock: &LockKey, holder: &Holder, from: u64) -> Result<Fence, StateError> {
        self.through(Kind::Writes(None), lock.name(), |inner| inner.take_over(lock, holder, from))
    }

    fn renew(&self, fence: &Fence) -> Result<(), StateError> {
        self.through(Kind::Writes(Some(fence)), fence.lock().name(), |inner| inner.renew(fence))
    }

    fn release(&self, fence: &Fence) -> Result<(), StateError> {
        self.through(Kind::Writes(None), fence.lock().name(), |inner| inner.release(fence))
    }

    fn held(&self, lock: &LockKey) -> Result<Option<Held>, StateError> {
        self.through(Kind::Reads, lock.name(), |inner| inner.held(lock))
    }

    fn agents(&self) -> Result<Agents, StateError> {
        self.through(Kind::Reads, "agents", |inner| inner.agents())
    }
}
