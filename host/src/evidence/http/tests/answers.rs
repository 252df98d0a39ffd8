//! What a server that means well answers.

use super::*;

#[test]
fn a_response_is_told_with_its_headers_and_its_json() {
    let head =
        "HTTP/1.1 404 Gone\r\nX-Policy: {\"a\":1}\r\nVary: a\r\nvary: b\r\nSet-Cookie: id=1\r\nContent-Length: 12";
    let server = Server::says(&[&format!("{head}\r\n\r\n{{\"a\":\n[1.0]}}")]);
    let asked = with(get(&server.url("/x?q=1")), &[("accept", "application/json"), ("authorization", "Bearer plain")]);
    let document = completed(asked);
    assert_eq!(document["status"], 404);
    assert_eq!(document["headers"]["x-policy"], "{\"a\":1}");
    assert_eq!(document["headers"]["vary"], "a, b");
    assert_eq!(document["headers"]["set-cookie"], "[hidden]");
    assert_eq!(document["body"], "{\"a\":\n[1.0]}");
    assert_eq!(document["json"].to_string(), "{\"a\":[1.0]}");
    assert_eq!((&document["body_bytes"], &document["body_cut"]), (&12.into(), &false.into()));
    assert_eq!((&document["events"], &document["stopped"]), (&Value::Null, &"end".into()));
    assert_eq!(document["request"]["url"], server.url("/x?q=1"));
    assert_eq!(document["request"]["headers"]["authorization"], "[hidden]");
    let request = server.asked().join("");
    assert!(request.starts_with("get /x?q=1 http/1.1\r\n"), "{request}");
    assert!(
        request.contains("authorization: bearer plain\r\n") && request.contains("user-agent: portcullis/"),
        "{request}"
    );
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[test]
fn what_is_sent_is_what_is_written() {
    let server = Server::says(&[&ok("text/plain", "")]);
    let asked = with(post(&server.url("/"), "{\"t\":\"${env:TOKEN}\"}"), &[("content-type", "application/json")]);
    let document = completed(asked);
    assert_eq!(document["request"]["body"], "{\"t\":\"${env:TOKEN}\"}");
    assert_eq!((&document["body"], &document["json"]), (&"".into(), &Value::Null));
    let request = server.asked().join("");
    assert!(
        request.contains("content-length: 20\r\n") && request.ends_with("\r\n\r\n{\"t\":\"s3cret-t0ken\"}"),
        "{request}"
    );

    let server = Server::says(&["HTTP/1.1 204 No Content\r\n\r\n", &ok("text/plain", "x")]);
    let empty = Exchange { body: None, ..post(&server.url("/"), "") };
    assert_eq!(completed(empty)["status"], 204);
    assert!(server.asked().join("").contains("content-length: 0\r\n"));
    let head = Exchange { method: "HEAD".to_owned(), ..get(&server.url("/")) };
    assert_eq!(completed(head)["body"], "");
}

#[test]
fn bodies_may_come_in_chunks_or_end_with_the_connection() {
    let server = Server::says(&[
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n5;x=y\r\na\":1}\r\n0\r\nTrailer: t\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokand more",
    ]);
    assert_eq!(completed(get(&server.url("/")))["json"]["a"], 1);
    assert_eq!(completed(get(&server.url("/")))["body"], "until the end");
    assert_eq!(completed(get(&server.url("/")))["body"], "ok");
}

#[test]
fn text_that_is_not_utf_8_is_shown_as_far_as_it_is() {
    let server = Server::new(vec![says(b"HTTP/1.1 200 OK\r\nX-Odd: \xe4\r\nContent-Length: 5\r\n\r\na\xff\xfeb\xc3")]);
    let document = completed(get(&server.url("/")));
    assert_eq!(document["body"], "a\u{fffd}\u{fffd}b\u{fffd}");
    assert_eq!(document["headers"]["x-odd"], "\u{fffd}");
    assert_eq!(document["body_bytes"], 5);
}

const TALK: &str =
    "id: 1\nevent: status\ndata: {\"ok\":true}\n\nevent: policy\ndata: plain\n\nid: 3\nevent: final\ndata: 1\n\n";

#[test]
fn a_stream_is_left_at_the_event_that_is_waited_for() {
    let talk = format!("{}{TALK}id: 4\ndata: too late\n\n", stream_head());
    let server = Server::new((0..4).map(|_| says_and_waits(&talk)).collect());
    let url = server.url("/");
    let at = Exchange { stop_at: Some("final".to_owned()), ..get(&url) };
    let document = completed(Exchange { stop_after: Some(4), ..at.clone() });
    assert_eq!(document["stopped"], "event");
    assert_eq!((&document["body"], &document["body_bytes"]), (&Value::Null, &TALK.len().into()));
    let events = document["events"].as_array().expect("events");
    let shown: Vec<_> =
        events.iter().map(|event| format!("{} {} {}", event["id"], event["event"], event["json"])).collect();
    assert_eq!(shown, ["\"1\" \"status\" {\"ok\":true}", "\"1\" \"policy\" null", "\"3\" \"final\" 1"]);

    let document = completed(Exchange { stop_after: Some(2), ..at });
    assert_eq!((&document["stopped"], document["events"].as_array().map(Vec::len)), (&"count".into(), Some(2)));
}

#[test]
fn a_stream_that_ends_keeps_its_whole_events() {
    let server = Server::says(&[&format!("{}{TALK}data: lost", stream_head())]);
    let document = completed(Exchange { stop_at: Some("never".to_owned()), ..get(&server.url("/")) });
    assert_eq!((&document["stopped"], document["events"].as_array().map(Vec::len)), (&"end".into(), Some(3)));
}

#[test]
fn an_exchange_goes_on_after_the_last_event_before_it() {
    let server = Server::says(&[
        &format!("{}{TALK}", stream_head()),
        &ok("text/plain", "no events"),
        &format!("{}id: 4\ndata: x\n\n", stream_head()),
    ]);
    let url = server.url("/");
    let exchanges = vec![get(&url), get(&url), resuming(get(&url), Resume::Previous)];
    let (seen, document) = collect(&HttpSource { exchanges, sequence: true }, &Hosts::Loopback, None, goes_on());
    assert_eq!(seen.failure, None);
    let exchanges = document["exchanges"].as_array().expect("exchanges");
    let ids: Vec<_> = exchanges.iter().map(|exchange| exchange["request"]["last_event_id"].clone()).collect();
    assert_eq!(ids, [Value::Null, Value::Null, "3".into()]);
    let sent: Vec<_> = server.asked().iter().map(|request| request.contains("last-event-id: 3\r\n")).collect();
    assert_eq!(sent, [false, false, true]);
    let kept = serde_json::value::RawValue::from_string(seen.document).expect("JSON");
    assert_eq!(super::super::last_event_id(&kept).as_deref(), Some("4"));
}

#[test]
fn what_resumes_other_evidence_sends_its_id_or_nothing_at_all() {
    let server = Server::says(&[&ok("text/plain", "")]);
    let source = |exchange| HttpSource { exchanges: vec![resuming(exchange, Resume::Evidence(0))], sequence: false };
    for (id, code) in [(None, "evidence-no-event-id"), (Some("4\r\nx: y"), "evidence-http-failed")] {
        let (seen, _) = collect(&source(get(&server.url("/"))), &Hosts::Loopback, id, goes_on());
        assert_eq!(seen.failure.map(|failure| failure.code), Some(code));
    }
    let (seen, document) = collect(&source(get(&server.url("/"))), &Hosts::Loopback, Some("né 4"), goes_on());
    assert_eq!(seen.failure, None);
    assert_eq!(document["request"]["last_event_id"], "né 4");
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "what was refused was never sent");
    assert!(asked.join("").contains("last-event-id: né 4\r\n"), "{asked:?}");
}

#[test]
fn a_sequence_ends_with_the_first_exchange_that_fails() {
    let server = Server::says(&[&ok("text/plain", "one"), "garbage\r\n\r\n", &ok("text/plain", "three")]);
    let exchanges = vec![get(&server.url("/1")), get(&server.url("/2")), get(&server.url("/3"))];
    let (seen, document) = collect(&HttpSource { exchanges, sequence: true }, &Hosts::Loopback, None, goes_on());
    let failure = seen.failure.expect("a failure");
    assert_eq!(failure.code, "evidence-malformed");
    assert!(failure.message.starts_with("exchange 2, `http://127.0.0.1:"), "{}", failure.message);
    let outcomes: Vec<_> =
        document["exchanges"].as_array().expect("exchanges").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["completed", "malformed"]);
    assert_eq!(document["exchanges"][0]["body"], "one");
    assert_eq!(server.asked().len(), 2);
}
