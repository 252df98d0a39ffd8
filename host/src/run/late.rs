//! Evidence that waits for agents: collected for an agent's own gates whenever they are asked, and for everything behind its
//! stage once that has ended.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Event;
use crate::{
    agent::OutputType,
    evidence::{Archive, CollectEvent, Collected, Collecting, Keeper, Late, Strays, World, collect_late},
    govern::Outputs,
    manifest::{Plan, Stage, StageKind},
};

/// What is collected, and how more of it is.
pub(super) struct Gathering<'a> {
    plan: &'a Plan,
    world: World<'a>,
    jobs: usize,
    /// What stands for the world, for what is collected behind an agent's stage.
    archives: &'a [&'a dyn Archive],
    keeper: Option<&'a dyn Keeper>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
    /// For each source the agents that it waits for.
    awaited: Vec<Vec<usize>>,
    /// For each gate whether its files are looked for when it is asked.
    late: Vec<bool>,
    known: Mutex<Known>,
    /// Whose turn it is to collect.
    turn: Mutex<()>,
}

struct Known {
    evidence: Arc<Collected>,
    /// Of each agent that has ended what it gave last.
    outputs: Vec<Option<Outputs>>,
}

/// How evidence is collected in a run.
#[derive(Clone, Copy)]
pub(super) struct Ways<'a> {
    pub(super) world: World<'a>,
    pub(super) jobs: usize,
    pub(super) archives: &'a [&'a dyn Archive],
    pub(super) keeper: Option<&'a dyn Keeper>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        early: Arc<Collected>,
        Ways { world, jobs, archives, keeper }: Ways<'a>,
        observe: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        let known = Known { evidence: early, outputs: vec![None; plan.agents.len()] };
        let (awaited, late) = (plan.awaited_agents(), plan.late_gates());
        Self {
            plan,
            world,
            jobs,
            archives,
            keeper,
            observe,
            awaited,
            late,
            known: Mutex::new(known),
            turn: Mutex::new(()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is known now.
    pub(super) fn all(&self) -> Arc<Collected> {
        Arc::clone(&self.known().evidence)
    }

    /// Whether the source with that index changes while an agent works.
    pub(super) fn waits(&self, source: usize) -> bool {
        self.awaited.get(source).is_some_and(|agents| !agents.is_empty())
    }

    /// The agents whose work a gate of `stage` judges: those whose outputs it is asked about, or something that was collected
    /// behind them; where it asks about none, the one agent whose stage its own stage needs.
    pub(super) fn agents_of(&self, stage: &Stage, gate: usize) -> BTreeSet<usize> {
        let members = self.plan.gates.get(gate).map(|gate| gate.input.members()).unwrap_or_default();
        let asked: BTreeSet<usize> =
            members.iter().filter_map(|(_, source)| self.awaited.get(*source)).flatten().copied().collect();
        if !asked.is_empty() {
            return asked;
        }
        let needed = stage.needs.iter().filter_map(|need| match self.plan.stages.get(*need)?.kind {
            StageKind::Agent(agent) => Some(agent),
            _ => None,
        });
        let needed: BTreeSet<usize> = needed.collect();
        if needed.len() == 1 { needed } else { BTreeSet::new() }
    }

    /// An agent's stage has ended; what it gave stays as it is.
    pub(super) fn ended(&self, agent: usize, outputs: Outputs) {
        if let Some(place) = self.known().outputs.get_mut(agent) {
            *place = Some(outputs);
        }
    }

    /// All that `stage` asks about, whose agents have all ended: what is not there yet is collected, once.
    pub(super) fn for_stage(&self, stage: &Stage) -> Arc<Collected> {
        let mut sources = self.sources(&stage.gates);
        if let StageKind::Condition(condition) = &stage.kind {
            let index = |name: &str| self.plan.evidence.iter().position(|source| source.name == name);
            sources.extend(self.closed(condition.test.evidence().into_iter().filter_map(index)));
        }
        self.settle(&sources, &stage.gates)
    }

    /// These sources and the files of these gates, whose agents have all ended: what is not there yet is collected, once.
    fn settle(&self, sources: &BTreeSet<usize>, gates: &[usize]) -> Arc<Collected> {
        // One after another: what two agents' gates wait for is collected by the first.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.all();
        let sources: Vec<usize> = sources.iter().copied().filter(|source| known.piece(*source).is_none()).collect();
        let gates: Vec<usize> = self.files(gates).filter(|gate| known.files(*gate).is_none()).collect();
        if sources.is_empty() && gates.is_empty() {
            return known;
        }
        let outputs = self.known().outputs.clone();
        let output = |agent: usize, kind| self.output(agent, outputs.get(agent).and_then(Option::as_ref), kind);
        let late = Late { known: &known, sources: &sources, gates: &gates, output: &output };
        let tell = |event: CollectEvent<'_>| (self.observe)(Event::Collect(event));
        let collecting = Collecting {
            world: self.world,
            jobs: self.jobs,
            archives: self.archives,
            keeper: self.keeper,
            observe: &tell,
        };
        let strays = Strays::adopt();
        let later = collect_late(self.plan, late, collecting);
        drop(strays);
        let all = Arc::new(known.with(&later));
        self.known().evidence = Arc::clone(&all);
        all
    }

    /// All that `gates` of an agent ask about which has given `outputs` so far. What waits for it is collected anew each time, and
    /// kept by nobody: what a gate judged stands in what it was asked.
    pub(super) fn for_agent(&self, agent: usize, gates: &[usize], outputs: &Outputs) -> Collected {
        let waits = |source: &usize| self.awaited.get(*source).is_some_and(|agents| agents.contains(&agent));
        let (own, others): (BTreeSet<usize>, BTreeSet<usize>) = self.sources(gates).into_iter().partition(waits);
        let known = self.settle(&others, &[]);
        let (sources, files): (Vec<usize>, Vec<usize>) = (own.into_iter().collect(), self.files(gates).collect());
        let others = self.known().outputs.clone();
        let output = |other: usize, kind| {
            let given = if other == agent { Some(outputs) } else { others.get(other).and_then(Option::as_ref) };
            self.output(other, given, kind)
        };
        let late = Late { known: &known, sources: &sources, gates: &files, output: &output };
        let collecting =
            Collecting { world: self.world, jobs: self.jobs, archives: &[], keeper: None, observe: &|_| {} };
        known.with(&collect_late(self.plan, late, collecting))
    }

    /// The files that gates are asked about which were asked before, as they were kept.
    pub(super) fn again(&self, gates: &[usize]) -> Collected {
        let (known, files): (_, Vec<usize>) = (self.all(), self.files(gates).collect());
        let late = Late { known: &known, sources: &[], gates: &files, output: &|_, _| Err(String::new()) };
        let archives = self.archives;
        let collecting = Collecting { world: self.world, jobs: self.jobs, archives, keeper: None, observe: &|_| {} };
        known.with(&collect_late(self.plan, late, collecting))
    }

    fn output(&self, agent: usize, outputs: Option<&Outputs>, kind: OutputType) -> Result<String, String> {
        let name = self.plan.agents.get(agent).map_or("", |agent| &agent.name);
        let output = outputs.and_then(|outputs| outputs.get(kind));
        let output = output.ok_or_else(|| format!("agent `{name}` gave no {} output", kind.name()))?;
        serde_json::to_string(&output.content).map_err(|error| error.to_string())
    }

    /// The sources that `gates` ask about and that wait for agents, with all that waits and that they come after.
    fn sources(&self, gates: &[usize]) -> BTreeSet<usize> {
        let gates = gates.iter().filter_map(|gate| self.plan.gates.get(*gate));
        self.closed(gates.flat_map(|gate| gate.input.members()).map(|(_, source)| source))
    }

    fn closed(&self, sources: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let (mut found, mut left) = (BTreeSet::new(), sources.collect::<Vec<_>>());
        while let Some(source) = left.pop() {
            if self.waits(source) && found.insert(source) {
                left.extend(self.plan.evidence.get(source).into_iter().flat_map(|source| &source.after));
            }
        }
        found
    }

    /// Those of `gates` whose files are looked for when they are asked.
    fn files<'g>(&'g self, gates: &'g [usize]) -> impl Iterator<Item = usize> + 'g {
        let is_late = |gate: &usize| self.late.get(*gate).copied().unwrap_or_default();
        let looks = |gate: &usize| self.plan.gates.get(*gate).is_some_and(|gate| gate.input.is_each());
        gates.iter().copied().filter(move |gate| is_late(gate) && looks(gate))
    }
}
