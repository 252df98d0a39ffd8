//! What a reviewer is shown: `inspect`, its differences, and `verify`.

use serde_json::Value;

use super::{FIXTURES, Scene, release};
use crate::harness::{Dir, assemble, section};

fn inspected(dir: &Dir, arguments: &[&str]) -> Value {
    dir.portcullis(&[&["inspect", "--json"], arguments].concat()).run().exits(0).json()
}

fn codes(report: &Value) -> Vec<&str> {
    let refusals = report["refusals"].as_array().expect("refusals");
    refusals.iter().map(|refusal| refusal["code"].as_str().expect("a code")).collect()
}

#[test]
fn inspect_says_what_a_module_is_asks_for_and_weighs_and_who_signed_it() {
    let scene = Scene::new();
    let report = inspected(&scene.dir, &["parrot-gate.wasm", "--trust", "trust.toml"]);
    assert_eq!((&report["format"], &report["metadata"]["name"]), (&"module".into(), &"parrot-gate".into()));
    assert_eq!(report["size"], scene.dir.read("parrot-gate.wasm").len());
    assert_eq!(report["contentDigest"], scene.verified("parrot-gate.wasm")["contentDigest"]);
    assert_eq!(report["signatures"][0]["holders"][0], "own");
    assert_eq!(report["signatures"][0]["coversFile"], true);
    assert!(report["memories"][0]["initialBytes"].as_u64().is_some_and(|bytes| bytes >= 65_536));
    let names = |list: &str| {
        report[list]
            .as_array()
            .expect(list)
            .iter()
            .map(|item| item["name"].as_str().expect("a name"))
            .collect::<Vec<_>>()
    };
    assert!(names("imports").contains(&"fd_write") && names("exports").contains(&"_start"));
    assert_eq!(
        (names("sections")[0], names("sections").last()),
        ("custom \"signature\"", Some(&"custom \"portcullis.gate\""))
    );
    for compiled in report["compiled"].as_array().expect("sizes") {
        assert!(compiled["bytes"].as_u64().is_some_and(|bytes| bytes > 1_000), "{compiled}");
    }
    assert_eq!(report["compiled"].as_array().map(Vec::len), Some(2));
    assert_eq!((report["trust"]["publisher"].as_str(), codes(&report)), (Some("own"), vec![]));
    let text = scene.dir.portcullis(&["inspect", "parrot-gate.wasm", "--trust", "trust.toml"]).run();
    text.exits(0).says("parrot-gate 1.0.0, a gate").says("would be refused for nothing");
    let alone = inspected(&scene.dir, &["parrot-gate.wasm", "--no-compile"]);
    assert_eq!((&alone["signatures"][0]["keyId"], &alone["compiled"]), (&Value::Null, &Value::Array(vec![])));
}

#[test]
fn inspect_gives_every_reason_to_refuse_at_once_and_looks_at_what_the_verifier_would_not() {
    let scene = Scene::new();
    let wat = r#"(module (import "env" "ask" (func)) (import "wasi_snapshot_preview1" "path_open" (func)) (func (export "run")))"#;
    scene.dir.write("m.wasm", [assemble(wat), section("portcullis.gate", b"{}")].concat());
    let report = inspected(&scene.dir, &["m.wasm", "--trust", "trust.toml"]);
    assert_eq!(codes(&report), ["signature-missing", "metadata-malformed", "foreign-imports", "no-start"]);
    assert_eq!(report["imports"][0]["offered"], false);
    scene.dir.portcullis(&["sign", "m.wasm", "--key", "ann.key"]).run().exits(0);
    let report = inspected(&scene.dir, &["m.wasm", "--trust", "trust.toml"]);
    assert_eq!(codes(&report), ["metadata-malformed", "untrusted-key", "foreign-imports", "no-start"]);
    assert_eq!(report["signatures"][0]["holders"], serde_json::json!(["role root", "role revocation"]));
    let component = format!("{FIXTURES}/out/component.k1.wasm");
    assert!(codes(&inspected(&scene.dir, &[&component])).contains(&"component-unsupported"));
    scene
        .dir
        .write("bomb.wasm", assemble(&format!("(module (func (export \"_start\") {}))", "(local i64) ".repeat(2_000))));
    assert!(codes(&inspected(&scene.dir, &["bomb.wasm"])).contains(&"locals-limit"));
    scene.revoke(&["--module", "parrot-gate.wasm", "--reason", "malicious"]);
    let report = inspected(&scene.dir, &["parrot-gate.wasm", "--trust", "trust.toml"]);
    assert_eq!((codes(&report), &report["trust"]["revokedBy"][0]["id"]), (vec!["revoked-module"], &"ours-1".into()));
}

#[test]
fn inspect_takes_any_bytes_and_shows_nothing_that_a_terminal_obeys() {
    let dir = Dir::new();
    // An escape, a right-to-left override, a C1 control and a NUL, as the text format spells bytes.
    let hostile = r"\1b[31m\e2\80\ae\c2\9b2J\00";
    let wat = format!(
        "(module (import \"{hostile}\" \"{hostile}\" (func)) (func (export \"{hostile}\")) (@custom \"{hostile}\" \"x\"))"
    );
    dir.write("names.wasm", assemble(&wat));
    for arguments in [&["inspect", "names.wasm"][..], &["inspect", "names.wasm", "--json"]] {
        dir.portcullis(arguments).run().exits(0).says("foreign-imports");
    }
    dir.module("whole.wasm", release("whole", "1.0.0"));
    let whole = dir.read("whole.wasm");
    for length in (0..whole.len()).step_by(whole.len() / 24 + 1) {
        dir.write("cut.wasm", &whole[..length]);
        let report = inspected(&dir, &["cut.wasm"]);
        assert!(!codes(&report).is_empty(), "{length}");
    }
    for bytes in [&b"(module)"[..], b"\x7fELF", b"\0asm\x01\0\0\0\0\xff\xff\xff\xff\x0f", &[0xff; 10_000]] {
        dir.write("bytes.wasm", bytes);
        assert!(!codes(&inspected(&dir, &["bytes.wasm"])).is_empty());
    }
    dir.portcullis(&["inspect", "gone.wasm"]).run().exits(2).refuses_with("file-missing");
    dir.portcullis(&["inspect", "."]).run().exits(2).refuses_with("not-a-file");
}

