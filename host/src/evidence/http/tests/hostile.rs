//! What a server that means ill answers, or does not.

use super::*;

/// A server that reads once, at most so many bytes, says `answer` and leaves.
fn unread(most: usize, answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let _ = stream.read(&mut vec![0; most]);
        let _ = stream.write_all(answer);
        thread::sleep(Duration::from_millis(50));
    });
    address
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::new(vec![says_and_waits(""), says_and_waits("HTTP/1.1 200 OK\r\nContent-Le")]);
    for _ in 0..2 {
        let asked = Exchange { timeout: Duration::from_millis(200), ..get(&server.url("/")) };
        let document = fails(asked, "evidence-timeout", "it did not end within 0.2 s");
        assert_eq!((&document["status"], &document["headers"]), (&Value::Null, &Value::Null));
        assert_eq!((&document["body"], &document["body_cut"]), (&Value::Null, &false.into()));
    }
}

#[test]
fn a_server_that_always_has_one_more_byte_is_given_up_too() {
    let pause = Duration::from_millis(5);
    let slow = |first: &str, again: &[u8]| Server::new(vec![says_for_ever(first, again, pause)]);
    let short = |url: &str| Exchange { timeout: Duration::from_secs(2), ..get(url) };

    let head = slow("HTTP/1.1 200 OK\r\nX-Long: ", b"x");
    assert_eq!(fails(short(&head.url("/")), "evidence-timeout", "")["status"], Value::Null);

    let body = slow("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", b" ");
    let document = fails(short(&body.url("/")), "evidence-timeout", "");
    assert!(document["body"].as_str().expect("what came").starts_with("{}"));
    assert_eq!((&document["body_cut"], &document["json"]), (&true.into(), &Value::Null));

    let events = slow(&format!("{}id: 1\ndata: a\n\n", stream_head()), b":\n");
    let document = fails(short(&events.url("/")), "evidence-timeout", "");
    assert_eq!((&document["status"], &document["stopped"]), (&200.into(), &Value::Null));
    assert_eq!(document["events"].as_array().map(Vec::len), Some(1));
}

#[test]
fn redirects_share_the_time_of_the_exchange() {
    let turn = |stream: &mut TcpStream| {
        thread::sleep(Duration::from_millis(60));
        let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
    };
    let server = Server::new((0..100).map(|_| Box::new(turn) as Answer).collect());
    let asked = Exchange { timeout: Duration::from_secs(2), redirects: 100, ..get(&server.url("/")) };
    let document = fails(asked, "evidence-timeout", "");
    assert!(!document["redirects"].as_array().expect("redirects").is_empty());
}

#[test]
fn no_more_is_read_than_is_allowed_whatever_is_claimed() {
    let flood = [b'x'; 4096];
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
    ] {
        let server = Server::new(vec![says_for_ever(head, &flood, Duration::ZERO)]);
        let document = completed(Exchange { max_body: 100_000, ..get(&server.url("/")) });
        assert_eq!((&document["stopped"], &document["body_cut"]), (&"cut".into(), &true.into()), "{head}");
        assert_eq!(document["body_bytes"], 100_000, "{head}");
        assert_eq!(document["body"].as_str().map(str::len), Some(100_000), "{head}");
    }
    let server = Server::says(&[&ok("text/plain", "12345"), &ok("text/plain", "12345"), &ok("text/plain", "")]);
    for (most, expect) in [(5, "end"), (4, "cut"), (0, "end")] {
        assert_eq!(completed(Exchange { max_body: most, ..get(&server.url("/")) })["stopped"], expect, "{most}");
    }
}

