//! Many files by one validator, through the binary: what each comes to, and everything that is made of it. The validator is
//! `gates/aether-workflow` as it is in the repository, built once; hostile ones are a few lines of text each.

mod baselines;
mod history;
mod inputs;
mod jobs;
mod migration;
mod new_only;
mod outputs;
mod sarif;
mod spec;
mod suppressing;
mod suppressions;
mod trusted;
mod validators;

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf, sync::OnceLock, time::Duration};

use serde_json::Value;

use crate::harness::{Command, Dir, Ended};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const MODULE: &str = "aether-workflow.wasm";
const NOW: &str = "2026-01-10T00:00:00Z";

/// The module, without signatures: building it takes long, and signing does not.
fn module() -> &'static [u8] {
    static MODULE_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE_BYTES.get_or_init(|| {
        let dir = Dir::new();
        let source = format!("{REPOSITORY}/gates/aether-workflow");
        let build = dir.portcullis(&["build", &source, "--out", "built"]).with_toolchain();
        build.within(Duration::from_secs(900)).run().exits(0);
        dir.read(format!("built/{MODULE}"))
    })
}

/// A folder with the validator, signed by a key that its trust file trusts.
fn dir() -> Dir {
    let dir = Dir::new();
    dir.module(MODULE, module());
    dir
}

/// A folder with the validator and `flows` of those names and texts.
fn with_flows(flows: &[(&str, &str)]) -> Dir {
    let dir = dir();
    for (name, text) in flows {
        dir.write(format!("flows/{name}.aether"), text);
    }
    dir
}

/// A scan of `flows` by the verified validator.
fn scan<'d>(dir: &'d Dir, more: &[&str]) -> Command<'d> {
    scan_by(dir, MODULE, more)
}

/// The same by another one.
fn scan_by<'d>(dir: &'d Dir, module: &str, more: &[&str]) -> Command<'d> {
    dir.portcullis(&[&["scan", module, "flows", "--trust", "trust.toml", "--now", NOW], more].concat())
}

/// What each file came to, as `--status-json` tells it.
#[track_caller]
fn statuses(ended: &Ended) -> Vec<String> {
    ended.json_lines().iter().map(status).collect()
}

/// `PATH CODE PHASE LINE MESSAGE`, of a line that has the spec's members and is told of this moment.
#[track_caller]
fn status(line: &Value) -> String {
    let members: Vec<&str> = line.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members[..8], ["ok", "code", "code_name", "file", "phase", "message", "line", "timestamp"], "{line}");
    assert_eq!(line["timestamp"], "2026-01-10T00:00:00+00:00", "{line}");
    assert_eq!(line["ok"] == true, line["code"] == 0, "{line}");
    let text = |name: &str| line[name].as_str().expect("text").to_owned();
    let number = line["line"].as_u64().map_or("-".to_owned(), |line| line.to_string());
    [text("file"), text("code_name"), text("phase"), number, text("message")].join(" ").trim_end().to_owned()
}

/// That each file came to what stands behind its name, and in the order of their names.
#[track_caller]
fn comes_to(ended: &Ended, expected: &[(&str, &str)]) {
    let expected: Vec<String> = expected.iter().map(|(name, status)| format!("flows/{name} {status}")).collect();
    assert_eq!(statuses(ended), expected, "{ended}");
}

/// A file's path below the folder, whose name need not be text.
fn raw(dir: &Dir, name: &[u8]) -> PathBuf {
    dir.path(OsStr::from_bytes(name))
}

/// What a scan with `more` leaves as `classification.json`, in memory.
#[track_caller]
fn classified(dir: &Dir, more: &[&str]) -> Value {
    let ended = scan(dir, &[&["--output", "classification"], more].concat()).run();
    assert!(matches!(ended.status, Some(0 | 1 | 3)), "{ended}");
    ended.json()
}

/// The names of one kind, `v1` or `v2`, of all that was found in a file.
#[track_caller]
fn names(classification: &Value, path: &str, kind: &str) -> Vec<String> {
    let files = classification["workflows"].as_array().expect("files");
    let file = files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("no {path}: {classification}"));
    let found = file["fingerprints"].as_array().expect("what was found");
    found.iter().map(|found| found[kind].as_str().expect("a name").to_owned()).collect()
}
