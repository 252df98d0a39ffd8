//! Agents at a terminal: a line each, below it the rules that it broke and what to do next; and alerts while they run.

use std::fmt::Write as _;

use anstyle::Style;

use super::{
    LEAST_HEADLINE, WIDEST_NAME, WIDTH,
    failures::{write_actions, write_rows},
};
use crate::{
    agent::Violation,
    decision::{AgentRecord, Record},
    report::{
        agents::{self, Came, actions, headline, phase},
        palette::{BOLD, DIM, GREEN, MAGENTA, RED},
        rows::of_agent,
    },
    text::excerpt,
};

/// The agents of a run; empty where there are none. Starts with an empty line.
pub(super) fn agents(record: &Record) -> String {
    let mut text = String::new();
    let widest = |column: fn(&AgentRecord) -> usize| record.agents.iter().map(column).max().unwrap_or_default();
    let columns = Columns {
        status: widest(|agent| agent.status.name().len()),
        phase: widest(|agent| phase(agent).chars().count()),
        name: widest(|agent| name(agent).chars().count()),
    };
    for agent in &record.agents {
        let before = if text.is_empty() { "\n" } else { "" };
        let _ = writeln!(text, "{before}{}", line(agent, columns));
        write_rows(&mut text, of_agent(agent));
        write_actions(&mut text, &actions(agent, record));
    }
    text
}

/// How wide the columns of agent lines are, in characters.
#[derive(Clone, Copy)]
struct Columns {
    status: usize,
    phase: usize,
    name: usize,
}

fn name(agent: &AgentRecord) -> String {
    excerpt(&agent.agent, WIDEST_NAME)
}

/// ` ✗ REVOKED  EXECUTE  builder  APPLY_WITHOUT_PLAN: there is no accepted plan`.
fn line(agent: &AgentRecord, columns: Columns) -> String {
    let (style, glyph) = status(Came::of(agent));
    let Columns { status, phase: phases, name: names } = columns;
    let (word, phase, name) = (agent.status.name(), phase(agent), name(agent));
    // A mark, gaps, the columns, and what stands for the rest of a headline.
    let room = WIDTH.saturating_sub(10 + status + phases + names).max(LEAST_HEADLINE);
    let headline = excerpt(&headline(agent), room);
    let padding = if headline.is_empty() { 0 } else { names.saturating_sub(name.chars().count()) + 2 };
    format!(
        " {style}{glyph} {word:<status$}{style:#}  {DIM}{phase:<phases$}{DIM:#}  {BOLD}{name}{BOLD:#}{:padding$}{headline}",
        ""
    )
}

fn status(came: Came) -> (Style, char) {
    match came {
        Came::Through => (GREEN, '✓'),
        Came::Lost => (RED, '✗'),
        Came::HeldUp => (MAGENTA, '!'),
        Came::Nowhere => (DIM, '–'),
    }
}

/// A violation that people have to know of at once: `alert: agent builder, critical …`. Without a line feed, and no command
/// to a runner of workflows.
#[must_use]
pub fn alert_line(violation: &Violation) -> String {
    crate::report::github::defused(&format!("{RED}alert{RED:#}: {}", agents::alert(violation)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::samples::{check_golden, go, governed},
        text::is_unsafe,
    };

    fn plain(styled: &str) -> String {
        anstream::adapter::strip_str(styled).to_string()
    }

    #[test]
    fn a_run_with_agents_looks_as_it_did() {
        let text = super::super::render(&governed());
        assert!(text.contains("\u{1b}[1m\u{1b}[31m✗ REVOKED"), "what was revoked is red");
        let text = plain(&text);
        assert!(!text.contains(|sign| sign != '\n' && is_unsafe(sign)), "{text}");
        check_golden("terminal-agents.txt", &text, include_str!("../testdata/terminal-agents.txt"));
    }

    #[test]
    fn a_run_without_agents_says_nothing_of_them() {
        assert_eq!(agents(&go()), "");
    }

    #[test]
    fn a_line_is_no_longer_than_its_width() {
        let mut record = governed();
        record.agents.iter_mut().for_each(|agent| agent.reason = Some("word ".repeat(90)));
        let text = plain(&agents(&record));
        let lines = text.lines().filter(|line| line.contains("word")).map(|line| line.chars().count());
        assert_eq!(lines.collect::<Vec<_>>(), [WIDTH; 3], "{text}");
    }

    #[test]
    fn an_alert_is_one_line_and_no_command() {
        let record = governed();
        let alert = plain(&alert_line(&record.agents[1].violations[0]));
        assert_eq!(
            alert,
            "alert: agent `tester`: critical APPLY_WITHOUT_PLAN in EXECUTE, revoked: went to work \\u{1b}[2Jwithout \
             ## [add-mask]an accepted plan"
        );
    }
}
