//! Files that are no ledger, that may not be written, that are full, locked or damaged.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    time::Duration,
};

use super::*;

const MOMENT: Duration = Duration::from_millis(20);

fn code(opened: Result<Ledger, LedgerError>) -> &'static str {
    opened.map_or_else(|error| error.code(), |_| "opened")
}

#[test]
fn it_is_made_for_its_owner_alone() {
    let place = Place::new();
    let path = place.folder.path().join("a/b/ledger.sqlite");
    let mut ledger = Ledger::open(&path, Mode::Write).expect("made");
    ledger.begin(&start("r", 0)).expect("begun");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let folder = path.parent().expect("a folder");
    assert_eq!((mode(folder), mode(&path), mode(&folder.join("ledger.sqlite-wal"))), (0o700, 0o600, 0o600));
    ledger.into_one_file().expect("nobody else uses it");
    assert_eq!(mode(&folder.join("ledger.sqlite-head")), 0o600);
    assert_eq!(fs::read_dir(folder).expect("listed").count(), 2, "the ledger and its witness");
    assert_eq!(Ledger::open(&path, Mode::Read).expect("there").head().expect("read").entries, 1);
}

#[test]
fn it_is_opened_whatever_its_name_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [":memory:", "file:x?mode=memory", "a?b#c%20d.sqlite", "größe 'x'.sqlite", "-"] {
        let path = folder.path().join(name);
        let mut ledger = Ledger::open(&path, Mode::Write).expect("made");
        whole_run(&mut ledger, "r");
        ledger.into_one_file().expect("nobody else uses it");
        assert!(fs::metadata(&path).expect("that very file").len() > 4_096, "{name}");
        assert_eq!(Ledger::open(&path, Mode::Read).expect("there").head().expect("read").entries, 5, "{name}");
        assert_eq!(open::frozen(&path).expect("there").is_readonly("main"), Ok(true), "{name}");
    }
    let link = folder.path().join("link");
    symlink(folder.path().join("-"), &link).expect("a link");
    assert_eq!(Ledger::open(&link, Mode::Read).expect("there").head().expect("read").entries, 5);
}

#[test]
fn what_is_no_ledger_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    assert_eq!(code(Ledger::open(&path, Mode::Read)), "ledger-missing");
    assert!(!path.exists(), "looking makes nothing");
    assert_eq!(code(Ledger::open(folder.path(), Mode::Write)), "ledger-foreign");
    let foreign = folder.path().join("foreign");
    meddle(&foreign, "CREATE TABLE a (b)");
    let others = fs::read(foreign).expect("there");
    for bytes in [&b""[..], b"text", &[0; 4_096], &others[..99], &others] {
        fs::write(&path, bytes).expect("written");
        for mode in [Mode::Read, Mode::Write] {
            assert_eq!(code(Ledger::open(&path, mode)), "ledger-foreign");
        }
        assert_eq!(fs::read(&path).expect("there"), bytes);
    }
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    assert_eq!(code(Ledger::open(&pipe, Mode::Write)), "ledger-foreign");
}

#[test]
fn a_ledger_of_another_version_or_with_other_tables_is_refused() {
    for (sql, expect) in [
        ("PRAGMA user_version = 2", "ledger-version"),
        ("PRAGMA user_version = 0", "ledger-version"),
        ("PRAGMA application_id = 1", "ledger-foreign"),
        ("PRAGMA journal_mode = DELETE", "ledger-foreign"),
        ("CREATE TABLE more (a)", "ledger-foreign"),
        ("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", "ledger-foreign"),
        ("CREATE VIEW v AS SELECT 1", "ledger-foreign"),
        ("CREATE INDEX i ON entries (at)", "ledger-foreign"),
        ("DROP INDEX resting", "ledger-foreign"),
        ("DROP TABLE parts", "ledger-foreign"),
        ("ALTER TABLE runs ADD COLUMN more TEXT", "ledger-foreign"),
    ] {
        let place = Place::new();
        place.gather();
        place.meddle(sql);
        let before = fs::read(place.path()).expect("there");
        assert_eq!(code(Ledger::open(&place.path(), Mode::Write)), expect, "{sql}");
        assert_eq!(fs::read(place.path()).expect("there"), before, "{sql}");
    }
}

