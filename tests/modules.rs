//! Modules that are refused before anything runs, and those that give no verdict for what they are.

use crate::harness::{Dir, PARROT, PASS, answering, assemble, section, with_metadata};

const USAGE: i32 = 2;
const BLOCKED: i32 = 3;
const REFUSED: i32 = 4;

/// Runs a manifest of a good gate and of `m.wasm`, which is there already, and looks how that ends.
fn check(dir: &Dir, status: i32, code: &str) {
    dir.parrot("gate");
    dir.manifest(&format!("{}[gate.bad]\nmodule = 'm.wasm'\n", answering("good", PASS)));
    let ended = dir.run();
    ended.exits(status).says(code);
    if status == BLOCKED {
        let gate = &dir.decision()["gates"][1];
        assert_eq!((&gate["outcome"], &gate["fault"]["code"]), (&"fault".into(), &code.into()), "{gate}");
    } else {
        ended.refuses_with(code);
        dir.has_no_artifacts();
    }
}

fn check_bytes(bytes: &[u8], status: i32, code: &str) {
    let dir = Dir::new();
    dir.write("m.wasm", bytes);
    check(&dir, status, code);
}

/// A module signed and named as it should be, with that text.
fn check_wat(wat: &str, status: i32, code: &str) {
    let dir = Dir::new();
    dir.gate("m.wasm", "gate", wat);
    check(&dir, status, code);
}

/// The parrot, named and not signed.
fn unsigned() -> Vec<u8> {
    with_metadata(&assemble(PARROT), "m", "gate")
}

#[test]
fn what_is_no_file_is_misuse() {
    check(&Dir::new(), USAGE, "file-missing");
    let dir = Dir::new();
    dir.write("m.wasm/inside", "");
    check(&dir, USAGE, "not-a-file");
}

#[test]
fn what_is_no_module_is_refused() {
    check_bytes(b"", REFUSED, "not-a-module");
    for bytes in [b"\0", &b"\0asm"[..], PARROT.as_bytes(), b"#!/bin/sh\nexit 0\n", &[0xff; 4096]] {
        check_bytes(bytes, REFUSED, "not-wasm");
    }
    check_bytes(b"\0asm\x01\0\0\0", REFUSED, "signature-missing");
}

#[test]
fn a_component_is_refused_however_well_it_is_signed() {
    let dir = Dir::new();
    dir.module("m.wasm", assemble("(component)"));
    check(&dir, REFUSED, "file-kind");
}

#[test]
fn native_code_offered_as_a_module_is_refused() {
    let dir = Dir::with_own_cache();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir.run().exits(0);
    let entry = dir.cache().join("portcullis/modules").read_dir().expect("listed").next().expect("an entry");
    let entry = std::fs::read(entry.expect("an entry").path()).expect("read");
    std::fs::remove_dir_all(dir.path("portcullis-out")).expect("removed");
    dir.write("m.wasm", &entry[32..]);
    check(&dir, REFUSED, "not-wasm");
    dir.portcullis(&["eval", "m.wasm"]).run().exits(REFUSED).refuses_with("module-invalid");
    dir.portcullis(&["sign", "m.wasm", "--key", "own.key"]).run().exits(USAGE);
}

#[test]
fn an_unsigned_module_and_a_strangers_are_refused() {
    check_bytes(&unsigned(), REFUSED, "signature-missing");
    let dir = Dir::new();
    dir.new_key("stranger");
    dir.write("m.wasm", unsigned());
    dir.portcullis(&["sign", "m.wasm", "--key", "stranger.key"]).run().exits(0);
    check(&dir, REFUSED, "untrusted-key");
}

