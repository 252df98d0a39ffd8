//! Agents through the binary: programs that work through the phases, gates that judge them, a state that several machines
//! share, and whatever goes wrong with any of them.
//!
//! Agents are shell scripts and gates say what a test wants them to. What waits runs beside what waits too, so that all of it
//! takes a minute. Without a redis-server the half that needs one is skipped, which is said aloud.

mod afterwards;
mod bed;
mod budgets;
mod chaos;
mod commands;
mod corrupted;
mod ends;
mod events;
mod hostile;
mod kept;
mod life;
mod memory;
mod selected;
mod server;
mod shared;
mod supervised;
mod violations;

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Waits for what has to come; a test that waits for ever has failed.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never comes to this: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What a record says of an agent.
#[track_caller]
fn of<'r>(record: &'r Value, agent: &str) -> &'r Value {
    let agents = record["agents"].as_array().unwrap_or_else(|| panic!("no agents: {record}"));
    agents.iter().find(|entry| entry["agent"] == agent).unwrap_or_else(|| panic!("no agent {agent}: {record}"))
}

/// What a record says of a gate.
#[track_caller]
fn gate<'r>(record: &'r Value, name: &str) -> &'r Value {
    let gates = record["gates"].as_array().unwrap_or_else(|| panic!("no gates: {record}"));
    gates.iter().find(|entry| entry["id"] == name).unwrap_or_else(|| panic!("no gate {name}: {record}"))
}

/// A member of every entry of a list, as texts; what is no text is left out.
fn texts<'v>(list: &'v Value, member: &str) -> Vec<&'v str> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry[member].as_str()).collect()
}

/// The codes of a record's reasons.
fn codes(record: &Value) -> Vec<&str> {
    texts(&record["reasons"], "code")
}

/// Every stage of a record with what came of it.
fn stages(record: &Value) -> Vec<String> {
    let stages = record["stages"].as_array().into_iter().flatten();
    stages.map(|stage| format!("{} {}", stage["id"], stage["status"]).replace('"', "")).collect()
}
