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
mod stamp;
pub mod suppressions;

use portcullis_sdk::Finding;

pub use classification::{Classification, Named, Summary, Workflow};
pub use fingerprint::{NotAFingerprint, is_internal};
pub use held::Held;
pub(crate) use looked::decides;
pub use looked::{Document, Looked, Rules};
pub use stamp::{NotAStamp, Stamp, day};

use crate::judge::ResultCode;

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

/// How far a file got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It could not be read.
    Read,
    /// It was looked at.
    Parse,
    /// The validator gave no verdict.
    Execute,
}

/// What one file came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The file, relative to where the scan started; hostile text.
    pub path: String,
    /// Its first parse error that decides, else its first validation error, else success; or that of what kept it from
    /// being looked at. Where everything that would decide is suppressed, the code of that.
    pub code: ResultCode,
    /// How far it got.
    pub phase: Phase,
    /// The message of what gave the code; empty on success.
    pub message: String,
    /// The line of that.
    pub line: Option<u32>,
    /// The fingerprint of that, by the seeds' formula.
    pub fingerprint: Option<Fingerprint>,
    /// Whether all that would decide is suppressed: then the file counts as suppressed, and not as failed.
    pub suppressed: bool,
    /// Everything that was found, in the order of the validator.
    pub findings: Vec<Found>,
}

impl Scanned {
    /// Whether nothing that decides is wrong with it.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == ResultCode::Success
    }

    /// Whether it counts as failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.ok() && !self.suppressed
    }
}

/// A scan: what many files came to, in the order of their paths.
#[derive(Clone, Debug)]
pub struct Scan {
    /// When it was made: UTC.
    pub timestamp: jiff::Timestamp,
    /// The validator, as people know it: its name and version.
    pub module: String,
    /// The validator's content digest.
    pub content: crate::digest::Digest,
    /// Who published it; nothing where nobody verified it, which every output says.
    pub publisher: Option<String>,
    /// The files.
    pub files: Vec<Scanned>,
}
