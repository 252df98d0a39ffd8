//! What is remembered of an agent from one run to the next: offences, revocations, and who has lifted them.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::{PASS, REVIEW, hex};

/// An agent whose gate of `preflight` answers what `answer` has at its start, and passes it when it asks again.
fn offending(bed: &Bed) {
    let script = format!(
        "hear started\nenter BOOTSTRAP\nmake alpha \"$(cat answer)\"\nsay '{{\"phase\":\"PREFLIGHT\"}}'\nwhile IFS= read -r line; do case \"$line\" in *accepted*) break;; *CHECKS_FAILED*) make alpha {}; enter PREFLIGHT; break;; esac; done\nenter PLAN\noffer\nenter EXECUTE\n{TO_THE_END}",
        content(PASS)
    );
    bed.manifest(&[
        &floor(),
        &output("first", "a", "alpha"),
        &judging("checks", "first"),
        &bed.agent("a", &script, "preflight = ['checks']\n"),
    ]);
}

fn answers(bed: &Bed, answer: &str) {
    bed.dir.write("answer", format!("{{\"text\":\"{}\"}}", hex(answer.as_bytes())));
}

#[test]
fn a_second_offence_revokes_in_whatever_run_until_an_approver_reinstates() {
    Bed::each(|bed| {
        bed.with_approver();
        offending(bed);
        answers(bed, &broken("SCOPE_VIOLATION"));
        bed.run().exits(0);
        let first = of(&bed.dir.decision(), "a").clone();
        assert_eq!((&first["status"], &first["offences"]), (&json!("COMPLETED"), &json!(1)), "{first}");

        answers(bed, &broken("FORBIDDEN_ACTION"));
        bed.run().exits(1);
        let second = of(&bed.dir.decision(), "a").clone();
        let expect = (&json!("REVOKED"), &json!("FORBIDDEN_ACTION"), &json!(2));
        assert_eq!((&second["status"], &second["revocation"]["type"], &second["offences"]), expect, "{second}");

        answers(bed, PASS);
        for _ in 0..2 {
            bed.run().exits(3).says("agent-revoked").says("agent reinstate");
            let record = bed.dir.decision();
            let entry = of(&record, "a");
            let expect = (&json!("REVOKED"), &json!("agent-revoked"), &json!(null));
            assert_eq!((&entry["status"], &entry["hindrance"], &entry["phase"]), expect, "{entry}");
            assert_eq!((bed.starts("a"), &gate(&record, "checks")["outcome"]), (2, &json!("skipped")));
        }

        bed.reinstate("a").exits(0).says("reinstated a");
        bed.run().exits(0);
        assert_eq!(
            (bed.starts("a"), bed.revocations()),
            (3, vec!["a FORBIDDEN_ACTION".to_owned(), "a reinstated".to_owned()])
        );
        // That it was lifted is not that it was never done.
        answers(bed, &broken("SCOPE_VIOLATION"));
        bed.run().exits(1);
        assert_eq!(bed.revocations().len(), 3);
        bed.run().exits(3);
        assert_eq!(bed.starts("a"), 4);
    });
}

#[test]
fn whom_the_trust_file_does_not_name_reinstates_nobody() {
    let bed = Bed::sqlite();
    bed.with_approver();
    bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
    bed.run().exits(0);
    bed.office(&["revoke", "a", "--reason", "by hand"]).exits(0);
    bed.dir.new_key("eve");
    let forged = ["reinstate", "a", "--key", "eve.key", "--trust", "trust.toml", "--reason", "please"];
    let ended = bed.office(&forged);
    assert_ne!(ended.status, Some(0), "{ended}");
    bed.run().exits(3);
    // Her own trust file is not that of the run.
    let trust = bed.dir.text("trust.toml");
    let alice = bed.portcullis(&["key", "show", "alice.pub", "--json"]).run().json()["short"].clone();
    let eve = bed.portcullis(&["key", "show", "eve.pub", "--json"]).run().json()["short"].clone();
    bed.dir.write("hers.toml", trust.replace(&alice.to_string(), &eve.to_string()));
    bed.office(&["reinstate", "a", "--key", "eve.key", "--trust", "hers.toml", "--reason", "please"]).exits(0);
    bed.run().exits(3).says("agent-revoked");
    bed.reinstate("a").exits(0);
    bed.run().exits(0);
    assert_eq!(bed.starts("a"), 2);
}

/// An agent that completes, and a gate in a later stage that answers what its last output has it answer.
fn audited(bed: &Bed, answer: &str) {
    let script = format!(
        "{INTO_EXECUTE}enter VERIFY\nmake gamma {}\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n",
        content(answer)
    );
    bed.manifest(&[
        &floor(),
        &output("last", "a", "gamma"),
        &judging("audit", "last"),
        &bed.agent("a", &script, ""),
        &stage("audit", &["audit"]),
    ]);
}

