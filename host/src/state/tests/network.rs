//! A real server, and a network that loses what it says.

use std::sync::atomic::AtomicBool;

use super::{
    server::{Between, PASSWORD, Server, patient},
    *,
};

#[test]
fn what_is_asked_again_because_its_answer_was_lost_is_done_once() {
    let Some(server) = Server::start() else { return };
    let between = Between::new(server.address);
    let store = patient(between.address);
    let agent = id("a");
    let (state, errors, list) = (keys::agent_state(&agent), keys::agent_errors(&agent), keys::revocations());
    for round in 1..=3 {
        between.lose(1);
        assert_eq!(store.count(&errors, &id("n"), 1, 9, None), Ok(Counted { value: round, limited: false }));
        between.lose(1);
        assert_eq!(store.append(&list, b"item", None), Ok(u64::from(round) - 1));
        between.lose(1);
        let version = store.put(&state, b"put", None).expect("written");
        between.lose(1);
        let next = store.compare_and_set(&state, Some(version), b"set", None).expect("no conflict with itself");
        between.lose(1);
        assert_eq!(store.get(&state).expect("read").expect("there").version, next);
    }
    assert_eq!(items(&store, &list, 0).len(), 3);
    assert_eq!(store.counters(&errors), Ok(BTreeMap::from([(id("n"), 3)])));
}

#[test]
fn a_lock_whose_answer_was_lost_is_not_taken_twice() {
    let Some(server) = Server::start() else { return };
    let between = Between::new(server.address);
    let (store, lock, one) = (patient(between.address), keys::agent_lock(&id("a")), holder("one"));
    between.lose(1);
    let fence = store.acquire(&lock, &one).expect("got, and told at the second attempt");
    let held = store.held(&lock).expect("read").expect("held");
    assert_eq!((held.by.as_str(), held.token), ("one", fence.token()));
    between.lose(1);
    store.renew(&fence).expect("held");
    between.lose(1);
    store.release(&fence).expect("given back");
    assert_eq!(store.held(&lock), Ok(None));
    // More answers are lost than are asked for: nobody knows, until the same holder asks again.
    between.lose(2);
    assert_eq!(code(store.acquire(&lock, &one)), "state-unsure");
    let fence = store.acquire(&lock, &one).expect("it is its own");
    assert_eq!(store.held(&lock).expect("read").expect("held").token, fence.token());
}

#[test]
fn a_network_that_loses_answers_all_the_time_loses_and_doubles_nothing() {
    let Some(server) = Server::start() else { return };
    let between = Between::new(server.address);
    let store = patient(between.address);
    let (list, errors) = (keys::revocations(), keys::agent_errors(&id("a")));
    let over = AtomicBool::new(false);
    let done: Vec<(String, bool, bool)> = thread::scope(|scope| {
        scope.spawn(|| {
            // It ends by itself, should a thread fail that would have ended it.
            for _ in 0..20_000 {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                between.lose(1);
                thread::sleep(Duration::from_millis(3));
            }
        });
        let add = |item: String| {
            let added = code(store.append(&list, item.as_bytes(), None));
            let counted = code(store.count(&errors, &id("n"), 1, u32::MAX, None));
            for code in [added, counted] {
                assert!(["ok", "state-unsure", "state-unreachable"].contains(&code), "{code}");
            }
            (item, added == "ok", counted == "ok")
        };
        let threads: Vec<_> = (0..4)
            .map(|thread| scope.spawn(move || (0..15).map(|at| add(format!("{thread} {at}"))).collect::<Vec<_>>()))
            .collect();
        let done = threads.into_iter().flat_map(|thread| thread.join().expect("ended")).collect();
        over.store(true, Ordering::SeqCst);
        done
    });
    between.lose(0);
    let there = items(&store, &list, 0);
    let apart: std::collections::HashSet<&String> = there.iter().collect();
    assert_eq!(apart.len(), there.len(), "nothing twice");
    assert!(done.iter().all(|(item, added, _)| !added || apart.contains(item)), "nothing lost");
    let counted = store.counters(&errors).expect("read").get(&id("n")).copied().unwrap_or(0) as usize;
    let sure = done.iter().filter(|(_, _, counted)| *counted).count();
    assert!((sure..=done.len()).contains(&counted), "{sure} {counted}");
}

#[test]
fn what_was_lost_for_good_is_told_as_that() {
    let Some(server) = Server::start() else { return };
    let between = Between::new(server.address);
    let (store, key) = (patient(between.address), keys::agent_state(&id("a")));
    between.lose(9);
    assert_eq!(code(store.put(&key, b"1", None)), "state-unsure");
    assert_eq!(code(store.get(&key)), "state-unreachable", "reading changes nothing");
    between.lose(0);
    assert_eq!(value(&store, &key).as_deref(), Some(b"1".as_slice()), "it was done after all");
}

