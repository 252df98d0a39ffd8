//! Ctrl-C while a gate runs: it ends within seconds, without a decision.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::harness::{Dir, PASS, answering};

const SPINS: &str = include_str!("hostile/spins.wat");
/// SIGINT in the mask of signals that a process catches.
const CATCHES_INTERRUPTS: u64 = 1 << 1;

/// Waits until the process catches Ctrl-C, and a little more, so that it is at its work.
pub(crate) fn wait_until_it_works(process: u32) {
    let begun = Instant::now();
    loop {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default().trim();
        if u64::from_str_radix(caught, 16).unwrap_or(0) & CATCHES_INTERRUPTS != 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it never catches Ctrl-C");
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(300));
}

pub(crate) fn send(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).expect("a process id")).expect("a process");
    kill_process(process, signal).expect("sent");
}

#[test]
fn ctrl_c_ends_a_run_in_seconds_and_blocked() {
    for signal in [Signal::INT, Signal::TERM] {
        let dir = Dir::new();
        dir.parrot("gate");
        dir.gate("spins.wasm", "gate", SPINS);
        let good = answering("good", PASS);
        let limits = "limits = { time = '60s', fuel = '1T' }\n";
        let spins = format!("[gate.spins]\nmodule = 'spins.wasm'\n{limits}");
        let later = "[gate.later]\nmodule = 'spins.wasm'\nneeds = ['good']\n";
        dir.manifest(&format!("{good}{spins}{later}{limits}"));
        let running = dir.portcullis(&["run"]).start();
        wait_until_it_works(running.id());
        let sent = Instant::now();
        send(running.id(), signal);
        let ended = running.wait();
        assert!(sent.elapsed() < Duration::from_secs(10), "{ended}");
        ended.exits(3).says("interrupted");
        let decision = dir.decision();
        assert_eq!(decision["decision"], "blocked");
        assert_eq!(decision["gates"][1]["fault"]["code"], "interrupted", "{decision}");
        assert_ne!(decision["gates"][2]["outcome"], json!("pass"));
    }
}

#[test]
fn ctrl_c_also_ends_a_run_that_still_compiles() {
    let dir = Dir::new();
    dir.gate("bomb.wasm", "gate", &crate::compile_bombs::branches(12_000, true));
    dir.manifest("[gate.bomb]\nmodule = 'bomb.wasm'\nlimits = { compile_time = '5m' }\n");
    let running = dir.portcullis(&["run"]).start();
    wait_until_it_works(running.id());
    let sent = Instant::now();
    send(running.id(), Signal::INT);
    let ended = running.wait();
    assert!(sent.elapsed() < Duration::from_secs(10), "{ended}");
    ended.exits(3).says("interrupted");
    assert_eq!(dir.decision()["decision"], "blocked");
}

#[test]
fn ctrl_c_ends_eval_and_leaves_no_half_line() {
    let dir = Dir::new();
    dir.gate("spins.wasm", "gate", SPINS);
    dir.write("in.jsonl", "{}\n".repeat(100));
    let limits = ["--time", "60s", "--fuel", "1T"];
    for arguments in [&["eval", "spins.wasm"][..], &["eval", "spins.wasm", "--lines", "--input", "in.jsonl"]] {
        let running = dir.portcullis(&[arguments, &limits].concat()).start();
        wait_until_it_works(running.id());
        let sent = Instant::now();
        send(running.id(), Signal::INT);
        let ended = running.wait();
        assert!(sent.elapsed() < Duration::from_secs(10), "{ended}");
        ended.exits(3).says("interrupted");
        assert!(ended.stdout.is_empty() || ended.stdout.ends_with('\n'), "{ended}");
    }
}

#[test]
fn ctrl_c_ends_eval_that_waits_for_a_line() {
    let dir = Dir::new();
    dir.parrot("gate");
    let running = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines"]).stdin_stays_open().start();
    wait_until_it_works(running.id());
    let sent = Instant::now();
    send(running.id(), Signal::INT);
    let ended = running.wait();
    assert!(sent.elapsed() < Duration::from_secs(10), "{ended}");
    ended.exits(3).refuses_with("interrupted");
}

#[test]
fn a_second_ctrl_c_ends_it_at_once_and_leaves_nothing() {
    let dir = Dir::new();
    dir.gate("fills.wasm", "gate", include_str!("hostile/fills-memory.wat"));
    let limits = "limits = { time = '60s', fuel = '1T', memory = '1GiB' }\n";
    dir.manifest(&format!("[gate.fills]\nmodule = 'fills.wasm'\n{limits}"));
    let running = dir.portcullis(&["run"]).start();
    wait_until_it_works(running.id());
    let sent = Instant::now();
    send(running.id(), Signal::INT);
    thread::sleep(Duration::from_millis(1));
    send(running.id(), Signal::INT);
    let ended = running.wait();
    assert!(sent.elapsed() < Duration::from_secs(10), "{ended}");
    assert!(matches!(ended.status, Some(3 | 130)), "{ended}");
}
