//! `[[events]]`: where events go, which of them, and in which form.

use std::path::Path;

use super::{
    Hosts,
    problems::{Problems, quoted},
    reader::{At, Table, template, wrong_type},
    sinks::{CommandSink, EventsPlan, Filter, Form, Sink, SinkPlan, WebhookSink},
    sources::{Program, conflict, headers, program, url},
};
use crate::{agent::EventKind as Kind, diagnostic::Diagnostic};

/// Each place, by its own key, and the other keys that it takes.
const PLACES: [(&str, &[&str]); 3] = [
    ("file", &["file", "kinds"]),
    ("command", &["command", "cwd", "env", "kinds"]),
    ("url", &["url", "headers", "secret", "form", "kinds"]),
];
const ONE_OF: &str = "one of `file`, `command` and `url`";

/// The most places; each is told of every event.
const MOST: usize = 64;

/// Header fields that the notifier sets itself.
const NOT_SET: [&str; 1] = ["content-type"];
const OWN_PREFIX: &str = "x-portcullis-";

/// What stands at `events`.
pub(super) fn events(root: Table<'_>, folder: &Path, hosts: Option<&Hosts>, problems: &mut Problems<'_>) -> EventsPlan {
    let Some(node) = root.get("events") else { return EventsPlan::default() };
    let array = node.get_ref().as_array().or_else(|| wrong_type(node, "an array of tables", problems));
    let nodes: Vec<_> = array.into_iter().flat_map(|array| array.iter()).collect();
    if let Some(node) = nodes.get(MOST) {
        let message = format!("events go to {} places, and {MOST} are allowed", nodes.len());
        problems.add(node.span().start, Diagnostic::new("too-many-events", message));
        return EventsPlan::default();
    }
    let sinks = nodes.into_iter().filter_map(|node| {
        let table = Table::open(node, problems)?;
        let to = sink(table, (folder, hosts), problems);
        let kinds = filter(table, problems);
        Some(SinkPlan { to: to?, kinds })
    });
    EventsPlan { sinks: sinks.collect() }
}

fn sink(table: Table<'_>, (folder, hosts): (&Path, Option<&Hosts>), problems: &mut Problems<'_>) -> Option<Sink> {
    match place(table, problems)? {
        "file" => table.required_path("file", problems).map(|path| Sink::File(folder.join(path.it))),
        "command" => {
            let Program { argv, cwd, env } = program(table, folder, problems)?;
            Some(Sink::Command(CommandSink { argv, cwd, env }))
        }
        _ => webhook(table, hosts, problems).map(Sink::Webhook),
    }
}

/// The key of the place that `table` names, where it names one and no more. A key that no such place takes is a problem.
fn place(table: Table<'_>, problems: &mut Problems<'_>) -> Option<&'static str> {
    let mut places = PLACES.into_iter().filter(|(place, _)| table.get(place).is_some());
    match (places.next(), places.next()) {
        (Some((place, known)), None) => {
            let taken = |key: &str| PLACES.iter().any(|(_, keys)| keys.contains(&key));
            table.only_beside((place, known), taken, problems);
            Some(place)
        }
        (Some((first, _)), Some((second, _))) => {
            let message = format!("events go to {ONE_OF}, and here are `{first}` and `{second}`");
            conflict(table.at, &message, problems);
            None
        }
        (None, _) => {
            let known: Vec<_> = PLACES.iter().flat_map(|(_, known)| known.iter().copied()).collect();
            table.only(&known, problems);
            let message = format!("events go to {ONE_OF}, and here is none");
            problems.add(table.at, Diagnostic::new("missing-key", message));
            None
        }
    }
}

fn webhook(table: Table<'_>, hosts: Option<&Hosts>, problems: &mut Problems<'_>) -> Option<WebhookSink> {
    let headers = headers(table, problems);
    let at = table.get("headers").map_or(table.at, |node| node.span().start);
    for (name, _) in headers.iter().filter(|(name, _)| is_the_notifiers(name)) {
        let message = format!("the header {} is not set by hand: it says what is sent", quoted(name));
        problems.add(at, Diagnostic::new("bad-header", message));
    }
    let secret = table.string("secret", problems).and_then(|text| {
        check_secret(text, problems);
        template(text, problems)
    });
    let forms: Vec<_> = Form::ALL.iter().map(|form| (form.name(), *form)).collect();
    let form = table.word("form", &forms, problems).unwrap_or_default();
    Some(WebhookSink { url: url(table, hosts, problems)?, headers, secret, form })
}

fn is_the_notifiers(header: &str) -> bool {
    NOT_SET.contains(&header) || header.starts_with(OWN_PREFIX)
}

/// A secret that stands in the manifest is known to whoever reads it.
fn check_secret(text: At<&str>, problems: &mut Problems<'_>) {
    if !text.it.contains("${env:") {
        let message = "the `secret` stands in the manifest, where everybody reads it";
        let help = "take it from the environment: `secret = \"${env:HOOK_SECRET}\"`";
        problems.add(text.at, Diagnostic::new("written-secret", message).help(help));
    }
}

fn filter(table: Table<'_>, problems: &mut Problems<'_>) -> Filter {
    let Some(node) = table.get("kinds") else { return Filter::All };
    let mut kinds = Vec::new();
    for word in table.strings("kinds", problems) {
        match Kind::named(word.it) {
            Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
            Some(_) => {}
            None => {
                let known = Kind::ALL.iter().map(|kind| kind.name());
                problems.add_unknown(word.at, ("unknown-word", "kind of event"), word.it, known);
            }
        }
    }
    if node.get_ref().as_array().is_some_and(|words| words.is_empty()) {
        let message = "`kinds` names no kind, so nothing would be told";
        let help = "without `kinds` all events are told";
        problems.add(node.span().start, Diagnostic::new("empty-kinds", message).help(help));
    }
    Filter::Only(kinds)
}
