//! The modules of a plan: each file read once, all of them verified before anything else is done with one.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use portcullis::{
    diagnostic::Diagnostic, files::shown, limits::ceiling, manifest::Plan, parallel::in_parallel, run::Refused,
    trust::VerifiedModule,
};

use super::super::{
    Exit, Failure,
    modules::{read_module, refusal_diagnostic},
    trust_files::TrustFiles,
};

/// Every module of the plan, each file read once, all of them verified before anything else is done with one.
pub(crate) fn verify_all(plan: &Plan, trust: &TrustFiles, jobs: usize) -> Result<Vec<Arc<VerifiedModule>>, Failure> {
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
        let bytes = read_module(path, (*cap).min(ceiling::MODULE))?;
        let verified = trust.try_verify(bytes, false);
        let place = || format!("{}, for gate {}", shown(path), users(plan, path));
        verified.map(Arc::new).map_err(|refusal| Failure::new(Exit::Refused, refusal_diagnostic(&refusal).at(place())))
    });
    let mut modules = Vec::new();
    let (mut exit, mut problems) = (Exit::Refused, Vec::new());
    for verified in verified {
        match verified {
            Ok(module) => modules.push(module),
            Err(failure) => {
                // What does not resolve is misuse, whatever the other modules are.
                exit = if failure.exit == Exit::Usage { Exit::Usage } else { exit };
                problems.extend(failure.problems);
            }
        }
    }
    if !problems.is_empty() {
        return Err(Failure::all(exit, merged(problems)));
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

/// The gates whose modules are refused for what they are.
pub(super) fn all_refused(refused: Vec<(String, Refused)>) -> Failure {
    let problem = |(gate, refused): (String, Refused)| {
        let problem = Diagnostic::new(refused.code(), refused.to_string()).at(format!("gate {gate}"));
        Diagnostic { help: refused.help().map(str::to_owned), ..problem }
    };
    Failure::all(Exit::Refused, refused.into_iter().map(problem).collect())
}
