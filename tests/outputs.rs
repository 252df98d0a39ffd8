//! What a run leaves: whole or not at all, and never an older decision.

use std::fs;

use crate::harness::{Dir, FAIL, OUT, PASS, REVIEW, answering};

fn go() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir.run().exits(0);
    assert_eq!(dir.decision()["decision"], "go");
    dir
}

#[test]
fn every_decision_has_its_three_artifacts() {
    let dir = Dir::new();
    dir.parrot("gate");
    for (answer, status, decision, all_passed) in
        [(PASS, 0, "go", true), (FAIL, 1, "no-go", false), ("", 3, "blocked", false), (REVIEW, 3, "blocked", false)]
    {
        dir.manifest(&answering("g", answer));
        dir.run().exits(status).says(decision);
        let record = dir.decision();
        assert_eq!((&record["decision"], &record["exitCode"]), (&decision.into(), &status.into()));
        assert_eq!(dir.json(format!("{OUT}/gate_results.json"))["_meta"]["all_passed"], all_passed, "{decision}");
        assert_eq!(dir.path(OUT).read_dir().expect("listed").count(), 3);
    }
}

#[test]
fn an_older_decision_is_gone_before_anything_can_go_wrong() {
    let again = |spoil: &dyn Fn(&Dir), status: i32| {
        let dir = go();
        spoil(&dir);
        dir.run().exits(status);
        dir.has_no_artifacts();
    };
    again(&|dir| dir.write("parrot-gate.wasm", crate::harness::assemble(crate::harness::PARROT)), 4);
    again(&|dir| dir.write("trust.toml", ""), 4);
    again(&|dir| dir.write("portcullis.toml", ""), 2);
    again(&|dir| fs::remove_file(dir.path("portcullis.toml")).expect("removed"), 2);
    again(&|dir| fs::remove_file(dir.path("parrot-gate.wasm")).expect("removed"), 2);
}

#[test]
fn an_output_that_was_asked_for_is_as_old_as_the_decision() {
    let dir = go();
    let arguments = ["run", "--output", "json=a/d.json", "--output", "markdown=s.md", "--output", "results"];
    dir.portcullis(&arguments).run().exits(3).refuses_with("file-unwritable");
    dir.has_no_artifacts();
    dir.write("a/d.json", "an older one");
    let ended = dir.portcullis(&arguments).run();
    ended.exits(0);
    assert_eq!(dir.text("a/d.json"), dir.text(format!("{OUT}/decision.json")));
    assert_eq!(dir.text("s.md"), dir.text(format!("{OUT}/gate_sign_off.md")));
    assert_eq!(ended.stdout, dir.text(format!("{OUT}/gate_results.json")));
    dir.write("portcullis.toml", "");
    dir.portcullis(&arguments).run().exits(2);
    assert!(!dir.has("a/d.json") && !dir.has("s.md"));
    dir.portcullis(&["run", "--output", "yaml"]).run().exits(2).says("text, json, results");
}

#[test]
fn a_folder_that_cannot_be_written_is_no_go() {
    let dir = go();
    dir.write("file", "");
    for out in ["file", "file/below", "/proc/portcullis", "/dev/null/out"] {
        dir.portcullis(&["run", "--out", out]).run().exits(3).refuses_with("file-unwritable");
    }
    assert_eq!(dir.text("file"), "");
    dir.write("taken/decision.json/inside", "");
    dir.portcullis(&["run", "--out", "taken"]).run().exits(2).refuses_with("not-a-file");
}

#[test]
fn a_folder_that_became_read_only_is_no_go() {
    use std::os::unix::fs::PermissionsExt as _;
    if rustix::process::geteuid().is_root() {
        return; // Permissions do not hold root back; the test above stands in for this one.
    }
    let dir = go();
    fs::set_permissions(dir.path(OUT), fs::Permissions::from_mode(0o555)).expect("set");
    dir.run().exits(3).refuses_with("file-unwritable");
    fs::set_permissions(dir.path(OUT), fs::Permissions::from_mode(0o755)).expect("set");
}

/// Runs the binary in a shell under which no file can grow, as on a full disk.
fn on_a_full_disk(dir: &Dir, arguments: &str) -> crate::harness::Ended {
    let program = env!("CARGO_BIN_EXE_portcullis");
    // 25 is SIGXFSZ, which would otherwise end the process before it could say anything.
    dir.other("sh", &["-c", &format!("trap '' 25; ulimit -f 0; exec {program} {arguments}")]).run()
}

