//! Passes when a strict verification of all scripts found nothing wrong, and a call to the outside that is not allowed was
//! denied.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod report;

use portcullis_sdk::{
    evidence::{Collected, CommandRun},
    json,
    prelude::*,
};
use report::Report;

/// The answers that a call which is denied gets: forbidden, and unavailable for legal reasons. Not 401, which asks for a token.
const DENIED: [u16; 2] = [403, 451];

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    /// What a command that makes the call exits with when it is denied; any code but 0, if nothing is said.
    denied_exit_codes: Option<Vec<i32>>,
}

/// What was collected, under the names that the manifest's `input` gives it.
#[derive(Deserialize)]
struct Input<'a> {
    /// The verification.
    #[serde(borrow)]
    verify: CommandRun<'a>,
    /// What it reported, if it did so elsewhere than on standard output.
    #[serde(borrow)]
    report: Option<&'a RawValue>,
    /// The call that has to be denied.
    #[serde(borrow)]
    outbound: Collected<'a>,
}

/// What the record keeps beside the checks.
#[derive(Serialize)]
struct Details {
    exit_code: i32,
    report: &'static str,
    outbound: &'static str,
}

portcullis_sdk::gate!(judge);

fn judge(Request { params, input, .. }: Request<'_, Params, Input<'_>>) -> Result<Ruling, Fault> {
    let codes = params.denied_exit_codes.as_deref();
    if codes.is_some_and(|codes| codes.is_empty() || codes.contains(&0)) {
        return Err(Fault::bad_input("params.denied_exit_codes: there have to be some, and 0 is none"));
    }
    let exit_code = input.verify.exit_code;
    let reported = Report::of(input.report, &input.verify)?.trouble();
    let let_through = let_through(&input.outbound, codes);

    let details = Details { exit_code, report: reported.unwrap_or("clean"), outbound: let_through.unwrap_or("denied") };
    let summary =
        format!("verification exited with {exit_code}, report {}, outbound {}", details.report, details.outbound);
    let ruling = Ruling::new()
        .check_or("scripts_verified", exit_code == 0 || reported.is_none(), reported.unwrap_or_default())
        .check_or("outbound_denied", let_through.is_none(), let_through.unwrap_or_default())
        .summary(summary)
        .details(&details);
    Ok(if exit_code == 0 && reported == Some(report::FAILURES) {
        ruling.finding(Finding::warning(
            "REPORT_DISAGREES",
            "the verification exited with 0, and its report has failures",
        ))
    } else {
        ruling
    })
}

/// The name of what keeps the call from counting as denied, if something does. An answer that says it was not goes before its
/// status, and one that was cut might have said so.
fn let_through(outbound: &Collected<'_>, codes: Option<&[i32]>) -> Option<&'static str> {
    let said = says_denied(outbound.document());
    let denied = match outbound {
        Collected::Exchange(exchange) => DENIED.contains(&exchange.status) || said == Some(true),
        Collected::Command(run) => codes.map_or(run.exit_code != 0, |codes| codes.contains(&run.exit_code)),
    };
    match said {
        _ if outbound.is_cut() => Some("outbound_cut"),
        Some(false) => Some("outbound_allowed"),
        _ if !denied => Some("outbound_not_denied"),
        _ => None,
    }
}

/// Whether an answer says that the call was denied, in `denied` and `allowed`; no, if it contradicts itself; none, if it says
/// nothing of it.
fn says_denied(answer: Option<&RawValue>) -> Option<bool> {
    #[derive(Deserialize)]
    struct Answer {
        denied: Option<bool>,
        allowed: Option<bool>,
    }
    let object = answer.filter(|answer| answer.get().starts_with('{'))?;
    let Ok(Answer { denied, allowed }) = json::read(object.get()) else { return Some(false) };
    match (denied, allowed.map(|allowed| !allowed)) {
        (Some(denied), Some(not_allowed)) => Some(denied && not_allowed),
        (denied, not_allowed) => denied.or(not_allowed),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::testing;

    use super::*;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

    #[test]
    fn the_cases_hold() {
        testing::cases(judge, CASES);
    }

    #[test]
    fn every_failure_has_its_name() {
        let cases = [
            ("unsigned-script", "scripts_verified", "report_has_failures"),
            ("stdout-cut", "scripts_verified", "report_cut"),
            ("report-body-cut", "scripts_verified", "report_cut"),
            ("crashed-verification", "scripts_verified", "no_risk_score"),
            ("risk-that-starts-with-zero", "scripts_verified", "risk_not_zero"),
            ("report-not-found", "scripts_verified", "no_report"),
            ("report-that-is-a-stream", "scripts_verified", "no_report"),
            ("let-through", "outbound_denied", "outbound_not_denied"),
            ("says-not-denied", "outbound_denied", "outbound_allowed"),
            ("answer-cut", "outbound_denied", "outbound_cut"),
        ];
        testing::failures(judge, CASES, &cases);
    }

    #[test]
    fn the_record_keeps_what_decided() {
        let cases = [
            ("clean-report-on-stdout", r#"{"exit_code":1,"report":"clean","outbound":"denied"}"#),
            ("all-wrong", r#"{"exit_code":2,"report":"report_has_failures","outbound":"outbound_allowed"}"#),
        ];
        testing::details(judge, CASES, &cases);
    }

    #[test]
    fn an_answer_denies_only_if_all_it_says_does() {
        let cases = [
            (r#"{"denied":true}"#, Some(true)),
            (r#"{"allowed":false,"reason":"policy"}"#, Some(true)),
            (r#"{"denied":true,"allowed":false}"#, Some(true)),
            (r#"{"denied":null,"allowed":false}"#, Some(true)),
            (r#"{"denied":false}"#, Some(false)),
            (r#"{"allowed":true}"#, Some(false)),
            (r#"{"denied":true,"allowed":true}"#, Some(false)),
            (r#"{"denied":false,"allowed":false}"#, Some(false)),
            (r#"{"denied":"true"}"#, Some(false)),
            (r#"{"denied":1}"#, Some(false)),
            (r#"{"denied":true,"denied":false}"#, Some(false)),
            (r#"{"error":"forbidden"}"#, None),
            (r#"{"result":{"denied":true}}"#, None),
            (r#"["denied"]"#, None),
            ("true", None),
        ];
        for (text, expect) in cases {
            assert_eq!(says_denied(json::read(text).expect("JSON")), expect, "{text}");
        }
    }
}
