//! What the record says of a run apart from its gates.

use jiff::Timestamp;

use super::{Judged, Setting};
use crate::{
    decision::{InputRecord, PolicyRecord, RunFacts, StateRecord, SubjectRecord},
    evidence::Piece,
    files::shown,
    intake::{Intake, Settings},
    manifest::{Plan, StatePlan},
};

pub(super) fn facts(
    plan: &Plan,
    settings: &Settings,
    intake: &Intake<'_>,
    setting: Setting<'_>,
    judged: &Judged,
    (started_on, finished_on): (Timestamp, Timestamp),
) -> RunFacts {
    let collected = (0..plan.evidence.len()).filter_map(|index| {
        let last = judged.evidence.piece(index).map(input);
        let name = &plan.evidence.get(index)?.name;
        last.or_else(|| judged.agents_inputs.iter().find(|input| input.name == *name).cloned())
    });
    let inputs = collected.chain(intake.held_files.inputs());
    RunFacts {
        run_id: setting.run_id.to_owned(),
        time_verified: setting.now,
        started_on,
        finished_on,
        subject: settings.subject.iter().map(|subject| SubjectRecord::of(subject)).collect(),
        policy: PolicyRecord { name: plan.name.clone(), uri: shown(&plan.path), digest: plan.digest.into() },
        trust: intake.trust.record(),
        revocations: intake.trust.revocations_record(),
        inputs: inputs.chain(judged.inputs.iter().cloned()).collect(),
        baseline: intake.held_files.baselines(plan, &judged.gates),
        completion: plan.completion.clone(),
        stages: judged.stages.clone(),
        state: (!judged.agents.is_empty()).then(|| state(plan, settings)),
        agents: judged.agents.clone(),
    }
}

/// What the record says of a piece of evidence.
pub(super) fn input(piece: &Piece) -> InputRecord {
    InputRecord {
        name: piece.name.clone(),
        kind: piece.kind.to_string(),
        uri: piece.uri.clone(),
        outcome: piece.outcome.to_string(),
        error: piece.result.as_ref().err().map(|error| error.code().to_owned()),
        digest: piece.seen.map(|(digest, _)| digest.into()),
        size_bytes: piece.seen.map(|(_, size)| size),
        collected_on: Some(piece.collected_on),
        duration_ms: Some(piece.took),
    }
}

/// Where agents were remembered, without a secret.
fn state(plan: &Plan, settings: &Settings) -> StateRecord {
    let place = match &plan.state {
        StatePlan::User => "user".to_owned(),
        StatePlan::File(path) => shown(path),
        StatePlan::Redis(redis) => redis.to_string(),
    };
    StateRecord { place, asked: settings.state.clone() }
}
