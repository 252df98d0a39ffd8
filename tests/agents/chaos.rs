//! The six conditions of the pipeline core, alone and in pairs, on both stores, with three agents at once in each run: the
//! outcome is the status that the core gives, and nothing is lost.

use std::sync::Mutex;

use portcullis::{
    govern,
    state::{Fence, Holder, Id, keys},
};
use rusqlite::Connection;

use super::{
    bed::*,
    server::{Proxy, Server},
    *,
};

/// The conditions, and what an agent is revoked for under each; nothing where it is completed all the same.
const CONDITIONS: [(&str, &str); 6] = [
    ("token_revoked", "token_revoked"),
    ("lock_lost", "LOCK_EXPIRED"),
    ("state_corrupted", ""),
    ("heartbeat_timeout", "HEARTBEAT_TIMEOUT"),
    ("error_spike", "ERROR_BUDGET_EXCEEDED"),
    ("network_delay", ""),
];

/// How many runs there are at once: most of their time they wait.
const AT_ONCE: usize = 5;
/// For how long a store answers slowly, or not at all.
const SLOW: Duration = Duration::from_millis(1200);

/// Those that a run is under.
type Conditions = Vec<(&'static str, &'static str)>;

/// Nothing, each condition, and each pair of them.
fn sets() -> Vec<Conditions> {
    let mut sets = vec![Vec::new()];
    for (at, one) in CONDITIONS.iter().enumerate() {
        sets.push(vec![*one]);
        sets.extend(CONDITIONS[at + 1..].iter().map(|other| vec![*one, *other]));
    }
    sets
}

/// Works until it is told, and makes then what trouble it is to make.
fn script() -> String {
    let trouble = "stay chaos\nif test -e \"$ME.error_spike\"; then for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do error \"E$i\"; done; fi\n\
        if test -e \"$ME.heartbeat_timeout\"; then sleep 120; fi\nstay go\n";
    format!("{INTO_EXECUTE}make beta '{{\"at\":1}}'\ndeeds\n{trouble}{TO_THE_END}")
}

struct Scene {
    bed: Bed,
    proxy: Option<Proxy>,
    conditions: Conditions,
    thieves: Mutex<Vec<Fence>>,
}

/// The agents that are under the conditions, and the one that only stands by.
const UNDER: [&str; 2] = ["one", "two"];
const ALL: [&str; 3] = ["one", "two", "three"];

impl Scene {
    fn new(server: Option<&std::sync::Arc<Server>>, conditions: Conditions) -> Self {
        let mut bed = server.map_or_else(Bed::sqlite, Bed::redis);
        let proxy = server.map(|server| Proxy::before(server));
        // The host has its own way to the server; the test keeps the straight one.
        if let Some(proxy) = &proxy {
            bed.place = proxy.place();
        }
        let scene = Self { bed, proxy, conditions, thieves: Mutex::default() };
        let heartbeat = if scene.has("heartbeat_timeout") {
            "heartbeat = '2s'\nlock = '20s'\n"
        } else {
            "heartbeat = '20s'\nlock = '60s'\n"
        };
        let mut agents = String::new();
        for agent in UNDER {
            agents += &scene.bed.agent(agent, &script(), heartbeat);
            for (condition, _) in &scene.conditions {
                scene.bed.dir.write(format!("{agent}.{condition}"), "");
            }
        }
        agents += &scene.bed.agent("three", &script(), "lock = '60s'\n");
        scene.bed.manifest(&[&floor(), &agents]);
        scene
    }

    fn has(&self, condition: &str) -> bool {
        self.conditions.iter().any(|(name, _)| *name == condition)
    }

    /// What an agent may be revoked for.
    fn causes(&self) -> Vec<&str> {
        self.conditions.iter().map(|(_, cause)| *cause).filter(|cause| !cause.is_empty()).collect()
    }

    fn inject(&self) {
        for agent in UNDER {
            let id = Id::parse(agent).expect("a name");
            if self.has("token_revoked") {
                govern::revoke(&*self.bed.store, &id, "by hand", jiff::Timestamp::now()).expect("written");
            }
            if self.has("lock_lost") {
                let holder = Holder::new("another").expect("a name");
                let lock = keys::agent_lock(&id).lasting(Duration::from_secs(120));
                self.thieves.lock().expect("no panic").push(self.bed.store.seize(&lock, &holder).expect("seized"));
            }
            if self.has("state_corrupted") {
                self.bed.corrupt(agent);
            }
        }
        if self.has("network_delay") {
            self.slow_down();
        }
    }

