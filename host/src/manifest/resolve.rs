//! TOML → plan: reads each part and resolves every name in it.

use std::{collections::HashMap, path::Path};

use portcullis_sdk::Kind;
use toml::de::{DeTable, DeValue};

use super::{
    Enforcement, FailOn, GatePlan, HeldPlan, Hosts, Input, Overrides, Plan, agents,
    completion::completion,
    events::events,
    json,
    limits::limits,
    network::hosts,
    order::{order, shown},
    problems::{Problems, quoted},
    reader::{At, Node, Table, check_name, pattern, string, wrong_type},
    rule::rule,
    sources::sources,
    stages::{Parts, stages},
    state::state,
};
use crate::{diagnostic::Diagnostic, digest::Digest, limits::Limits};

const KEYS: [&str; 14] = [
    "schema",
    "name",
    "trust",
    "approvals",
    "network",
    "limits",
    "evidence",
    "gate",
    "stage",
    "decision",
    "completion",
    "agent",
    "state",
    "events",
];
const KINDS: [(&str, Kind); 4] =
    [("readiness", Kind::Readiness), ("gate", Kind::Gate), ("validator", Kind::Validator), ("probe", Kind::Probe)];
const ENFORCEMENTS: [(&str, Enforcement); 2] =
    [("mandatory", Enforcement::Mandatory), ("advisory", Enforcement::Advisory)];

const FAIL_ON: [(&str, FailOn); 2] = [("any", FailOn::Any), ("new", FailOn::New)];

/// Names and the indices that they stand for.
pub(super) struct Names<'t> {
    what: (&'static str, &'static str),
    ordered: Vec<&'t str>,
    indices: HashMap<&'t str, usize>,
}

impl<'t> Names<'t> {
    /// The names of `what`, a code for an unknown one and a word.
    pub(super) fn new(what: (&'static str, &'static str), ordered: Vec<&'t str>) -> Self {
        let indices = ordered.iter().enumerate().map(|(index, name)| (*name, index)).collect();
        Self { what, ordered, indices }
    }

    /// The index of `name`; that there is none is a problem.
    pub(super) fn find(&self, name: At<&str>, problems: &mut Problems<'_>) -> Option<usize> {
        let index = self.index(name.it);
        if index.is_none() {
            problems.add_unknown(name.at, self.what, name.it, self.ordered.iter().copied());
        }
        index
    }

    /// The indices of `names`, each once.
    pub(super) fn find_all(&self, names: &[At<&str>], problems: &mut Problems<'_>) -> Vec<usize> {
        let mut seen = std::collections::HashSet::new();
        names.iter().filter_map(|name| self.find(*name, problems)).filter(|index| seen.insert(*index)).collect()
    }

    /// The index of `name`, where there is one.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.indices.get(name).copied()
    }

    /// The name of an index.
    pub(super) fn name(&self, index: usize) -> &'t str {
        self.ordered.get(index).copied().unwrap_or_default()
    }
}

/// What the gates are resolved against.
struct Context<'a, 't> {
    folder: &'a Path,
    limits: Limits,
    evidence: Names<'t>,
}

