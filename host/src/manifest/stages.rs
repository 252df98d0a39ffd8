//! `[[stage]]`: the steps of the run, in an order in which they can run.

use super::{
    GatePlan, Stage, StageKind,
    order::{order, shown},
    problems::{Problems, quoted},
    reader::{At, Table, check_name, wrong_type},
    resolve::Names,
};
use crate::diagnostic::Diagnostic;

/// A type of stage that is known; not all are available.
#[derive(Clone, Copy)]
enum Type {
    Known(StageKind),
    Later(&'static str),
}

const TYPES: [(&str, Type); 4] = [
    ("gate", Type::Known(StageKind::Gate)),
    ("parallel", Type::Known(StageKind::Parallel)),
    ("agent", Type::Later("agent")),
    ("condition", Type::Later("condition")),
];

/// Gates as they are written, each with its name.
type Written<'t> = [(At<&'t str>, Option<Table<'t>>)];

/// The stages; without any, one in which all gates run. Stages keep the file's order but for what they need.
pub(super) fn stages(
    root: Table<'_>,
    written: &Written<'_>,
    gates: &[GatePlan],
    names: &Names<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Stage> {
    let tables = stage_tables(root, problems);
    if tables.is_empty() {
        let all = Stage {
            id: "all".to_owned(),
            kind: StageKind::Parallel,
            gates: (0..gates.len()).collect(),
            needs: Vec::new(),
        };
        return vec![all];
    }
    let ids: Vec<_> = tables.iter().map(|table| id(*table, problems)).collect();
    check_ids(&ids, problems);
    let stage_names = Names::new(("unknown-stage", "stage"), ids.iter().map(|id| id.it).collect());
    let mut placed = vec![None; gates.len()];
    let mut stages = Vec::with_capacity(tables.len());
    for (index, (table, id)) in tables.iter().zip(&ids).enumerate() {
        let named = table.strings("gates", problems);
        stages.push(Stage {
            id: id.it.to_owned(),
            kind: kind(*table, named.len(), problems),
            gates: place(index, &named, (names, &stage_names), &mut placed, problems),
            needs: stage_names.find_all(&table.strings("needs", problems), problems),
        });
    }
    for ((name, _), _) in written.iter().zip(&placed).filter(|(_, stage)| stage.is_none()) {
        let message = format!("gate {} stands in no stage, so it would never run", quoted(name.it));
        problems.add(name.at, Diagnostic::new("gate-unstaged", message).help("name it in the `gates` of one stage"));
    }
    let stages = ordered(stages, &ids, problems);
    check_order(&stages, written, gates, problems);
    stages
}

fn stage_tables<'t>(root: Table<'t>, problems: &mut Problems<'_>) -> Vec<Table<'t>> {
    let Some(node) = root.get("stage") else { return Vec::new() };
    let array = node.get_ref().as_array().or_else(|| wrong_type(node, "an array of tables", problems));
    let open = |node| Some(Table::open(node, problems)?.only(&["id", "type", "gates", "needs"], problems));
    array.into_iter().flat_map(|array| array.iter()).filter_map(open).collect()
}

fn id<'t>(table: Table<'t>, problems: &mut Problems<'_>) -> At<&'t str> {
    let Some(id) = table.required("id", problems) else { return At { at: table.at, it: "" } };
    check_name(id, problems);
    id
}

fn check_ids(ids: &[At<&str>], problems: &mut Problems<'_>) {
    let mut seen = std::collections::HashSet::new();
    for id in ids.iter().filter(|id| !id.it.is_empty()) {
        if !seen.insert(id.it) {
            let message = format!("two stages have the id {}", quoted(id.it));
            problems.add(id.at, Diagnostic::new("duplicate-stage", message));
        }
    }
}

fn kind(table: Table<'_>, gates: usize, problems: &mut Problems<'_>) -> StageKind {
    let at = table.at;
    if table.get("type").is_none() {
        let help = "write `type = \"parallel\"`, or `type = \"gate\"` for a single gate";
        problems.add(at, Diagnostic::new("missing-key", "missing key `type`").help(help));
    }
    match table.word("type", &TYPES, problems) {
        Some(Type::Later(name)) => {
            let message = format!("stages of the type `{name}` are not available in this version");
            problems.add(at, Diagnostic::new("stage-kind", message).help("`gate` and `parallel` are"));
        }
        Some(Type::Known(StageKind::Gate)) if gates != 1 => {
            let message = format!("a stage of the type `gate` has one gate, and this has {gates}");
            problems.add(at, Diagnostic::new("stage-gates", message).help("`type = \"parallel\"` takes any number"));
        }
        Some(Type::Known(kind)) if gates == 0 => {
            problems.add(at, Diagnostic::new("stage-gates", "the stage has no gates"));
            return kind;
        }
        Some(Type::Known(kind)) => return kind,
        None => {}
    }
    StageKind::Parallel
}

/// The gates of `named`, noted as standing in the stage `index`; one that stood somewhere before is a problem.
fn place(
    index: usize,
    named: &[At<&str>],
    (gates, stages): (&Names<'_>, &Names<'_>),
    placed: &mut [Option<usize>],
    problems: &mut Problems<'_>,
) -> Vec<usize> {
    let mut found = Vec::with_capacity(named.len());
    for name in named {
        let Some(gate) = gates.find(*name, problems) else { continue };
        match placed[gate].replace(index) {
            None => found.push(gate),
            Some(before) if before == index => {
                let message = format!("gate {} stands in this stage twice", quoted(name.it));
                problems.add(name.at, Diagnostic::new("gate-staged-twice", message));
            }
            Some(before) => {
                let before = quoted(stages.name(before));
                let message = format!("gate {} stands in the stage {before} already", quoted(name.it));
                problems.add(name.at, Diagnostic::new("gate-staged-twice", message));
            }
        }
    }
    found
}

/// `stages` in an order in which they can run, with their needs as indices into that order.
fn ordered(mut stages: Vec<Stage>, ids: &[At<&str>], problems: &mut Problems<'_>) -> Vec<Stage> {
    let needs: Vec<_> = stages.iter().map(|stage| stage.needs.clone()).collect();
    let ordered = match order(&needs) {
        Ok(ordered) => ordered,
        Err(circle) => {
            let name = |index: usize| stages.get(index).map_or("", |stage| stage.id.as_str());
            let message = format!("stages need each other in a circle: {}", shown(&circle, name));
            let at = circle.first().and_then(|index| ids.get(*index)).map_or(0, |id| id.at);
            problems.add(at, Diagnostic::new("stage-cycle", message));
            return stages;
        }
    };
    let mut place = vec![0; stages.len()];
    ordered.iter().enumerate().for_each(|(new, old)| place[*old] = new);
    stages.iter_mut().flat_map(|stage| &mut stage.needs).for_each(|needed| *needed = place[*needed]);
    let mut stages: Vec<_> = place.into_iter().zip(stages).collect();
    stages.sort_by_key(|(place, _)| *place);
    stages.into_iter().map(|(_, stage)| stage).collect()
}

/// A gate that needs one of a later stage would wait for what waits for it.
fn check_order(stages: &[Stage], written: &Written<'_>, gates: &[GatePlan], problems: &mut Problems<'_>) {
    let mut stage_of = vec![None; gates.len()];
    for (index, stage) in stages.iter().enumerate() {
        stage.gates.iter().for_each(|gate| stage_of[*gate] = Some(index));
    }
    for (index, gate) in gates.iter().enumerate() {
        for needed in &gate.needs {
            if let (Some(own), Some(other)) = (stage_of[index], stage_of[*needed])
                && own < other
            {
                let [gate, needed] = [&gate.name, &gates[*needed].name].map(|name| quoted(name));
                let message = format!(
                    "gate {gate} needs {needed}, which stands in the later stage {}",
                    quoted(&stages[other].id)
                );
                problems
                    .add(written.get(index).map_or(0, |(name, _)| name.at), Diagnostic::new("needs-order", message));
            }
        }
    }
}
