//! `portcullis run`: a manifest's gates, one decision.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use portcullis::{
    decision::{InputRecord, PolicyRecord, Record, RunFacts, combine},
    diagnostic::Diagnostic,
    evidence::{Collected, collect},
    files::{read_capped, shown},
    limits::ceiling,
    manifest::{self, GatePlan, Input, Origin, Overrides, Plan},
    report,
    run::{self, Event, Loaded, Setting, in_parallel},
    trust::VerifiedModule,
};

use super::{
    Exit, Failure, Outcome, host,
    modules::{read_module, refusal_diagnostic},
    outputs::{Output, Outputs},
    term,
    trust_files::TrustFiles,
};

/// Run a manifest's gates and decide go or no-go
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis run release.toml\n  portcullis run release.toml --evidence smoke=recorded/smoke.json --output json=decision.json"
)]
pub(crate) struct Args {
    /// The manifest
    #[arg(default_value = "portcullis.toml")]
    manifest: PathBuf,
    /// Take evidence NAME from a file instead of its source
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    evidence: Vec<(String, PathBuf)>,
    /// Run these gates, and those that they need
    #[arg(long, value_name = "GATE", num_args = 1..)]
    gates: Vec<String>,
    /// Run every gate, as is usual
    #[arg(long, conflicts_with = "gates")]
    all: bool,
    /// Let a review that nobody signed off be a no-go
    #[arg(long)]
    strict_manual: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Where decision.json, gate_results.json and gate_sign_off.md go
    #[arg(long, value_name = "DIR", default_value = "portcullis-out")]
    out: PathBuf,
    /// What goes to stdout or a file: text, json, results or markdown; more than once
    #[arg(long, value_name = "FORMAT[=PATH]")]
    output: Vec<Output>,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The run's clock, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    #[command(flatten)]
    cache: host::CacheFlags,
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("it is written NAME=PATH".to_owned()),
    }
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let started_on = Timestamp::now();
        let outputs = Outputs::new(self.out.clone(), self.output.clone());
        // Whatever goes wrong from here on, an older decision is not taken for this one.
        let clear = |read: &[PathBuf]| if self.dry_run { Ok(()) } else { outputs.clear(read) };
        let plan = self.plan().or_else(|failure| clear(&self.named()).and(Err(failure)))?;
        if self.dry_run {
            term::out(&report::describe(&plan))?;
            return Ok(Exit::Ok);
        }
        let cancelled = host::watch_interrupts();
        let now = host::now(self.now);
        let is_each = |gate: &GatePlan| matches!(gate.input, Input::Each { .. });
        let jobs = host::jobs(self.jobs, if plan.gates.iter().any(is_each) { usize::MAX } else { plan.gates.len() });
        let mut read = self.named();
        read.extend(read_by(&plan));
        let trust = TrustFiles::open(&plan.trust, now).or_else(|failure| clear(&read).and(Err(failure)))?;
        read.extend(trust.paths());
        clear(&read)?;
        let modules = verify_all(&plan, &trust, jobs)?;
        let evidence = collect(&plan);
        let gates = self.load(&plan, &modules, &evidence, jobs, global)?;
        let run_id = host::run_id(now)?;
        let setting = Setting { now, run_id: &run_id, jobs, cancelled };
        let progress = Progress::new(global);
        let ran = run::run(&plan, gates, &evidence, setting, &|event| progress.tell(&event));
        progress.clear();
        let decision = combine(&plan.rule, &ran.gates, self.strict_manual);
        let facts = RunFacts {
            run_id: run_id.clone(),
            time_verified: now,
            started_on,
            finished_on: Timestamp::now(),
            subject: Vec::new(),
            policy: PolicyRecord { uri: shown(&plan.path), digest: plan.digest.into() },
            trust: trust.record(),
            revocations: trust.revocations_record(),
            inputs: inputs(&plan, &evidence).chain(ran.inputs).collect(),
        };
        let record = Record::new(facts, decision, ran.gates);
        outputs.write(&record, &plan.name, self.strict_manual)?;
        Ok(exit(&record))
    }

    /// The files that the command line names for reading.
    fn named(&self) -> Vec<PathBuf> {
        let evidence = self.evidence.iter().map(|(_, path)| path.clone());
        evidence.chain([self.manifest.clone()]).collect()
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let bytes = read_capped(&self.manifest, manifest::MAX_BYTES).map_err(|error| {
            let help =
                "name the manifest before any --gates, or write a portcullis.toml; the README has one to start from";
            Failure::usage(Diagnostic::from(error).help(help))
        })?;
        let overrides = Overrides { evidence: self.evidence.clone() };
        let plan = manifest::parse(&bytes, &self.manifest, &overrides)
            .map_err(|problems| Failure::all(Exit::Usage, problems))?;
        if self.gates.is_empty() { Ok(plan) } else { plan.select(&self.gates).map_err(Failure::usage) }
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
        let gates = run::load(plan, modules, evidence, &sandbox, jobs).map_err(|refused| {
            let problem = |(gate, refused): (String, run::Refused)| {
                let problem = Diagnostic::new(refused.code(), refused.to_string()).at(format!("gate {gate}"));
                Diagnostic { help: refused.help().map(str::to_owned), ..problem }
            };
            Failure::all(Exit::Refused, refused.into_iter().map(problem).collect())
        })?;
        if global.verbose {
            for note in gates.iter().filter_map(|gate| gate.note.as_ref()) {
                term::note(note);
            }
        }
        Ok(gates)
    }
}

