//! Violations: which there are, how grave each is, and what follows from one.

use serde::{Deserialize, Serialize};

use super::words::{Phase, words};
use crate::{text::excerpt, trust::Time};

/// Characters that are kept of a type that nobody knows.
const MOST_TYPE: usize = 64;
/// Characters that are kept of what happened.
const MOST_DETAIL: usize = 1000;

words! {
    /// How grave a violation is, the gravest first.
    pub enum ViolationSeverity {
        /// The agent is revoked at once, and people are alerted.
        Critical = "critical",
        /// The agent is revoked at once.
        High = "high",
        /// A warning; the second one revokes.
        Medium = "medium",
        /// A warning.
        Low = "low",
    }
}

words! {
    /// The rules that an agent can break.
    pub enum ViolationType {
        /// It used resources that are not its own.
        UnauthorizedPool = "UNAUTHORIZED_POOL",
        /// It went to work without an accepted plan.
        ApplyWithoutPlan = "APPLY_WITHOUT_PLAN",
        /// It went to work before the checks passed.
        RunWithoutCheck = "RUN_WITHOUT_CHECK",
        /// It reached for production.
        UnauthorizedProd = "UNAUTHORIZED_PROD",
        /// It acted as root without a record.
        UnrecordedRoot = "UNRECORDED_ROOT",
        /// It changed what others are held against.
        BaselineMutation = "BASELINE_MUTATION",
        /// It made more errors than it may.
        ErrorBudgetExceeded = "ERROR_BUDGET_EXCEEDED",
        /// It left the order of the phases.
        ProcedureViolation = "PROCEDURE_VIOLATION",
        /// It was silent for too long.
        HeartbeatTimeout = "HEARTBEAT_TIMEOUT",
        /// Its lock ran out or was lost.
        LockExpired = "LOCK_EXPIRED",
        /// It left the scope of its task.
        ScopeViolation = "SCOPE_VIOLATION",
        /// It did what it must not.
        ForbiddenAction = "FORBIDDEN_ACTION",
        /// It is less sure than it has to be.
        ConfidenceBelowThreshold = "CONFIDENCE_BELOW_THRESHOLD",
        /// It did not make what it should have.
        MissingArtifact = "MISSING_ARTIFACT",
    }
}

impl ViolationType {
    /// How grave it is.
    #[must_use]
    pub fn severity(self) -> ViolationSeverity {
        match self {
            Self::UnauthorizedPool
            | Self::ApplyWithoutPlan
            | Self::RunWithoutCheck
            | Self::UnauthorizedProd
            | Self::UnrecordedRoot
            | Self::BaselineMutation => ViolationSeverity::Critical,
            Self::ErrorBudgetExceeded | Self::ProcedureViolation | Self::HeartbeatTimeout | Self::LockExpired => {
                ViolationSeverity::High
            }
            Self::ScopeViolation | Self::ForbiddenAction => ViolationSeverity::Medium,
            Self::ConfidenceBelowThreshold | Self::MissingArtifact => ViolationSeverity::Low,
        }
    }
}

/// The rule that was broken: one of the pipeline core, or a word of a gate that the host does not know.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub enum BrokenRule {
    /// One of the fourteen.
    Known(ViolationType),
    /// Another word, cut short and fit for a terminal. It weighs as much as the gravest: a gate says that a rule was broken,
    /// and a host that does not know which one cannot say that it was a lesser one. A misspelled type thus costs a
    /// reinstatement, where the other way round it would let an agent go on.
    Unknown(String),
}

impl BrokenRule {
    /// The rule of that word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        ViolationType::named(word).map_or_else(|| Self::Unknown(excerpt(word, MOST_TYPE)), Self::Known)
    }

    /// Its word.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(known) => known.name(),
            Self::Unknown(word) => word,
        }
    }

    /// How grave it is that it was broken.
    #[must_use]
    pub fn severity(&self) -> ViolationSeverity {
        match self {
            Self::Known(known) => known.severity(),
            Self::Unknown(_) => ViolationSeverity::Critical,
        }
    }
}

impl From<String> for BrokenRule {
    fn from(word: String) -> Self {
        Self::of(&word)
    }
}

impl From<BrokenRule> for String {
    fn from(rule: BrokenRule) -> Self {
        match rule {
            BrokenRule::Known(known) => known.name().to_owned(),
            BrokenRule::Unknown(word) => word,
        }
    }
}

impl From<ViolationType> for BrokenRule {
    fn from(known: ViolationType) -> Self {
        Self::Known(known)
    }
}

