//! `sim_trace`: the events of a simulation, against those that are expected, in their order.

use portcullis_sdk::{
    evidence::{Look, Members, RunAttempt, Seconds, preview, read_part, same},
    json,
    prelude::*,
};
use serde::de::IgnoredAny;

/// How much of an event is kept, in characters.
const EVENT: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// How the trace is to be like what is expected.
    #[serde(default, rename = "match")]
    how: How,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// The same events, one for one.
    #[default]
    Equal,
    /// Those events in that order, whatever lies between them and whatever else is in them.
    Contains,
}

#[derive(Deserialize)]
pub struct Input<'a> {
    #[serde(borrow)]
    trace: &'a RawValue,
    #[serde(borrow)]
    expected: Vec<&'a RawValue>,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen<'a> {
    #[serde(rename = "match")]
    how: How,
    events: usize,
    expected: usize,
    /// How many of the expected ones were found.
    matched: usize,
    first_unmatched: Option<Unmatched<'a>>,
}

/// Where the trace leaves what is expected. Events are counted from 0; there is none behind the end.
#[derive(Serialize)]
struct Unmatched<'a> {
    expected: Option<Cow<'a, str>>,
    at: usize,
    found: Option<Cow<'a, str>>,
}

pub fn look<'a>(params: &Params, input: &Input<'a>) -> Result<Look<Seen<'a>>, Fault> {
    if input.expected.is_empty() {
        return Err(Fault::bad_input("input: expected: no event is expected"));
    }
    let Trace { events, took, trouble } = Trace::of(input.trace)?;
    let (matched, left_at) = match params.how {
        How::Equal => equal(&events, &input.expected),
        How::Contains => contained(&events, &input.expected),
    };
    let shown = |events: &[&'a RawValue], at: usize| events.get(at).map(|event| preview(event.get(), EVENT));
    let first_unmatched =
        left_at.map(|at| Unmatched { expected: shown(&input.expected, matched), at, found: shown(&events, at) });
    let (events, expected) = (events.len(), input.expected.len());
    let summary = match (&trouble, left_at) {
        (Some(trouble), _) => trouble.clone(),
        (None, Some(at)) => format!("{matched} of {expected} expected events are there; the trace leaves them at {at}"),
        (None, None) => format!("all {expected} expected events are there"),
    };
    let passed = trouble.is_none() && left_at.is_none();
    Ok(Look { passed, summary, took, seen: Seen { how: params.how, events, expected, matched, first_unmatched } })
}

/// The events that there are, and what else is known of them.
struct Trace<'a> {
    events: Vec<&'a RawValue>,
    took: Seconds,
    /// Why they do not count, whatever they are.
    trouble: Option<String>,
}

impl<'a> Trace<'a> {
    /// A list of events, or what a command wrote as one. A file that is no list was never a trace: a fault. A command that
    /// writes none misbehaves.
    fn of(trace: &'a RawValue) -> Result<Self, Fault> {
        if Members::read(trace).is_none() {
            let events = read_part("input: trace", trace)?;
            return Ok(Self { events, took: Seconds::default(), trouble: None });
        }
        let run: RunAttempt<'a> = read_part("input: trace", trace)?;
        let events = run.data.and_then(|data| json::read(data.get()).ok());
        let trouble = match &events {
            _ if !run.exited_with(0) => Some(run.ending()),
            None => Some("it wrote no list of events".into()),
            Some(_) => None,
        };
        Ok(Self { events: events.unwrap_or_default(), took: run.took, trouble })
    }
}

/// How many of `expected` are found, and where in `events` the first one would have to be that is not.
fn equal(events: &[&RawValue], expected: &[&RawValue]) -> (usize, Option<usize>) {
    let matched = events.iter().zip(expected).take_while(|(event, expected)| same(event, expected)).count();
    let all = matched == events.len() && matched == expected.len();
    (matched, (!all).then_some(matched))
}

fn contained(events: &[&RawValue], expected: &[&RawValue]) -> (usize, Option<usize>) {
    let mut next = 0;
    for (matched, wanted) in expected.iter().enumerate() {
        let rest = events.get(next..).unwrap_or_default();
        match rest.iter().position(|event| holds(event, wanted)) {
            Some(at) => next += at + 1,
            None => return (matched, Some(next)),
        }
    }
    (expected.len(), None)
}

/// Whether an event is the one that is wanted: it has all of its members, or is the same where that is no object.
fn holds(event: &RawValue, wanted: &RawValue) -> bool {
    match (Members::read(wanted), Members::read(event)) {
        (Some(wanted), Some(event)) => {
            wanted.iter().all(|(name, wanted)| event.get(name).is_some_and(|found| same(found, wanted)))
        }
        _ => same(event, wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<&RawValue> {
        json::read(text).expect("a list")
    }

    #[test]
    fn a_trace_is_equal_one_for_one_or_contains_what_is_wanted_in_order() {
        for (events, expected, is_equal, contains) in [
            ("[1,2,3]", "[1,2,3]", (3, None), (3, None)),
            ("[1,2,3]", "[1,3]", (1, Some(1)), (2, None)),
            ("[1,2,3]", "[3,1]", (0, Some(0)), (1, Some(3))),
            ("[1,2]", "[1,2,3]", (2, Some(2)), (2, Some(2))),
            ("[1]", "[1,1]", (1, Some(1)), (1, Some(1))),
            ("[]", "[1]", (0, Some(0)), (0, Some(0))),
            (r#"[{"t":1.0,"e":"x"}]"#, r#"[{"e":"x"}]"#, (0, Some(0)), (1, None)),
            (r#"[{"t":1.0,"e":"x"}]"#, r#"[{"e":"x","t":1}]"#, (1, None), (1, None)),
            (r#"[{"e":"x"},{"e":"y"}]"#, "[{},{}]", (0, Some(0)), (2, None)),
            (r#"[{"e":"x"}]"#, r#"[{"e":null}]"#, (0, Some(0)), (0, Some(0))),
            (r#"[{"e":{"a":1,"b":2}}]"#, r#"[{"e":{"a":1}}]"#, (0, Some(0)), (0, Some(0))),
        ] {
            assert_eq!(equal(&list(events), &list(expected)), is_equal, "{events} {expected}");
            assert_eq!(contained(&list(events), &list(expected)), contains, "{events} {expected}");
        }
    }
}
