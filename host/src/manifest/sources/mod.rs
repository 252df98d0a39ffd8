//! `[evidence]`: where each piece comes from.

mod command;
mod http;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;
mod url;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Format, Hosts, Origin, Overrides, Template, json,
    limits::{Unit, amount},
    order::{order, shown},
    plan::EvidenceSource,
    problems::{Problems, quoted, unknown},
    reader::{At, Node, Table, check_name, pattern},
    resolve::Names,
    template::is_variable,
};
pub(super) use command::{Program, program};
pub(super) use http::{headers, url};

use crate::{agent::OutputType, diagnostic::Diagnostic};

/// Each kind of evidence, by its own key, and the other keys that it takes.
const KINDS: [(&str, &[&str]); 7] = [
    ("file", &["file", "format", "optional", "after"]),
    ("files", &["files", "after"]),
    ("value", &["value", "after"]),
    ("env", &["env", "after"]),
    ("command", &["command", "cwd", "env", "timeout", "max_output", "format", "reveal", "after"]),
    ("http", &["http", "reveal", "after"]),
    ("agent", &["agent", "output"]),
];
const ONE_OF: &str = "one of `file`, `files`, `value`, `env`, `command`, `http` and `agent`";

const TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(3_600);
/// How many bytes are kept of what a program or a server says, when nothing else is said.
pub(super) const KEPT: u64 = 1 << 20;
const MOST_KEPT: u64 = 64 << 20;

/// What sources are resolved against.
struct Context<'a, 't> {
    folder: &'a Path,
    /// Nothing where the list of hosts has problems of its own.
    hosts: Option<&'a Hosts>,
    names: &'a Names<'t>,
    agents: &'a Names<'t>,
}

/// What a source says of itself, so that a mistake in it is found even where it is overridden.
#[derive(Default)]
struct Written {
    kind: Option<&'static str>,
    origin: Option<Origin>,
    after: Vec<usize>,
    /// The evidence that it goes on with, each with the place of its name.
    resumed: Vec<At<usize>>,
    reveal: Vec<String>,
}

/// The evidence of the manifest whose folder is `folder`, in its order, one for each name, and its names; where a problem
/// left none, something stands for it.
pub(super) fn sources<'t>(
    root: Table<'t>,
    (folder, hosts, agents): (&Path, Option<&Hosts>, &Names<'t>),
    overrides: &Overrides,
    problems: &mut Problems<'_>,
) -> (Vec<EvidenceSource>, Names<'t>) {
    let entries = root.table("evidence", problems).map(|table| table.entries()).unwrap_or_default();
    check_overrides(overrides, &entries, problems);
    let names = Names::new(("unknown-evidence", "evidence"), entries.iter().map(|(name, _)| name.it).collect());
    let context = Context { folder, hosts, names: &names, agents };
    let read = |(name, node): &(At<&str>, Node<'_>)| {
        check_name(*name, problems);
        written(node, &context, problems)
    };
    let written: Vec<_> = entries.iter().map(read).collect();
    check_resumed(&written, &names, problems);
    check_circle(&written, &entries, &names, problems);
    let sources = entries.iter().zip(written).map(|((name, _), written)| source(name.it, written, overrides)).collect();
    (sources, names)
}

