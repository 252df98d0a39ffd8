//! `portcullis baseline`: what was wrong before, and whether more is now.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown, write_whole},
    findings::{
        Classification, Stamp,
        artifact::{ArtifactError, CAP},
        baseline::{Baseline, Thresholds, compare, document_of},
    },
    report::pretty,
    text::counted,
};

use super::{Exit, Failure, Outcome, host, term};

/// Keep what is wrong today, and tell whether more is wrong tomorrow
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  portcullis baseline write --scan classification.json --out main.json\n  portcullis baseline diff --new parse_baseline.json --ref main.json\n\ndiff prints what it found as JSON. It ends with 0 when nothing got worse, 1 when something did, 2 when a file cannot be read.\nA code got worse when it has more files than before by more than both thresholds; a failure of the tool that is new, at once."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a baseline of what a scan left
    Write(Write),
    /// Hold a baseline against the one before it
    Diff(Diff),
}

#[derive(clap::Args)]
struct Write {
    /// The classification.json of a scan
    #[arg(long, value_name = "FILE")]
    scan: PathBuf,
    /// Where the baseline goes
    #[arg(short, long, value_name = "FILE", default_value = "parse_baseline.json")]
    out: PathBuf,
}

#[derive(clap::Args)]
struct Diff {
    /// What is wrong now
    #[arg(long, value_name = "FILE")]
    new: PathBuf,
    /// What was wrong before; one that is not there counts as nothing
    #[arg(long = "ref", value_name = "FILE")]
    reference: PathBuf,
    /// So many more files of a code may be wrong
    #[arg(long, value_name = "N", default_value_t = Thresholds::default().absolute)]
    abs_threshold: u64,
    /// Such a part of those before
    #[arg(long, value_name = "PART", default_value_t = Thresholds::default().relative, value_parser = part)]
    rel_threshold: f64,
    /// What was wrong before has to be there
    #[arg(long)]
    require_ref: bool,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part: &f64| part.is_finite() && *part >= 0.0);
    part.ok_or_else(|| "it is a number from 0, such as 0.10".to_owned())
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::Write(args) => args.execute(),
            Action::Diff(args) => args.execute(),
        }
    }
}

impl Write {
    fn execute(self) -> Outcome {
        let same = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if same(&self.scan) == same(&self.out) {
            let problem = Diagnostic::new("output-is-input", format!("`{}` is what is read", shown(&self.out)));
            return Err(Failure::usage(problem.help("name another file for --out")));
        }
        let scan = read_scan(&self.scan)?;
        let document = document_of(&scan);
        let json = pretty(&document).map_err(|error| {
            Failure::blocked(Diagnostic::new("report-failed", format!("the baseline is no JSON: {error}")))
        })?;
        write_whole(&self.out, json.as_bytes(), 0o644)?;
        if !document.tells_findings() {
            term::note("the scan does not name all that it found: what is new is told by what gave each file its code");
        }
        let files = counted(scan.workflows.len(), "file", "files");
        term::out_line(&format!("{}  {files}, failure rate {}", shown(&self.out), document.failure_rate()))?;
        Ok(Exit::Ok)
    }
}

impl Diff {
    fn execute(self) -> Outcome {
        let new = read_baseline(&self.new)?;
        let reference = match read_capped(&self.reference, CAP) {
            Err(FileError::Missing(path)) if !self.require_ref => {
                term::note(&format!("`{}` does not exist: nothing counts as wrong before", shown(&path)));
                Baseline::of_nothing()
            }
            read => Baseline::read(&read?).map_err(|error| unreadable(&self.reference, error))?,
        };
        let thresholds = Thresholds { absolute: self.abs_threshold, relative: self.rel_threshold };
        let found = compare(&new, &reference, thresholds, Stamp(host::now(self.now)));
        term::out_json(&found)?;
        Ok(if found.ok { Exit::Ok } else { Exit::No })
    }
}

/// The baseline in the file at `path`.
pub(crate) fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    Baseline::read(&read_capped(path, CAP)?).map_err(|error| unreadable(path, error))
}

/// What a scan left in the file at `path`.
pub(crate) fn read_scan(path: &Path) -> Result<Classification, Failure> {
    Classification::read(&read_capped(path, CAP)?).map_err(|error| unreadable(path, error))
}

/// A file that is none.
pub(crate) fn unreadable(path: &Path, error: ArtifactError) -> Failure {
    Failure::usage(Diagnostic::from(error).at(shown(path)))
}
