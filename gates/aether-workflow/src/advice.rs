//! What is not wrong but could be better: notes, which decide nothing, each with its fix.

use portcullis_sdk::prelude::*;

use crate::{Params, call};

const RESERVED: [&str; 12] =
    ["if", "else", "elif", "for", "in", "while", "return", "and", "or", "not", "true", "false"];

/// The names that lines so far have assigned.
#[derive(Default)]
pub struct Names<'a>(Vec<&'a str>);

/// Adds what the parameters ask to be noted about a line, and remembers what it assigns.
pub fn advise<'a>(line: &'a str, params: &Params, names: &mut Names<'a>, findings: &mut Vec<Finding>) {
    if !(params.unknown_variables || params.reserved_words || params.legacy) {
        return;
    }
    let (name, value) = parts(line);
    if let Some(now) = successor(name).filter(|_| params.legacy) {
        let message = format!("`{name}:` is the former spelling");
        findings.push(Finding::note("LEGACY_KEY", message).fix(format!("write `{now}:`")));
    }
    if params.reserved_words && RESERVED.contains(&name) && !value.is_empty() {
        let message = format!("'{name}' is a word of the language");
        findings.push(Finding::note("RESERVED_WORD", message).fix("give the value another name"));
    }
    if params.unknown_variables {
        for unknown in unknown_variables(value, names) {
            let message = format!("unknown variable '{unknown}'");
            let fix = "assign it on a line before, or put the text in quotes";
            findings.push(Finding::note("UNKNOWN_VARIABLE", message).fix(fix));
        }
        names.0.extend(assigned(line, name));
    }
}

/// The name before the colon, if the line is an assignment or one of its former spellings, and the rest.
fn parts(line: &str) -> (&str, &str) {
    let control = line.starts_with("if ") || line.starts_with("for ");
    match line.split_once(':') {
        Some((name, value)) if !control => (name.trim(), value.trim()),
        _ => ("", line),
    }
}

fn successor(name: &str) -> Option<&'static str> {
    match name {
        "intent" => Some("goal"),
        "remember" => Some("memory"),
        _ => None,
    }
}

fn unknown_variables<'a>(value: &'a str, names: &Names<'_>) -> Vec<&'a str> {
    let mut unknown: Vec<&str> = Vec::new();
    if call::name(value).is_some() {
        for variable in call::variables(value) {
            if !names.0.contains(&variable) && !unknown.contains(&variable) {
                unknown.push(variable);
            }
        }
    }
    unknown
}

/// The names that a line gives a value: the one before its colon, or the one that `for` runs over.
fn assigned<'a>(line: &'a str, name: &'a str) -> Option<&'a str> {
    match line.strip_prefix("for ") {
        Some(rest) => rest.split_whitespace().next(),
        None => Some(name).filter(|name| !name.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::Finding;

    use crate::{Params, check::check};

    fn noted(text: &str) -> Vec<String> {
        let params = Params { unknown_variables: true, reserved_words: true, legacy: true, ..Params::default() };
        let notes = check(text, &params).into_iter().filter(|finding| finding.number.is_none());
        let shown = |f: Finding| {
            let fix = f.fix.expect("each has a fix");
            format!("{} {} {}; {fix}", f.line.expect("each has a line"), f.code, f.message)
        };
        notes.map(shown).collect()
    }

    #[test]
    fn advice_names_the_fix() {
        let unknown = |line, name| {
            format!(
                "{line} UNKNOWN_VARIABLE unknown variable '{name}'; assign it on a line before, or put the text in quotes"
            )
        };
        let legacy = |old, new| format!("1 LEGACY_KEY `{old}:` is the former spelling; write `{new}:`");
        let cases = [
            ("intent: tidy", vec![legacy("intent", "goal")]),
            ("remember: store(1)", vec![legacy("remember", "memory")]),
            ("intention: x\ngoal: intent: x", vec![]),
            ("in: 1", vec!["1 RESERVED_WORD 'in' is a word of the language; give the value another name".into()]),
            ("else:\nif x: 1", vec![]),
            ("store(a, a, \"b\")", vec![unknown(1, "a")]),
            ("a: 1\nstore(a)\nb: store(b)", vec![unknown(3, "b")]),
            ("for e in events:\nstore(e)\nmemory: store(memory)", vec![unknown(3, "memory")]),
            ("a: words (and b)", vec![]),
        ];
        for (text, expect) in cases {
            assert_eq!(noted(text), expect, "{text:?}");
        }
    }

    #[test]
    fn advice_is_off_unless_asked_for() {
        assert!(check("intent: x\nin: 1\nstore(a)", &Params::default()).is_empty());
    }
}
