//! What was expected against what came, and the other way round: what came as what is expected from now on.

use portcullis_sdk::{Answer, Verdict};
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use super::read::{Expectation, Expected};
use crate::{
    judge::{Cause, Judgement, Outcome},
    limits::{Exceeded, Limit},
    text::printable,
};

/// A judgement that nobody should expect again, because it says more about the machine than about the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fault `{0}` comes from the machine and not from the case, so it is not what to expect")]
pub struct Unblessable(pub &'static str);

impl Unblessable {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "case-unblessable"
    }
}

/// Where `judgement` is not what was expected, line by line with `-` before what was expected and `+` before what came;
/// nothing if it holds.
#[must_use]
pub fn difference(expected: &Expected, judgement: &Judgement) -> Option<String> {
    let came = came(expected, judgement);
    let told = told(expected);
    if came == told {
        return None;
    }
    let (told, came) = (pretty(&told), pretty(&came));
    let mut text = String::new();
    for change in TextDiff::from_lines(&told, &came).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        text.push(sign);
        text.push_str(&printable(change.value().trim_end_matches('\n')));
        text.push('\n');
    }
    Some(text)
}

/// The text of the file that expects just this: verdict, all checks, codes, and a fuel budget with a fifth to spare. The
/// summary is kept up only where `before` had one.
///
/// # Errors
/// When the judgement is a fault of the machine.
pub fn bless(before: Option<&Expected>, judgement: &Judgement) -> Result<String, Unblessable> {
    let outcome = match &judgement.outcome {
        Outcome::Answered(answer) => Expectation::Answer {
            verdict: answer.verdict,
            checks: Some(checks(answer)),
            codes: Some(codes(answer)),
            summary: before.and_then(|before| summary_of(&before.outcome)).map(|_| answer.summary.clone()),
        },
        Outcome::Fault(fault) if is_of_the_machine(&fault.cause) => return Err(Unblessable(fault.cause.code())),
        Outcome::Fault(fault) => Expectation::Fault(fault.cause.code().to_owned()),
    };
    // What a fault burned is no budget: out of fuel, it is the limit itself.
    let fuel = matches!(outcome, Expectation::Answer { .. }).then(|| budget(judgement.usage.fuel));
    Ok(pretty(&told(&Expected { outcome, fuel })))
}

fn is_of_the_machine(cause: &Cause) -> bool {
    let Cause::Limit(Exceeded { limit, .. }) = cause else {
        return matches!(cause, Cause::Interrupted | Cause::Internal | Cause::Compile | Cause::Evidence);
    };
    matches!(limit, Limit::Time | Limit::CompileTime | Limit::CompileMemory)
}

/// A fifth more than was used, rounded up to three digits so that it reads well.
fn budget(used: u64) -> u64 {
    let ample = used.saturating_add(used.div_ceil(5));
    let digits = ample.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.saturating_pow(digits.saturating_sub(2));
    ample.div_ceil(unit).saturating_mul(unit)
}

/// What is expected, as the file has it.
fn told(expected: &Expected) -> Value {
    let mut parts = match &expected.outcome {
        Expectation::Fault(code) => Map::from_iter([("fault".to_owned(), json!(code))]),
        Expectation::Answer { verdict, checks, codes, summary } => parts(
            *verdict,
            checks.as_ref().map(|checks| Value::Object(checks.clone())),
            codes.as_ref().map(|codes| json!(codes)),
            summary.as_ref().map(|summary| json!(summary)),
        ),
    };
    if let Some(fuel) = expected.fuel {
        parts.insert("fuel".to_owned(), json!(fuel));
    }
    Value::Object(parts)
}

