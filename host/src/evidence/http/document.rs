//! The document that gates see of an exchange.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use ureq::http::{HeaderMap, HeaderName, header};

use super::{events::Event, heard::Heard, trouble::Trouble};
use crate::{
    evidence::{
        decode::{check_depth, document},
        secrets::Secrets,
    },
    manifest::{Exchange, MAX_DEPTH},
};

/// What stands in the place of a header that is nobody's business.
const HIDDEN: &str = "[hidden]";

/// How deep JSON of a server may lie in a document: in an event, in an exchange, in a sequence.
const AROUND: usize = 5;

/// One exchange.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    outcome: &'static str,
    request: Request<'a>,
    status: Option<u16>,
    headers: Option<Map<String, Value>>,
    body: Option<String>,
    body_bytes: u64,
    body_cut: bool,
    json: Option<Box<RawValue>>,
    events: Option<Vec<Shown>>,
    stopped: Option<&'static str>,
    redirects: Vec<Redirect>,
    duration_seconds: f64,
}

/// Several exchanges.
#[derive(Serialize)]
pub(super) struct Sequence<'a> {
    pub(super) outcome: &'static str,
    pub(super) exchanges: Vec<Document<'a>>,
}

/// What was asked, as it is written in the manifest.
#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Map<String, Value>,
    body: Option<&'a str>,
    last_event_id: Option<String>,
}

#[derive(Serialize)]
struct Redirect {
    status: u16,
    location: String,
}

#[derive(Serialize)]
struct Shown {
    id: Option<String>,
    event: String,
    data: String,
    json: Option<Box<RawValue>>,
}

impl<'a> Document<'a> {
    /// What was heard of `exchange`, without a secret.
    pub(super) fn new(
        exchange: &'a Exchange,
        last_event_id: Option<String>,
        heard: &Heard,
        trouble: Option<&Trouble>,
        secrets: &Secrets,
    ) -> Self {
        // What failed before its end is as much a part of something as what was cut off.
        let body_cut = heard.stopped == Some("cut") || (trouble.is_some() && heard.head.is_some());
        let answered = heard.head.is_some() && heard.events.is_none();
        let body = answered.then(|| body(&heard.body, body_cut, secrets));
        let redirect = |(status, location): &(u16, String)| Redirect {
            status: *status,
            location: secrets.hide(location).into_owned(),
        };
        Self {
            outcome: trouble.map_or("completed", Trouble::outcome),
            request: Request::new(exchange, last_event_id, secrets),
            status: heard.head.as_ref().map(|(status, _)| *status),
            headers: heard.head.as_ref().map(|(_, headers)| response_headers(headers, secrets)),
            // What is not UTF-8 is no JSON, whatever it would be with other characters in the place of what is wrong.
            json: body.as_deref().filter(|_| !body_cut && std::str::from_utf8(&heard.body).is_ok()).and_then(json),
            body,
            body_bytes: heard.bytes,
            body_cut,
            events: heard.events.as_ref().map(|events| events.iter().map(|event| Shown::new(event, secrets)).collect()),
            stopped: heard.stopped,
            redirects: heard.redirects.iter().map(redirect).collect(),
            duration_seconds: 0.0,
        }
    }

    /// The same, with how long it took.
    pub(super) fn took(mut self, took: Duration) -> Self {
        // To the microsecond: finer is noise.
        self.duration_seconds = (took.as_secs_f64() * 1e6).round() / 1e6;
        self
    }

    /// The id of the last event, if it has one.
    pub(super) fn last_event_id(&self) -> Option<&str> {
        self.events.as_ref()?.last()?.id.as_deref()
    }
}

impl<'a> Request<'a> {
    fn new(exchange: &'a Exchange, last_event_id: Option<String>, secrets: &Secrets) -> Self {
        let shown = |name: &str, written: &str| {
            let is_secret = HeaderName::from_bytes(name.as_bytes())
                .is_ok_and(|name| [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE].contains(&name));
            Value::from(if is_secret { HIDDEN } else { written })
        };
        let headers = exchange.headers.iter().map(|(name, value)| (name.clone(), shown(name, &value.written)));
        Self {
            method: &exchange.method,
            url: &exchange.url.written,
            headers: headers.collect(),
            body: exchange.body.as_ref().map(|body| body.written.as_str()),
            last_event_id: last_event_id.map(|id| secrets.hide(&id).into_owned()),
        }
    }
}

