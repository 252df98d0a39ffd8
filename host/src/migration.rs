//! Workflows in older forms, brought up to date (spec/workflow-findings.md, Migration): text in, text out.
//!
//! ```text
//! intent: keep calm      goal: "keep calm"     the old word at the start of a line, and a goal's text in double quotes
//! (three blank lines)    (two blank lines)     never more than two
//! goal: "x"   ·          goal: "x"             no white space at the end of a line
//! ```
//!
//! Nothing else changes: line endings stay as they are, also where they are mixed, and so do indentation, a byte order mark
//! and a missing last line feed. What is migrated is not changed again.

use std::{borrow::Cow, fmt, iter};

use similar::{ChangeTag, DiffOp, group_diff_ops, udiff::UnifiedHunkHeader};

use crate::text::{counted, printable};

/// The most blank lines in a row.
const BLANK: usize = 2;
/// How many lines stand around a change in a diff.
const CONTEXT: usize = 3;
/// A byte order mark, which is no part of the first line.
const MARK: char = '\u{feff}';

/// What a migration changes, by rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Lines whose `intent:` became `goal:`.
    pub intents: usize,
    /// Goals whose text was put in double quotes.
    pub quoted: usize,
    /// Blank lines that went.
    pub blank_lines: usize,
    /// Lines whose trailing white space went.
    pub trailing: usize,
}

impl Changes {
    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = [
            (self.intents, "intent renamed", "intents renamed"),
            (self.quoted, "goal quoted", "goals quoted"),
            (self.blank_lines, "blank line removed", "blank lines removed"),
            (self.trailing, "line trimmed", "lines trimmed"),
        ];
        let told =
            told.into_iter().filter(|(count, ..)| *count > 0).map(|(count, one, many)| counted(count, one, many));
        f.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

/// A text, and what it is migrated to.
#[derive(Debug)]
pub struct Migration<'a> {
    /// The lines as they were, with their endings.
    old: Vec<&'a str>,
    /// The lines as they are to be.
    new: Vec<Cow<'a, str>>,
    /// How they come from one another: each line stays, changes or goes.
    steps: Vec<DiffOp>,
    changes: Changes,
}

impl<'a> Migration<'a> {
    /// Migrates `text`.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let mut migration = Self { old: Vec::new(), new: Vec::new(), steps: Vec::new(), changes: Changes::default() };
        let mut blank = 0;
        for line in lines(text) {
            migration.take(line, &mut blank);
        }
        migration
    }

    /// What changed.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.changes
    }

    /// The text as it is to be.
    #[must_use]
    pub fn text(&self) -> String {
        self.new.concat()
    }

    /// The changes as a unified diff of the file `name`, empty where there is none; nothing in it is obeyed by a terminal.
    #[must_use]
    pub fn diff(&self, name: &str) -> String {
        if !self.changes.any() {
            return String::new();
        }
        let name = printable(name);
        let mut text = format!("--- {name}\n+++ {name}\n");
        for hunk in group_diff_ops(self.steps.clone(), CONTEXT) {
            text.push_str(&format!("{}\n", UnifiedHunkHeader::new(&hunk)));
            for step in hunk {
                let (old, new) = (step.old_range(), step.new_range());
                let is_equal = matches!(step, DiffOp::Equal { .. });
                let (sign, new) = if is_equal { (ChangeTag::Equal, 0..0) } else { (ChangeTag::Delete, new) };
                text.extend(self.old.get(old).unwrap_or_default().iter().map(|line| shown(sign, line)));
                text.extend(self.new.get(new).unwrap_or_default().iter().map(|line| shown(ChangeTag::Insert, line)));
            }
        }
        text
    }

    /// The next line; `blank` is how many before it are blank.
    fn take(&mut self, line: &'a str, blank: &mut usize) {
        let (content, ending) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        let mark = if self.old.is_empty() && content.starts_with(MARK) { MARK.len_utf8() } else { 0 };
        let (mark, content) = content.split_at(mark);
        let trimmed = content.trim_end();
        *blank = if trimmed.is_empty() { *blank + 1 } else { 0 };
        // White space that no line feed ends is no line once it is gone.
        let goes = *blank > BLANK || (trimmed.is_empty() && ending.is_empty() && mark.is_empty());
        let goal = goal(trimmed, &mut self.changes);
        if goes && !ending.is_empty() {
            self.changes.blank_lines += 1;
        } else if trimmed.len() < content.len() {
            self.changes.trailing += 1;
        }
        let new = match goal {
            _ if goes => None,
            None if trimmed.len() == content.len() => Some(Cow::Borrowed(line)),
            goal => Some(Cow::Owned([mark, goal.as_deref().unwrap_or(trimmed), ending].concat())),
        };
        self.step(new.as_deref().map(|new| new == line));
        self.old.push(line);
        self.new.extend(new);
    }

    /// How the next line goes: it stays or not, or there is nothing in its place.
    fn step(&mut self, stays: Option<bool>) {
        let (old_index, new_index) = (self.old.len(), self.new.len());
        match (self.steps.last_mut(), stays) {
            (Some(DiffOp::Equal { len, .. }), Some(true)) => *len += 1,
            (Some(DiffOp::Replace { old_len, new_len, .. }), Some(false)) => {
                *old_len += 1;
                *new_len += 1;
            }
            (Some(DiffOp::Delete { old_len, .. }), None) => *old_len += 1,
            (_, stays) => self.steps.push(match stays {
                Some(true) => DiffOp::Equal { old_index, new_index, len: 1 },
                Some(false) => DiffOp::Replace { old_index, old_len: 1, new_index, new_len: 1 },
                None => DiffOp::Delete { old_index, old_len: 1, new_index },
            }),
        }
    }
}

