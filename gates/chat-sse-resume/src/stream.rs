//! One part of an event stream, and the ids of its events.

use portcullis_sdk::{
    evidence::{Event, Exchange},
    prelude::*,
};

/// The events of an exchange; none, if it is no event stream.
pub fn events<'a>(exchange: &'a Exchange<'_>) -> &'a [Event<'a>] {
    exchange.events.as_deref().unwrap_or_default()
}

/// The name of what makes an exchange no event stream that can be judged, if something does.
pub fn trouble(exchange: &Exchange<'_>) -> Option<&'static str> {
    match &exchange.events {
        _ if exchange.status != 200 => Some("status_not_200"),
        _ if exchange.is_cut() => Some("stream_cut"),
        None => Some("no_event_stream"),
        Some(events) if events.is_empty() => Some("no_events"),
        Some(_) => None,
    }
}

/// The id of an event, if it is a whole number, written as one writes it: an id is a text, and a server that is asked with
/// `007` need not know its `7`.
pub fn id(event: &Event<'_>) -> Option<u64> {
    let text = event.id.as_deref()?;
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Whether the id of `next` is one more than that of `event`. One that has none of its own has that of the one before.
pub fn follows(event: &Event<'_>, next: &Event<'_>) -> bool {
    let expected = id(event).and_then(|id| id.checked_add(1));
    expected.is_some() && expected == id(next)
}

/// Whether there are events, each of them with an id, each one more than the one before.
pub fn grow_by_one(events: &[Event<'_>]) -> bool {
    let starts = events.first().and_then(id).is_some();
    starts && events.iter().zip(events.iter().skip(1)).all(|(event, next)| follows(event, next))
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::json;

    use super::*;

    fn grows(ids: &str) -> bool {
        let event = |id: &str| format!(r#"{{"id":{id},"event":"message","data":"","json":null}}"#);
        let text = format!("[{}]", ids.split_whitespace().map(event).collect::<Vec<_>>().join(","));
        grow_by_one(&json::read::<Vec<Event<'_>>>(&text).expect("events"))
    }

    #[test]
    fn ids_are_plain_numbers_and_each_is_one_more_than_the_one_before() {
        for ids in [r#""0""#, r#""0" "1" "2""#, r#""9" "10""#, r#""18446744073709551614" "18446744073709551615""#] {
            assert!(grows(ids), "{ids}");
        }
        let not = [
            "",
            "null",
            r#""1" null"#,
            r#"null "1""#,
            r#""1" "1""#,
            r#""1" "3""#,
            r#""2" "1""#,
            r#""-1" "0""#,
            r#""01" "02""#,
            r#""1" "02""#,
            r#""+1" "2""#,
            r#""\u00201""#,
            r#""1.0""#,
            r#""1e1""#,
            r#""""#,
            r#""one""#,
            r#""١""#,
            r#""18446744073709551615" "18446744073709551616""#,
            r#""18446744073709551615" "0""#,
            r#""99999999999999999999999999999999""#,
        ];
        for ids in not {
            assert!(!grows(ids), "{ids}");
        }
    }
}