/// The files that a run of the plan reads, as far as the plan names them.
fn read_by(plan: &Plan) -> impl Iterator<Item = PathBuf> {
    let evidence = plan.evidence.iter().filter_map(|source| match &source.origin {
        Origin::File { path, .. } => Some(path),
        Origin::Value(_) => None,
    });
    let modules = plan.gates.iter().map(|gate| &gate.module);
    evidence.chain(modules).chain([&plan.trust]).cloned()
}

/// Every module of the plan, each file read once, all of them verified before anything else is done with one.
fn verify_all(plan: &Plan, trust: &TrustFiles, jobs: usize) -> Result<Vec<Arc<VerifiedModule>>, Failure> {
    let mut places: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut files: Vec<(&Path, u64)> = Vec::new();
    for gate in &plan.gates {
        let place = *places.entry(&gate.module).or_insert(files.len());
        match files.get_mut(place) {
            Some((_, cap)) => *cap = (*cap).max(gate.limits.module),
            None => files.push((&gate.module, gate.limits.module)),
        }
    }
    let verified = in_parallel(jobs, &files, |(path, cap)| {
        let bytes = read_module(path, (*cap).min(ceiling::MODULE))?;
        let verified = trust.try_verify(bytes, false);
        let place = || format!("{}, for gate {}", shown(path), users(plan, path));
        verified.map(Arc::new).map_err(|refusal| Failure::new(Exit::Refused, refusal_diagnostic(&refusal).at(place())))
    });
    let mut modules = Vec::new();
    let (mut exit, mut problems) = (Exit::Refused, Vec::new());
    for verified in verified {
        match verified {
            Ok(module) => modules.push(module),
            Err(failure) => {
                // What does not resolve is misuse, whatever the other modules are.
                exit = if failure.exit == Exit::Usage { Exit::Usage } else { exit };
                problems.extend(failure.problems);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Failure::all(exit, merged(problems)));
    }
    let of = |path: &Path| places.get(path).and_then(|place| modules.get(*place)).map(Arc::clone);
    Ok(plan.gates.iter().filter_map(|gate| of(&gate.module)).collect())
}

/// The same problem at several places, such as a list that cannot be believed, as one with all of them.
fn merged(problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut distinct: Vec<Diagnostic> = Vec::new();
    for problem in problems {
        match distinct.iter_mut().find(|known| (known.code, &known.message) == (problem.code, &problem.message)) {
            Some(known) => {
                let places = known.place.take().into_iter().chain(problem.place);
                known.place = Some(places.collect::<Vec<_>>().join("; "));
            }
            None => distinct.push(problem),
        }
    }
    distinct
}

/// The gates that use a module, for a message.
fn users(plan: &Plan, path: &Path) -> String {
    let names: Vec<&str> =
        plan.gates.iter().filter(|gate| gate.module == path).map(|gate| gate.name.as_str()).collect();
    names.join(", ")
}

fn inputs<'a>(plan: &'a Plan, evidence: &'a Collected) -> impl Iterator<Item = InputRecord> + 'a {
    let uri = move |name: &str| {
        plan.evidence.iter().find(|source| source.name == name).and_then(|source| match &source.origin {
            Origin::File { path, .. } => Some(shown(path)),
            Origin::Value(_) => None,
        })
    };
    let record = move |evidence: &portcullis::evidence::Evidence| InputRecord {
        name: evidence.name.clone(),
        uri: uri(&evidence.name),
        digest: evidence.digest.into(),
        size_bytes: evidence.size,
    };
    evidence.iter().filter_map(Result::ok).map(record)
}

fn exit(record: &Record) -> Exit {
    match record.exit_code {
        0 => Exit::Ok,
        1 => Exit::No,
        _ => Exit::Blocked,
    }
}

/// One line on a watched terminal that says how far the run is.
struct Progress {
    watched: bool,
}

impl Progress {
    fn new(global: &term::Global) -> Self {
        Self { watched: term::is_watched() && !global.quiet }
    }

    fn tell(&self, event: &Event<'_>) {
        if self.watched {
            match event {
                Event::Started { gate } => term::transient(&format!("asking {}", portcullis::text::excerpt(gate, 60))),
                Event::Finished { ended, gates, .. } => term::transient(&format!("{ended} of {gates} gates")),
            }
        }
    }

    fn clear(&self) {
        if self.watched {
            term::transient("");
        }
    }
}
