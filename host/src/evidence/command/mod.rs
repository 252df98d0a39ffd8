//! What a command does, as evidence: how it ended and what it said, within its time.
//!
//! `start` finds the program and starts it, never through a shell; `drain` reads what it says until it ends or has to;
//! `strays` ends what commands leave behind outside of their groups. Here it becomes a document without a secret.

pub(crate) mod drain;
pub(crate) mod start;
pub(crate) mod strays;
#[cfg(test)]
mod tests;

use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;

pub use strays::Strays;

use super::{
    decode::{DecodeError, decode},
    secrets::Secrets,
    world::{Failed, Place, Seen},
};
use crate::{
    manifest::{CommandSource, Format},
    text::excerpt,
};
use drain::{Ended, Heard, Ran, drain};

/// The most characters of a command line, and of a line that a command wrote, in a message.
const SHOWN: usize = 200;

/// What the evidence document holds.
#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    argv: Vec<&'a str>,
    exit_code: Option<i32>,
    signal: Option<i32>,
    stdout: &'a str,
    stdout_bytes: u64,
    stdout_cut: bool,
    stderr: &'a str,
    stderr_bytes: u64,
    stderr_cut: bool,
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_error: Option<String>,
    duration_seconds: f64,
}

/// Runs the command and waits for its end, for its time to be over, or for the end of collecting.
///
/// Any exit code is evidence; every other way to end is a failure: `evidence-command-missing` where it could not be
/// started, `evidence-timeout`, `evidence-killed` by a signal, `evidence-interrupted` by the user.
pub(super) fn run(source: &CommandSource, place: &Place<'_>) -> Seen {
    let started = Instant::now();
    let ran = match start::start(source, place.secrets) {
        Ok(child) => drain(child, source, place.world, started),
        Err(reason) => Ran::never(reason),
    };
    seen(source, place.secrets, &ran)
}

fn seen(source: &CommandSource, secrets: &Secrets, ran: &Ran) -> Seen {
    let completed = matches!(ran.ended, Ended::Exited(_));
    let stdout = text(&ran.stdout, completed, secrets);
    let stderr = text(&ran.stderr, completed, secrets);
    let data = source.format.map(|format| match &ran.ended {
        Ended::Exited(_) => data(&ran.stdout, &stdout, format),
        _ => Err("the command did not complete".to_owned()),
    });
    let (data, data_error) = match data {
        Some(Ok(data)) => (Some(data), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let document = Document {
        outcome: ran.ended.word(),
        argv: source.argv.iter().map(|argument| argument.written.as_str()).collect(),
        exit_code: if let Ended::Exited(code) = ran.ended { Some(code) } else { None },
        signal: if let Ended::Killed(signal) = ran.ended { signal } else { None },
        stdout: &stdout,
        stdout_bytes: ran.stdout.total,
        stdout_cut: ran.stdout.cut,
        stderr: &stderr,
        stderr_bytes: ran.stderr.total,
        stderr_cut: ran.stderr.cut,
        data,
        data_error,
        // To the microsecond: finer is noise.
        duration_seconds: (ran.took.as_secs_f64() * 1e6).round() / 1e6,
    };
    Seen {
        outcome: ran.ended.word(),
        document: serde_json::to_string(&document).unwrap_or_default(),
        failure: failure(source, ran, &stderr),
    }
}

/// What was heard as text, with a mark in the place of each secret. What ends too early may end within a secret.
fn text(heard: &Heard, completed: bool, secrets: &Secrets) -> String {
    if completed && !heard.cut {
        return secrets.hide(&String::from_utf8_lossy(&heard.bytes)).into_owned();
    }
    let bytes = heard.bytes.get(..whole_characters(&heard.bytes)).unwrap_or_default();
    secrets.hide_cut(&String::from_utf8_lossy(bytes)).into_owned()
}

/// How many of `bytes` come before a last character that is not all there.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.iter().rposition(|byte| byte & 0xC0 != 0x80).unwrap_or(bytes.len());
    match std::str::from_utf8(bytes.get(start..).unwrap_or_default()) {
        Err(error) if error.error_len().is_none() => start,
        _ => bytes.len(),
    }
}

/// Stdout, which is `text` without its secrets, as `format` says; or why it is not that.
fn data(heard: &Heard, text: &str, format: Format) -> Result<Box<RawValue>, String> {
    if heard.cut {
        return Err(format!("stdout is cut after {} bytes", heard.bytes.len()));
    }
    let bytes = match std::str::from_utf8(&heard.bytes) {
        Ok(_) => text.as_bytes().to_vec(),
        Err(error) if format != Format::Bytes => {
            return Err(format!("stdout {}", DecodeError::NotUtf8(error.valid_up_to())));
        }
        // To hide a secret in bytes that are no text would make others of them: they are given as they are or not at all.
        Err(_) if text == String::from_utf8_lossy(&heard.bytes) => heard.bytes.clone(),
        Err(_) => return Err("stdout holds a secret among bytes that are no text".to_owned()),
    };
    decode(bytes, format).map_err(|error| format!("stdout {error}"))
}

fn failure(source: &CommandSource, ran: &Ran, stderr: &str) -> Option<Failed> {
    let words: Vec<_> = source.argv.iter().map(|argument| argument.written.as_str()).collect();
    let command = excerpt(&words.join(" "), SHOWN);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).map(|line| excerpt(line.trim(), SHOWN));
    let last = last.map(|line| format!("; the last line of its stderr: {line}")).unwrap_or_default();
    let (code, message) = match &ran.ended {
        Ended::Exited(_) => return None,
        Ended::NotStarted(reason) => {
            ("evidence-command-missing", format!("`{command}` could not be started: {reason}"))
        }
        Ended::TimedOut => ("evidence-timeout", format!("`{command}` did not end within {:?}{last}", source.timeout)),
        Ended::Killed(Some(signal)) => ("evidence-killed", format!("`{command}` was killed by signal {signal}{last}")),
        Ended::Killed(None) => ("evidence-killed", format!("`{command}` ended, and how cannot be known{last}")),
        Ended::Interrupted => {
            ("evidence-interrupted", format!("`{command}` was killed because the run was interrupted"))
        }
    };
    Some(Failed { code, message })
}
