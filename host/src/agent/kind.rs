//! The kinds of events, by the words of the pipeline core.

use std::fmt;

/// What an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// An agent's plan was accepted.
    PlanCreated,
    /// An agent began to carry out its plan.
    ExecutionStarted,
    /// An agent has carried out its plan.
    ExecutionComplete,
    /// A rule was broken.
    ViolationDetected,
    /// An agent asks for a higher tier.
    PromotionRequested,
    /// An agent got it.
    PromotionApproved,
    /// An agent was ended for what it did.
    AgentRevoked,
    /// Something waits for an approver.
    ApprovalRequired,
    /// An agent is alive.
    Heartbeat,
}

impl EventKind {
    /// Every kind, in order.
    pub const ALL: &'static [Self] = &[
        Self::PlanCreated,
        Self::ExecutionStarted,
        Self::ExecutionComplete,
        Self::ViolationDetected,
        Self::PromotionRequested,
        Self::PromotionApproved,
        Self::AgentRevoked,
        Self::ApprovalRequired,
        Self::Heartbeat,
    ];

    /// The word that manifests and events use for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PlanCreated => "plan_created",
            Self::ExecutionStarted => "execution_started",
            Self::ExecutionComplete => "execution_complete",
            Self::ViolationDetected => "violation_detected",
            Self::PromotionRequested => "promotion_requested",
            Self::PromotionApproved => "promotion_approved",
            Self::AgentRevoked => "agent_revoked",
            Self::ApprovalRequired => "approval_required",
            Self::Heartbeat => "heartbeat",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == word)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spelled_as_the_pipeline_core_spells_them() {
        let words: Vec<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(
            words.join(" "),
            "plan_created execution_started execution_complete violation_detected promotion_requested \
             promotion_approved agent_revoked approval_required heartbeat"
        );
        assert!(EventKind::ALL.iter().all(|kind| EventKind::named(kind.name()) == Some(*kind)));
        assert_eq!(EventKind::named("Heartbeat"), None);
    }
}