/// What came, in the parts that are expected: equal to [`told`] where it holds. A budget that was kept stands as itself.
fn came(expected: &Expected, judgement: &Judgement) -> Value {
    let mut parts = match (&judgement.outcome, &expected.outcome) {
        (Outcome::Fault(fault), _) => Map::from_iter([("fault".to_owned(), json!(fault.cause.code()))]),
        (Outcome::Answered(answer), Expectation::Fault(_)) => parts(answer.verdict, None, None, None),
        (Outcome::Answered(answer), Expectation::Answer { checks: wanted, codes: wanted_codes, summary, .. }) => parts(
            answer.verdict,
            wanted.as_ref().map(|wanted| Value::Object(in_order_of(wanted, checks(answer)))),
            wanted_codes.as_ref().map(|_| json!(codes(answer))),
            summary.as_ref().map(|_| json!(answer.summary)),
        ),
    };
    if let Some(budget) = expected.fuel {
        parts.insert(
            "fuel".to_owned(),
            json!(if judgement.usage.fuel > budget { judgement.usage.fuel } else { budget }),
        );
    }
    Value::Object(parts)
}

fn parts(verdict: Verdict, checks: Option<Value>, codes: Option<Value>, summary: Option<Value>) -> Map<String, Value> {
    let given = [("verdict", Some(json!(verdict))), ("checks", checks), ("codes", codes), ("summary", summary)];
    given.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?))).collect()
}

/// The answer's checks by name; one that it names twice holds only if it holds both times.
fn checks(answer: &Answer) -> Map<String, Value> {
    let mut checks = Map::new();
    for check in &answer.checks {
        let held = checks.get(&check.id) != Some(&Value::Bool(false));
        checks.insert(check.id.clone(), Value::Bool(held && check.passed));
    }
    checks
}

/// `checks` with those that are wanted first and in that order, so that a difference in order does not show as one.
fn in_order_of(wanted: &Map<String, Value>, mut checks: Map<String, Value>) -> Map<String, Value> {
    let mut ordered: Map<String, Value> =
        wanted.keys().filter_map(|id| Some((id.clone(), checks.shift_remove(id)?))).collect();
    ordered.extend(checks);
    ordered
}

fn codes(answer: &Answer) -> Vec<String> {
    answer.findings.iter().map(|finding| finding.code.clone()).collect()
}

