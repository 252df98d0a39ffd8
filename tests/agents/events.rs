//! What is told of agents while they run, in its order, each with its agent and its phase.

use serde_json::json;

use super::{bed::*, budgets::paused, *};
use crate::harness::PASS;

fn told(bed: &Bed, file: &str) -> Vec<Value> {
    bed.dir.text(file).lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
}

/// The events about an agent but for heartbeats, as `kind PHASE`.
fn about<'e>(events: &'e [Value], agent: &str) -> Vec<String> {
    let is_meant = |event: &&'e Value| event["agent_id"] == agent && event["event"] != "heartbeat";
    let word = |event: &Value| format!("{} {}", event["event"], event["phase"]).replace('"', "");
    events.iter().filter(is_meant).map(word).collect()
}

#[test]
fn what_happens_to_agents_is_told_in_its_order() {
    Bed::each(|bed| {
        bed.with_approver();
        let rises = format!(
            "{INTO_EXECUTE}make beta {}\nenter VERIFY\nsay '{{\"promotion\":{{\"to\":1,\"reason\":\"r\"}}}}'\n: > \"$ME.there\"\nhear promoted\nmake gamma '{{}}'\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n",
            content(PASS)
        );
        let falls = "hear started\nenter BOOTSTRAP\nsay '{\"phase\":\"EXECUTE\"}'\nsleep 60\n";
        bed.manifest(&[
            "[[events]]\nfile = 'events.jsonl'\n[[events]]\nfile = 'some.jsonl'\nkinds = ['agent_revoked', 'heartbeat']\n",
            &floor(),
            &output("draft", "rises", "beta"),
            &judging("made_ok", "draft"),
            &bed.agent("rises", &rises, "verify = ['made_ok']\n"),
            &bed.agent("falls", falls, ""),
            &bed.agent("asks", &paused(), ""),
        ]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["rises"]);
        until_there("all three are where they wait", &mut running, || {
            budgets::asks(bed, "asks") && !bed.snapshot("rises")["promotion"].is_null()
        });
        bed.office(&["clarify", "asks", "--project", "e2e", "--objective", "otherwise"]).exits(0);
        let sign = ["--key", "alice.key", "--trust", "trust.toml", "--reason", "well done"];
        bed.office(&[&["promote", "rises"][..], &sign].concat()).exits(0);
        let ended = running.wait();
        ended.exits(1);
        assert!(!ended.stderr.contains("events-"), "{ended}");

        let events = told(bed, "events.jsonl");
        assert_eq!(
            about(&events, "rises"),
            [
                "plan_created PLAN",
                "execution_started EXECUTE",
                "execution_complete EXECUTE",
                "promotion_requested VERIFY",
                "promotion_approved VERIFY"
            ]
        );
        assert_eq!(
            about(&events, "falls"),
            ["violation_detected BOOTSTRAP", "violation_detected BOOTSTRAP", "agent_revoked REVOKED"]
        );
        assert_eq!(
            about(&events, "asks"),
            [
                "plan_created PLAN",
                "execution_started EXECUTE",
                "approval_required EXECUTE",
                "execution_complete EXECUTE"
            ]
        );
        let run = bed.dir.decision()["runId"].clone();
        assert!(events.iter().all(|event| event["run_id"] == run && event["pipeline"] == "e2e"));
        let find = |kind: &str| events.iter().find(|event| event["event"] == kind).expect("told")["detail"].clone();
        assert_eq!(
            (&find("promotion_approved")["to"], &find("promotion_approved")["approver"]),
            (&json!(1), &json!("alice"))
        );
        assert_eq!(find("agent_revoked")["type"], "APPLY_WITHOUT_PLAN");
        assert_eq!(find("violation_detected")["severity"], "critical");

        let some = told(bed, "some.jsonl");
        assert_eq!(about(&some, "falls"), ["agent_revoked REVOKED"]);
        assert!(about(&some, "rises").is_empty());
        // Judged again or told again, a run that has ended has nothing new to say.
        bed.portcullis(&["replay", "last"]).run().exits(0);
        bed.portcullis(&["resume", "last"]).run().exits(1);
        assert_eq!(told(bed, "events.jsonl").len(), events.len());
    });
}

#[test]
fn a_way_out_that_is_not_there_takes_nothing_from_an_agents_run() {
    let bed = Bed::sqlite();
    bed.manifest(&["[[events]]\nurl = 'http://127.0.0.1:1/hook'\n", &floor(), &bed.agent("a", &work(), "")]);
    let ended = bed.run();
    ended.exits(0);
    assert!(ended.stderr.contains("[events-lost]"), "{ended}");
    assert_eq!(of(&bed.dir.decision(), "a")["status"], "COMPLETED");
}
