//! What is kept, and how it reads back.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_run_reads_back_as_it_was_kept() {
    let place = Place::new();
    let mut ledger = place.open();
    whole_run(&mut ledger, "r1");
    let run = ledger.run("r1").expect("kept");
    let steps: Vec<_> = run.entries.iter().map(|entry| (entry.seq, entry.kind.name(), entry.name.as_str())).collect();
    assert_eq!(
        steps,
        [
            (1, "begin", "begin"),
            (2, "evidence", "audit"),
            (3, "gate", "one"),
            (4, "gate", "two"),
            (5, "finish", "finish")
        ]
    );
    assert_eq!(run.row.finished, Some(Finished { at: time(3), decision: "go".to_owned(), exit_code: 0 }));
    assert_eq!((run.row.subject.as_deref(), run.row.started, run.row.pruned), (Some("git:0123"), time(0), false));
    let read = |entry: &Entry, role: &str| {
        let kept = entry.kept(role).expect("a role");
        String::from_utf8(ledger.blob(&kept.digest).expect("bytes")).expect("text")
    };
    let gate = run.entry(Kind::Gate, "two").expect("there");
    assert_eq!(read(gate, role::REQUEST), r#"{"gate":"two","run_id":"r1"}"#);
    assert_eq!((read(gate, role::NOTES), read(gate, role::MODULE)), (String::new(), "module".to_owned()));
    assert_eq!(read(run.entry(Kind::Evidence, "audit").expect("there"), role::BYTES), "audit of r1");
    assert_eq!(read(&run.entries[4], role::RECORD), "record of r1");
    assert_eq!(gate.facts.outcome(), Some("pass"));
    assert_eq!(ledger.head().expect("a head"), Head { entries: 5, hash: run.entries[4].hash });
}

