//! `[[stage]]`: the steps of the run, in an order in which they can run.

use super::{
    AgentPlan, Branch, EvidenceSource, GatePlan, Stage, StageKind,
    branches::{check_sides, condition},
    problems::{Problems, quoted},
    reader::{At, Table, check_name, wrong_type},
    resolve::Names,
    sequence::{check_order, imply, ordered},
};
use crate::diagnostic::Diagnostic;

/// A type of stage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Gate,
    Parallel,
    Agent,
    Condition,
}

const TYPES: [(&str, Type); 4] =
    [("gate", Type::Gate), ("parallel", Type::Parallel), ("agent", Type::Agent), ("condition", Type::Condition)];

impl Type {
    /// Its word as it is written, and the keys that such a stage takes.
    fn keys(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Gate => ("type = \"gate\"", &["id", "type", "gates", "needs"]),
            Self::Parallel => ("type = \"parallel\"", &["id", "type", "gates", "needs"]),
            Self::Agent => ("type = \"agent\"", &["id", "type", "agent", "needs"]),
            Self::Condition => ("type = \"condition\"", &["id", "type", "if", "then", "else", "needs"]),
        }
    }
}

/// The keys of all types.
const KEYS: [&str; 8] = ["id", "type", "gates", "agent", "if", "then", "else", "needs"];

/// Gates as they are written, each with its name.
pub(super) type Written<'t> = [(At<&'t str>, Option<Table<'t>>)];

/// What stages are made of; names are told with where they are written.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a, 't> {
    pub(super) gates: &'a [GatePlan],
    pub(super) gate_names: &'a Names<'t>,
    pub(super) written_gates: &'a Written<'t>,
    pub(super) agents: &'a [AgentPlan],
    pub(super) agent_names: &'a Names<'t>,
    pub(super) written_agents: &'a Written<'t>,
    pub(super) evidence: &'a [EvidenceSource],
    pub(super) evidence_names: &'a Names<'t>,
}

/// Where everything stands, as indices of stages in the order of the file.
pub(super) struct Placed {
    pub(super) gates: Vec<Option<usize>>,
    pub(super) agents: Vec<Option<usize>>,
    branches: Vec<Option<Branch>>,
}

