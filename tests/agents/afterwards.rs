//! What is seen or said of agents that have ended, and of each other: no go rests on an agent that is revoked, and what one
//! broke is not another one's.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::{PASS, answering};

/// An advisory gate that answers `answer`, and judges the evidence `made`.
fn seeing(name: &str, answer: &str) -> String {
    let input = format!("{{ text = \"{name}\" }}");
    let judges = format!("{{ text = \"{name}\", made = \"made\" }}\nenforcement = \"advisory\"");
    answering(name, answer).replace(&input, &judges)
}

fn codes_of(record: &Value) -> Vec<String> {
    codes(record).into_iter().map(str::to_owned).collect()
}

#[test]
fn whoever_is_revoked_on_its_last_steps_or_behind_them_makes_no_go() {
    Bed::each(|bed| {
        // Revoked by hand in REPORT, so late that the host may not look again before the end.
        let script = format!(
            "{INTO_EXECUTE}make beta '{{\"n\":1}}'\nenter VERIFY\nmake gamma '{{\"n\":1}}'\nenter PACKAGE\nenter REPORT\n\
             : > a.late\nwhile ! test -e a.on; do sleep 0.01; done\nsay '{{\"done\":true}}'\n"
        );
        bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
        let mut running = bed.start();
        until_there("it is in REPORT", &mut running, || bed.dir.has("a.late"));
        bed.office(&["revoke", "a", "--reason", "seen enough"]).exits(0);
        bed.dir.write("a.on", "");
        running.wait().exits(1);
        let record = bed.dir.decision();
        assert!(codes_of(&record).contains(&"agent-revoked".to_owned()), "{record}");
        assert_eq!(of(&record, "a")["revocation"]["type"], "token_revoked", "{record}");
        bed.portcullis(&["replay", "last"]).run().exits(0);
        bed.portcullis(&["resume", "last"]).run().exits(1);
    });
}

#[test]
fn whoever_is_revoked_while_others_still_work_makes_no_go_and_replays_agree() {
    Bed::each(|bed| {
        let second = bed.agent("b", &waiting(), "").replace("agent = 'b'\n", "agent = 'b'\nneeds = ['a']\n");
        bed.manifest(&[&floor(), &bed.agent("a", &work(), ""), &second]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["b"]);
        bed.office(&["revoke", "a", "--reason", "found later"]).exits(0);
        bed.tell(&["b"], "go");
        running.wait().exits(1).says("agent `a` stands revoked");
        let record = bed.dir.decision();
        assert_eq!(texts(&record["agents"], "status"), ["COMPLETED"; 2]);
        bed.with_approver();
        bed.reinstate("a").exits(0);
        // What the world said then is kept with the run.
        bed.portcullis(&["replay", "last"]).run().exits(0);
    });
}

#[test]
fn a_run_that_is_resumed_does_not_rest_on_an_agent_that_was_revoked_meanwhile() {
    Bed::each(|bed| {
        let second = bed.agent("b", &waiting(), "").replace("agent = 'b'\n", "agent = 'b'\nneeds = ['a']\n");
        bed.manifest(&[&floor(), &bed.agent("a", &work(), ""), &second]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["b"]);
        running.kill();
        bed.office(&["revoke", "a", "--reason", "found later"]).exits(0);
        bed.tell(&["b"], "go");
        bed.portcullis(&["resume", "last"]).run().exits(1).says("agent `a` stands revoked");
        assert_eq!((bed.starts("a"), bed.starts("b")), (1, 2));
        bed.portcullis(&["replay", "last"]).run().exits(0);
    });
}

