//! The figures that this program is held to, as ratios within one session: `cargo bench -p portcullis`.
//!
//! Nothing here fails for being slow: a busy machine would fail it, and a fast one would hide a loss. It measures, prints
//! the table that `host/benches/README.md` holds, and leaves the judgement to who reads it. `-- --smoke` does everything
//! once or twice, in seconds, so that it is known to work.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod calls;
mod evidence;
mod ledger;
mod process;
mod scan;
mod state;
mod support;
mod trust;

use std::process::ExitCode;

use support::{Options, Place, Report};

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let place = Place::new();
    let mut report = Report::default();
    // The order matters: a child's peak memory is never told as less than what this process held when it started it, so
    // whole processes are measured while it is small.
    if options.wants("process") {
        process::measure(&options, &place, &mut report);
    }
    if options.wants("scan") {
        scan::measure(&options, &place, &mut report);
    }
    if options.wants("evidence") {
        evidence::measure(&options, &place, &mut report);
    }
    if options.wants("trust") {
        trust::folder(&options, &place, &mut report);
    }
    if options.wants("calls") {
        calls::measure(&options, &place, &mut report);
    }
    if options.wants("trust") {
        trust::measure(&options, &place, &mut report);
    }
    if options.wants("ledger") {
        ledger::measure(&options, &place, &mut report);
    }
    if options.wants("state") {
        state::measure(&options, &place, &mut report);
    }
    println!("{}", if options.json { report.json() } else { report.markdown(options.smoke) });
    ExitCode::SUCCESS
}
