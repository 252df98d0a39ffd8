//! Both stores, held to the same behaviour; and what files, servers and networks may do to them.

mod behaviour;
mod chaos;
mod crash;
mod files;
mod hostile;
mod locks;
mod network;
mod server;
mod threads;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use server::{Server, variable};

/// A lifetime that is over when [`Bed::pass`] returns.
const SHORT: Duration = Duration::from_millis(40);

/// A clock that stands still until it is told.
#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_768_003_200_000)))
    }

    fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).expect("short"), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hand = self.clone();
        Arc::new(move || Timestamp::from_millisecond(hand.0.load(Ordering::SeqCst)).expect("in range"))
    }
}

/// A store with nothing in it, and somebody who lets time pass.
enum Bed {
    Sqlite { folder: TempDir, hand: Hand },
    Redis(Server),
}

impl Bed {
    fn sqlite() -> Self {
        Self::Sqlite { folder: tempfile::tempdir().expect("a folder"), hand: Hand::new() }
    }

    /// Each kind of store there is on this machine.
    fn each() -> Vec<Self> {
        let redis = Server::start().map(Self::Redis);
        [Some(Self::sqlite()), redis].into_iter().flatten().collect()
    }

    /// Another handle on the same store.
    fn open(&self) -> Arc<dyn State> {
        match self {
            Self::Sqlite { folder, hand } => {
                open("state.sqlite", folder.path(), &|_| None, hand.clock()).expect("a state")
            }
            Self::Redis(server) => open(&server.url(), Path::new(""), &variable, Hand::new().clock()).expect("a state"),
        }
    }

    /// Lets [`SHORT`] run out.
    fn pass(&self) {
        match self {
            Self::Sqlite { hand, .. } => hand.pass(SHORT),
            Self::Redis(_) => thread::sleep(SHORT + Duration::from_millis(20)),
        }
    }
}

fn id(text: &str) -> Id {
    Id::parse(text).expect("a name")
}

fn holder(name: &str) -> Holder {
    Holder::new(name).expect("a name")
}

fn code<T>(result: Result<T, StateError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

fn value(store: &dyn State, key: &ValueKey) -> Option<Vec<u8>> {
    store.get(key).expect("read").map(|entry| entry.value)
}

/// The values of all items from `from` on, as text.
fn items(store: &dyn State, key: &ListKey, from: u64) -> Vec<String> {
    let page = store.read(key, from, PAGE).expect("read");
    page.items.into_iter().map(|item| String::from_utf8(item.value).expect("text")).collect()
}
