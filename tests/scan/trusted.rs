//! Who made the validator: nothing runs that nobody vouches for, unless the user says so, which every output then tells.

use serde_json::json;

use super::{MODULE, NOW, dir, module, scan};
use crate::harness::{Dir, Ended, PARROT, assemble, with_metadata};

/// Scans `flows` by a module and with those flags alone.
fn by(dir: &Dir, module: &str, flags: &[&str]) -> Ended {
    dir.portcullis(&[&["scan", module, "flows", "--now", NOW], flags].concat()).run()
}

/// That nothing was looked at, and what an earlier scan left is gone.
#[track_caller]
fn is_refused(dir: &Dir, module: &str, flags: &[&str], code: &str) {
    dir.write("old.sarif", "an older one");
    let ended = by(dir, module, &[&["--output", "sarif=old.sarif", "--history-dir", "history"], flags].concat());
    ended.exits(4).refuses_with(code);
    assert!(ended.stdout.is_empty(), "{ended}");
    assert!(!dir.has("old.sarif") && !dir.has("history"), "{flags:?}");
}

fn around() -> Dir {
    let dir = dir();
    dir.write("flows/a.aether", "foo(1)\n");
    dir
}

#[test]
fn without_a_word_on_trust_nothing_is_looked_at() {
    let dir = around();
    is_refused(&dir, MODULE, &[], "unverified");
    dir.write("bare.wasm", module());
    is_refused(&dir, "bare.wasm", &[], "unverified");
    is_refused(&dir, "bare.wasm", &["--trust", "trust.toml"], "signature-missing");
    is_refused(&dir, "bare.wasm", &["--key", "own.pub"], "signature-missing");
}

#[test]
fn a_validator_is_taken_from_whom_the_flags_trust_and_from_nobody_else() {
    let dir = around();
    by(&dir, MODULE, &["--trust", "trust.toml"]).exits(1).says("published by own");
    by(&dir, MODULE, &["--key", "own.pub"]).exits(1).says("published by key own.pub");
    dir.new_key("other");
    is_refused(&dir, MODULE, &["--key", "other.pub"], "untrusted-key");
    dir.trust("own", &["gate", "readiness", "probe"]);
    is_refused(&dir, MODULE, &["--trust", "trust.toml"], "publisher-kind");
    dir.trust("other", &["validator"]);
    is_refused(&dir, MODULE, &["--trust", "trust.toml"], "untrusted-key");
    let mut spoilt = dir.read(MODULE);
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    dir.write("spoilt.wasm", spoilt);
    is_refused(&dir, "spoilt.wasm", &["--key", "own.pub"], "digest-mismatch");
}

#[test]
fn what_is_no_validator_looks_at_no_file() {
    let dir = around();
    for kind in ["gate", "readiness", "probe"] {
        dir.parrot(kind);
        let file = format!("parrot-{kind}.wasm");
        is_refused(&dir, &file, &["--trust", "trust.toml"], "wrong-kind");
        is_refused(&dir, &file, &["--unverified"], "wrong-kind");
    }
    // A module that does not say what it is, and a file that is no module.
    dir.write("plain.wasm", assemble(PARROT));
    is_refused(&dir, "plain.wasm", &["--unverified"], "wrong-kind");
    dir.write("text.wasm", "not wasm");
    is_refused(&dir, "text.wasm", &["--unverified"], "wrong-kind");
    dir.write("empty.wasm", "");
    is_refused(&dir, "empty.wasm", &["--unverified"], "not-a-module");
}

#[test]
fn a_revoked_validator_looks_at_no_file() {
    let dir = revocable();
    let trusted = || dir.portcullis(&["scan", MODULE, "flows", "--trust", "trust.toml"]).run();
    trusted().exits(1).says("published by own");
    revocations(&dir, &["add", "list.json", "--out", "draft.json", "--module", MODULE, "--reason", "malicious"]);
    revocations(&dir, &["sign", "draft.json", "--out", "list.json", "--key", "reviewer.key"]);
    let ended = trusted();
    ended.exits(4).refuses_with("revoked-module");
    assert!(ended.stdout.is_empty(), "{ended}");
}

fn revocations(dir: &Dir, arguments: &[&str]) {
    dir.portcullis(&[&["revocations"], arguments].concat()).run().exits(0);
}

/// The same with a list, signed by `reviewer`, that revokes nothing yet; what was seen of it is remembered in `seen.json`.
fn revocable() -> Dir {
    let dir = around();
    dir.new_key("reviewer");
    let [own, reviewer] = ["own", "reviewer"].map(|name| {
        let shown = dir.portcullis(&["key", "show", &format!("{name}.pub"), "--json"]).run();
        shown.exits(0).json()["short"].clone()
    });
    let text = format!(
        "schema = 1\n[publisher.own]\nkeys = [{own}]\nmodules = [\"*\"]\nkinds = [\"validator\"]\n\
         [role.root]\nkeys = [{reviewer}]\nthreshold = 1\n[role.revocation]\nkeys = [{reviewer}]\nthreshold = 1\n\
         [revocations]\nlist = \"list.json\"\nstate = \"seen.json\"\n"
    );
    dir.write("trust.toml", text);
    revocations(&dir, &["new", "draft.json", "--id", "ours", "--trust", "trust.toml"]);
    revocations(&dir, &["sign", "draft.json", "--out", "list.json", "--key", "reviewer.key"]);
    dir
}

