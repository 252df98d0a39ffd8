//! `portcullis run`: a manifest's gates, one decision.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use portcullis::{
    decision::Record,
    evidence::{Recorded, glob},
    intake::{Intake, Settings, Shelf},
    manifest::{GatePlan, Input, Plan, Stage, StageKind},
    report,
    run::{Keep, Kept, Setting, Task},
    state::State,
};

use super::{
    Exit, Failure, Outcome,
    evidence::{EvidenceFlags, Progress, archives, read_by},
    host,
    ledger::KeepFlags,
    live::Live,
    output::Output,
    outputs::{Format, Outputs},
    state::{self, StateFlag},
    subject::Subject,
    term, trust_files,
};

/// Run a manifest's gates and decide go or no-go
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis run release.toml\n  portcullis run release.toml --evidence smoke=recorded/smoke.json --output json=decision.json\n  portcullis run release.toml --evidence-dir recorded --gates launcher_smoke quality_gates"
)]
pub(crate) struct Args {
    /// The manifest
    #[arg(default_value = "portcullis.toml")]
    manifest: PathBuf,
    #[command(flatten)]
    evidence: EvidenceFlags,
    /// Run these gates, and those that they need
    #[arg(long, value_name = "GATE", num_args = 1..)]
    gates: Vec<String>,
    /// Run every gate, as is usual
    #[arg(long, conflicts_with = "gates")]
    all: bool,
    /// Let a review that nobody signed off be a no-go
    #[arg(long)]
    strict_manual: bool,
    /// Take approvals from this file or folder instead of the manifest's `approvals`; more than once
    #[arg(long = "approvals", value_name = "PATH")]
    approvals: Vec<PathBuf>,
    /// What is decided about, such as git:COMMIT [default: the commit of the manifest's repository]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<Subject>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    shape: Shape,
    /// The run's clock, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    #[command(flatten)]
    state: StateFlag,
    #[command(flatten)]
    keep: KeepFlags,
}

/// How a run, or what is left of one, goes about it and what it leaves, as flags.
#[derive(clap::Args, Clone)]
pub(crate) struct Shape {
    /// Where decision.json, gate_results.json and gate_sign_off.md go
    #[arg(long, value_name = "DIR", default_value = "portcullis-out")]
    pub(crate) out: PathBuf,
    /// What goes to stdout or a file: text, json, results or markdown; more than once
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub(crate) output: Vec<Output<Format>>,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    cache: host::CacheFlags,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let outputs = Outputs::new(self.shape.out.clone(), self.shape.output.clone());
        let settings = self.settings();
        // Whoever keeps a run keeps the files that it reads.
        let shelf = if self.keep.keeps() { Shelf::remembering() } else { Shelf::disk() };
        let before = self.before(&settings, &shelf);
        // Whatever goes wrong from here on, an older decision is not taken for this one.
        if !self.dry_run {
            outputs.clear(&self.reads(&settings, &shelf, before.as_ref().ok(), &outputs))?;
        }
        let before = before?;
        let Some((intake, recorded)) = &before.taken else {
            term::out(&report::describe(&before.plan))?;
            return Ok(Exit::Ok);
        };
        let ledger = self.keep.open().map_err(KeepFlags::or_without)?.map_or(Keep::Nowhere, Keep::New);
        let run_id = host::run_id(settings.now())?;
        let walk =
            Walk { plan: &before.plan, settings: &settings, intake, recorded: recorded.as_ref(), run_id: &run_id };
        let record = walk.walk(&self.shape, &outputs, (ledger, None), global).map_err(KeepFlags::or_without)?;
        outputs.write(&record, &before.plan.name, settings.strict_manual)?;
        Ok(exit(&record))
    }

    fn settings(&self) -> Settings {
        let mut settings = self.evidence.settings(&self.manifest, &self.gates, host::now(self.now));
        settings.fixed_clock = self.now.is_some();
        settings.approvals.clone_from(&self.approvals);
        settings.strict_manual = self.strict_manual;
        settings.state.clone_from(&self.state.state);
        let subject = Subject::of(self.subject.clone(), &self.manifest);
        settings.subject = subject.map(|subject| subject.as_str().to_owned());
        settings
    }

    /// Everything that is read before anything is done.
    fn before<'s>(&self, settings: &Settings, shelf: &'s Shelf) -> Result<Before<'s>, Failure> {
        let plan = settings.plan(shelf)?;
        if self.dry_run {
            return Ok(Before { plan, taken: None });
        }
        let intake = Intake::read(&plan, settings, settings.now(), shelf, Some(&trust_files::machine()))?;
        let recorded = self.evidence.recorded(&plan)?;
        Ok(Before { plan, taken: Some((intake, recorded)) })
    }

    /// The files that this run reads, as far as they are known: none of them is taken for an output.
    fn reads(
        &self,
        settings: &Settings,
        shelf: &Shelf,
        before: Option<&Before<'_>>,
        outputs: &Outputs,
    ) -> Vec<PathBuf> {
        let mut read = shelf.paths();
        read.extend(settings.evidence.iter().map(|(_, path)| path.clone()).chain([self.manifest.clone()]));
        read.extend(self.keep.paths());
        let Some(Before { plan, taken }) = before else { return read };
        read.extend(read_for(plan, outputs));
        read.extend(taken.iter().flat_map(|(intake, recorded)| read_beside(intake, recorded.as_ref())));
        read
    }
}

