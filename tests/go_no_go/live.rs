//! Live, against a server that is as it should be, and against one that misbehaves in each way that a gate has to catch.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{Expected, aetherra, came_to, gate};
use crate::{
    harness::{Dir, Ended},
    server::{Behaviour, Server, TOKEN},
};

/// Stands in for the checkout's tools: says and leaves what files in the checkout say.
const PYTHON: &str = r#"#!/bin/sh
case "$*" in
  *verify_aether_scripts*) cat verify.txt; exit "$(cat verify.exit)" ;;
  *pytest*) cp measured.json coverage.json; exit "$(cat tests.exit)" ;;
  *spec_tests_gate*) exit "$(cat spec.exit)" ;;
  *) exit 70 ;;
esac
"#;

/// What a checkout says in which all is well.
const CHECKOUT: [(&str, &str); 7] = [
    ("verify.txt", "# Report\n\nall scripts are signed\n\nTotal risk score: 0\n"),
    ("verify.exit", "0"),
    ("tests.exit", "0"),
    ("spec.exit", "0"),
    ("measured.json", r#"{"totals":{"percent_covered":84.25,"num_statements":10000}}"#),
    ("coverage-baseline.json", r#"{"totals":{"percent_covered":84.0,"num_statements":10000}}"#),
    (
        ".aetherra/hmr_audit.jsonl",
        "{\"event\":\"HMR_PREPARE\",\"target\":\"engine\"}\n{\"event\":\"HMR_SWAP\",\"target\":\"engine\",\"inflight\":0}\n",
    ),
];

/// The manifest, with a checkout in which all is well.
fn scene() -> Dir {
    let dir = aetherra();
    for (file, text) in CHECKOUT {
        dir.write(format!("checkout/{file}"), text);
    }
    dir.write("bin/python3", PYTHON);
    std::fs::set_permissions(dir.path("bin/python3"), std::fs::Permissions::from_mode(0o755)).expect("set");
    dir
}

/// Runs `arguments`, in which `live.toml` is the manifest for this server.
fn portcullis(dir: &Dir, server: &Server, arguments: &[&str]) -> Ended {
    let manifest =
        std::fs::read_to_string(format!("{}/manifests/aetherra/live.toml", super::REPOSITORY)).expect("read");
    assert!(manifest.contains("127.0.0.1:3012"), "the address that is written in it");
    dir.write("live.toml", manifest.replace("127.0.0.1:3012", &server.authority()));
    let path = format!("{}:/usr/bin:/bin", dir.path("bin").display());
    let command = dir.portcullis(arguments).env("PATH", &path).env("AETHERRA_AGENTS_API_TOKEN", TOKEN);
    command.run()
}

fn run(dir: &Dir, server: &Server) -> Ended {
    portcullis(dir, server, &["run", "live.toml"])
}

#[test]
fn a_server_that_is_as_it_should_be_is_a_go() {
    let dir = scene();
    let server = Server::start(Behaviour::Good);
    came_to(&dir, &run(&dir, &server), "good", &[]);
    for (path, times) in [
        ("/api/kernel/services", 1),
        ("/api/ai/stream", 2),
        ("/api/memory/store", 1),
        ("/api/memory/retrieve", 1),
        ("/api/memory/status", 1),
        ("/api/agents", 2),
        ("/api/net/fetch", 1),
    ] {
        assert_eq!(server.asked(path), times, "{path}");
    }
    let resumed: Vec<_> =
        server.requests().iter().filter_map(|it| it.header("last-event-id").map(str::to_owned)).collect();
    assert_eq!(resumed, ["4"]);
    assert!(server.requests().iter().all(|request| !request.target.contains(TOKEN)));
    for artifact in ["decision.json", "gate_results.json", "gate_sign_off.md"] {
        assert!(!dir.text(format!("{}/{artifact}", crate::harness::OUT)).contains(TOKEN), "{artifact}");
    }
}

#[test]
fn each_misbehaviour_is_caught_by_the_gate_that_is_there_for_it() {
    let dir = scene();
    let table: &[(Behaviour, &Expected)] = &[
        (Behaviour::ServiceMissing, &[("launcher_smoke", "fail", "service_present:plugin_manager")]),
        (
            Behaviour::PolicyMissing,
            &[("chat_sse_resume", "fail", "status_then_policy"), ("policy_privacy", "fail", "policy_event")],
        ),
        (
            Behaviour::PolicyLate,
            &[("chat_sse_resume", "fail", "status_then_policy"), ("policy_privacy", "fail", "policy_event")],
        ),
        (Behaviour::StatusMissing, &[("chat_sse_resume", "fail", "status_then_policy")]),
        (Behaviour::UsageAfterFinal, &[("chat_sse_resume", "fail", "usage_before_final")]),
        (Behaviour::UsageMissing, &[("chat_sse_resume", "fail", "usage_before_final")]),
        (Behaviour::FinalMissing, &[("chat_sse_resume", "fail", "usage_before_final")]),
        (Behaviour::IdsRepeat, &[("chat_sse_resume", "fail", "first_ids_grow_by_one")]),
        (Behaviour::IdsSkip, &[("chat_sse_resume", "fail", "first_ids_grow_by_one")]),
        (Behaviour::IdsNoNumbers, &[("chat_sse_resume", "fail", "first_ids_grow_by_one")]),
        (Behaviour::ResumeFromStart, &[("chat_sse_resume", "fail", "resumed_at_next_id")]),
        (Behaviour::ResumeSkips, &[("chat_sse_resume", "fail", "resumed_at_next_id")]),
        (Behaviour::ResumeRepeats, &[("chat_sse_resume", "fail", "resumed_at_next_id")]),
        (Behaviour::HeaderMissing, &[("policy_privacy", "fail", "policy_header")]),
        (Behaviour::HeaderNotJson, &[("policy_privacy", "fail", "policy_header")]),
        (Behaviour::PrivacyKeysMissing, &[("policy_privacy", "fail", "privacy_keys")]),
        (Behaviour::MemoryOther, &[("memory_qfac", "fail", "retrieved_is_stored")]),
        (Behaviour::StatisticsMissing, &[("memory_qfac", "fail", "node_statistics_present")]),
        (Behaviour::QuantumAbsent, &[]),
        (Behaviour::AgentsOpen, &[("agents_api", "fail", "closed_without_token")]),
        (Behaviour::AgentsClosed, &[("agents_api", "fail", "open_with_token")]),
        (Behaviour::OrchestratorMissing, &[("agents_api", "fail", "orchestrator_summary")]),
        (Behaviour::OutboundAllowed, &[("security_strict", "fail", "outbound_denied")]),
        // There is no id to resume from, so the rest of the stream cannot be asked for.
        (Behaviour::EventsMalformed, &[("chat_sse_resume", "fault", ""), ("policy_privacy", "fail", "policy_event")]),
    ];
    for (behaviour, expected) in table {
        let server = Server::start(behaviour.clone());
        came_to(&dir, &run(&dir, &server), &format!("{behaviour:?}"), expected);
    }
}

#[test]
fn a_missing_quantum_backend_is_a_note() {
    let dir = scene();
    let server = Server::start(Behaviour::QuantumAbsent);
    run(&dir, &server).exits(0);
    let findings = gate(&dir.decision(), "memory_qfac")["findings"].clone();
    assert_eq!((&findings[0]["code"], &findings[0]["severity"]), (&json!("QUANTUM_BACKEND_ABSENT"), &json!("note")));
}

/// The gates that ask a server.
const ASKING: [&str; 6] =
    ["launcher_smoke", "chat_sse_resume", "security_strict", "memory_qfac", "agents_api", "policy_privacy"];

#[test]
fn a_server_that_gives_no_answer_blocks_every_gate_that_asks_it() {
    let dir = scene();
    for behaviour in [
        Behaviour::Refuse,
        Behaviour::StatusLineMalformed,
        Behaviour::CutInBody,
        Behaviour::HeaderFlood,
        Behaviour::Redirect("http://localhost:PORT/landed".to_owned()),
    ] {
        let server = Server::start(behaviour.clone());
        let expected = ASKING.map(|gate| (gate, "fault", ""));
        came_to(&dir, &run(&dir, &server), &format!("{behaviour:?}"), &expected);
        assert_eq!(server.asked("/landed"), 0);
    }
}

#[test]
fn a_server_that_answers_nonsense_passes_no_gate_that_asks_it() {
    let dir = scene();
    for behaviour in [Behaviour::Status(500), Behaviour::Status(204), Behaviour::NotUtf8] {
        let server = Server::start(behaviour.clone());
        let ended = run(&dir, &server);
        ended.exits(1);
        let decision = dir.decision();
        for name in ASKING {
            let outcome = gate(&decision, name)["outcome"].clone();
            assert!(outcome == "fail" || outcome == "fault", "{behaviour:?}: {name} comes to {outcome}\n{ended}");
        }
    }
}

#[test]
fn what_the_checkout_says_is_judged_too() {
    let dir = scene();
    let server = Server::start(Behaviour::Good);
    let fails: &[(&str, &str, &Expected)] = &[
        ("tests.exit", "1", &[("quality_gates", "fail", "tests_pass")]),
        ("spec.exit", "1", &[("quality_gates", "fail", "spec_gate_passes")]),
        ("spec.exit", "2", &[]),
        (
            "measured.json",
            r#"{"totals":{"percent_covered":83.99,"num_statements":10000}}"#,
            &[("quality_gates", "fail", "coverage_not_dropped")],
        ),
        ("measured.json", "{", &[("quality_gates", "fault", "")]),
        ("verify.exit", "1", &[]),
        (
            ".aetherra/hmr_audit.jsonl",
            "{\"event\":\"HMR_PREPARE\",\"target\":\"engine\"}\n",
            &[("hmr_quiesce", "fail", "reloads_ended")],
        ),
        (
            ".aetherra/hmr_audit.jsonl",
            "{\"event\":\"HMR_PREPARE\"}\n{\"event\":\"HMR_SWAP\",\"inflight\":3}\n",
            &[("hmr_quiesce", "fail", "nothing_in_flight")],
        ),
        (".aetherra/hmr_audit.jsonl", "", &[("hmr_quiesce", "review", "")]),
        (".aetherra/hmr_audit.jsonl", "{\"event\":\n", &[("hmr_quiesce", "fault", "")]),
    ];
    for (file, text, expected) in fails {
        let place = format!("checkout/{file}");
        let before = dir.read(&place);
        dir.write(&place, text);
        came_to(&dir, &run(&dir, &server), &format!("{file} says {text:?}"), expected);
        dir.write(&place, before);
    }
    // A verification that fails, and a report that says so.
    dir.write("checkout/verify.exit", "1");
    dir.write("checkout/verify.txt", "FAIL (unsigned) a.aether\nTotal risk score: 7\n");
    came_to(&dir, &run(&dir, &server), "unsigned", &[("security_strict", "fail", "scripts_verified")]);
    // The tools are not there.
    std::fs::remove_file(dir.path("bin/python3")).expect("removed");
    dir.write("bin/python3", "");
    let ended = run(&dir, &server);
    assert!(matches!(ended.status, Some(1 | 3)), "{ended}");
    assert_ne!(gate(&dir.decision(), "quality_gates")["outcome"], "pass");
}

#[test]
fn what_a_live_run_saw_is_judged_again_without_the_server() {
    let dir = scene();
    let server = Server::start(Behaviour::UsageMissing);
    let live: &Expected = &[("chat_sse_resume", "fail", "usage_before_final")];
    came_to(&dir, &run(&dir, &server), "live", live);
    portcullis(&dir, &server, &["collect", "live.toml", "--out", "seen"]).exits(0);
    let asked = server.requests().len();
    std::fs::remove_dir_all(dir.path("checkout")).expect("removed");
    let ended = portcullis(&dir, &server, &["run", "live.toml", "--evidence-dir", "seen"]);
    came_to(&dir, &ended, "recorded", live);
    assert_eq!(server.requests().len(), asked, "nobody was asked again");
}
