//! What a test of agents stands on: a folder, a store, scripts that are agents, and what is left of them.

use std::{
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portcullis::state::{Id, ListKey, Place, State, keys};
use serde_json::{Value, json};

use super::server::Server;
use crate::harness::{Command, Dir, Ended, PASS, Running, answering, hex};

/// What every script begins with. `ME` is the agent's name; `cwd` is the folder of the manifest.
const PRELUDE: &str = r#"
say() { printf '%s\n' "$1"; }
hear() { while IFS= read -r line; do case "$line" in *"$1"*) return 0;; esac; done; exit 9; }
enter() { say "{\"phase\":\"$1\"}"; hear "\"accepted\":\"$1\""; }
offer() { say '{"plan":{"steps":["x"]},"confidence":0.9}'; hear accepted_plan; }
make() { say "{\"output\":\"$1\",\"content\":$2}"; hear '{"checkpoint"'; printf '%s\n' "$line" >> "$ME.kept"; }
error() { say "{\"error\":{\"code\":\"$1\",\"message\":\"m\"}}"; }
stay() { : > "$ME.there"; while ! test -e "$ME.$1"; do say '{"heartbeat":true}'; sleep 0.1; done; }
deeds() { (trap '' TERM INT; while :; do echo x >> "$ME.deeds"; sleep 0.05; done) & }
echo start >> "$ME.starts"
echo $$ > "$ME.pid"
"#;

/// From the start into EXECUTE.
pub(super) const INTO_EXECUTE: &str = r#"
hear started
enter BOOTSTRAP
enter PREFLIGHT
enter PLAN
offer
enter EXECUTE
"#;

/// From EXECUTE to the end.
pub(super) const TO_THE_END: &str = r#"
make beta '{"n":1}'
enter VERIFY
make gamma '{"n":1}'
enter PACKAGE
enter REPORT
say '{"done":true}'
"#;

/// A whole life that goes as it should.
pub(super) fn work() -> String {
    format!("{INTO_EXECUTE}{TO_THE_END}")
}

/// A life that stays in EXECUTE until a test writes `NAME.go`.
pub(super) fn waiting() -> String {
    format!("{INTO_EXECUTE}stay go\n{TO_THE_END}")
}

/// An answer of a gate that saw that rule broken.
pub(super) fn broken(rule: &str) -> String {
    json!({"verdict": "fail", "violations": [{"type": rule, "detail": "seen by a gate"}]}).to_string()
}

/// The content of an output that has the gate which judges it answer `answer`.
pub(super) fn content(answer: &str) -> String {
    format!("'{{\"text\":\"{}\"}}'", hex(answer.as_bytes()))
}

/// Gates that pass, in a stage.
pub(super) fn floor() -> String {
    answering("floor", PASS) + &stage("floor", &["floor"])
}

/// A stage of gates.
pub(super) fn stage(id: &str, gates: &[&str]) -> String {
    format!("[[stage]]\nid = '{id}'\ntype = 'parallel'\ngates = {gates:?}\n")
}

/// The last output of an agent, as evidence.
pub(super) fn output(name: &str, agent: &str, kind: &str) -> String {
    format!("[evidence.{name}]\nagent = '{agent}'\noutput = '{kind}'\n")
}

/// A gate that answers what its evidence, an output made with [`content`], has it answer.
pub(super) fn judging(name: &str, evidence: &str) -> String {
    format!("[gate.{name}]\nmodule = 'parrot-gate.wasm'\ninput = '{evidence}'\n")
}

/// A gate that passes and shows what it was handed.
pub(super) fn looking(name: &str, evidence: &str) -> String {
    format!("[gate.{name}]\nmodule = 'echo.wasm'\ninput = '{evidence}'\n")
}

fn id(text: &str) -> Id {
    Id::parse(text).expect("a name")
}

pub(super) struct Bed {
    pub(super) dir: Dir,
    /// The state, as the manifest has it.
    pub(super) place: String,
    /// The state, as the test sees it.
    pub(super) store: Arc<dyn State>,
    pub(super) server: Option<Arc<Server>>,
}

