//! One state for several machines: two hosts never drive one agent, and what one of them knows the other one goes by.

use std::time::Instant;

use serde_json::json;

use super::{
    bed::*,
    server::{Proxy, Server},
    *,
};

/// Two machines with one server between them, each with the agent `a` that does as `script` says.
fn machines(script: &str) -> Option<[Bed; 2]> {
    let server = Server::start()?;
    let machines = [Bed::redis(&server), Bed::redis(&server)];
    for bed in &machines {
        bed.manifest(&[&floor(), &bed.agent("a", script, "")]);
    }
    Some(machines)
}

#[test]
fn an_agent_that_one_host_drives_is_driven_by_no_other() {
    let Some([here, there]) = machines(&waiting()) else { return };
    let mut running = here.start();
    here.are_there(&mut running, &["a"]);
    there.run().exits(3).says("agent-busy");
    let record = there.dir.decision();
    let entry = of(&record, "a");
    assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("PENDING"), &json!("agent-busy")), "{entry}");
    assert!(codes(&record).contains(&"agent-busy"));
    assert_eq!((there.starts("a"), here.snapshot("a")["status"].as_str()), (0, Some("RUNNING")));
    here.tell(&["a"], "go");
    running.wait().exits(0);
    there.tell(&["a"], "go");
    there.run().exits(0);
    assert_eq!((here.starts("a"), there.starts("a"), here.history("a").len()), (1, 1, 2));
}

#[test]
fn two_runs_on_one_machine_keep_to_the_same_lock_and_other_agents_do_not_mind() {
    Bed::each(|bed| {
        bed.manifest(&[&floor(), &bed.agent("a", &waiting(), "")]);
        let other = bed.dir.text("portcullis.toml");
        bed.manifest(&[&floor(), &bed.agent("b", &waiting(), "")]);
        bed.dir.write("b.toml", bed.dir.text("portcullis.toml"));
        bed.dir.write("portcullis.toml", other);
        let mut one = bed.start();
        bed.are_there(&mut one, &["a"]);
        let mut two = bed.portcullis(&["run", "b.toml", "--out", "two"]).start();
        bed.are_there(&mut two, &["b"]);
        bed.portcullis(&["run", "--out", "three"]).run().exits(3).says("agent-busy");
        bed.tell(&["a", "b"], "go");
        one.wait().exits(0);
        two.wait().exits(0);
        assert_eq!((bed.starts("a"), bed.starts("b")), (1, 1));
    });
}

#[test]
fn whoever_is_revoked_on_one_machine_is_ended_within_seconds_on_every_other() {
    let working = format!("{INTO_EXECUTE}deeds\nstay go\n{TO_THE_END}");
    let Some([here, there]) = machines(&working) else { return };
    here.manifest(&[&floor(), &here.agent("a", &working, ""), &here.agent("b", &working, "")]);
    let mut running = here.start();
    here.are_there(&mut running, &["a", "b"]);
    let revoked = Instant::now();
    there.office(&["revoke", "a", "--reason", "it opened a port"]).exits(0).says("revoked a");
    until("it is ended", || here.snapshot("a")["status"] == "REVOKED");
    assert!(revoked.elapsed() < Duration::from_secs(20), "{:?}", revoked.elapsed());
    here.is_gone("a");
    here.tell(&["b"], "go");
    running.wait().exits(1).says("no-go");
    let record = here.dir.decision();
    let entry = of(&record, "a");
    assert_eq!(
        (&entry["status"], &entry["revocation"]["type"]),
        (&json!("REVOKED"), &json!("token_revoked")),
        "{entry}"
    );
    assert!(entry["reason"].as_str().is_some_and(|why| why.contains("it opened a port")), "{entry}");
    assert_eq!(of(&record, "b")["status"], "COMPLETED", "nobody else is meant");
    assert_eq!(here.revocations(), ["a token_revoked"], "what stands there is not written again");
    there.run().exits(3).says("agent-revoked");
    assert_eq!((there.starts("a"), here.starts("a")), (0, 1));
    there.office(&["show", "a"]).exits(0).says("it opened a port");
}

#[test]
fn what_an_agent_did_on_one_machine_counts_on_the_other() {
    let breaks = "hear started\nenter BOOTSTRAP\nsay '{\"phase\":\"EXECUTE\"}'\nsleep 60\n";
    let Some([here, there]) = machines(breaks) else { return };
    here.run().exits(1);
    there.run().exits(3).says("agent-revoked");
    assert_eq!(there.starts("a"), 0);
    there.with_approver();
    there.reinstate("a").exits(0);
    there.manifest(&[&floor(), &there.agent("a", &work(), "")]);
    there.run().exits(0);
    // Here nobody knows the approver, whose word thus lifts nothing.
    here.run().exits(3).says("agent-revoked");
    assert_eq!((here.history("a").len(), here.starts("a"), there.starts("a")), (2, 1, 1));
}

#[test]
fn the_state_of_the_command_line_is_instead_of_that_of_the_manifest() {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
    std::fs::create_dir(bed.dir.path("below")).expect("a folder");
    bed.portcullis(&["run", "--state", "below/s.sqlite"]).run().exits(0);
    assert!(bed.dir.has("below/s.sqlite") && bed.history("a").is_empty());
    let server = Server::start();
    if let Some(server) = &server {
        bed.portcullis(&["run", "--state", &server.place()]).run().exits(0);
        let shown = bed.portcullis(&["agent", "show", "a", "--state", &server.place(), "--json"]).run().exits(0).json();
        assert_eq!(shown["runs"].as_array().map(Vec::len), Some(1));
    }
    assert!(bed.history("a").is_empty());
    for (state, code) in [("", "bad-state"), ("rediss://h", "bad-state"), ("redis://:secret@h", "bad-state")] {
        let ended = bed.portcullis(&["run", "--state", state]).run();
        assert!(!ended.stderr.contains("secret"), "{ended}");
        ended.exits(2).refuses_with(code);
    }
    assert_eq!(bed.starts("a"), if server.is_some() { 2 } else { 1 });
}

#[test]
fn no_agent_runs_where_its_state_is_out_of_reach() {
    let Some(server) = Server::start() else { return };
    let bed = Bed::redis(&server);
    bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
    let proxy = Proxy::before(&server);
    proxy.cut(true);
    let ended = bed.portcullis(&["run", "--state", &proxy.place()]).run();
    ended.exits(3).says("state-");
    assert_eq!((bed.starts("a"), bed.history("a").len()), (0, 0));
    let record = bed.dir.decision();
    assert_eq!(of(&record, "a")["status"], "FAILED");
    proxy.cut(false);
    bed.portcullis(&["run", "--state", &proxy.place()]).run().exits(0);
}
