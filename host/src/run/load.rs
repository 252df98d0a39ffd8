//! Loading: every module of the plan, each once, over as many threads as there are jobs.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use portcullis_sdk::Kind;

use super::calls::Calls;
use crate::{
    diagnostic::Diagnostic,
    evidence::{Collected, Matched},
    judge::Fault,
    manifest::{GatePlan, Input, Plan},
    parallel::in_parallel,
    sandbox::{CacheError, Gate, LoadError, Loading, Sandbox, Throughput, Tier, scan},
    stopped::{Stop, Stopped},
    trust::VerifiedModule,
};

/// Input of one call, in bytes, from which optimising pays for itself: measured in `host/benches`.
const MUCH_INPUT: u64 = 1 << 20;
/// Files of one gate from which it does too.
pub(super) const MANY_FILES: usize = 200;
/// Files of one gate, or gates, from which a pool of instances pays for itself: setting one up takes as long as two calls
/// without.
pub(super) const POOLED_FILES: usize = 8;

/// A gate of the plan that can be asked, or why it gives no verdict.
pub struct Loaded {
    /// Its module.
    pub module: Arc<VerifiedModule>,
    /// Who answers for it.
    pub answers: Answers,
    /// Why the cache did not serve it, when it should have.
    pub note: Option<String>,
}

/// Where the answers of a gate come from.
pub enum Answers {
    /// Its program is called.
    Program(Arc<Gate>),
    /// Nobody: the fault of compiling it.
    Fault(Fault),
    /// It was asked before, and is not asked again.
    Kept(Calls),
}

/// A module that is refused, so that nothing runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is signed as another kind than it stands for.
    #[error("its module is signed as a {signed}, and it stands as a {wanted}")]
    WrongKind {
        /// The kind in the signed bytes.
        signed: &'static str,
        /// What the manifest uses it as.
        wanted: &'static str,
    },
    /// What it is keeps it from being run.
    #[error(transparent)]
    Module(#[from] LoadError),
}

impl Refused {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongKind { .. } => "wrong-kind",
            Self::Module(error) => error.code(),
        }
    }

    /// What the author or the manifest can do.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::WrongKind { .. } => {
                Some("use a module of that kind; the kind is signed and cannot be changed from outside")
            }
            Self::Module(LoadError::Scan(error)) => error.help(),
            Self::Module(_) => None,
        }
    }
}

/// The gates whose modules are refused for what they are.
fn all_refused(refused: Vec<(String, Refused)>) -> Stopped {
    let problem = |(gate, refused): (String, Refused)| {
        let problem = Diagnostic::new(refused.code(), refused.to_string()).at(format!("gate {gate}"));
        Diagnostic { help: refused.help().map(str::to_owned), ..problem }
    };
    Stopped { stop: Stop::Refused, problems: refused.into_iter().map(problem).collect() }
}

/// How much work compiling the gate with that index is worth.
fn tier(index: usize, gate: &GatePlan, evidence: &Collected) -> Tier {
    let size = |index: &usize| evidence.get(*index).and_then(Result::ok).map_or(0, |evidence| evidence.size);
    if matches!(gate.input, Input::Each { .. }) {
        return if files(index, evidence) >= MANY_FILES { Tier::Optimised } else { Tier::Fast };
    }
    let input: u64 = gate.input.members().iter().map(|(_, index)| size(index)).sum();
    if input >= MUCH_INPUT { Tier::Optimised } else { Tier::Fast }
}

/// How many files the gate with that index is asked about, one at a time.
fn files(gate: usize, evidence: &Collected) -> usize {
    evidence.files(gate).and_then(Result::ok).map_or(0, Matched::len)
}

/// How many calls the gates of a plan come to, as far as it matters for setting up a sandbox.
#[must_use]
pub fn throughput(plan: &Plan, evidence: &Collected) -> Throughput {
    let late = plan.late_gates();
    // How many files an agent leaves is not known before.
    let is_late =
        |gate: usize| late.get(gate) == Some(&true) && plan.gates.get(gate).is_some_and(|gate| gate.input.is_each());
    let gates = plan.gates.len();
    let many = gates > POOLED_FILES || (0..gates).any(|gate| is_late(gate) || files(gate, evidence) >= POOLED_FILES);
    if many { Throughput::Many } else { Throughput::Few }
}

