//! The status of a stage, and how it follows from that of the agent that the stage runs.

use super::words::{AgentStatus, words};

words! {
    /// How a stage fares.
    pub enum StageStatus {
        /// It waits for its turn.
        Pending = "pending",
        /// It is under way.
        Running = "running",
        /// It ended well.
        Completed = "completed",
        /// It ended otherwise.
        Failed = "failed",
        /// Its turn does not come.
        Skipped = "skipped",
    }
}

impl StageStatus {
    /// What a stage is at that runs one agent. Never `skipped`: the agent of a stage that is skipped has no status.
    #[must_use]
    pub fn of(agent: AgentStatus) -> Self {
        match agent {
            AgentStatus::Pending => Self::Pending,
            AgentStatus::Starting | AgentStatus::Running | AgentStatus::Paused | AgentStatus::Recovering => {
                Self::Running
            }
            AgentStatus::Completed => Self::Completed,
            AgentStatus::Failed | AgentStatus::Revoked => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_where_its_agent_is() {
        let stages: Vec<_> = AgentStatus::ALL.iter().map(|status| StageStatus::of(*status).name()).collect();
        let expect = ["pending", "running", "running", "running", "completed", "failed", "failed", "running"];
        assert_eq!(stages, expect);
        assert_eq!(StageStatus::named("skipped"), Some(StageStatus::Skipped));
    }
}
