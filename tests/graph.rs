//! `portcullis graph`: plans are drawn, runs beside them, and nothing is run for it.

use crate::harness::{Dir, FAIL, PASS, answering};

const GOVERNED: &str = "[agent.builder]
command = ['./never-started']
verify = ['g']
[[stage]]
id = 'checks'
type = 'gate'
gates = ['c']
[[stage]]
id = 'choose'
type = 'condition'
if = 'c && !findings(c, PARSE_ERROR)'
then = ['build']
[[stage]]
id = 'build'
type = 'agent'
agent = 'builder'
";

fn governed() -> Dir {
    let dir = Dir::new();
    dir.manifest(&format!("{}{}{GOVERNED}", answering("g", PASS), answering("c", PASS)));
    dir
}

#[test]
fn a_pipeline_is_drawn_in_every_form_without_its_modules() {
    let dir = governed();
    let drawn = |arguments: &[&str]| {
        let ended = dir.portcullis(&[&["graph"], arguments].concat()).run();
        ended.exits(0);
        assert_eq!(ended.stderr, "");
        ended.stdout
    };
    let text = drawn(&[]);
    assert!(text.starts_with("e2e (portcullis.toml)\n├─ checks  gate\n"), "{text}");
    assert!(
        text.contains("if c && !findings(c, PARSE_ERROR)") && text.contains("build  agent builder, tier 0"),
        "{text}"
    );
    assert_eq!(drawn(&["portcullis.toml", "--format", "text"]), text);
    assert!(drawn(&["--format", "mermaid"]).starts_with("flowchart TD\n"));
    let dot = drawn(&["--format", "dot"]);
    assert!(dot.starts_with("digraph plan {\n") && dot.ends_with("}\n"), "{dot}");
    dir.has_no_artifacts();
}

#[test]
fn what_is_drawn_of_agents_is_what_runs() {
    let dir = governed();
    dir.parrot("gate");
    dir.run().exits(3).says("agent-not-started");
    assert_eq!(dir.decision()["agents"][0]["agent"], "builder");
    let drawn = dir.portcullis(&["graph", "--run", "last"]).run();
    drawn.exits(0).says("build  agent builder, tier 0").says("failed");
}

#[test]
fn a_run_stands_beside_its_gates() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&format!("{}{}", answering("a", PASS), answering("b", FAIL)));
    dir.run().exits(1);
    let run = ["graph", "--run", "portcullis-out/decision.json"];
    let ended = dir.portcullis(&run).run();
    ended
        .exits(0)
        .says("no-go\n")
        .says("✗ all  parallel · failed")
        .says("✓ pass  a  asked about a\n")
        .says("✗ fail  b");
    assert_eq!(ended.stderr, "");
    let kept = dir.portcullis(&["graph", "--run", "last"]).run();
    assert_eq!(kept.exits(0).stdout, ended.stdout, "the ledger has the same record");
    dir.portcullis(&["graph", "--run", "nobody"]).run().exits(2).refuses_with("run-unknown");
    dir.manifest(&format!("{}{}{}", answering("a", PASS), answering("b", FAIL), answering("new", PASS)));
    let ended = dir.portcullis(&run).run();
    ended.exits(0).says("note: the run followed another state of the manifest").says("○ –  new");
    let mermaid = dir.portcullis(&[&run[..], &["--format", "mermaid"]].concat()).run();
    mermaid.exits(0).says("  class g1 fail\n");
}

#[test]
fn what_cannot_be_drawn_is_misuse() {
    let dir = governed();
    dir.write("no.json", "{}");
    dir.write("hostile.json", "{\"schemaVersion\": 1, \"runId\": \"\u{1b}[2J\", \"decision\": \"\u{1b}[2J\"}");
    dir.portcullis(&["graph", "--run", "no.json"]).run().exits(2).refuses_with("bad-record").says("missing field");
    dir.portcullis(&["graph", "--run", "hostile.json"]).run().exits(2).refuses_with("bad-record");
    dir.portcullis(&["graph", "--run", "gone.json"]).run().exits(2).refuses_with("file-missing").says("decision.json");
    dir.portcullis(&["graph", "gone.toml"]).run().exits(2).refuses_with("file-missing");
    dir.portcullis(&["graph", "--format", "svg"]).run().exits(2);
    dir.manifest("[gate.g]\nmodule = 'm'\n[[stage]]\nid = 's'\ntype = 'condition'\nif = 'g'\nthen = ['s']\n");
    dir.portcullis(&["graph"]).run().exits(2).refuses_with("stage-cycle").says("s -> s");
}
