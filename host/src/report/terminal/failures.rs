//! What went wrong in one gate: code, place, why, and what to do.

use std::fmt::Write as _;

use anstyle::Style;
use portcullis_sdk::Severity;

use super::{BOLD, CYAN, DIM, MAGENTA, RED, YELLOW, status};
use crate::{
    decision::{GateOutcome, GateResult, NextAction, place, told},
    manifest::Enforcement,
    text::excerpt,
};

/// How many rows of one gate are shown; the record has them all.
const ROWS: usize = 12;
/// How many next actions of one gate are shown.
const ACTIONS: usize = 6;
/// How wide the columns get, in characters.
const WIDEST_CODE: usize = 40;
const WIDEST_PLACE: usize = 60;
const WIDEST_TEXT: usize = 240;

/// One thing that speaks against what was judged.
struct Row {
    style: Style,
    label: &'static str,
    code: String,
    place: String,
    text: String,
}

impl Row {
    fn new(style: Style, label: &'static str, code: &str, place: &str, text: &str) -> Self {
        let (code, place) = (excerpt(code, WIDEST_CODE), excerpt(place, WIDEST_PLACE));
        Self { style, label, code, place, text: excerpt(text, WIDEST_TEXT) }
    }
}

/// Why `gate` failed or gave no verdict, with what to do next; empty for every other outcome. Starts with an empty line.
#[must_use]
pub fn failures(gate: &GateResult, next_actions: &[NextAction]) -> String {
    if !matches!(gate.outcome, GateOutcome::Fail | GateOutcome::Fault(_)) {
        return String::new();
    }
    let mut text = format!("\n{}\n", heading(gate));
    let rows: Vec<Row> = rows(gate).take(ROWS).collect();
    write_rows(&mut text, &rows);
    let more = rows_in_all(gate).saturating_sub(rows.len());
    if more > 0 {
        let _ = writeln!(text, "     {DIM}… and {more} more in decision.json{DIM:#}");
    }
    let actions = next_actions.iter().filter(|next| next.gate.as_ref() == Some(&gate.gate.name));
    for NextAction { action, .. } in actions.take(ACTIONS) {
        let _ = writeln!(text, "   {CYAN}→ {}{CYAN:#}", excerpt(action, WIDEST_TEXT));
    }
    text
}

/// The gate, and whom to ask about it.
fn heading(gate: &GateResult) -> String {
    let (style, glyph, _) = status(&gate.outcome);
    let enforcement = match gate.gate.enforcement {
        Enforcement::Mandatory => "mandatory",
        Enforcement::Advisory => "advisory",
    };
    let module = &gate.gate.module;
    let about = format!("{} {} by {}", module.name, module.version, module.publisher);
    let (name, kind, about) =
        (excerpt(&gate.gate.name, WIDEST_CODE), gate.gate.kind.name(), excerpt(&about, WIDEST_TEXT));
    format!(" {style}{glyph}{style:#} {BOLD}{name}{BOLD:#} {DIM}· {kind}, {enforcement} · {about}{DIM:#}")
}

fn rows(gate: &GateResult) -> impl Iterator<Item = Row> + '_ {
    let fault = gate.fault().map(|fault| Row::new(MAGENTA, "fault", fault.cause.code(), "", &told(fault))).into_iter();
    let checks = gate.checks.iter().filter(|check| !check.passed);
    let checks =
        checks.map(|check| Row::new(RED, "check", &check.id, "", check.failure.as_deref().unwrap_or("failed")));
    let findings = [Severity::Error, Severity::Warning, Severity::Note].into_iter().flat_map(|severity| {
        let (style, label) = match severity {
            Severity::Error => (RED, "error"),
            Severity::Warning => (YELLOW, "warning"),
            Severity::Note => (DIM, "note"),
        };
        let findings = gate.findings.iter().filter(move |finding| finding.severity == severity);
        findings.map(move |finding| Row::new(style, label, &finding.code, &place(finding), &finding.message))
    });
    let evidence = gate.evidence.iter().filter(|evidence| !evidence.passed);
    let evidence = evidence.map(|evidence| Row::new(RED, "probe", &evidence.probe_kind, "", &evidence.summary));
    let violations = gate.violations.iter();
    let violations = violations.map(|violation| Row::new(RED, "rule", &violation.kind, "", &violation.detail));
    fault.chain(checks).chain(findings).chain(evidence).chain(violations)
}

fn rows_in_all(gate: &GateResult) -> usize {
    let checks = gate.checks.iter().filter(|check| !check.passed).count();
    let evidence = gate.evidence.iter().filter(|evidence| !evidence.passed).count();
    usize::from(gate.fault().is_some()) + checks + gate.findings.len() + evidence + gate.violations.len()
}

fn write_rows(text: &mut String, rows: &[Row]) {
    let widest =
        |column: fn(&Row) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default();
    let label = widest(|row| row.label);
    let (code, place) = (widest(|row| &row.code), widest(|row| &row.place));
    for row in rows {
        let style = row.style;
        let _ = write!(text, "     {style}{:<label$}{style:#}  {:<code$}", row.label, row.code);
        if place > 0 {
            let _ = write!(text, "  {DIM}{:<place$}{DIM:#}", row.place);
        }
        let _ = writeln!(text, "  {}", row.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::samples::{bare, finding, gate};

    #[test]
    fn many_findings_are_cut_and_counted() {
        let mut result = bare(gate("flows"), GateOutcome::Fail);
        result.findings = (1..=1_000).map(|line| finding("VALIDATION_ERROR", line)).collect();
        let text = failures(&result, &[]);
        assert_eq!(text.lines().count(), 2 + ROWS + 1);
        assert!(text.contains("… and 988 more in decision.json"), "{text}");
    }

    #[test]
    fn a_gate_that_did_not_fail_has_no_failures() {
        for outcome in
            [GateOutcome::Pass, GateOutcome::Review, GateOutcome::NotApplicable, GateOutcome::Skipped("x".into())]
        {
            assert_eq!(failures(&bare(gate("a"), outcome), &[]), "");
        }
    }
}
