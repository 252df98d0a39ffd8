//! What a plan says of agents: what runs, what it may, who judges it, what is shared, and who is told.

use std::{fmt::Write as _, time::Duration};

use super::command;
use crate::{
    files::shown,
    manifest::{AgentPlan, Filter, Form, Plan, Sink, SinkPlan, Stage, StageKind, StatePlan, origin},
    report::tally::milliseconds,
    text::{counted, printable},
};

/// Where the state is; nothing for a plan without agents, which asks for none.
pub(super) fn state_line(plan: &Plan) -> String {
    let place = match &plan.state {
        _ if plan.agents.is_empty() => return String::new(),
        StatePlan::User => "the user's own".to_owned(),
        StatePlan::File(path) => shown(path),
        // Without the password, which comes from the environment.
        StatePlan::Redis(redis) => redis.to_string(),
    };
    format!("  state     {place}\n")
}

/// What an agent's stage does, line by line; nothing for other stages.
pub(super) fn agent_lines(plan: &Plan, stage: &Stage) -> String {
    let StageKind::Agent(agent) = stage.kind else { return String::new() };
    let Some(agent) = plan.agents.get(agent) else { return String::new() };
    let mut text = String::new();
    if let Some(objective) = &agent.objective {
        let _ = writeln!(text, "    to      {}", printable(objective));
    }
    let _ = writeln!(text, "    runs    {}", command(&agent.command.argv, &agent.command.cwd));
    let _ = writeln!(text, "    within  {}", limits(agent));
    text
}

/// What a condition asks and where it leads, line by line; nothing for other stages.
pub(super) fn condition_lines(plan: &Plan, stage: &Stage) -> String {
    let StageKind::Condition(condition) = &stage.kind else { return String::new() };
    let mut text = format!("    if      {}\n", printable(&condition.test.to_string()));
    for (side, stages) in condition.sides().into_iter().filter(|(_, stages)| !stages.is_empty()) {
        let ids = stages.iter().filter_map(|stage| plan.stages.get(*stage)).map(|stage| printable(&stage.id));
        let _ = writeln!(text, "    {:<7} {}", side.name(), ids.collect::<Vec<_>>().join(", "));
    }
    text
}

/// `30 min 0 s, silent for 60 s, lock of 300 s; 12 errors, …`.
fn limits(agent: &AgentPlan) -> String {
    let time = |time: Duration| milliseconds(time.as_secs_f64() * 1_000.0);
    let errors = &agent.errors;
    let total = counted(errors.max_total_errors as usize, "error", "errors");
    let (same, procedure) = (errors.max_same_error_repeats, errors.max_procedure_violations);
    let sure = agent.confidence.map(|sure| format!(", at least {} sure", sure.number())).unwrap_or_default();
    format!(
        "{}, never silent for {}, its lock for {}; {total}, {same} of the same, {procedure} of procedure{sure}",
        time(agent.command.timeout),
        time(agent.heartbeat),
        time(agent.lock)
    )
}

/// When an agent's stage asks that gate: `, at preflight`; nothing for gates of other stages.
pub(super) fn asked_at(plan: &Plan, stage: &Stage, gate: usize) -> String {
    let agent = if let StageKind::Agent(agent) = stage.kind { plan.agents.get(agent) } else { None };
    let key = agent.and_then(|agent| agent.gates().into_iter().find(|(_, gates)| gates.contains(&gate)));
    key.map(|(key, _)| format!(", at {key}")).unwrap_or_default()
}

/// The ways that events go out, a line each. Of a URL no more is shown than where it leads to: behind that may be a token.
pub(super) fn events_lines(plan: &Plan) -> String {
    let line = |SinkPlan { to, kinds }: &SinkPlan| {
        let kinds = match kinds {
            Filter::All => "all".to_owned(),
            Filter::Only(kinds) => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        };
        let to = match to {
            Sink::File(path) => shown(path),
            Sink::Command(sink) => command(&sink.argv, &sink.cwd),
            Sink::Webhook(hook) => {
                let form = if hook.form == Form::Portcullis { "" } else { hook.form.name() };
                let signed = if hook.secret.is_some() { "signed" } else { "not signed" };
                let facts: Vec<_> = [form, signed].into_iter().filter(|fact| !fact.is_empty()).collect();
                format!("{}/… ({})", printable(origin(&hook.url)), facts.join(", "))
            }
        };
        format!("  events    {kinds} to {to}\n")
    };
    plan.events.sinks.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        manifest::{Overrides, parse},
        report::describe,
    };

    const MANIFEST: &str = r#"
