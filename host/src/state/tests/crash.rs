//! Processes that work at one file at once, and are killed.

use std::process::{Child, Command, Stdio};

use super::*;

/// Where a child of this test finds the state that it is to work at.
const CHILD: &str = "PORTCULLIS_TEST_STATE";

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", "--nocapture", "state::tests::crash::as_a_child"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("a child")
}

/// Counts and adds, each time both under one lock.
fn work(store: &dyn State, rounds: usize) {
    let one = holder("a process");
    for _ in 0..rounds {
        let fence = loop {
            match store.acquire(&keys::agent_lock(&id("a")), &one) {
                Ok(fence) => break fence,
                Err(error) => assert_eq!(error.code(), "lock-held"),
            }
            thread::sleep(Duration::from_millis(1));
        };
        store.append(&keys::revocations(), b"item", Some(&fence)).expect("held");
        store.count(&keys::agent_errors(&id("a")), &id("n"), 1, u32::MAX, None).expect("counted");
        store.release(&fence).expect("given back");
    }
}

/// Not a test: what the children of tests do.
#[test]
#[ignore = "other tests start it as a process of its own"]
fn as_a_child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    work(&*open("state.sqlite", folder.as_ref(), &|_| None, Hand::new().clock()).expect("a state"), 20);
}

#[test]
fn processes_take_turns() {
    let bed = Bed::sqlite();
    let Bed::Sqlite { folder, .. } = &bed else { unreachable!("it is a file") };
    let children: Vec<_> = (0..3).map(|_| spawn(folder.path())).collect();
    work(&*bed.open(), 20);
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    let store = bed.open();
    assert_eq!(store.read(&keys::revocations(), 0, 1).expect("read").end, 80);
    assert_eq!(store.counters(&keys::agent_errors(&id("a"))), Ok(BTreeMap::from([(id("n"), 80)])));
}

#[test]
fn what_a_killed_process_did_is_whole_and_others_go_on() {
    let bed = Bed::sqlite();
    let Bed::Sqlite { folder, .. } = &bed else { unreachable!("it is a file") };
    let store = bed.open();
    for round in 1..=3 {
        let mut child = spawn(folder.path());
        let at_least = round * 2;
        let seen = |store: &dyn State| store.read(&keys::revocations(), 0, 0).expect("read").end;
        while seen(&*store) < at_least && child.try_wait().expect("a child").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("killed or ended");
        child.wait().expect("ended");
        let thief = store.seize(&keys::agent_lock(&id("a")), &holder("overwatch")).expect("seized");
        store.release(&thief).expect("given back");
        let (end, counters) = (seen(&*store), store.counters(&keys::agent_errors(&id("a"))).expect("read"));
        let counted = u64::from(counters.get(&id("n")).copied().unwrap_or(0));
        // A round adds first and counts then: each kill may have come between the two.
        assert!((counted..=counted + round).contains(&end), "{end} {counted}");
        let page = store.read(&keys::revocations(), 0, PAGE).expect("whole");
        assert!(page.items.iter().all(|item| item.value == b"item"));
    }
}
