//! The ledger through the binary: what is kept of a run, that nothing of it is lost or done twice whenever the run is killed,
//! that it is refused when it is not what it was, and that runs come to the same when they are judged again.

mod kept;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Dir, Ended, OUT};

/// The clock of runs that are held against each other.
const NOW: &str = "2026-01-10T00:00:00Z";

/// Where a user's ledger is.
const LEDGER: &str = "home/.local/share/portcullis/ledger.sqlite";

/// Runs a command that is to succeed, and reads its JSON.
#[track_caller]
fn told(dir: &Dir, arguments: &[&str]) -> Value {
    dir.portcullis(&[arguments, &["--json"]].concat()).run().exits(0).json()
}

/// A run with all its entries; `last` is the newest.
#[track_caller]
fn shown(dir: &Dir, run: &str) -> Value {
    told(dir, &["ledger", "show", run])
}

/// The name of the newest run.
#[track_caller]
fn last(dir: &Dir) -> String {
    text(&shown(dir, "last")["run"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text: {value}")).to_owned()
}

/// The entries of a run, as `kind name`.
fn steps(run: &Value) -> Vec<String> {
    let entries = run["run"]["entries"].as_array().or(run["entries"].as_array()).expect("entries");
    entries.iter().map(|entry| format!("{} {}", text(&entry["kind"]), text(&entry["name"]))).collect()
}

/// That everything in the ledger adds up.
#[track_caller]
fn adds_up(dir: &Dir) -> Value {
    let told = told(dir, &["ledger", "verify"]);
    assert_eq!(told["verified"], true);
    told
}

/// All that was kept of a run, out of its export: bytes by entry and role.
struct Export {
    run: Value,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Export {
    /// Of the newest run.
    #[track_caller]
    fn of(dir: &Dir) -> Self {
        let name = format!("export-{}", dir.path("").read_dir().expect("listed").count());
        dir.portcullis(&["ledger", "export", "last", "--out", &name]).run().exits(0);
        let blobs = dir.path(&name).join("blobs").read_dir().expect("listed").map(|entry| {
            let entry = entry.expect("listed");
            (entry.file_name().into_string().expect("UTF-8"), fs::read(entry.path()).expect("read"))
        });
        let (run, blobs) = (dir.json(format!("{name}/run.json"))["run"].clone(), blobs.collect());
        fs::remove_dir_all(dir.path(&name)).expect("removed");
        Self { run, blobs }
    }

    /// What an entry keeps; `entry` is its kind and its name.
    #[track_caller]
    fn bytes(&self, entry: &str, role: &str) -> &[u8] {
        self.find(entry, role).unwrap_or_else(|| panic!("no {role} of {entry}: {}", self.run))
    }

    fn find(&self, entry: &str, role: &str) -> Option<&[u8]> {
        let at = steps(&self.run).iter().position(|step| step == entry)?;
        let kept = self.run["entries"][at]["keeps"].as_array()?.iter().find(|kept| kept["role"] == role)?;
        self.blobs.get(kept["digest"].as_str()?).map(Vec::as_slice)
    }

    #[track_caller]
    fn json(&self, entry: &str, role: &str) -> Value {
        serde_json::from_slice(self.bytes(entry, role)).expect("JSON")
    }
}
