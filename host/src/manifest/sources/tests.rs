//! What `[evidence]` means.

use std::{path::Path, time::Duration};

use super::super::{
    CommandSource, Exchange, Format, HttpSource, Origin, Overrides, Part, Plan, Resume, Template, parse,
    tests::{HEAD, read},
};

fn plan(evidence: &str, overrides: &[(&str, &str)]) -> Plan {
    let text = format!("{HEAD}[gate.g]\nmodule = 'g'\n[evidence]\n{evidence}");
    read(&text, overrides).expect(evidence)
}

fn origin(source: &str) -> Origin {
    plan(&format!("a = {source}\n"), &[]).evidence.remove(0).origin
}

fn command(source: &str) -> CommandSource {
    match origin(source) {
        Origin::Command(command) => command,
        other => panic!("no command: {other:?}"),
    }
}

fn http(source: &str) -> HttpSource {
    match origin(source) {
        Origin::Http(http) => http,
        other => panic!("not http: {other:?}"),
    }
}

fn text(text: &str) -> Template {
    Template::text(text.to_owned())
}

fn variable(name: &str) -> Template {
    Template { written: format!("${{env:{name}}}"), parts: vec![Part::Env(name.to_owned())] }
}

#[test]
fn files_are_read_as_their_ending_or_the_manifest_says() {
    for (source, expect) in [
        ("{ file = 'x.yaml' }", r#"File { path: "d/x.yaml", format: Yaml, optional: false }"#),
        ("{ file = 'x.YML', optional = true }", r#"File { path: "d/x.YML", format: Yaml, optional: true }"#),
        (
            "{ file = '/x.json', format = 'yaml', optional = false }",
            r#"File { path: "/x.json", format: Yaml, optional: false }"#,
        ),
        ("{ files = 'out/**' }", r#"Files { pattern: "out/**", root: "d" }"#),
        ("{ env = ['B', 'A', 'B', '_a1'] }", r#"Env(["B", "A", "_a1"])"#),
    ] {
        assert_eq!(format!("{:?}", origin(source)), expect, "{source}");
    }
}

#[test]
fn a_command_has_defaults_for_all_but_what_runs() {
    let expect = CommandSource {
        argv: vec![text("./app")],
        cwd: "d".into(),
        env: Vec::new(),
        timeout: Duration::from_secs(30),
        max_output: 1 << 20,
        format: None,
    };
    assert_eq!(command("{ command = ['./app'] }"), expect);
    let whole = "{ command = ['./app', '--token', '${env:TOKEN}', '$${x}'], cwd = 'sub', timeout = '250ms', \
        env = { PATH = '${env:PATH}', PROFILE = 'test' }, max_output = '64MiB', format = 'jsonl', reveal = ['PATH'] }";
    let literal = Template { written: "$${x}".to_owned(), parts: vec![Part::Text("${x}".to_owned())] };
    let expect = CommandSource {
        argv: vec![text("./app"), text("--token"), variable("TOKEN"), literal],
        cwd: "d/sub".into(),
        env: vec![("PATH".to_owned(), variable("PATH")), ("PROFILE".to_owned(), text("test"))],
        timeout: Duration::from_millis(250),
        max_output: 64 << 20,
        format: Some(Format::JsonLines),
    };
    assert_eq!(command(whole), expect);
    assert_eq!(plan(&format!("a = {whole}\n"), &[]).evidence[0].reveal, ["PATH"]);
}

#[test]
fn a_command_runs_in_the_manifests_folder_even_where_that_has_no_name() {
    let manifest = format!("{HEAD}[gate.g]\nmodule = 'g'\n[evidence]\na = {{ command = ['x'] }}\n");
    for (path, expect) in [("p.toml", "."), ("/p.toml", "/"), ("../p.toml", "..")] {
        let plan = parse(manifest.as_bytes(), Path::new(path), &Overrides::default()).expect(path);
        assert!(matches!(&plan.evidence[0].origin, Origin::Command(command) if command.cwd == Path::new(expect)));
    }
}

#[test]
fn an_exchange_has_defaults_for_all_but_where_it_goes() {
    let plain = Exchange {
        url: text("http://localhost:80/x?message=ping"),
        method: "GET".to_owned(),
        headers: Vec::new(),
        body: None,
        timeout: Duration::from_secs(30),
        max_body: 1 << 20,
        redirects: 5,
        stop_at: None,
        stop_after: None,
        resume: None,
    };
    let one = http("{ http = { url = 'http://localhost:80/x?message=ping' } }");
    assert_eq!(one, HttpSource { exchanges: vec![plain.clone()], sequence: false });
    let many = http(
        "{ http = [{ url = 'http://localhost:80/x?message=ping' }, { url = 'https://[::1]/${env:A}', method = 'put', \
         headers = { Authorization = '${env:A}', X-A = 'b' }, body = '${env:A}', timeout = '1h', max_body = 1, redirects = 0, \
         stop_at = 'final', stop_after = 4, resume = true }], reveal = ['A'] }",
    );
    let url = Template {
        written: "https://[::1]/${env:A}".to_owned(),
        parts: vec![Part::Text("https://[::1]/".to_owned()), Part::Env("A".to_owned())],
    };
    let whole = Exchange {
        url,
        method: "PUT".to_owned(),
        headers: vec![("authorization".to_owned(), variable("A")), ("x-a".to_owned(), text("b"))],
        body: Some(variable("A")),
        timeout: Duration::from_secs(3_600),
        max_body: 1,
        redirects: 0,
        stop_at: Some("final".to_owned()),
        stop_after: Some(4),
        resume: Some(Resume::Previous),
    };
    assert_eq!(many, HttpSource { exchanges: vec![plain, whole], sequence: true });
    let tables = plan("[[evidence.a.http]]\nurl = 'http://localhost'\n", &[]);
    assert!(matches!(&tables.evidence[0].origin, Origin::Http(http) if http.sequence && http.exchanges.len() == 1));
}

#[test]
fn a_body_is_posted_and_one_of_json_says_what_it_is() {
    for (rest, method, headers, body) in [
        ("body = ''", "POST", vec![], ""),
        ("body = '${env:A}', method = 'GET'", "GET", vec![], "${env:A}"),
        (
            "json = { z = 1, a = ['$${x}', 2026-01-10] }",
            "POST",
            vec!["content-type: application/json"],
            r#"{"z":1,"a":["${x}","2026-01-10"]}"#,
        ),
        ("json = 'x', headers = { Content-Type = 'text/json' }", "POST", vec!["content-type: text/json"], "\"x\""),
    ] {
        let exchange = http(&format!("{{ http = {{ url = 'http://localhost', {rest} }} }}")).exchanges.remove(0);
        let parts = exchange.body.expect(rest).parts;
        let shown: String = parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => text,
                Part::Env(name) => format!("${{env:{name}}}"),
            })
            .collect();
        let fields: Vec<_> =
            exchange.headers.iter().map(|(name, value)| format!("{name}: {}", value.written)).collect();
        assert_eq!((exchange.method.as_str(), shown.as_str()), (method, body), "{rest}");
        assert_eq!(fields, headers, "{rest}");
    }
}

const CHAIN: &str = "again = { http = { url = 'http://localhost', resume = 'stream' }, after = ['log', 'log'] }
log = { file = 'log.jsonl', after = ['smoke'] }
stream = { http = { url = 'http://localhost' } }
smoke = { command = ['./app', '${env:A}'], reveal = ['A'], format = 'text' }
unused = { value = 1, after = ['stream'] }
";

#[test]
fn what_a_source_comes_after_is_collected_with_it() {
    let manifest = |input: &str| format!("{HEAD}[evidence]\n{CHAIN}[gate.g]\nmodule = 'g'\ninput = {input}\n");
    let plan = |input| read(&manifest(input), &[]).expect(input);
    let after: Vec<_> = plan("'log'").evidence.iter().map(|source| source.after.clone()).collect();
    assert_eq!(after, [vec![1, 2], vec![3], vec![], vec![], vec![2]]);
    for (input, expect) in [
        ("{}", [false; 5]),
        ("'log'", [false, true, false, true, false]),
        ("'again'", [true, true, true, true, false]),
        ("{ a = 'unused', b = 'smoke' }", [false, false, true, true, true]),
    ] {
        assert_eq!(plan(input).wanted_evidence(), expect, "{input}");
    }
    let resumed = plan("'again'").evidence[0].origin.resumes_from();
    assert_eq!(resumed, Some(2));
}

#[test]
fn an_overridden_source_is_a_file_and_waits_for_nothing() {
    let overrides = [("again", "r/again"), ("stream", "r/stream.json"), ("smoke", "r/smoke"), ("log", "r/log")];
    let plan = plan(CHAIN, &overrides);
    let shown: Vec<_> = plan
        .evidence
        .iter()
        .map(|source| {
            let (origin, rest) = (&source.origin, (&source.after, &source.reveal, source.overridden));
            format!("{} {origin:?} {rest:?}", source.name)
        })
        .collect();
    let expect = [
        r#"again File { path: "r/again", format: Json, optional: false } ([], [], true)"#,
        r#"log File { path: "r/log", format: JsonLines, optional: false } ([], [], true)"#,
        r#"stream File { path: "r/stream.json", format: Json, optional: false } ([], [], true)"#,
        r#"smoke File { path: "r/smoke", format: Json, optional: false } ([], [], true)"#,
        r#"unused Value(Number(1)) ([2], [], false)"#,
    ];
    assert_eq!(shown, expect);
    let plan = self::plan("left = { files = 'out/**' }\n", &[("left", "r/left")]);
    let expect = r#"File { path: "r/left", format: Json, optional: false }"#;
    assert_eq!(format!("{:?}", plan.evidence[0].origin), expect, "a state is JSON, whatever the file is called");
}
