//! What is said of an agent, the same for every form in which it is shown: what became of it, why, and what to do next.

use super::{Record, actions::quoted};
use crate::{
    agent::{AgentStatus, Phase, Revocation, Violation},
    decision::AgentRecord,
    text::{counted, excerpt},
};

/// How much of a reason a headline repeats, in characters.
const QUOTED: usize = 200;

/// What became of an agent, as a decision sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It went through all phases.
    Through,
    /// It failed, or was revoked for what it did.
    Lost,
    /// The host did not let it start or go on, and nobody can say what it would have come to.
    HeldUp,
    /// It was never to start.
    Nowhere,
}

impl Came {
    pub(super) fn of(agent: &AgentRecord) -> Self {
        match agent.status {
            _ if agent.hindrance.is_some() => Self::HeldUp,
            _ if is_revoked(agent) => Self::Lost,
            AgentStatus::Completed => Self::Through,
            AgentStatus::Pending => Self::Nowhere,
            AgentStatus::Failed
            | AgentStatus::Revoked
            | AgentStatus::Starting
            | AgentStatus::Running
            | AgentStatus::Paused
            | AgentStatus::Recovering => Self::Lost,
        }
    }

    /// Whether it keeps a run from a go.
    pub(super) fn stands_in_the_way(self) -> bool {
        matches!(self, Self::Lost | Self::HeldUp)
    }
}

/// Whether it may not start again: one that had ended before keeps its status.
pub(super) fn is_revoked(agent: &AgentRecord) -> bool {
    agent.status == AgentStatus::Revoked || agent.revocation.is_some()
}

/// The phase that an agent came to; of one that was revoked, the one in which it broke the rule.
pub(super) fn phase(agent: &AgentRecord) -> &'static str {
    let before = agent.revocation.as_ref().and_then(|revocation| revocation.phase);
    let phase = agent.phase.filter(|phase| *phase != Phase::Revoked).or(before).or(agent.phase);
    phase.map_or("–", |phase| phase.name())
}

/// Why an agent ended, or what it came to where it ended well: `verified, gamma 7dd8b39f09ba, 2 of 12 errors`. Fit for a
/// terminal.
pub(super) fn headline(agent: &AgentRecord) -> String {
    match (&agent.hindrance, &agent.reason) {
        (Some(code), Some(reason)) => excerpt(&format!("{code}: {reason}"), QUOTED),
        (Some(only), None) | (None, Some(only)) => excerpt(only, QUOTED),
        (None, None) => agent.revocation.as_ref().map_or_else(
            || merits(agent),
            |Revocation { cause, reason, .. }| excerpt(&format!("revoked: {}: {reason}", cause.name()), QUOTED),
        ),
    }
}

