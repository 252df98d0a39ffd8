//! Where evidence comes from, through the binary: what sources do, what gates see of it, and that whatever goes wrong out
//! there blocks a run and never passes it.

mod commands;
mod exchanges;
mod formats;
mod hosts;
mod interrupted;
mod order;
mod recorded;
mod secrets;
mod servers;

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::harness::{Command, Dir, Ended, OUT, PASS, answering};

/// A folder with the gate that shows what it was handed, and one that passes whatever there is.
fn dir() -> Dir {
    let dir = Dir::new();
    dir.echo();
    dir.parrot("gate");
    dir
}

/// Writes a manifest of `sources`, lines of `NAME = SOURCE`, with a gate `look` that is handed all of them by name; `head`
/// stands before all tables.
fn manifest(dir: &Dir, head: &str, sources: &str) {
    let names = sources.lines().filter_map(|line| line.split_once(" = {")).map(|(name, _)| name.trim());
    let members: Vec<String> = names.map(|name| format!("{name} = '{name}'")).collect();
    let look = format!("[gate.look]\nmodule = 'echo.wasm'\ninput = {{ {} }}\n", members.join(", "));
    dir.manifest(&format!("{head}\n[evidence]\n{sources}\n{look}"));
}

/// What the gate `look` was handed in the last run.
#[track_caller]
fn handed(dir: &Dir) -> Value {
    let decision = dir.decision();
    let look = decision["gates"].as_array().and_then(|gates| gates.iter().find(|gate| gate["id"] == "look"));
    look.unwrap_or_else(|| panic!("no gate `look`: {decision}"))["details"]["input"].clone()
}

/// Collects `e` from `source`, which can be had, and tells what the gate was handed.
#[track_caller]
fn seen(dir: &Dir, source: &str) -> Value {
    seen_with(dir, "", source, |command| command)
}

/// The same under a head, with more in the environment.
#[track_caller]
fn seen_with<'d>(dir: &'d Dir, head: &str, source: &str, more: impl Fn(Command<'d>) -> Command<'d>) -> Value {
    manifest(dir, head, &format!("e = {source}"));
    more(dir.portcullis(&["run"])).run().exits(0);
    assert_eq!(input(&dir.decision(), "e")["outcome"], "completed", "{source}");
    handed(dir)["e"].clone()
}

/// What the record says of evidence.
#[track_caller]
fn input(decision: &Value, name: &str) -> Value {
    let inputs = decision["inputs"].as_array().expect("inputs");
    let found = inputs.iter().find(|input| input["name"] == name);
    found.unwrap_or_else(|| panic!("`{name}` is not in the record: {inputs:?}")).clone()
}

/// That `e` from `source` comes to `outcome`, and that this keeps the gate that needs it from a verdict, and none else.
#[track_caller]
fn check_fails(dir: &Dir, head: &str, source: &str, outcome: &str) -> Ended {
    let answering = answering("good", PASS);
    let look = "[gate.look]\nmodule = 'echo.wasm'\ninput = 'e'\n";
    dir.manifest(&format!("{head}\n[evidence.e]\n{source}\n{look}{answering}"));
    let ended = dir.portcullis(&["run"]).within(Duration::from_secs(60)).run();
    ended.exits(3).says("evidence-missing");
    let decision = dir.decision();
    let found = input(&decision, "e");
    assert_eq!(found["outcome"], outcome, "{source}\n{found}\n{ended}");
    let code = found["error"].as_str().unwrap_or_default();
    assert!(code.starts_with("evidence-"), "{source}: it has a code\n{found}");
    let (look, good) = (&decision["gates"][0], &decision["gates"][1]);
    assert_eq!((&look["outcome"], &look["fault"]["code"]), (&json!("fault"), &json!("evidence-missing")), "{source}");
    assert_eq!((&good["outcome"], &decision["decision"]), (&json!("pass"), &json!("blocked")), "{source}");
    let results = dir.json(format!("{OUT}/gate_results.json"));
    assert_eq!((&results["look"]["ok"], &results["_meta"]["all_passed"]), (&json!(false), &json!(false)), "{source}");
    ended
}

/// That the process whose number stands in a file has ended, or does so soon.
#[track_caller]
fn ends(dir: &Dir, file: &str) {
    let process = dir.text(file).trim().to_owned();
    assert!(process.parse::<u32>().is_ok(), "a process: {process:?}");
    let is_over = || {
        let status = std::fs::read_to_string(Path::new("/proc").join(&process).join("status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap_or_default();
        // Nobody may be there to take note of its end; then it stays as what is left of it.
        status.is_empty() || state.trim_start().starts_with(['Z', 'X'])
    };
    wait_until(&format!("process {process} ends"), is_over);
}

/// Waits for something that comes soon unless it never does.
#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: it never does");
        thread::sleep(Duration::from_millis(10));
    }
}
