//! The ledger through the binary: what is kept of a run, that nothing of it is lost or done twice whenever the run is killed,
//! that it is refused when it is not what it was, and that runs come to the same when they are judged again.

mod affected;
mod boundaries;
mod changes;
mod crowds;
mod damage;
mod disks;
mod kept;
mod kills;
mod kinds;
mod pruned;
mod replayed;
mod seals;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Dir, OUT, Running};

/// The clock of runs that are held against each other.
const NOW: &str = "2026-01-10T00:00:00Z";
/// Where a user's ledger is.
const LEDGER: &str = "home/.local/share/portcullis/ledger.sqlite";
const SUBJECT: &str = "git:0123456789abcdef0123456789abcdef01234567";
/// A gate that passes and reads nothing, so that its input may have any size.
const CONTENT: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "{\"verdict\":\"pass\"}")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 18))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

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

/// All runs, the newest first.
#[track_caller]
fn listed(dir: &Dir, more: &[&str]) -> Vec<Value> {
    let listed = told(dir, &[&["ledger", "list", "--limit", "0"], more].concat());
    listed.as_array().expect("runs").clone()
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The entries of a run, as `kind name`.
#[track_caller]
fn steps(run: &Value) -> Vec<String> {
    let entries = run["entries"].as_array().unwrap_or_else(|| panic!("no entries: {run}"));
    entries.iter().map(|entry| format!("{} {}", text(&entry["kind"]), text(&entry["name"]))).collect()
}

/// That everything in the ledger adds up; what there is in it.
#[track_caller]
fn adds_up(dir: &Dir) -> Value {
    let told = told(dir, &["ledger", "verify"]);
    assert_eq!(told["verified"], true);
    told
}

/// How many entries there are.
#[track_caller]
fn counted(dir: &Dir) -> u64 {
    adds_up(dir)["head"]["entries"].as_u64().expect("a number")
}

/// How many entries there are, as the ledger's witness says without disturbing anybody: all, or all but what was added as
/// a run was killed.
fn entries(dir: &Dir) -> u64 {
    let witness = fs::read_to_string(dir.path(format!("{LEDGER}-head"))).unwrap_or_default();
    witness.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Waits for something to come about, and fails when it does not.
#[track_caller]
fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(80), "it never comes to this: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills a run, and puts in order what that leaves.
fn kill(dir: &Dir, running: Running<'_>) {
    running.kill();
    dir.tidy_up();
}

/// What a trust file writes for a key.
#[track_caller]
fn short(dir: &Dir, key: &str) -> String {
    text(&told(dir, &["key", "show", &format!("{key}.pub")])["short"])
}

/// Has the trust file name a revocation list, which `ann` signs, and publishes a first one that revokes nothing.
fn with_list(dir: &Dir) {
    dir.new_key("ann");
    let (trust, role) = (dir.text("trust.toml"), format!("keys = [\"{}\"]\nthreshold = 1\n", short(dir, "ann")));
    dir.write(
        "trust.toml",
        format!("{trust}[role.root]\n{role}[role.revocation]\n{role}[revocations]\nlist = \"list.json\"\n"),
    );
    revocations(dir, &["new", "draft.json", "--id", "ours", "--trust", "trust.toml"]);
    revocations(dir, &["sign", "draft.json", "--out", "list.json", "--key", "ann.key"]);
}

fn revocations(dir: &Dir, arguments: &[&str]) {
    dir.portcullis(&[&["revocations"], arguments].concat()).run().exits(0);
}

/// Signs the next version of the list as `file`, with one more entry.
fn list_with(dir: &Dir, file: &str, entry: &[&str]) {
    revocations(dir, &[&["add", "list.json", "--out", "draft.json"], entry].concat());
    revocations(dir, &["sign", "draft.json", "--out", file, "--key", "ann.key"]);
}

/// A manifest: what comes first, sources by name, and tables of gates.
fn manifest(dir: &Dir, head: &str, sources: &[(&str, &str)], gates: &str) {
    let mut text = format!("{head}\n[evidence]\n");
    for (name, source) in sources {
        let _ = writeln!(text, "{name} = {source}");
    }
    dir.manifest(&format!("{text}{gates}"));
}

/// A command that a shell runs, as a source; `more` stands behind it.
fn sh(script: &str, more: &str) -> String {
    format!("{{ command = ['/bin/sh', '-c', '{script}'], env = {{ PATH = '/usr/bin:/bin' }}{more} }}")
}

/// What a decision says but for names, times, and what depends on how long something took.
fn lasting(decision: &Value) -> Value {
    const OF_THE_MOMENT: [&str; 13] = [
        "runId",
        "run_id",
        "now",
        "timeVerified",
        "startedOn",
        "finishedOn",
        "collectedOn",
        "durationMs",
        "duration_seconds",
        // Of documents that say how long something took.
        "digest",
        "sizeBytes",
        "fuelUsed",
        "fuelLimit",
    ];
    match decision {
        Value::Object(members) => {
            let lasting = members.iter().filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()));
            lasting.map(|(name, value)| (name.clone(), self::lasting(value))).collect()
        }
        Value::Array(items) => items.iter().map(lasting).collect(),
        value => value.clone(),
    }
}

