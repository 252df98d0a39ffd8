//! The summary of a step: the decision, the sign-off table, the agents, the failures, what to do next.

use std::fmt::Write as _;

use crate::{
    decision::{AgentRecord, GateOutcome, GateResult, NextAction, Reason, Record, Ruling},
    diagnostic::Diagnostic,
    report::{
        actions::actions,
        agents::{self, Came},
        is_unsigned,
        markdown::{escaped, escaped_html},
        rows::{Row, of_agent, rows},
        sign_off::{self, AGENTS, TABLE},
        tally::tally,
    },
};

/// The most bytes of a summary. GitHub takes 1 MiB from all that a step writes and drops a larger file whole ("upload
/// aborted, supports content up to a size of 1024k"); half of it is left to the step's other commands.
const SUMMARY: usize = 512 << 10;
/// The most bytes of all that one step adds: a runner takes nothing of a longer file.
pub const STEP: usize = 1 << 20;
/// The most bytes of the table, of that of the agents, and of what to do next; the failures have the rest.
const TABLE_BYTES: usize = 128 << 10;
const AGENTS_BYTES: usize = 64 << 10;
const NEXT_BYTES: usize = 64 << 10;
/// Room for the lines that say what was left out, and for the ends of elements.
const CLOSING: usize = 512;
/// The head of the table of a gate, and of an agent.
const HEAD: &str = "| | Code | Place | Why |\n| --- | --- | --- | --- |\n";
/// How many reasons are shown; gates that failed are told below anyway.
const REASONS: usize = 20;
/// How much of a name, of a place and of a text is shown, in characters.
const WIDEST_NAME: usize = 80;
const WIDEST_PLACE: usize = 160;
const WIDEST_TEXT: usize = 500;

/// `record` in Markdown for `GITHUB_STEP_SUMMARY`, in at most `room` bytes; ends with a line feed. Where it would be too long,
/// findings are left out, and a line says how many; where not even the gates fit, the decision stands alone, and it is
/// never cut: nothing comes where it does not fit.
#[must_use]
pub fn step_summary(record: &Record, strict_manual: bool, room: usize) -> String {
    let (mut text, next) = (head(record), next(record));
    let table = table(record, strict_manual) + &agents_table(record);
    if text.len() + table.len() + next.len() + CLOSING > room {
        return if text.len() <= room { text } else { String::new() };
    }
    text.push_str(&table);
    let room = room.min(SUMMARY).saturating_sub(text.len() + next.len());
    text.push_str(&failures(record, strict_manual, room));
    text.push_str(&next);
    text
}

/// What kept a command from its work, in Markdown for `GITHUB_STEP_SUMMARY`, in at most `room` bytes; ends with a line feed.
/// `ended` says how the command ended. Nothing comes where not even the first line fits.
#[must_use]
pub fn problems_summary(ended: &str, problems: &[Diagnostic], room: usize) -> String {
    let head = format!("## ⛔ {}\n\n", escaped(ended, WIDEST_TEXT));
    if head.len() + CLOSING > room {
        return String::new();
    }
    let mut page = Page::new(&head, room.min(SUMMARY));
    let more = page.fill(problems.iter().map(problem_line));
    if more > 0 {
        let _ = writeln!(page.text, "- … and {more} more");
    }
    page.text.push('\n');
    page.text
}

/// `- **digest-mismatch**: the module was changed after it was signed (gates/a.wasm); ask its publisher for it`.
fn problem_line(Diagnostic { code, message, place, help }: &Diagnostic) -> String {
    let place = place.as_ref().map(|place| format!(" ({})", escaped(place, WIDEST_TEXT))).unwrap_or_default();
    let help = help.as_ref().map(|help| format!("; {}", escaped(help, WIDEST_TEXT))).unwrap_or_default();
    format!("- **{}**: {}{place}{help}\n", escaped(code, WIDEST_NAME), escaped(message, WIDEST_TEXT))
}

/// Text that takes pieces as long as they fit.
struct Page {
    text: String,
    room: usize,
}

impl Page {
    fn new(text: &str, room: usize) -> Self {
        Self { text: text.to_owned(), room }
    }

