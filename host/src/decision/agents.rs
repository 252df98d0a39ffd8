//! What the record says of agents: what became of each, the rules that were broken, and the budgets of errors.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::gate::GateResult;
use crate::agent::{
    AgentStatus, Checkpoint, ErrorBudget, Phase, PromotionRequest, Report, Revocation, Spent, Tier, Violation,
};

/// What became of an agent. Fit for a terminal, and without a secret.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentRecord {
    /// Its name in the manifest.
    pub agent: String,
    /// The stage that it ran in.
    pub stage: String,
    /// How it ended. One that was never started is `REVOKED` where the ledger of revocations says so, `PENDING` where another
    /// run drives it, and `FAILED` else.
    pub status: AgentStatus,
    /// The last phase that it entered.
    pub phase: Option<Phase>,
    /// What it may do.
    pub tier: Tier,
    /// Why it ended, where it did not end well.
    pub reason: Option<String>,
    /// The code of what kept the host from letting it start or go on; then nobody can say what it would have come to.
    pub hindrance: Option<String>,
    /// Whether gates have judged what it made, and passed.
    pub verified: bool,
    /// The last output of each type.
    pub outputs: Vec<Checkpoint>,
    /// Violations of medium severity that it has committed in all runs.
    pub offences: u32,
    /// What it was revoked for in this run, or because of what this run saw.
    pub revocation: Option<Revocation>,
    /// The promotion that it has asked for and not got.
    pub promotion: Option<PromotionRequest>,
    /// What of all this the shared state does not hold, because it could not be written.
    pub missing: Vec<String>,
    /// How many errors it may make. In the record it stands under `errorBudget`.
    #[serde(skip_serializing, default)]
    pub budget: ErrorBudget,
    /// How many it has made. In the record it stands under `errorBudget`.
    #[serde(skip_serializing, default)]
    pub spent: Spent,
    /// The rules that it broke. In the record they stand under `violations`.
    #[serde(skip_serializing, default)]
    pub violations: Vec<Violation>,
}

/// A broken rule: seen by a gate, by the host, or by both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViolationRecord {
    /// The gate that saw it; nothing where it was the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// The agent that broke it, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Which rule.
    #[serde(rename = "type")]
    pub kind: String,
    /// How grave that is, and what followed, where an agent broke it.
    #[serde(flatten)]
    pub weight: Option<Weight>,
    /// What happened.
    pub detail: String,
}

/// How grave a violation is, and what followed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// How grave it is.
    pub severity: crate::agent::ViolationSeverity,
    /// What followed.
    pub consequence: crate::agent::Consequence,
}

impl ViolationRecord {
    /// All that were seen: those of agents first, in the order in which they came, then what gates saw besides.
    pub(super) fn all(agents: &[AgentRecord], gates: &[GateResult]) -> Vec<Self> {
        let by_agents = || agents.iter().flat_map(|agent| &agent.violations);
        let weighed: HashSet<(Option<&str>, &str, &str)> = by_agents()
            .map(|violation| (violation.gate.as_deref(), violation.rule.name(), violation.detail.as_str()))
            .collect();
        let besides = gates.iter().flat_map(Self::of_gate).filter(|seen| {
            // An agent's violation has the words of the gate as they are shown to people.
            let told = Report::of_gate(seen.gate.as_deref().unwrap_or_default(), &seen.kind, &seen.detail);
            !weighed.contains(&(told.gate.as_deref(), told.rule.name(), told.detail.as_str()))
        });
        by_agents().map(Self::of_agent).chain(besides).collect()
    }

    fn of_agent(violation: &Violation) -> Self {
        Self {
            gate: violation.gate.clone(),
            agent: Some(violation.agent_id.clone()),
            kind: violation.rule.name().to_owned(),
            weight: Some(Weight { severity: violation.severity, consequence: violation.consequence }),
            detail: violation.detail.clone(),
        }
    }

    fn of_gate(gate: &GateResult) -> impl Iterator<Item = Self> {
        gate.violations.iter().map(|violation| Self {
            gate: Some(gate.gate.name.clone()),
            agent: None,
            kind: violation.kind.clone(),
            weight: None,
            detail: violation.detail.clone(),
        })
    }
}

/// The agents' budgets of errors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorBudgetRecord {
    /// `none` where no agent ran, `exceeded` where one made more errors than it may, else `within`.
    pub status: &'static str,
    /// Of each agent what it may and what it did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<SpentRecord>,
}

/// One agent's budget of errors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpentRecord {
    /// The agent.
    pub agent: String,
    /// How many errors it may make.
    pub budget: BudgetRecord,
    /// How many it has made.
    pub spent: Spent,
}

/// How many errors an agent may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BudgetRecord {
    /// In all.
    pub total: u32,
    /// Of the same kind, until it is paused.
    pub same: u32,
    /// Procedure violations.
    pub procedure: u32,
}

