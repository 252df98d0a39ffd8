//! The state on a server that speaks the Redis protocol: DragonflyDB, Valkey, Redis. For several machines.
//!
//! The client is our own, and small: what it speaks is five kinds of lines, and what it must not do is believe a length, wait
//! without an end, or ask twice for what is done twice. A value is stored as its version, its checksum and its bytes; an item
//! of a list has its number in front. Two keys stand beside those of the core: `portcullis:fence`, the largest token that was
//! ever given, and `portcullis:once:…` for a minute after each write.
//!
//! Each operation is one script that names all its keys, so a server that keeps everything in one place can do it: Redis from
//! version 5 on, when scripts learned to ask for the time.

mod client;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod line;
mod read;
mod resp;
mod scripts;

use std::{collections::BTreeMap, time::Duration};

use self::{
    client::{Client, Effect},
    read::Answer,
    resp::Reply,
};
use super::{
    Address, Agents, Counted, CounterKey, Entry, Fence, Held, Holder, Id, ListKey, LockKey, MAX_COUNTERS, MAX_ITEM,
    MAX_VALUE, PAGE, Page, State, StateError, ValueKey, Version, WhenFull,
    envelope::{Nonces, fits, seal, unseal},
    keys::milliseconds,
};

pub use line::Patience;

/// Where the largest token stands.
const FENCE: &str = "portcullis:fence";

/// A state on a server.
#[derive(Debug)]
pub struct Redis {
    client: Client,
    nonces: Nonces,
}

/// What is asked of the server in one step.
struct Step<'a> {
    script: &'a str,
    effect: Effect,
    /// What it is about, for messages.
    key: &'a str,
    keys: &'a [&'a str],
    words: &'a [&'a [u8]],
}

impl Redis {
    /// A server at `address`, which nobody is connected to yet.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new(address: Address, patience: Patience) -> Result<Self, StateError> {
        Ok(Self { client: Client::new(address, patience), nonces: Nonces::new()? })
    }

    fn version(&self) -> Version {
        Version(self.nonces.next())
    }

    fn run(&self, step: &Step<'_>) -> Result<Answer, StateError> {
        let count = step.keys.len().to_string();
        let mut words: Vec<&[u8]> = vec![b"EVAL", step.script.as_bytes(), count.as_bytes()];
        words.extend(step.keys.iter().map(|key| key.as_bytes()));
        words.extend(step.words);
        Answer::new(self.client.ask(step.effect, step.key, &words)?)
    }

    /// Runs a script that begins with `once`, and gives its result.
    fn write(&self, script: &str, key: &str, words: &[&[u8]], under: Option<&Fence>) -> Result<String, StateError> {
        let once = self.once();
        let expected = under.map(Fence::text).unwrap_or_default();
        let mut keys = vec![once.as_str(), key];
        keys.extend(under.map(|fence| fence.lock.name()));
        let mut all = vec![expected.as_bytes()];
        all.extend(words);
        let answer = self.run(&Step { script, effect: Effect::Writes, key, keys: &keys, words: &all })?;
        match (answer.status.as_str(), under) {
            ("ok", _) => answer.text(0, key),
            ("lost", Some(fence)) => Err(fence.lost()),
            ("conflict", _) => Err(StateError::Conflict { key: key.to_owned() }),
            _ => Err(answer.refused(key)),
        }
    }

    /// A number for one operation, however often it is asked for.
    fn once(&self) -> String {
        format!("portcullis:once:{:032x}", self.nonces.next())
    }

    fn lock(&self, lock: &LockKey, holder: &Holder, from: &str) -> Result<Fence, StateError> {
        let once = self.once();
        let (nonce, life) = (format!("{:032x}", holder.nonce), life(Some(lock.lifetime())));
        let words = ["", &nonce, &holder.name, &life, from].map(str::as_bytes);
        let (key, keys) = (lock.name(), [once.as_str(), lock.name(), FENCE]);
        let answer =
            self.run(&Step { script: scripts::ACQUIRE, effect: Effect::Writes, key, keys: &keys, words: &words })?;
        match answer.status.as_str() {
            "ok" => Ok(Fence::new(lock, holder, answer.number(0, key)?)),
            "held" => {
                let Held { by, left, .. } = answer.held(key)?;
                let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                Err(StateError::Held { key: key.to_owned(), by, left_ms })
            }
            _ => Err(answer.refused(key)),
        }
    }
}

impl Fence {
    /// What stands under the lock while it is held with this fence.
    fn text(&self) -> String {
        format!("{} {:032x} {}", self.token, self.nonce, self.holder)
    }
}

/// A lifetime as scripts are told it.
fn life(lifetime: Option<Duration>) -> String {
    lifetime.map_or_else(|| "0".to_owned(), |lifetime| milliseconds(lifetime).to_string())
}

impl State for Redis {
    fn get(&self, key: &ValueKey) -> Result<Option<Entry>, StateError> {
        match self.client.ask(Effect::Reads, key.name(), &[b"GET", key.name().as_bytes()])? {
            Reply::Nothing => Ok(None),
            Reply::Text(sealed) => unseal(key.name(), &sealed).map(Some),
            _ => Err(read::nonsense()),
        }
    }

