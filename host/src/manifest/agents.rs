//! `[agent.NAME]`: programs that work through the phases, and what is asked of them on the way.

use std::{path::Path, time::Duration};

use toml::de::DeValue;

use super::{
    AgentPlan, CommandSource,
    problems::{Problems, quoted},
    reader::{At, Node, Table, check_name, whole_number, wrong_type},
    resolve::Names,
    sources::{KEPT, Program, duration, program, reveal},
};
use crate::{
    agent::{self, Confidence, ErrorBudget, Tier},
    diagnostic::Diagnostic,
};

const KEYS: [&str; 14] = [
    "objective",
    "command",
    "cwd",
    "env",
    "reveal",
    "timeout",
    "tier",
    "confidence",
    "preflight",
    "plan",
    "verify",
    "heartbeat",
    "lock",
    "errors",
];

/// The most agents; what waits for which of them is kept for each piece of evidence and each stage.
const MOST: usize = 256;
/// How long an agent may work: when nothing is said, and at most.
const TIMEOUT: (Duration, Duration) = (Duration::from_secs(1_800), Duration::from_secs(86_400));
/// How long an agent may be silent: when nothing is said, and at most.
const HEARTBEAT: (Duration, Duration) = (agent::HEARTBEAT, Duration::from_secs(3_600));
/// How long a lock holds: when nothing is said, and at most.
const LOCK: (Duration, Duration) = (agent::LOCK, Duration::from_secs(86_400));
const MOST_ERRORS: u64 = 10_000;

/// Agents as they are written, each with its name.
pub(super) type Written<'t> = Vec<(At<&'t str>, Option<Table<'t>>)>;

/// The agents as they are written. Where there are too many, none is read.
pub(super) fn written<'t>(root: Table<'t>, problems: &mut Problems<'_>) -> Written<'t> {
    let entries = root.table("agent", problems).map(|table| table.entries()).unwrap_or_default();
    if let Some((name, _)) = entries.get(MOST) {
        let message = format!("there are {} agents, and {MOST} are allowed", entries.len());
        problems.add(name.at, Diagnostic::new("too-many-agents", message));
        return Vec::new();
    }
    let open = |(name, node): (At<&'t str>, Node<'t>)| {
        check_name(name, problems);
        (name, Table::open(node, problems))
    };
    entries.into_iter().map(open).collect()
}

/// The agents, one for each that is written; where a problem left none, something stands for it.
pub(super) fn agents(
    written: &Written<'_>,
    folder: &Path,
    gates: &Names<'_>,
    problems: &mut Problems<'_>,
) -> Vec<AgentPlan> {
    written.iter().map(|(name, table)| agent(name.it, *table, (folder, gates), problems)).collect()
}

fn agent(
    name: &str,
    table: Option<Table<'_>>,
    (folder, gates): (&Path, &Names<'_>),
    problems: &mut Problems<'_>,
) -> AgentPlan {
    let command = CommandSource {
        argv: Vec::new(),
        cwd: folder.to_owned(),
        env: Vec::new(),
        timeout: TIMEOUT.0,
        max_output: KEPT,
        format: None,
    };
    let mut agent = AgentPlan {
        name: name.to_owned(),
        objective: None,
        command,
        reveal: Vec::new(),
        tier: Tier::default(),
        confidence: None,
        preflight: Vec::new(),
        plan: Vec::new(),
        verify: Vec::new(),
        heartbeat: HEARTBEAT.0,
        lock: LOCK.0,
        errors: ErrorBudget::default(),
    };
    let Some(table) = table.map(|table| table.only(&KEYS, problems)) else { return agent };
    agent.objective = table.string("objective", problems).map(|text| text.it.to_owned());
    if table.get("command").is_none() {
        let help = "write the program and its arguments: `command = [\"./agent\", \"--task\", \"x\"]`";
        problems.add(table.at, Diagnostic::new("missing-key", "missing key `command`").help(help));
    }
    let program = program(table, folder, problems);
    let is_read = program.is_some();
    if let Some(Program { argv, cwd, env }) = program {
        agent.command = CommandSource { argv, cwd, env, ..agent.command };
    }
    agent.reveal = reveal(table, is_read.then(|| agent.command.templates().collect()), problems);
    agent.command.timeout = duration(table, "timeout", TIMEOUT, problems);
    agent.tier = tier(table, problems);
    agent.confidence = table.get("confidence").and_then(|node| confidence(node, problems));
    let mut named = |key: &str| gates.find_all(&table.strings(key, problems), problems);
    (agent.preflight, agent.plan, agent.verify) = (named("preflight"), named("plan"), named("verify"));
    agent.heartbeat = duration(table, "heartbeat", HEARTBEAT, problems);
    agent.lock = duration(table, "lock", LOCK, problems);
    check_lock(&agent, table, problems);
    agent.errors = errors(table, problems);
    agent
}

fn tier(table: Table<'_>, problems: &mut Problems<'_>) -> Tier {
    let Some((node, number)) = table.get("tier").and_then(|node| Some((node, whole_number(node, problems)?))) else {
        return Tier::default();
    };
    Tier::new(number).unwrap_or_else(|| {
        let message = format!("`tier` is {number}, and tiers go from 0 to {}", Tier::HIGHEST);
        problems.add(node.span().start, Diagnostic::new("number-range", message));
        Tier::default()
    })
}

/// A number from 0 to 1.
fn confidence(node: Node<'_>, problems: &mut Problems<'_>) -> Option<Confidence> {
    let number: Option<f64> = match node.get_ref() {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) => integer.to_string().parse().ok(),
        _ => return wrong_type(node, "a number", problems),
    };
    let confidence = number.and_then(Confidence::new);
    if confidence.is_none() {
        let message = "`confidence` is a number from 0 to 1, such as 0.7";
        problems.add(node.span().start, Diagnostic::new("number-range", message));
    }
    confidence
}

/// An agent renews its lock when it gives a sign of life, so a shorter one would end under an agent that does all it should.
fn check_lock(agent: &AgentPlan, table: Table<'_>, problems: &mut Problems<'_>) {
    if agent.lock < agent.heartbeat {
        let shown = |duration: Duration| quoted(&format!("{}ms", duration.as_millis()));
        let (lock, heartbeat) = (shown(agent.lock), shown(agent.heartbeat));
        let message = format!("the lock holds {lock}, and the agent may be silent for {heartbeat}");
        let at = table.get("lock").or_else(|| table.get("heartbeat")).map_or(table.at, |node| node.span().start);
        problems.add(at, Diagnostic::new("agent-lock", message).help("a `lock` is no shorter than the `heartbeat`"));
    }
}

fn errors(table: Table<'_>, problems: &mut Problems<'_>) -> ErrorBudget {
    let usual = ErrorBudget::default();
    let Some(table) = table.table("errors", problems) else { return usual };
    let table = table.only(&["total", "same", "procedure"], problems);
    let mut count = |key: &str, least: u64, usual: u32| {
        let Some(node) = table.get(key) else { return usual };
        let Some(number) = whole_number(node, problems) else { return usual };
        if !(least..=MOST_ERRORS).contains(&number) {
            let message = format!("`{key}` is {number}, and it goes from {least} to {MOST_ERRORS}");
            problems.add(node.span().start, Diagnostic::new("number-range", message));
        }
        u32::try_from(number).unwrap_or(usual)
    };
    ErrorBudget {
        max_total_errors: count("total", 0, usual.max_total_errors),
        max_same_error_repeats: count("same", 1, usual.max_same_error_repeats),
        max_procedure_violations: count("procedure", 0, usual.max_procedure_violations),
    }
}
