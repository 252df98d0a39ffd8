//! Agents, and what happens to them, for tests.

use jiff::{SignedDuration, Timestamp};

use super::{
    Agent, AgentLine, AgentOutput, Asked, Confidence, Content, Effect, ErrorBudget, Event, HEARTBEAT, HostLine, Judged,
    LOCK, OutputType, Phase, Remembered, Setup, Tier,
};

/// So many seconds after the day began on which tests take place.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_768_003_200).expect("a time") + SignedDuration::from_secs(seconds)
}

pub(super) fn content(text: &str) -> Content {
    Content::read(text).expect("content")
}

/// An agent of tier 1 that every set of gates judges.
pub(super) fn setup() -> Setup {
    Setup {
        agent_id: "builder".to_owned(),
        run_id: "r-1".to_owned(),
        objective: "build it".to_owned(),
        tier: Tier::new(1).expect("a tier"),
        confidence: Confidence::new(0.7),
        gates: Asked::ALL.to_vec(),
        heartbeat: HEARTBEAT,
        lock: LOCK,
        budget: ErrorBudget::default(),
        checkpoint: None,
        remembered: Remembered::default(),
    }
}

/// One that nothing judges.
pub(super) fn unjudged() -> Setup {
    Setup { gates: Vec::new(), ..setup() }
}

pub(super) fn gamma(phase: Phase) -> AgentOutput {
    AgentOutput::new("builder", phase, content(r#"{"made":1}"#), at(-1000)).expect("an output")
}

pub(super) fn phase(phase: Phase) -> Event {
    Event::Line(AgentLine::Phase(phase))
}

pub(super) fn error(code: &str) -> Event {
    Event::Line(AgentLine::Error { code: code.to_owned(), message: format!("{code} happened") })
}

pub(super) fn output(kind: OutputType) -> Event {
    Event::Line(AgentLine::Output { kind, content: content(r#"{"a":1}"#) })
}

pub(super) fn plan(confidence: Option<f64>) -> Event {
    let confidence = confidence.and_then(Confidence::new);
    Event::Line(AgentLine::Plan { plan: content(r#"{"steps":["x"]}"#), confidence })
}

pub(super) fn judged(asked: Asked, passed: bool) -> Event {
    let reason = if passed { String::new() } else { "a gate failed".to_owned() };
    Event::Judged(Judged { asked, passed, faulted: false, verifies: passed, reason, reports: Vec::new() })
}

/// What brings an agent that all gates judge from its start into `EXIT`.
pub(super) fn good_life() -> Vec<Event> {
    vec![
        Event::Started,
        phase(Phase::Bootstrap),
        output(OutputType::Alpha),
        phase(Phase::Preflight),
        judged(Asked::Preflight, true),
        phase(Phase::Plan),
        plan(Some(0.9)),
        judged(Asked::Plan, true),
        phase(Phase::Execute),
        output(OutputType::Beta),
        phase(Phase::Verify),
        judged(Asked::Verify, true),
        output(OutputType::Gamma),
        phase(Phase::Package),
        phase(Phase::Report),
        phase(Phase::Exit),
    ]
}

/// An agent to which all of that has happened in one moment, and what came of the last of it.
pub(super) fn lived(setup: Setup, events: impl IntoIterator<Item = Event>) -> (Agent, Vec<Effect>) {
    let mut agent = Agent::new(setup);
    let mut last = Vec::new();
    for event in events {
        last = agent.on(event, at(0));
    }
    (agent, last)
}

/// An agent in that phase, with everything judged well on the way.
pub(super) fn in_phase(phase: Phase) -> Agent {
    let mut agent = Agent::new(setup());
    let mut life = good_life().into_iter();
    while agent.phase() != Some(phase) || agent.deadline().is_none() {
        agent.on(life.next().expect("the phase is reached"), at(0));
    }
    if let Some(judged @ Event::Judged(_)) = life.next() {
        agent.on(judged, at(0));
    }
    agent
}

/// The effects in words, one a line: what tests are held against.
pub(super) fn told(effects: &[Effect]) -> Vec<String> {
    effects.iter().map(told_one).collect()
}

fn told_one(effect: &Effect) -> String {
    match effect {
        Effect::Revoke(revocation) => format!("ledger {}", revocation.cause.name()),
        Effect::Say(HostLine::Refused { code, .. }) => format!("say refused {code}"),
        Effect::Say(HostLine::Warning { rule, .. }) => format!("say warning {}", rule.name()),
        Effect::Say(HostLine::Accepted(phase)) => format!("say accepted {phase}"),
        Effect::Say(line) => {
            let word = line.to_line();
            format!("say {}", word.split('"').nth(1).unwrap_or_default())
        }
        Effect::Ask(asked) => format!("ask {asked}"),
        Effect::Keep(output) => format!("keep {} of {}", output.output_type, output.phase),
        Effect::Record(violation) => format!("record {} {}", violation.rule.name(), violation.consequence),
        Effect::Alert(violation) => format!("alert {}", violation.rule.name()),
        Effect::Tell(notice) => {
            format!("tell {} in {}", notice.what.kind().name(), notice.phase.map_or("no phase", Phase::name))
        }
        Effect::Seen => "seen".to_owned(),
        Effect::RenewLock => "renew lock".to_owned(),
        Effect::Clarify(trouble) => format!("clarify {}", trouble.code),
        Effect::Broadcast(plan) => format!("broadcast, read by {}", plan.acknowledged_by.len()),
        Effect::Promote(tier) => format!("promote to {tier}"),
        Effect::End(end) => format!("end {end:?}"),
    }
}
