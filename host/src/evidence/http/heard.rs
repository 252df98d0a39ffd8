//! What was heard of one exchange: as much of it as was asked for, and never more than was allowed.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, header};

use super::{
    client::News,
    events::{Event, Parser},
    trouble::Trouble,
};
use crate::{evidence::world::World, manifest::Exchange};

/// How long a cancelled run goes unnoticed at most.
const LOOK: Duration = Duration::from_millis(50);

/// The most events of one stream. The shortest take six bytes there, and many times that in a document.
const MAX_EVENTS: usize = 100_000;

/// What came in, up to the end or to whatever came in between.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Where the server redirected to, each with the status that said so.
    pub(super) redirects: Vec<(u16, String)>,
    /// The status and the headers of the response, if there was one.
    pub(super) head: Option<(u16, HeaderMap)>,
    /// The body, unless it is a stream of events.
    pub(super) body: Vec<u8>,
    /// The events, if it is.
    pub(super) events: Option<Vec<Event>>,
    /// How many bytes of the body were taken.
    pub(super) bytes: u64,
    /// Why nothing more was waited for: `end`, `event`, `count` or `cut`.
    pub(super) stopped: Option<&'static str>,
    parser: Parser,
    /// What the events take, in bytes; an id counts with each event that it sticks to.
    held: u64,
}

impl Heard {
    /// Listens until all is said that `exchange` asks for, its time is over, or the run is cancelled.
    pub(super) fn listen(
        &mut self,
        exchange: &Exchange,
        news: &Receiver<News>,
        world: World<'_>,
    ) -> Result<(), Trouble> {
        let started = Instant::now();
        while self.stopped.is_none() {
            if world.is_cancelled() {
                return Err(Trouble::Interrupted);
            }
            let left = exchange.timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(Trouble::Timeout(exchange.timeout));
            }
            match news.recv_timeout(left.min(LOOK)) {
                Ok(news) => self.take(exchange, news)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Trouble::Failed("the HTTP client broke down".to_owned()));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, exchange: &Exchange, news: News) -> Result<(), Trouble> {
        match news {
            News::Redirected { status, location } => self.redirects.push((status, location)),
            News::Answered { status, headers } => {
                self.events = is_event_stream(&headers).then(Vec::new);
                self.head = Some((status, headers));
            }
            News::Bytes(bytes) => self.take_bytes(exchange, &bytes),
            News::Ended(ended) => {
                ended?;
                self.stopped = Some("end");
            }
        }
        Ok(())
    }

    fn take_bytes(&mut self, exchange: &Exchange, bytes: &[u8]) {
        let room = usize::try_from(exchange.max_body.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        let allowed = bytes.get(..room).unwrap_or(bytes);
        if self.events.is_some() {
            self.take_events(exchange, allowed);
        } else {
            self.body.extend_from_slice(allowed);
            self.bytes += allowed.len() as u64;
        }
        if self.stopped.is_none() && allowed.len() < bytes.len() {
            self.stopped = Some("cut");
        }
    }

    /// Takes events one by one: what comes behind the one that is waited for is not looked at, in however few pieces the
    /// network brings it.
    fn take_events(&mut self, exchange: &Exchange, mut bytes: &[u8]) {
        while self.stopped.is_none() && !bytes.is_empty() {
            let (used, event) = self.parser.next(bytes);
            self.bytes += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
            if let (Some(event), Some(events)) = (event, &mut self.events) {
                self.held += event.id.as_ref().map_or(0, |id| id.len() as u64) + event.data.len() as u64;
                if self.held > exchange.max_body || events.len() >= MAX_EVENTS {
                    self.stopped = Some("cut");
                    return;
                }
                let is_last = exchange.stop_at.as_ref() == Some(&event.event);
                events.push(event);
                if is_last {
                    self.stopped = Some("event");
                } else if exchange.stop_after.is_some_and(|count| events.len() >= count) {
                    self.stopped = Some("count");
                }
            }
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}
