//! Agents that are shell scripts, on both stores, with durations that are short.

mod chaos;
mod hostile;
mod life;
mod memory;
mod office;

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::{
    agent::{
        AgentStatus, Asked, Cause, ErrorBudget, Judged, OutputType, Phase, Report, Revocation, Snapshot, StageStatus,
        Tier,
    },
    evidence::World,
    manifest::Template,
    notify::Notifier,
    state::{Fence, Holder, Id, Page, State, keys},
    trust::Time,
};

const NOT_TESTED: &[u8] =
    b"\n*** NOT TESTED: governed agents on a Redis server. Neither redis-server nor valkey-server is here. ***\n\n";

/// What every script begins with.
const PRELUDE: &str = r#"
say() { printf '%s\n' "$1"; }
hear() { while IFS= read -r line; do case "$line" in *"$1"*) return 0;; esac; done; exit 9; }
enter() { say "{\"phase\":\"$1\"}"; hear "\"accepted\":\"$1\""; }
error() { say "{\"error\":{\"code\":\"$1\",\"message\":\"m\"}}"; }
echo $$ > "$HERE/pid"
"#;

/// From the start into EXECUTE.
const INTO_EXECUTE: &str = r#"
hear started
enter BOOTSTRAP
enter PREFLIGHT
enter PLAN
say '{"plan":{"steps":["x"]},"confidence":0.9}'
hear accepted_plan
enter EXECUTE
"#;

/// From EXECUTE to the end.
const TO_THE_END: &str = r#"
say '{"output":"beta","content":{"made":1}}'
hear checkpoint
enter VERIFY
say '{"output":"gamma","content":{"made":2}}'
hear checkpoint
enter PACKAGE
enter REPORT
say '{"done":true}'
"#;

fn id(text: &str) -> Id {
    Id::parse(text).expect("a name")
}

fn clock() -> Timestamp {
    Timestamp::now()
}

/// A server of a test's own; it ends with the test.
struct Server(Child, String, #[expect(dead_code, reason = "it is removed with the server")] TempDir);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start() -> Option<Self> {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("a folder");
            let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
            let started = ["redis-server", "valkey-server"].iter().find_map(|program| {
                let mut command = Command::new(program);
                command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command.arg("--dir").arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
                command.stderr(Stdio::null()).spawn().ok()
            });
            let Some(child) = started else {
                static SAID: Once = Once::new();
                // Written past the harness, which would keep it to itself while the test passes.
                SAID.call_once(|| drop(std::io::stderr().write_all(NOT_TESTED)));
                return None;
            };
            let mut server = Self(child, format!("redis://127.0.0.1:{port}/0"), folder);
            while server.0.try_wait().expect("a child").is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(server);
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("no redis-server came up on a free port");
    }
}

/// A folder and a store of a test's own.
struct Bed {
    store: Arc<dyn State>,
    folder: TempDir,
    _server: Option<Server>,
}

impl Bed {
    fn each(check: impl Fn(&Bed)) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::state::open("state.sqlite", folder.path(), &|_| None, Arc::new(clock)).expect("a store");
        check(&Bed { store, folder, _server: None });
        if let Some(server) = Server::start() {
            let folder = tempfile::tempdir().expect("a folder");
            let store = crate::state::open(&server.1, folder.path(), &|_| None, Arc::new(clock)).expect("a store");
            check(&Bed { store, folder, _server: Some(server) });
        }
    }

    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::state::open("state.sqlite", folder.path(), &|_| None, Arc::new(clock)).expect("a store");
        Self { store, folder, _server: None }
    }

    fn list(&self, key: &keys::ListKey) -> Vec<serde_json::Value> {
        let Page { items, .. } = self.store.read(key, 0, 100).expect("a list");
        items.iter().map(|item| serde_json::from_slice(&item.value).expect("JSON")).collect()
    }

    fn snapshot(&self, agent: &str) -> Snapshot {
        let entry = self.store.get(&keys::agent_state(&id(agent))).expect("read").expect("a state");
        serde_json::from_slice(&entry.value).expect("a snapshot")
    }

    /// Takes the agent's lock as a fresh driver would: whoever has it has given it back.
    fn is_free(&self, agent: &str) -> bool {
        self.store.held(&keys::agent_lock(&id(agent))).expect("read").is_none()
    }

    fn revoke(&self, agent: &str, run_id: &str) {
        let entry = LedgerEntry::Revoked(revocation(agent, run_id));
        self.store.append(&keys::revocations(), entry.to_json().as_bytes(), None).expect("written");
    }

    fn revocations(&self) -> Vec<String> {
        let types = self.list(&keys::revocations());
        types.iter().filter_map(|entry| Some(entry.get("type")?.as_str()?.to_owned())).collect()
    }
}

