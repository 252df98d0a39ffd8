//! Some gates of a plan, as a plan of their own.

use std::collections::HashMap;

use super::{
    AgentPlan, Branch, Condition, GatePlan, Input, Plan, Stage, StageKind,
    late::{Agents, awaited},
    problems::unknown,
    rule::{shortfall, unselected},
};
use crate::diagnostic::Diagnostic;

impl Plan {
    /// The plan with only the gates in `names`, and all that those need, directly or through others. The order stays
    /// the manifest's; a stage without a gate left is gone, and so is the need of it. The rule is applied to the gates
    /// that are left.
    ///
    /// What a governed pipeline hedges in stays so: an agent whose gate or whose output is wanted runs with all of its gates,
    /// behind all that its stage needs; and a stage of a branch runs only where its condition takes that branch, so the gates
    /// that the condition asks about are wanted too.
    ///
    /// # Errors
    /// When nothing is named, a name is no gate's, the rule's expression names a gate that is left out, or the rule
    /// asks for more mandatory gates than are left. All of these are misuse: nothing has run.
    pub fn select<N: AsRef<str>>(&self, names: &[N]) -> Result<Self, Diagnostic> {
        if names.is_empty() {
            return Err(Diagnostic::new("no-gates", "no gate is selected, so nothing would decide"));
        }
        let Wanted { gates: keep, stages: whole, .. } = self.wanted(names)?;
        let selected = |name: &str| self.gates.iter().zip(&keep).any(|(gate, keep)| *keep && gate.name == name);
        if let Some(problem) = unselected(&self.rule, selected) {
            return Err(problem);
        }
        let place = places(&keep);
        let moved = |indices: &[usize]| -> Vec<usize> { indices.iter().filter_map(|index| place[*index]).collect() };
        let kept = self.gates.iter().zip(&keep).filter(|(_, keep)| **keep);
        let gates: Vec<_> = kept.map(|(gate, _)| GatePlan { needs: moved(&gate.needs), ..gate.clone() }).collect();
        if let Some(problem) = shortfall(&self.rule, &gates) {
            return Err(problem);
        }
        let agent = |agent: &AgentPlan| AgentPlan {
            preflight: moved(&agent.preflight),
            plan: moved(&agent.plan),
            verify: moved(&agent.verify),
            ..agent.clone()
        };
        let agents = self.agents.iter().map(agent).collect();
        let stages: Vec<_> =
            self.stages.iter().map(|stage| Stage { gates: moved(&stage.gates), ..stage.clone() }).collect();
        Ok(Self { gates, agents, stages: with_something(stages, &whole), ..self.clone() })
    }

    /// Which of [`Plan::evidence`] is collected: what the gates and the conditions ask for, and all that this comes after,
    /// directly or through others. The rest is nobody's question.
    #[must_use]
    pub fn wanted_evidence(&self) -> Vec<bool> {
        let asked = self.gates.iter().flat_map(|gate| match &gate.input {
            Input::Whole(index) => vec![*index],
            Input::Named(members) => members.iter().map(|(_, index)| *index).collect(),
            Input::Nothing | Input::Each { .. } => Vec::new(),
        });
        let conditions = self.stages.iter().filter_map(|stage| match &stage.kind {
            StageKind::Condition(condition) => Some(condition),
            StageKind::Gate | StageKind::Parallel | StageKind::Agent(_) => None,
        });
        let names: HashMap<_, _> =
            (0..).zip(&self.evidence).map(|(index, source)| (source.name.as_str(), index)).collect();
        let chosen_by = conditions.flat_map(|condition| condition.test.evidence());
        let asked = asked.chain(chosen_by.filter_map(|name| names.get(name).copied()));
        reached(self.evidence.len(), asked.collect(), |index| &self.evidence[index].after)
    }

    /// What `names` ask for, with all that it needs.
    fn wanted<N: AsRef<str>>(&self, names: &[N]) -> Result<Wanted<'_>, Diagnostic> {
        let mut wanted = Wanted::new(self);
        for name in names {
            let index = wanted.gate_names.get(name.as_ref()).copied();
            let known = self.gates.iter().map(|gate| gate.name.as_str());
            let index = index.ok_or_else(|| unknown(("unknown-gate", "gate"), name.as_ref(), known))?;
            wanted.open.push(Part::Gate(index));
        }
        wanted.follow();
        Ok(wanted)
    }
}

/// A part of a plan that is wanted.
#[derive(Clone, Copy)]
enum Part {
    Gate(usize),
    /// A stage with all that is in it and all that it needs.
    Stage(usize),
}

/// What is wanted of a plan, and what that leads to.
struct Wanted<'p> {
    plan: &'p Plan,
    gate_names: HashMap<&'p str, usize>,
    evidence_names: HashMap<&'p str, usize>,
    awaited: Vec<Agents>,
    stage_of_gate: Vec<Option<usize>>,
    stage_of_agent: Vec<Option<usize>>,
    open: Vec<Part>,
    gates: Vec<bool>,
    stages: Vec<bool>,
}

