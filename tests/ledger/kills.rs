//! Runs that are killed at any moment, many of them, and what the ledger has to say of them afterwards.

use super::*;
use crate::harness::{FAIL, PASS, answering};

const RUNS: usize = 200;
/// At once, in one ledger.
const HANDS: usize = 2;

/// A number that is spread over the range, for every number another.
fn scattered(number: usize, below: u64) -> u64 {
    (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17) % below
}

#[test]
fn of_200_runs_that_are_killed_at_any_moment_nothing_is_lost_and_nothing_is_there_twice() {
    let dir = Dir::new();
    dir.parrot("gate");
    let gates: String = (0..6).map(|at| answering(&format!("g{at}"), if at == 3 { FAIL } else { PASS })).collect();
    dir.manifest(&gates);
    let begun = Instant::now();
    let run = || dir.portcullis(&["run", "--now", NOW, "--subject", SUBJECT]);
    run().run().exits(1);
    run().run().exits(1);
    let (takes, expect) = (begun.elapsed() / 2, dir.decision());
    let all = entries(&dir) / 2;
    assert_eq!(all, 14);

    thread::scope(|scope| {
        for hand in 0..HANDS {
            let dir = &dir;
            scope.spawn(move || {
                for number in (hand..RUNS).step_by(HANDS) {
                    let out = format!("out-{hand}");
                    let running = dir.portcullis(&["run", "--now", NOW, "--subject", SUBJECT, "--out", &out]).start();
                    thread::sleep(Duration::from_micros(scattered(number, takes.as_micros() as u64)));
                    running.kill();
                }
            });
        }
    });
    dir.tidy_up();
    adds_up(&dir);
    let broken = listed(&dir, &["--unfinished"]);
    let begun = listed(&dir, &[]).len() as u64;
    assert!(!broken.is_empty() && begun < 2 + RUNS as u64, "of {begun} runs {} were broken off", broken.len());
    let entries_before = entries(&dir);

    for (number, row) in broken.iter().enumerate() {
        let run = text(&row["run"]);
        if number % 3 == 0 {
            // It is killed while it goes on, too.
            let running = dir.portcullis(&["resume", &run]).start();
            thread::sleep(Duration::from_micros(scattered(number, takes.as_micros() as u64)));
            kill(&dir, running);
        }
        dir.portcullis(&["resume", &run]).run().exits(1);
        let decision = dir.decision();
        assert_eq!(decision["runId"], row["run"]);
        same(&lasting_but(&decision), &lasting_but(&expect));
    }
    let whole = adds_up(&dir);
    // No step is there twice, for a run has each but once; so as many as there should be are all that there should be.
    assert_eq!(whole["head"]["entries"], begun * all);
    assert_eq!((&whole["runs"], &whole["finished"]), (&begun.into(), &begun.into()));
    assert!(entries_before < begun * all);
}
