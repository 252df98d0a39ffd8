//! Many at once, and much at once.

use super::*;
use crate::harness::{PASS, answering, hex};

const FOUND: &str = r#"{"verdict":"fail","findings":[{"code":"VALIDATION_ERROR","message":"m","severity":"error"}]}"#;

#[test]
fn runs_at_once_on_a_ledger_that_is_not_there_yet_are_all_kept() {
    const RUNS: usize = 6;
    let dir = Dir::new();
    dir.parrot("gate");
    let gates: String = (0..5).map(|at| answering(&format!("g{at}"), PASS)).collect();
    dir.manifest(&gates);
    let running: Vec<Running<'_>> =
        (0..RUNS).map(|at| dir.portcullis(&["run", "--out", &format!("out-{at}")]).start()).collect();
    for running in running {
        running.wait().exits(0);
    }
    let told = adds_up(&dir);
    assert_eq!((&told["runs"], &told["finished"]), (&RUNS.into(), &RUNS.into()));
    assert_eq!(told["head"]["entries"], RUNS * 12);
    for row in listed(&dir, &[]) {
        dir.portcullis(&["replay", &text(&row["run"])]).run().exits(0);
    }
}

#[test]
fn a_validator_over_three_thousand_files_is_kept_and_comes_to_the_same() {
    const FILES: usize = 3_000;
    let dir = Dir::new();
    dir.parrot("validator");
    for at in 0..FILES {
        let answer = if at % 1_000 == 7 { FOUND } else { PASS };
        dir.write(format!("docs/{at}.txt"), format!("{}{}", hex(answer.as_bytes()), "20".repeat(at)));
    }
    dir.manifest("[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\n");
    dir.run().exits(1);
    let decision = dir.read(format!("{OUT}/decision.json"));
    let export = Export::of(&dir, "last");
    let calls = export.json("gate v", "calls");
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(FILES));
    let size = |at: &Value| at["file"]["bytes"].as_u64();
    let sum: Option<u64> = calls["calls"].as_array().expect("calls").iter().map(size).sum();
    assert_eq!(sum, Some(export.bytes("gate v", "files").len() as u64));
    dir.portcullis(&["resume", "last"]).run().exits(1);
    assert_eq!(dir.read(format!("{OUT}/decision.json")), decision);
    dir.portcullis(&["replay", "last"]).run().exits(0);
    adds_up(&dir);
}
