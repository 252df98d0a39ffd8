//! Evidence of the kind `http`: one exchange with a server, or several.

use toml::de::DeValue;

use super::{
    super::{
        Exchange, Hosts, HttpSource, Resume, Template, json,
        limits::{Unit, amount},
        network::refusal,
        problems::{Problems, quoted},
        reader::{At, Node, Table, string, template, whole_number, wrong_type},
    },
    Context, conflict, kept, timeout,
    url::address,
};
use crate::diagnostic::Diagnostic;

/// The keys of an exchange.
pub(super) const KEYS: [&str; 11] =
    ["url", "method", "headers", "body", "json", "timeout", "max_body", "redirects", "stop_at", "stop_after", "resume"];
/// Header fields that a manifest does not set, each with who does.
const NOT_SET: [(&str, &str); 5] = [
    ("host", "it comes from the `url`"),
    ("content-length", "it comes from the body"),
    ("transfer-encoding", "how a body is framed is the client's own matter"),
    ("connection", "how long a connection stays is the client's own matter"),
    ("last-event-id", "it comes from an earlier exchange: write `resume`"),
];
const REDIRECTS: u32 = 5;
const MOST_REDIRECTS: u32 = 10;
const MOST_EVENTS: u64 = 1_000_000_000;

/// What stands at `http`, and the evidence that it resumes, each with the place of its name.
pub(super) fn http(
    node: Node<'_>,
    context: &Context<'_, '_>,
    problems: &mut Problems<'_>,
) -> (Option<HttpSource>, Vec<At<usize>>) {
    let mut resumed = Vec::new();
    let (nodes, sequence): (Vec<Node<'_>>, bool) = match node.get_ref() {
        DeValue::Array(items) => (items.iter().collect(), true),
        DeValue::Table(_) => (vec![node], false),
        _ => return (wrong_type(node, "a table or an array of tables", problems), resumed),
    };
    if nodes.is_empty() {
        problems.add(node.span().start, Diagnostic::new("empty-http", "`http` has no exchange"));
    }
    let mut exchanges = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.into_iter().enumerate() {
        let Some(table) = Table::open(node, problems) else { continue };
        let table = table.only(&KEYS, problems);
        let resume = resume(table, (sequence, index), context, &mut resumed, problems);
        exchanges.extend(exchange(table, resume, context, problems));
    }
    check_one_resumed(&resumed, context, problems);
    (Some(HttpSource { exchanges, sequence }), resumed)
}

fn exchange(
    table: Table<'_>,
    resume: Option<Resume>,
    context: &Context<'_, '_>,
    problems: &mut Problems<'_>,
) -> Option<Exchange> {
    let url = url(table, context.hosts, problems);
    let mut headers = headers(table, problems);
    let body = body(table, &mut headers, problems);
    let count = |node| amount(node, "stop_after", (Unit::Count, MOST_EVENTS), problems);
    let stop_after = table.get("stop_after").and_then(count);
    Some(Exchange {
        method: method(table, body.is_some(), problems),
        headers,
        body,
        timeout: timeout(table, problems),
        max_body: kept(table, "max_body", problems),
        redirects: redirects(table, problems),
        stop_at: stop_at(table, problems),
        stop_after: stop_after.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        resume,
        url: url?,
    })
}

/// The URL at `url`; that it may not be reached is a problem, where it is known what may.
pub(in super::super) fn url(table: Table<'_>, hosts: Option<&Hosts>, problems: &mut Problems<'_>) -> Option<Template> {
    let text = table.required("url", problems)?;
    let url = template(text, problems)?;
    match address(&url) {
        Err(error) => {
            let message = format!("{} is no URL that can be asked", quoted(text.it));
            problems.add(text.at, Diagnostic::new("bad-url", message).help(error.to_string()));
        }
        Ok(address) => {
            if let Some(hosts) = hosts
                && let Some(problem) = refusal(hosts, &address.host, address.port)
            {
                problems.add(text.at, problem);
            }
        }
    }
    Some(url)
}

/// The method in upper case; without one, a body is posted.
fn method(table: Table<'_>, has_body: bool, problems: &mut Problems<'_>) -> String {
    let Some(method) = table.string("method", problems) else {
        return if has_body { "POST" } else { "GET" }.to_owned();
    };
    let upper = method.it.to_ascii_uppercase();
    if !is_token(&upper) || upper == "CONNECT" {
        let message = format!("{} is no method that can be asked", quoted(method.it));
        problems.add(method.at, Diagnostic::new("bad-method", message));
    }
    upper
}