fn source(name: &str, written: Written, overrides: &Overrides) -> EvidenceSource {
    let name = name.to_owned();
    let instead = overrides.evidence.iter().find(|(overridden, _)| *overridden == name);
    if let Some((_, path)) = instead {
        let origin = overridden(path.clone(), written.origin.as_ref());
        return EvidenceSource { name, origin, after: Vec::new(), reveal: Vec::new(), overridden: true };
    }
    let origin = written.origin.unwrap_or(Origin::Value(serde_json::Value::Null));
    EvidenceSource { name, origin, after: written.after, reveal: written.reveal, overridden: false }
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

/// A file instead of what is written: read as its ending says, or else as the file that it replaces. What a source that
/// acts comes to is JSON, whatever the format of a part of it.
fn overridden(path: PathBuf, written: Option<&Origin>) -> Origin {
    let declared = match written {
        Some(Origin::File { format, .. }) => *format,
        _ => Format::Json,
    };
    let format = by_ending(&path).unwrap_or(declared);
    // Whoever names a file means that it is there.
    Origin::File { path, format, optional: false }
}

fn written(node: Node<'_>, context: &Context<'_, '_>, problems: &mut Problems<'_>) -> Written {
    let Some(table) = Table::open(node, problems) else { return Written::default() };
    let kind = kind(table, problems);
    let mut written = Written {
        kind,
        after: context.names.find_all(&table.strings("after", problems), problems),
        ..Written::default()
    };
    written.origin = match kind {
        Some("file") => file(table, context.folder, problems),
        Some("files") => files(table, context.folder, problems),
        Some("value") => table.get("value").and_then(|node| value(node, problems)),
        Some("env") => env(table, problems),
        Some("command") => command::command(table, context.folder, problems).map(Origin::Command),
        Some("http") => table.get("http").and_then(|node| {
            let (source, resumed) = http::http(node, context, problems);
            written.resumed = resumed;
            source.map(Origin::Http)
        }),
        Some("agent") => agent(table, context, problems),
        _ => None,
    };
    // There is one at most; that there are more is told.
    written.after.extend(written.resumed.first().map(|resumed| resumed.it).filter(|it| !written.after.contains(it)));
    let used = written.origin.as_ref().map(|origin| origin.templates().into_iter().collect());
    written.reveal = reveal(table, used, problems);
    written
}

/// The kind that `table` says it is, where it says one and no more. A key that no such source takes is a problem.
fn kind(table: Table<'_>, problems: &mut Problems<'_>) -> Option<&'static str> {
    // A command has an `env` of its own.
    let is_there = |kind: &str| table.get(kind).is_some() && !(kind == "env" && table.get("command").is_some());
    let mut kinds = KINDS.into_iter().filter(|(kind, _)| is_there(kind));
    match (kinds.next(), kinds.next()) {
        (Some((kind, known)), None) => {
            check_keys(table, kind, known, problems);
            Some(kind)
        }
        (Some((first, _)), Some((second, _))) => {
            let message = format!("evidence is {ONE_OF}, and here are `{first}` and `{second}`");
            conflict(table.at, &message, problems);
            None
        }
        (None, _) => {
            let known: Vec<_> = KINDS.iter().flat_map(|(_, known)| known.iter().copied()).collect();
            table.only(&known, problems);
            let message = format!("evidence is {ONE_OF}, and here is none");
            problems.add(table.at, Diagnostic::new("missing-key", message));
            None
        }
    }
}

/// Every key of `table` that `kind` does not take is a problem, and one that belongs elsewhere is told as that.
fn check_keys(table: Table<'_>, kind: &str, known: &[&str], problems: &mut Problems<'_>) {
    let of_an_exchange = |key: &str| kind == "http" && http::KEYS.contains(&key) && !known.contains(&key);
    for (key, _) in table.entries().into_iter().filter(|(key, _)| of_an_exchange(key.it)) {
        let message = format!("`{}` belongs to an exchange: write it inside of `http`", key.it);
        conflict(key.at, &message, problems);
    }
    let known: Vec<&str> =
        if kind == "http" { known.iter().chain(&http::KEYS).copied().collect() } else { known.to_vec() };
    let of_another = |key: &str| KINDS.iter().any(|(_, keys)| keys.contains(&key));
    table.only_beside((kind, &known), of_another, problems);
}

