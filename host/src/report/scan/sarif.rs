//! The scan as SARIF 2.1.0 (OASIS), which public tools read: what was found, its names, whether it was there before, and
//! what is suppressed. Section numbers are those of the standard.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, Write},
};

use portcullis_sdk::Severity;

use super::{Listed, Tool};
use crate::{
    findings::{File, Found, Phase, Scan, Suppressed},
    report::json::write_pretty,
};

mod log;

use log::{
    Artifact, Base, Component, Driver, Entry, Fix, Id, Invocation, Location, Log, Logical, Message, Names,
    Notification, Physical, Region, Rule, Run, Suppression, Terms,
};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What paths are relative to: the folder that the scan started in, wherever the reader has it.
const ROOT: &str = "SRCROOT";

/// The rules by their codes: which place each has in the list of rules, and what its first finding says is to be done.
type Rules<'a> = BTreeMap<&'a str, (usize, Option<&'a str>)>;

/// The scan as an indented SARIF log of one run, with a line feed at its end. The validator is the tool; files that could
/// not be read or gave no verdict are notifications of an execution that was not successful.
///
/// # Errors
/// When `out` does not take it.
pub fn sarif(scan: &Scan, out: &mut impl Write) -> io::Result<()> {
    let rules = rules(scan);
    let unseen = scan.files.iter().filter(|file| file.phase != Phase::Parse && !file.ok());
    let found = scan.files.iter().flat_map(|file| file.scanned.findings.iter().map(move |found| (file, found)));
    let results = found.map(|(file, found)| result(file, found, &rules));
    let Tool { name, version, provenance } = Tool::of(scan);
    let run = Run {
        tool: Driver {
            driver: Component {
                name,
                version,
                semantic_version: version.filter(|version| semver::Version::parse(version).is_ok()),
                rules: Listed(rules.iter().map(|(code, (_, fix))| rule(code, *fix))),
                properties: provenance,
            },
        },
        invocations: [Invocation {
            execution_successful: unseen.clone().next().is_none(),
            end_time_utc: scan.timestamp.to_string(),
            tool_execution_notifications: Listed(unseen.map(notification)),
        }],
        original_uri_base_ids: BTreeMap::from([(
            ROOT,
            Base { description: message("the folder that the scan started in", "") },
        )]),
        results: Listed(results),
    };
    write_pretty(out, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn rules(scan: &Scan) -> Rules<'_> {
    let mut rules = Rules::new();
    for found in scan.files.findings() {
        let (_, fix) = rules.entry(&found.finding.code).or_default();
        *fix = fix.or(found.finding.fix.as_deref());
    }
    for (index, (place, _)) in rules.values_mut().enumerate() {
        *place = index;
    }
    rules
}

fn rule<'a>(code: &'a str, fix: Option<&'a str>) -> Rule<'a> {
    Rule { id: code, short_description: message(code, "a rule"), help: fix.map(|fix| message(fix, code)) }
}

fn notification(file: File<'_>) -> Notification<'_> {
    let id = file.code.name();
    let locations = [location(file, None, None)];
    Notification { descriptor: Id { id }, level: "error", message: message(&file.scanned.message, id), locations }
}

fn result<'a>(file: File<'a>, found: &'a Found, rules: &Rules<'a>) -> Entry<'a> {
    let Found { finding, fingerprints, state, suppressed } = found;
    Entry {
        rule_id: &finding.code,
        rule_index: rules.get(finding.code.as_str()).map_or(0, |(index, _)| *index),
        level: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: message(&finding.message, &finding.code),
        locations: [location(file, finding.line, finding.pointer.as_deref())],
        partial_fingerprints: Names { v1: fingerprints.v1, v2: fingerprints.v2 },
        baseline_state: *state,
        // All results have the list or none has (3.27.23).
        suppressions: suppressed.iter().map(suppression).collect(),
        properties: finding.fix.as_deref().map(|fix| Fix { fix }),
    }
}

fn suppression(suppressed: &Suppressed) -> Suppression<'_> {
    Suppression {
        kind: "external",
        status: "accepted",
        justification: &suppressed.reason,
        properties: Terms { owner: suppressed.owner.as_deref(), expires: suppressed.expires.as_deref() },
    }
}

/// Where something is. The file is the one that was scanned, whatever the validator calls it.
fn location<'a>(file: File<'_>, line: Option<u32>, pointer: Option<&'a str>) -> Location<'a> {
    Location {
        physical_location: Physical {
            artifact_location: Artifact {
                uri: uri(file.path),
                uri_base_id: (!file.path.starts_with('/')).then_some(ROOT),
            },
            region: line.filter(|line| *line > 0).map(|start_line| Region { start_line }),
        },
        logical_locations: pointer.map(|pointer| [Logical { fully_qualified_name: pointer }]),
    }
}

/// A path as a reference: percent-encoded but for letters, digits, `-._~` and the `/` between its parts (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len() + 8);
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => write!(uri, "%{byte:02X}").unwrap_or_default(),
        }
    }
    uri
}

/// Words as a plain text message, which has placeholders in braces (3.11.5), links in brackets before parentheses
/// (3.11.6), and is never empty (3.11.8).
fn message<'a>(words: &'a str, otherwise: &'a str) -> Message<'a> {
    let text = if words.is_empty() { otherwise } else { words };
    if !text.contains(['{', '}']) && !text.contains("](") {
        return Message { text: Cow::Borrowed(text) };
    }
    Message { text: Cow::Owned(text.replace('{', "{{").replace('}', "}}").replace("](", "] (")) }
}

#[cfg(test)]
mod tests;
