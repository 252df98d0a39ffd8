//! Rules that agents break, by what they do and by what gates say of them: how grave each is, and what follows.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::PASS;

/// Every rule with its severity, as the pipeline core has it.
const RULES: [(&str, &str); 14] = [
    ("UNAUTHORIZED_POOL", "critical"),
    ("APPLY_WITHOUT_PLAN", "critical"),
    ("RUN_WITHOUT_CHECK", "critical"),
    ("UNAUTHORIZED_PROD", "critical"),
    ("UNRECORDED_ROOT", "critical"),
    ("BASELINE_MUTATION", "critical"),
    ("ERROR_BUDGET_EXCEEDED", "high"),
    ("PROCEDURE_VIOLATION", "high"),
    ("HEARTBEAT_TIMEOUT", "high"),
    ("LOCK_EXPIRED", "high"),
    ("SCOPE_VIOLATION", "medium"),
    ("FORBIDDEN_ACTION", "medium"),
    ("CONFIDENCE_BELOW_THRESHOLD", "low"),
    ("MISSING_ARTIFACT", "low"),
];

/// The rules that an agent broke, as the record has them.
fn broken_by<'r>(record: &'r Value, agent: &str) -> Vec<&'r Value> {
    let violations = record["violations"].as_array().expect("violations");
    violations.iter().filter(|violation| violation["agent"] == agent).collect()
}

#[test]
fn who_leaves_the_order_of_the_phases_is_revoked_at_once() {
    let cases: [(&str, &str, &[&str]); 5] = [
        (
            "work without a plan",
            "enter BOOTSTRAP\nenter PREFLIGHT\nenter PLAN\nsay '{\"phase\":\"EXECUTE\"}'",
            &["APPLY_WITHOUT_PLAN"],
        ),
        (
            "work before anything",
            "enter BOOTSTRAP\nsay '{\"phase\":\"EXECUTE\"}'",
            &["APPLY_WITHOUT_PLAN", "RUN_WITHOUT_CHECK"],
        ),
        ("a phase left out", "enter BOOTSTRAP\nsay '{\"phase\":\"PLAN\"}'", &["PROCEDURE_VIOLATION"]),
        (
            "a phase again",
            "enter BOOTSTRAP\nenter PREFLIGHT\nsay '{\"phase\":\"BOOTSTRAP\"}'",
            &["PROCEDURE_VIOLATION"],
        ),
        ("an end before its time", "enter BOOTSTRAP\nsay '{\"done\":true}'", &["PROCEDURE_VIOLATION"]),
    ];
    Bed::each(|bed| {
        let names = ["a", "b", "c", "d", "e"];
        let agents = names.iter().zip(cases).map(|(name, (_, deeds, _))| {
            let goes_on = "say '{\"output\":\"alpha\",\"content\":{\"too\":\"late\"}}'\n";
            bed.agent(name, &format!("hear started\ndeeds\n{deeds}\n{goes_on}sleep 60\n"), "")
        });
        let agents: Vec<String> = agents.collect();
        bed.manifest(&[&floor(), &agents.concat()]);
        bed.run().exits(1).says("no-go");
        let record = bed.dir.decision();
        for (name, (what, _, rules)) in names.iter().zip(cases) {
            let entry = of(&record, name);
            assert_eq!((&entry["status"], &entry["phase"]), (&json!("REVOKED"), &json!("REVOKED")), "{what}: {entry}");
            assert_eq!(entry["revocation"]["type"], rules[0], "{what}");
            assert_eq!((&entry["hindrance"], &entry["outputs"]), (&json!(null), &json!([])), "{what}");
            let broken = broken_by(&record, name);
            let seen: Vec<_> = broken.iter().map(|violation| violation["type"].as_str().expect("a type")).collect();
            assert_eq!(seen, rules, "{what}");
            assert!(broken.iter().all(|violation| violation["consequence"] == "revoked"), "{what}: {broken:?}");
            assert!(broken.iter().all(|violation| violation.get("gate").is_none()), "{what}: {broken:?}");
            bed.is_gone(name);
            assert_eq!(bed.snapshot(name)["status"], "REVOKED", "{what}");
            assert_eq!((bed.history(name).len(), bed.holder(name)), (1, None), "{what}");
        }
        assert!(codes(&record).contains(&"agent-revoked"), "{:?}", codes(&record));
        let mut ledger = bed.revocations();
        ledger.sort();
        let mut expect: Vec<_> =
            names.iter().zip(cases).map(|(name, (.., rules))| format!("{name} {}", rules[0])).collect();
        expect.sort();
        assert_eq!(ledger, expect);
    });
}

