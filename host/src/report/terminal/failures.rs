//! What went wrong in one gate: code, place, why, and what to do. Agents have rows of the same look.

use std::fmt::Write as _;

use anstyle::Style;
use portcullis_sdk::Severity;

use super::{WIDTH, status, wrap::wrapped};
use crate::{
    agent::Consequence,
    decision::{GateOutcome, GateResult, Record},
    judge::ResultCode,
    manifest::Enforcement,
    report::{
        actions::actions,
        is_unsigned,
        palette::{BOLD, CYAN, DIM, MAGENTA, RED, YELLOW},
        rows::{Row, RowKind, rows},
    },
    text::{excerpt, printable},
};

/// How many rows of one gate are shown; the record has them all.
const ROWS: usize = 12;
/// How many next actions of one gate are shown.
const ACTIONS: usize = 6;
/// How wide the columns get, in characters.
const WIDEST_CODE: usize = 40;
const WIDEST_PLACE: usize = 60;
const WIDEST_TEXT: usize = 240;
/// What stands before every row, in characters.
const INDENT: usize = 5;
/// Where the last column may begin; where it would begin farther right, it has lines of its own.
const LAST_COLUMN: usize = 70;

/// Why `gate` failed, gave no verdict or waits for a person, with what to do next; empty for every other outcome. Starts
/// with an empty line.
#[must_use]
pub fn failures(gate: &GateResult, record: &Record) -> String {
    if !matches!(gate.outcome, GateOutcome::Fail | GateOutcome::Fault(_)) && !is_unsigned(gate) {
        return String::new();
    }
    let mut text = format!("\n{}\n", heading(gate));
    write_rows(&mut text, rows(gate));
    write_actions(&mut text, &actions(gate, record));
    text
}

/// As many of `rows` as are shown, in columns, and how many more there are.
pub(super) fn write_rows<'a>(text: &mut String, mut rows: impl Iterator<Item = Row<'a>>) {
    let shown: Vec<Cells> = rows.by_ref().take(ROWS).map(|row| Cells::of(&row)).collect();
    write_cells(text, &shown);
    let more = rows.count();
    if more > 0 {
        let _ = writeln!(text, "     {DIM}… and {more} more in decision.json{DIM:#}");
    }
}

/// What to do next, a line each.
pub(super) fn write_actions(text: &mut String, actions: &[String]) {
    for action in actions.iter().take(ACTIONS) {
        let _ = writeln!(text, "   {CYAN}→ {}{CYAN:#}", excerpt(action, WIDEST_TEXT));
    }
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
    let code = match gate.code {
        // They say nothing that is not seen anyway.
        ResultCode::Success | ResultCode::GenericFailure => String::new(),
        code => format!(" · {} {}", code.name(), code.number()),
    };
    format!(" {style}{glyph}{style:#} {BOLD}{name}{BOLD:#} {DIM}· {kind}, {enforcement}{code} · {about}{DIM:#}")
}

/// A row as it is shown.
struct Cells {
    style: Style,
    label: &'static str,
    code: String,
    place: String,
    text: String,
}

impl Cells {
    fn of(row: &Row<'_>) -> Self {
        Self {
            style: style(row.kind),
            label: row.kind.label(),
            code: excerpt(row.code, WIDEST_CODE),
            place: ending(&row.place(), WIDEST_PLACE),
            text: excerpt(row.text.trim_end(), WIDEST_TEXT),
        }
    }
}

/// The end of `text`, made fit for a terminal: of a long path, the file and the line are what is looked for.
fn ending(text: &str, most: usize) -> String {
    let text = printable(text);
    let left_out = text.chars().count().saturating_sub(most);
    if left_out == 0 { text } else { format!("…{}", text.chars().skip(left_out).collect::<String>()) }
}

fn style(kind: RowKind) -> Style {
    match kind {
        RowKind::Fault | RowKind::Unwritten => MAGENTA,
        RowKind::Review
        | RowKind::Promotion
        | RowKind::Finding(Severity::Warning)
        | RowKind::Broken(Consequence::Warning) => YELLOW,
        RowKind::Finding(Severity::Note) => DIM,
        RowKind::Check
        | RowKind::Finding(Severity::Error)
        | RowKind::Probe
        | RowKind::Rule
        | RowKind::Broken(Consequence::Revoked) => RED,
    }
}

fn write_cells(text: &mut String, rows: &[Cells]) {
    let widest =
        |column: fn(&Cells) -> &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or_default();
    let label = widest(|row| row.label);
    let (code, place) = (widest(|row| &row.code), widest(|row| &row.place));
    let before = INDENT + label + 2 + code + if place > 0 { 2 + place } else { 0 } + 2;
    let (own_lines, margin) = if before > LAST_COLUMN { (true, INDENT + label + 2) } else { (false, before) };
    for row in rows {
        let columns = [(row.style, row.label, label), (Style::new(), &row.code, code), (DIM, &row.place, place)];
        // Padding is written only once something stands behind it.
        let mut gap = INDENT;
        for (style, cell, width) in columns.into_iter().filter(|(_, _, width)| *width > 0) {
            if cell.is_empty() {
                gap += width + 2;
            } else {
                let _ = write!(text, "{:gap$}{style}{cell}{style:#}", "");
                gap = width - cell.chars().count() + 2;
            }
        }
        for (number, line) in wrapped(&row.text, WIDTH - margin).iter().enumerate() {
            let _ = match (number, own_lines) {
                _ if line.is_empty() => Ok(()),
                (0, false) => write!(text, "{:gap$}{line}", ""),
                _ => write!(text, "\n{:margin$}{line}", ""),
            };
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{bare, finding, gate},
        report::samples::{decided, signed},
    };

    fn of(result: GateResult) -> String {
        let record = decided(vec![result], false);
        anstream::adapter::strip_str(&failures(&record.gates[0], &record)).to_string()
    }

    #[test]
    fn many_findings_are_cut_and_counted() {
        let mut result = bare(gate("flows"), GateOutcome::Fail);
        result.findings = (1..=1_000).map(|line| finding("VALIDATION_ERROR", line).into()).collect();
        let text = of(result);
        assert_eq!(text.lines().count(), 2 + ROWS + 1);
        assert!(text.contains("… and 988 more in decision.json"), "{text}");
    }

    #[test]
    fn a_gate_that_stands_in_nobodys_way_has_no_failures() {
        for outcome in [GateOutcome::Pass, GateOutcome::NotApplicable, GateOutcome::Skipped("x".into())] {
            assert_eq!(of(bare(gate("a"), outcome)), "");
        }
        assert_eq!(of(signed(gate("a"))), "");
    }

    #[test]
    fn a_long_text_is_wrapped_below_itself_and_below_its_code_where_that_is_wide() {
        let mut result = bare(gate("a"), GateOutcome::Fail);
        result.findings = vec![finding("odd", 7).into()];
        result.findings[0].finding.message = "word ".repeat(30);
        let wide = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
        let text = of(result.clone());
        let (first, second) = ("     error  odd  flows/a.aether:7  word", format!("\n{:35}word word", ""));
        assert!(text.contains(first) && text.contains(&second) && wide(&text) <= WIDTH, "{text}");
        result.findings[0].finding.path = Some(format!("flows/{}.aether", "a".repeat(50)));
        let text = of(result);
        assert!(text.contains(":7\n            word word") && wide(&text) <= WIDTH, "{text}");
    }
}
