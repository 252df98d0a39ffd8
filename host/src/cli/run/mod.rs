//! `portcullis run`: a manifest's gates, one decision.

mod verify;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use portcullis::{
    decision::{PolicyRecord, Record, RunFacts, combine},
    evidence::{Collected, glob},
    files::shown,
    manifest::{GatePlan, Input, Plan},
    report,
    run::{self, Given, Loaded, Setting},
    trust::VerifiedModule,
};

pub(crate) use verify::verify_all;

use super::{
    Exit, Failure, Outcome,
    approvals::ApprovalFlags,
    evidence::{EvidenceFlags, Progress, collected, inputs, read_by},
    held::HeldFiles,
    host,
    live::Live,
    output::Output,
    outputs::{Format, Outputs},
    subject::Subject,
    term,
    trust_files::TrustFiles,
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
    #[command(flatten)]
    approvals: ApprovalFlags,
    /// What is decided about, such as git:COMMIT [default: the commit of the manifest's repository]
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<Subject>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Where decision.json, gate_results.json and gate_sign_off.md go
    #[arg(long, value_name = "DIR", default_value = "portcullis-out")]
    out: PathBuf,
    /// What goes to stdout or a file: text, json, results or markdown; more than once
    #[arg(long, value_name = "FORMAT[=PATH]")]
    output: Vec<Output<Format>>,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The run's clock, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    #[command(flatten)]
    cache: host::CacheFlags,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let started_on = Timestamp::now();
        let outputs = Outputs::new(self.out.clone(), self.output.clone());
        // Whatever goes wrong from here on, an older decision is not taken for this one.
        let clear = |read: &[PathBuf]| if self.dry_run { Ok(()) } else { outputs.clear(read) };
        let plan = self.evidence.plan(&self.manifest, &self.gates);
        let plan = plan.or_else(|failure| clear(&self.named()).and(Err(failure)))?;
        if self.dry_run {
            term::out(&report::describe(&plan))?;
            return Ok(Exit::Ok);
        }
        let cancelled = host::watch_interrupts();
        let now = host::now(self.now);
        let jobs = jobs(&plan, self.jobs);
        let mut read = self.named();
        read.extend(read_by(&plan).chain(modules(&plan)).chain([plan.trust.clone()]));
        read.extend(outputs.paths().filter(|path| is_looked_at(&plan, path)));
        let trust = TrustFiles::open(&plan.trust, now).or_else(|failure| clear(&read).and(Err(failure)))?;
        read.extend(trust.paths());
        let recorded = self.evidence.recorded(&plan).or_else(|failure| clear(&read).and(Err(failure)))?;
        read.extend(recorded.iter().map(portcullis::evidence::Recorded::index_path));
        let held = HeldFiles::read_all(&plan).or_else(|failure| clear(&read).and(Err(failure)))?;
        let (held, held_files) = held;
        read.extend(held_files.paths());
        let approvals = self.approvals.read(&plan).or_else(|failure| clear(&read).and(Err(failure)))?;
        read.extend(approvals.paths());
        clear(&read)?;
        let modules = verify_all(&plan, &trust, jobs)?;
        if recorded.is_none() && plan.evidence.iter().any(|source| source.origin.acts()) {
            run::look_over(&plan, &modules).map_err(verify::all_refused)?;
        }
        let progress = Progress::new(global);
        let evidence = collected(&plan, recorded.as_ref(), None, (jobs, cancelled), &progress);
        let gates = self.load(&plan, &modules, &evidence, jobs, global)?;
        let subject = Subject::of(self.subject.clone(), &plan.path);
        let sign_offs = approvals.for_run(&plan, &trust, now, subject.as_ref());
        let run_id = host::run_id(now)?;
        let setting = Setting { now, run_id: &run_id, jobs, cancelled };
        let live = Live::new(&plan, outputs.start()?, &progress);
        let given = Given { evidence: &evidence, sign_offs: &sign_offs, held: &held };
        let ran = run::run(&plan, gates, given, setting, &|event| live.tell(&event));
        live.end()?;
        let decision = combine(&plan.rule, &ran.gates, self.strict_manual, &run_id);
        let facts = RunFacts {
            run_id: run_id.clone(),
            time_verified: now,
            started_on,
            finished_on: Timestamp::now(),
            subject: subject.iter().map(Subject::record).collect(),
            policy: PolicyRecord { name: plan.name.clone(), uri: shown(&plan.path), digest: plan.digest.into() },
            trust: trust.record(),
            revocations: trust.revocations_record(),
            inputs: inputs(&evidence).chain(held_files.inputs()).chain(ran.inputs).collect(),
            baseline: held_files.baselines(&plan, &ran.gates),
            completion: plan.completion.clone(),
        };
        let record = Record::new(facts, decision, ran.gates);
        outputs.write(&record, &plan.name, self.strict_manual)?;
        Ok(exit(&record))
    }

    /// The files that the command line names for reading.
    fn named(&self) -> Vec<PathBuf> {
        self.evidence.named().chain([self.manifest.clone()]).collect()
    }

    fn load(
        &self,
        plan: &Plan,
        modules: &[Arc<VerifiedModule>],
        evidence: &Collected,
        jobs: usize,
        global: &term::Global,
    ) -> Result<Vec<Loaded>, Failure> {
        let sandbox = host::sandbox(run::throughput(plan, evidence), &self.cache, global.verbose)?;
        let gates = run::load(plan, modules, evidence, &sandbox, jobs).map_err(verify::all_refused)?;
        if global.verbose {
            for note in gates.iter().filter_map(|gate| gate.note.as_ref()) {
                term::note(note);
            }
        }
        Ok(gates)
    }
}

/// Calls at once: a validator over many files has work for every core.
fn jobs(plan: &Plan, asked: Option<usize>) -> usize {
    let is_each = |gate: &GatePlan| matches!(gate.input, Input::Each { .. });
    host::jobs(asked, if plan.gates.iter().any(is_each) { usize::MAX } else { plan.gates.len() })
}

fn modules(plan: &Plan) -> impl Iterator<Item = PathBuf> {
    plan.gates.iter().map(|gate| gate.module.clone())
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

fn exit(record: &Record) -> Exit {
    match record.exit_code {
        0 => Exit::Ok,
        1 => Exit::No,
        _ => Exit::Blocked,
    }
}