schema = 1
name = "release"
trust = "trust.toml"
state = "redis://ci:${env:STATE_PASSWORD}@127.0.0.1/3"
[network]
hosts = ["hooks.example.com", "127.0.0.1:6379"]
[evidence]
draft = { agent = "builder", output = "beta" }
[gate.checks]
module = "checks.wasm"
[gate.plan_ok]
module = "plan.wasm"
input = "draft"
[gate.tests_pass]
module = "tests.wasm"
enforcement = "advisory"
[agent.builder]
objective = "build it\u001b[2J"
command = ["./agent", "--token", "${env:TOKEN}", "two words"]
cwd = "work"
env = { KEY = "${env:KEY}" }
tier = 2
confidence = 0.7
timeout = "90s"
heartbeat = "5s"
preflight = ["checks"]
plan = ["plan_ok"]
verify = ["tests_pass"]
errors = { total = 1 }
[[stage]]
id = "build"
type = "agent"
agent = "builder"
[[stage]]
id = "choose"
type = "condition"
if = "evidence(draft, '/n') == 1 && checks"
then = ["ship"]
[[stage]]
id = "ship"
type = "gate"
gates = ["shipped"]
[gate.shipped]
module = "shipped.wasm"
[[events]]
file = "events.jsonl"
kinds = ["agent_revoked", "violation_detected"]
[[events]]
command = ["./tell", "${env:WHOM}"]
[[events]]
url = "https://hooks.example.com/services/T0/${env:HOOK}"
form = "slack"
kinds = ["approval_required"]
"#;

    const EXPECT: &str = "\
release (release.toml)
  trust     trust.toml
  may reach hooks.example.com, 127.0.0.1:6379
  state     redis://127.0.0.1:6379/3
  evidence  draft: the last beta output of agent builder
  stage     build (agent builder, tier 2)
    to      build it\\u{1b}[2J
    runs    ./agent --token ${env:TOKEN} 'two words' in work
    within  1 min 30 s, never silent for 5.0 s, its lock for 5 min 0 s; 1 error, 3 of the same, 1 of procedure, at least 0.7 sure
    gate    checks: checks.wasm, at preflight
    gate    plan_ok: plan.wasm, at plan
            draft
    gate    tests_pass: tests.wasm, advisory, at verify
  stage     choose (a condition)
    if      evidence(draft, '/n') == 1 && checks
    then    ship
  stage     ship (one gate)
    gate    shipped: shipped.wasm
  go when   every mandatory gate passes
  events    agent_revoked, violation_detected to events.jsonl
  events    all to ./tell ${env:WHOM} in .
  events    approval_required to https://hooks.example.com/… (slack, not signed)
";

    #[test]
    fn agents_are_told_as_they_are_written_and_without_a_secret() {
        let plan = parse(MANIFEST.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan");
        assert_eq!(describe(&plan), EXPECT);
    }

    #[test]
    fn the_state_is_told_where_agents_need_it() {
        let told = |state: &str| {
            let line = "state = \"redis://ci:${env:STATE_PASSWORD}@127.0.0.1/3\"";
            let manifest = MANIFEST.replace(line, state);
            let plan = parse(manifest.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan");
            describe(&plan).lines().filter_map(|line| line.strip_prefix("  state     ")).collect::<String>()
        };
        assert_eq!(told(""), "the user's own");
        assert_eq!(told("state = \"here.sqlite\""), "here.sqlite");
        let without = "schema = 1\nname = 't'\ntrust = 't'\nstate = 's'\n[gate.g]\nmodule = 'm'\n";
        let plan = parse(without.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan");
        assert!(!describe(&plan).contains("state"), "{}", describe(&plan));
    }
}
