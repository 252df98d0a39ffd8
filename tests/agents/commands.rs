//! `portcullis agent`: what people see of agents, and what they may do about them.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use portcullis::{
    agent::{AgentStatus, Phase, PromotionRequest, Snapshot, Spent, Tier},
    govern::{ClarifyRequest, Mail},
    state::{
        Id,
        keys::{self, id_of},
    },
    trust::Time,
};
use serde_json::json;

use super::{bed::Bed, server::Server};
use crate::harness::{Dir, Ended, PASS, answering};

/// The name of the pipeline of these tests.
const PIPELINE: &str = "release";

fn id(text: &str) -> Id {
    Id::parse(text).expect("a name")
}

fn tier(number: u64) -> Tier {
    Tier::new(number).expect("a tier")
}

/// An agent that was started once, with what a terminal would obey in its words.
fn snapshot(agent: &str) -> Snapshot {
    Snapshot {
        agent_id: agent.to_owned(),
        run_id: "r-1".to_owned(),
        status: AgentStatus::Completed,
        phase: Some(Phase::Report),
        tier: tier(1),
        confidence: None,
        reason: Some("it said \u{1b}[31mso\u{202e}".to_owned()),
        errors: Spent::default(),
        offences: 0,
        outputs: Vec::new(),
        verified: true,
        promotion: None,
    }
}

fn put(bed: &Bed, snapshot: &Snapshot) {
    let key = keys::agent_state(&id(&snapshot.agent_id));
    bed.store.put(&key, &serde_json::to_vec(snapshot).expect("JSON"), None).expect("written");
}

/// A manifest of this bed that says all that commands need, with the agent `builder`.
fn manifest(bed: &Bed, file: &str) {
    let head = format!("schema = 1\nname = \"{PIPELINE}\"\ntrust = \"trust.toml\"\nstate = '{}'\n", bed.place);
    let agent = bed.agent("builder", "", "");
    bed.dir.write(file, format!("{head}{}{agent}", super::bed::floor()));
}

/// Has `alice` approve what is called `builder`, and nobody anything else; makes the key of `mallory` too.
fn people(dir: &Dir) {
    dir.new_key("alice");
    dir.new_key("mallory");
    let shown = dir.portcullis(&["key", "show", "alice.pub", "--json"]).run().exits(0).json();
    let trust = dir.text("trust.toml");
    dir.write("trust.toml", format!("{trust}[approver.alice]\nkeys = [{}]\ngates = [\"builder\"]\n", shown["short"]));
}

fn revoked(bed: &Bed, agent: &str) -> bool {
    let shown = bed.office(&["list", "--json", "--trust", "trust.toml"]).exits(0).json();
    let listed = shown.as_array().expect("a list").iter().find(|listed| listed["agent_id"] == agent);
    listed.is_some_and(|listed| !listed["revoked"].is_null())
}

#[test]
fn a_state_in_which_nothing_has_run_lists_nothing() {
    Bed::each(|bed| {
        let ended = bed.office(&["list"]);
        assert_eq!(ended.exits(0).stdout, "AGENT  STATUS  PHASE  TIER  RUN  SEEN  REVOKED\n");
        assert_eq!(bed.office(&["list", "--json"]).exits(0).json(), json!([]));
    });
}

