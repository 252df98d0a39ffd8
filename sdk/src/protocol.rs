//! Gate protocol 1: the one document a gate reads and the one it writes.
//!
//! The same types serve the host and the gates, so the two cannot drift apart. Unknown fields of a request are ignored
//! (a newer host may say more), unknown fields of an answer refuse it (a newer gate may mean more than this host can act on).

use alloc::{borrow::Cow, boxed::Box, string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The protocol version that this crate speaks.
pub const PROTOCOL: u32 = 1;

/// A piece of JSON kept as it was written, so that carrying it costs no parsing and changes no digit.
pub type Json = Box<RawValue>;

/// What a module is asked and how its verdict is used. Part of the signed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Asked with documents, answers named checks; passes when all of them hold.
    Readiness,
    /// Asked with evidence, answers pass, fail, review or not applicable.
    Gate,
    /// Asked with one document at a time, answers findings.
    Validator,
    /// Asked what a run or a request did, answers runtime evidence.
    Probe,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Readiness, Self::Gate, Self::Validator, Self::Probe];

    /// Its name, as metadata and manifests spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Readiness => "readiness",
            Self::Gate => "gate",
            Self::Validator => "validator",
            Self::Probe => "probe",
        }
    }
}

/// What a gate says. A gate that could not answer says nothing: that is a fault, and the host's word, never a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What was asked about is as it should be.
    Pass,
    /// It is not; a failed check or a finding says why.
    Fail,
    /// A person has to look.
    Review,
    /// The question does not arise for this input.
    NotApplicable,
}

impl Verdict {
    /// Its name, as answers spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Review => "review",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// The document on a gate's standard input.
///
/// `P` are the parameters from the manifest and `I` the input: evidence by name, or `{path, text}` for a validator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Request"))]
pub struct Request<'a, P, I> {
    /// Always [`PROTOCOL`].
    pub protocol: u32,
    /// The name that the manifest uses this module under.
    #[serde(borrow)]
    pub gate: Cow<'a, str>,
    /// The kind that the host asks it as; the one in the signed metadata.
    pub kind: Kind,
    /// Parameters from the manifest; an empty object when it gives none.
    pub params: P,
    /// What is to be judged.
    pub input: I,
    /// The run's fixed clock, RFC 3339 in UTC.
    #[serde(borrow)]
    pub now: Cow<'a, str>,
    /// The run's name.
    #[serde(borrow)]
    pub run_id: Cow<'a, str>,
}

/// The document on a gate's standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The verdict, the only required part.
    pub verdict: Verdict,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Named checks, in the gate's order. A pass with a failed check is malformed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What is wrong, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// What a probe saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<RuntimeEvidence>,
    /// Rules of the pipeline that were broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// What to do next, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_actions: Vec<String>,
    /// Anything else, kept as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<serde_json::Value>"))]
    pub details: Option<Json>,
}

/// One named check of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, stable over versions.
    pub id: String,
    /// Whether it holds.
    pub passed: bool,
    /// The name of its failure, when that is not the check's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It decides.
    Error,
    /// It is shown.
    Warning,
    /// It is advice.
    Note,
}

/// One thing that is wrong with the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// A stable name, such as `VALIDATION_ERROR`.
    pub code: String,
    /// The code's number, where the code has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence for people.
    pub message: String,
    /// The file, as the input names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// A JSON pointer into the input (RFC 6901).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What to do about it, one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What a probe saw, kept with the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuntimeEvidence {
    /// What kind of look this was, such as `headless_run`; never empty.
    pub probe_kind: String,
    /// Whether what was seen is as it should be.
    pub passed: bool,
    /// One sentence for people.
    pub summary: String,
    /// How long it took, in seconds; never negative.
    pub duration_seconds: f64,
    /// What was seen; an object.
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    pub payload: Json,
}

/// A rule of the pipeline that was broken, such as `SCOPE_VIOLATION`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Which rule.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened.
    pub detail: String,
}

/// What a module says of itself, in the custom section [`Metadata::SECTION`] inside its signed bytes.
///
/// The publisher is not in it: who published a module follows from the key that signed it, never from the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The protocol that the module speaks.
    pub protocol: u32,
    /// Its name, `[a-z0-9][a-z0-9._-]{0,63}`.
    pub name: String,
    /// Its version, semver.
    pub version: String,
    /// Its kind.
    pub kind: Kind,
}

impl Metadata {
    /// The custom section that holds it, as JSON in UTF-8.
    pub const SECTION: &'static str = "portcullis.gate";
}
