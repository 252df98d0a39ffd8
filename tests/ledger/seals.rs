//! Whether the ledger is what it was: by its own hashes, and by a seal that was kept elsewhere.

use super::*;
use crate::harness::{Ended, PASS, answering};

fn two_runs() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir.run().exits(0);
    dir.run().exits(0);
    dir
}

fn seal(dir: &Dir) {
    dir.portcullis(&["ledger", "seal", "--key", "own.key", "--out", "seal.json"]).run().exits(0);
}

fn verify(dir: &Dir) -> Ended {
    dir.portcullis(&["ledger", "verify", "--seal", "seal.json", "--key", "own.pub"]).run()
}

#[test]
fn a_seal_holds_for_what_was_sealed_and_for_all_that_came_behind_it() {
    let dir = two_runs();
    seal(&dir);
    verify(&dir).exits(0).says("as sealed on").says("up to entry 8");
    dir.run().exits(0);
    verify(&dir).exits(0).says("12 entries").says("up to entry 8");
    dir.portcullis(&["ledger", "prune", "--keep", "0"]).run().exits(0);
    let told = dir.portcullis(&["ledger", "verify", "--seal", "seal.json", "--key", "own.pub", "--json"]).run().json();
    assert_eq!(
        (&told["verified"], &told["seal"]["entries"], &told["head"]["entries"]),
        (&true.into(), &8.into(), &13.into())
    );
    dir.portcullis(&["ledger", "verify"]).run().exits(0).says("without a seal it cannot be told");
}

#[test]
fn a_seal_of_somebody_elses_or_that_was_changed_counts_for_nothing() {
    let dir = two_runs();
    seal(&dir);
    dir.new_key("other");
    let by = |key| dir.portcullis(&["ledger", "verify", "--seal", "seal.json", "--key", key]).run();
    by("other.pub").exits(4);
    dir.write("seal.json", "{}");
    by("own.pub").exits(2);
    dir.portcullis(&["ledger", "verify", "--seal", "gone.json", "--key", "own.pub"]).run().exits(2);
    dir.portcullis(&["ledger", "verify", "--seal", "seal.json"]).run().exits(2);
}

#[test]
fn a_chain_that_was_written_anew_or_put_back_is_found_by_its_seal() {
    let dir = two_runs();
    let folder = dir.path(LEDGER).parent().expect("a folder").to_owned();
    dir.portcullis(&["ledger", "seal", "--key", "own.key"]).run().exits(0);
    let earlier = files(&dir);
    dir.run().exits(0);
    seal(&dir);
    for more in 0..3 {
        fs::remove_dir_all(&folder).expect("removed");
        for _ in 0..2 + more {
            dir.run().exits(0);
        }
        adds_up(&dir);
        let code = if more == 0 { "truncated" } else { "rewritten" };
        let told = dir.portcullis(&["ledger", "verify", "--seal", "seal.json", "--key", "own.pub", "--json"]).run();
        told.exits(1);
        assert_eq!(
            (&told.json()["verified"], &told.json()["broken"][0]["code"]),
            (&false.into(), &code.into()),
            "{told}"
        );
    }
    fs::remove_dir_all(&folder).expect("removed");
    earlier.iter().for_each(|(ending, bytes)| dir.write(format!("{LEDGER}{ending}"), bytes));
    adds_up(&dir);
    verify(&dir).exits(1).says("[truncated]").says("the chain ends after entry 8, and it had an entry 12");
}

#[test]
fn what_was_changed_is_named_and_is_neither_sealed_nor_judged_again() {
    let dir = two_runs();
    let intact = files(&dir);
    let put_back = || {
        fs::remove_dir_all(dir.path(LEDGER).parent().expect("a folder")).expect("removed");
        intact.iter().for_each(|(ending, bytes)| dir.write(format!("{LEDGER}{ending}"), bytes));
    };
    for (sql, code, says) in [
        (
            "UPDATE entries SET facts = replace(facts, 'pass', 'fail') WHERE seq = 3",
            "entry-changed",
            "entry 3 was changed",
        ),
        ("UPDATE entries SET at = at + 1 WHERE seq = 2", "entry-changed", "entry 2 was changed"),
        (
            "DELETE FROM keeps WHERE entry = 7; DELETE FROM entries WHERE seq = 7",
            "entry-missing",
            "entry 7 was removed",
        ),
        ("UPDATE entries SET seq = 99 WHERE seq = 5", "entry-m", "entry 5"),
        (
            "UPDATE parts SET bytes = CAST(bytes || 'x' AS BLOB) WHERE blob = (SELECT blob FROM keeps WHERE entry = 3 AND role = 'answer')",
            "blob-changed",
            "which the entries 3, 7 keep",
        ),
        (
            "DELETE FROM parts WHERE blob = (SELECT blob FROM keeps WHERE entry = 4 AND role = 'record')",
            "blob-missing",
            "which entry 4 keeps",
        ),
        ("UPDATE runs SET decision = 'no-go' WHERE id = 1", "run-changed", "the table of runs"),
    ] {
        database(&dir).execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).expect(sql);
        let changed = files(&dir);
        let ended = dir.portcullis(&["ledger", "verify"]).run();
        ended.exits(1).says(code).says(says);
        dir.portcullis(&["ledger", "seal", "--key", "own.key", "--out", "never.json"]).run().exits(1).says(code);
        assert!(!dir.has("never.json"));
        assert_eq!(files(&dir), changed, "nothing is repaired: {sql}");
        put_back();
    }
    adds_up(&dir);
    database(&dir)
        .execute_batch("UPDATE parts SET bytes = CAST(replace(bytes, 'pass', 'fail') AS BLOB) WHERE blob = (SELECT blob FROM keeps WHERE entry = 3 AND role = 'answer')")
        .expect("changed");
    for run in listed(&dir, &[]) {
        let run = text(&run["run"]);
        for command in ["replay", "resume"] {
            let ended = dir.portcullis(&[command, &run]).run();
            ended.exits(3).refuses_with("ledger-broken-chain").says("were changed");
            assert!(ended.stdout.is_empty(), "{ended}");
        }
    }
    put_back();
    database(&dir)
        .execute_batch("UPDATE entries SET facts = replace(facts, 'pass', 'fail') WHERE seq = 3")
        .expect("changed");
    let first = text(&listed(&dir, &[])[1]["run"]);
    for arguments in [&["replay", &first][..], &["resume", &first], &["ledger", "show", &first]] {
        dir.portcullis(arguments).run().exits(3).refuses_with("ledger-broken-chain").says("entry 3 was changed");
    }
}
