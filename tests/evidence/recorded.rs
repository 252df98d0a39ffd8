//! `collect`, then `run --evidence-dir`: what was recorded is judged elsewhere, without the world, to the same decision; and
//! a folder that is not what was recorded is found out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{dir, handed, input, manifest};
use crate::{
    harness::{Dir, Ended, PASS, hex},
    server::{Behaviour, Server},
};

const NOW: &str = "2026-01-10T00:00:00Z";

fn collect(dir: &Dir) -> Ended {
    dir.portcullis(&["collect", "portcullis.toml", "--out", "recorded"]).run()
}

fn judge(dir: &Dir) -> Ended {
    dir.portcullis(&["run", "--evidence-dir", "recorded", "--now", NOW]).run()
}

/// A folder with a source of each kind, two validated files, and what serves them.
fn with_every_source() -> (Dir, Server) {
    let dir = dir();
    dir.parrot("validator");
    let server = Server::start(Behaviour::Good);
    let finding = r#"{"verdict":"pass","findings":[{"code":"X","severity":"note","message":"m","line":1}]}"#;
    dir.write("docs/a.txt", hex(PASS.as_bytes()));
    dir.write("docs/b/b.txt", hex(finding.as_bytes()));
    dir.write("log.jsonl", "{\"n\":1.50}\n");
    let sources = format!(
        "file = {{ file = 'log.jsonl' }}\ngone = {{ file = 'gone.json', optional = true }}\nvalue = {{ value = {{ a = 1.5 }} }}\n\
         vars = {{ env = ['HOME', 'GONE'] }}\nran = {{ command = ['/bin/sh', '-c', 'echo said; exit 3'] }}\n\
         asked = {{ http = {{ url = '{}' }} }}",
        server.url("/api/kernel/services")
    );
    manifest(&dir, "", &sources);
    let text = dir.text("portcullis.toml");
    dir.write(
        "portcullis.toml",
        format!("{text}[gate.files]\nmodule = 'parrot-validator.wasm'\neach = 'docs/**/*.txt'\n"),
    );
    (dir, server)
}

/// Everything of a decision that does not tell when it was made.
fn without_times(mut decision: Value) -> Value {
    for name in ["runId", "startedOn", "finishedOn"] {
        decision[name].take();
    }
    decision["summary"]["durationMs"].take();
    for gate in decision["gates"].as_array_mut().expect("gates") {
        gate["durationMs"].take();
        gate["details"]["run_id"].take();
    }
    decision
}

/// The same without how long commands and servers took, and what follows from how that is written.
fn without_durations(decision: Value) -> Value {
    let mut decision = without_times(decision);
    for gate in decision["gates"].as_array_mut().expect("gates") {
        gate["fuelUsed"].take();
        gate["fuelLimit"].take();
        for source in ["ran", "asked"] {
            gate["details"]["input"][source]["duration_seconds"].take();
        }
    }
    decision["gates"].take()
}

#[test]
fn what_was_recorded_is_judged_elsewhere_and_without_the_world_as_it_was_live() {
    let (dir, server) = with_every_source();
    dir.portcullis(&["run", "--now", NOW]).run().exits(0);
    let live = dir.decision();
    assert_eq!(live["gates"][1]["findings"][0]["path"], "docs/b/b.txt");
    collect(&dir).exits(0);
    assert_eq!(server.asked("/api/kernel/services"), 2);
    assert!(dir.has("recorded/collected.json"));
    judge(&dir).exits(0);
    let here = dir.decision();

    // Another folder: nothing that it was collected from is there, but for what it is judged with.
    drop(server);
    let there = Dir::new();
    for file in ["portcullis.toml", "trust.toml", "echo.wasm", "parrot-validator.wasm"] {
        there.write(file, dir.read(file));
    }
    copy(&dir.path("recorded"), &there.path("recorded"));
    judge(&there).exits(0);
    let elsewhere = there.decision();
    assert_eq!(without_times(here.clone()), without_times(elsewhere), "fuel, details and digests are the same");
    assert_eq!(without_durations(here.clone()), without_durations(live));
    assert_eq!(here["gates"][0]["details"]["input"]["ran"]["exit_code"], 3);
    assert_eq!(input(&here, "ran")["outcome"], "completed");
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(|entry| entry.expect("listed")) {
        let place = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(place).expect("a folder");
        } else {
            fs::copy(entry.path(), place).expect("copied");
        }
    }
}

fn files(dir: &Dir) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(dir.path("recorded")).into_iter().map(|entry| entry.expect("listed"));
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

#[test]
fn a_changed_byte_in_any_recorded_file_is_found_out() {
    let (dir, _server) = with_every_source();
    collect(&dir).exits(0);
    let mut pieces = 0;
    for path in files(&dir) {
        if path.ends_with("collected.json") {
            continue;
        }
        let whole = fs::read(&path).expect("read");
        let spoil = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            let ended = judge(&dir);
            ended.exits(3);
            assert_eq!(dir.decision()["decision"], "blocked", "{}\n{ended}", path.display());
        };
        let mut changed = whole.clone();
        changed[whole.len() / 2] ^= 1;
        spoil(&changed);
        spoil(&[&whole[..], b" "].concat());
        spoil(&whole[..whole.len() - 1]);
        fs::remove_file(&path).expect("removed");
        judge(&dir).exits(3);
        fs::write(&path, &whole).expect("written");
        pieces += 1;
    }
    assert_eq!(pieces, 8, "six pieces and two files");
    judge(&dir).exits(0);
}

