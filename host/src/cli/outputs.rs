//! What a run leaves: three artifacts in a folder, and whatever else was asked for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    decision::Record,
    diagnostic::Diagnostic,
    files::{FileError, write_whole},
    report,
};

use super::{
    Failure,
    github::Workflow,
    output::{Form, Output, clear, on_stdout},
    term,
};

const DECISION: &str = "decision.json";
const RESULTS: &str = "gate_results.json";
const SIGN_OFF: &str = "gate_sign_off.md";

/// A form in which a decision is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
    Results,
    Markdown,
}

impl Form for Format {
    const FORMS: &[(&str, Self)] =
        &[("text", Self::Text), ("json", Self::Json), ("results", Self::Results), ("markdown", Self::Markdown)];
}

/// Where a run's outputs go.
pub(crate) struct Outputs {
    folder: PathBuf,
    asked: Vec<Output<Format>>,
    github: Option<Workflow>,
}

impl Outputs {
    pub(crate) fn new(folder: PathBuf, asked: Vec<Output<Format>>) -> Self {
        Self { folder, asked, github: Workflow::around() }
    }

    /// Every file that will be written.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let artifacts = [DECISION, RESULTS, SIGN_OFF].map(|name| self.folder.join(name));
        artifacts.into_iter().chain(self.asked.iter().filter_map(|output| output.path.clone()))
    }

    /// Begins what is shown while gates run; whether the text report is, so that its lines may come as gates end.
    pub(crate) fn start(&self) -> Result<bool, Failure> {
        let live = on_stdout(&self.asked).first() == Some(&Format::Text);
        if let (true, Some(workflow)) = (live, &self.github) {
            workflow.silence()?;
        }
        Ok(live)
    }

    /// Ends what [`Outputs::start`] began, where no decision follows that would.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        self.github.as_ref().map_or(Ok(()), Workflow::speak)
    }

    /// Removes what an earlier run left, so that nobody takes it for this one's, and makes the folder. `read` are the files
    /// that this run reads, as far as they are known: none of them is taken for an output.
    pub(crate) fn clear(&self, read: &[PathBuf]) -> Result<(), Failure> {
        clear(&self.paths().collect::<Vec<_>>(), read)?;
        fs::create_dir_all(&self.folder).map_err(|error| FileError::Write(self.folder.clone(), error))?;
        Ok(())
    }

    /// Writes everything; the decision last, so that where it is, the rest is.
    pub(crate) fn write(&self, record: &Record, profile: &str, strict_manual: bool) -> Result<(), Failure> {
        let json = report::decision_json(record).map_err(|error| unwritable(&error))?;
        let results = report::gate_results(record, profile, strict_manual).map_err(|error| unwritable(&error))?;
        let sign_off = report::sign_off(record, strict_manual);
        let text_of = |format: Format| match format {
            Format::Text => report::terminal::render(record),
            Format::Json => json.clone(),
            Format::Results => results.clone(),
            Format::Markdown => sign_off.clone(),
        };
        for output in &self.asked {
            output.write(text_of)?;
        }
        self.write_artifact(RESULTS, &results)?;
        self.write_artifact(SIGN_OFF, &sign_off)?;
        self.show(record, text_of)?;
        if let Some(workflow) = &self.github {
            let readable = on_stdout(&self.asked).iter().all(|format| *format == Format::Text);
            workflow.tell(record, strict_manual, readable)?;
        }
        self.write_artifact(DECISION, &json)
    }

    /// Shows what goes to stdout. The lines of the text report's gates are there already, where it comes first.
    fn show(&self, record: &Record, text_of: impl Fn(Format) -> String) -> Result<(), Failure> {
        for (index, format) in on_stdout(&self.asked).into_iter().enumerate() {
            match (index, format) {
                (0, Format::Text) => {
                    term::out(&report::terminal::conclusion(record))?;
                    self.github.as_ref().map_or(Ok(()), Workflow::speak)?;
                }
                (_, format) => term::out(&text_of(format))?,
            }
        }
        Ok(())
    }

    fn write_artifact(&self, name: &str, text: &str) -> Result<(), Failure> {
        Ok(write_whole(&self.folder.join(Path::new(name)), text.as_bytes(), 0o644)?)
    }
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::blocked(Diagnostic::new("report-failed", format!("the record could not be written as JSON: {error}")))
}
