//! Small modules that make a compiler take minutes and gigabytes: each a fault that names its limit, in bounded time.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Dir, assemble, with_metadata};

/// Runs the module under `limits` to its fault, soon, and gives the fault.
fn fault(wat: &str, limits: &str) -> Value {
    let dir = Dir::new();
    dir.module("bomb.wasm", with_metadata(&assemble(wat), "bomb", "gate"));
    dir.manifest(&format!("[gate.g]\nmodule = 'bomb.wasm'\nlimits = {{ {limits} }}\n"));
    let ended = dir.run();
    ended.exits(3);
    assert!(ended.took < Duration::from_secs(40), "{ended}");
    let gate = dir.decision()["gates"][0].clone();
    assert_eq!(gate["outcome"], "fault", "{gate}");
    gate["fault"].clone()
}

fn check(wat: &str, limits: &str, code: &str, limit: &str, allowed: u64) {
    let fault = fault(wat, limits);
    let told = (&fault["code"], &fault["limit"]["limit"], &fault["limit"]["allowed"]);
    assert_eq!(told, (&json!(code), &json!(limit), &json!(allowed)), "{fault}");
    assert!(fault["limit"]["used"].as_u64() >= Some(allowed), "{fault}");
}

fn module(parts: &str) -> String {
    format!("(module (memory (export \"memory\") 1) (func (export \"_start\")) {parts})")
}

/// One function of `count` branches, each over one more of its many locals: loops after one another, or in one another.
pub(crate) fn branches(count: usize, nested: bool) -> String {
    let branch = |at: usize| {
        let (begin, from, to) = (if nested { "" } else { "loop " }, 1 + at % 900, 1 + at * 7 % 900);
        format!("{begin}local.get {from} br_if 0 local.get 0 local.set {to} end ")
    };
    let branches: String = (0..count).map(branch).collect();
    let begins = if nested { "loop ".repeat(count) } else { String::new() };
    module(&format!("(func (param i32) (local {}) {begins}{branches})", "i32 ".repeat(900)))
}

#[test]
fn a_long_chain_of_branches_runs_into_the_compilers_time_or_memory() {
    for (nested, limits, code, limit, allowed) in [
        (true, "compile_time = '1s'", "compile-time-limit", "compile-time", 1_000),
        (false, "compile_memory = '256MiB'", "compile-memory-limit", "compile-memory", 256 << 20),
    ] {
        let bomb = branches(12_000, nested);
        assert!((128_000..200_000).contains(&assemble(&bomb).len()), "as large as the bomb is meant to be");
        check(&bomb, limits, code, limit, allowed);
    }
}

#[test]
fn functions_of_many_locals_are_not_compiled() {
    let locals = format!("(func (local {}))", "i64 ".repeat(50_000));
    check(&module(&locals.repeat(8)), "", "locals-limit", "locals", 1_000);
}

#[test]
fn a_hundred_thousand_functions_are_not_compiled() {
    check(&module(&"(func)".repeat(100_000)), "", "function-limit", "functions", 20_000);
}

#[test]
fn a_function_of_two_megabytes_is_not_compiled() {
    check(&module(&format!("(func {})", "nop ".repeat(2 << 20))), "", "function-size-limit", "function-size", 1 << 20);
}

#[test]
fn a_module_of_many_types_is_not_compiled() {
    let types: String = (0..10_001).map(|_| "(type (func (param i32)))").collect();
    check(&module(&types), "", "function-limit", "functions", 10_000);
}
