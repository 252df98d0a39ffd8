//! What a scan leaves: whole or not at all, never an older one, and never in the place of what it reads.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::{MODULE, NOW, dir, scan, scan_by, with_flows};
use crate::{
    harness::Dir,
    interrupts::{send, wait_until_it_works},
};

fn around() -> Dir {
    with_flows(&[("a", "foo(1)\n"), ("b", ":\n"), ("sub/c", "goal: x\n")])
}

#[test]
fn the_text_is_shown_unless_something_else_is_and_each_output_goes_where_it_is_sent() {
    let dir = around();
    let text = scan(&dir, &[]).run().exits(1).stdout.clone();
    assert!(text.contains("PARSE_ERROR") && text.ends_with("2 of 3 files failed (66.7 %)\n"), "{text}");
    let ended = scan(&dir, &["--output", "classification=c.json", "--output", "text=t.txt"]).run();
    assert_eq!((&ended.exits(1).stdout, &dir.text("t.txt")), (&text, &text));
    let shown = scan(&dir, &["--output", "classification"]).run().stdout;
    assert_eq!(shown, dir.text("c.json"));
    let both = scan(&dir, &["--output", "classification", "--output", "text"]).run().stdout;
    assert_eq!(both, shown + &text);
    // The artifacts' own names are forms too.
    for (name, form) in [
        ("classification.json", "classification"),
        ("classification.md", "markdown"),
        ("parse_baseline.json", "baseline"),
    ] {
        let of = |form: &str| scan(&dir, &["--output", form]).run().exits(1).stdout.clone();
        assert_eq!(of(name), of(form));
    }
    for (wrong, told) in
        [("yaml", "the forms are text, classification"), ("=x", "the forms are"), ("sarif=", "no path")]
    {
        scan(&dir, &["--output", wrong]).run().exits(2).says(told);
    }
}

#[test]
fn the_classification_has_what_is_written_about_it() {
    let dir = around();
    for number in 0..7 {
        dir.write(format!("flows/many/{number}.aether"), "bar(1)\n");
    }
    let told = super::classified(&dir, &[]);
    let summary = &told["summary"];
    assert_eq!(
        (&summary["total"], &summary["failed"], &summary["suppressed_failures"]),
        (&json!(10), &json!(9), &json!(0))
    );
    assert_eq!((&summary["failure_rate"], &summary["timestamp"]), (&json!(0.9), &json!("2026-01-10T00:00:00+00:00")));
    let examples: Vec<String> =
        ["a", "many/0", "many/1", "many/2", "many/3"].iter().map(|name| format!("flows/{name}.aether")).collect();
    assert_eq!(summary["categories"]["VALIDATION_ERROR"], json!({"count": 8, "examples": examples}));
    let parse = &told["workflows"][1];
    for (name, expect) in [
        ("path", json!("flows/b.aether")),
        ("ok", json!(false)),
        ("category", json!("PARSE_ERROR")),
        ("error", json!("Parse error (assignment) line 1: :")),
        ("code", json!(20)),
        ("code_name", json!("PARSE_ERROR")),
        ("phase", json!("parse")),
        ("line", json!(1)),
        ("suppressed", json!(false)),
    ] {
        assert_eq!(parse[name], expect, "{name}");
    }
    // The first 16 hex digits of SHA-256 over `PARSE_ERROR|1|Parse error (assignment) line 1: :`.
    assert_eq!(parse["fingerprint"], "bb99f8a3f649cda9");
}

#[test]
fn what_an_earlier_scan_left_is_gone_whatever_goes_wrong() {
    let dir = around();
    dir.write("s.txt", "half-writ");
    dir.manifest(&format!("[gate.g]\nmodule = '{MODULE}'\neach = 'flows/**/*.aether'\n"));
    let wrong: [&[&str]; 8] = [
        &["scan", MODULE, "flows"],
        &["scan", MODULE, "flows", "--key", "gone.pub"],
        &["scan", MODULE, "gone", "--unverified"],
        &["scan", MODULE, "flows", "--unverified", "--suppressions", "s.txt"],
        &["scan", MODULE, "flows", "--unverified", "--baseline", "gone.json"],
        &["scan", MODULE, "flows", "--unverified", "--params", "{"],
        &["scan", "g", "--manifest", "gone.toml"],
        &["scan", "gone"],
    ];
    for arguments in wrong {
        dir.write("old.json", "an older one");
        let ended = dir.portcullis(&[arguments, &["--output", "baseline=old.json"]].concat()).run();
        assert!(matches!(ended.status, Some(2 | 4)), "{ended}");
        assert!(!dir.has("old.json"), "{ended}");
    }
}