#[test]
fn checks_that_did_not_pass_are_none() {
    let bed = Bed::sqlite();
    let script = format!(
        "hear started\nenter BOOTSTRAP\nmake alpha {}\nsay '{{\"phase\":\"PREFLIGHT\"}}'\nhear CHECKS_FAILED\nenter PLAN\noffer\nsay '{{\"phase\":\"EXECUTE\"}}'\nsleep 60\n",
        content(crate::harness::FAIL)
    );
    bed.manifest(&[
        &floor(),
        &output("first", "a", "alpha"),
        &judging("checks", "first"),
        &bed.agent("a", &script, "preflight = ['checks']\n"),
    ]);
    bed.run().exits(1);
    let record = bed.dir.decision();
    assert_eq!(of(&record, "a")["revocation"]["type"], "RUN_WITHOUT_CHECK", "{record}");
    assert_eq!(gate(&record, "checks")["outcome"], "fail");
}

/// Agents whose gates of `key` answer what they make of `kind`.
fn judged(bed: &Bed, key: &str, kind: &str, agents: &[(String, String)]) -> String {
    let one = |(name, script): &(String, String)| {
        let gates = format!("{key} = ['judge-{name}']\n");
        output(&format!("made-{name}"), name, kind)
            + &judging(&format!("judge-{name}"), &format!("made-{name}"))
            + &bed.agent(name, script, &gates)
    };
    agents.iter().map(one).collect()
}

#[test]
fn each_rule_that_a_gate_of_verify_sees_broken_weighs_what_the_core_says() {
    Bed::each(|bed| {
        let agents: Vec<_> = RULES
            .iter()
            .enumerate()
            .map(|(at, (rule, _))| {
                let made = content(&broken(rule));
                let script = format!("{INTO_EXECUTE}make beta {made}\nsay '{{\"phase\":\"VERIFY\"}}'\nhear never\n");
                (format!("a{at}"), script)
            })
            .collect();
        bed.manifest(&[&floor(), &judged(bed, "verify", "beta", &agents)]);
        bed.run().exits(1);
        let record = bed.dir.decision();
        let mut revoked = Vec::new();
        for ((name, _), (rule, severity)) in agents.iter().zip(RULES) {
            let ends = matches!(severity, "critical" | "high");
            let entry = of(&record, name);
            // What is not verified has failed, however light the rule that was broken.
            assert_eq!(entry["status"], if ends { "REVOKED" } else { "FAILED" }, "{rule}: {entry}");
            let expect = json!({
                "gate": format!("judge-{name}"), "agent": name, "type": rule, "severity": severity,
                "consequence": if ends { "revoked" } else { "warning" }, "detail": "seen by a gate",
            });
            assert_eq!(broken_by(&record, name), [&expect], "{rule}");
            assert_eq!(entry["offences"], u32::from(severity == "medium"), "{rule}");
            assert_eq!(entry["revocation"]["type"], if ends { json!(rule) } else { json!(null) }, "{rule}");
            if ends {
                revoked.push(format!("{name} {rule}"));
            }
        }
        let seen = record["violations"].as_array().expect("violations").len();
        assert_eq!(seen, RULES.len(), "what a gate and the host know is told once");
        let mut ledger = bed.revocations();
        ledger.sort();
        revoked.sort();
        assert_eq!(ledger, revoked);
        assert!(codes(&record).contains(&"agent-revoked") && codes(&record).contains(&"agent-failed"));
    });
}

