//! For [`crate::fuzz`], and for tests: what is true of whatever comes of a manifest.

use std::path::Path;

use super::*;
use crate::fuzz::assert_plain;

/// A manifest: a plan whose parts point at one another, or problems that each have a place and are fit for a terminal.
///
/// # Panics
/// When that does not hold.
pub fn manifest(bytes: &[u8]) {
    assert!(sound(bytes));
    if let Err(problems) = parse(bytes, Path::new("p.toml"), &Overrides::default()) {
        for problem in problems {
            assert_plain(&problem);
            problem.help.iter().for_each(assert_plain);
        }
    }
}

/// A plan whose indices all point at something, or problems that each have a place.
pub(super) fn sound(bytes: &[u8]) -> bool {
    match parse(bytes, Path::new("p.toml"), &Overrides::default()) {
        Ok(plan) => {
            let gates = plan.gates.len();
            let evidence = |gate: &GatePlan| match &gate.input {
                Input::Whole(index) => *index < plan.evidence.len(),
                Input::Named(members) => members.iter().all(|(_, index)| *index < plan.evidence.len()),
                Input::Nothing | Input::Each { .. } => true,
            };
            let mut staged: Vec<_> = plan.stages.iter().flat_map(|stage| stage.gates.clone()).collect();
            staged.sort_unstable();
            gates > 0
                && plan.evidence.iter().all(|source| has_sound_order(source, plan.evidence.len()))
                && plan.wanted_evidence().len() == plan.evidence.len()
                && staged == (0..gates).collect::<Vec<_>>()
                && plan.gates.iter().all(|gate| gate.needs.iter().all(|needed| *needed < gates) && evidence(gate))
                && plan.awaited_agents().len() == plan.evidence.len()
                && plan.stages.iter().enumerate().all(|(at, stage)| has_sound_place(&plan, at, stage))
        }
        Err(problems) => !problems.is_empty() && problems.iter().all(|problem| problem.place.is_some()),
    }
}

fn has_sound_place(plan: &Plan, at: usize, stage: &Stage) -> bool {
    let is_chosen = |branch: Branch| match plan.stages.get(branch.condition).map(|stage| &stage.kind) {
        Some(StageKind::Condition(condition)) => {
            let side = if branch.side == Side::Then { &condition.then } else { &condition.otherwise };
            branch.condition < at && side.iter().filter(|index| **index == at).count() == 1
        }
        _ => false,
    };
    let leads = |condition: &Condition| {
        let mut led = condition.then.iter().chain(&condition.otherwise);
        led.all(|led| plan.stages.get(*led).and_then(|stage| stage.branch).is_some_and(|branch| branch.condition == at))
    };
    stage.needs.iter().chain(&stage.after).all(|before| *before < at)
        && stage.branch.is_none_or(is_chosen)
        && match &stage.kind {
            StageKind::Agent(agent) => *agent < plan.agents.len(),
            StageKind::Condition(condition) => stage.gates.is_empty() && leads(condition),
            StageKind::Gate | StageKind::Parallel => true,
        }
}

fn has_sound_order(source: &EvidenceSource, sources: usize) -> bool {
    source.after.iter().all(|before| *before < sources)
        && source.origin.resumes_from().is_none_or(|resumed| source.after.contains(&resumed))
        && match &source.origin {
            Origin::Command(command) => !command.argv.is_empty(),
            Origin::Http(http) => !http.exchanges.is_empty(),
            Origin::File { .. } | Origin::Files { .. } | Origin::Value(_) | Origin::Env(_) | Origin::Agent { .. } => {
                true
            }
        }
}
