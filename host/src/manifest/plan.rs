//! The manifest as it is meant: every name resolved, every path absolute or relative to where the command runs, every
//! problem already told. Nothing later checks it again.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::{digest::Digest, limits::Limits};

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// The manifest's path, as the user named it.
    pub path: PathBuf,
    /// The digest of the manifest's bytes.
    pub digest: Digest,
    /// The trust file, root or `trust.toml`.
    pub trust: PathBuf,
    /// Evidence sources, in the manifest's order.
    pub evidence: Vec<EvidenceSource>,
    /// Gates, in the manifest's order.
    pub gates: Vec<GatePlan>,
    /// Stages in an order in which they can run; their gates are indices into [`Plan::gates`], each named exactly once.
    pub stages: Vec<Stage>,
    /// How outcomes become a decision.
    pub rule: Rule,
}

/// One piece of evidence and where it comes from.
#[derive(Clone, Debug)]
pub struct EvidenceSource {
    /// Its name in the manifest.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where evidence comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file, read once.
    File {
        /// Where it is.
        path: PathBuf,
        /// How it is read.
        format: Format,
    },
    /// A value written in the manifest.
    Value(Value),
}

/// How the bytes of a file become JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document a line; becomes an array.
    JsonLines,
    /// A TOML document.
    Toml,
    /// UTF-8 text; becomes a string.
    Text,
    /// Any bytes; become `{"base64": "…"}`.
    Bytes,
}

/// One gate: a named use of a module.
#[derive(Clone, Debug)]
pub struct GatePlan {
    /// Its name, unique in the plan.
    pub name: String,
    /// Its module.
    pub module: PathBuf,
    /// What it is asked about.
    pub input: Input,
    /// Its parameters.
    pub params: Map<String, Value>,
    /// Its limits.
    pub limits: Limits,
    /// Whether its outcome decides.
    pub enforcement: Enforcement,
    /// Gates that have to pass before it runs, as indices into [`Plan::gates`].
    pub needs: Vec<usize>,
    /// The kind that the manifest says it is, where it says so; the signed bytes have to agree.
    pub kind: Option<portcullis_sdk::Kind>,
}

/// What a gate is asked about.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing: an empty object.
    Nothing,
    /// One piece of evidence, whole: an index into [`Plan::evidence`].
    Whole(usize),
    /// An object whose members are pieces of evidence, as indices into [`Plan::evidence`].
    Named(Vec<(String, usize)>),
    /// A validator, once for each file that matches, as `{path, text}`.
    Each {
        /// The glob, as it is written.
        pattern: String,
        /// Where it starts: the manifest's folder.
        root: PathBuf,
    },
}

/// Whether a gate's outcome decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// It decides.
    Mandatory,
    /// It is shown.
    Advisory,
}

/// A step of the run.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name, unique in the plan.
    pub id: String,
    /// How its gates run.
    pub kind: StageKind,
    /// Its gates, as indices into [`Plan::gates`].
    pub gates: Vec<usize>,
    /// Stages that have to end well before it starts, as indices into [`Plan::stages`] (always smaller than its own).
    pub needs: Vec<usize>,
}

/// How the gates of a stage run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// One gate.
    Gate,
    /// All at once, as far as the machine goes.
    Parallel,
}

/// How outcomes become a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every mandatory gate passes.
    All,
    /// One mandatory gate passes.
    Any,
    /// So many mandatory gates pass.
    AtLeast(usize),
    /// An expression over gates, by name.
    Expr(crate::decision::Expr),
}
