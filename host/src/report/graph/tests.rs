//! Drawings of one pipeline in every form, and that no name in one is anything but a name.

use std::path::Path;

use proptest::prelude::*;

use super::{
    super::samples::check_golden,
    samples::{RECORD, plan, run},
    *,
};
use crate::{
    agent::StageStatus,
    manifest::{Overrides, Side, StageKind, Template, parse},
};

const FORMS: [GraphForm; 3] = [GraphForm::Text, GraphForm::Mermaid, GraphForm::Dot];

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_pipeline_is_drawn_as_it_was() {
    let goldens = [
        ("graph.txt", include_str!("../testdata/graph.txt")),
        ("graph.mmd", include_str!("../testdata/graph.mmd")),
        ("graph.dot", include_str!("../testdata/graph.dot")),
    ];
    for (form, (name, golden)) in FORMS.into_iter().zip(goldens) {
        check_golden(name, &plain(&graph(&plan(), None, form)), golden);
    }
}

#[test]
fn what_completion_asks_for_is_one_line_of_the_tree() {
    let manifest = "schema = 1\nname = 'a'\ntrust = 't'\n[gate.g]\nmodule = 'm'\n[completion]\ntask_class = 'cli'\n";
    let plan = parse(manifest.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan");
    let text = plain(&graph(&plan, None, GraphForm::Text));
    let last = "└─ complete: product_complete (cli) when headless_run, stdout_golden passed\n";
    assert!(text.ends_with(&format!("├─ go when every mandatory gate passes\n{last}")), "{text}");
}

#[test]
fn a_run_is_drawn_as_it_was() {
    let goldens = [
        ("graph-run.txt", include_str!("../testdata/graph-run.txt")),
        ("graph-run.mmd", include_str!("../testdata/graph-run.mmd")),
        ("graph-run.dot", include_str!("../testdata/graph-run.dot")),
    ];
    for (form, (name, golden)) in FORMS.into_iter().zip(goldens) {
        check_golden(name, &plain(&graph(&plan(), Some(&run()), form)), golden);
    }
    let coloured = graph(&plan(), Some(&run()), GraphForm::Text);
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31m✗ fail"), "failures are red");
}

/// The status of every stage of the sample, and the side that its condition took.
fn came_to(record: &str) -> (String, Option<Side>) {
    let (plan, run) = (plan(), GraphRun::read(record.as_bytes()).expect("a record"));
    let shown = Shown::new(&plan, Some(&run));
    let words = (0..plan.stages.len()).filter_map(|index| shown.status(index)).map(StageStatus::name);
    (words.collect::<Vec<_>>().join(" "), shown.taken(&plan.stages[1]))
}

#[test]
fn a_stage_has_the_status_that_the_record_says_or_that_its_gates_show() {
    let with = |gates: &str, stages: &str| {
        let policy = r#""policy":{"digest":{"sha256":""}}"#;
        format!(r#"{{"schemaVersion":1,"runId":"r","decision":"go",{policy},"gates":[{gates}]{stages}}}"#)
    };
    let gate = |id: &str, outcome: &str| format!(r#"{{"id":"{id}","outcome":"{outcome}"}}"#);
    for (record, expect, taken) in [
        (with("", ""), "pending pending pending pending pending", None),
        (RECORD.to_owned(), "completed completed failed skipped pending", Some(Side::Then)),
        (
            with(&[gate("readiness", "not_applicable"), gate("waits", "review")].join(","), ""),
            "completed completed pending pending completed",
            Some(Side::Else),
        ),
        (with(&gate("flows", "fault"), ""), "completed pending pending pending pending", None),
        (
            with(
                &gate("launch", "pass"),
                r#","stages":[{"id":"first","status":"running"},{"id":"choose","status":"failed","reason":"unknown"},
                {"id":"ship","status":"skipped"},{"id":"hold","status":"completed","taken":null}]"#,
            ),
            "running failed pending skipped completed",
            None,
        ),
        (
            with("", r#","stages":[{"id":"choose","status":"completed","taken":"else"}]"#),
            "pending completed pending pending pending",
            Some(Side::Else),
        ),
    ] {
        assert_eq!(came_to(&record), (expect.to_owned(), taken), "{record}");
    }
}

#[test]
fn an_agents_own_status_stands_beside_its_name() {
    for (status, phase, expect, class) in [
        ("COMPLETED", "\"EXIT\"", "COMPLETED", "completed"),
        ("REVOKED", "\"REVOKED\"", "REVOKED", "failed"),
        ("FAILED", "\"EXECUTE\"", "FAILED in EXECUTE", "failed"),
        ("PENDING", "null", "PENDING", "pending"),
        ("PAUSED", "\"PLAN\"", "PAUSED in PLAN", "running"),
    ] {
        let record = RECORD.replace("\"FAILED\"", &format!("\"{status}\"")).replace("\"VERIFY\"", phase);
        let run = GraphRun::read(record.as_bytes()).expect("a record");
        let drawn = |form| plain(&graph(&plan(), Some(&run), form));
        let (text, mermaid, dot) = (drawn(GraphForm::Text), drawn(GraphForm::Mermaid), drawn(GraphForm::Dot));
        assert!(text.contains(&format!("build  agent builder, tier 1, {expect}, needs first")), "{text}");
        assert!(mermaid.contains(&format!("    a0[[\"builder<br/>{expect}\"]]\n")), "{mermaid}");
        let classes = mermaid.lines().find(|line| line.ends_with(&format!(" {class}")) && line.contains("a0"));
        assert!(classes.is_some(), "{mermaid}");
        assert!(dot.contains(&format!("build\\nagent builder, tier 1\\n{expect}\"")), "{dot}");
    }
}

#[test]
fn what_is_no_record_is_refused_with_a_reason() {
    let one = |from: &str, to: &str| RECORD.replace(from, to);
    for (record, reason) in [
        (String::new(), "EOF while parsing a value"),
        ("[]".to_owned(), "invalid length 0"),
        (one("\"runId\"", "\"run\""), "missing field `runId`"),
        (one("\"schemaVersion\": 1", "\"schemaVersion\": 2"), "this version reads schema 1, and here is 2"),
        (one("\"fault\"", "\"\\u001b[2Jfine\""), "unknown variant `\\u{1b}[2Jfine`"),
        (one("\"blocked\"", "\"maybe\""), "unknown variant `maybe`"),
        (
            one("\"gates\": [", "\"stages\": [{\"id\":\"first\",\"status\":\"done\"}], \"gates\": ["),
            "unknown variant `done`",
        ),
        (one("\"FAILED\"", "\"failed\""), "unknown variant `failed`"),
        (one("\"VERIFY\"", "\"NEXT\""), "unknown variant `NEXT`"),
    ] {
        let error = GraphRun::read(record.as_bytes()).expect_err(reason);
        assert_eq!(error.code(), "bad-record");
        let told = error.to_string();
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn conditions_that_lead_to_conditions_without_end_are_drawn_in_trees_of_some_depth() {
    let mut manifest = String::from(
        "schema=1\nname='t'\ntrust='t'\n[gate.g]\nmodule='m'\n[gate.h]\nmodule='m'\n[[stage]]\nid='g'\ntype='gate'\ngates=['g']\n",
    );
    const CONDITIONS: usize = 5_000;
    for index in 0..CONDITIONS {
        let next = if index + 1 < CONDITIONS { format!("c{}", index + 1) } else { "h".to_owned() };
        manifest += &format!("[[stage]]\nid='c{index}'\ntype='condition'\nif='g'\nthen=['{next}']\n");
    }
    manifest += "[[stage]]\nid='h'\ntype='gate'\ngates=['h']\n";
    let plan = parse(manifest.as_bytes(), "p.toml".as_ref(), &Overrides::default()).expect("a plan");
    for form in FORMS {
        let text = plain(&graph(&plan, Some(&run()), form));
        assert!(text.len() < 2_000_000, "{}", text.len());
    }
    let text = plain(&graph(&plan, None, GraphForm::Text));
    assert!(text.lines().all(|line| line.chars().count() < 200));
    assert!(
        text.contains("─ c8 (below)") && text.contains("\n├─ c8  condition, in the `then` of c7, after g\n"),
        "{text:.2000}"
    );
}

/// The sample with all names and texts that somebody else wrote taken from `texts`, and its run too.
fn hostile(texts: &[String; 4]) -> (Plan, GraphRun) {
    let (mut plan, mut run) = (plan(), run());
    let [one, two, three, four] = texts;
    plan.name.clone_from(one);
    plan.path = one.into();
    plan.stages.iter_mut().for_each(|stage| stage.id.clone_from(two));
    plan.gates.iter_mut().for_each(|gate| gate.name.clone_from(three));
    plan.agents.iter_mut().for_each(|agent| agent.name.clone_from(four));
    plan.evidence[0].origin = crate::manifest::Origin::Env(vec![one.clone()]);
    plan.evidence[1].origin = crate::manifest::Origin::Files { pattern: two.clone(), root: one.into() };
    if let crate::manifest::Origin::Command(command) = &mut plan.evidence[2].origin {
        command.argv = vec![Template::text(three.clone())];
    }
    plan.gates[1].input = crate::manifest::Input::Each { pattern: four.clone(), root: one.into() };
    run.run_id.clone_from(four);
    let json = serde_json::json!({"id": three, "outcome": "fail", "summary": one});
    run.gates = [(three.clone(), serde_json::from_value(json).expect("an entry"))].into();
    let json = serde_json::json!({"id": two, "status": "failed", "reason": three});
    run.stages = [(two.clone(), serde_json::from_value(json).expect("an entry"))].into();
    let json = serde_json::json!({"agent": four, "status": "REVOKED", "phase": "REVOKED"});
    run.agents = [(four.clone(), serde_json::from_value(json).expect("an entry"))].into();
    (plan, run)
}

/// A drawing without the insides of its labels, or nothing where a label never ends. In Graphviz a backslash takes the sign
/// behind it along, in Mermaid nothing does.
fn skeleton(text: &str, escapes: bool) -> Option<String> {
    let mut bare = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        bare.push(character);
        if character == '"' {
            loop {
                match characters.next()? {
                    '"' => break,
                    '\n' => return None,
                    '\\' if escapes => drop(characters.next()?),
                    _ => {}
                }
            }
            bare.push('"');
        }
    }
    Some(bare)
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"\\\\\\]\\[(){}<>|;&#%`'\n\r\t -]{0,16}",
        "\\PC{0,12}",
        proptest::collection::vec(any::<char>(), 0..12).prop_map(|name| name.into_iter().collect()),
        prop::sample::select(vec![
            "\"]; click s0 \"javascript:alert(1)\"",
            "\\\"]; } digraph x {",
            "end",
            "<script>alert(1)</script>",
            "%%{init: {}}%%",
            "x\\",
            "#quot;",
            "\u{202e}gnp",
            "##[add-mask]e",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn no_name_is_anything_but_a_name(names in [any_name(), any_name(), any_name(), any_name()], with_run in any::<bool>()) {
        let harmless = ["name", "stage", "gate", "agent"].map(str::to_owned);
        let draw = |(plan, run): &(Plan, GraphRun), form| graph(plan, with_run.then_some(run), form);
        let (hostile, harmless) = (hostile(&names), hostile(&harmless));
        for (form, escapes) in [(GraphForm::Mermaid, false), (GraphForm::Dot, true)] {
            let text = draw(&hostile, form);
            prop_assert_eq!(skeleton(&text, escapes), skeleton(&draw(&harmless, form), escapes), "{}", text);
        }
        for form in FORMS {
            let text = plain(&draw(&hostile, form));
            let is_obeyed = |character: char| character != '\n' && crate::text::is_unsafe(character);
            prop_assert!(!text.contains(is_obeyed) && !text.contains("##["), "{:?}", text);
            prop_assert_eq!(text.lines().count(), plain(&draw(&harmless, form)).lines().count(), "{:?}", text);
        }
    }

    #[test]
    fn a_label_of_mermaid_has_no_sign_that_means_something(name in any_name()) {
        let label = label::mermaid(&name);
        prop_assert!(!label.contains(['"', '<', '>', '`', '\n', '&', '\\', '%', '|', '[', '{', '(', '*']), "{}", label);
        // A `#` only ever starts a number.
        prop_assert!(label.split('#').skip(1).all(|behind| {
            behind.split_once(';').is_some_and(|(digits, _)| digits.parse::<u32>().is_ok())
        }), "{}", label);
    }

    #[test]
    fn any_bytes_are_a_record_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0..RECORD.len()) {
        let _ = GraphRun::read(&bytes);
        let mut record = RECORD.as_bytes().to_vec();
        record.truncate(at);
        record.extend(bytes);
        let _ = GraphRun::read(&record);
    }
}

#[test]
fn every_node_of_an_edge_is_drawn() {
    let text = graph(&plan(), None, GraphForm::Dot);
    let skeleton = skeleton(&text, true).expect("every label ends");
    let nodes: std::collections::HashSet<&str> = skeleton
        .lines()
        .filter(|line| line.contains("[label=") && !line.contains("->"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for edge in skeleton.lines().filter(|line| line.contains(" -> ")) {
        let ends: Vec<_> =
            edge.split_whitespace().filter(|word| *word != "->").take(2).map(|end| end.trim_end_matches(';')).collect();
        assert!(ends.iter().all(|end| nodes.contains(end)), "{edge}: {nodes:?}");
    }
    let stages = plan().stages.iter().filter(|stage| !matches!(stage.kind, StageKind::Condition(_))).count();
    assert_eq!(skeleton.matches("subgraph").count(), stages);
}
