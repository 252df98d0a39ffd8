//! `browser_smoke`: a browser session that was recorded: what was done in it, and what the page wrote to its console.

use portcullis_sdk::{
    evidence::{Look, Members, RunAttempt, Sample, Seconds, read_part},
    json,
    prelude::*,
};
use serde::de::IgnoredAny;

use crate::counted;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
}

/// A session, as whatever drove the browser wrote it down.
#[derive(Default, Deserialize)]
struct Session {
    console: Vec<Console>,
    steps: Vec<Step>,
    #[serde(default)]
    duration_seconds: Seconds,
}

#[derive(Deserialize)]
struct Console {
    level: String,
    text: String,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    ok: bool,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen {
    steps: usize,
    failed_steps: Sample,
    console: usize,
    console_errors: Sample,
}

/// The session's document, or the run of the command that wrote it.
pub fn look(_: &Params, input: &&RawValue) -> Result<Look<Seen>, Fault> {
    let (session, trouble) = session(input)?;
    let failed = session.steps.iter().filter(|step| !step.ok).map(|step| step.name.as_str());
    let errors = session.console.iter().filter(|entry| entry.level == "error").map(|entry| entry.text.as_str());
    let seen = Seen {
        steps: session.steps.len(),
        failed_steps: Sample::of(failed),
        console: session.console.len(),
        console_errors: Sample::of(errors),
    };
    let (failed, errors) = (seen.failed_steps.count, seen.console_errors.count);
    let (passed, summary) = match trouble {
        Some(trouble) => (false, trouble),
        None if seen.steps == 0 => (false, "nothing was done in the session".into()),
        None => {
            let steps = counted(seen.steps, "step", "steps");
            let errors_told = counted(errors, "error", "errors");
            let failures = format!("{failed} of {steps} failed, {errors_told} in the console");
            if failed + errors == 0 { (true, format!("{steps}, and no error")) } else { (false, failures) }
        }
    };
    Ok(Look { passed, summary, took: session.duration_seconds, seen })
}

/// The session, and why it says nothing. A file that is none was never one: a fault. A command that writes none misbehaves.
fn session(input: &RawValue) -> Result<(Session, Option<String>), Fault> {
    if Members::read(input).is_none_or(|members| members.get("argv").is_none()) {
        return Ok((read_part("input", input)?, None));
    }
    let run: RunAttempt<'_> = read_part("input", input)?;
    let session = run.data.and_then(|data| json::read::<Session>(data.get()).ok());
    let trouble = match &session {
        _ if !run.exited_with(0) => Some(run.ending()),
        None => Some("it wrote no session".into()),
        Some(_) => None,
    };
    Ok((Session { duration_seconds: run.took, ..session.unwrap_or_default() }, trouble))
}
