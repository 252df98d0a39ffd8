//! What comes out of the environment goes where the manifest sends it, and is seen nowhere.

use std::fs;

use serde_json::json;

use super::{dir, handed, manifest};
use crate::{
    harness::{Dir, Ended},
    server::{Behaviour, COOKIE, Server},
};

/// A value that JSON, a URL and a shell each write differently.
const SECRET: &str = "s3cr\"t/va+lue&ü fragment-of-it\\x";

/// One that a URL can hold as it is.
const PLAIN: &str = "s3cr/fragment-of-it+1";

/// The ways in which they may be written.
fn spellings() -> Vec<String> {
    let json = serde_json::to_string(SECRET).expect("JSON");
    let encoded = |keep: &[u8]| {
        let byte = |byte: u8| match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        SECRET.bytes().map(byte).collect::<String>()
    };
    vec![
        SECRET.to_owned(),
        json.trim_matches('"').to_owned(),
        encoded(b"-._~"),
        encoded(b"-._~/+&"),
        "fragment-of-it".to_owned(),
    ]
}

/// That no file that the run could have written, and nothing that it said, holds the secret.
#[track_caller]
fn is_nowhere(dir: &Dir, ended: &Ended) {
    let spellings = spellings();
    let check = |place: &str, bytes: &[u8]| {
        for spelling in &spellings {
            let found = bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes());
            assert!(!found, "`{spelling}` is in {place}: {}", String::from_utf8_lossy(bytes));
        }
    };
    check("stdout", ended.stdout.as_bytes());
    check("stderr", ended.stderr.as_bytes());
    let mut files = 0;
    for entry in walkdir::WalkDir::new(dir.path("")).into_iter().filter_map(Result::ok) {
        check("a name", entry.file_name().as_encoded_bytes());
        if entry.file_type().is_file() {
            check(&entry.path().display().to_string(), &fs::read(entry.path()).expect("read"));
            files += 1;
        }
    }
    assert!(files > 3, "there was something to look at");
}

fn run(dir: &Dir, arguments: &[&str]) -> Ended {
    let command = dir.portcullis(arguments).env("SECRET", SECRET).env("PLAIN", PLAIN);
    command.env("BROKEN", "fragment-of-it\r\nhost: evil").env("OPEN", "in-the-open").run()
}

const SAYS_IT: &str = "printf '%s\\n' \"$TOKEN\" \"a $TOKEN b\"; printf '%s' \"$TOKEN\" >&2";

#[test]
fn a_secret_that_a_command_says_is_in_no_output_artifact_or_recorded_evidence() {
    let dir = dir();
    let source =
        format!("e = {{ command = ['/bin/sh', '-c', '''{SAYS_IT}'''], env = {{ TOKEN = '${{env:SECRET}}' }} }}");
    manifest(&dir, "", &source);
    for arguments in [&["run"][..], &["run", "-v", "--output", "json", "--output", "text"], &["run", "--dry-run"]] {
        let ended = run(&dir, arguments);
        ended.exits(0);
        is_nowhere(&dir, &ended);
    }
    let ended = run(&dir, &["collect", "portcullis.toml", "--out", "recorded"]);
    ended.exits(0);
    is_nowhere(&dir, &ended);
    let ended = run(&dir, &["run", "--evidence-dir", "recorded"]);
    ended.exits(0);
    is_nowhere(&dir, &ended);
    let document = handed(&dir)["e"].clone();
    assert_eq!(document["stderr"], "[env SECRET]", "it was said, and a mark stands for it");
}

