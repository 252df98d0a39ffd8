//! The real gates and the real pipeline: the published readiness cases, and the demo from scratch.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Dir, OUT};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn every_published_readiness_case_gives_its_report_through_the_built_module() {
    let dir = Dir::new();
    let gate = format!("{REPOSITORY}/gates/nemotron-readiness");
    dir.portcullis(&["build", &gate, "--out", "modules"]).with_toolchain().run().exits(0);
    let vectors = std::fs::read_to_string(Path::new(&gate).join("tests/readiness.jsonl")).expect("the cases");
    let vectors: Vec<Value> = vectors.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(vectors.len(), 60);
    let inputs: Vec<String> = vectors.iter().map(|vector| vector["input"].to_string()).collect();
    let asked = dir.portcullis(&["eval", "modules/nemotron-readiness.wasm", "--lines"]).stdin(inputs.join("\n")).run();
    let outcomes = asked.exits(0).json_lines();
    assert_eq!(outcomes.len(), 60);
    for (number, (vector, outcome)) in vectors.iter().zip(&outcomes).enumerate() {
        let report = &vector["expected"];
        assert_eq!(outcome["details"], *report, "case {number}");
        let verdict = if report["ready"] == true { "pass" } else { "fail" };
        assert_eq!(outcome["outcome"], verdict, "case {number}");
    }
}

#[test]
fn the_demo_runs_from_scratch_to_its_end() {
    let dir = Dir::new();
    let demo = dir.portcullis(&["demo", "--dir", "demo", "--source", REPOSITORY]).with_toolchain().run();
    demo.exits(0).says("Each step ended as it should");
    for step in ["portcullis build", "portcullis key new", "portcullis sign", "portcullis verify", "portcullis run"] {
        demo.says(step);
    }
    demo.says("digest-mismatch").says("exit status 4").says("exit status 1");
    let decision = dir.json(format!("demo/{OUT}/decision.json"));
    assert_eq!((&decision["decision"], &decision["gates"][0]["id"]), (&json!("no-go"), &json!("readiness")));
    // Its runs are kept beside it, and not among the user's.
    assert!(dir.path("demo/kept").is_dir());
    // What is kept is a pipeline of its own.
    dir.portcullis(&["run", "demo/release.toml", "--out", "again"]).run().exits(0);
    dir.portcullis(&["run", "demo/staged.toml", "--out", "staged"]).run().exits(0);
    let governed = || dir.portcullis(&["run", "demo/governed.toml", "--out", "governed"]);
    let path = std::env::var("PATH").unwrap_or_default();
    governed().env("PATH", &path).run().exits(0);
    let agent = dir.read("demo/writer.sh");
    let hasty = String::from_utf8_lossy(&agent).replace("enter PLAN", "enter EXECUTE");
    dir.write("demo/writer.sh", hasty.as_bytes());
    governed().env("PATH", &path).run().exits(1).says("APPLY_WITHOUT_PLAN");
    dir.write("demo/writer.sh", &agent);
    governed().env("PATH", &path).run().exits(3).says("agent reinstate writer");
    dir.portcullis(&["demo", "--dir", "demo", "--source", REPOSITORY]).run().exits(3);
    dir.portcullis(&["demo"]).run().exits(2).refuses_with("no-checkout");
}
