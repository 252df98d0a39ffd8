//! `portcullis scan`: one validator, many files, each its own call with its own limits.

mod output;
mod target;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    evidence::{MatchError, Matched, Selection, gather},
    findings::{FailOn, Looked, Scan, history},
    judge::RequestTemplate,
    run::{Held, Setting, Validator, WARNED, for_files, look_at},
    text::grouped,
};
use portcullis_sdk::Kind;

use self::{
    output::{Form, Outputs},
    target::Target,
};
use super::{
    Exit, Failure, Outcome,
    evidence::Progress,
    held::HeldFiles,
    host,
    modules::{LimitFlags, Subject, VerifyFlags},
    output::Output,
    term,
};

/// How often the progress of a scan is told, in milliseconds.
const TOLD_EVERY: u64 = 50;
/// Cells of the bar.
const BAR: usize = 30;

/// Ask one validator about many files
///
/// The validator is a module, or a gate of a manifest, which brings its parameters, limits, suppressions and baseline. Links
/// are not followed, and folders such as .git and build are passed over.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis scan aether-workflow.wasm flows --trust trust.toml\n  portcullis scan flows --manifest release.toml --output sarif=findings.sarif\n  portcullis scan my.wasm src --unverified --include '**/*.md' --output baseline=main.json\n\nExit status: 0 nothing that decides, 1 something, 2 usage, 3 a file could not be judged, 4 the module is not to be trusted."
)]
pub(crate) struct Args {
    /// The module, or the name of a gate in the manifest
    #[arg(value_name = "MODULE|GATE")]
    what: String,
    /// Files and folders [default: those of the gate]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The manifest that the gate is in
    #[arg(long, value_name = "MANIFEST", default_value = "portcullis.toml")]
    manifest: PathBuf,
    #[command(flatten)]
    verify: VerifyFlags,
    /// Ask a module whose maker nobody verified; every output says so
    #[arg(long, conflicts_with_all = ["trust", "key"])]
    unverified: bool,
    /// The validator's parameters, a JSON object, or `@FILE`
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    /// Which files of folders are looked at; more than once
    #[arg(long, value_name = "GLOB", default_value = "**/*.aether")]
    include: Vec<String>,
    /// Which of them are not; more than once
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Look at the first N files only
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// What is let pass
    #[arg(long, value_name = "FILE")]
    suppressions: Option<PathBuf>,
    /// What was there before
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Whether only what the baseline does not have decides
    #[arg(long, value_name = "WHICH", value_parser = fail_on)]
    fail_on: Option<FailOn>,
    /// Leave a snapshot in this folder, for `history`
    #[arg(long, value_name = "DIR")]
    history_dir: Option<PathBuf>,
    /// The status of each file as a line of JSON on stdout
    #[arg(long)]
    status_json: bool,
    /// A line AETHER_ERROR_CODE:N on stderr for each file
    #[arg(long)]
    emit_error_code: bool,
    /// What goes to stdout or a file: text, classification, markdown, baseline, sarif or status; more than once
    #[arg(long, value_name = "FORM[=PATH]")]
    output: Vec<Output<Form>>,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The validator's clock, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    cache: host::CacheFlags,
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    match text {
        "any" => Ok(FailOn::Any),
        "new" => Ok(FailOn::New),
        _ => Err("it is `any` or `new`".to_owned()),
    }
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let now = host::now(self.now);
        let target = Target::find(&self)?;
        let matched = self.matched(&target)?;
        let mut files = HeldFiles::default();
        let held = files.read(&target.held)?.unwrap_or_default();
        let outputs = Outputs::new(&self);
        outputs.clear(files.paths().chain([target.module.clone()]).chain(target.trust()), &matched)?;
        let subject = self.subject(&target, now)?;
        let cancelled = host::watch_interrupts();
        let (throughput, tier) = for_files(matched.len());
        let sandbox = host::sandbox(throughput, &self.cache, global.verbose)?;
        let program = subject.load(&sandbox, tier, &target.limits, global.verbose)?;
        let name = target.name.clone().unwrap_or_else(|| subject.name.clone());
        let run_id = host::run_id(now)?;
        let template = RequestTemplate::new(&name, Kind::Validator, &target.params, now, &run_id);
        let validator = Validator { program: &program, name: &name, limits: &target.limits, template: &template };
        let setting = Setting { now, run_id: &run_id, jobs: host::jobs(self.jobs, matched.len()), cancelled };
        let rules = held.rules(now);
        let bar = Bar::new(global, matched.len());
        let (looked, used) = look_at(&validator, &matched, &rules, setting, &|ended| bar.tell(ended));
        bar.clear();
        let exit = exit(&looked, rules.fail_on);
        let scan = self.scan(&subject, &matched, looked, now);
        self.keep(&outputs, &scan)?;
        self.warn(&held, &used, now);
        outputs.tell(&scan)?;
        Ok(exit)
    }

    fn matched(&self, target: &Target) -> Result<Matched, Failure> {
        let matched = match &target.each {
            Some((pattern, root)) if self.paths.is_empty() => portcullis::evidence::expand(pattern, root),
            _ if self.paths.is_empty() => {
                let problem = Diagnostic::new("no-paths", "nothing says which files are looked at");
                return Err(Failure::usage(problem.help("name files or folders behind the module")));
            }
            _ => Selection::new(&self.include, &self.exclude)
                .map_err(MatchError::from)
                .and_then(|selection| gather(&self.paths, &selection)),
        };
        let matched = matched.map_err(|error| {
            let help = "folders are searched for `**/*.aether`; give --include for other files";
            Failure::usage(Diagnostic::new(error.code(), error.to_string()).help(help))
        })?;
        Ok(self.limit.map_or(matched.clone(), |limit| matched.first(limit.max(1))))
    }

    /// The module, verified unless the user says that nobody shall.
    fn subject(&self, target: &Target, now: Timestamp) -> Result<Subject, Failure> {
        let verify = &target.verify;
        if verify.trust.is_none() && verify.key.is_none() && !self.unverified {
            let message = format!("nobody verified who made `{}`", portcullis::files::shown(&target.module));
            let help = "give --trust TRUST.toml or --key PUB, or say --unverified, which every output then tells";
            return Err(Failure::new(Exit::Refused, Diagnostic::new("unverified", message).help(help)));
        }
        let subject = Subject::open(&target.module, verify, &target.limits, now)?;
        if subject.kind != Kind::Validator {
            let message = format!("the module is a {}, and only a validator looks at files", subject.kind.name());
            return Err(Failure::new(Exit::Refused, Diagnostic::new("wrong-kind", message)));
        }
        Ok(subject)
    }

    fn scan(&self, subject: &Subject, matched: &Matched, looked: Vec<Looked>, now: Timestamp) -> Scan {
        let identity = subject.identity();
        let key = || self.verify.key.as_ref().map(|key| format!("key {}", portcullis::files::shown(key)));
        let version = identity.version.map(|version| format!(" {version}")).unwrap_or_default();
        Scan {
            timestamp: now,
            module: format!("{}{version}", subject.name),
            content: identity.content_digest,
            publisher: if identity.verified { identity.publisher.or_else(key) } else { None },
            files: matched.paths().zip(looked).map(|(path, looked)| looked.scanned(path.to_owned())).collect(),
        }
    }

    /// Leaves what was asked for in files, whole or not at all.
    fn keep(&self, outputs: &Outputs, scan: &Scan) -> Result<(), Failure> {
        outputs.write(scan)?;
        if let Some(folder) = &self.history_dir {
            let snapshot = portcullis::report::scan::classification_json(scan).unwrap_or_default();
            history::keep(folder, Timestamp::now(), snapshot.as_bytes())?;
            super::history::tell(&history::write_trends(folder)?.skipped);
        }
        Ok(())
    }

    /// Tells of suppressions that have run out, soon will, or let nothing pass.
    fn warn(&self, held: &Held, used: &portcullis::findings::suppressions::Used, now: Timestamp) {
        let Some((file, suppressions)) = &held.suppressions else { return };
        let notices = suppressions.notices(used, portcullis::findings::day(now), WARNED);
        term::warn_all(&notices.iter().map(|notice| notice.diagnostic(file)).collect::<Vec<_>>());
    }
}

fn exit(looked: &[Looked], fail_on: FailOn) -> Exit {
    if looked.iter().any(|looked| looked.fails(fail_on)) {
        Exit::No
    } else if looked.iter().any(|looked| looked.fault().is_some()) {
        Exit::Blocked
    } else {
        Exit::Ok
    }
}

/// How far a scan is, as a bar on a watched terminal.
struct Bar {
    progress: Progress,
    files: usize,
    started: Instant,
    told: AtomicU64,
}

impl Bar {
    fn new(global: &term::Global, files: usize) -> Self {
        Self { progress: Progress::new(global), files, started: Instant::now(), told: AtomicU64::new(0) }
    }

    fn tell(&self, ended: usize) {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        let due = elapsed >= told.saturating_add(TOLD_EVERY);
        if due && self.told.compare_exchange(told, elapsed, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let full = BAR * ended / self.files.max(1);
            let (done, left) = ("━".repeat(full), "─".repeat(BAR - full.min(BAR)));
            let counts = format!("{} of {} files", grouped(ended as u64), grouped(self.files as u64));
            self.progress.tell(&format!("{done}{left} {counts}"));
        }
    }

    fn clear(&self) {
        self.progress.clear();
    }
}