#[test]
fn a_full_disk_is_no_go_and_leaves_nothing_half_written() {
    let dir = go();
    on_a_full_disk(&dir, "run --no-ledger").exits(3).refuses_with("file-unwritable").says("write");
    dir.has_no_artifacts();
    on_a_full_disk(&dir, "key new other --no-passphrase").exits(3).refuses_with("file-unwritable");
    assert!(!dir.has("other.key") && !dir.has("other.pub"));
    let before = dir.read("parrot-gate.wasm");
    dir.new_key("second");
    on_a_full_disk(&dir, "sign parrot-gate.wasm --key second.key").exits(3).refuses_with("file-unwritable");
    assert_eq!(dir.read("parrot-gate.wasm"), before);
    on_a_full_disk(&dir, "new some-gate --kind gate").exits(3).refuses_with("file-unwritable");
    assert!(!dir.has("some-gate"));
}

/// Runs the binary where the folder `full` is a file system without room; nothing where no such can be made.
#[expect(clippy::print_stderr, reason = "a test that was skipped has to be seen")]
fn beside_a_full_disk(dir: &Dir, arguments: &str) -> Option<crate::harness::Ended> {
    let program = env!("CARGO_BIN_EXE_portcullis");
    fs::create_dir_all(dir.path("full")).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=32k none full || exit 99
        mkdir -p full/cache/portcullis/modules
        dd if=/dev/zero of=full/filling bs=1k 2>/dev/null
        export XDG_CACHE_HOME=$PWD/full/cache
        {program} {arguments} || exit
        ls -A full full/*"
    );
    let ended = dir.other("env", &["unshare", "-rm", "sh", "-c", &script]).run();
    if ended.stderr.contains("unshare") || ended.status == Some(99) {
        eprintln!("skipped: this machine lets no file system be made, so no disk was full");
        return None;
    }
    Some(ended)
}

#[test]
fn a_full_disk_under_the_cache_changes_no_decision_and_one_under_the_outputs_is_no_go() {
    let dir = Dir::with_own_cache();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    if let Some(ended) = beside_a_full_disk(&dir, "run -v") {
        ended.exits(0).says("note");
        assert_eq!(dir.decision()["decision"], "go");
    }
    if let Some(ended) = beside_a_full_disk(&dir, "run --out full/out") {
        ended.exits(3).refuses_with("file-unwritable").says("no space left");
    }
}

#[test]
fn a_result_that_cannot_be_shown_is_no_go() {
    let dir = go();
    dir.portcullis(&["run"]).stdout_to("/dev/full").run().exits(3).refuses_with("stdout-failed");
    dir.write("in.json", format!("{{\"text\":\"{}\"}}", crate::harness::hex(PASS.as_bytes())));
    for arguments in [
        &["eval", "parrot-gate.wasm", "--input", "in.json"][..],
        &["eval", "parrot-gate.wasm", "--input", "in.json", "--lines"],
        &["verify", "parrot-gate.wasm", "--trust", "trust.toml"],
        &["run", "--dry-run"],
    ] {
        dir.portcullis(arguments).stdout_to("/dev/full").run().exits(3).refuses_with("stdout-failed");
    }
}

#[test]
fn a_reader_that_has_gone_away_changes_no_decision() {
    let dir = go();
    let program = env!("CARGO_BIN_EXE_portcullis");
    let script = format!("{{ {program} run --output json --output json; echo $? >status; }} | true");
    dir.other("sh", &["-c", &script]).run();
    assert_eq!(dir.text("status").trim(), "0");
    assert_eq!(dir.decision()["decision"], "go");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let dir = go();
    let coloured = |arguments: &[&str], name: &str, value: &str| {
        // Through a file: the harness lets no escape through a pipe.
        let program = env!("CARGO_BIN_EXE_portcullis");
        let script = format!("{program} {} >shown 2>&1", arguments.join(" "));
        dir.other("sh", &["-c", &script]).env(name, value).run().exits(0);
        dir.read("shown").contains(&0x1b)
    };
    assert!(!coloured(&["run"], "TERM", "xterm"));
    assert!(coloured(&["run", "--color", "always"], "TERM", "dumb"));
    assert!(coloured(&["run"], "FORCE_COLOR", "1"));
    assert!(!coloured(&["run", "--color", "never"], "FORCE_COLOR", "1"));
    assert!(!coloured(&["run"], "NO_COLOR", "1"));
    // A file is read later, by whatever.
    assert!(coloured(&["run", "--color", "always", "--output", "text=t.txt", "--output", "text"], "TERM", "xterm"));
    assert!(!dir.read("t.txt").contains(&0x1b));
}

#[test]
fn an_output_that_the_run_reads_is_misuse_and_stays_as_it_was() {
    let dir = Dir::new();
    dir.write("evidence.json", "{}");
    dir.parrot("gate");
    let trust = dir.text("trust.toml");
    let written = "schema = 1\nname = \"t\"\ntrust = \"trust.toml\"\n[evidence]\ne = { file = \"evidence.json\" }\n\
                   [gate.g]\nmodule = \"gate.wasm\"\ninput = \"e\"\n";
    dir.write("m.toml", written);
    for read in ["m.toml", "trust.toml", "evidence.json"] {
        dir.portcullis(&["run", "m.toml", "--output", &format!("json={read}")]).run().exits(2).says("output-is-input");
    }
    assert_eq!((dir.text("m.toml"), dir.text("trust.toml")), (written.to_owned(), trust));
}

#[test]
fn artifacts_never_take_the_place_of_what_the_run_reads() {
    let dir = Dir::new();
    dir.parrot("gate");
    let manifest = "schema = 1\nname = \"t\"\ntrust = \"../trust.toml\"\n[gate.g]\nmodule = \"../parrot-gate.wasm\"\n";
    dir.write("e/decision.json", manifest);
    dir.portcullis(&["run", "e/decision.json", "--out", "e"]).run().exits(2).says("output-is-input");
    assert_eq!(dir.text("e/decision.json"), manifest);
    dir.write("broken/decision.json", "{");
    dir.portcullis(&["run", "broken/decision.json", "--out", "broken"]).run().exits(2);
    assert_eq!(dir.text("broken/decision.json"), "{");
}

#[test]
fn two_outputs_to_one_file_are_misuse_and_a_device_stays_a_device() {
    let dir = go();
    let twice = ["run", "--output", "json=a", "--output", "text=a"];
    dir.portcullis(&twice).run().exits(2).says("output-twice");
    dir.portcullis(&["run", "--output", "json=/dev/null"]).run().exits(2).says("not-a-file");
    assert!(!fs::metadata("/dev/null").expect("there").is_file());
}

#[test]
fn an_output_in_the_place_of_a_file_that_a_validator_looks_at_is_misuse() {
    let dir = Dir::new();
    dir.parrot("validator");
    dir.write("docs/a.txt", crate::harness::hex(PASS.as_bytes()));
    dir.write("n/docs/b.txt", crate::harness::hex(PASS.as_bytes()));
    dir.manifest("[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\n");
    let elsewhere = "schema = 1\nname = 'n'\ntrust = '../trust.toml'\n[gate.v]\nmodule = '../parrot-validator.wasm'\n";
    dir.write("n/portcullis.toml", format!("{elsewhere}each = 'docs/*.txt'\n"));
    std::os::unix::fs::symlink("docs/a.txt", dir.path("link")).expect("a link");
    for (manifest, output, read) in [
        ("portcullis.toml", "docs/a.txt", "docs/a.txt"),
        ("portcullis.toml", "./docs/../docs/a.txt", "docs/a.txt"),
        ("portcullis.toml", "link", "docs/a.txt"),
        ("n/portcullis.toml", "n/docs/b.txt", "n/docs/b.txt"),
    ] {
        let before = dir.read(read);
        let ended = dir.portcullis(&["run", manifest, "--output", &format!("json={output}")]).run();
        ended.exits(2).refuses_with("output-is-input");
        assert_eq!(dir.read(read), before, "{output}");
        assert!(dir.has("link"), "{output}");
    }
    // What only lies beside them is nobody's input.
    dir.write("docs/a.json", "an older one");
    dir.portcullis(&["run", "--output", "json=docs/a.json"]).run().exits(0);
    assert_eq!(dir.json("docs/a.json")["decision"], "go");
}
