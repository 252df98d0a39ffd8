//! What changed since a run was broken off keeps it from going on, with what changed; so it does once it had ended.

use super::*;
use crate::harness::{PASS, answering, hex};

const LIST: &str = "list.json";

/// A pipeline that rests on every kind of file, its run about to be broken off while its command waits.
fn pipeline() -> Dir {
    let dir = Dir::new();
    dir.echo();
    dir.parrot("gate");
    dir.parrot("validator");
    with_list(&dir);
    dir.write("in.json", "[1]");
    dir.write("docs/a.txt", hex(PASS.as_bytes()));
    dir.write("seen/a", "a");
    dir.write("suppressions.txt", "# none\n");
    let sources = [
        ("file", "{ file = 'in.json' }"),
        ("maybe", "{ file = 'maybe.json', optional = true }"),
        ("gone", "{ file = 'gone.json' }"),
        ("seen", "{ files = 'seen/*' }"),
        ("waits", &*sh("while [ ! -e go ]; do kill -0 $PPID || exit 9; sleep 0.01; done", ", timeout = '80s'")),
    ];
    let gates = "[gate.look]\nmodule = 'echo.wasm'\ninput = { file = 'file', maybe = 'maybe', seen = 'seen', waits = 'waits' }\n\
        [gate.miss]\nmodule = 'echo.wasm'\ninput = 'gone'\nenforcement = 'advisory'\n\
        [gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\nsuppressions = 'suppressions.txt'\n";
    manifest(&dir, "", &sources, &format!("{gates}{}", answering("good", PASS)));
    dir
}

/// Changes one thing after the other, and puts each back: resuming is refused with what changed, and nothing happens.
fn refuses_each_change(dir: &Dir, status: i32, changes: &[(&str, &[u8], &str)]) {
    let before = files(dir);
    let decision = fs::read(dir.path(format!("{OUT}/decision.json"))).ok();
    for (file, bytes, told) in changes {
        let was = fs::read(dir.path(file)).ok();
        dir.write(file, bytes);
        let ended = dir.portcullis(&["resume", "last"]).run();
        ended.exits(2).refuses_with("resume-changed").says(told);
        match &was {
            Some(was) => dir.write(file, was),
            None => fs::remove_file(dir.path(file)).expect("removed"),
        }
        if was.is_some() {
            fs::rename(dir.path(file), dir.path("away")).expect("moved");
            dir.portcullis(&["resume", "last"]).run().exits(2).refuses_with("resume-changed").says(told);
            fs::rename(dir.path("away"), dir.path(file)).expect("moved");
        }
    }
    assert_eq!(files(dir), before, "the ledger is as it was");
    assert_eq!(fs::read(dir.path(format!("{OUT}/decision.json"))).ok(), decision, "and so is what was decided");
    dir.write("go", "");
    dir.portcullis(&["resume", "last"]).run().exits(status);
    adds_up(dir);
}

#[test]
fn what_changed_since_a_run_was_broken_off_is_named_and_refused() {
    let dir = pipeline();
    let mut flipped = dir.read("parrot-gate.wasm");
    *flipped.last_mut().expect("bytes") ^= 1;
    let running = dir.portcullis(&["run"]).start();
    wait_until("all but the command is there", || entries(&dir) >= 6);
    kill(&dir, running);
    let manifest = dir.text("portcullis.toml").replace("'advisory'", "'mandatory'");
    let trust = format!("{}\n", dir.text("trust.toml"));
    let list = format!("{}\n", dir.text(LIST));
    refuses_each_change(
        &dir,
        0,
        &[
            ("portcullis.toml", manifest.as_bytes(), "`portcullis.toml`"),
            ("trust.toml", trust.as_bytes(), "`trust.toml`"),
            (LIST, list.as_bytes(), "`list.json`"),
            ("parrot-gate.wasm", &flipped, "`parrot-gate.wasm`"),
            ("suppressions.txt", b"", "`suppressions.txt`"),
            ("in.json", b"[1] ", "evidence `file`"),
            ("maybe.json", b"[2]", "evidence `maybe`"),
            ("gone.json", b"[2]", "evidence `gone`"),
            ("seen/a", b"b", "evidence `seen`"),
        ],
    );
}

