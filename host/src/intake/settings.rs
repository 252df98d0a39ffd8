//! What a run is called with, as it is kept with the run: whoever resumes it, or judges it again, asks for the same.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ApprovalFile, HeldFiles, Machine, Shelf, TrustFiles, approvals};
use crate::{
    diagnostic::Diagnostic,
    files::FileError,
    findings::Held,
    manifest::{self, Overrides, Plan, StatePlan},
    stopped::{Stop, Stopped},
};

/// The version of the form in which they are kept.
const SCHEMA: u32 = 1;

/// What a run is called with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    schema: u32,
    /// The manifest.
    pub manifest: PathBuf,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// Evidence by name, and the file that it comes from instead of its source.
    pub evidence: Vec<(String, PathBuf)>,
    /// A folder of recorded evidence.
    pub evidence_dir: Option<PathBuf>,
    /// The gates to run, and those that they need; all of them where none is named.
    pub gates: Vec<String>,
    /// Where approvals are, instead of where the manifest says.
    pub approvals: Vec<PathBuf>,
    /// Whether a review that nobody signed off is a no-go.
    pub strict_manual: bool,
    /// Where the state is that agents share, as the user wrote it, instead of where the manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What the decision is about.
    pub subject: Option<String>,
    /// The run's clock, RFC 3339.
    now: String,
    /// Whether that is what somebody said, and not the time.
    pub fixed_clock: bool,
}

impl Settings {
    /// A run of `manifest` at `now`, with nothing else asked for; relative paths start from `folder`.
    #[must_use]
    pub fn new(manifest: PathBuf, folder: PathBuf, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            manifest,
            folder,
            evidence: Vec::new(),
            evidence_dir: None,
            gates: Vec::new(),
            approvals: Vec::new(),
            strict_manual: false,
            state: None,
            subject: None,
            now: now.to_string(),
            fixed_clock: false,
        }
    }

    /// The run's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Reads what [`Settings::to_json`] wrote; nothing where it is something else.
    #[must_use]
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let settings: Self = serde_json::from_slice(bytes).ok()?;
        (settings.schema == SCHEMA && settings.now.parse::<Timestamp>().is_ok()).then_some(settings)
    }

    /// The form in which they are kept.
    ///
    /// # Errors
    /// When a path is not UTF-8, and so could not be found again.
    pub fn to_json(&self) -> Result<String, Stopped> {
        serde_json::to_string(self).map_err(|_| {
            let problem = Diagnostic::new("path-not-utf8", "a path of this run is not UTF-8 and cannot be kept");
            Stopped::usage(problem.help("name it otherwise, or keep nothing of the run with --no-ledger"))
        })
    }

    /// The plan of the manifest.
    ///
    /// # Errors
    /// When the manifest cannot be read, does not resolve, or has no gate of a name that is asked for; when the state is named by
    /// what names none.
    pub fn plan(&self, shelf: &Shelf) -> Result<Plan, Stopped> {
        let bytes = shelf.read(&self.manifest, manifest::MAX_BYTES).map_err(|error| {
            let help =
                "name the manifest before any --gates, or write a portcullis.toml; the README has one to start from";
            Stopped::usage(Diagnostic::from(error).help(help))
        })?;
        let overrides = Overrides { evidence: self.evidence.clone() };
        let mut plan = manifest::parse(&bytes, &self.manifest, &overrides)
            .map_err(|problems| Stopped { stop: Stop::Usage, problems })?;
        if let Some(state) = &self.state {
            plan.state = StatePlan::parse(state, &self.folder).map_err(|bad| Stopped::usage(bad.problem(state)))?;
        }
        if self.gates.is_empty() { Ok(plan) } else { plan.select(&self.gates).map_err(Stopped::usage) }
    }
}

/// What a run rests on beside its plan, its modules and its evidence.
pub struct Intake<'s> {
    /// Where everything was read, and modules will be.
    pub shelf: &'s Shelf,
    /// Who is trusted for what, and what is revoked.
    pub trust: TrustFiles,
    /// For each gate what its findings are held against; nothing where that is nothing.
    pub held: Vec<Option<Held>>,
    /// The files that they come from.
    pub held_files: HeldFiles,
    /// People's word.
    pub approvals: Vec<ApprovalFile>,
}

impl<'s> Intake<'s> {
    /// Reads everything; trust is judged as of `now`, and what was seen of lists is remembered on `machine`, if there is one.
    ///
    /// # Errors
    /// When something cannot be read, or is not what it stands for.
    pub fn read(
        plan: &Plan,
        settings: &Settings,
        now: Timestamp,
        shelf: &'s Shelf,
        machine: Option<&Machine>,
    ) -> Result<Self, Stopped> {
        let trust = match machine {
            Some(machine) => TrustFiles::open(&plan.trust, now, shelf, machine)?,
            None => TrustFiles::peek(&plan.trust, now, shelf)?,
        };
        let (held, held_files) = HeldFiles::read_all(plan, shelf)?;
        if let Some(gone) = settings.approvals.iter().find(|place| !shelf.has(place)) {
            return Err(FileError::Missing(gone.clone()).into());
        }
        let own = [plan.approvals.clone()];
        let places = if settings.approvals.is_empty() { &own } else { settings.approvals.as_slice() };
        Ok(Self { trust, held, held_files, approvals: approvals(places, shelf), shelf })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_before_runs_had_a_state_is_read_still() {
        let mut settings = Settings::new("m.toml".into(), "/here".into(), Timestamp::UNIX_EPOCH);
        let json = settings.to_json().expect("UTF-8");
        assert!(!json.contains("state"), "{json}");
        assert_eq!(Settings::from_json(json.as_bytes()), Some(settings.clone()));
        settings.state = Some("redis://h".to_owned());
        let json = settings.to_json().expect("UTF-8");
        assert_eq!(Settings::from_json(json.as_bytes()), Some(settings));
    }
}
