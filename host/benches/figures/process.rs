//! Whole processes: what a pipeline waits for.

use std::fs;

use portcullis_sdk::Kind;
use serde_json::json;

use crate::support::{GATES, Gate, Options, Place, Ran, Report, Row, in_turn, median, ms, own_peak, run};

const PART: &str = "1. Whole processes";
const EMPTY: &str = "an empty process";

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    place.manifest("one.toml", 1);
    place.manifest("thirty.toml", options.size(30, 4));
    starts(options, place, report);
    first_runs(options, place, report);
    for gate in [&GATES[0], &GATES[2]] {
        lines(gate, options, place, report);
    }
    report.add(Row::new(PART, "least peak that could be seen", mib(own_peak()), "MiB"));
}

fn decide(place: &Place, manifest: &str) -> Ran {
    run(&mut place.portcullis(&["run", manifest, "--no-ledger"]), 0)
}

/// Decisions whose compiled modules are kept, beside processes that do nothing.
fn starts(options: &Options, place: &Place, report: &mut Report) {
    let dynamic = place.empty("dynamic").expect("rustc links dynamically");
    let fixed = place.empty("static");
    for manifest in ["one.toml", "thirty.toml"] {
        decide(place, manifest);
    }
    let mut do_nothing = || run(&mut place.command(&dynamic), 0);
    let mut do_nothing_static = || run(&mut place.command(fixed.as_ref().unwrap_or(&dynamic)), 0);
    let (mut one, mut thirty) = (|| decide(place, "one.toml"), || decide(place, "thirty.toml"));
    let samples = in_turn(options.rounds(101), &mut [&mut do_nothing, &mut do_nothing_static, &mut one, &mut thirty]);
    let [empty, empty_static, one, thirty] = samples.as_slice() else { return };
    let peak = |samples: &[Ran]| median(samples.iter().map(|ran| mib(ran.peak)));
    report.add(Row::new(PART, "empty process, dynamic", wall(empty), "ms").times(1.0, EMPTY));
    if fixed.is_some() {
        let row = Row::new(PART, "empty process, static", wall(empty_static), "ms");
        report.add(row.times(wall(empty_static) / wall(empty), EMPTY));
    }
    for (what, samples, most) in [("one gate, cached", one, 2.0), ("30 gates, cached", thirty, 8.0)] {
        times(what, samples, empty, most, report);
    }
    // The guest's own memory is a few hundred kilobytes in these.
    report.add(Row::new(PART, "one gate, cached: peak memory", peak(one), "MiB").at_most(16.0));
    report.add(Row::new(PART, "30 gates, cached: peak memory", peak(thirty), "MiB"));
}

/// Decisions whose modules have to be compiled first.
fn first_runs(options: &Options, place: &Place, report: &mut Report) {
    let dynamic = place.empty("dynamic").expect("rustc links dynamically");
    let anew = |manifest| {
        fs::remove_dir_all(place.path("home/.cache")).expect("a cache");
        decide(place, manifest)
    };
    let mut do_nothing = || run(&mut place.command(&dynamic), 0);
    let (mut one, mut thirty) = (|| anew("one.toml"), || anew("thirty.toml"));
    let samples = in_turn(options.rounds(9), &mut [&mut do_nothing, &mut one, &mut thirty]);
    let [empty, one, thirty] = samples.as_slice() else { return };
    for (what, samples, most) in [("one gate, first run", one, 20.0), ("30 gates, first run", thirty, 260.0)] {
        times(what, samples, empty, most, report);
    }
    let peak = median(one.iter().map(|ran| mib(ran.peak)));
    report.add(Row::new(PART, "one gate, first run: peak memory of the compiling child", peak, "MiB"));
}

/// What decisions take, beside processes that do nothing. The processor time of all threads and children tells what work
/// there was, whatever else ran.
fn times(what: &str, samples: &[Ran], empty: &[Ran], most: f64, report: &mut Report) {
    report.add(Row::new(PART, what, wall(samples), "ms").times(wall(samples) / wall(empty), EMPTY).at_most(most));
    let cpu = |samples: &[Ran]| median(samples.iter().map(|ran| ms(ran.cpu)));
    let row = Row::new(PART, format!("{what}: processor time"), cpu(samples), "ms");
    report.add(row.times(cpu(samples) / cpu(empty), "that of one"));
}

fn wall(samples: &[Ran]) -> f64 {
    median(samples.iter().map(|ran| ms(ran.wall)))
}

/// `eval --lines`: the start is taken off by the difference between many lines and few.
fn lines(gate: &Gate, options: &Options, place: &Place, report: &mut Report) {
    let (few, many, most) = (options.size(10_000, 10), options.size(50_000, 210), options.size(100_000, 1_000));
    let module = format!("built/{}.wasm", gate.name);
    for count in [few, many, most] {
        place.write_lines(&format!("{count}.jsonl"), &input(gate), count);
    }
    let params = serde_json::Value::Object(gate.params()).to_string();
    let ask = |count: usize, jobs: &str| {
        let lines = format!("{count}.jsonl");
        let arguments = ["eval", &module, "--lines", "--input", &lines, "--params", &params, "--jobs", jobs];
        run(&mut place.portcullis(&arguments), 0)
    };
    ask(few, "1");
    let samples = in_turn(
        options.rounds(7),
        &mut [&mut || ask(few, "1"), &mut || ask(many, "1"), &mut || ask(few, "2"), &mut || ask(many, "2")],
    );
    let seconds = |at: usize| median(samples[at].iter().map(|ran| ran.wall.as_secs_f64()));
    let rate = |few_at: usize, many_at: usize| (many - few) as f64 / (seconds(many_at) - seconds(few_at));
    let (one, two) = (rate(0, 1), rate(2, 3));
    let what = |rest: &str| format!("`eval --lines`, 1 KB, {}: {rest}", gate.name);
    report.add(Row::new(PART, what("one core"), one, "calls/s").at_least(20_000.0));
    report.add(Row::new(PART, what("two cores"), two, "calls/s").times(two / one, "one core").at_least(1.8));
    let (few, most) = (ask(few, "2").peak as f64, ask(most, "2").peak as f64);
    let row = Row::new(PART, what("peak memory, 100,000 lines"), most / f64::from(1 << 20), "MiB");
    report.add(row.times(most / few, "10,000 lines").at_most(1.1));
}

/// One kilobyte that the gate is asked about.
fn input(gate: &Gate) -> String {
    let mut input = match gate.kind {
        Kind::Gate => {
            json!({ "now": { "covered": 4312, "total": 4801 }, "baseline": { "covered": 4290, "total": 4790 } })
        }
        _ => json!({ "path": "flows/a.aether", "text": "step: store(\"item\")\n# what the step is for\n".repeat(15) }),
    };
    let room = 1_000_usize.saturating_sub(input.to_string().len() + 13);
    input["padding"] = "x".repeat(room).into();
    input.to_string()
}

/// The three documents of a readiness gate.
pub(crate) fn readiness(place: &Place) -> serde_json::Value {
    let read = |name: &str| -> serde_json::Value {
        let text = fs::read(place.path(&format!("evidence/{name}.json"))).expect("evidence");
        serde_json::from_slice(&text).expect("JSON")
    };
    json!({
        "manifest": read("manifest"),
        "sanitize_report": read("sanitize_report"),
        "sanitized_preflight": read("sanitized_preflight"),
    })
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
