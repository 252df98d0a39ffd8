//! `classification.md`: the scan as people paste it.

use std::fmt::Write as _;

use super::{Count, MESSAGE, NAME, PATH, Tally, Tool, UNVERIFIED};
use crate::{
    findings::{File, Scan, Stamp},
    report::markdown::escaped,
    text::counted,
};

/// How many failing files are listed.
const LISTED: usize = 200;

/// The categories with a few files of each, and the files that failed: the first 200, and how many more there are.
#[must_use]
pub fn classification_md(scan: &Scan) -> String {
    let tally = Tally::of(scan);
    let mut text = String::from("# Classification\n\n");
    text.push_str(&head(scan, &tally));
    text.push_str("\n| Category | Files | Examples |\n| --- | ---: | --- |\n");
    for Count { category, count, examples } in tally.categories.values() {
        let examples: Vec<String> = examples.iter().map(|path| escaped(path, PATH)).collect();
        let _ = writeln!(text, "| {category} | {count} | {} |", examples.join("<br>"));
    }
    if tally.failed > 0 {
        text.push_str("\n## Files that failed\n\n| File | Line | Code | Error |\n| --- | ---: | --- | --- |\n");
        text.extend(scan.files.iter().filter(|file| file.failed()).take(LISTED).map(row));
    }
    if tally.failed > LISTED {
        let _ = writeln!(text, "\nand {} more.", counted(tally.failed - LISTED, "file", "files"));
    }
    text
}

/// Who looked at how much, and what came of it.
fn head(scan: &Scan, tally: &Tally<'_>) -> String {
    let Tool { name, version, provenance } = Tool::of(scan);
    let version = version.map(|version| format!(" {}", escaped(version, NAME))).unwrap_or_default();
    let publisher = match provenance.publisher {
        Some(publisher) => format!("published by {}", escaped(publisher, NAME)),
        None => format!("**unverified**: {UNVERIFIED}"),
    };
    format!(
        "Validator {}{version}, content `{}`, {publisher}.\n\n{} of {} failed (failure rate {}), {} suppressed; {}.\n",
        escaped(name, NAME),
        provenance.content_digest.short(),
        tally.failed,
        counted(tally.total, "file", "files"),
        tally.failure_rate(),
        tally.suppressed,
        Stamp(scan.timestamp),
    )
}

fn row(file: File<'_>) -> String {
    let line = file.line.map(|line| line.to_string()).unwrap_or_default();
    format!("| {} | {line} | {} | {} |\n", escaped(file.path, PATH), file.code.name(), escaped(&file.message, MESSAGE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{samples::check_golden, scan::samples};

    #[test]
    fn a_scan_with_every_case_looks_as_it_did() {
        let text = classification_md(&samples::scan());
        check_golden("scan-classification.md", &text, include_str!("../testdata/scan-classification.md"));
    }

    #[test]
    fn a_long_list_ends_with_how_many_more_there_are() {
        for (failing, rows, more) in
            [(200, 200, None), (201, 200, Some("and 1 file more.")), (450, 200, Some("and 250 files more."))]
        {
            let text = classification_md(&samples::many(1, failing));
            assert_eq!(text.lines().filter(|line| line.starts_with("| failing/")).count(), rows, "{failing}");
            assert_eq!(text.lines().find(|line| line.starts_with("and ")), more);
        }
    }

    #[test]
    fn nothing_failed_and_nothing_was_looked_at_are_told() {
        let text = classification_md(&samples::many(2, 0));
        assert!(text.contains("0 of 2 files failed (failure rate 0), 0 suppressed") && !text.contains("## "), "{text}");
        assert!(classification_md(&samples::many(0, 0)).contains("0 of 0 files failed"));
    }
}
