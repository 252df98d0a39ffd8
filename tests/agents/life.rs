//! Lives that go as they should: what an agent makes is judged, kept, and evidence for whatever comes after it.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::PASS;

#[test]
fn an_agent_goes_through_all_phases_and_what_it_made_decides_what_comes_after() {
    Bed::each(|bed| {
        let script = r#"
hear started
enter BOOTSTRAP
make alpha '{"found":["é",1.50]}'
enter PREFLIGHT
enter PLAN
offer
enter EXECUTE
echo 7 > made.txt
make beta '{"n":7}'
enter VERIFY
make gamma '{"n":1,"file":"made.txt"}'
enter PACKAGE
enter REPORT
say '{"done":true}'
echo through >&2
"#;
        let gates = "preflight = ['checks']\nplan = ['plan_ok']\nverify = ['made_ok']\ntier = 2\n";
        let choose = "[[stage]]\nid = 'choose'\ntype = 'condition'\nif = \"evidence(last, '/n') == 1\"\nthen = ['ship']\nelse = ['hold']\n";
        bed.manifest(&[
            &output("first", "builder", "alpha"),
            &output("draft", "builder", "beta"),
            &output("last", "builder", "gamma"),
            "[evidence.size]\ncommand = ['/bin/cat', 'made.txt']\nformat = 'json'\nafter = ['last']\n",
            &looking("checks", "first"),
            &looking("plan_ok", "draft"),
            &looking("made_ok", "draft"),
            &looking("look", "last"),
            &looking("measure", "size"),
            &crate::harness::answering("held", PASS),
            &bed.agent("builder", script, gates),
            &stage("ship", &["look", "measure"]),
            &stage("hold", &["held"]),
            choose,
        ]);
        bed.run().exits(0).says("go");
        let record = bed.dir.decision();
        let agent = of(&record, "builder");
        assert_eq!((&agent["stage"], &agent["status"]), (&json!("builder"), &json!("COMPLETED")), "{agent}");
        assert_eq!((&agent["phase"], &agent["tier"], &agent["verified"]), (&json!("EXIT"), &json!(2), &json!(true)));
        assert_eq!((&agent["reason"], &agent["hindrance"]), (&json!(null), &json!(null)));
        let made: Vec<_> = agent["outputs"].as_array().expect("outputs").iter().collect();
        assert_eq!(texts(&agent["outputs"], "type"), ["alpha", "beta", "gamma"]);
        assert_eq!(texts(&agent["outputs"], "phase"), ["BOOTSTRAP", "EXECUTE", "VERIFY"]);
        assert!(made.iter().all(|output| output["checksum"].as_str().is_some_and(|sum| sum.len() == 12)), "{made:?}");
        assert_eq!(record["errorBudget"]["status"], "within");
        assert_eq!(record["violations"], json!([]));
        let handed = |name: &str| gate(&record, name)["details"]["input"].clone();
        assert_eq!(handed("checks"), json!({"found": ["é", 1.5]}));
        assert_eq!(handed("plan_ok"), json!({"steps": ["x"]}), "asked with the plan, before there was more");
        assert_eq!(handed("made_ok"), json!({"n": 7}));
        assert_eq!(handed("look"), json!({"n": 1, "file": "made.txt"}));
        assert_eq!(handed("measure")["data"], 7, "collected behind what it comes after");
        assert_eq!(gate(&record, "held")["outcome"], "skipped");
        let found = stages(&record);
        for stage in ["builder completed", "choose completed", "ship completed", "hold skipped"] {
            assert!(found.contains(&stage.to_owned()), "{stage}: {found:?}");
        }
        assert_eq!(bed.snapshot("builder")["status"], "COMPLETED");
        assert_eq!(bed.history("builder").len(), 1);
        assert_eq!((bed.holder("builder"), bed.starts("builder")), (None, 1));
        bed.has_kept_what_it_said("builder");
        bed.is_gone("builder");
    });
}

#[test]
fn a_gate_that_refuses_may_be_asked_again_and_its_last_word_counts() {
    let bed = Bed::sqlite();
    let refuses = content(crate::harness::FAIL);
    let passes = content(PASS);
    let script = format!(
        r#"
hear started
enter BOOTSTRAP
make alpha {refuses}
say '{{"phase":"PREFLIGHT"}}'
hear CHECKS_FAILED
make alpha {passes}
enter PREFLIGHT
enter PLAN
say '{{"plan":{{"text":"{fail}"}}}}'
hear PLAN_REFUSED
say '{{"plan":{{"text":"{pass}"}}}}'
hear accepted_plan
enter EXECUTE
{TO_THE_END}"#,
        fail = crate::harness::hex(crate::harness::FAIL.as_bytes()),
        pass = crate::harness::hex(PASS.as_bytes()),
    );
    bed.manifest(&[
        &floor(),
        &output("first", "a", "alpha"),
        &output("draft", "a", "beta"),
        &judging("checks", "first"),
        &judging("plan_ok", "draft"),
        &bed.agent("a", &script, "preflight = ['checks']\nplan = ['plan_ok']\n"),
    ]);
    bed.run().exits(0);
    let record = bed.dir.decision();
    assert_eq!(
        (&gate(&record, "checks")["outcome"], &gate(&record, "plan_ok")["outcome"]),
        (&json!("pass"), &json!("pass"))
    );
    assert_eq!(record["errorBudget"]["agents"][0]["spent"]["total"], 2, "{record}");
}

