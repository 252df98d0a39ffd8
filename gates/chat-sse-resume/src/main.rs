//! Passes when a chat's event stream comes in order and, asked again with the last id that was seen, goes on right behind it.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod stream;

use portcullis_sdk::{evidence::Exchange, prelude::*};
use stream::{events, follows, grow_by_one, id, trouble};

/// How many events of the stream may come until the policy is told.
const EARLY: usize = 3;

/// The two exchanges, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
struct Input<'a> {
    /// The stream, left before its end.
    #[serde(borrow)]
    first: Exchange<'a>,
    /// The rest of it, asked for with the id of the last event that the first kept.
    #[serde(borrow)]
    resumed: Exchange<'a>,
}

/// What the record keeps beside the checks.
#[derive(Serialize)]
struct Details {
    /// The id of the last event before the break, if it is a number.
    last_id: Option<u64>,
    /// The id of the first one after it.
    resumed_first: Option<u64>,
    /// Whether the ids grow by one from the first event to the last, over the break.
    monotonic: bool,
}

portcullis_sdk::gate!(judge);

fn judge(Request { input, .. }: Request<'_, NoParams, Input<'_>>) -> Ruling {
    let Input { first, resumed } = &input;
    let (before, after) = (events(first), events(resumed));
    let (last, next) = (before.last(), after.first());
    let names: Vec<&str> = before.iter().chain(after).map(|event| &*event.event).collect();
    let early = names.iter().copied().take(before.len().min(EARLY));

    let asked_from = resumed.request.last_event_id.as_deref();
    let asked_rightly = asked_from.is_some() && asked_from == last.and_then(|event| event.id.as_deref());
    let goes_on = last.zip(next).is_some_and(|(last, next)| follows(last, next));
    let (grows, grows_on) = (grow_by_one(before), grow_by_one(after));

    let (last_id, resumed_first) = (last.and_then(id), next.and_then(id));
    Ruling::new()
        .check_or("first_streamed", trouble(first).is_none(), trouble(first).unwrap_or_default())
        .check_or("resumed_streamed", trouble(resumed).is_none(), trouble(resumed).unwrap_or_default())
        .check("status_then_policy", status_then_policy(early))
        .check("usage_before_final", usage_before_final(&names))
        .check("first_ids_grow_by_one", grows)
        .check("resumed_ids_grow_by_one", grows_on)
        .check("asked_from_last_id", asked_rightly)
        .check("resumed_at_next_id", goes_on)
        .summary(format!("resumed at {} after {}", shown(resumed_first), shown(last_id)))
        .details(&Details { last_id, resumed_first, monotonic: grows && grows_on && goes_on })
}

/// The policy is told early, and not before the status.
fn status_then_policy<'a>(mut early: impl Iterator<Item = &'a str>) -> bool {
    early.find(|name| ["status", "policy"].contains(name)) == Some("status") && early.any(|name| name == "policy")
}

/// No `final` comes before the last of the usage is told.
fn usage_before_final(names: &[&str]) -> bool {
    let usage = names.iter().rposition(|name| *name == "usage");
    let end = names.iter().position(|name| *name == "final");
    usage.zip(end).is_some_and(|(usage, end)| usage < end)
}

fn shown(id: Option<u64>) -> String {
    id.map_or_else(|| "no number".into(), |id| id.to_string())
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
            ("first-is-an-error", "first_streamed", "status_not_200"),
            ("resumed-is-partial-content", "resumed_streamed", "status_not_200"),
            ("first-cut", "first_streamed", "stream_cut"),
            ("resumed-cut", "resumed_streamed", "stream_cut"),
            ("resumed-is-no-stream", "resumed_streamed", "no_event_stream"),
            ("resumed-empty", "resumed_streamed", "no_events"),
        ];
        testing::failures(judge, CASES, &cases);
    }

    #[test]
    fn the_record_keeps_where_the_stream_was_left_and_taken_up() {
        let cases = [
            ("in-order", r#"{"last_id":4,"resumed_first":5,"monotonic":true}"#),
            ("id-repeated", r#"{"last_id":3,"resumed_first":4,"monotonic":false}"#),
            ("resumed-too-late", r#"{"last_id":4,"resumed_first":6,"monotonic":false}"#),
            ("resumed-empty", r#"{"last_id":7,"resumed_first":null,"monotonic":false}"#),
        ];
        testing::details(judge, CASES, &cases);
    }

    #[test]
    fn the_policy_is_told_early_and_after_the_status() {
        let cases = [
            ("status policy delta", true),
            ("status delta policy", true),
            ("delta status policy", true),
            ("status policy", true),
            ("status status policy", true),
            ("policy status policy", false),
            ("policy status", false),
            ("status delta delta", false),
            ("delta policy", false),
            ("Status policy", false),
            ("status", false),
            ("", false),
        ];
        for (names, expect) in cases {
            assert_eq!(status_then_policy(names.split(' ')), expect, "{names}");
        }
    }

    #[test]
    fn all_usage_is_told_before_the_end() {
        let cases = [
            ("usage final", true),
            ("usage delta usage final", true),
            ("usage final final", true),
            ("final usage", false),
            ("usage final usage", false),
            ("final usage final", false),
            ("usage", false),
            ("final", false),
            ("", false),
        ];
        for (names, expect) in cases {
            assert_eq!(usage_before_final(&names.split(' ').collect::<Vec<_>>()), expect, "{names}");
        }
    }
}