    /// Adds `piece`, unless it does not fit with a closing line behind it.
    fn fits(&mut self, piece: &str) -> bool {
        let fits = self.text.len() + piece.len() + CLOSING <= self.room;
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// Adds as many of `pieces` as fit, the first ones, and returns how many were left out.
    fn fill(&mut self, pieces: impl IntoIterator<Item = String>) -> usize {
        let mut pieces = pieces.into_iter();
        let all_fit = pieces.by_ref().all(|piece| self.fits(&piece));
        if all_fit { 0 } else { 1 + pieces.count() }
    }
}

fn head(record: &Record) -> String {
    let glyph = match record.decision {
        Ruling::Go => "✅",
        Ruling::NoGo => "❌",
        Ruling::Blocked => "⛔",
    };
    let mut text = format!("## {glyph} {} — {}\n\n", record.decision.name(), tally(record));
    let (manifest, run) = (escaped(&record.policy.uri, WIDEST_PLACE), escaped(&record.run_id, WIDEST_NAME));
    let _ = writeln!(text, "Manifest <code>{manifest}</code>, run <code>{run}</code>\n");
    if let Some(completion) = &record.completion {
        let _ = writeln!(text, "{}", sign_off::completion_line(completion));
    }
    if record.decision != Ruling::Go {
        for Reason { code, message, .. } in record.reasons.iter().take(REASONS) {
            let _ = writeln!(text, "- **{code}**: {}", escaped(message, WIDEST_TEXT));
        }
        if let more @ 1.. = record.reasons.len().saturating_sub(REASONS) {
            let _ = writeln!(text, "- … and {more} more");
        }
        text.push('\n');
    }
    text
}

fn table(record: &Record, strict_manual: bool) -> String {
    let mut page = Page::new(TABLE, TABLE_BYTES);
    let more = page.fill(record.gates.iter().map(|gate| sign_off::row(gate, strict_manual)));
    if more > 0 {
        let _ = writeln!(page.text, "| … and {more} more | | | in decision.json |");
    }
    page.text.push('\n');
    page.text
}

/// The agents, where there are any.
fn agents_table(record: &Record) -> String {
    if record.agents.is_empty() {
        return String::new();
    }
    let mut page = Page::new(AGENTS, AGENTS_BYTES);
    let more = page.fill(record.agents.iter().map(sign_off::agent_row));
    if more > 0 {
        let _ = writeln!(page.text, "| … and {more} more | | | in decision.json |");
    }
    page.text.push('\n');
    page.text
}

/// The gates that failed, gave no verdict or wait for a person, and the agents of which there is more to be known, each with
/// its rows, as far as `room` bytes go.
fn failures(record: &Record, strict_manual: bool, room: usize) -> String {
    let mut page = Page::new("", room);
    let is_told =
        |gate: &&GateResult| matches!(gate.outcome, GateOutcome::Fail | GateOutcome::Fault(_)) || is_unsigned(gate);
    let gates = record.gates.iter().filter(is_told);
    tell(&mut page, "gates", gates.map(|gate| (opening(gate, strict_manual), rows(gate))));
    let is_told = |agent: &&AgentRecord| of_agent(agent).next().is_some();
    let agents = record.agents.iter().filter(is_told);
    tell(&mut page, "agents", agents.map(|agent| (opening_of_agent(agent), of_agent(agent))));
    page.text
}

/// Each section with its rows, as far as there is room.
fn tell<'a, R: Iterator<Item = Row<'a>>>(page: &mut Page, what: &str, mut sections: impl Iterator<Item = (String, R)>) {
    let mut untold = 0;
    for (opening, rows) in sections.by_ref() {
        if !page.fits(&format!("{opening}{HEAD}")) {
            untold = 1;
            break;
        }
        let left_out = page.fill(rows.map(|row| cells(&row)));
        if left_out > 0 {
            let _ = writeln!(page.text, "\n… and {left_out} more in decision.json");
        }
        page.text.push_str("\n</details>\n\n");
        // The room that is kept for closing lines was used; nothing but last words fit behind it.
        page.room = if left_out > 0 { 0 } else { page.room };
    }
    untold += sections.count();
    if untold > 0 {
        let _ = writeln!(page.text, "… and {untold} more {what} in decision.json\n");
        page.room = 0;
    }
}

fn opening(gate: &GateResult, strict_manual: bool) -> String {
    let module = &gate.gate.module;
    let about = format!("{} {} by {}", module.name, module.version, module.publisher);
    let (name, about) = (escaped_html(&gate.gate.name, WIDEST_NAME), escaped_html(&about, WIDEST_PLACE));
    let status = if is_unsigned(gate) { "🔧" } else { sign_off::status(gate, strict_manual) };
    format!("<details open>\n<summary>{status} <b>{name}</b> · {} · {about}</summary>\n\n", gate.gate.kind.name())
}

fn opening_of_agent(agent: &AgentRecord) -> String {
    let (name, sign) = (escaped_html(&agent.agent, WIDEST_NAME), sign_off::agent_sign(agent));
    // One that is in nobody's way is there to be opened.
    let open = if Came::of(agent).stands_in_the_way() { " open" } else { "" };
    format!("<details{open}>\n<summary>{sign} <b>{name}</b> · agent, tier {}</summary>\n\n", agent.tier)
}

fn cells(row: &Row<'_>) -> String {
    let (code, place) = (escaped(row.code, WIDEST_NAME), escaped(&row.place(), WIDEST_PLACE));
    format!("| {} | {code} | {place} | {} |\n", row.kind.label(), escaped(&row.text, WIDEST_TEXT))
}

fn next(record: &Record) -> String {
    let of_gates = record.gates.iter().flat_map(|gate| {
        let line = |action: String| format!("- {}: {}\n", escaped(&gate.gate.name, WIDEST_NAME), text_of(&action));
        actions(gate, record).into_iter().map(line)
    });
    let of_agents = record.agents.iter().flat_map(|agent| {
        let line = |action: String| format!("- {}: {}\n", escaped(&agent.agent, WIDEST_NAME), text_of(&action));
        agents::actions(agent, record).into_iter().map(line)
    });
    let is_told = |next: &&NextAction| next.gate.is_some() || next.agent.is_some();
    let of_none = record.next_actions.iter().filter(|next| !is_told(next));
    let of_none = of_none.map(|NextAction { action, .. }| format!("- run: {}\n", text_of(action)));
    let mut page = Page::new("### Next\n\n", NEXT_BYTES);
    let empty = page.text.len();
    let more = page.fill(of_gates.chain(of_agents).chain(of_none));
    if more > 0 {
        let _ = writeln!(page.text, "- … and {more} more in decision.json");
    }
    if page.text.len() == empty { String::new() } else { page.text }
}

fn text_of(action: &str) -> String {
    escaped(action, WIDEST_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{bare, finding, gate},
        report::samples::{check_golden, decided, governed, record, suite},
    };

    #[test]
    fn the_summary_of_a_run_with_every_outcome_is_as_it_was() {
        let expect = include_str!("../testdata/github-summary.md");
        check_golden("github-summary.md", &step_summary(&record(), false, STEP), expect);
    }

    #[test]
    fn the_summary_of_a_run_with_agents_is_as_it_was() {
        let expect = include_str!("../testdata/agents-summary.md");
        check_golden("agents-summary.md", &step_summary(&governed(), false, STEP), expect);
    }

    #[test]
    fn what_to_do_about_an_agent_is_said_once() {
        let mut record = governed();
        let about = |agent: Option<&str>, action: &str| NextAction {
            gate: None,
            agent: agent.map(str::to_owned),
            action: action.to_owned(),
        };
        let reinstate = "let it start again: portcullis agent reinstate tester --key KEY --reason TEXT";
        record.next_actions.extend([about(Some("tester"), reinstate), about(None, "ask the team")]);
        let text = step_summary(&record, false, STEP);
        assert_eq!(text.matches("portcullis agent reinstate").count(), 1, "{text}");
        assert!(text.ends_with("\n- run: ask the team\n"), "{text}");
    }

    #[test]
    fn agents_whose_rows_do_not_fit_are_counted() {
        let mut record = governed();
        let (agent, broken) = (record.agents[1].clone(), record.agents[1].violations[0].clone());
        record.agents = vec![agent; 256];
        record.agents.iter_mut().for_each(|agent| agent.violations = vec![broken.clone(); 100]);
        let text = step_summary(&record, false, STEP);
        assert!(text.len() <= SUMMARY && text.len() > SUMMARY / 2, "{}", text.len());
        let shown = text.matches("<b>tester</b>").count();
        assert!(text.contains(&format!("… and {} more agents in decision.json\n", 256 - shown)), "{shown}");
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }

    #[test]
    fn completion_is_one_line_below_the_decision() {
        let completion = crate::decision::CompletionRecord {
            mode: crate::manifest::CompletionMode::ProductComplete,
            task_class: None,
            outcome: crate::decision::CompletionOutcome::Complete,
            probes: Vec::new(),
            reasons: Vec::new(),
        };
        let text = step_summary(&Record { completion: Some(completion), ..suite() }, true, STEP);
        let expect = "</code>\n\nCompletion: ✅ complete (product_complete: nothing was probed)\n\n| Gate |";
        assert!(text.contains(expect), "{text}");
    }

    #[test]
    fn what_kept_a_command_from_its_work_is_a_line_each_as_far_as_there_is_room() {
        let problem = Diagnostic::new("revoked-key", "revoked | <b>").at("gates/a.wasm\n## x").help("ask");
        let text = problems_summary("refused", std::slice::from_ref(&problem), STEP);
        let line = "- **revoked-key**: revoked \\| &lt;b&gt; (gates/a.wasm\\\\u{a}## x); ask\n";
        assert_eq!(text, format!("## ⛔ refused\n\n{line}\n"));
        let many = problems_summary("refused", &vec![problem; 40], 1_000);
        assert!(many.len() <= 1_000 && many.ends_with(" more\n\n"), "{many}");
        assert_eq!(problems_summary("refused", &[], 10), "");
    }

    #[test]
    fn a_go_is_a_line_and_a_table() {
        let text = step_summary(&suite(), true, STEP);
        assert!(text.starts_with("## ✅ go — 8 gates: 8 passed (1 signed off) in "), "{text}");
        assert!(!text.contains("<details") && !text.contains("### Next"), "{text}");
        assert!(text.contains("\n| hmr_quiesce | ✅ | 🔧 | approved by alice until 2026-02-01: "), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_counted_and_the_decision_stays() {
        let mut flows = bare(gate("flows"), GateOutcome::Fail);
        flows.findings = (1..=20_000).map(|line| finding("VALIDATION_ERROR", line).into()).collect();
        flows.next_actions = vec!["do ".repeat(400); 1_000];
        let mut gates = vec![flows, bare(gate("late"), GateOutcome::Fail)];
        gates.extend((0..20_000).map(|number| bare(gate(&format!("g{number}")), GateOutcome::Pass)));
        let text = step_summary(&decided(gates, false), false, STEP);
        assert!(text.len() <= SUMMARY && text.len() > SUMMARY / 2, "{}", text.len());
        assert!(text.starts_with("## ❌ no-go — 20002 gates: "));
        let shown = text.matches("| error | VALIDATION_ERROR |").count();
        let told =
            |count: usize, what: &str| assert!(text.contains(&format!("… and {count} more{what}")), "{count}{what}");
        told(20_000 - shown, " in decision.json\n\n</details>");
        told(1, " gates in decision.json");
        told(20_002 - text.matches(" | ✅ | ").count() - 2, " | | | in");
        told(1_001 - text.matches("\n- flows: do do").count(), " in decision.json\n");
    }

    #[test]
    fn hostile_words_are_no_markup() {
        let mut hostile = bare(gate("a"), GateOutcome::Fail);
        hostile.findings = vec![finding("</details>|", 1).into()];
        hostile.findings[0].finding.message = "\n\n# big\n<script>![x](//y) | `z`".into();
        hostile.gate.module.publisher = "</summary>\n\n# x".into();
        hostile.next_actions = vec!["\n- **run** <b>".into()];
        let text = step_summary(&decided(vec![hostile], false), false, STEP);
        assert_eq!((text.matches("</details>").count(), text.matches("</summary>").count()), (1, 1), "{text}");
        assert!(!text.contains("<script") && !text.contains("\n# ") && !text.contains("![x]"), "{text}");
        assert!(text.contains("- a: \\\\u{a}- \\*\\*run\\*\\* &lt;b&gt;\n"), "{text}");
    }
}
