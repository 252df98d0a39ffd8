//! What someone who can write files may try.

use std::{fs, time::Duration};

use super::{Scene, release};
use crate::harness::{PASS, answering, assemble, with_metadata};

/// A gate that would never end, so that a run that started it could not end as it does.
const ENDLESS: &str = "(module (memory (export \"memory\") 1) (func (export \"_start\") (loop (br 0))))";

#[test]
fn a_key_of_one_duty_counts_for_no_other() {
    let scene = Scene::new();
    // A list by the key that signs modules.
    scene.draft(&["--signer", "own.pub", "--reason", "policy"]);
    scene.publish(&["own", "ann"]);
    scene.is_refused("threshold");
    scene.new_list();
    // A module by keys that hold both roles.
    scene.dir.write("m.wasm", with_metadata(&assemble(ENDLESS), "m", "gate"));
    for key in ["ann.key", "bob.key", "carl.key"] {
        scene.dir.portcullis(&["sign", "m.wasm", "--key", key]).run().exits(0);
    }
    scene.dir.manifest("[gate.m]\nmodule = 'm.wasm'\n");
    scene.is_refused("untrusted-key");
    // A root by the key that signs modules.
    let trust = |arguments: &[&str]| scene.dir.portcullis(&[&["trust"], arguments].concat()).run();
    trust(&["new-root", "trust.toml", "--out", "root.1.json", "--key", "ann.key", "--key", "bob.key"]).exits(0);
    trust(&["rotate", "root.1.json", "--out", "root.2.json", "--key", "own.key", "--key", "ann.key"]).exits(0);
    let told = trust(&["check-root", "root.2.json", "--root", "root.1.json", "--json"]).exits(4).json();
    assert_eq!(told["code"], "threshold");
}

#[test]
fn an_empty_or_foreign_trust_file_trusts_no_one() {
    let scene = Scene::new();
    let empty = "schema = 1\n";
    for (trust, code) in [(empty, "untrusted-key"), ("", "trust-file"), ("{}", "schema"), ("\0\0", "trust-file")] {
        scene.dir.write("trust.toml", trust);
        scene.is_refused(code);
    }
    fs::remove_file(scene.dir.path("trust.toml")).expect("removed");
    scene.is_refused("trust-unreadable");
}

#[test]
fn only_a_regular_file_is_read_as_a_module_and_a_link_is_what_it_leads_to() {
    let scene = Scene::new();
    let place = |what: &str| {
        scene.dir.manifest(&answering("g", PASS).replace("parrot-gate.wasm", what));
        scene.dir.portcullis(&["run"]).within(Duration::from_secs(30)).run()
    };
    let made = scene.dir.other("mkfifo", &["fifo.wasm"]).run();
    made.exits(0);
    for (what, code) in [
        ("fifo.wasm", "not-a-file"),
        ("home", "not-a-file"),
        ("/dev/zero", "not-a-file"),
        ("/dev/stdin", "not-a-file"),
        ("gone.wasm", "file-missing"),
        ("trust.toml/x.wasm", "file-missing"),
    ] {
        place(what).exits(2).refuses_with(code);
        scene.dir.has_no_artifacts();
    }
    place("/proc/self/status").exits(4).refuses_with("not-wasm");
    std::os::unix::fs::symlink("loop.wasm", scene.dir.path("loop.wasm")).expect("a link");
    assert!(matches!(place("loop.wasm").status, Some(2 | 4)));
    std::os::unix::fs::symlink("parrot-gate.wasm", scene.dir.path("link.wasm")).expect("a link");
    place("link.wasm").exits(0);
    fs::write(scene.dir.path("evil.wasm"), with_metadata(&assemble(ENDLESS), "g", "gate")).expect("written");
    fs::remove_file(scene.dir.path("link.wasm")).expect("removed");
    std::os::unix::fs::symlink("evil.wasm", scene.dir.path("link.wasm")).expect("a link");
    place("link.wasm").exits(4).refuses_with("signature-missing");
}

#[test]
fn a_module_that_is_swapped_back_and_forth_is_run_only_as_what_was_verified() {
    let scene = Scene::new();
    let content = scene.goes()["gates"][0]["module"]["contentDigest"].clone();
    let good = scene.dir.read("parrot-gate.wasm");
    let evil = with_metadata(&assemble(ENDLESS), "parrot-gate", "gate");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let path = scene.dir.path("parrot-gate.wasm");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let put = |bytes: &[u8]| {
                let beside = path.with_extension("swap");
                fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, &path)).expect("swapped");
            };
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                put(&evil);
                put(&good);
            }
        });
        for _ in 0..12 {
            let ended = scene.run();
            match ended.status {
                Some(0) => assert_eq!(scene.dir.decision()["gates"][0]["module"]["contentDigest"], content),
                _ => {
                    ended.exits(4).refuses_with("signature-missing");
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn names_that_fool_people_are_refused_or_spelled_out() {
    let scene = Scene::new();
    for name in ["pаrrot", "a\\u202eb", "a\\u0000", "..", "a/b", "A", "\\u001b[2J", ""] {
        let metadata = format!(r#"{{"protocol":1,"name":"{name}","version":"1.0.0","kind":"gate"}}"#);
        let module = [assemble(ENDLESS), crate::harness::section("portcullis.gate", metadata.as_bytes())].concat();
        scene.dir.module("m.wasm", module);
        let verified = scene.verified("m.wasm");
        assert_eq!(
            (&verified["code"], &verified["name"]),
            (&"metadata-malformed".into(), &serde_json::Value::Null),
            "{name}"
        );
        scene.dir.portcullis(&["verify", "m.wasm", "--trust", "trust.toml"]).run().exits(4);
    }
    // A list may name its entries as it likes; the harness holds that none of it reaches a terminal.
    let hostile = "\u{1b}[2J\u{202e}\u{9b}";
    scene.draft(&["--module", "parrot-gate.wasm", "--reason", "policy", "--id", hostile]);
    for more in [&[][..], &["--json"]] {
        scene.revocations(&[&["show", "draft.json"], more].concat()).exits(0);
        scene
            .revocations(&[&["impact", "draft.json", "--modules", ".", "--trust", "trust.toml"], more].concat())
            .exits(1);
    }
    scene.publish(&["ann", "bob"]);
    scene.is_refused("revoked-module");
    scene.dir.portcullis(&["verify", "parrot-gate.wasm", "--trust", "trust.toml"]).run().exits(4);
    scene.verified("parrot-gate.wasm");
    let told = scene.revocations(&["new", "other.json", "--id", hostile]);
    told.exits(0);
}

#[test]
fn every_module_is_verified_before_any_gate_runs() {
    let scene = Scene::new();
    scene.dir.module("endless.wasm", with_metadata(&assemble(ENDLESS), "endless", "gate"));
    scene.dir.module("last.wasm", release("last", "1.0.0"));
    let text = "[limits]\ntime = \"60s\"\n[gate.endless]\nmodule = 'endless.wasm'\n[gate.last]\nmodule = 'last.wasm'\n";
    scene.dir.manifest(text);
    scene.revoke(&["--module", "last.wasm", "--reason", "policy"]);
    let ended = scene.dir.portcullis(&["run"]).within(Duration::from_secs(30)).run();
    ended.exits(4).refuses_with("revoked-module");
    scene.dir.has_no_artifacts();
}