#[test]
fn a_server_that_was_away_is_found_again() {
    let Some(server) = Server::start() else { return };
    let (store, key) = (patient(server.address), keys::agent_state(&id("a")));
    store.put(&key, b"1", None).expect("written");
    server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert_eq!(value(&store, &key).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn nobody_is_let_in_with_another_password() {
    let Some(server) = Server::start() else { return };
    let key = keys::agent_state(&id("a"));
    for (spec, expected) in [
        (format!("redis://:${{env:WRONG}}@{}/0", server.address), "state-denied"),
        (format!("redis://nobody:${{env:WRONG}}@{}/0", server.address), "state-denied"),
        (format!("redis://{}/0", server.address), "state-denied"),
        (format!("redis://:${{env:PW}}@{}/99", server.address), "state-refused"),
        (format!("redis://default:${{env:PW}}@{}/3", server.address), "ok"),
        (format!("redis://:${{env:PW}}@localhost:{}/3", server.address.port()), "ok"),
    ] {
        let store = open(&spec, Path::new(""), &variable, Hand::new().clock()).expect("a place");
        let result = store.put(&key, b"1", None);
        let shown = format!("{result:?} {store:?}");
        assert!(!shown.contains("secret") && !shown.contains(PASSWORD), "{shown}");
        assert_eq!(code(result), expected, "{spec}");
    }
    assert_eq!(patient(server.address).get(&key), Ok(None), "databases are apart");
}

#[test]
fn what_was_changed_on_a_server_is_never_served() {
    let Some(server) = Server::start() else { return };
    let store = patient(server.address);
    let agent = id("a");
    let (state, errors, history, lock) =
        (keys::agent_state(&agent), keys::agent_errors(&agent), keys::history_runs(&agent), keys::agent_lock(&agent));
    let prepare = || {
        server.raw(&["FLUSHALL"]);
        store.put(&state, b"true", None).expect("written");
        store.put(&keys::agent_packet(&agent), b"other", None).expect("written");
        store.count(&errors, &id("n"), 3, 9, None).expect("counted");
        for item in [b"one", b"two", b"six"] {
            store.append(&history, item, None).expect("added");
        }
        store.acquire(&lock, &holder("one")).expect("free");
    };
    let all = || {
        [
            code(store.get(&state)),
            code(store.counters(&errors)),
            code(store.read(&history, 0, 9)),
            code(store.held(&lock)),
        ]
    };
    const BAD: &str = "state-corrupted";
    for (words, expected) in [
        (["PING"].as_slice(), ["ok", "ok", "ok", "ok"]),
        (&["SET", "agent:a:state", "true"], [BAD, "ok", "ok", "ok"]),
        (&["APPEND", "agent:a:state", " "], [BAD, "ok", "ok", "ok"]),
        (&["COPY", "agent:a:packet", "agent:a:state", "REPLACE"], [BAD, "ok", "ok", "ok"]),
        (&["COPY", "agent:a:errors", "agent:a:state", "REPLACE"], [BAD, "ok", "ok", "ok"]),
        (&["HSET", "agent:a:errors", "n", "0"], ["ok", BAD, "ok", "ok"]),
        (&["HSET", "agent:a:errors", "a:b", "0"], ["ok", BAD, "ok", "ok"]),
        (&["COPY", "agent:a:state", "agent:a:errors", "REPLACE"], ["ok", BAD, "ok", "ok"]),
        (&["LSET", "history:a:runs", "1", "1 x"], ["ok", "ok", BAD, "ok"]),
        (&["LSET", "history:a:runs", "0", "x"], ["ok", "ok", BAD, "ok"]),
        (&["LSET", "history:a:runs", "0", "99999999999999999999 x"], ["ok", "ok", BAD, "ok"]),
        (&["RPUSH", "history:a:runs", "x"], ["ok", "ok", BAD, "ok"]),
        (&["LMOVE", "history:a:runs", "history:a:runs", "LEFT", "RIGHT"], ["ok", "ok", BAD, "ok"]),
        (&["SET", "agent:a:lock", "x"], ["ok", "ok", "ok", BAD]),
        (&["PERSIST", "agent:a:lock"], ["ok", "ok", "ok", BAD]),
    ] {
        prepare();
        server.raw(words);
        assert_eq!(all(), expected, "{words:?}");
    }
    prepare();
    server.raw(&["SET", "portcullis:fence", "9007199254740993"]);
    assert_eq!(code(store.seize(&lock, &holder("two"))), BAD, "no token is given twice");
    server.raw(&["LTRIM", "history:a:runs", "0", "0"]);
    assert_eq!(code(store.read(&history, 3, 1)), "state-lost");
    server.raw(&["LSET", "history:a:runs", "-1", "x"]);
    assert_eq!(code(store.append(&history, b"on", None)), BAD, "nothing is added behind what is none");
    server.raw(&["HSET", "agent:a:errors", "n", "7 0000"]);
    assert_eq!(code(store.count(&errors, &id("n"), 1, 9, None)), BAD);
}

#[test]
fn nothing_but_the_keys_that_are_told_stands_on_the_server() {
    let Some(server) = Server::start() else { return };
    let store = patient(server.address);
    store.put(&keys::agent_heartbeat(&id("a")), b"1", None).expect("written");
    store.acquire(&keys::agent_lock(&id("a")), &holder("one")).expect("free");
    let said = server.raw(&["KEYS", "*"]);
    let mut keys: Vec<&str> = said.lines().filter(|line| line.contains(':') && !line.contains("once")).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["agent:a:heartbeat", "agent:a:lock", "portcullis:fence"]);
    for (key, most) in [("agent:a:heartbeat", 60_000), ("agent:a:lock", 300_000)] {
        let said = server.raw(&["PTTL", key]);
        let left = said.lines().find_map(|line| line.strip_prefix(':')).expect("a number");
        let left: i64 = left.parse().expect("a number");
        assert!((1..=most).contains(&left), "{said}");
    }
}
