//! Exchanges with a server of our own, which says exactly the bytes that a test hands it.

mod answers;
mod hostile;
mod redirects;
mod secrets;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        atomic::AtomicBool,
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use super::exchange;
use crate::{
    evidence::{
        secrets::Secrets,
        world::{Place, Seen, World},
    },
    manifest::{Exchange, Hosts, HttpSource, Resume, Template},
};

/// Long enough that a test which waits for it has failed.
const LONG: Duration = Duration::from_secs(120);

/// What the server does with a connection once it has read the request.
type Answer = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// A server that answers one connection after another, as often as it was told what, and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Receiver<String>,
}

impl Server {
    fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, asked) = mpsc::channel();
        thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let _ = tell.send(request(&mut stream));
                answer(&mut stream);
            }
        });
        Self { address, asked }
    }

    /// One that says just this, and closes.
    fn says(answers: &[&str]) -> Self {
        Self::new(answers.iter().map(|answer| says(answer.as_bytes())).collect())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, in lower case.
    fn asked(&self) -> Vec<String> {
        self.asked.try_iter().map(|request| request.to_ascii_lowercase()).collect()
    }
}

fn says(bytes: &[u8]) -> Answer {
    let bytes = bytes.to_vec();
    Box::new(move |stream| {
        let _ = stream.write_all(&bytes);
    })
}

/// Says `first`, and then nothing for as long as the client stays.
fn says_and_waits(first: &str) -> Answer {
    let first = first.to_owned();
    Box::new(move |stream| {
        let _ = stream.write_all(first.as_bytes());
        let _ = stream.read(&mut [0; 1]);
    })
}

/// Says `first`, and then `again` for as long as anybody reads it.
fn says_for_ever(first: &str, again: &[u8], pause: Duration) -> Answer {
    let (first, again) = (first.to_owned(), again.to_vec());
    Box::new(move |stream| {
        let _ = stream.write_all(first.as_bytes());
        while stream.write_all(&again).is_ok() {
            thread::sleep(pause);
        }
    })
}

/// A response that is as long as it says.
fn ok(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The head of a response that ends when the connection does.
fn stream_head() -> &'static str {
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"
}

fn request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0_usize) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return text,
        }
    }
}

fn get(url: &str) -> Exchange {
    Exchange {
        url: template(url),
        method: "GET".to_owned(),
        headers: Vec::new(),
        body: None,
        timeout: LONG,
        max_body: 1 << 20,
        redirects: 5,
        stop_at: None,
        stop_after: None,
        resume: None,
    }
}

fn post(url: &str, body: &str) -> Exchange {
    Exchange { method: "POST".to_owned(), body: Some(template(body)), ..get(url) }
}

fn resuming(exchange: Exchange, resume: Resume) -> Exchange {
    Exchange { resume: Some(resume), ..exchange }
}

fn with(mut exchange: Exchange, headers: &[(&str, &str)]) -> Exchange {
    exchange.headers.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), template(value))));
    exchange
}

fn template(text: &str) -> Template {
    Template::parse(text).expect("a template")
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "TOKEN" => "s3cret-t0ken",
        "LINES" => "a\r\nx-more: b",
        "NUL" => "a\0b",
        "ELSEWHERE" => "@198.51.100.1/",
        _ => return None,
    };
    Some(value.to_owned())
}

/// What comes of `source`, and its document.
fn collect(
    source: &HttpSource,
    hosts: &Hosts,
    resume_from: Option<&str>,
    cancelled: &'static AtomicBool,
) -> (Seen, Value) {
    let world = World { variable: &variable, clock: &|| jiff::Timestamp::UNIX_EPOCH, cancelled };
    let templates = source.exchanges.iter().flat_map(|exchange| {
        let headers = exchange.headers.iter().map(|(_, value)| value);
        headers.chain([&exchange.url]).chain(&exchange.body)
    });
    let secrets = Secrets::read(templates, &[], world).expect("all are set");
    let seen = exchange(source, hosts, resume_from, &Place { world, secrets: &secrets });
    assert!(!seen.document.contains('\n'), "one line: {}", seen.document);
    let document: Value = serde_json::from_str(&seen.document).expect("JSON");
    assert_eq!(document["outcome"], seen.outcome);
    assert_eq!(seen.failure.is_none(), seen.outcome == "completed");
    (seen, document)
}

fn goes_on() -> &'static AtomicBool {
    static GOES_ON: AtomicBool = AtomicBool::new(false);
    &GOES_ON
}

/// One exchange that completes.
fn completed(exchange: Exchange) -> Value {
    let (seen, document) = one(exchange);
    assert_eq!(seen.failure, None);
    document
}

fn one(exchange: Exchange) -> (Seen, Value) {
    let source = HttpSource { exchanges: vec![exchange], sequence: false };
    collect(&source, &Hosts::Loopback, None, goes_on())
}

/// One exchange that fails: its document, after its code and its message were looked at.
fn fails(exchange: Exchange, code: &str, message: &str) -> Value {
    let (seen, document) = one(exchange);
    let failure = seen.failure.expect("a failure");
    assert_eq!(failure.code, code, "{}", failure.message);
    assert!(failure.message.contains(message), "{}", failure.message);
    document
}
