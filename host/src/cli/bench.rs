//! `portcullis bench`: what one call of a gate costs in time, fuel and memory, compiled either way.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use portcullis::{
    diagnostic::Diagnostic,
    judge::{Judgement, Outcome as Judged, RequestTemplate, Usage},
    limits::Limits,
    run::{Setting, ask},
    sandbox::{Buffers, Throughput, Tier},
    text::{excerpt, printable},
};
use serde::Serialize;

use super::{
    Exit, Failure, Outcome,
    eval::{params, single_input},
    host,
    modules::{Against, Callable, LimitFlags, Subject},
    term,
};

/// Measure time, fuel and memory of a gate's calls
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis bench gate.wasm --input evidence.json --calls 5000")]
pub(crate) struct Args {
    /// The module
    module: PathBuf,
    /// What the gate is asked about, JSON; `-` is stdin
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The gate's parameters, a JSON object, or `@FILE`
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    /// Calls to measure, of each way to compile
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let limits = self.limits.limits()?;
        let params = params(self.params.as_deref())?;
        let input = single_input(Some(&self.input), &limits)?;
        let now = host::now(None);
        let subject = Subject::open(&self.module, &limits, Ok(Against::Nobody))?;
        let run_id = host::run_id(now)?;
        let setting = Setting { now, run_id: &run_id, jobs: 1, cancelled: host::watch_interrupts() };
        let template = RequestTemplate::new(&subject.name, subject.kind, &params, now, &run_id);
        let mut request = Vec::new();
        template.fill(&input, &mut request);
        let mut ways = Vec::new();
        for tier in [Tier::Fast, Tier::Optimised] {
            let sandbox = host::sandbox(Throughput::Many, &host::CacheFlags { no_cache: true }, global.verbose)?;
            let begun = Instant::now();
            let program = subject.load(&sandbox, tier, &limits, global.verbose)?;
            let compiled = begun.elapsed();
            let measured = Measured { subject: &subject, program: &program, limits: &limits, setting };
            let (times, usage) = measured.calls(&request, self.calls)?;
            ways.push(Way::of(tier, compiled, times, &usage));
        }
        let report = Report {
            module: printable(&subject.name),
            calls: self.calls,
            input_bytes: input.get().len(),
            request_bytes: request.len(),
            ways,
        };
        term::out_line(&if self.json { serde_json::json!(report).to_string() } else { report.table() })?;
        Ok(Exit::Ok)
    }
}

/// What is measured.
struct Measured<'a> {
    subject: &'a Subject,
    program: &'a Callable,
    limits: &'a Limits,
    setting: Setting<'a>,
}

impl Measured<'_> {
    /// The time of each call, and what the last one used; the first call of all warms up and does not count.
    fn calls(&self, request: &[u8], calls: u32) -> Result<(Vec<Duration>, Usage), Failure> {
        let mut buffers = Buffers { request: request.to_vec(), ..Buffers::default() };
        let mut times = Vec::new();
        let mut usage = self.call(&mut buffers)?;
        for _ in 0..calls {
            let begun = Instant::now();
            usage = self.call(&mut buffers)?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok((times, usage))
    }

    fn call(&self, buffers: &mut Buffers) -> Result<Usage, Failure> {
        let Subject { name, kind, .. } = self.subject;
        let Judgement { outcome, usage, notes } = ask(self.program, name, *kind, self.limits, self.setting, buffers);
        match outcome {
            Judged::Answered(_) => Ok(usage),
            Judged::Fault(fault) => {
                let problem =
                    Diagnostic::new(fault.cause.code(), format!("the gate gives no answer: {}", fault.message));
                let problem = problem.at(name.clone());
                Err(Failure::blocked(if notes.is_empty() { problem } else { problem.help(excerpt(&notes, 400)) }))
            }
        }
    }
}

/// The figures as `--json` gives them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    module: String,
    calls: u32,
    input_bytes: usize,
    request_bytes: usize,
    ways: Vec<Way>,
}

/// The figures of one way to compile. Times of a call are in microseconds, of compiling in milliseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Way {
    compiled: &'static str,
    compile_ms: f64,
    min_us: f64,
    median_us: f64,
    p99_us: f64,
    fuel: u64,
    fuel_per_us: f64,
    memory_peak_bytes: u64,
}

impl Way {
    fn of(tier: Tier, compiled: Duration, times: Vec<Duration>, usage: &Usage) -> Self {
        let at = |percent: usize| micros(times.get((times.len().saturating_sub(1) * percent).div_ceil(100)).copied());
        let median_us = at(50);
        Self {
            compiled: tier.name(),
            compile_ms: (compiled.as_secs_f64() * 1e4).round() / 10.0,
            min_us: at(0),
            median_us,
            p99_us: at(99),
            fuel: usage.fuel,
            fuel_per_us: if median_us > 0.0 { (usage.fuel as f64 / median_us).round() } else { 0.0 },
            memory_peak_bytes: usage.memory_peak,
        }
    }
}

/// Microseconds, to a tenth.
fn micros(time: Option<Duration>) -> f64 {
    (time.unwrap_or_default().as_nanos() as f64 / 100.0).round() / 10.0
}

impl Report {
    fn table(&self) -> String {
        let Self { module, calls, input_bytes, .. } = self;
        let row = |name: &str, figure: fn(&Way) -> String| {
            let figures: String = self.ways.iter().map(|way| format!("{:>16}", figure(way))).collect();
            format!("\n{name:<22}{figures}")
        };
        let rows = [
            row("", |way| way.compiled.to_owned()),
            row("compile, once", |way| format!("{:.1} ms", way.compile_ms)),
            row("call, fastest", |way| format!("{:.1} µs", way.min_us)),
            row("call, median", |way| format!("{:.1} µs", way.median_us)),
            row("call, 99 of 100", |way| format!("{:.1} µs", way.p99_us)),
            row("fuel a call", |way| way.fuel.to_string()),
            row("fuel a µs", |way| format!("{:.0}", way.fuel_per_us)),
            row("memory, at most", |way| format!("{} KiB", way.memory_peak_bytes >> 10)),
        ];
        format!("{module}: {calls} calls with an input of {input_bytes} bytes{}", rows.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_taken_where_they_say() {
        let times = (1..=200).map(Duration::from_micros).collect();
        let usage = Usage { fuel: 10_050, memory_peak: 65_536, ..Usage::default() };
        let way = Way::of(Tier::Fast, Duration::from_millis(12), times, &usage);
        assert_eq!((way.min_us, way.median_us, way.p99_us, way.compile_ms), (1.0, 101.0, 199.0, 12.0));
        assert_eq!(way.fuel_per_us, 100.0);
        let one = Way::of(Tier::Fast, Duration::ZERO, vec![Duration::from_micros(3)], &usage);
        assert_eq!((one.min_us, one.median_us, one.p99_us), (3.0, 3.0, 3.0));
    }
}
