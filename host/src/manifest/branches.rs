//! What leads out of a condition: stages that do not always run, and those that never could.

use super::{
    Branch, Condition, Side, Stage,
    problems::{Problems, quoted},
    reader::{At, Table, inside},
    resolve::Names,
    rule::position,
};
use crate::{decision::Expr, diagnostic::Diagnostic};

/// What the condition that `table` is asks and where it leads, where it says both. `index` is its own place among the stages,
/// and `branches` notes for each stage in which branch it stands.
pub(super) fn condition(
    index: usize,
    table: Table<'_>,
    (gates, evidence, stages): (&Names<'_>, &Names<'_>, &Names<'_>),
    branches: &mut [Option<Branch>],
    problems: &mut Problems<'_>,
) -> Option<Condition> {
    let mut side = |side: Side| -> Vec<usize> {
        let branch = Branch { condition: index, side };
        let named = table.strings(side.name(), problems);
        let place = |name: At<&str>| stand(name, branch, stages, branches, problems);
        named.into_iter().filter_map(place).collect()
    };
    let (then, otherwise) = (side(Side::Then), side(Side::Else));
    let is_empty =
        |key: &str| table.get(key).is_none_or(|node| node.get_ref().as_array().is_some_and(|stages| stages.is_empty()));
    if is_empty(Side::Then.name()) && is_empty(Side::Else.name()) {
        let help = "name the stages that it chooses between: `then = [\"ship\"]`, `else = [\"hold\"]`";
        problems.add(table.at, Diagnostic::new("stage-branches", "the condition leads to no stage").help(help));
    }
    let test = test(table.required("if", problems)?, (gates, evidence), problems)?;
    Some(Condition { test, then, otherwise })
}

/// The stage of that name, noted as standing in `branch`; one that stood in a branch before is a problem.
fn stand(
    name: At<&str>,
    branch: Branch,
    stages: &Names<'_>,
    branches: &mut [Option<Branch>],
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let stage = stages.find(name, problems)?;
    let before = branches.get_mut(stage)?.replace(branch);
    if let Some(Branch { condition, side }) = before {
        let (stage, condition) = (quoted(name.it), quoted(stages.name(condition)));
        let message = format!("stage {stage} stands in the `{}` of {condition} already", side.name());
        problems.add(name.at, Diagnostic::new("stage-branched-twice", message));
        return None;
    }
    Some(stage)
}

fn test(text: At<&str>, (gates, evidence): (&Names<'_>, &Names<'_>), problems: &mut Problems<'_>) -> Option<Expr> {
    let start = inside(text, problems.text);
    let expr = match Expr::condition(text.it) {
        Ok(expr) => expr,
        Err(error) => {
            let at = start.map_or(text.at, |start| start + error.offset.min(text.it.len()));
            problems.add(at, Diagnostic::new("stage-condition", error.message));
            return None;
        }
    };
    let at = |name: &str| start.map_or(text.at, |start| start + position(text.it, name));
    for (names, asked) in [(gates, expr.names()), (evidence, expr.evidence())] {
        for it in asked {
            names.find(At { at: at(it), it }, problems);
        }
    }
    Some(expr)
}

/// Of the two sides of a condition one is skipped, and what needs both is skipped with it, always.
pub(super) fn check_sides(stages: &[Stage], ids: &[At<&str>], problems: &mut Problems<'_>) {
    for (stage, id) in stages.iter().zip(ids) {
        let mut taken: std::collections::HashMap<usize, (Side, &str)> = std::collections::HashMap::new();
        let needed = stage.needs.iter().filter_map(|need| stages.get(*need));
        for needed in [stage].into_iter().chain(needed) {
            let Some(Branch { condition, side }) = needed.branch else { continue };
            let (other, before) = *taken.entry(condition).or_insert((side, &needed.id));
            if other != side {
                let [one, two] = [before, &needed.id].map(quoted);
                let condition = quoted(stages.get(condition).map_or("", |stage| &stage.id));
                let message = format!("stage {} can never run: {condition} takes either {one} or {two}", quoted(id.it));
                problems.add(id.at, Diagnostic::new("stage-never-runs", message));
                break;
            }
        }
    }
}
