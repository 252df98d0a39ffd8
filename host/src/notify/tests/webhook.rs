//! Events to a server, which answers as a test says.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
};

use super::*;
use crate::{
    manifest::HostRule,
    manifest::{Form, WebhookSink},
    notify::sign::Key,
};

/// What the server says to one request before it closes; nothing where it only waits for the client to leave.
type Answer = Option<&'static str>;

const OK: Answer = Some("HTTP/1.1 204 No Content\r\n\r\n");
const BUSY: Answer = Some("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");

/// A request as it came in.
struct Asked {
    /// The request line and the headers, in lower case.
    head: String,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        let line = |line: &'_ str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
        let found = self.head.lines().find(|found| line(found)).unwrap_or_default();
        found.split_once(": ").map_or("", |(_, value)| value)
    }
}

/// Gives one answer a connection, the last one again and again.
struct Server {
    address: SocketAddr,
    asked: Receiver<Asked>,
}

impl Server {
    fn says(answers: &'static [Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, asked) = mpsc::channel();
        thread::spawn(move || {
            let last = answers.last().copied().flatten();
            for answer in answers.iter().copied().chain(std::iter::repeat(last)) {
                let Ok((mut stream, _)) = listener.accept() else { return };
                if tell.send(read(&mut stream)).is_err() {
                    return;
                }
                match answer {
                    Some(answer) => drop(stream.write_all(answer.as_bytes())),
                    None => drop(stream.read(&mut [0])),
                }
            }
        });
        Self { address, asked }
    }

    fn webhook(&self) -> WebhookSink {
        WebhookSink {
            url: template(&format!("http://{}/hook/${{env:TOKEN}}", self.address)),
            headers: Vec::new(),
            secret: Some(template("${env:TOKEN}")),
            form: Form::Portcullis,
        }
    }

    fn open(&self) -> Notifier {
        open(Sink::Webhook(self.webhook()))
    }

    fn next(&self) -> Asked {
        self.asked.recv_timeout(LONG).expect("a request")
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let asked = Asked { head: head.to_ascii_lowercase(), body: body.to_owned() };
            if asked.header("content-length").parse() == Ok(body.len()) {
                return asked;
            }
        }
        match stream.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return Asked { head: String::new(), body: String::new() },
        }
    }
}

#[test]
fn a_request_is_a_signed_post_of_the_event() {
    let server = Server::says(&[OK]);
    let notifier = server.open();
    notifier.tell(event());
    assert_eq!(numbers(&finish(notifier, LONG)), [1, 1, 0, 0, 0]);
    let asked = server.next();
    assert!(asked.head.starts_with(&format!("post /hook/{TOKEN} http/1.1\r\n")), "{}", asked.head);
    let read: Value = serde_json::from_str(&asked.body).expect("JSON");
    assert_eq!((&read["event"], &read["run_id"]), (&json!("violation_detected"), &json!("r-1")));
    assert_eq!(asked.header("x-portcullis-delivery"), read["id"].as_str().expect("an id"));
    assert_eq!(asked.header("x-portcullis-event"), "violation_detected");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("x-portcullis-timestamp"), time().as_second().to_string());
    let expect =
        Key::new(TOKEN.as_bytes()).expect("a key").sign(&time().as_second().to_string(), asked.body.as_bytes());
    assert_eq!(asked.header("x-portcullis-signature"), expect);
}

#[test]
fn a_server_that_fails_at_first_is_asked_again_with_the_same_id() {
    for failure in [
        BUSY,
        Some("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
        Some("HTTP/1.1 500 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n"),
        Some(""),
        Some("HTTP/1.1 20"),
        Some("no HTTP\r\n\r\n"),
    ] {
        let answers: &'static [Answer] = Box::leak(Box::new([failure, failure, OK]));
        let server = Server::says(answers);
        let notifier = server.open();
        notifier.tell(event());
        let report = finish(notifier, LONG);
        assert_eq!((numbers(&report), report.trouble), ([1, 1, 0, 0, 0], None), "{failure:?}");
        let asked: Vec<_> = server.asked.try_iter().collect();
        assert_eq!(asked.len(), 3, "{failure:?}");
        assert!(asked.iter().all(|again| again.body == asked[0].body && !again.body.is_empty()));
        let ids: Vec<_> = asked.iter().map(|asked| asked.header("x-portcullis-delivery")).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()));
    }
}

