//! A plan for people: what a run would do, in the order in which it would.

mod governed;

use std::{fmt::Write as _, path::Path};

use super::completion;
use crate::{
    files::shown,
    manifest::{Enforcement, Exchange, GatePlan, Hosts, Input, Origin, Plan, StageKind, Template},
    text::printable,
};

/// The plan as text; ends with a line feed.
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let mut text = format!("{} ({})\n", printable(&plan.name), shown(&plan.path));
    let _ = writeln!(text, "  trust     {}", shown(&plan.trust));
    text.push_str(&network_line(plan));
    text.push_str(&governed::state_line(plan));
    for (source, _) in plan.evidence.iter().zip(plan.wanted_evidence()).filter(|(_, wanted)| *wanted) {
        let after = names(source.after.iter().filter_map(|index| plan.evidence.get(*index)).map(|source| &source.name));
        let _ = writeln!(text, "  evidence  {}: {}{after}", printable(&source.name), origin(plan, &source.origin));
    }
    for stage in &plan.stages {
        let kind = match &stage.kind {
            StageKind::Gate => "one gate".to_owned(),
            StageKind::Parallel => "in parallel".to_owned(),
            StageKind::Agent(agent) => agent_named(plan, *agent, true),
            StageKind::Condition(_) => "a condition".to_owned(),
        };
        let needs = names(stage.needs.iter().filter_map(|need| plan.stages.get(*need)).map(|stage| &stage.id));
        let _ = writeln!(text, "  stage     {} ({kind}){needs}", printable(&stage.id));
        text.push_str(&governed::agent_lines(plan, stage));
        text.push_str(&governed::condition_lines(plan, stage));
        for (index, gate) in stage.gates.iter().filter_map(|index| Some((*index, plan.gates.get(*index)?))) {
            text.push_str(&gate_lines(plan, gate, &governed::asked_at(plan, stage, index)));
        }
    }
    let _ = writeln!(text, "  go when   {}", plan.rule.told());
    if let Some(completion) = &plan.completion {
        let _ = writeln!(text, "  complete  {}", completion::asked(completion));
    }
    text.push_str(&governed::events_lines(plan));
    text
}

/// `agent builder`, with its tier where that matters.
fn agent_named(plan: &Plan, agent: usize, with_tier: bool) -> String {
    let Some(agent) = plan.agents.get(agent) else { return "an agent".to_owned() };
    let tier = if with_tier { format!(", tier {}", agent.tier) } else { String::new() };
    format!("agent {}{tier}", printable(&agent.name))
}

/// What may be reached, where that is a question at all.
fn network_line(plan: &Plan) -> String {
    let allowed = match &plan.hosts {
        Hosts::Listed(rules) if rules.is_empty() => "nothing".to_owned(),
        Hosts::Listed(rules) => rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Hosts::Loopback if plan.evidence.iter().any(|source| matches!(source.origin, Origin::Http(_))) => {
            "this machine alone".to_owned()
        }
        Hosts::Loopback => return String::new(),
    };
    format!("  may reach {allowed}\n")
}

/// Where evidence comes from, as the manifest says it: no variable is looked up here.
fn origin(plan: &Plan, origin: &Origin) -> String {
    match origin {
        Origin::File { path, optional: false, .. } => shown(path),
        Origin::File { path, optional: true, .. } => format!("{} if it is there", shown(path)),
        Origin::Files { pattern, root } => format!("the digests of {}", shown(&root.join(pattern))),
        Origin::Value(_) => "a value in the manifest".to_owned(),
        Origin::Env(names) => format!("the environment's {}", names.join(", ")),
        Origin::Command(source) => format!("runs {}", command(&source.argv, &source.cwd)),
        Origin::Http(http) => {
            let exchange = |exchange: &Exchange| format!("{} {}", exchange.method, printable(&exchange.url.written));
            http.exchanges.iter().map(exchange).collect::<Vec<_>>().join(", then ")
        }
        Origin::Agent { agent, output } => {
            format!("the last {output} output of {}", agent_named(plan, *agent, false))
        }
    }
}

