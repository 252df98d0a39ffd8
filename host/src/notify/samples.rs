//! Events that tests tell.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Kind,
    event::{Event, Run, Told},
};

pub(super) fn run() -> Run {
    Run { id: "r-1".to_owned(), pipeline: "deploy".to_owned() }
}

pub(super) fn time() -> Timestamp {
    "2026-02-03T04:05:06Z".parse().expect("a time")
}

pub(super) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

pub(super) fn event() -> Event {
    Event {
        kind: Kind::ViolationDetected,
        time: time(),
        agent_id: Some("builder".to_owned()),
        phase: Some("EXECUTE".to_owned()),
        detail: object(&json!({ "type": "SCOPE_VIOLATION", "severity": "medium", "offence": 1 })),
    }
}

pub(super) fn told() -> Told {
    Told::new("e-0".to_owned(), &run(), event())
}

/// One of that kind and id, with so many bytes of detail.
pub(super) fn told_of(kind: Kind, id: &str, bytes: usize) -> Told {
    let detail = object(&json!({ "text": "x".repeat(bytes) }));
    Told::new(id.to_owned(), &run(), Event { kind, detail, ..event() })
}
