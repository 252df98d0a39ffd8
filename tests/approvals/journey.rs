//! From a review to a signed-off pass, and what `approve` asks for.

use serde_json::json;

use super::{NOON, SUBJECT, Scene, manifest};
use crate::harness::{FAIL, NOT_APPLICABLE, OUT, PASS};

#[test]
fn an_approval_makes_a_pass_of_a_review_and_names_the_approver() {
    let scene = Scene::new();
    scene.run(&[]).exits(1).says("approve manual");
    let file = scene.approve("ann", &[]);
    assert!(file.starts_with("approvals/manual-") && file.ends_with(".json"), "{file}");
    scene.counts(&[]);
    let decision = scene.dir.decision();
    assert_eq!((&decision["decision"], &decision["subject"][0]["name"]), (&json!("go"), &json!(SUBJECT)));
    let approval = &decision["approvals"][0];
    assert_eq!((&approval["gate"], &approval["approver"]), (&json!("manual"), &json!("ann")), "{approval}");
    assert_eq!(approval["reason"], "looked at it", "{approval}");
    let results = scene.dir.json(format!("{OUT}/gate_results.json"));
    assert_eq!((&results["manual"]["ok"], &results["manual"]["details"]["approved_by"]), (&json!(true), &json!("ann")));
    let sign_off = scene.dir.text(format!("{OUT}/gate_sign_off.md"));
    assert!(sign_off.lines().any(|line| line.starts_with("| manual | ✅ |") && line.contains("ann")), "{sign_off}");
    // It needs no strictness to count.
    scene.portcullis(&["run", "--subject", SUBJECT]).exits(0);
    assert_eq!(scene.manual()["outcome"], "pass");
}

#[test]
fn a_run_is_named_by_its_id_its_record_or_its_folder() {
    let scene = Scene::new();
    scene.run(&[]).exits(1);
    let id = scene.dir.decision()["runId"].as_str().expect("an id").to_owned();
    let record = format!("{OUT}/decision.json");
    for (at, run) in [id.as_str(), &record, OUT].into_iter().enumerate() {
        let out = format!("elsewhere/{at}.json");
        let arguments =
            ["approve", "manual", "--run", run, "--key", "ann.key", "--expires", "30d", "--reason", "r", "--out", &out];
        scene.portcullis(&arguments).exits(0);
    }
    for at in 0..3 {
        scene.counts(&["--approvals", &format!("elsewhere/{at}.json")]);
    }
    scene.counts(&["--approvals", "elsewhere"]);
    assert!(scene.files().is_empty());
    scene.counts_for_nothing(&[], None);
}

#[test]
fn what_a_manifest_would_be_asked_can_be_approved_ahead_and_over_recorded_evidence() {
    let scene = Scene::new();
    let ahead = ["approve", "manual", "--key", "ann.key", "--expires", "30d", "--reason", "r", "--subject", SUBJECT];
    scene.portcullis(&[&ahead[..], &["--manifest", "portcullis.toml"]].concat()).exits(0);
    scene.counts(&[]);
    std::fs::remove_dir_all(scene.dir.path("approvals")).expect("removed");
    scene.portcullis(&["collect", "portcullis.toml", "--out", "recorded"]).exits(0);
    scene.portcullis(&[&ahead[..], &["--manifest", "portcullis.toml", "--evidence-dir", "recorded"]].concat()).exits(0);
    scene.counts(&["--evidence-dir", "recorded"]);
    scene.counts(&[]);
}

#[test]
fn the_commit_of_the_repository_is_what_is_decided_about() {
    let scene = Scene::new();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
        scene.dir.other("git", &[&who[..], arguments].concat()).run().exits(0).stdout.trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    let first = git(&["rev-parse", "HEAD"]);
    let run = || scene.portcullis(&["run", "--strict-manual"]);
    run().exits(1);
    let subject = scene.dir.decision()["subject"][0].clone();
    assert_eq!((&subject["name"], &subject["digest"]["gitCommit"]), (&json!(format!("git:{first}")), &json!(first)));
    scene.approve_run("ann", &[]);
    run().exits(0);
    git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    run().exits(1).says("APPROVAL_OTHER_SUBJECT");
    let first = format!("git:{first}");
    scene.counts(&["--subject", &first]);
}

#[test]
fn only_a_review_is_approved_and_nothing_about_nothing() {
    let scene = Scene::new();
    let approve = |more: &[&str]| scene.portcullis(&[&["approve"], more].concat());
    let good = ["manual", "--run", OUT, "--key", "ann.key", "--expires", "30d", "--reason", "r"];
    approve(&good).exits(2);
    scene.run(&["--now", NOON]).exits(1);
    for (at, instead, code) in [
        (0, "gone", "unknown-gate"),
        (0, "good", "not-in-review"),
        (2, "20200101T000000Z-ffff", "other-run"),
        (2, "trust.toml", "not-a-record"),
        (4, "gone.key", "file-missing"),
        (6, "2020-01-01T00:00:00Z", "expires-first"),
        (6, "soon", ""),
        (8, "", "bad-approval"),
    ] {
        let mut arguments = good;
        arguments[at] = instead;
        let ended = approve(&arguments);
        assert!(matches!(ended.status, Some(2 | 4)), "{ended}");
        if !code.is_empty() {
            ended.refuses_with(code);
        }
    }
    for left_out in [3, 5, 7] {
        let arguments: Vec<&str> =
            (0..).zip(good).filter(|(at, _)| ![left_out, left_out + 1].contains(at)).map(|(_, it)| it).collect();
        approve(&arguments).exits(2);
    }
    // Outside of a repository, somebody has to say what it is about.
    scene.portcullis(&["run", "--strict-manual"]).exits(1);
    approve(&good).exits(2).refuses_with("no-subject");
    assert!(scene.files().is_empty());
}

#[test]
fn an_approval_changes_no_outcome_but_a_review() {
    let scene = Scene::new();
    for (answer, outcome, status) in
        [(PASS, "pass", 0), (FAIL, "fail", 1), (NOT_APPLICABLE, "not_applicable", 0), ("", "fault", 3)]
    {
        scene.dir.manifest(&manifest(answer));
        let ahead = ["approve", "manual", "--manifest", "portcullis.toml", "--key", "ann.key", "--expires", "30d"];
        scene.portcullis(&[&ahead[..], &["--reason", "whatever it says", "--subject", SUBJECT]].concat()).exits(0);
        scene.run(&[]).exits(status);
        let manual = scene.manual();
        assert_eq!(manual["outcome"], outcome, "{manual}");
        assert_eq!(scene.dir.decision()["approvals"], json!([]), "{outcome}");
    }
}
