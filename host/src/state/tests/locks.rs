//! Locks: who holds them, who no longer does, and what a late holder can do.

use super::*;

fn each(check: impl Fn(&Bed, &dyn State)) {
    for bed in Bed::each() {
        check(&bed, &*bed.open());
    }
}

/// Everything that can be done under a fence.
fn all_under(store: &dyn State, fence: &Fence) -> [Result<(), StateError>; 7] {
    let (agent, under) = (id("a"), Some(fence));
    let there = store.get(&keys::agent_state(&agent)).expect("read").map(|entry| entry.version);
    [
        store.put(&keys::agent_packet(&agent), b"late", under).map(drop),
        store.compare_and_set(&keys::agent_state(&agent), there, b"late", under).map(drop),
        store.count(&keys::agent_errors(&agent), &id("n"), 1, 9, under).map(drop),
        store.append(&keys::history_runs(&agent), b"late", under).map(drop),
        store.delete(&keys::handoff(&agent), under),
        store.clear(&keys::agent_errors(&id("b")), under),
        store.renew(fence),
    ]
}

/// What a late holder would have changed.
fn seen(store: &dyn State) -> String {
    let agent = id("a");
    format!(
        "{:?}",
        (
            store.get(&keys::agent_packet(&agent)),
            store.get(&keys::agent_state(&agent)),
            store.counters(&keys::agent_errors(&agent)),
            store.read(&keys::history_runs(&agent), 0, 9),
            store.get(&keys::handoff(&agent)),
            store.counters(&keys::agent_errors(&id("b"))),
        )
    )
}

#[test]
fn one_holds_a_lock_and_others_are_told_who() {
    each(|bed, store| {
        let (lock, second) = (keys::agent_lock(&id("a")), bed.open());
        assert_eq!(store.held(&lock), Ok(None));
        let (one, other) = (holder("one on host"), holder("other"));
        let fence = store.acquire(&lock, &one).expect("free");
        let error = second.acquire(&lock, &other).expect_err("held");
        assert!(matches!(&error, StateError::Held { by, left_ms: 1..=300_000, .. } if by == "one on host"), "{error}");
        let held = second.held(&lock).expect("read").expect("held");
        assert_eq!((held.by.as_str(), held.token), ("one on host", fence.token()));
        second.acquire(&keys::agent_lock(&id("b")), &other).expect("another lock");
        store.renew(&fence).expect("held");
        store.release(&fence).expect("given back");
        let next = second.acquire(&lock, &other).expect("free");
        assert!(next.token() > fence.token());
        store.release(&fence).expect("it is not held");
        assert_eq!(store.held(&lock).expect("read").expect("held").by, "other");
    });
}

#[test]
fn who_asks_again_has_the_same_fence() {
    each(|bed, store| {
        let (lock, one) = (keys::agent_lock(&id("a")), holder("one"));
        let fence = store.acquire(&lock, &one).expect("free");
        assert_eq!(bed.open().acquire(&lock, &one), Ok(fence.clone()));
        assert_eq!(store.seize(&lock, &one), Ok(fence));
        assert_eq!(code(store.acquire(&lock, &holder("one"))), "lock-held", "a name is not a holder");
    });
}

#[test]
fn a_lock_is_taken_over_from_the_very_one_that_was_seen_and_from_no_other() {
    each(|bed, store| {
        let (lock, second) = (keys::agent_lock(&id("a")), bed.open());
        let fence = store.acquire(&lock, &holder("one")).expect("free");
        let (heir, late) = (holder("heir"), holder("late"));
        for from in [fence.token() - 1, fence.token() + 1, 0, u64::MAX] {
            assert_eq!(code(second.take_over(&lock, &heir, from)), "lock-held", "{from}");
        }
        assert_eq!(store.renew(&fence), Ok(()), "it is still held by the first");
        let taken = second.take_over(&lock, &heir, fence.token()).expect("taken");
        assert!(taken.token() > fence.token());
        assert_eq!(code(store.renew(&fence)), "lock-lost");
        assert_eq!(code(store.take_over(&lock, &late, fence.token())), "lock-held", "somebody was faster");
        assert_eq!(second.take_over(&lock, &heir, fence.token()), Ok(taken.clone()), "who asks again has it");
        second.release(&taken).expect("given back");
        let free = store.take_over(&lock, &late, taken.token()).expect("free");
        assert!(free.token() > taken.token());
    });
}

#[test]
fn under_a_fence_everything_can_be_done() {
    each(|_, store| {
        let fence = store.acquire(&keys::agent_lock(&id("a")), &holder("one")).expect("free");
        for done in all_under(store, &fence) {
            assert_eq!(done, Ok(()));
        }
        assert!(seen(store).contains("Page { items: [Item"), "{}", seen(store));
    });
}

#[test]
fn who_is_late_changes_nothing() {
    each(|bed, store| {
        let lock = keys::agent_lock(&id("a"));
        store.put(&keys::handoff(&id("a")), b"kept", None).expect("written");
        store.count(&keys::agent_errors(&id("b")), &id("n"), 1, 9, None).expect("counted");
        let before = seen(store);
        let refused = |fence: &Fence, why: &str| {
            for done in all_under(store, fence) {
                let lost = StateError::LockLost { key: lock.name().to_owned(), token: fence.token() };
                assert_eq!(done, Err(lost), "{why}");
            }
            assert_eq!(seen(store), before, "{why}");
        };
        let late = store.acquire(&lock.clone().lasting(SHORT), &holder("one")).expect("free");
        bed.pass();
        refused(&late, "its time has run out and nobody has the lock");
        let next = bed.open().acquire(&lock, &holder("other")).expect("it has run out");
        assert!(next.token() > late.token());
        refused(&late, "somebody else has the lock");
        let seized = store.seize(&lock, &holder("overwatch")).expect("seized");
        assert!(seized.token() > next.token());
        refused(&next, "the lock was taken away");
        store.release(&seized).expect("given back");
        refused(&seized, "it gave the lock back");
        refused(&late, "the first one, still");
    });
}

#[test]
fn a_lock_that_is_renewed_lasts() {
    each(|bed, store| {
        let lock = keys::agent_lock(&id("a"));
        let one = holder("one");
        // Got for a short time, and kept for a long one before that is over: the same holder asks with the longer lifetime.
        let fence = loop {
            let short = store.acquire(&lock.clone().lasting(SHORT), &one).expect("free");
            let long = store.acquire(&lock, &one).expect("free or its own");
            if long.token() == short.token() {
                break long;
            }
            store.release(&long).expect("too slow, once more");
        };
        bed.pass();
        store.renew(&fence).expect("held");
        assert_eq!(code(bed.open().acquire(&lock, &holder("other"))), "lock-held");
    });
}

#[test]
fn tokens_grow_where_the_store_has_forgotten_them() {
    for bed in Bed::each() {
        let Bed::Redis(server) = &bed else { continue };
        let (store, lock) = (bed.open(), keys::agent_lock(&id("a")));
        let before = store.acquire(&lock, &holder("one")).expect("free");
        server.raw(&["FLUSHALL"]);
        thread::sleep(Duration::from_millis(2));
        let after = store.acquire(&lock, &holder("other")).expect("free");
        assert!(after.token() > before.token(), "{before:?} {after:?}");
        assert_eq!(code(store.put(&keys::agent_state(&id("a")), b"late", Some(&before))), "lock-lost");
    }
}