fn merits(agent: &AgentRecord) -> String {
    let verified = agent.verified.then(|| "verified".to_owned());
    let output = agent.outputs.last().map(|output| format!("{} {}", output.kind, output.checksum));
    let allowed = counted(agent.budget.max_total_errors as usize, "error", "errors");
    let errors = (agent.spent.total > 0).then(|| format!("{} of {allowed}", agent.spent.total));
    let offences = (agent.offences > 0).then(|| counted(agent.offences as usize, "offence", "offences"));
    [verified, output, errors, offences].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What to do next about `agent`, as commands to type.
pub(super) fn actions(agent: &AgentRecord, record: &Record) -> Vec<String> {
    let asked = record.state.as_ref().and_then(|state| state.asked.as_deref());
    let state = asked.map(|state| format!(" --state {}", quoted(state))).unwrap_or_default();
    let named = format!("{} --manifest {}{state}", quoted(&agent.agent), quoted(&record.policy.uri));
    let signed = "--key KEY --reason TEXT";
    let decide = match &agent.promotion {
        _ if is_revoked(agent) => Some(format!("let it start again: portcullis agent reinstate {named} {signed}")),
        Some(promotion) if agent.verified => {
            Some(format!("move it up to tier {}: portcullis agent promote {named} {signed}", promotion.to))
        }
        _ => None,
    };
    let look = Came::of(agent).stands_in_the_way();
    let look = look.then(|| format!("see what is known of it: portcullis agent show {named}"));
    decide.into_iter().chain(look).collect()
}

/// A violation that people have to know of at once, in one sentence. Fit for a terminal.
pub(super) fn alert(violation: &Violation) -> String {
    let Violation { rule, severity, consequence, detail, agent_id, phase, .. } = violation;
    let phase = phase.map(|phase| format!(" in {phase}")).unwrap_or_default();
    let (agent, rule, detail) = (excerpt(agent_id, QUOTED), excerpt(rule.name(), QUOTED), excerpt(detail, QUOTED));
    format!("agent `{agent}`: {severity} {rule}{phase}, {consequence}: {detail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::StateRecord;
    use crate::{decision::samples::agent, report::samples::governed};

    #[test]
    fn a_headline_says_why_or_what_was_made() {
        let record = governed();
        let of = |change: &dyn Fn(&mut AgentRecord)| {
            let mut agent = agent("a", AgentStatus::Completed);
            change(&mut agent);
            headline(&agent)
        };
        assert_eq!(of(&|_| {}), "");
        assert_eq!(of(&|agent| agent.spent.total = 1), "1 of 12 errors");
        assert_eq!(of(&|agent| agent.outputs = record.agents[1].outputs.clone()).get(..6), Some("alpha "));
        assert_eq!(of(&|agent| agent.reason = Some("a\u{1b}b".to_owned())), "a\\u{1b}b");
        assert_eq!(of(&|agent| agent.hindrance = Some("state-slow".to_owned())), "state-slow");
        assert_eq!(headline(&record.agents[0]).split(", ").next(), Some("verified"));
    }

    #[test]
    fn what_is_revoked_after_its_end_stands_in_the_way() {
        let revocation = serde_json::json!({
            "agent_id": "a", "run_id": "r", "type": "FORBIDDEN_ACTION", "severity": "medium",
            "reason": "it opened\u{1b} a port", "phase": "EXIT", "at": "2026-01-10T00:00:00Z",
        });
        let revocation = serde_json::from_value(revocation).expect("a revocation");
        let agent = AgentRecord { revocation: Some(revocation), verified: true, ..agent("a", AgentStatus::Completed) };
        assert_eq!((Came::of(&agent), Came::Lost.stands_in_the_way()), (Came::Lost, true));
        assert_eq!(headline(&agent), "revoked: FORBIDDEN_ACTION: it opened\\u{1b} a port");
        assert!(actions(&agent, &governed())[0].contains("portcullis agent reinstate a "));
    }

    #[test]
    fn whoever_stands_in_the_way_has_a_next_command() {
        let record = governed();
        let of = |status, hindrance: Option<&str>| {
            let agent = AgentRecord { hindrance: hindrance.map(str::to_owned), ..agent("a b", status) };
            let heads = actions(&agent, &record).into_iter().map(|action| {
                assert!(action.contains(" 'a b' --manifest release.toml"), "{action}");
                action.split_whitespace().skip_while(|word| *word != "agent").nth(1).unwrap_or_default().to_owned()
            });
            heads.collect::<Vec<_>>().join(" ")
        };
        for (status, hindrance, expect) in [
            (AgentStatus::Completed, None, ""),
            (AgentStatus::Pending, None, ""),
            (AgentStatus::Pending, Some("agent-busy"), "show"),
            (AgentStatus::Failed, None, "show"),
            (AgentStatus::Failed, Some("agent-timeout"), "show"),
            (AgentStatus::Revoked, None, "reinstate show"),
            (AgentStatus::Revoked, Some("agent-revoked"), "reinstate show"),
        ] {
            assert_eq!(of(status, hindrance), expect, "{status} {hindrance:?}");
        }
        let mut builder = record.agents[0].clone();
        assert_eq!(
            actions(&builder, &record),
            ["move it up to tier 2: portcullis agent promote builder --manifest release.toml --key KEY --reason TEXT"]
        );
        let asked = Some("redis://:${env:PW}@db/1".to_owned());
        let state = Some(StateRecord { place: "redis://db:6379/1".to_owned(), asked });
        let elsewhere = Record { state, ..record.clone() };
        let first = actions(&builder, &elsewhere).concat();
        assert!(first.contains("release.toml --state 'redis://:${env:PW}@db/1' --key"), "{first}");
        builder.verified = false;
        assert_eq!(actions(&builder, &record), [""; 0], "an approver's word would not count yet");
    }
}