#[test]
fn bytes_are_kept_once_however_often_they_are_handed_in() {
    let place = Place::new();
    let mut ledger = place.open();
    let large = "x".repeat(100_000);
    for run in ["a", "b", "c"] {
        ledger.begin(&start(run, 0)).expect("begun");
        ledger.evidence(run, evidence("e", &large)).expect("kept");
        for name in ["one", "two"] {
            let before = format!(r#"{{"gate":"{name}","input":"#);
            let pieces = [before.as_bytes(), large.as_bytes(), run.as_bytes()];
            let request = Content::Pieces(pieces.map(Into::into).to_vec());
            let asked = Asked { request, answer: "{}".into(), notes: "".into() };
            ledger.gate(run, GateStep { asked: Some(asked), ..gate(name, run) }).expect("kept");
        }
    }
    let verified = ledger.verify(None).expect("it adds up");
    assert!((100_000..105_000).contains(&verified.bytes), "{verified:?}");
    let entry = ledger.run("c").expect("kept").entry(Kind::Gate, "two").expect("there").clone();
    let request = entry.kept(role::REQUEST).expect("kept");
    let expect = format!(r#"{{"gate":"two","input":{large}c"#);
    assert_eq!((request.size, request.digest), (expect.len() as u64, Digest::of(expect.as_bytes())));
    assert_eq!(ledger.blob(&request.digest), Ok(expect.into_bytes()));
}

#[test]
fn bytes_that_are_known_are_named_and_not_handed_in() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("r", 0)).expect("begun");
    let module = Digest::of(b"a module");
    let step = || GateStep { module: Content::Known(module), ..gate("one", "r") };
    assert_eq!(ledger.gate("r", step()), Err(LedgerError::NoBlob(module)));
    assert_eq!(ledger.head().expect("a head").entries, 1, "a step is kept whole or not at all");
    ledger.evidence("r", evidence("e", "a module")).expect("kept");
    ledger.gate("r", step()).expect("kept");
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

#[test]
fn a_step_is_kept_once_and_a_run_that_ended_takes_no_more() {
    let place = Place::new();
    let mut ledger = place.open();
    let code = |result: Result<(), LedgerError>| result.expect_err("refused").code();
    assert_eq!(code(ledger.gate("r", gate("one", "r"))), "run-unknown");
    ledger.begin(&start("r", 0)).expect("begun");
    assert_eq!(code(ledger.begin(&start("r", 9))), "run-exists");
    ledger.gate("r", gate("one", "r")).expect("kept");
    assert_eq!(code(ledger.gate("r", gate("one", "r"))), "step-exists");
    ledger.evidence("r", evidence("one", "not the gate of that name")).expect("kept");
    let both = [Step::Gate(gate("two", "r")), Step::Gate(gate("one", "r"))];
    assert_eq!(code(ledger.steps("r", &both)), "step-exists");
    assert!(ledger.run("r").expect("kept").entry(Kind::Gate, "two").is_none(), "all of them or none");
    ledger.finish("r", &finish("record")).expect("ended");
    assert_eq!(code(ledger.finish("r", &finish("record"))), "run-finished");
    assert_eq!(code(ledger.gate("r", gate("two", "r"))), "run-finished");
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

#[test]
fn names_that_are_none_are_refused() {
    let place = Place::new();
    let mut ledger = place.open();
    let long = "x".repeat(257);
    for run in ["", &long] {
        assert_eq!(ledger.begin(&start(run, 0)), Err(LedgerError::Name("run")));
    }
    ledger.begin(&start("r", 0)).expect("begun");
    for roles in [&["a", "a"][..], &[""], &[&long], &["uses"], &["runs"]] {
        let keeps = roles.iter().map(|role| Keep::new(*role, "bytes")).collect();
        let step = EvidenceStep { keeps, ..evidence("e", "bytes") };
        assert_eq!(ledger.evidence("r", step), Err(LedgerError::Name("role")), "{roles:?}");
    }
    assert_eq!(ledger.evidence("r", evidence("", "")), Err(LedgerError::Name("step")));
}

#[test]
fn runs_are_found_by_what_is_known_of_them() {
    let place = Place::new();
    let mut ledger = place.open();
    for (run, at, policy, subject) in
        [("a1", 10, "release", "git:1"), ("a2", 20, "nightly", "git:2"), ("b1", 5, "release", "git:2")]
    {
        ledger
            .begin(&RunStart { policy: policy.into(), subject: Some(subject.into()), ..start(run, at) })
            .expect("begun");
    }
    ledger.finish("a2", &Finish { decision: "no-go", exit_code: 1, ..finish("record") }).expect("ended");
    let names =
        |filter: &Filter| ledger.runs(filter).expect("listed").into_iter().map(|row| row.run).collect::<Vec<_>>();
    let all = Filter::default();
    assert_eq!(names(&all), ["b1", "a2", "a1"], "the order is the chain's, whatever the clock said");
    assert_eq!(names(&Filter { policy: Some("release".to_owned()), ..all.clone() }), ["b1", "a1"]);
    assert_eq!(names(&Filter { subject: Some("git:2".to_owned()), ..all.clone() }), ["b1", "a2"]);
    assert_eq!(names(&Filter { decision: Some("no-go".to_owned()), ..all.clone() }), ["a2"]);
    assert_eq!(names(&Filter { finished: Some(false), ..all.clone() }), ["b1", "a1"]);
    assert_eq!(names(&Filter { since: Some(time(10)), ..all.clone() }), ["a2", "a1"]);
    assert_eq!(names(&Filter { limit: Some(1), ..all }), ["b1"]);
    assert_eq!(ledger.runs_named("a", 9).expect("listed"), ["a2", "a1"]);
    assert_eq!(ledger.runs_named("a1", 9).expect("listed"), ["a1"]);
    assert_eq!(ledger.runs_named("%", 9).expect("listed"), [""; 0]);
    assert_eq!(ledger.run("a").expect_err("no such run").code(), "run-unknown");
}

#[test]
fn a_clock_that_goes_back_breaks_nothing() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("late", 1_000_000)).expect("begun");
    ledger.begin(&RunStart { at: Timestamp::UNIX_EPOCH, ..start("early", 0) }).expect("begun");
    ledger.evidence("late", EvidenceStep { at: time(-5), ..evidence("e", "bytes") }).expect("kept");
    ledger.finish("late", &Finish { at: Timestamp::MIN, ..finish("record") }).expect("ended");
    ledger.finish("early", &Finish { at: Timestamp::MAX, ..finish("record") }).expect("ended");
    let verified = ledger.verify(None).expect("it adds up");
    assert_eq!((verified.runs, verified.finished), (2, 2));
    assert_eq!(ledger.run("early").expect("kept").row.started, Timestamp::UNIX_EPOCH);
}

