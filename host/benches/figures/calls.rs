//! Calls in a warm process: what WebAssembly costs against the same source natively, and what the choices of the sandbox
//! are worth.

use std::{fs, sync::atomic::AtomicBool};

use jiff::Timestamp;
use portcullis::{
    evidence::document,
    judge::{Judgement, Outcome, RequestTemplate},
    limits::Limits,
    run::{Setting, ask},
    sandbox::{Buffers, Compiler, Loading, Program, Sandbox, Throughput, Tier},
};

use crate::{
    process::readiness,
    support::{GATES, Gate, Native, Options, Place, Report, Row, in_turn, median, ms, timed, us},
};

const PART: &str = "2. Warm calls";

static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    for gate in &GATES[1..] {
        against_native(gate, options, place, report);
    }
    choices(&GATES[0], options, place, report);
}

/// A program that is asked one question again and again.
struct Asked<'a> {
    program: Program,
    gate: &'a Gate,
    limits: Limits,
    buffers: Buffers,
}

impl<'a> Asked<'a> {
    fn new(throughput: Throughput, tier: Tier, gate: &'a Gate, place: &Place, request: &str) -> Self {
        let limits = Limits::default();
        let sandbox = sandbox(throughput);
        let loading = Loading { tier, alone: true, limits: &limits };
        let program = sandbox.load_unverified(&place.built(gate), loading).expect("loaded").program;
        let buffers = Buffers { request: request.as_bytes().to_vec(), ..Buffers::default() };
        Self { program, gate, limits, buffers }
    }

    fn ask(&mut self) -> Judgement {
        let setting = Setting { now: Timestamp::UNIX_EPOCH, run_id: "bench", jobs: 1, cancelled: &NEVER };
        let Self { program, gate, limits, buffers } = self;
        let judgement = ask(program, gate.name, gate.kind, limits, setting, buffers);
        assert!(matches!(judgement.outcome, Outcome::Answered(_)), "{judgement:?}");
        judgement
    }

    /// Microseconds of a call, over `calls`.
    fn call(&mut self, calls: usize) -> f64 {
        median((0..calls).map(|_| us(timed(|| self.ask()))))
    }
}

fn sandbox(throughput: Throughput) -> Sandbox {
    let compiler = Compiler::new(env!("CARGO_BIN_EXE_portcullis").into());
    Sandbox::new(throughput, compiler, None).expect("a sandbox")
}

/// The request about an input.
fn request(gate: &Gate, input: &str) -> String {
    let template = RequestTemplate::new(gate.name, gate.kind, &gate.params(), Timestamp::UNIX_EPOCH, "bench");
    let mut request = Vec::new();
    template.fill(document(input).expect("JSON"), &mut request);
    String::from_utf8(request).expect("UTF-8")
}

/// An input of about that many bytes, of the shape that the gate is made for.
fn input(gate: &Gate, size: usize, place: &Place) -> String {
    if gate.name == "nemotron-readiness" {
        let mut documents = readiness(place);
        let rows = size / 100;
        let row =
            |number| serde_json::json!({ "id": format!("request-{number:08}"), "ok": true, "note": "x".repeat(44) });
        documents["manifest"]["rows"] = (0..rows).map(row).collect();
        return documents.to_string();
    }
    let line =
        |number| format!("step_{number}: store(\"item {number}\", {number})\n# what the step is for, in a few words\n");
    let mut text = String::new();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text += &line(number);
    }
    serde_json::json!({ "path": "flows/large.aether", "text": text }).to_string()
}

fn against_native(gate: &Gate, options: &Options, place: &Place, report: &mut Report) {
    let native = Native::build(place, gate);
    for (size, name, calls, most) in
        [(1_000, "1 KB", 1_000, None), (100_000, "100 KB", 100, Some(2.0)), (1_000_000, "1 MB", 20, Some(2.0))]
    {
        let request = request(gate, &input(gate, size, place));
        place.write("request.json", &request);
        let calls = options.rounds(calls);
        let mut asked = Asked::new(Throughput::Many, Tier::Optimised, gate, place, &request);
        let samples = in_turn(
            options.rounds(15),
            &mut [&mut || asked.call(calls), &mut || native.call("request.json", calls) / 1e3],
        );
        let [ours, theirs] = [&samples[0], &samples[1]].map(|samples| median(samples.iter().copied()));
        let row = Row::new(PART, format!("{} on {name}", gate.name), ours, "µs").times(ours / theirs, "native");
        report.add(if let Some(most) = most { row.at_most(most) } else { row });
    }
}