#[test]
fn what_changed_since_a_run_ended_is_named_and_refused() {
    let dir = pipeline();
    dir.write("go", "");
    dir.portcullis(&["run"]).run().exits(0);
    let other = hex(crate::harness::FAIL.as_bytes());
    refuses_each_change(
        &dir,
        0,
        &[
            ("portcullis.toml", b"", "`portcullis.toml`"),
            ("docs/a.txt", other.as_bytes(), "the files of gate `v`"),
            ("in.json", b"", "evidence `file`"),
        ],
    );
    dir.write("docs/b.txt", "");
    dir.portcullis(&["resume", "last"]).run().exits(2).refuses_with("resume-changed").says("the files of gate `v`");
    fs::remove_file(dir.path("docs/b.txt")).expect("removed");
    // Several at once are all told, and its folder has to be there.
    for file in ["trust.toml", "portcullis.toml"] {
        dir.write(file, "");
    }
    let ended = dir.portcullis(&["resume", "last"]).run();
    ended.exits(2).says("`portcullis.toml` changed").says("`trust.toml` changed").says("2 problems");
}

#[test]
fn recorded_evidence_that_changed_is_named_and_refused() {
    let dir = pipeline();
    dir.write("go", "");
    dir.portcullis(&["collect", "--out", "recorded"]).run();
    dir.portcullis(&["run", "--evidence-dir", "recorded"]).run().exits(0);
    let was = dir.text("recorded/evidence/file.json");
    dir.write("recorded/evidence/file.json", "[9]");
    dir.portcullis(&["resume", "last"]).run().exits(2).refuses_with("resume-changed").says("evidence `file`");
    dir.write("recorded/evidence/file.json", was);
    dir.portcullis(&["resume", "last"]).run().exits(0);
    fs::rename(dir.path("recorded"), dir.path("away")).expect("moved");
    dir.portcullis(&["resume", "last"]).run().exits(2);
}

#[test]
fn what_is_revoked_since_does_not_go_on() {
    let dir = pipeline();
    let running = dir.portcullis(&["run"]).start();
    wait_until("it has begun", || entries(&dir) >= 1);
    kill(&dir, running);
    let run = text(&shown(&dir, "last")["run"]);
    let before = files(&dir);
    // Whoever gives another list gives another run.
    list_with(&dir, LIST, &["--module", "echo.wasm", "--reason", "malicious"]);
    dir.portcullis(&["resume", &run]).run().exits(2).refuses_with("resume-changed").says("`list.json`");
    assert_eq!(files(&dir), before);
}

#[test]
fn a_run_whose_folder_is_gone_is_refused() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("good", PASS));
    let program = env!("CARGO_BIN_EXE_portcullis");
    fs::create_dir(dir.path("inside")).expect("made");
    let script = format!("cd inside && {program} run ../portcullis.toml");
    dir.other("sh", &["-c", &script]).run().exits(0);
    dir.portcullis(&["resume", "last"]).run().exits(0);
    assert!(dir.has(format!("{OUT}/decision.json")), "what it leaves is here");
    fs::remove_dir_all(dir.path("inside")).expect("removed");
    dir.portcullis(&["resume", "last"]).run().exits(2).refuses_with("resume-folder").says("inside");
    dir.portcullis(&["replay", "last"]).run().exits(0);
}

#[test]
fn no_output_of_a_resumed_run_takes_the_place_of_what_it_rests_on() {
    let dir = pipeline();
    dir.write("go", "");
    dir.run().exits(0);
    for file in ["in.json", "portcullis.toml", "trust.toml", LIST, "parrot-gate.wasm", "docs/a.txt", "suppressions.txt"]
    {
        let before = dir.read(file);
        let output = format!("json={file}");
        dir.portcullis(&["resume", "last", "--output", &output]).run().exits(2).refuses_with("output-is-input");
        assert_eq!(dir.read(file), before);
    }
}