impl ErrorBudgetRecord {
    pub(super) fn of(agents: &[AgentRecord]) -> Self {
        let exceeded = |agent: &AgentRecord| agent.spent.exhausted(&agent.budget).is_some();
        Self {
            status: match agents {
                [] => "none",
                agents if agents.iter().any(exceeded) => "exceeded",
                _ => "within",
            },
            agents: agents
                .iter()
                .map(|AgentRecord { agent, budget, spent, .. }| SpentRecord {
                    agent: agent.clone(),
                    budget: BudgetRecord {
                        total: budget.max_total_errors,
                        same: budget.max_same_error_repeats,
                        procedure: budget.max_procedure_violations,
                    },
                    spent: spent.clone(),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::ViolationType,
        decision::{
            GateOutcome,
            samples::{agent, bare, gate, output, violation},
        },
    };

    /// A gate that saw those violations: each a type and a detail.
    fn seeing(name: &str, seen: &[(&str, &str)]) -> GateResult {
        let violation = |(kind, detail): &(&str, &str)| portcullis_sdk::Violation {
            kind: (*kind).to_owned(),
            detail: (*detail).to_owned(),
        };
        GateResult { violations: seen.iter().map(violation).collect(), ..bare(gate(name), GateOutcome::Fail) }
    }

    /// Who broke what, as who saw it.
    fn told(agents: &[AgentRecord], gates: &[GateResult]) -> Vec<String> {
        let word = |word: Option<String>| word.unwrap_or_else(|| "-".to_owned());
        let line = |record: ViolationRecord| {
            let weight = record.weight.map(|weight| format!("{} {}", weight.severity, weight.consequence));
            format!("{} {} {} {}", word(record.agent), word(record.gate), record.kind, word(weight))
        };
        ViolationRecord::all(agents, gates).into_iter().map(line).collect()
    }

    #[test]
    fn what_an_agent_broke_is_told_once_with_its_weight_and_what_gates_saw_besides_behind_it() {
        let long = "x".repeat(2_000);
        let of_gate = |gate: &str, kind: &str, detail: &str| {
            let Report { rule, detail, gate } = Report::of_gate(gate, kind, detail);
            let severity = rule.severity();
            Violation { rule, severity, detail, gate, ..violation("builder", ViolationType::ScopeViolation, None, "") }
        };
        let builder = AgentRecord {
            violations: vec![
                violation("builder", ViolationType::MissingArtifact, None, "nothing in VERIFY"),
                of_gate("verify", "SCOPE_VIOLATION", "wrote\u{1b}[2J elsewhere"),
                of_gate("verify", "OWN\u{7}RULE", &long),
            ],
            ..agent("builder", AgentStatus::Revoked)
        };
        let gates = [
            seeing("first", &[("SCOPE_VIOLATION", "wrote\u{1b}[2J elsewhere")]),
            seeing(
                "verify",
                &[
                    ("SCOPE_VIOLATION", "wrote\u{1b}[2J elsewhere"),
                    ("OWN\u{7}RULE", &long),
                    ("SCOPE_VIOLATION", "and once more"),
                    // A gate cannot say what the host saw.
                    ("MISSING_ARTIFACT", "nothing in VERIFY"),
                ],
            ),
        ];
        let expect = [
            "builder - MISSING_ARTIFACT low warning",
            "builder verify SCOPE_VIOLATION medium warning",
            "builder verify OWN\\u{7}RULE critical warning",
            "- first SCOPE_VIOLATION -",
            "- verify SCOPE_VIOLATION -",
            "- verify MISSING_ARTIFACT -",
        ];
        assert_eq!(told(&[builder, agent("other", AgentStatus::Completed)], &gates), expect);
        assert_eq!(told(&[], &gates[..1]), ["- first SCOPE_VIOLATION -"]);
    }

    #[test]
    fn a_violation_without_an_agent_has_the_members_that_it_always_had() {
        let spelled = |agents: &[AgentRecord], gates: &[GateResult]| {
            serde_json::to_string(&ViolationRecord::all(agents, gates)).expect("JSON")
        };
        let of_gate = spelled(&[], &[seeing("g", &[("X", "d")])]);
        assert_eq!(of_gate, r#"[{"gate":"g","type":"X","detail":"d"}]"#);
        let builder = AgentRecord {
            violations: vec![violation("builder", ViolationType::LockExpired, None, "d")],
            ..agent("builder", AgentStatus::Revoked)
        };
        let expect =
            r#"[{"agent":"builder","type":"LOCK_EXPIRED","severity":"high","consequence":"revoked","detail":"d"}]"#;
        assert_eq!(spelled(&[builder], &[]), expect);
    }

    #[test]
    fn budgets_are_exceeded_where_one_is() {
        let spent = |total, procedure| AgentRecord {
            spent: Spent { total, procedure, ..Spent::default() },
            ..agent("a", AgentStatus::Completed)
        };
        for (agents, expect) in [
            (vec![], "none"),
            (vec![spent(0, 0)], "within"),
            (vec![spent(12, 1)], "within"),
            (vec![spent(0, 0), spent(13, 0)], "exceeded"),
            (vec![spent(0, 2)], "exceeded"),
        ] {
            let budget = ErrorBudgetRecord::of(&agents);
            assert_eq!((budget.status, budget.agents.len()), (expect, agents.len()));
        }
        let json = serde_json::to_string(&ErrorBudgetRecord::of(&[])).expect("JSON");
        assert_eq!(json, r#"{"status":"none"}"#);
    }

    #[test]
    fn an_entry_of_a_record_reads_back_without_what_stands_elsewhere() {
        let whole = AgentRecord {
            phase: Some(Phase::Exit),
            outputs: vec![output(Phase::Execute), output(Phase::Report)],
            spent: Spent { total: 3, ..Spent::default() },
            violations: vec![violation("builder", ViolationType::ScopeViolation, None, "d")],
            missing: vec!["how it fares".to_owned()],
            ..agent("builder", AgentStatus::Completed)
        };
        let json = serde_json::to_string(&whole).expect("JSON");
        assert!(!json.contains("spent") && !json.contains("budget") && !json.contains("violations"), "{json}");
        let read: AgentRecord = serde_json::from_str(&json).expect("an agent");
        assert_eq!(read, AgentRecord { spent: Spent::default(), violations: Vec::new(), ..whole });
    }
}
