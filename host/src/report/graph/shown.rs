//! What every form says of a plan and its run, before it is spelled in one of them.

use std::{collections::HashMap, fmt};

use super::run::{AgentEntry, GateEntry, GraphRun, Outcome, StageEntry};
use crate::{
    agent::{AgentStatus, StageStatus},
    files::shown as path_shown,
    manifest::{AgentPlan, Enforcement, EvidenceSource, GatePlan, Input, Origin, Plan, Side, Stage, StageKind},
};

/// A plan, and what came of it.
pub(super) struct Shown<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: Option<&'a GraphRun>,
    statuses: Vec<Option<StageStatus>>,
    /// For each stage how many conditions lead to it.
    depths: Vec<usize>,
    stage_of_agent: Vec<Option<usize>>,
}

/// A node of a drawing that is no tree. Displays as its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Agent(usize),
    Evidence(usize),
    Gate(usize),
    Stage(usize),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(index) => write!(f, "a{index}"),
            Self::Evidence(index) => write!(f, "e{index}"),
            Self::Gate(index) => write!(f, "g{index}"),
            Self::Stage(index) => write!(f, "s{index}"),
        }
    }
}

/// How many conditions deep one tree is. A manifest has room for thousands, and nobody reads so far to the right.
const DEEPEST: usize = 8;

impl<'a> Shown<'a> {
    pub(super) fn new(plan: &'a Plan, run: Option<&'a GraphRun>) -> Self {
        let mut depths = Vec::with_capacity(plan.stages.len());
        for stage in &plan.stages {
            let above = stage.branch.and_then(|branch| depths.get(branch.condition));
            depths.push(above.map_or(0, |depth: &usize| depth + 1));
        }
        let mut stage_of_agent = vec![None; plan.agents.len()];
        for (index, stage) in plan.stages.iter().enumerate() {
            if let StageKind::Agent(agent) = stage.kind
                && let Some(place) = stage_of_agent.get_mut(agent)
            {
                *place = Some(index);
            }
        }
        let mut shown = Self { plan, run, statuses: vec![None; plan.stages.len()], depths, stage_of_agent };
        if run.is_some() {
            // What a condition came to is seen by its branches, which stand behind it.
            for (index, stage) in plan.stages.iter().enumerate().rev() {
                let status = shown.entry(stage).map_or_else(|| shown.derived(stage), |entry| entry.status);
                if let Some(place) = shown.statuses.get_mut(index) {
                    *place = Some(status);
                }
            }
        }
        shown
    }

    /// What a stage came to; nothing without a run.
    pub(super) fn status(&self, stage: usize) -> Option<StageStatus> {
        self.statuses.get(stage).copied().flatten()
    }