impl Shown {
    fn new(event: &Event, secrets: &Secrets) -> Self {
        let data = secrets.hide(&event.data).into_owned();
        Self {
            id: event.id.as_ref().map(|id| secrets.hide(id).into_owned()),
            event: secrets.hide(&event.event).into_owned(),
            json: json(&data),
            data,
        }
    }
}

/// Those of a name joined, as they may be read together (RFC 9110, 5.3).
fn response_headers(headers: &HeaderMap, secrets: &Secrets) -> Map<String, Value> {
    let shown = |name: &HeaderName| {
        if *name == header::SET_COOKIE {
            return HIDDEN.to_owned();
        }
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let joined = values.collect::<Vec<_>>().join(", ");
        secrets.hide(&joined).into_owned()
    };
    headers.keys().map(|name| (secrets.hide(name.as_str()).into_owned(), shown(name).into())).collect()
}

fn body(bytes: &[u8], is_cut: bool, secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !is_cut {
        return secrets.hide(&text).into_owned();
    }
    // A cut through a character would stand between the beginning of a secret and the end of the text.
    secrets.hide_cut(text.trim_end_matches('\u{fffd}')).into_owned()
}

/// `text` as JSON in one line, if it is a document that can be read where it will lie.
fn json(text: &str) -> Option<Box<RawValue>> {
    let json = document(text).ok()?.get();
    check_depth(json, MAX_DEPTH - AROUND).ok()?;
    // In JSON, a line break stands only between what means something.
    let line: Cow<'_, str> =
        if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ").into() } else { json.into() };
    RawValue::from_string(line.into_owned()).ok()
}

/// The id of the last event in a document of this kind, wherever it was kept in the meantime: of the last of its
/// exchanges that had an event with one.
pub(in crate::evidence) fn last_event_id(document: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Kept {
        #[serde(default)]
        exchanges: Option<Vec<One>>,
        #[serde(default)]
        events: Option<Vec<Id>>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        events: Option<Vec<Id>>,
    }
    #[derive(Deserialize)]
    struct Id {
        #[serde(default)]
        id: Option<String>,
    }
    let kept: Kept = serde_json::from_str(document.get()).ok()?;
    let exchanges = kept.exchanges.unwrap_or_default().into_iter().map(|one| one.events);
    exchanges.chain([kept.events]).rev().find_map(|events| events?.pop()?.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_id_is_found_in_what_was_kept() {
        for (kept, expect) in [
            (r#"{"events":[{"id":"1"},{"id":"2","data":"x"}]}"#, Some("2")),
            (r#"{"events":[{"id":"1"},{"id":null}]}"#, None),
            (r#"{"events":[]}"#, None),
            (r#"{"events":null}"#, None),
            (r#"{"outcome":"completed","exchanges":[{"events":[{"id":"1"}]},{"events":[{"id":"2"}]}]}"#, Some("2")),
            (r#"{"exchanges":[{"events":[{"id":"1"}]},{"events":null},{"events":[]},{}]}"#, Some("1")),
            (r#"{"exchanges":[]}"#, None),
            (r#"{"events":[{"id":7}]}"#, None),
            (r#"{"events":{"id":"7"}}"#, None),
            ("[]", None),
            ("null", None),
            ("\"7\"", None),
        ] {
            let document: &RawValue = serde_json::from_str(kept).expect("JSON");
            assert_eq!(last_event_id(document).as_deref(), expect, "{kept}");
        }
    }

    #[test]
    fn json_lies_in_a_document_in_one_line_and_never_too_deep() {
        let shown = |text: &str| json(text).map(|json| json.get().to_owned());
        assert_eq!(shown(" {\"a\":\r\n [1.50,\n1e999]}\n").as_deref(), Some("{\"a\":   [1.50, 1e999]}"));
        assert_eq!(shown("{\"a\":\"\n\"}"), None);
        assert_eq!(shown("{} {}"), None);
        assert_eq!(shown(""), None);
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(shown(&nested(MAX_DEPTH - AROUND)).is_some());
        assert!(shown(&nested(MAX_DEPTH - AROUND + 1)).is_none());
        let deepest = format!("{{\"exchanges\":[{{\"events\":[{{\"json\":{}}}]}}]}}", nested(MAX_DEPTH - AROUND));
        assert!(document(&deepest).is_ok());
    }
}
