//! Passes when the tests ran well, the spec gate had nothing to say against it, and coverage has not dropped.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod points;

use points::Points;
use portcullis_sdk::{evidence::CommandRun, prelude::*};

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// The least coverage, where there is one.
    floor: Option<Points>,
    /// How far coverage may fall below the baseline.
    #[serde(default)]
    max_drop: Points,
}

/// The four documents, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    tests: CommandRun<'a>,
    #[serde(borrow)]
    spec: CommandRun<'a>,
    coverage: Coverage,
    baseline: Coverage,
}

/// Coverage as tools write it: counted, as a percentage, or as coverage.py does.
#[derive(Deserialize)]
struct Coverage {
    covered: Option<u64>,
    total: Option<u64>,
    percent: Option<Points>,
    totals: Option<Totals>,
}

#[derive(Deserialize)]
struct Totals {
    percent_covered: Points,
    num_statements: Option<u64>,
}

/// What the record keeps beside the checks.
#[derive(Serialize)]
struct Details {
    tests_exit: i32,
    spec_exit: i32,
    coverage: Points,
    baseline: Points,
    max_drop: Points,
    floor: Option<Points>,
}

portcullis_sdk::gate!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, Params, Input<'a>>) -> Result<Ruling, Fault> {
    let Params { floor, max_drop } = params;
    let (tests_exit, spec_exit) = (input.tests.exit_code, input.spec.exit_code);
    let (coverage, baseline) = (measured("coverage", &input.coverage)?, measured("baseline", &input.baseline)?);

    let mut ruling = Ruling::new()
        .check_or("tests_pass", tests_exit == 0, "tests_failed")
        .check_or("spec_gate_passes", matches!(spec_exit, 0 | 2), "spec_gate_failed")
        .check_or("coverage_not_dropped", coverage >= baseline.minus(max_drop), "coverage_dropped_below_baseline");
    if let Some(floor) = floor {
        ruling = ruling.check_or("coverage_at_floor", coverage >= floor, "coverage_below_floor");
    }
    if spec_exit == 2 {
        ruling =
            ruling.finding(Finding::note("SPEC_GATE_CHECKED_NOTHING", "the spec gate exited with 2: nothing to check"));
    }
    Ok(ruling
        .summary(format!(
            "tests exit {tests_exit}, spec gate {spec_exit}; coverage {coverage} %, baseline {baseline} %"
        ))
        .details(&Details { tests_exit, spec_exit, coverage, baseline, max_drop, floor }))
}

/// The coverage that a document tells of, by its counts before anything else. One that measured nothing tells of none: a
/// tool may well call that 100 %.
fn measured(name: &str, coverage: &Coverage) -> Result<Points, Fault> {
    let told = match coverage {
        Coverage { covered: Some(covered), total: Some(total), .. } => Points::of(*covered, *total),
        Coverage { total: Some(0), .. } | Coverage { totals: Some(Totals { num_statements: Some(0), .. }), .. } => None,
        Coverage { totals: Some(totals), .. } => Some(totals.percent_covered),
        Coverage { percent, .. } => *percent,
    };
    told.ok_or_else(|| Fault::bad_input(format!("{name}: it tells of no coverage that was measured")))
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::testing;

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
