//! The rendering for people at a terminal: one line a gate, the failures below, one line for the decision.
//!
//! Lines of gates can be printed as the gates end ([`gate_line`]), and what is left then is the [`conclusion`]. Colours are
//! written inline; the caller sends the text through a stream that strips them where nobody wants them.

use std::fmt::Write as _;

use anstyle::Style;
use portcullis_sdk::Severity;

use super::{
    Record, completion, headline,
    palette::{BOLD, DIM, GREEN, MAGENTA, RED, YELLOW},
    tally::{milliseconds, tally},
};
use crate::{
    decision::{CompletionOutcome, CompletionRecord, GateOutcome, GateResult, Reason, Ruling},
    manifest::Enforcement,
    text::{counted, excerpt},
};

mod agents;
mod failures;
mod wrap;

pub use agents::alert_line;
pub use failures::failures;

/// The widest a column of names gets, in characters.
const WIDEST_NAME: usize = 40;
/// How wide lines get where they can be cut or wrapped, in characters.
const WIDTH: usize = 120;
/// How much of a headline is shown however wide the columns before it are, in characters.
const LEAST_HEADLINE: usize = 40;
/// The share of its fuel from which a gate is near its limit, in percent.
const NEAR: u128 = 80;

/// How wide the columns of gate lines are; known before the first gate ends, so that lines can be printed as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    name: usize,
    gates: usize,
}

impl Layout {
    /// Columns that these gate names fit into: those of all gates of the run.
    pub fn for_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().fold(Self::default(), |Self { name, gates }, next| Self {
            name: name.max(excerpt(next, WIDEST_NAME).chars().count()),
            gates: gates + 1,
        })
    }
}

/// The whole run: a line a gate, what went wrong, the agents, and the decision. Ends with a line feed.
#[must_use]
pub fn render(record: &Record) -> String {
    let layout = Layout::for_names(record.gates.iter().map(|gate| gate.gate.name.as_str()));
    let mut text = String::new();
    for (before, gate) in record.gates.iter().enumerate() {
        let _ = writeln!(text, "{}", gate_line(gate, layout, before + 1));
    }
    text.push_str(&conclusion(record));
    text
}

