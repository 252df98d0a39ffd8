//! Text → TOML, with every mistake of syntax told and doubled names told as what they are.

use toml::{
    Spanned,
    de::{DeTable, Error},
};

use super::problems::{Problems, quoted};
use crate::{diagnostic::Diagnostic, text::excerpt};

/// How the TOML parser words a name that is given twice; it has no type for it. A test holds it to that.
const DUPLICATE: &str = "duplicate key";

/// The document in `text`, or nothing where its syntax leaves unknown what it says. A name that is given twice is a
/// problem after which the rest can still be read.
pub(super) fn read<'t>(text: &'t str, problems: &mut Problems<'_>) -> Option<DeTable<'t>> {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    if errors.iter().all(|error| error.message() == DUPLICATE) {
        tell_duplicates(text, &errors, problems);
        return Some(Spanned::into_inner(document));
    }
    errors.retain(|error| error.message() != DUPLICATE);
    tell_first_of_each_line(text, &errors, problems);
    None
}

/// What follows the first mistake of a line is mostly its echo.
fn tell_first_of_each_line(text: &str, errors: &[Error], problems: &mut Problems<'_>) {
    let mut before: Option<usize> = None;
    for error in errors {
        let at = error.span().map_or(text.len(), |span| span.start);
        if before.is_none_or(|before| between(text, before, at, "\n").is_some()) {
            problems.add(at, Diagnostic::new("toml-syntax", excerpt(error.message(), 200)));
        }
        before = Some(at);
    }
}

/// A table that is given twice is one problem; that its keys are then doubled too is no news.
fn tell_duplicates(text: &str, errors: &[Error], problems: &mut Problems<'_>) {
    let mut in_double_table: Option<usize> = None;
    for error in errors {
        let span = error.span().unwrap_or_default();
        let name = quoted(text.get(span.clone()).unwrap_or_default());
        let help = "give one of them another name";
        let problem = match header(text, span.start).as_deref() {
            Some("[gate.") => Diagnostic::new("duplicate-gate", format!("two gates have the name {name}")).help(help),
            Some("[evidence.") => {
                let message = format!("two pieces of evidence have the name {name}");
                Diagnostic::new("duplicate-evidence", message).help(help)
            }
            Some("[agent.") => {
                Diagnostic::new("duplicate-agent", format!("two agents have the name {name}")).help(help)
            }
            Some(_) => Diagnostic::new("duplicate-key", format!("the table {name} is given twice")),
            None if in_double_table.is_some_and(|from| between(text, from, span.start, "\n[").is_none()) => {
                in_double_table = Some(span.start);
                continue;
            }
            None => {
                in_double_table = None;
                let message = format!("the key {name} is given twice");
                problems.add(span.start, Diagnostic::new("duplicate-key", message));
                continue;
            }
        };
        in_double_table = Some(span.start);
        problems.add(span.start, problem);
    }
}

/// Where `sign` stands between two bytes. Asked from mistake to mistake, so that all of them together cost one pass.
fn between(text: &str, from: usize, to: usize, sign: &str) -> Option<usize> {
    text.get(from..to).and_then(|text| text.find(sign))
}

/// What stands before the byte `at` on its line, without white space, if that is the start of a table's header.
fn header(text: &str, at: usize) -> Option<String> {
    const LONGEST: usize = 64;
    let before = text.as_bytes().get(..at)?.iter().rev().take_while(|byte| **byte != b'\n');
    let mut line: Vec<u8> = before.take(LONGEST + 1).copied().collect();
    if line.len() > LONGEST {
        return None;
    }
    line.reverse();
    line.retain(|byte| !byte.is_ascii_whitespace());
    let line = String::from_utf8(line).ok()?;
    (line.starts_with('[') && !line.contains(['=', ',', '{'])).then_some(line)
}
