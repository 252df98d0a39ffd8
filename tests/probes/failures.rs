//! A command or an exchange that went wrong is what a probe is there to see, live and recorded; no other gate is asked about it.

use std::fs;

use serde_json::{Value, json};

use super::{completed, dir, evidence, gate, manifest, run, sh};
use crate::{
    harness::Dir,
    server::{Behaviour, Server},
};

const HEAD: &str = "[completion]\nmode = 'product_complete'\n";
const HEADLESS: (&str, &str, &str, &str) = ("runs", "probe-run", "'run'", "kind = 'headless_run'");

#[test]
fn a_probe_is_asked_about_a_command_however_it_ended() {
    let dir = dir();
    for (script, more, ending, exit_code) in [
        ("echo out; exit 3", "", "completed", json!(3)),
        ("echo out; sleep 600", ", timeout = \"500ms\"", "timeout", Value::Null),
        ("echo out; kill -9 $$", "", "killed", Value::Null),
    ] {
        manifest(&dir, HEAD, &[("run", &sh(script, more))], &[HEADLESS]);
        let (ended, decision) = run(&dir);
        ended.exits(1);
        let evidence = evidence(&decision, "runs");
        let payload = &evidence["payload"];
        assert_eq!((&payload["outcome"], &payload["exit_code"]), (&json!(ending), &exit_code), "{evidence}\n{ended}");
        assert_eq!((&evidence["passed"], &payload["stdout_preview"]), (&json!(false), &json!("out\n")), "{evidence}");
        assert_eq!(completed(&decision), ("blocked".to_owned(), vec!["headless_run failed".to_owned()]));
        ended.says("completion blocked — product_complete: headless_run failed");
    }
}

#[test]
fn a_probe_is_asked_about_a_server_that_refuses() {
    let dir = dir();
    let server = Server::start(Behaviour::Refuse);
    let source = format!("{{ http = {{ url = '{}' }} }}", server.url("/"));
    manifest(&dir, HEAD, &[("asked", &source)], &[("api", "probe-service", "'asked'", "kind = 'api_smoke'")]);
    let (ended, decision) = run(&dir);
    ended.exits(1);
    let exchange = &evidence(&decision, "api")["payload"]["exchanges"][0];
    assert_eq!((&exchange["outcome"], &exchange["status"]), (&json!("refused"), &Value::Null), "{ended}");
}

#[test]
fn without_anything_that_was_seen_a_probe_is_not_asked() {
    let dir = dir();
    let later = "{ files = 'out/**', after = ['run'] }";
    for (run_source, look) in [
        (sh("echo $${env:GONE} ${env:GONE}", ""), HEADLESS),
        (
            sh("kill -9 $$", ""),
            ("runs", "probe-service", "{ before = 'later', after = 'later' }", "kind = 'side_effect_probe'"),
        ),
        ("{ file = 'gone.json' }".to_owned(), HEADLESS),
    ] {
        manifest(&dir, HEAD, &[("run", &run_source), ("later", later)], &[look]);
        let (ended, decision) = run(&dir);
        ended.exits(3);
        let gate = gate(&decision, "runs");
        assert_eq!(
            (&gate["outcome"], &gate["fault"]["code"]),
            (&json!("fault"), &json!("evidence-missing")),
            "{ended}"
        );
        assert_eq!(completed(&decision), ("blocked".to_owned(), vec!["runs faulted".to_owned()]), "{ended}");
        let codes: Vec<_> = decision["completion"]["reasons"]
            .as_array()
            .expect("reasons")
            .iter()
            .map(|it| it["code"].clone())
            .collect();
        assert_eq!(codes, ["decision-not-go", "probe-faulted", "nothing-shown"]);
    }
}

#[test]
fn no_other_kind_of_gate_is_asked_about_what_did_not_complete() {
    let dir = dir();
    dir.echo();
    let look = ("look", "echo", "'run'", "");
    manifest(&dir, "", &[("run", &sh("kill -9 $$", ""))], &[look, HEADLESS]);
    let (ended, decision) = run(&dir);
    ended.exits(1);
    assert_eq!(gate(&decision, "look")["fault"]["code"], "evidence-missing", "{ended}");
    assert_eq!(gate(&decision, "runs")["outcome"], "fail");
}

/// Records what a manifest with a probe over a command that is killed sees, and judges it live.
fn recorded() -> (Dir, Value) {
    let dir = dir();
    manifest(&dir, HEAD, &[("run", &sh("echo out; kill -9 $$", ""))], &[HEADLESS]);
    dir.portcullis(&["collect", "--out", "recorded"]).run().exits(3);
    let ended = dir.portcullis(&["run", "--evidence-dir", "recorded"]).run();
    ended.exits(1);
    let decision = dir.decision();
    (dir, decision)
}

#[test]
fn what_was_seen_of_a_failure_is_recorded_and_judged_again_byte_for_byte() {
    let (dir, first) = recorded();
    let again = dir.portcullis(&["run", "--evidence-dir", "recorded"]).run();
    again.exits(1);
    let second = dir.decision();
    assert_eq!(gate(&first, "runs")["evidence"], gate(&second, "runs")["evidence"]);
    assert_eq!(gate(&first, "runs")["fuelUsed"], gate(&second, "runs")["fuelUsed"]);
    assert_eq!(first["completion"], second["completion"]);
    assert_eq!(evidence(&first, "runs")["payload"]["outcome"], "killed");
}

#[test]
fn recorded_evidence_of_a_failure_that_was_changed_or_is_gone_is_no_evidence() {
    let (dir, _) = recorded();
    let file = dir.path("recorded/evidence/run.json");
    let text = fs::read_to_string(&file).expect("read");
    let changed = text.replace("killed", "completed").replace("\"exit_code\":null", "\"exit_code\":0");
    assert_ne!(text, changed);
    for change in [Some(changed), None] {
        match change {
            Some(text) => fs::write(&file, text).expect("written"),
            None => fs::remove_file(&file).expect("removed"),
        }
        let ended = dir.portcullis(&["run", "--evidence-dir", "recorded"]).run();
        ended.exits(3);
        assert_eq!(completed(&dir.decision()), ("blocked".to_owned(), vec!["runs faulted".to_owned()]), "{ended}");
    }
}
