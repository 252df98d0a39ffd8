//! Every kind of edit that somebody with the file may make, and what the verifier says of it.

use super::{
    super::hash::{Bound, Link},
    *,
};
use crate::trust::PublicKey;

/// Runs `a` and `b`, entries 1 to 5 and 6 to 10.
fn two_runs() -> Place {
    let place = Place::new();
    let mut ledger = place.open();
    whole_run(&mut ledger, "a");
    whole_run(&mut ledger, "b");
    place
}

/// Edits a ledger of two runs, and compares what does not add up.
#[track_caller]
fn check(sql: &str, expect: &[&str]) {
    let place = two_runs();
    place.meddle(sql);
    let ledger = Ledger::open(&place.path(), Mode::Read).expect("a ledger");
    assert_eq!(broken(ledger.verify(None)), expect, "{sql}");
}

/// The row of the blob that an entry keeps.
fn blob(entry: u64, role: &str) -> String {
    format!("(SELECT blob FROM keeps WHERE entry = {entry} AND role = '{role}')")
}

#[test]
fn what_nobody_touched_adds_up() {
    check("SELECT 1", &[]);
}

#[test]
fn an_entry_that_was_changed_is_named() {
    for edit in [
        "facts = '{\"outcome\":\"fail\"}'",
        "facts = facts || ' '",
        "name = 'three'",
        "kind = 'evidence'",
        "at = at + 1",
        "run = NULL",
        "run = 77",
        "prev = zeroblob(32)",
    ] {
        check(&format!("UPDATE entries SET {edit} WHERE seq = 3"), &["entry-changed 3"]);
    }
    check("UPDATE entries SET hash = zeroblob(32) WHERE seq = 3", &["entry-changed 3"]);
    check("UPDATE entries SET hash = zeroblob(31) WHERE seq = 3", &["entry-malformed 3"]);
    check("UPDATE entries SET prev = x'' WHERE seq = 3", &["entry-malformed 3"]);
}

#[test]
fn what_an_entry_keeps_is_part_of_it() {
    for (sql, expect) in [
        ("UPDATE keeps SET role = 'other' WHERE entry = 3 AND role = 'notes'".to_owned(), &["entry-changed 3"][..]),
        ("DELETE FROM keeps WHERE entry = 3 AND role = 'module'".to_owned(), &["entry-changed 3"]),
        (format!("INSERT INTO keeps VALUES (3, 'more', {})", blob(4, "module")), &["entry-changed 3"]),
        (
            format!("UPDATE keeps SET blob = {} WHERE entry = 3 AND role = 'request'", blob(3, "answer")),
            &["entry-changed 3", "blob-stray"],
        ),
        (
            format!("UPDATE keeps SET blob = {} WHERE entry = 3 AND role = 'request'", blob(4, "request")),
            &["entry-changed 3", "blob-stray"],
        ),
        ("UPDATE keeps SET blob = 777 WHERE entry = 3 AND role = 'notes'".to_owned(), &["entry-changed 3"]),
    ] {
        check(&sql, expect);
    }
}

