//! A server of ours that plays Aetherra on loopback: real sockets, HTTP/1.1, event streams, and one misbehaviour when told.
//!
//! It remembers what it was asked, so that a test can say what was sent, how often, and what never was.

mod aetherra;
mod behaviour;
mod transport;
mod wire;

use std::{
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use serde_json::Value;

pub(crate) use aetherra::{COOKIE, TOKEN};
pub(crate) use behaviour::Behaviour;
pub(crate) use wire::Request;

/// It serves until it is dropped.
pub(crate) struct Server {
    state: Arc<State>,
}

/// What its threads share.
struct State {
    address: SocketAddr,
    behaviour: Behaviour,
    /// What it was asked, in the order in which the requests were read.
    requests: Mutex<Vec<Request>>,
    /// What was stored last.
    memory: Mutex<Option<Value>>,
    /// Every connection, so that no thread outlives the server on one that neither side ends.
    connections: Mutex<Vec<TcpStream>>,
    /// Bytes of bodies without an end that went out.
    sent: AtomicU64,
    over: AtomicBool,
}

impl Server {
    /// Listens at a port that the system gives.
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of loopback");
        let address = listener.local_addr().expect("its address");
        let refuses = behaviour == Behaviour::Refuse;
        let state = Arc::new(State {
            address,
            behaviour,
            requests: Mutex::default(),
            memory: Mutex::default(),
            connections: Mutex::default(),
            sent: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        if !refuses {
            let state = Arc::clone(&state);
            thread::spawn(move || accept(&listener, &state));
        }
        Self { state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.state.address.port()
    }

    /// As a host list has it: `127.0.0.1:PORT`.
    pub(crate) fn authority(&self) -> String {
        self.state.address.to_string()
    }

    /// The URL of a path, which starts with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.state.address)
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// How often a path was asked for, whatever its query.
    pub(crate) fn asked(&self, path: &str) -> usize {
        lock(&self.state.requests).iter().filter(|request| request.path() == path).count()
    }

    /// The first request for a path.
    #[track_caller]
    pub(crate) fn request(&self, path: &str) -> Request {
        let requests = self.requests();
        let found = requests.iter().find(|request| request.path() == path).cloned();
        found.unwrap_or_else(|| panic!("`{path}` was never asked for: {requests:?}"))
    }

    /// How many bytes of a body without an end went out.
    pub(crate) fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        // What it waits for is a connection. Refused where it never listened.
        let _ = TcpStream::connect(self.state.address);
        for connection in lock(&self.state.connections).iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// A thread that failed its test says so itself; what it shared is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for connection in listener.incoming().map_while(Result::ok) {
        if state.is_over() {
            return;
        }
        let _ = connection.set_nodelay(true);
        lock(&state.connections).extend(connection.try_clone());
        let state = Arc::clone(state);
        thread::spawn(move || serve(connection, &state));
    }
}

/// One connection, request after request, until one side has had enough.
fn serve(mut connection: TcpStream, state: &State) {
    let Ok(reading) = connection.try_clone() else { return };
    let mut reading = std::io::BufReader::new(reading);
    while let Some(request) = wire::read(&mut reading) {
        lock(&state.requests).push(request.clone());
        let stays = match transport::misbehave(&mut connection, &request, state) {
            Some(went) => went.and(Ok(false)),
            None => aetherra::answer(&request, state).write(&mut connection),
        };
        if !stays.unwrap_or(false) {
            break;
        }
    }
    let _ = connection.shutdown(Shutdown::Both);
}
