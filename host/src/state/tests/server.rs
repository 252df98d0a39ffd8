//! A real server on loopback, one that says just what it is told, and one that stands between.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::*;

pub(super) const PASSWORD: &str = "hunter2";

const NOT_TESTED: &[u8] =
    b"\n*** NOT TESTED: the state on a Redis server. Neither redis-server nor valkey-server is on this machine. ***\n\n";

/// A server of a test's own; it ends with the test.
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts one, where the machine has one.
    pub(super) fn start() -> Option<Self> {
        for _ in 0..10 {
            let mut server = Self::spawn()?;
            if server.answers() {
                return Some(server);
            }
        }
        panic!("no redis-server came up on a free port");
    }

    fn spawn() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        for program in ["redis-server", "valkey-server"] {
            let port = address.port().to_string();
            let mut command = Command::new(program);
            command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--requirepass", PASSWORD, "--dir"]).arg(folder.path());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match command.spawn() {
                Ok(child) => return Some(Self { child, address, _folder: folder }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => panic!("{program}: {error}"),
            }
        }
        static SAID: Once = Once::new();
        // Written past the harness, which would keep it to itself while the test passes.
        SAID.call_once(|| drop(std::io::stderr().write_all(NOT_TESTED)));
        None
    }

    /// Waits until it does, unless it has ended: then somebody else had its port.
    fn answers(&mut self) -> bool {
        while self.child.try_wait().expect("a child").is_none() {
            if TcpStream::connect(self.address).is_ok() && self.raw(&["PING"]).contains("+PONG") {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub(super) fn url(&self) -> String {
        url(self.address)
    }

    /// Says something to it past our client, and gives all that it says.
    pub(super) fn raw(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        let mut said = format!("AUTH {PASSWORD}\r\n*{}\r\n", words.len());
        for word in words {
            said += &format!("${}\r\n{word}\r\n", word.len());
        }
        stream.write_all(format!("{said}QUIT\r\n").as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub(super) fn url(address: SocketAddr) -> String {
    format!("redis://:${{env:PW}}@{address}/0")
}

/// The environment that [`url`] is read in.
pub(super) fn variable(name: &str) -> Option<String> {
    match name {
        "PW" => Some(PASSWORD.to_owned()),
        "WRONG" => Some("wrong-secret".to_owned()),
        _ => None,
    }
}

/// A store at `address` that does not wait for long: for servers that give it nothing to wait for.
pub(super) fn hasty(address: SocketAddr) -> Redis {
    store(address, Patience { connect: Duration::from_millis(500), answer: Duration::from_millis(300), attempts: 2 })
}

/// A store at `address` that waits as long as a busy machine takes, and asks twice.
pub(super) fn patient(address: SocketAddr) -> Redis {
    store(address, Patience { attempts: 2, ..Patience::default() })
}

fn store(address: SocketAddr, patience: Patience) -> Redis {
    let Ok(Place::Server(address)) = Place::parse(&url(address), Path::new(""), &variable) else { panic!("a server") };
    Redis::new(address, patience).expect("a store")
}

/// What a server does once it has said something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Closes,
    /// Says the same when it is asked anything else.
    Listens,
    /// Says the same for as long as anybody is there.
    GoesOn,
}

/// A server that lets everybody in, and then says `says` to whatever it is asked.
pub(super) fn says(says: &[u8], then: Then) -> SocketAddr {
    let says = says.to_vec();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let says = says.clone();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(b"+OK\r\n");
                while let Ok(1..) = stream.read(&mut [0; 8192]) {
                    while stream.write_all(&says).is_ok() && then == Then::GoesOn {}
                    if then == Then::Closes {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// A server behind which is another one, and which loses answers when it is told to.
pub(super) struct Between {
    pub(super) address: SocketAddr,
    lost: Arc<AtomicUsize>,
}

impl Between {
    pub(super) fn new(behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let lost = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&lost);
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let Ok(far) = TcpStream::connect(behind) else { return };
                let told = Arc::clone(&told);
                let (mut from, mut to) = (near.try_clone().expect("a stream"), far.try_clone().expect("a stream"));
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
                thread::spawn(move || answers(far, near, &told));
            }
        });
        Self { address, lost }
    }

    /// The next answers are lost, and their connections with them; whoever asks is let in all the same.
    pub(super) fn lose(&self, answers: usize) {
        self.lost.store(answers, Ordering::SeqCst);
    }
}

fn answers(mut far: TcpStream, mut near: TcpStream, lost: &AtomicUsize) {
    let mut buffer = [0; 64 << 10];
    while let Ok(read @ 1..) = far.read(&mut buffer) {
        let answer = &buffer[..read];
        let greeting = answer == b"+OK\r\n";
        let less = |left: usize| left.checked_sub(1);
        if !greeting && lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            break;
        }
        if near.write_all(answer).is_err() {
            break;
        }
    }
    let _ = near.shutdown(Shutdown::Both);
}
