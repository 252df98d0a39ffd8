//! Trust roots: written by hand, signed, rotated, and used by a run.

use super::Scene;

#[test]
fn a_hand_written_file_becomes_a_signed_root_that_a_run_can_be_held_against() {
    let scene = Scene::new();
    let trust = |arguments: &[&str]| scene.dir.portcullis(&[&["trust"], arguments].concat()).run();
    trust(&["new-root", "trust.toml", "--out", "root.1.json", "--key", "ann.key"]).exits(0).says("1 of the 2");
    // A root that too few have signed is none, however it is used.
    trust(&["show", "root.1.json"]).exits(4).refuses_with("threshold");
    trust(&["sign", "root.1.json", "--key", "bob.key"]).exits(0).says("2 of the 2");
    trust(&["show", "root.1.json"]).exits(0).says("own");

    // Signed, it stands for itself, with the list beside it, or a trust file names and pins it.
    let shown = trust(&["show", "root.1.json", "--json"]).exits(0).json();
    assert_eq!(shown["publishers"]["own"]["threshold"], 1);
    let digest = shown["digest"].as_str().expect("a digest");
    let local = |pin: &str| {
        format!("schema = 1\nroot = \"root.1.json\"\nroot_sha256 = \"{pin}\"\n[revocations]\nlist = \"list.json\"\n")
    };
    scene.dir.write("trust.toml", local(digest));
    assert_eq!(scene.goes()["trust"]["root"]["sha256"], digest);
    scene.dir.write("trust.toml", local(&"0".repeat(64)));
    scene.is_refused("root-pin");
    scene.dir.write("trust.toml", local(digest).replace("root_sha256", "# root_sha256"));
    scene.run().exits(4).refuses_with("trust-file").says("trust show root.1.json");
    scene.dir.write("trust.toml", scene.dir.read("root.1.json"));
    scene.is_refused("missing");
    scene.dir.write("revocations.json", scene.dir.read("list.json"));
    assert_eq!(scene.goes()["trust"]["version"], 1);
}

#[test]
fn a_root_is_rotated_one_step_at_a_time_with_the_word_of_the_old_and_the_new() {
    let scene = Scene::new();
    scene.dir.new_key("dora");
    let trust = |arguments: &[&str]| scene.dir.portcullis(&[&["trust"], arguments].concat()).run();
    trust(&["new-root", "trust.toml", "--out", "root.1.json", "--key", "ann.key", "--key", "bob.key"]).exits(0);
    // What is written for going on reads back as the same root.
    let toml = trust(&["show", "root.1.json", "--toml"]).exits(0).stdout.clone();
    let next = toml.replace(&scene.short("ann"), &scene.short("dora"));
    assert_ne!(next, toml);
    scene.dir.write("next.toml", &next);
    let rotate = ["rotate", "root.1.json", "--to", "next.toml", "--out", "root.2.json", "--key", "bob.key"];
    trust(&rotate).exits(0).says("role root: adds").says("1 of the 2 keys that the old root needs");
    let check = |root: &str| trust(&["check-root", "root.2.json", "--root", root, "--json"]);
    let code = |root: &str| check(root).exits(4).json()["code"].clone();
    assert_eq!(code("root.1.json"), "threshold");
    trust(&["sign", "root.2.json", "--key", "dora.key", "--old", "root.1.json"])
        .exits(0)
        .says("2 of the 2 keys that the new");
    assert_eq!(code("root.1.json"), "threshold");
    trust(&["sign", "root.2.json", "--key", "ann.key", "--old", "root.1.json"])
        .exits(0)
        .says("2 of the 2 keys that the old");
    let accepted = check("root.1.json").exits(0).json();
    assert_eq!((&accepted["accepted"], &accepted["version"]), (&true.into(), &2.into()));

    // Not from itself, not over a version, not back.
    assert_eq!(code("root.2.json"), "root-step");
    let renew =
        ["rotate", "root.2.json", "--out", "root.3.json", "--key", "bob.key", "--key", "dora.key", "--key", "ann.key"];
    trust(&renew).exits(0);
    trust(&["check-root", "root.3.json", "--root", "root.2.json"]).exits(0).says("accepted");
    let skipped = trust(&["check-root", "root.3.json", "--root", "root.1.json", "--json"]).exits(4).json();
    assert_eq!(skipped["code"], "root-step");
    let late =
        trust(&["check-root", "root.2.json", "--root", "root.1.json", "--now", "2100-01-01T00:00:00Z", "--json"]);
    assert_eq!(late.exits(4).json()["code"], "expired");
    // A list names the root that it was made under.
    scene.revocations(&["check", "list.json", "--root", "root.1.json"]).exits(0);
    let other = scene.revocations(&["check", "list.json", "--root", "root.2.json", "--json"]).exits(4).json();
    assert!(["root-version", "threshold"].contains(&other["code"].as_str().expect("a code")), "{other}");
}

#[test]
fn a_key_that_is_rotated_out_counts_only_in_its_time_and_both_count_while_they_overlap() {
    let scene = Scene::new();
    scene.dir.new_key("next");
    let (old, new) = (scene.short("own"), scene.short("next"));
    let windows = |old_until: &str, new_from: &str| {
        let keys = format!(
            "keys = [{{ key = \"{old}\", not_after = \"{old_until}\" }}, {{ key = \"{new}\", not_before = \"{new_from}\" }}]"
        );
        scene.trust_with(&keys, "");
    };
    windows("2099-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    scene.goes();
    windows("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    scene.is_refused("key-window");
    scene.dir.portcullis(&["sign", "parrot-gate.wasm", "--key", "next.key"]).run().exits(0);
    scene.goes();
    windows("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    scene.is_refused("key-window");
    scene.dir.portcullis(&["trust", "show", "trust.toml"]).run().exits(0).says("does not count now");
}

#[test]
fn a_root_that_cannot_be_made_or_that_mixes_duties_is_told() {
    let scene = Scene::new();
    let trust = |arguments: &[&str]| scene.dir.portcullis(&[&["trust"], arguments].concat()).run();
    scene.dir.write("bare.toml", "schema = 1\n");
    trust(&["new-root", "bare.toml", "--out", "r.json"]).exits(2).refuses_with("schema");
    trust(&["new-root", "gone.toml", "--out", "r.json"]).exits(2).refuses_with("file-missing");
    trust(&["show", "bare.toml"]).exits(0).says("no publisher is trusted");
    let key = scene.short("own");
    let mixed = format!(
        "schema = 1\n[role.root]\nkeys = [\"{key}\"]\n[publisher.own]\nkeys = [\"{key}\"]\nmodules = [\"*\"]\nkinds = [\"gate\"]\n"
    );
    scene.dir.write("mixed.toml", mixed);
    trust(&["new-root", "mixed.toml", "--out", "r.json"]).exits(4).refuses_with("trust-file").says("holds a role");
    assert!(!scene.dir.has("r.json"));
    scene.dir.write("trust.toml", scene.dir.read("mixed.toml"));
    scene.is_refused("trust-file");
    // A list is no root, and a root is no list.
    trust(&["check-root", "list.json", "--root", "bare.toml", "--json"]).exits(4);
    trust(&["sign", "list.json", "--key", "ann.key"]).exits(2).refuses_with("payload-type");
}
