//! One connection to a server: made, let in, asked and answered, each within a time.

use std::{
    io::{self, BufReader, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::resp::{NoReply, Reply, command, reply};
use crate::state::{Address, StateError};

/// How often and how long a server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, at each attempt.
    pub connect: Duration,
    /// For an answer, at each attempt.
    pub answer: Duration,
    /// Attempts in all.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), answer: Duration::from_secs(5), attempts: 3 }
    }
}

impl Patience {
    /// No more than what keeps all attempts within the time for which a server remembers what it has done.
    pub(super) fn bounded(self) -> Self {
        let most = Duration::from_secs(5);
        let least = Duration::from_millis(1);
        Self {
            connect: self.connect.clamp(least, most),
            answer: self.answer.clamp(least, most),
            attempts: self.attempts.clamp(1, 4),
        }
    }
}

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server never saw it; another attempt may.
    Unsent(String),
    /// The server may have seen it.
    Unanswered(String),
    /// The server has seen it, and what came back says nothing.
    Garbled(&'static str),
    /// The server takes nothing now, and did nothing; another attempt may do.
    Busy,
    /// Another attempt would come to the same.
    Settled(StateError),
}

/// A stream that gives up when its time has come, however slowly bytes drip in.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A connection that answers one question after the other.
#[derive(Debug)]
pub(super) struct Line {
    stream: BufReader<Timed>,
}

impl Line {
    /// Connects, names user and password, and chooses the database.
    pub(super) fn open(address: &Address, patience: Patience) -> Result<Self, Trouble> {
        let until = Instant::now() + patience.connect;
        let stream = connect(address, until).map_err(|error| Trouble::Unsent(reason(&error)))?;
        let mut line = Self { stream: BufReader::new(Timed { stream, until }) };
        if let Some(password) = &address.password {
            let mut words: Vec<&[u8]> = vec![b"AUTH"];
            words.extend(address.user.as_deref().map(str::as_bytes));
            words.push(password.as_bytes());
            line.greet(&words, until)?;
        }
        if address.database != 0 {
            line.greet(&[b"SELECT", address.database.to_string().as_bytes()], until)?;
        }
        Ok(line)
    }

    /// Says something that changes nothing but this connection, and is said again on the next one.
    fn greet(&mut self, words: &[&[u8]], until: Instant) -> Result<(), Trouble> {
        match self.exchange(words, until) {
            Ok(Reply::Text(_)) => Ok(()),
            Ok(Reply::Error(said)) if is_busy(&said) => Err(Trouble::Busy),
            // What is said here is not repeated: it may name the password.
            Ok(Reply::Error(_)) if words.first() == Some(&b"SELECT".as_slice()) => {
                Err(Trouble::Settled(StateError::Refused("it has no such database".to_owned())))
            }
            Ok(Reply::Error(_)) => Err(Trouble::Settled(StateError::Denied)),
            Ok(_) => Err(Trouble::Settled(StateError::Protocol("an answer that fits no greeting"))),
            Err(Trouble::Unanswered(why)) => Err(Trouble::Unsent(why)),
            Err(Trouble::Garbled(why)) => Err(Trouble::Settled(StateError::Protocol(why))),
            Err(trouble) => Err(trouble),
        }
    }

    /// Whether it is still there, and silent, as a connection is on which nobody was asked anything.
    pub(super) fn is_quiet(&self) -> bool {
        let stream = &self.stream.get_ref().stream;
        let silent = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        stream.set_nonblocking(true).is_ok()
            && stream.peek(&mut [0]).as_ref().is_err_and(silent)
            && stream.set_nonblocking(false).is_ok()
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&mut self, words: &[&[u8]], patience: Duration) -> Result<Reply, Trouble> {
        self.exchange(words, Instant::now() + patience)
    }

    fn exchange(&mut self, words: &[&[u8]], until: Instant) -> Result<Reply, Trouble> {
        let lost = |error: io::Error| Trouble::Unanswered(reason(&error));
        self.stream.get_mut().until = until;
        self.stream.get_mut().write_all(&command(words)).map_err(lost)?;
        let answer = reply(&mut self.stream).map_err(|error| match error {
            NoReply::Lost(error) => lost(error),
            NoReply::Malformed(why) => Trouble::Garbled(why),
        })?;
        // Whatever comes unasked would be taken for the answer to the next question.
        if self.stream.buffer().is_empty() { Ok(answer) } else { Err(Trouble::Garbled("more than was asked for")) }
    }
}

/// Whether the server said that it takes nothing for the moment.
pub(super) fn is_busy(said: &str) -> bool {
    ["LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN"].iter().any(|code| said.split(' ').next() == Some(code))
}

fn connect(address: &Address, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in resolve(address, until)? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A resolver has no time limit of its own: one that does not answer is left behind.
fn resolve(address: &Address, until: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = address.host.parse() {
        return Ok(vec![SocketAddr::new(ip, address.port)]);
    }
    let name = (address.host.clone(), address.port);
    let (tell, told) = mpsc::channel();
    thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = tell.send(name.to_socket_addrs().map(Iterator::collect));
    })?;
    let left = until.saturating_duration_since(Instant::now());
    told.recv_timeout(left).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "it closed the connection".to_owned()
        }
        _ => crate::files::reason(error),
    }
}
