//! Several at once, on several handles of one store.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use super::*;

const THREADS: usize = 6;
const ROUNDS: usize = 8;

/// Runs `work` on two handles, three threads each.
fn together(bed: &Bed, work: impl Fn(usize, &dyn State) + Sync) {
    let handles = [bed.open(), bed.open()];
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (work, store) = (&work, Arc::clone(&handles[thread % 2]));
            scope.spawn(move || work(thread, &*store));
        }
    });
}

#[test]
fn no_two_hold_a_lock_and_its_fences_only_grow() {
    for bed in Bed::each() {
        let lock = keys::agent_lock(&id("a"));
        let key = keys::agent_state(&id("a"));
        let (inside, tokens) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        bed.open().put(&key, b"0", None).expect("written");
        together(&bed, |thread, store| {
            for _ in 0..ROUNDS {
                let one = holder(&format!("thread {thread}"));
                let fence = loop {
                    match store.acquire(&lock, &one) {
                        Ok(fence) => break fence,
                        Err(error) => assert_eq!(error.code(), "lock-held"),
                    }
                    thread::yield_now();
                };
                assert!(!inside.swap(true, Ordering::SeqCst), "two hold it");
                tokens.lock().expect("whole").push(fence.token());
                let number: u32 =
                    String::from_utf8(value(store, &key).expect("there")).expect("text").parse().expect("a number");
                store.put(&key, (number + 1).to_string().as_bytes(), Some(&fence)).expect("held");
                inside.store(false, Ordering::SeqCst);
                store.release(&fence).expect("given back");
            }
        });
        let tokens = tokens.into_inner().expect("whole");
        assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]), "{tokens:?}");
        let all = (THREADS * ROUNDS).to_string();
        assert_eq!(value(&*bed.open(), &key).as_deref(), Some(all.as_bytes()));
    }
}

#[test]
fn nothing_that_is_counted_or_added_is_lost_or_done_twice() {
    for bed in Bed::each() {
        let (errors, list) = (keys::agent_errors(&id("a")), keys::revocations());
        let offsets = Mutex::new(Vec::new());
        together(&bed, |thread, store| {
            for round in 0..ROUNDS {
                store.count(&errors, &id("total"), 1, 1_000, None).expect("counted");
                store.count(&errors, &id("few"), 1, 5, None).expect("counted");
                let offset = store.append(&list, format!("{thread} {round}").as_bytes(), None).expect("added");
                offsets.lock().expect("whole").push(offset);
            }
        });
        let store = bed.open();
        let all = THREADS * ROUNDS;
        let expected = BTreeMap::from([(id("few"), 5), (id("total"), u32::try_from(all).expect("few"))]);
        assert_eq!(store.counters(&errors), Ok(expected));
        let mut offsets = offsets.into_inner().expect("whole");
        offsets.sort_unstable();
        assert_eq!(offsets, (0..all as u64).collect::<Vec<_>>());
        let items: std::collections::HashSet<_> = items(&*store, &list, 0).into_iter().collect();
        assert_eq!(items.len(), all);
    }
}

#[test]
fn of_those_that_change_a_value_at_once_one_does() {
    for bed in Bed::each() {
        let key = keys::project_agents(&id("p"));
        let version = bed.open().put(&key, b"start", None).expect("written");
        let changed = Mutex::new(Vec::new());
        together(&bed, |thread, store| {
            match store.compare_and_set(&key, Some(version), format!("{thread}").as_bytes(), None) {
                Ok(_) => changed.lock().expect("whole").push(thread.to_string()),
                Err(error) => assert_eq!(error.code(), "state-conflict"),
            }
        });
        let changed = changed.into_inner().expect("whole");
        assert_eq!(changed.len(), 1);
        assert_eq!(value(&*bed.open(), &key).as_deref(), Some(changed[0].as_bytes()));
    }
}