impl<'p> Wanted<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut stage_of_gate = vec![None; plan.gates.len()];
        let mut stage_of_agent = vec![None; plan.agents.len()];
        for (index, stage) in plan.stages.iter().enumerate() {
            stage.gates.iter().for_each(|gate| stage_of_gate[*gate] = Some(index));
            if let StageKind::Agent(agent) = stage.kind {
                stage_of_agent[agent] = Some(index);
            }
        }
        Self {
            plan,
            gate_names: (0..).zip(&plan.gates).map(|(index, gate)| (gate.name.as_str(), index)).collect(),
            evidence_names: (0..).zip(&plan.evidence).map(|(index, source)| (source.name.as_str(), index)).collect(),
            awaited: awaited(&plan.evidence),
            stage_of_gate,
            stage_of_agent,
            open: Vec::new(),
            gates: vec![false; plan.gates.len()],
            stages: vec![false; plan.stages.len()],
        }
    }

    fn follow(&mut self) {
        while let Some(part) = self.open.pop() {
            match part {
                Part::Gate(index) if !std::mem::replace(&mut self.gates[index], true) => self.follow_gate(index),
                Part::Stage(index) if !std::mem::replace(&mut self.stages[index], true) => self.follow_stage(index),
                Part::Gate(_) | Part::Stage(_) => {}
            }
        }
    }

    fn follow_gate(&mut self, index: usize) {
        let gate = &self.plan.gates[index];
        self.open.extend(gate.needs.iter().map(|need| Part::Gate(*need)));
        for (_, evidence) in gate.input.members() {
            self.follow_evidence(evidence);
        }
        let Some((at, stage)) = self.stage_of_gate[index].map(|at| (at, &self.plan.stages[at])) else { return };
        if matches!(stage.kind, StageKind::Agent(_)) {
            self.open.push(Part::Stage(at));
        }
        self.follow_branch(stage.branch);
    }

    fn follow_stage(&mut self, index: usize) {
        let stage = &self.plan.stages[index];
        self.open.extend(stage.gates.iter().map(|gate| Part::Gate(*gate)));
        self.open.extend(stage.needs.iter().map(|need| Part::Stage(*need)));
        self.follow_branch(stage.branch);
        if let StageKind::Condition(Condition { test, .. }) = &stage.kind {
            let gates = test.names().into_iter().filter_map(|name| self.gate_names.get(name));
            self.open.extend(gates.map(|gate| Part::Gate(*gate)));
            let evidence: Vec<_> =
                test.evidence().into_iter().filter_map(|name| self.evidence_names.get(name).copied()).collect();
            evidence.into_iter().for_each(|evidence| self.follow_evidence(evidence));
        }
    }

    fn follow_branch(&mut self, branch: Option<Branch>) {
        self.open.extend(branch.map(|branch| Part::Stage(branch.condition)));
    }

    fn follow_evidence(&mut self, index: usize) {
        let agents = self.awaited.get(index).copied().unwrap_or_default();
        let stages = agents.iter().filter_map(|agent| self.stage_of_agent.get(agent).copied().flatten());
        self.open.extend(stages.map(Part::Stage));
    }
}

/// Which of so many indices are in `open`, or are led to from there.
fn reached<'p>(count: usize, mut open: Vec<usize>, leads: impl Fn(usize) -> &'p [usize]) -> Vec<bool> {
    let mut reached = vec![false; count];
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            open.extend(leads(index));
        }
    }
    reached
}

/// Where each index stands once only the kept ones are left.
fn places(keep: &[bool]) -> Vec<Option<usize>> {
    let mut next = 0..;
    keep.iter().map(|keep| if *keep { next.next() } else { None }).collect()
}

/// The stages that still do something: those with a gate, and of the agents and conditions those that are wanted.
fn with_something(stages: Vec<Stage>, wanted: &[bool]) -> Vec<Stage> {
    let does_something = |(stage, wanted): (&Stage, &bool)| match stage.kind {
        StageKind::Gate | StageKind::Parallel => !stage.gates.is_empty(),
        StageKind::Agent(_) | StageKind::Condition(_) => *wanted,
    };
    let keep: Vec<bool> = stages.iter().zip(wanted).map(does_something).collect();
    let place = places(&keep);
    let move_all = |indices: &mut Vec<usize>| *indices = indices.iter().filter_map(|index| place[*index]).collect();
    let moved = |mut stage: Stage| {
        [&mut stage.needs, &mut stage.after].into_iter().for_each(&move_all);
        let to = |branch: Branch| place[branch.condition].map(|condition| Branch { condition, ..branch });
        stage.branch = stage.branch.and_then(to);
        if let StageKind::Condition(condition) = &mut stage.kind {
            [&mut condition.then, &mut condition.otherwise].into_iter().for_each(&move_all);
        }
        stage
    };
    stages.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(stage, _)| moved(stage)).collect()
}
