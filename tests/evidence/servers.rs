//! Servers that refuse, hang, flood, lie and break off: each ends soon, is told by its code, and is never a pass.

use serde_json::json;

use super::{check_fails, dir, seen};
use crate::server::{Behaviour, Server};

/// The body of a table, for the whole of a response within little time.
fn source(server: &Server, path: &str) -> String {
    format!("http = {{ url = '{}', timeout = '2s', max_body = '64KiB' }}\n", server.url(path))
}

/// No more than what fits into what lies between the two ends, beside what may be kept.
const LITTLE: u64 = 256 << 20;

#[test]
fn a_server_that_does_not_answer_as_it_should_keeps_its_gate_from_a_verdict() {
    let dir = dir();
    for (behaviour, outcome) in [
        (Behaviour::Refuse, "refused"),
        (Behaviour::HangBeforeHeaders, "timeout"),
        (Behaviour::HangInBody, "timeout"),
        (Behaviour::HangBetweenEvents, "timeout"),
        (Behaviour::Drip, "timeout"),
        (Behaviour::StatusLineMalformed, "malformed"),
        (Behaviour::HeaderFlood, "malformed"),
        (Behaviour::CutInBody, "malformed"),
        (Behaviour::CutInStream, "malformed"),
    ] {
        let server = Server::start(behaviour);
        check_fails(&dir, "", &source(&server, "/x"), outcome);
        assert!(server.sent() < LITTLE, "{} bytes", server.sent());
        // Asked once: what was sent may have done something already.
        assert!(server.requests().len() <= 1, "{:?}", server.requests());
    }
}

#[test]
fn a_body_without_an_end_is_cut_and_the_cut_is_said() {
    let dir = dir();
    for behaviour in [Behaviour::TenGibibytes, Behaviour::EndlessBody] {
        let server = Server::start(behaviour.clone());
        let document = seen(&dir, &format!("{{ {} }}", source(&server, "/x").trim()));
        assert_eq!((&document["body_cut"], &document["stopped"]), (&json!(true), &json!("cut")), "{behaviour:?}");
        assert_eq!(document["json"], json!(null), "{behaviour:?}");
        assert!(document["body"].as_str().is_some_and(|body| body.len() <= 64 << 10), "{behaviour:?}");
        assert!(server.sent() < LITTLE, "{} bytes", server.sent());
    }
}

#[test]
fn a_stream_without_an_end_is_cut_and_what_came_before_is_kept() {
    let dir = dir();
    let server = Server::start(Behaviour::Endless);
    let document = seen(&dir, &format!("{{ {} }}", source(&server, "/x").trim()));
    assert_eq!((&document["stopped"], &document["body"]), (&json!("cut"), &json!(null)), "{document}");
    let events = document["events"].as_array().expect("events");
    assert!(events.len() > 10 && events.iter().all(|event| event["json"]["text"] == "on and on"), "{document}");
    // One event that never ends is none.
    let server = Server::start(Behaviour::EndlessEvent);
    let document = seen(&dir, &format!("{{ {} }}", source(&server, "/x").trim()));
    assert_eq!((&document["stopped"], &document["events"]), (&json!("cut"), &json!([])));
    assert!(server.sent() < LITTLE, "{} bytes", server.sent());
}

#[test]
fn what_the_manifest_waits_for_ends_a_stream_that_does_not() {
    let dir = dir();
    let server = Server::start(Behaviour::Endless);
    for (stop, stopped) in [("stop_after = 3", "count"), ("stop_at = 'delta'", "event")] {
        let document = seen(&dir, &format!("{{ http = {{ url = '{}', {stop} }} }}", server.url("/x")));
        assert_eq!(document["stopped"], stopped, "{document}");
    }
    // It has come, and the rest is not waited for.
    let server = Server::start(Behaviour::HangBetweenEvents);
    let document = seen(&dir, &format!("{{ http = {{ url = '{}', stop_after = 1 }} }}", server.url("/x")));
    assert_eq!(document["events"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_no_event_and_what_is_not_utf8_is_judged_and_breaks_nothing() {
    let dir = dir();
    let server = Server::start(Behaviour::EventsMalformed);
    let document = seen(&dir, &format!("{{ http = {{ url = '{}' }} }}", server.url("/api/ai/stream")));
    assert_eq!((&document["events"], &document["stopped"]), (&json!([]), &json!("end")), "{document}");
    let server = Server::start(Behaviour::NotUtf8);
    let document = seen(&dir, &format!("{{ http = {{ url = '{}' }} }}", server.url("/x")));
    assert_eq!((&document["json"], &document["body_bytes"]), (&json!(null), &json!(14)), "{document}");
    assert!(document["body"].as_str().is_some_and(|body| body.contains('\u{fffd}')), "{document}");
}

#[test]
fn a_refusal_of_the_server_is_an_answer() {
    let dir = dir();
    for status in [201, 400, 401, 403, 404, 418, 500, 503, 599] {
        let server = Server::start(Behaviour::Status(status));
        let document = seen(&dir, &format!("{{ http = {{ url = '{}' }} }}", server.url("/x")));
        assert_eq!((&document["status"], &document["outcome"]), (&json!(status), &json!("completed")));
    }
}
