//! Signed approvals: the files that a run finds, for the gates that left something to people.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portcullis::{
    files::{FileError, read_capped, shown},
    manifest::Plan,
    run::{ApprovalFile, SignOffs},
    trust::MAX_APPROVAL,
};

use super::{Failure, subject::Subject, trust_files::TrustFiles};

/// The most files that are looked at: each is weighed for each gate in review.
const MAX_FILES: usize = 1_000;

/// Where approvals are.
#[derive(clap::Args, Clone)]
pub(crate) struct ApprovalFlags {
    /// Take approvals from this file or folder instead of the manifest's `approvals`; more than once
    #[arg(long = "approvals", value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// The approvals that were found.
pub(crate) struct Approvals {
    files: Vec<(PathBuf, ApprovalFile)>,
}

impl ApprovalFlags {
    /// Reads every approval; one that cannot be read is told at the gates that wait for one. A place that the user names
    /// has to be there.
    pub(crate) fn read(&self, plan: &Plan) -> Result<Approvals, Failure> {
        if let Some(gone) = self.paths.iter().find(|path| path.symlink_metadata().is_err()) {
            return Err(FileError::Missing(gone.clone()).into());
        }
        let named = [plan.approvals.clone()];
        let places = if self.paths.is_empty() { &named[..] } else { &self.paths };
        let mut paths: Vec<PathBuf> = places.iter().flat_map(|place| below(place)).collect();
        paths.sort_unstable();
        paths.dedup();
        let read = |path: PathBuf| {
            let bytes = read_capped(&path, MAX_APPROVAL).map_err(|error| error.to_string());
            let file = ApprovalFile { place: shown(&path), bytes };
            (path, file)
        };
        let more = paths.get(MAX_FILES).map(|path| {
            let reason = format!("only the first {MAX_FILES} files are looked at, and this is behind them");
            (path.clone(), ApprovalFile { place: shown(path), bytes: Err(reason) })
        });
        let files = paths.into_iter().take(MAX_FILES).map(read).collect::<Vec<_>>();
        Ok(Approvals { files: files.into_iter().chain(more).collect() })
    }
}

/// The `.json` files right in a folder, or the file itself. A folder that is not there holds none.
fn below(place: &Path) -> Vec<PathBuf> {
    match fs::read_dir(place) {
        Ok(entries) => {
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(_) => vec![place.to_owned()],
    }
}

impl Approvals {
    /// The files that were read.
    pub(crate) fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.files.iter().map(|(path, _)| path.clone())
    }

    /// What a run weighs them by.
    pub(crate) fn for_run<'a>(
        self,
        plan: &'a Plan,
        trust: &'a TrustFiles,
        now: Timestamp,
        subject: Option<&'a Subject>,
    ) -> SignOffs<'a> {
        SignOffs {
            files: self.files.into_iter().map(|(_, file)| file).collect(),
            approvers: &trust.file.approvers,
            revocations: trust.standing.revocations(),
            now,
            policy: &plan.name,
            subject: subject.map(Subject::as_str),
        }
    }
}