/// A command as it is written, and where it runs.
fn command(argv: &[Template], cwd: &Path) -> String {
    let words: Vec<_> = argv.iter().map(|word| argument(&word.written)).collect();
    format!("{} in {}", words.join(" "), shown(cwd))
}

/// One argument, in quotes where its ends would not be seen otherwise.
fn argument(written: &str) -> String {
    let is_plain = !written.is_empty() && !written.contains(|sign: char| sign.is_whitespace() || "'\"".contains(sign));
    let shown = printable(written);
    if is_plain { shown } else { format!("'{shown}'") }
}

fn gate_lines(plan: &Plan, gate: &GatePlan, asked_at: &str) -> String {
    let advisory = if gate.enforcement == Enforcement::Advisory { ", advisory" } else { "" };
    let needs = names(gate.needs.iter().filter_map(|need| plan.gates.get(*need)).map(|gate| &gate.name));
    let mut text =
        format!("    gate    {}: {}{advisory}{asked_at}{needs}\n", printable(&gate.name), shown(&gate.module));
    let evidence = |index: &usize| plan.evidence.get(*index).map(|source| printable(&source.name)).unwrap_or_default();
    let asked = match &gate.input {
        Input::Nothing => return text,
        Input::Whole(index) => evidence(index),
        Input::Named(members) => members
            .iter()
            .map(|(name, index)| format!("{} = {}", printable(name), evidence(index)))
            .collect::<Vec<_>>()
            .join(", "),
        Input::Each { pattern, root } if root.as_os_str().is_empty() => format!("each {}", printable(pattern)),
        Input::Each { pattern, root } => format!("each {} below {}", printable(pattern), shown(root)),
    };
    let _ = writeln!(text, "            {asked}");
    text
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| printable(name)).collect();
    if names.is_empty() { String::new() } else { format!(", after {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::{Overrides, parse};

    const MANIFEST: &str = r#"
schema = 1
name = "release"
trust = "trust.toml"
[network]
hosts = ["*.example.com", "[::1]:80"]
[evidence]
log = { file = "hmr.jsonl", optional = true, after = ["smoke"] }
left = { files = "out/**/*.json", after = ["smoke"] }
ci = { env = ["CI", "GITHUB_SHA"] }
smoke = { command = ["./app", "--token", "${env:TOKEN}", "two words\u001b[2J", ""] }
talk = { http = [{ url = "https://a.example.com/x?t=${env:TOKEN}" }, { url = "http://[::1]/", json = 1 }] }
unused = { value = 1 }
[gate.g]
module = "g.wasm"
input = { log = "log", ci = "ci", talk = "talk", left = "left" }
[completion]
task_class = "cli"
"#;

    #[test]
    fn a_plan_says_what_would_be_collected_as_it_is_written() {
        let plan = parse(MANIFEST.as_bytes(), Path::new("release.toml"), &Overrides::default()).expect("a plan");
        let expect = "\
release (release.toml)
  trust     trust.toml
  may reach *.example.com, [::1]:80
  evidence  log: hmr.jsonl if it is there, after smoke
  evidence  left: the digests of out/**/*.json, after smoke
  evidence  ci: the environment's CI, GITHUB_SHA
  evidence  smoke: runs ./app --token ${env:TOKEN} 'two words\\u{1b}[2J' '' in .
  evidence  talk: GET https://a.example.com/x?t=${env:TOKEN}, then POST http://[::1]/
  stage     all (in parallel)
    gate    g: g.wasm
            log = log, ci = ci, talk = talk, left = left
  go when   every mandatory gate passes
  complete  product_complete (cli) when headless_run, stdout_golden passed
";
        assert_eq!(describe(&plan), expect);
    }
}