#[test]
fn what_a_later_gate_sees_is_written_also_where_an_earlier_revocation_was_lifted() {
    let bed = Bed::sqlite();
    bed.with_approver();
    let wait = bed.agent("b", &waiting(), "").replace("agent = 'b'\n", "agent = 'b'\nneeds = ['one']\n");
    let gates = [
        output("made", "a", "gamma"),
        seeing("first", &broken("BASELINE_MUTATION")),
        seeing("second", &broken("UNAUTHORIZED_PROD")),
        stage("one", &["first"]),
        stage("two", &["second"]),
    ];
    let two = gates.concat().replace("gates = [\"second\"]\n", "gates = [\"second\"]\nneeds = ['b']\n");
    bed.manifest(&[&floor(), &bed.agent("a", &work(), ""), &wait, &two]);
    let mut running = bed.start();
    bed.are_there(&mut running, &["b"]);
    assert_eq!(bed.revocations(), ["a BASELINE_MUTATION"]);
    bed.reinstate("a").exits(0);
    bed.tell(&["b"], "go");
    let ended = running.wait();
    ended.exits(1).says("alert:");
    assert_eq!(bed.revocations(), ["a BASELINE_MUTATION", "a reinstated", "a UNAUTHORIZED_PROD"]);
    bed.run().exits(3);
}

#[test]
fn what_a_gate_of_one_agent_sees_in_the_work_of_another_is_that_ones() {
    let bed = Bed::sqlite();
    let checks = seeing("checks", &broken("UNAUTHORIZED_PROD"));
    let second = bed.agent("b", &work(), "preflight = ['checks']\n");
    bed.manifest(&[&floor(), &output("made", "a", "gamma"), &checks, &bed.agent("a", &work(), ""), &second]);
    bed.run().exits(1);
    let record = bed.dir.decision();
    assert_eq!(of(&record, "a")["revocation"]["type"], "UNAUTHORIZED_PROD", "{record}");
    assert_eq!((&of(&record, "b")["status"], &of(&record, "b")["revocation"]), (&json!("COMPLETED"), &json!(null)));
    assert_eq!(bed.revocations(), ["a UNAUTHORIZED_PROD"]);
    bed.portcullis(&["replay", "last"]).run().exits(0);
}

#[test]
fn agents_whose_gates_need_each_others_work_one_after_the_other() {
    let bed = Bed::sqlite();
    let gates = answering("ga", PASS) + &answering("gb", PASS) + "needs = ['ga']\n";
    let (a, b) = (bed.agent("a", &work(), "preflight = ['ga']\n"), bed.agent("b", &work(), "preflight = ['gb']\n"));
    bed.manifest(&[&floor(), &gates, &a, &b]);
    bed.run().exits(0);
    assert_eq!(texts(&bed.dir.decision()["agents"], "status"), ["COMPLETED"; 2]);
}

#[test]
fn a_gate_that_gives_no_verdict_is_nothing_that_its_agent_did() {
    let bed = Bed::sqlite();
    let missing = "[evidence.gone]\nfile = 'gone.json'\n".to_owned() + &looking("checks", "gone");
    bed.manifest(&[&floor(), &missing, &bed.agent("a", &work(), "preflight = ['checks']\n")]);
    bed.run().exits(3).says("agent-not-judged");
    let record = bed.dir.decision();
    let entry = of(&record, "a");
    assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("FAILED"), &json!("agent-not-judged")), "{entry}");
    assert_eq!(record["errorBudget"]["agents"][0]["spent"]["total"], 0, "{record}");
    assert_eq!((bed.revocations().len(), bed.holder("a")), (0, None));
}

#[test]
fn an_agent_that_stands_revoked_is_not_promoted() {
    let bed = Bed::sqlite();
    bed.with_approver();
    let verify = answering("fine", PASS);
    bed.manifest(&[&floor(), &verify, &bed.agent("a", &work(), "tier = 1\nverify = ['fine']\n")]);
    bed.run().exits(0);
    bed.office(&["revoke", "a", "--reason", "later"]).exits(0);
    let promote = ["promote", "a", "--key", "alice.key", "--trust", "trust.toml", "--reason", "well done"];
    bed.office(&promote).exits(4).refuses_with("agent-revoked");
    bed.reinstate("a").exits(0);
    bed.office(&promote).exits(0).says("from tier 1 to 2");
}

#[test]
fn the_record_says_where_agents_are_remembered() {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
    bed.run().exits(0);
    assert_eq!(bed.dir.decision()["state"], json!({ "place": "state.sqlite" }));
    bed.portcullis(&["run", "--state", "other.sqlite"]).run().exits(0);
    let other = bed.dir.decision();
    assert!(other["state"]["place"].as_str().is_some_and(|place| place.ends_with("other.sqlite")), "{other}");
    assert_eq!(other["state"]["asked"], "other.sqlite");
}
