//! What a manifest means.

use std::path::{Path, PathBuf};

use super::*;
use crate::limits::Limits;

pub(super) const HEAD: &str = "schema = 1\nname = 't'\ntrust = 'trust.toml'\n";

pub(super) fn read(text: &str, overrides: &[(&str, &str)]) -> Result<Plan, Vec<Diagnostic>> {
    let evidence = overrides.iter().map(|(name, path)| ((*name).to_owned(), PathBuf::from(path))).collect();
    parse(text.as_bytes(), Path::new("d/p.toml"), &Overrides { evidence })
}

const WHOLE: &str = r#"
schema = 1
name = "release"
trust = "trust.toml"
approvals = "signed"

[network]
hosts = ["API.example.com", "*.example.org:443"]

[limits]
fuel = "2G"
time = "6s"

[evidence]
preflight = { file = "evidence/preflight.json" }
smoke = { command = ["./app", "--smoke"], timeout = "30s" }
numbers = { value = [1, 2.5, 2026-01-10] }
notes = { file = "notes", format = "text" }

[gate.readiness]
module = "gates/readiness.wasm"
kind = "readiness"
input = { manifest = "preflight", smoke = "smoke" }
params = { z = 1, a = { b = true } }
limits = { time = "1m", memory = "128MiB" }

[gate.flows_all]
module = "../flows.wasm"
each = "flows/**/*.aether"
enforcement = "advisory"

[gate.last-1]
module = "/opt/last.wasm"
input = "numbers"
needs = ["readiness", "readiness"]

[[stage]]
id = "second"
type = "parallel"
gates = ["last-1", "flows_all"]
needs = ["first"]

[[stage]]
id = "first"
type = "gate"
gates = ["readiness"]

[decision]
expr = "readiness && (flows_all || last-1)"
"#;

fn whole() -> Plan {
    read(WHOLE, &[("smoke", "recorded/smoke.jsonl"), ("notes", "recorded/notes")]).expect("a plan")
}