/// The lines of `text`, each with what ends it: a line feed, a carriage return or both, nothing at the end.
fn lines(mut text: &str) -> impl Iterator<Item = &str> {
    iter::from_fn(move || {
        let end = match text.find(['\r', '\n']) {
            Some(at) if text[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => text.len(),
        };
        let (line, rest) = text.split_at(end);
        text = rest;
        (!line.is_empty()).then_some(line)
    })
}

/// `line` with the goal that it states in today's form, if it states one in another.
fn goal(line: &str, changes: &mut Changes) -> Option<String> {
    let body = line.trim_start();
    let indentation = &line[..line.len() - body.len()];
    let (is_old, rest) = match body.strip_prefix("intent:") {
        Some(rest) => (true, rest),
        None => (false, body.strip_prefix("goal:")?),
    };
    let text = rest.trim_start();
    let space = &rest[..rest.len() - text.len()];
    let is_bare = !text.is_empty() && !is_quoted(text);
    changes.intents += usize::from(is_old);
    changes.quoted += usize::from(is_bare);
    let text = if is_bare { Cow::Owned(quoted(text)) } else { Cow::Borrowed(text) };
    (is_old || is_bare).then(|| format!("{indentation}goal:{space}{text}"))
}

/// Whether `text` is one string in double quotes, with at most a comment behind it.
fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"') else { return false };
    let mut escaped = false;
    let end = inner.find(|character| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    let behind = end.map(|end| &inner[end + 1..]);
    behind.is_some_and(|behind| {
        behind.is_empty() || behind.trim_start() != behind && behind.trim_start().starts_with('#')
    })
}

/// `text` in double quotes. Those inside get a backslash, but for those that have one; so does a backslash at the end, which
/// would take the closing ones for its own.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    let mut escaped = false;
    quoted.push('"');
    for character in text.chars() {
        if character == '"' && !escaped {
            quoted.push('\\');
        }
        escaped = character == '\\' && !escaped;
        quoted.push(character);
    }
    quoted.push_str(if escaped { "\\\"" } else { "\"" });
    quoted
}

/// A line of a diff. Tabs and the usual line endings are as they are, so that a diff of plain text can be applied; what else
/// a terminal would obey is spelled out, and so is what a runner of workflows would take for a command.
fn shown(tag: ChangeTag, line: &str) -> String {
    let (content, ending) = match line.strip_suffix('\n') {
        Some(content) => content.strip_suffix('\r').map_or((content, "\n"), |content| (content, "\r\n")),
        None if line.ends_with('\r') => (line, "\n"),
        None => (line, "\n\\ No newline at end of file\n"),
    };
    let content = content.split('\t').map(printable).collect::<Vec<_>>().join("\t");
    match content.trim_start().strip_prefix("::") {
        // Before a line that stays there is only a space, which a runner passes over.
        Some(rest) if tag == ChangeTag::Equal => {
            let indentation = &content[..content.len() - rest.len() - "::".len()];
            format!("{tag}{indentation}\\u{{3a}}:{rest}{ending}")
        }
        _ => format!("{tag}{content}{ending}"),
    }
}

#[cfg(test)]
mod tests;
