//! What several threads have done, told in the order of what they were given, whichever is done first.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// Pieces of work that are done and wait for an earlier one. A thread that is further ahead waits too, so that one slow
/// piece does not make the others pile up.
pub(super) struct Ordered<T> {
    state: Mutex<State<T>>,
    moved: Condvar,
    /// How far ahead of the first piece that is not done another one may be handed in.
    window: usize,
}

struct State<T> {
    /// The number of the piece that is told next.
    next: usize,
    done: BTreeMap<usize, T>,
    /// Nothing more is told.
    ended: bool,
}

/// A piece of work that somebody does. If it is not handed in, nothing more is told, because nobody would ever tell it.
pub(super) struct Piece<'o, T> {
    ordered: &'o Ordered<T>,
    number: usize,
    handed_in: bool,
}

impl<T> Ordered<T> {
    pub(super) fn new(window: usize) -> Self {
        let state = State { next: 0, done: BTreeMap::new(), ended: false };
        Self { state: Mutex::new(state), moved: Condvar::new(), window: window.max(1) }
    }

    /// The piece of that number: from zero on, each once.
    pub(super) fn piece(&self, number: usize) -> Piece<'_, T> {
        Piece { ordered: self, number, handed_in: false }
    }

    /// Whether nothing more is told.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Piece<'_, T> {
    /// Hands in what was done. Tells it, and what waited for it, if all before it was told. An error of `tell` is the end.
    pub(super) fn done<E>(mut self, done: T, mut tell: impl FnMut(T) -> Result<(), E>) -> Result<(), E> {
        let ordered = self.ordered;
        let too_far = |state: &mut State<T>| !state.ended && self.number - state.next >= ordered.window;
        let waited = ordered.moved.wait_while(ordered.lock(), too_far);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.done.insert(self.number, done);
        while !state.ended {
            let next = state.next;
            let Some(done) = state.done.remove(&next) else { break };
            tell(done)?;
            state.next += 1;
        }
        drop(state);
        self.handed_in = true;
        ordered.moved.notify_all();
        Ok(())
    }
}

impl<T> Drop for Piece<'_, T> {
    fn drop(&mut self) {
        if !self.handed_in {
            self.ordered.lock().ended = true;
            self.ordered.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn whoever_is_first_the_order_is_kept() {
        for (threads, window) in [(1, 1), (2, 1), (4, 3), (8, 64)] {
            let (ordered, told, next) = (Ordered::new(window), Mutex::new(Vec::new()), AtomicUsize::new(0));
            let work = || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= 1_000 {
                        return;
                    }
                    if number % 7 == 0 {
                        thread::yield_now();
                    }
                    let tell = |done| {
                        told.lock().expect("nobody panics").push(done);
                        Ok::<_, ()>(())
                    };
                    ordered.piece(number).done(number, tell).expect("told");
                }
            };
            thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
            assert_eq!(told.into_inner().expect("nobody panics"), (0..1_000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_piece_that_is_never_done_and_one_that_cannot_be_told_end_it_for_all() {
        let ordered = Ordered::new(1);
        let lost = ordered.piece(0);
        thread::scope(|scope| {
            let waits = scope.spawn(|| ordered.piece(1).done((), |()| Err("told")));
            drop(lost);
            assert_eq!(waits.join().expect("no panic"), Ok(()), "nothing before it was told, so it is not");
        });
        assert!(ordered.has_ended());
        let ordered = Ordered::new(1);
        assert_eq!(ordered.piece(0).done((), |()| Err("no room")), Err("no room"));
        assert!(ordered.has_ended());
        assert_eq!(ordered.piece(1).done((), |()| Err("told")), Ok(()));
    }
}
