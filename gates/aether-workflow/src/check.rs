//! The lines of a workflow, from the first to the last.

use portcullis_sdk::prelude::*;

use crate::{
    Params,
    advice::{self, Names},
    call,
    text::{find, lines, split_once, trim},
};

/// What a line is.
enum Line<'a> {
    /// Free text, or nothing that is checked.
    Free,
    /// `memory: CALL`.
    Memory(&'a str),
    /// `NAME: VALUE`.
    Assignment(&'a str, &'a str),
    /// `CALL`.
    Call(&'a str),
}

fn read(line: &str) -> Line<'_> {
    if let Some((name, value)) = split_once(line, b':') {
        match name.as_bytes() {
            b"goal" => return Line::Free,
            b"memory" => return Line::Memory(trim(value)),
            // What a line of control does is no value.
            [b'i', b'f', b' ', ..] | [b'f', b'o', b'r', b' ', ..] => {}
            _ => return Line::Assignment(trim(name), trim(value)),
        }
    }
    if line.ends_with(')') && find(line, b'(').is_some() { Line::Call(line) } else { Line::Free }
}

/// The most of a line that a message repeats, in bytes. What is longer is no workflow, and an answer has its bounds.
const MOST_QUOTED: usize = 4_000;
/// The most findings of a file: an answer has room for 10,000.
const MOST_FINDINGS: usize = 9_000;

/// Everything that is wrong with a workflow's text, in the order of its lines.
pub fn check(text: &str, params: &Params) -> Vec<Finding> {
    let mut names = Names::default();
    let mut findings = Vec::new();
    // A byte order mark is of the file, not of its first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(lines(text)) {
        let line = trim(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if findings.len() >= MOST_FINDINGS {
            let more = Finding::error("VALIDATION_ERROR", "there is more wrong behind this line than can be told");
            findings.push(more.numbered(25).on_line(number).fix("mend what is told, and look again"));
            return findings;
        }
        let before = findings.len();
        check_line(number, line, params, &mut findings);
        advice::advise(line, params, &mut names, &mut findings);
        for finding in findings.iter_mut().skip(before) {
            finding.line = Some(number);
        }
    }
    findings
}

/// A line that does not parse has no call to check: it gives one finding.
fn check_line(number: u32, line: &str, params: &Params, findings: &mut Vec<Finding>) {
    let called = match read(line) {
        Line::Free => return,
        Line::Assignment("", _) => {
            let error = parse_error("Parse error (assignment)", number, line);
            return findings.push(error.fix("write a name before the colon"));
        }
        Line::Call(call) if !call::is_balanced(call) => {
            let error = parse_error("Unbalanced parentheses", number, line);
            return findings.push(error.fix("close each `(` with one `)`"));
        }
        Line::Memory(call) | Line::Assignment(_, call) | Line::Call(call) => call,
    };
    if let Some(name) = call::name(called).filter(|name| !call::is_known(name, &params.builtins)) {
        let fix = match call::nearest(name, &params.builtins) {
            Some(known) => format!("write '{known}', or add '{name}' to the parameter `builtins`"),
            None => format!("call a built-in function, or add '{name}' to the parameter `builtins`"),
        };
        findings.push(Finding::error("VALIDATION_ERROR", format!("unknown function '{name}'")).numbered(25).fix(fix));
    }
}