/// Compiled either way, with instances kept or made for each call.
fn choices(gate: &Gate, options: &Options, place: &Place, report: &mut Report) {
    let input = r#"{"now":{"covered":4312,"total":4801},"baseline":{"covered":4290,"total":4790}}"#;
    let request = request(gate, input);
    let [mut pooled, mut fast, mut on_demand] =
        [(Throughput::Many, Tier::Optimised), (Throughput::Many, Tier::Fast), (Throughput::Few, Tier::Optimised)]
            .map(|(throughput, tier)| Asked::new(throughput, tier, gate, place, &request));
    let fuel = [&mut pooled, &mut fast, &mut on_demand].map(|asked| asked.ask().usage.fuel);
    assert_eq!(fuel, [fuel[0]; 3], "fuel never depends on the choice");
    let calls = options.rounds(1_000);
    let samples = in_turn(
        options.rounds(15),
        &mut [&mut || pooled.call(calls), &mut || fast.call(calls), &mut || on_demand.call(calls)],
    );
    let [pooled, fast, on_demand] = [0, 1, 2].map(|at| median(samples[at].iter().copied()));
    let what = |rest: &str| format!("{}, 100 bytes: {rest}", gate.name);
    report.add(Row::new(PART, what("optimised, pooled"), pooled, "µs").times(1.0, "this"));
    report.add(Row::new(PART, what("compiled fast, pooled"), fast, "µs").times(fast / pooled, "optimised"));
    report.add(
        Row::new(PART, what("optimised, made for each call"), on_demand, "µs").times(on_demand / pooled, "pooled"),
    );
    compiling(gate, options, place, report);
}

fn compiling(gate: &Gate, options: &Options, place: &Place, report: &mut Report) {
    let (module, limits, sandbox) = (place.built(gate), Limits::default(), sandbox(Throughput::Few));
    let compile = |tier| {
        let loading = Loading { tier, alone: true, limits: &limits };
        ms(timed(|| sandbox.load_unverified(&module, loading).expect("loaded")))
    };
    let samples = in_turn(options.rounds(15), &mut [&mut || compile(Tier::Fast), &mut || compile(Tier::Optimised)]);
    let [fast, optimised] = [0, 1].map(|at| median(samples[at].iter().copied()));
    let what = |rest: &str| format!("compiling {} in a child, {rest}", gate.name);
    report.add(Row::new(PART, what("fast"), fast, "ms").times(1.0, "this"));
    report.add(Row::new(PART, what("optimised"), optimised, "ms").times(optimised / fast, "fast"));
    let kept = |tier: Tier| -> f64 {
        // Through the binary, because only there a cache is found.
        let flag = if tier == Tier::Fast { &[][..] } else { &["--lines"][..] };
        place.write("one.json", "{}\n");
        let _ = fs::remove_dir_all(place.path("home/.cache"));
        let module = format!("built/{}.wasm", gate.name);
        let _ = place.portcullis(&[&["eval", &module, "--input", "one.json"], flag].concat()).status();
        let entries = fs::read_dir(place.path("home/.cache/portcullis/modules")).expect("a cache");
        entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|entry| entry.len() as f64 / 1024.0).sum()
    };
    let (fast, optimised) = (kept(Tier::Fast), kept(Tier::Optimised));
    report.add(Row::new(PART, format!("{} compiled fast, kept", gate.name), fast, "KiB").times(1.0, "this"));
    let row = Row::new(PART, format!("{} optimised, kept", gate.name), optimised, "KiB");
    report.add(row.times(optimised / fast, "fast"));
}
