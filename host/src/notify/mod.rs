//! Events out of the house: what happens in a run, told to files, commands and servers while it happens.
//!
//! Telling never waits: each sink has a queue of its own, bounded in events and bytes, and a thread that empties it. What
//! finds no room is dropped and counted. At the end of the run there is a given time for what still waits; then commands are
//! ended, and the report says of each sink how many events it did not take. Nothing here decides anything.
//!
//! A file is told of each event at most once; a server at least once if it answers in time, and it knows an event that it
//! hears again by its id. A sink that missed events and still listens is told so, last, by an `events_lost` of ours.
//!
//! - `event` is the document of an event, and its size;
//! - `queue` is what waits for a sink, `sink` the thread at it; `file`, `command` and `webhook` are the ways out;
//! - `form` are the forms that servers take, `sign` signs them, `retry` says when they are asked again;
//! - `report` is what became of it all, `error` what keeps a sink from being opened.

mod command;
mod error;
mod event;
mod file;
mod form;
mod queue;
mod report;
mod retry;
#[cfg(test)]
mod samples;
mod sign;
mod sink;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

pub use crate::agent::EventKind as Kind;
pub use error::OpenError;
pub use event::{Event, MAX_LINE, Run};
pub use report::{Report, SinkReport};
pub use sink::Clock;

use crate::{
    digest::hex,
    evidence::World,
    files,
    manifest::{EventsPlan, Filter, Hosts, Sink, SinkPlan},
    text::excerpt,
};
use event::Told;
use queue::Queue;
use retry::Retry;
use sink::{Common, Deliver, Stop};

/// How long the end of a run usually waits for what is still to be told.
pub const WAIT: Duration = Duration::from_secs(5);

/// The longest that anybody waits for it.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Tells the sinks of a plan what happens in one run. Where it is dropped without [`Notifier::finish`], commands are ended and
/// what still waits is not told.
pub struct Notifier {
    sinks: Vec<Open>,
    common: Arc<Common>,
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sinks: Vec<_> = self.sinks.iter().map(|sink| &sink.name).collect();
        f.debug_struct("Notifier").field("sinks", &sinks).finish_non_exhaustive()
    }
}

/// A sink that can be told.
struct Open {
    name: String,
    kinds: Filter,
    queue: Arc<Queue>,
    stop: Stop,
}

impl Notifier {
    /// Opens every sink of `plan`: makes its files, starts its commands. Servers are asked nothing yet, and only `hosts` may be.
    ///
    /// # Errors
    /// The first sink that cannot be opened; commands that were started before it are ended.
    pub fn open(plan: &EventsPlan, run: Run, hosts: &Hosts, world: World<'_>, clock: Clock) -> Result<Self, OpenError> {
        Self::with(plan, run, hosts, world, (clock, Retry::default()))
    }

    fn with(
        plan: &EventsPlan,
        run: Run,
        hosts: &Hosts,
        world: World<'_>,
        (clock, retry): (Clock, Retry),
    ) -> Result<Self, OpenError> {
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(|_| OpenError::System("the system gives no random numbers".to_owned()))?;
        let common = Common { run, clock: Arc::clone(&clock), prefix: hex(&random), number: AtomicU64::new(0) };
        let mut notifier = Self { sinks: Vec::with_capacity(plan.sinks.len()), common: Arc::new(common) };
        for SinkPlan { to, kinds } in &plan.sinks {
            let (name, sink, stop): (String, Box<dyn Deliver>, Stop) = match to {
                Sink::File(path) => (files::shown(path), Box::new(file::Lines::open(path)?), Box::new(|| None)),
                Sink::Command(plan) => {
                    let (reader, stop) = command::Reader::start(plan, world)?;
                    (command::shown(plan), Box::new(reader), stop)
                }
                Sink::Webhook(plan) => {
                    let (webhook, stop) = webhook::Webhook::open(plan, hosts, world, (Arc::clone(&clock), retry))?;
                    (webhook::shown(plan), Box::new(webhook), stop)
                }
            };
            let queue = Arc::new(Queue::default());
            sink::start(sink, Arc::clone(&queue), Arc::clone(&notifier.common))?;
            notifier.sinks.push(Open { name: excerpt(&name, 300), kinds: kinds.clone(), queue, stop });
        }
        Ok(notifier)
    }

    /// Tells of `event` whoever wants to hear of its kind. Never waits for any of them, and may be called by many at once.
    pub fn tell(&self, event: Event) {
        let kind = event.kind;
        let mut sinks = self.sinks.iter().filter(|sink| sink.kinds.passes(kind)).peekable();
        if sinks.peek().is_none() {
            return;
        }
        let told = Arc::new(Told::new(self.common.id(), &self.common.run, event));
        sinks.for_each(|sink| sink.queue.push(&told));
    }

    /// Waits until everything is told, at most for `wait` (and a moment more for commands to be gone), ends every sink, and says what became of the events.
    #[must_use]
    pub fn finish(mut self, wait: Duration) -> Report {
        self.end(wait)
    }

    fn end(&mut self, wait: Duration) -> Report {
        let until = Instant::now() + wait.min(LONGEST);
        let sinks = std::mem::take(&mut self.sinks);
        sinks.iter().for_each(|sink| sink.queue.close(until));
        let report = |sink: &Open| {
            sink.queue.wait_for_end(until);
            // From here on the counts stay as they are.
            sink.queue.abort();
            let cut_short = (sink.stop)();
            let (counts, trouble) = sink.queue.counts();
            SinkReport::new(sink.name.clone(), counts, trouble.or_else(|| cut_short.map(str::to_owned)))
        };
        Report { sinks: sinks.iter().map(report).collect() }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
