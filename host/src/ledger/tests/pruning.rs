//! Letting bytes go, and what stays.

use super::*;

fn three_runs() -> (Place, Ledger) {
    let place = Place::new();
    let mut ledger = place.open();
    for (index, run) in ["a", "b", "c"].into_iter().enumerate() {
        ledger.begin(&start(run, 0)).expect("begun");
        ledger.evidence(run, evidence("audit", &"shared".repeat(2_000))).expect("kept");
        ledger.gate(run, gate("one", run)).expect("kept");
        let at = time(100 * (index as i64 + 1));
        ledger.finish(run, &Finish { at, ..finish(&format!("record of {run}")) }).expect("ended");
    }
    (place, ledger)
}

fn prune(ledger: &mut Ledger, which: Prune) -> Result<Pruned, LedgerError> {
    ledger.prune(&which, time(1_000), false)
}

fn named(runs: &[&str]) -> Prune {
    Prune { runs: runs.iter().map(|run| (*run).to_owned()).collect(), ..Prune::default() }
}

#[test]
fn what_nothing_else_needs_is_let_go_and_the_chain_stays_checkable() {
    let (_place, mut ledger) = three_runs();
    let before = ledger.verify(None).expect("it adds up");
    let request = ledger.run("a").expect("kept").entries[2].kept("request").cloned().expect("kept").digest;
    let pruned = prune(&mut ledger, named(&["a"])).expect("pruned");
    assert_eq!(pruned.runs, ["a"]);
    let after = ledger.verify(None).expect("it adds up");
    // Request, entry and record are of that run alone; one blob came, the list of what was pruned.
    assert_eq!((pruned.blobs, after.blobs), (3, before.blobs - 3 + 1));
    assert_eq!(after.bytes, before.bytes - pruned.bytes + r#"["a"]"#.len() as u64);
    assert_eq!((after.pruned, after.head.entries), (1, before.head.entries + 1));
    assert_eq!(ledger.blob(&request), Err(LedgerError::BlobPruned(request)));
    let run = ledger.run("a").expect("what it came to is known still");
    assert!(run.row.pruned && run.row.finished.is_some());
    assert_eq!((run.entries[2].facts.outcome(), run.entries[2].keeps.len()), (Some("pass"), 6));
    assert!(!run.entries[2].kept("request").expect("named").there);
    assert!(ledger.run("b").expect("kept").entries.iter().flat_map(|entry| &entry.keeps).all(|kept| kept.there));
}

#[test]
fn what_other_runs_share_goes_with_the_last_of_them() {
    let (_place, mut ledger) = three_runs();
    let shared = Digest::of("shared".repeat(2_000).as_bytes());
    prune(&mut ledger, named(&["a", "c"])).expect("pruned");
    assert!(ledger.blob(&shared).is_ok());
    prune(&mut ledger, named(&["b"])).expect("pruned");
    assert_eq!(ledger.blob(&shared), Err(LedgerError::BlobPruned(shared)));
    let verified = ledger.verify(None).expect("it adds up");
    assert!((verified.runs, verified.pruned) == (3, 3) && verified.bytes < 1_000, "{verified:?}");
    // What was let go may come again, and is there again.
    ledger.begin(&start("d", 0)).expect("begun");
    ledger.evidence("d", evidence("audit", &"shared".repeat(2_000))).expect("kept");
    assert!(ledger.blob(&shared).is_ok());
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

#[test]
fn runs_are_chosen_by_their_end_their_number_and_their_name() {
    let choose = |which: Prune| {
        let (_place, mut ledger) = three_runs();
        ledger.begin(&start("open", 0)).expect("begun");
        prune(&mut ledger, which).expect("pruned").runs
    };
    let (before, keep) = (|at| Some(time(at)), Some);
    assert_eq!(choose(Prune { before: before(200), ..Prune::default() }), ["a"]);
    assert_eq!(choose(Prune { before: before(9_999), ..Prune::default() }), ["a", "b", "c"]);
    assert_eq!(choose(Prune { keep: keep(1), ..Prune::default() }), ["a", "b"]);
    assert_eq!(choose(Prune { keep: keep(9), ..Prune::default() }), [""; 0]);
    assert_eq!(choose(Prune { before: before(250), keep: keep(2), ..Prune::default() }), ["a"]);
    assert_eq!(choose(Prune { before: before(150), ..named(&["open", "a"]) }), ["a", "open"]);
    assert_eq!(choose(Prune::default()), [""; 0]);
}

#[test]
fn a_dry_one_says_the_same_and_changes_nothing() {
    let (_place, mut ledger) = three_runs();
    let before = (ledger.head(), ledger.verify(None));
    let dry = ledger.prune(&named(&["a", "b"]), time(1_000), true).expect("said");
    assert_eq!((ledger.head(), ledger.verify(None)), before);
    assert_eq!(prune(&mut ledger, named(&["a", "b"])), Ok(dry));
}

#[test]
fn a_run_that_is_gone_unknown_or_under_way_is_refused() {
    let (_place, mut ledger) = three_runs();
    ledger.begin(&start("open", 0)).expect("begun");
    let claim = ledger.claim("open").expect("claimed");
    let mut code = |run: &str| prune(&mut ledger, named(&[run])).map_err(|error| error.code());
    assert_eq!(code("nobody"), Err("run-unknown"));
    assert_eq!(code("open"), Err("run-claimed"));
    assert!(code("a").is_ok());
    assert_eq!(code("a"), Err("run-pruned"));
    drop(claim);
    prune(&mut ledger, named(&["open"])).expect("pruned");
    assert_eq!(ledger.gate("open", gate("late", "open")), Err(LedgerError::RunPruned("open".to_owned())));
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

#[test]
fn the_file_gives_its_room_back() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("a", 0)).expect("begun");
    ledger.evidence("a", evidence("e", &"0123456789".repeat(1 << 19))).expect("kept");
    prune(&mut ledger, named(&["a"])).expect("pruned");
    let left = std::fs::metadata(place.path()).expect("there").len();
    assert!(left < 1 << 20, "{left} bytes are left of five million");
}

#[test]
fn what_came_after_a_pruning_is_needed_whoever_was_pruned() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("a", 0)).expect("begun");
    prune(&mut ledger, named(&["a"])).expect("pruned");
    place.meddle("UPDATE runs SET pruned = NULL");
    ledger.gate("a", gate("late", "a")).expect("kept");
    place.meddle("UPDATE runs SET pruned = 2");
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
    place.meddle("DELETE FROM parts WHERE blob = (SELECT blob FROM keeps WHERE entry = 3 AND role = 'request')");
    assert_eq!(broken(ledger.verify(None)), ["blob-missing [3]"]);
}
