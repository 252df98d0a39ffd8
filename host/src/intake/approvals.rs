//! Signed approvals: the files that a run finds, for the gates that left something to people.

use std::path::PathBuf;

use super::shelf::Shelf;
use crate::trust::MAX_APPROVAL;

/// The most files that are looked at: each is weighed for each gate in review.
const MAX_FILES: usize = 1_000;

/// A file that may hold an approval.
#[derive(Clone, Debug)]
pub struct ApprovalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes, or why they could not be read.
    pub bytes: Result<Vec<u8>, String>,
}

/// Every approval at `places`: the `.json` files right in each folder, or the place itself. One that cannot be read is told at
/// the gates that wait for one.
#[must_use]
pub fn approvals(places: &[PathBuf], shelf: &Shelf) -> Vec<ApprovalFile> {
    let mut paths: Vec<PathBuf> = places.iter().flat_map(|place| shelf.documents(place)).collect();
    paths.sort_unstable();
    paths.dedup();
    let more = paths.get(MAX_FILES).map(|path| {
        let reason = format!("only the first {MAX_FILES} files are looked at, and this is behind them");
        ApprovalFile { path: path.clone(), bytes: Err(reason) }
    });
    let read = |path: PathBuf| {
        let bytes = shelf.read(&path, MAX_APPROVAL).map_err(|error| error.to_string());
        ApprovalFile { path, bytes }
    };
    paths.into_iter().take(MAX_FILES).map(read).chain(more).collect()
}
