//! `new`, `build`, `test` and `bench`, with cargo. Slow; what can be shared is built once.

use std::{path::Path, sync::OnceLock};

use serde_json::json;

use crate::harness::Dir;

const KINDS: [&str; 4] = ["readiness", "gate", "validator", "probe"];

/// A crate of each kind in one folder, built and tested with one folder of artifacts.
#[test]
fn a_new_crate_of_each_kind_builds_tests_and_runs() {
    let dir = Dir::new();
    let artifacts = artifacts();
    for kind in KINDS {
        dir.portcullis(&["new", &format!("my-{kind}"), "--kind", kind, "--path", "."]).run().exits(0);
        let crate_folder = format!("my-{kind}");
        let with_cargo =
            |arguments: &[&str]| dir.portcullis(arguments).with_toolchain().env("CARGO_TARGET_DIR", artifacts);
        let out = format!("out-{kind}");
        let built = with_cargo(&["build", &crate_folder, "--out", &out, "--key", "own.key"]).run();
        built.exits(0).says(&format!("my-{kind}"));
        let module = format!("{out}/my-{kind}.wasm");
        assert!(dir.read(&module).len() < 100_000, "a gate is tens of kilobytes: {}", dir.read(&module).len());
        let verified = dir.portcullis(&["verify", &module, "--trust", "trust.toml", "--json"]).run();
        assert_eq!(verified.exits(0).json()["files"][0]["kind"], kind);
        let cases = format!("my-{kind}/cases");
        let tested = dir.portcullis(&["test", &module, "--cases", &cases]).run();
        tested.exits(0).says("2 cases held, 0 did not");
        // Its own test, on the machine itself.
        let natively = dir.other("cargo", &["test", "--manifest-path", &format!("my-{kind}/Cargo.toml")]);
        natively.with_toolchain().env("CARGO_TARGET_DIR", artifacts).run().exits(0).says("the_cases_hold ... ok");
    }
    // Several crates at once, each built first.
    let tested = dir.portcullis(&["test", "my-gate", "my-probe"]).with_toolchain().env("CARGO_TARGET_DIR", artifacts);
    // Their cases are called what the user called the crates.
    tested.run().exits(0).says("4 cases held, 0 did not").says("my-gate  my-gate/cases\n").says("  my-probe/cases\n");
    a_crate_in_another_folder_gives_the_same_bytes(&dir);
    cases_are_held_to_and_rewritten_when_asked(&dir);
    what_is_measured_comes_as_figures(&dir);
}

/// Artifacts of the crates here, kept between runs of the tests: what they depend on does not change.
fn artifacts() -> &'static str {
    static PLACE: OnceLock<String> = OnceLock::new();
    PLACE.get_or_init(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e/cargo").to_string_lossy().into_owned())
}

fn a_crate_in_another_folder_gives_the_same_bytes(dir: &Dir) {
    dir.portcullis(&["new", "my-gate", "--kind", "gate", "--path", "home"]).run().exits(0);
    std::fs::copy(dir.path("my-gate/Cargo.lock"), dir.path("home/my-gate/Cargo.lock")).expect("copied");
    // Other flags and another profile of the caller's are left out.
    let build = dir.portcullis(&["build", "home/my-gate", "--out", "again", "--key", "own.key", "--locked"]);
    let build = build.with_toolchain().env("RUSTFLAGS", "-Copt-level=0").env("CARGO_PROFILE_RELEASE_DEBUG", "true");
    build.run().exits(0);
    assert_eq!(dir.read("again/my-gate.wasm"), dir.read("out-gate/my-gate.wasm"));
}