#[test]
fn a_revoked_agent_is_shown_and_let_go_on_by_those_who_may() {
    Bed::each(|bed| {
        people(&bed.dir);
        put(bed, &snapshot("builder"));
        bed.office(&["revoke", "builder", "--reason", "it opened\u{1b}[31m a port"])
            .exits(0)
            .says("revoked builder on");
        assert!(revoked(bed, "builder"));
        bed.office(&["list", "--trust", "trust.toml"]).exits(0).says("token_revoked: it opened");
        let shown = bed.office(&["show", "builder"]);
        shown.exits(0).says("COMPLETED in REPORT, tier 1").says("it said").says("agent reinstate builder --key KEY");

        let reinstate = |agent: &str, key: &str| {
            bed.office(&["reinstate", agent, "--key", key, "--trust", "trust.toml", "--reason", "seen to"])
        };
        reinstate("builder", "mallory.key").exits(4).refuses_with("approver-unknown").says("no approver signed it");
        assert!(revoked(bed, "builder"), "that word does not count");
        reinstate("builder", "alice.key").exits(0).says("1 revocation lifted, signed by alice").says("it opened");
        assert!(!revoked(bed, "builder"));
        assert_eq!(bed.revocations().len(), 2, "nothing of the ledger goes");
        reinstate("builder", "alice.key").exits(0).says("builder is not revoked");
        let shown = bed.office(&["show", "builder", "--json", "--trust", "trust.toml"]).exits(0).json();
        assert_eq!((&shown["revocations"], &shown["snapshot"]["tier"]), (&json!([]), &json!(1)));
        bed.office(&["show", "builder"]).exits(0).says("token_revoked");

        put(bed, &snapshot("other"));
        bed.office(&["revoke", "other", "--reason", "r"]).exits(0);
        reinstate("other", "alice.key").exits(4).refuses_with("approver-unknown").says("may not speak for this agent");
    });
}

#[test]
fn an_agent_that_nobody_has_heard_of_is_told_and_revoked_all_the_same() {
    Bed::each(|bed| {
        people(&bed.dir);
        let signed = ["--key", "alice.key", "--trust", "trust.toml", "--reason", "r"];
        for arguments in [
            &["show", "builder"][..],
            &[&["reinstate", "builder"][..], &signed].concat(),
            &[&["promote", "builder"][..], &signed].concat(),
        ] {
            bed.office(arguments).exits(2).refuses_with("agent-unknown").says("portcullis agent list");
        }
        let clarify = ["clarify", "builder", "--project", PIPELINE, "--objective", "x"];
        bed.office(&clarify).exits(2).refuses_with("agent-has-no-question");
        for name in ["a:b", "", "*", "a b", "\u{1b}"] {
            bed.office(&["show", name]).exits(2);
        }
        let ended = bed.office(&["revoke", "builder", "--reason", "r"]);
        ended.exits(0).says("no agent `builder` has run with this state");
        bed.office(&["show", "builder"]).exits(0).says("it has never run with this state").says("token_revoked");
        assert!(revoked(bed, "builder"));
    });
}

#[test]
fn a_manifest_says_where_the_state_is_and_whose_word_counts() {
    Bed::each(|bed| {
        people(&bed.dir);
        manifest(bed, "portcullis.toml");
        let agent = |arguments: &[&str]| bed.portcullis(&[&["agent"], arguments].concat()).run();
        let signed = ["--key", "alice.key", "--reason", "r"];
        agent(&["show", "builder"]).exits(0).says("it has never run");
        let ended = agent(&["revoke", "builder", "--reason", "r"]);
        assert_eq!(ended.exits(0).stderr, "", "the manifest knows it");
        agent(&[&["reinstate", "builder"][..], &signed].concat()).exits(0);
        assert!(!revoked(bed, "builder"));
        agent(&[&["reinstate", "builder"][..], &signed].concat()).exits(0).says("is not revoked");
        agent(&[&["promote", "builder"][..], &signed].concat()).exits(4).refuses_with("promotion-gates");

        let elsewhere = bed.dir.path("elsewhere");
        fs::create_dir(&elsewhere).expect("a folder");
        let named = bed.dir.path("portcullis.toml").display().to_string();
        bed.dir.write("elsewhere/portcullis.toml", "nothing");
        agent(&["show", "builder", "--manifest", &named]).exits(0);
        agent(&["list", "--manifest", "elsewhere/portcullis.toml"]).exits(2).refuses_with("toml-syntax");
        agent(&["list", "--manifest", "gone.toml"]).exits(2).refuses_with("file-missing");

        bed.dir.write("portcullis.toml", "nothing");
        agent(&["list"]).exits(2).refuses_with("toml-syntax");
        let ended = bed.office(&["revoke", "builder", "--reason", "r"]);
        ended.exits(0).says("no agent `builder` has run");
        let trusted = bed.office(&[&["reinstate", "builder", "--trust", "trust.toml"][..], &signed].concat());
        trusted.exits(0).says("signed by alice");
        fs::remove_file(bed.dir.path("portcullis.toml")).expect("removed");
        bed.office(&["revoke", "builder", "--reason", "r"]).exits(0);
        let nobody = bed.office(&[&["reinstate", "builder"][..], &signed].concat());
        nobody.exits(2).refuses_with("no-trust-file").says("--manifest");
        bed.office(&["clarify", "builder", "--objective", "x"]).exits(2).refuses_with("no-project");
    });
}

