//! Stages that choose: one branch runs, the other does not, and what cannot be told runs neither and is no go.

use serde_json::{Value, json};

use crate::harness::{Dir, FAIL, NOT_APPLICABLE, OUT, PASS, answering};

const TRAPS: &str = "not an answer";

/// Gates `first`, `ship` and `hold`, each in a stage, and a condition after the first with `test`.
fn pipeline(first: &str, test: &str) -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    let gates = answering("first", first) + &answering("ship", PASS) + &answering("hold", PASS);
    let stage = |id: &str, rest: &str| format!("[[stage]]\nid = '{id}'\n{rest}\n");
    let gate = |name: &str| format!("type = 'gate'\ngates = ['{name}']");
    dir.manifest(&format!(
        "{gates}[evidence.ci]\nvalue = {{ branch = 'main', tries = 2 }}\n{}{}{}{}",
        stage("checks", &gate("first")),
        stage("choose", &format!("type = 'condition'\nif = \"{test}\"\nthen = ['yes']\nelse = ['no']")),
        stage("yes", &gate("ship")),
        stage("no", &gate("hold")),
    ));
    dir
}

fn outcomes(decision: &Value) -> Vec<&str> {
    let gates = decision["gates"].as_array().expect("gates");
    gates.iter().map(|gate| gate["outcome"].as_str().expect("an outcome")).collect()
}

fn stages(decision: &Value) -> Vec<String> {
    let stage = |stage: &Value| format!("{} {}", stage["id"], stage["status"]).replace('"', "");
    decision["stages"].as_array().expect("stages").iter().map(stage).collect()
}

#[test]
fn the_branch_that_is_taken_runs_and_the_other_one_does_not_count() {
    for (first, test, taken, ran) in [
        (PASS, "first", "then", ["pass", "pass", "skipped"]),
        (PASS, "!first", "else", ["pass", "skipped", "pass"]),
        (PASS, "first && evidence(ci, '/branch') == 'main'", "then", ["pass", "pass", "skipped"]),
        (PASS, "evidence(ci, '/tries') != 2", "else", ["pass", "skipped", "pass"]),
        (PASS, "findings(first, PARSE_ERROR)", "else", ["pass", "skipped", "pass"]),
    ] {
        let dir = pipeline(first, test);
        dir.run().exits(0).says("go");
        let decision = dir.decision();
        assert_eq!(outcomes(&decision), ran, "{test}");
        assert_eq!(
            decision["stages"][1],
            json!({"id": "choose", "type": "condition", "status": "completed", "taken": taken})
        );
        let left = if taken == "then" { 3 } else { 2 };
        assert_eq!(decision["stages"][left]["reason"], "condition `choose` took the other branch", "{test}");
    }
}

#[test]
fn a_gate_that_failed_may_choose_and_still_is_a_no_go() {
    let dir = pipeline(FAIL, "first");
    dir.run().exits(1).says("no-go");
    let decision = dir.decision();
    assert_eq!(outcomes(&decision), ["fail", "skipped", "pass"]);
    assert_eq!(stages(&decision), ["checks failed", "choose completed", "yes skipped", "no completed"]);
}

#[test]
fn what_cannot_be_told_runs_neither_branch_and_blocks_whatever_the_rule_says() {
    for (first, test) in [
        (TRAPS, "first"),
        (TRAPS, "!first"),
        (TRAPS, "findings(first, X)"),
        (NOT_APPLICABLE, "first"),
        (PASS, "first && evidence(ci, '/gone') == 'x'"),
    ] {
        for rule in ["rule = 'all'", "rule = 'any'", "expr = 'first || !first || ship || !ship'"] {
            let dir = pipeline(first, test);
            let manifest = dir.text("portcullis.toml") + &format!("[decision]\n{rule}\n");
            dir.write("portcullis.toml", manifest);
            dir.run().exits(3).says("blocked");
            let decision = dir.decision();
            assert_eq!(outcomes(&decision)[1..], ["skipped", "skipped"], "{test} {rule}");
            assert_eq!(decision["stages"][1]["status"], "failed", "{test} {rule}");
            let codes: Vec<&Value> =
                decision["reasons"].as_array().expect("reasons").iter().map(|it| &it["code"]).collect();
            assert!(codes.contains(&&json!("condition-unknown")), "{test} {rule}: {codes:?}");
        }
    }
}

#[test]
fn nothing_but_branches_that_were_not_taken_is_no_go() {
    let dir = pipeline(PASS, "!first");
    let manifest = dir.text("portcullis.toml") + "[decision]\nexpr = 'ship'\n";
    dir.write("portcullis.toml", manifest);
    dir.run().exits(3).says("nothing is never a go");
    assert_eq!(stages(&dir.decision()), ["checks completed", "choose completed", "yes skipped", "no completed"]);
}

#[test]
fn a_stage_that_needs_one_that_does_not_run_does_not_run_either_and_says_why() {
    let dir = pipeline(PASS, "first");
    let manifest = dir.text("portcullis.toml").replace("id = 'no'\n", "id = 'no'\nneeds = ['choose']\n");
    let more = answering("last", PASS);
    let stage = "[[stage]]\nid = 'after'\ntype = 'gate'\ngates = ['last']\nneeds = ['no']\n";
    dir.write("portcullis.toml", format!("{manifest}{more}{stage}"));
    dir.run().exits(0);
    let decision = dir.decision();
    assert_eq!(decision["stages"][4]["reason"], "stage `after` needs stage `no`, which does not run");
    let drawn = dir.portcullis(&["graph", "--run", &format!("{OUT}/decision.json")]).run();
    drawn.exits(0).says("skipped");
}