#[test]
fn who_only_looks_changes_nothing() {
    let place = Place::new();
    whole_run(&mut place.open(), "r");
    let mut ledger = Ledger::open(&place.path(), Mode::Read).expect("there");
    let read_only = Err(LedgerError::ReadOnly);
    assert_eq!(ledger.begin(&start("s", 0)), read_only);
    assert_eq!(ledger.gate("r", gate("more", "r")), read_only);
    assert_eq!(ledger.finish("r", &finish("record")), read_only);
    assert_eq!(ledger.prune(&Prune::default(), time(0), false).map(|_| ()), read_only);
    assert_eq!(ledger.claim("r").map(|_| ()), read_only);
    assert_eq!(ledger.verify(None).expect("it adds up").runs, 1);
}

/// What comes of `act` where the system lets one read and not write: the superuser may everything, and is nobody meanwhile.
fn as_nobody<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                // SAFETY: the call takes three numbers. Made so, and not by the library, it is about this thread alone,
                // which ends with the closure.
                let set = unsafe { libc::syscall(libc::SYS_setresuid, -1, 65_534, -1) };
                assert_eq!(set, 0, "the superuser may be anybody");
            }
            act()
        });
        thread.join().expect("ended")
    })
}

fn set_modes(place: &Place, folder: u32, file: u32) {
    for entry in fs::read_dir(place.folder.path()).expect("listed") {
        let path = entry.expect("listed").path();
        fs::set_permissions(path, fs::Permissions::from_mode(file)).expect("set");
    }
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(folder)).expect("set");
}

#[test]
fn where_nothing_can_be_written_it_can_be_read_and_a_writer_is_told_at_once() {
    let place = Place::new();
    whole_run(&mut place.open(), "r");
    place.gather();
    set_modes(&place, 0o555, 0o444);
    let verify = || Ledger::open(&place.path(), Mode::Read).map(|ledger| broken(ledger.verify(None)));
    assert_eq!(as_nobody(verify), Ok(Vec::new()));
    assert_eq!(as_nobody(|| code(Ledger::open(&place.path(), Mode::Write))), "ledger-read-only");
    let elsewhere = place.folder.path().join("other.sqlite");
    assert_eq!(as_nobody(|| code(Ledger::open(&elsewhere, Mode::Write))), "ledger-read-only");
    // The file may be written, its log beside it may not.
    set_modes(&place, 0o555, 0o666);
    let begin = || Ledger::open(&place.path(), Mode::Write).and_then(|mut ledger| ledger.begin(&start("s", 0)));
    assert_eq!(as_nobody(begin).expect_err("refused").code(), "ledger-read-only");
    set_modes(&place, 0o755, 0o444);
    assert_eq!(as_nobody(|| code(Ledger::open(&place.path(), Mode::Write))), "ledger-read-only");
    set_modes(&place, 0o700, 0o000);
    assert_ne!(as_nobody(|| code(Ledger::open(&place.path(), Mode::Read))), "opened");
}

#[test]
fn what_stands_in_the_log_alone_is_read_or_refused_and_never_left_out() {
    let place = Place::new();
    let mut ledger = place.open();
    whole_run(&mut ledger, "r");
    place.gather();
    whole_run(&mut ledger, "s");
    let head = ledger.head().expect("a head");
    drop(ledger);
    let read = || Ledger::open(&place.path(), Mode::Read).and_then(|ledger| ledger.head());
    // Without the log's index, and without anybody who knows how far the chain had come.
    for endings in [&[][..], &["-head"], &["-head", "-shm"]] {
        set_modes(&place, 0o755, 0o644);
        for ending in endings {
            let _ = fs::remove_file(place.beside(ending));
        }
        set_modes(&place, 0o555, 0o444);
        let read = as_nobody(read);
        assert!(read.as_ref().is_ok_and(|read| *read == head) || read.is_err(), "{endings:?}: {read:?}");
    }
}