#[test]
fn entries_that_were_removed_are_named() {
    let stray = ["blob-stray"; 6];
    let with = |first: &[&'static str], strays: usize| [first, &stray[..strays]].concat();
    check("DELETE FROM keeps WHERE entry = 3; DELETE FROM entries WHERE seq = 3", &with(&["entry-missing 3-3"], 2));
    check("DELETE FROM entries WHERE seq IN (3, 4)", &with(&["entry-missing 3-4"], 4));
    check("DELETE FROM entries WHERE seq = 1", &["entry-missing 1-1"]);
    check("DELETE FROM entries WHERE run = 1", &with(&["entry-missing 1-5"], 5 + 1));
    // What the last one kept says that there was one.
    check("DELETE FROM entries WHERE seq = 10", &with(&["entry-missing 10-10"], 1));
}

#[test]
fn entries_that_moved_are_named_with_where_they_were() {
    let swap = |one: u64, other: u64| {
        ["entries SET seq", "keeps SET entry"].map(|column| {
            let name = column.rsplit(' ').next().expect("a column");
            format!(
                "UPDATE {column} = 99 WHERE {name} = {one}; UPDATE {column} = {one} WHERE {name} = {other}; \
                 UPDATE {column} = {other} WHERE {name} = 99;"
            )
        })
    };
    check(&swap(3, 4).concat(), &["entry-moved 4>3", "entry-moved 3>4"]);
    check(&swap(3, 8).concat(), &["entry-moved 8>3", "entry-moved 3>8"]);
    let between_runs = "UPDATE entries SET run = 3 - run, name = name || run WHERE seq IN (3, 8)";
    check(between_runs, &["entry-changed 3", "entry-changed 8"]);
    let closed_up = "DELETE FROM keeps WHERE entry = 3; DELETE FROM entries WHERE seq = 3; \
         UPDATE entries SET seq = seq - 1 WHERE seq > 3; UPDATE keeps SET entry = entry - 1 WHERE entry > 3";
    check(
        closed_up,
        &[
            "entry-moved 4>3",
            "entry-moved 5>4",
            "entry-moved 6>5",
            "entry-moved 7>6",
            "entry-moved 8>7",
            "entry-moved 9>8",
            "entry-changed 9",
            "blob-stray",
            "blob-stray",
        ],
    );
}

#[test]
fn an_entry_that_was_put_in_past_the_chain_is_named() {
    let copied = "INSERT INTO entries SELECT 11, run, kind, 'more', at, facts, prev, hash FROM entries WHERE seq = 9";
    check(copied, &["entry-changed 11"]);
    let alone =
        "INSERT INTO entries SELECT 11, 1, 'gate', 'more', 0, '{}', hash, zeroblob(32) FROM entries WHERE seq = 10";
    check(alone, &["entry-changed 11"]);
}

#[test]
fn an_entry_that_was_written_anew_does_not_lead_to_the_next() {
    let place = two_runs();
    let entry = place.open().run("a").expect("kept").entries[2].clone();
    let keeps: Vec<Bound<'_>> = entry.keeps.iter().map(Bound::from).collect();
    let facts = r#"{"outcome":"fail"}"#;
    let at = entry.at.as_millisecond();
    let link = Link { seq: 3, prev: entry.prev, run: "a", kind: "gate", name: "one", at, facts, keeps: &keeps };
    place.meddle(&format!("UPDATE entries SET facts = '{facts}', hash = x'{}' WHERE seq = 3", link.hash()));
    assert_eq!(broken(place.open().verify(None)), ["entry-unlinked 4"]);
}

#[test]
fn a_blob_that_was_changed_is_named_with_who_keeps_it() {
    let set = |edit: &str, entry, role| format!("UPDATE blobs SET {edit} WHERE id = {}", blob(entry, role));
    let bytes = |edit: &str, entry, role| format!("UPDATE parts SET {edit} WHERE blob = {}", blob(entry, role));
    check(&bytes("bytes = CAST(bytes || x'00' AS BLOB)", 3, "request"), &["blob-changed [3]"]);
    check(&bytes("bytes = x''", 3, "request"), &["blob-changed [3]"]);
    check(&bytes("bytes = zeroblob(length(bytes))", 3, "module"), &["blob-changed [3, 4, 8, 9]"]);
    check(&format!("DELETE FROM parts WHERE blob = {}", blob(3, "request")), &["blob-missing [3]"]);
    check(&set("digest = zeroblob(32)", 3, "request"), &["entry-changed 3", "blob-changed [3]"]);
    check(&set("digest = x'00'", 3, "request"), &["entry-changed 3", "damaged"]);
    check(&set("size = size + 1", 3, "request"), &["entry-changed 3", "blob-changed [3]"]);
    check(&set("size = -1", 3, "request"), &["entry-changed 3", "blob-changed [3]"]);
    check(&set("size = 0", 3, "request"), &["entry-changed 3", "blob-changed [3]"]);
    check(&format!("DELETE FROM blobs WHERE id = {}", blob(3, "request")), &["entry-changed 3"]);
    check(
        "INSERT INTO blobs (id, digest, size) VALUES (99, zeroblob(32), 1); \
         INSERT INTO parts (blob, part, bytes) VALUES (99, 0, x'00')",
        &["blob-stray"],
    );
}

#[test]
fn a_part_that_was_changed_is_named() {
    let large = "x".repeat(10_000);
    let pieces = || Content::Pieces(vec![b"before".as_slice().into(), large.as_bytes().into()]);
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("a", 0)).expect("begun");
    ledger.evidence("a", evidence("e", &large)).expect("kept");
    let asked = Asked { request: pieces(), answer: "".into(), notes: "".into() };
    ledger.gate("a", GateStep { asked: Some(asked), ..gate("one", "a") }).expect("kept");
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
    drop(ledger);
    let whole = place.gather();
    for (sql, expect) in [
        (
            format!("UPDATE parts SET bytes = x'00' WHERE bytes IS NOT NULL AND blob = {}", blob(3, "request")),
            "blob-changed [3]",
        ),
        (format!("DELETE FROM parts WHERE part = 0 AND blob = {}", blob(3, "request")), "blob-changed [3]"),
        (format!("UPDATE parts SET part = 2 WHERE part = 0 AND blob = {}", blob(3, "request")), "blob-changed [3]"),
        ("UPDATE parts SET source = blob WHERE source IS NOT NULL".to_owned(), "blob-changed [3]"),
        ("UPDATE parts SET source = 999 WHERE source IS NOT NULL".to_owned(), "blob-changed [3]"),
        (format!("UPDATE parts SET source = {} WHERE source IS NOT NULL", blob(1, "trust")), "blob-changed [3]"),
        (format!("DELETE FROM parts WHERE blob = {}", blob(3, "request")), "blob-missing [3]"),
        (format!("INSERT INTO parts (blob, part, bytes) SELECT {}, 1, x'00'", blob(1, "trust")), "blob-changed [1]"),
        // All that share the bytes lose them.
        (format!("UPDATE parts SET bytes = x'00' WHERE blob = {}", blob(2, "bytes")), "blob-changed [2, 3]"),
    ] {
        std::fs::write(place.path(), &whole).expect("as it was");
        place.meddle(&sql);
        let found = broken(place.open().verify(None));
        assert_eq!(found.first().map_or("", String::as_str), expect, "{sql}: {found:?}");
    }
}