    /// Why a stage came to that, where the record says it.
    pub(super) fn reason(&self, stage: &Stage) -> Option<&'a str> {
        self.entry(stage)?.reason.as_deref()
    }

    /// What a gate came to; nothing without a run, and where the run did not have it.
    pub(super) fn outcome(&self, gate: &GatePlan) -> Option<&'a GateEntry> {
        self.run?.gates.get(&gate.name)
    }

    /// What became of an agent; nothing without a run, and where the run did not have it.
    pub(super) fn agent(&self, agent: &AgentPlan) -> Option<&'a AgentEntry> {
        self.run?.agents.get(&agent.name)
    }

    /// What became of a stage's agent, in its own words; nothing where that is not known, and for other stages.
    pub(super) fn agent_told(&self, stage: &Stage) -> Option<String> {
        let StageKind::Agent(agent) = stage.kind else { return None };
        self.plan.agents.get(agent).and_then(|agent| self.agent(agent)).map(AgentEntry::told)
    }

    /// The side that a condition took, as far as it is known.
    pub(super) fn taken(&self, stage: &Stage) -> Option<Side> {
        self.run?;
        if let Some(entry) = self.entry(stage) {
            return entry.taken();
        }
        let StageKind::Condition(condition) = &stage.kind else { return None };
        let has_run = |stages: &[usize]| {
            let ran = |index: &usize| {
                !matches!(self.status(*index), None | Some(StageStatus::Pending | StageStatus::Skipped))
            };
            stages.iter().any(ran)
        };
        condition.sides().into_iter().find(|(_, stages)| has_run(stages)).map(|(side, _)| side)
    }

    fn entry(&self, stage: &Stage) -> Option<&'a StageEntry> {
        self.run?.stages.get(&stage.id)
    }

    /// What a stage came to, by what its gates did: records of runs without branches do not say it.
    fn derived(&self, stage: &Stage) -> StageStatus {
        if matches!(stage.kind, StageKind::Condition(_)) {
            return if self.taken(stage).is_some() { StageStatus::Completed } else { StageStatus::Pending };
        }
        let gates: Vec<_> = stage.gates.iter().filter_map(|gate| self.plan.gates.get(*gate)).collect();
        let outcomes: Vec<_> =
            gates.iter().filter_map(|gate| Some((gate.enforcement, self.outcome(gate)?.outcome))).collect();
        let is_lost = |(enforcement, outcome): &(Enforcement, Outcome)| {
            let well = matches!(outcome, Outcome::Pass | Outcome::NotApplicable | Outcome::Review);
            *enforcement == Enforcement::Mandatory && !well
        };
        if outcomes.is_empty() {
            StageStatus::Pending
        } else if outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Skipped) {
            StageStatus::Skipped
        } else if outcomes.iter().any(is_lost) {
            StageStatus::Failed
        } else {
            StageStatus::Completed
        }
    }

    /// Whether a tree has the stage below its condition; it starts a tree of its own where it stands in no branch, or where
    /// that would be too deep.
    pub(super) fn hangs(&self, stage: usize) -> bool {
        self.depths.get(stage).is_some_and(|depth| !depth.is_multiple_of(DEEPEST))
    }

    /// The stages that none comes after, as indices.
    pub(super) fn last(&self) -> Vec<usize> {
        let mut is_last = vec![true; self.plan.stages.len()];
        for stage in &self.plan.stages {
            let condition = stage.branch.map(|branch| branch.condition);
            for before in stage.needs.iter().chain(&stage.after).copied().chain(condition) {
                is_last[before] = false;
            }
        }
        (0..).zip(is_last).filter(|(_, is_last)| *is_last).map(|(index, _)| index).collect()
    }

    /// Who asks about which evidence, and which agent gives it: pairs of what comes before and what comes of it.
    pub(super) fn asked(&self) -> Vec<(Node, Node)> {
        let mut asked = Vec::new();
        for (index, source) in self.wanted_evidence() {
            if let Origin::Agent { agent, .. } = source.origin {
                asked.push((Node::Agent(agent), Node::Evidence(index)));
            }
            asked.extend(source.after.iter().map(|before| (Node::Evidence(*before), Node::Evidence(index))));
        }
        for (index, gate) in self.plan.gates.iter().enumerate() {
            let members = gate.input.members();
            asked.extend(members.into_iter().map(|(_, evidence)| (Node::Evidence(evidence), Node::Gate(index))));
        }
        let named: HashMap<_, usize> = self.plan.evidence.iter().map(|source| source.name.as_str()).zip(0..).collect();
        for (index, stage) in self.plan.stages.iter().enumerate() {
            let StageKind::Condition(condition) = &stage.kind else { continue };
            let evidence = condition.test.evidence().into_iter().filter_map(|name| named.get(name));
            asked.extend(evidence.map(|evidence| (Node::Evidence(*evidence), Node::Stage(index))));
        }
        asked
    }

    /// The evidence that somebody asks for, with its index.
    pub(super) fn wanted_evidence(&self) -> impl Iterator<Item = (usize, &'a EvidenceSource)> {
        let wanted = self.plan.wanted_evidence();
        (0..).zip(&self.plan.evidence).zip(wanted).filter(|(_, wanted)| *wanted).map(|(source, _)| source)
    }

    /// The stage that runs an agent.
    pub(super) fn stage_of(&self, agent: usize) -> Option<usize> {
        self.stage_of_agent.get(agent).copied().flatten()
    }

    /// What kind of stage it is, in a few words.
    pub(super) fn kind(&self, stage: &Stage) -> String {
        match &stage.kind {
            StageKind::Agent(agent) => {
                let agent = self.plan.agents.get(*agent);
                agent.map_or_else(|| "agent".to_owned(), |agent| format!("agent {}, tier {}", agent.name, agent.tier))
            }
            kind => kind.name().to_owned(),
        }
    }

    /// Where evidence comes from, in a few words and without any of its values. Hostile text.
    pub(super) fn origin(&self, source: &EvidenceSource) -> String {
        match &source.origin {
            Origin::File { path, .. } => format!("file {}", path_shown(path)),
            Origin::Files { pattern, .. } => format!("files {pattern}"),
            Origin::Value(_) => "value".to_owned(),
            Origin::Env(names) => format!("env {}", names.join(", ")),
            Origin::Command(command) => {
                format!("command {}", command.argv.first().map_or("", |program| program.written.as_str()))
            }
            Origin::Http(http) => {
                format!("http {}", http.exchanges.first().map_or("", |exchange| exchange.url.written.as_str()))
            }
            Origin::Agent { agent, output } => {
                format!("{output} of agent {}", self.plan.agents.get(*agent).map_or("", |agent| agent.name.as_str()))
            }
        }
    }
}

/// The files that a gate is asked about one by one, where it is.
pub(super) fn pattern(gate: &GatePlan) -> Option<&str> {
    if let Input::Each { pattern, .. } = &gate.input { Some(pattern) } else { None }
}

/// The sign and the word of an outcome.
pub(super) fn outcome_words(outcome: Outcome) -> (char, &'static str) {
    match outcome {
        Outcome::Pass => ('✓', "pass"),
        Outcome::Fail => ('✗', "fail"),
        Outcome::Review => ('?', "review"),
        Outcome::NotApplicable => ('○', "n/a"),
        Outcome::Skipped => ('–', "skipped"),
        Outcome::Fault => ('!', "fault"),
    }
}

/// What an agent's status is in the words of stages.
pub(super) fn agent_status(status: AgentStatus) -> StageStatus {
    match status {
        AgentStatus::Pending => StageStatus::Pending,
        AgentStatus::Starting | AgentStatus::Running | AgentStatus::Paused | AgentStatus::Recovering => {
            StageStatus::Running
        }
        AgentStatus::Completed => StageStatus::Completed,
        AgentStatus::Failed | AgentStatus::Revoked => StageStatus::Failed,
    }
}

/// The sign of a status.
pub(super) fn status_sign(status: StageStatus) -> char {
    match status {
        StageStatus::Pending => '○',
        StageStatus::Running => '●',
        StageStatus::Completed => '✓',
        StageStatus::Failed => '✗',
        StageStatus::Skipped => '–',
    }
}
