//! Commands: what a gate sees of one that ran to its end, and that nothing which one may do outlives the run, fills the
//! machine, or is taken for an answer.

use serde_json::json;

use super::{check_fails, dir, ends, seen};

/// A command of a shell script, with what follows it.
fn script(script: &str, more: &str) -> String {
    format!("{{ command = ['/bin/sh', '-c', '''{script}''']{more} }}")
}

/// The same as the body of a table.
fn source(text: &str, more: &str) -> String {
    format!("command = ['/bin/sh', '-c', '''{text}''']\n{more}\n")
}

#[test]
fn a_gate_sees_what_a_command_did_whatever_it_exited_with() {
    let dir = dir();
    for status in [0, 1, 3, 255] {
        let document = seen(&dir, &script(&format!("echo out; echo err >&2; exit {status}"), ""));
        for (member, expect) in [
            ("outcome", json!("completed")),
            ("exit_code", json!(status)),
            ("signal", json!(null)),
            ("stdout", json!("out\n")),
            ("stdout_bytes", json!(4)),
            ("stdout_cut", json!(false)),
            ("stderr", json!("err\n")),
            ("stderr_bytes", json!(4)),
            ("stderr_cut", json!(false)),
            ("data", json!(null)),
        ] {
            assert_eq!(document.get(member), Some(&expect), "{member} of {document}");
        }
        assert_eq!(document["argv"][0], "/bin/sh");
        assert!(document["duration_seconds"].as_f64() > Some(0.0), "{document}");
    }
}

