//! Keys, signatures and trust through the binary: the published cases, and what the commands do around them.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::harness::Dir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/signing");

#[test]
fn every_published_case_is_judged_as_it_says() {
    let dir = Dir::new();
    let cases = std::fs::read_to_string(Path::new(FIXTURES).join("modules.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&cases).expect("JSON");
    let mut by_key: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    for case in &cases {
        let text = |name: &str| case[name].as_str().expect("text");
        by_key.entry(text("trusted_key")).or_default().push((text("file"), text("expect") == "ACCEPT"));
    }
    let (mut accepted, mut refused) = (0, 0);
    for (key, files) in by_key {
        let key = format!("{FIXTURES}/{key}");
        let paths: Vec<_> = files.iter().map(|(file, _)| format!("{FIXTURES}/{file}")).collect();
        let mut arguments = vec!["verify", "--json", "--key", &key];
        arguments.extend(paths.iter().map(String::as_str));
        let ended = dir.portcullis(&arguments).run();
        ended.exits(if files.iter().all(|(_, accept)| *accept) { 0 } else { 4 });
        let report = ended.json();
        for ((file, accept), told) in files.iter().zip(report["files"].as_array().expect("files")) {
            assert_eq!(told["trusted"], *accept, "{file}: {told}");
            assert_eq!(told["code"].is_string(), !accept, "{file}: {told}");
        }
        accepted += files.iter().filter(|(_, accept)| *accept).count();
        refused += files.iter().filter(|(_, accept)| !accept).count();
    }
    assert!(accepted >= 9 && refused >= 25, "{accepted} and {refused}");
    assert_eq!(accepted + refused, cases.len());
}

#[test]
fn a_key_is_made_once_shown_in_every_form_and_never_overwritten() {
    let dir = Dir::new();
    dir.portcullis(&["key", "new", "own", "--no-passphrase"]).run().exits(2).refuses_with("key-exists");
    let shown = dir.portcullis(&["key", "show", "own.pub", "--json"]).run().exits(0).json();
    for (form, file) in [("short", "a"), ("ssh", "b"), ("spki", "c")] {
        dir.write(file, shown[form].as_str().expect("a form"));
        assert_eq!(dir.portcullis(&["key", "show", file, "--json"]).run().exits(0).json(), shown, "{form}");
    }
    assert_eq!(dir.portcullis(&["key", "show", "own.key", "--json"]).run().exits(0).json(), shown);
    let mode = std::os::unix::fs::MetadataExt::mode(&dir.path("own.key").metadata().expect("there"));
    assert_eq!(mode & 0o777, 0o600);
    for bad in ["", "ed25519:AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "ssh-rsa AAAA"] {
        dir.write("bad", bad);
        dir.portcullis(&["key", "show", "bad"]).run().exits(2);
    }
}

#[test]
fn a_passphrase_is_asked_for_and_has_to_be_right() {
    let dir = Dir::new();
    dir.portcullis(&["key", "new", "locked"]).env("PORTCULLIS_PASSPHRASE", "right").run().exits(0);
    assert!(dir.text("locked.key").contains("ENCRYPTED"));
    dir.write("m.wasm", crate::harness::assemble("(module)"));
    let sign = |passphrase: &str| {
        dir.portcullis(&["sign", "m.wasm", "--key", "locked.key"]).env("PORTCULLIS_PASSPHRASE", passphrase).run()
    };
    let before = dir.read("m.wasm");
    sign("wrong").exits(2);
    sign("").exits(2);
    assert_eq!(dir.read("m.wasm"), before);
    sign("right").exits(0);
    dir.portcullis(&["verify", "m.wasm", "--key", "locked.pub"]).run().exits(0);
    dir.portcullis(&["key", "new", "none"]).run().exits(2).refuses_with("no-passphrase");
    assert!(!dir.has("none.key"));
}

#[test]
fn what_cannot_be_signed_or_verified_is_told_and_left_as_it_was() {
    let dir = Dir::new();
    dir.write("text.wasm", "(module)");
    dir.write("empty.wasm", "");
    dir.portcullis(&["sign", "text.wasm", "--key", "own.key"]).run().exits(2);
    dir.portcullis(&["sign", "empty.wasm", "--key", "own.key"]).run().exits(4);
    dir.portcullis(&["sign", "text.wasm", "--key", "own.pub"]).run().exits(2);
    dir.portcullis(&["sign", "gone.wasm", "--key", "own.key"]).run().exits(2).refuses_with("file-missing");
    assert_eq!(dir.text("text.wasm"), "(module)");
    dir.portcullis(&["verify", "text.wasm", "empty.wasm", "--trust", "trust.toml"]).run().exits(4).says("not-a-module");
    dir.portcullis(&["verify", "gone.wasm", "--trust", "trust.toml"]).run().exits(2);
    dir.portcullis(&["verify", "text.wasm"]).run().exits(2).refuses_with("nothing-to-trust");
}

#[test]
fn a_detached_signature_verifies_beside_its_module_and_no_other() {
    let dir = Dir::new();
    let wasm = |value: u32| crate::harness::assemble(&format!("(module (global i32 (i32.const {value})))"));
    dir.write("m.wasm", wasm(1));
    dir.write("other.wasm", wasm(2));
    dir.portcullis(&["sign", "m.wasm", "--key", "own.key", "--detached"]).run().exits(0);
    assert_eq!(dir.read("m.wasm"), wasm(1));
    let verify = |file: &str| dir.portcullis(&["verify", file, "--signature", "m.wasm.sig", "--key", "own.pub"]).run();
    verify("m.wasm").exits(0);
    verify("other.wasm").exits(4);
}
