//! What a list would do, for people.

use portcullis::text::{excerpt, printable};

use super::{
    Impact, StoppedGate,
    weigh::{Effect, ModuleImpact, PublisherImpact},
};
use crate::cli::{
    table::{joined, table},
    verify::{Named, Threshold},
};

pub(super) fn render(impact: &Impact) -> String {
    let head = ["EFFECT", "FILE", "MODULE", "PUBLISHER", "THRESHOLD", "BY"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(impact.modules.iter().map(row)).collect();
    let mut text = table(&rows);
    for publisher in &impact.publishers {
        text.push_str(&publisher_line(publisher));
    }
    for pipeline in &impact.pipelines {
        let name = format!("pipeline {} ({})", excerpt(&pipeline.name, 64), pipeline.manifest);
        let gate = |gate: &StoppedGate| format!("{} [{}]", excerpt(&gate.gate, 64), gate.code);
        text.push_str(&match pipeline.stopped {
            true => format!("{name} would be refused: {}\n", joined(pipeline.gates.iter().map(gate))),
            false => format!("{name} would run as before\n"),
        });
    }
    let stopped = impact.modules.iter().filter(|module| module.effect == Effect::Stopped).count();
    let pipelines = impact.pipelines.iter().filter(|pipeline| pipeline.stopped).count();
    text.push_str(&format!(
        "stops {stopped} of {} modules and {pipelines} of {} pipelines\n",
        impact.modules.len(),
        impact.pipelines.len()
    ));
    text
}

fn publisher_line(publisher: &PublisherImpact) -> String {
    let left = if publisher.can_sign { "" } else { ": too few to publish anything" };
    format!(
        "publisher {}: modules stopped {}, keys revoked {}, keys left {}, needed {}{left}\n",
        printable(&publisher.publisher),
        publisher.stopped,
        publisher.revoked_key_ids.len(),
        publisher.keys_left,
        publisher.needed
    )
}

fn row(module: &ModuleImpact) -> [String; 6] {
    let effect = match module.effect {
        Effect::None => "-".to_owned(),
        Effect::Warned => "warned".to_owned(),
        Effect::Stopped => "STOPPED".to_owned(),
        Effect::RefusedAlready => format!("refused already [{}]", module.code.unwrap_or("-")),
    };
    let release = match (&module.name, &module.version) {
        (Some(name), Some(version)) => format!("{} {}", printable(name), excerpt(version, 64)),
        _ => module.content_digest.as_deref().map_or("-", |digest| digest.get(..12).unwrap_or(digest)).to_owned(),
    };
    let threshold = |threshold: &Threshold| {
        let falls = if module.no_longer_met.contains(&threshold.publisher) { ", no longer met" } else { "" };
        format!("{} of {}{falls}", threshold.counted, threshold.needed)
    };
    [
        effect,
        module.file.clone(),
        release,
        joined(module.publishers.iter().map(|name| printable(name))),
        joined(module.thresholds.iter().map(threshold)),
        joined(module.revoked_by.iter().map(Named::shown)),
    ]
}
