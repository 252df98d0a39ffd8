//! Exchanges with a server that is as it should be: what is sent, what a gate sees of the answer, and how a stream goes on.

use serde_json::{Value, json};

use super::{dir, handed, input, manifest, seen};
use crate::server::{Behaviour, Server, TOKEN};

#[test]
fn a_gate_sees_the_request_and_the_response() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let url = server.url("/api/kernel/services?all=1");
    let document =
        seen(&dir, &format!("{{ http = {{ url = '{url}', headers = {{ Accept = 'application/json' }} }} }}"));
    for (pointer, expect) in [
        ("/outcome", json!("completed")),
        ("/status", json!(200)),
        ("/request/method", json!("GET")),
        ("/request/url", json!(url)),
        ("/request/headers/accept", json!("application/json")),
        ("/request/body", json!(null)),
        ("/request/last_event_id", json!(null)),
        ("/headers/content-type", json!("application/json")),
        ("/body_cut", json!(false)),
        ("/events", json!(null)),
        ("/stopped", json!("end")),
        ("/redirects", json!([])),
        ("/json/services/0", json!("memory_system")),
    ] {
        assert_eq!(document.pointer(pointer), Some(&expect), "{pointer} of {document}");
    }
    let body = document["body"].as_str().expect("a body");
    assert_eq!(document["body_bytes"], body.len());
    let asked = server.request("/api/kernel/services");
    assert_eq!(
        (asked.target.as_str(), asked.header("accept")),
        ("/api/kernel/services?all=1", Some("application/json"))
    );
    assert_eq!(asked.header("host"), Some(server.authority().as_str()));
}

#[test]
fn a_request_is_sent_as_it_is_written() {
    let dir = dir();
    let server = Server::start(Behaviour::Echo);
    for (more, method, body, content_type) in [
        ("", "GET", "", None),
        ("method = 'DELETE'", "DELETE", "", None),
        ("method = 'POST', json = { a = [1, 'ü'] }", "POST", r#"{"a":[1,"ü"]}"#, Some("application/json")),
        ("method = 'PUT', body = 'plain'", "PUT", "plain", None),
        ("method = 'POST', body = '<a/>', headers = { content-type = 'text/xml' }", "POST", "<a/>", Some("text/xml")),
    ] {
        let comma = if more.is_empty() { "" } else { ", " };
        let document = seen(&dir, &format!("{{ http = {{ url = '{}'{comma}{more} }} }}", server.url("/x")));
        let sent = server.requests().pop().expect("a request");
        assert_eq!((sent.method.as_str(), String::from_utf8_lossy(&sent.body).as_ref()), (method, body), "{more}");
        assert_eq!(document["request"]["method"], method);
        assert_eq!(document["request"]["body"], if body.is_empty() { Value::Null } else { json!(body) }, "{more}");
        if let Some(content_type) = content_type {
            assert_eq!(sent.header("content-type"), Some(content_type), "{more}");
        }
    }
}

#[test]
fn events_come_as_they_were_sent() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let document = seen(&dir, &format!("{{ http = {{ url = '{}' }} }}", server.url("/api/ai/stream?message=ping")));
    let events = document["events"].as_array().expect("events");
    let one =
        |event: &Value| format!("{} {}", event["id"].as_str().expect("text"), event["event"].as_str().expect("text"));
    let names: Vec<String> = events.iter().map(one).collect();
    let expect = ["1 status", "2 policy", "3 delta", "4 delta", "5 delta", "6 delta", "7 usage", "8 final"];
    assert_eq!(names, expect);
    assert_eq!((&events[6]["data"], &events[6]["json"]), (&json!(r#"{"tokens":12}"#), &json!({ "tokens": 12 })));
    assert_eq!((&document["body"], &document["stopped"]), (&json!(null), &json!("end")));
    assert!(document["headers"]["x-aetherra-policy"].as_str().is_some_and(|policy| policy.contains("dp_enabled")));
}

/// The ids of an exchange's events.
fn ids(exchange: &Value) -> Vec<&str> {
    exchange["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_str()).collect()
}

#[test]
fn a_stream_goes_on_behind_the_event_that_was_kept_last() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let url = server.url("/api/ai/stream");
    // Written before what it resumes: the order of collecting follows from what is needed.
    manifest(
        &dir,
        "",
        &format!(
            "b = {{ http = {{ url = '{url}', resume = 'a' }} }}\na = {{ http = {{ url = '{url}', stop_after = 3 }} }}"
        ),
    );
    dir.run().exits(0);
    let (first, second) = (handed(&dir)["a"].clone(), handed(&dir)["b"].clone());
    assert_eq!((ids(&first), ids(&second)), (vec!["1", "2", "3"], vec!["4", "5", "6", "7", "8"]));
    assert_eq!((&first["stopped"], &second["request"]["last_event_id"]), (&json!("count"), &json!("3")));
    let sent: Vec<_> = server.requests().iter().map(|it| it.header("last-event-id").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some("3".to_owned())]);
}

#[test]
fn exchanges_of_a_sequence_happen_one_after_another() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let url = server.url("/api/ai/stream");
    let source =
        format!("{{ http = [ {{ url = '{url}', stop_at = 'policy' }}, {{ url = '{url}', resume = true }} ] }}");
    let document = seen(&dir, &source);
    assert_eq!(document["outcome"], "completed");
    let exchanges = document["exchanges"].as_array().expect("exchanges");
    assert_eq!(exchanges.len(), 2);
    assert_eq!((ids(&exchanges[0]), ids(&exchanges[1]).first()), (vec!["1", "2"], Some(&"3")));
    assert_eq!(exchanges[0]["stopped"], "event");
    assert_eq!(server.request("/api/ai/stream").header("last-event-id"), None);
    assert_eq!(server.requests()[1].header("last-event-id"), Some("2"));
    // What one stores the next one finds.
    let [store, retrieve] = ["/api/memory/store", "/api/memory/retrieve"].map(|path| server.url(path));
    let source = format!(
        "{{ http = [ {{ url = '{store}', method = 'POST', json = {{ a = 1 }} }}, {{ url = '{retrieve}' }} ] }}"
    );
    assert_eq!(seen(&dir, &source)["exchanges"][1]["json"], json!({ "a": 1 }));
}

#[test]
fn a_token_opens_and_is_not_seen() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let url = server.url("/api/agents");
    let source = format!(
        "{{ http = [ {{ url = '{url}' }}, {{ url = '{url}', headers = {{ authorization = 'Bearer ${{env:TOKEN}}' }} }} ] }}"
    );
    let document = super::seen_with(&dir, "", &source, |command| command.env("TOKEN", TOKEN));
    let status = |at: usize| document["exchanges"][at]["status"].clone();
    assert_eq!((status(0), status(1)), (json!(401), json!(200)));
    assert!(!document.to_string().contains(TOKEN), "{document}");
}