/// The files that a plan reads, as far as an output could be one of them.
pub(crate) fn read_for(plan: &Plan, outputs: &Outputs) -> Vec<PathBuf> {
    let modules = plan.gates.iter().map(|gate| gate.module.clone());
    let state = state::place(&plan.state).map_or_else(|_| Vec::new(), |place| place.files());
    read_by(plan).chain(modules).chain(state).chain(outputs.paths().filter(|path| is_looked_at(plan, path))).collect()
}

/// The files that a run reads beside those that its plan names.
pub(crate) fn read_beside(intake: &Intake<'_>, recorded: Option<&Recorded>) -> Vec<PathBuf> {
    trust_files::paths(&intake.trust).into_iter().chain(recorded.map(Recorded::index_path)).collect()
}

/// What is known before anything is done.
struct Before<'s> {
    plan: Plan,
    /// What the run rests on; nothing where it is not to be made.
    taken: Option<(Intake<'s>, Option<Recorded>)>,
}

/// A run as it is about to be walked.
pub(crate) struct Walk<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) settings: &'a Settings,
    pub(crate) intake: &'a Intake<'a>,
    pub(crate) recorded: Option<&'a Recorded>,
    pub(crate) run_id: &'a str,
}

impl Walk<'_> {
    /// Runs it, and shows how it goes.
    pub(crate) fn walk(
        &self,
        shape: &Shape,
        outputs: &Outputs,
        (ledger, kept): (Keep, Option<Kept>),
        global: &term::Global,
    ) -> Result<Record, Failure> {
        let Self { plan, settings, intake, recorded, run_id } = *self;
        let cancelled = host::watch_interrupts();
        let state = self.state(kept.as_ref())?;
        let progress = Progress::new(global);
        let live = Live::new(plan, outputs, &progress, global.verbose);
        let sandbox = |throughput| host::sandbox(throughput, &shape.cache, global.verbose);
        let task = Task {
            plan,
            settings,
            intake,
            setting: Setting { now: settings.now(), run_id, jobs: jobs(plan, shape.jobs), cancelled },
            world: host::world(cancelled),
            clock: Arc::new(Timestamp::now),
            archives: &archives(recorded),
            sandbox: &sandbox,
            state,
            supervisor: host::this_program().ok(),
            ledger,
            kept,
        };
        let record = portcullis::run(task, &|event| live.tell(&event));
        live.end(record.is_err())?;
        Ok(record?)
    }

    /// What its agents share; nothing where none of them is to run.
    fn state(&self, kept: Option<&Kept>) -> Result<Option<Arc<dyn State>>, Failure> {
        let is_agent = |stage: &Stage| matches!(stage.kind, StageKind::Agent(_));
        let runs = kept.is_none_or(|kept| kept.finished.is_none()) && self.plan.stages.iter().any(is_agent);
        runs.then(|| state::open(&self.plan.state, true)).transpose()
    }
}

/// Calls at once: a validator over many files has work for every core.
pub(crate) fn jobs(plan: &Plan, asked: Option<usize>) -> usize {
    let is_each = |gate: &GatePlan| matches!(gate.input, Input::Each { .. });
    host::jobs(asked, if plan.gates.iter().any(is_each) { usize::MAX } else { plan.gates.len() })
}

/// Whether a validator of the plan would be asked about the file at `path`.
fn is_looked_at(plan: &Plan, path: &Path) -> bool {
    let Ok(path) = path.canonicalize() else { return false };
    plan.gates.iter().any(|gate| {
        let Input::Each { pattern, root } = &gate.input else { return false };
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let below = root.canonicalize().ok().and_then(|root| path.strip_prefix(root).map(Path::to_owned).ok());
        below.is_some_and(|below| glob(pattern).is_ok_and(|glob| glob.is_match(below)))
    })
}

/// The status that a record ends with.
pub(crate) fn exit(record: &Record) -> Exit {
    match record.exit_code {
        0 => Exit::Ok,
        1 => Exit::No,
        _ => Exit::Blocked,
    }
}
