//! `parse_baseline.json`: what files came to, with the names of all that was wrong.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_sdk::Severity;
use serde::Serialize;

use super::super::{
    Classification, File as ScannedFile, Fingerprint, Scan, Scanned, Stamp, Workflow, classification::category,
};

/// A baseline, as it is written. Texts are hostile.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document<'a> {
    timestamp: Stamp,
    total: usize,
    by_code: BTreeMap<String, usize>,
    failure_rate: f64,
    files: Vec<File<'a>>,
    /// The names that last of every error, whether it is let pass or not; nothing where the scan does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<BTreeSet<Fingerprint>>,
    /// Whether nobody verified who made the validator; left out where somebody did.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unverified: bool,
}

/// What one file came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct File<'a> {
    path: &'a str,
    ok: bool,
    code: u32,
    code_name: &'a str,
    line: Option<u32>,
    message: &'a str,
}

/// The baseline that `scan` makes.
#[must_use]
pub fn document(scan: &Scan) -> Document<'_> {
    let errors = scan.files.findings().filter(|found| found.finding.severity == Severity::Error);
    let findings = errors.map(|found| found.fingerprints.v2).collect();
    let files = scan.files.iter().map(|file| (File::from(file), file.suppressed)).collect();
    Document { unverified: scan.publisher.is_none(), ..Document::new(Stamp(scan.timestamp), files, Some(findings)) }
}

/// The baseline that a scan makes which was read back.
#[must_use]
pub fn document_of(scan: &Classification) -> Document<'_> {
    let findings = scan.names().map(|_| {
        let found = scan.workflows.iter().flat_map(|file| file.fingerprints.iter().flatten());
        found.filter(|named| named.severity == Severity::Error).map(|named| named.v2).collect()
    });
    let files = scan.workflows.iter().map(|file| (File::from(file), file.suppressed)).collect();
    let unverified = scan.tool.is_some_and(|tool| !tool.verified);
    Document { unverified, ..Document::new(scan.summary.timestamp, files, findings) }
}

impl<'a> Document<'a> {
    /// The files come with whether all that is wrong with each is let pass: then they are counted apart.
    fn new(timestamp: Stamp, files: Vec<(File<'a>, bool)>, findings: Option<BTreeSet<Fingerprint>>) -> Self {
        let mut by_code = BTreeMap::new();
        for (file, suppressed) in &files {
            *by_code.entry(category(file.code_name, *suppressed)).or_default() += 1;
        }
        let total = files.len();
        let failed = files.iter().filter(|(file, suppressed)| !file.ok && !suppressed).count();
        let files = files.into_iter().map(|(file, _)| file).collect();
        Self { timestamp, total, by_code, failure_rate: rate(failed, total), files, findings, unverified: false }
    }

    /// How many of the files failed, from 0 to 1, to 4 places.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        self.failure_rate
    }

    /// Whether it tells each finding by its name; without, what is new is told by what gave each file its code.
    #[must_use]
    pub fn tells_findings(&self) -> bool {
        self.findings.is_some()
    }
}

impl<'a> From<ScannedFile<'a>> for File<'a> {
    fn from(file: ScannedFile<'a>) -> Self {
        let ScannedFile { path, scanned } = file;
        let Scanned { code, message, line, .. } = scanned;
        Self { path, ok: file.ok(), code: code.number(), code_name: code.name(), line: *line, message }
    }
}

impl<'a> From<&'a Workflow> for File<'a> {
    fn from(file: &'a Workflow) -> Self {
        let Workflow { path, ok, code, code_name, line, error, .. } = file;
        Self { path, ok: *ok, code: *code, code_name, line: *line, message: error.as_deref().unwrap_or_default() }
    }
}

/// How many of the files failed, to 4 places; nothing of nothing is nothing.
#[must_use]
pub(crate) fn rate(failed: usize, total: usize) -> f64 {
    if total == 0 { 0.0 } else { (failed as f64 / total as f64 * 10_000.0).round() / 10_000.0 }
}
