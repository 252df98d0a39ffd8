//! What findings are held against: the suppressions and baselines that a manifest or a command line names.

use std::path::{Path, PathBuf};

use super::shelf::Shelf;
use crate::{
    decision::{BaselineRecord, GateResult, InputRecord},
    diagnostic::Diagnostic,
    digest::Digest,
    files::shown,
    findings::{BaselineState, Held, baseline::Baseline, suppressions::Suppressions},
    manifest::{GatePlan, HeldPlan, Plan},
    stopped::{Stop, Stopped},
};

/// The most bytes of such a file.
const CAP: u64 = 256 << 20;

/// A file that decides with.
#[derive(Clone, Debug)]
struct Source {
    kind: &'static str,
    path: PathBuf,
    digest: Digest,
    size: u64,
}

/// What one validator is held against, and where that was read.
#[derive(Clone, Debug, Default)]
pub struct HeldFiles {
    sources: Vec<Source>,
}

impl HeldFiles {
    /// Reads the files of each gate of a plan.
    ///
    /// # Errors
    /// When one cannot be read or is not what it stands for.
    pub fn read_all(plan: &Plan, shelf: &Shelf) -> Result<(Vec<Option<Held>>, Self), Stopped> {
        let mut files = Self::default();
        let shared = |held: &HeldPlan| {
            let same = |other: &&HeldPlan| other.suppressions.is_some() && other.suppressions == held.suppressions;
            plan.gates.iter().map(|gate| &gate.held).filter(same).count() > 1
        };
        let held = plan.gates.iter().map(|gate| {
            let held = files.read(&gate.held, shelf)?;
            Ok(held.map(|held| Held { shared: shared(&gate.held), ..held }))
        });
        let held = held.collect::<Result<_, Stopped>>()?;
        Ok((held, files))
    }

    /// Reads the files of one validator.
    ///
    /// # Errors
    /// As [`HeldFiles::read_all`].
    pub fn read(&mut self, plan: &HeldPlan, shelf: &Shelf) -> Result<Option<Held>, Stopped> {
        if *plan == HeldPlan::default() {
            return Ok(None);
        }
        let mut held = Held { fail_on: plan.fail_on, ..Held::default() };
        if let Some(path) = &plan.suppressions {
            let bytes = self.bytes("suppressions", path, shelf)?;
            let name = shown(path);
            let suppressions = Suppressions::parse(&bytes).map_err(|problems| {
                let problems = problems.iter().map(|problem| problem.diagnostic(&name)).collect();
                Stopped { stop: Stop::Usage, problems }
            })?;
            held.suppressions = Some((name, suppressions));
        }
        if let Some(path) = &plan.baseline {
            let bytes = self.bytes("baseline", path, shelf)?;
            let known = Baseline::read(&bytes).and_then(|baseline| baseline.known());
            let unreadable = |error| Stopped::usage(Diagnostic::from(error).at(shown(path)));
            held.known = Some(known.map_err(unreadable)?);
        }
        Ok(Some(held))
    }

    fn bytes(&mut self, kind: &'static str, path: &Path, shelf: &Shelf) -> Result<Vec<u8>, Stopped> {
        let bytes = shelf.read(path, CAP)?;
        self.sources.push(Source { kind, path: path.to_owned(), digest: Digest::of(&bytes), size: bytes.len() as u64 });
        Ok(bytes)
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.sources.iter().map(|source| source.path.clone())
    }

    /// What the record says of them as inputs: each file once.
    #[must_use]
    pub fn inputs(&self) -> Vec<InputRecord> {
        let mut inputs: Vec<InputRecord> = self.sources.iter().map(Source::input).collect();
        inputs.dedup();
        inputs
    }

    /// What the record says of the baselines of a plan's gates, in the order of the gates.
    #[must_use]
    pub fn baselines(&self, plan: &Plan, results: &[GateResult]) -> Vec<BaselineRecord> {
        let one = |gate: &GatePlan| {
            let path = gate.held.baseline.as_ref()?;
            let source = self.sources.iter().find(|source| source.kind == "baseline" && source.path == *path)?;
            let result = results.iter().find(|result| result.gate.name == gate.name)?;
            let count = |state| result.findings.iter().filter(|found| found.state == Some(state)).count();
            Some(BaselineRecord {
                gate: gate.name.clone(),
                uri: shown(path),
                digest: source.digest.into(),
                fail_on: gate.held.fail_on,
                new: count(BaselineState::New),
                unchanged: count(BaselineState::Unchanged),
            })
        };
        plan.gates.iter().filter_map(one).collect()
    }
}

impl Source {
    fn input(&self) -> InputRecord {
        InputRecord {
            name: shown(&self.path),
            kind: self.kind.to_owned(),
            uri: Some(shown(&self.path)),
            outcome: "completed".to_owned(),
            error: None,
            digest: Some(self.digest.into()),
            size_bytes: Some(self.size),
            collected_on: None,
            duration_ms: None,
        }
    }
}
