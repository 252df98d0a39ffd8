//! The order of stages: what is written as a need, what follows from what is asked, and what can have none.

use super::{
    AgentPlan, Stage, StageKind,
    late::{Agents, awaited},
    order::{order, shown},
    problems::{Problems, quoted},
    reader::At,
    stages::{Parts, Placed},
};
use crate::diagnostic::Diagnostic;

/// Notes what each stage comes after, because it asks what came of that: a condition after the stages of its gates, and
/// whatever asks about an agent's output after that agent's stage.
pub(super) fn imply(stages: &mut [Stage], parts: Parts<'_, '_>, placed: &Placed) {
    let awaited = awaited(parts.evidence);
    for (index, stage) in stages.iter_mut().enumerate() {
        let asked = stage.gates.iter().filter_map(|gate| parts.gates.get(*gate));
        let mut agents = Agents::default();
        let mut await_evidence = |index: usize| awaited.get(index).into_iter().for_each(|more| agents.join(*more));
        asked.flat_map(|gate| gate.input.members()).for_each(|(_, evidence)| await_evidence(evidence));
        let mut after = Vec::new();
        if let StageKind::Condition(condition) = &stage.kind {
            let test = &condition.test;
            test.evidence().into_iter().filter_map(|name| parts.evidence_names.index(name)).for_each(await_evidence);
            let gates = test.names().into_iter().filter_map(|name| parts.gate_names.index(name));
            after.extend(gates.filter_map(|gate| placed.gates.get(gate).copied().flatten()));
        }
        let own = if let StageKind::Agent(agent) = stage.kind { Some(agent) } else { None };
        let others = agents.iter().filter(|agent| Some(*agent) != own);
        after.extend(others.filter_map(|agent| placed.agents.get(agent).copied().flatten()));
        after.sort_unstable();
        after.dedup();
        // What asks a gate of its own has no order, which is told as a circle.
        after.retain(|before| *before == index || !stage.needs.contains(before));
        stage.after = after;
    }
}

/// `stages` in an order in which they can run, with all indices of stages as places in that order.
pub(super) fn ordered(mut stages: Vec<Stage>, ids: &[At<&str>], problems: &mut Problems<'_>) -> Vec<Stage> {
    let before = |stage: &Stage| {
        let condition = stage.branch.map(|branch| branch.condition);
        stage.needs.iter().chain(&stage.after).copied().chain(condition).collect::<Vec<_>>()
    };
    let ordered = match order(&stages.iter().map(before).collect::<Vec<_>>()) {
        Ok(ordered) => ordered,
        Err(circle) => {
            let name = |index: usize| stages.get(index).map_or("", |stage| stage.id.as_str());
            let message = format!("stages need each other in a circle: {}", shown(&circle, name));
            let at = circle.first().and_then(|index| ids.get(*index)).map_or(0, |id| id.at);
            problems.add(at, Diagnostic::new("stage-cycle", message).help(WHAT_ORDERS));
            return stages;
        }
    };
    let mut place = vec![0; stages.len()];
    ordered.iter().enumerate().for_each(|(new, old)| place[*old] = new);
    let move_to = |index: &mut usize| *index = place[*index];
    for stage in &mut stages {
        stage.needs.iter_mut().chain(&mut stage.after).for_each(move_to);
        stage.branch.iter_mut().for_each(|branch| move_to(&mut branch.condition));
        if let StageKind::Condition(condition) = &mut stage.kind {
            condition.then.iter_mut().chain(&mut condition.otherwise).for_each(move_to);
        }
    }
    let mut stages: Vec<_> = place.into_iter().zip(stages).collect();
    stages.sort_by_key(|(place, _)| *place);
    stages.into_iter().map(|(_, stage)| stage).collect()
}

/// What makes a circle that no `needs` spells.
const WHAT_ORDERS: &str = "a stage comes after what it needs, after the condition that chooses it, and after the gates and the agents that it asks about";

/// A gate that needs one of a later stage would wait for what waits for it; so would one of an agent's that needs one which
/// that agent asks later.
pub(super) fn check_order(stages: &[Stage], parts: Parts<'_, '_>, problems: &mut Problems<'_>) {
    let mut stage_of = vec![None; parts.gates.len()];
    for (index, stage) in stages.iter().enumerate() {
        stage.gates.iter().for_each(|gate| stage_of[*gate] = Some(index));
    }
    for (index, gate) in parts.gates.iter().enumerate() {
        let at = parts.written_gates.get(index).map_or(0, |(name, _)| name.at);
        for needed in &gate.needs {
            if let (Some(own), Some(other)) = (stage_of[index], stage_of[*needed])
                && own < other
            {
                let [gate, needed, stage] =
                    [&gate.name, &parts.gates[*needed].name, &stages[other].id].map(|name| quoted(name));
                let message = format!("gate {gate} needs {needed}, which stands in the later stage {stage}");
                problems.add(at, Diagnostic::new("needs-order", message));
            }
        }
    }
    parts.agents.iter().for_each(|agent| check_phases(agent, parts, problems));
}

fn check_phases(agent: &AgentPlan, parts: Parts<'_, '_>, problems: &mut Problems<'_>) {
    let mut asked = std::collections::BTreeMap::new();
    for (order, (key, gates)) in agent.gates().into_iter().enumerate() {
        asked.extend(gates.iter().map(|gate| (*gate, (order, key))));
    }
    for (index, (order, _)) in &asked {
        let (Some(gate), Some((name, _))) = (parts.gates.get(*index), parts.written_gates.get(*index)) else {
            continue;
        };
        for needed in &gate.needs {
            if let Some((_, key)) = asked.get(needed).filter(|(later, _)| later > order) {
                let [gate, needed, agent] =
                    [&gate.name, &parts.gates[*needed].name, &agent.name].map(|name| quoted(name));
                let message = format!("gate {gate} needs {needed}, which agent {agent} asks later, in `{key}`");
                problems.add(name.at, Diagnostic::new("needs-order", message));
            }
        }
    }
}
