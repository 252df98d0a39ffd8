//! Whether a run that was broken off may go on: nothing that it rests on may have changed since.

use std::path::Path;

use super::{Kept, kept::digest};
use crate::{
    diagnostic::Diagnostic,
    evidence::World,
    files::shown,
    intake::Shelf,
    limits::ceiling,
    manifest::Plan,
    stopped::{Stop, Stopped},
};

const HELP: &str = "run it anew, or put back what it was";

/// That every file is what it was when the run read it: manifest, trust, lists, modules, suppressions, baselines, approvals.
///
/// # Errors
/// With every file that changed.
pub fn same_files(kept: &Kept) -> Result<(), Stopped> {
    let shelf = Shelf::remembering();
    kept.files.keys().for_each(|path| drop(shelf.read(path, ceiling::MODULE)));
    let now = shelf.seen();
    let changed = kept.files.iter().filter(|(path, before)| now.get(*path).and_then(digest) != digest(before));
    let problem = |path: &Path| {
        let message = format!("`{}` changed since the run read it", shown(path));
        Diagnostic::new("resume-changed", message).help(HELP)
    };
    refuse(changed.map(|(path, _)| problem(path)).collect())
}

/// That the files which were collected as evidence are what they were; what a command or a server said is not asked for again.
///
/// # Errors
/// With every piece of evidence that changed.
pub fn same_evidence(kept: &Kept, plan: &Plan, world: World<'_>) -> Result<(), Stopped> {
    let problem = |name: String| {
        let message = format!("evidence `{name}` changed since the run collected it");
        Diagnostic::new("resume-changed", message).help(HELP)
    };
    refuse(kept.pieces.changed(plan, world).into_iter().map(problem).collect())
}

fn refuse(problems: Vec<Diagnostic>) -> Result<(), Stopped> {
    if problems.is_empty() { Ok(()) } else { Err(Stopped { stop: Stop::Usage, problems }) }
}
