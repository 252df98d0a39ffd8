//! What an entry itself says, in a few words that are never pruned. Stored as JSON, letter by letter as it was hashed.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Kind, LedgerError};
use crate::digest::Digest;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Facts {
    /// Of a run that began.
    Begin(BeginFacts),
    /// Of a piece of evidence.
    Evidence(OutcomeFacts),
    /// Of an agent's stage.
    Agent(OutcomeFacts),
    /// Of a gate.
    Gate(OutcomeFacts),
    /// Of a run that came to its end.
    Finish(FinishFacts),
    /// Of bytes that were let go.
    Prune(PruneFacts),
}

/// What a run began with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BeginFacts {
    /// The pipeline.
    pub policy: String,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// What the decision is about.
    pub subject: Option<String>,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeFacts {
    /// In one word.
    pub outcome: String,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FinishFacts {
    /// `go`, `no-go` or `blocked`.
    pub decision: String,
    /// The exit status.
    pub exit_code: u8,
}

/// How much was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PruneFacts {
    /// Runs whose bytes were let go.
    pub runs: u64,
    /// Blobs that nothing else needed.
    pub blobs: u64,
    /// The bytes in them.
    pub bytes: u64,
}

impl Facts {
    /// What an entry of that kind says with that text.
    pub(super) fn parse(kind: Kind, text: &str) -> Result<Self, LedgerError> {
        match kind {
            Kind::Begin => parse(text).map(Self::Begin),
            Kind::Evidence => parse(text).map(Self::Evidence),
            Kind::Agent => parse(text).map(Self::Agent),
            Kind::Gate => parse(text).map(Self::Gate),
            Kind::Finish => parse(text).map(Self::Finish),
            Kind::Prune => parse(text).map(Self::Prune),
        }
        .ok_or_else(|| LedgerError::corrupt("the facts of an entry do not read"))
    }

    /// Its text. Strings and numbers always have one.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a step came to, in one word.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        match self {
            Self::Evidence(facts) | Self::Agent(facts) | Self::Gate(facts) => Some(&facts.outcome),
            Self::Finish(facts) => Some(&facts.decision),
            Self::Begin(_) | Self::Prune(_) => None,
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}