#[test]
fn an_agent_goes_up_a_tier_behind_gates_that_passed_and_a_word_that_counts() {
    Bed::each(|bed| {
        people(&bed.dir);
        manifest(bed, "portcullis.toml");
        let promote = |key: &str| {
            let signed = ["agent", "promote", "builder", "--key", key, "--reason", "three clean runs"];
            bed.portcullis(&signed).run()
        };
        let unverified = Snapshot { verified: false, ..snapshot("builder") };
        for (snapshot, key, code) in [
            (unverified, "alice.key", "promotion-gates"),
            (snapshot("builder"), "mallory.key", "approver-unknown"),
            (Snapshot { tier: Tier::HIGHEST, ..snapshot("builder") }, "alice.key", "promotion-step"),
        ] {
            put(bed, &snapshot);
            promote(key).exits(4).refuses_with(code);
        }
        let promotion = Some(PromotionRequest { from: tier(1), to: tier(2), reason: "\u{1b}please".to_owned() });
        put(bed, &Snapshot { promotion, ..snapshot("builder") });
        bed.office(&["show", "builder"]).exits(0).says("asks for    tier 2: ");
        for _ in 0..2 {
            promote("alice.key").exits(0).says("promoted builder from tier 1 to 2, signed by alice");
        }
        let shown = bed.portcullis(&["agent", "show", "builder", "--json"]).run().exits(0).json();
        assert_eq!(shown["grants"].as_array().map(Vec::len), Some(1));
        bed.portcullis(&["agent", "show", "builder"]).run().says("promoted    from tier 1 to 2");
        bed.office(&["show", "builder"]).exits(0).says("signed by alice");
        fs::remove_file(bed.dir.path("portcullis.toml")).expect("removed");
        bed.office(&["show", "builder"]).exits(0).says("does not count: no trust file is named");
    });
}

