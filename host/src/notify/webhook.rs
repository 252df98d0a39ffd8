//! Events to a server: one signed POST an event, made again while it may still go well.
//!
//! Nothing that a server writes is shown, and of a URL nothing but what leads to its host: the rest may be a secret.

use std::time::Duration;

use ureq::{
    Agent,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header},
};

use super::{
    error::OpenError,
    event::Told,
    form,
    queue::{Ended, Queue},
    retry::{Retry, asked},
    sign::Key,
    sink::{Clock, Deliver, Stop},
};
use crate::{
    evidence::{
        World,
        http::{client::trouble, line, reach::Target, trouble::Trouble},
        secrets::Secrets,
    },
    manifest::{Form, Hosts, Template, WebhookSink, origin},
    text::excerpt,
};

/// The longest that one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Headers that a manifest does not set.
const NOT_SET: [HeaderName; 5] =
    [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::CONTENT_TYPE];
const OURS: &str = "x-portcullis-";

/// A server that is told.
pub(super) struct Webhook {
    agent: Agent,
    uri: Uri,
    headers: HeaderMap,
    key: Option<Key>,
    form: Form,
    clock: Clock,
    retry: Retry,
}

/// How one request went that was not taken.
enum Refused {
    /// It may go well later, maybe after what the server asks for.
    ForNow(String, Option<Duration>),
    /// It will not.
    ForGood(String),
}

impl Webhook {
    /// A server that may be reached, of which nothing has been asked yet. Also how a request to it is ended.
    pub(super) fn open(
        plan: &WebhookSink,
        hosts: &Hosts,
        world: World<'_>,
        (clock, retry): (Clock, Retry),
    ) -> Result<(Self, Stop), OpenError> {
        let sink = shown(plan);
        let templates = [&plan.url].into_iter().chain(plan.headers.iter().map(|(_, value)| value)).chain(&plan.secret);
        let secrets = Secrets::read(templates, &[], world)
            .map_err(|failed| OpenError::Variable { sink: sink.clone(), why: failed.message })?;
        let target = Target::parse(&secrets.expand(&plan.url))
            .map_err(|error| OpenError::Url { sink: sink.clone(), why: error.to_string() })?;
        if !target.is_in(hosts) {
            return Err(OpenError::HostRefused(sink));
        }
        let key =
            |secret| Key::new(secrets.expand(secret).as_bytes()).ok_or_else(|| OpenError::EmptySecret(sink.clone()));
        let key = plan.secret.as_ref().map(key).transpose()?;
        let headers = headers(plan, &secrets, &sink)?;
        let agent = line::client(hosts.clone(), TIMEOUT);
        let stop = agent.clone();
        let stop = Box::new(move || {
            // Closes what is open. A request under way ends then, or at its own time.
            stop.clone().shutdown();
            None
        });
        Ok((Self { agent, uri: target.uri().clone(), headers, key, form: plan.form, clock, retry }, stop))
    }

    fn post(&self, told: &Told, body: &str) -> Result<(), Refused> {
        let mut request = Request::new(body.as_bytes());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.sent(told, body);
        let response = self.agent.run(request).map_err(|error| {
            let trouble = trouble(error, TIMEOUT);
            Refused::ForNow(said(&trouble), None)
        })?;
        let status = response.status().as_u16();
        let answer = format!("it answered with the status {status}");
        match status {
            200..=299 => Ok(()),
            300..=399 => Err(Refused::ForGood(format!("{answer}, and redirects are not followed"))),
            429 | 500..=599 => {
                let after = response.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok());
                Err(Refused::ForNow(answer, after.and_then(asked)))
            }
            _ => Err(Refused::ForGood(answer)),
        }
    }

    fn sent(&self, told: &Told, body: &str) -> HeaderMap {
        let mut headers = self.headers.clone();
        let mut insert = |name: &'static str, value: &str| {
            // Digits, hex and words of ours: a value always.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        let seconds = (self.clock)().as_second().to_string();
        insert("content-type", "application/json");
        insert("x-portcullis-event", told.word);
        insert("x-portcullis-delivery", &told.id);
        insert("x-portcullis-timestamp", &seconds);
        if let Some(key) = &self.key {
            insert("x-portcullis-signature", &key.sign(&seconds, body.as_bytes()));
        }
        headers
    }
}

impl Deliver for Webhook {
    fn deliver(&mut self, told: &Told, queue: &Queue) -> Ended {
        let body = form::body(self.form, told);
        let mut attempt = 0;
        loop {
            if queue.is_aborted() {
                return Ended::Left;
            }
            let (why, after) = match self.post(told, &body) {
                Ok(()) => return Ended::Delivered,
                Err(Refused::ForGood(why)) => return Ended::Failed(why),
                Err(Refused::ForNow(why, after)) => (why, after),
            };
            if attempt + 1 >= self.retry.attempts {
                return Ended::Failed(format!("{why}, {} times", self.retry.attempts));
            }
            if !queue.pause(self.retry.wait(attempt, random(), after)) {
                return Ended::Left;
            }
            attempt += 1;
        }
    }
}

/// Where events go, as it is shown: scheme, host and port.
pub(super) fn shown(plan: &WebhookSink) -> String {
    excerpt(origin(&plan.url), 200)
}

fn headers(plan: &WebhookSink, secrets: &Secrets, sink: &str) -> Result<HeaderMap, OpenError> {
    let mut headers = HeaderMap::new();
    if plan.form == Form::Github {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    }
    for (name, value) in &plan.headers {
        let refused = |why| OpenError::Header { sink: sink.to_owned(), header: excerpt(name, 100), why };
        let (name, value) = one(name, value, secrets).map_err(refused)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn one(name: &str, value: &Template, secrets: &Secrets) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "has a name that is none")?;
    if NOT_SET.contains(&name) || name.as_str().starts_with(OURS) {
        return Err("is not set by hand");
    }
    let mut value = HeaderValue::from_bytes(secrets.expand(value).as_bytes())
        .map_err(|_| "would have a line break or another control character in its value")?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Of the trouble its kind alone: its own words may hold what the server wrote, or the URL.
fn said(trouble: &Trouble) -> String {
    let seconds = TIMEOUT.as_secs();
    match trouble {
        Trouble::Timeout(_) => format!("it did not answer within {seconds} s"),
        Trouble::Refused => "the connection was refused".to_owned(),
        Trouble::Unreachable(_) => "it cannot be reached".to_owned(),
        Trouble::Malformed(_) => "its answer broke off, or was no HTTP".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// Without random numbers, the longest wait.
fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}
