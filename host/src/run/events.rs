//! What a run tells those that its manifest names: rules that gates saw broken, and reviews that wait for a person.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Event, Setting};
use crate::{
    decision::{GateOutcome, GateResult},
    diagnostic::Diagnostic,
    evidence::World,
    manifest::{AgentPlan, Plan},
    notify::{self, Clock, Kind, Notifier, WAIT},
    stopped::Stopped,
};

/// Events of a run on their way out.
pub(super) struct Events {
    notifier: Notifier,
    clock: Clock,
    /// Gates that an earlier attempt at this run has told of.
    told: BTreeSet<String>,
    /// Gates that agents are judged by: whoever drives the agent tells of what they saw.
    of_agents: BTreeSet<usize>,
}

impl Events {
    /// Opens every way out that the manifest names, if it names any.
    pub(super) fn open(
        plan: &Plan,
        setting: Setting<'_>,
        world: World<'_>,
        clock: &Clock,
        told: BTreeSet<String>,
    ) -> Result<Option<Self>, Stopped> {
        if plan.events.sinks.is_empty() {
            return Ok(None);
        }
        let run = notify::Run { id: setting.run_id.to_owned(), pipeline: plan.name.clone() };
        let notifier = Notifier::open(&plan.events, run, &plan.hosts, world, Arc::clone(clock));
        let notifier = notifier.map_err(|error| Stopped::blocked(Diagnostic::from(error)))?;
        let of_agents = plan.agents.iter().flat_map(AgentPlan::gates).flat_map(|(_, gates)| gates).copied().collect();
        Ok(Some(Self { notifier, clock: Arc::clone(clock), told, of_agents }))
    }

    /// Tells of what is worth it, and never waits for anybody.
    pub(super) fn note(&self, event: &Event<'_>) {
        let Event::Finished { index, result, .. } = event else { return };
        if self.told.contains(&result.gate.name) {
            return;
        }
        for violation in result.violations.iter().filter(|_| !self.of_agents.contains(index)) {
            self.tell(Kind::ViolationDetected, result, json!({ "type": violation.kind, "detail": violation.detail }));
        }
        if result.outcome == GateOutcome::Review {
            self.tell(Kind::ApprovalRequired, result, json!({ "summary": result.summary }));
        }
    }

    /// Who is told of agents.
    pub(super) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    fn tell(&self, kind: Kind, result: &GateResult, detail: Value) {
        let module = &result.gate.module;
        let mut all = Map::new();
        all.insert("gate".to_owned(), result.gate.name.clone().into());
        all.insert("module".to_owned(), json!({ "name": module.name, "contentDigest": module.content_digest }));
        all.extend(detail.as_object().cloned().unwrap_or_default());
        self.notifier.tell(notify::Event { kind, time: (self.clock)(), agent_id: None, phase: None, detail: all });
    }

    /// Waits a little for what is still on its way, and says what did not get there.
    pub(super) fn end(self) -> Vec<Diagnostic> {
        self.notifier.finish(WAIT).problems().collect()
    }
}
