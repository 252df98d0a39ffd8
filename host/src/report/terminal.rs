//! The rendering for people at a terminal: one line a gate, the failures below, one line for the decision.
//!
//! Colours are written inline; the caller sends the text through a stream that strips them where nobody wants them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use portcullis_sdk::Severity;

use super::Record;
use crate::{
    decision::{GateOutcome, GateResult, Reason, Ruling, Summary},
    manifest::Enforcement,
    text::excerpt,
};

mod failures;

pub use failures::failures;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const MAGENTA: Style = AnsiColor::Magenta.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// The widest a column of names gets, in characters.
const WIDEST_NAME: usize = 40;

/// How wide the columns of gate lines are; known before the first gate ends, so that lines can be printed as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    name: usize,
}

impl Layout {
    /// Columns that these gate names fit into.
    pub fn for_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let widths = names.into_iter().map(|name| excerpt(name, WIDEST_NAME).chars().count());
        Self { name: widths.max().unwrap_or_default() }
    }
}

/// The whole run: a line a gate, what went wrong, and the decision. Ends with a line feed.
#[must_use]
pub fn render(record: &Record) -> String {
    let layout = Layout::for_names(record.gates.iter().map(|gate| gate.gate.name.as_str()));
    let mut text = String::new();
    for gate in &record.gates {
        let _ = writeln!(text, "{}", gate_line(gate, layout));
    }
    text.push_str(&conclusion(record));
    text
}

/// What stands below the gate lines: the failures, and the decision with its reasons. Ends with a line feed.
#[must_use]
pub fn conclusion(record: &Record) -> String {
    let mut text = String::new();
    for gate in &record.gates {
        text.push_str(&failures(gate, &record.next_actions));
    }
    let _ = writeln!(text, "\n{}", decision_line(record));
    if record.decision != Ruling::Go {
        for Reason { code, message, .. } in record.reasons.iter().filter(|reason| is_of_the_whole(reason)) {
            let _ = writeln!(text, "  {message} {DIM}[{code}]{DIM:#}");
        }
    }
    text
}

/// Whether a reason is told nowhere above: gates tell their own failures.
fn is_of_the_whole(reason: &Reason) -> bool {
    reason.gate.is_none() || reason.code == "review-unsigned"
}

/// One gate in one line, without a line feed: status, duration, share of its fuel, kind, name, headline.
#[must_use]
pub fn gate_line(gate: &GateResult, layout: Layout) -> String {
    let (style, glyph, word) = status(&gate.outcome);
    let ran = !matches!(gate.outcome, GateOutcome::Skipped(_));
    let duration = if ran { milliseconds(gate.usage.duration.as_secs_f64() * 1_000.0) } else { "–".to_owned() };
    let fuel = fuel_share(gate.usage.fuel, gate.usage.fuel_limit);
    let (kind, name, width) = (gate.gate.kind.name(), excerpt(&gate.gate.name, WIDEST_NAME), layout.name);
    let mut line = format!(
        " {style}{glyph} {word:<7}{style:#} {duration:>8}  {DIM}fuel {fuel:>4}{DIM:#}  {kind:<9}  {BOLD}{name}{BOLD:#}"
    );
    let tail = tail(gate);
    if !tail.is_empty() {
        let padding = width.saturating_sub(name.chars().count());
        let _ = write!(line, "{:padding$}  {tail}", "");
    }
    line
}

