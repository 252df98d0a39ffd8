//! Each kind of probe, over evidence as a run collects it: once as it should be, and once not.

use serde_json::json;

use super::{dir, evidence, gate, manifest, run, sh};
use crate::server::{Behaviour, Server};

/// A kind, its module, the gate's input and its parameters.
type Kind = (&'static str, &'static str, &'static str, String);

fn of_one(kind: &'static str, module: &'static str, input: &'static str, params: &str) -> Kind {
    (kind, module, input, format!("kind = '{kind}'{params}"))
}

#[test]
fn every_kind_passes_where_all_is_well_and_fails_where_something_is_not() {
    let dir = dir();
    dir.write("golden.txt", "hello\n");
    dir.write("fixtures/a.txt", "hello\n");
    dir.write("tests.json", r#"{"passed":["a","b"],"failed":[]}"#);
    dir.write("expected.jsonl", "{\"event\":\"spawn\"}\n{\"event\":\"goal\"}\n");
    dir.write("session.json", r#"{"steps":[{"name":"open","ok":true}],"console":[]}"#);
    let server = Server::start(Behaviour::Good);
    let services = server.url("/api/kernel/services");
    let kinds = [
        of_one("headless_run", "probe-run", "'run'", ", budget_seconds = 60"),
        of_one("import_smoke", "probe-run", "'run'", ""),
        of_one("unit_tests", "probe-run", "'tests'", ""),
        of_one("test_suite_parity", "probe-run", "{ before = 'earlier', after = 'tests' }", ""),
        of_one("stdout_golden", "probe-output", "{ run = 'run', expected = 'golden' }", ""),
        of_one(
            "output_fixture_diff",
            "probe-output",
            "{ files = 'after', expected = 'fixtures' }",
            ", root = 'out', expected_root = 'fixtures'",
        ),
        of_one(
            "render_hash",
            "probe-output",
            "'after'",
            ", path = 'out/a.txt', sha256 = '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'",
        ),
        of_one("sim_trace", "probe-output", "{ trace = 'trace', expected = 'expected' }", ", match = 'contains'"),
        of_one("api_smoke", "probe-service", "'services'", ", expect = [{ has = ['/services/0'] }]"),
        of_one(
            "side_effect_probe",
            "probe-service",
            "{ before = 'before', after = 'after' }",
            ", created = ['out/a.txt']",
        ),
        of_one("browser_smoke", "probe-service", "'session'", ""),
    ];
    let gates: Vec<_> =
        kinds.iter().map(|(kind, module, input, params)| (*kind, *module, *input, params.as_str())).collect();
    // What makes the files is made to write something else, and so is all that tells of itself.
    for (is_well, word, passed, event, ok) in
        [(true, "hello", r#"["a","b"]"#, "goal", true), (false, "bye", r#"["a"]"#, "lost", false)]
    {
        let _ = std::fs::remove_dir_all(dir.path("out"));
        dir.write("session.json", format!(r#"{{"steps":[{{"name":"open","ok":{ok}}}],"console":[]}}"#));
        let code = u8::from(!is_well);
        let path = if is_well { "a.txt" } else { "b.txt" };
        let sources = [
            ("before", "{ files = 'out/**' }".to_owned()),
            ("run", sh(&format!("mkdir out; echo {word} | tee out/{path}; exit {code}"), ", after = ['before']")),
            ("after", "{ files = 'out/**', after = ['run'] }".to_owned()),
            ("fixtures", "{ files = 'fixtures/*' }".to_owned()),
            ("golden", "{ file = 'golden.txt' }".to_owned()),
            ("earlier", "{ file = 'tests.json' }".to_owned()),
            (
                "tests",
                format!(
                    "{{ command = ['/bin/echo', '{{\"passed\":{passed},\"failed\":{}}}'], format = 'json' }}",
                    if is_well { "[]" } else { r#"["b"]"# }
                ),
            ),
            (
                "trace",
                format!(
                    "{{ command = ['/bin/echo', '[{{\"event\":\"spawn\",\"t\":0.5}},{{\"event\":\"{event}\"}}]'], format = 'json' }}"
                ),
            ),
            ("expected", "{ file = 'expected.jsonl' }".to_owned()),
            (
                "services",
                format!("{{ http = {{ url = '{}' }} }}", if is_well { services.clone() } else { server.url("/none") }),
            ),
            ("session", "{ file = 'session.json' }".to_owned()),
        ];
        let sources: Vec<_> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
        manifest(&dir, "[completion]\nmode = 'product_complete'\n", &sources, &gates);
        let (ended, decision) = run(&dir);
        for (kind, ..) in &kinds {
            let evidence = evidence(&decision, kind);
            assert_eq!(
                (&evidence["probe_kind"], &evidence["passed"]),
                (&json!(kind), &json!(is_well)),
                "{evidence}\n{ended}"
            );
            assert!(
                evidence["duration_seconds"].as_f64() >= Some(0.0) && evidence["payload"].is_object(),
                "{evidence}"
            );
            assert_eq!(gate(&decision, kind)["kind"], "probe");
        }
        ended.exits(i32::from(!is_well));
        assert_eq!(decision["completion"]["outcome"], if is_well { "complete" } else { "blocked" }, "{ended}");
    }
}

#[test]
fn a_command_runs_once_however_many_probes_are_asked_about_it() {
    let dir = dir();
    let sources = [("run", sh("echo x >> ran; cat ran", "")), ("golden", "{ value = \"x\\n\" }".to_owned())];
    let sources: Vec<_> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
    let gates = [
        ("one", "probe-run", "'run'", "kind = 'headless_run'"),
        ("two", "probe-run", "'run'", "kind = 'import_smoke'"),
        ("three", "probe-output", "{ run = 'run', expected = 'golden' }", "kind = 'stdout_golden'"),
    ];
    manifest(&dir, "", &sources, &gates);
    let (ended, decision) = run(&dir);
    ended.exits(0);
    assert_eq!(dir.text("ran"), "x\n");
    assert_eq!(evidence(&decision, "one")["payload"]["stdout_preview"], "x\n");
    assert_eq!(decision["completion"], json!(null), "nothing asks for it");
}
