//! `stdout_golden`: what a command wrote to standard output, against a text.

use portcullis_sdk::{
    evidence::{Look, RunAttempt, preview},
    prelude::*,
};
use serde::de::IgnoredAny;

/// How much of a line is kept, in characters.
const LINE: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// Whether white space at the end of both texts is no matter.
    #[serde(default)]
    trim_end: bool,
    /// What the command has to exit with.
    #[serde(default)]
    exit_code: i32,
}

#[derive(Deserialize)]
pub struct Input<'a> {
    #[serde(borrow)]
    run: RunAttempt<'a>,
    /// The text, to the byte.
    #[serde(borrow)]
    expected: Cow<'a, str>,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen<'a> {
    argv: &'a [String],
    exit_code: Option<i32>,
    outcome: &'a str,
    stdout_bytes: u64,
    expected_bytes: usize,
    difference: Option<Difference<'a>>,
}

/// The first line that differs, counted from 1. A text that has no such line has nothing in it.
#[derive(Serialize)]
struct Difference<'a> {
    line: usize,
    expected: Option<Cow<'a, str>>,
    found: Option<Cow<'a, str>>,
}

pub fn look<'a>(params: &Params, Input { run, expected }: &'a Input<'_>) -> Result<Look<Seen<'a>>, Fault> {
    let text = |text: &'a str| if params.trim_end { text.trim_end() } else { text };
    let (expected, found) = (text(expected), text(&run.stdout));
    if expected.is_empty() {
        return Err(Fault::bad_input("input: expected: an empty text expects nothing of the command"));
    }
    let difference = difference(expected, found);
    let trouble = match &difference {
        _ if !run.exited_with(params.exit_code) => Some(run.ending()),
        _ if run.stdout_cut => Some("standard output is cut".into()),
        Some(difference) => Some(format!("standard output differs in line {}", difference.line)),
        None => None,
    };
    let seen = Seen {
        argv: &run.argv,
        exit_code: run.exit_code,
        outcome: &run.outcome,
        stdout_bytes: run.stdout_bytes,
        expected_bytes: expected.len(),
        difference,
    };
    let summary = trouble.clone().unwrap_or_else(|| "standard output is as expected".into());
    Ok(Look { passed: trouble.is_none(), summary, took: run.took, seen })
}

fn difference<'a>(expected: &'a str, found: &'a str) -> Option<Difference<'a>> {
    if expected == found {
        return None;
    }
    let (mut expected, mut found, mut line) = (expected.split('\n'), found.split('\n'), 1);
    loop {
        match (expected.next(), found.next()) {
            (expected, found) if expected != found || expected.is_none() => {
                let shown = |line: Option<&'a str>| line.map(|line| preview(line, LINE));
                return Some(Difference { line, expected: shown(expected), found: shown(found) });
            }
            _ => line += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_line_that_differs_is_found_to_the_byte() {
        for (expected, found, line) in [
            ("a\nb\n", "a\nb\n", None),
            ("a\nb\n", "a\nb", Some(3)),
            ("a\nb", "a\nb\n", Some(3)),
            ("a\nb\n", "a\nB\n", Some(2)),
            ("a\r\n", "a\n", Some(1)),
            ("a\n\n", "a\n", Some(3)),
            ("a ", "a", Some(1)),
            ("a", "", Some(1)),
        ] {
            assert_eq!(difference(expected, found).map(|difference| difference.line), line, "{expected:?} {found:?}");
        }
    }
}
