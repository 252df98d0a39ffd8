//! The run: a plan, walked from its modules and its evidence to one decision.
//!
//! ```text
//! verify ── look over ── (begin) ── collect ── load ── judge ── combine ── record ── (end)
//!                           │          │                 │                             │
//!                           └──────────┴──── ledger ─────┴─────────────────────────────┘
//! ```
//!
//! Everything is loaded before anything runs, so a module that is refused stops the run before any gate has run. What
//! happens is told as [`Event`]s; nothing here prints, and no clock and no environment is read but those that are handed in.
//!
//! - `schedule`: which stage runs when; `gates`, `load`, `ask`, `each`, `lanes`: who is asked what; `sign_off`: people's word on it.
//! - `agent`: what drives and judges an agent; `late`: evidence that waits for agents.
//! - `calls`: what is known of what was asked; `keep` writes it to a ledger as `entries` has it, `kept` reads it from there.
//! - `resume`: whether a run that was broken off may go on; `replay`: whether a run comes to the same again.

mod agent;
mod ask;
mod calls;
mod each;
mod entries;
mod events;
mod gates;
mod keep;
mod kept;
mod lanes;
mod late;
mod load;
mod record;
mod replay;
mod resume;
mod schedule;
mod sign_off;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use jiff::Timestamp;

pub use agent::{Governed, KeptAgent};
pub use ask::ask;
pub use calls::{Call, Calls, File};
pub use each::{Validator, for_files, look_at, scan};
pub use gates::Answered;
pub use kept::Kept;
pub use lanes::{Lane, Lanes};
pub use load::{Answers, Loaded, Refused, load, look_over, throughput};
pub use replay::{Difference, Replayed, compare};
pub use resume::{same_evidence, same_files};
pub use sign_off::{SignOffs, judged_evidence, params_digest};

use crate::{
    agent::{Snapshot, Violation},
    decision::{
        AgentRecord, GateFacts, GateResult, InputRecord, Judged as JudgedInput, ModuleRecord, Objection, Record,
        StageRecord, combine,
    },
    diagnostic::Diagnostic,
    evidence::{Archive, CollectEvent, Collected, Collecting, Keeper, Strays, World, collect},
    findings::Held,
    intake::{Intake, Settings, verify_all},
    judge::{Cause, Fault},
    ledger::{Claim, Ledger},
    manifest::{GatePlan, Plan, Stage},
    notify::Clock,
    sandbox::{Sandbox, Throughput},
    state::State,
    stopped::Stopped,
    trust::VerifiedModule,
};
use agent::Governing;
use events::Events;
use gates::Gates;
use keep::{Begin, Keeping};
use late::{Gathering, Ways};
use schedule::Schedule;

/// What is fixed for the calls of a run.
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

/// A run to be made.
pub struct Task<'a> {
    /// What is done.
    pub plan: &'a Plan,
    /// What it is called with.
    pub settings: &'a Settings,
    /// What it rests on beside its evidence.
    pub intake: &'a Intake<'a>,
    /// Name, clock, and how much at once.
    pub setting: Setting<'a>,
    /// The world, for collecting.
    pub world: World<'a>,
    /// The time, for whoever is told of events.
    pub clock: Clock,
    /// Evidence that was collected earlier, and stands for the world where it has any.
    pub archives: &'a [&'a dyn Archive],
    /// Makes the sandbox, once it is known how much it is for.
    pub sandbox: &'a dyn Fn(Throughput) -> Result<Sandbox, Stopped>,
    /// What agents share, and what is remembered of them; a plan with agents is blocked without it.
    pub state: Option<Arc<dyn State>>,
    /// The command of this program, which agents are started through, so that all that one starts ends with it, also should
    /// this process be killed. Without one, what an agent daemonises ends with the last agent of its stage's neighbours.
    pub supervisor: Option<PathBuf>,
    /// Where the run is kept.
    pub ledger: Keep,
    /// What an earlier attempt at this run came to; that is not done again.
    pub kept: Option<Kept>,
}

/// Where a run is kept.
pub enum Keep {
    /// Nowhere.
    Nowhere,
    /// Nowhere, and all calls are told, those over many files too.
    Told,
    /// In this ledger, as a run of its own.
    New(Ledger),
    /// In this ledger, which has its begin; whoever resumes it has claimed it.
    Resumed(Ledger, Claim),
}

