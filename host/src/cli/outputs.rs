//! What a run leaves: three artifacts in a folder, and whatever else was asked for.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    str::FromStr,
};

use portcullis::{
    decision::Record,
    diagnostic::Diagnostic,
    files::{FileError, shown, write_whole},
    report,
};

use super::{Failure, github::Workflow, term};

const DECISION: &str = "decision.json";
const RESULTS: &str = "gate_results.json";
const SIGN_OFF: &str = "gate_sign_off.md";

/// A form in which a decision is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Results,
    Markdown,
}

/// A form, and the file that it goes to; stdout without one.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: Format,
    path: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').map_or((text, None), |(format, path)| (format, Some(path)));
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "results" => Format::Results,
            "markdown" => Format::Markdown,
            _ => return Err("the formats are text, json, results and markdown".to_owned()),
        };
        match path {
            Some("") => Err("there is no path behind the `=`".to_owned()),
            path => Ok(Self { format, path: path.map(PathBuf::from) }),
        }
    }
}

/// Where a run's outputs go.
pub(crate) struct Outputs {
    folder: PathBuf,
    asked: Vec<Output>,
    github: Option<Workflow>,
}

impl Outputs {
    pub(crate) fn new(folder: PathBuf, asked: Vec<Output>) -> Self {
        Self { folder, asked, github: Workflow::around() }
    }

    /// What goes to stdout, in order: the text, where nothing else is asked for.
    fn shown(&self) -> Vec<Format> {
        let shown: Vec<Format> =
            self.asked.iter().filter(|output| output.path.is_none()).map(|output| output.format).collect();
        if shown.is_empty() { vec![Format::Text] } else { shown }
    }

    /// Begins what is shown while gates run; whether the text report is, so that its lines may come as gates end.
    pub(crate) fn start(&self) -> Result<bool, Failure> {
        let live = self.shown().first() == Some(&Format::Text);
        if let (true, Some(workflow)) = (live, &self.github) {
            workflow.silence()?;
        }
        Ok(live)
    }

    /// Removes what an earlier run left, so that nobody takes it for this one's, and makes the folder. `read` are the files
    /// that this run reads, as far as they are known: none of them is taken for an output.
    pub(crate) fn clear(&self, read: &[PathBuf]) -> Result<(), Failure> {
        let same = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let read: Vec<PathBuf> = read.iter().map(|path| same(path)).collect();
        let artifacts = [DECISION, RESULTS, SIGN_OFF].map(|name| self.folder.join(name));
        let asked = self.asked.iter().filter_map(|output| output.path.clone());
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in artifacts.into_iter().chain(asked) {
            if read.contains(&same(&path)) {
                let problem = Diagnostic::new("output-is-input", format!("`{}` is read by this run", shown(&path)));
                return Err(Failure::usage(
                    problem.help("name another file for --output, or another folder for --out"),
                ));
            }
            if paths.contains(&path) {
                let problem = Diagnostic::new("output-twice", format!("two outputs go to `{}`", shown(&path)));
                return Err(Failure::usage(problem.help("give each its own file")));
            }
            paths.push(path);
        }
        paths.iter().try_for_each(|path| remove(path))?;
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
            if let Some(path) = &output.path {
                // A file is read later, by whatever: no colours in it.
                let text = text_of(output.format);
                write_whole(path, anstream::adapter::strip_str(&text).to_string().as_bytes(), 0o644)?;
            }
        }
        self.write_artifact(RESULTS, &results)?;
        self.write_artifact(SIGN_OFF, &sign_off)?;
        self.show(record, text_of)?;
        if let Some(workflow) = &self.github {
            let readable = self.shown().iter().all(|format| *format == Format::Text);
            workflow.tell(record, strict_manual, readable)?;
        }
        self.write_artifact(DECISION, &json)
    }

    /// Shows what goes to stdout. The lines of the text report's gates are there already, where it comes first.
    fn show(&self, record: &Record, text_of: impl Fn(Format) -> String) -> Result<(), Failure> {
        for (index, format) in self.shown().into_iter().enumerate() {
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

/// Removes a file or a link. A device or a pipe in an output's place is not ours to remove.
fn remove(path: &Path) -> Result<(), FileError> {
    let removed = path.symlink_metadata().and_then(|metadata| {
        let ours = metadata.is_file() || metadata.is_symlink();
        if ours { fs::remove_file(path).map(|()| true) } else { Ok(false) }
    });
    match removed {
        Ok(true) => Ok(()),
        Ok(false) => Err(FileError::NotAFile(path.to_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(FileError::Write(path.to_owned(), error)),
    }
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::blocked(Diagnostic::new("report-failed", format!("the record could not be written as JSON: {error}")))
}