/// The headers at `headers`, with lower-case names.
pub(in super::super) fn headers(table: Table<'_>, problems: &mut Problems<'_>) -> Vec<(String, Template)> {
    let entries = table.table("headers", problems).map(|table| table.entries()).unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    let header = |(name, node): (At<&str>, Node<'_>)| {
        let lower = name.it.to_ascii_lowercase();
        check_header_name(name, &lower, problems);
        if !seen.insert(lower.clone()) {
            let message = format!("the header {} is given twice", quoted(&lower));
            problems.add(name.at, Diagnostic::new("duplicate-header", message));
        }
        let value = string(node, problems)?;
        if value.it.chars().any(|character| character.is_control() && character != '\t') {
            let message = format!("the header {} has a control character in its value", quoted(&lower));
            problems.add(value.at, Diagnostic::new("bad-header", message));
        }
        Some((lower, template(value, problems)?))
    };
    entries.into_iter().filter_map(header).collect()
}

fn check_header_name(name: At<&str>, lower: &str, problems: &mut Problems<'_>) {
    if !is_token(lower) {
        let help = "a name has letters, digits and !#$%&'*+-.^_`|~";
        let message = format!("{} is no name of a header", quoted(name.it));
        problems.add(name.at, Diagnostic::new("bad-header", message).help(help));
    }
    if let Some((_, whose)) = NOT_SET.iter().find(|(name, _)| *name == lower) {
        let message = format!("the header `{lower}` is not set by hand: {whose}");
        problems.add(name.at, Diagnostic::new("bad-header", message));
    }
}

/// Whether `text` is a token as HTTP has it (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(part)
}

/// The body, and for `json` its content type among `headers` where they say none.
fn body(table: Table<'_>, headers: &mut Vec<(String, Template)>, problems: &mut Problems<'_>) -> Option<Template> {
    if table.get("json").is_some() && table.get("body").is_some() {
        conflict(table.at, "an exchange has a `body` or a `json` one, and here are both", problems);
    }
    let Some(node) = table.get("json") else {
        return template(table.string("body", problems)?, problems);
    };
    let json = json_text(node, problems)?;
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), Template::text("application/json".to_owned())));
    }
    Some(json)
}

/// The text of the JSON that `node` means. A variable in it would have to be spelled as JSON spells strings, which is not
/// known before it is read; so there is none.
fn json_text(node: Node<'_>, problems: &mut Problems<'_>) -> Option<Template> {
    let value = json::value(node, 1)
        .map_err(|(at, error)| problems.add(at, Diagnostic::new(error.code(), error.to_string())))
        .ok()?;
    let text = Template::parse(&value.to_string()).ok().filter(|text| text.variables().next().is_none());
    if text.is_none() {
        let help = "write the text yourself, as a `body`; `$${` is the text `${`";
        let problem = Diagnostic::new("bad-template", "no variable stands in a `json` body").help(help);
        problems.add(node.span().start, problem);
    }
    text
}

fn redirects(table: Table<'_>, problems: &mut Problems<'_>) -> u32 {
    let Some(node) = table.get("redirects") else { return REDIRECTS };
    let Some(number) = whole_number(node, problems) else { return REDIRECTS };
    if number > u64::from(MOST_REDIRECTS) {
        let message = format!("`redirects` is {number}, past the host's ceiling of {MOST_REDIRECTS}");
        problems.add(node.span().start, Diagnostic::new("limit-ceiling", message));
    }
    u32::try_from(number).unwrap_or(MOST_REDIRECTS)
}

fn stop_at(table: Table<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let event = table.string("stop_at", problems)?;
    if event.it.is_empty() {
        let help = "an event that has no name of its own is a `message`";
        problems.add(event.at, Diagnostic::new("bad-event", "`stop_at` names no event").help(help));
    }
    Some(event.it.to_owned())
}

/// Where the `Last-Event-ID` of an exchange comes from. `place` says whether it is one of a sequence, and which.
fn resume(
    table: Table<'_>,
    (sequence, index): (bool, usize),
    context: &Context<'_, '_>,
    resumed: &mut Vec<At<usize>>,
    problems: &mut Problems<'_>,
) -> Option<Resume> {
    let node = table.get("resume")?;
    let at = node.span().start;
    match node.get_ref() {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) => {
            if !sequence || index == 0 {
                let help = "name the evidence whose events are gone on with: `resume = \"NAME\"`";
                let message = "`resume = true` goes on with the exchange before it, and there is none";
                problems.add(at, Diagnostic::new("bad-resume", message).help(help));
            }
            Some(Resume::Previous)
        }
        DeValue::String(name) => {
            let it = context.names.find(At { at, it: name.as_ref() }, problems)?;
            resumed.push(At { at, it });
            Some(Resume::Evidence(it))
        }
        _ => wrong_type(node, "the name of evidence or a boolean", problems),
    }
}

fn check_one_resumed(resumed: &[At<usize>], context: &Context<'_, '_>, problems: &mut Problems<'_>) {
    let Some((first, rest)) = resumed.split_first() else { return };
    if let Some(other) = rest.iter().find(|other| other.it != first.it) {
        let [first, second] = [first, other].map(|name| quoted(context.names.name(name.it)));
        let message = format!("a sequence resumes one piece of evidence, and here are {first} and {second}");
        problems.add(other.at, Diagnostic::new("bad-resume", message));
    }
}
