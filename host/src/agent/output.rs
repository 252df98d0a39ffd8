//! Outputs and checkpoints: what an agent made, in which phase, and where a run that stopped goes on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    content::{Checksum, Content},
    words::{OutputType, Phase},
};
use crate::trust::Time;

/// What an agent made, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgentOutput {
    /// The agent.
    pub agent_id: String,
    /// How far along it is.
    pub output_type: OutputType,
    /// The phase that it was made in.
    pub phase: Phase,
    /// What it is.
    pub content: Content,
    /// When it came.
    pub timestamp: Time,
    /// The checksum of the content, as it was when it came.
    pub checksum: Checksum,
}

impl AgentOutput {
    /// What `agent` made in `phase`; nothing in a phase in which nothing is made.
    #[must_use]
    pub fn new(agent: &str, phase: Phase, content: Content, now: Timestamp) -> Option<Self> {
        let checksum = content.checksum().clone();
        let (agent_id, output_type) = (agent.to_owned(), phase.output_type()?);
        Some(Self { agent_id, output_type, phase, content, timestamp: Time(now), checksum })
    }

    /// Whether it is still what it was when it came, and could have come so.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checksum == *self.content.checksum() && self.phase.output_type() == Some(self.output_type)
    }

    /// What names it.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { kind: self.output_type, phase: self.phase, checksum: self.checksum.clone() }
    }
}

/// What names an output.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: OutputType,
    /// The phase that it was made in.
    pub phase: Phase,
    /// Its checksum.
    pub checksum: Checksum,
}

/// The output that `agent` goes on from: the last gamma of those in `outputs`, which are in the order in which they came.
/// One that does not hold is passed over for the one before it.
#[must_use]
pub fn resume_point<'a>(agent: &str, outputs: &'a [AgentOutput]) -> Option<&'a AgentOutput> {
    let is_one =
        |output: &&AgentOutput| output.agent_id == agent && output.output_type == OutputType::Gamma && output.holds();
    outputs.iter().rev().find(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::samples::at;

    fn output(phase: Phase, content: &str) -> AgentOutput {
        AgentOutput::new("builder", phase, Content::read(content).expect("content"), at(7)).expect("an output")
    }

    #[test]
    fn an_output_is_kept_with_its_type_phase_time_and_checksum() {
        let text = r#"{"agent_id":"builder","output_type":"beta","phase":"EXECUTE","content":{"a": 1},"timestamp":"2026-01-10T00:00:07Z","checksum":"7dd8b39f09ba"}"#;
        let expect = Content::read(r#"{"a":1}"#).expect("content");
        let text = text.replace("7dd8b39f09ba", expect.checksum().as_str());
        let kept = serde_json::to_string(&output(Phase::Execute, r#"{"a":1}"#)).expect("JSON");
        assert_eq!(kept, text);
        let read: AgentOutput = serde_json::from_str(&kept).expect("an output");
        assert!(read.holds());
        let content = Content::read("{}").expect("content");
        assert_eq!(AgentOutput::new("builder", Phase::Revoked, content, at(0)), None);
    }

    #[test]
    fn a_run_goes_on_from_the_last_gamma_that_holds() {
        let (verify, package) = (output(Phase::Verify, r#"{"v":1}"#), output(Phase::Package, r#"{"p":1}"#));
        let beta = output(Phase::Execute, r#"{"e":1}"#);
        let text = serde_json::to_string(&package).expect("JSON");
        let changed: AgentOutput = serde_json::from_str(&text.replace("{\"p\": 1}", "{\"p\": 2}")).expect("an output");
        let mislabelled = AgentOutput { output_type: OutputType::Gamma, ..beta.clone() };
        let foreign = AgentOutput { agent_id: "other".to_owned(), ..package.clone() };
        for (outputs, expect) in [
            (vec![], None),
            (vec![beta.clone()], None),
            (vec![verify.clone(), package.clone()], Some(Phase::Package)),
            (vec![verify.clone(), beta], Some(Phase::Verify)),
            (vec![verify.clone(), changed], Some(Phase::Verify)),
            (vec![verify.clone(), mislabelled], Some(Phase::Verify)),
            (vec![verify, foreign], Some(Phase::Verify)),
        ] {
            assert_eq!(resume_point("builder", &outputs).map(|output| output.phase), expect);
        }
    }
}
