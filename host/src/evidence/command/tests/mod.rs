//! Real commands, and what they come to.

mod end;
mod said;
mod start;

use std::{sync::atomic::AtomicBool, time::Duration};

use serde_json::Value;

use super::*;
use crate::{
    evidence::world::World,
    manifest::{Part, Template},
};

static GOES_ON: AtomicBool = AtomicBool::new(false);

/// Far longer than anything here takes, so that only what hangs runs into it.
const LONG: Duration = Duration::from_secs(60);

fn template(text: &str) -> Template {
    let part = text.strip_prefix('$').map_or_else(|| Part::Text(text.to_owned()), |name| Part::Env(name.to_owned()));
    Template { written: text.to_owned(), parts: vec![part] }
}

fn command(argv: &[&str]) -> CommandSource {
    CommandSource {
        argv: argv.iter().copied().map(template).collect(),
        cwd: std::env::temp_dir(),
        env: vec![("PATH".to_owned(), template("/usr/local/bin:/usr/bin:/bin"))],
        timeout: LONG,
        max_output: 1 << 20,
        format: None,
    }
}

fn shell(script: &str) -> CommandSource {
    command(&["/bin/sh", "-c", script])
}

fn run_until(source: &CommandSource, cancelled: &'static AtomicBool) -> (Value, Option<Failed>) {
    let variable = |name: &str| (name == "TOKEN").then(|| "hunter2-é".to_owned());
    let world = World { variable: &variable, clock: &|| jiff::Timestamp::UNIX_EPOCH, cancelled };
    let templates = source.argv.iter().chain(source.env.iter().map(|(_, value)| value));
    let secrets = Secrets::read(templates, &[], world).expect("all are set");
    let seen = run(source, &Place { world, secrets: &secrets });
    let document: Value = serde_json::from_str(&seen.document).expect("JSON");
    assert_eq!(document["outcome"], seen.outcome);
    assert!(!seen.document.contains("hunter2"), "{}", seen.document);
    (document, seen.failure)
}

fn seen_of(source: &CommandSource) -> (Value, Option<Failed>) {
    run_until(source, &GOES_ON)
}

/// The document of a command that completes, without its time.
fn completed(source: &CommandSource) -> Value {
    let (mut document, failure) = seen_of(source);
    assert_eq!(failure, None);
    assert_eq!(document["outcome"], "completed", "{document}");
    let took = document.as_object_mut().expect("an object").remove("duration_seconds");
    assert!(took.and_then(|took| took.as_f64()).is_some_and(|took| took > 0.0));
    document
}

/// The document and the message of a command that comes to a failure with that code.
fn failed(source: &CommandSource, code: &str) -> (Value, String) {
    let (document, failure) = seen_of(source);
    let failure = failure.expect("a failure");
    assert_eq!(failure.code, code, "{document}");
    (document, failure.message)
}