#[test]
fn what_a_server_does_not_take_is_not_asked_again_and_does_not_stop_the_next() {
    for (refusal, expect) in [
        (Some("HTTP/1.1 400 Bad Request\r\n\r\n"), "it answered with the status 400"),
        (Some("HTTP/1.1 404 Not Found\r\n\r\n"), "it answered with the status 404"),
        (Some("HTTP/1.1 410 Gone\r\nRetry-After: 0\r\n\r\n"), "it answered with the status 410"),
        (
            Some("HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            "it answered with the status 307, and redirects are not followed",
        ),
    ] {
        let answers: &'static [Answer] = Box::leak(Box::new([refusal, OK]));
        let server = Server::says(answers);
        let notifier = server.open();
        notifier.tell(event());
        notifier.tell(of(Kind::AgentRevoked));
        let report = finish(notifier, LONG);
        assert_eq!((numbers(&report), report.trouble.as_deref()), ([2, 1, 0, 1, 0], Some(expect)));
        let heard: Vec<_> =
            server.asked.try_iter().map(|asked| asked.header("x-portcullis-event").to_owned()).collect();
        // The last one says that something was missed.
        assert_eq!(heard, ["violation_detected", "agent_revoked", "events_lost"]);
    }
}

#[test]
fn a_server_that_is_never_well_is_given_up() {
    let server = Server::says(&[BUSY]);
    let notifier = server.open();
    notifier.tell(event());
    let report = finish(notifier, LONG);
    assert_eq!(numbers(&report), [1, 0, 0, 1, 0]);
    assert_eq!(report.trouble.as_deref(), Some("it answered with the status 503, 3 times"));
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let nobody = WebhookSink { url: template(&format!("http://{port}/")), ..server.webhook() };
    let notifier = open(Sink::Webhook(nobody));
    notifier.tell(event());
    let report = finish(notifier, LONG);
    assert_eq!(report.trouble.as_deref(), Some("the connection was refused, 3 times"));
}

#[test]
fn a_server_that_hangs_holds_no_run() {
    let server = Server::says(&[None]);
    let notifier = server.open();
    (0..5000).for_each(|_| notifier.tell(event()));
    server.next();
    let report = finish(notifier, Duration::from_millis(20));
    let [told, delivered, dropped, failed, undelivered] = numbers(&report);
    assert_eq!((told, delivered, failed), (5000, 0, 0));
    assert!(dropped >= 5000 - 1025 && undelivered >= 1024, "{report:?}");
}

#[test]
fn the_end_of_a_run_does_not_wait_for_what_it_has_no_time_for() {
    let server = Server::says(&[BUSY]);
    let slow = Retry { attempts: 9, first: LONG, most: LONG };
    let notifier =
        opened(vec![(Sink::Webhook(server.webhook()), Filter::All)], &Hosts::Loopback, slow).expect("opened");
    notifier.tell(event());
    notifier.tell(event());
    server.next();
    let since = std::time::Instant::now();
    // Less than the pause that was begun, and much more than it takes to see that.
    let report = finish(notifier, LONG / 3);
    assert!(since.elapsed() < LONG / 3);
    assert_eq!(numbers(&report), [2, 0, 0, 0, 2]);
}

#[test]
fn other_forms_are_sent_with_their_headers() {
    let server = Server::says(&[OK]);
    for (form, expect) in [(Form::Slack, "blocks"), (Form::Github, "client_payload")] {
        let headers = vec![("authorization".to_owned(), template("Bearer ${env:TOKEN}"))];
        let notifier = open(Sink::Webhook(WebhookSink { form, headers, secret: None, ..server.webhook() }));
        notifier.tell(event());
        assert_eq!(numbers(&finish(notifier, LONG)), [1, 1, 0, 0, 0]);
        let asked = server.next();
        let read: Value = serde_json::from_str(&asked.body).expect("JSON");
        assert!(read.get(expect).is_some(), "{}", asked.body);
        assert_eq!(asked.header("authorization"), format!("bearer {TOKEN}"));
        assert_eq!(asked.header("x-portcullis-signature"), "");
        assert_eq!(asked.header("accept") == "application/vnd.github+json", form == Form::Github);
    }
}

#[test]
fn no_secret_is_shown_whatever_goes_wrong() {
    let said = Some("HTTP/1.1 404 s3cr3t-t0k3n\r\nLocation: /s3cr3t-t0k3n\r\nX: s3cr3t-t0k3n\r\n\r\ns3cr3t-t0k3n");
    let answers: &'static [Answer] = Box::leak(Box::new([said, Some("s3cr3t-t0k3n\r\n\r\n")]));
    let server = Server::says(answers);
    let written = WebhookSink {
        url: template(&format!("http://{}/{TOKEN}?key={TOKEN}", server.address)),
        headers: vec![("authorization".to_owned(), template(TOKEN))],
        secret: Some(template(TOKEN)),
        form: Form::Portcullis,
    };
    let mut shown = String::new();
    for webhook in [server.webhook(), written] {
        shown += &format!("{webhook:?}");
        let notifier = open(Sink::Webhook(webhook.clone()));
        shown += &format!("{notifier:?}");
        notifier.tell(event());
        let report = notifier.finish(LONG);
        assert_eq!(report.lost(), 1);
        shown += &format!("{report:?}{}", serde_json::to_string(&report).expect("JSON"));
        report.problems().for_each(|problem| shown += &problem.to_string());
        for (url, code) in [
            (format!("http://198.51.100.1/{TOKEN}"), "events-host-refused"),
            (format!("http://127.0.0.1/{TOKEN} x"), "events-bad-url"),
            (format!("http://127.0.0.1/{TOKEN}/${{env:GONE}}"), "events-env-missing"),
            (format!("http://u:{TOKEN}@127.0.0.1/"), "events-bad-url"),
        ] {
            let error = refused(Sink::Webhook(WebhookSink { url: template(&url), ..webhook.clone() }));
            assert_eq!(error.code(), code, "{error}");
            shown += &format!("{error}{error:?}{:?}", crate::diagnostic::Diagnostic::from(error.clone()));
        }
    }
    assert!(shown.contains(&format!("http://{}", server.address)), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
fn only_hosts_of_the_list_are_told() {
    let server = Server::says(&[OK]);
    let told = |hosts: &Hosts| {
        let notifier = opened(vec![(Sink::Webhook(server.webhook()), Filter::All)], hosts, QUICK)?;
        notifier.tell(event());
        Ok(finish(notifier, LONG).delivered)
    };
    let listed = |entry: &str| Hosts::Listed(vec![HostRule::parse(entry).expect("an entry")]);
    let refused = Err(OpenError::HostRefused(format!("http://{}", server.address)));
    assert_eq!(told(&listed(&server.address.to_string())), Ok(1));
    assert_eq!(told(&listed("api.example.com")), refused);
    assert_eq!(told(&Hosts::Listed(Vec::new())), refused);
}

#[test]
fn headers_that_are_not_the_manifests_to_send_are_refused() {
    let server = Server::says(&[OK]);
    for (name, value) in [
        ("host", "evil.example"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
        ("Content-Type", "text/plain"),
        ("x-portcullis-signature", "sha256=00"),
        ("X-Portcullis-Event", "heartbeat"),
        ("a b", "1"),
        ("", "1"),
        ("x-a", "${env:LINES}"),
    ] {
        let headers = vec![(name.to_owned(), template(value))];
        let error = refused(Sink::Webhook(WebhookSink { headers, ..server.webhook() }));
        assert_eq!(error.code(), "events-bad-header", "{name}");
    }
    let secret = Some(template("${env:EMPTY}"));
    let error = refused(Sink::Webhook(WebhookSink { secret, ..server.webhook() }));
    assert_eq!(error.code(), "events-empty-secret");
}
