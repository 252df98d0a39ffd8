//! Findings over time: their names, what is let pass and until when, what was there before, and how it goes.
//!
//! A validator says what is wrong with one document. This room gives each finding a name that lasts ([`Fingerprints`]),
//! holds it against suppressions and a baseline, and says what a file came to ([`Scanned`]). Pure but for the snapshots of
//! [`history`]: files are handed in as bytes, and the day is an argument.

pub mod artifact;
pub mod baseline;
mod classification;
mod fingerprint;
mod held;
pub mod history;
mod looked;
mod scanned;
mod stamp;
pub mod suppressions;

use portcullis_sdk::Finding;

pub use classification::{Classification, Named, Summary, Workflow};
pub use fingerprint::{NotAFingerprint, is_internal};
pub use held::Held;
pub(crate) use looked::decides;
pub use looked::{Document, Looked, Rules};
pub use scanned::{File, Files, Phase, Scan, Scanned};
pub use stamp::{NotAStamp, Stamp, day};

/// The names of a finding (spec/workflow-findings.md, Fingerprints), 16 lower-case hex digits each.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Fingerprints {
    /// Over the code, the line and the message: what older suppression files have.
    pub v1: Fingerprint,
    /// Without the line: the name stays when the finding moves within its file.
    pub v2: Fingerprint,
}

/// The first eight bytes of a SHA-256, written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 8]);

/// Whether a finding was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineState {
    /// The baseline does not have it.
    New,
    /// It does.
    Unchanged,
}

/// Why a finding is let pass.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Suppressed {
    /// Why, in the words of whoever suppressed it.
    pub reason: String,
    /// Who answers for it, without the `@`.
    pub owner: Option<String>,
    /// The last day on which it holds, `YYYY-MM-DD`.
    pub expires: Option<String>,
}

/// A finding with what the host knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As the validator, or the host, said it.
    pub finding: Finding,
    /// Its names.
    pub fingerprints: Fingerprints,
    /// Whether it was there before; nothing where there is no baseline.
    pub state: Option<BaselineState>,
    /// Why it does not decide.
    pub suppressed: Option<Suppressed>,
}

impl std::ops::Deref for Found {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        &self.finding
    }
}

impl From<Finding> for Found {
    /// A finding that is no file's: it is known by its own path, if it has one.
    fn from(finding: Finding) -> Self {
        let fingerprints = Fingerprints::of(&finding, finding.path.as_deref().unwrap_or_default(), None);
        Self { finding, fingerprints, state: None, suppressed: None }
    }
}

impl serde::Serialize for Found {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            #[serde(flatten)]
            finding: &'a Finding,
            fingerprints: &'a Fingerprints,
            #[serde(skip_serializing_if = "Option::is_none")]
            baseline_state: Option<BaselineState>,
            #[serde(skip_serializing_if = "Option::is_none")]
            suppression: Option<&'a Suppressed>,
        }
        let Self { finding, fingerprints, state, suppressed } = self;
        let entry = Entry { finding, fingerprints, baseline_state: *state, suppression: suppressed.as_ref() };
        entry.serialize(serializer)
    }
}
