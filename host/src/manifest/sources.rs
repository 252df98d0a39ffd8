//! `[evidence]`: where each piece comes from.

use std::path::{Path, PathBuf};

use super::{
    Format, Origin, Overrides, json,
    plan::EvidenceSource,
    problems::{Problems, quoted, unknown},
    reader::{At, Node, Table, check_name},
};
use crate::diagnostic::Diagnostic;

const FORMATS: [(&str, Format); 5] = [
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("toml", Format::Toml),
    ("text", Format::Text),
    ("bytes", Format::Bytes),
];

/// What a source says of itself, so that a mistake in it is found even where it is overridden.
struct Written {
    origin: Option<Origin>,
    format: Option<Format>,
}

/// The evidence of the manifest whose folder is `folder`, in its order, one for each name; where a problem left none,
/// something stands for it.
pub(super) fn sources(
    root: Table<'_>,
    folder: &Path,
    overrides: &Overrides,
    problems: &mut Problems<'_>,
) -> Vec<EvidenceSource> {
    let entries = root.table("evidence", problems).map(|table| table.entries()).unwrap_or_default();
    check_overrides(overrides, &entries, problems);
    let source = |(name, node): (At<&str>, Node<'_>)| {
        check_name(name, problems);
        let instead = overrides.evidence.iter().find(|(overridden, _)| overridden == name.it).map(|(_, path)| path);
        let written = written(node, folder, instead.is_some(), problems);
        let origin = match instead {
            Some(path) => overridden(path.clone(), &written),
            None => written.origin.unwrap_or(Origin::Value(serde_json::Value::Null)),
        };
        EvidenceSource { name: name.it.to_owned(), origin }
    };
    entries.into_iter().map(source).collect()
}

fn check_overrides(overrides: &Overrides, entries: &[(At<&str>, Node<'_>)], problems: &mut Problems<'_>) {
    let mut seen = std::collections::HashSet::new();
    for (name, _) in &overrides.evidence {
        let place = format!("--evidence {}", crate::text::printable(name));
        let known = entries.iter().map(|(name, _)| name.it);
        // These stand behind all that is wrong in the text, which is where the eye goes first.
        if !known.clone().any(|known| known == name) {
            problems.add(usize::MAX, unknown(("unknown-evidence", "evidence"), name, known).at(place));
        } else if !seen.insert(name) {
            let message = format!("evidence {} is overridden twice", quoted(name));
            problems.add(usize::MAX, Diagnostic::new("duplicate-evidence", message).at(place));
        }
    }
}

/// A file instead of what is written: read as its ending says, or else as the file that it replaces.
fn overridden(path: PathBuf, written: &Written) -> Origin {
    let declared = match &written.origin {
        Some(Origin::File { format, .. }) => Some(*format),
        _ => written.format,
    };
    let format = by_ending(&path).or(declared).unwrap_or(Format::Json);
    Origin::File { path, format }
}

fn written(node: Node<'_>, folder: &Path, overridden: bool, problems: &mut Problems<'_>) -> Written {
    let nothing = Written { origin: None, format: None };
    let Some(table) = Table::open(node, problems) else { return nothing };
    if let Some(kind) = ["command", "http"].into_iter().find(|kind| table.get(kind).is_some()) {
        if !overridden {
            let message = format!("evidence of the kind `{kind}` is not available in this version");
            let help = "record it in a file and name that: `{ file = \"…\" }`, or `--evidence NAME=PATH`";
            problems.add(table.at, Diagnostic::new("evidence-kind", message).help(help));
        }
        return nothing;
    }
    let table = table.only(&["file", "format", "value"], problems);
    let format = table.word("format", &FORMATS, problems);
    let origin = match (table.get("file"), table.get("value")) {
        (Some(_), None) => file(table, folder, format, problems),
        (None, Some(value)) => {
            if table.get("format").is_some() {
                conflict(table.at, "`format` says how a `file` is read, and here is a `value`", problems);
            }
            json::value(value, 1)
                .map_err(|(at, error)| problems.add(at, Diagnostic::new(error.code(), error.to_string())))
                .map(Origin::Value)
                .ok()
        }
        (Some(_), Some(_)) => {
            conflict(table.at, "evidence comes from a `file` or is a `value`, and here are both", problems);
            None
        }
        (None, None) => {
            let message = "evidence comes from a `file` or is a `value`, and here is neither";
            problems.add(table.at, Diagnostic::new("missing-key", message));
            None
        }
    };
    Written { origin, format }
}

fn file(table: Table<'_>, folder: &Path, format: Option<Format>, problems: &mut Problems<'_>) -> Option<Origin> {
    let path = table.required_path("file", problems)?;
    let format = match format.or_else(|| by_ending(Path::new(path.it))) {
        Some(format) => format,
        // A word that is no format is told already.
        None if table.get("format").is_some() => return None,
        None => {
            let message = format!("the ending of {} does not say how it is read", quoted(path.it));
            let help = "add `format`: one of `json`, `jsonl`, `toml`, `text`, `bytes`";
            problems.add(path.at, Diagnostic::new("unknown-format", message).help(help));
            return None;
        }
    };
    Some(Origin::File { path: folder.join(path.it), format })
}

/// How files of that ending are read; bytes never follow from an ending.
fn by_ending(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "toml" => Some(Format::Toml),
        "txt" | "md" | "log" => Some(Format::Text),
        _ => None,
    }
}

fn conflict(at: usize, message: &str, problems: &mut Problems<'_>) {
    problems.add(at, Diagnostic::new("key-conflict", message));
}