#[test]
fn what_was_changed_is_not_handed_out() {
    let place = two_runs();
    place.meddle(&format!("UPDATE parts SET bytes = x'00' WHERE blob = {}", blob(3, "request")));
    place.meddle("UPDATE entries SET facts = '{\"outcome\":\"fail\"}' WHERE seq = 8");
    let ledger = place.open();
    let request = ledger.run("a").expect("its entries are as they were").entries[2].kept("request").cloned();
    let error = ledger.blob(&request.expect("kept").digest).expect_err("changed");
    assert_eq!(error.code(), "ledger-broken-chain");
    assert_eq!(ledger.run("b").expect_err("changed").code(), "ledger-broken-chain");
}

#[test]
fn the_table_of_runs_is_held_against_the_chain() {
    for edit in [
        "decision = 'blocked'",
        "exit_code = 1",
        "policy = 'nightly'",
        "manifest = zeroblob(32)",
        "manifest = x'00'",
        "subject = 'git:4567'",
        "subject = NULL",
        "started = started - 1",
        "finished = finished + 1",
        "finished = NULL",
        "finished = NULL, decision = NULL, exit_code = NULL",
        "pruned = 4",
    ] {
        check(&format!("UPDATE runs SET {edit} WHERE id = 1"), &["run-changed a"]);
    }
    check(
        "INSERT INTO runs SELECT 3, 'c', policy, manifest, subject, 0, 0, 'go', 0, NULL FROM runs WHERE id = 1",
        &["run-changed c"],
    );
    let changed: Vec<String> = (1..6).map(|seq| format!("entry-changed {seq}")).collect();
    let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
    check("UPDATE runs SET name = 'c' WHERE id = 1", &changed);
}

