//! What the host says to an agent: one JSON object a line.

use serde::Serialize;

use super::{
    clarified::ClarifiedPlan,
    content::{Checksum, Content},
    output::{AgentOutput, Checkpoint},
    revocation::Cause,
    violation::{BrokenRule, ViolationSeverity, ViolationType},
    words::{OutputType, Phase, Tier, words},
};

/// One thing that the host says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostLine {
    /// The first line: who the agent is, and what to go on from.
    Started {
        /// The run.
        run_id: String,
        /// The agent.
        agent_id: String,
        /// What it may do.
        tier: Tier,
        /// The output that an earlier run stopped behind. The agent may enter the phase of it first, or start over.
        checkpoint: Option<ResumePoint>,
    },
    /// The agent is in that phase; where gates judge at its start, they passed.
    Accepted(Phase),
    /// Its plan of that checksum is accepted.
    AcceptedPlan(Checksum),
    /// What it said is not taken.
    Refused {
        /// Why, by kind.
        code: Refusal,
        /// Why, in one sentence.
        detail: String,
    },
    /// Its output is kept.
    Checkpoint(Checkpoint),
    /// It broke a rule, and goes on.
    Warning {
        /// Which one.
        #[serde(rename = "type")]
        rule: BrokenRule,
        /// How grave that is.
        severity: ViolationSeverity,
        /// What happened.
        detail: String,
    },
    /// It is held until it acknowledges the plan by its `plan_id`.
    Paused {
        /// The plan.
        clarified_plan: Box<ClarifiedPlan>,
    },
    /// It may go on.
    Resumed(bool),
    /// It has another tier.
    Promoted {
        /// Which one.
        tier: Tier,
    },
    /// It is ended, for this.
    Revoked {
        /// Which rule was broken.
        #[serde(rename = "type")]
        cause: Cause,
        /// What happened.
        reason: String,
    },
}

/// An earlier output, as a started agent sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResumePoint {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: OutputType,
    /// The phase that it was made in.
    pub phase: Phase,
    /// Its checksum.
    pub checksum: Checksum,
    /// What it is.
    pub content: Content,
}

impl From<&AgentOutput> for ResumePoint {
    fn from(output: &AgentOutput) -> Self {
        let Checkpoint { kind, phase, checksum } = output.checkpoint();
        Self { kind, phase, checksum, content: output.content.clone() }
    }
}

impl HostLine {
    /// The line, with its line feed.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Nothing in it can fail to be written: every name is a text, and every number is finite.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

words! {
    /// Why something that an agent said is not taken. All but the last four are errors of the agent and count.
    pub enum Refusal {
        /// It went to work without an accepted plan; it is revoked.
        ApplyWithoutPlan = "APPLY_WITHOUT_PLAN",
        /// It went to work before the checks passed; it is revoked.
        RunWithoutCheck = "RUN_WITHOUT_CHECK",
        /// It left the order of the phases; it is revoked.
        ProcedureViolation = "PROCEDURE_VIOLATION",
        /// The line is none of the protocol.
        MalformedLine = "MALFORMED_LINE",
        /// The output is not of the type that the phase has.
        OutputType = "OUTPUT_TYPE",
        /// What the line says has no place in this phase.
        OutOfTurn = "OUT_OF_TURN",
        /// The gates of `preflight` did not pass. It may enter the phase again once it has repaired what they found.
        ChecksFailed = "CHECKS_FAILED",
        /// The gates of `plan` did not pass. It may hand in another plan.
        PlanRefused = "PLAN_REFUSED",
        /// The gates of `verify` did not pass; the agent has failed.
        VerificationFailed = "VERIFICATION_FAILED",
        /// No clarified plan of that id waits to be acknowledged.
        UnknownPlan = "UNKNOWN_PLAN",
        /// The promotion is not to the next tier.
        NotTheNextTier = "NOT_THE_NEXT_TIER",
        /// The agent is held until it acknowledges a plan.
        Paused = "PAUSED",
        /// The host has to get its state back first.
        Recovering = "RECOVERING",
        /// Gates are being asked.
        Judging = "JUDGING",
        /// The agent is through.
        Ended = "ENDED",
    }
}

impl Refusal {
    /// Whether it is an error of the agent. It is none to speak before it can know that it is held.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(self, Self::Paused | Self::Recovering | Self::Judging | Self::Ended)
    }

    /// The refusal to enter a phase by which that rule is broken.
    pub(super) fn of(rule: ViolationType) -> Self {
        match rule {
            ViolationType::ApplyWithoutPlan => Self::ApplyWithoutPlan,
            ViolationType::RunWithoutCheck => Self::RunWithoutCheck,
            _ => Self::ProcedureViolation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::samples::at;

    #[test]
    fn lines_are_those_of_the_protocol() {
        let checkpoint = Checkpoint {
            kind: OutputType::Gamma,
            phase: Phase::Verify,
            checksum: Checksum::parse("44136fa355b3").expect("a checksum"),
        };
        let content = Content::read("{}").expect("content");
        let output = AgentOutput::new("builder", Phase::Verify, content, at(0)).expect("an output");
        let (run_id, agent_id, tier) = ("r-1".to_owned(), "builder".to_owned(), Tier::default());
        let started =
            |checkpoint| HostLine::Started { run_id: run_id.clone(), agent_id: agent_id.clone(), tier, checkpoint };
        for (line, expect) in [
            (started(None), r#"{"started":{"run_id":"r-1","agent_id":"builder","tier":0,"checkpoint":null}}"#),
            (
                started(Some(ResumePoint::from(&output))),
                r#"{"started":{"run_id":"r-1","agent_id":"builder","tier":0,"checkpoint":{"type":"gamma","phase":"VERIFY","checksum":"44136fa355b3","content":{}}}}"#,
            ),
            (HostLine::Accepted(Phase::Plan), r#"{"accepted":"PLAN"}"#),
            (HostLine::AcceptedPlan(checkpoint.checksum.clone()), r#"{"accepted_plan":"44136fa355b3"}"#),
            (
                HostLine::Refused { code: Refusal::ApplyWithoutPlan, detail: "no\nplan".to_owned() },
                r#"{"refused":{"code":"APPLY_WITHOUT_PLAN","detail":"no\nplan"}}"#,
            ),
            (
                HostLine::Checkpoint(checkpoint),
                r#"{"checkpoint":{"type":"gamma","phase":"VERIFY","checksum":"44136fa355b3"}}"#,
            ),
            (
                HostLine::Warning {
                    rule: ViolationType::ScopeViolation.into(),
                    severity: ViolationSeverity::Medium,
                    detail: "d".to_owned(),
                },
                r#"{"warning":{"type":"SCOPE_VIOLATION","severity":"medium","detail":"d"}}"#,
            ),
            (HostLine::Resumed(true), r#"{"resumed":true}"#),
            (HostLine::Promoted { tier }, r#"{"promoted":{"tier":0}}"#),
            (
                HostLine::Revoked { cause: Cause::Token, reason: "r".to_owned() },
                r#"{"revoked":{"type":"token_revoked","reason":"r"}}"#,
            ),
        ] {
            assert_eq!(line.to_line(), format!("{expect}\n"));
        }
    }
}
