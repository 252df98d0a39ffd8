//! `api_smoke`: what a service answered, exchange by exchange.

use portcullis_sdk::{
    evidence::{ExchangeAttempt, ExchangeAttempts, Look, Members, Sample, Seconds, same},
    prelude::*,
};
use serde::de::IgnoredAny;

use crate::pointer;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params<'a> {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// What each exchange is to come to, in their order. Without it, each is to be answered with a status from 200 to 299.
    #[serde(borrow)]
    expect: Option<Vec<Expected<'a>>>,
}

/// What one exchange is to come to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected<'a> {
    #[serde(default = "ok")]
    status: u16,
    /// Values of the response's JSON, by pointers to them.
    #[serde(borrow, default)]
    json: Members<&'a RawValue>,
    /// Pointers that lead somewhere.
    #[serde(default)]
    has: Vec<String>,
}

fn ok() -> u16 {
    200
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen<'a> {
    exchanges: Vec<Shown<'a>>,
    /// How many were expected, where the parameters say it.
    expected: Option<usize>,
}

#[derive(Serialize)]
struct Shown<'a> {
    method: &'a str,
    url: &'a str,
    outcome: &'a str,
    status: Option<u16>,
    /// What is not as expected.
    failures: Sample,
}

pub fn look<'a>(
    params: &Params<'_>,
    ExchangeAttempts(exchanges): &'a ExchangeAttempts<'_>,
) -> Result<Look<Seen<'a>>, Fault> {
    check(params, exchanges.len())?;
    let expected = params.expect.as_ref();
    let failures = |(index, exchange): (usize, &ExchangeAttempt<'_>)| match expected {
        None => failures_of_any(exchange),
        Some(expected) => expected.get(index).map_or_else(Vec::new, |expected| failures_of(exchange, expected)),
    };
    let found: Vec<Vec<String>> = exchanges.iter().enumerate().map(failures).collect();
    let missing = expected.map_or(0, |expected| expected.len().saturating_sub(exchanges.len()));
    let first = found.iter().zip(exchanges).find_map(|(failures, exchange)| Some((failures.first()?, exchange)));
    let summary = match first {
        Some((failure, ExchangeAttempt { request, .. })) => format!("{} {}: {failure}", request.method, request.url),
        None if missing > 0 => format!("{missing} of the expected exchanges did not take place"),
        None if exchanges.len() == 1 => "the exchange went as expected".into(),
        None => format!("all {} exchanges went as expected", exchanges.len()),
    };
    let passed = first.is_none() && missing == 0;
    let took = exchanges.iter().fold(Seconds::default(), |took, exchange| took.and(exchange.took));
    let exchanges = exchanges.iter().zip(&found).map(|(exchange, failures)| Shown {
        method: &exchange.request.method,
        url: &exchange.request.url,
        outcome: &exchange.outcome,
        status: exchange.status,
        failures: Sample::of(failures.iter().map(String::as_str)),
    });
    let seen = Seen { exchanges: exchanges.collect(), expected: expected.map(Vec::len) };
    Ok(Look { passed, summary, took, seen })
}

/// Expectations that nothing can fail, or that are about nothing, are mistakes of the manifest.
fn check(params: &Params<'_>, exchanges: usize) -> Result<(), Fault> {
    let expected = params.expect.iter().flatten();
    let mut pointers = expected.flat_map(|expected| {
        let values = expected.json.iter().map(|(pointer, _)| pointer);
        values.chain(expected.has.iter().map(String::as_str))
    });
    if let Some(text) = pointers.find(|text| !pointer::is_pointer(text)) {
        return Err(Fault::bad_input(format!("params: expect: `{text}` is no JSON pointer; one starts with `/`")));
    }
    if exchanges == 0 {
        return Err(Fault::bad_input("input: there is no exchange"));
    }
    match &params.expect {
        Some(expected) if expected.len() < exchanges => {
            let expected = expected.len();
            Err(Fault::bad_input(format!("params: expect: {expected} of {exchanges} exchanges have an expectation")))
        }
        _ => Ok(()),
    }
}

fn failures_of_any(exchange: &ExchangeAttempt<'_>) -> Vec<String> {
    let is_good = exchange.is_answered() && exchange.status.is_some_and(|status| (200..300).contains(&status));
    if is_good { Vec::new() } else { Vec::from([exchange.ending()]) }
}

fn failures_of(exchange: &ExchangeAttempt<'_>, Expected { status, json, has }: &Expected<'_>) -> Vec<String> {
    if !exchange.is_answered() {
        return Vec::from([exchange.ending()]);
    }
    let at = |pointer: &str| exchange.json.and_then(|json| pointer::at(json, pointer));
    let wrong_status = exchange.status != Some(*status);
    let status = wrong_status.then(|| format!("{}, and {status} is expected", exchange.ending()));
    let asks_json = !json.is_empty() || !has.is_empty();
    let no_json = (asks_json && exchange.json.is_none()).then(|| {
        let why = if exchange.body_cut { "cut" } else { "not JSON" };
        format!("the response is {why}")
    });
    let values = json.iter().filter_map(|(pointer, expected)| match at(pointer) {
        None => Some(format!("`{pointer}` is not there")),
        Some(found) => (!same(found, expected)).then(|| format!("`{pointer}` is not as expected")),
    });
    let places = has.iter().filter(|pointer| at(pointer).is_none()).map(|pointer| format!("`{pointer}` is not there"));
    let inside: Vec<String> = if no_json.is_some() { Vec::new() } else { values.chain(places).collect() };
    status.into_iter().chain(no_json).chain(inside).collect()
}