#[test]
fn a_question_is_shown_and_answered_once() {
    Bed::each(|bed| {
        manifest(bed, "portcullis.toml");
        put(bed, &snapshot("builder"));
        let question = ClarifyRequest {
            trouble: portcullis::agent::Trouble {
                agent_id: "builder".to_owned(),
                run_id: "r-1".to_owned(),
                code: "E\u{1b}1".to_owned(),
                count: 3,
                history: vec!["E1: no".to_owned()],
                outputs: Vec::new(),
                objective: "build".to_owned(),
            },
            at: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        let mail = serde_json::to_vec(&Mail::Clarify(question)).expect("JSON");
        let mailbox = keys::project_broadcast(&id_of(PIPELINE));
        bed.store.append(&mailbox, &mail, None).expect("written");
        let agent = |arguments: &[&str]| bed.portcullis(&[&["agent"], arguments].concat()).run();
        agent(&["show", "builder"]).exits(0).says("came 3 times").says("portcullis agent clarify builder --objective");
        let answer = ["clarify", "builder", "--objective", "without the cache", "--adjust", "a", "--adjust", "b"];
        agent(&[&answer[..], &["--project", "another"]].concat()).exits(2).refuses_with("agent-has-no-question");
        agent(&answer).exits(0).says("for builder: ");
        let told = bed.list(&mailbox);
        let plan = &told.last().expect("a plan")["plan"];
        assert_eq!(plan["adjustments"], json!(["a", "b"]), "{told:?}");
        assert_eq!(plan["clarified_objective"], "without the cache");
        agent(&[&answer[..], &["--project", PIPELINE]].concat()).exits(2).refuses_with("agent-has-no-question");
        assert!(!agent(&["show", "builder"]).exits(0).stdout.contains("answer it"));
    });
}

/// Every command about agents, with what it needs besides a state.
const ALL: [&[&str]; 6] = [
    &["list"],
    &["show", "a"],
    &["revoke", "a", "--reason", "r"],
    &["reinstate", "a", "--key", "own.key", "--trust", "trust.toml", "--reason", "r"],
    &["promote", "a", "--key", "own.key", "--trust", "trust.toml", "--reason", "r"],
    &["clarify", "a", "--project", "p", "--objective", "o"],
];

/// Every command about agents, with `state`, which is none that can be used.
fn each_ends(dir: &Dir, state: &[&str], status: i32, code: &str) -> Vec<Ended> {
    let arguments = ALL.map(|command| [&["agent"], command, state].concat());
    let ended = arguments.map(|arguments| dir.portcullis(&arguments).run());
    ended.iter().for_each(|ended| {
        ended.exits(status).refuses_with(code);
        assert_eq!(ended.stdout, "");
    });
    ended.into()
}

#[test]
fn a_state_that_is_not_there_is_told_and_not_made() {
    let dir = Dir::new();
    for ended in each_ends(&dir, &["--state", "gone/state.sqlite"], 2, "no-state") {
        ended.says("gone/state.sqlite").says("--state");
    }
    assert!(!dir.has("gone"));
    for ended in each_ends(&dir, &[], 2, "no-state") {
        ended.says("home/.local/share/portcullis/state.sqlite");
    }
    assert!(!dir.has("home/.local"));
    dir.portcullis(&["agent", "list"]).without("HOME").run().exits(2).refuses_with("no-state-folder").says("--state");
}

#[test]
fn what_is_no_state_is_left_as_it_is() {
    let dir = Dir::new();
    dir.write("text", "nothing of ours");
    dir.write("empty", "");
    fs::create_dir(dir.path("folder")).expect("a folder");
    for file in ["text", "empty", "folder"] {
        for ended in each_ends(&dir, &["--state", file], 3, "state-foreign") {
            ended.says(file);
        }
    }
    assert_eq!((dir.text("text").as_str(), dir.text("empty").as_str()), ("nothing of ours", ""));
    assert!(!dir.has("text-wal") && !dir.has("empty-wal"));
}

#[test]
fn a_place_that_is_none_is_refused_and_no_password_repeated() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("good", PASS));
    for (state, why) in [
        ("", "it names no file"),
        ("rediss://h", "TLS"),
        ("http://h", "redis://"),
        ("redis://h:0", "port"),
        ("redis://h/x", "database"),
        ("redis://h:1/0?x=hunter2", "do not stand in it"),
        ("${env:HOME}/state", "variable"),
        ("redis://:hunter2@h", "password"),
        ("redis://me:hunter2${env:PW}@h", "password"),
        ("redis://hunter2@h", "password"),
        ("redis://\u{1b}[31m:x@h", "not ASCII"),
    ] {
        for command in [&["run"][..], &["agent", "list"], &["agent", "revoke", "a", "--reason", "r"]] {
            let ended = dir.portcullis(&[command, &["--state", state]].concat()).run();
            ended.exits(2).refuses_with("bad-state").says(why);
            assert!(state.contains('?') || !ended.stderr.contains("hunter2"), "{ended}");
        }
    }
    dir.has_no_artifacts();
    assert!(!dir.has("home/.local/share/portcullis/ledger.sqlite"), "nothing of such a run is kept");
}