fn revocation(agent: &str, run_id: &str) -> Revocation {
    Revocation {
        agent_id: agent.to_owned(),
        run_id: run_id.to_owned(),
        cause: Cause::Token,
        severity: None,
        reason: "by hand".to_owned(),
        phase: None,
        at: Time(clock()),
    }
}

/// What a test may turn.
struct Try<'a> {
    bed: &'a Bed,
    store: Arc<dyn State>,
    name: &'a str,
    run_id: &'a str,
    plan: Assignment,
    patience: Patience,
    judge: &'a (dyn Fn(Asked, &Outputs) -> Judged + Sync),
    believe: bool,
    resumes: bool,
    cancelled: &'static AtomicBool,
    observe: &'a (dyn Fn(&Snapshot) + Sync),
    notifier: Option<&'a Notifier>,
}

fn pass(asked: Asked, _: &Outputs) -> Judged {
    Judged { asked, passed: true, faulted: false, verifies: true, reason: String::new(), reports: Vec::new() }
}

impl<'a> Try<'a> {
    /// An agent that does as `script` says and that all gates pass.
    fn new(bed: &'a Bed, name: &'a str, script: &str) -> Self {
        let here = bed.folder.path().join(name);
        fs::create_dir_all(&here).expect("a folder");
        let text = |text: &str| Template::text(text.to_owned());
        let plan = Assignment {
            argv: vec![text("/bin/sh"), text("-c"), text(&format!("{PRELUDE}{script}"))],
            cwd: here.clone(),
            env: vec![("PATH".to_owned(), text("/usr/bin:/bin")), ("HERE".to_owned(), text(&here.to_string_lossy()))],
            reveal: Vec::new(),
            timeout: Duration::from_secs(60),
            objective: "build it".to_owned(),
            tier: Tier::new(1).expect("a tier"),
            confidence: None,
            heartbeat: Duration::from_secs(30),
            lock: Duration::from_secs(30),
            errors: ErrorBudget::default(),
            gates: Asked::ALL.to_vec(),
            clarify: Some(Duration::ZERO),
        };
        let patience = Patience {
            poll: Duration::from_millis(20),
            answer: Duration::from_secs(10),
            recover: Duration::from_secs(20),
            term: Duration::from_millis(200),
            gentle: Duration::from_secs(10),
            finish: Duration::from_secs(10),
            left: Duration::from_millis(300),
        };
        static GOES_ON: AtomicBool = AtomicBool::new(false);
        let store = Arc::clone(&bed.store);
        Self {
            bed,
            store,
            name,
            run_id: "r-1",
            plan,
            patience,
            judge: &pass,
            believe: false,
            resumes: false,
            cancelled: &GOES_ON,
            observe: &|_| {},
            notifier: None,
        }
    }

    fn drive(&self) -> Driven {
        let believe = self.believe;
        let agent = id(self.name);
        drive(&Stage {
            plan: &self.plan,
            agent: &agent,
            project: &id("p"),
            task: &id(&format!("p.{}", self.name)),
            run_id: self.run_id,
            resumes: self.resumes,
            supervisor: None,
            state: &*self.store,
            notifier: self.notifier,
            world: World {
                variable: &|name| (name == "TOKEN").then(|| "s3cret-value".to_owned()),
                clock: &clock,
                cancelled: self.cancelled,
            },
            judge: self.judge,
            signed: &move |_| if believe { Ok("alice".to_owned()) } else { Err("nobody".to_owned()) },
            observe: &|observed| {
                if let Observed::Fares(snapshot) = observed {
                    (self.observe)(snapshot);
                }
            },
            patience: self.patience,
        })
    }

    fn here(&self) -> PathBuf {
        self.bed.folder.path().join(self.name)
    }

    /// That nothing of the agent's group runs any more. What has ended may still wait to be collected by its parent.
    fn is_gone(&self) -> bool {
        let Ok(text) = fs::read_to_string(self.here().join("pid")) else { return true };
        let group = text.trim();
        let runs = |stat: &str| {
            let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
            fields.next() != Some("Z") && fields.nth(1) == Some(group)
        };
        let names =
            fs::read_dir("/proc").expect("a system with /proc").flatten().map(|entry| entry.path().join("stat"));
        let since = Instant::now();
        let stats: Vec<_> = names.collect();
        // What was killed may take a moment to be gone.
        while stats.iter().any(|stat| fs::read_to_string(stat).is_ok_and(|stat| runs(&stat))) {
            if since.elapsed() > Duration::from_secs(2) {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

fn code(driven: &Driven) -> &str {
    driven.hindrance.as_ref().map_or("", Hindrance::code)
}

fn cause(driven: &Driven) -> &str {
    driven.revocation.as_ref().map_or("", |revocation| revocation.cause.name())
}

/// Waits for what has to come; a test that waits for ever has failed.
fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}
