//! What may lie where a state is looked for, and what somebody may have done to it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use rusqlite::Connection;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn open_at(path: &Path) -> Result<Arc<dyn State>, StateError> {
    open(path.to_str().expect("text"), Path::new(""), &|_| None, Hand::new().clock())
}

fn meddle(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[test]
fn a_state_is_made_for_its_owner_alone() {
    let folder = folder();
    let path = folder.path().join("below/state.sqlite");
    open_at(&path).expect("made").put(&keys::agent_state(&id("a")), b"1", None).expect("written");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().expect("a folder")).expect("there").permissions().mode() & 0o777, 0o700);
    let again = open_at(&path).expect("opened");
    assert_eq!(value(&*again, &keys::agent_state(&id("a"))).as_deref(), Some(b"1".as_slice()));
}

#[test]
fn of_those_that_make_a_state_at_once_all_use_the_same() {
    let folder = folder();
    let path = folder.path().join("s");
    thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                open_at(path).expect("a state").append(&keys::revocations(), &[thread], None).expect("added")
            });
        }
    });
    assert_eq!(open_at(&path).expect("a state").read(&keys::revocations(), 0, 9).expect("read").items.len(), 4);
}

#[test]
fn what_is_no_state_is_refused_and_left_as_it_is() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("empty"), "").expect("written");
    fs::write(at("text"), "x".repeat(5_000)).expect("written");
    fs::create_dir(at("folder")).expect("made");
    meddle(&at("other"), "CREATE TABLE t (x); PRAGMA journal_mode = WAL;");
    open_at(&at("newer")).expect("made");
    meddle(&at("newer"), "PRAGMA user_version = 7; PRAGMA wal_checkpoint(TRUNCATE)");
    open_at(&at("trigger")).expect("made");
    meddle(&at("trigger"), "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM items; END");
    open_at(&at("fewer")).expect("made");
    meddle(&at("fewer"), "DROP TABLE fences");
    for (name, expected) in [
        ("empty", "state-foreign"),
        ("text", "state-foreign"),
        ("folder", "state-foreign"),
        ("other", "state-foreign"),
        ("newer", "state-version"),
        ("trigger", "state-foreign"),
        ("fewer", "state-foreign"),
    ] {
        let before = fs::read(at(name)).ok();
        assert_eq!(code(open_at(&at(name))), expected, "{name}");
        assert_eq!(fs::read(at(name)).ok(), before, "{name}");
    }
    assert_eq!(code(open_at(&at("text").join("below"))), "state-io");
}

