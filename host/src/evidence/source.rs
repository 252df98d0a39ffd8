//! One source → one piece of evidence, or why there is none.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, value::RawValue};

use super::{
    CollectError, Evidence, Keeper, Output, Piece, World, command, decode, http,
    secrets::Secrets,
    state::state,
    world::{Failed, INTERRUPTED, Place, Seen},
};
use crate::{
    digest::Digest,
    files::{FileError, read_capped, shown},
    manifest::{EvidenceSource, Format, Hosts, Origin},
};

/// What one source is asked with.
pub(super) struct Asking<'a> {
    pub(super) world: World<'a>,
    pub(super) hosts: &'a Hosts,
    pub(super) keeper: Option<&'a dyn Keeper>,
    /// The most bytes that are taken from a file.
    pub(super) cap: u64,
    pub(super) earlier: Earlier,
    /// What agents gave.
    pub(super) output: Output<'a>,
}

/// What the sources that one comes after mean for it.
pub(super) struct Earlier {
    /// One of them that failed.
    pub(super) failed: Option<String>,
    /// The id of the last event of the one that it resumes.
    pub(super) event_id: Option<String>,
}

/// What was got of a source: bytes, where there are any, and what they come to.
struct Got {
    outcome: &'static str,
    format: Format,
    seen: Option<(Digest, u64)>,
    json: Result<Box<RawValue>, Failed>,
    /// What was seen of a source that did not complete.
    document: Option<Box<RawValue>>,
}

impl Got {
    fn nothing(failed: Failed) -> Self {
        Self { outcome: "failed", format: Format::Json, seen: None, json: Err(failed), document: None }
    }
}

pub(super) fn collect_one(source: &EvidenceSource, asking: &Asking<'_>) -> Piece {
    let collected_on = (asking.world.clock)();
    let started = Instant::now();
    let got = get(source, asking);
    let evidence = |json| {
        let (digest, size) = got.seen.unwrap_or_else(|| (Digest::of(b""), 0));
        Evidence { name: source.name.clone(), digest, size, json }
    };
    let failed = |Failed { code, message }| CollectError {
        name: source.name.clone(),
        code: Cow::Borrowed(code),
        message,
        document: got.document,
    };
    Piece {
        name: source.name.clone(),
        kind: Cow::Borrowed(source.origin.kind()),
        uri: uri(&source.origin),
        outcome: Cow::Borrowed(got.outcome),
        format: got.format,
        collected_on,
        took: took(started),
        seen: got.seen,
        result: got.json.map(evidence).map_err(failed),
    }
}

/// To the microsecond: finer is noise, and what is written reads back as the same.
fn took(started: Instant) -> Duration {
    Duration::from_micros(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
}

fn get(source: &EvidenceSource, asking: &Asking<'_>) -> Got {
    if asking.world.is_cancelled() {
        return Got::nothing(Failed { code: "evidence-interrupted", message: "the run was interrupted".to_owned() });
    }
    if let Some(before) = &asking.earlier.failed {
        let message = format!("it comes after `{before}`, which could not be collected");
        return Got::nothing(Failed { code: "evidence-not-reached", message });
    }
    match &source.origin {
        Origin::File { path, format, optional } => match read_capped(path, asking.cap) {
            Ok(bytes) => decoded(source, asking, bytes, *format, &|| format!("`{}`", shown(path))),
            Err(FileError::Missing(_)) if *optional => {
                Got { outcome: "missing", ..generated(source, asking, &Value::Null) }
            }
            Err(error) => Got::nothing(Failed { code: file_code(&error), message: error.to_string() }),
        },
        Origin::Files { pattern, root } => match state(pattern, root, asking.world) {
            Ok(document) => whole(source, asking, document.into_bytes()),
            Err(failed) => Got::nothing(failed),
        },
        Origin::Value(value) => generated(source, asking, value),
        Origin::Env(names) => generated(source, asking, &variables(names, asking.world)),
        Origin::Command(command) => acted(source, asking, |place| command::run(command, place)),
        Origin::Http(http) => {
            acted(source, asking, |place| http::exchange(http, asking.hosts, asking.earlier.event_id.as_deref(), place))
        }
        Origin::Agent { agent, output } => match (asking.output)(*agent, *output) {
            Ok(json) => whole(source, asking, json.into_bytes()),
            Err(message) => Got::nothing(Failed { code: "evidence-not-reached", message }),
        },
    }
}

/// Named variables and nothing else: that the manifest names them says that gates and records may see them.
fn variables(names: &[String], world: World<'_>) -> Value {
    let value = |name: &String| (world.variable)(name).map_or(Value::Null, Value::String);
    Value::Object(names.iter().map(|name| (name.clone(), value(name))).collect::<Map<_, _>>())
}

fn generated(source: &EvidenceSource, asking: &Asking<'_>, value: &Value) -> Got {
    whole(source, asking, value.to_string().into_bytes())
}

/// A document that was made here.
fn whole(source: &EvidenceSource, asking: &Asking<'_>, bytes: Vec<u8>) -> Got {
    decoded(source, asking, bytes, Format::Json, &|| "it".to_owned())
}

/// A source that touches the world: its secrets are read first, so that nothing is done with half of what was meant.
fn acted(source: &EvidenceSource, asking: &Asking<'_>, act: impl FnOnce(&Place<'_>) -> Seen) -> Got {
    let secrets = match Secrets::read(source.origin.templates(), &source.reveal, asking.world) {
        Ok(secrets) => secrets,
        Err(failed) => return Got::nothing(failed),
    };
    let Seen { outcome, document, failure } = act(&Place { world: asking.world, secrets: &secrets });
    let got = decoded(source, asking, document.into_bytes(), Format::Json, &|| "what it came to".to_owned());
    // What was seen of a source that failed stands in the record, and only a probe is asked about it. That the user ended
    // the run says nothing about what ran.
    match failure {
        None => Got { outcome, ..got },
        Some(failed) => {
            let document = got.json.ok().filter(|_| outcome != INTERRUPTED);
            Got { outcome, json: Err(failed), document, ..got }
        }
    }
}

fn decoded(
    source: &EvidenceSource,
    asking: &Asking<'_>,
    bytes: Vec<u8>,
    format: Format,
    what: &dyn Fn() -> String,
) -> Got {
    if let Some(keeper) = asking.keeper {
        keeper.keep(&source.name, format, &bytes);
    }
    let seen = Some((Digest::of(&bytes), bytes.len() as u64));
    let json = decode::decode(bytes, format)
        .map_err(|error| Failed { code: error.code(), message: format!("{} {error}", what()) });
    Got { outcome: if json.is_ok() { "completed" } else { "failed" }, format, seen, json, document: None }
}

/// Where a source is, as the manifest says it: never with what a variable stands for.
fn uri(origin: &Origin) -> Option<String> {
    match origin {
        Origin::File { path, .. } => Some(shown(path)),
        Origin::Files { pattern, root } => Some(shown(&root.join(pattern))),
        Origin::Value(_) | Origin::Env(_) | Origin::Agent { .. } => None,
        Origin::Command(command) => {
            let words: Vec<&str> = command.argv.iter().map(|word| word.written.as_str()).collect();
            Some(words.join(" "))
        }
        Origin::Http(http) => http.exchanges.first().map(|exchange| exchange.url.written.clone()),
    }
}

pub(super) fn file_code(error: &FileError) -> &'static str {
    match error {
        FileError::Missing { .. } => "evidence-missing",
        FileError::TooLarge { .. } => "evidence-too-large",
        FileError::NotAFile { .. } | FileError::Read { .. } | FileError::Write { .. } => "evidence-unreadable",
    }
}
