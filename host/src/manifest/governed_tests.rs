//! Conditions, agents, state and events: what a manifest that has them means.

use std::path::Path;

use super::{
    mistakes::told,
    tests::{HEAD, read},
    *,
};
use crate::agent::{Confidence, ErrorBudget, EventKind as Kind};

fn plan(rest: &str) -> Plan {
    read(&format!("{HEAD}{rest}"), &[]).map_err(|problems| told(&problems)).expect("a plan")
}

/// Every stage in one line: `id kind [gates] <needs after|condition.side`.
fn lines(plan: &Plan) -> Vec<String> {
    let id = |index: &usize| plan.stages[*index].id.as_str();
    let ids = |indices: &[usize]| indices.iter().map(id).collect::<Vec<_>>().join(" ");
    let line = |stage: &Stage| {
        let gates: Vec<_> = stage.gates.iter().map(|gate| plan.gates[*gate].name.as_str()).collect();
        let mut line = format!(
            "{} {} [{}] <{} ~{}",
            stage.id,
            stage.kind.name(),
            gates.join(" "),
            ids(&stage.needs),
            ids(&stage.after)
        );
        if let Some(Branch { condition, side }) = stage.branch {
            line += &format!(" |{}.{}", id(&condition), side.name());
        }
        if let StageKind::Condition(Condition { test, then, otherwise }) = &stage.kind {
            line += &format!(" {test} ? {} : {}", ids(then), ids(otherwise));
        }
        line
    };
    plan.stages.iter().map(line).collect()
}

const GOVERNED: &str = r#"
state = "redis://:${env:PW}@127.0.0.1:7000/1"
[evidence]
ci = { env = ["CI"] }
draft = { agent = "builder", output = "beta" }
made = { files = "out/**", after = ["draft"] }
[gate.ship_ok]
module = "m"
input = "made"
[gate.readiness]
module = "m"
[gate.flows]
module = "m"
each = "*.aether"
[gate.checks]
module = "m"
[gate.plan_ok]
module = "m"
input = "draft"
[gate.tests_pass]
module = "m"
input = { made = "made" }
needs = ["plan_ok"]
[gate.waits]
module = "m"
[agent.builder]
command = ["./agent", "--task", "${env:TASK}"]
cwd = "work"
env = { PATH = "/bin" }
reveal = ["TASK"]
timeout = "2h"
tier = 1
confidence = 0.7
preflight = ["checks"]
plan = ["plan_ok"]
verify = ["tests_pass"]
heartbeat = "30s"
lock = "4m"
errors = { total = 20, procedure = 0 }
[[stage]]
id = "ship"
type = "gate"
gates = ["ship_ok"]
[[stage]]
id = "choose"
type = "condition"
if = "readiness && !findings(flows, PARSE_ERROR) && evidence(ci, '/CI') == 'true'"
then = ["build", "ship"]
else = ["hold"]
[[stage]]
id = "hold"
type = "gate"
gates = ["waits"]
[[stage]]
id = "build"
type = "agent"
agent = "builder"
needs = ["first"]
[[stage]]
id = "first"
type = "parallel"
gates = ["readiness", "flows"]
[[events]]
file = "events.jsonl"
[[events]]
command = ["./tell", "${env:X}"]
kinds = ["heartbeat", "agent_revoked", "heartbeat"]
[[events]]
url = "http://localhost:9/${env:HOOK}"
headers = { Authorization = "Bearer ${env:T}" }
secret = "${env:S}"
form = "github"
"#;

