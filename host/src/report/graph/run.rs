//! What a run came to, as its record says it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{
    agent::{AgentStatus, Phase, StageStatus},
    manifest::Side,
    text::excerpt,
};

/// A record that cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no record of a run: {0}")]
pub struct BadRun(String);

impl BadRun {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "bad-record"
    }
}

/// What came of a run, as far as it is drawn. All texts in it are hostile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphRun {
    /// The run's name.
    pub run_id: String,
    /// The SHA-256 of the manifest that it followed, in hexadecimal digits.
    pub manifest: String,
    pub(super) decision: Ruling,
    pub(super) gates: HashMap<String, GateEntry>,
    pub(super) stages: HashMap<String, StageEntry>,
    pub(super) agents: HashMap<String, AgentEntry>,
}

/// `decision.json`, as far as it is drawn.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    run_id: String,
    decision: Ruling,
    policy: Policy,
    gates: Vec<GateEntry>,
    #[serde(default)]
    stages: Vec<StageEntry>,
    #[serde(default)]
    agents: Vec<AgentEntry>,
}

#[derive(Deserialize)]
struct Policy {
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Ruling {
    Go,
    NoGo,
    Blocked,
}

impl Ruling {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::NoGo => "no-go",
            Self::Blocked => "blocked",
        }
    }
}

/// What a gate came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Pass,
    Fail,
    Review,
    NotApplicable,
    Skipped,
    Fault,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct GateEntry {
    id: String,
    pub(super) outcome: Outcome,
    #[serde(default)]
    pub(super) summary: String,
}

/// What a stage came to, where the record says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct StageEntry {
    id: String,
    pub(super) status: StageStatus,
    /// Why it is skipped, or failed.
    #[serde(default)]
    pub(super) reason: Option<String>,
    /// The side of a condition that was taken.
    #[serde(default)]
    taken: Option<Taken>,
}

/// What became of an agent, where the record says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct AgentEntry {
    agent: String,
    pub(super) status: AgentStatus,
    #[serde(default)]
    phase: Option<Phase>,
}

impl AgentEntry {
    /// `FAILED in EXECUTE`; a phase that says no more than the status is left out.
    pub(super) fn told(&self) -> String {
        let phase = self.phase.filter(|phase| !phase.is_terminal());
        format!("{}{}", self.status, phase.map(|phase| format!(" in {phase}")).unwrap_or_default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Taken {
    Then,
    Else,
}

impl StageEntry {
    pub(super) fn taken(&self) -> Option<Side> {
        self.taken.map(|taken| match taken {
            Taken::Then => Side::Then,
            Taken::Else => Side::Else,
        })
    }
}

impl GraphRun {
    /// The run whose `decision.json` is `bytes`.
    ///
    /// # Errors
    /// When it is none of this format's version, or says an outcome that there is not.
    pub fn read(bytes: &[u8]) -> Result<Self, BadRun> {
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| BadRun(excerpt(&error.to_string(), 200)))?;
        if document.schema_version != 1 {
            return Err(BadRun(format!("this version reads schema 1, and here is {}", document.schema_version)));
        }
        Ok(Self {
            run_id: document.run_id,
            manifest: document.policy.digest.sha256,
            decision: document.decision,
            gates: document.gates.into_iter().map(|gate| (gate.id.clone(), gate)).collect(),
            stages: document.stages.into_iter().map(|stage| (stage.id.clone(), stage)).collect(),
            agents: document.agents.into_iter().map(|agent| (agent.agent.clone(), agent)).collect(),
        })
    }
}
