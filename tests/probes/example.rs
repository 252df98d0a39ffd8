//! `manifests/completion` as it is in the repository: it comes to what its README says of it.

use std::fs;

use serde_json::json;

use super::{MODULES, completed, dir, evidence};
use crate::harness::{Dir, Ended, OUT};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../manifests/completion/.");
const LOOKED_AT: [&str; 3] = ["headless_run passed", "stdout_golden passed", "side_effect_probe passed"];

/// The folder, with modules and a trust file in it that were made here, whatever someone made in the checkout.
fn example() -> Dir {
    let dir = dir();
    dir.other("cp", &["-R", FOLDER, "."]).run().exits(0);
    dir.trust("own", &["probe"]);
    fs::create_dir_all(dir.path("gates")).expect("a folder");
    for name in MODULES {
        fs::rename(dir.path(format!("{name}.wasm")), dir.path(format!("gates/{name}.wasm"))).expect("moved");
    }
    dir
}

/// That a run ended with that status, and that this came of its completion.
#[track_caller]
fn came_to(dir: &Dir, arguments: &[&str], status: i32, outcome: &str, probes: &[&str]) -> Ended {
    let ended = dir.portcullis(&[&["run"], arguments].concat()).run();
    ended.exits(status);
    let probes = probes.iter().map(|probe| (*probe).to_owned()).collect();
    assert_eq!(completed(&dir.decision()), (outcome.to_owned(), probes), "{ended}");
    ended
}

#[test]
fn the_example_is_complete_each_time_and_again_from_what_was_kept() {
    let dir = example();
    let _ = fs::remove_file(dir.path("data/totals.csv"));
    dir.portcullis(&["run", "cli.toml", "--dry-run"]).run().exits(0).says("complete  product_complete (cli)");
    assert!(!dir.has("data/totals.csv") && !dir.has(OUT), "a dry run does nothing");
    // The second run finds what the first one left.
    for _ in 0..2 {
        let ended = came_to(&dir, &["cli.toml"], 0, "complete", &LOOKED_AT);
        ended.says(&format!("complete — product_complete (cli): {}", LOOKED_AT.join(", ")));
        assert_eq!(dir.text("data/totals.csv"), "item,count,cents\nbolt,100,1200\nhinge,10,3450\nlock,2,3998\n");
    }
    let graph = dir.portcullis(&["graph", "cli.toml", "--run", &format!("{OUT}/decision.json")]).run();
    graph.exits(0).says("✓ pass  leaves  asked about before, after");

    dir.portcullis(&["collect", "cli.toml", "--out", "recorded"]).run().exits(0);
    for file in ["totals.sh", "data/totals.csv"] {
        fs::remove_file(dir.path(file)).expect("removed");
    }
    dir.portcullis(&["replay", "last"]).run().exits(0).says("comes to the same: go, 3 gates");
    came_to(&dir, &["cli.toml", "--evidence-dir", "recorded"], 0, "complete", &LOOKED_AT);
    assert!(!dir.has("data/totals.csv"), "nothing ran");
}

#[test]
fn the_example_is_not_complete_where_nobody_looked_or_where_something_is_wrong() {
    let dir = example();
    came_to(&dir, &["service.toml"], 0, "incomplete", &["headless_run passed", "api_smoke deferred"]);
    dir.portcullis(&["graph", "service.toml"]).run().exits(0).says("runs  asked about run");

    let [runs, prints, leaves] = LOOKED_AT;
    let other = ["cli.toml", "--evidence", "report=data/orders.csv"];
    let ended = came_to(&dir, &other, 1, "blocked", &[runs, "stdout_golden failed", leaves]);
    ended.says("prints  stdout_golden: standard output differs in line 1\n").says("leaves  1 change, as expected\n");
    let drawn = dir.portcullis(&["graph", "cli.toml"]).run();
    drawn.exits(0).says("complete: product_complete (cli) when headless_run, stdout_golden, side_effect_probe passed");

    let program = dir.text("totals.sh");
    dir.write("totals.sh", format!("{program}echo >> data/orders.csv\n"));
    came_to(&dir, &["cli.toml"], 1, "blocked", &[runs, prints, "side_effect_probe failed"]);
    let left = &evidence(&dir.decision(), "leaves")["payload"];
    assert_eq!(left["unexpected"], json!({"count": 1, "first": ["data/orders.csv"]}), "{left}");

    dir.write("totals.sh", format!("{program}exit 3\n"));
    came_to(&dir, &["cli.toml"], 1, "blocked", &["headless_run failed", "stdout_golden failed", leaves]);
}
