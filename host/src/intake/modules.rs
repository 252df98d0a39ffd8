//! The modules of a plan: each file read once, all of them verified before anything else is done with one.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{shelf::Shelf, trust::TrustFiles};
use crate::{
    diagnostic::Diagnostic,
    files::shown,
    limits::ceiling,
    manifest::Plan,
    parallel::in_parallel,
    stopped::{Stop, Stopped},
    trust::VerifiedModule,
};

/// The bytes of a module, read once.
///
/// # Errors
/// When there is no such file, it is larger than `cap`, or is empty and so no module.
pub fn read_module(path: &Path, cap: u64, shelf: &Shelf) -> Result<Vec<u8>, Stopped> {
    let bytes = shelf.read(path, cap)?;
    if bytes.is_empty() {
        let problem = Diagnostic::new("not-a-module", "the file is empty, so it is no module").at(shown(path));
        return Err(Stopped::refused(problem));
    }
    Ok(bytes)
}

/// Every module of the plan, each file read once, all of them verified before anything else is done with one.
///
/// # Errors
/// With everything that is wrong with any of them: then nothing may run.
pub fn verify_all(
    plan: &Plan,
    trust: &TrustFiles,
    shelf: &Shelf,
    jobs: usize,
) -> Result<Vec<Arc<VerifiedModule>>, Stopped> {
    let mut places: BTreeMap<&Path, usize> = BTreeMap::new();
    let mut files: Vec<(&Path, u64)> = Vec::new();
    for gate in &plan.gates {
        let place = *places.entry(&gate.module).or_insert(files.len());
        match files.get_mut(place) {
            Some((_, cap)) => *cap = (*cap).max(gate.limits.module),
            None => files.push((&gate.module, gate.limits.module)),
        }
    }
    let verified = in_parallel(jobs, &files, |(path, cap)| {
        let bytes = read_module(path, (*cap).min(ceiling::MODULE), shelf)?;
        let verified = trust.try_verify(bytes);
        let place = || format!("{}, for gate {}", shown(path), users(plan, path));
        verified.map(Arc::new).map_err(|refusal| Stopped::refused(Diagnostic::from(&refusal).at(place())))
    });
    let mut modules = Vec::new();
    let (mut stop, mut problems) = (Stop::Refused, Vec::new());
    for verified in verified {
        match verified {
            Ok(module) => modules.push(module),
            Err(stopped) => {
                // What does not resolve is misuse, whatever the other modules are.
                stop = if stopped.stop == Stop::Usage { Stop::Usage } else { stop };
                problems.extend(stopped.problems);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Stopped { stop, problems: merged(problems) });
    }
    let of = |path: &Path| places.get(path).and_then(|place| modules.get(*place)).map(Arc::clone);
    Ok(plan.gates.iter().filter_map(|gate| of(&gate.module)).collect())
}

/// The same problem at several places, such as a list that cannot be believed, as one with all of them.
fn merged(problems: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut distinct: Vec<Diagnostic> = Vec::new();
    for problem in problems {
        match distinct.iter_mut().find(|known| (known.code, &known.message) == (problem.code, &problem.message)) {
            Some(known) => {
                let places = known.place.take().into_iter().chain(problem.place);
                known.place = Some(places.collect::<Vec<_>>().join("; "));
            }
            None => distinct.push(problem),
        }
    }
    distinct
}

/// The gates that use a module, for a message.
fn users(plan: &Plan, path: &Path) -> String {
    let names: Vec<&str> =
        plan.gates.iter().filter(|gate| gate.module == path).map(|gate| gate.name.as_str()).collect();
    names.join(", ")
}
