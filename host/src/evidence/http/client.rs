//! One request on its way: sent, followed where it is redirected, and told about as its response comes in.

use std::{io::Read, sync::mpsc::SyncSender, time::Duration};

use ureq::{
    Agent, Body, Error,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
};

use super::{
    line::{self, MAX_HEAD, TlsFailed},
    reach::Target,
    trouble::Trouble,
};
use crate::manifest::Hosts;

/// How much of a body is told about at once, in bytes.
const PIECE: usize = 16 << 10;

/// A request as it is sent. It holds secrets, and is the sending thread's own.
pub(super) struct Job {
    pub(super) target: Target,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// Headers that are meant for this origin only.
    pub(super) private: Vec<HeaderName>,
    pub(super) body: Option<Vec<u8>>,
    /// Whether the body is meant for this origin only.
    pub(super) body_is_private: bool,
    /// Where it may be redirected to.
    pub(super) hosts: Hosts,
    /// How often.
    pub(super) redirects: u32,
    pub(super) timeout: Duration,
}

/// What is heard of a request, in this order; texts are as the server wrote them.
pub(super) enum News {
    /// It leads elsewhere.
    Redirected { status: u16, location: String },
    /// The response begins.
    Answered { status: u16, headers: HeaderMap },
    /// More of its body.
    Bytes(Vec<u8>),
    /// All is said, or nothing more will be.
    Ended(Result<(), Trouble>),
}

/// Nobody listens any more.
struct Unheard;

/// What keeps a request from going on.
enum Stop {
    Trouble(Trouble),
    Unheard,
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Unheard> for Stop {
    fn from(_: Unheard) -> Self {
        Self::Unheard
    }
}

/// Sends the request and tells `news` what comes of it, until the end or until nobody listens.
pub(super) fn send(mut job: Job, agent: &Agent, news: &SyncSender<News>) {
    let ended = match follow(&mut job, agent, news) {
        Ok(()) => Ok(()),
        Err(Stop::Trouble(trouble)) => Err(trouble),
        Err(Stop::Unheard) => return,
    };
    let _ = tell(news, News::Ended(ended));
}

fn tell(news: &SyncSender<News>, what: News) -> Result<(), Unheard> {
    news.send(what).map_err(|_| Unheard)
}

fn follow(job: &mut Job, agent: &Agent, news: &SyncSender<News>) -> Result<(), Stop> {
    let most = job.redirects;
    loop {
        let response = job.ask(agent)?;
        // With none allowed, that the server redirects is the answer.
        let location = if most == 0 { None } else { location(&response)? };
        let Some(location) = location else {
            return deliver(response, job.timeout, news);
        };
        let status = response.status();
        tell(news, News::Redirected { status: status.as_u16(), location: location.clone() })?;
        if job.redirects == 0 {
            return Err(Trouble::Failed(format!("it redirects more than {most} times")).into());
        }
        job.redirects -= 1;
        job.turn_to(&location, status)?;
    }
}

/// Where a response leads, if it does.
fn location(response: &Response<Body>) -> Result<Option<String>, Trouble> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let mut locations = response.headers().get_all(header::LOCATION).iter();
    match (locations.next().map(HeaderValue::to_str), locations.next()) {
        (None, _) => Ok(None),
        (Some(Ok(location)), None) => Ok(Some(location.to_owned())),
        _ => Err(Trouble::Malformed("it redirects, and does not say clearly where to".to_owned())),
    }
}

/// Tells the response, a piece of its body at a time. Nothing is set aside for what it says that it will send.
fn deliver(response: Response<Body>, timeout: Duration, news: &SyncSender<News>) -> Result<(), Stop> {
    let (head, body) = response.into_parts();
    tell(news, News::Answered { status: head.status.as_u16(), headers: head.headers })?;
    let mut reader = body.into_reader();
    let mut piece = vec![0; PIECE];
    loop {
        let read = reader.read(&mut piece).map_err(|error| trouble(error.into(), timeout))?;
        if read == 0 {
            return Ok(());
        }
        tell(news, News::Bytes(piece.get(..read).unwrap_or_default().to_vec()))?;
    }
}

impl Job {
    fn ask(&self, agent: &Agent) -> Result<Response<Body>, Trouble> {
        let mut request = Request::new(());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.uri().clone();
        *request.headers_mut() = self.headers.clone();
        let answer = match &self.body {
            Some(body) => agent.run(request.map(|()| body.as_slice())),
            None => agent.run(request),
        };
        answer.map_err(|error| match trouble(error, self.timeout) {
            // It may have no IPv6, and that is tried last.
            Trouble::Unreachable(_) if self.target.is_this_machine() => Trouble::Refused,
            trouble => trouble,
        })
    }