#[test]
fn a_module_that_does_not_say_what_it_is_is_refused() {
    let dir = Dir::new();
    dir.module("m.wasm", assemble(PARROT));
    check(&dir, REFUSED, "metadata-missing");
    for (metadata, code) in [
        (r#"{"protocol":2,"name":"m","version":"1.0.0","kind":"gate"}"#, "protocol-version"),
        (r#"{"protocol":1,"name":"M","version":"1.0.0","kind":"gate"}"#, "metadata-malformed"),
        (r#"{"protocol":1,"name":"m","version":"1.0.0","kind":"gate","kind":"probe"}"#, "metadata-malformed"),
    ] {
        let dir = Dir::new();
        dir.module("m.wasm", [assemble(PARROT), section("portcullis.gate", metadata.as_bytes())].concat());
        check(&dir, REFUSED, code);
    }
    let dir = Dir::new();
    dir.module("m.wasm", with_metadata(&unsigned(), "m", "probe"));
    check(&dir, REFUSED, "metadata-malformed");
}

#[test]
fn a_signed_module_that_was_cut_or_changed_anywhere_is_refused() {
    let dir = Dir::new();
    dir.module("signed.wasm", unsigned());
    let signed = dir.read("signed.wasm");
    // Every place is tried beside the verifier; here, that the binary holds to it: some, with different strides.
    for at in (0..signed.len()).step_by(7) {
        dir.write(format!("bad/cut-{at}.wasm"), &signed[..at]);
        let mut flipped = signed.clone();
        flipped[at] ^= 1 << (at % 8);
        dir.write(format!("bad/flipped-{at}.wasm"), flipped);
    }
    dir.write("bad/longer.wasm", [&signed[..], b"\0"].concat());
    let ended = dir.portcullis(&["verify", "bad", "--trust", "trust.toml", "--json"]).run();
    let report = ended.exits(REFUSED).json();
    let files = report["files"].as_array().expect("files");
    assert_eq!(files.len(), 2 * signed.len().div_ceil(7) + 1);
    for file in files {
        assert!(file["trusted"] == false && file["code"].is_string(), "{file}");
    }
    for (at, code) in [(signed.len() - 1, "digest-mismatch"), (signed.len() / 2, "digest-mismatch")] {
        let mut flipped = signed.clone();
        flipped[at] ^= 1;
        dir.write("m.wasm", flipped);
        check(&dir, REFUSED, code);
    }
    dir.write("m.wasm", &signed[..signed.len() - 1]);
    check(&dir, REFUSED, "wasm-truncated");
}

#[test]
fn a_module_stands_only_as_what_it_is_signed_as() {
    let dir = Dir::new();
    dir.parrot("probe");
    dir.manifest("[gate.g]\nmodule = 'parrot-probe.wasm'\nkind = 'gate'\n");
    dir.run().exits(REFUSED).refuses_with("wrong-kind").says("signed as a probe");
    dir.write("a.txt", "x");
    dir.manifest("[gate.g]\nmodule = 'parrot-probe.wasm'\neach = '*.txt'\n");
    dir.run().exits(REFUSED).refuses_with("wrong-kind").says("stands as a validator");
    dir.has_no_artifacts();
    dir.trust("own", &["readiness", "gate", "validator"]);
    dir.manifest("[gate.g]\nmodule = 'parrot-probe.wasm'\n");
    dir.run().exits(REFUSED).refuses_with("publisher-kind");
    dir.has_no_artifacts();
}

#[test]
fn foreign_imports_are_refused_by_name() {
    let import = |module: &str, name: &str, ty: &str| {
        format!(
            "(module (import \"{module}\" \"{name}\" {ty}) (memory (export \"memory\") 1) (func (export \"_start\")))"
        )
    };
    for (module, name, ty) in [
        ("env", "foo", "(func)"),
        ("env", "memory", "(memory 1)"),
        ("wasi_unstable", "fd_write", "(func (param i32 i32 i32 i32) (result i32))"),
        ("wasi_snapshot_preview1", "fd_write", "(func (param i32 i32 i32 i64) (result i32))"),
        ("wasi_snapshot_preview1", "fd_write", "(func (param i32 i32 i32 i32))"),
        ("wasi_snapshot_preview1", "fd_write", "(global i32)"),
        ("wasi_snapshot_preview1", "thread_spawn", "(func (param i32) (result i32))"),
        ("wasi:cli/run@0.2.0", "run", "(func)"),
    ] {
        let dir = Dir::new();
        dir.gate("m.wasm", "gate", &import(module, name, ty));
        check(&dir, REFUSED, "foreign-imports");
        dir.run().says(&format!("`{module}.{name}`"));
        dir.portcullis(&["eval", "m.wasm"]).run().exits(REFUSED).refuses_with("foreign-imports");
    }
    check_wat(&import("env", "\\1b[2J", "(func)"), REFUSED, "foreign-imports");
}

#[test]
fn a_module_that_cannot_be_started_is_refused() {
    for start in [
        "",
        "(func (export \"start\"))",
        "(func (export \"_start\") (param i32))",
        "(func (export \"_start\") (result i32) (i32.const 0))",
        "(global (export \"_start\") i32 (i32.const 0))",
    ] {
        check_wat(&format!("(module (memory (export \"memory\") 1) {start})"), REFUSED, "no-start");
    }
}

#[test]
fn what_a_module_declares_past_its_limits_gives_no_verdict() {
    let start = "(func (export \"_start\"))";
    let memory = "(memory (export \"memory\") 1)";
    check_wat(&format!("(module (memory (export \"memory\") 2000) {start})"), BLOCKED, "memory-limit");
    check_wat(&format!("(module {memory} (table 200000 funcref) {start})"), BLOCKED, "table-limit");
    // Past what the host allows any gate.
    check_wat(&format!("(module (memory (export \"memory\") 30000) {start})"), BLOCKED, "memory-limit");
    check_wat(&format!("(module {memory} (table 2000000 funcref) {start})"), BLOCKED, "table-limit");
    let tables = "(table 1 funcref)".repeat(5);
    check_wat(&format!("(module {memory} {tables} {start})"), BLOCKED, "instance-limit");
    check_wat(&format!("(module {memory} (memory 1) {start})"), BLOCKED, "instance-limit");
}

/// Calls that are few and calls that are many are set up in two ways.
#[test]
fn a_module_runs_or_not_whether_it_is_asked_once_or_often() {
    let start = "(func (export \"_start\"))";
    let globals = "(global i32 (i32.const 0))".repeat(60_000);
    let functions = "(func)".repeat(19_000);
    let elements: String = (0..19_000).map(|at| format!(" {at}")).collect();
    for (what, parts, code) in [
        ("memory", format!("(memory (export \"memory\") 30000) {start}"), "memory-limit"),
        ("a table", format!("(table 2000000 funcref) {start}"), "table-limit"),
        ("globals", format!("{start} {globals}"), "malformed-answer"),
        (
            "functions",
            format!("(table 19000 funcref) (elem (i32.const 0) func{elements}) {start} {functions}"),
            "malformed-answer",
        ),
    ] {
        let dir = Dir::new();
        dir.write("m.wasm", assemble(&format!("(module {parts})")));
        for more in [&[][..], &["--lines"]] {
            let ended = dir.portcullis(&[&["eval", "m.wasm", "--input", "-"], more].concat()).stdin("{}").run();
            assert!(ended.status == Some(BLOCKED), "{what}\n{ended}");
            ended.says(code);
        }
    }
}

#[test]
fn what_gates_do_not_need_is_switched_off() {
    let memory = "(memory (export \"memory\") 1)";
    for (what, parts) in [
        ("threads", "(memory (export \"memory\") 1 1 shared) (func (export \"_start\"))".to_owned()),
        (
            "atomics",
            format!("{memory} (func (export \"_start\") (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"),
        ),
        ("memory64", "(memory (export \"memory\") i64 1) (func (export \"_start\"))".to_owned()),
        ("exceptions", format!("{memory} (tag $t) (func (export \"_start\") (throw $t))")),
        ("tail calls", format!("{memory} (func $f (export \"_start\") (return_call $f))")),
        (
            "relaxed SIMD",
            format!(
                "{memory} (func (export \"_start\")
                    (drop (i8x16.relaxed_swizzle (v128.const i64x2 1 2) (v128.const i64x2 1 2))))"
            ),
        ),
        (
            "garbage collection",
            format!("{memory} (type $s (struct)) (func (export \"_start\") (drop (struct.new $s)))"),
        ),
        ("function references", format!("{memory} (type $f (func)) (func (export \"_start\") (local (ref null $f)))")),
        (
            "wide arithmetic",
            format!(
                "{memory} (func (export \"_start\")
            (i64.add128 (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)) drop drop)"
            ),
        ),
    ] {
        let dir = Dir::new();
        dir.gate("m.wasm", "gate", &format!("(module {parts})"));
        dir.manifest("[gate.g]\nmodule = 'm.wasm'\n");
        let ended = dir.run();
        assert!(matches!(ended.status, Some(BLOCKED | REFUSED)), "{what}\n{ended}");
        assert!(
            ["compile-failed", "module-invalid"]
                .iter()
                .any(|code| ended.stdout.contains(code) || ended.stderr.contains(code)),
            "{what}\n{ended}"
        );
    }
}

#[test]
fn a_module_larger_than_allowed_is_not_read() {
    let dir = Dir::new();
    dir.parrot("gate");
    let gate = answering("g", PASS);
    dir.manifest(&format!("{gate}limits = {{ module = '1KiB' }}\n"));
    dir.write("parrot-gate.wasm", [dir.read("parrot-gate.wasm"), section("padding", &[0; 1024])].concat());
    dir.run().exits(USAGE).refuses_with("file-too-large");
    dir.has_no_artifacts();
}

#[test]
fn each_gates_own_limits_hold_for_a_module_that_they_share() {
    let dir = Dir::new();
    dir.parrot("gate");
    let strict = |name: &str| format!("{}limits = {{ module = '500B' }}\n", answering(name, PASS));
    for (first, second) in [(strict("a"), answering("b", PASS)), (answering("b", PASS), strict("a"))] {
        dir.manifest(&format!("{first}{second}"));
        dir.run().exits(BLOCKED).says("module-size-limit");
        for gate in dir.decision()["gates"].as_array().expect("gates") {
            let outcome = if gate["id"] == "a" { "fault" } else { "pass" };
            assert_eq!(gate["outcome"], outcome, "{gate}");
        }
    }
}
