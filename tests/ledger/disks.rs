//! A disk that is full or can only be read: nothing is decided that could not be kept, and what was kept stays.

use super::*;
use crate::harness::{Ended, PASS, answering};

fn pipeline() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir
}

/// Runs a script where the folder `disk` is a file system of its own, with `$P` for the binary; nothing where no such can be
/// made.
#[expect(clippy::print_stderr, reason = "a test that was skipped has to be seen")]
fn on_a_disk(dir: &Dir, size: &str, script: &str) -> Option<Ended> {
    let program = env!("CARGO_BIN_EXE_portcullis");
    fs::create_dir_all(dir.path("disk")).expect("a folder");
    let script = format!("P={program}; mount -t tmpfs -o size={size} none disk || exit 99\n{script}");
    let ended = dir.other("env", &["unshare", "-rm", "sh", "-c", &script]).run();
    if ended.stderr.contains("unshare") || ended.status == Some(99) {
        eprintln!("skipped: this machine lets no file system be made");
        return None;
    }
    Some(ended)
}

#[test]
fn where_no_file_can_grow_nothing_is_decided() {
    let dir = pipeline();
    dir.run().exits(0);
    let before = files(&dir);
    let program = env!("CARGO_BIN_EXE_portcullis");
    // 25 is SIGXFSZ, which would otherwise end the process before it could say anything.
    let script = format!("trap '' 25; ulimit -f 0; exec {program} run");
    let ended = dir.other("sh", &["-c", &script]).run();
    ended.exits(3).refuses_with("ledger-full").says("--no-ledger");
    dir.has_no_artifacts();
    assert_eq!(files(&dir), before);
    adds_up(&dir);
    let anew = format!("trap '' 25; ulimit -f 0; exec {program} run --ledger new/here.db");
    dir.other("sh", &["-c", &anew]).run().exits(3).says("error[ledger-").says("--no-ledger");
    assert!(!dir.has("new/here.db"), "no half of a ledger");
    dir.run().exits(0);
}

#[test]
fn a_run_that_fills_the_disk_decides_nothing_and_leaves_all_that_was_kept() {
    let dir = pipeline();
    dir.gate("content.wasm", "gate", CONTENT);
    dir.write("large.txt", "x".repeat(3 << 20));
    let gate = "[gate.g]\nmodule = 'content.wasm'\ninput = 'large'\n";
    let small = dir.text("portcullis.toml");
    manifest(&dir, "", &[("large", "{ file = 'large.txt' }")], gate);
    dir.write("large.toml", dir.text("portcullis.toml"));
    dir.write("portcullis.toml", small);
    let script = "set -e
        $P run --ledger disk/l.db >/dev/null
        rm -r portcullis-out
        $P run large.toml --ledger disk/l.db && exit 98
        status=$?
        ls portcullis-out
        $P ledger verify --ledger disk/l.db
        $P run --ledger disk/l.db >/dev/null
        $P ledger list --ledger disk/l.db
        exit $status";
    if let Some(ended) = on_a_disk(&dir, "2m", &script.replace("set -e", "")) {
        ended.exits(3).refuses_with("ledger-full").says("everything adds up");
        assert!(ended.stdout.starts_with("everything adds up"), "nothing was decided: {ended}");
        assert_eq!(ended.stdout.matches("  go").count(), 2, "{ended}");
    }
}

#[test]
fn a_ledger_that_can_only_be_read_is_read_and_not_written() {
    let dir = pipeline();
    let script = "$P run --ledger disk/l.db >/dev/null || exit 97
        rm -r portcullis-out
        mount -o remount,ro disk || exit 99
        for command in 'list' 'show last' 'verify' 'affected --module parrot-gate.wasm' 'export last --out exported'; do
            $P ledger $command --ledger disk/l.db >/dev/null; echo $command $?
        done
        $P replay last --ledger disk/l.db >/dev/null; echo replay $?
        for command in 'run' 'resume last' 'ledger prune --keep 0'; do
            $P $command --ledger disk/l.db; echo $command $?
        done
        $P run --ledger disk/new.db; echo new $?";
    if let Some(ended) = on_a_disk(&dir, "4m", script) {
        let expect = "list 0\nshow last 0\nverify 0\naffected --module parrot-gate.wasm 1\nexport last --out exported 0\nreplay 0\n\
            run 3\nresume last 3\nledger prune --keep 0 3\nnew 3\n";
        assert_eq!(ended.stdout, expect, "{ended}");
        assert_eq!(ended.stderr.matches("error[ledger-read-only]").count(), 4, "{ended}");
        dir.has_no_artifacts();
    }
}
