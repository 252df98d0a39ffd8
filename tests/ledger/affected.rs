//! Which decisions rested on what: a module, a key, what a list revokes.

use super::*;
use crate::harness::{FAIL, PARROT, PASS, answering, assemble, with_metadata};

/// Three runs by the modules of two publishers: one by `one`, one by `two`, one by both that comes to a no-go.
fn three_runs() -> Dir {
    let dir = Dir::new();
    dir.new_key("other");
    let (own, other) = (short(&dir, "own"), short(&dir, "other"));
    let publisher =
        |name, key| format!("[publisher.{name}]\nkeys = [\"{key}\"]\nmodules = [\"*\"]\nkinds = [\"gate\"]\n");
    dir.write("trust.toml", format!("schema = 1\n{}{}", publisher("own", own), publisher("other", other)));
    with_list(&dir);
    for (name, key) in [("one", "own.key"), ("two", "other.key")] {
        let file = format!("{name}.wasm");
        dir.write(&file, with_metadata(&assemble(PARROT), name, "gate"));
        dir.portcullis(&["sign", &file, "--key", key]).run().exits(0);
    }
    let gate = |name: &str, module: &str, answer| answering(name, answer).replace("parrot-gate", module);
    let both = format!("{}{}", gate("a", "one", PASS), gate("b", "two", FAIL));
    for (subject, gates, status) in [("a", gate("g", "one", PASS), 0), ("b", gate("g", "two", PASS), 0), ("c", both, 1)]
    {
        dir.manifest(&gates);
        dir.portcullis(&["run", "--subject", &subject.repeat(40)]).run().exits(status);
    }
    dir
}

/// What is told of the runs, the newest first: the first letter of its subject, what it came to, and its steps.
#[track_caller]
fn affected(dir: &Dir, asked: &[&str]) -> Vec<String> {
    let arguments = [&["ledger", "affected", "--json"], asked].concat();
    let ended = dir.portcullis(&arguments).run();
    let told = ended.json();
    let told = told.as_array().expect("runs");
    ended.exits(i32::from(!told.is_empty()));
    let one = |affected: &Value| {
        let subject = text(&affected["run"]["subject"]);
        let subject = subject.trim_start_matches("git:").chars().next().expect("a letter");
        let steps = affected["steps"].as_array().expect("steps").iter();
        let steps: Vec<String> = steps.map(|step| format!("{} {}", text(&step["name"]), step["outcome"])).collect();
        format!("{subject} {} {}", text(&affected["run"]["finished"]["decision"]), steps.join(", "))
    };
    let mut told: Vec<String> = told.iter().map(one).collect();
    told.sort();
    told
}

#[test]
fn a_module_a_key_and_a_list_lead_to_the_decisions_that_rested_on_them() {
    let dir = three_runs();
    let (by_one, by_two) = (["a go g \"pass\"", "c no-go a \"pass\""], ["b go g \"pass\"", "c no-go b \"fail\""]);
    let check = |dir: &Dir| {
        assert_eq!(affected(dir, &["--module", "one.wasm"]), by_one);
        assert_eq!(affected(dir, &["--module", "two.wasm"]), by_two);
        assert_eq!(affected(dir, &["--key", "own.pub"]), by_one);
        assert_eq!(affected(dir, &["--key", "other.pub"]), by_two);
        let key = text(&told(dir, &["key", "show", "other.pub"])["id"]);
        assert_eq!(affected(dir, &["--key", &key]), by_two);
        // Whoever signed the list is behind every run.
        let ann = affected(dir, &["--key", "ann.pub"]);
        assert_eq!(ann.len(), 3, "{ann:?}");
        for (entry, expect) in [
            (&["--module", "two.wasm", "--reason", "malicious"][..], &by_two[..]),
            (&["--signer", "own.pub", "--reason", "key-compromise"], &by_one),
            (&["--signer", "own.pub", "--reason", "key-compromise", "--except", "one.wasm"], &[]),
            (&["--release", "other/two", "--versions", "<2.0.0", "--reason", "vulnerable"], &by_two),
            (&["--release", "other/two", "--versions", "<1.0.0", "--reason", "vulnerable"], &[]),
            (&["--release", "own/two", "--versions", "<2.0.0", "--reason", "vulnerable"], &[]),
        ] {
            // A draft that nobody signed will do, and a signed list too.
            revocations(dir, &[&["add", "list.json", "--out", "asked.json"], entry].concat());
            assert_eq!(affected(dir, &["--revocations", "asked.json"]), expect, "{entry:?}");
            list_with(dir, "asked.json", entry);
            assert_eq!(affected(dir, &["--revocations", "asked.json"]), expect, "{entry:?}");
        }
    };
    check(&dir);
    let shown = dir.portcullis(&["ledger", "affected", "--module", "two.wasm"]).run();
    shown
        .exits(1)
        .says("other/two 1.0.0")
        .says("no-go")
        .says(&"b".repeat(40))
        .says("2 runs rested on it: 2 came to a decision, 1 of them to go");
    list_with(&dir, "asked.json", &["--signer", "other.pub", "--reason", "key-compromise", "--id", "stolen"]);
    dir.portcullis(&["ledger", "affected", "--revocations", "asked.json"]).run().exits(1).says("revoked by stolen");
    dir.new_key("nobody");
    dir.portcullis(&["ledger", "affected", "--key", "nobody.pub"]).run().exits(0).says("no decision rested on it");
    assert_eq!(affected(&dir, &["--module", &"0".repeat(64)]), Vec::<String>::new());
    dir.portcullis(&["ledger", "affected", "--module", "gone.wasm"]).run().exits(2);
    dir.portcullis(&["ledger", "affected"]).run().exits(2);
    // Bytes go, and what rested on what stays.
    dir.portcullis(&["ledger", "prune", "--keep", "0"]).run().exits(0);
    check(&dir);
}

#[test]
fn a_run_that_was_broken_off_is_told_too() {
    let dir = three_runs();
    let spins = include_str!("../hostile/spins.wat");
    dir.gate("spins.wasm", "gate", spins);
    let stages = "[[stage]]\nid = 'a'\ntype = 'gate'\ngates = ['g']\n[[stage]]\nid = 'b'\ntype = 'gate'\ngates = ['spins']\nneeds = ['a']\n";
    let spins = "[gate.spins]\nmodule = 'spins.wasm'\nlimits = { fuel = '1T', time = '60s' }\n";
    dir.manifest(&format!("{}{spins}{stages}", answering("g", PASS).replace("parrot-gate", "two")));
    let before = entries(&dir);
    let running = dir.portcullis(&["run", "--subject", &"d".repeat(40)]).start();
    wait_until("the first gate has ended", || entries(&dir) >= before + 3);
    kill(&dir, running);
    let told = dir.portcullis(&["ledger", "affected", "--module", "two.wasm"]).run();
    told.exits(1).says(&"d".repeat(40)).says("3 runs rested on it: 2 came to a decision");
}