#[test]
fn every_transaction_waits_for_the_disk() {
    let ledger = Place::new().open();
    let number = |pragma: &str| -> i64 {
        ledger.connection.pragma_query_value(None, pragma, |row| row.get(0)).expect("a number")
    };
    assert_eq!((number("synchronous"), number("foreign_keys"), number("trusted_schema")), (2, 1, 0));
    let mode: String = ledger.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).expect("a word");
    assert_eq!(mode, "wal");
}

#[test]
fn who_waits_too_long_is_told_and_can_try_again() {
    let place = Place::new();
    place.open().begin(&start("r", 0)).expect("begun");
    let other = Connection::open(place.path()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let mut ledger = Ledger::open_waiting(&place.path(), Mode::Write, MOMENT).expect("opened");
    assert_eq!(ledger.gate("r", gate("one", "r")), Err(LedgerError::Locked));
    assert_eq!(ledger.run("r").expect("reading waits for nobody").entries.len(), 1);
    other.execute_batch("ROLLBACK").expect("unlocked");
    assert_eq!(ledger.gate("r", gate("one", "r")), Ok(()));
    assert_eq!(ledger.into_one_file(), Ok(()));
    drop(other);
    let alone = Connection::open(place.path()).expect("a database");
    alone.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT").expect("locked");
    assert_eq!(code(Ledger::open_waiting(&place.path(), Mode::Read, MOMENT)), "ledger-locked");
}

#[test]
fn a_full_disk_keeps_nothing_of_the_step_and_everything_before_it() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("r", 0)).expect("begun");
    let pages: i64 = ledger.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("a number");
    ledger.connection.pragma_update(None, "max_page_count", pages + 20).expect("set");
    let head = ledger.head();
    let large = "x".repeat(1 << 20);
    assert_eq!(ledger.evidence("r", evidence("large", &large)), Err(LedgerError::Full));
    assert_eq!(ledger.head(), head);
    assert_eq!(ledger.evidence("r", evidence("small", "bytes")), Ok(()));
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
    ledger.connection.pragma_update(None, "max_page_count", pages + 2_000).expect("set");
    assert_eq!(ledger.evidence("r", evidence("large", &large)), Ok(()));
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

/// Everything that can be read, or why not.
fn all_of(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let ledger = Ledger::open_waiting(path, Mode::Read, MOMENT).map_err(|error| error.code().to_owned())?;
    ledger.verify(None).map_err(|error| error.to_string())?;
    let read = || -> Result<Vec<Vec<u8>>, LedgerError> {
        let mut all = Vec::new();
        for row in ledger.runs(&Filter::default())? {
            for entry in ledger.run(&row.run)?.entries {
                all.push(format!("{entry:?}").into_bytes());
                for kept in &entry.keeps {
                    all.push(ledger.blob(&kept.digest)?);
                }
            }
        }
        Ok(all)
    };
    Ok(read().expect("what was verified reads"))
}

