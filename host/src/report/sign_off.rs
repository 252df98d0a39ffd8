//! `gate_sign_off.md`: what people paste into a pull request or release notes.

use std::fmt::Write as _;

use super::{
    Record,
    agents::{self, Came},
    approved, completion, is_manual, is_ok,
    markdown::escaped,
    rows::{Row, of_agent},
};
use crate::{
    decision::{AgentRecord, CompletionOutcome, CompletionRecord, GateOutcome, GateResult},
    manifest::Enforcement,
};

/// The eight gates of the go / no-go suite and what their summary lines call them.
const SUITE: [(&str, &str); 8] = [
    ("launcher_smoke", "Launcher smoke"),
    ("chat_sse_resume", "Chat SSE v2 + resume"),
    ("security_strict", "Security strict (scripts/plugins/net)"),
    ("memory_qfac", "Memory (core + QFAC fallback)"),
    ("hmr_quiesce", "HMR swap + audit"),
    ("agents_api", "Agents API posture"),
    ("quality_gates", "Spec→Tests & coverage no‑drop"),
    ("policy_privacy", "Policy/DP surfaced to clients"),
];

/// How much of somebody's words a cell repeats, in characters.
const QUOTED: usize = 160;

/// How much of the line about completion is shown, in characters.
const COMPLETION: usize = 500;
/// How many rows of one agent are shown; the record has them all.
const ROWS: usize = 12;

/// The head of the table.
pub(super) const TABLE: &str = "| Gate | Status | Manual | Notes |\n| --- | --- | --- | --- |\n";
/// The head of the table of agents.
pub(super) const AGENTS: &str = "| Agent | Status | Phase | Notes |\n| --- | --- | --- | --- |\n";

/// A table of the gates of `record`, and the suite's eight summary lines: ✅ passed or not in the way, ❌ in the way,
/// ⚪ did not run or does not apply, 🔧 a person has to look, or has looked and signed off. Below them, where the run has
/// any, its agents and the rules that they broke, and whether the work is complete.
#[must_use]
pub fn sign_off(record: &Record, strict_manual: bool) -> String {
    let mut text = String::from(TABLE);
    text.extend(record.gates.iter().map(|gate| row(gate, strict_manual)));
    text.push('\n');
    for (name, label) in SUITE {
        let gate = record.gates.iter().find(|gate| gate.gate.name == name);
        let status = gate.map_or("⚪", |gate| status(gate, strict_manual));
        match gate.map(notes).filter(|notes| !notes.is_empty()) {
            Some(notes) => writeln!(text, "{label}: {status} ({notes})"),
            None => writeln!(text, "{label}: {status}"),
        }
        .unwrap_or_default();
    }
    if !record.agents.is_empty() {
        let _ = write!(text, "\n{AGENTS}");
        text.extend(record.agents.iter().map(agent_row));
        let rows: String = record.agents.iter().map(agent_rows).collect();
        text.extend((!rows.is_empty()).then(|| format!("\n{rows}")));
    }
    if let Some(completion) = &record.completion {
        let _ = write!(text, "\n{}", completion_line(completion));
    }
    text
}

/// An agent as a row of the table of agents; ends with a line feed.
pub(super) fn agent_row(agent: &AgentRecord) -> String {
    let (name, phase) = (escaped(&agent.agent, QUOTED), agents::phase(agent));
    let (sign, notes) = (agent_sign(agent), escaped(&agents::headline(agent), QUOTED));
    format!("| {name} | {sign} {} | {phase} | {notes} |\n", agent.status)
}

/// Whether an agent is in the way, at a glance.
pub(super) fn agent_sign(agent: &AgentRecord) -> &'static str {
    match Came::of(agent) {
        Came::Through => "✅",
        Came::Lost | Came::HeldUp => "❌",
        Came::Nowhere => "⚪",
    }
}

/// The rules that an agent broke, and what else is to be known of it: `- **revoked** builder: LOCK_EXPIRED (high in PLAN): …`.
fn agent_rows(agent: &AgentRecord) -> String {
    let name = escaped(&agent.agent, QUOTED);
    let line = |row: Row<'_>| {
        let (code, text) = (escaped(row.code, QUOTED), escaped(&row.text, QUOTED));
        let place = Some(row.place()).filter(|place| !place.is_empty());
        let place = place.map(|place| format!(" ({})", escaped(&place, QUOTED))).unwrap_or_default();
        format!("- **{}** {name}: {code}{place}: {text}\n", row.kind.label())
    };
    let mut lines: String = of_agent(agent).take(ROWS).map(line).collect();
    let more = of_agent(agent).skip(ROWS).count();
    lines.extend((more > 0).then(|| format!("- … and {more} more of {name} in decision.json\n")));
    lines
}

