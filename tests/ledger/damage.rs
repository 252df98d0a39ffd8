//! A ledger that is none, or not what it was, or that somebody holds: refused with a code, and left as it is.

use std::os::unix::fs::FileExt as _;

use super::*;
use crate::harness::{PASS, answering};

/// A folder whose ledger is one file with two runs in it.
fn two_runs() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir.run().exits(0);
    dir.run().exits(0);
    dir.portcullis(&["ledger", "seal", "--key", "own.key"]).run().exits(0);
    dir
}

/// Every command that opens a ledger.
const COMMANDS: [&[&str]; 10] = [
    &["run"],
    &["resume", "last"],
    &["replay", "last"],
    &["ledger", "list"],
    &["ledger", "show", "last"],
    &["ledger", "export", "last", "--json"],
    &["ledger", "verify"],
    &["ledger", "seal", "--key", "own.key"],
    &["ledger", "prune", "--keep", "0"],
    &["ledger", "affected", "--module", "parrot-gate.wasm"],
];

/// That every command refuses the ledger with one of these codes, leaves it as it is, and decides nothing.
#[track_caller]
fn is_refused(dir: &Dir, codes: &[&str]) {
    let before = files(dir);
    for command in COMMANDS {
        let ended = dir.portcullis(command).run();
        ended.exits(3);
        assert!(codes.iter().any(|code| ended.stderr.contains(&format!("error[{code}]"))), "{codes:?}\n{ended}");
        assert!(ended.stdout.is_empty(), "{ended}");
        assert_eq!(files(dir), before, "{command:?}");
    }
    dir.has_no_artifacts();
    let ended = dir.run();
    assert!(ended.stderr.contains("--no-ledger"), "the way out is told: {ended}");
    dir.portcullis(&["run", "--no-ledger"]).run().exits(0);
    assert_eq!(files(dir), before);
}

#[test]
fn a_file_that_is_no_ledger_is_refused() {
    let dir = two_runs();
    let put = |bytes: &[u8]| {
        fs::remove_dir_all(dir.path(LEDGER).parent().expect("a folder")).expect("removed");
        dir.write(LEDGER, bytes);
    };
    for bytes in [&b""[..], b"a text", &[0; 4096], &b"SQLite format 3\0".repeat(100)] {
        put(bytes);
        is_refused(&dir, &["ledger-foreign"]);
    }
    put(b"");
    fs::remove_file(dir.path(LEDGER)).expect("removed");
    database(&dir).execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").expect("somebody's database");
    is_refused(&dir, &["ledger-foreign"]);
    fs::remove_file(dir.path(LEDGER)).expect("removed");
    fs::create_dir(dir.path(LEDGER)).expect("made");
    let ended = dir.run();
    ended.exits(3).refuses_with("ledger-foreign");
}

#[test]
fn a_ledger_of_another_version_or_with_more_in_it_is_refused() {
    let dir = two_runs();
    let intact = dir.read(LEDGER);
    for (sql, code) in [
        ("PRAGMA user_version = 7", "ledger-version"),
        ("PRAGMA application_id = 7", "ledger-foreign"),
        ("CREATE TABLE more (x)", "ledger-foreign"),
        ("CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END", "ledger-foreign"),
        ("DROP TABLE parts", "ledger-foreign"),
    ] {
        // Without a log beside it, so that the file alone says it.
        database(&dir)
            .execute_batch(&format!("PRAGMA journal_mode = DELETE; {sql}; PRAGMA journal_mode = WAL"))
            .expect(sql);
        is_refused(&dir, &[code]);
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(dir.path(format!("{LEDGER}{ending}")));
        }
        dir.write(LEDGER, &intact);
    }
    adds_up(&dir);
}

