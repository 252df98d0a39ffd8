//! Redirects: followed by hand, and never further than the list goes.

use super::*;

fn to(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\ngone")
}

#[test]
fn a_redirect_is_followed_and_told() {
    let server = Server::says(&[&to(301, "b?c=1"), &to(308, "/d#part"), &ok("text/plain", "here")]);
    let document =
        completed(with(get(&server.url("/a/x")), &[("x-own", "kept"), ("authorization", "Bearer ${env:TOKEN}")]));
    assert_eq!((&document["status"], &document["body"]), (&200.into(), &"here".into()));
    let locations =
        serde_json::json!([{ "status": 301, "location": "b?c=1" }, { "status": 308, "location": "/d#part" }]);
    assert_eq!(document["redirects"], locations);
    let asked = server.asked();
    for (request, line) in asked.iter().zip(["get /a/x ", "get /a/b?c=1 ", "get /d "]) {
        assert!(request.starts_with(line), "{request}");
        assert!(request.contains("x-own: kept") && request.contains("bearer s3cret-t0ken"), "same origin: {request}");
    }
    assert_eq!(asked.len(), 3);
}

#[test]
fn another_origin_is_sent_no_credentials() {
    let end = Server::says(&[&ok("text/plain", "here")]);
    let server = Server::says(&[&to(307, &end.url("/"))]);
    let headers = [
        ("authorization", "Bearer plain"),
        ("proxy-authorization", "Basic plain"),
        ("cookie", "id=plain"),
        ("x-key", "${env:TOKEN}"),
        ("x-own", "kept"),
    ];
    completed(with(post(&server.url("/"), "plain body"), &headers));
    let first = server.asked().join("");
    assert!(headers.iter().all(|(name, _)| first.contains(&format!("\n{name}: "))), "{first}");
    let last = end.asked().join("");
    assert!(last.starts_with("post / ") && last.ends_with("\r\n\r\nplain body"), "{last}");
    let kept: Vec<_> = headers.iter().filter(|(name, _)| last.contains(&format!("\n{name}: "))).collect();
    assert_eq!(kept, [&("x-own", "kept")], "{last}");
    assert!(last.contains(&format!("host: {}\r\n", end.address)), "{last}");

    let server = Server::says(&[&to(307, &end.url("/"))]);
    let secret = post(&server.url("/"), "${env:TOKEN}");
    fails(secret, "evidence-redirect-refused", "it would take a body with a variable of the environment");
}

#[test]
fn the_method_is_kept_or_becomes_get_as_the_status_says() {
    for (status, method, expect) in [
        (301, "POST", "get"),
        (302, "POST", "get"),
        (303, "POST", "get"),
        (303, "PUT", "get"),
        (303, "HEAD", "head"),
        (302, "PUT", "put"),
        (302, "DELETE", "delete"),
        (307, "POST", "post"),
        (308, "PATCH", "patch"),
    ] {
        let server =
            Server::says(&[&to(status, "/b").replace("gone", "").replace(": 4", ": 0"), &ok("text/plain", "")]);
        let asked = with(post(&server.url("/a"), "body"), &[("content-type", "text/x")]);
        completed(Exchange { method: method.to_owned(), ..asked });
        let asked = server.asked();
        let last = asked.last().expect("a second request");
        assert!(last.starts_with(&format!("{expect} /b ")), "{status} {method}: {last}");
        let has_body = last.ends_with("\r\n\r\nbody") && last.contains("content-type: text/x");
        assert_eq!(has_body, expect != "get", "{status} {method}: {last}");
    }
}

#[test]
fn a_redirect_off_the_list_ends_the_exchange_before_a_connection_is_made() {
    let bystander = TcpListener::bind("127.0.0.1:0").expect("a port");
    bystander.set_nonblocking(true).expect("set");
    let port = bystander.local_addr().expect("an address").port();
    for location in [
        "http://198.51.100.1/",
        "//198.51.100.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://example.com/",
        "ftp://127.0.0.1/",
        "javascript:alert(1)",
        &format!("http://x@127.0.0.1:{port}/"),
        &format!("http://localhost.:{port}/"),
        &format!("http:\\\\127.0.0.1:{port}/"),
    ] {
        let server = Server::says(&[&to(302, location)]);
        let document = fails(get(&server.url("/")), "evidence-redirect-refused", "which is not followed");
        assert_eq!(document["outcome"], "redirect_refused");
        assert_eq!((&document["redirects"][0]["location"], &document["status"]), (&location.into(), &Value::Null));
    }
    let server = Server::says(&[&to(302, &format!("http://127.0.0.1:{port}/"))]);
    let rule = crate::manifest::HostRule::parse(&server.address.to_string()).expect("an entry");
    let source = HttpSource { exchanges: vec![get(&server.url("/"))], sequence: false };
    let (seen, _) = collect(&source, &Hosts::Listed(vec![rule]), None, goes_on());
    assert_eq!(seen.failure.map(|failure| failure.code), Some("evidence-redirect-refused"), "another port");
    assert!(bystander.accept().is_err(), "nobody came");
}

#[test]
fn redirects_are_counted_and_may_be_left_to_the_gate() {
    let server = Server::says(&[&to(302, "/"), &to(302, "/"), &to(302, "/"), &to(302, "/"), &to(302, "/")]);
    let asked = |redirects| Exchange { redirects, ..get(&server.url("/")) };
    let document = fails(asked(2), "evidence-http-failed", "it redirects more than 2 times");
    assert_eq!(document["redirects"].as_array().map(Vec::len), Some(3));
    let document = completed(asked(0));
    assert_eq!((&document["status"], &document["body"]), (&302.into(), &"gone".into()));
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn a_redirect_that_leads_nowhere_clear_is_not_guessed_at() {
    for (answer, outcome) in [
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "completed"),
        ("HTTP/1.1 304 Not Modified\r\nLocation: /x\r\n\r\n", "completed"),
        ("HTTP/1.1 300 Choices\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "completed"),
        ("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", "malformed"),
        ("HTTP/1.1 302 Found\r\nLocation: /\u{e4}\r\nContent-Length: 0\r\n\r\n", "malformed"),
        ("HTTP/1.1 302 Found\r\nLocation: /a\r\n", "malformed"),
    ] {
        let server = Server::says(&[answer]);
        assert_eq!(one(get(&server.url("/"))).0.outcome, outcome, "{answer}");
        assert_eq!(server.asked().len(), 1);
    }
}
