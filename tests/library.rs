//! The library decides as the command does: the same line, probes, completion and ledger, with nothing left out.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use portcullis::{
    decision::Record,
    diagnostic::Diagnostic,
    evidence::World,
    intake::{Intake, Machine, Settings, Shelf},
    ledger::{Ledger, LedgerError, Mode},
    run::{Event, Keep, Kept, Setting, Task},
    sandbox::{Compiler, Sandbox},
    stopped::{Stop, Stopped},
};
use serde_json::Value;

use crate::harness::{Dir, OUT, PASS, answering, answering_as};

/// As long as the names that the command gives: gates read it, and burn fuel for it.
const RUN: &str = "20261120T000000Z-00000000";
const NOW: &str = "2026-11-20T00:00:00Z";

static GOES_ON: AtomicBool = AtomicBool::new(false);
static ENDED: AtomicBool = AtomicBool::new(false);

const PROBED: &str = r#"{"verdict":"pass","evidence":[{"probe_kind":"headless_run","passed":true,"summary":"it ran",
    "duration_seconds":0.1,"payload":{}}]}"#;

/// Decides by the library what the command decided, and tells the events by name.
fn decide(dir: &Dir, cancelled: &'static AtomicBool, ledger: Option<Ledger>) -> (Result<Record, Stopped>, Vec<String>) {
    let now = NOW.parse().expect("a time");
    let settings = Settings::new(dir.path("portcullis.toml"), PathBuf::from("/"), now);
    let shelf = Shelf::remembering();
    let machine = Machine { clock: Timestamp::now(), state: Some(dir.path("library-state")) };
    let variable = |name: &str| (name == "SET").then(|| "here".to_owned());
    let told = Mutex::new(Vec::new());
    let observe = |event: Event<'_>| {
        told.lock().expect("no panic").push(match event {
            Event::Collect(_) => "collect".to_owned(),
            Event::Judging => "judging".to_owned(),
            Event::Note(note) => note.to_owned(),
            Event::Trouble(problem) => problem.to_string(),
            Event::Agent { name, .. } => format!("agent {name}"),
            Event::Alert(violation) => format!("alert {}", violation.rule.name()),
            Event::Governed(governed) => format!("governed {}", governed.record.agent),
            Event::Started { gate } => format!("started {gate}"),
            Event::Finished { result, .. } => format!("finished {}", result.gate.name),
        });
    };
    let sandbox = |throughput| {
        let compiler = Compiler::new(PathBuf::from(env!("CARGO_BIN_EXE_portcullis")));
        Sandbox::new(throughput, compiler, None)
            .map_err(|error| Stopped::blocked(Diagnostic::new("sandbox", error.to_string())))
    };
    let run = || {
        let plan = settings.plan(&shelf)?;
        let intake = Intake::read(&plan, &settings, now, &shelf, Some(&machine))?;
        let task = Task {
            plan: &plan,
            settings: &settings,
            intake: &intake,
            setting: Setting { now, run_id: RUN, jobs: 2, cancelled },
            world: World { variable: &variable, clock: &Timestamp::now, cancelled },
            clock: Arc::new(Timestamp::now),
            archives: &[],
            sandbox: &sandbox,
            state: None,
            supervisor: None,
            ledger: ledger.map_or(Keep::Nowhere, Keep::New),
            kept: None,
        };
        portcullis::run(task, &observe)
    };
    let record = run();
    (record, told.into_inner().expect("no panic"))
}

fn pipeline() -> Dir {
    let dir = Dir::new();
    ["gate", "probe"].into_iter().for_each(|kind| dir.parrot(kind));
    let gates = answering("floor", PASS) + &answering_as("probe", "smoke", PROBED);
    dir.manifest(&format!("{gates}[completion]\nmode = 'product_complete'\nkinds = ['headless_run']\n"));
    dir
}

/// A record without what is of the moment.
fn timeless(mut record: Value) -> Value {
    for name in ["runId", "startedOn", "finishedOn", "timeVerified", "policy", "trust"] {
        record[name].take();
    }
    record["summary"]["durationMs"].take();
    for part in ["gates", "inputs"] {
        for entry in record[part].as_array_mut().expect("a list") {
            ["durationMs", "collectedOn"].into_iter().for_each(|name| drop(entry[name].take()));
        }
    }
    record
}

#[test]
fn the_library_comes_to_the_record_of_the_command_with_its_probes_and_tells_what_happens() {
    let dir = pipeline();
    dir.portcullis(&["run", "--now", NOW]).run().exits(0);
    let (record, told) = decide(&dir, &GOES_ON, None);
    let record = serde_json::to_value(record.expect("a decision")).expect("JSON");
    assert_eq!(record["completion"]["outcome"], "complete");
    assert_eq!(timeless(record), timeless(dir.json(format!("{OUT}/decision.json"))));
    let judging = told.iter().position(|event| event == "judging").expect("told");
    assert!(told[..judging].iter().all(|event| event == "collect"), "{told:?}");
    let mut after = told[judging + 1..].to_vec();
    after.sort();
    assert_eq!(after, ["finished floor", "finished smoke", "started floor", "started smoke"]);
}

#[test]
fn a_module_that_is_refused_stops_the_library_before_anything_is_collected() {
    let dir = pipeline();
    let mut module = dir.read("parrot-gate.wasm");
    *module.last_mut().expect("bytes") ^= 1;
    dir.write("parrot-gate.wasm", module);
    let (record, told) = decide(&dir, &GOES_ON, None);
    assert_eq!(record.expect_err("refused").stop, Stop::Refused);
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_run_that_is_ended_is_blocked_and_its_ledger_waits_for_the_rest() {
    let dir = pipeline();
    let path = dir.path("ledger.sqlite");
    ENDED.store(true, Ordering::Relaxed);
    let ledger = Ledger::open(&path, Mode::Write).expect("a ledger");
    let (record, _) = decide(&dir, &ENDED, Some(ledger));
    assert_eq!(record.expect("a record").exit_code, 3);
    let ledger = Ledger::open(&path, Mode::Read).expect("a ledger");
    let kept = Kept::read(&ledger, RUN, false).expect("it began");
    assert!(kept.finished.is_none() && kept.calls.is_empty());
    assert_eq!(Kept::read(&ledger, "another", false).err(), Some(LedgerError::NoRun("another".to_owned())));
}
