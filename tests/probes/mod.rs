//! Probes: what a run did is judged however it ended, is kept with the decision, and keeps the work from counting as complete.

mod completion;
mod example;
mod failures;
mod kinds;

use std::{fmt::Write as _, sync::OnceLock};

use serde_json::Value;

use crate::harness::{Dir, Ended, built};

const MODULES: [&str; 3] = ["probe-run", "probe-output", "probe-service"];

/// A folder with the three probe modules, signed by its own key.
fn dir() -> Dir {
    static BUILT: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let dir = Dir::new();
    for (name, bytes) in MODULES.iter().zip(BUILT.get_or_init(|| built(&MODULES))) {
        dir.module(&format!("{name}.wasm"), bytes);
    }
    dir
}

/// A command that a shell runs, as a source; `more` stands behind it.
fn sh(script: &str, more: &str) -> String {
    format!("{{ command = ['/bin/sh', '-c', '{script}']{more} }}")
}

/// A manifest: what comes first, sources by name, and gates by name, module, input and parameters.
fn manifest(dir: &Dir, head: &str, sources: &[(&str, &str)], gates: &[(&str, &str, &str, &str)]) {
    let mut text = format!("{head}\n[evidence]\n");
    for (name, source) in sources {
        let _ = writeln!(text, "{name} = {source}");
    }
    for (name, module, input, params) in gates {
        let _ = writeln!(text, "[gate.{name}]\nmodule = '{module}.wasm'\ninput = {input}\nparams = {{ {params} }}");
    }
    dir.manifest(&text);
}

/// The gate of that name in a decision.
#[track_caller]
fn gate(decision: &Value, name: &str) -> Value {
    let gates = decision["gates"].as_array().expect("gates");
    gates.iter().find(|gate| gate["id"] == name).unwrap_or_else(|| panic!("no gate `{name}`: {decision}")).clone()
}

/// The one piece of evidence that a gate gave.
#[track_caller]
fn evidence(decision: &Value, name: &str) -> Value {
    let gate = gate(decision, name);
    let evidence = gate["evidence"].as_array().expect("evidence");
    assert_eq!(evidence.len(), 1, "{gate}");
    evidence[0].clone()
}

/// What completion came to, and each probe as `kind status`, or `gate status` where no kind is known.
#[track_caller]
fn completed(decision: &Value) -> (String, Vec<String>) {
    let completion = &decision["completion"];
    let probe = |probe: &Value| {
        let name = probe["kind"].as_str().or(probe["gate"].as_str()).unwrap_or_default();
        format!("{name} {}", probe["status"].as_str().unwrap_or_default())
    };
    let probes = completion["probes"].as_array().unwrap_or_else(|| panic!("no completion: {decision}"));
    (completion["outcome"].as_str().unwrap_or_default().to_owned(), probes.iter().map(probe).collect())
}

/// Runs the manifest and tells what it came to, with its exit status.
fn run(dir: &Dir) -> (Ended, Value) {
    let ended = dir.run();
    let decision = dir.decision();
    (ended, decision)
}
