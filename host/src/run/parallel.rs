//! Many independent pieces of work on a few threads, their results in order.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Into how many parts each thread's share is cut where there are many pieces: taking them one by one makes threads wait for
/// each other, and large parts make them wait for the last one.
const CHUNKS_A_THREAD: usize = 64;

/// `work` over `items` on at most `jobs` threads, the results in the items' order.
pub fn in_parallel<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = jobs.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let size = (items.len() / (threads * CHUNKS_A_THREAD)).max(1);
    let chunks: Vec<&[T]> = items.chunks(size).collect();
    let results: Vec<Mutex<Vec<R>>> = chunks.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let labour = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(chunk), Some(place)) = (chunks.get(at), results.get(at)) else { return };
            let done = chunk.iter().map(&work).collect();
            *place.lock().unwrap_or_else(PoisonError::into_inner) = done;
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(labour);
        }
        labour();
    });
    results.into_iter().flat_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests {
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
}
