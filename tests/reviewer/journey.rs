//! From a fresh key to a revoked module that stops a pipeline, and what revocation does to those around it.

use super::{Scene, release};
use crate::harness::{Dir, PASS, answering};

#[test]
fn from_a_fresh_key_to_a_revoked_module_that_stops_a_pipeline_and_back() {
    let scene = Scene::new();
    let decision = scene.goes();
    assert_eq!(decision["revocations"]["status"], "fresh");
    assert_eq!(decision["revocations"]["version"], 1);
    assert_eq!(decision["trust"]["version"], 1);
    let content = decision["gates"][0]["module"]["contentDigest"].clone();

    scene.draft(&["--module", "parrot-gate.wasm", "--reason", "malicious"]);
    let impact = ["impact", "draft.json", "--modules", ".", "--manifest", "portcullis.toml", "--trust", "trust.toml"];
    let ended = scene.revocations(&impact);
    ended.exits(1).says("STOPPED").says("would be refused: g [revoked-module]").says("stops 1 of 1 modules");
    let told = scene.revocations(&[&impact[..], &["--json"]].concat()).exits(1).json();
    assert_eq!((&told["modules"][0]["effect"], &told["modules"][0]["contentDigest"]), (&"stopped".into(), &content));
    assert_eq!(told["pipelines"][0]["gates"][0]["gate"], "g");
    scene.goes();

    scene.publish(&["ann"]);
    scene.is_refused("threshold");
    scene.revocations(&["sign", "list.json", "--key", "bob.key", "--trust", "trust.toml"]).exits(0).says("2 of the 2");
    scene.is_refused("revoked-module");
    let verified = scene.verified("parrot-gate.wasm");
    assert_eq!((&verified["code"], &verified["revocation"]), (&"revoked-module".into(), &"revoked".into()));
    assert_eq!((&verified["name"], &verified["contentDigest"]), (&"parrot-gate".into(), &content));
    assert_eq!(verified["revokedBy"][0]["id"], "ours-1");

    scene.revocations(&["withdraw", "list.json", "ours-1", "--out", "draft.json"]).exits(0);
    scene.revocations(&impact).exits(0);
    scene.publish(&["bob", "carl"]);
    assert_eq!(scene.goes()["revocations"]["version"], 3);
}

#[test]
fn what_is_compiled_and_cached_is_refused_all_the_same_once_it_is_revoked() {
    let scene = Scene::of(Dir::with_own_cache());
    scene.goes();
    let cached = || scene.dir.cache().join("portcullis/modules").read_dir().expect("a cache").count();
    assert_eq!(cached(), 1);
    scene.revoke(&["--module", "parrot-gate.wasm", "--reason", "policy"]);
    scene.is_refused("revoked-module");
    let eval = ["eval", "parrot-gate.wasm", "--trust", "trust.toml"];
    let ended = scene.dir.portcullis(&eval).run();
    ended.exits(4).refuses_with("revoked-module");
    assert!(ended.stdout.is_empty(), "{ended}");
    assert_eq!(cached(), 1);
}

#[test]
fn a_revocation_that_warns_lets_the_gate_run_with_a_finding() {
    let scene = Scene::new();
    scene.revoke(&["--module", "parrot-gate.wasm", "--reason", "superseded", "--severity", "warn"]);
    let decision = scene.goes();
    let finding = &decision["gates"][0]["findings"][0];
    assert_eq!((&finding["code"], &finding["severity"]), (&"REVOCATION_WARNING".into(), &"warning".into()));
    assert_eq!(scene.verified("parrot-gate.wasm")["revocation"], "warned");
}

#[test]
fn a_revoked_key_counts_for_nothing_but_what_is_excepted_and_other_keys_carry_on() {
    let scene = Scene::new();
    scene.dir.new_key("spare");
    let keys = format!("keys = [\"{}\", \"{}\"]", scene.short("own"), scene.short("spare"));
    scene.trust_with(&keys, "");
    scene.goes();
    let impact = ["impact", "draft.json", "--modules", ".", "--trust", "trust.toml"];
    scene.draft(&["--signer", "own.pub", "--reason", "key-compromise", "--except", "parrot-gate.wasm"]);
    scene.revocations(&impact).exits(0).says("keys revoked 1, keys left 1, needed 1");
    scene.draft(&["--signer", "own.pub", "--reason", "key-compromise"]);
    scene.revocations(&impact).exits(1).says("0 of 1, no longer met");
    scene.publish(&["ann", "bob"]);
    scene.is_refused("revoked-key");
    // A signature made after the revocation, whatever its date, counts for nothing either.
    scene.dir.module("again.wasm", release("again", "1.0.0"));
    assert_eq!(scene.verified("again.wasm")["code"], "revoked-key");
    scene.dir.portcullis(&["sign", "parrot-gate.wasm", "--key", "spare.key"]).run().exits(0);
    scene.goes();
    let verified = scene.verified("parrot-gate.wasm");
    assert_eq!(verified["keyIds"].as_array().map(Vec::len), Some(1));
    assert_eq!(verified["thresholds"][0]["revokedKeyIds"].as_array().map(Vec::len), Some(1));
}

#[test]
fn releases_are_revoked_by_signed_name_and_version_with_their_prereleases() {
    let scene = Scene::new();
    scene.revoke(&["--release", "own/lint-gate", "--versions", "<1.2.3", "--reason", "vulnerable"]);
    for (name, version, expect) in [
        ("lint-gate", "1.2.2", "revoked-release"),
        ("lint-gate", "1.2.3-rc.1", "revoked-release"),
        ("lint-gate", "1.2.3", "trusted"),
        ("lint-gate", "1.10.0", "trusted"),
        ("lint-gate2", "1.0.0", "trusted"),
    ] {
        scene.dir.module("m.wasm", release(name, version));
        let verified = scene.verified("m.wasm");
        assert_eq!(verified["code"].as_str().unwrap_or("trusted"), expect, "{name} {version}");
    }
    // The content that is revoked may be signed again, written otherwise or come with its signature beside it.
    scene.dir.write("bare.wasm", release("lint-gate", "1.2.2"));
    scene.dir.portcullis(&["sign", "bare.wasm", "--key", "own.key", "--detached"]).run().exits(0);
    let arguments = ["verify", "bare.wasm", "--signature", "bare.wasm.sig", "--trust", "trust.toml", "--json"];
    let report = scene.dir.portcullis(&arguments).run().exits(4).json();
    assert_eq!(report["files"][0]["code"], "revoked-release");
}

#[test]
fn a_pipeline_that_does_not_use_the_module_goes_on() {
    let scene = Scene::new();
    scene.dir.module("other.wasm", release("other", "1.0.0"));
    scene.revoke(&["--module", "other.wasm", "--reason", "policy"]);
    scene.goes();
    let manifest =
        format!("{}\n[gate.second]\nmodule = \"other.wasm\"\ninput = {{ text = \"g\" }}\n", answering("g", PASS));
    scene.dir.manifest(&manifest);
    scene.is_refused("revoked-module");
}
