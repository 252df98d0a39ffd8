//! Passes when a command did what it was run for: it ran, what it imported could be imported, its tests passed, or none that
//! passed before is worse off.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

mod parity;
mod ran;
mod report;

use parity::Suites;
use portcullis_sdk::{
    evidence::{Look, RunAttempt, Seconds, read_part},
    prelude::*,
};
use ran::Ran;
use report::Report;

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// What kind of look this is.
    kind: Kind,
    /// The longest that the command may take.
    budget_seconds: Option<Seconds>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    HeadlessRun,
    ImportSmoke,
    UnitTests,
    TestSuiteParity,
}

portcullis_sdk::probe!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, Params, &'a RawValue>) -> Result<Evidence, Fault> {
    let Params { kind, budget_seconds } = params;
    match kind {
        Kind::HeadlessRun => Ok(ran("headless_run", &read_part("input", input)?, budget_seconds)),
        Kind::ImportSmoke => Ok(ran("import_smoke", &read_part("input", input)?, budget_seconds)),
        Kind::UnitTests => Ok(unit_tests(&read_part("input", input)?, budget_seconds)),
        Kind::TestSuiteParity if budget_seconds.is_some() => {
            Err(Fault::bad_input("params.budget_seconds: two runs are compared, and neither has a budget"))
        }
        Kind::TestSuiteParity => Ok(test_suite_parity(&read_part("input", input)?)),
    }
}

/// One run, which is to exit with 0 within its budget.
fn ran(kind: &str, run: &RunAttempt<'_>, budget: Option<Seconds>) -> Evidence {
    let ran = Ran::of(run, budget);
    Look { passed: ran.is_well(), summary: ran.said(), took: run.took, seen: ran }.into_evidence(kind)
}

/// The same, and no test that it tells of failed.
fn unit_tests(run: &RunAttempt<'_>, budget: Option<Seconds>) -> Evidence {
    let (mut ran, report) = (Ran::of(run, budget), Report::of(run));
    let (passed, summary) = match &report {
        _ if !ran.is_well() => (false, ran.said()),
        Err(why) => (false, why.clone()),
        Ok(None) => (true, ran.said()),
        Ok(Some(report)) => (report.is_good(), format!("{}: {}", ran.said(), report.said())),
    };
    ran.tests = report.ok().flatten().map(|report| report.counts());
    Look { passed, summary, took: run.took, seen: ran }.into_evidence("unit_tests")
}

/// Two runs of the same tests.
fn test_suite_parity(suites: &Suites<'_>) -> Evidence {
    let seen = suites.compared();
    let (passed, summary) = seen.told();
    Look { passed, summary, took: suites.took(), seen }.into_evidence("test_suite_parity")
}

#[cfg(test)]
mod tests;