    /// Makes it the request that a redirect asks for.
    fn turn_to(&mut self, location: &str, status: StatusCode) -> Result<(), Trouble> {
        let refused = |why: &str| Trouble::RedirectRefused { location: location.to_owned(), why: why.to_owned() };
        let target = self.target.follow(location).map_err(|error| refused(&error.to_string()))?;
        if self.target.is_secure() && !target.is_secure() {
            return Err(refused("it leads from https to http"));
        }
        if !target.is_in(&self.hosts) {
            return Err(refused("its host is not among those that may be reached; list it under `[network] hosts`"));
        }
        if is_asked_anew(status, &self.method) {
            self.become_get();
        }
        if !self.target.is_same_origin(&target) {
            if self.body.is_some() && self.body_is_private {
                return Err(refused("it would take a body with a variable of the environment in it to another origin"));
            }
            for name in &self.private {
                self.headers.remove(name);
            }
        }
        self.target = target;
        Ok(())
    }

    fn become_get(&mut self) {
        self.method = Method::GET;
        self.body = None;
        for name in [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
            header::CONTENT_LANGUAGE,
            header::TRANSFER_ENCODING,
            header::EXPECT,
        ] {
            self.headers.remove(name);
        }
    }
}

/// Whether what is redirected to is asked for with GET, whatever was sent before.
fn is_asked_anew(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

/// The client library's error as ours.
pub(crate) fn trouble(error: Error, timeout: Duration) -> Trouble {
    use std::io::ErrorKind as Kind;
    match error {
        Error::Timeout(_) => Trouble::Timeout(timeout),
        Error::HostNotFound => Trouble::Unreachable("no address is known for its host".to_owned()),
        Error::Protocol(error) => Trouble::Malformed(format!("its response is no HTTP: {error}")),
        Error::LargeResponseHeader(..) => {
            Trouble::Malformed(format!("the headers of its response are larger than {MAX_HEAD} bytes"))
        }
        Error::BodyStalled => Trouble::Malformed("its response breaks off".to_owned()),
        Error::Other(error) if error.is::<TlsFailed>() => Trouble::Failed(format!("TLS failed: {error}")),
        Error::Io(error) => match error.kind() {
            Kind::ConnectionRefused => Trouble::Refused,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
                Trouble::Unreachable(error.kind().to_string())
            }
            Kind::TimedOut => Trouble::Timeout(timeout),
            kind if line::is_cut(kind) => {
                Trouble::Malformed("the connection was closed before its response was complete".to_owned())
            }
            _ => Trouble::Failed(error.to_string()),
        },
        error => Trouble::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error as Io, ErrorKind};

    use super::*;

    fn job(url: &str) -> Job {
        Job {
            target: Target::parse(url).expect("a target"),
            method: Method::GET,
            headers: HeaderMap::new(),
            private: Vec::new(),
            body: None,
            body_is_private: false,
            hosts: Hosts::Loopback,
            redirects: 1,
            timeout: Duration::ZERO,
        }
    }

    #[test]
    fn a_redirect_never_leaves_tls() {
        for (from, location, expect) in [
            ("https://localhost/", "http://localhost/", Some("redirect_refused")),
            ("https://localhost/", "http://localhost:443/", Some("redirect_refused")),
            ("https://localhost/", "//localhost/", None),
            ("https://localhost/", "/", None),
            ("http://localhost/", "https://localhost/", None),
            ("http://localhost/", "http://127.0.0.1/", None),
            ("http://localhost/", "https://198.51.100.1/", Some("redirect_refused")),
        ] {
            let turned = job(from).turn_to(location, StatusCode::FOUND);
            assert_eq!(turned.err().map(|trouble| trouble.outcome()), expect, "{from} {location}");
        }
    }

    #[test]
    fn every_way_to_fail_has_its_word() {
        let cut = Error::Io(ErrorKind::BrokenPipe.into());
        for (error, expect) in [
            (Error::Io(Io::other(Error::Io(ErrorKind::ConnectionRefused.into()))), "refused"),
            (Error::HostNotFound, "unreachable"),
            (Error::Io(ErrorKind::NetworkUnreachable.into()), "unreachable"),
            (Error::Timeout(ureq::Timeout::Connect), "timeout"),
            (Error::LargeResponseHeader(2, 1), "malformed"),
            (Error::BodyStalled, "malformed"),
            (cut, "malformed"),
            (Error::Io(ErrorKind::PermissionDenied.into()), "failed"),
            (Error::ConnectionFailed, "failed"),
        ] {
            let shown = error.to_string();
            // As it comes out of a body that is read.
            assert_eq!(trouble(error.into_io().into(), Duration::ZERO).outcome(), expect, "{shown}");
        }
    }
}
