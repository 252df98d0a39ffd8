//! What waits for one sink: bounded, counted, and never in the way of who tells.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::event::Told;

/// The most events that wait.
const MOST: usize = 1024;
/// The most bytes of lines that wait.
const MOST_BYTES: usize = 8 << 20;

/// The numbers of one sink. What is in none of the last three was not delivered in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Events that the sink was to be told.
    pub(super) told: u64,
    /// Events that it took.
    pub(super) delivered: u64,
    /// Events for which there was no room.
    pub(super) dropped: u64,
    /// Events that it did not take.
    pub(super) failed: u64,
}

/// What became of one event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sink took it.
    Delivered,
    /// The sink did not, for this reason.
    Failed(String),
    /// There was no time left for it.
    Left,
}

/// Events on their way to one sink.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Told>>,
    bytes: usize,
    /// Once nothing more comes: until when there is time.
    until: Option<Instant>,
    /// Whether nothing more is to be delivered; the counts stay as they are from then on.
    aborted: bool,
    /// Whether the sink's thread has ended.
    ended: bool,
    counts: Counts,
    trouble: Option<String>,
}

impl Default for Queue {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Queue {
    /// A queue of at most so many events.
    pub(super) fn of(most: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most }
    }

    /// Puts `told` at the end, if there is room. Where there is none a heartbeat that waits goes for anything that is none.
    pub(super) fn push(&self, told: &Arc<Told>) {
        let mut state = self.state();
        if state.aborted || state.until.is_some() {
            return;
        }
        state.counts.told += 1;
        if !told.is_minor && !state.has_room(told, self.most) {
            state.drop_a_minor_one();
        }
        if state.has_room(told, self.most) {
            state.bytes += told.line.len();
            state.waiting.push_back(Arc::clone(told));
            self.changed.notify_all();
        } else {
            state.counts.dropped += 1;
        }
    }

    /// The next event, once there is one; nothing when there will be none.
    pub(super) fn next(&self) -> Option<Arc<Told>> {
        let mut state = self.state();
        loop {
            if state.aborted {
                return None;
            }
            if let Some(told) = state.waiting.pop_front() {
                state.bytes -= told.line.len();
                return Some(told);
            }
            if state.until.is_some() {
                return None;
            }
            state = self.wait(state, Duration::from_secs(3600));
        }
    }

    /// Waits, for what may go well later: whether there was the time for it.
    pub(super) fn pause(&self, wait: Duration) -> bool {
        let from = Instant::now();
        let mut state = self.state();
        loop {
            let left = wait.saturating_sub(from.elapsed());
            let too_late = state.until.is_some_and(|until| until.saturating_duration_since(Instant::now()) < left);
            if state.aborted || too_late {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            state = self.wait(state, left);
        }
    }

    /// Counts what became of one event.
    pub(super) fn settle(&self, ended: Ended) {
        let mut state = self.state();
        if state.aborted {
            return;
        }
        match ended {
            Ended::Delivered => state.counts.delivered += 1,
            Ended::Failed(why) => {
                state.counts.failed += 1;
                state.trouble = Some(why);
            }
            Ended::Left => {}
        }
    }

    /// Nothing more comes, and there is time until then.
    pub(super) fn close(&self, until: Instant) {
        self.state().until = Some(until);
        self.changed.notify_all();
    }

    /// Nothing more is delivered.
    pub(super) fn abort(&self) {
        self.state().aborted = true;
        self.changed.notify_all();
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.state().aborted
    }

    /// The sink's thread is at its end.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// Waits until the sink's thread has ended, at most until then: whether it has.
    pub(super) fn wait_for_end(&self, until: Instant) -> bool {
        let mut state = self.state();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if state.ended || left.is_zero() {
                return state.ended;
            }
            state = self.wait(state, left);
        }
    }

    /// The numbers so far, and the last reason for which an event was not taken.
    pub(super) fn counts(&self) -> (Counts, Option<String>) {
        let state = self.state();
        (state.counts, state.trouble.clone())
    }

    /// A panic while it is held leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'q>(&self, state: MutexGuard<'q, State>, most: Duration) -> MutexGuard<'q, State> {
        self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn has_room(&self, told: &Told, most: usize) -> bool {
        self.waiting.len() < most && self.bytes + told.line.len() <= MOST_BYTES
    }

    fn drop_a_minor_one(&mut self) {
        let minor = self.waiting.iter().position(|told| told.is_minor);
        if let Some(told) = minor.and_then(|at| self.waiting.remove(at)) {
            self.bytes -= told.line.len();
            self.counts.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Kind, samples};

    const LONG: Duration = Duration::from_secs(120);

    fn told(kind: Kind, number: usize) -> Arc<Told> {
        Arc::new(samples::told_of(kind, &number.to_string(), 0))
    }

    fn left(queue: &Queue) -> Vec<String> {
        queue.close(Instant::now() + LONG);
        std::iter::from_fn(|| queue.next()).map(|told| told.id.clone()).collect()
    }

    #[test]
    fn what_there_is_no_room_for_is_dropped_and_counted() {
        let queue = Queue::of(3);
        (0..5).for_each(|number| queue.push(&told(Kind::PlanCreated, number)));
        assert_eq!(queue.counts().0, Counts { told: 5, dropped: 2, ..Counts::default() });
        assert_eq!(left(&queue), ["0", "1", "2"]);
    }

    #[test]
    fn a_heartbeat_makes_room_for_anything_else_and_for_no_other_heartbeat() {
        let queue = Queue::of(3);
        for (number, kind) in [Kind::Heartbeat, Kind::PlanCreated, Kind::Heartbeat, Kind::Heartbeat, Kind::AgentRevoked]
            .iter()
            .enumerate()
        {
            queue.push(&told(*kind, number));
        }
        assert_eq!(queue.counts().0, Counts { told: 5, dropped: 2, ..Counts::default() });
        assert_eq!(left(&queue), ["1", "2", "4"]);
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let queue = Queue::default();
        let long = Arc::new(samples::told_of(Kind::PlanCreated, "0", 60_000));
        let fit = MOST_BYTES / long.line.len();
        (0..fit + 7).for_each(|_| queue.push(&long));
        assert_eq!(queue.counts().0.dropped, 7);
        assert_eq!(left(&queue).len(), fit);
        assert_eq!(queue.state().bytes, 0);
    }

    #[test]
    fn nothing_is_counted_or_given_out_once_it_is_aborted() {
        let queue = Queue::default();
        (0..3).for_each(|number| queue.push(&told(Kind::PlanCreated, number)));
        queue.settle(Ended::Failed("no".to_owned()));
        queue.abort();
        queue.settle(Ended::Delivered);
        queue.push(&told(Kind::PlanCreated, 3));
        assert!(queue.next().is_none() && !queue.pause(Duration::ZERO));
        assert_eq!(queue.counts(), (Counts { told: 3, failed: 1, ..Counts::default() }, Some("no".to_owned())));
    }

    #[test]
    fn no_pause_is_made_for_which_there_is_no_time() {
        let queue = Queue::default();
        assert!(queue.pause(Duration::from_millis(1)));
        queue.close(Instant::now() + Duration::from_secs(1));
        assert!(!queue.pause(LONG));
        // One that has begun ends when time becomes short.
        let queue = Arc::new(Queue::default());
        let paused = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.pause(LONG)
        });
        queue.close(Instant::now());
        assert!(!paused.join().expect("no panic"));
    }
}