#[test]
fn arguments_reach_the_program_as_they_are_and_never_a_shell() {
    let dir = dir();
    let document = seen(&dir, r#"{ command = ["/bin/echo", "$HOME; ls *", "a  b", "`id`", "-n"] }"#);
    assert_eq!(document["stdout"], "$HOME; ls * a  b `id` -n\n");
}

#[test]
fn a_command_has_the_environment_that_is_named_and_nothing_else() {
    let dir = dir();
    let document = seen(&dir, "{ command = ['/usr/bin/env'], env = { PROFILE = 'test' } }");
    assert_eq!(document["stdout"], "PROFILE=test\n");
    let document = seen(&dir, "{ command = ['/usr/bin/env'] }");
    assert_eq!(document["stdout"], "");
}

#[test]
fn a_command_runs_where_the_manifest_says_and_reads_nothing() {
    let dir = dir();
    dir.write("sub/file", "");
    for (more, below) in [("", ""), (", cwd = 'sub'", "/sub")] {
        let document = seen(&dir, &format!("{{ command = ['/bin/ls', '-d', '/proc/self/cwd/.']{more} }}"));
        assert_eq!(document["exit_code"], 0);
        let place = seen(&dir, &format!("{{ command = ['/bin/pwd', '-P']{more} }}"))["stdout"].clone();
        let real = dir.path("").canonicalize().expect("a path");
        assert_eq!(place, format!("{}{below}\n", real.display()));
    }
    assert_eq!(seen(&dir, "{ command = ['/bin/cat'] }")["stdout_bytes"], 0, "stdin is at its end");
}

#[test]
fn what_a_command_writes_is_read_as_the_manifest_says() {
    let dir = dir();
    for (text, format, data) in [
        (r#"{"a":1.5}"#, "json", json!({ "a": 1.5 })),
        ("{\"a\":1}\n{\"a\":2}", "jsonl", json!([{ "a": 1 }, { "a": 2 }])),
        ("a = 1", "toml", json!({ "a": 1 })),
        ("a: [1, x]", "yaml", json!({ "a": [1, "x"] })),
    ] {
        let document = seen(&dir, &script(&format!("cat <<'END'\n{text}\nEND\n"), &format!(", format = '{format}'")));
        assert_eq!(document["data"], data, "{document}");
    }
    for (text, more) in [("echo {", ""), ("printf '\"\\377\"'", ""), ("echo '\"long\"'", ", max_output = 3")] {
        let document = seen(&dir, &script(text, &format!(", format = 'json'{more}")));
        assert_eq!(document["data"], json!(null), "{document}");
        assert!(document["data_error"].as_str().is_some_and(|error| !error.is_empty()), "{document}");
    }
}

#[test]
fn what_is_not_utf8_and_what_a_terminal_obeys_stays_text() {
    let dir = dir();
    let document = seen(&dir, &script("printf 'a\\377\\033[2Jb\\000c'", ""));
    assert_eq!((&document["stdout"], &document["stdout_bytes"]), (&json!("a\u{fffd}\u{1b}[2Jb\0c"), &json!(9)));
}

#[test]
fn a_flood_is_cut_and_the_cut_is_said() {
    let dir = dir();
    let flood = "head -c 30000000 /dev/zero | tr '\\0' x";
    let document = seen(
        &dir,
        &script(&format!("{flood}; {flood} >&2"), ", max_output = '1KiB', env = { PATH = '/usr/bin:/bin' }"),
    );
    for stream in ["stdout", "stderr"] {
        assert_eq!(document[stream].as_str().map(str::len), Some(1024), "{stream}");
        assert_eq!(document[format!("{stream}_bytes")], 30_000_000, "{stream}");
        assert_eq!(document[format!("{stream}_cut")], true, "{stream}");
    }
    let document = seen(&dir, &script("printf 12345678", ", max_output = 8"));
    assert_eq!((&document["stdout"], &document["stdout_cut"]), (&json!("12345678"), &json!(false)));
    // A character that the cut goes through is no character.
    let document = seen(&dir, &script("printf 'abc\\342\\202\\254'", ", max_output = 4"));
    assert!(document["stdout"].as_str().is_some_and(|text| text.starts_with("abc")), "{document}");
    assert_eq!((&document["stdout_bytes"], &document["stdout_cut"]), (&json!(6), &json!(true)));
}

#[test]
fn a_command_that_does_not_run_to_its_end_is_no_evidence() {
    let dir = dir();
    dir.write("no-program", "not executable");
    dir.write("sub/file", "");
    for (source, outcome) in [
        ("command = ['/no/such/program']\n".to_owned(), "not_found"),
        ("command = ['no-such-program-anywhere']\n".to_owned(), "not_found"),
        ("command = ['./gone']\n".to_owned(), "not_found"),
        (source("kill -9 $$", ""), "killed"),
        (source("kill -SEGV $$", ""), "killed"),
        (source("kill -TERM $$", ""), "killed"),
        (source("sleep 300", "timeout = '1s'"), "timeout"),
        (source("while :; do :; done", "timeout = '1s'"), "timeout"),
        (source("while :; do echo flood; done", "timeout = '1s'\nmax_output = '1KiB'"), "timeout"),
        (source("trap '' TERM INT HUP; while :; do sleep 1; done", "timeout = '1s'"), "timeout"),
    ] {
        check_fails(&dir, "", &source, outcome);
    }
}

#[test]
fn what_cannot_be_started_is_no_evidence_either() {
    let dir = dir();
    dir.write("no-program", "not executable");
    dir.write("folder/file", "");
    for source in [
        "command = ['./no-program']\n",
        "command = ['./folder']\n",
        "command = ['/bin/true']\ncwd = 'gone'\n",
        "command = ['/bin/true']\ncwd = 'no-program'\n",
    ] {
        dir.manifest(&format!("[evidence.e]\n{source}[gate.look]\nmodule = 'echo.wasm'\ninput = 'e'\n"));
        dir.run().exits(3).says("evidence-missing");
        let found = super::input(&dir.decision(), "e");
        assert_ne!(found["outcome"], "completed", "{source}: {found}");
    }
}

#[test]
fn a_timeout_ends_the_whole_group() {
    let dir = dir();
    let stubborn =
        "(trap '' TERM HUP; echo $$ >/dev/null; sleep 300 & echo $! >grandchild; wait) & echo $! >child; wait";
    check_fails(&dir, "", &source(stubborn, "timeout = '3s'\nenv = { PATH = '/usr/bin:/bin' }"), "timeout");
    ends(&dir, "child");
    ends(&dir, "grandchild");
}

#[test]
fn what_a_command_leaves_behind_is_ended_with_it_and_not_waited_for() {
    let dir = dir();
    // It holds stdout open, so that waiting for the end of that would wait for it.
    let leaves = "sleep 300 & echo $! >left; echo done";
    let document = seen(&dir, &script(leaves, ", timeout = '60s', env = { PATH = '/usr/bin:/bin' }"));
    assert_eq!((&document["exit_code"], &document["stdout"]), (&json!(0), &json!("done\n")));
    ends(&dir, "left");
}
