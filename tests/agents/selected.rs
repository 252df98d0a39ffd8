//! Agents that a run does not need are not started: branches that are not taken, gates that were not asked for, stages whose
//! needs ended badly.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::{FAIL, PASS, answering};

fn choosing(test: &str, then: &str, otherwise: &str) -> String {
    format!("[[stage]]\nid = 'choose'\ntype = 'condition'\nif = '{test}'\nthen = ['{then}']\nelse = ['{otherwise}']\n")
}

#[test]
fn an_agent_in_a_branch_that_is_not_taken_is_not_started_and_takes_nothing_from_a_go() {
    let bed = Bed::sqlite();
    bed.manifest(&[
        &floor(),
        &bed.agent("ships", &work(), ""),
        &bed.agent("holds", &work(), ""),
        &choosing("floor", "ships", "holds"),
    ]);
    bed.run().exits(0);
    let record = bed.dir.decision();
    assert_eq!((bed.starts("ships"), bed.starts("holds")), (1, 0));
    let found = stages(&record);
    assert!(found.contains(&"ships completed".to_owned()) && found.contains(&"holds skipped".to_owned()), "{found:?}");
    assert!(!codes(&record).iter().any(|code| code.starts_with("agent-")), "{:?}", codes(&record));
    assert!(bed.history("holds").is_empty());
}

#[test]
fn an_agent_behind_what_cannot_be_told_or_ended_badly_is_not_started_and_holds_the_run_up() {
    for (first, stage_of) in [
        ("not an answer", choosing("floor", "a", "other") + &answering("other", PASS) + &stage("other", &["other"])),
        (FAIL, String::new()),
    ] {
        let bed = Bed::sqlite();
        let floor = answering("floor", first) + &stage("floor", &["floor"]);
        let needs = if stage_of.is_empty() { "needs = ['floor']\n" } else { "" };
        bed.manifest(&[&floor, &(bed.agent("a", &work(), "") + needs), &stage_of]);
        let ended = bed.run();
        ended.exits(if first == FAIL { 1 } else { 3 });
        let record = bed.dir.decision();
        assert_eq!(bed.starts("a"), 0, "{ended}");
        assert!(stages(&record).contains(&"a skipped".to_owned()), "{:?}", stages(&record));
    }
}

#[test]
fn a_stage_that_is_skipped_with_its_agent_is_no_go_also_where_the_rule_is_content() {
    let bed = Bed::sqlite();
    let bad = answering("bad", FAIL) + &stage("bad", &["bad"]);
    let rule = "[decision]\nexpr = 'floor'\n";
    bed.manifest(&[&floor(), &bad, &(bed.agent("a", &work(), "") + "needs = ['bad']\n"), rule]);
    bed.run().exits(3).says("agent-skipped");
    assert_eq!(codes(&bed.dir.decision()).iter().filter(|code| **code == "agent-skipped").count(), 1);
    assert_eq!(bed.starts("a"), 0);
}

#[test]
fn a_selection_has_the_agents_of_its_gates_and_no_others() {
    let bed = Bed::sqlite();
    bed.manifest(&[
        &floor(),
        &answering("checks", PASS),
        &bed.agent("a", &work(), "preflight = ['checks']\n"),
        &bed.agent("b", &work(), ""),
    ]);
    bed.portcullis(&["run", "--gates", "floor"]).run().exits(0);
    assert_eq!((bed.starts("a"), bed.starts("b")), (0, 0));
    assert_eq!(bed.dir.decision()["agents"], json!([]));
    bed.portcullis(&["run", "--gates", "checks"]).run().exits(0);
    assert_eq!((bed.starts("a"), bed.starts("b")), (1, 0));
    assert_eq!(texts(&bed.dir.decision()["agents"], "agent"), ["a"]);
    bed.run().exits(0);
    assert_eq!((bed.starts("a"), bed.starts("b")), (2, 1));
    bed.portcullis(&["run", "--dry-run"]).run().exits(0).says("a.sh");
    assert_eq!((bed.starts("a"), bed.starts("b")), (2, 1));
}

#[test]
fn a_run_without_agents_needs_no_state_and_makes_none() {
    let bed = Bed::sqlite();
    bed.dir.manifest(&format!("state = 'elsewhere.sqlite'\n{}", floor()));
    bed.run().exits(0);
    assert!(!bed.dir.has("elsewhere.sqlite"));
    assert_eq!(
        (&bed.dir.decision()["agents"], &bed.dir.decision()["errorBudget"]["status"]),
        (&json!([]), &json!("none"))
    );
}

#[test]
fn without_a_place_in_the_manifest_the_state_is_the_users_own() {
    let bed = Bed::sqlite();
    bed.dir.manifest(&format!("{}{}", floor(), bed.agent("a", &work(), "")));
    bed.run().exits(0);
    assert!(bed.dir.has("home/.local/share/portcullis/state.sqlite"));
    bed.portcullis(&["agent", "list"]).run().exits(0).says("a").says("COMPLETED");
    bed.portcullis(&["run"]).without("HOME").run().exits(2).refuses_with("no-state-folder");
    assert_eq!(bed.starts("a"), 1, "no agent runs unwatched");
}