#[test]
fn a_damaged_file_is_refused_or_says_what_it_always_said() {
    let place = Place::new();
    whole_run(&mut place.open(), "a");
    whole_run(&mut place.open(), "b");
    let whole = place.gather();
    let right = all_of(&place.path()).expect("it adds up");
    let (mut refused, mut unharmed) = (0, 0);
    let damaged = (0..600_u32).map(|round| {
        let digest = Digest::of(&round.to_be_bytes());
        let number = |at: usize| usize::from(u16::from_be_bytes([digest.0[at], digest.0[at + 1]]));
        let mut bytes = whole.clone();
        match round % 6 {
            0 => bytes.truncate(number(0) * 2 % whole.len()),
            1 => {
                let page = number(0) % (whole.len() / 4_096);
                bytes[page * 4_096..][..4_096].fill(digest.0[9]);
            }
            // Most of a page is empty; what is not stands at its end or its beginning.
            2 => bytes[number(0) % (whole.len() / 4_096) * 4_096 + number(2) % 16] ^= 1 << (digest.0[5] % 8),
            _ => {
                let at = (number(0) << 16 | number(2)) % whole.len();
                bytes[at] ^= 1 << (digest.0[5] % 8);
            }
        }
        bytes
    });
    for bytes in damaged {
        fs::write(place.path(), &bytes).expect("written");
        match all_of(&place.path()) {
            Err(_) => refused += 1,
            Ok(read) => {
                assert!(read == right, "it says something else, and adds up");
                unharmed += 1;
            }
        }
        assert_eq!(fs::read(place.path()).expect("there"), bytes, "nothing is repaired in silence");
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(place.beside(ending));
        }
    }
    assert!(refused > 150, "{refused} refused, {unharmed} unharmed");
}

#[test]
fn a_log_that_was_damaged_or_left_behind_is_noticed() {
    let place = Place::new();
    whole_run(&mut place.open(), "a");
    let gathered = place.gather();
    whole_run(&mut place.open(), "b");
    let log = fs::read(place.beside("-wal")).expect("what came last stands in it");
    let right = all_of(&place.path()).expect("it adds up");
    let mut refused = 0;
    for round in 0..300_usize {
        let mut bytes = log.clone();
        match round % 3 {
            0 => bytes.truncate(round * 131 % log.len()),
            1 => bytes[round * 7_919 % log.len()] ^= 1 << (round % 8),
            _ => bytes[round * 7_919 % log.len()..].fill(0),
        }
        fs::write(place.path(), &gathered).expect("written");
        fs::write(place.beside("-wal"), &bytes).expect("written");
        let _ = fs::remove_file(place.beside("-shm"));
        match all_of(&place.path()) {
            Err(_) => refused += 1,
            Ok(read) => assert!(read == right, "round {round}: it says something else, and adds up"),
        }
    }
    assert!(refused > 250, "{refused} refused");
    fs::write(place.path(), &gathered).expect("written");
    fs::remove_file(place.beside("-wal")).expect("left behind");
    let cut = Err(LedgerError::CutShort { entries: 5, seen: 10 });
    for mode in [Mode::Read, Mode::Write] {
        assert_eq!(Ledger::open(&place.path(), mode).map(|_| ()), cut);
    }
    fs::write(place.beside("-head"), "who knows").expect("written");
    assert_eq!(broken(place.open().verify(None)), [""; 0], "whoever gives up what is gone says so");
}

#[test]
fn the_log_of_one_large_step_shrinks_again_once_others_follow() {
    const LIMIT: u64 = 32 << 20;
    let place = Place::new();
    let mut ledger = place.open();
    let log = || fs::metadata(place.beside("-wal")).expect("a log").len();
    ledger.begin(&start("r", 0)).expect("begun");
    let bytes: Vec<u8> = (0..LIMIT + (8 << 20)).map(|at| (at % 251) as u8).collect();
    let step = |name: String, bytes: Vec<u8>| EvidenceStep {
        name: name.into(),
        at: time(2),
        outcome: "completed".into(),
        keeps: vec![Keep::new(role::BYTES, bytes)],
    };
    ledger.evidence("r", step("large".to_owned(), bytes)).expect("kept");
    assert!(log() > LIMIT, "it grew: {}", log());
    for number in 0..4 {
        ledger.evidence("r", step(format!("small{number}"), vec![number])).expect("kept");
    }
    assert!(log() <= LIMIT, "it shrank: {}", log());
}
