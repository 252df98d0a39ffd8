//! Passes when coverage is at least at a floor and has not dropped too far below a baseline; asks for a person while the
//! baseline is provisional.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod percent;

use percent::Percent;
use portcullis_sdk::prelude::*;

/// What the manifest's author decides. An unknown name is refused: a misspelt `max_drop` must not mean the default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// The least coverage.
    floor: Percent,
    /// How far it may fall below the baseline, in percentage points.
    #[serde(default)]
    max_drop: Percent,
}

/// The two documents, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
struct Input {
    now: Coverage,
    baseline: Coverage,
}

/// What a coverage tool counted. Anything else in the document is passed over.
#[derive(Deserialize)]
struct Coverage {
    covered: u64,
    total: u64,
    /// Whether nobody has agreed to this document as a baseline yet.
    #[serde(default)]
    provisional: bool,
}

/// What the record keeps beside the checks.
#[derive(Serialize)]
struct Details {
    now: Percent,
    baseline: Percent,
    floor: Percent,
    max_drop: Percent,
}

portcullis_sdk::gate!(judge);

fn judge(Request { params, input, .. }: Request<'_, Params, Input>) -> Result<Ruling, Fault> {
    let now = measured("now", &input.now)?;
    let baseline = measured("baseline", &input.baseline)?;
    let Params { floor, max_drop } = params;

    let ruling = Ruling::new()
        .check_or("coverage_at_floor", now >= floor, "coverage_below_floor")
        .check_or("coverage_not_dropped", now.plus(max_drop) >= baseline, "coverage_dropped_below_baseline")
        .summary(format!("coverage is {now} %; the floor is {floor} %, the baseline {baseline} %"))
        .details(&Details { now, baseline, floor, max_drop });
    Ok(if input.baseline.provisional {
        ruling.review("PROVISIONAL_BASELINE", "the baseline is provisional; a person has to agree to it")
    } else {
        ruling
    })
}

/// A document that measured nothing, or more than there is, says nothing about coverage: no answer rather than a wrong one.
fn measured(name: &str, coverage: &Coverage) -> Result<Percent, Fault> {
    Percent::of(coverage.covered, coverage.total)
        .ok_or_else(|| Fault::bad_input(format!("{name}: {} covered of {} in total", coverage.covered, coverage.total)))
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::{Verdict, testing};

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }

    #[test]
    fn a_provisional_baseline_never_hides_a_failure() {
        let params = [("floor", 90)].into_iter().collect::<std::collections::BTreeMap<_, _>>();
        let asked = |now, provisional| {
            format!(r#"{{"now":{now},"baseline":{{"covered":1,"total":2,"provisional":{provisional}}}}}"#)
        };
        let cases = [
            (r#"{"covered":9,"total":10}"#, false, Verdict::Pass),
            (r#"{"covered":9,"total":10}"#, true, Verdict::Review),
            (r#"{"covered":8,"total":10}"#, true, Verdict::Fail),
        ];
        for (now, provisional, verdict) in cases {
            let text = asked(now, provisional);
            let input: &portcullis_sdk::RawValue = portcullis_sdk::json::read(&text).expect("it is JSON");
            let answer = testing::ask(super::judge, &params, input).expect("it is answered");
            assert_eq!(answer.verdict, verdict, "{text}");
        }
    }
}
