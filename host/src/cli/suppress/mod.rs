//! `portcullis suppress`: what is let pass, why, by whom and until when.

mod edit;
mod list;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown},
    findings::suppressions::{CAP, Problem, Suppressions, most_frequent, template},
    report::github::defused,
};

use super::{Exit, Failure, Outcome, baseline::read_scan, host, table, term};

/// Where suppressions are unless the user says otherwise.
pub(crate) const FILE: &str = ".portcullis/suppressions.txt";

/// Let findings pass: with a reason, an owner and an end
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  portcullis suppress template --scan classification.json\n  portcullis suppress add a1b2c3d4e5f67890 --reason 'waits for the plugin migration' --owner @ann --expires 2026-04-01\n  portcullis suppress list\n  portcullis suppress prune --scan classification.json --expired --dry-run\n\nA file has one entry a line, FINGERPRINT  # reason owner=@name expires=YYYY-MM-DD. It holds to the end of its last day, in UTC.\nWhat other tools wrote is read too: --file .aetherra/workflow_suppressions.txt"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Let findings of a fingerprint pass
    Add(edit::Add),
    /// Show what is let pass, whose it is and how long
    List(list::Args),
    /// Take out entries that have expired, or that name nothing in a scan
    Prune(edit::Prune),
    /// Propose entries for the most frequent findings of a scan; nothing in it holds until it is filled in
    Template(Template),
}

/// Which file.
#[derive(clap::Args)]
struct Source {
    /// The suppressions [default: .portcullis/suppressions.txt]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Template {
    /// The classification.json of a scan
    #[arg(long, value_name = "FILE")]
    scan: PathBuf,
    /// How many entries
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::Add(args) => args.execute(),
            Action::List(args) => args.execute(),
            Action::Prune(args) => args.execute(),
            Action::Template(args) => args.execute(),
        }
    }
}

impl Template {
    fn execute(self) -> Outcome {
        let scan = read_scan(&self.scan)?;
        term::out(&defused(&template(&most_frequent(&scan, self.top))))?;
        Ok(Exit::Ok)
    }
}

impl Source {
    fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| FILE.into())
    }

    /// The file's bytes. One that was not named and is not there lets nothing pass.
    fn bytes(&self) -> Result<Vec<u8>, Failure> {
        match read_capped(&self.path(), CAP) {
            Err(FileError::Missing(_)) if self.file.is_none() => Ok(Vec::new()),
            read => Ok(read?),
        }
    }
}

/// The suppressions in `file`, or in the usual place, which need not be there.
pub(crate) fn read_suppressions(file: Option<&Path>) -> Result<Suppressions, Failure> {
    let source = Source { file: file.map(Path::to_owned) };
    parsed(&source.path(), &source.bytes()?)
}

/// The suppressions that `bytes` are, read from `path`.
fn parsed(path: &Path, bytes: &[u8]) -> Result<Suppressions, Failure> {
    Suppressions::parse(bytes).map_err(|problems| unreadable(path, &problems))
}

fn unreadable(path: &Path, problems: &[Problem]) -> Failure {
    let file = path.to_string_lossy();
    Failure::all(Exit::Usage, problems.iter().map(|problem| problem.diagnostic(&file)).collect())
}

fn refused(code: &'static str, message: impl Into<String>, path: &Path) -> Failure {
    Failure::usage(Diagnostic::new(code, message).at(shown(path)))
}
