//! The tree for people at a terminal.

use std::fmt::Write as _;

use anstyle::Style;

use super::{
    super::{
        completion,
        palette::{BOLD, DIM, GREEN, MAGENTA, RED, YELLOW},
    },
    label::short,
    run::{GateEntry, Outcome, Ruling},
    shown::{Shown, outcome_words, pattern, status_sign},
};
use crate::{
    agent::StageStatus,
    files,
    manifest::{Condition, Enforcement, EvidenceSource, GatePlan, Stage, StageKind},
    text::counted,
};

/// How many names a list has at most.
const MOST_NAMES: usize = 12;

/// A line, and what hangs below it.
struct Node {
    line: String,
    below: Vec<Node>,
}

impl Node {
    fn leaf(line: String) -> Self {
        Self { line, below: Vec::new() }
    }
}

pub(super) fn text(shown: &Shown<'_>) -> String {
    let plan = shown.plan;
    let mut text = format!("{BOLD}{}{BOLD:#} ({})", short(&plan.name), files::shown(&plan.path));
    if let Some(run) = shown.run {
        let style = ruling_style(run.decision);
        let _ = write!(text, " · run {}: {style}{}{style:#}", short(&run.run_id), run.decision.name());
    }
    text.push('\n');
    let roots = (0..plan.stages.len()).filter(|index| !shown.hangs(*index));
    let mut nodes: Vec<_> = roots.filter_map(|index| stage(shown, index)).collect();
    nodes.extend(evidence(shown));
    nodes.push(Node::leaf(format!("go when {}", plan.rule.told())));
    nodes.extend(plan.completion.as_ref().map(|asked| Node::leaf(format!("complete: {}", completion::asked(asked)))));
    hang(&nodes, "", &mut text);
    text
}

/// Writes `nodes` below what stands there, each line behind `before`.
fn hang(nodes: &[Node], before: &str, text: &mut String) {
    for (position, node) in nodes.iter().enumerate() {
        let (sign, under) = if position + 1 == nodes.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let _ = writeln!(text, "{DIM}{before}{sign}{DIM:#}{}", node.line);
        hang(&node.below, &format!("{before}{under}"), text);
    }
}

fn stage(shown: &Shown<'_>, index: usize) -> Option<Node> {
    let stage = shown.plan.stages.get(index)?;
    let below = match &stage.kind {
        StageKind::Agent(_) => agent_gates(shown, stage),
        StageKind::Condition(condition) => branches(shown, stage, condition),
        StageKind::Gate | StageKind::Parallel => gates(shown, &stage.gates),
    };
    Some(Node { line: stage_line(shown, index, stage), below })
}

/// `✓ checks  parallel, needs first · completed`.
fn stage_line(shown: &Shown<'_>, index: usize, stage: &Stage) -> String {
    let status = shown.status(index);
    let mut line = String::new();
    if let Some(status) = status {
        let style = status_style(status);
        let _ = write!(line, "{style}{}{style:#} ", status_sign(status));
    }
    let _ = write!(line, "{BOLD}{}{BOLD:#}  {}", short(&stage.id), short(&shown.kind(stage)));
    if let Some(told) = shown.agent_told(stage) {
        let _ = write!(line, ", {told}");
    }
    let ids = |indices: &[usize]| {
        names(indices.iter().filter_map(|index| shown.plan.stages.get(*index)).map(|stage| stage.id.as_str()))
    };
    let branch = stage.branch.filter(|_| !shown.hangs(index));
    let condition = branch.and_then(|branch| Some((branch, shown.plan.stages.get(branch.condition)?)));
    if let Some((branch, condition)) = condition {
        let _ = write!(line, ", in the `{}` of {}", branch.side.name(), short(&condition.id));
    }
    for (word, indices) in [("needs", &stage.needs), ("after", &stage.after)] {
        if !indices.is_empty() {
            let _ = write!(line, ", {word} {}", ids(indices));
        }
    }
    if let Some(status) = status {
        let _ = write!(line, " · {}", status.name());
        if let Some(reason) = shown.reason(stage) {
            let _ = write!(line, ": {}", short(reason));
        }
    }
    line
}

fn agent_gates(shown: &Shown<'_>, stage: &Stage) -> Vec<Node> {
    let StageKind::Agent(agent) = stage.kind else { return Vec::new() };
    let Some(agent) = shown.plan.agents.get(agent) else { return Vec::new() };
    let asked = agent.gates().into_iter().filter(|(_, gates)| !gates.is_empty());
    asked.map(|(key, asked)| Node { line: key.to_owned(), below: gates(shown, asked) }).collect()
}

