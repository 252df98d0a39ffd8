//! Where problems gather: each with its place in the text, told all together and in the text's order.

use std::path::Path;

use crate::{diagnostic::Diagnostic, files::shown, text::excerpt};

/// The most problems that are told of one manifest; a reader fixes no more in one go, and a hostile text has millions.
const MOST: usize = 100;
/// The most characters of a foreign text that a message quotes.
const QUOTED: usize = 64;
/// The most known names that a mistaken one is compared with.
const COMPARED: usize = 1_000;

/// The problems of one text.
pub(super) struct Problems<'s> {
    /// The text.
    pub(super) text: &'s str,
    file: String,
    found: Vec<(usize, Diagnostic)>,
    untold: usize,
}

impl<'s> Problems<'s> {
    /// None so far.
    pub(super) fn new(text: &'s str, path: &Path) -> Self {
        Self { text, file: shown(path), found: Vec::new(), untold: 0 }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// One more, at the byte `at` of the text unless it has a place of its own.
    pub(super) fn add(&mut self, at: usize, problem: Diagnostic) {
        if self.found.len() < MOST {
            self.found.push((at, problem));
        } else {
            self.untold += 1;
        }
    }

    /// One more: `name` is none of `known`, which are all the names of `what`.
    pub(super) fn add_unknown<'k>(
        &mut self,
        at: usize,
        (code, what): (&'static str, &str),
        name: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        if self.found.len() < MOST {
            self.add(at, unknown((code, what), name, known));
        } else {
            self.untold += 1;
        }
    }

    /// All of them, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(at, _)| *at);
        let (mut line, mut line_start) = (1, 0);
        let mut told = Vec::with_capacity(self.found.len() + 1);
        for (at, problem) in self.found {
            if problem.place.is_some() {
                told.push(problem);
                continue;
            }
            let before = self.text.get(..at).unwrap_or(self.text);
            let fresh = before.get(line_start..).unwrap_or_default();
            line += fresh.bytes().filter(|byte| *byte == b'\n').count();
            line_start += fresh.rfind('\n').map_or(0, |newline| newline + 1);
            let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
            told.push(problem.at(format!("{}:{line}:{column}", self.file)));
        }
        if self.untold > 0 {
            let message = format!("the manifest has {} more problems", self.untold);
            told.push(Diagnostic::new("more-problems", message).at(self.file));
        }
        told
    }
}

/// The problem that `name` is none of `known`, with the one that was probably meant or, where none is near, with all.
pub(super) fn unknown<'k>(
    (code, what): (&'static str, &str),
    name: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Diagnostic {
    let problem = Diagnostic::new(code, format!("unknown {what} {}", quoted(name)));
    if let Some(meant) = nearest(name, known.clone()) {
        return problem.help(format!("did you mean {}?", quoted(meant)));
    }
    let mut names: Vec<_> = known.take(13).map(quoted).collect();
    if names.len() > 12 {
        names[12] = "…".to_owned();
    }
    if names.is_empty() { problem } else { problem.help(format!("known here: {}", names.join(", "))) }
}

/// `text` in backticks, fit for a terminal and cut to a length that a message can carry.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", excerpt(text, QUOTED))
}

/// The known name that `name` is a slip of the fingers away from.
fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if name.len() > QUOTED {
        return None;
    }
    let length = name.chars().count();
    let reach = (length / 3).max(1);
    known
        .take(COMPARED)
        .filter(|candidate| candidate.len() <= QUOTED)
        .map(|candidate| (strsim::osa_distance(name, candidate), candidate))
        // One letter is a slip away from every other, which says nothing.
        .filter(|(distance, candidate)| *distance <= reach && *distance < length.min(candidate.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
