//! Secrets go to the server that they are meant for, and nowhere else.

use super::*;

const SECRET: &str = "s3cret-t0ken";

#[test]
fn what_a_server_gives_back_of_a_secret_is_seen_nowhere() {
    let head = format!("HTTP/1.1 200 {SECRET}\r\nX-Echo: Bearer {SECRET}\r\nX-{SECRET}: y\r\n");
    let json = format!("{{\"{SECRET}\":\"a {SECRET} b\"}}");
    let body = format!("{head}Content-Length: {}\r\n\r\n{json}", json.len());
    let events =
        format!("{head}Content-Type: text/event-stream\r\n\r\nid: {SECRET}\nevent: {SECRET}\ndata: \"{SECRET}\"\n\n");
    let elsewhere =
        format!("HTTP/1.1 302 {SECRET}\r\nLocation: http://{SECRET}.example/?{SECRET}\r\nContent-Length: 0\r\n\r\n");
    let cut = format!("{head}Content-Length: 100\r\n\r\nbegins {SECRET}");
    let garbage = format!("{SECRET}\r\n\r\n");
    let server = Server::says(&[&body, &events, &elsewhere, &cut, &garbage]);
    let asked = |path: &str| {
        let url = server.url(&format!("/{path}?t=${{env:TOKEN}}"));
        with(post(&url, "${env:TOKEN}"), &[("authorization", "Bearer ${env:TOKEN}"), ("x-key", "${env:TOKEN}")])
    };
    let mut documents = Vec::new();
    for (path, expect) in [
        ("body", "completed"),
        ("events", "completed"),
        ("elsewhere", "redirect_refused"),
        ("cut", "malformed"),
        ("garbage", "malformed"),
    ] {
        let (seen, document) = one(asked(path));
        assert_eq!(seen.outcome, expect);
        let said = format!("{} {:?}", seen.document, seen.failure);
        assert!(!said.to_ascii_lowercase().contains(SECRET), "{said}");
        assert_eq!(document["request"]["url"], server.url(&format!("/{path}?t=${{env:TOKEN}}")));
        assert_eq!(document["request"]["headers"]["x-key"], "${env:TOKEN}");
        documents.push(document);
    }
    assert_eq!(documents[0]["json"]["[env TOKEN]"], "a [env TOKEN] b");
    assert_eq!(documents[0]["headers"]["x-echo"], "Bearer [env TOKEN]");
    assert_eq!(documents[1]["events"][0]["json"], "[env TOKEN]");
    assert_eq!(documents[1]["events"][0]["id"], "[env TOKEN]");
    assert_eq!(documents[2]["redirects"][0]["location"], "http://[env TOKEN].example/?[env TOKEN]");
    assert_eq!(
        server.asked().iter().filter(|request| request.matches(SECRET).count() == 4).count(),
        5,
        "all were sent"
    );
}

#[test]
fn a_secret_that_is_cut_through_is_hidden_as_well() {
    let body = format!("begins {SECRET}é");
    let server = Server::says(&[&ok("text/plain", &body), &ok("text/plain", &body)]);
    for (most, expect) in [(11, "begins [env TOKEN]"), (20, "begins [env TOKEN]")] {
        let asked = with(get(&server.url("/")), &[("x-key", "${env:TOKEN}")]);
        let document = completed(Exchange { max_body: most, ..asked });
        assert_eq!((&document["body"], &document["body_bytes"]), (&expect.into(), &most.into()));
    }
}

#[test]
fn a_variable_adds_no_line_to_a_request_and_leads_nowhere_else() {
    let server = Server::says(&[]);
    for value in ["${env:LINES}", "${env:NUL}"] {
        let document =
            fails(with(get(&server.url("/")), &[("x-key", value)]), "evidence-http-failed", "the header `x-key`");
        assert_eq!(document["outcome"], "failed");
    }
    fails(get(&server.url("/${env:LINES}")), "evidence-http-failed", "it cannot be asked");
    fails(get("http://127.0.0.1${env:ELSEWHERE}"), "evidence-http-failed", "it cannot be asked");
    assert!(server.asked().is_empty());
}
