//! Many independent pieces of work on a few threads, their results in order.

use std::{
    convert,
    ops::Range,
    sync::{Mutex, PoisonError},
    thread,
};

/// Into how many parts each thread's share is cut where there are many pieces: taking them one by one makes threads wait for
/// each other, and large parts make them wait for the last one.
const CHUNKS_A_THREAD: usize = 64;

/// `work` over `items` on at most `jobs` threads, the results in the items' order.
pub fn in_parallel<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    in_parallel_with(jobs, items, || (), |(), item| work(item))
}

/// [`in_parallel`], where each thread has what `start` gives for itself alone, such as buffers: what goes from one thread to
/// another has to go from one core to another.
pub fn in_parallel_with<S, T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let threads = jobs.min(items.len());
    if threads <= 1 {
        let mut own = start();
        return items.iter().map(|item| work(&mut own, item)).collect();
    }
    let size = part_size(threads, items.len());
    // Each result goes to the place where it stays: of many files, all would be there twice for a while.
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    share(threads, items.chunks(size).zip(results.chunks_mut(size)), start, |own, (items, places)| {
        for (item, place) in items.iter().zip(places) {
            *place = Some(work(own, item));
        }
    });
    // Each is there: a thread that panicked would not have let the scope end. The list is made in the room of the other.
    results.into_iter().map_while(convert::identity).collect()
}

/// `work` over all numbers below `count`, of which it finds something in a few: what was found, in the order of the numbers,
/// each with its own. Otherwise as [`in_parallel_with`]; numbers in which nothing is found take no room.
pub fn find_in_parallel<S, R: Send>(
    jobs: usize,
    count: usize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> Option<R> + Sync,
) -> Vec<(usize, R)> {
    let threads = jobs.clamp(1, count.max(1));
    let size = part_size(threads, count);
    let mut found: Vec<Vec<(usize, R)>> = Vec::new();
    found.resize_with(count.div_ceil(size), Vec::new);
    let part = |first: usize| -> Range<usize> { first..count.min(first + size) };
    share(threads, (0..count).step_by(size).map(part).zip(&mut found), start, |own, (numbers, found)| {
        found.extend(numbers.filter_map(|number| Some((number, work(own, number)?))));
    });
    found.into_iter().flatten().collect()
}

fn part_size(threads: usize, pieces: usize) -> usize {
    (pieces / (threads * CHUNKS_A_THREAD)).max(1)
}

/// `work` over `parts`, which `threads` threads take one by one until there are none.
fn share<S, P>(
    threads: usize,
    parts: impl Iterator<Item = P> + Send,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, P) + Sync,
) {
    let parts = Mutex::new(parts);
    let labour = || {
        let mut own = start();
        loop {
            let part = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(part) = part else { return };
            work(&mut own, part);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(labour);
        }
        labour();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_piece_is_done_once_and_in_order_whatever_the_number_of_threads() {
        for count in [0_usize, 1, 2, 3, 100, 1_001] {
            let items: Vec<usize> = (0..count).collect();
            for jobs in 0..9 {
                assert_eq!(in_parallel(jobs, &items, |item| item * 2), items.iter().map(|i| i * 2).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_is_found_has_its_number_and_the_rest_is_looked_at_too() {
        for count in [0_usize, 1, 2, 3, 100, 1_001] {
            for jobs in 0..9 {
                let looked_at = AtomicUsize::new(0);
                let found = find_in_parallel(
                    jobs,
                    count,
                    || (),
                    |(), number| {
                        looked_at.fetch_add(1, Ordering::Relaxed);
                        (number % 7 == 3).then_some(number * 2)
                    },
                );
                assert_eq!(found, (3..count).step_by(7).map(|number| (number, number * 2)).collect::<Vec<_>>());
                assert_eq!(looked_at.into_inner(), count);
            }
        }
    }

    #[test]
    fn each_thread_keeps_what_it_started_with() {
        let items = [(); 1_001];
        for jobs in 1..9 {
            let (started, worked) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let count = |own: &mut usize, (): &()| {
                *own += 1;
                worked.fetch_add(1, Ordering::Relaxed);
                *own
            };
            let begin = || {
                started.fetch_add(1, Ordering::Relaxed);
                0
            };
            let counts = in_parallel_with(jobs, &items, begin, count);
            assert!(started.into_inner() <= jobs);
            // The first item of each thread is its first.
            assert!(counts.iter().filter(|count| **count == 1).count() <= jobs);
            assert_eq!(worked.into_inner(), items.len());
        }
    }
}
