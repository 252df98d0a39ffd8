//! `migration_report.md`: what became of each file of a migration.

use std::fmt::Write as _;

use super::markdown::escaped;
use crate::{migration::Changes, text::counted};

/// How much of a path is repeated, in characters.
const PATH: usize = 120;
/// How much of a reason is, in characters.
const REASON: usize = 200;

/// A file of a migration, and what became of it. Hostile text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigratedFile {
    /// The file, as it was named or found.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was changed, or would have been: some change there is.
    Changed(Changes),
    /// It is as it should be.
    Unchanged,
    /// It was passed over, and why.
    Skipped(String),
    /// It could not be migrated, and why.
    Failed(String),
}

/// A table of `files` with their changes by rule, and a line that sums it up; `dry` when nothing was written.
#[must_use]
pub fn migration_md(files: &[MigratedFile], dry: bool) -> String {
    let mut text = String::from(
        "# Migration\n\n| File | Intents renamed | Goals quoted | Blank lines removed | Lines trimmed | Status |\n\
         | --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for file in files {
        let changes = if let Fate::Changed(changes) = file.fate { changes } else { Changes::default() };
        let Changes { intents, quoted, blank_lines, trailing } = changes;
        let status = match &file.fate {
            Fate::Changed(_) if dry => "would change".to_owned(),
            Fate::Changed(_) => "changed".to_owned(),
            Fate::Unchanged => "unchanged".to_owned(),
            Fate::Skipped(reason) => format!("skipped: {}", escaped(reason, REASON)),
            Fate::Failed(reason) => format!("**failed**: {}", escaped(reason, REASON)),
        };
        let path = escaped(&file.path, PATH);
        let _ = writeln!(text, "| {path} | {intents} | {quoted} | {blank_lines} | {trailing} | {status} |");
    }
    let _ = writeln!(text, "\n{}", migration_line(files, dry));
    text
}

/// `3 files: 1 changed, 1 unchanged, 1 failed`.
#[must_use]
pub fn migration_line(files: &[MigratedFile], dry: bool) -> String {
    let count = |is: fn(&Fate) -> bool| files.iter().filter(|file| is(&file.fate)).count();
    let counts = [
        (count(|fate| matches!(fate, Fate::Changed(_))), if dry { "would change" } else { "changed" }),
        (count(|fate| matches!(fate, Fate::Unchanged)), "unchanged"),
        (count(|fate| matches!(fate, Fate::Skipped(_))), "skipped"),
        (count(|fate| matches!(fate, Fate::Failed(_))), "failed"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{}: {}", counted(files.len(), "file", "files"), counts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<MigratedFile> {
        let changes = Changes { intents: 1, quoted: 2, blank_lines: 3, trailing: 4 };
        let file = |path: &str, fate| MigratedFile { path: path.to_owned(), fate };
        vec![
            file("flows/a.aether", Fate::Changed(changes)),
            file("flows/b|<b>\u{1b}.aether", Fate::Unchanged),
            file("flows/c.aether", Fate::Skipped("it is a link".to_owned())),
            file("flows/d.aether", Fate::Failed("it is not UTF-8 at byte 7".to_owned())),
        ]
    }

    #[test]
    fn every_file_has_a_row_with_its_changes_by_rule() {
        let expect = "\
# Migration

| File | Intents renamed | Goals quoted | Blank lines removed | Lines trimmed | Status |
| --- | ---: | ---: | ---: | ---: | --- |
| flows/a.aether | 1 | 2 | 3 | 4 | changed |
| flows/b\\|&lt;b&gt;\\\\u{1b}.aether | 0 | 0 | 0 | 0 | unchanged |
| flows/c.aether | 0 | 0 | 0 | 0 | skipped: it is a link |
| flows/d.aether | 0 | 0 | 0 | 0 | **failed**: it is not UTF-8 at byte 7 |

4 files: 1 changed, 1 unchanged, 1 skipped, 1 failed
";
        assert_eq!(migration_md(&files(), false), expect);
    }

    #[test]
    fn a_dry_run_says_what_would_change() {
        let text = migration_md(&files(), true);
        assert!(text.contains("| 4 | would change |") && text.contains(": 1 would change, "), "{text}");
        assert_eq!(migration_line(&files()[1..2], true), "1 file: 1 unchanged");
    }
}