/// The stages; without any, one in which all gates run. Stages keep the file's order but for what they need.
pub(super) fn stages(root: Table<'_>, parts: Parts<'_, '_>, problems: &mut Problems<'_>) -> Vec<Stage> {
    let tables = stage_tables(root, problems);
    let mut placed = Placed {
        gates: vec![None; parts.gates.len()],
        agents: vec![None; parts.agents.len()],
        branches: vec![None; tables.len()],
    };
    if tables.is_empty() {
        check_agents(&placed, parts, problems);
        return vec![all(parts.gates.len())];
    }
    let ids: Vec<_> = tables.iter().map(|table| id(*table, problems)).collect();
    check_ids(&ids, problems);
    let names = Names::new(("unknown-stage", "stage"), ids.iter().map(|id| id.it).collect());
    let stage = |(index, table): (usize, &Table<'_>)| stage((index, *table), (parts, &names), &mut placed, problems);
    let mut stages: Vec<Stage> = tables.iter().enumerate().map(stage).collect();
    check_agents(&placed, parts, problems);
    check_gates(&placed, parts, problems);
    stages.iter_mut().zip(&placed.branches).for_each(|(stage, branch)| stage.branch = *branch);
    check_sides(&stages, &ids, problems);
    imply(&mut stages, parts, &placed);
    let stages = ordered(stages, &ids, problems);
    check_order(&stages, parts, problems);
    stages
}

/// The stage of a manifest that has none.
fn all(gates: usize) -> Stage {
    Stage {
        id: "all".to_owned(),
        kind: StageKind::Parallel,
        gates: (0..gates).collect(),
        needs: Vec::new(),
        after: Vec::new(),
        branch: None,
    }
}

fn stage_tables<'t>(root: Table<'t>, problems: &mut Problems<'_>) -> Vec<Table<'t>> {
    let Some(node) = root.get("stage") else { return Vec::new() };
    let array = node.get_ref().as_array().or_else(|| wrong_type(node, "an array of tables", problems));
    array.into_iter().flat_map(|array| array.iter()).filter_map(|node| Table::open(node, problems)).collect()
}

fn id<'t>(table: Table<'t>, problems: &mut Problems<'_>) -> At<&'t str> {
    let Some(id) = table.required("id", problems) else { return At { at: table.at, it: "" } };
    check_name(id, problems);
    id
}

fn check_ids(ids: &[At<&str>], problems: &mut Problems<'_>) {
    let mut seen = std::collections::HashSet::new();
    for id in ids.iter().filter(|id| !id.it.is_empty()) {
        if !seen.insert(id.it) {
            let message = format!("two stages have the id {}", quoted(id.it));
            problems.add(id.at, Diagnostic::new("duplicate-stage", message));
        }
    }
}

/// The stage that `table` is, with everything as indices of the file's order.
fn stage(
    (index, table): (usize, Table<'_>),
    (parts, names): (Parts<'_, '_>, &Names<'_>),
    placed: &mut Placed,
    problems: &mut Problems<'_>,
) -> Stage {
    let kind = kind(table, problems);
    let mut stage = Stage {
        id: names.name(index).to_owned(),
        kind: StageKind::Parallel,
        gates: Vec::new(),
        needs: names.find_all(&table.strings("needs", problems), problems),
        after: Vec::new(),
        branch: None,
    };
    match kind {
        Some(Type::Agent) => {
            let agent = table.required("agent", problems).and_then(|name| {
                let it = parts.agent_names.find(name, problems)?;
                place_agent(At { at: name.at, it }, index, (parts, names), placed, problems)
            });
            if let Some(agent) = agent {
                stage.kind = StageKind::Agent(agent);
                stage.gates = gates_of(agent, index, (parts, names), placed, problems);
            }
        }
        Some(Type::Condition) => {
            let known = (parts.gate_names, parts.evidence_names, names);
            let condition = condition(index, table, known, &mut placed.branches, problems);
            stage.kind = condition.map_or(stage.kind, StageKind::Condition);
        }
        Some(Type::Gate | Type::Parallel) | None => {
            let named = table.strings("gates", problems);
            check_count(kind, named.len(), table.at, problems);
            let found = named.iter().filter_map(|name| {
                let it = parts.gate_names.find(*name, problems)?;
                place_gate(At { at: name.at, it }, index, (parts, names), placed, problems)
            });
            stage.gates = found.collect();
            stage.kind = if kind == Some(Type::Gate) { StageKind::Gate } else { StageKind::Parallel };
        }
    }
    stage
}

/// The type that `table` says; a key that no such stage takes is a problem.
fn kind(table: Table<'_>, problems: &mut Problems<'_>) -> Option<Type> {
    if table.get("type").is_none() {
        let help = "write `type = \"parallel\"`, or `type = \"gate\"` for a single gate";
        problems.add(table.at, Diagnostic::new("missing-key", "missing key `type`").help(help));
    }
    let kind = table.word("type", &TYPES, problems);
    match kind {
        Some(kind) => table.only_beside(kind.keys(), |key| KEYS.contains(&key), problems),
        None => {
            table.only(&KEYS, problems);
        }
    }
    kind
}

fn check_count(kind: Option<Type>, gates: usize, at: usize, problems: &mut Problems<'_>) {
    match kind {
        Some(Type::Gate) if gates != 1 => {
            let message = format!("a stage of the type `gate` has one gate, and this has {gates}");
            problems.add(at, Diagnostic::new("stage-gates", message).help("`type = \"parallel\"` takes any number"));
        }
        Some(_) if gates == 0 => problems.add(at, Diagnostic::new("stage-gates", "the stage has no gates")),
        _ => {}
    }
}

/// The gates that an agent names, which its stage asks.
fn gates_of(
    agent: usize,
    index: usize,
    known: (Parts<'_, '_>, &Names<'_>),
    placed: &mut Placed,
    problems: &mut Problems<'_>,
) -> Vec<usize> {
    let Some(plan) = known.0.agents.get(agent) else { return Vec::new() };
    let at = known.0.written_agents.get(agent).map_or(0, |(name, _)| name.at);
    let named = plan.gates().into_iter().flat_map(|(_, gates)| gates);
    named.filter_map(|gate| place_gate(At { at, it: *gate }, index, known, placed, problems)).collect()
}

/// The gate, noted as standing in the stage `index`; that it stood somewhere before is a problem.
fn place_gate(
    gate: At<usize>,
    index: usize,
    (parts, stages): (Parts<'_, '_>, &Names<'_>),
    placed: &mut Placed,
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let name = quoted(parts.gate_names.name(gate.it));
    match placed.gates.get_mut(gate.it)?.replace(index) {
        None => return Some(gate.it),
        Some(before) if before == index => {
            let message = format!("gate {name} stands in this stage twice");
            problems.add(gate.at, Diagnostic::new("gate-staged-twice", message));
        }
        Some(before) => {
            let before = quoted(stages.name(before));
            let message = format!("gate {name} stands in the stage {before} already");
            problems.add(gate.at, Diagnostic::new("gate-staged-twice", message));
        }
    }
    None
}

/// The agent, noted as running in the stage `index`; that it ran somewhere before is a problem.
fn place_agent(
    agent: At<usize>,
    index: usize,
    (parts, stages): (Parts<'_, '_>, &Names<'_>),
    placed: &mut Placed,
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let Some(before) = placed.agents.get_mut(agent.it)?.replace(index) else { return Some(agent.it) };
    let [name, before] = [parts.agent_names.name(agent.it), stages.name(before)].map(quoted);
    let message = format!("agent {name} runs in the stage {before} already");
    problems.add(agent.at, Diagnostic::new("agent-staged-twice", message));
    None
}

fn check_agents(placed: &Placed, parts: Parts<'_, '_>, problems: &mut Problems<'_>) {
    for ((name, _), _) in parts.written_agents.iter().zip(&placed.agents).filter(|(_, stage)| stage.is_none()) {
        let message = format!("agent {} stands in no stage, so it would never run", quoted(name.it));
        let help = "name it in a stage of the type `agent`: `agent = \"NAME\"`";
        problems.add(name.at, Diagnostic::new("agent-unstaged", message).help(help));
    }
}

fn check_gates(placed: &Placed, parts: Parts<'_, '_>, problems: &mut Problems<'_>) {
    let mut of_agents = vec![false; parts.gates.len()];
    for gate in parts.agents.iter().flat_map(AgentPlan::gates).flat_map(|(_, gates)| gates) {
        of_agents[*gate] = true;
    }
    let unplaced = placed.gates.iter().zip(of_agents).map(|(stage, of_agent)| stage.is_none() && !of_agent);
    for ((name, _), _) in parts.written_gates.iter().zip(unplaced).filter(|(_, unplaced)| *unplaced) {
        let message = format!("gate {} stands in no stage, so it would never run", quoted(name.it));
        problems.add(name.at, Diagnostic::new("gate-unstaged", message).help("name it in the `gates` of one stage"));
    }
}
