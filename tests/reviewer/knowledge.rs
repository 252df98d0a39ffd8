//! How well it is known what is revoked, and what only adds to it.

use super::{Scene, release};

#[test]
fn a_list_that_is_demanded_and_not_there_refuses_with_a_code_of_its_own() {
    let scene = Scene::new();
    std::fs::remove_file(scene.dir.path("list.json")).expect("removed");
    scene.is_refused("missing");
    let verified = scene.verified("parrot-gate.wasm");
    assert_eq!((&verified["code"], &verified["revocation"]), (&"missing".into(), &"unknown".into()));
    std::fs::create_dir(scene.dir.path("list.json")).expect("a folder");
    scene.is_refused("missing");
    std::fs::remove_dir(scene.dir.path("list.json")).expect("removed");
    scene.trust("required = false");
    assert_eq!(scene.goes()["revocations"]["status"], "unknown");
    // Once one was seen, its absence is not taken for there being none.
    scene.new_list();
    assert_eq!(scene.goes()["revocations"]["status"], "fresh");
    std::fs::remove_file(scene.dir.path("list.json")).expect("removed");
    scene.is_refused("missing");
}

#[test]
fn a_list_that_is_no_list_refuses_even_where_none_is_required() {
    let scene = Scene::new();
    scene.trust("required = false");
    for (bytes, code) in [(&b""[..], "schema"), (b"{}", "schema"), (b"\x1b[2J", "schema"), (b"[[[[", "schema")] {
        scene.dir.write("list.json", bytes);
        scene.is_refused(code);
    }
}

#[test]
fn a_stale_list_within_the_grace_is_taken_and_the_record_says_so() {
    let scene = Scene::new();
    scene.trust("max_age = \"1s\"\noffline_grace = \"30d\"");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let decision = scene.goes();
    assert_eq!(decision["revocations"]["status"], "stale");
    assert!(decision["revocations"]["ageSeconds"].as_i64().is_some_and(|age| age >= 2));
}

#[test]
fn what_an_expired_list_revokes_stays_revoked_and_the_rest_is_not_known() {
    let scene = Scene::new();
    scene.dir.module("other.wasm", release("other", "1.0.0"));
    scene.revoke(&["--module", "parrot-gate.wasm", "--reason", "malicious"]);
    let verify = |file: &str| {
        let arguments = ["verify", file, "--trust", "trust.toml", "--now", "2100-01-01T00:00:00Z", "--json"];
        scene.dir.portcullis(&arguments).run().exits(4).json()["files"][0].clone()
    };
    assert_eq!(verify("parrot-gate.wasm")["code"], "revoked-module");
    let other = verify("other.wasm");
    assert_eq!((&other["code"], &other["revocation"]), (&"expired".into(), &"unknown".into()));
}

#[test]
fn an_emergency_list_adds_with_one_key_and_an_unsigned_deny_list_adds_too() {
    let scene = Scene::new();
    scene.trust("emergency = [\"emergency.json\"]\ndeny = \"deny.txt\"");
    scene.dir.write("deny.txt", "# nothing yet\n");
    scene.is_refused("missing");
    let emergency = |key: &str| {
        let sign = ["sign", "draft.json", "--out", "emergency.json", "--key", key];
        scene.revocations(&sign).exits(0);
    };
    scene.dir.write("draft.json", serde_json::to_vec(&payload(&scene, "list.json")).expect("JSON"));
    emergency("carl.key");
    scene.goes();
    let before = scene.dir.read("emergency.json");
    scene.revocations(&["add", "draft.json", "--module", "parrot-gate.wasm", "--reason", "malicious"]).exits(0);
    emergency("own.key");
    scene.is_refused("threshold");
    emergency("carl.key");
    scene.is_refused("revoked-module");
    // One key cannot take back what it revoked: with the list that was there before, nothing runs.
    let revoking = scene.dir.read("emergency.json");
    scene.dir.write("emergency.json", &before);
    scene.is_refused("rollback");
    scene.dir.write("emergency.json", &revoking);
    scene.is_refused("revoked-module");
    // The full threshold may withdraw it, after it was made.
    scene.draft(&["--module", "parrot-gate.wasm", "--reason", "malicious"]);
    scene.revocations(&["withdraw", "draft.json", "ours-1"]).exits(0);
    scene.publish(&["ann", "bob"]);
    scene.goes();
    let key = scene.dir.portcullis(&["key", "show", "own.pub", "--json"]).run().json()["id"].clone();
    scene.dir.write("deny.txt", format!("key {}\n", key.as_str().expect("an id")));
    scene.is_refused("revoked-key");
    scene.dir.write("deny.txt", "allow everything\n");
    scene.is_refused("deny-malformed");
}

fn payload(scene: &Scene, file: &str) -> serde_json::Value {
    scene.revocations(&["show", file, "--json"]).exits(0).json()["list"].clone()
}

#[test]
fn a_signed_list_is_never_changed_in_place_and_an_entry_never_vanishes() {
    let scene = Scene::new();
    let add = ["add", "list.json", "--module", "parrot-gate.wasm", "--reason", "policy"];
    scene.revocations(&add).exits(2).refuses_with("list-signed");
    scene.revocations(&["new", "draft.json", "--id", "ours"]).exits(2).refuses_with("list-exists");
    scene.revoke(&["--module", "parrot-gate.wasm", "--reason", "policy"]);
    scene
        .revocations(&["withdraw", "list.json", "ours-7", "--out", "draft.json"])
        .exits(2)
        .refuses_with("no-such-entry");
    scene.revocations(&["withdraw", "list.json", "ours-1", "--out", "draft.json"]).exits(0);
    scene.revocations(&["show", "draft.json"]).exits(0).says("withdrawn");
    scene
        .revocations(&["sign", "draft.json", "--key", "ann.key", "--key", "ann.key"])
        .exits(2)
        .refuses_with("already-signed");
    let ended = scene.revocations(&["sign", "draft.json", "--key", "own.key", "--trust", "trust.toml"]);
    ended.exits(0).says("0 of the 2 keys").says("does not hold the role");
    for bad in [
        &["add", "list.json", "--reason", "policy"][..],
        &["add", "list.json", "--module", "a", "--signer", "b", "--reason", "policy"],
        &["add", "list.json", "--module", &"0".repeat(64), "--reason", "whim", "--out", "d"],
        &["add", "list.json", "--release", "own", "--versions", "<1", "--reason", "policy", "--out", "d"],
        &["add", "list.json", "--release", "own/x", "--versions", "newest", "--reason", "policy", "--out", "d"],
        &["add", "list.json", "--release", "OWN/x", "--versions", "<1", "--reason", "policy", "--out", "d"],
    ] {
        scene.revocations(bad).exits(2);
    }
    assert!(!scene.dir.has("d"));
}