#[test]
fn large_evidence_is_kept_in_parts_and_reads_back() {
    check_large(3 << 20);
}

#[test]
#[ignore = "it writes some hundred MiB"]
fn evidence_of_a_hundred_mebibytes_is_kept() {
    check_large(100 << 20);
}

fn check_large(size: usize) {
    let place = Place::new();
    let mut ledger = place.open();
    let bytes: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
    ledger.begin(&start("r", 0)).expect("begun");
    let keeps = vec![Keep::new(role::BYTES, bytes.as_slice())];
    ledger.evidence("r", EvidenceStep { keeps, ..evidence("large", "") }).expect("kept");
    let pieces = vec![b"{\"input\":".as_slice().into(), bytes.as_slice().into(), b"}".as_slice().into()];
    let asked = Asked { request: Content::Pieces(pieces), answer: "{}".into(), notes: "".into() };
    ledger.gate("r", GateStep { asked: Some(asked), ..gate("one", "r") }).expect("kept");
    drop(ledger);
    let ledger = Ledger::open(&place.path(), Mode::Read).expect("a ledger");
    assert_eq!(ledger.blob(&Digest::of(&bytes)).as_deref(), Ok(bytes.as_slice()));
    let mut copied = Vec::new();
    assert_eq!(ledger.copy_blob(&Digest::of(&bytes), &mut copied), Ok(size as u64));
    assert!(copied == bytes);
    let verified = ledger.verify(None).expect("it adds up");
    assert!(verified.bytes < size as u64 + 10_000, "the request shares the evidence: {verified:?}");
}

#[test]
fn what_is_too_large_for_one_piece_is_refused_and_not_cut() {
    let part = vec![0_u8; 64 << 20];
    let content = Content::Pieces(vec![part.as_slice().into(); 17]);
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("r", 0)).expect("begun");
    let keeps = vec![Keep { role: "bytes".into(), content }];
    assert_eq!(ledger.evidence("r", EvidenceStep { keeps, ..evidence("e", "") }), Err(LedgerError::TooLarge));
}

#[test]
fn one_process_at_a_time_is_at_a_run() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    let claim = one.claim("r").expect("claimed");
    assert!(other.is_claimed("r") && !other.is_claimed("s"));
    assert_eq!(other.claim("r").expect_err("claimed").code(), "run-claimed");
    let second = other.claim("s").expect("another run");
    drop(claim);
    assert!(!other.is_claimed("r"));
    drop((other.claim("r").expect("claimed"), second));
    let left = std::fs::read_dir(place.beside("-claims")).expect("a folder").count();
    assert_eq!(left, 0);
}

#[test]
fn of_many_that_claim_a_run_one_has_it_at_a_time() {
    let place = Place::new();
    let holders = AtomicUsize::new(0);
    let taken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let ledger = place.open();
            let (holders, taken) = (&holders, &taken);
            scope.spawn(move || {
                for _ in 0..300 {
                    if let Ok(claim) = ledger.claim("r") {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "two have it");
                        std::thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        taken.fetch_add(1, Ordering::SeqCst);
                        drop(claim);
                    }
                }
            });
        }
    });
    assert!(taken.into_inner() > 0);
}