/// Looks every module over before anything is done in the world for its gate: evidence is not collected, and so no command
/// run, for a plan that is refused anyway.
///
/// # Errors
/// With every gate whose module is refused, by name.
pub fn look_over(plan: &Plan, modules: &[Arc<VerifiedModule>]) -> Result<(), Stopped> {
    let mut seen = HashSet::new();
    let refused = |(gate, module): (&GatePlan, &Arc<VerifiedModule>)| {
        let refused = wrong_kind(gate, module.metadata().kind).or_else(|| {
            let error = LoadError::from(scan(module.bytes(), &gate.limits).err()?);
            error.refuses().then_some(Refused::Module(error))
        })?;
        Some((gate.name.clone(), refused))
    };
    let uses = plan.gates.iter().zip(modules);
    let refused: Vec<_> = uses
        .filter(|(gate, module)| seen.insert((module.content_digest(), gate.kind.map(Kind::name))))
        .filter_map(refused)
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(all_refused(refused)) }
}

/// Loads the module of every gate, in the plan's order, but for those whose calls are in `kept`, by the gates' names.
///
/// # Errors
/// With every gate whose module is refused, by name: then nothing may run.
pub fn load(
    plan: &Plan,
    modules: &[Arc<VerifiedModule>],
    evidence: &Collected,
    mut kept: BTreeMap<String, Calls>,
    sandbox: &Sandbox,
    jobs: usize,
) -> Result<Vec<Loaded>, Stopped> {
    let mut refused: Vec<(String, Refused)> = plan
        .gates
        .iter()
        .zip(modules)
        .filter_map(|(gate, module)| Some((gate.name.clone(), wrong_kind(gate, module.metadata().kind)?)))
        .collect();
    if !refused.is_empty() {
        return Err(all_refused(refused));
    }
    let wanted = wanted(plan, modules, evidence, &kept);
    let loaded = load_all(&wanted, sandbox, jobs);
    let mut gates = Vec::with_capacity(plan.gates.len());
    for (gate, module) in plan.gates.iter().zip(modules) {
        if let Some(calls) = kept.remove(&gate.name) {
            gates.push(Loaded { module: Arc::clone(module), answers: Answers::Kept(calls), note: None });
            continue;
        }
        let at = wanted.iter().position(|wanted| wanted.serves(gate, module));
        let Some((result, note)) = at.and_then(|at| loaded.get(at)) else { continue };
        match result {
            Err(error) if error.refuses() => refused.push((gate.name.clone(), error.clone().into())),
            result => gates.push(Loaded {
                module: Arc::clone(module),
                answers: match result {
                    Ok(program) => Answers::Program(Arc::clone(program)),
                    Err(error) => Answers::Fault(error.fault()),
                },
                note: note.clone(),
            }),
        }
    }
    if refused.is_empty() { Ok(gates) } else { Err(all_refused(refused)) }
}

fn wrong_kind(gate: &GatePlan, signed: Kind) -> Option<Refused> {
    let wanted = match &gate.input {
        Input::Each { .. } => Some(Kind::Validator),
        _ => gate.kind,
    };
    let wanted = wanted.filter(|wanted| *wanted != signed)?;
    Some(Refused::WrongKind { signed: signed.name(), wanted: wanted.name() })
}

/// A module to load: once, however many gates use it under the same limits, for the most demanding of them.
struct Wanted<'a> {
    module: &'a VerifiedModule,
    gate: &'a GatePlan,
    tier: Tier,
}

impl Wanted<'_> {
    fn serves(&self, gate: &GatePlan, module: &VerifiedModule) -> bool {
        let loading = |gate: &GatePlan| (gate.limits.module, gate.limits.compile.clone());
        self.module.content_digest() == module.content_digest() && loading(self.gate) == loading(gate)
    }
}

fn wanted<'a>(
    plan: &'a Plan,
    modules: &'a [Arc<VerifiedModule>],
    evidence: &Collected,
    kept: &BTreeMap<String, Calls>,
) -> Vec<Wanted<'a>> {
    let mut wanted: Vec<Wanted<'a>> = Vec::new();
    for (index, (gate, module)) in plan.gates.iter().zip(modules).enumerate() {
        if kept.contains_key(&gate.name) {
            continue;
        }
        let tier = tier(index, gate, evidence);
        match wanted.iter_mut().find(|known| known.serves(gate, module)) {
            Some(known) if tier == Tier::Optimised => known.tier = tier,
            Some(_) => {}
            None => wanted.push(Wanted { module, gate, tier }),
        }
    }
    wanted
}

type Attempt = (Result<Arc<Gate>, LoadError>, Option<String>);

fn load_all(wanted: &[Wanted<'_>], sandbox: &Sandbox, jobs: usize) -> Vec<Attempt> {
    let alone = wanted.len() == 1;
    in_parallel(jobs, wanted, |wanted| {
        let loading = Loading { tier: wanted.tier, alone, limits: &wanted.gate.limits };
        match sandbox.load(wanted.module, loading) {
            Ok(loaded) => (Ok(Arc::new(loaded.program)), loaded.note.as_ref().map(CacheError::to_string)),
            Err(error) => (Err(error), None),
        }
    })
}
