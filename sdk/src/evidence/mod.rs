//! What the host collects from servers, commands and folders, as gates read it: the documents of the sources `http`, `command`
//! and `files`.
//!
//! ```
//! use portcullis_sdk::{evidence::Exchange, prelude::*};
//!
//! #[derive(Deserialize)]
//! struct Input<'a> {
//!     #[serde(borrow)]
//!     health: Exchange<'a>,
//! }
//!
//! fn judge(request: Request<'_, NoParams, Input<'_>>) -> Ruling {
//!     Ruling::new().check("health_is_ok", request.input.health.status == 200)
//! }
//! ```
//!
//! Only what ran to its end can be judged, so only that can be read: a document whose `outcome` is another than
//! `completed` (a server that could not be reached, a command that was killed) is a bad input, and so is one that lacks a
//! member. What a completed one says is up to whoever answered: hostile, and a gate's to judge.
//!
//! `duration_seconds` and an exchange's `redirects` are left out: a verdict that hangs on a time is another one next time.
//!
//! A probe is there to see what went wrong, too, and how long it took: [`RunAttempt`] and [`ExchangeAttempts`] read what did
//! not complete as well. No other kind of gate is ever asked about it. [`Files`] is the source `files`.

mod command;
mod exchange;
mod look;
mod seconds;
mod seen;
mod value;

use alloc::{borrow::Cow, boxed::Box, format};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

pub use command::CommandRun;
pub use exchange::{Asked, Event, Exchange, Stopped};
pub use look::{Look, read_part};
pub use seconds::Seconds;
pub use seen::{Entry, ExchangeAttempt, ExchangeAttempts, Files, RunAttempt, Sample, is_sha256, preview};
pub use value::{Members, same};

/// What a server or a command said, for a gate to which it is all one; told apart by `request` and `argv`.
#[derive(Clone, Debug)]
pub enum Collected<'a> {
    /// From a server.
    Exchange(Box<Exchange<'a>>),
    /// From a command.
    Command(Box<CommandRun<'a>>),
}

impl<'a> Collected<'a> {
    /// Whether a document is one of the two, by its members; it may still turn out to be a bad one.
    #[must_use]
    pub fn is(document: &RawValue) -> bool {
        crate::json::read(document.get()).is_ok_and(|marks: Marks<'_>| marks.request.is_some() || marks.argv.is_some())
    }

    /// Whether the server answered 200, or the command exited with 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        match self {
            Self::Exchange(exchange) => exchange.status == 200,
            Self::Command(run) => run.exit_code == 0,
        }
    }

    /// The body, or standard output; none for an event stream.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Exchange(exchange) => exchange.body.as_deref(),
            Self::Command(run) => Some(&run.stdout),
        }
    }

    /// The body as JSON, or what standard output was read as.
    #[must_use]
    pub fn document(&self) -> Option<&'a RawValue> {
        match self {
            Self::Exchange(exchange) => exchange.json,
            Self::Command(run) => run.data,
        }
    }

    /// Whether something of the body, or of standard output, is missing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        match self {
            Self::Exchange(exchange) => exchange.is_cut(),
            Self::Command(run) => run.stdout_cut,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Collected<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let marks: Marks<'_> = crate::json::read(text).map_err(D::Error::custom)?;
        match marks {
            Marks { request: Some(_), argv: None } => crate::json::read(text).map(Self::Exchange),
            Marks { request: None, argv: Some(_) } => crate::json::read(text).map(Self::Command),
            _ => return Err(D::Error::custom("neither an exchange nor a command's run")),
        }
        .map_err(D::Error::custom)
    }
}

/// What only an exchange has, and what only a command's run has.
#[derive(Deserialize)]
struct Marks<'a> {
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    argv: Option<&'a RawValue>,
}

/// The outcome `completed`, the only one whose document can be read.
#[derive(Clone, Copy, Debug)]
struct Completed;

impl<'de> Deserialize<'de> for Completed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let outcome = <Cow<'de, str>>::deserialize(deserializer)?;
        if outcome == "completed" {
            return Ok(Self);
        }
        Err(D::Error::custom(format!("`{outcome}`, and only what completed can be judged")))
    }
}

