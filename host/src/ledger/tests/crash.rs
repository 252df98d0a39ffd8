//! Processes that are killed in the middle of whatever they do.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::*;

/// Where the child of these tests keeps runs, and how many.
const PLACE: &str = "PORTCULLIS_TEST_LEDGER";
const RUNS: &str = "PORTCULLIS_TEST_RUNS";

/// Not a test: what the children of tests do. Says what it kept, once it has.
#[test]
#[ignore = "other tests start it as a process of its own"]
fn child() {
    let Some(path) = std::env::var_os(PLACE) else { return };
    let runs: u32 = std::env::var(RUNS).expect("a number").parse().expect("a number");
    let mut ledger = Ledger::open(Path::new(&path), Mode::Write).expect("a ledger");
    let say = |kept: String| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "kept {kept}").and_then(|()| stdout.flush()).expect("said");
    };
    for number in 0..runs {
        let run = format!("{}-{number}", std::process::id());
        ledger.begin(&start(&run, 0)).expect("begun");
        say(format!("{run} begin"));
        ledger.evidence(&run, evidence("audit", &run.repeat(20_000))).expect("kept");
        say(format!("{run} audit"));
        ledger.steps(&run, &[Step::Gate(gate("one", &run)), Step::Gate(gate("two", &run))]).expect("kept");
        say(format!("{run} one"));
        say(format!("{run} two"));
        ledger.finish(&run, &finish(&run)).expect("ended");
        say(format!("{run} finish"));
        if number % 3 == 2 {
            ledger.prune(&Prune { keep: Some(2), ..Prune::default() }, time(0), false).expect("pruned");
        }
    }
}

pub(super) fn spawn(path: &Path, runs: u32) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "ledger::tests::crash::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PLACE, path)
        .env(RUNS, runs.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

/// A number that looks random and is the same in every run of the test.
fn scattered(number: u64) -> u64 {
    let digest = Digest::of(&number.to_be_bytes());
    u64::from_be_bytes(digest.0[..8].try_into().expect("eight bytes"))
}

#[test]
fn what_was_committed_survives_a_kill_and_nothing_is_there_by_half() {
    let place = Place::new();
    let mut kept = HashSet::new();
    for round in 0..30 {
        let mut child = spawn(&place.path(), 1_000);
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let wanted = scattered(round) % 12;
        kept.extend(lines.by_ref().filter(|line| line.starts_with("kept ")).take(wanted as usize));
        std::thread::sleep(Duration::from_micros(scattered(round + 1_000) % 9_000));
        child.kill().expect("killed");
        child.wait().expect("ended");
        // What it said before it was killed and nobody had read.
        kept.extend(lines.filter(|line| line.starts_with("kept ")));
        let ledger = place.open();
        assert_eq!(broken(ledger.verify(None)), [""; 0], "round {round}");
    }
    let ledger = place.open();
    let mut found = HashSet::new();
    for row in ledger.runs(&Filter::default()).expect("listed") {
        for entry in ledger.run(&row.run).expect("kept").entries {
            let step = format!("kept {} {}", row.run, entry.name);
            assert!(found.insert(step.clone()), "{step} is there twice");
            assert!(row.pruned || entry.keeps.iter().all(|kept| ledger.blob(&kept.digest).is_ok()), "{step}");
        }
    }
    let lost: Vec<_> = kept.difference(&found).collect();
    assert!(lost.is_empty() && kept.len() > 30, "{} were kept, lost: {lost:?}", kept.len());
}

#[test]
fn a_ledger_is_made_whole_or_not_at_all() {
    for round in 0..10 {
        let place = Place::new();
        let mut child = spawn(&place.path(), 1);
        std::thread::sleep(Duration::from_micros(scattered(round) % 20_000));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(broken(place.open().verify(None)), [""; 0], "round {round}");
    }
}
