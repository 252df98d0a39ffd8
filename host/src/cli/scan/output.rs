//! What a scan leaves and shows.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use portcullis::{
    files::write_filled,
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
        let to_file = |output: &Output<Form>| match (&output.path, output.format) {
            (None, _) => Ok(()),
            (_, Form::Text) => output.write(|_| scan::scan_text(scan)),
            (Some(path), form) => write_filled(path, 0o644, |out| fill(form, scan, out)),
        };
        Ok(self.asked.iter().try_for_each(to_file)?)
    }

    /// Shows the rest.
    pub(super) fn tell(&self, scan: &Scan) -> Result<(), Failure> {
        if self.emit_error_code {
            let codes: String =
                scan.files.iter().map(|file| format!("AETHER_ERROR_CODE:{}\n", file.code.number())).collect();
            term::err(&codes);
        }
        output::on_stdout(&self.asked).into_iter().try_for_each(|form| match form {
            Form::Text => term::out(&scan::scan_text(scan)),
            form => term::out_filled(|out| fill(form, scan, out)),
        })
    }
}

fn fill(form: Form, scan: &Scan, out: &mut impl Write) -> io::Result<()> {
    match form {
        Form::Text => out.write_all(scan::scan_text(scan).as_bytes()),
        Form::Classification => scan::classification_json(scan, out),
        Form::Markdown => out.write_all(scan::classification_md(scan).as_bytes()),
        Form::Baseline => report::write_pretty(out, &baseline::document(scan)),
        Form::Sarif => scan::sarif(scan, out),
        Form::Status => scan.files.iter().try_for_each(|file| out.write_all(scan::status_line(scan, file)?.as_bytes())),
    }
}