/// Whether the work is complete, as a line of the summary; ends with a line feed.
pub(super) fn completion_line(completion: &CompletionRecord) -> String {
    let sign = match completion.outcome {
        CompletionOutcome::Complete => "✅",
        CompletionOutcome::Blocked => "❌",
        CompletionOutcome::Incomplete => "⚪",
    };
    let (word, told) = (completion.outcome.name(), escaped(&completion::told(completion), COMPLETION));
    format!("Completion: {sign} {word} ({told})\n")
}

/// A gate as a row of the table; ends with a line feed.
pub(super) fn row(gate: &GateResult, strict_manual: bool) -> String {
    let manual = if is_manual(gate) { "🔧" } else { "" };
    let (name, status) = (escaped(&gate.gate.name, QUOTED), status(gate, strict_manual));
    format!("| {name} | {status} | {manual} | {} |\n", notes(gate))
}

/// Whether a gate is in the way, at a glance.
pub(super) fn status(gate: &GateResult, strict_manual: bool) -> &'static str {
    match gate.outcome {
        GateOutcome::Skipped(_) | GateOutcome::NotTaken(_) | GateOutcome::NotApplicable => "⚪",
        _ if is_ok(gate, strict_manual) => "✅",
        _ => "❌",
    }
}

fn notes(gate: &GateResult) -> String {
    let headline = match &gate.sign_off {
        Some(sign_off) => format!("{}: {}", approved(sign_off), sign_off.reason),
        None => gate.headline(),
    };
    let prefix = match (gate.gate.enforcement, headline.is_empty()) {
        (Enforcement::Mandatory, _) => "",
        (Enforcement::Advisory, true) => "advisory",
        (Enforcement::Advisory, false) => "advisory: ",
    };
    format!("{prefix}{}", escaped(&headline, QUOTED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::{ProbeRecord, ProbeStatus, samples::gate},
        manifest::CompletionMode,
        report::samples::{check_golden, decided, governed, record, review_only, signed, suite},
    };

    #[test]
    fn the_sign_off_of_a_run_with_every_outcome_is_as_it_was() {
        check_golden("gate_sign_off.md", &sign_off(&record(), false), include_str!("testdata/gate_sign_off.md"));
    }

    #[test]
    fn the_whole_suite_is_signed_off_line_by_line() {
        check_golden("suite-sign_off.md", &sign_off(&suite(), true), include_str!("testdata/suite-sign_off.md"));
    }

    #[test]
    fn agents_and_completion_come_below_the_eight_lines() {
        let probe = ProbeRecord {
            kind: Some("headless|run".into()),
            gate: None,
            status: ProbeStatus::Deferred,
            reason: String::new(),
        };
        let completion = CompletionRecord {
            mode: CompletionMode::CodeComplete,
            task_class: Some("cli"),
            outcome: CompletionOutcome::Incomplete,
            probes: vec![probe],
            reasons: Vec::new(),
        };
        let text = sign_off(&Record { completion: Some(completion), ..governed() }, false);
        check_golden("agents-sign_off.md", &text, include_str!("testdata/agents-sign_off.md"));
        assert!(
            text.ends_with("\n\nCompletion: ⚪ incomplete (code_complete (cli): headless\\|run deferred)\n"),
            "{text}"
        );
    }

    #[test]
    fn a_gate_that_was_not_selected_did_not_run() {
        let text = sign_off(&decided(vec![signed(gate("hmr_quiesce"))], false), false);
        let (table, lines) = text.split_once("\n\n").expect("a table and lines");
        assert_eq!(table.lines().count(), 3, "{text}");
        assert_eq!(lines.lines().filter(|line| line.ends_with(": ⚪")).count(), 7, "{text}");
    }

    #[test]
    fn a_review_is_signed_as_manual_and_stands_in_the_way_only_when_strict() {
        for (strict, row, line) in [
            (false, "| hmr_quiesce | ✅ | 🔧 | no audit log |", "HMR swap + audit: ✅ (no audit log)"),
            (true, "| hmr_quiesce | ❌ | 🔧 | no audit log |", "HMR swap + audit: ❌ (no audit log)"),
        ] {
            let text = sign_off(&review_only(strict), strict);
            assert!(text.lines().any(|found| found == row) && text.lines().any(|found| found == line), "{text}");
            assert_eq!(text.lines().filter(|line| line.ends_with('⚪')).count(), 7, "{text}");
        }
    }
}