fn file(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<Origin> {
    let format = format(table, problems);
    let optional = table.boolean("optional", problems).unwrap_or_default();
    let path = table.required_path("file", problems)?;
    let format = match format.or_else(|| by_ending(Path::new(path.it))) {
        Some(format) => format,
        // A word that is no format is told already.
        None if table.get("format").is_some() => return None,
        None => {
            let message = format!("the ending of {} does not say how it is read", quoted(path.it));
            let words = Format::ALL.map(|(word, ..)| quoted(word)).join(", ");
            let help = format!("add `format`: one of {words}");
            problems.add(path.at, Diagnostic::new("unknown-format", message).help(help));
            return None;
        }
    };
    Some(Origin::File { path: folder.join(path.it), format, optional })
}

fn files(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<Origin> {
    let pattern = pattern(table.get("files")?, problems)?;
    Some(Origin::Files { pattern: pattern.to_owned(), root: folder.to_owned() })
}

/// The format that `table` says, where it says one.
fn format(table: Table<'_>, problems: &mut Problems<'_>) -> Option<Format> {
    table.word("format", &Format::ALL.map(|(word, format, _)| (word, format)), problems)
}

/// How files of that ending are read; bytes never follow from an ending.
fn by_ending(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        "toml" => Some(Format::Toml),
        "yaml" | "yml" => Some(Format::Yaml),
        "txt" | "md" | "log" => Some(Format::Text),
        _ => None,
    }
}

fn value(node: Node<'_>, problems: &mut Problems<'_>) -> Option<Origin> {
    json::value(node, 1)
        .map_err(|(at, error)| problems.add(at, Diagnostic::new(error.code(), error.to_string())))
        .map(Origin::Value)
        .ok()
}

/// The variables of an `env`, each once.
fn env(table: Table<'_>, problems: &mut Problems<'_>) -> Option<Origin> {
    let node = table.get("env")?;
    let names = table.strings("env", problems);
    if node.get_ref().as_array().is_some_and(|names| names.is_empty()) {
        problems.add(node.span().start, Diagnostic::new("empty-env", "`env` names no variable"));
    }
    names.iter().for_each(|name| check_variable(*name, problems));
    let mut seen = std::collections::HashSet::new();
    Some(Origin::Env(names.iter().filter(|name| seen.insert(name.it)).map(|name| name.it.to_owned()).collect()))
}

/// One more problem where `name` is no name of a variable of the environment.
fn check_variable(name: At<&str>, problems: &mut Problems<'_>) {
    if !is_variable(name.it) {
        let help = "a variable's name has letters, digits and `_`, and starts with no digit";
        let message = format!("{} is no name of a variable", quoted(name.it));
        problems.add(name.at, Diagnostic::new("bad-variable", message).help(help));
    }
}

/// The variables whose values may be seen: some of those that stand in `used`, where that is known.
pub(super) fn reveal(table: Table<'_>, used: Option<Vec<&Template>>, problems: &mut Problems<'_>) -> Vec<String> {
    let names = table.strings("reveal", problems);
    let used: std::collections::BTreeSet<_> = match used {
        Some(used) => used.into_iter().flat_map(Template::variables).collect(),
        None => return Vec::new(),
    };
    for name in names.iter().filter(|name| !used.contains(name.it)) {
        problems.add_unknown(name.at, ("unknown-variable", "variable"), name.it, used.iter().copied());
    }
    names.into_iter().map(|name| name.it.to_owned()).collect()
}

/// What an agent gives.
fn agent(table: Table<'_>, context: &Context<'_, '_>, problems: &mut Problems<'_>) -> Option<Origin> {
    let agent = table.string("agent", problems).and_then(|name| context.agents.find(name, problems));
    table.required("output", problems)?;
    let words: Vec<_> = OutputType::ALL.iter().map(|output| (output.name(), *output)).collect();
    let output = table.word("output", &words, problems)?;
    Some(Origin::Agent { agent: agent?, output })
}

fn timeout(table: Table<'_>, problems: &mut Problems<'_>) -> Duration {
    duration(table, "timeout", (TIMEOUT, LONGEST), problems)
}

/// The time at `key`; `usual` where none is written, and `most` at most.
pub(super) fn duration(
    table: Table<'_>,
    key: &str,
    (usual, most): (Duration, Duration),
    problems: &mut Problems<'_>,
) -> Duration {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    let time = |node| amount(node, key, (Unit::Milliseconds, most), problems);
    table.get(key).and_then(time).map_or(usual, Duration::from_millis)
}

/// How many bytes are kept of what a source brings, as the key `name` says.
fn kept(table: Table<'_>, name: &str, problems: &mut Problems<'_>) -> u64 {
    let bytes = |node| amount(node, name, (Unit::Bytes, MOST_KEPT), problems);
    table.get(name).and_then(bytes).unwrap_or(KEPT)
}

/// Only what is asked over HTTP has events to go on from.
fn check_resumed(written: &[Written], names: &Names<'_>, problems: &mut Problems<'_>) {
    for resumed in written.iter().flat_map(|written| &written.resumed) {
        if let Some(kind) = written.get(resumed.it).and_then(|written| written.kind)
            && kind != "http"
        {
            let message = format!("{} has no events to go on from: it is `{kind}`", quoted(names.name(resumed.it)));
            problems.add(resumed.at, Diagnostic::new("bad-resume", message).help("name evidence that is `http`"));
        }
    }
}

fn check_circle(written: &[Written], entries: &[(At<&str>, Node<'_>)], names: &Names<'_>, problems: &mut Problems<'_>) {
    let after: Vec<_> = written.iter().map(|written| written.after.clone()).collect();
    if let Err(circle) = order(&after) {
        let way = shown(&circle, |index| names.name(index));
        let message = format!("pieces of evidence come after each other in a circle: {way}");
        let at = circle.first().and_then(|index| entries.get(*index)).map_or(0, |(name, _)| name.at);
        problems.add(at, Diagnostic::new("evidence-cycle", message));
    }
}

/// One more problem: keys that do not go together.
pub(super) fn conflict(at: usize, message: &str, problems: &mut Problems<'_>) {
    problems.add(at, Diagnostic::new("key-conflict", message));
}
