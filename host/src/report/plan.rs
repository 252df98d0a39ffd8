//! A plan for people: what a run would do, in the order in which it would.

use std::fmt::Write as _;

use crate::{
    files::shown,
    manifest::{Enforcement, GatePlan, Input, Origin, Plan, Rule, StageKind},
    text::printable,
};

/// The plan as text; ends with a line feed.
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let mut text = format!("{} ({})\n", printable(&plan.name), shown(&plan.path));
    let _ = writeln!(text, "  trust     {}", shown(&plan.trust));
    for source in &plan.evidence {
        let origin = match &source.origin {
            Origin::File { path, .. } => shown(path),
            Origin::Value(_) => "a value in the manifest".to_owned(),
        };
        let _ = writeln!(text, "  evidence  {}: {origin}", printable(&source.name));
    }
    for stage in &plan.stages {
        let kind = match stage.kind {
            StageKind::Gate => "one gate",
            StageKind::Parallel => "in parallel",
        };
        let needs = names(stage.needs.iter().filter_map(|need| plan.stages.get(*need)).map(|stage| &stage.id));
        let _ = writeln!(text, "  stage     {} ({kind}){needs}", printable(&stage.id));
        for gate in stage.gates.iter().filter_map(|gate| plan.gates.get(*gate)) {
            text.push_str(&gate_lines(plan, gate));
        }
    }
    let rule = match &plan.rule {
        Rule::All => "every mandatory gate passes".to_owned(),
        Rule::Any => "one mandatory gate passes".to_owned(),
        Rule::AtLeast(number) => format!("{number} mandatory gates pass"),
        Rule::Expr(expr) => expr.to_string(),
    };
    let _ = writeln!(text, "  go when   {rule}");
    text
}

fn gate_lines(plan: &Plan, gate: &GatePlan) -> String {
    let advisory = if gate.enforcement == Enforcement::Advisory { ", advisory" } else { "" };
    let needs = names(gate.needs.iter().filter_map(|need| plan.gates.get(*need)).map(|gate| &gate.name));
    let mut text = format!("    gate    {}: {}{advisory}{needs}\n", printable(&gate.name), shown(&gate.module));
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