#[test]
fn what_a_later_gate_sees_in_what_an_agent_made_revokes_it_afterwards() {
    Bed::each(|bed| {
        bed.with_approver();
        audited(bed, &broken("UNAUTHORIZED_PROD"));
        bed.run().exits(1);
        let record = bed.dir.decision();
        let entry = of(&record, "a");
        assert_eq!(
            (&entry["status"], &entry["revocation"]["type"]),
            (&json!("COMPLETED"), &json!("UNAUTHORIZED_PROD")),
            "{entry}"
        );
        let expect = json!([{
            "gate": "audit", "agent": "a", "type": "UNAUTHORIZED_PROD", "severity": "critical",
            "consequence": "revoked", "detail": "seen by a gate",
        }]);
        assert_eq!(record["violations"], expect);
        assert_eq!(bed.revocations(), ["a UNAUTHORIZED_PROD"]);
        bed.run().exits(3).says("agent-revoked");
        assert_eq!(bed.starts("a"), 1);
        bed.reinstate("a").exits(0);

        // What is less than grave is remembered, and the second one is one too many.
        audited(bed, &broken("SCOPE_VIOLATION"));
        bed.run().exits(1);
        let record = bed.dir.decision();
        let [violation] = record["violations"].as_array().expect("violations").as_slice() else { panic!("{record}") };
        assert_eq!((&violation["severity"], &violation["consequence"]), (&json!("medium"), &json!("warning")));
        assert_eq!((&of(&record, "a")["offences"], &of(&record, "a")["revocation"]), (&json!(1), &json!(null)));
        bed.run().exits(1);
        assert_eq!(of(&bed.dir.decision(), "a")["revocation"]["type"], "SCOPE_VIOLATION");
        bed.portcullis(&["replay", "last"]).run().exits(0);
        bed.run().exits(3);
        bed.portcullis(&["replay", "last"]).run().exits(0);
        assert_eq!(bed.starts("a"), 3);
    });
}

#[test]
fn what_a_later_gate_saw_is_charged_once_however_often_the_run_is_broken_off() {
    Bed::each(|bed| {
        let last = |agent: &str| {
            output(&format!("last-{agent}"), agent, "gamma")
                + &judging(&format!("audit-{agent}"), &format!("last-{agent}"))
        };
        let script = |answer: &str| {
            let made = content(answer);
            format!(
                "{INTO_EXECUTE}enter VERIFY\nmake gamma {made}\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n"
            )
        };
        bed.manifest(&[
            &floor(),
            "[evidence.slow]\ncommand = ['/bin/sh', '-c', ': > slow.there; while ! test -e slow.go; do sleep 0.05; done']\n\
             env = { PATH = '/usr/bin:/bin' }\ntimeout = '50s'\nafter = ['last-a', 'last-b']\n",
            &last("a"),
            &last("b"),
            &looking("end", "slow"),
            &bed.agent("a", &script(&broken("SCOPE_VIOLATION")), ""),
            &bed.agent("b", &script(&broken("UNAUTHORIZED_POOL")), ""),
            &stage("audits", &["audit-a", "audit-b"]),
            &stage("end", &["end"]),
        ]);
        let mut running = bed.start();
        until_there("the command behind the audits", &mut running, || bed.dir.has("slow.there"));
        running.kill();
        bed.dir.tidy_up();
        bed.tell(&["slow"], "go");
        bed.portcullis(&["resume", "last"]).run().exits(1);
        let record = bed.dir.decision();
        assert_eq!(texts(&record["violations"], "consequence"), ["warning", "revoked"], "{record}");
        assert_eq!(
            (&of(&record, "a")["offences"], bed.revocations()),
            (&json!(1), vec!["b UNAUTHORIZED_POOL".to_owned()])
        );
        bed.portcullis(&["replay", "last"]).run().exits(0);
        bed.portcullis(&["resume", "last"]).run().exits(1);
        let shown = bed.office(&["show", "a", "--json"]).exits(0).json();
        assert_eq!(shown["counters"]["offences"], 1, "{shown}");
        assert_eq!(bed.revocations().len(), 1);
        assert_eq!((bed.starts("a"), bed.starts("b")), (1, 1));
    });
}

#[test]
fn what_a_person_has_to_look_at_is_not_verified_before_somebody_has_signed() {
    let bed = Bed::sqlite();
    bed.with_approver();
    let script = format!(
        "{INTO_EXECUTE}make beta {}\nenter VERIFY\nmake gamma '{{}}'\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n",
        content(REVIEW)
    );
    bed.manifest(&[
        &floor(),
        &output("draft", "a", "beta"),
        &judging("made_ok", "draft"),
        &bed.agent("a", &script, "verify = ['made_ok']\n"),
    ]);
    let subject = "git:0123456789abcdef0123456789abcdef01234567";
    let run = || bed.portcullis(&["run", "--subject", subject]).run();
    run().exits(1).says("approve made_ok");
    let record = bed.dir.decision();
    assert_eq!(
        (&of(&record, "a")["status"], &gate(&record, "made_ok")["outcome"]),
        (&json!("FAILED"), &json!("review"))
    );
    let approve =
        ["approve", "made_ok", "--run", "portcullis-out", "--key", "alice.key", "--expires", "30d", "--reason", "seen"];
    bed.portcullis(&approve).run().exits(0);
    run().exits(0);
    let record = bed.dir.decision();
    assert_eq!(
        (&of(&record, "a")["status"], &gate(&record, "made_ok")["outcome"]),
        (&json!("COMPLETED"), &json!("pass"))
    );
    assert_eq!(record["approvals"][0]["approver"], "alice");
    // What was signed is what it made then, and nothing that it makes another time.
    bed.dir.write("a.sh", bed.dir.text("a.sh").replace("make beta '{", "make beta '{\"more\":1,"));
    run().exits(1);
    assert_eq!(of(&bed.dir.decision(), "a")["status"], "FAILED");
}