#[test]
fn a_validator_that_nobody_verified_is_called_that_in_every_output() {
    let dir = around();
    dir.write("bare.wasm", module());
    for file in ["bare.wasm", MODULE] {
        let told = |form: &str| by(&dir, file, &["--unverified", "--output", form]).exits(1).stdout.clone();
        for form in ["text", "markdown"] {
            assert!(told(form).contains("unverified") && told(form).contains("nobody verified"), "{form}");
        }
        let json = |form: &str| -> serde_json::Value { serde_json::from_str(&told(form)).expect("JSON") };
        assert_eq!(json("classification")["tool"]["verified"], false);
        assert_eq!(json("sarif")["runs"][0]["tool"]["driver"]["properties"]["verified"], false);
        assert_eq!((&json("baseline")["unverified"], &json("status")["unverified"]), (&json!(true), &json!(true)));
    }
    by(&dir, MODULE, &["--unverified", "--history-dir", "history"]).exits(1);
    let mut left = dir.path("history").read_dir().expect("listed").map(|entry| entry.expect("listed").path());
    let snapshot = left.find(|path| !path.ends_with("trends.json")).expect("a snapshot");
    assert_eq!(dir.json(snapshot)["tool"]["verified"], false);
    // One that is verified is not.
    for form in ["text", "classification", "markdown", "baseline", "sarif", "status"] {
        let ended = scan(&dir, &["--output", form]).run();
        let told = ended.exits(1).stdout.replace("\"verified\": true", "");
        assert!(!told.contains("verified"), "{form}\n{ended}");
    }
    for flag in [["--trust", "trust.toml"], ["--key", "own.pub"]] {
        by(&dir, MODULE, &[&["--unverified"][..], &flag].concat()).exits(2);
    }
}

#[test]
fn a_gate_is_trusted_as_its_manifest_says_unless_the_command_line_says_otherwise() {
    let dir = around();
    dir.write("flows.wasm", with_metadata(&assemble(PARROT), "flows", "validator"));
    dir.manifest("[gate.flows]\nmodule = 'flows.wasm'\neach = 'flows/*.aether'\n");
    let scan = |more: &[&str]| dir.portcullis(&[&["scan", "flows", "--now", NOW], more].concat()).run();
    scan(&[]).exits(4).refuses_with("signature-missing");
    scan(&["--key", "own.pub"]).exits(4).refuses_with("signature-missing");
    scan(&["--unverified", "--output", "classification"]).says("\"verified\": false");
    scan(&["--trust", "gone.toml"]).exits(4).refuses_with("trust-unreadable");
    dir.portcullis(&["sign", "flows.wasm", "--key", "own.key"]).run().exits(0);
    scan(&["--output", "classification"]).says("\"publisher\": \"own\"");
    // A file of that name is a module, and asks for its own flags.
    dir.write("flows2", module());
    dir.portcullis(&["scan", "flows2", "flows"]).run().exits(4).refuses_with("unverified");
    scan(&["--manifest", "gone.toml"]).exits(2).refuses_with("no-validator");
    dir.portcullis(&["scan", "gone"]).run().exits(2).refuses_with("unknown-gate");
    dir.write("broken.toml", "schema = ");
    scan(&["--manifest", "broken.toml"]).exits(2);
}

#[test]
fn a_validator_that_a_revocation_warns_of_is_asked_and_the_warning_told() {
    let dir = revocable();
    let entry = ["--module", MODULE, "--reason", "superseded", "--severity", "warn"];
    revocations(&dir, &[&["add", "list.json", "--out", "draft.json"][..], &entry].concat());
    revocations(&dir, &["sign", "draft.json", "--out", "list.json", "--key", "reviewer.key"]);
    let by = |flags: &[&str]| dir.portcullis(&[&["scan", MODULE, "flows"], flags].concat()).run();
    let ended = by(&["--trust", "trust.toml"]);
    ended.exits(1).says("published by own");
    assert!(ended.stderr.contains("note: the module is named by revocation `"), "{ended}");
    assert!(!by(&["--key", "own.pub"]).exits(1).stderr.contains("revocation"), "nobody asked for what is revoked");
}

#[test]
fn an_output_never_takes_the_place_of_what_trust_rests_on() {
    let dir = revocable();
    dir.manifest(&format!("[gate.g]\nmodule = '{MODULE}'\neach = 'flows/*.aether'\n"));
    let by = |flags: &[&str]| dir.portcullis(&[&["scan", MODULE, "flows"], flags].concat()).run();
    by(&["--trust", "trust.toml"]).exits(1);
    for read in ["trust.toml", "list.json", "seen.json"] {
        let before = dir.read(read);
        let output = format!("sarif={read}");
        by(&["--trust", "trust.toml", "--output", &output]).exits(2).refuses_with("output-is-input");
        let gate = dir.portcullis(&["scan", "g", "--output", &output]).run();
        gate.exits(2).refuses_with("output-is-input");
        assert_eq!(dir.read(read), before, "{read}");
    }
    // What keeps the module from being read is told before what keeps trust from being known.
    dir.write("trust.toml", "");
    dir.write("empty.wasm", "");
    is_refused(&dir, "empty.wasm", &["--trust", "trust.toml"], "not-a-module");
    by(&["--trust", "trust.toml"]).exits(4);
}
