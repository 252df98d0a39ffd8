//! Where the ledger is, and what is said when it does not open.

use std::path::PathBuf;

use portcullis::{
    diagnostic::Diagnostic,
    ledger::{Filter, KeptRun, Ledger, LedgerError, Mode, RunRow},
    stopped::Stopped,
    text::excerpt,
};

use super::{Failure, host, term};

/// Runs of which a message names the beginnings that are the same, at most.
const NAMED: u32 = 4;

/// What the run that began last may be called.
const LAST: &str = "last";

/// Where the ledger is, as a flag.
#[derive(clap::Args, Clone)]
pub(crate) struct Place {
    /// The ledger [default: portcullis/ledger.sqlite in the user's data folder]
    #[arg(long, value_name = "PATH")]
    ledger: Option<PathBuf>,
}

impl Place {
    /// The path that the user names, or the usual one.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        let usual = || host::data_folder().map(|folder| folder.join("ledger.sqlite"));
        self.ledger.clone().or_else(usual).ok_or_else(|| {
            let problem = Diagnostic::new("no-ledger-folder", "there is no folder for a ledger");
            Failure::usage(problem.help("set HOME or XDG_DATA_HOME, or name one with --ledger PATH"))
        })
    }

    /// Every file of it, as far as there is a place for one: an output in the place of any of them would take it away.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.path().map_or_else(|_| Vec::new(), |path| Ledger::files(&path))
    }

    /// Opens it.
    pub(crate) fn open(&self, mode: Mode) -> Result<Ledger, Failure> {
        let path = self.path()?;
        Ledger::open(&path, mode).map_err(|error| failed(&path, &error))
    }
}

/// What kept a command from the ledger at `path`.
pub(crate) fn failed(path: &std::path::Path, error: &LedgerError) -> Failure {
    Stopped::from_ledger(path, error).into()
}

/// Whether a run is kept, and where, as flags.
#[derive(clap::Args, Clone)]
pub(crate) struct KeepFlags {
    #[command(flatten)]
    place: Place,
    /// Keep nothing of this run
    #[arg(long, conflicts_with = "ledger")]
    no_ledger: bool,
}

impl KeepFlags {
    /// Whether a run is kept, if there is a place for it.
    pub(crate) fn keeps(&self) -> bool {
        !self.no_ledger
    }

    /// The ledger that a run is kept in. A user without a home has none; that is told, and no reason not to run.
    pub(crate) fn open(&self) -> Result<Option<Ledger>, Failure> {
        if self.no_ledger {
            return Ok(None);
        }
        if self.place.ledger.is_none() && host::data_folder().is_none() {
            term::caution(
                "nothing is kept of this run: there is no folder for a ledger; set HOME or give --ledger PATH",
            );
            return Ok(None);
        }
        self.place.open(Mode::Write).map(Some)
    }

    /// What kept a run from its ledger, with the way to run without one.
    pub(crate) fn or_without(mut failure: Failure) -> Failure {
        for problem in failure.problems.iter_mut().filter(|problem| problem.code.starts_with("ledger-")) {
            let way = "with --no-ledger nothing is kept of the run, and it runs all the same";
            problem.help = Some(problem.help.as_ref().map_or_else(|| way.to_owned(), |help| format!("{help}; {way}")));
        }
        failure
    }

    /// The files of the ledger, where the run is kept.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        if self.no_ledger { Vec::new() } else { self.place.paths() }
    }
}

/// The name of the one run that begins with `name`; `last` is the one that began last.
pub(crate) fn resolve(ledger: &Ledger, name: &str) -> Result<String, Failure> {
    if name == LAST {
        let newest = Filter { limit: Some(1), ..Filter::default() };
        let runs = ledger.runs(&newest).map_err(|error| failed(ledger.path(), &error))?;
        return runs
            .into_iter()
            .next()
            .map(|row| row.run)
            .ok_or_else(|| Failure::usage(Diagnostic::new("ledger-empty", "the ledger has no run yet")));
    }
    let found = ledger.runs_named(name, NAMED).map_err(|error| failed(ledger.path(), &error))?;
    match found.as_slice() {
        [] => Err(failed(ledger.path(), &LedgerError::NoRun(name.to_owned()))),
        [run] => Ok(run.clone()),
        [run, ..] if run == name => Ok(run.clone()),
        several => {
            let names: Vec<String> = several.iter().map(|run| excerpt(run, 64)).collect();
            let message = format!("several runs begin with `{}`, such as {}", excerpt(name, 64), names.join(", "));
            Err(Failure::usage(Diagnostic::new("run-ambiguous", message).help("give more of the name")))
        }
    }
}

/// The one run that begins with `name`.
pub(super) fn run(ledger: &Ledger, name: &str) -> Result<KeptRun, Failure> {
    let name = resolve(ledger, name)?;
    ledger.run(&name).map_err(|error| failed(ledger.path(), &error))
}

/// What a run came to, in a word or two.
pub(super) fn state(ledger: &Ledger, row: &RunRow) -> String {
    match &row.finished {
        Some(finished) => excerpt(&finished.decision, 20),
        None if ledger.is_claimed(&row.run) => "under way".to_owned(),
        None => "broken off".to_owned(),
    }
}
