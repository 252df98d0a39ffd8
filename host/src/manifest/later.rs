//! What a manifest may say and a run does not do yet.
//!
//! It is read and checked like everything else, so that it can be drawn; whatever would run it refuses it here, and here
//! alone. Once runs do it, this file goes, and [`super::parse`] is [`super::parse_whole`].

use toml::de::DeTable;

use super::{problems::Problems, reader::Table};
use crate::diagnostic::Diagnostic;

/// Types of stages.
const STAGES: [&str; 1] = ["agent"];
/// Keys of the manifest.
const KEYS: [&str; 2] = ["agent", "state"];

/// One problem for each thing in `document` that no run does.
pub(super) fn refuse(document: &DeTable<'_>, problems: &mut Problems<'_>) {
    let root = Table::root(document);
    for (key, _) in root.entries().into_iter().filter(|(key, _)| KEYS.contains(&key.it)) {
        problems.add(key.at, not_available(&format!("`{}` is", key.it)));
    }
    let sources = root.get("evidence").and_then(|node| node.get_ref().as_table());
    for (_, node) in sources.into_iter().flat_map(|table| table.iter()) {
        if node.get_ref().as_table().is_some_and(|source| source.contains_key("agent")) {
            problems.add(node.span().start, not_available("evidence of the kind `agent` is"));
        }
    }
    let stages = root.get("stage").and_then(|node| node.get_ref().as_array());
    for node in stages.into_iter().flat_map(|stages| stages.iter()) {
        let kind =
            node.get_ref().as_table().and_then(|stage| stage.get("type")).and_then(|kind| kind.get_ref().as_str());
        if let Some(kind) = kind.filter(|kind| STAGES.contains(kind)) {
            let message = format!("stages of the type `{kind}` are not available in this version");
            problems.add(
                node.span().start,
                Diagnostic::new("stage-kind", message).help("`gate`, `parallel` and `condition` are"),
            );
        }
    }
}

fn not_available(what: &str) -> Diagnostic {
    Diagnostic::new("not-available", format!("{what} not available in this version"))
        .help("`portcullis graph` draws what is written; no run follows it yet")
}
