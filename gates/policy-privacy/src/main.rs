//! Passes when a chat's server tells its clients its policy, in a header and in an event, and, with privacy on, what it does
//! for their privacy.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

use alloc::collections::BTreeMap;

use portcullis_sdk::{evidence::Exchange, json, prelude::*};

/// The header that tells the policy.
const HEADER: &str = "x-aetherra-policy";
/// The event that does.
const EVENT: &str = "policy";

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Params {
    /// Whether the server was started with privacy on.
    privacy: bool,
    /// What a policy then has to tell.
    privacy_keys: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { privacy: false, privacy_keys: ["dp_enabled", "dp_epsilon"].map(String::from).into() }
    }
}

/// What was collected, under the name that the manifest's `input` gives it.
#[derive(Deserialize)]
struct Input<'a> {
    /// A question to the chat, answered by a stream of events.
    #[serde(borrow)]
    ask: Exchange<'a>,
}

/// What the record keeps beside the checks: the policy as the server wrote it, and so as a text.
#[derive(Serialize)]
struct Details<'a> {
    header: Option<&'a str>,
    event: Option<&'a str>,
}

/// What a policy tells, by name.
type Policy<'a> = BTreeMap<String, &'a RawValue>;

portcullis_sdk::gate!(judge);

fn judge(Request { params, input, .. }: Request<'_, Params, Input<'_>>) -> Result<Ruling, Fault> {
    let Params { privacy, privacy_keys } = params;
    if privacy && privacy_keys.is_empty() {
        return Err(Fault::bad_input("params.privacy_keys: with privacy on, a policy has to tell something"));
    }
    let ask = &input.ask;
    let header = ask.headers.get(HEADER).map(String::as_str);
    let in_header: Option<Policy<'_>> = header.and_then(|text| json::read(text).ok());
    let events: Vec<_> = ask.events.iter().flatten().filter(|event| event.event == EVENT).collect();
    let in_events = events.iter().filter_map(|event| json::read::<Policy<'_>>(event.json?.get()).ok());

    let not_answered = if ask.status == 200 { "answer_cut" } else { "status_not_200" };
    let not_in_header = if header.is_some() { "policy_header_no_object" } else { "policy_header_missing" };
    let ruling = Ruling::new()
        .check_or("answered", ask.status == 200 && !ask.is_cut(), not_answered)
        .check_or("policy_header", in_header.is_some(), not_in_header)
        .check_or("policy_event", !events.is_empty(), "policy_event_missing")
        .details(&Details { header, event: events.first().map(|event| &*event.data) });
    if !privacy {
        return Ok(ruling);
    }
    let policies: Vec<_> = in_header.into_iter().chain(in_events).collect();
    let trouble = privacy_trouble(&policies, &privacy_keys);
    Ok(ruling.check_or("privacy_keys", trouble.is_none(), trouble.unwrap_or_default()))
}

/// The name of what keeps the policies from telling what is done for privacy, if something does: none of them tells all keys,
/// or one of them says of a key that there is no such thing.
fn privacy_trouble(policies: &[Policy<'_>], keys: &[String]) -> Option<&'static str> {
    let is_off = |value: &&RawValue| ["false", "null"].contains(&value.get());
    if policies.iter().any(|policy| keys.iter().any(|key| policy.get(key).is_some_and(is_off))) {
        return Some("privacy_off");
    }
    let tells_all = |policy: &Policy<'_>| keys.iter().all(|key| policy.contains_key(key));
    if policies.iter().any(tells_all) { None } else { Some("privacy_keys_missing") }
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
            ("server-error", "answered", "status_not_200"),
            ("answer-cut", "answered", "answer_cut"),
            ("header-missing", "policy_header", "policy_header_missing"),
            ("header-list", "policy_header", "policy_header_no_object"),
            ("event-missing", "policy_event", "policy_event_missing"),
            ("privacy-keys-apart", "privacy_keys", "privacy_keys_missing"),
            ("privacy-withdrawn-later", "privacy_keys", "privacy_off"),
        ];
        testing::failures(judge, CASES, &cases);
    }

    #[test]
    fn the_record_keeps_the_policy_as_it_was_written() {
        let cases = [
            ("header-no-json", r#"{"header":"redacted; dp=on","event":"{\"scratchpad_policy\": \"redacted\"}"}"#),
            ("everything-missing", r#"{"header":null,"event":null}"#),
        ];
        testing::details(judge, CASES, &cases);
    }

    #[test]
    fn one_policy_has_to_tell_all_keys_and_none_may_deny_one() {
        let cases: [(&[&str], Option<&str>); 12] = [
            (&[r#"{"a":true,"b":8.0}"#], None),
            (&[r#"{"a":0,"b":"","c":null}"#], None),
            (&["{}", r#"{"b":1,"a":1}"#], None),
            (&[r#"{"\u0061":1,"b":1}"#], None),
            (&[], Some("privacy_keys_missing")),
            (&["{}"], Some("privacy_keys_missing")),
            (&[r#"{"a":1}"#], Some("privacy_keys_missing")),
            (&[r#"{"a":1}"#, r#"{"b":1}"#], Some("privacy_keys_missing")),
            (&[r#"{"A":1,"B":1}"#], Some("privacy_keys_missing")),
            (&[r#"{"privacy":{"a":1,"b":1}}"#], Some("privacy_keys_missing")),
            (&[r#"{"a":false,"b":8.0}"#], Some("privacy_off")),
            (&[r#"{"a":true,"b":8.0}"#, r#"{"b":null}"#], Some("privacy_off")),
        ];
        for (texts, expect) in cases {
            let policies: Vec<_> = texts.iter().map(|text| json::read(text).expect("an object")).collect();
            assert_eq!(privacy_trouble(&policies, &["a".into(), "b".into()]), expect, "{texts:?}");
        }
    }
}