#[test]
fn a_stream_without_end_is_cut_wherever_it_puts_its_bytes() {
    let long = "i".repeat(1000);
    for (first, again, events) in [
        ("", ": nothing but comments\n", 0..1),
        ("", "data: one line without an end", 0..1),
        ("", "data: an event\n\n", 1000..10_000),
        // Ten bytes each on the wire, and a thousand in a document.
        (&*format!("id: {long}\n"), "data: x\n\n", 50..200),
    ] {
        let first = format!("{}{first}", stream_head());
        let server = Server::new(vec![says_for_ever(&first, again.repeat(100).as_bytes(), Duration::ZERO)]);
        let document = completed(Exchange { max_body: 100_000, ..get(&server.url("/")) });
        assert_eq!((&document["stopped"], &document["body_cut"]), (&"cut".into(), &true.into()), "{again}");
        let kept = document["events"].as_array().map(Vec::len).expect("events");
        assert!(events.contains(&kept), "{again}: {kept}");
    }
}

#[test]
fn what_is_no_http_is_malformed() {
    let many = (0..200).fold(String::from("HTTP/1.1 200 OK\r\n"), |head, n| format!("{head}x-{n}: y\r\n")) + "\r\n";
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    for answer in [
        "",
        "\r\n\r\n",
        "garbage\r\n\r\n",
        "\u{0}\u{1}\u{2}\u{3}",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 99 Low\r\n\r\n",
        "HTTP/1.1 20x OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX\u{1}: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
        // Longer claimed than sent.
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n1",
        "HTTP/1.1 200 OK\r\nContent-Type: text/eve",
        &many,
        &large,
    ] {
        let server = Server::says(&[answer]);
        let (seen, document) = one(get(&server.url("/")));
        let failure = seen.failure.unwrap_or_else(|| panic!("{answer:.80}: {document}"));
        assert_eq!(failure.code, "evidence-malformed", "{answer:.80}: {}", failure.message);
    }
}

#[test]
fn a_body_that_is_cut_off_by_a_reset_is_not_taken_for_its_end() {
    // Closing with something unread resets the connection.
    let url = format!("http://{}/", unread(4, b"HTTP/1.1 200 OK\r\n\r\nall is w"));
    fails(get(&url), "evidence-malformed", "the connection was closed before its response was complete");
}

#[test]
fn where_nobody_listens_and_where_nobody_may_go() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    for url in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        let document = fails(get(&url), "evidence-refused", &format!("`{url}`: the connection was refused"));
        assert_eq!(document["outcome"], "refused");
    }

    let elsewhere = "http://198.51.100.1:81/x";
    let document =
        fails(get(elsewhere), "evidence-host-refused", "`198.51.100.1:81` is not among the hosts that may be");
    assert_eq!((&document["outcome"], &document["request"]["url"]), (&"host_refused".into(), &elsewhere.into()));
    let port = HttpSource { exchanges: vec![get(&url)], sequence: false };
    let (seen, _) = collect(&port, &Hosts::Listed(Vec::new()), None, goes_on());
    assert_eq!(seen.failure.map(|failure| failure.code), Some("evidence-host-refused"));
    fails(get("http://user@127.0.0.1/"), "evidence-http-failed", "it cannot be asked");
}

#[test]
fn tls_that_fails_is_said_to() {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let address = unread(4096, answer.as_bytes());
        let url = format!("https://{address}/");
        assert_eq!(fails(get(&url), "evidence-http-failed", "TLS failed")["outcome"], "failed");
    }
}

#[test]
fn a_run_that_is_cancelled_waits_for_nobody() {
    let server = Server::new(vec![says_and_waits(stream_head())]);
    let cancelled: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let source = HttpSource { exchanges: vec![get(&server.url("/")), get(&server.url("/"))], sequence: true };
    let waiting = thread::spawn(move || collect(&source, &Hosts::Loopback, None, cancelled));
    server.asked.recv().expect("it is under way");
    cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    let (seen, document) = waiting.join().expect("an end");
    assert_eq!(seen.failure.map(|failure| failure.code), Some("evidence-interrupted"));
    assert_eq!(document["exchanges"].as_array().map(Vec::len), Some(1));
}