#[test]
fn what_does_not_pass_in_verify_fails_the_agent_and_is_a_no_go() {
    Bed::each(|bed| {
        let refuses = content(crate::harness::FAIL);
        let script = format!(
            "{INTO_EXECUTE}make beta {refuses}\nsay '{{\"phase\":\"VERIFY\"}}'\nhear VERIFICATION_FAILED\nmake gamma '{{}}'\n"
        );
        bed.manifest(&[
            &floor(),
            &output("draft", "a", "beta"),
            &judging("made_ok", "draft"),
            &bed.agent("a", &script, "verify = ['made_ok']\n"),
            &crate::harness::answering("late", PASS),
            &(stage("late", &["late"]) + "needs = ['a']\n"),
        ]);
        bed.run().exits(1).says("no-go");
        let record = bed.dir.decision();
        let agent = of(&record, "a");
        assert_eq!((&agent["status"], &agent["hindrance"]), (&json!("FAILED"), &json!(null)), "{agent}");
        assert!(agent["reason"].as_str().is_some_and(|why| why.contains("not verified")), "{agent}");
        assert!(codes(&record).contains(&"agent-failed"), "{:?}", codes(&record));
        assert_eq!(gate(&record, "made_ok")["outcome"], "fail");
        assert_eq!(gate(&record, "late")["outcome"], "skipped");
        let found = stages(&record);
        assert!(found.contains(&"a failed".to_owned()) && found.contains(&"late skipped".to_owned()), "{found:?}");
        assert_eq!(texts(&agent["outputs"], "type"), ["beta"], "what it made behind its end is not taken");
    });
}

#[test]
fn agents_whose_stages_need_nothing_of_each_other_work_at_once() {
    Bed::each(|bed| {
        // Each ends only once the other one is at work.
        let meets = |other: &str| {
            format!(
                "{INTO_EXECUTE}: > \"$ME.met\"\nwhile ! test -e {other}.met; do say '{{\"heartbeat\":true}}'; sleep 0.05; done\n{TO_THE_END}"
            )
        };
        let last = format!("test -e a.met && test -e b.met || exit 4\n{}", work());
        bed.manifest(&[
            &floor(),
            &bed.agent("a", &meets("b"), "timeout = '40s'\n"),
            &bed.agent("b", &meets("a"), "timeout = '40s'\n"),
            &(bed.agent("c", &last, "") + "needs = ['a', 'b']\n"),
        ]);
        bed.run().exits(0);
        let record = bed.dir.decision();
        assert_eq!(texts(&record["agents"], "agent"), ["a", "b", "c"]);
        assert_eq!(texts(&record["agents"], "status"), ["COMPLETED"; 3]);
        for agent in ["a", "b", "c"] {
            bed.has_kept_what_it_said(agent);
        }
    });
}

#[test]
fn a_promotion_takes_gates_that_passed_and_an_approver_who_signs_while_it_runs() {
    Bed::each(|bed| {
        bed.with_approver();
        let script = format!(
            "{INTO_EXECUTE}make beta {}\nenter VERIFY\nsay '{{\"promotion\":{{\"to\":2,\"reason\":\"three clean runs\"}}}}'\n: > \"$ME.there\"\nhear promoted\nmake gamma '{{}}'\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n",
            content(PASS)
        );
        bed.manifest(&[
            &floor(),
            &output("draft", "a", "beta"),
            &judging("made_ok", "draft"),
            &bed.agent("a", &script, "tier = 1\nverify = ['made_ok']\ntimeout = '50s'\n"),
        ]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a"]);
        until_there("the promotion is asked for", &mut running, || !bed.snapshot("a")["promotion"].is_null());
        let promote = ["promote", "a", "--key", "alice.key", "--trust", "trust.toml", "--reason", "well done"];
        bed.office(&promote).exits(0).says("from tier 1 to 2");
        running.wait().exits(0);
        let agent = of(&bed.dir.decision(), "a").clone();
        assert_eq!((&agent["tier"], &agent["promotion"]), (&json!(2), &json!(null)), "{agent}");
        // It keeps what was signed.
        bed.manifest(&[&floor(), &bed.agent("a", &work(), "tier = 1\n")]);
        bed.run().exits(0);
        assert_eq!(of(&bed.dir.decision(), "a")["tier"], 2);
    });
}
