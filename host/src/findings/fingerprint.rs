//! The names of findings (spec/workflow-findings.md, Fingerprints).

use std::{borrow::Cow, fmt, str::FromStr};

use portcullis_sdk::Finding;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Fingerprint, Fingerprints};
use crate::{
    digest::{Digest, hex, unhex},
    judge::ResultCode,
};

/// The text is not 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 16 hex digits, such as a1b2c3d4e5f67890")]
pub struct NotAFingerprint;

impl Fingerprints {
    /// The names of `finding` in the file at `path`; `content` is the line that it names, where it names one that is there.
    #[must_use]
    pub fn of(finding: &Finding, path: &str, content: Option<&str>) -> Self {
        let Finding { code, line, message, .. } = finding;
        let content = content.unwrap_or_default().trim();
        let path = path.replace('\\', "/");
        let v2 = Fingerprint::over(&format!("v2|{code}|{path}|{content}|{}", masked(first_line(message))));
        Self { v1: Fingerprint::v1(code, *line, message), v2 }
    }
}

impl Fingerprint {
    /// The name by the formula of older tools, over the code, the line and the first line of the message.
    #[must_use]
    pub fn v1(code: &str, line: Option<u32>, message: &str) -> Self {
        let line = line.map_or_else(|| "-".to_owned(), |line| line.to_string());
        Self::over(&format!("{code}|{line}|{}", first_line(message)))
    }

    fn over(text: &str) -> Self {
        let Digest(digest) = Digest::of(text.as_bytes());
        Self(std::array::from_fn(|index| digest[index]))
    }
}

/// Whether the tool failed, and not the file: neither a suppression nor a baseline makes such a finding pass.
#[must_use]
pub fn is_internal(finding: &Finding) -> bool {
    let internal = ResultCode::InternalError;
    finding.code == internal.name() || finding.number == Some(internal.number())
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// `message` with each `line N` as `line *`: where a finding stands is no part of what it is.
fn masked(message: &str) -> String {
    const WORD: &str = "line ";
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(WORD) {
        let (before, after) = rest.split_at(at + WORD.len());
        let is_word = !rest[..at].ends_with(char::is_alphanumeric);
        let behind = after.trim_start_matches(|character: char| character.is_ascii_digit());
        shown.push_str(before);
        if is_word && behind.len() < after.len() {
            shown.push('*');
            rest = behind;
        } else {
            rest = after;
        }
    }
    shown.push_str(rest);
    shown
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        unhex(text).map(Self).ok_or(NotAFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finding(code: &str, line: Option<u32>, message: &str) -> Finding {
        Finding { line, ..Finding::error(code, message) }
    }

    #[test]
    fn names_are_those_that_sha256sum_gives() {
        // printf 'PARSE_ERROR|12|Parse error (assignment) line 12: goal' | sha256sum
        let parse = finding("PARSE_ERROR", Some(12), "Parse error (assignment) line 12: goal\nmore");
        assert_eq!(Fingerprints::of(&parse, "a", None).v1.to_string(), "5c93e1c62ffe177c");
        // printf 'IO_ERROR|-|failed' | sha256sum
        assert_eq!(Fingerprint::v1("IO_ERROR", None, "failed").to_string(), "cba2f11185e924b9");
        // printf 'v2|PARSE_ERROR|flows/a.aether|: goal|Parse error (assignment) line *: : goal' | sha256sum
        let parse = finding("PARSE_ERROR", Some(3), "Parse error (assignment) line 3: : goal");
        for path in ["flows/a.aether", "flows\\a.aether"] {
            let names = Fingerprints::of(&parse, path, Some("\t: goal \r"));
            assert_eq!(names.v2.to_string(), "a02329df64a81c26", "{path}");
        }
    }

    #[test]
    fn a_fingerprint_reads_back_what_it_writes_and_nothing_else() {
        let written = Fingerprint([0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x78, 0x90]);
        assert_eq!(written.to_string(), "a1b2c3d4e5f67890");
        assert_eq!("A1B2c3d4e5f67890".parse(), Ok(written));
        assert_eq!(serde_json::from_str::<Fingerprint>("\"a1b2c3d4e5f67890\"").expect("read"), written);
        for text in ["", "a1b2", "a1b2c3d4e5f6789", "a1b2c3d4e5f678900", "g1b2c3d4e5f67890", "+1b2c3d4e5f67890", "ä"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NotAFingerprint), "{text}");
        }
    }

    #[test]
    fn a_lines_number_is_masked_and_nothing_else() {
        for (message, expect) in [
            ("Unbalanced parentheses line 7: f((", "Unbalanced parentheses line *: f(("),
            ("line 1 and line 22, line x, line ", "line * and line *, line x, line "),
            ("airline 5 stays, so does deadline 12", "airline 5 stays, so does deadline 12"),
            ("line line 5", "line line *"),
            ("unknown function 'f7'", "unknown function 'f7'"),
            ("line ٣", "line ٣"),
            ("", ""),
        ] {
            assert_eq!(masked(message), expect, "{message}");
        }
    }

    #[test]
    fn what_a_finding_is_about_is_in_its_name() {
        let one = finding("VALIDATION_ERROR", Some(1), "unknown function 'f'");
        let name = |finding: &Finding, path, content| Fingerprints::of(finding, path, content).v2;
        let known = name(&one, "a", Some("f()"));
        assert_ne!(known, name(&one, "b", Some("f()")), "the file");
        assert_ne!(known, name(&one, "a", Some("x: f()")), "the line's text");
        assert_ne!(known, name(&Finding { message: "unknown function 'g'".into(), ..one.clone() }, "a", Some("f()")));
        assert_ne!(known, name(&Finding { code: "PARSE_ERROR".into(), ..one.clone() }, "a", Some("f()")));
        assert_eq!(known, name(&Finding { message: "unknown function 'f'\nmore".into(), ..one }, "a", Some(" f()")));
    }

    #[test]
    fn a_failure_of_the_tool_is_known_by_its_name_and_by_its_number() {
        assert!(is_internal(&finding("INTERNAL_ERROR", None, "trap")));
        assert!(is_internal(&Finding { number: Some(27), ..finding("crash", None, "trap") }));
        assert!(!is_internal(&finding("PARSE_ERROR", None, "INTERNAL_ERROR")));
    }

    proptest! {
        #[test]
        fn v2_stays_when_lines_are_put_in_above(line in 1..9_999_u32, added in 0..9_999_u32, text in "[^\n]{0,40}") {
            let at = |line: u32| {
                finding("PARSE_ERROR", Some(line), &format!("Parse error (assignment) line {line}: {text}"))
            };
            let name = |line| Fingerprints::of(&at(line), "flows/a.aether", Some(&text));
            prop_assert_eq!(name(line).v2, name(line + added).v2);
            prop_assert_eq!(name(line).v1 == name(line + added).v1, added == 0);
        }

        #[test]
        fn any_finding_has_names_and_they_read_back(code in ".*", line: Option<u32>, message in ".*", path in ".*") {
            let names = Fingerprints::of(&finding(&code, line, &message), &path, None);
            prop_assert_eq!(names.v2.to_string().parse(), Ok(names.v2));
        }
    }
}