#[test]
fn inspecting_two_modules_says_what_changed_from_one_to_the_other() {
    let scene = Scene::new();
    scene.dir.module("one.wasm", release("lint-gate", "1.0.0"));
    let wat = r#"(module (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))) (memory (export "memory") 3) (func (export "_start")))"#;
    let metadata = br#"{"protocol":1,"name":"lint-gate","version":"1.1.0","kind":"validator"}"#;
    scene.dir.write("two.wasm", [assemble(wat), section("portcullis.gate", metadata)].concat());
    scene.dir.portcullis(&["sign", "two.wasm", "--key", "ann.key"]).run().exits(0);
    let diff = inspected(&scene.dir, &["one.wasm", "two.wasm", "--trust", "trust.toml"]);
    assert_eq!(diff["sameContent"], false);
    let changed = |what: &str| {
        let changed = diff["changed"].as_array().expect("changes").iter().find(|changed| changed["what"] == what);
        changed.map(|changed| (changed["from"].clone(), changed["to"].clone()))
    };
    assert_eq!(changed("version"), Some(("1.0.0".into(), "1.1.0".into())));
    assert_eq!(changed("kind"), Some(("gate".into(), "validator".into())));
    assert_eq!(changed("trusted as"), Some(("own".into(), Value::Null)));
    assert!(changed("size").is_some() && changed("name").is_none());
    let listed = |what: &str, member: &str| {
        let listed = diff["lists"].as_array().expect("lists").iter().find(|listed| listed["what"] == what);
        listed.map(|listed| listed[member].to_string()).unwrap_or_default()
    };
    assert!(listed("imports", "added").contains("random_get") && listed("imports", "removed").contains("fd_write"));
    assert!(listed("signers", "added").contains("role root") && listed("signers", "removed").contains("of own"));
    let text = scene.dir.portcullis(&["inspect", "one.wasm", "two.wasm"]).run();
    text.exits(0).says("1.0.0 → 1.1.0").says("+ wasi_snapshot_preview1.random_get");
    scene.dir.portcullis(&["inspect", "one.wasm", "one.wasm"]).run().exits(0).says("nothing changed");
}

#[test]
fn a_second_signer_adds_a_record_and_a_threshold_counts_both() {
    let scene = Scene::new();
    scene.dir.new_key("second");
    let keys = format!("keys = [\"{}\", \"{}\"]\nthreshold = 2", scene.short("own"), scene.short("second"));
    scene.trust_with(&keys, "");
    scene.is_refused("threshold");
    let verified = scene.verified("parrot-gate.wasm");
    let threshold = &verified["thresholds"][0];
    assert_eq!((&threshold["counted"], &threshold["needed"], &threshold["met"]), (&1.into(), &2.into(), &false.into()));
    scene
        .dir
        .portcullis(&["sign", "parrot-gate.wasm", "--key", "own.key"])
        .run()
        .exits(2)
        .refuses_with("already-signed");
    scene.dir.portcullis(&["sign", "parrot-gate.wasm", "--key", "second.key"]).run().exits(0);
    scene.goes();
    let verified = scene.verified("parrot-gate.wasm");
    assert_eq!(verified["keyIds"].as_array().map(Vec::len), Some(2));
    assert_eq!(verified["thresholds"][0]["met"], true);
}

#[test]
fn verify_walks_a_folder_and_says_the_lists_version_and_age() {
    let scene = Scene::new();
    scene.dir.write("m/a.wasm", scene.dir.read("parrot-gate.wasm"));
    scene.dir.write("m/deep/B.WASM", b"text");
    scene.dir.write("m/notes.txt", b"text");
    std::os::unix::fs::symlink("a.wasm", scene.dir.path("m/link.wasm")).expect("a link");
    std::os::unix::fs::symlink("nowhere", scene.dir.path("m/broken.wasm")).expect("a link");
    let report = scene.dir.portcullis(&["verify", "m", "--trust", "trust.toml", "--json"]).run().exits(4).json();
    let found: Vec<_> = report["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| (file["file"].as_str(), file["code"].as_str()))
        .collect();
    let expect = [
        (Some("m/a.wasm"), None),
        (Some("m/broken.wasm"), Some("file-missing")),
        (Some("m/deep/B.WASM"), Some("not-wasm")),
        (Some("m/link.wasm"), None),
    ];
    assert_eq!(found, expect);
    let list = &report["revocations"];
    assert_eq!((&list["status"], &list["version"], &list["listId"]), (&"fresh".into(), &1.into(), &"ours".into()));
    assert!(list["ageSeconds"].is_i64() && report["trust"]["root"]["sha256"].is_string());
    let text = scene.dir.portcullis(&["verify", "m/a.wasm", "--trust", "trust.toml"]).run();
    text.exits(0).says("1 of 1 trusted; revocation list ours version 1.1").says("fresh");
    std::fs::create_dir(scene.dir.path("empty")).expect("a folder");
    scene.dir.portcullis(&["verify", "empty", "--trust", "trust.toml"]).run().exits(2).refuses_with("no-modules");
}
