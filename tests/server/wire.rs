//! HTTP/1.1 as far as the server needs it: a request from the wire, a response onto it.

use std::{
    io::{BufRead, Read as _, Write},
    net::TcpStream,
};

use serde_json::Value;

/// A request as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// With lower-case names, in their order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// The next request; nothing once there is none, or what came is none.
pub(super) fn read(reading: &mut impl BufRead) -> Option<Request> {
    let first = line(reading)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line(reading)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        request.body = chunks(reading)?;
    } else if let Some(length) = request.header("content-length") {
        request.body = take(reading, length.parse().ok()?)?;
    }
    Some(request)
}

fn line(reading: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    match reading.read_line(&mut line) {
        Ok(length) if length > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}

fn take(reading: &mut impl BufRead, length: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    reading.take(length).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == length).then_some(bytes)
}

fn chunks(reading: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let length = u64::from_str_radix(&line(reading)?, 16).ok()?;
        bytes.extend(take(reading, length)?);
        line(reading)?;
        if length == 0 {
            return Some(bytes);
        }
    }
}

/// A response.
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

pub(super) enum Body {
    /// All of it at once, with its length.
    Whole(Vec<u8>),
    /// An event stream, a chunk an event.
    Events(Vec<String>),
}

impl Response {
    pub(super) fn json(status: u16, json: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: Body::Whole(json.to_string().into_bytes()) }
    }

    /// Writes it; whether the connection stays for another.
    pub(super) fn write(&self, connection: &mut TcpStream) -> std::io::Result<bool> {
        let mut head = head(self.status, &self.headers);
        match &self.body {
            Body::Whole(bytes) => {
                head.push_str(&format!("content-length: {}\r\n\r\n", bytes.len()));
                connection.write_all(&[head.as_bytes(), bytes].concat())?;
                Ok(true)
            }
            Body::Events(events) => {
                head.push_str("transfer-encoding: chunked\r\n\r\n");
                connection.write_all(head.as_bytes())?;
                events.iter().try_for_each(|event| chunk(connection, event.as_bytes()))?;
                connection.write_all(b"0\r\n\r\n")?;
                Ok(true)
            }
        }
    }
}

/// The status line and the headers, without the empty line behind them.
pub(super) fn head(status: u16, headers: &[(&str, String)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} {}\r\n{headers}", reason(status))
}

/// A piece of a body that has no length.
pub(super) fn chunk(connection: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    connection.write_all(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        501 => "Not Implemented",
        _ => "Status",
    }
}