#[test]
fn a_folder_without_an_index_or_with_a_broken_one_is_no_evidence() {
    let (dir, _server) = with_every_source();
    let ended = judge(&dir);
    assert!(matches!(ended.status, Some(2 | 3)), "{ended}");
    collect(&dir).exits(0);
    let whole = dir.read("recorded/collected.json");
    let twice = String::from_utf8_lossy(&whole).replacen("\"vars\"", "\"file\"", 1);
    let other = String::from_utf8_lossy(&whole).replacen("\"schema\": 1", "\"schema\": 2", 1);
    let nested = "[".repeat(200_000);
    for bytes in [
        &b""[..],
        b"{}",
        b"null",
        b"\xff",
        &whole[..whole.len() / 2],
        twice.as_bytes(),
        other.as_bytes(),
        nested.as_bytes(),
    ] {
        dir.write("recorded/collected.json", bytes);
        let ended = judge(&dir);
        assert!(matches!(ended.status, Some(2 | 3)), "{}\n{ended}", String::from_utf8_lossy(bytes));
        assert!(ended.stderr.contains("error["), "{ended}");
    }
    fs::remove_file(dir.path("recorded/collected.json")).expect("removed");
    judge(&dir).refuses_with("file-missing");
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path("recorded/collected.json"), rustix::fs::Mode::RUSR).expect("a pipe");
    judge(&dir).refuses_with("not-a-file");
}

#[test]
fn an_index_leads_to_no_file_outside_of_its_folder() {
    let (dir, _server) = with_every_source();
    collect(&dir).exits(0);
    let index = dir.json("recorded/collected.json");
    let secret = dir.read("own.key");
    let sha256 = portcullis::digest::Digest::of(&secret).to_string();
    let mut evil = index.clone();
    for file in evil["each"][0]["files"].as_array_mut().expect("files") {
        file["path"] = json!("../own.key");
        file["sha256"] = json!(sha256);
    }
    for piece in evil["evidence"].as_array_mut().expect("pieces") {
        piece["format"] = json!("../../../own.key");
    }
    dir.write("recorded/collected.json", evil.to_string());
    judge(&dir).exits(3);
    assert!(!dir.decision().to_string().contains(String::from_utf8_lossy(&secret).trim()));
}

#[test]
fn a_source_that_failed_is_recorded_as_its_failure_and_blocks_as_it_did() {
    let dir = dir();
    for (source, outcome) in [
        ("{ command = ['/no/such/program'] }", "not_found"),
        ("{ command = ['/bin/sh', '-c', 'echo before; kill -9 $$'] }", "killed"),
        ("{ file = 'gone.json' }", "failed"),
    ] {
        manifest(&dir, "", &format!("e = {source}\nfine = {{ value = 1 }}"));
        dir.run().exits(3);
        let live = dir.decision();
        let _ = fs::remove_dir_all(dir.path("recorded"));
        collect(&dir).exits(3);
        judge(&dir).exits(3);
        let recorded = dir.decision();
        for decision in [&live, &recorded] {
            assert_eq!(input(decision, "e")["outcome"], outcome, "{source}");
        }
        assert_eq!(input(&live, "e")["error"], input(&recorded, "e")["error"], "{source}");
        assert_eq!(live["gates"][0]["fault"]["code"], recorded["gates"][0]["fault"]["code"], "{source}");
    }
}

#[test]
fn what_was_not_recorded_is_not_had_from_the_world_instead() {
    let (dir, server) = with_every_source();
    collect(&dir).exits(0);
    let text = dir.text("portcullis.toml");
    let more = text.replacen("[evidence]\n", "[evidence]\nnew = { command = ['/bin/sh', '-c', 'touch ran'] }\n", 1);
    dir.write("portcullis.toml", more.replacen("input = {", "input = { new = 'new',", 1));
    judge(&dir).exits(3).says("evidence-missing");
    assert!(!dir.has("ran"));
    assert_eq!(server.requests().len(), 1);
    // What the command line names takes the place of what was recorded.
    dir.write("portcullis.toml", text);
    dir.write("other.json", "{\"other\":true}");
    let arguments = ["run", "--evidence-dir", "recorded", "--evidence", "value=other.json"];
    dir.portcullis(&arguments).run().exits(0);
    assert_eq!(handed(&dir)["value"], json!({ "other": true }));
}

#[test]
fn an_older_recording_is_not_taken_for_a_new_one() {
    let (dir, _server) = with_every_source();
    collect(&dir).exits(0);
    let before = dir.json("recorded/collected.json");
    dir.write("log.jsonl", "{\"n\":2}\n");
    let again = collect(&dir);
    match again.status {
        Some(0) => assert_ne!(dir.json("recorded/collected.json")["evidence"][0], before["evidence"][0]),
        _ => {
            again.exits(2);
            assert_eq!(dir.json("recorded/collected.json"), before);
        }
    }
    let into_a_file = dir.portcullis(&["collect", "portcullis.toml", "--out", "trust.toml"]).run();
    assert!(matches!(into_a_file.status, Some(2 | 3)) && into_a_file.stderr.contains("error["), "{into_a_file}");
    dir.portcullis(&["collect", "gone.toml", "--out", "new"]).run().exits(2).refuses_with("file-missing");
    assert!(!dir.has("new/collected.json"));
}
