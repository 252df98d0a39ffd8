//! `portcullis scan`: one validator, many files, each its own call with its own limits.

mod output;
mod target;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use clap::builder::RangedU64ValueParser;
use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    evidence::{MatchError, Matched, Selection, gather},
    files::FileError,
    findings::{
        Files, Held, Looked, Scan, history,
        suppressions::{Notice, WARNED},
    },
    intake::{HeldFiles, Shelf},
    judge::RequestTemplate,
    manifest::FailOn,
    run::{self, Setting, Validator, for_files},
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
    host,
    modules::{Against, LimitFlags, Subject, VerifyFlags},
    output::Output,
    term, trust_files,
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
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
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
        let outputs = Outputs::new(&self);
        let target = Target::find(&self);
        let matched = self.matched(target.as_ref().ok());
        let against = target.as_ref().map_or_else(|_| Ok(Against::Nobody), |target| target.verify.read(now));
        let mut read = self.reads(target.as_ref().ok(), matched.as_ref().ok());
        read.extend(against.iter().filter_map(Against::trust).flat_map(trust_files::paths));
        // Whatever goes wrong from here on, nothing of an earlier scan is taken for this one's.
        outputs.clear(&read)?;
        let (target, matched) = (target?, matched?);
        let held = HeldFiles::default().read(&target.held, &Shelf::disk())?.unwrap_or_default();
        let subject = self.subject(&target, against)?;
        subject.warnings().iter().for_each(|warning| term::note(warning));
        let cancelled = host::watch_interrupts();
        let (throughput, tier) = for_files(matched.len());
        let sandbox = host::sandbox(throughput, &self.cache, global.verbose)?;
        let program = subject.load(&sandbox, tier, &target.limits, global.verbose)?;
        let name = target.name.clone().unwrap_or_else(|| subject.name.clone());
        let run_id = host::run_id(now)?;
        let template = RequestTemplate::new(&name, Kind::Validator, &target.params, now, &run_id);
        let (program, limits) = (&*program, &target.limits);
        let validator = Validator { program, name: &name, limits, template: &template, keeps: false };
        let setting = Setting { now, run_id: &run_id, jobs: host::jobs(self.jobs, matched.len()), cancelled };
        let rules = held.rules(now);
        let bar = Bar::new(global, matched.len());
        let worst = Worst::default();
        let note = |looked: &Looked| worst.note(looked, rules.fail_on);
        let (others, used) = run::scan(&validator, &matched, &rules, setting, note, |ended| bar.tell(ended));
        bar.clear();
        let scan = self.scan(&subject, Files::new(matched.into_paths(), others), now);
        if cancelled.load(Ordering::Relaxed) {
            // Half a scan taken for a whole one would make a baseline that lets things through.
            term::note("the scan was interrupted, so no file of it is written");
        } else {
            self.keep(&outputs, &scan)?;
            self.warn(&held, &used, now);
        }
        outputs.tell(&scan)?;
        Ok(worst.exit())
    }

    fn matched(&self, target: Option<&Target>) -> Result<Matched, Failure> {
        let matched = match target.and_then(|target| target.each.as_ref()) {
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
        Ok(match self.limit {
            Some(limit) => matched.first(limit),
            None => matched,
        })
    }

    /// The files that are read, as far as they are known. Of those that are looked at, only what has an output's name: asking
    /// the system about each of many files takes its time.
    fn reads(&self, target: Option<&Target>, matched: Option<&Matched>) -> Vec<PathBuf> {
        let params = self.params.as_ref().and_then(|params| params.strip_prefix('@')).map(PathBuf::from);
        let named = [PathBuf::from(&self.what), self.manifest.clone()].into_iter().chain(params);
        let Self { verify, suppressions, baseline, .. } = self;
        let flags = [&verify.trust, &verify.key, suppressions, baseline].into_iter().flatten().cloned();
        let root = target.and_then(|target| target.each.as_ref()).filter(|_| self.paths.is_empty());
        let root = root.map(|(_, root)| root.clone()).unwrap_or_default();
        let is_output = |path: &&str| {
            let name = Path::new(path).file_name();
            self.output.iter().filter_map(|output| output.path.as_ref()).any(|path| path.file_name() == name)
        };
        let looked_at = matched.into_iter().flat_map(Matched::paths).filter(is_output).map(|path| root.join(path));
        named.chain(flags).chain(target.into_iter().flat_map(Target::reads)).chain(looked_at).collect()
    }

    /// The module, verified unless the user says that nobody shall.
    fn subject(&self, target: &Target, against: Result<Against, Failure>) -> Result<Subject, Failure> {
        if matches!(against, Ok(Against::Nobody)) && !self.unverified {
            let message = format!("nobody verified who made `{}`", portcullis::files::shown(&target.module));
            let help = "give --trust TRUST.toml or --key PUB, or say --unverified, which every output then tells";
            return Err(Failure::new(Exit::Refused, Diagnostic::new("unverified", message).help(help)));
        }
        let subject = Subject::open(&target.module, &target.limits, against)?;
        if subject.kind != Kind::Validator {
            let message = format!("the module is a {}, and only a validator looks at files", subject.kind.name());
            return Err(Failure::new(Exit::Refused, Diagnostic::new("wrong-kind", message)));
        }
        Ok(subject)
    }

    fn scan(&self, subject: &Subject, files: Files, now: Timestamp) -> Scan {
        let identity = subject.identity();
        let key = || self.verify.key.as_ref().map(|key| format!("key {}", portcullis::files::shown(key)));
        let version = identity.version.map(|version| format!(" {version}")).unwrap_or_default();
        Scan {
            timestamp: now,
            module: format!("{}{version}", subject.name),
            content: identity.content_digest,
            publisher: if identity.verified { identity.publisher.or_else(key) } else { None },
            files,
        }
    }

    /// Leaves what was asked for in files, whole or not at all.
    fn keep(&self, outputs: &Outputs, scan: &Scan) -> Result<(), Failure> {
        outputs.write(scan)?;
        if let Some(folder) = &self.history_dir {
            let mut snapshot = Vec::new();
            portcullis::report::scan::classification_json(scan, &mut snapshot)
                .map_err(|error| FileError::Write(folder.clone(), error))?;
            history::keep(folder, Timestamp::now(), &snapshot)?;
            super::history::tell(&history::write_trends(folder)?.skipped);
        }
        Ok(())
    }

    /// Tells of suppressions that have run out, soon will, or let nothing pass.
    fn warn(&self, held: &Held, used: &portcullis::findings::suppressions::Used, now: Timestamp) {
        let Some((file, suppressions)) = &held.suppressions else { return };
        let notices = suppressions.notices(used, portcullis::findings::day(now), WARNED).into_iter();
        // Of some of the files nobody knows what the others would have needed.
        let notices = notices.filter(|notice| self.limit.is_none() || !matches!(notice, Notice::Unused { .. }));
        term::warn_all(&notices.map(|notice| notice.diagnostic(file)).collect::<Vec<_>>());
    }
}

/// What of all that files came to decides the status.
#[derive(Default)]
struct Worst {
    failed: AtomicBool,
    faulted: AtomicBool,
}

impl Worst {
    fn note(&self, looked: &Looked, fail_on: FailOn) {
        // Written only where it is so: what one thread writes with every file, the other cores would have to fetch each time.
        if looked.fails(fail_on) {
            self.failed.store(true, Ordering::Relaxed);
        }
        if looked.fault().is_some() {
            self.faulted.store(true, Ordering::Relaxed);
        }
    }

    /// A file that fails goes before one that could not be judged.
    fn exit(&self) -> Exit {
        match (self.failed.load(Ordering::Relaxed), self.faulted.load(Ordering::Relaxed)) {
            (true, _) => Exit::No,
            (false, true) => Exit::Blocked,
            (false, false) => Exit::Ok,
        }
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
        if !self.progress.is_watched() {
            return;
        }
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
