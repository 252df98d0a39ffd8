//! Whether a run that was broken off may go on: nothing that it rests on may have changed since.

use std::path::Path;

use super::{Call, Calls, Kept, kept::digest};
use crate::{
    diagnostic::Diagnostic,
    digest::Digest,
    evidence::{Archive, World, files_now},
    files::shown,
    intake::Shelf,
    judge::Cause,
    limits::ceiling,
    manifest::{GatePlan, Plan},
    stopped::{Stop, Stopped},
};

/// That every file is what it was when the run read it: manifest, trust, lists, modules, suppressions, baselines, approvals.
///
/// # Errors
/// With every file that changed.
pub fn same_files(kept: &Kept) -> Result<(), Stopped> {
    let shelf = Shelf::remembering();
    kept.files.keys().for_each(|path| drop(shelf.read(path, ceiling::MODULE)));
    let now = shelf.seen();
    let differ = kept.files.iter().filter(|(path, before)| now.get(*path).and_then(digest) != digest(before));
    let file = |path: &Path| changed(format!("`{}` changed since the run read it", shown(path)));
    refuse(differ.map(|(path, _)| file(path)).collect())
}

/// That the files which were collected as evidence, or that validators looked at, are what they were, as `archives` have
/// them, or else the world; what a command or a server said is not asked for again, and nothing is where agents work.
///
/// # Errors
/// With every piece of evidence that changed.
pub fn same_evidence(kept: &Kept, plan: &Plan, world: World<'_>, archives: &[&dyn Archive]) -> Result<(), Stopped> {
    if !plan.agents.is_empty() {
        // Agents work on what gates were asked about before them, so that it tells nothing what it is now.
        return Ok(());
    }
    let piece = |name: String| changed(format!("evidence `{name}` changed since the run collected it"));
    let looked_at =
        |gate: &&GatePlan| kept.calls.get(&gate.name).is_some_and(|calls| !same_calls(calls, gate, archives));
    let files = |gate: &GatePlan| changed(format!("the files of gate `{}` changed since it looked at them", gate.name));
    let pieces = kept.pieces.changed(plan, world, archives).into_iter().map(piece);
    refuse(pieces.chain(plan.gates.iter().filter(looked_at).map(files)).collect())
}

/// Whether a validator would be asked about the same files now.
fn same_calls(kept: &Calls, gate: &GatePlan, archives: &[&dyn Archive]) -> bool {
    let Some(now) = files_now(gate, archives) else { return true };
    let Ok(now) = now else { return kept.calls.is_empty() };
    let same = |(index, (path, call)): (usize, (&str, &Call))| {
        let digest = now.read(index, gate.limits.input).ok().map(|(digest, _)| digest);
        call.file.as_ref().is_some_and(|file| file.path == path && file.bytes.as_deref().map(Digest::of) == digest)
    };
    // A gate that was not asked has looked at nothing.
    let asked = !kept.calls.is_empty() || kept.fault.as_ref().is_some_and(|fault| fault.cause == Cause::Evidence);
    !asked || now.len() == kept.calls.len() && now.paths().zip(&kept.calls).enumerate().all(same)
}

fn changed(message: String) -> Diagnostic {
    Diagnostic::new("resume-changed", message).help("run it anew, or put back what it was")
}

fn refuse(problems: Vec<Diagnostic>) -> Result<(), Stopped> {
    if problems.is_empty() { Ok(()) } else { Err(Stopped { stop: Stop::Usage, problems }) }
}
