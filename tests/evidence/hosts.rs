//! Where collecting may reach: loopback where the manifest lists nothing, else what it lists; and no redirect leads out.

use super::{check_fails, dir, input, manifest, seen_with};
use crate::{
    harness::Dir,
    server::{Behaviour, Server},
};

fn head(hosts: &[&str]) -> String {
    format!("[network]\nhosts = {hosts:?}")
}

#[test]
fn only_what_is_listed_is_reached_and_without_a_list_only_this_machine() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let port = server.port();
    let with_port = server.authority();
    let other_port = format!("127.0.0.1:{}", port.wrapping_add(1));
    let localhost = format!("http://localhost:{port}/api/kernel/services");
    let address = server.url("/api/kernel/services");
    for (head, url, reaches) in [
        (String::new(), &address, true),
        (String::new(), &localhost, true),
        (head(&["127.0.0.1"]), &address, true),
        (head(&[&with_port]), &address, true),
        (head(&["localhost"]), &localhost, true),
        (head(&["127.0.0.1"]), &localhost, false),
        (head(&["localhost"]), &address, false),
        (head(&[&other_port]), &address, false),
        (head(&["*.localhost", "api.example.com"]), &localhost, false),
        (head(&["*.example.com"]), &address, false),
        (head(&[]), &address, false),
    ] {
        let before = server.requests().len();
        let source = format!("{{ http = {{ url = '{url}' }} }}");
        if reaches {
            seen_with(&dir, &head, &source, |command| command);
        } else {
            is_not_listed(&dir, &head, &source);
        }
        assert_eq!(server.requests().len() - before, usize::from(reaches), "{head} {url}");
    }
    for url in [
        "http://api.example.com/",
        "https://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://0.0.0.0/",
        "http://[::2]/",
    ] {
        is_not_listed(&dir, "", &format!("{{ http = {{ url = '{url}' }} }}"));
    }
}

/// That the manifest is refused for it, before anything is asked.
#[track_caller]
fn is_not_listed(dir: &Dir, head: &str, source: &str) {
    manifest(dir, head, &format!("e = {source}"));
    dir.run().exits(2).refuses_with("host-not-listed");
    dir.has_no_artifacts();
}

#[test]
fn an_address_that_is_dressed_up_reaches_no_further() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let port = server.port();
    for url in [
        format!("http://api.example.com@127.0.0.1:{port}/x"),
        format!("http://api.example.com:80@127.0.0.1:{port}/x"),
        format!("http://127.1:{port}/x#api.example.com"),
        format!("http://127.0.0.1:{port}/x?@api.example.com/"),
        format!("http://[::ffff:127.0.0.1]:{port}/x"),
        format!("http://127.0.0.1:{port}\\@api.example.com/x"),
        format!("file://api.example.com:{port}/etc/passwd"),
    ] {
        manifest(&dir, &head(&["api.example.com"]), &format!("e = {{ http = {{ url = '{url}' }} }}"));
        let ended = dir.run();
        assert!(matches!(ended.status, Some(2 | 3)), "{url}\n{ended}");
        assert!(server.requests().is_empty(), "{url}: {:?}", server.requests());
    }
}

#[test]
fn a_redirect_within_the_list_is_followed_and_stands_in_the_evidence() {
    let dir = dir();
    let server = Server::start(Behaviour::Redirect("/landed".to_owned()));
    let source = format!("{{ http = {{ url = '{}' }} }}", server.url("/x"));
    let document = seen_with(&dir, "", &source, |command| command);
    assert_eq!((document["status"].as_u64(), server.asked("/landed")), (Some(404), 1));
    assert!(document["redirects"].to_string().contains("/landed"), "{document}");
    // With none allowed, that it redirects is the answer.
    let none = format!("{{ http = {{ url = '{}', redirects = 0 }} }}", server.url("/x"));
    let document = seen_with(&dir, "", &none, |command| command);
    assert_eq!((document["status"].as_u64(), server.asked("/landed")), (Some(302), 1));
    assert_eq!(document["headers"]["location"], "/landed");
}

#[test]
fn a_redirect_out_of_the_list_is_refused_before_anything_is_sent_there() {
    let dir = dir();
    let elsewhere = Server::start(Behaviour::Good);
    for location in [
        "http://localhost:PORT/landed".to_owned(),
        "//localhost:PORT/landed".to_owned(),
        elsewhere.url("/landed"),
        "http://elsewhere.example/landed".to_owned(),
        "http://127.0.0.1:PORT@elsewhere.example/landed".to_owned(),
        "https://127.0.0.1:443/landed".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1:PORT/landed".to_owned(),
        "http://[/landed".to_owned(),
    ] {
        let server = Server::start(Behaviour::Redirect(location.clone()));
        let head = head(&[&server.authority()]);
        let source = format!("http = {{ url = '{}', timeout = '5s' }}\n", server.url("/x"));
        check_fails(&dir, &head, &source, "redirect_refused");
        assert_eq!((server.asked("/x"), server.asked("/landed")), (1, 0), "{location}");
    }
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}

#[test]
fn a_circle_of_redirects_ends() {
    let dir = dir();
    let server = Server::start(Behaviour::RedirectLoop);
    let source = format!("http = {{ url = '{}', redirects = 5 }}\n", server.url("/a"));
    check_fails(&dir, "", &source, "failed");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn what_is_meant_for_one_server_does_not_follow_a_redirect_to_another() {
    let dir = dir();
    let other = Server::start(Behaviour::Good);
    let server = Server::start(Behaviour::Redirect(other.url("/landed")));
    let headers = "{ authorization = 'Bearer t', cookie = 'a=b', accept = 'text/plain' }";
    let source = format!("{{ http = {{ url = '{}', headers = {headers} }} }}", server.url("/x"));
    seen_with(&dir, "", &source, |command| command);
    assert_eq!(server.request("/x").header("authorization"), Some("Bearer t"));
    let landed = other.request("/landed");
    assert_eq!((landed.header("authorization"), landed.header("cookie")), (None, None), "{landed:?}");
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let dir = dir();
    let proxy = Server::start(Behaviour::Good);
    let server = Server::start(Behaviour::Good);
    let source = format!("{{ http = {{ url = '{}' }} }}", server.url("/api/kernel/services"));
    let through = proxy.url("");
    let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    seen_with(&dir, "", &source, |command| names.iter().fold(command, |command, name| command.env(name, &through)));
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 0));
    assert_eq!(input(&dir.decision(), "e")["outcome"], "completed");
}