words! {
    /// What follows from a violation.
    pub enum Consequence {
        /// The agent is told, and goes on.
        Warning = "warning",
        /// The agent is revoked.
        Revoked = "revoked",
    }
}

impl Consequence {
    /// What follows from a violation of an agent that had committed so many of medium severity before, in this run and in
    /// all before it. Any two of medium severity count as a second offence, whatever their types.
    #[must_use]
    pub fn of(severity: ViolationSeverity, offences_before: u32) -> Self {
        match severity {
            ViolationSeverity::Critical | ViolationSeverity::High => Self::Revoked,
            ViolationSeverity::Medium if offences_before > 0 => Self::Revoked,
            ViolationSeverity::Medium | ViolationSeverity::Low => Self::Warning,
        }
    }
}

/// What a gate or the host saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which rule was broken.
    pub rule: BrokenRule,
    /// What happened, fit for a terminal.
    pub detail: String,
    /// The gate that saw it; nothing where it was the host.
    pub gate: Option<String>,
}

impl Report {
    /// What the host saw.
    #[must_use]
    pub fn of_host(rule: ViolationType, detail: impl Into<String>) -> Self {
        Self { rule: rule.into(), detail: detail.into(), gate: None }
    }

    /// What `gate` said, in its own words.
    #[must_use]
    pub fn of_gate(gate: &str, kind: &str, detail: &str) -> Self {
        Self { rule: BrokenRule::of(kind), detail: excerpt(detail, MOST_DETAIL), gate: Some(gate.to_owned()) }
    }
}

/// A violation as it is kept and told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Which rule was broken.
    #[serde(rename = "type")]
    pub rule: BrokenRule,
    /// How grave that is.
    pub severity: ViolationSeverity,
    /// What followed from it.
    pub consequence: Consequence,
    /// What happened, fit for a terminal.
    pub detail: String,
    /// The gate that saw it; nothing where it was the host.
    pub gate: Option<String>,
    /// The agent.
    pub agent_id: String,
    /// The run.
    pub run_id: String,
    /// The phase that the agent was in; nothing before the first.
    pub phase: Option<Phase>,
    /// When it was seen.
    pub at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_and_their_severities_are_those_of_the_pipeline_core() {
        let of = |severity| {
            let types = ViolationType::ALL.iter().filter(|kind| kind.severity() == severity);
            types.map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            of(ViolationSeverity::Critical),
            "UNAUTHORIZED_POOL APPLY_WITHOUT_PLAN RUN_WITHOUT_CHECK UNAUTHORIZED_PROD UNRECORDED_ROOT BASELINE_MUTATION"
        );
        let high = "ERROR_BUDGET_EXCEEDED PROCEDURE_VIOLATION HEARTBEAT_TIMEOUT LOCK_EXPIRED";
        assert_eq!(of(ViolationSeverity::High), high);
        assert_eq!(of(ViolationSeverity::Medium), "SCOPE_VIOLATION FORBIDDEN_ACTION");
        assert_eq!(of(ViolationSeverity::Low), "CONFIDENCE_BELOW_THRESHOLD MISSING_ARTIFACT");
        let severities: Vec<_> = ViolationSeverity::ALL.iter().map(|severity| severity.name()).collect();
        assert_eq!(severities, ["critical", "high", "medium", "low"]);
    }

    #[test]
    fn what_follows_hangs_on_severity_and_on_earlier_offences() {
        use Consequence::{Revoked, Warning};
        for (severity, first, later) in [
            (ViolationSeverity::Critical, Revoked, Revoked),
            (ViolationSeverity::High, Revoked, Revoked),
            (ViolationSeverity::Medium, Warning, Revoked),
            (ViolationSeverity::Low, Warning, Warning),
        ] {
            assert_eq!(Consequence::of(severity, 0), first, "{severity}");
            for before in [1, 2, u32::MAX] {
                assert_eq!(Consequence::of(severity, before), later, "{severity} {before}");
            }
        }
    }

    #[test]
    fn a_type_that_nobody_knows_weighs_as_much_as_the_gravest() {
        for word in ["SCOPE_VIOLATON", "scope_violation", "", "\u{1b}[2J", &"X".repeat(5000)] {
            let rule = BrokenRule::of(word);
            assert_eq!(rule.severity(), ViolationSeverity::Critical, "{word}");
            assert!(rule.name().chars().count() <= MOST_TYPE + 1, "{word}");
            assert!(!rule.name().contains(crate::text::is_unsafe), "{word}");
        }
        assert_eq!(BrokenRule::of("SCOPE_VIOLATION"), BrokenRule::Known(ViolationType::ScopeViolation));
    }
}