/// The plan that `document` means, if `problems` stays empty. Where something is wrong, something stands for it, so
/// that what refers to it is not wrong as well.
pub(super) fn plan(
    document: &DeTable<'_>,
    (path, digest): (&Path, Digest),
    overrides: &Overrides,
    problems: &mut Problems<'_>,
) -> Plan {
    let root = Table::root(document).only(&KEYS, problems);
    let folder = path.parent().unwrap_or(Path::new(""));
    check_schema(root, problems);
    let name = root.required("name", problems);
    name.into_iter().for_each(|name| check_name(name, problems));
    let trust = root.required_path("trust", problems);
    let approvals = root.path("approvals", problems);
    let hosts = hosts(root, problems);
    let written_agents = agents::written(root, problems);
    let agent_names = named(("unknown-agent", "agent"), &written_agents);
    let (evidence, names) = sources(root, (folder, hosts.as_ref(), &agent_names), overrides, problems);
    let context = Context { folder, limits: limits(root, &Limits::default(), problems), evidence: names };
    let written = written_gates(root, problems);
    let names = named(("unknown-gate", "gate"), &written);
    let gates: Vec<_> = written.iter().map(|entry| gate(*entry, &context, &names, problems)).collect();
    check_gate_needs(&written, &gates, &names, problems);
    let agents = agents::agents(&written_agents, folder, &names, problems);
    let parts = Parts {
        gates: &gates,
        gate_names: &names,
        written_gates: &written,
        agents: &agents,
        agent_names: &agent_names,
        written_agents: &written_agents,
        evidence: &evidence,
        evidence_names: &context.evidence,
    };
    let stages = stages(root, parts, problems);
    let rule = rule(root, &gates, &names, problems);
    let completion = completion(root, &gates, &names, problems);
    let state = state(root, folder, hosts.as_ref(), problems);
    let events = events(root, folder, hosts.as_ref(), problems);
    Plan {
        name: name.map(|name| name.it.to_owned()).unwrap_or_default(),
        path: path.to_owned(),
        digest,
        trust: folder.join(trust.map_or("", |trust| trust.it)),
        approvals: folder.join(approvals.map_or("approvals", |approvals| approvals.it)),
        // Where the list has problems there is no plan; nothing may be reached all the same.
        hosts: hosts.unwrap_or(Hosts::Listed(Vec::new())),
        gates,
        agents,
        stages,
        rule,
        completion,
        evidence,
        state,
        events,
    }
}

/// The names of what is written.
fn named<'t>(what: (&'static str, &'static str), written: &[(At<&'t str>, Option<Table<'t>>)]) -> Names<'t> {
    Names::new(what, written.iter().map(|(name, _)| name.it).collect())
}

fn check_schema(root: Table<'_>, problems: &mut Problems<'_>) {
    match root.get("schema") {
        None => problems.add(0, Diagnostic::new("missing-key", "missing key `schema`").help("write `schema = 1`")),
        Some(node) => match node.get_ref() {
            DeValue::Integer(integer) if integer.to_string() == "1" => {}
            DeValue::Integer(integer) => {
                let message = format!("this version reads schema 1, and here is {}", quoted(&integer.to_string()));
                problems.add(node.span().start, Diagnostic::new("schema-version", message));
            }
            _ => wrong_type(node, "an integer", problems).unwrap_or_default(),
        },
    }
}

/// The gates as they are written, each with its name.
fn written_gates<'t>(root: Table<'t>, problems: &mut Problems<'_>) -> Vec<(At<&'t str>, Option<Table<'t>>)> {
    let table = root.table("gate", problems);
    let entries = table.map(|table| table.entries()).unwrap_or_default();
    if entries.is_empty() && (table.is_some() || root.get("gate").is_none()) {
        let help = "add a gate: a table `[gate.NAME]` with a `module`";
        problems.add(0, Diagnostic::new("no-gates", "the manifest has no gates, so nothing would decide").help(help));
    }
    let open = |(name, node): (At<&'t str>, Node<'t>)| {
        check_name(name, problems);
        (name, Table::open(node, problems))
    };
    entries.into_iter().map(open).collect()
}

