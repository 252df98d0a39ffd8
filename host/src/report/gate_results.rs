//! `gate_results.json`: one entry a gate, for tools that know the go / no-go suite.

use portcullis_sdk::Json;
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny, ser::SerializeMap};
use serde_json::{Map, Value, json};

use super::{Record, is_manual, is_ok, json::pretty};
use crate::decision::{GateOutcome, GateResult, Ruling};

/// The gates of `record` by name, in the manifest's order, behind a `_meta` entry that names `profile`, the plan's name.
///
/// `all_passed` holds on a go in which no gate stands in the way, advisory or not; so it is never green on nothing.
///
/// # Errors
/// Never for a record made by [`Record::new`]; the type is serde_json's.
pub fn gate_results(record: &Record, profile: &str, strict_manual: bool) -> serde_json::Result<String> {
    pretty(&GateResults { record, profile, strict_manual })
}

struct GateResults<'a> {
    record: &'a Record,
    profile: &'a str,
    strict_manual: bool,
}

impl Serialize for GateResults<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let gates = &self.record.gates;
        let all_passed = self.record.decision == Ruling::Go && gates.iter().all(|gate| is_ok(gate, self.strict_manual));
        let seconds = self.record.finished_on.as_millisecond() as f64 / 1_000.0;
        let mut map = serializer.serialize_map(Some(gates.len() + 1))?;
        map.serialize_entry("_meta", &Meta { profile: self.profile, ts: seconds, all_passed })?;
        for gate in gates {
            map.serialize_entry(&gate.gate.name, &Entry::of(gate, self.strict_manual))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Meta<'a> {
    profile: &'a str,
    ts: f64,
    all_passed: bool,
}

#[derive(Serialize)]
struct Entry<'a> {
    ok: bool,
    manual: bool,
    duration_sec: f64,
    details: Details<'a>,
}

/// A gate's details: as it wrote them, or with what the host has to add.
#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Own(&'a Json),
    Extended(Map<String, Value>),
}

impl<'a> Entry<'a> {
    fn of(gate: &'a GateResult, strict_manual: bool) -> Self {
        Self {
            ok: is_ok(gate, strict_manual),
            manual: is_manual(gate),
            duration_sec: (gate.usage.duration.as_secs_f64() * 1_000.0).round() / 1_000.0,
            details: Details::of(gate),
        }
    }
}

impl<'a> Details<'a> {
    fn of(gate: &'a GateResult) -> Self {
        let extra = extra(gate);
        match &gate.details {
            Some(own) if extra.is_empty() && own.get().starts_with('{') && !claims_approval(own) => Self::Own(own),
            own => {
                let mut details = own.as_ref().map(as_object).unwrap_or_default();
                details.retain(|name, _| !APPROVAL.contains(&name.as_str()));
                for (name, value) in extra {
                    // A reason that the gate gives is better than the headline; all else is the host's word.
                    if name != "reason" || !details.contains_key(&name) {
                        details.insert(name, value);
                    }
                }
                Self::Extended(details)
            }
        }
    }
}

/// The details that tell of an approval. Only the host says that there is one.
const APPROVAL: [&str; 2] = ["approved_by", "approval"];

/// Whether a gate's own details tell of an approval, or cannot be searched for it.
fn claims_approval(details: &Json) -> bool {
    #[derive(Deserialize)]
    struct Claims {
        approved_by: Option<IgnoredAny>,
        approval: Option<IgnoredAny>,
    }
    serde_json::from_str(details.get())
        .map_or(true, |Claims { approved_by, approval }| approved_by.is_some() || approval.is_some())
}

/// What the host has to add to the details of a gate that did not simply pass.
fn extra(gate: &GateResult) -> Map<String, Value> {
    let extra = match &gate.outcome {
        GateOutcome::Pass => match &gate.sign_off {
            Some(sign_off) => json!({ "approved_by": sign_off.approver, "approval": sign_off.approval }),
            None => json!({}),
        },
        GateOutcome::Fail => json!({ "reason": gate.headline() }),
        GateOutcome::Review => json!({ "manual_followup": true, "reason": gate.headline() }),
        GateOutcome::NotApplicable => json!({ "not_applicable": true, "reason": gate.headline() }),
        GateOutcome::Skipped(why) | GateOutcome::NotTaken(why) => json!({ "skipped": why }),
        GateOutcome::Fault(fault) => json!({ "fault": { "code": fault.cause.code(), "message": fault.message } }),
    };
    match extra {
        Value::Object(extra) => extra,
        _ => Map::new(),
    }
}

fn as_object(details: &Json) -> Map<String, Value> {
    match serde_json::from_str(details.get()) {
        Ok(Value::Object(details)) => details,
        Ok(other) => Map::from_iter([("value".to_owned(), other)]),
        Err(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{answer, gate},
        judge::{Judgement, Outcome, Usage},
        report::samples::{check_golden, decided, record, review_only, suite},
    };

    #[test]
    fn every_outcome_has_its_entry() {
        let text = gate_results(&record(), "release", false).expect("serializes");
        check_golden("gate_results.json", &text, include_str!("testdata/gate_results.json"));
    }

    #[test]
    fn a_go_whose_review_was_signed_off_has_all_passed() {
        let text = gate_results(&suite(), "test", true).expect("serializes");
        check_golden("suite-results.json", &text, include_str!("testdata/suite-results.json"));
    }

    #[test]
    fn only_the_host_says_that_somebody_approved() {
        for (details, expect) in [
            (r#"{"approved_by":"alice","n":1}"#, json!({ "n": 1 })),
            (r#"{"\u0061pproval":"00","n":1}"#, json!({ "n": 1 })),
            (r#"{"approval":1,"approval":2}"#, json!({})),
            (r#"{"n":{"approval":"mine"}}"#, json!({ "n": { "approval": "mine" } })),
        ] {
            let outcome = Outcome::Answered(answer(&format!(r#"{{"verdict":"pass","details":{details}}}"#)));
            let judgement = Judgement { outcome, usage: Usage::default(), notes: String::new() };
            let record = decided(vec![GateResult::from_judgement(gate("a"), judgement)], false);
            let text = gate_results(&record, "p", false).expect("serializes");
            let json: Value = serde_json::from_str(&text).expect("is JSON");
            assert_eq!(json["a"]["details"], expect, "{details}");
        }
    }

    #[test]
    fn a_review_is_ok_unless_manual_gates_are_strict() {
        for (strict, ok) in [(false, true), (true, false)] {
            let text = gate_results(&review_only(strict), "p", strict).expect("serializes");
            let json: Value = serde_json::from_str(&text).expect("is JSON");
            assert_eq!((&json["hmr_quiesce"]["ok"], &json["hmr_quiesce"]["manual"]), (&json!(ok), &json!(true)));
            assert_eq!(json["hmr_quiesce"]["details"], json!({ "manual_followup": true, "reason": "no audit log" }));
            assert_eq!(json["_meta"]["all_passed"], json!(false), "a review alone is no go");
        }
    }

    #[test]
    fn nothing_is_not_all_passed() {
        let text = gate_results(&decided(Vec::new(), false), "p", false).expect("serializes");
        assert_eq!(
            text,
            "{\n  \"_meta\": {\n    \"profile\": \"p\",\n    \"ts\": 1768003200.12,\n    \"all_passed\": false\n  }\n}\n"
        );
    }
}
