//! What a server answers, as evidence: one exchange, or several of which each may go on where those before it stopped.
//!
//! - `reach` reads a URL and says whether the list of hosts lets a request go there, `line` makes the connection;
//! - `client` sends a request and follows it, in a thread of its own; `heard` takes what comes back, as much as is asked for;
//! - `events` takes a stream of events apart, `document` is what gates see of all that, `trouble` why there is none.

pub(crate) mod client;
mod document;
mod events;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod heard;
pub(crate) mod line;
pub(crate) mod reach;
#[cfg(test)]
mod tests;
pub(crate) mod trouble;

use std::{sync::mpsc, thread, time::Instant};

use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::world::{Failed, Place, Seen};
use crate::{
    manifest::{Exchange, Hosts, HttpSource, Part, Resume, Template},
    text::excerpt,
};
use client::Job;
pub(super) use document::last_event_id;
use document::{Document, Sequence};
use heard::Heard;
use reach::Target;
use trouble::Trouble;

/// The most characters of a URL and of what a server wrote in a message.
const SHOWN: usize = 200;

/// How many pieces of a body may wait to be taken; a server that is faster than that waits as well.
const WAITING: usize = 4;

/// Makes the exchanges of `source` one after another, up to the first that fails. `resume_from` is the id of the last
/// event of the other evidence, for an exchange that resumes it.
///
/// What a server answers is evidence whatever its status is. A failure is `evidence-timeout`, `evidence-refused`,
/// `evidence-unreachable`, `evidence-host-refused`, `evidence-redirect-refused`, `evidence-malformed`,
/// `evidence-interrupted`, `evidence-no-event-id` or `evidence-http-failed`; the document says what was seen before it.
pub(super) fn exchange(source: &HttpSource, hosts: &Hosts, resume_from: Option<&str>, place: &Place<'_>) -> Seen {
    let mut documents: Vec<Document<'_>> = Vec::new();
    let mut failure = None;
    for (index, exchange) in source.exchanges.iter().enumerate() {
        let last_event_id = match exchange.resume {
            None => None,
            Some(Resume::Previous) => documents.iter().rev().find_map(Document::last_event_id).map(str::to_owned),
            Some(Resume::Evidence(_)) => resume_from.map(str::to_owned),
        };
        let started = Instant::now();
        let mut heard = Heard::default();
        let ended = one(exchange, hosts, last_event_id.as_deref(), &mut heard, place);
        let document = Document::new(exchange, last_event_id, &heard, ended.as_ref().err(), place.secrets);
        documents.push(document.took(started.elapsed()));
        if let Err(trouble) = ended {
            let number = if source.sequence { format!("exchange {}, ", index + 1) } else { String::new() };
            failure = Some((trouble.outcome(), failed(&number, exchange, &trouble, place)));
            break;
        }
    }
    let outcome = failure.as_ref().map_or("completed", |(outcome, _)| *outcome);
    let document = match documents.pop() {
        Some(document) if !source.sequence => serde_json::to_string(&document),
        last => {
            documents.extend(last);
            serde_json::to_string(&Sequence { outcome, exchanges: documents })
        }
    };
    Seen { outcome, document: document.unwrap_or_default(), failure: failure.map(|(_, failed)| failed) }
}

/// The message names the URL as it is written: what it stands for may be a secret, and so may what the server wrote.
fn failed(number: &str, exchange: &Exchange, trouble: &Trouble, place: &Place<'_>) -> Failed {
    let url = excerpt(&exchange.url.written, SHOWN);
    let what = excerpt(&place.secrets.hide(&trouble.to_string()), 2 * SHOWN);
    Failed { code: trouble.code(), message: format!("{number}`{url}`: {what}") }
}

fn one(
    exchange: &Exchange,
    hosts: &Hosts,
    last_event_id: Option<&str>,
    heard: &mut Heard,
    place: &Place<'_>,
) -> Result<(), Trouble> {
    let job = job(exchange, hosts, last_event_id, place)?;
    let agent = line::client(hosts.clone(), exchange.timeout);
    let (tell, news) = mpsc::sync_channel(WAITING);
    let asked = agent.clone();
    // The client library blocks, and neither a deadline nor a Ctrl-C reaches into it. So it works in a thread of its own,
    // which owns all that it needs: what does not end in time is left to itself.
    let spawned = thread::Builder::new().name("http".to_owned()).spawn(move || client::send(job, &asked, &tell));
    spawned.map_err(|error| Trouble::Failed(format!("no thread could be started: {error}")))?;
    let ended = heard.listen(exchange, &news, place.world);
    // Closes the connection, and with that ends the thread. It lives on only while a name is looked up or a connection is
    // made, the latter for no longer than the timeout; then it finds the client shut down, and nobody listening.
    agent.shutdown();
    ended
}

/// The request as it is sent.
fn job(exchange: &Exchange, hosts: &Hosts, last_event_id: Option<&str>, place: &Place<'_>) -> Result<Job, Trouble> {
    if exchange.resume.is_some() && last_event_id.is_none() {
        return Err(Trouble::NoEventId);
    }
    let target = Target::parse(&place.secrets.expand(&exchange.url));
    let target = target.map_err(|error| Trouble::Failed(format!("it cannot be asked: {error}")))?;
    if !target.is_in(hosts) {
        return Err(Trouble::HostRefused(target.authority().to_owned()));
    }
    let method = Method::from_bytes(exchange.method.as_bytes());
    let method = method.map_err(|_| Trouble::Failed("its method is none".to_owned()))?;
    let (mut headers, mut private) = (HeaderMap::new(), vec![header::AUTHORIZATION, header::PROXY_AUTHORIZATION]);
    private.extend([header::COOKIE, header::HOST]);
    for (name, value) in &exchange.headers {
        let (name, sent) = header(name, &place.secrets.expand(value))?;
        if has_variable(value) {
            private.push(name.clone());
        }
        headers.append(name, sent);
    }
    if let Some(id) = last_event_id {
        let (name, id) = header("last-event-id", id)?;
        headers.insert(name, id);
    }
    // Without a length, a server would wait for the body of these.
    let empty = matches!(method, Method::POST | Method::PUT | Method::PATCH).then(Vec::new);
    let body = exchange.body.as_ref().map(|body| place.secrets.expand(body).into_bytes()).or(empty);
    Ok(Job {
        target,
        method,
        headers,
        private,
        body,
        body_is_private: exchange.body.as_ref().is_some_and(has_variable),
        hosts: hosts.clone(),
        redirects: exchange.redirects,
        timeout: exchange.timeout,
    })
}

/// A header line. One that would go on in another line is refused: it would send what nobody wrote.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Trouble> {
    let refused = |what: &str| Trouble::Failed(format!("the header `{}` would have {what}", excerpt(name, 100)));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("a name that is none"))?;
    let mut value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| refused("a line break or another control character in its value"))?;
    value.set_sensitive(true);
    Ok((key, value))
}

fn has_variable(template: &Template) -> bool {
    template.parts.iter().any(|part| matches!(part, Part::Env(_)))
}