#[test]
fn what_is_less_than_grave_is_a_warning_and_the_agent_may_repair_it() {
    let bed = Bed::sqlite();
    let light = || RULES.iter().filter(|(_, severity)| matches!(*severity, "medium" | "low"));
    let agents: Vec<_> = light()
        .enumerate()
        .map(|(at, (rule, _))| {
            let script = format!(
                "hear started\nenter BOOTSTRAP\nmake alpha {}\nsay '{{\"phase\":\"PREFLIGHT\"}}'\nhear warning\nhear CHECKS_FAILED\nmake alpha {}\nenter PREFLIGHT\nenter PLAN\noffer\nenter EXECUTE\n{TO_THE_END}",
                content(&broken(rule)),
                content(PASS)
            );
            (format!("a{at}"), script)
        })
        .collect();
    bed.manifest(&[&floor(), &judged(&bed, "preflight", "alpha", &agents)]);
    bed.run().exits(0);
    let record = bed.dir.decision();
    for ((name, _), (rule, severity)) in agents.iter().zip(light()) {
        assert_eq!(of(&record, name)["status"], "COMPLETED", "{rule}");
        let [violation] = broken_by(&record, name)[..] else { panic!("{rule}: {record}") };
        let expect = (&json!(rule), &json!(severity), &json!("warning"));
        assert_eq!((&violation["type"], &violation["severity"], &violation["consequence"]), expect);
    }
    assert!(bed.revocations().is_empty());
}

#[test]
fn a_rule_that_nobody_knows_weighs_as_much_as_the_gravest() {
    let bed = Bed::sqlite();
    let made = content(&broken("SCOPE_VIOLATOIN\u{1b}[31m"));
    let script = format!("{INTO_EXECUTE}make beta {made}\nsay '{{\"phase\":\"VERIFY\"}}'\nhear never\n");
    bed.manifest(&[&floor(), &judged(&bed, "verify", "beta", &[("a".to_owned(), script)])]);
    bed.run().exits(1);
    let record = bed.dir.decision();
    let [violation] = broken_by(&record, "a")[..] else { panic!("{record}") };
    assert_eq!((&violation["severity"], &violation["consequence"]), (&json!("critical"), &json!("revoked")));
    assert_eq!(bed.revocations().len(), 1);
}

#[test]
fn nothing_that_a_revoked_agent_still_says_or_does_has_any_effect() {
    Bed::each(|bed| {
        let says = "printf '%s\\n' '{\"phase\":\"EXECUTE\"}' '{\"output\":\"alpha\",\"content\":{\"n\":1}}' '{\"error\":{\"code\":\"E\",\"message\":\"\"}}' '{\"phase\":\"PREFLIGHT\"}' '{\"done\":true}'";
        let script = format!(
            "trap '' TERM INT HUP\nhear started\nenter BOOTSTRAP\ndeeds\nsetsid sh -c 'while :; do echo x >> far; sleep 0.05; done' &\nwhile ! test -s far; do sleep 0.05; done\n{says}\nwhile :; do say '{{\"output\":\"alpha\",\"content\":{{}}}}'; done\n"
        );
        bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
        bed.run().exits(1);
        let entry = of(&bed.dir.decision(), "a").clone();
        assert_eq!((&entry["status"], &entry["outputs"]), (&json!("REVOKED"), &json!([])), "{entry}");
        bed.is_gone("a");
        let far = bed.lines("far");
        thread::sleep(Duration::from_millis(200));
        assert_eq!(bed.lines("far"), far, "what has left its group has gone on");
        let history = bed.history("a");
        assert_eq!((&history[0]["outputs"], &history[0]["errors"]["total"]), (&json!([]), &json!(0)), "{history:?}");
        let task = portcullis::state::Id::parse(history[0]["task"].as_str().expect("a task")).expect("a name");
        assert!(bed.list(&portcullis::state::keys::task_artifacts(&task)).is_empty());
    });
}