/// The same of a run that has no such documents: its fuel has to be the same too.
fn lasting_but(decision: &Value) -> Value {
    let mut lasting = lasting(decision);
    lasting["fuel"] =
        decision["gates"].as_array().expect("gates").iter().map(|gate| gate["fuelUsed"].clone()).collect();
    lasting["digests"] = decision["inputs"].as_array().expect("inputs").iter().map(|it| it["digest"].clone()).collect();
    lasting
}

/// That two documents say the same; where they do not, where that is.
#[track_caller]
fn same(one: &Value, other: &Value) {
    if let Some(place) = differs(one, other) {
        panic!("{place}");
    }
}

fn differs(one: &Value, other: &Value) -> Option<String> {
    let inside = |name: String, one: &Value, other: &Value| differs(one, other).map(|place| format!("{name}/{place}"));
    match (one, other) {
        (Value::Object(these), Value::Object(those)) if these.keys().eq(those.keys()) => {
            these.iter().find_map(|(name, value)| inside(name.clone(), value, &those[name]))
        }
        (Value::Array(these), Value::Array(those)) if these.len() == those.len() => {
            these.iter().zip(those).enumerate().find_map(|(at, (one, other))| inside(at.to_string(), one, other))
        }
        _ => (one != other).then(|| format!("{one} is not {other}")),
    }
}

/// All that was kept of a run, out of its export: bytes by entry and role.
struct Export {
    run: Value,
    blobs: BTreeMap<String, Vec<u8>>,
}

impl Export {
    #[track_caller]
    fn of(dir: &Dir, run: &str) -> Self {
        let _ = fs::remove_dir_all(dir.path("exported"));
        dir.portcullis(&["ledger", "export", run, "--out", "exported"]).run().exits(0);
        let blobs = dir.path("exported/blobs").read_dir().expect("listed").map(|entry| {
            let entry = entry.expect("listed");
            (entry.file_name().into_string().expect("UTF-8"), fs::read(entry.path()).expect("read"))
        });
        Self { run: dir.json("exported/run.json")["run"].clone(), blobs: blobs.collect() }
    }

    /// What an entry keeps; `entry` is its kind and its name.
    #[track_caller]
    fn bytes(&self, entry: &str, role: &str) -> &[u8] {
        self.find(entry, role).unwrap_or_else(|| panic!("no {role} of {entry}: {:#}", self.run))
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

    /// The bytes of every piece of evidence that was kept, by its name.
    fn evidence(&self) -> BTreeMap<String, Vec<u8>> {
        let steps = steps(&self.run);
        let names = steps.iter().filter_map(|step| step.strip_prefix("evidence "));
        names
            .filter_map(|name| Some((name.to_owned(), self.find(&format!("evidence {name}"), "bytes")?.to_vec())))
            .collect()
    }
}

/// The ledger's file, as somebody opens it who means to change what it says.
fn database(dir: &Dir) -> Connection {
    Connection::open(dir.path(LEDGER)).expect("opened")
}

/// Everything that belongs to the ledger but the index of its log, which says nothing.
fn files(dir: &Dir) -> BTreeMap<String, Vec<u8>> {
    let read = |ending: &str| Some((ending.to_owned(), fs::read(dir.path(format!("{LEDGER}{ending}"))).ok()?));
    // Who only looks may leave a log with nothing in it.
    ["", "-wal", "-head"].into_iter().filter_map(read).filter(|(_, bytes)| !bytes.is_empty()).collect()
}
