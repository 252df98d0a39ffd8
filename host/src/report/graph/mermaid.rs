//! The flowchart of Mermaid.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    label::mermaid as label,
    run::Outcome,
    shown::{Shown, agent_status, outcome_words, pattern, status_sign},
};
use crate::manifest::{GatePlan, StageKind};

/// The classes of what came of something, with how they look. Signs in the labels say the same.
const CLASSES: [(&str, &str); 10] = [
    ("pass", "fill:#d3f9d8,stroke:#2b8a3e"),
    ("fail", "fill:#ffe3e3,stroke:#c92a2a"),
    ("review", "fill:#fff3bf,stroke:#e67700"),
    ("not_applicable", "fill:#f1f3f5,stroke:#868e96"),
    ("skipped", "fill:#f1f3f5,stroke:#868e96,stroke-dasharray:4"),
    ("fault", "fill:#f3d9fa,stroke:#862e9c"),
    ("pending", "fill:#ffffff,stroke:#868e96"),
    ("running", "fill:#fff3bf,stroke:#e67700"),
    ("completed", "fill:#ebfbee,stroke:#2b8a3e"),
    ("failed", "fill:#fff5f5,stroke:#c92a2a"),
];

pub(super) fn mermaid(shown: &Shown<'_>) -> String {
    let mut text = String::from("flowchart TD\n");
    let mut classes = Classes::default();
    for index in 0..shown.plan.stages.len() {
        stage(shown, index, &mut classes, &mut text);
    }
    evidence(shown, &mut text);
    edges(shown, &mut text);
    decision(shown, &mut text);
    classes.write(&mut text);
    text
}

/// Nodes by what came of them.
#[derive(Default)]
struct Classes(BTreeMap<&'static str, Vec<String>>);

impl Classes {
    fn add(&mut self, class: &'static str, node: String) {
        self.0.entry(class).or_default().push(node);
    }

    fn write(&self, text: &mut String) {
        for (class, look) in CLASSES {
            if let Some(nodes) = self.0.get(class) {
                let _ = writeln!(text, "  classDef {class} {look}\n  class {} {class}", nodes.join(","));
            }
        }
    }
}

/// A stage as a box around its gates, or as the rhombus of a condition.
fn stage(shown: &Shown<'_>, index: usize, classes: &mut Classes, text: &mut String) {
    let Some(stage) = shown.plan.stages.get(index) else { return };
    let status = shown.status(index);
    if let Some(status) = status {
        classes.add(status.name(), format!("s{index}"));
    }
    let sign = status.map(|status| format!("{} ", status_sign(status))).unwrap_or_default();
    let title = format!("{sign}{}<br/>{}", label(&stage.id), label(&shown.kind(stage)));
    if let StageKind::Condition(condition) = &stage.kind {
        let _ = writeln!(text, "  s{index}{{\"{title}<br/>{}\"}}", label(&condition.test.to_string()));
        return;
    }
    let _ = writeln!(text, "  subgraph s{index}[\"{title}\"]");
    if let StageKind::Agent(agent) = stage.kind
        && let Some(plan) = shown.plan.agents.get(agent)
    {
        let mut title = label(&plan.name);
        if let Some(entry) = shown.agent(plan) {
            classes.add(agent_status(entry.status).name(), format!("a{agent}"));
            let _ = write!(title, "<br/>{}", label(&entry.told()));
        }
        let _ = writeln!(text, "    a{agent}[[\"{title}\"]]");
        for (key, gates) in plan.gates() {
            text.extend(gates.iter().map(|gate| format!("    a{agent} ---|{key}| g{gate}\n")));
        }
    }
    for index in &stage.gates {
        if let Some(plan) = shown.plan.gates.get(*index) {
            gate(shown, (*index, plan), classes, text);
        }
    }
    text.push_str("  end\n");
}

fn gate(shown: &Shown<'_>, (index, gate): (usize, &GatePlan), classes: &mut Classes, text: &mut String) {
    let mut title = label(&gate.name);
    if let Some(entry) = shown.outcome(gate) {
        let (sign, word) = outcome_words(entry.outcome);
        classes.add(class(entry.outcome), format!("g{index}"));
        let _ = write!(title, "<br/>{}", label(&format!("{sign} {word}")));
    }
    if let Some(pattern) = pattern(gate) {
        let _ = write!(title, "<br/>each {}", label(pattern));
    }
    let _ = writeln!(text, "    g{index}[\"{title}\"]");
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotApplicable => "not_applicable",
        outcome => outcome_words(outcome).1,
    }
}

/// The evidence that is asked for, and who asks.
fn evidence(shown: &Shown<'_>, text: &mut String) {
    for (index, source) in shown.wanted_evidence() {
        let _ = writeln!(text, "  e{index}[(\"{}<br/>{}\")]", label(&source.name), label(&shown.origin(source)));
    }
    for (from, to) in shown.asked() {
        let _ = writeln!(text, "  {from} -.-> {to}");
    }
}

fn edges(shown: &Shown<'_>, text: &mut String) {
    for (index, stage) in shown.plan.stages.iter().enumerate() {
        text.extend(stage.needs.iter().map(|need| format!("  s{need} --> s{index}\n")));
        text.extend(stage.after.iter().map(|before| format!("  s{before} -.-> s{index}\n")));
        let StageKind::Condition(condition) = &stage.kind else { continue };
        let taken = shown.taken(stage);
        for (side, stages) in condition.sides() {
            let arrow = if taken == Some(side) { "==>" } else { "-->" };
            text.extend(stages.iter().map(|to| format!("  s{index} {arrow}|{}| s{to}\n", side.name())));
        }
    }
    for (index, gate) in shown.plan.gates.iter().enumerate() {
        text.extend(gate.needs.iter().map(|need| format!("  g{need} --> g{index}\n")));
    }
}

fn decision(shown: &Shown<'_>, text: &mut String) {
    let came = shown.run.map(|run| format!("{}<br/>", label(run.decision.name()))).unwrap_or_default();
    let _ = writeln!(text, "  d([\"{came}go when {}\"])", label(&shown.plan.rule.told()));
    text.extend(shown.last().into_iter().map(|index| format!("  s{index} --> d\n")));
}