#[test]
fn a_source_is_asked_once_whatever_gates_ask_for_it_and_not_at_all_if_none_does() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let gate = |name: &str, input: &str| format!("[gate.{name}]\nmodule = 'echo.wasm'\ninput = {input}\n");
    let sources = format!(
        "[evidence]\nused = {{ http = {{ url = '{}' }} }}\nunused = {{ http = {{ url = '{}' }} }}\n\
         counts = {{ command = ['/bin/sh', '-c', 'echo once >>count'] }}\n",
        server.url("/api/kernel/services"),
        server.url("/api/memory/status")
    );
    let gates = [
        gate("a", "'used'"),
        gate("b", "{ x = 'used', y = 'counts' }"),
        gate("c", "{ x = 'used', z = 'used', y = 'counts' }"),
    ];
    dir.manifest(&format!("{sources}{}", gates.concat()));
    dir.run().exits(0);
    assert_eq!((server.asked("/api/kernel/services"), server.asked("/api/memory/status")), (1, 0));
    assert_eq!(dir.text("count"), "once\n");
    let decision = dir.decision();
    assert!(decision["inputs"].as_array().expect("inputs").iter().all(|input| input["name"] != "unused"), "{decision}");
    assert_eq!(decision["gates"][0]["details"]["input"], decision["gates"][1]["details"]["input"]["x"]);
    // A selection asks for no more than it needs.
    dir.portcullis(&["run", "--gates", "a"]).run().exits(0);
    assert_eq!((server.asked("/api/kernel/services"), dir.text("count").as_str()), (2, "once\n"));
}

#[test]
fn what_was_collected_stands_in_the_record() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let url = server.url("/api/kernel/services");
    seen(&dir, &format!("{{ http = {{ url = '{url}' }} }}"));
    let found = input(&dir.decision(), "e");
    assert_eq!((&found["uri"], &found["outcome"]), (&json!(url), &json!("completed")));
    assert!(found["sizeBytes"].as_u64() > Some(100), "{found}");
    assert_eq!(found["digest"]["sha256"].as_str().map(str::len), Some(64), "{found}");
}