#[test]
fn a_secret_reaches_the_server_that_it_is_for_and_nobody_else() {
    let dir = dir();
    let server = Server::start(Behaviour::Echo);
    let url = server.url("/x?token=${env:PLAIN}&more=1");
    let request = format!(
        "e = {{ http = {{ url = '{url}', method = 'POST', body = 'b ${{env:SECRET}}', \
         headers = {{ authorization = 'Bearer ${{env:OPEN}}', x-token = '${{env:OPEN}}' }} }} }}"
    );
    manifest(&dir, "", &request);
    let ended = run(&dir, &["run", "-v"]);
    ended.exits(0);
    let sent = server.request("/x");
    assert_eq!(sent.target, format!("/x?token={PLAIN}&more=1"));
    assert_eq!(String::from_utf8_lossy(&sent.body), format!("b {SECRET}"));
    assert_eq!(sent.header("authorization"), Some("Bearer in-the-open"));
    is_nowhere(&dir, &ended);
    let document = handed(&dir)["e"].clone();
    assert_eq!(document["request"]["headers"]["authorization"], "[hidden]", "{document}");
    assert_eq!(document["request"]["url"], json!(url), "{document}");
    assert!(!document.to_string().contains("in-the-open"), "{document}");
}

#[test]
fn what_the_manifest_reveals_is_seen() {
    let dir = dir();
    let source = "e = { command = ['/usr/bin/env'], env = { OPEN = '${env:OPEN}' }, reveal = ['OPEN'] }";
    manifest(&dir, "", source);
    run(&dir, &["run"]).exits(0);
    assert_eq!(handed(&dir)["e"]["stdout"], "OPEN=in-the-open\n");
}

#[test]
fn a_secret_is_no_part_of_what_is_said_when_things_go_wrong() {
    let dir = dir();
    let server = Server::start(Behaviour::Redirect("http://elsewhere.exampleTARGET".to_owned()));
    let refused = Server::start(Behaviour::Refuse);
    for source in [
        "e = { command = ['/no/such/${env:SECRET}'] }".to_owned(),
        "e = { command = ['/bin/sh', '-c', 'echo $T; kill -9 $$'], env = { T = '${env:SECRET}' } }".to_owned(),
        "e = { command = ['/bin/sh', '-c', 'echo $T; sleep 300'], env = { T = '${env:SECRET}' }, timeout = '1s' }"
            .to_owned(),
        "e = { command = ['/bin/cat', '/no/such/${env:SECRET}'], cwd = 'gone' }".to_owned(),
        format!("e = {{ http = {{ url = '{}' }} }}", refused.url("/${env:PLAIN}")),
        format!("e = {{ http = {{ url = '{}' }} }}", server.url("/${env:PLAIN}")),
        // What no URL can hold is told as that, and not shown.
        format!("e = {{ http = {{ url = '{}' }} }}", server.url("/${env:SECRET}")),
        format!("e = {{ http = {{ url = '{}', headers = {{ x-token = '${{env:BROKEN}}' }} }} }}", server.url("/")),
    ] {
        manifest(&dir, "", &source);
        let ended = run(&dir, &["run", "-v"]);
        ended.exits(3);
        is_nowhere(&dir, &ended);
        let ended = run(&dir, &["collect", "portcullis.toml", "--out", "recorded"]);
        assert_ne!(ended.status, Some(0), "{source}\n{ended}");
        is_nowhere(&dir, &ended);
        let _ = fs::remove_dir_all(dir.path("recorded"));
    }
}

#[test]
fn a_variable_that_is_not_set_keeps_the_source_from_being_asked() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let source = format!("http = {{ url = '{}' }}\n", server.url("/x?t=${env:GONE}"));
    let ended = super::check_fails(&dir, "", &source, "failed");
    ended.says("GONE");
    assert!(server.requests().is_empty());
    assert_eq!(super::input(&dir.decision(), "e")["error"], "evidence-env-missing");
}

#[test]
fn a_cookie_that_a_server_sets_is_hidden() {
    let dir = dir();
    let server = Server::start(Behaviour::Good);
    let document = super::seen(&dir, &format!("{{ http = {{ url = '{}' }} }}", server.url("/api/ai/stream")));
    assert_eq!(document["headers"]["set-cookie"], "[hidden]", "{document}");
    assert!(!dir.text(format!("{}/decision.json", crate::harness::OUT)).contains(COOKIE));
}
