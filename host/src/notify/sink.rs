//! A sink at work: a thread that takes events from its queue one by one, and what ends it when there is no more time.

use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    thread,
};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    error::OpenError,
    event::{Run, Told},
    queue::{Ended, Queue},
};
use crate::files::reason;

/// What the notifier tells a sink itself, at the end, when the sink did not hear of everything.
const LOST: &str = "events_lost";

/// A way out of the house.
pub(super) trait Deliver: Send {
    /// Tells of one event, however long that takes; `queue` says when there is no more time.
    fn deliver(&mut self, told: &Told, queue: &Queue) -> Ended;

    /// Everything was told.
    fn finish(&mut self, _: &Queue) {}
}

/// Ends at once what a sink does, from another thread: what was still under way, if that is worth a word.
pub(super) type Stop = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// The time, as the edge gives it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What all sinks of a run share.
pub(super) struct Common {
    pub(super) run: Run,
    pub(super) clock: Clock,
    /// Other in each notifier: the same run may be gone on with by another one.
    pub(super) prefix: String,
    pub(super) number: AtomicU64,
}

impl Common {
    /// An id that no other event has.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.prefix, self.number.fetch_add(1, Ordering::Relaxed))
    }
}

/// Starts a thread that tells `sink` what comes through `queue`. It is left to itself where it does not end in time.
pub(super) fn start(mut sink: Box<dyn Deliver>, queue: Arc<Queue>, common: Arc<Common>) -> Result<(), OpenError> {
    let work = move || {
        let _end = End(&queue);
        tell_all(sink.as_mut(), &queue, &common);
    };
    let spawned = thread::Builder::new().name("events".to_owned()).spawn(work);
    spawned.map_err(|error| OpenError::System(format!("no thread could be started: {}", reason(&error)))).map(drop)
}

/// However a sink's thread ends, nobody waits for it any more.
struct End<'a>(&'a Queue);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn tell_all(sink: &mut dyn Deliver, queue: &Queue, common: &Common) {
    while let Some(told) = queue.next() {
        match sink.deliver(&told, queue) {
            // Nor is there any for those behind it.
            Ended::Left => return,
            ended => queue.settle(ended),
        }
    }
    let (counts, _) = queue.counts();
    if !queue.is_aborted() && counts.dropped + counts.failed > 0 {
        let detail = [("dropped", counts.dropped), ("failed", counts.failed)];
        let detail: Map<_, _> =
            detail.map(|(name, number)| (name.to_owned(), Value::from(number))).into_iter().collect();
        let lost = Told::by_itself(common.id(), LOST, &common.run, (common.clock)(), detail);
        // It is in the report whether or not the sink hears of it.
        let _ = sink.deliver(&lost, queue);
    }
    if !queue.is_aborted() {
        sink.finish(queue);
    }
}