/// What follows a gate's name: its headline, its warnings, and that it does not decide.
fn tail(gate: &GateResult) -> String {
    let warnings = gate.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let mut parts = vec![gate.headline()];
    if warnings > 0 {
        parts.push(format!("{YELLOW}{warnings} warning{}{YELLOW:#}", if warnings == 1 { "" } else { "s" }));
    }
    if gate.gate.enforcement == Enforcement::Advisory {
        parts.push(format!("{DIM}advisory{DIM:#}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn status(outcome: &GateOutcome) -> (Style, char, &'static str) {
    match outcome {
        GateOutcome::Pass => (GREEN, '✓', "pass"),
        GateOutcome::Fail => (RED, '✗', "fail"),
        GateOutcome::Review => (YELLOW, '?', "review"),
        GateOutcome::NotApplicable => (DIM, '○', "n/a"),
        GateOutcome::Skipped(_) => (DIM, '–', "skipped"),
        GateOutcome::Fault(_) => (MAGENTA, '!', "fault"),
    }
}

/// The decision in one line: `go — 3 gates: 2 passed, 1 advisory failed in 12 ms`.
#[must_use]
pub fn decision_line(record: &Record) -> String {
    let style = match record.decision {
        Ruling::Go => GREEN,
        Ruling::NoGo => RED,
        Ruling::Blocked => MAGENTA,
    };
    let Summary { gates, passed, failed, advisory_failed, review, not_applicable, skipped, faults, duration_ms } =
        record.summary;
    let counts = [
        (passed, "passed"),
        (failed.saturating_sub(advisory_failed), "failed"),
        (advisory_failed, "advisory failed"),
        (faults, "without a verdict"),
        (review, "waiting for a person"),
        (not_applicable, "not applicable"),
        (skipped, "skipped"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let colon = if counts.is_empty() { "" } else { ": " };
    let gates = crate::text::counted(gates, "gate", "gates");
    let took = milliseconds(duration_ms);
    format!("{style}{}{style:#} — {gates}{colon}{} in {took}", record.decision.name(), counts.join(", "))
}

/// A duration as people read it: `0.4 ms`, `12 ms`, `5.0 s`, `2 min 5 s`.
fn milliseconds(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1_000.0),
        ms => {
            let seconds = (ms / 1_000.0).round() as u64;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// How much of its fuel a gate burned, in whole percent, never rounded down to nothing nor up to all.
fn fuel_share(used: u64, limit: u64) -> String {
    if limit == 0 {
        return "–".to_owned();
    }
    match u128::from(used) * 100 / u128::from(limit) {
        0 if used > 0 => "<1%".to_owned(),
        percent => format!("{percent}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{check_golden, decided, go, record, review_only};

    fn plain(styled: &str) -> String {
        anstream::adapter::strip_str(styled).to_string()
    }

    #[test]
    fn a_run_with_every_outcome_looks_as_it_did() {
        let text = render(&record());
        assert!(text.contains("\u{1b}[1m\u{1b}[31m✗ fail"), "failures are red");
        check_golden("terminal.txt", &plain(&text), include_str!("testdata/terminal.txt"));
    }

    #[test]
    fn a_go_is_short() {
        check_golden("terminal-go.txt", &plain(&render(&go())), include_str!("testdata/terminal-go.txt"));
    }

    #[test]
    fn nothing_of_a_gates_words_reaches_the_terminal_as_a_command() {
        let shown = plain(&render(&record()));
        let obeyed = |character: char| character != '\n' && character.is_control() || character == '\u{202e}';
        assert_eq!(shown.find(obeyed), None, "{shown}");
    }

    #[test]
    fn a_decision_without_a_gate_to_blame_says_why() {
        for (record, expect) in [
            (
                decided(Vec::new(), false),
                "blocked — 0 gates in 20 ms\n  no gate that decides was selected [nothing-decides]\n",
            ),
            (
                review_only(true),
                "no-go — 1 gate: 1 waiting for a person in 20 ms\n  gate `hmr_quiesce` waits for a person to sign it off, \
                 and --strict-manual does not let that pass [review-unsigned]\n",
            ),
        ] {
            assert!(plain(&render(&record)).ends_with(expect), "{}", render(&record));
        }
    }

    #[test]
    fn amounts_are_told_as_people_read_them() {
        for (ms, expect) in [
            (0.0, "0.0 ms"),
            (0.44, "0.4 ms"),
            (9.96, "10 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (59_949.0, "59.9 s"),
            (125_000.0, "2 min 5 s"),
        ] {
            assert_eq!(milliseconds(ms), expect);
        }
        for (used, limit, expect) in [
            (0, 0, "–"),
            (0, 9, "0%"),
            (1, 1_000, "<1%"),
            (999, 1_000, "99%"),
            (9, 9, "100%"),
            (u64::MAX, 1, "1844674407370955161500%"),
        ] {
            assert_eq!(fuel_share(used, limit), expect);
        }
    }
}
