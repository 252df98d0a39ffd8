//! The security reviewer's work through the binary: who signed what, what is revoked, how well that is known, and that nobody
//! who can write files gets an untrusted gate to run.

mod attacks;
mod journey;
mod knowledge;
mod looks;
mod roots;
mod state;
mod vectors;

use serde_json::Value;

use crate::harness::{Dir, Ended, PARROT, PASS, answering, assemble, section};

/// Where the published cases are.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/signing");

/// A folder in which `own` publishes every kind of gate, `ann`, `bob` and `carl` hold both roles, and two of the three have
/// to sign; with a list that revokes nothing, and a pipeline of one gate that passes.
struct Scene {
    dir: Dir,
}

impl Scene {
    fn new() -> Self {
        Self::of(Dir::new())
    }

    fn of(dir: Dir) -> Self {
        for name in ["ann", "bob", "carl"] {
            dir.new_key(name);
        }
        let scene = Self { dir };
        scene.trust("");
        scene.new_list();
        scene.dir.parrot("gate");
        scene.dir.manifest(&answering("g", PASS));
        scene
    }

    /// What a trust file writes for a key.
    fn short(&self, key: &str) -> String {
        let shown = self.dir.portcullis(&["key", "show", &format!("{key}.pub"), "--json"]).run().exits(0).json();
        shown["short"].as_str().expect("a key").to_owned()
    }

    /// Writes the trust file; `rest` belongs to `[revocations]`.
    fn trust(&self, rest: &str) {
        self.trust_with("", rest);
    }

    /// The same; `own` belongs to the publisher of that name.
    fn trust_with(&self, own: &str, rest: &str) {
        let [own_key, ann, bob, carl] = ["own", "ann", "bob", "carl"].map(|key| self.short(key));
        let role = format!("keys = [\"{ann}\", \"{bob}\", \"{carl}\"]\nthreshold = 2\n");
        let keys = if own.contains("keys =") { String::new() } else { format!("keys = [\"{own_key}\"]\n") };
        self.dir.write(
            "trust.toml",
            format!(
                "schema = 1\n[publisher.own]\n{keys}{own}\nmodules = [\"*\"]\nkinds = [\"gate\", \"validator\"]\n\
                 [role.root]\n{role}[role.revocation]\n{role}[revocations]\nlist = \"list.json\"\n{rest}\n"
            ),
        );
    }

    fn revocations(&self, arguments: &[&str]) -> Ended {
        self.dir.portcullis(&[&["revocations"], arguments].concat()).run()
    }

    /// Publishes a first list that revokes nothing.
    fn new_list(&self) {
        let _ = std::fs::remove_file(self.dir.path("draft.json"));
        self.revocations(&["new", "draft.json", "--id", "ours", "--trust", "trust.toml"]).exits(0);
        self.publish(&["ann", "bob"]);
    }

    /// Drafts the next version with one more entry.
    fn draft(&self, arguments: &[&str]) {
        self.revocations(&[&["add", "list.json", "--out", "draft.json"], arguments].concat()).exits(0);
    }

    /// Puts the draft where the trust file says, signed by `keys`.
    fn publish(&self, keys: &[&str]) {
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}.key")).collect();
        let mut arguments = vec!["sign", "draft.json", "--out", "list.json"];
        arguments.extend(keys.iter().flat_map(|key| ["--key", key.as_str()]));
        self.revocations(&arguments).exits(0);
    }

    /// Publishes the next version with one more entry.
    fn revoke(&self, arguments: &[&str]) {
        self.draft(arguments);
        self.publish(&["ann", "carl"]);
    }

    fn run(&self) -> Ended {
        self.dir.run()
    }

    fn run_at(&self, now: &str) -> Ended {
        self.dir.portcullis(&["run", "--now", now]).run()
    }

    /// That the run is refused with that code, and has left nothing that says that a gate ran.
    #[track_caller]
    fn is_refused(&self, code: &str) {
        let ended = self.run();
        ended.exits(4).refuses_with(code);
        self.dir.has_no_artifacts();
    }

    #[track_caller]
    fn goes(&self) -> Value {
        self.run().exits(0);
        self.dir.decision()
    }

    /// What `verify` says of one file.
    fn verified(&self, file: &str) -> Value {
        let ended = self.dir.portcullis(&["verify", file, "--trust", "trust.toml", "--json"]).run();
        let report = ended.json();
        assert_eq!(ended.status, Some(if report["trusted"] == true { 0 } else { 4 }), "{report}");
        report["files"][0].clone()
    }
}

/// The gate that answers whatever it is handed, of that name and version.
fn release(name: &str, version: &str) -> Vec<u8> {
    let metadata = format!(r#"{{"protocol":1,"name":"{name}","version":"{version}","kind":"gate"}}"#);
    [assemble(PARROT), section("portcullis.gate", metadata.as_bytes())].concat()
}
