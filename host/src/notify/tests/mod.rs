//! Events told to files, to commands and to a server of our own, and what the report says of it.

mod command;
mod end;
mod file;
mod webhook;

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Event, EventsPlan, Filter, Kind, Notifier, OpenError, Sink, SinkPlan, SinkReport,
    retry::Retry,
    samples::{event, object, run, time},
};
use crate::{
    evidence::World,
    manifest::{CommandSink, Hosts, Template},
};

/// Long enough that a test which waits for it has failed.
const LONG: Duration = Duration::from_secs(120);

/// Often, and without waiting for long.
const QUICK: Retry = Retry { attempts: 3, first: Duration::from_millis(2), most: Duration::from_millis(20) };

const TOKEN: &str = "s3cr3t-t0k3n";

fn variable(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some(TOKEN.to_owned()),
        "PATH" => Some("/bin:/usr/bin".to_owned()),
        "EMPTY" => Some(String::new()),
        "LINES" => Some("a\r\nx-evil: 1".to_owned()),
        _ => None,
    }
}

static GOES_ON: AtomicBool = AtomicBool::new(false);

fn opened(sinks: Vec<(Sink, Filter)>, hosts: &Hosts, retry: Retry) -> Result<Notifier, OpenError> {
    let plan = EventsPlan { sinks: sinks.into_iter().map(|(to, kinds)| SinkPlan { to, kinds }).collect() };
    let world = World { variable: &variable, clock: &time, cancelled: &GOES_ON };
    Notifier::with(&plan, run(), hosts, world, (Arc::new(time), retry))
}

fn open(to: Sink) -> Notifier {
    opened(vec![(to, Filter::All)], &Hosts::Loopback, QUICK).expect("opened")
}

fn refused(to: Sink) -> OpenError {
    opened(vec![(to, Filter::All)], &Hosts::Loopback, QUICK).expect_err("refused")
}

fn of(kind: Kind) -> Event {
    Event { kind, ..event() }
}

/// Large enough that a few of them fill a pipe.
fn large() -> Event {
    Event { detail: object(&json!({ "text": "x".repeat(50_000) })), ..event() }
}

/// The one sink's part of the report.
fn finish(notifier: Notifier, wait: Duration) -> SinkReport {
    let mut report = notifier.finish(wait);
    assert_eq!(report.sinks.len(), 1);
    let report = report.sinks.remove(0);
    assert_eq!(report.told, report.delivered + report.dropped + report.failed + report.undelivered);
    report
}

fn numbers(report: &SinkReport) -> [u64; 5] {
    [report.told, report.delivered, report.dropped, report.failed, report.undelivered]
}

fn template(text: &str) -> Template {
    Template::parse(text).expect(text)
}

fn shell(script: &str, folder: &Path) -> Sink {
    command(&["/bin/sh", "-c", script], folder)
}

fn command(argv: &[&str], folder: &Path) -> Sink {
    let env = vec![("PATH".to_owned(), template("${env:PATH}")), ("TOKEN".to_owned(), template("${env:TOKEN}"))];
    Sink::Command(CommandSink { argv: argv.iter().map(|word| template(word)).collect(), cwd: folder.to_owned(), env })
}

/// The documents in a file of lines.
fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a file");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Waits until `is_so`.
fn wait_until(is_so: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LONG, "it never came to be");
        thread::sleep(Duration::from_millis(2));
    }
}
