//! Calls: `NAME(…)`.

use portcullis_sdk::prelude::*;

use crate::text::{has_space, split_once};

const BUILTINS: [&str; 13] = [
    "reflect",
    "summarize",
    "load_logs",
    "store",
    "detect_anomalies",
    "escalate_to",
    "run_plugin",
    "evaluate_confidence",
    "self_heal",
    "narrate",
    "load_feature_index",
    "available_plugins",
    "check_confidence",
];

/// The name that `text` calls, if it is a call: it has a `(`, ends in `)`, and the name is not empty and without white space.
pub fn name(text: &str) -> Option<&str> {
    if !text.ends_with(')') {
        return None;
    }
    let (name, rest) = split_once(text, b'(')?;
    (rest.ends_with(')') && !name.is_empty() && !has_space(name)).then_some(name)
}

/// Whether a function of that name exists.
pub fn is_known(name: &str, more: &[String]) -> bool {
    BUILTINS.contains(&name) || more.iter().any(|known| known == name)
}

/// The function that somebody who wrote `name` may well have meant: one that is at most two letters away.
pub fn nearest<'a>(name: &str, more: &'a [String]) -> Option<&'a str> {
    let known = BUILTINS.into_iter().chain(more.iter().map(String::as_str));
    let near = known.map(|known| (distance(name, known), known)).filter(|(distance, _)| *distance <= 2);
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// How many bytes have to be put in, taken out or replaced to make one of the other (Levenshtein's distance). Names that
/// are far too long to be meant are far away.
fn distance(one: &str, other: &str) -> usize {
    if one.len().abs_diff(other.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (taken, byte) in (1..).zip(one.bytes()) {
        let mut before = taken - 1;
        let mut left = taken;
        row.iter_mut().take(1).for_each(|first| *first = taken);
        for (cell, known) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = before + usize::from(byte != known);
            before = *cell;
            left = changed.min(left + 1).min(before + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Whether there are as many `(` as `)`.
pub fn is_balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count()
}

/// The variables among a call's arguments: bare words outside quotes that are neither called, nor named arguments, nor
/// members of something else.
pub fn variables(call: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = call.split_once('(').map_or("", |(_, arguments)| arguments);
    let mut after_dot = false;
    while let Some(c) = rest.chars().next() {
        let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        if word.is_empty() {
            after_dot = c == '.';
            rest = if c == '"' || c == '\'' { after_quote(rest, c) } else { rest.strip_prefix(c).unwrap_or_default() };
            continue;
        }
        rest = rest.strip_prefix(word).unwrap_or_default();
        if !after_dot && !c.is_numeric() && !is_literal(word) && !names_something_else(rest) {
            found.push(word);
        }
        after_dot = false;
    }
    found
}

/// What follows a text in quotes; nothing, if it does not end.
fn after_quote(text: &str, quote: char) -> &str {
    text.splitn(3, quote).nth(2).unwrap_or_default()
}

fn is_literal(word: &str) -> bool {
    matches!(word, "true" | "false" | "null" | "True" | "False" | "None" | "and" | "or" | "not" | "in")
}

/// Whether the word before `rest` is a function's name or a named argument.
fn names_something_else(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('(') || (rest.starts_with('=') && !rest.starts_with("=="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_name_without_white_space_and_ends_with_its_parenthesis() {
        for (text, expect) in [
            ("f(1)", Some("f")),
            ("f()", Some("f")),
            ("f(g(1))", Some("f")),
            ("a.b(1)", Some("a.b")),
            ("f (1)", None),
            ("(1)", None),
            ("f(1", None),
            ("f(1) ", None),
            ("f", None),
        ] {
            assert_eq!(name(text), expect, "{text}");
        }
    }

    #[test]
    fn the_nearest_function_is_two_letters_away_at_most() {
        for (name, expect) in [
            ("store", Some("store")),
            ("stor", Some("store")),
            ("sore", Some("store")),
            ("Storee", Some("store")),
            ("notyfi", Some("notify")),
            ("x", None),
            ("storages", None),
        ] {
            assert_eq!(nearest(name, &["notify".into()]), expect, "{name}");
        }
    }

    #[test]
    fn variables_are_bare_words_among_the_arguments() {
        let cases: &[(&str, &[&str])] = &[
            ("f(a, b_1)", &["a", "b_1"]),
            ("f(1, 2x, true, None)", &[]),
            ("f(\"a b\", 'c', d)", &["d"]),
            ("f(a.b.c, key=value, x == y)", &["a", "value", "x", "y"]),
            ("f(g(h), i[j])", &["h", "i", "j"]),
            ("f(\"open, a)", &[]),
            ("é", &[]),
            ("f(größe)", &["größe"]),
        ];
        for (call, expect) in cases {
            assert_eq!(variables(call), *expect, "{call}");
        }
    }
}
