//! The clarified plan that a paused agent has to acknowledge before it goes on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::content::{Checksum, checksum};
use crate::trust::Time;

/// A plan that says more clearly what an agent is to do, told to all agents of the project.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClarifiedPlan {
    /// What it is acknowledged by.
    pub plan_id: String,
    /// Why there is one.
    pub trigger_reason: String,
    /// The errors that it takes into account, the oldest first.
    pub history_reviewed: Vec<String>,
    /// The checksums of the outputs that it takes into account.
    pub outputs_analyzed: Vec<String>,
    /// What the agent was to do.
    pub original_objective: String,
    /// What it is to do.
    pub clarified_objective: String,
    /// What it is to do otherwise.
    pub adjustments: Vec<String>,
    /// When it was told.
    pub broadcast_at: Time,
    /// The agents that have read it.
    pub acknowledged_by: Vec<String>,
}

/// Why an agent was paused: all that a clarified plan is drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// The agent.
    pub agent_id: String,
    /// The run.
    pub run_id: String,
    /// The error that came too often.
    pub code: String,
    /// How often it came.
    pub count: u32,
    /// The last errors, the oldest first, fit for a terminal.
    pub history: Vec<String>,
    /// The last output of each type.
    pub outputs: Vec<Checksum>,
    /// What the agent is to do.
    pub objective: String,
}

impl Trouble {
    /// Why the agent was paused, as one sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("error {} came {} times", self.code, self.count)
    }

    /// The plan that a person or a program drew up.
    #[must_use]
    pub fn plan(&self, clarified_objective: String, adjustments: Vec<String>, now: Timestamp) -> ClarifiedPlan {
        let mut plan = ClarifiedPlan {
            plan_id: String::new(),
            trigger_reason: self.reason(),
            history_reviewed: self.history.clone(),
            outputs_analyzed: self.outputs.iter().map(ToString::to_string).collect(),
            original_objective: self.objective.clone(),
            clarified_objective,
            adjustments,
            broadcast_at: Time(now),
            acknowledged_by: Vec::new(),
        };
        // The run stands in the id too: two runs may come into the same trouble in the same second.
        let all = serde_json::to_string(&(&self.agent_id, &self.run_id, &plan)).unwrap_or_default();
        plan.plan_id = checksum(&all).map(|sum| format!("clarified-{sum}")).unwrap_or_default();
        plan
    }

    /// The plan that the host draws up where nobody else does: the objective as it was, and not that error again.
    #[must_use]
    pub fn plain_plan(&self, now: Timestamp) -> ClarifiedPlan {
        let adjustments = vec![format!("do otherwise what led to error {}: it came {} times", self.code, self.count)];
        self.plan(self.objective.clone(), adjustments, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::samples::at;

    #[test]
    fn a_plan_has_the_members_of_the_pipeline_core_and_an_id_of_its_own() {
        let trouble = Trouble {
            agent_id: "builder".to_owned(),
            run_id: "r-1".to_owned(),
            code: "E1".to_owned(),
            count: 3,
            history: vec!["E1: no".to_owned()],
            outputs: vec![Checksum::parse("44136fa355b3").expect("a checksum")],
            objective: "build".to_owned(),
        };
        let plan = trouble.plain_plan(at(0));
        let json: serde_json::Value = serde_json::to_value(&plan).expect("JSON");
        let names: Vec<_> = json.as_object().expect("an object").keys().cloned().collect();
        let expect = "plan_id trigger_reason history_reviewed outputs_analyzed original_objective clarified_objective \
                      adjustments broadcast_at acknowledged_by";
        assert_eq!(names.join(" "), expect);
        assert_eq!(json["trigger_reason"], "error E1 came 3 times");
        assert_eq!(json["broadcast_at"], "2026-01-10T00:00:00Z");
        let others = [
            trouble.plain_plan(at(1)),
            Trouble { run_id: "r-2".to_owned(), ..trouble.clone() }.plain_plan(at(0)),
            Trouble { agent_id: "other".to_owned(), ..trouble.clone() }.plain_plan(at(0)),
        ];
        assert!(others.iter().all(|other| other.plan_id != plan.plan_id));
        assert_eq!(trouble.plain_plan(at(0)), plan);
    }
}