#[test]
fn a_server_that_is_not_there_and_a_variable_that_is_not_set_hold_everything_up() {
    let dir = Dir::new();
    each_ends(&dir, &["--state", "redis://127.0.0.1:1/0"], 3, "state-unreachable");
    for ended in each_ends(&dir, &["--state", "redis://me:${env:GONE}@127.0.0.1:1"], 3, "state-env-missing") {
        ended.says("`GONE`");
    }
}

#[test]
fn a_password_comes_from_the_environment_and_is_shown_nowhere() {
    let Some(server) = Server::start() else { return };
    server.does(&["CONFIG", "SET", "requirepass", "hunter2 @:/%"]);
    let dir = Dir::new();
    let state = server.place().replace("redis://", "redis://:${env:PW}@");
    let list = |password: &str| dir.portcullis(&["agent", "list", "--state", &state]).env("PW", password).run();
    list("hunter2 @:/%").exits(0);
    let denied = list("hunter3");
    denied.exits(3).refuses_with("state-denied");
    assert!(!denied.stderr.contains("hunter"), "{denied}");
}

#[test]
fn a_run_without_agents_makes_no_state() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("good", PASS));
    dir.portcullis(&["run", "--state", "below/state.sqlite"]).run().exits(0);
    assert!(!dir.has("below") && !dir.has("home/.local/share/portcullis/state.sqlite"));
    dir.portcullis(&["resume", "last"]).run().exits(0);
    dir.portcullis(&["replay", "last"]).run().exits(0);
}

/// Runs an agent whose manifest names no state, in its own folder, with more arguments.
fn run_with(more: &[&str]) -> (Bed, Ended) {
    let bed = Bed::sqlite();
    let agent = bed.agent("builder", &super::bed::work(), "");
    bed.dir.manifest(&format!("{}{agent}", super::bed::floor()));
    let ended = bed.portcullis(&[&["run"], more].concat()).run();
    (bed, ended)
}

#[test]
fn a_state_that_nothing_names_is_the_users_own() {
    let (bed, ended) = run_with(&[]);
    ended.exits(0);
    let own = bed.dir.path("home/.local/share/portcullis/state.sqlite");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&own), 0o600);
    bed.portcullis(&["agent", "list"]).run().exits(0).says("builder  COMPLETED");
    assert_eq!(bed.office(&["list", "--json"]).exits(0).json(), json!([]), "the other one was not touched");
    bed.portcullis(&["run"]).without("HOME").run().exits(2).refuses_with("no-state-folder").says("--state");
}

#[test]
fn a_state_that_is_named_is_that_of_the_run_and_of_what_resumes_it() {
    let (bed, ended) = run_with(&["--state", "below/state.sqlite"]);
    ended.exits(0);
    bed.portcullis(&["agent", "list", "--state", "below/state.sqlite"]).run().exits(0).says("builder  COMPLETED");
    assert!(!bed.dir.has("home/.local/share/portcullis/state.sqlite"));
    fs::remove_dir_all(bed.dir.path("below")).expect("removed");
    bed.portcullis(&["resume", "last"]).run().exits(0);
    bed.portcullis(&["replay", "last"]).run().exits(0);
    assert!(!bed.dir.has("below"), "a run that had ended needs none");
    bed.portcullis(&["run", "--state", "redis://:${env:GONE}@h"]).run().exits(3).refuses_with("state-env-missing");
    bed.portcullis(&["run", "--state", "trust.toml"]).run().exits(3).refuses_with("state-foreign").says("trust.toml");
    assert!(bed.dir.text("trust.toml").starts_with("schema = 1"));
}

#[test]
fn a_state_is_never_taken_for_an_output() {
    let (bed, ended) = run_with(&["--state", "state.sqlite", "--output", "json=state.sqlite"]);
    ended.exits(2);
    assert!(bed.dir.read("state.sqlite").starts_with(b"SQLite format 3\0"));
}
