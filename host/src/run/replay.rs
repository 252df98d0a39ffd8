//! Whether a run comes to the same when it is judged again: the same verdicts, the same fuel, the same decision.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Calls;
use crate::decision::Record;

/// What differs between a run and its replay.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The gate; nothing where it is the decision.
    pub gate: Option<String>,
    /// What of it, as the record names it.
    pub what: String,
    /// What it was.
    pub then: Value,
    /// What it is.
    pub now: Value,
}

/// A run that was judged again.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Everything that differs, the decision first; nothing of times.
    pub differences: Vec<Difference>,
}

/// Members of a gate's entry that are of the moment and not of the judgement.
const OF_THE_MOMENT: [&str; 1] = ["durationMs"];
/// Members of a record that a judgement comes to.
const DECIDED: [&str; 12] = [
    "decision",
    "verificationResult",
    "exitCode",
    "completion",
    "approvals",
    "stages",
    "agents",
    "violations",
    "errorBudget",
    "reasons",
    "nextActions",
    "baseline",
];

/// What differs between what a run left, its record and the calls of its gates, and what it came to when it was judged again.
#[must_use]
pub fn compare(
    (written, before): (&[u8], &BTreeMap<String, Calls>),
    (record, after): (&Record, &BTreeMap<String, Calls>),
) -> Replayed {
    let then: Value = serde_json::from_slice(written).unwrap_or_default();
    let now = serde_json::to_value(record).unwrap_or_default();
    let mut differences = Vec::new();
    for what in DECIDED {
        note(&mut differences, None, what, &then[what], &now[what]);
    }
    let entries = |record: &Value| record["gates"].as_array().cloned().unwrap_or_default();
    let named = |gates: &[Value], id: &Value| gates.iter().find(|gate| gate["id"] == *id).cloned().unwrap_or_default();
    let (was, is) = (entries(&then), entries(&now));
    for entry in &is {
        let id = entry["id"].as_str().unwrap_or_default();
        compare_gate(&mut differences, id, &named(&was, &entry["id"]), entry);
        if let (Some(before), Some(after)) = (before.get(id), after.get(id)) {
            compare_calls(&mut differences, id, before, after);
        }
    }
    for entry in was.iter().filter(|entry| named(&is, &entry["id"]).is_null()) {
        note(&mut differences, entry["id"].as_str(), "outcome", &entry["outcome"], &Value::Null);
    }
    Replayed { differences }
}

fn compare_gate(differences: &mut Vec<Difference>, id: &str, then: &Value, now: &Value) {
    let members = |entry: &Value| entry.as_object().cloned().unwrap_or_default();
    let (before, after) = (members(then), members(now));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    for name in names.filter(|name| !OF_THE_MOMENT.contains(&name.as_str())) {
        note(differences, Some(id), name, &then[name], &now[name]);
    }
}

/// Requests and answers to the byte: the record repeats only what an answer means.
fn compare_calls(differences: &mut Vec<Difference>, id: &str, then: &Calls, now: &Calls) {
    let text = |bytes: &[u8]| Value::String(crate::text::excerpt(&String::from_utf8_lossy(bytes), 200));
    for (index, (before, after)) in then.calls.iter().zip(&now.calls).enumerate() {
        let parts = [
            ("request", &before.request, &after.request),
            ("answer", &before.answer, &after.answer),
            ("notes", &before.notes, &after.notes),
        ];
        for (what, before, after) in parts.into_iter().filter(|(_, before, after)| before != after) {
            let what = if then.calls.len() == 1 { what.to_owned() } else { format!("{what} {index}") };
            differences.push(Difference { gate: Some(id.to_owned()), what, then: text(before), now: text(after) });
        }
    }
}

fn note(differences: &mut Vec<Difference>, gate: Option<&str>, what: &str, then: &Value, now: &Value) {
    if then != now {
        let gate = gate.map(str::to_owned);
        differences.push(Difference { gate, what: what.to_owned(), then: then.clone(), now: now.clone() });
    }
}