#[test]
fn a_manifest_is_the_plan_that_it_means() {
    let plan = whole();
    assert_eq!((plan.name.as_str(), plan.trust.as_path()), ("release", Path::new("d/trust.toml")));
    assert_eq!(plan.approvals, Path::new("d/signed"));
    let rules = ["api.example.com", "*.example.org:443"].map(|rule| HostRule::parse(rule).expect(rule));
    assert_eq!(plan.hosts, Hosts::Listed(rules.to_vec()));
    assert_eq!(plan.digest, Digest::of(WHOLE.as_bytes()));
    let evidence: Vec<_> = plan.evidence.iter().map(|source| format!("{} {:?}", source.name, source.origin)).collect();
    let expect = [
        r#"preflight File { path: "d/evidence/preflight.json", format: Json, optional: false }"#,
        r#"smoke File { path: "recorded/smoke.jsonl", format: JsonLines, optional: false }"#,
        r#"numbers Value(Array [Number(1), Number(2.5), String("2026-01-10")])"#,
        r#"notes File { path: "recorded/notes", format: Text, optional: false }"#,
    ];
    assert_eq!(evidence, expect);
    let gates: Vec<_> =
        plan.gates.iter().map(|gate| (gate.name.as_str(), gate.module.as_path(), gate.needs.as_slice())).collect();
    let expect: [(&str, &Path, &[usize]); 3] = [
        ("readiness", Path::new("d/gates/readiness.wasm"), &[]),
        ("flows_all", Path::new("d/../flows.wasm"), &[]),
        ("last-1", Path::new("/opt/last.wasm"), &[0]),
    ];
    assert_eq!(gates, expect);
    let [readiness, flows, last] = plan.gates.as_slice() else { panic!("three gates") };
    assert_eq!(readiness.kind, Some(portcullis_sdk::Kind::Readiness));
    assert!(matches!(&readiness.input, Input::Named(members)
        if *members == [("manifest".to_owned(), 0), ("smoke".to_owned(), 1)]));
    assert!(
        matches!(&flows.input, Input::Each { pattern, root } if pattern == "flows/**/*.aether" && root == Path::new("d"))
    );
    assert!(matches!(last.input, Input::Whole(2)));
    assert_eq!(serde_json::Value::from(readiness.params.clone()).to_string(), r#"{"z":1,"a":{"b":true}}"#);
    assert_eq!([readiness, flows, last].map(|gate| gate.enforcement == Enforcement::Mandatory), [true, false, true]);
    let common = Limits { fuel: Some(2_000_000_000), time: std::time::Duration::from_secs(6), ..Limits::default() };
    assert_eq!(flows.limits, common);
    let own = Limits { time: std::time::Duration::from_secs(60), memory: Some(128 << 20), ..common };
    assert_eq!(readiness.limits, own);
    assert!(matches!(&plan.rule, Rule::Expr(expr) if expr.names() == ["readiness", "flows_all", "last-1"]));
}

#[test]
fn what_the_manifest_does_not_say_has_a_meaning() {
    for (network, expect) in [
        ("", Hosts::Loopback),
        ("[network]\n", Hosts::Loopback),
        ("[network]\nhosts = []\n", Hosts::Listed(Vec::new())),
    ] {
        let plan = read(&format!("{HEAD}{network}[gate.a]\nmodule = 'a'\n"), &[]).expect(network);
        assert_eq!((plan.hosts, plan.approvals.as_path()), (expect, Path::new("d/approvals")), "{network}");
    }
}

fn stages(plan: &Plan) -> Vec<String> {
    let gates =
        |stage: &Stage| stage.gates.iter().map(|gate| plan.gates[*gate].name.clone()).collect::<Vec<_>>().join(" ");
    plan.stages
        .iter()
        .map(|stage| format!("{} {:?} [{}] {:?}", stage.id, stage.kind, gates(stage), stage.needs))
        .collect()
}

#[test]
fn stages_run_in_the_files_order_but_for_what_they_need() {
    assert_eq!(stages(&whole()), ["first Gate [readiness] []", "second Parallel [last-1 flows_all] [0]"]);
    let plan = read(&format!("{HEAD}[gate.b]\nmodule = 'b'\n[gate.a]\nmodule = 'a'\n"), &[]).expect("a plan");
    assert_eq!(stages(&plan), ["all Parallel [b a] []"]);
}

#[test]
fn rules_are_written_in_few_ways() {
    for (decision, expect) in [
        ("", Rule::All),
        ("[decision]\nrule = 'all'\n", Rule::All),
        ("[decision]\nrule = 'any'\n", Rule::Any),
        ("[decision]\nat_least = 1\n", Rule::AtLeast(1)),
        ("[decision]\nrule = 'at_least'\nn = 1\n", Rule::AtLeast(1)),
    ] {
        let plan = read(&format!("{HEAD}[gate.a]\nmodule = 'a'\n{decision}"), &[]).expect(decision);
        assert_eq!(plan.rule, expect, "{decision}");
    }
}

#[test]
fn a_selection_is_a_plan_of_its_own() {
    let mut plan = whole();
    let told = |plan: &Plan, names: &[&str]| plan.select(names).map(|plan| stages(&plan)).map_err(|error| error.code);
    assert_eq!(told(&plan, &[]), Err("no-gates"));
    assert_eq!(told(&plan, &["readines"]), Err("unknown-gate"));
    assert_eq!(told(&plan, &["last-1"]), Err("unselected-gate"));
    plan.rule = Rule::All;
    assert_eq!(told(&plan, &["flows_all"]), Err("no-mandatory-gates"));
    let pulled_in = ["first Gate [readiness] []", "second Parallel [last-1] [0]"].map(str::to_owned).to_vec();
    assert_eq!(told(&plan, &["last-1", "last-1"]), Ok(pulled_in));
    assert_eq!(told(&plan, &["readiness"]), Ok(vec!["first Gate [readiness] []".to_owned()]));
    plan.rule = Rule::AtLeast(2);
    assert_eq!(told(&plan, &["readiness", "flows_all"]), Err("at-least-too-many"));
    plan.gates[2].needs.clear();
    plan.rule = Rule::Any;
    let last = plan.select(&["last-1"]).expect("a plan");
    assert_eq!(stages(&last), ["second Parallel [last-1] []"]);
    assert!(matches!(last.gates[0].input, Input::Whole(2)) && last.evidence.len() == 4);
}