fn cases_are_held_to_and_rewritten_when_asked(dir: &Dir) {
    let test = |more: &[&str]| {
        dir.portcullis(&[&["test", "out-gate/my-gate.wasm", "--cases", "my-gate/cases"], more].concat()).run()
    };
    let expected = "my-gate/cases/pass.expected.json";
    let good = dir.text(expected);
    dir.write(expected, r#"{"verdict":"fail","checks":{"status_is_up":false}}"#);
    let failed = test(&[]);
    failed.exits(1).says("FAILED").says("1 case held, 1 did not");
    assert!(failed.stdout.lines().any(|line| line.trim_start().starts_with('-') && line.contains("fail")), "{failed}");
    assert!(failed.stdout.lines().any(|line| line.trim_start().starts_with('+') && line.contains("pass")), "{failed}");
    test(&["--bless"]).exits(0).says("rewritten");
    test(&[]).exits(0).says("2 cases held");
    let verdict = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["verdict"].clone();
    assert_eq!(verdict(&dir.text(expected)), verdict(&good));

    dir.write(expected, r#"{"verdict":"pass","fuel":1}"#);
    test(&[]).exits(1).says("fuel");
    dir.write(expected, r#"{"verdct":"pass"}"#);
    test(&[]).exits(2);
    std::fs::remove_file(dir.path(expected)).expect("removed");
    test(&[]).exits(2).refuses_with("case-without-expected");
    dir.portcullis(&["test", "out-gate/my-gate.wasm", "--cases", "home"]).run().exits(2);
    dir.portcullis(&["test", "out-gate/my-gate.wasm"]).run().exits(2);
}

fn what_is_measured_comes_as_figures(dir: &Dir) {
    dir.write("health.json", r#"{"status":"up","answered_in_ms":100}"#);
    let bench = |more: &[&str]| {
        let arguments = ["bench", "out-gate/my-gate.wasm", "--input", "health.json", "--calls", "50"];
        dir.portcullis(&[&arguments, more].concat()).run()
    };
    let figures = bench(&["--params", r#"{"most_ms":200}"#, "--json"]).exits(0).json();
    assert_eq!((&figures["module"], &figures["calls"]), (&json!("my-gate"), &json!(50)), "{figures}");
    for way in figures["ways"].as_array().expect("ways") {
        for name in ["compileMs", "minUs", "medianUs", "p99Us", "fuel", "fuelPerUs", "memoryPeakBytes"] {
            assert!(way[name].as_f64() > Some(0.0), "{name}: {way}");
        }
    }
    bench(&["--params", r#"{"most_ms":200}"#]).exits(0).says("fuel a call");
    // What gives no answer has no figures.
    bench(&[]).exits(3).refuses_with("exit-status");
    bench(&["--calls", "0"]).exits(2);
}

#[test]
fn what_cannot_be_built_is_told() {
    let dir = Dir::new();
    dir.write("empty/nothing.txt", "");
    dir.write("broken/Cargo.toml", "[package\n");
    dir.write("library/Cargo.toml", "[package]\nname = \"l\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    dir.write("library/src/lib.rs", "");
    dir.write("wrong/Cargo.toml", "[package]\nname = \"w\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n");
    dir.write("wrong/src/main.rs", "fn main() { let x: u8 = \"\"; }");
    for (path, status, code) in [
        ("gone", 2, "no-crate"),
        ("empty", 2, "no-crate"),
        ("library", 2, "no-crate"),
        ("broken", 2, "cargo-failed"),
        ("wrong", 1, "cargo-failed"),
    ] {
        let built = dir.portcullis(&["build", path, "--out", "out"]).with_toolchain().run();
        built.exits(status).refuses_with(code);
        assert!(!dir.has("out/w.wasm"));
    }
    let without = dir.portcullis(&["build", "wrong"]).env("PATH", "/nowhere").env("HOME", "/nowhere");
    without.run().exits(3).refuses_with("cargo-missing");
}

#[test]
fn a_new_crate_takes_no_ones_place_and_has_a_name_that_cargo_takes() {
    let dir = Dir::new();
    dir.write("taken/file", "");
    dir.portcullis(&["new", "taken", "--kind", "gate"]).run().exits(2).refuses_with("exists");
    for name in ["", "Upper", "../up", "fn", "a b", "\u{1b}[2J"] {
        dir.portcullis(&["new", name, "--kind", "gate"]).run().exits(2).refuses_with("bad-name");
    }
    dir.portcullis(&["new", "a", "--kind", "gat"]).run().exits(2);
    dir.portcullis(&["new", "a", "--kind", "gate", "--path", "gone"]).run().exits(3).refuses_with("file-unwritable");
    assert_eq!(dir.path("taken").read_dir().expect("listed").count(), 1);
}
