//! Manifests that do not resolve. That each mistake is told as it should be is tested beside the parser; here, that the
//! binary tells them, with their places and all at once, ends as misuse, and has run nothing.

use crate::harness::{Dir, Ended, PASS, answering};

/// Runs a manifest of the head and `rest`, whose first line is the fourth.
fn run(rest: &str) -> Ended {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(rest);
    let ended = dir.run();
    dir.has_no_artifacts();
    ended
}

fn check(rest: &str, code: &str, place: &str, told: &str) {
    run(rest).exits(2).refuses_with(code).says(&format!("at   portcullis.toml:{place}\n")).says(told);
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_known_one() {
    let gate = "[gate.g]\nmodule = 'parrot-gate.wasm'\n";
    check(&format!("{gate}limits = {{ fule = 1 }}\n"), "unknown-key", "6:12", "did you mean `fuel`?");
    check(&format!("{gate}enforcment = 'advisory'\n"), "unknown-key", "6:1", "did you mean `enforcement`?");
    check(&format!("[evidnce]\n{gate}"), "unknown-key", "4:2", "did you mean `evidence`?");
}

#[test]
fn each_kind_of_mistake_ends_as_misuse() {
    let gate = "[gate.g]\nmodule = 'parrot-gate.wasm'\n";
    for (rest, code, place) in [
        (format!("{gate}kind = 'gat'\n"), "unknown-word", "6:8"),
        (format!("{gate}input = 'gone'\n"), "unknown-evidence", "6:9"),
        (format!("{gate}needs = ['h']\n"), "unknown-gate", "6:10"),
        (format!("{gate}module = 'b'\n"), "duplicate-key", "6:1"),
        (format!("{gate}{gate}"), "duplicate-gate", "6:7"),
        (format!("{gate}needs = ['g']\n"), "gate-cycle", "4:7"),
        (format!("{gate}limits = {{ fuel = 0 }}\n"), "limit-zero", "6:19"),
        (format!("{gate}limits = {{ memory = '2GiB' }}\n"), "limit-ceiling", "6:21"),
        (format!("{gate}limits = {{ time = 5 }}\n"), "wrong-type", "6:19"),
        (format!("{gate}limits = {{ stdout = 'much' }}\n"), "bad-amount", "6:21"),
        (format!("{gate}each = '/etc/*'\n"), "bad-glob", "6:8"),
        (format!("{gate}enforcement = 'advisory'\n"), "no-mandatory-gates", "1:1"),
        (format!("{gate}[[stage]]\nid = 's'\ntype = 'agents'\n"), "unknown-word", "8:8"),
        (format!("{gate}[decision]\nexpr = 'g &&'\n"), "decision-expression", "7:13"),
        (format!("{gate}[decision]\nexpr = 'h'\n"), "unknown-gate", "7:9"),
        (format!("{gate}[decision]\nat_least = 2\n"), "at-least-too-many", "6:1"),
        ("[gate.'G G']\nmodule = 'm'\n".to_owned(), "bad-name", "4:7"),
        ("[gate.g]\n".to_owned(), "missing-key", "4:1"),
        ("[gate.g]\nmodule = ''\n".to_owned(), "empty-path", "5:10"),
        ("[gate.g\n".to_owned(), "toml-syntax", "4:8"),
        ("[evidence]\na = { command = [] }\n[gate.g]\nmodule = 'm'\n".to_owned(), "empty-command", "5:17"),
        (String::new(), "no-gates", "1:1"),
    ] {
        check(&rest, code, place, "");
    }
}

#[test]
fn all_problems_are_told_at_once_and_in_the_files_order() {
    let ended = run("[limits]\nfule = 1\n[gate.a]\nmodul = 'm'\nneeds = ['b']\n[gate.c]\nmodule = 'm'\ninput = 'x'\n");
    let codes: Vec<_> =
        ended.exits(2).stderr.lines().filter_map(|line| line.strip_prefix("error[")?.split(']').next()).collect();
    assert_eq!(codes, ["unknown-key", "missing-key", "unknown-key", "unknown-gate", "unknown-evidence"]);
    ended.says("5 problems");
}

#[test]
fn what_is_no_manifest_is_misuse() {
    let dir = Dir::new();
    dir.run().exits(2).refuses_with("file-missing");
    dir.write("folder.toml/inside", "");
    dir.portcullis(&["run", "folder.toml"]).run().exits(2).refuses_with("not-a-file");
    for (bytes, code) in [
        (&b""[..], "no-gates"),
        (b"\n\n# nothing\n", "no-gates"),
        (b"\xff\xfe", "not-utf8"),
        (b"\0", "toml-syntax"),
        (b"{\"schema\":1}", "toml-syntax"),
        (b"schema = 2\nname = 'a'\ntrust = 't'\n[gate.g]\nmodule = 'm'\n", "schema-version"),
    ] {
        dir.write("bad.toml", bytes);
        dir.portcullis(&["run", "bad.toml"]).run().exits(2).refuses_with(code);
    }
    dir.write("bad.toml", "#".repeat((1 << 20) + 1));
    dir.portcullis(&["run", "bad.toml"]).run().exits(2).refuses_with("file-too-large");
    dir.write("bad.toml", format!("a = {}", "[".repeat(100_000)));
    dir.portcullis(&["run", "bad.toml"]).run().exits(2).refuses_with("toml-syntax");
    dir.has_no_artifacts();
}

#[test]
fn a_trust_file_that_is_not_there_or_not_to_be_read_refuses_the_run() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    for text in ["", "schema = 1\n", "schema = 1\n[publisher.own]\nkeys = []\nmodules = ['*']\nkinds = ['gate']\n", "x"]
    {
        dir.write("trust.toml", text);
        dir.run().exits(4);
        dir.has_no_artifacts();
    }
    std::fs::remove_file(dir.path("trust.toml")).expect("removed");
    dir.run().exits(4).refuses_with("trust-unreadable");
    dir.has_no_artifacts();
}

#[test]
fn the_selection_of_gates_is_resolved_before_anything_runs() {
    let dir = Dir::new();
    dir.parrot("gate");
    let gates = [answering("a", PASS), answering("b", PASS), answering("advice", PASS)].concat();
    dir.manifest(&format!("{gates}enforcement = 'advisory'\n"));
    dir.portcullis(&["run", "--gates", "aa"]).run().exits(2).refuses_with("unknown-gate").says("known here");
    dir.portcullis(&["run", "--gates"]).run().exits(2);
    dir.portcullis(&["run", "--all", "--gates", "a"]).run().exits(2);
    // A selection in which nothing decides is never a go.
    let ended = dir.portcullis(&["run", "--gates", "advice"]).run();
    assert!(matches!(ended.status, Some(2 | 3)), "{ended}");
    dir.portcullis(&["run", "--gates", "b"]).run().exits(0);
    assert_eq!(dir.decision()["gates"].as_array().map(Vec::len), Some(1));
    dir.manifest(&format!("{}{}[decision]\nexpr = 'a && b'\n", answering("a", PASS), answering("b", PASS)));
    dir.portcullis(&["run", "--gates", "a"]).run().exits(2);
    dir.has_no_artifacts();
}

#[test]
fn a_dry_run_prints_the_plan_and_touches_nothing() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&format!("{}{}needs = ['a']\n", answering("a", PASS), answering("b", PASS)));
    dir.portcullis(&["run", "--dry-run"]).run().exits(0).says("a").says("b");
    assert!(!dir.has(crate::harness::OUT));
    dir.run().exits(0);
    dir.portcullis(&["run", "--dry-run"]).run().exits(0);
    assert_eq!(dir.decision()["decision"], "go");
}