    /// Answers take their time for a while; a file is somebody else's.
    fn slow_down(&self) {
        if let Some(proxy) = &self.proxy {
            proxy.delay(Duration::from_millis(150));
            self.trouble();
            thread::sleep(SLOW / 2);
            proxy.cut(true);
            thread::sleep(SLOW / 2);
            proxy.cut(false);
            proxy.delay(Duration::ZERO);
        } else {
            let rows = Connection::open(self.bed.dir.path("state.sqlite")).expect("a file");
            rows.busy_timeout(Duration::from_secs(20)).expect("set");
            rows.execute_batch("BEGIN EXCLUSIVE").expect("begun");
            self.trouble();
            thread::sleep(SLOW);
            rows.execute_batch("ROLLBACK").expect("given back");
        }
    }

    /// Has the agents make the trouble that is theirs to make. Whoever is to be ended by the host does not end before.
    fn trouble(&self) {
        self.bed.tell(&ALL, "chaos");
        self.bed.tell(if self.causes().is_empty() { &ALL } else { &ALL[2..] }, "go");
    }

    fn play(&self) {
        let told = format!("{:?} on {}", self.conditions, self.bed.place);

        let mut running = self.bed.start();
        self.bed.are_there(&mut running, &ALL);
        self.inject();
        self.trouble();
        let ended = running.wait();

        ended.exits(if self.causes().is_empty() { 0 } else { 1 });
        let record = self.bed.dir.decision();
        for agent in UNDER {
            self.check(agent, of(&record, agent), &told);
        }
        let bystander = of(&record, "three");
        assert_eq!(bystander["status"], "COMPLETED", "{told}: {bystander}");
        for agent in ALL {
            self.bed.is_gone(agent);
            self.bed.has_kept_what_it_said(agent);
            assert_eq!(self.bed.history(agent).len(), 1, "{told}");
        }
        self.bed.portcullis(&["replay", "last"]).run().exits(0);
        self.check_locks(&told);
    }

    fn check(&self, agent: &str, entry: &Value, told: &str) {
        let causes = self.causes();
        assert_eq!(entry["hindrance"], Value::Null, "{told}: {entry}");
        if causes.is_empty() {
            assert_eq!(entry["status"], "COMPLETED", "{told}: {entry}");
        } else {
            assert_eq!(entry["status"], "REVOKED", "{told}: {entry}");
            let cause = entry["revocation"]["type"].as_str().expect("a cause");
            assert!(causes.contains(&cause), "{told}: {entry}");
            assert!(
                self.bed.revocations().contains(&format!("{agent} {cause}")),
                "{told}: {:?}",
                self.bed.revocations()
            );
        }
        // Whoever has lost its lock writes nothing under it any more.
        if !self.has("lock_lost") {
            assert_eq!(self.bed.snapshot(agent)["status"], entry["status"], "{told}");
            assert_eq!(entry["missing"], serde_json::json!([]), "{told}: {entry}");
        }
    }

    /// That nobody has taken a lock from whoever held it, and no lock is left; then, that who was revoked stays so.
    fn check_locks(&self, told: &str) {
        for agent in UNDER {
            let holder = self.has("lock_lost").then(|| "another".to_owned());
            assert_eq!(self.bed.holder(agent), holder, "{told}");
        }
        for fence in self.thieves.lock().expect("no panic").drain(..) {
            self.bed.store.release(&fence).expect("released");
        }
        if self.conditions.len() == 1 && !self.causes().is_empty() {
            // What was garbage by now would hold it up, too; but it is not read before the ledger.
            self.bed.run().exits(3).says("agent-revoked");
            assert_eq!((self.bed.starts("one"), self.bed.starts("two"), self.bed.starts("three")), (1, 1, 2), "{told}");
        }
    }
}

/// Plays all sets, some at once.
fn plays(server: Option<&std::sync::Arc<Server>>) {
    let sets = Mutex::new(sets().into_iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(conditions) = sets.lock().expect("no panic").next() else { return };
                    // A store of their own where agents have one name.
                    let own = server.map(|_| Server::start().expect("a server"));
                    Scene::new(own.as_ref(), conditions).play();
                }
            });
        }
    });
}

#[test]
fn each_condition_and_each_pair_ends_as_it_should_on_a_file() {
    assert_eq!(sets().len(), 1 + 6 + 15);
    plays(None);
}

#[test]
fn each_condition_and_each_pair_ends_as_it_should_on_a_server() {
    plays(Some(&match Server::start() {
        Some(server) => server,
        None => return,
    }));
}
