//! The eight gates of `manifests/aetherra`, built once and run as a pipeline: over what was recorded, and live against a
//! server that misbehaves in every way that a gate has to catch.

mod live;
mod recorded;

use std::{fs, path::Path, sync::OnceLock};

use serde_json::Value;

use crate::harness::{Dir, Ended, OUT, built};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The gates by their names in the manifests, in the suite's order.
const GATES: [&str; 8] = [
    "launcher_smoke",
    "chat_sse_resume",
    "security_strict",
    "memory_qfac",
    "hmr_quiesce",
    "agents_api",
    "quality_gates",
    "policy_privacy",
];

/// The file of a gate's module.
fn module(gate: &str) -> String {
    format!("gates/{}.wasm", gate.replace('_', "-"))
}

/// The modules, without signatures.
fn modules() -> &'static [Vec<u8>] {
    static MODULES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MODULES.get_or_init(|| {
        let crates = GATES.map(|gate| gate.replace('_', "-"));
        built(&crates.each_ref().map(String::as_str))
    })
}

/// `manifests/aetherra` as it is in the repository, with the gates in it, signed by its own key.
fn aetherra() -> Dir {
    let dir = Dir::new();
    let from = Path::new(REPOSITORY).join("manifests/aetherra");
    for entry in walkdir::WalkDir::new(&from).into_iter().map(|entry| entry.expect("listed")) {
        let name = entry.path().strip_prefix(&from).expect("below");
        // What someone made in the checkout, as its README says, is not what is tested.
        let ours = name.starts_with("recorded") || name.extension().is_some_and(|ending| ending == "toml");
        if entry.file_type().is_file() && ours && name != Path::new("trust.toml") {
            dir.write(name, fs::read(entry.path()).expect("read"));
        }
    }
    let files = GATES.map(module);
    for (file, bytes) in files.iter().zip(modules()) {
        dir.write(file, bytes);
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    dir.portcullis(&[&["sign", "--key", "own.key"], &files[..]].concat()).run().exits(0);
    dir
}

/// A gate of the last run.
#[track_caller]
fn gate(decision: &Value, name: &str) -> Value {
    let gates = decision["gates"].as_array().expect("gates");
    gates.iter().find(|gate| gate["id"] == name).unwrap_or_else(|| panic!("no gate `{name}`: {decision}")).clone()
}

/// The ids of the checks of a gate that do not hold.
fn broken(gate: &Value) -> Vec<&str> {
    let checks = gate["checks"].as_array().expect("checks").iter().filter(|check| check["passed"] == false);
    checks.filter_map(|check| check["id"].as_str()).collect()
}

/// What each gate is to come to: its name, its outcome, and a check that does not hold where it fails.
type Expected = [(&'static str, &'static str, &'static str)];

/// That those gates came to that, and every other one passed; and that the run ended as this means.
#[track_caller]
fn came_to(dir: &Dir, ended: &Ended, what: &str, expected: &Expected) {
    let decision = dir.decision();
    for name in GATES {
        let gate = gate(&decision, name);
        let (outcome, check) = expected
            .iter()
            .find(|(gate, ..)| *gate == name)
            .map_or(("pass", ""), |(_, outcome, check)| (*outcome, *check));
        assert_eq!(gate["outcome"], outcome, "{what}: {name}\n{gate}\n{ended}");
        if outcome == "fail" {
            assert!(broken(&gate).contains(&check), "{what}: `{check}` of {name} holds\n{gate}");
        }
    }
    let any = |outcome: &str| expected.iter().any(|(_, found, _)| *found == outcome);
    let status = if any("fail") {
        1
    } else if any("fault") {
        3
    } else {
        0
    };
    ended.exits(status);
    let all_passed = dir.json(format!("{OUT}/gate_results.json"))["_meta"]["all_passed"].clone();
    assert_eq!(all_passed, status == 0, "{what}");
}
