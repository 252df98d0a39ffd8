//! What every store does.

use super::*;

fn each(check: impl Fn(&Bed, &dyn State)) {
    for bed in Bed::each() {
        check(&bed, &*bed.open());
    }
}

#[test]
fn a_value_is_what_was_put_until_it_is_put_anew_or_taken_away() {
    each(|_, store| {
        let key = keys::agent_state(&id("a"));
        assert_eq!(store.get(&key), Ok(None));
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [b"{}".as_slice(), b"", b"\r\n$5\r\n", &all, &vec![7; MAX_VALUE]] {
            let version = store.put(&key, bytes, None).expect("written");
            assert_eq!(store.get(&key), Ok(Some(Entry { version, value: bytes.to_vec() })));
        }
        assert_eq!(code(store.put(&key, &vec![7; MAX_VALUE + 1], None)), "state-too-large");
        assert_eq!(value(store, &key).map(|value| value.len()), Some(MAX_VALUE));
        store.delete(&key, None).expect("taken away");
        store.delete(&key, None).expect("nothing to take away");
        assert_eq!(store.get(&key), Ok(None));
    });
}

#[test]
fn two_handles_see_the_same_and_other_keys_see_nothing() {
    each(|bed, store| {
        let (key, other) = (keys::agent_state(&id("a")), keys::agent_state(&id("A")));
        store.put(&key, b"one", None).expect("written");
        let second = bed.open();
        assert_eq!(value(&*second, &key).as_deref(), Some(b"one".as_slice()));
        assert_eq!(second.get(&other), Ok(None));
        second.put(&key, b"two", None).expect("written");
        assert_eq!(value(store, &key).as_deref(), Some(b"two".as_slice()));
    });
}

#[test]
fn a_value_is_set_only_over_the_one_that_was_seen() {
    each(|_, store| {
        let key = keys::project_plan(&id("p"), &id("1"));
        let first = store.compare_and_set(&key, None, b"x", None).expect("there was nothing");
        assert_eq!(code(store.compare_and_set(&key, None, b"y", None)), "state-conflict");
        let second = store.compare_and_set(&key, Some(first), b"x", None).expect("it was that one");
        assert_ne!(first, second, "the same bytes are another writing");
        assert_eq!(code(store.compare_and_set(&key, Some(first), b"y", None)), "state-conflict");
        store.put(&key, b"x", None).expect("written");
        assert_eq!(code(store.compare_and_set(&key, Some(second), b"y", None)), "state-conflict");
        store.delete(&key, None).expect("taken away");
        assert_eq!(code(store.compare_and_set(&key, Some(second), b"y", None)), "state-conflict");
        assert_eq!(store.get(&key), Ok(None));
        store.compare_and_set(&key, None, b"z", None).expect("there is nothing");
    });
}

#[test]
fn what_has_a_lifetime_is_gone_after_it_and_nothing_else_is() {
    each(|bed, store| {
        let agent = id("a");
        let (short, long) = (keys::agent_heartbeat(&agent).lasting(SHORT), keys::agent_output(&agent, &id("gamma")));
        store.put(&short, b"1", None).expect("written");
        store.put(&long, b"2", None).expect("written");
        store.put(&keys::agent_state(&agent), b"3", None).expect("written");
        bed.pass();
        assert_eq!(store.get(&short), Ok(None));
        assert_eq!(value(store, &long).as_deref(), Some(b"2".as_slice()));
        assert_eq!(value(store, &keys::agent_state(&agent)).as_deref(), Some(b"3".as_slice()));
        // What is put anew lasts anew, and for ever if its key says so.
        store.put(&short, b"4", None).expect("written");
        store.put(&keys::agent_heartbeat(&agent), b"5", None).expect("written");
        bed.pass();
        assert_eq!(value(store, &short).as_deref(), Some(b"5".as_slice()));
        store.put(&short, b"6", None).expect("written");
        bed.pass();
        store.compare_and_set(&short, None, b"7", None).expect("what has run out is nothing");
    });
}

#[test]
fn a_counter_goes_up_to_its_limit_and_stays_there() {
    each(|_, store| {
        let (key, name) = (keys::agent_errors(&id("a")), id("total"));
        for value in 1..=3 {
            let counted = store.count(&key, &name, 1, 3, None);
            assert_eq!(counted, Ok(Counted { value, limited: false }));
        }
        for _ in 0..2 {
            assert_eq!(store.count(&key, &name, 1, 3, None), Ok(Counted { value: 3, limited: true }));
        }
        assert_eq!(store.count(&key, &id("E1"), 5, 4, None), Ok(Counted { value: 0, limited: true }));
        let most = Counted { value: u32::MAX, limited: false };
        assert_eq!(store.count(&key, &id("E2"), u32::MAX, u32::MAX, None), Ok(most));
        assert_eq!(store.count(&key, &id("E2"), 1, u32::MAX, None), Ok(Counted { limited: true, ..most }));
        let counters = store.counters(&key).expect("read");
        assert_eq!(counters, BTreeMap::from([(id("E2"), u32::MAX), (name, 3)]));
        store.clear(&key, None).expect("cleared");
        assert_eq!(store.counters(&key), Ok(BTreeMap::new()));
    });
}

