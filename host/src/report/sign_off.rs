//! `gate_sign_off.md`: what people paste into a pull request or release notes.

use std::fmt::Write as _;

use super::{Record, approved, is_manual, is_ok, markdown::escaped};
use crate::{
    decision::{GateOutcome, GateResult},
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

/// The head of the table.
pub(super) const TABLE: &str = "| Gate | Status | Manual | Notes |\n| --- | --- | --- | --- |\n";

/// A table of the gates of `record`, and the suite's eight summary lines: ✅ passed or not in the way, ❌ in the way,
/// ⚪ did not run or does not apply, 🔧 a person has to look, or has looked and signed off.
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
    text
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
        decision::samples::gate,
        report::samples::{check_golden, decided, record, review_only, signed, suite},
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
