//! Compiled modules are native code: what is kept is run only as this host made it, and changes no verdict and no fuel.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::harness::{Dir, FAIL, PARROT, PASS, answering, assemble, hex};

const COMPILED_AGAIN: &str = "compiled again";

fn dir() -> Dir {
    let dir = Dir::with_own_cache();
    dir.parrot("gate");
    dir.manifest(&answering("g", PASS));
    dir
}

/// Runs verbosely to a go; gives the fuel, and what was noted.
fn run(dir: &Dir) -> (u64, String) {
    let ended = dir.portcullis(&["run", "-v"]).run();
    ended.exits(0);
    (dir.decision()["gates"][0]["fuelUsed"].as_u64().expect("fuel"), ended.stderr)
}

fn entries(dir: &Dir) -> Vec<PathBuf> {
    let folder = dir.cache().join("portcullis/modules");
    let mut entries: Vec<_> = folder.read_dir().expect("listed").map(|entry| entry.expect("listed").path()).collect();
    entries.sort();
    entries
}

fn only_entry(dir: &Dir) -> PathBuf {
    let [entry] = entries(dir).try_into().expect("one entry");
    entry
}

#[test]
fn a_second_run_takes_what_the_first_has_compiled() {
    let dir = dir();
    let show = || dir.portcullis(&["cache", "show"]).run();
    show().exits(0).says("0 modules");
    let first = run(&dir);
    assert_eq!(first.1, "");
    show().exits(0).says("1 module,");
    // An entry that was made again would be another file: it is put in its place whole.
    let file = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).expect("there"));
    let before = file(&only_entry(&dir));
    assert_eq!(run(&dir), first);
    assert_eq!(file(&only_entry(&dir)), before);
    dir.portcullis(&["cache", "clear"]).run().exits(0).says("removed 1 module from");
    show().exits(0).says("0 modules");
    assert_eq!(run(&dir), first);
}