#[test]
fn what_was_changed_in_a_file_is_never_served() {
    let folder = folder();
    let path = folder.path().join("s");
    let (agent, history) = (id("a"), keys::history_runs(&id("a")));
    let (state, errors, lock) = (keys::agent_state(&agent), keys::agent_errors(&agent), keys::agent_lock(&agent));
    let prepare = || {
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("").with_file_name("s-wal"));
        let store = open_at(&path).expect("a state");
        store.put(&state, b"true", None).expect("written");
        store.put(&keys::agent_packet(&agent), b"other", None).expect("written");
        store.count(&errors, &id("n"), 3, 9, None).expect("counted");
        for item in [b"one", b"two", b"six"] {
            store.append(&history, item, None).expect("added");
        }
        store.acquire(&lock, &holder("one")).expect("free");
    };
    let all = |store: &dyn State| {
        [
            code(store.get(&state)),
            code(store.counters(&errors)),
            code(store.read(&history, 0, 9)),
            code(store.held(&lock)),
        ]
    };
    let swap = "UPDATE entries SET (version, checksum, value) = (SELECT version, checksum, value FROM entries \
                WHERE key = 'agent:a:packet') WHERE key = 'agent:a:state'";
    const BAD: &str = "state-corrupted";
    for (sql, expected) in [
        ("", ["ok", "ok", "ok", "ok"]),
        ("UPDATE entries SET value = x'00'", [BAD, "ok", "ok", "ok"]),
        ("UPDATE entries SET checksum = x'00'", [BAD, "ok", "ok", "ok"]),
        ("UPDATE entries SET version = zeroblob(16)", [BAD, "ok", "ok", "ok"]),
        (swap, [BAD, "ok", "ok", "ok"]),
        ("UPDATE counters SET value = 0", ["ok", BAD, "ok", "ok"]),
        ("UPDATE counters SET value = -1", ["ok", BAD, "ok", "ok"]),
        ("UPDATE counters SET name = 'a:b'", ["ok", BAD, "ok", "ok"]),
        ("DELETE FROM items WHERE number = 1", ["ok", "ok", BAD, "ok"]),
        ("UPDATE items SET value = x'00' WHERE number = 2", ["ok", "ok", BAD, "ok"]),
        ("UPDATE items SET number = -number - 1", ["ok", "ok", BAD, "ok"]),
        ("UPDATE items SET number = 9223372036854775807 WHERE number = 2", ["ok", "ok", BAD, "ok"]),
        ("UPDATE locks SET token = -1", ["ok", "ok", "ok", BAD]),
        ("UPDATE locks SET nonce = x''", ["ok", "ok", "ok", BAD]),
    ] {
        prepare();
        meddle(&path, sql);
        assert_eq!(all(&*open_at(&path).expect("a state")), expected, "{sql}");
    }
    prepare();
    meddle(&path, "UPDATE fences SET token = 9223372036854775807");
    let store = open_at(&path).expect("a state");
    assert_eq!(code(store.seize(&lock, &holder("two"))), "state-damaged", "no token is given twice");
    meddle(&path, "DELETE FROM items WHERE number = 1");
    assert_eq!(code(store.read(&history, 0, 2)), BAD, "the next one does not take its place");
    meddle(&path, "DELETE FROM items WHERE number > 0");
    assert_eq!(code(store.read(&history, 3, 1)), "state-lost");
}

#[test]
fn a_file_of_noise_with_the_right_header_makes_nothing_panic() {
    let folder = folder();
    let path = folder.path().join("s");
    let store = open_at(&path).expect("made");
    for number in 0..50 {
        store.append(&keys::revocations(), &[number; 500], None).expect("added");
    }
    drop(store);
    meddle(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let whole = fs::read(&path).expect("there");
    let noisy = folder.path().join("noisy");
    for seed in 1..60_usize {
        let mut bytes = whole.clone();
        for at in (100 + seed * 13..bytes.len()).step_by(seed * 37) {
            bytes[at] ^= (seed * 11 + at) as u8 | 1;
        }
        fs::write(&noisy, bytes).expect("written");
        let _ = fs::remove_file(folder.path().join("noisy-wal"));
        let Ok(store) = open_at(&noisy) else { continue };
        if let Ok(page) = store.read(&keys::revocations(), 0, PAGE) {
            assert!(page.items.iter().all(|item| item.value == [item.offset as u8; 500]), "{seed}");
        }
        let _ = (store.agents(), store.append(&keys::revocations(), b"x", None));
        let _ =
            (store.seize(&keys::agent_lock(&id("a")), &holder("one")), store.counters(&keys::agent_errors(&id("a"))));
    }
}

#[test]
fn a_file_that_may_only_be_read_is_told_before_anything_runs() {
    let folder = folder();
    let path = folder.path().join("s");
    open_at(&path).expect("made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("set");
    // Whoever is root may write all the same.
    let root = fs::OpenOptions::new().write(true).open(&path).is_ok();
    assert_eq!(code(open_at(&path)), if root { "ok" } else { "state-read-only" });
}

#[test]
fn a_log_whose_state_is_gone_does_not_become_part_of_a_new_one() {
    let folder = folder();
    let path = folder.path().join("s");
    open_at(&path).expect("made").append(&keys::revocations(), b"1", None).expect("added");
    let log = folder.path().join("s-wal");
    assert!(log.exists(), "what is written stands in the log first");
    fs::remove_file(&path).expect("removed");
    assert_eq!(open_at(&path).expect_err("half of it is gone").code(), "state-foreign");
    assert!(!path.exists(), "nothing was made in its place");
    fs::remove_file(log).expect("removed");
    assert_eq!(open_at(&path).expect("made").read(&keys::revocations(), 0, 9).expect("read").items.len(), 0);
}
