//! The run: a plan, its verified modules and its evidence, walked to one result a gate.
//!
//! Everything is loaded before anything runs, so a module that is refused stops the run before any gate has run. What
//! happens is told as [`Event`]s; nothing here prints, reads the clock or decides.

mod ask;
mod each;
mod held;
mod lanes;
mod load;
mod schedule;
mod sign_off;

use std::sync::{Arc, atomic::AtomicBool};

use jiff::Timestamp;

pub use ask::ask;
pub use each::{Validator, for_files, look_at};
pub use held::{Held, WARNED};
pub use lanes::{Lane, Lanes};
pub use load::{Loaded, Refused, load, look_over, throughput};
pub use sign_off::{ApprovalFile, SignOffs, judged_evidence, params_digest};

use crate::{
    decision::{GateFacts, GateResult, InputRecord, Judged, ModuleRecord},
    evidence::Collected,
    judge::{Cause, Fault},
    manifest::{GatePlan, Plan, Stage},
    trust::VerifiedModule,
};

/// What is fixed for a run.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The run's clock: what gates are told, and as of when signatures were judged.
    pub now: Timestamp,
    /// The run's name.
    pub run_id: &'a str,
    /// Calls that may be under way at once.
    pub jobs: usize,
    /// Set from outside to end the run: calls under way end as faults, and nothing new starts.
    pub cancelled: &'static AtomicBool,
}

/// What a run judges, and what its outcomes are held against.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// What was collected.
    pub evidence: &'a Collected,
    /// People's word.
    pub sign_offs: &'a SignOffs<'a>,
    /// For each gate of the plan what its findings are held against; nothing where that is nothing.
    pub held: &'a [Option<Held>],
}

/// What happens while gates run. Comes from several threads.
#[derive(Debug)]
pub enum Event<'a> {
    /// A gate is being asked.
    Started {
        /// Its name.
        gate: &'a str,
    },
    /// A gate came to something.
    Finished {
        /// What it came to.
        result: &'a GateResult,
        /// How many have ended, this one included.
        ended: usize,
        /// How many there are.
        gates: usize,
    },
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// What the gates came to, in the plan's order.
    pub gates: Vec<GateResult>,
    /// The files that validators looked at, a record for each gate that looked at many.
    pub inputs: Vec<InputRecord>,
}

/// Runs every gate of the plan.
#[must_use]
pub fn run(
    plan: &Plan,
    gates: Vec<Loaded>,
    given: Given<'_>,
    setting: Setting<'_>,
    observe: &(dyn Fn(Event<'_>) + Sync),
) -> Ran {
    schedule::Schedule::new(plan, gates, given, setting, observe).run()
}

/// What is known of a gate before it is asked.
#[must_use]
fn facts(plan: &Plan, gate: &GatePlan, stage: &Stage, module: &Arc<VerifiedModule>) -> GateFacts {
    let metadata = module.metadata();
    let judged = gate.input.members().into_iter().filter_map(|(name, index)| {
        Some(Judged { name: name.map(str::to_owned), evidence: plan.evidence.get(index)?.name.clone() })
    });
    GateFacts {
        name: gate.name.clone(),
        kind: metadata.kind,
        stage: stage.id.clone(),
        enforcement: gate.enforcement,
        module: ModuleRecord {
            content_digest: module.content_digest(),
            name: metadata.name.clone(),
            version: metadata.version.clone(),
            publisher: module.publisher().to_owned(),
            key_ids: module.key_ids().iter().map(ToString::to_string).collect(),
        },
        params: gate.params.clone(),
        limits: gate.limits.clone(),
        judged: judged.collect(),
    }
}

/// What a gate, or a file, comes to that nobody was asked about because the run was to end.
fn interrupted() -> Fault {
    Fault { cause: Cause::Interrupted, message: "the run was interrupted".to_owned() }
}