impl Bed {
    /// The same on both stores, one beside the other.
    pub(super) fn each(check: impl Fn(&Bed) + Sync) {
        thread::scope(|scope| {
            scope.spawn(|| check(&Self::sqlite()));
            if let Some(server) = Server::start() {
                check(&Self::redis(&server));
            }
        });
    }

    pub(super) fn sqlite() -> Self {
        Self::new("state.sqlite", None)
    }

    pub(super) fn redis(server: &Arc<Server>) -> Self {
        Self::new(&server.place(), Some(Arc::clone(server)))
    }

    fn new(place: &str, server: Option<Arc<Server>>) -> Self {
        let dir = Dir::new();
        dir.parrot("gate");
        dir.echo();
        let opened = Place::parse(place, &dir.path(""), &|_| None).expect("a place");
        let store = opened.open(Arc::new(Timestamp::now)).expect("a store");
        Self { dir, place: place.to_owned(), store, server }
    }

    /// An agent that does as `script` says, with more in its table, in a stage of its name; what is appended belongs to
    /// the stage.
    pub(super) fn agent(&self, name: &str, script: &str, more: &str) -> String {
        self.dir.write(format!("{name}.sh"), format!("{PRELUDE}{script}"));
        format!(
            "[agent.{name}]\ncommand = ['/bin/sh', '{name}.sh']\nenv = {{ PATH = '/usr/bin:/bin', ME = '{name}' }}\n\
             {more}\n[[stage]]\nid = '{name}'\ntype = 'agent'\nagent = '{name}'\n"
        )
    }

    pub(super) fn manifest(&self, parts: &[&str]) {
        self.dir.manifest(&format!("state = '{}'\n{}", self.place, parts.concat()));
    }