/// What happens while a run goes on. Comes from several threads.
#[derive(Debug)]
pub enum Event<'a> {
    /// Evidence is being collected.
    Collect(CollectEvent<'a>),
    /// All evidence is there, all modules are loaded, and gates are asked from now on.
    Judging,
    /// The cache did not serve a module that it should have had.
    Note(&'a str),
    /// Something went wrong that takes nothing from the decision: events that did not get to whom they were for.
    Trouble(&'a Diagnostic),
    /// An agent fares otherwise than before.
    Agent {
        /// Its name.
        name: &'a str,
        /// How it fares.
        fares: &'a Snapshot,
    },
    /// An agent broke a rule so gravely that people have to know at once.
    Alert(&'a Violation),
    /// An agent's stage ended. The gates that judged it are told of behind it.
    Governed(&'a Governed),
    /// A gate is being asked.
    Started {
        /// Its name.
        gate: &'a str,
    },
    /// A gate came to something.
    Finished {
        /// Its index in the plan.
        index: usize,
        /// What it came to.
        result: &'a GateResult,
        /// How, where calls are kept.
        calls: &'a Calls,
        /// How many have ended, this one included.
        ended: usize,
        /// How many there are.
        gates: usize,
    },
}

/// What gates judge, and what their outcomes are held against.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    sign_offs: &'a SignOffs<'a>,
    held: &'a [Option<Held>],
    /// Whether the calls over many files are told, which takes the room of the files.
    keeps: bool,
}

/// What gates came to.
pub(crate) struct Judged {
    /// In the plan's order.
    gates: Vec<GateResult>,
    /// All that was collected, the late pieces too.
    evidence: Arc<Collected>,
    /// The files that validators looked at, a record for each gate that looked at many.
    inputs: Vec<InputRecord>,
    /// What agents' gates were asked about that changed while the agents worked.
    agents_inputs: Vec<InputRecord>,
    /// What came of the stages, in the order in which they ran.
    stages: Vec<StageRecord>,
    /// What became of the agents.
    agents: Vec<AgentRecord>,
    /// Why no rule over gates may make a go of it.
    objections: Vec<Objection>,
    /// The same, where it hangs on what the world was like.
    of_the_world: Vec<Objection>,
}

/// Runs every gate of a plan and decides: the whole line, from the bytes of modules to the record. Whoever calls it gets what
/// the command line gets; probes and completion are part of it.
///
/// ```no_run
/// use std::{path::PathBuf, sync::atomic::AtomicBool};
///
/// use jiff::Timestamp;
/// use portcullis::{
///     evidence::World,
///     intake::{Intake, Machine, Settings, Shelf},
///     ledger::{Ledger, Mode},
///     run::{Event, Keep, Setting, Task},
///     sandbox::{Compiler, Sandbox},
///     stopped::Stopped,
/// };
///
/// static CANCELLED: AtomicBool = AtomicBool::new(false);
///
/// fn decide(manifest: PathBuf) -> Result<u8, Stopped> {
///     let now = Timestamp::now();
///     let settings = Settings::new(manifest, std::env::current_dir().unwrap_or_default(), now);
///     let shelf = Shelf::remembering();
///     let plan = settings.plan(&shelf)?;
///     let machine = Machine { clock: now, state: Some(PathBuf::from("/var/lib/gates")) };
///     let intake = Intake::read(&plan, &settings, now, &shelf, Some(&machine))?;
///     let path = PathBuf::from("/var/lib/gates/ledger.sqlite");
///     let ledger = Ledger::open(&path, Mode::Write).map_err(|error| Stopped::from_ledger(&path, &error))?;
///     let variable = |name: &str| std::env::var(name).ok();
///     let task = Task {
///         plan: &plan,
///         settings: &settings,
///         intake: &intake,
///         setting: Setting { now, run_id: "nightly-1", jobs: 2, cancelled: &CANCELLED },
///         world: World { variable: &variable, clock: &Timestamp::now, cancelled: &CANCELLED },
///         clock: std::sync::Arc::new(Timestamp::now),
///         archives: &[],
///         // Modules are compiled in children of the command, which is told where it is.
///         sandbox: &|throughput| {
///             Sandbox::new(throughput, Compiler::new(PathBuf::from("/usr/bin/portcullis")), None)
///                 .map_err(|error| Stopped::blocked(portcullis::diagnostic::Diagnostic::new("sandbox", error.to_string())))
///         },
///         state: None,
///         supervisor: Some(PathBuf::from("/usr/bin/portcullis")),
///         ledger: Keep::New(ledger),
///         kept: None,
///     };
///     let record = portcullis::run(task, &|event| {
///         if let Event::Finished { result, .. } = event {
///             eprintln!("{}: {}", result.gate.name, result.headline());
///         }
///     })?;
///     Ok(record.exit_code)
/// }
/// # fn main() {}
/// ```
///
/// # Errors
/// When no decision could be come to: a module is refused, nothing of the sandbox works, the ledger takes nothing. A gate that
/// gives no verdict is no such error; it stands in the record.
pub fn run(task: Task<'_>, tell: &(dyn Fn(Event<'_>) + Sync)) -> Result<Record, Stopped> {
    let Task { plan, settings, intake, setting, world, clock, archives, sandbox, state, supervisor, ledger, kept } =
        task;
    let modules = verify_all(plan, &intake.trust, intake.shelf, setting.jobs)?;
    if archives.is_empty() && plan.evidence.iter().any(|source| source.origin.acts()) {
        look_over(plan, &modules)?;
    }
    let Kept { started, finished, objections, calls, agents, done, pieces, .. } =
        kept.unwrap_or_else(|| Kept::nothing(setting.run_id, settings.clone(), to_the_millisecond((world.clock)())));
    let begin = Begin { plan, settings, intake, modules: &modules, setting, clock: world.clock, started };
    let keeps = !matches!(ledger, Keep::Nowhere);
    let resumes = matches!(ledger, Keep::Resumed(..));
    // Whoever judges a run again, or asks for its record once more, has nothing new to tell.
    let tells = !matches!(ledger, Keep::Told) && finished.is_none();
    let keeping = match ledger {
        Keep::Nowhere | Keep::Told => None,
        Keep::New(ledger) => Some(Keeping::begin(ledger, &begin)?),
        Keep::Resumed(ledger, claim) => Some(Keeping::resume((ledger, claim), &begin, done)?),
    };
    // Before anything is collected: what commands of evidence leave behind is ended, and these go on.
    let told = calls.keys().cloned().collect();
    let events = if tells { Events::open(plan, setting, world, &clock, told)? } else { None };
    let observe = |event: Event<'_>| {
        // What is told was kept before, as far as the disk has it.
        keeping.iter().for_each(|keeping| keeping.note(&event));
        events.iter().for_each(|events| events.note(&event));
        tell(event);
    };
    let own: [&dyn Archive; 1] = [&pieces];
    let archives: Vec<&dyn Archive> = own.iter().chain(archives).copied().collect();
    let keeper = keeping.as_ref().map(|keeping| -> &dyn Keeper { keeping });
    let evidence = Arc::new(collected(plan, world, setting.jobs, &archives, keeper, &observe));
    // What was collected is not collected again, whatever happens from here on.
    keeping.as_ref().map_or(Ok(()), Keeping::settle)?;
    let sandbox = sandbox(throughput(plan, &evidence))?;
    let gates = load(plan, &modules, &evidence, calls, &sandbox, setting.jobs)?;
    gates.iter().filter_map(|gate| gate.note.as_deref()).for_each(|note| observe(Event::Note(note)));
    let sign_offs = SignOffs::of(plan, settings, intake, setting.now);
    let given = Given { sign_offs: &sign_offs, held: &intake.held, keeps };
    let ways = Ways { world, jobs: setting.jobs, archives: &own, keeper };
    let governing = Governing {
        plan,
        setting,
        world,
        state: state.as_ref(),
        supervisor: supervisor.as_deref(),
        trust: &intake.trust,
        notifier: events.as_ref().map(Events::notifier),
        resumes,
        observe: &observe,
    };
    observe(Event::Judging);
    let schedule = Schedule {
        plan,
        gates: Gates::new(plan, gates, given, setting, &observe),
        gathering: Gathering::new(plan, evidence, ways, &observe),
        governing,
        kept: agents,
        objections,
    };
    let judged = schedule.run();
    let decision = combine(&plan.rule, &judged.gates, settings.strict_manual, setting.run_id);
    let decision = decision.against([judged.objections.clone(), judged.of_the_world.clone()].concat());
    let finished_on = finished.map_or_else(|| to_the_millisecond((world.clock)()), |(at, _)| at);
    let facts = record::facts(plan, settings, intake, setting, &judged, (started, finished_on));
    let Judged { gates, of_the_world, .. } = judged;
    let record = Record::new(facts, decision, gates);
    events.into_iter().flat_map(Events::end).for_each(|problem| tell(Event::Trouble(&problem)));
    if let Some(keeping) = keeping {
        keeping.end(&record, &of_the_world)?;
    }
    Ok(record)
}

/// Collects a plan's evidence; what commands leave behind, even in sessions of its own, ends when the last of them has.
pub fn collected(
    plan: &Plan,
    world: World<'_>,
    jobs: usize,
    archives: &[&dyn Archive],
    keeper: Option<&dyn Keeper>,
    observe: &(dyn Fn(Event<'_>) + Sync),
) -> Collected {
    let acts = plan.evidence.iter().any(|source| source.origin.acts());
    let _strays = acts.then(Strays::adopt);
    let tell = |event: CollectEvent<'_>| observe(Event::Collect(event));
    collect(plan, Collecting { world, jobs, archives, keeper, observe: &tell })
}

/// As fine as a ledger keeps times, so that a record reads the same out of it.
fn to_the_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

/// What is known of a gate before it is asked.
#[must_use]
fn facts(plan: &Plan, gate: &GatePlan, stage: &Stage, module: &Arc<VerifiedModule>) -> GateFacts {
    let metadata = module.metadata();
    let judged = gate.input.members().into_iter().filter_map(|(name, index)| {
        let evidence = plan.evidence.get(index)?.name.clone();
        Some(JudgedInput { name: name.map(str::to_owned), evidence, digest: None })
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
