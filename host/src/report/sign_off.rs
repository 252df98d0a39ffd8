//! `gate_sign_off.md`: what people paste into a pull request or release notes.

use std::fmt::Write as _;

use super::{Record, is_manual, is_ok};
use crate::{
    decision::{GateOutcome, GateResult},
    manifest::Enforcement,
    text::excerpt,
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

/// How much of a gate's own words a cell repeats, in characters.
const QUOTED: usize = 160;

/// A table of the gates of `record`, and the suite's eight summary lines: ✅ passed or not in the way, ❌ in the way,
/// ⚪ did not run or does not apply, 🔧 a person has to look.
#[must_use]
pub fn sign_off(record: &Record, strict_manual: bool) -> String {
    let mut text = String::from("| Gate | Status | Manual | Notes |\n| --- | --- | --- | --- |\n");
    for gate in &record.gates {
        let manual = if is_manual(gate) { "🔧" } else { "" };
        let (name, status) = (escaped(&gate.gate.name), status(gate, strict_manual));
        let _ = writeln!(text, "| {name} | {status} | {manual} | {} |", notes(gate));
    }
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

fn status(gate: &GateResult, strict_manual: bool) -> &'static str {
    match gate.outcome {
        GateOutcome::Skipped(_) | GateOutcome::NotApplicable => "⚪",
        _ if is_ok(gate, strict_manual) => "✅",
        _ => "❌",
    }
}

fn notes(gate: &GateResult) -> String {
    let headline = gate.headline();
    let prefix = match (gate.gate.enforcement, headline.is_empty()) {
        (Enforcement::Mandatory, _) => "",
        (Enforcement::Advisory, true) => "advisory",
        (Enforcement::Advisory, false) => "advisory: ",
    };
    format!("{prefix}{}", escaped(&headline))
}

/// Text that stands in a table cell, or in a line, as it is: no markup, no HTML, no end of the cell.
fn escaped(text: &str) -> String {
    let text = excerpt(text, QUOTED);
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            // Inside a word it is no markup, and most names of failures have one.
            '_' if before.is_alphanumeric() && after.is_alphanumeric() => shown.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => shown.extend(['\\', character]),
            _ => shown.push(character),
        }
        before = character;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{check_golden, record, review_only};

    #[test]
    fn the_sign_off_of_a_run_with_every_outcome_is_as_it_was() {
        check_golden("gate_sign_off.md", &sign_off(&record(), false), include_str!("testdata/gate_sign_off.md"));
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

    #[test]
    fn hostile_words_stay_words() {
        for (text, expect) in [
            ("a|b", "a\\|b"),
            ("a\nb", "a\\\\u{a}b"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("`x` **y** [z](w)", "\\`x\\` \\*\\*y\\*\\* \\[z\\](w)"),
            ("run_id_missing _x_", "run_id_missing \\_x\\_"),
            ("\\|", "\\\\\\|"),
            ("a & b", "a &amp; b"),
        ] {
            assert_eq!(escaped(text), expect, "{text:?}");
        }
    }
}
