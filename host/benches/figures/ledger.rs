//! The ledger: what keeping adds to a run, and what many kept runs cost to ask.

use std::{fs, path::Path};

use jiff::Timestamp;
use portcullis::{
    digest::Digest,
    ledger::{
        Asked, Content, EvidenceStep, Filter, Finish, GateStep, Keep, Ledger, Mode, Query, RunStart, Step, Use,
        UseRole, role,
    },
    trust::{KeyId, PrivateKey},
};

use crate::support::{Options, Place, Ran, Report, Row, in_turn, median, ms, run, timed};

const PART: &str = "6. Ledger";
/// Gates of each run.
const GATES: usize = 30;

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    runs(options, place, report);
    let sizes = [100, 1_000, 10_000].map(|runs| options.size(runs, runs / 100 + 2));
    for size in sizes {
        kept(options, place, report, size);
    }
}

/// What keeping adds to a run, and what it is to judge it again.
fn runs(options: &Options, place: &Place, report: &mut Report) {
    place.manifest("thirty.toml", options.size(GATES, 4));
    let ledger = ["--ledger", "ledger.sqlite"];
    let portcullis = |arguments: &[&str]| run(&mut place.portcullis(arguments), 0);
    let kept = || portcullis(&["run", "thirty.toml", ledger[0], ledger[1]]);
    kept();
    let samples = in_turn(
        options.rounds(31),
        &mut [
            &mut || portcullis(&["run", "thirty.toml", "--no-ledger"]),
            &mut || kept(),
            &mut || portcullis(&["replay", "last", ledger[0], ledger[1]]),
            &mut || portcullis(&["run", "thirty.toml", "--no-ledger", "--no-cache"]),
        ],
    );
    let wall = |at: usize| median(samples[at].iter().map(|ran: &Ran| ms(ran.wall)));
    let (bare, kept, again, first) = (wall(0), wall(1), wall(2), wall(3));
    report.add(Row::new(PART, "30 gates, cached, kept nowhere", bare, "ms").times(1.0, "this"));
    report.add(Row::new(PART, "30 gates, cached, kept in a ledger", kept, "ms").times(kept / bare, "kept nowhere"));
    report.add(Row::new(PART, "the same judged again", again, "ms").times(again / kept, "the run that was kept"));
    report.add(Row::new(PART, "30 gates, first run", first, "ms").times(first / again, "judging it again"));
}

/// What it is to ask a ledger of so many runs.
fn kept(options: &Options, place: &Place, report: &mut Report, runs: usize) {
    let path = place.path(&format!("kept-{runs}.sqlite"));
    let modules: Vec<Vec<u8>> = (0..GATES).map(|gate| vec![u8::try_from(gate).unwrap_or_default(); 50_000]).collect();
    let signer = key(1);
    let writing = timed(|| (0..runs).for_each(|number| write(&path, &modules, signer, number)));
    let name = |what: &str| format!("{runs} runs: {what}");
    report.add(Row::new(PART, name("keeping one, 30 gates in two transactions"), ms(writing) / runs as f64, "ms"));
    let ledger = Ledger::open(&path, Mode::Read).expect("a ledger");
    let ask = |what: &str, question: &dyn Fn(&Ledger) -> usize| {
        let samples = (0..options.rounds(5)).map(|_| ms(timed(|| question(&ledger))));
        Row::new(PART, name(what), median(samples), "ms")
    };
    let newest = Filter { limit: Some(20), ..Filter::default() };
    report.add(ask("the newest 20", &|ledger| ledger.runs(&newest).expect("read").len()));
    report.add(ask("all of them", &|ledger| ledger.runs(&Filter::default()).expect("read").len()));
    let content = Query::Content(Digest::of(&modules[3]));
    report.add(ask("affected by a module that all used", &|ledger| ledger.affected(&content).expect("read").len()));
    report.add(ask("affected by a key that none used", &|ledger| {
        ledger.affected(&Query::Key(key(9))).expect("read").len()
    }));
    let verifying = ms(timed(|| ledger.verify(None).expect("it adds up")));
    report.add(Row::new(PART, name("verify, every entry and byte"), verifying, "ms"));
    let size = fs::metadata(&path).map_or(0, |found| found.len());
    report.add(Row::new(PART, name("on disk, a run"), size as f64 / runs as f64 / 1024.0, "KiB"));
}

fn key(seed: u8) -> KeyId {
    PrivateKey::from_seed(&[seed; 32]).public().id()
}

/// A run as a command keeps it: the same modules as the ones before, evidence and requests of its own.
fn write(path: &Path, modules: &[Vec<u8>], signer: KeyId, number: usize) {
    let mut ledger = Ledger::open(path, Mode::Write).expect("a ledger");
    let at = Timestamp::UNIX_EPOCH;
    let run = format!("20260110T000000Z-{number:08x}");
    let begin = RunStart {
        run: run.as_str().into(),
        at,
        policy: "release".into(),
        manifest: Digest::of(b"manifest"),
        subject: Some("git:0123456789abcdef0123456789abcdef01234567".into()),
        keeps: vec![Keep::new(role::SETTINGS, "s".repeat(400)), Keep::new(role::READ, "r".repeat(3_000))],
        uses: Vec::new(),
    };
    ledger.begin(&begin).expect("begun");
    let evidence = format!("{{\"number\":{number},\"text\":\"{}\"}}", "e".repeat(900));
    let piece = EvidenceStep {
        name: "evidence".into(),
        at,
        outcome: "completed".into(),
        keeps: vec![
            Keep::new(role::PIECE, format!("{{\"took\":{number}}}")),
            Keep::new(role::BYTES, evidence.as_str()),
        ],
    };
    let gates = modules.iter().enumerate().map(|(gate, module)| {
        let used = Use {
            role: UseRole::Module,
            content: Digest::of(module),
            publisher: Some("bench".to_owned()),
            name: Some(format!("gate-{gate}")),
            version: Some("1.0.0".to_owned()),
            keys: vec![signer],
        };
        let request = format!("{{\"protocol\":1,\"gate\":\"g{gate}\",\"input\":{evidence},\"run_id\":\"{run}\"}}");
        Step::Gate(GateStep {
            name: format!("g{gate}").into(),
            at,
            outcome: "pass".into(),
            entry: format!("{{\"id\":\"g{gate}\",\"run\":{number},\"text\":\"{}\"}}", "j".repeat(1_300)).into(),
            module: Content::from(module.as_slice()),
            asked: Some(Asked { request: request.into(), answer: "{\"verdict\":\"pass\"}".into(), notes: "".into() }),
            keeps: Vec::new(),
            uses: vec![used],
        })
    });
    ledger.steps(&run, &[Step::Evidence(piece)].into_iter().chain(gates).collect::<Vec<_>>()).expect("kept");
    let record = format!("{{\"run\":{number},\"text\":\"{}\"}}", "r".repeat(50_000));
    let finish = Finish { at, decision: "go", exit_code: 0, record: record.into(), keeps: Vec::new() };
    ledger.finish(&run, &finish).expect("ended");
}
