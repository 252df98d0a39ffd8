//! Several that write at once.

use std::sync::Arc;

use super::*;

#[test]
fn threads_and_processes_take_turns_and_the_chain_holds() {
    let place = Place::new();
    let children: Vec<_> = (0..3).map(|_| crash::spawn(&place.path(), 3)).collect();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let mut ledger = place.open();
            scope.spawn(move || {
                for run in 0..3 {
                    whole_run(&mut ledger, &format!("thread-{thread}-{run}"));
                }
            });
        }
    });
    for child in children {
        assert!(child.wait_with_output().expect("ended").status.success());
    }
    let verified = place.open().verify(None).expect("it adds up");
    assert_eq!((verified.runs, verified.finished), (18, 18));
}

#[test]
fn of_two_that_make_a_ledger_at_once_both_use_the_same() {
    for _ in 0..5 {
        let place = Place::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let place = &place;
                scope.spawn(move || place.open().begin(&start(&format!("r{thread}"), 0)).expect("begun"));
            }
        });
        assert_eq!(place.open().verify(None).expect("it adds up").runs, 4);
        place.gather();
        let left = std::fs::read_dir(place.folder.path()).expect("listed").count();
        assert_eq!(left, 2, "nothing but the ledger and its witness is left");
    }
}

#[test]
fn of_two_that_keep_the_same_step_one_does() {
    let place = Place::new();
    place.open().begin(&start("r", 0)).expect("begun");
    let kept: usize = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| usize::from(place.open().gate("r", gate("one", "r")).is_ok()))).collect();
        threads.into_iter().map(|thread| thread.join().expect("ended")).sum()
    });
    assert_eq!(kept, 1);
}

#[test]
fn steps_are_kept_beside_the_work_in_the_order_in_which_they_came() {
    let place = Place::new();
    let writer = Arc::new(Writer::begin(place.open(), start("r", 0)).expect("a thread"));
    for number in 0..20 {
        writer.keep(Step::Gate(gate(&format!("g{number:02}"), "r")));
    }
    assert_eq!(writer.settle(), Ok(()));
    assert_eq!(place.open().head().expect("a head").entries, 21);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let writer = Arc::clone(&writer);
            scope.spawn(move || {
                for number in 0..25 {
                    writer.keep(Step::Gate(gate(&format!("t{thread}-{number}"), "r")));
                }
            });
        }
    });
    let writer = Arc::into_inner(writer).expect("nobody else has it");
    let mut ledger = writer.end().expect("everything was kept");
    ledger.finish("r", &finish("record")).expect("ended");
    let run = ledger.run("r").expect("kept");
    assert_eq!(run.entries.len(), 1 + 20 + 100 + 1);
    let names: Vec<_> = run.entries[1..21].iter().map(|entry| entry.name.as_str()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(broken(ledger.verify(None)), [""; 0]);
}

#[test]
fn a_step_that_could_not_be_kept_is_told_at_the_end() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("r", 0)).expect("begun");
    let writer = Writer::resume(ledger, "r".to_owned()).expect("a thread");
    writer.keep(Step::Gate(gate("one", "r")));
    assert_eq!(writer.settle(), Ok(()));
    writer.keep(Step::Gate(gate("one", "r")));
    assert!(writer.settle().is_err());
    for _ in 0..200 {
        writer.keep(Step::Gate(gate("two", "r")));
    }
    assert_eq!(writer.end().expect_err("not kept").code(), "step-exists");
    assert_eq!(place.open().head().expect("a head").entries, 2);
}

#[test]
fn a_run_that_could_not_begin_is_told_at_the_end() {
    let place = Place::new();
    place.open().begin(&start("r", 0)).expect("begun");
    let writer = Writer::begin(place.open(), start("r", 0)).expect("a thread");
    writer.keep(Step::Gate(gate("one", "r")));
    assert!(writer.settle().is_err());
    assert_eq!(writer.end().expect_err("not begun").code(), "run-exists");
    assert_eq!(place.open().head().expect("a head").entries, 1);
}