fn summary_of(expectation: &Expectation) -> Option<&str> {
    match expectation {
        Expectation::Answer { summary, .. } => summary.as_deref(),
        Expectation::Fault(_) => None,
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Fault, Usage};

    fn answered(text: &str, fuel: u64) -> Judgement {
        let answer = serde_json::from_str(text).expect("an answer");
        judged(Outcome::Answered(answer), fuel)
    }

    fn faulted(cause: Cause, fuel: u64) -> Judgement {
        judged(Outcome::Fault(Fault { cause, message: "why".to_owned() }), fuel)
    }

    fn judged(outcome: Outcome, fuel: u64) -> Judgement {
        Judgement { outcome, usage: Usage { fuel, ..Usage::default() }, notes: String::new() }
    }

    fn expected(text: &str) -> Expected {
        Expected::read(text.as_bytes()).expect("an expectation")
    }

    const FAIL: &str = r#"{"verdict":"fail","summary":"1 of 2","checks":[{"id":"b","passed":true},{"id":"a","passed":false}],
        "findings":[{"code":"Z","severity":"error","message":"m"},{"code":"A","severity":"note","message":"m"}]}"#;

    #[test]
    fn only_what_is_written_is_compared() {
        let check = |text: &str, lines: &[&str]| {
            let found = difference(&expected(text), &answered(FAIL, 1000)).unwrap_or_default();
            let changed: Vec<&str> = found.lines().filter(|line| !line.starts_with(' ')).collect();
            assert_eq!(changed, lines, "{text}");
        };
        check(r#"{"verdict":"fail"}"#, &[]);
        check(
            r#"{"fuel":1000,"summary":"1 of 2","codes":["Z","A"],"checks":{"a":false,"b":true},"verdict":"fail"}"#,
            &[],
        );
        check(r#"{"verdict":"pass"}"#, &[r#"-  "verdict": "pass""#, r#"+  "verdict": "fail""#]);
        check(r#"{"verdict":"fail","fuel":999}"#, &[r#"-  "fuel": 999"#, r#"+  "fuel": 1000"#]);
        check(r#"{"verdict":"fail","summary":"2 of 2"}"#, &[r#"-  "summary": "2 of 2""#, r#"+  "summary": "1 of 2""#]);
        check(
            r#"{"verdict":"fail","codes":["A","Z"]}"#,
            &[r#"-    "A","#, r#"-    "Z""#, r#"+    "Z","#, r#"+    "A""#],
        );
        check(r#"{"verdict":"fail","checks":{"a":true,"b":true}}"#, &[r#"-    "a": true,"#, r#"+    "a": false,"#]);
        check(
            r#"{"verdict":"fail","checks":{"a":false}}"#,
            &[r#"-    "a": false"#, r#"+    "a": false,"#, r#"+    "b": true"#],
        );
        check(r#"{"fault":"trap"}"#, &[r#"-  "fault": "trap""#, r#"+  "verdict": "fail""#]);
    }

    #[test]
    fn a_fault_is_only_ever_met_by_the_same_fault() {
        let check = |text: &str, cause: Cause, holds: bool| {
            assert_eq!(difference(&expected(text), &faulted(cause, 10)).is_none(), holds, "{text} {cause:?}");
        };
        check(r#"{"fault":"exit-status"}"#, Cause::Exit(2), true);
        check(r#"{"fault":"trap"}"#, Cause::Exit(2), false);
        check(r#"{"fault":"trap","fuel":9}"#, Cause::Trap, false);
        check(r#"{"verdict":"fail"}"#, Cause::Trap, false);
        check(r#"{"verdict":"pass","checks":{},"codes":[]}"#, Cause::Malformed, false);
    }

    #[test]
    fn what_is_blessed_holds_and_keeps_its_summary() {
        let judgement = answered(FAIL, 123_456);
        let text = bless(None, &judgement).expect("blessed");
        assert_eq!(
            text.split_whitespace().collect::<String>(),
            r#"{"verdict":"fail","checks":{"b":true,"a":false},"codes":["Z","A"],"fuel":149000}"#
        );
        assert_eq!(difference(&expected(&text), &judgement), None);
        let kept = bless(Some(&expected(r#"{"verdict":"pass","summary":"old"}"#)), &judgement).expect("blessed");
        assert!(kept.contains(r#""summary": "1 of 2""#), "{kept}");
        assert_eq!(bless(None, &faulted(Cause::Exit(2), 7)).as_deref(), Ok("{\n  \"fault\": \"exit-status\"\n}\n"));
    }

    #[test]
    fn a_fault_of_the_machine_is_not_blessed() {
        let over = |limit| Cause::Limit(Exceeded { limit, used: 2, allowed: 1 });
        for cause in [over(Limit::Time), over(Limit::CompileTime), Cause::Interrupted, Cause::Internal] {
            assert_eq!(bless(None, &faulted(cause, 7)), Err(Unblessable(cause.code())));
        }
        assert!(bless(None, &faulted(over(Limit::Fuel), 7)).is_ok());
    }

    #[test]
    fn a_budget_has_a_fifth_to_spare_and_three_digits() {
        for (used, expect) in
            [(0, 0), (1, 2), (10, 12), (999, 1200), (1000, 1200), (123_456, 149_000), (u64::MAX, u64::MAX)]
        {
            assert_eq!(budget(used), expect, "{used}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_in_a_difference() {
        let judgement = answered(r#"{"verdict":"pass","summary":"\u009b31m\u202e"}"#, 1);
        let text = difference(&expected(r#"{"verdict":"pass","summary":"s"}"#), &judgement).expect("it differs");
        assert!(text.contains("\\u{9b}31m\\u{202e}"), "{text}");
    }
}