#[test]
fn an_entry_that_is_off_is_compiled_again_with_a_note_and_the_same_result() {
    let dir = dir();
    dir.gate("other.wasm", "gate", &PARROT.replace("48)\n", "49)\n"));
    let fuel = run(&dir).0;
    let entry = only_entry(&dir);
    let good = fs::read(&entry).expect("read");
    dir.write("in.json", "{}");
    dir.portcullis(&["eval", "other.wasm", "--input", "in.json"]).run();
    let other = entries(&dir).into_iter().find(|path| *path != entry).expect("the other's entry");
    let others = fs::read(&other).expect("read");

    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let mut spoilt = vec![
        ("empty", Vec::new()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("longer", [&good[..], b"\0"].concat()),
        ("another module's", others),
        ("code alone", good[32..].to_vec()),
        ("garbage", vec![0xcc; 10_000]),
    ];
    spoilt.extend([0, 31, 32, 40, good.len() / 2, good.len() - 1].map(|at| ("flipped", flipped(at))));
    for (what, bytes) in spoilt {
        fs::write(&entry, bytes).expect("written");
        let (used, notes) = run(&dir);
        assert!(notes.contains("note") && notes.contains(COMPILED_AGAIN), "{what}: {notes}");
        assert_eq!(used, fuel, "{what}");
        assert_eq!(run(&dir), (fuel, String::new()), "{what}: it is kept anew");
    }
}

#[test]
fn without_being_asked_nothing_is_said_of_the_cache() {
    let dir = dir();
    run(&dir);
    fs::write(only_entry(&dir), "garbage").expect("written");
    let ended = dir.run();
    ended.exits(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_cache_of_another_key_is_not_believed() {
    let dir = dir();
    let fuel = run(&dir).0;
    let key = dir.path("state/portcullis/cache.key");
    fs::write(&key, [7; 32]).expect("written");
    let (used, notes) = run(&dir);
    assert!(used == fuel && notes.contains(COMPILED_AGAIN), "{notes}");
    for bad in [&b""[..], b"short", &[7; 33], &[7; 1000]] {
        fs::write(&key, bad).expect("written");
        let (used, notes) = run(&dir);
        assert!(used == fuel && notes.contains("no cache"), "{notes}");
    }
    fs::remove_file(&key).expect("removed");
    assert!(run(&dir).1.contains(COMPILED_AGAIN));
    assert_eq!(run(&dir), (fuel, String::new()));
}

#[test]
fn what_is_no_entry_in_an_entrys_place_is_no_hindrance() {
    let dir = dir();
    let fuel = run(&dir).0;
    let entry = only_entry(&dir);
    let spoils: [&dyn Fn(); 4] = [
        &|| fs::create_dir(&entry).expect("a folder"),
        &|| std::os::unix::fs::symlink("/dev/zero", &entry).expect("a link"),
        &|| std::os::unix::fs::symlink("/nowhere/at/all", &entry).expect("a link"),
        &|| rustix::fs::mkfifoat(rustix::fs::CWD, &entry, rustix::fs::Mode::RUSR).expect("a pipe"),
    ];
    fs::remove_file(&entry).expect("removed");
    for spoil in spoils {
        spoil();
        assert_eq!(run(&dir).0, fuel);
        if fs::remove_file(&entry).is_err() {
            fs::remove_dir(&entry).expect("removed");
        }
    }
    fs::remove_dir_all(dir.path("cache")).expect("removed");
    dir.write("cache", "a file where the folder should be");
    let (used, notes) = run(&dir);
    assert!(used == fuel && notes.contains("no cache"), "{notes}");
}

#[test]
fn trust_is_asked_on_every_run_whatever_is_cached() {
    let dir = dir();
    run(&dir);
    let signed = dir.read("parrot-gate.wasm");
    // The same content, and so the same entry.
    dir.write("parrot-gate.wasm", crate::harness::with_metadata(&assemble(PARROT), "parrot-gate", "gate"));
    dir.run().exits(4).refuses_with("signature-missing");
    dir.write("parrot-gate.wasm", signed);
    dir.run().exits(0);
    dir.new_key("other");
    dir.trust("other", &["gate"]);
    dir.run().exits(4).refuses_with("untrusted-key");
}

#[test]
fn without_a_cache_nothing_is_kept_and_the_result_is_the_same() {
    let dir = dir();
    let ended = dir.portcullis(&["run", "--no-cache"]).run();
    ended.exits(0);
    assert!(!dir.has("cache") && !dir.has("state"));
    let fuel = dir.decision()["gates"][0]["fuelUsed"].clone();
    assert_eq!(fuel, run(&dir).0);
}

#[test]
fn however_a_module_is_compiled_it_gives_the_same_verdict_and_fuel() {
    let dir = dir();
    let answers = [PASS, FAIL, "", "NaN", crate::harness::REVIEW];
    let inputs: Vec<String> =
        answers.iter().map(|answer| format!("{{\"text\":\"{}\"}}", hex(answer.as_bytes()))).collect();
    // One question is compiled fast, many are compiled for speed.
    let optimised = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines"]).stdin(inputs.join("\n")).run();
    dir.portcullis(&["cache", "clear"]).run().exits(0);
    for (input, optimised) in inputs.iter().zip(optimised.json_lines()) {
        let fast = dir.portcullis(&["eval", "parrot-gate.wasm", "--input", "-"]).stdin(input.as_str()).run().json();
        let same = |of: &Value| ["outcome", "fuelUsed", "memoryPeakBytes", "checks"].map(|name| of[name].clone());
        assert_eq!(same(&fast), same(&optimised));
    }
    let [entry] = entries(&dir).try_into().expect("one entry");
    assert!(entry.to_string_lossy().contains("fast"), "{}", entry.display());
    dir.write("in.json", &inputs[0]);
    let arguments = ["bench", "parrot-gate.wasm", "--input", "in.json", "--calls", "20", "--json"];
    let figures = dir.portcullis(&arguments).run();
    let ways = figures.exits(0).json()["ways"].clone();
    assert_eq!((&ways[0]["compiled"], &ways[1]["compiled"]), (&"fast".into(), &"optimised".into()));
    assert!(ways[0]["fuel"].as_u64() > Some(0) && ways[0]["fuel"] == ways[1]["fuel"], "{ways}");
    assert_eq!(ways[0]["memoryPeakBytes"], 48 << 16);
}

#[test]
fn a_cache_shared_by_two_runs_at_once_serves_both() {
    let dir = dir();
    let running: Vec<_> =
        (0..4).map(|at| dir.portcullis(&["run", "-v", "--out", &format!("out-{at}")]).start()).collect();
    for run in running {
        run.wait().exits(0);
    }
    assert_eq!(entries(&dir).len(), 1);
}
