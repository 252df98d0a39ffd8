//! What goes wrong below anything that a gate could judge. Whatever has no end ends with the connection, or the server.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use super::{
    Behaviour, State,
    wire::{Request, chunk, head},
};

const GIBIBYTE: u64 = 1 << 30;

/// The bytes that it hides in what is not UTF-8.
const NOT_UTF8: &[u8] = b"{\"a\":\"\xff\xc0\x80\xed\xa0\x80\"}";

/// Answers as no server should; nothing where it was not told to.
pub(super) fn misbehave(connection: &mut TcpStream, request: &Request, state: &State) -> Option<io::Result<()>> {
    Some(match &state.behaviour {
        Behaviour::HangBeforeHeaders => hang(connection),
        Behaviour::HangInBody => starts(connection, &with_length(200)).and_then(|()| hang(connection)),
        Behaviour::HangBetweenEvents => {
            starts_stream(connection).and_then(|()| chunk(connection, &event(1))).and_then(|()| hang(connection))
        }
        Behaviour::Drip => drip(connection, state),
        Behaviour::Endless => starts_stream(connection).and_then(|()| endless(connection, state, event)),
        Behaviour::EndlessEvent => {
            let begin = |connection: &mut TcpStream| chunk(connection, b"id: 1\nevent: status\ndata: ");
            starts_stream(connection)
                .and_then(|()| begin(connection))
                .and_then(|()| endless(connection, state, filling))
        }
        Behaviour::EndlessBody => {
            let head = head(200, &[json(), ("transfer-encoding", "chunked".to_owned())]);
            starts(connection, &format!("{head}\r\n")).and_then(|()| endless(connection, state, filling))
        }
        Behaviour::TenGibibytes => ten_gibibytes(connection, state),
        Behaviour::StatusLineMalformed => starts(connection, "HTTP/9.9 fine\r\nthere you are\r\n\r\n{}"),
        Behaviour::HeaderFlood => header_flood(connection, state),
        Behaviour::NotUtf8 => {
            starts(connection, &with_length(NOT_UTF8.len())).and_then(|()| connection.write_all(NOT_UTF8))
        }
        Behaviour::Redirect(_) if request.path() == "/landed" => return None,
        Behaviour::Redirect(location) => {
            let location = location.replace("PORT", &state.address.port().to_string());
            redirect(connection, location.replace("TARGET", &request.target))
        }
        Behaviour::RedirectLoop => redirect(connection, if request.path() == "/a" { "/b" } else { "/a" }.to_owned()),
        Behaviour::CutInBody => starts(connection, &format!("{}{{\"a\":", with_length(200))),
        Behaviour::CutInStream => starts_stream(connection)
            .and_then(|()| chunk(connection, &event(1)))
            .and_then(|()| starts(connection, "40\r\nid")),
        Behaviour::Echo => echo(connection, request),
        Behaviour::Status(status) => starts(connection, &format!("{}content-length: 0\r\n\r\n", head(*status, &[]))),
        _ => return None,
    })
}

fn starts(connection: &mut TcpStream, text: &str) -> io::Result<()> {
    connection.write_all(text.as_bytes())
}

fn starts_stream(connection: &mut TcpStream) -> io::Result<()> {
    let headers = [("content-type", "text/event-stream".to_owned()), ("transfer-encoding", "chunked".to_owned())];
    starts(connection, &format!("{}\r\n", head(200, &headers)))
}

fn json() -> (&'static str, String) {
    ("content-type", "application/json".to_owned())
}

/// All of a head, for a body of so many bytes.
fn with_length(length: usize) -> String {
    format!("{}\r\n", head(200, &[json(), ("content-length", length.to_string())]))
}

/// Until the other side has had enough, or the server ends.
fn hang(connection: &mut TcpStream) -> io::Result<()> {
    connection.read(&mut [0]).map(|_| ())
}

fn drip(connection: &mut TcpStream, state: &State) -> io::Result<()> {
    let text = format!("{}{{\"services\":[\"memory_system\"]}}", with_length(30));
    for byte in text.bytes() {
        if state.is_over() {
            break;
        }
        connection.write_all(&[byte])?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn event(number: u64) -> Vec<u8> {
    format!("id: {number}\nevent: delta\ndata: {{\"text\":\"on and on\"}}\n\n").into_bytes()
}

fn filling(_: u64) -> Vec<u8> {
    vec![b'a'; 64 << 10]
}

/// Chunks without an end.
fn endless(connection: &mut TcpStream, state: &State, piece: fn(u64) -> Vec<u8>) -> io::Result<()> {
    for number in 2.. {
        let piece = piece(number);
        chunk(connection, &piece)?;
        state.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn ten_gibibytes(connection: &mut TcpStream, state: &State) -> io::Result<()> {
    let zeros = vec![0; 64 << 10];
    let headers = [json(), ("content-length", (10 * GIBIBYTE).to_string())];
    starts(connection, &format!("{}\r\n", head(200, &headers)))?;
    while state.sent.load(Ordering::Relaxed) < 10 * GIBIBYTE {
        connection.write_all(&zeros)?;
        state.sent.fetch_add(zeros.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn header_flood(connection: &mut TcpStream, state: &State) -> io::Result<()> {
    starts(connection, &head(200, &[]))?;
    for number in 0_u64.. {
        let header = format!("x-flood-{number}: {}\r\n", "a".repeat(1_000));
        starts(connection, &header)?;
        state.sent.fetch_add(header.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

fn redirect(connection: &mut TcpStream, location: String) -> io::Result<()> {
    let headers = [("location", location), ("content-length", "0".to_owned())];
    starts(connection, &format!("{}\r\n", head(302, &headers)))
}

fn echo(connection: &mut TcpStream, request: &Request) -> io::Result<()> {
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| serde_json::json!([name, value])).collect();
    let body = String::from_utf8_lossy(&request.body);
    let told =
        serde_json::json!({ "method": request.method, "target": request.target, "headers": headers, "body": body });
    let told = told.to_string();
    let echoed = request.header("authorization").unwrap_or_default().to_owned();
    let headers = [json(), ("x-echo", echoed), ("content-length", told.len().to_string())];
    starts(connection, &format!("{}\r\n{told}", head(200, &headers)))
}
