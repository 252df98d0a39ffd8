//! A pipeline with everything in it, and what came of it.

use std::path::Path;

use super::GraphRun;
use crate::manifest::{Overrides, Plan, parse};

pub(super) const PIPELINE: &str = r#"
schema = 1
name = "release"
trust = "trust.toml"
[network]
hosts = ["hooks.example.com"]
[evidence]
ci = { env = ["CI"] }
preflight = { file = "evidence/preflight.json" }
smoke = { command = ["./app \"x\"", "--token", "${env:TOKEN}"] }
draft = { agent = "builder", output = "beta" }
made = { files = "out/**", after = ["draft"] }
unused = { value = 1 }
[gate.readiness]
module = "m"
input = { manifest = "preflight", smoke = "smoke" }
[gate.flows]
module = "m"
each = "flows/**/*.aether"
enforcement = "advisory"
[gate.checks]
module = "m"
[gate.plan_ok]
module = "m"
input = "draft"
[gate.tests_pass]
module = "m"
input = "made"
needs = ["plan_ok"]
[gate.launch]
module = "m"
input = "made"
[gate.waits]
module = "m"
[agent.builder]
command = ["./agent"]
tier = 1
preflight = ["checks"]
plan = ["plan_ok"]
verify = ["tests_pass"]
[[stage]]
id = "first"
type = "parallel"
gates = ["readiness", "flows"]
[[stage]]
id = "choose"
type = "condition"
if = "readiness && !findings(flows, PARSE_ERROR) && evidence(ci, '/CI') == 'true'"
then = ["build", "ship"]
else = ["hold"]
[[stage]]
id = "build"
type = "agent"
agent = "builder"
needs = ["first"]
[[stage]]
id = "ship"
type = "gate"
gates = ["launch"]
needs = ["build"]
[[stage]]
id = "hold"
type = "gate"
gates = ["waits"]
[decision]
expr = "readiness && (launch || waits)"
"#;

pub(super) fn plan() -> Plan {
    parse(PIPELINE.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan")
}

/// A run in which the first branch was taken, its agent's work did not pass, and nothing was shipped.
pub(super) const RECORD: &str = r#"{
 "schemaVersion": 1, "runId": "20260110T000000Z-1a2b", "decision": "blocked",
 "policy": {"name": "release", "uri": "release.toml", "digest": {"sha256": "00"}},
 "gates": [
  {"id": "readiness", "outcome": "pass", "summary": "7 checks hold"},
  {"id": "flows", "outcome": "fail", "summary": "2 of 3 \u001b[31mfail"},
  {"id": "checks", "outcome": "pass"},
  {"id": "plan_ok", "outcome": "review", "summary": "a person has to look"},
  {"id": "tests_pass", "outcome": "fault", "summary": "used 5, allowed 5 units"},
  {"id": "launch", "outcome": "skipped", "summary": "stage `ship` needs stage `build`, which did not end well"},
  {"id": "elsewhere", "outcome": "not_applicable"}
 ],
 "agents": [{"agent": "builder", "stage": "build", "status": "FAILED", "phase": "VERIFY", "reason": "a gate\u001b failed"}]}"#;

pub(super) fn run() -> GraphRun {
    GraphRun::read(RECORD.as_bytes()).expect("a record")
}