fn gate(
    (name, table): (At<&str>, Option<Table<'_>>),
    context: &Context<'_, '_>,
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> GatePlan {
    let mut gate = GatePlan {
        name: name.it.to_owned(),
        module: context.folder.to_owned(),
        input: Input::Nothing,
        params: serde_json::Map::new(),
        limits: context.limits.clone(),
        enforcement: Enforcement::Mandatory,
        needs: Vec::new(),
        kind: None,
        held: HeldPlan::default(),
    };
    let Some(table) = table else { return gate };
    let known = [
        "module",
        "kind",
        "input",
        "params",
        "each",
        "enforcement",
        "needs",
        "limits",
        "suppressions",
        "baseline",
        "fail_on",
    ];
    let table = table.only(&known, problems);
    if let Some(module) = table.required_path("module", problems) {
        gate.module.push(module.it);
    }
    gate.kind = table.word("kind", &KINDS, problems);
    gate.enforcement = table.word("enforcement", &ENFORCEMENTS, problems).unwrap_or(gate.enforcement);
    gate.limits = limits(table, &gate.limits, problems);
    gate.needs = names.find_all(&table.strings("needs", problems), problems);
    gate.params = params(table, problems);
    gate.input = input(table, context, problems);
    gate.held = held(table, context.folder, problems);
    if matches!(gate.input, Input::Each { .. }) && gate.kind.is_some_and(|kind| kind != Kind::Validator) {
        let message = "`each` asks a validator, and `kind` says that this is none";
        problems.add(table.at, Diagnostic::new("key-conflict", message));
    }
    gate
}

/// What findings are held against; only findings in files are.
fn held(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> HeldPlan {
    let mut path = |key: &str| {
        table.get(key)?;
        table.required_path(key, problems).map(|path| folder.join(path.it))
    };
    let (suppressions, baseline) = (path("suppressions"), path("baseline"));
    let fail_on = table.word("fail_on", &FAIL_ON, problems).unwrap_or_default();
    let keys = ["suppressions", "baseline", "fail_on"];
    if let Some(key) = keys.iter().find(|key| table.get(key).is_some() && table.get("each").is_none()) {
        let message = format!("`{key}` is about findings in files, and without `each` there are none");
        problems.add(table.at, Diagnostic::new("key-conflict", message));
    } else if fail_on == FailOn::New && table.get("baseline").is_none() {
        let message = "`fail_on = \"new\"` needs a `baseline` to know what is new";
        let help = "`portcullis scan … --output baseline=FILE` writes one";
        problems.add(table.at, Diagnostic::new("missing-key", message).help(help));
    }
    HeldPlan { suppressions, baseline, fail_on }
}

fn params(table: Table<'_>, problems: &mut Problems<'_>) -> serde_json::Map<String, serde_json::Value> {
    let Some(node) = table.get("params") else { return serde_json::Map::new() };
    let Some(entries) = node.get_ref().as_table().or_else(|| wrong_type(node, "a table", problems)) else {
        return serde_json::Map::new();
    };
    // A request holds the parameters one level down.
    json::table(entries, 1).unwrap_or_else(|(at, error)| {
        problems.add(at, Diagnostic::new(error.code(), error.to_string()));
        serde_json::Map::new()
    })
}

fn input(table: Table<'_>, context: &Context<'_, '_>, problems: &mut Problems<'_>) -> Input {
    if let Some(node) = table.get("each") {
        if table.get("input").is_some() {
            let message = "`each` gives the gate its input, file by file, and here is an `input` as well";
            problems.add(table.at, Diagnostic::new("key-conflict", message));
        }
        return each(node, context.folder, problems);
    }
    let Some(node) = table.get("input") else { return Input::Nothing };
    match node.get_ref() {
        DeValue::String(name) => {
            let name = At { at: node.span().start, it: name.as_ref() };
            context.evidence.find(name, problems).map_or(Input::Nothing, Input::Whole)
        }
        DeValue::Table(_) => {
            let entries = Table::open(node, problems).map(|table| table.entries()).unwrap_or_default();
            let member = |(key, node): (At<&str>, Node<'_>)| {
                let name = string(node, problems)?;
                Some((key.it.to_owned(), context.evidence.find(name, problems)?))
            };
            Input::Named(entries.into_iter().filter_map(member).collect())
        }
        _ => wrong_type(node, "the name of evidence or a table of names", problems).unwrap_or(Input::Nothing),
    }
}

fn each(node: Node<'_>, root: &Path, problems: &mut Problems<'_>) -> Input {
    let Some(pattern) = pattern(node, problems) else { return Input::Nothing };
    Input::Each { pattern: pattern.to_owned(), root: root.to_owned() }
}

fn check_gate_needs(
    written: &[(At<&str>, Option<Table<'_>>)],
    gates: &[GatePlan],
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) {
    let needs: Vec<_> = gates.iter().map(|gate| gate.needs.clone()).collect();
    if let Err(circle) = order(&needs) {
        let message = format!("gates need each other in a circle: {}", shown(&circle, |index| names.name(index)));
        let at = circle.first().and_then(|index| written.get(*index)).map_or(0, |(name, _)| name.at);
        problems.add(at, Diagnostic::new("gate-cycle", message));
    }
}