fn parse_error(what: &str, number: u32, line: &str) -> Finding {
    let end = line.char_indices().map(|(at, _)| at).find(|at| *at > MOST_QUOTED);
    let (line, rest) = end.and_then(|end| line.split_at_checked(end)).map_or((line, ""), |(line, _)| (line, "…"));
    Finding::error("PARSE_ERROR", format!("{what} line {number}: {line}{rest}")).numbered(20)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `LINE CODE MESSAGE` of each finding.
    fn found(text: &str) -> Vec<String> {
        let findings = check(text, &Params::default());
        findings.iter().map(|f| format!("{} {} {}", f.line.expect("each has a line"), f.code, f.message)).collect()
    }

    #[test]
    fn each_rule_finds_what_it_says_and_no_more() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("\n  \n# foo(1)\n   # : x", &[]),
            ("goal: foo(1)", &[]),
            ("goal:", &[]),
            ("memory: store(1)", &[]),
            ("memory:\tfoo(1)", &["1 VALIDATION_ERROR unknown function 'foo'"]),
            ("memory: words", &[]),
            ("memory:", &[]),
            (": store(1)", &["1 PARSE_ERROR Parse error (assignment) line 1: : store(1)"]),
            ("\r\n  :  \r\n", &["2 PARSE_ERROR Parse error (assignment) line 2: :"]),
            ("x: y", &[]),
            ("x: store(1)", &[]),
            ("x: foo(a: b)", &["1 VALIDATION_ERROR unknown function 'foo'"]),
            ("x: foo((1)", &["1 VALIDATION_ERROR unknown function 'foo'"]),
            ("x: a foo(1)", &[]),
            ("x: (1)", &[]),
            ("x: foo(1) then", &[]),
            ("if x: foo(1)", &[]),
            ("for x in y: foo(1)", &[]),
            ("iffy: foo(1)", &["1 VALIDATION_ERROR unknown function 'foo'"]),
            ("store(1)", &[]),
            ("foo(1)", &["1 VALIDATION_ERROR unknown function 'foo'"]),
            ("Store(1)", &["1 VALIDATION_ERROR unknown function 'Store'"]),
            ("foo (1)", &[]),
            ("(1)", &[]),
            ("store((1)", &["1 PARSE_ERROR Unbalanced parentheses line 1: store((1)"]),
            ("  foo(1))  ", &["1 PARSE_ERROR Unbalanced parentheses line 1: foo(1))"]),
            ("store)1(", &[]),
            ("if foo((1)", &["1 PARSE_ERROR Unbalanced parentheses line 1: if foo((1)"]),
            ("anything else", &[]),
            ("\u{feff}# store((1)", &[]),
            (
                "a(1)\n\nb(2)\n:",
                &[
                    "1 VALIDATION_ERROR unknown function 'a'",
                    "3 VALIDATION_ERROR unknown function 'b'",
                    "4 PARSE_ERROR Parse error (assignment) line 4: :",
                ],
            ),
        ];
        for (text, expect) in cases {
            assert_eq!(found(text), *expect, "{text:?}");
        }
    }

    #[test]
    fn each_finding_says_what_to_do() {
        let fixes = |text: &str| {
            let fixes = check(text, &Params::default()).into_iter().map(|f| f.fix.expect("each has a fix"));
            fixes.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(fixes(": x"), "write a name before the colon");
        assert_eq!(fixes("store((1)"), "close each `(` with one `)`");
        assert_eq!(fixes("stroe(1)"), "write 'store', or add 'stroe' to the parameter `builtins`");
        assert_eq!(fixes("launch(1)"), "call a built-in function, or add 'launch' to the parameter `builtins`");
    }

    #[test]
    fn codes_carry_their_numbers() {
        let numbers: Vec<_> = check(":\nfoo(1)", &Params::default()).iter().map(|f| f.number).collect();
        assert_eq!(numbers, [Some(20), Some(25)]);
    }

    #[test]
    fn an_answer_keeps_its_bounds_whatever_the_file() {
        let long = check(&format!(": {}", "é".repeat(1 << 20)), &Params::default());
        assert!(long.iter().all(|finding| finding.message.len() < MOST_QUOTED + 100 && finding.message.ends_with('…')));
        let many = check(&":\n".repeat(20_000), &Params::default());
        assert_eq!((many.len(), many.last().and_then(|last| last.line)), (MOST_FINDINGS + 1, Some(9_001)));
    }

    #[test]
    fn functions_that_a_parameter_adds_exist() {
        let params = Params { builtins: vec!["foo".into()], ..Params::default() };
        assert!(check("foo(1)\nx: foo(2)\nmemory: foo(3)", &params).is_empty());
        assert_eq!(check("fo(1)", &params).len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_findings_come_in_the_order_of_lines(text in "([a-z():# \"=,.\\r\\n\u{feff}é]|goal:|if |for |memory:){0,80}") {
            let params = Params { unknown_variables: true, reserved_words: true, legacy: true, ..Params::default() };
            let all = check(&text, &params);
            prop_assert!(all.is_sorted_by_key(|finding| finding.line));
            // Advice never changes what decides.
            let deciding: Vec<_> = all.into_iter().filter(|finding| finding.number.is_some()).collect();
            prop_assert_eq!(deciding, check(&text, &Params::default()));
        }
    }
}
