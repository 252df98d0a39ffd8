//! Whether the work is complete, in words.

use crate::{
    decision::{CompletionOutcome, CompletionRecord, ProbeRecord},
    manifest::Completion,
    text::excerpt,
};

/// How many probes are named; a gate may give thousands of pieces of evidence.
const MOST_PROBES: usize = 12;
/// How much of a name is shown, in characters.
const WIDEST_NAME: usize = 40;

/// What it came to: `complete`, `completion blocked`, `incomplete`.
pub(super) fn word(outcome: CompletionOutcome) -> &'static str {
    match outcome {
        CompletionOutcome::Complete => "complete",
        CompletionOutcome::Blocked => "completion blocked",
        CompletionOutcome::Incomplete => "incomplete",
    }
}

/// What a plan asks for: `product_complete (cli) when headless_run, stdout_golden passed`.
pub(super) fn asked(Completion { mode, task_class, kinds, .. }: &Completion) -> String {
    let class = task_class.map(|class| format!(" ({class})")).unwrap_or_default();
    let kinds = if kinds.is_empty() { "a probe".to_owned() } else { kinds.join(", ") };
    format!("{}{class} when {kinds} passed", mode.name())
}

/// What bears that out: `product_complete (cli): headless_run passed, stdout_golden deferred`. Fit for a terminal.
pub(super) fn told(completion: &CompletionRecord) -> String {
    let class = completion.task_class.map(|class| format!(" ({class})")).unwrap_or_default();
    let probe = |probe: &ProbeRecord| {
        let gate = || format!("gate {}", excerpt(probe.gate.as_deref().unwrap_or_default(), WIDEST_NAME));
        let name = probe.kind.as_ref().map_or_else(gate, |kind| excerpt(kind, WIDEST_NAME));
        format!("{name} {}", probe.status.name())
    };
    let mut probes: Vec<String> = completion.probes.iter().take(MOST_PROBES).map(probe).collect();
    let more = completion.probes.len().saturating_sub(MOST_PROBES);
    probes.extend((more > 0).then(|| format!("and {more} more")));
    let probes = if probes.is_empty() { "nothing was probed".to_owned() } else { probes.join(", ") };
    format!("{}{class}: {probes}", completion.mode.name())
}
