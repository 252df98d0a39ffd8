//! People's approvals: one that is as it should be makes a pass of a review, and nothing else does.

mod attacks;
mod files;
mod journey;

use std::fs;

use serde_json::Value;

use crate::harness::{Dir, Ended, OUT, PASS, REVIEW, answering};

/// What is decided about.
const SUBJECT: &str = "git:0123456789abcdef0123456789abcdef01234567";
/// When approvals of these tests are made, where the time matters.
const NOON: &str = "2026-01-10T12:00:00Z";

/// A pipeline in which the gate `manual` leaves its evidence to people and `good` passes. `ann` may approve the first, `bob`
/// another one, `eve` nothing.
struct Scene {
    dir: Dir,
}

impl Scene {
    fn new() -> Self {
        let dir = Dir::new();
        for name in ["ann", "bob", "eve"] {
            dir.new_key(name);
        }
        let scene = Self { dir };
        scene.trust("");
        scene.dir.parrot("gate");
        scene.dir.manifest(&manifest(REVIEW));
        scene
    }

    /// What a trust file writes for a key.
    fn short(&self, key: &str) -> String {
        let shown = self.dir.portcullis(&["key", "show", &format!("{key}.pub"), "--json"]).run().exits(0).json();
        shown["short"].as_str().expect("a key").to_owned()
    }

    /// Writes the trust file, with more behind it.
    fn trust(&self, more: &str) {
        self.trust_with(&format!("[approver.ann]\nkeys = [\"{}\"]\ngates = [\"manual\"]\n", self.short("ann")), more);
    }

    /// The same, with another table for who may approve `manual`.
    fn trust_with(&self, ann: &str, more: &str) {
        let (own, bob) = (self.short("own"), self.short("bob"));
        let text = format!(
            "schema = 1\n[publisher.own]\nkeys = [\"{own}\"]\nmodules = [\"*\"]\nkinds = [\"gate\"]\n\
             {ann}[approver.bob]\nkeys = [\"{bob}\"]\ngates = [\"other\"]\n{more}"
        );
        self.dir.write("trust.toml", text);
    }

    fn portcullis(&self, arguments: &[&str]) -> Ended {
        self.dir.portcullis(arguments).run()
    }

    /// Runs as strictly as can be, about the usual subject, with more arguments.
    fn run(&self, more: &[&str]) -> Ended {
        self.run_with(&["run", "--strict-manual"], more)
    }

    fn run_with(&self, run: &[&str], more: &[&str]) -> Ended {
        let subject: &[&str] = if more.contains(&"--subject") { &[] } else { &["--subject", SUBJECT] };
        self.portcullis(&[run, subject, more].concat())
    }

    /// Runs, and has someone approve what the gate left to people, with more arguments; where the approval is.
    fn approve(&self, key: &str, more: &[&str]) -> String {
        self.run(&[]).exits(1);
        self.approve_run(key, more)
    }

    /// Approves the last run.
    fn approve_run(&self, key: &str, more: &[&str]) -> String {
        let expires: &[&str] = if more.contains(&"--expires") { &[] } else { &["--expires", "30d"] };
        let key = format!("{key}.key");
        let arguments = ["approve", "manual", "--run", OUT, "--key", &key, "--reason", "looked at it"];
        let before = self.files();
        self.portcullis(&[&arguments, expires, more].concat()).exits(0);
        let mut made = self.files();
        made.retain(|file| !before.contains(file));
        assert_eq!(made.len(), 1, "an approval has a file of its own: {made:?}");
        made.remove(0)
    }

    /// The approvals that are there, by name.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.dir.path("approvals")) else { return Vec::new() };
        let name =
            |entry: std::io::Result<fs::DirEntry>| entry.expect("listed").file_name().into_string().expect("UTF-8");
        entries.map(|entry| format!("approvals/{}", name(entry))).collect()
    }

    /// The gate `manual` in the last run's record.
    #[track_caller]
    fn manual(&self) -> Value {
        let decision = self.dir.decision();
        let gates = decision["gates"].as_array().expect("gates");
        gates.iter().find(|gate| gate["id"] == "manual").expect("the gate").clone()
    }

    /// That the run goes, because someone signed off.
    #[track_caller]
    fn counts(&self, more: &[&str]) {
        self.run(more).exits(0);
        let manual = self.manual();
        assert_eq!(manual["outcome"], "pass", "{manual}");
        assert!(codes(&manual).is_empty(), "{manual}");
    }

    /// That the run ends as it does without an approval, and that the gate says with `code` that one was ignored; with none,
    /// that it says nothing.
    #[track_caller]
    fn counts_for_nothing(&self, more: &[&str], code: Option<&str>) {
        let ended = self.run(more);
        ended.exits(1);
        let (manual, decision) = (self.manual(), self.dir.decision());
        assert_eq!((&manual["outcome"], &decision["decision"]), (&"review".into(), &"no-go".into()), "{ended}");
        assert_eq!(decision["reasons"][0]["code"], "review-unsigned", "{ended}");
        assert_eq!(codes(&manual), code.into_iter().collect::<Vec<_>>(), "{manual}\n{ended}");
        assert_eq!(decision["approvals"], serde_json::json!([]), "{ended}");
        let results = self.dir.json(format!("{OUT}/gate_results.json"));
        assert_eq!((&results["manual"]["ok"], &results["manual"]["manual"]), (&false.into(), &true.into()));
        // Without --strict-manual it stands in nobody's way, and is no pass either.
        self.run_with(&["run"], more).exits(0);
        assert_eq!(self.manual()["outcome"], "review");
    }
}

/// The codes of what was found about approvals.
fn codes(gate: &Value) -> Vec<&str> {
    let codes = gate["findings"].as_array().expect("findings").iter().filter_map(|finding| finding["code"].as_str());
    codes.filter(|code| code.starts_with("APPROVAL_")).collect()
}

/// The manifest in which `manual` comes to `answer`.
fn manifest(answer: &str) -> String {
    format!("{}{}", answering("manual", answer), answering("good", PASS))
}
