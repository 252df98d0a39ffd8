//! A real server of a test's own, and a way to it that can be made slow or cut.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

const NOT_TESTED: &[u8] =
    b"\n*** NOT TESTED: runs of agents on a Redis server. Neither redis-server nor valkey-server is here. ***\n\n";

/// A server that ends with its test.
pub(super) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one; nothing where there is none to start.
    pub(super) fn start() -> Option<Arc<Self>> {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("a folder");
            let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
            let started = ["redis-server", "valkey-server"].iter().find_map(|program| {
                let mut command = Command::new(program);
                command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command
                    .args(["--rdbcompression", "no", "--dir"])
                    .arg(folder.path())
                    .stdin(Stdio::null())
                    .stdout(Stdio::null());
                command.stderr(Stdio::null()).spawn().ok()
            });
            let Some(child) = started else {
                static SAID: Once = Once::new();
                // Written past the harness, which would keep it to itself while the test passes.
                SAID.call_once(|| drop(std::io::stderr().write_all(NOT_TESTED)));
                return None;
            };
            let mut server = Self { child, port, folder };
            while server.child.try_wait().expect("a child").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Arc::new(server));
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("no redis-server came up on a free port");
    }

    /// As a manifest has it.
    pub(super) fn place(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// All that it holds, as it would outlast it.
    pub(super) fn saved(&self) -> Vec<u8> {
        self.does(&["SAVE"]);
        std::fs::read(self.folder.path().join("dump.rdb")).expect("saved")
    }

    /// Has the server do something behind everybody's back.
    pub(super) fn does(&self, words: &[&str]) {
        let words: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let count = words.matches('$').count();
        stream.write_all(format!("*{count}\r\n{words}").as_bytes()).expect("sent");
        let mut answer = [0; 64];
        let length = stream.read(&mut answer).expect("an answer");
        assert!(length > 0 && answer[0] != b'-', "{}", String::from_utf8_lossy(&answer));
    }
}

/// What passes between a host and its server.
#[derive(Default)]
struct Weather {
    /// How long every piece of an answer takes, in milliseconds.
    delay: AtomicU64,
    /// Whether nothing comes through.
    is_cut: AtomicBool,
    is_over: AtomicBool,
}

/// A way to a server on which a test decides.
pub(super) struct Proxy {
    port: u16,
    weather: Arc<Weather>,
}

impl Proxy {
    pub(super) fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (weather, to) = (Arc::new(Weather::default()), server.port);
        let seen = Arc::clone(&weather);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if seen.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // What is cut ends as soon as it is made.
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                for (from, into) in [(&stream, &server), (&server, &stream)] {
                    let (from, into) = (from.try_clone().expect("a copy"), into.try_clone().expect("a copy"));
                    let weather = Arc::clone(&seen);
                    thread::spawn(move || passes_on(from, into, &weather));
                }
            }
        });
        Self { port, weather }
    }

    /// As a manifest has it.
    pub(super) fn place(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// From now on every piece takes that long.
    pub(super) fn delay(&self, delay: Duration) {
        self.weather.delay.store(delay.as_millis().try_into().expect("a short time"), Ordering::Relaxed);
    }

    /// Whether from now on nothing comes through.
    pub(super) fn cut(&self, is_cut: bool) {
        self.weather.is_cut.store(is_cut, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.weather.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn passes_on(mut from: TcpStream, mut into: TcpStream, weather: &Weather) {
    from.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let mut piece = [0; 16 << 10];
    while !weather.is_cut.load(Ordering::Relaxed) && !weather.is_over.load(Ordering::Relaxed) {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                thread::sleep(Duration::from_millis(weather.delay.load(Ordering::Relaxed)));
                if into.write_all(&piece[..length]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = (from.shutdown(Shutdown::Both), into.shutdown(Shutdown::Both));
}