#[test]
fn no_more_counters_than_there_may_be() {
    each(|_, store| {
        let key = keys::agent_errors(&id("a"));
        for number in 0..MAX_COUNTERS {
            store.count(&key, &id(&format!("e{number}")), 1, 9, None).expect("counted");
        }
        assert_eq!(code(store.count(&key, &id("one-more"), 1, 9, None)), "state-crowded");
        assert_eq!(store.count(&key, &id("e7"), 1, 9, None), Ok(Counted { value: 2, limited: false }));
        assert_eq!(store.counters(&key).expect("read").len(), MAX_COUNTERS as usize);
    });
}

#[test]
fn counters_run_out_together_so_long_after_the_first() {
    each(|bed, store| {
        let key = keys::agent_errors(&id("a")).lasting(SHORT);
        let long = keys::agent_errors(&id("a")).lasting(Duration::from_secs(600));
        // Counting on makes them last no longer. Where the first had run out by then, there was nothing to count on.
        loop {
            store.count(&key, &id("one"), 1, 9, None).expect("counted");
            store.count(&long, &id("two"), 1, 9, None).expect("counted");
            if store.counters(&key).expect("read").len() == 2 {
                break;
            }
            store.clear(&key, None).expect("cleared");
        }
        bed.pass();
        assert_eq!(store.counters(&key), Ok(BTreeMap::new()));
        store.count(&long, &id("two"), 1, 9, None).expect("counted");
        bed.pass();
        assert_eq!(store.count(&long, &id("two"), 1, 9, None), Ok(Counted { value: 2, limited: false }));
    });
}

#[test]
fn a_list_is_read_from_where_its_reader_was() {
    each(|_, store| {
        let key = keys::project_broadcast(&id("p"));
        assert_eq!(store.read(&key, 0, PAGE), Ok(Page::default()));
        for number in 0..5 {
            assert_eq!(store.append(&key, format!("m{number}").as_bytes(), None), Ok(number));
        }
        assert_eq!(items(store, &key, 0), ["m0", "m1", "m2", "m3", "m4"]);
        let page = store.read(&key, 1, 2).expect("read");
        assert_eq!((page.items.len(), page.first, page.end, page.next(1)), (2, 0, 5, 3));
        assert_eq!(items(store, &key, page.next(1)), ["m3", "m4"]);
        assert_eq!(items(store, &key, 5), [""; 0]);
        assert_eq!(store.read(&key, 0, 0), Ok(Page { items: Vec::new(), first: 0, end: 5 }));
        for past in [6, u64::MAX] {
            assert_eq!(code(store.read(&key, past, 1)), "state-lost");
        }
    });
}

#[test]
fn a_list_drops_its_oldest_items_and_keeps_their_numbers() {
    each(|_, store| {
        let key = keys::history_runs(&id("a")).at_most(3);
        for number in 0..10 {
            store.append(&key, format!("r{number}").as_bytes(), None).expect("added");
        }
        assert_eq!(items(store, &key, 0), ["r7", "r8", "r9"]);
        let page = store.read(&key, 2, 1).expect("read");
        assert_eq!((page.items[0].offset, page.first, page.end), (7, 7, 10));
        store.append(&keys::history_runs(&id("a")).at_most(1), b"last", None).expect("added");
        assert_eq!(items(store, &key, 0), ["last"]);
    });
}

#[test]
fn the_ledger_of_revocations_drops_nothing() {
    each(|_, store| {
        let key = keys::revocations().at_most(2);
        store.append(&key, b"a", None).expect("added");
        store.append(&key, b"b", None).expect("added");
        let full = store.append(&key, b"c", None).expect_err("full");
        assert_eq!(full, StateError::Crowded { key: "revocations:ledger".to_owned(), most: 2 });
        assert_eq!(items(store, &key, 0), ["a", "b"]);
    });
}

#[test]
fn large_items_come_in_pages() {
    each(|_, store| {
        let key = keys::message(&id("t"), &id("c"));
        let item = vec![b'x'; MAX_ITEM];
        assert_eq!(code(store.append(&key, &[item.as_slice(), b"x"].concat(), None)), "state-too-large");
        let count = PAGE as u64 + 2;
        for _ in 0..count {
            store.append(&key, &item, None).expect("added");
        }
        let page = store.read(&key, 0, usize::MAX).expect("read");
        assert_eq!((page.items.len(), page.end), (PAGE, count));
        assert!(page.items.iter().all(|found| found.value == item));
        assert_eq!(store.read(&key, page.next(0), PAGE).expect("read").items.len(), 2);
    });
}

#[test]
fn agents_are_those_that_have_a_state() {
    each(|bed, store| {
        assert_eq!(store.agents(), Ok(Agents::default()));
        for name in ["b", "a", "c.d"] {
            store.put(&keys::agent_state(&id(name)), b"{}", None).expect("written");
        }
        store.put(&keys::agent_heartbeat(&id("e")), b"{}", None).expect("written");
        store.put(&keys::agent_state(&id("f")).lasting(SHORT), b"{}", None).expect("written");
        bed.pass();
        let agents = store.agents().expect("read");
        assert_eq!(agents, Agents { ids: ["a", "b", "c.d"].map(id).to_vec(), more: false });
        for number in 0..2_500 {
            store
                .put(&keys::agent_state(&id(&format!("n{number}"))).lasting(keys::LOCK), b"{}", None)
                .expect("written");
        }
        assert_eq!(store.agents().expect("read").ids.len(), 2_503);
    });
}