/// A member that may be null but has to be there: serde takes a missing one for null unless it is asked like this.
fn or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// The same for a text, which stays where it is unless it has escapes.
fn text_or_null<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(or_null(deserializer)?.map(|Text(text)| text))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;
    use crate::json;

    fn exchange() -> Value {
        json!({
            "outcome": "completed",
            "request": {
                "method": "GET", "url": "http://127.0.0.1/s", "headers": {"accept": "text/event-stream"}, "body": null,
                "last_event_id": "40"
            },
            "status": 200, "headers": {"content-type": "text/event-stream"},
            "body": null, "body_bytes": 31, "body_cut": false, "json": null,
            "events": [{"id": "41", "event": "status", "data": "{\"a\": 1.0}", "json": {"a": 1}}],
            "stopped": "count", "redirects": [], "duration_seconds": 0.25
        })
    }

    fn run() -> Value {
        json!({
            "outcome": "completed", "argv": ["./app", "--smoke"], "exit_code": 3, "signal": null,
            "stdout": "[1]\n", "stdout_bytes": 4, "stdout_cut": false, "stderr": "", "stderr_bytes": 0,
            "stderr_cut": false, "data": [1], "duration_seconds": 0.25
        })
    }

    /// What reading `document` says, as `Collected` and so as what it is.
    fn refusal(document: &Value) -> Option<String> {
        json::read::<Collected<'_>>(&document.to_string()).err().map(|error| error.to_string())
    }

    #[test]
    fn an_exchange_is_read_whole_and_stays_where_it_stands() {
        let text = exchange().to_string();
        let exchange: Exchange<'_> = json::read(&text).expect("an exchange");
        let event = &exchange.events.as_deref().expect("a stream")[0];
        assert!(matches!(exchange.request.last_event_id, Some(Cow::Borrowed("40"))));
        assert!(matches!(event.id, Some(Cow::Borrowed("41"))));
        assert_eq!((&*event.event, &*event.data), ("status", "{\"a\": 1.0}"));
        assert_eq!(event.json.map(RawValue::get), Some("{\"a\":1}"));
        assert_eq!(exchange.headers["content-type"], "text/event-stream");
        assert_eq!((exchange.status, exchange.body, exchange.stopped), (200, None, Stopped::Count));
    }

    #[test]
    fn a_member_that_is_missing_is_never_taken_for_null() {
        let optional = ["redirects", "duration_seconds", "signal"];
        for whole in [exchange(), run(), exchange()["request"].clone(), exchange()["events"][0].clone()] {
            for name in whole.as_object().expect("an object").keys() {
                let mut less = whole.clone();
                less.as_object_mut().expect("an object").remove(name);
                let text = less.to_string();
                let refused = match name.as_str() {
                    _ if whole.get("status").is_some() => json::read::<Exchange<'_>>(&text).is_err(),
                    _ if whole.get("argv").is_some() => json::read::<CommandRun<'_>>(&text).is_err(),
                    _ if whole.get("url").is_some() => json::read::<Asked<'_>>(&text).is_err(),
                    _ => json::read::<Event<'_>>(&text).is_err(),
                };
                assert_eq!(refused, !optional.contains(&name.as_str()), "{text}");
            }
        }
    }

    #[test]
    fn only_what_completed_can_be_read() {
        for outcome in ["timeout", "refused", "not_found", "killed", "Completed", "completed ", ""] {
            for mut document in [exchange(), run()] {
                document["outcome"] = outcome.into();
                let expect = format!("outcome: `{outcome}`, and only what completed can be judged");
                assert_eq!(refusal(&document), Some(expect));
            }
        }
    }

    #[test]
    fn values_of_other_types_are_refused() {
        let cases = [
            ("/status", json!("200")),
            ("/status", json!(70_000)),
            ("/status", json!(-1)),
            ("/status", json!(null)),
            ("/headers", json!([])),
            ("/headers", json!({"a": ["b"]})),
            ("/body_cut", json!(null)),
            ("/events", json!({})),
            ("/events/0/id", json!(41)),
            ("/events/0/data", json!({})),
            ("/stopped", json!("timeout")),
            ("/request", json!([])),
            ("/exit_code", json!(null)),
            ("/exit_code", json!(4_294_967_296_u64)),
            ("/stdout", json!(["a"])),
            ("/argv", json!("./app")),
        ];
        for (pointer, value) in cases {
            let mut document = if exchange().pointer(pointer).is_some() { exchange() } else { run() };
            *document.pointer_mut(pointer).expect("it is there") = value.clone();
            assert!(refusal(&document).is_some(), "{pointer} {value}");
        }
    }

    #[test]
    fn exchanges_and_runs_are_told_apart_by_their_members() {
        let both = json!({"request": {}, "argv": []});
        let others = [json!({}), json!([]), json!("completed"), json!(null), json!({"exchanges": [exchange()]}), both];
        for other in others {
            assert!(refusal(&other).is_some(), "{other}");
        }
        let raw = |document: Value| serde_json::value::to_raw_value(&document).expect("JSON");
        for (document, is) in [(exchange(), true), (run(), true), (json!({"services": []}), false), (json!([1]), false)]
        {
            assert_eq!(Collected::is(&raw(document.clone())), is, "{document}");
        }
    }

    #[test]
    fn what_both_say_is_asked_in_one_way() {
        let mut failed = exchange();
        failed["status"] = 503.into();
        failed["body"] = "down".into();
        failed["stopped"] = "cut".into();
        let (failed, run) = (failed.to_string(), run().to_string());
        let failed: Collected<'_> = json::read(&failed).expect("an exchange");
        let run: Collected<'_> = json::read(&run).expect("a run");
        let said = |collected: &Collected<'_>| {
            let document = collected.document().map(|json| json.get().to_owned());
            (collected.succeeded(), collected.is_cut(), collected.text().map(str::to_owned), document)
        };
        assert_eq!(said(&failed), (false, true, Some("down".into()), None));
        assert_eq!(said(&run), (false, false, Some("[1]\n".into()), Some("[1]".into())));
    }
}
