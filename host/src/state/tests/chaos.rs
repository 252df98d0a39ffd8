//! Faults that are injected hit what they are to hit, and leave the store as it is.

use super::{
    faults::{Fault, Faulty},
    *,
};

fn each(check: impl Fn(&Faulty, &dyn State)) {
    for bed in Bed::each() {
        check(&Faulty::new(bed.open()), &*bed.open());
    }
}

#[test]
fn a_lock_that_is_lost_is_really_lost_and_the_next_one_gets_it() {
    each(|faulty, store| {
        let (lock, key) = (keys::agent_lock(&id("a")), keys::agent_state(&id("a")));
        let fence = faulty.acquire(&lock, &holder("one")).expect("free");
        faulty.inject(Fault::LockLost, 1);
        faulty.put(&key, b"1", None).expect("no fence, nothing to lose");
        assert_eq!(code(faulty.put(&key, b"2", Some(&fence))), "lock-lost");
        assert!(faulty.is_spent());
        assert_eq!(code(store.put(&key, b"3", Some(&fence))), "lock-lost", "it stays lost");
        assert_eq!(value(store, &key).as_deref(), Some(b"1".as_slice()));
        let next = store.acquire(&lock, &holder("other")).expect("free");
        assert!(next.token() > fence.token());
    });
}

#[test]
fn what_is_corrupted_or_out_of_reach_is_so_as_often_as_it_was_told() {
    each(|faulty, store| {
        let key = keys::agent_state(&id("a"));
        faulty.put(&key, b"1", None).expect("written");
        faulty.inject(Fault::StateCorrupted, 2);
        faulty.put(&key, b"2", None).expect("writing reads nothing");
        let found = (code(faulty.get(&key)), code(faulty.agents()), code(faulty.get(&key)));
        assert_eq!(found, ("state-corrupted", "state-corrupted", "ok"));
        faulty.inject(Fault::Disconnected, 2);
        assert_eq!(
            (code(faulty.put(&key, b"3", None)), code(faulty.get(&key))),
            ("state-unreachable", "state-unreachable")
        );
        assert_eq!(value(store, &key).as_deref(), Some(b"2".as_slice()));
        faulty.inject(Fault::AnswerLost, 1);
        assert_eq!(code(faulty.put(&key, b"4", None)), "state-unsure");
        assert_eq!(value(store, &key).as_deref(), Some(b"4".as_slice()));
        faulty.inject(Fault::Disconnected, usize::MAX);
        assert_eq!(code(faulty.get(&key)), "state-unreachable");
        faulty.heal();
        assert_eq!(code(faulty.get(&key)), "ok");
    });
}

#[test]
fn two_faults_at_once_hit_together() {
    each(|faulty, _| {
        let (lock, key) = (keys::agent_lock(&id("a")).lasting(SHORT), keys::agent_state(&id("a")));
        let fence = faulty.acquire(&lock, &holder("one")).expect("free");
        faulty.inject(Fault::NetworkDelay(Duration::from_millis(5)), 2);
        faulty.inject(Fault::LockLost, 1);
        faulty.inject(Fault::StateCorrupted, 1);
        assert_eq!(code(faulty.renew(&fence)), "lock-lost");
        assert_eq!(code(faulty.get(&key)), "state-corrupted");
        assert!(faulty.is_spent());
    });
}
