//! What a server answered: the source `http`.

use alloc::{borrow::Cow, collections::BTreeMap, string::String, vec::Vec};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Completed, or_null, text_or_null};

/// One exchange with a server, which answered it, if only with an error.
#[derive(Clone, Debug, Deserialize)]
pub struct Exchange<'a> {
    #[serde(rename = "outcome")]
    _outcome: Completed,
    /// What was asked.
    #[serde(borrow)]
    pub request: Asked<'a>,
    /// The response's status, such as 200; 4xx and 5xx are answers too.
    pub status: u16,
    /// The response's headers by their lower-case names; repeated ones joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// The body as text; none where it is an event stream.
    #[serde(borrow, deserialize_with = "text_or_null")]
    pub body: Option<Cow<'a, str>>,
    /// How long the body was that was read, in bytes.
    pub body_bytes: u64,
    /// Whether there was more of the body than was kept.
    pub body_cut: bool,
    /// The body as it was written, if it is JSON and whole.
    #[serde(borrow, deserialize_with = "or_null")]
    pub json: Option<&'a RawValue>,
    /// The events; none where the body is no event stream.
    #[serde(borrow, deserialize_with = "or_null")]
    pub events: Option<Vec<Event<'a>>>,
    /// Why reading ended.
    pub stopped: Stopped,
}

impl Exchange<'_> {
    /// Whether something of the response is missing that the manifest did not ask to leave out.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.body_cut || self.stopped == Stopped::Cut
    }
}

/// The request of an exchange, without what is secret in it.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked<'a> {
    /// The method, in upper case.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    /// The address, as the manifest writes it.
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    /// The headers by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body, if one was sent.
    #[serde(borrow, deserialize_with = "text_or_null")]
    pub body: Option<Cow<'a, str>>,
    /// The `Last-Event-ID` that was sent, if one was.
    #[serde(borrow, deserialize_with = "text_or_null")]
    pub last_event_id: Option<Cow<'a, str>>,
}

/// One event of an event stream.
#[derive(Clone, Debug, Deserialize)]
pub struct Event<'a> {
    /// The last event ID as of this event: its own, else that of the one before it; none if none had one yet.
    #[serde(borrow, deserialize_with = "text_or_null")]
    pub id: Option<Cow<'a, str>>,
    /// Its name; `message` where the stream gives none.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
    /// Its data.
    #[serde(borrow)]
    pub data: Cow<'a, str>,
    /// Its data as it was written, if that is JSON.
    #[serde(borrow, deserialize_with = "or_null")]
    pub json: Option<&'a RawValue>,
}

/// Why reading a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// It was at its end.
    End,
    /// The event that the manifest waits for was there.
    Event,
    /// There were as many events as the manifest asks for.
    Count,
    /// It was longer than may be kept.
    Cut,
}