#[test]
fn a_ledger_with_a_damaged_page_or_half_of_it_is_refused() {
    let dir = two_runs();
    let intact = dir.read(LEDGER);
    let page = |table: &str| -> u64 {
        let page =
            database(&dir).query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0));
        page.map(|page: i64| u64::try_from(page).expect("a page")).expect("there")
    };
    let (entries, runs) = (page("entries"), page("runs"));
    let size = u64::from(u16::from_be_bytes([intact[16], intact[17]]));
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(dir.path(format!("{LEDGER}{ending}")));
    }
    let file = || fs::OpenOptions::new().write(true).open(dir.path(LEDGER)).expect("opened");
    let noise = vec![0xa5; usize::try_from(size).expect("small")];
    file().write_all_at(&noise, (entries - 1) * size).expect("damaged");
    is_refused(&dir, &["ledger-corrupt"]);
    dir.write(LEDGER, &intact);
    adds_up(&dir);
    // What does not open it everywhere is found by whoever looks, and by the verifier.
    file().write_all_at(&noise, (runs - 1) * size).expect("damaged");
    let before = files(&dir);
    for command in [&["ledger", "list"][..], &["ledger", "show", "last"], &["run"], &["replay", "last"]] {
        dir.portcullis(command).run().exits(3).refuses_with("ledger-corrupt");
    }
    let verified = dir.portcullis(&["ledger", "verify"]).run();
    assert!(matches!(verified.status, Some(1 | 3)), "{verified}");
    assert_eq!(files(&dir), before);
    for keep in [intact.len() / 2, usize::try_from(size).expect("small")] {
        dir.write(LEDGER, &intact[..keep]);
        is_refused(&dir, &["ledger-corrupt", "ledger-foreign", "ledger-cut-short"]);
    }
    // A page that is torn may be what a crash left, with its whole in the log; whether it was needed, the verifier says.
    dir.write(LEDGER, &intact[..intact.len() - 100]);
    let torn = dir.portcullis(&["ledger", "verify"]).run();
    assert!(matches!(torn.status, Some(1 | 3)), "{torn}");
    dir.write(LEDGER, &intact);
    adds_up(&dir);
    dir.run().exits(0);
}

#[test]
fn a_ledger_whose_end_is_gone_is_refused_until_somebody_gives_it_up() {
    let dir = two_runs();
    dir.run().exits(0);
    let log = dir.read(format!("{LEDGER}-wal"));
    assert!(!log.is_empty());
    fs::remove_file(dir.path(format!("{LEDGER}-wal"))).expect("removed");
    let _ = fs::remove_file(dir.path(format!("{LEDGER}-shm")));
    let ended = dir.run();
    ended.exits(3).refuses_with("ledger-cut-short").says("ends after entry 8, and it had an entry 12").says("-wal");
    dir.has_no_artifacts();
    for name in ["-wal", "-shm"] {
        let _ = fs::remove_file(dir.path(format!("{LEDGER}{name}")));
    }
    fs::remove_file(dir.path(format!("{LEDGER}-head"))).expect("removed");
    adds_up(&dir);
    dir.run().exits(0);
}

#[test]
fn who_finds_it_locked_waits_and_then_says_so() {
    let dir = two_runs();
    let before = adds_up(&dir);
    let holder = database(&dir);
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    // Who only looks is not held up.
    dir.portcullis(&["ledger", "list"]).run().exits(0);
    dir.portcullis(&["replay", "last"]).run().exits(0);
    let waits = dir.portcullis(&["run"]).start();
    let prunes = dir.portcullis(&["ledger", "prune", "--keep", "0"]).start();
    for ended in [waits.wait(), prunes.wait()] {
        ended.exits(3).refuses_with("ledger-locked");
    }
    dir.has_no_artifacts();
    let patient = dir.portcullis(&["run"]).start();
    thread::sleep(Duration::from_secs(1));
    holder.execute_batch("COMMIT").expect("let go");
    patient.wait().exits(0);
    assert_eq!(
        adds_up(&dir)["head"]["entries"].as_u64(),
        before["head"]["entries"].as_u64().map(|entries| entries + 4)
    );
}
