//! What a scan leaves and shows.

use std::path::PathBuf;

use portcullis::{
    findings::{Scan, baseline},
    report::{self, scan},
};

use super::{Args, Failure};
use crate::cli::{output, output::Output, term};

/// A form in which a scan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Classification,
    Markdown,
    Baseline,
    Sarif,
    Status,
}

impl output::Form for Form {
    // The names of the artifacts are taken too: they are what people have in their heads.
    const FORMS: &[(&str, Self)] = &[
        ("text", Self::Text),
        ("classification", Self::Classification),
        ("markdown", Self::Markdown),
        ("baseline", Self::Baseline),
        ("sarif", Self::Sarif),
        ("status", Self::Status),
        ("classification.json", Self::Classification),
        ("classification.md", Self::Markdown),
        ("parse_baseline.json", Self::Baseline),
    ];
}

pub(super) struct Outputs {
    asked: Vec<Output<Form>>,
    emit_error_code: bool,
}

impl Outputs {
    pub(super) fn new(args: &Args) -> Self {
        let status = args.status_json.then_some(Output { format: Form::Status, path: None });
        Self { asked: args.output.iter().cloned().chain(status).collect(), emit_error_code: args.emit_error_code }
    }

    /// Removes what an earlier scan left; nothing that this one reads is among it.
    pub(super) fn clear(&self, read: &[PathBuf]) -> Result<(), Failure> {
        let paths: Vec<PathBuf> = self.asked.iter().filter_map(|output| output.path.clone()).collect();
        output::clear(&paths, read)
    }

    /// Writes what goes to files.
    pub(super) fn write(&self, scan: &Scan) -> Result<(), Failure> {
        Ok(self.asked.iter().try_for_each(|output| output.write(|form| text(form, scan)))?)
    }

    /// Shows the rest.
    pub(super) fn tell(&self, scan: &Scan) -> Result<(), Failure> {
        if self.emit_error_code {
            let codes: String =
                scan.files.iter().map(|file| format!("AETHER_ERROR_CODE:{}\n", file.code.number())).collect();
            term::err(&codes);
        }
        output::on_stdout(&self.asked).into_iter().try_for_each(|form| term::out(&text(form, scan)))
    }
}

/// Serialising what this program made cannot fail; the empty text stands where it did.
fn text(form: Form, scan: &Scan) -> String {
    match form {
        Form::Text => scan::scan_text(scan),
        Form::Classification => scan::classification_json(scan).unwrap_or_default(),
        Form::Markdown => scan::classification_md(scan),
        Form::Baseline => report::pretty(&baseline::document(scan)).unwrap_or_default(),
        Form::Sarif => scan::sarif(scan).unwrap_or_default(),
        Form::Status => scan.files.iter().map(|file| scan::status_line(scan, file).unwrap_or_default()).collect(),
    }
}