    fn put(&self, key: &ValueKey, value: &[u8], under: Option<&Fence>) -> Result<Version, StateError> {
        fits(value, MAX_VALUE)?;
        let version = self.version();
        let sealed = seal(key.name(), version, value);
        self.write(scripts::PUT, key.name(), &[&sealed, life(key.lifetime()).as_bytes()], under)?;
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
        let sealed = seal(key.name(), version, value);
        let expected = expected.map(|version| version.to_string()).unwrap_or_default();
        let life = life(key.lifetime());
        self.write(scripts::COMPARE, key.name(), &[&sealed, life.as_bytes(), expected.as_bytes()], under)?;
        Ok(version)
    }

    fn delete(&self, key: &ValueKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.write(scripts::DELETE, key.name(), &[], under).map(drop)
    }

    fn count(
        &self,
        key: &CounterKey,
        name: &Id,
        by: u32,
        most: u32,
        under: Option<&Fence>,
    ) -> Result<Counted, StateError> {
        let words =
            [name.to_string(), by.to_string(), most.to_string(), life(key.lifetime()), MAX_COUNTERS.to_string()];
        let words = words.each_ref().map(String::as_bytes);
        let said = self.write(scripts::COUNT, key.name(), &words, under)?;
        let counted = said.split_once(' ').and_then(|(limited, value)| {
            let limited = [("0", false), ("1", true)].into_iter().find(|(word, _)| *word == limited)?.1;
            Some(Counted { value: value.parse().ok()?, limited })
        });
        counted.ok_or_else(read::nonsense)
    }

    fn counters(&self, key: &CounterKey) -> Result<BTreeMap<Id, u32>, StateError> {
        let most = MAX_COUNTERS.to_string();
        let (script, effect, key) = (scripts::COUNTERS, Effect::Reads, key.name());
        let answer = self.run(&Step { script, effect, key, keys: &[key], words: &[most.as_bytes()] })?;
        answer.counters(key)
    }

    fn clear(&self, key: &CounterKey, under: Option<&Fence>) -> Result<(), StateError> {
        self.write(scripts::DELETE, key.name(), &[], under).map(drop)
    }

    fn append(&self, key: &ListKey, value: &[u8], under: Option<&Fence>) -> Result<u64, StateError> {
        fits(value, MAX_ITEM)?;
        let sealed = seal(key.name(), self.version(), value);
        let full = match key.when_full() {
            WhenFull::DropOldest => "drop",
            WhenFull::Refuse => "refuse",
        };
        let said = self.write(
            scripts::APPEND,
            key.name(),
            &[&sealed, key.most().to_string().as_bytes(), full.as_bytes()],
            under,
        );
        match said {
            Err(StateError::Crowded { key: name, .. }) => Err(StateError::Crowded { key: name, most: key.most() }),
            said => said?.parse().map_err(|_| read::nonsense()),
        }
    }

    fn read(&self, key: &ListKey, from: u64, most: usize) -> Result<Page, StateError> {
        let (from_word, most_word) = (from.to_string(), most.min(PAGE).to_string());
        let (script, effect, key) = (scripts::READ, Effect::Reads, key.name());
        let words = [from_word.as_bytes(), most_word.as_bytes()];
        let answer = self.run(&Step { script, effect, key, keys: &[key], words: &words })?;
        answer.page(key, from, most.min(PAGE))
    }

    fn acquire(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.lock(lock, holder, "")
    }

    fn seize(&self, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
        self.lock(lock, holder, "any")
    }

    fn take_over(&self, lock: &LockKey, holder: &Holder, from: u64) -> Result<Fence, StateError> {
        self.lock(lock, holder, &from.to_string())
    }

    fn renew(&self, fence: &Fence) -> Result<(), StateError> {
        let (text, life, key) = (fence.text(), life(Some(fence.lock.lifetime())), fence.lock.name());
        let (script, effect, words) = (scripts::RENEW, Effect::Writes, [text.as_bytes(), life.as_bytes()]);
        let answer = self.run(&Step { script, effect, key, keys: &[key], words: &words })?;
        match answer.status.as_str() {
            "ok" if answer.is_done() => Ok(()),
            "lost" => Err(fence.lost()),
            _ => Err(answer.refused(key)),
        }
    }

    fn release(&self, fence: &Fence) -> Result<(), StateError> {
        let (text, key) = (fence.text(), fence.lock.name());
        let (script, effect) = (scripts::RELEASE, Effect::Writes);
        let answer = self.run(&Step { script, effect, key, keys: &[key], words: &[text.as_bytes()] })?;
        if answer.is_done() { Ok(()) } else { Err(answer.refused(key)) }
    }

    fn held(&self, lock: &LockKey) -> Result<Option<Held>, StateError> {
        let (script, effect, key) = (scripts::HELD, Effect::Reads, lock.name());
        let answer = self.run(&Step { script, effect, key, keys: &[key], words: &[] })?;
        match answer.status.as_str() {
            "ok" if answer.is_done() => Ok(None),
            "held" => answer.held(key).map(Some),
            _ => Err(answer.refused(key)),
        }
    }

    fn agents(&self) -> Result<Agents, StateError> {
        read::agents(&self.client)
    }
}
