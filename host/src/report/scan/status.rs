//! The status of one file as a line of JSON (spec/workflow-findings.md, Codes).

use serde::Serialize;

use crate::{
    findings::{File, Phase, Scan, Stamp},
    report::json::line,
};

#[derive(Serialize)]
struct Status<'a> {
    ok: bool,
    code: u32,
    code_name: &'static str,
    file: &'a str,
    phase: Phase,
    message: &'a str,
    line: Option<u32>,
    timestamp: Stamp,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    suppressed: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unverified: bool,
}

/// What `file` of `scan` came to, in one line with a line feed at its end.
///
/// # Errors
/// Never for a file of a scan; the type is serde_json's.
pub fn status_line(scan: &Scan, file: File<'_>) -> serde_json::Result<String> {
    line(&Status {
        ok: file.ok(),
        code: file.code.number(),
        code_name: file.code.name(),
        file: file.path,
        phase: file.phase,
        message: &file.message,
        line: file.line,
        timestamp: Stamp(scan.timestamp),
        suppressed: file.suppressed,
        unverified: scan.publisher.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{samples::check_golden, scan::samples};

    #[test]
    fn every_case_is_one_line_as_it_was() {
        let scan = samples::scan();
        let lines: Vec<String> = scan.files.iter().map(|file| status_line(&scan, file).expect("serializes")).collect();
        assert!(lines.iter().all(|line| line.find('\n') == Some(line.len() - 1)), "{lines:?}");
        check_golden("scan-status.jsonl", &lines.concat(), include_str!("../testdata/scan-status.jsonl"));
    }
}
