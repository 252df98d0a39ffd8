//! The digraph of Graphviz.

use std::fmt::Write as _;

use super::{
    label::dot as label,
    run::{Outcome, Ruling},
    shown::{Node, Shown, outcome_words, pattern, status_sign},
};
use crate::{
    agent::StageStatus,
    files,
    manifest::{GatePlan, Stage, StageKind},
};

pub(super) fn dot(shown: &Shown<'_>) -> String {
    let plan = shown.plan;
    let mut text = String::from("digraph plan {\n");
    text.push_str("  node [shape=box, style=filled, fillcolor=white];\n");
    for (index, stage) in plan.stages.iter().enumerate() {
        one_stage(shown, (index, stage), &mut text);
    }
    evidence(shown, &mut text);
    edges(shown, &mut text);
    decision(shown, &mut text);
    // What stands before the boxes would be their title too.
    let run = shown.run.map(|run| format!("\\nrun {}", label(&run.run_id))).unwrap_or_default();
    let title = format!("{} ({})", label(&plan.name), label(&files::shown(&plan.path)));
    let _ = writeln!(text, "  label=\"{title}{run}\"; labelloc=t;");
    text.push_str("}\n");
    text
}

/// A stage as a node of its own, and around it and its gates a box.
fn one_stage(shown: &Shown<'_>, (index, stage): (usize, &Stage), text: &mut String) {
    let status = shown.status(index);
    let sign = status.map(|status| format!("{} ", status_sign(status))).unwrap_or_default();
    let colour = status.map_or("white", status_colour);
    let told = shown.agent_told(stage).map(|told| format!("\\n{}", label(&told))).unwrap_or_default();
    let title = format!("{sign}{}\\n{}{told}", label(&stage.id), label(&shown.kind(stage)));
    if let StageKind::Condition(condition) = &stage.kind {
        let test = label(&condition.test.to_string());
        let _ = writeln!(text, "  s{index} [label=\"{title}\\n{test}\", shape=diamond, fillcolor=\"{colour}\"];");
        return;
    }
    let _ = writeln!(text, "  subgraph cluster_s{index} {{");
    let _ = writeln!(text, "    s{index} [label=\"{title}\", shape=tab, fillcolor=\"{colour}\"];");
    for gate in &stage.gates {
        if let Some(plan) = shown.plan.gates.get(*gate) {
            one_gate(shown, (*gate, plan), text);
        }
    }
    for (key, gates) in asked_by(shown, stage) {
        let key = key.map(|key| format!(", label=\"{key}\"")).unwrap_or_default();
        text.extend(gates.iter().map(|gate| format!("    s{index} -> g{gate} [arrowhead=none{key}];\n")));
    }
    text.push_str("  }\n");
}

/// The gates that a stage asks; those of an agent with the key at which it names them.
fn asked_by<'s>(shown: &Shown<'s>, stage: &'s Stage) -> Vec<(Option<&'static str>, &'s [usize])> {
    let agent = if let StageKind::Agent(agent) = stage.kind { shown.plan.agents.get(agent) } else { None };
    match agent {
        Some(agent) => agent.gates().into_iter().map(|(key, gates)| (Some(key), gates)).collect(),
        None => vec![(None, stage.gates.as_slice())],
    }
}

fn one_gate(shown: &Shown<'_>, (index, gate): (usize, &GatePlan), text: &mut String) {
    let mut title = label(&gate.name);
    let mut colour = "white";
    if let Some(entry) = shown.outcome(gate) {
        let (sign, word) = outcome_words(entry.outcome);
        colour = outcome_colour(entry.outcome);
        let _ = write!(title, "\\n{sign} {word}");
    }
    if let Some(pattern) = pattern(gate) {
        let _ = write!(title, "\\neach {}", label(pattern));
    }
    let _ = writeln!(text, "    g{index} [label=\"{title}\", fillcolor=\"{colour}\"];");
}

/// The evidence that is asked for, and who asks.
fn evidence(shown: &Shown<'_>, text: &mut String) {
    for (index, source) in shown.wanted_evidence() {
        let (name, origin) = (label(&source.name), label(&shown.origin(source)));
        let _ = writeln!(text, "  e{index} [label=\"{name}\\n{origin}\", shape=cylinder];");
    }
    for (from, to) in shown.asked() {
        // An agent has no node here but that of its stage.
        let from = match from {
            Node::Agent(agent) => shown.stage_of(agent).map_or(from, Node::Stage),
            from => from,
        };
        let _ = writeln!(text, "  {from} -> {to} [style=dotted];");
    }
}

fn edges(shown: &Shown<'_>, text: &mut String) {
    for (index, stage) in shown.plan.stages.iter().enumerate() {
        text.extend(stage.needs.iter().map(|need| format!("  s{need} -> s{index};\n")));
        text.extend(stage.after.iter().map(|before| format!("  s{before} -> s{index} [style=dashed];\n")));
        let StageKind::Condition(condition) = &stage.kind else { continue };
        let taken = shown.taken(stage);
        for (side, stages) in condition.sides() {
            let width = if taken == Some(side) { ", penwidth=2" } else { "" };
            let edge = |to: &usize| format!("  s{index} -> s{to} [label=\"{}\"{width}];\n", side.name());
            text.extend(stages.iter().map(edge));
        }
    }
    for (index, gate) in shown.plan.gates.iter().enumerate() {
        text.extend(gate.needs.iter().map(|need| format!("  g{need} -> g{index};\n")));
    }
}

fn decision(shown: &Shown<'_>, text: &mut String) {
    let came = shown.run.map(|run| format!("{}\\n", run.decision.name())).unwrap_or_default();
    let colour = match shown.run.map(|run| run.decision) {
        None => "white",
        Some(Ruling::Go) => outcome_colour(Outcome::Pass),
        Some(Ruling::NoGo) => outcome_colour(Outcome::Fail),
        Some(Ruling::Blocked) => outcome_colour(Outcome::Fault),
    };
    let rule = label(&shown.plan.rule.told());
    let _ = writeln!(text, "  d [label=\"{came}go when {rule}\", shape=oval, fillcolor=\"{colour}\"];");
    text.extend(shown.last().into_iter().map(|index| format!("  s{index} -> d;\n")));
}

fn outcome_colour(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "#d3f9d8",
        Outcome::Fail => "#ffe3e3",
        Outcome::Review => "#fff3bf",
        Outcome::NotApplicable | Outcome::Skipped => "#f1f3f5",
        Outcome::Fault => "#f3d9fa",
    }
}

fn status_colour(status: StageStatus) -> &'static str {
    match status {
        StageStatus::Pending => "white",
        StageStatus::Running => "#fff3bf",
        StageStatus::Completed => "#d3f9d8",
        StageStatus::Failed => "#ffe3e3",
        StageStatus::Skipped => "#f1f3f5",
    }
}
