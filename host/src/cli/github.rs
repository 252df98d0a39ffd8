//! A workflow on GitHub around this command: annotations on its lines, and the summary of its step.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use portcullis::{decision::Record, report::github};

use super::{Exit, Failure, host, term};

/// The workflow that this command runs in.
pub(crate) struct Workflow {
    /// Where the step's summary is added to.
    summary: Option<PathBuf>,
    /// Lines around text that may hold hostile words: in between, the runner obeys nothing.
    quiet: Option<(String, String)>,
}

impl Workflow {
    /// The workflow, if the environment says that there is one.
    pub(crate) fn around() -> Option<Self> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let runs = set("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        runs.then(|| Self {
            summary: set("GITHUB_STEP_SUMMARY").map(PathBuf::from),
            quiet: host::random().ok().map(github::stop_commands),
        })
    }

    /// Annotates what kept a command from its work, and adds it to the step's summary, if a workflow is around it.
    pub(crate) fn annotate(Failure { exit, problems }: &Failure) {
        let Some(workflow) = Self::around() else { return };
        term::err(&github::problems(problems));
        let ended = match exit {
            Exit::Refused => "refused — something is not to be trusted, and nothing ran",
            Exit::Usage => "nothing ran — what was asked for is wrong",
            Exit::Ok | Exit::No | Exit::Blocked => "blocked — no decision could be made",
        };
        workflow.summarise(|room| github::problems_summary(ended, problems, room));
    }

    /// From here on the runner obeys nothing that is on stdout.
    pub(crate) fn silence(&self) -> Result<(), Failure> {
        self.quiet.as_ref().map_or(Ok(()), |(stop, _)| term::out(stop))
    }

    /// From here on it does again.
    pub(crate) fn speak(&self) -> Result<(), Failure> {
        self.quiet.as_ref().map_or(Ok(()), |(_, start)| term::out(start))
    }

    /// Annotates what went wrong, on stdout where people read it and else on stderr, and adds to the step's summary. A
    /// summary that cannot be written takes nothing from the decision.
    pub(crate) fn tell(&self, record: &Record, strict_manual: bool, readable: bool) -> Result<(), Failure> {
        let annotations = github::annotations(record);
        match readable {
            true => term::out(&annotations)?,
            false => term::err(&annotations),
        }
        self.summarise(|room| github::step_summary(record, strict_manual, room));
        Ok(())
    }

    /// Adds what `summary` makes of the room that is left to the step's summary, where there is one.
    fn summarise(&self, summary: impl FnOnce(usize) -> String) {
        let Some(path) = &self.summary else { return };
        let there = path.metadata().map_or(0, |found| usize::try_from(found.len()).unwrap_or(usize::MAX));
        let summary = summary(github::STEP.saturating_sub(there));
        let added = OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = added.and_then(|mut file| file.write_all(summary.as_bytes())) {
            term::caution(&format!("the summary of the step could not be written: {error}"));
        }
    }
}
