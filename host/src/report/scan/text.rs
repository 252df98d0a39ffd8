//! The scan for people at a terminal: who looked, what the files came to, and the first that failed. Colours are written
//! inline; the caller sends the text through a stream that strips them where nobody wants them.

use std::fmt::Write as _;

use anstyle::Style;
use portcullis_sdk::Severity;

use super::{Count, MESSAGE, NAME, PATH, Tally, Tool, UNVERIFIED, deciding};
use crate::{
    findings::{BaselineState, File, Phase, Scan, history::rate},
    report::{
        github::defused,
        palette::{BOLD, DIM, GREEN, MAGENTA, RED, YELLOW},
    },
    text::{counted, excerpt, grouped},
};

/// How many failing files are shown.
const SHOWN: usize = 20;

/// The whole scan; ends with a line feed and a line that sums it up.
#[must_use]
pub fn scan_text(scan: &Scan) -> String {
    let tally = Tally::of(scan);
    let mut text = head(scan);
    if tally.total > 0 {
        text.push('\n');
    }
    text.push_str(&categories(&tally));
    if tally.failed > 0 {
        text.push('\n');
        text.extend(scan.files.iter().filter(|file| file.failed()).take(SHOWN).map(failure));
    }
    if tally.failed > SHOWN {
        let more = number(tally.failed - SHOWN);
        let _ = writeln!(text, "  {DIM}… and {more} more: --output classification.json has all{DIM:#}");
    }
    let _ = writeln!(text, "\n{}", summary(scan, &tally));
    defused(&text)
}

/// `validator aether-workflow 1.0.0, published by ci, content 1a2b…`.
fn head(scan: &Scan) -> String {
    let provenance = Tool::of(scan).provenance;
    let module = excerpt(&scan.module, NAME);
    let content = provenance.content_digest.short();
    match provenance.publisher {
        Some(publisher) => {
            format!("validator {BOLD}{module}{BOLD:#}, published by {}, content {content}\n", excerpt(publisher, NAME))
        }
        None => {
            format!("validator {BOLD}{module}{BOLD:#}, {YELLOW}unverified{YELLOW:#}: {UNVERIFIED}, content {content}\n")
        }
    }
}

/// A line a category, the counts right-aligned.
fn categories(tally: &Tally<'_>) -> String {
    let width = tally.categories.values().map(|Count { count, .. }| number(*count).len()).max().unwrap_or_default();
    let line = |((suppressed, _), Count { category, count, .. }): (&(bool, _), &Count<'_>)| {
        let style = if *suppressed { DIM } else { Style::new() };
        format!("  {style}{:>width$}  {category}{style:#}\n", number(*count))
    };
    tally.categories.iter().map(line).collect()
}

/// Where a file failed and why, and the fix below where the validator has one.
fn failure(file: File<'_>) -> String {
    let (style, mark) = if file.phase == Phase::Parse { (RED, '✗') } else { (MAGENTA, '!') };
    let line = file.line.map(|line| format!(":{line}")).unwrap_or_default();
    let (path, message) = (excerpt(file.path, PATH), excerpt(&file.message, MESSAGE));
    let code = file.code.name();
    let mut text = format!("  {style}{mark}{style:#} {path}{line}  {message} {DIM}[{code}]{DIM:#}\n");
    if let Some(fix) = deciding(file).and_then(|found| found.finding.fix.as_deref()) {
        let _ = writeln!(text, "    {DIM}fix{DIM:#} {}", excerpt(fix, MESSAGE));
    }
    text
}

/// `6 of 8 files failed (75.0 %), 1 suppressed; errors: 1 new, 2 unchanged; 1 warning, 1 note`.
fn summary(scan: &Scan, tally: &Tally<'_>) -> String {
    if tally.total == 0 {
        return format!("{YELLOW}no file was looked at{YELLOW:#}");
    }
    let style = if tally.failed == 0 { GREEN } else { RED };
    let files = if tally.total == 1 { "file" } else { "files" };
    let (failed, total) = (number(tally.failed), number(tally.total));
    let part = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let rate = rate(part(tally.failed), part(tally.total));
    let mut text = format!("{style}{failed} of {total} {files} failed{style:#} ({rate})");
    if tally.suppressed > 0 {
        let _ = write!(text, ", {} suppressed", number(tally.suppressed));
    }
    let findings = Findings::of(scan);
    if findings.new + findings.unchanged > 0 {
        let _ = write!(text, "; errors: {} new, {} unchanged", findings.new, findings.unchanged);
    }
    let lesser = [(findings.warnings, "warning", "warnings"), (findings.notes, "note", "notes")];
    let lesser =
        lesser.into_iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| counted(count, one, many));
    let lesser: Vec<String> = lesser.collect();
    if !lesser.is_empty() {
        let _ = write!(text, "; {}", lesser.join(", "));
    }
    text
}

/// How many findings there are, of those that are not suppressed.
#[derive(Default)]
struct Findings {
    new: usize,
    unchanged: usize,
    warnings: usize,
    notes: usize,
}

impl Findings {
    fn of(scan: &Scan) -> Self {
        let mut counts = Self::default();
        let findings = scan.files.findings();
        for found in findings.filter(|found| found.suppressed.is_none()) {
            match (found.finding.severity, found.state) {
                (Severity::Error, Some(BaselineState::New)) => counts.new += 1,
                (Severity::Error, Some(BaselineState::Unchanged)) => counts.unchanged += 1,
                (Severity::Error, None) => {}
                (Severity::Warning, _) => counts.warnings += 1,
                (Severity::Note, _) => counts.notes += 1,
            }
        }
        counts
    }
}

fn number(count: usize) -> String {
    grouped(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{samples::check_golden, scan::samples};

    fn plain(scan: &Scan) -> String {
        anstream::adapter::strip_str(&scan_text(scan)).to_string()
    }

    #[test]
    fn a_scan_with_every_case_looks_as_it_did() {
        check_golden("scan.txt", &plain(&samples::scan()), include_str!("../testdata/scan.txt"));
    }

    #[test]
    fn nothing_of_a_files_words_reaches_the_terminal_as_a_command() {
        let shown = plain(&samples::scan());
        let obeyed = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
        assert_eq!(shown.find(obeyed), None, "{shown}");
    }

    #[test]
    fn a_long_list_is_cut_and_numbers_are_grouped() {
        let shown = plain(&samples::many(1_000, 1_021));
        assert_eq!(shown.lines().filter(|line| line.starts_with("  ✗ ")).count(), 20);
        assert!(shown.contains("\n  1,000  SUCCESS\n  1,021  PARSE_ERROR\n"), "{shown}");
        assert!(shown.contains("… and 1,001 more"), "{shown}");
        assert!(shown.ends_with("\n1,021 of 2,021 files failed (50.5 %)\n"), "{shown}");
    }

    #[test]
    fn one_file_and_none_are_told_as_people_say_it() {
        assert!(plain(&samples::many(1, 0)).ends_with("\n  1  SUCCESS\n\n0 of 1 file failed (0.0 %)\n"));
        assert!(plain(&samples::many(0, 0)).ends_with("\n\nno file was looked at\n"));
    }
}