#[test]
fn an_output_never_takes_the_place_of_what_the_scan_reads() {
    let dir = around();
    scan(&dir, &["--output", "baseline=main.json"]).run().exits(1);
    dir.write("s.txt", "# none\n");
    dir.write("p.json", "{}");
    dir.manifest(&format!("[gate.g]\nmodule = '{MODULE}'\neach = 'flows/**/*.aether'\nsuppressions = 's.txt'\n"));
    // A manifest elsewhere: its files are known by paths from there.
    let elsewhere = "schema = 1\nname = 'n'\ntrust = '../trust.toml'\n[gate.g]\n";
    dir.write("n/portcullis.toml", format!("{elsewhere}module = '../{MODULE}'\neach = 'own/*.aether'\n"));
    dir.write("n/own/x.aether", "foo(1)\n");
    let module: &[&str] =
        &["scan", MODULE, "flows", "--trust", "trust.toml", "--suppressions", "s.txt", "--baseline", "main.json"];
    let with_key: &[&str] = &["scan", MODULE, "flows", "--key", "own.pub", "--params", "@p.json"];
    let gate: &[&str] = &["scan", "g"];
    let elsewhere: &[&str] = &["scan", "g", "--manifest", "n/portcullis.toml"];
    for (arguments, read) in [
        (module, MODULE),
        (module, "trust.toml"),
        (module, "s.txt"),
        (module, "main.json"),
        (module, "flows/a.aether"),
        (module, "./flows/../flows/sub/c.aether"),
        (with_key, "own.pub"),
        (with_key, "p.json"),
        (gate, "portcullis.toml"),
        (gate, "trust.toml"),
        (gate, "s.txt"),
        (gate, MODULE),
        (gate, "flows/b.aether"),
        (elsewhere, "n/portcullis.toml"),
        (elsewhere, "n/own/x.aether"),
    ] {
        let before = dir.read(read);
        let ended = dir.portcullis(&[arguments, &["--output", &format!("sarif={read}")]].concat()).run();
        ended.exits(2).refuses_with("output-is-input");
        assert_eq!(dir.read(read), before, "{read}");
    }
    let twice = ["--output", "sarif=x", "--output", "text=x"];
    scan(&dir, &twice).run().exits(2).refuses_with("output-twice");
    scan(&dir, &["--output", "sarif=flows"]).run().exits(2).refuses_with("not-a-file");
}

#[test]
fn an_output_that_cannot_be_written_or_shown_is_no_scan_that_went_well() {
    let dir = with_flows(&[("a", "goal: x\n")]);
    scan(&dir, &["--output", "sarif=gone/x.sarif"]).run().exits(3).refuses_with("file-unwritable");
    dir.write("file", "");
    scan(&dir, &["--history-dir", "file"]).run().exits(3).refuses_with("file-unwritable");
    scan(&dir, &[]).stdout_to("/dev/full").run().exits(3).refuses_with("stdout-failed");
    assert_eq!(dir.text("file"), "");
}

#[test]
fn nothing_is_kept_but_what_was_asked_for() {
    let dir = dir();
    dir.write("flows/a.aether", "foo(1)\n");
    let listed = || {
        let mut names: Vec<_> =
            dir.path("").read_dir().expect("listed").map(|entry| entry.expect("listed").file_name()).collect();
        names.sort();
        names
    };
    let before = listed();
    dir.portcullis(&["scan", MODULE, "flows", "--unverified", "--now", NOW, "--no-cache"]).run().exits(1);
    assert_eq!(listed(), before);
    assert_eq!(dir.text("flows/a.aether"), "foo(1)\n");
}

#[test]
fn a_scan_that_is_interrupted_leaves_no_file() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", include_str!("../guests/moody.wat"));
    for (name, text) in [("a", "pass"), ("b", "spin"), ("c", "pass")] {
        dir.write(format!("flows/{name}.aether"), text);
    }
    let forms = ["text", "classification", "markdown", "baseline", "sarif", "status"];
    let outputs: Vec<String> = forms.iter().map(|form| format!("--output={form}=out/{form}")).collect();
    forms.iter().for_each(|form| dir.write(format!("out/{form}"), "an older one"));
    let mut arguments = vec!["--history-dir", "history", "--jobs", "1", "--fuel", "1T", "--time", "60s"];
    arguments.extend(outputs.iter().map(String::as_str));
    // What is compiled already is at work at once.
    scan_by(&dir, "moody.wasm", &["--fuel", "1M"]).run().exits(3);
    for signal in [Signal::INT, Signal::TERM] {
        let running = scan_by(&dir, "moody.wasm", &arguments).start();
        wait_until_it_works(running.id());
        send(running.id(), signal);
        let ended = running.wait();
        ended.exits(3).says("interrupted");
        assert!(ended.took < Duration::from_secs(50), "it did not wait for the validator\n{ended}");
        assert_eq!(dir.path("out").read_dir().expect("listed").count(), 0, "{ended}");
        assert!(!dir.has("history"), "{ended}");
    }
}