#[test]
fn bytes_that_were_removed_need_an_entry_of_the_chain_that_says_so() {
    let empty = format!("DELETE FROM parts WHERE blob = {}; ", blob(3, "request"));
    check(&format!("{empty} UPDATE runs SET pruned = 5 WHERE id = 1"), &["run-changed a", "blob-missing [3]"]);
    let forged = "INSERT INTO entries SELECT 11, NULL, 'prune', 'prune', 0, '{\"runs\":1,\"blobs\":1,\"bytes\":1}', hash, \
         zeroblob(32) FROM entries WHERE seq = 10; INSERT INTO blobs (id, digest, size) \
         VALUES (777, x'5cfbfe0e4ae6c4f4a3e9fa2df0bdd2d2f2e0ad9ea3ef1b4f8a4a8d3d70c1d3c2', 5); \
         INSERT INTO parts (blob, part, bytes) VALUES (777, 0, CAST('[\"a\"]' AS BLOB)); \
         INSERT INTO keeps VALUES (11, 'runs', 777);";
    let place = two_runs();
    place.meddle(&format!("{empty}{forged} UPDATE runs SET pruned = 11 WHERE id = 1"));
    let found = broken(place.open().verify(None));
    assert!(found.contains(&"entry-changed 11".to_owned()), "{found:?}");
}

#[test]
fn a_chain_that_was_cut_or_written_anew_is_found_by_its_seal() {
    let key = PrivateKey::from_seed(&[7; 32]);
    let keys: [PublicKey; 1] = [key.public().clone()];
    let place = two_runs();
    let sealed = place.open().verify(None).expect("it adds up").seal(time(60));
    let document = sealed.sign(&key).expect("signed").to_json();
    let seal = Seal::read(document.as_bytes(), &keys).expect("a seal");
    assert_eq!((seal.head().entries, seal.sealed_at()), (10, time(60)));
    assert_eq!(broken(place.open().verify(Some(&seal))), [""; 0]);
    whole_run(&mut place.open(), "c");
    assert_eq!(broken(place.open().verify(Some(&seal))), [""; 0], "what came later changes nothing");
    assert_eq!(place.open().verify(Some(&seal)).expect("it adds up").head.entries, 15);

    let shorter = Place::new();
    whole_run(&mut shorter.open(), "a");
    assert_eq!(broken(shorter.open().verify(None)), [""; 0], "nothing in it says that it was longer");
    assert_eq!(broken(shorter.open().verify(Some(&seal))), ["truncated 5<10"]);

    let another = Place::new();
    for run in ["a", "x", "b"] {
        whole_run(&mut another.open(), run);
    }
    assert_eq!(broken(another.open().verify(Some(&seal))), ["rewritten 10"]);
    assert_eq!(broken(Place::new().open().verify(Some(&seal))), ["truncated 0<10"]);
}

#[test]
fn a_chain_that_was_cut_or_written_anew_is_found_by_its_witness() {
    let place = two_runs();
    meddle(&place.path(), "DELETE FROM keeps WHERE entry = 10; DELETE FROM entries WHERE seq = 10");
    let opened = Ledger::open(&place.path(), Mode::Read).map(|_| ());
    assert_eq!(opened, Err(LedgerError::CutShort { entries: 9, seen: 10 }));

    let (place, other) = (two_runs(), Place::new());
    for run in ["x", "y", "z"] {
        whole_run(&mut other.open(), run);
    }
    place.gather();
    std::fs::write(place.path(), other.gather()).expect("written");
    let _ = std::fs::remove_file(place.beside("-shm"));
    assert_eq!(broken(place.open().verify(None)), ["rewritten 10"]);
}

#[test]
fn of_a_ledger_that_is_garbage_no_more_is_told_than_anyone_reads() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("a", 0)).expect("begun");
    let steps: Vec<Step<'_>> = (0..1_200).map(|n| Step::Gate(gate(&format!("g{n}"), "a"))).collect();
    ledger.steps("a", &steps).expect("kept");
    place.meddle("UPDATE entries SET at = at + 1");
    let found = broken(place.open().verify(None));
    assert_eq!((found.len(), found.last().map(String::as_str)), (1_001, Some("more")));
}