/// What stands below the gate lines: the failures, the agents, and the decision with its reasons. Ends with a line feed.
#[must_use]
pub fn conclusion(record: &Record) -> String {
    let mut text = String::new();
    for gate in &record.gates {
        text.push_str(&failures(gate, record));
    }
    text.push_str(&agents::agents(record));
    let _ = writeln!(text, "\n{}", decision_line(record));
    if let Some(completion) = &record.completion {
        let _ = writeln!(text, "{}", completion_line(completion));
    }
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

/// One gate in one line, without a line feed: status, duration, position, kind, name, headline. `position` is how many
/// gates have ended, this one included.
#[must_use]
pub fn gate_line(gate: &GateResult, layout: Layout, position: usize) -> String {
    let (style, glyph, word) = status(&gate.outcome);
    let ran = !matches!(gate.outcome, GateOutcome::Skipped(_) | GateOutcome::NotTaken(_));
    let duration = if ran { milliseconds(gate.usage.duration.as_secs_f64() * 1_000.0) } else { "–".to_owned() };
    let gates = layout.gates.to_string();
    let position = format!("[{position:>width$}/{gates}]", width = gates.len());
    let (kind, name) = (gate.gate.kind.name(), excerpt(&gate.gate.name, WIDEST_NAME));
    let before = format!(" {glyph} {word:<7} {duration:>8}  {position}  {kind:<9}  {name:<0$}  ", layout.name);
    let tail = tail(gate, WIDTH.saturating_sub(before.chars().count()));
    let padding = if tail.is_empty() { 0 } else { layout.name.saturating_sub(name.chars().count()) + 2 };
    format!(
        " {style}{glyph} {word:<7}{style:#} {duration:>8}  {DIM}{position}{DIM:#}  {kind:<9}  \
         {BOLD}{name}{BOLD:#}{:padding$}{tail}",
        ""
    )
}

/// What follows a gate's name, as `room` characters allow: its headline, its warnings, that it does not decide, and how
/// much of its fuel it burned where that is near all of it or nothing else is to be said.
fn tail(gate: &GateResult, room: usize) -> String {
    let warnings = gate.findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
    let headline = headline(gate);
    let mut notes = Vec::new();
    if warnings > 0 {
        notes.push((YELLOW, counted(warnings, "warning", "warnings")));
    }
    if gate.gate.enforcement == Enforcement::Advisory {
        notes.push((DIM, "advisory".to_owned()));
    }
    match fuel_percent(gate.usage.fuel, gate.usage.fuel_limit) {
        Some(percent) if percent >= NEAR && gate.fault().is_none() => notes.push((YELLOW, format!("fuel {percent}%"))),
        Some(percent) if headline.is_empty() => notes.push((DIM, format!("fuel {percent}%"))),
        _ => {}
    }
    let taken: usize = notes.iter().map(|(_, note)| note.chars().count() + 3).sum();
    let headline = excerpt(&headline, room.saturating_sub(taken + 1).max(LEAST_HEADLINE));
    let notes = notes.iter().map(|(style, note)| format!("{style}{note}{style:#}"));
    let parts: Vec<String> = Some(headline).into_iter().filter(|part| !part.is_empty()).chain(notes).collect();
    parts.join(" · ")
}

fn status(outcome: &GateOutcome) -> (Style, char, &'static str) {
    match outcome {
        GateOutcome::Pass => (GREEN, '✓', "pass"),
        GateOutcome::Fail => (RED, '✗', "fail"),
        GateOutcome::Review => (YELLOW, '?', "review"),
        GateOutcome::NotApplicable => (DIM, '○', "n/a"),
        GateOutcome::Skipped(_) | GateOutcome::NotTaken(_) => (DIM, '–', "skipped"),
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
    format!("{style}{}{style:#} — {}", record.decision.name(), tally(record))
}

/// Whether the work is complete, in one line: `incomplete — product_complete (cli): headless_run passed, stdout_golden deferred`.
fn completion_line(completion: &CompletionRecord) -> String {
    let style = match completion.outcome {
        CompletionOutcome::Complete => GREEN,
        CompletionOutcome::Blocked => RED,
        CompletionOutcome::Incomplete => YELLOW,
    };
    format!("{style}{}{style:#} — {}", completion::word(completion.outcome), completion::told(completion))
}

/// How much of its fuel a gate burned, in whole percent and rounded up: something is never nothing.
fn fuel_percent(used: u64, limit: u64) -> Option<u128> {
    (limit > 0).then(|| (u128::from(used) * 100).div_ceil(u128::from(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::{
            ProbeRecord, ProbeStatus,
            samples::{bare, gate},
        },
        manifest::CompletionMode,
        report::samples::{check_golden, decided, go, record, review_only, suite},
    };

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
    fn a_go_with_a_signed_review_names_the_approver() {
        check_golden("terminal-suite.txt", &plain(&render(&suite())), include_str!("testdata/terminal-suite.txt"));
    }

    #[test]
    fn a_line_of_a_gate_is_as_wide_as_the_longest_name_allows() {
        let long = "n".repeat(64);
        for (name, summary, width) in [("launcher_smoke", "s ".repeat(90), WIDTH), (&*long, "s ".repeat(90), 123)] {
            let layout = Layout::for_names([name, "short"]);
            let mut result = bare(gate(name), GateOutcome::Pass);
            result.summary = summary;
            assert_eq!(plain(&gate_line(&result, layout, 1)).chars().count(), width, "{name}");
        }
    }

    #[test]
    fn a_gate_near_its_limit_of_fuel_says_so() {
        let layout = Layout::for_names(["a"]);
        for (fuel, summary, end) in
            [(79, "it is up", "  it is up"), (80, "it is up", "it is up · fuel 80%"), (1, "", "fuel 1%")]
        {
            let mut result = bare(gate("a"), GateOutcome::Pass);
            result.summary = summary.to_owned();
            (result.usage.fuel, result.usage.fuel_limit) = (fuel, 100);
            let line = plain(&gate_line(&result, layout, 1));
            assert!(line.ends_with(end), "{line}");
        }
    }

    #[test]
    fn lines_printed_as_gates_end_and_the_conclusion_are_the_whole() {
        let record = record();
        let layout = Layout::for_names(record.gates.iter().map(|gate| gate.gate.name.as_str()));
        let lines = record.gates.iter().zip(1..).map(|(gate, ended)| gate_line(gate, layout, ended) + "\n");
        assert_eq!(lines.collect::<String>() + &conclusion(&record), render(&record));
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
    fn completion_is_one_line_behind_the_decision() {
        let probe = |kind: Option<&str>, status| ProbeRecord {
            kind: kind.map(str::to_owned),
            gate: Some("smoke\u{1b}".to_owned()),
            status,
            reason: String::new(),
        };
        let shown = |outcome, task_class, probes| {
            let mode = CompletionMode::ProductComplete;
            let completion = CompletionRecord { mode, task_class, outcome, probes, reasons: Vec::new() };
            let record = Record { completion: Some(completion), ..go() };
            plain(&conclusion(&record)).lines().last().unwrap_or_default().to_owned()
        };
        for (outcome, class, probes, expect) in [
            (
                CompletionOutcome::Complete,
                Some("cli"),
                vec![probe(Some("headless_run"), ProbeStatus::Passed), probe(Some("a\u{1b}"), ProbeStatus::Passed)],
                "complete — product_complete (cli): headless_run passed, a\\u{1b} passed",
            ),
            (
                CompletionOutcome::Blocked,
                None,
                vec![probe(None, ProbeStatus::Faulted), probe(Some("api_smoke"), ProbeStatus::Deferred)],
                "completion blocked — product_complete: gate smoke\\u{1b} faulted, api_smoke deferred",
            ),
            (CompletionOutcome::Incomplete, None, vec![], "incomplete — product_complete: nothing was probed"),
        ] {
            assert_eq!(shown(outcome, class, probes), expect);
        }
        let many = vec![probe(Some("k"), ProbeStatus::Passed); 14];
        assert!(shown(CompletionOutcome::Complete, None, many).ends_with("k passed, and 2 more"));
    }

    #[test]
    fn a_share_of_fuel_is_rounded_up() {
        for (used, limit, expect) in [
            (0, 0, None),
            (0, 9, Some(0)),
            (1, 1_000, Some(1)),
            (990, 1_000, Some(99)),
            (9, 9, Some(100)),
            (u64::MAX, 1, Some(1_844_674_407_370_955_161_500)),
        ] {
            assert_eq!(fuel_percent(used, limit), expect);
        }
    }
}
