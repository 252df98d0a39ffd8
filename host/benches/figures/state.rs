//! The shared state: operations a second on each store, and what the heartbeats of 1,000 agents take of a minute.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use jiff::Timestamp;
use portcullis::state::{Clock, Holder, Id, State, keys, open};

use crate::support::{Options, Place, Report, Row, median, ms, timed};

const PART: &str = "7. State";

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    let folder = place.path("state");
    let clock: Clock = Arc::new(Timestamp::now);
    let file = open("state.sqlite", &folder, &|_| None, Arc::clone(&clock)).expect("a state");
    store("SQLite", &*file, options, report);
    let Some(server) = Server::start(place) else {
        eprintln!("no figures of a Redis server: there is no redis-server on this machine");
        return;
    };
    let store_on_server = open(&server.url, &folder, &|_| None, clock).expect("a state");
    while store_on_server.agents().is_err() {
        thread::sleep(Duration::from_millis(10));
    }
    store("Redis on loopback", &*store_on_server, options, report);
}

fn store(name: &str, store: &dyn State, options: &Options, report: &mut Report) {
    operations(name, store, options, report);
    heartbeats(name, store, options, report);
}

fn operations(name: &str, store: &dyn State, options: &Options, report: &mut Report) {
    let agent = id("agent-0");
    let value = vec![b'x'; 500];
    let (state, errors, beat) = (keys::agent_state(&agent), keys::agent_errors(&agent), keys::agent_heartbeat(&agent));
    let (broadcast, lock) = (keys::project_broadcast(&id("bench")), keys::agent_lock(&agent));
    let holder = Holder::new("bench").expect("a name");
    let set = || {
        let there = store.get(&state).expect("read").map(|entry| entry.version);
        store.compare_and_set(&state, there, &value, None).expect("nobody else is at it");
    };
    let (total, most) = (id("total"), u32::MAX);
    let operations: [(&str, &dyn Fn()); 7] = [
        ("put, for a minute", &|| {
            store.put(&beat, &value, None).expect("written");
        }),
        ("put, for ever", &|| {
            store.put(&state, &value, None).expect("written");
        }),
        ("get", &|| {
            store.get(&state).expect("read");
        }),
        ("get and compare-and-set", &set),
        ("count", &|| {
            store.count(&errors, &total, 1, most, None).expect("counted");
        }),
        ("append", &|| {
            store.append(&broadcast, &value, None).expect("added");
        }),
        ("acquire and release", &|| {
            let fence = store.acquire(&lock, &holder).expect("free");
            store.release(&fence).expect("given back");
        }),
    ];
    let count = options.size(1_000, 20);
    for (what, operation) in operations {
        let second = median((0..options.rounds(5)).map(|_| {
            let time = timed(|| (0..count).for_each(|_| operation()));
            count as f64 / time.as_secs_f64()
        }));
        report.add(Row::new(PART, format!("{name}, 500 bytes: {what}"), second, "times/s"));
    }
}

/// Each agent renews its lock and puts its heartbeat under it, one after the other, as often as a minute asks for it.
fn heartbeats(name: &str, store: &dyn State, options: &Options, report: &mut Report) {
    let count = options.size(1_000, 10);
    let agents: Vec<_> = (0..count)
        .map(|number| {
            let agent = id(&format!("agent-{number}"));
            let holder = Holder::new("bench").expect("a name");
            (store.acquire(&keys::agent_lock(&agent), &holder).expect("free"), keys::agent_heartbeat(&agent))
        })
        .collect();
    let round = median((0..options.rounds(5)).map(|_| {
        ms(timed(|| {
            for (fence, heartbeat) in &agents {
                store.renew(fence).expect("held");
                store.put(heartbeat, b"{}", Some(fence)).expect("held");
            }
        }))
    }));
    report.add(Row::new(PART, format!("{name}: heartbeats and locks of {count} agents, once each"), round, "ms"));
    for (fence, _) in &agents {
        store.release(fence).expect("given back");
    }
}

fn id(text: &str) -> Id {
    Id::parse(text).expect("a name")
}

/// A server of this session's own, which keeps nothing.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(place: &Place) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--requirepass", "bench", "--dir"]).arg(place.path("."));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        Some(Self { child, url: format!("redis://:bench@127.0.0.1:{port}/0") })
    }
}