    pub(super) fn portcullis(&self, arguments: &[&str]) -> Command<'_> {
        self.dir.portcullis(arguments)
    }

    pub(super) fn run(&self) -> Ended {
        self.dir.run()
    }

    pub(super) fn start(&self) -> Running<'_> {
        self.portcullis(&["run"]).start()
    }

    /// One of the commands about agents, with this bed's state.
    pub(super) fn office(&self, arguments: &[&str]) -> Ended {
        self.portcullis(&[&["agent"], arguments, &["--state", &self.place]].concat()).run()
    }

    /// Has `alice` approve whatever there is, and makes her key.
    pub(super) fn with_approver(&self) {
        self.dir.new_key("alice");
        let shown = self.portcullis(&["key", "show", "alice.pub", "--json"]).run().exits(0).json();
        let trust = self.dir.text("trust.toml");
        let more = format!("[approver.alice]\nkeys = [{}]\ngates = [\"*\"]\n", shown["short"]);
        self.dir.write("trust.toml", format!("{trust}{more}"));
    }

    /// `alice` lets an agent start again.
    pub(super) fn reinstate(&self, agent: &str) -> Ended {
        self.office(&["reinstate", agent, "--key", "alice.key", "--trust", "trust.toml", "--reason", "repaired"])
    }

    /// Waits until the agents have come to where they `stay`.
    #[track_caller]
    pub(super) fn are_there(&self, running: &mut Running<'_>, agents: &[&str]) {
        for agent in agents {
            until_there(&format!("{agent} is at work"), running, || self.dir.has(format!("{agent}.there")));
        }
    }

    /// Tells agents something.
    pub(super) fn tell(&self, agents: &[&str], what: &str) {
        agents.iter().for_each(|agent| self.dir.write(format!("{agent}.{what}"), ""));
    }

    /// How often an agent was started.
    pub(super) fn starts(&self, agent: &str) -> usize {
        self.lines(&format!("{agent}.starts"))
    }

    pub(super) fn lines(&self, file: &str) -> usize {
        if self.dir.has(file) { self.dir.text(file).lines().count() } else { 0 }
    }

    pub(super) fn list(&self, key: &ListKey) -> Vec<Value> {
        let page = self.store.read(key, 0, 1_000).expect("a list");
        page.items.iter().map(|item| serde_json::from_slice(&item.value).expect("JSON")).collect()
    }

    /// How an agent fares, as the state has it.
    #[track_caller]
    pub(super) fn snapshot(&self, agent: &str) -> Value {
        let entry = self.store.get(&keys::agent_state(&id(agent))).expect("read").expect("a state");
        serde_json::from_slice(&entry.value).expect("JSON")
    }

    /// The ledger of revocations, as `agent rule` or `agent reinstated`.
    pub(super) fn revocations(&self) -> Vec<String> {
        let word = |entry: &Value| match entry.get("reinstated") {
            Some(reinstated) => format!("{} reinstated", reinstated["agent_id"]),
            None => format!("{} {}", entry["agent_id"], entry["type"]),
        };
        self.list(&keys::revocations()).iter().map(|entry| word(entry).replace('"', "")).collect()
    }

    /// The runs of an agent.
    pub(super) fn history(&self, agent: &str) -> Vec<Value> {
        self.list(&keys::history_runs(&id(agent)))
    }

    /// Who holds the lock of an agent.
    pub(super) fn holder(&self, agent: &str) -> Option<String> {
        self.store.held(&keys::agent_lock(&id(agent))).expect("read").map(|held| held.by)
    }

    /// That all outputs which the host has said it keeps are in the state.
    #[track_caller]
    pub(super) fn has_kept_what_it_said(&self, agent: &str) {
        let file = format!("{agent}.kept");
        if !self.dir.has(&file) {
            return;
        }
        let task = self.history(agent).last().expect("a run")["task"].as_str().expect("a task").to_owned();
        let artifacts = self.list(&keys::task_artifacts(&id(&task)));
        for line in self.dir.text(&file).lines() {
            let said: Value = serde_json::from_str(line).expect("JSON");
            let is_it = |kept: &Value| kept["checkpoint"] == said["checkpoint"];
            assert!(artifacts.iter().any(is_it), "{agent}: {said} is lost: {artifacts:?}");
        }
    }

    /// That nothing of an agent's process group runs, and nothing is done any more that `deeds` did.
    #[track_caller]
    pub(super) fn is_gone(&self, agent: &str) {
        let group = self.dir.text(format!("{agent}.pid")).trim().to_owned();
        let begun = Instant::now();
        while let Some(left) = runs(&group) {
            assert!(begun.elapsed() < Duration::from_secs(5), "{agent}: something is left: {left}");
            thread::sleep(Duration::from_millis(10));
        }
        let deeds = self.lines(&format!("{agent}.deeds"));
        thread::sleep(Duration::from_millis(150));
        assert_eq!(self.lines(&format!("{agent}.deeds")), deeds, "{agent} still does something");
    }
}

/// A process of the group that has not ended. What has ended may still wait to be collected by its parent.
fn runs(group: &str) -> Option<String> {
    let is_of = |stat: &String| {
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        !matches!(fields.next(), Some("Z" | "X")) && fields.nth(1) == Some(group)
    };
    let entries = fs::read_dir("/proc").expect("a system with /proc").flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok()).find(is_of)
}

/// Waits for something that a run brings about before it ends.
#[track_caller]
pub(super) fn until_there(what: &str, running: &mut Running<'_>, holds: impl Fn() -> bool) {
    super::until(what, || {
        let has_ended = running.has_ended();
        let holds = holds();
        assert!(holds || !has_ended, "the run ended before this: {what}");
        holds
    });
}

/// That a process has ended, or does so soon.
#[track_caller]
pub(super) fn process_ends(dir: &Dir, file: &str) {
    let process = dir.text(file).trim().to_owned();
    assert!(process.parse::<u32>().is_ok(), "a process: {process:?}");
    super::until(&format!("process {process} ends"), || {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
    });
}