#[test]
fn a_governed_pipeline_is_the_plan_that_it_means() {
    let plan = plan(GOVERNED);
    assert_eq!(
        lines(&plan),
        [
            "first parallel [readiness flows] < ~",
            "choose condition [] < ~first readiness && !findings(flows, PARSE_ERROR) && evidence(ci, '/CI') == 'true' ? build ship : hold",
            "hold gate [waits] < ~ |choose.else",
            "build agent [checks plan_ok tests_pass] <first ~ |choose.then",
            "ship gate [ship_ok] < ~build |choose.then",
        ]
    );
    assert_eq!(plan.awaited_agents(), [vec![], vec![0], vec![0]]);
    assert_eq!(plan.wanted_evidence(), [true, true, true]);
    let [agent] = plan.agents.as_slice() else { panic!("one agent") };
    let argv: Vec<_> = agent.command.argv.iter().map(|word| word.written.as_str()).collect();
    assert_eq!((argv, agent.command.cwd.as_path()), (vec!["./agent", "--task", "${env:TASK}"], Path::new("d/work")));
    assert_eq!((agent.command.timeout.as_secs(), agent.reveal.as_slice()), (7_200, &["TASK".to_owned()][..]));
    assert_eq!((agent.tier.number(), agent.confidence.map(Confidence::number)), (1, Some(0.7)));
    assert_eq!((&agent.preflight, &agent.plan, &agent.verify), (&vec![3], &vec![4], &vec![5]));
    assert_eq!((agent.heartbeat.as_secs(), agent.lock.as_secs()), (30, 240));
    assert_eq!(
        agent.errors,
        ErrorBudget { max_total_errors: 20, max_procedure_violations: 0, ..ErrorBudget::default() }
    );
    assert!(matches!(&plan.state, StatePlan::Redis(redis) if redis.to_string() == "redis://127.0.0.1:7000/1"));
    let [file, command, webhook] = plan.events.sinks.as_slice() else { panic!("three places") };
    assert!(matches!(&file.to, Sink::File(path) if path == Path::new("d/events.jsonl")));
    assert_eq!(file.kinds, Filter::All);
    assert!(matches!(&command.to, Sink::Command(command) if command.argv.len() == 2 && command.cwd == Path::new("d")));
    assert_eq!(command.kinds, Filter::Only(vec![Kind::Heartbeat, Kind::AgentRevoked]));
    let Sink::Webhook(webhook) = &webhook.to else { panic!("a webhook") };
    assert_eq!((webhook.form, webhook.headers[0].0.as_str()), (Form::Github, "authorization"));
}

#[test]
fn what_the_manifest_does_not_say_of_an_agent_is_as_the_core_has_it() {
    let plan = plan(
        "[gate.a]\nmodule = 'm'\n[agent.x]\ncommand = ['x']\n[[stage]]\nid = 's'\ntype = 'agent'\nagent = 'x'\n[[stage]]\nid = 't'\ntype = 'gate'\ngates = ['a']\n",
    );
    let agent = &plan.agents[0];
    assert_eq!((agent.tier.number(), agent.confidence, agent.errors), (0, None, ErrorBudget::default()));
    assert_eq!((agent.heartbeat.as_secs(), agent.lock.as_secs(), agent.command.timeout.as_secs()), (60, 300, 1_800));
    assert_eq!((plan.state, plan.events.sinks.len()), (StatePlan::User, 0));
}

#[test]
fn an_overridden_output_of_an_agent_is_waited_for_no_more() {
    let plan = read(&format!("{HEAD}{GOVERNED}"), &[("draft", "draft.json")]).expect("a plan");
    assert!(plan.awaited_agents().iter().all(Vec::is_empty));
    assert!(lines(&plan).contains(&"ship gate [ship_ok] < ~ |choose.then".to_owned()));
}

#[test]
fn a_selection_keeps_what_hedges_a_pipeline_in() {
    let plan = plan(GOVERNED);
    let select = |names: &[&str]| plan.select(names).map(|plan| lines(&plan)).map_err(|error| error.code);
    let test = "readiness && !findings(flows, PARSE_ERROR) && evidence(ci, '/CI') == 'true'";
    assert_eq!(select(&["readiness"]), Ok(vec!["first parallel [readiness] < ~".to_owned()]));
    assert_eq!(
        select(&["waits"]),
        Ok(vec![
            "first parallel [readiness flows] < ~".to_owned(),
            format!("choose condition [] < ~first {test} ?  : hold"),
            "hold gate [waits] < ~ |choose.else".to_owned(),
        ])
    );
    let agent = "build agent [checks plan_ok tests_pass] <first ~ |choose.then";
    for (names, last) in [(vec!["checks"], None), (vec!["ship_ok"], Some("ship gate [ship_ok] < ~build |choose.then"))]
    {
        let then = if last.is_some() { "build ship" } else { "build" };
        let expect = [
            "first parallel [readiness flows] < ~".to_owned(),
            format!("choose condition [] < ~first {test} ? {then} : "),
            agent.to_owned(),
        ];
        assert_eq!(select(&names), Ok(expect.into_iter().chain(last.map(str::to_owned)).collect()), "{names:?}");
    }
    let selected = plan.select(&["checks"]).expect("a plan");
    let gates =
        |gates: &[usize]| gates.iter().map(|gate| selected.gates[*gate].name.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(
        selected.agents[0].gates().map(|(key, asked)| format!("{key} {}", gates(asked))),
        ["preflight checks", "plan plan_ok", "verify tests_pass"]
    );
}