fn branches(shown: &Shown<'_>, stage: &Stage, condition: &Condition) -> Vec<Node> {
    let taken = shown.taken(stage);
    let mut nodes = vec![Node::leaf(format!("if {}", short(&condition.test.to_string())))];
    for (side, stages) in condition.sides() {
        let mark = if taken == Some(side) { format!(" {GREEN}taken{GREEN:#}") } else { String::new() };
        let below = stages.iter().map(|index| branch(shown, *index));
        nodes.push(Node { line: format!("{}{mark}", side.name()), below: below.collect() });
    }
    nodes
}

/// A stage of a branch, or its name where it has a tree of its own.
fn branch(shown: &Shown<'_>, index: usize) -> Node {
    let name = || shown.plan.stages.get(index).map_or_else(String::new, |stage| short(&stage.id));
    let hanging = if shown.hangs(index) { stage(shown, index) } else { None };
    hanging.unwrap_or_else(|| Node::leaf(format!("{} (below)", name())))
}

fn gates(shown: &Shown<'_>, indices: &[usize]) -> Vec<Node> {
    let gates = indices.iter().filter_map(|index| shown.plan.gates.get(*index));
    gates.map(|gate| Node::leaf(gate_line(shown, gate))).collect()
}

/// `✗ fail  flows  each flows/*.aether, advisory, needs readiness · 2 files fail`.
fn gate_line(shown: &Shown<'_>, gate: &GatePlan) -> String {
    let mut line = String::new();
    let outcome = shown.outcome(gate);
    match outcome {
        Some(GateEntry { outcome, .. }) => {
            let (style, (sign, word)) = (outcome_style(*outcome), outcome_words(*outcome));
            let _ = write!(line, "{style}{sign} {word}{style:#}  ");
        }
        None if shown.run.is_some() => {
            let _ = write!(line, "{DIM}○ –{DIM:#}  ");
        }
        None => {}
    }
    line.push_str(&short(&gate.name));
    let mut facts = Vec::new();
    facts.extend(pattern(gate).map(|pattern| format!("each {}", short(pattern))));
    let asked = gate.input.members();
    if !asked.is_empty() {
        let sources = asked.iter().filter_map(|(_, index)| shown.plan.evidence.get(*index));
        facts.push(format!("asked about {}", names(sources.map(|source| source.name.as_str()))));
    }
    if gate.enforcement == Enforcement::Advisory {
        facts.push("advisory".to_owned());
    }
    if !gate.needs.is_empty() {
        let needs = gate.needs.iter().filter_map(|need| shown.plan.gates.get(*need));
        facts.push(format!("needs {}", names(needs.map(|gate| gate.name.as_str()))));
    }
    if !facts.is_empty() {
        let _ = write!(line, "  {}", facts.join(", "));
    }
    match outcome {
        Some(GateEntry { outcome, summary, .. }) if *outcome != Outcome::Pass && !summary.is_empty() => {
            let _ = write!(line, " · {}", short(summary));
        }
        _ => {}
    }
    line
}

fn evidence(shown: &Shown<'_>) -> Option<Node> {
    let line = |(_, source): (usize, &EvidenceSource)| {
        let mut line = format!("{}  {}", short(&source.name), short(&shown.origin(source)));
        if !source.after.is_empty() {
            let after = source.after.iter().filter_map(|index| shown.plan.evidence.get(*index));
            let _ = write!(line, ", after {}", names(after.map(|source| source.name.as_str())));
        }
        Node::leaf(line)
    };
    let below: Vec<_> = shown.wanted_evidence().map(line).collect();
    (!below.is_empty()).then(|| Node { line: "evidence".to_owned(), below })
}

/// Some of them, and how many more there are.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names = names.map(short);
    let mut listed: Vec<String> = names.by_ref().take(MOST_NAMES).collect();
    let more = names.count();
    listed.extend((more > 0).then(|| counted(more, "other", "others")));
    listed.join(", ")
}

fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Pass => GREEN,
        Outcome::Fail => RED,
        Outcome::Review => YELLOW,
        Outcome::NotApplicable | Outcome::Skipped => DIM,
        Outcome::Fault => MAGENTA,
    }
}

fn status_style(status: StageStatus) -> Style {
    match status {
        StageStatus::Pending | StageStatus::Skipped => DIM,
        StageStatus::Running => YELLOW,
        StageStatus::Completed => GREEN,
        StageStatus::Failed => RED,
    }
}

fn ruling_style(ruling: Ruling) -> Style {
    match ruling {
        Ruling::Go => GREEN,
        Ruling::NoGo => RED,
        Ruling::Blocked => MAGENTA,
    }
}
