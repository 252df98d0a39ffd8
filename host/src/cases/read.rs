//! The two files of a case, read strictly.

use std::fmt;

use jiff::Timestamp;
use portcullis_sdk::Verdict;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use crate::text::printable;

/// The clock of a question that names none; the same as in the sdk's native tests, so that a case means the same there.
const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// What a gate is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its parameters; none are an empty object.
    pub params: Map<String, Value>,
    /// What it judges, as it was written.
    pub input: Box<RawValue>,
    /// Its clock; 2026-01-01T00:00:00Z unless the case says otherwise.
    pub now: Timestamp,
}

/// What a gate has to come to. What is `None` is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Verdict or fault.
    pub outcome: Expectation,
    /// The most fuel that the call may use, in units.
    pub fuel: Option<u64>,
}

/// What came of asking, as a case tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It answers.
    Answer {
        /// The verdict.
        verdict: Verdict,
        /// All its checks by name, and whether they hold; their order is not compared.
        checks: Option<Map<String, Value>>,
        /// The codes of its findings, in the order in which it gives them.
        codes: Option<Vec<String>>,
        /// Its sentence.
        summary: Option<String>,
    },
    /// It does not; the fault's stable code.
    Fault(String),
}

/// A case's file that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadCase {
    /// What is wrong, fit for a terminal.
    pub reason: String,
    /// The line, counted from 1; 0 when it is about the whole file.
    pub line: usize,
    /// The column in bytes, counted from 1; 0 when it is about the whole file.
    pub column: usize,
}

impl BadCase {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "case-malformed"
    }

    fn whole(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), line: 0, column: 0 }
    }
}

impl From<serde_json::Error> for BadCase {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let told = error.to_string();
        let reason = told.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&told);
        Self { reason: printable(reason), line, column }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionFile {
    #[serde(default)]
    params: Map<String, Value>,
    input: Box<RawValue>,
    now: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFile {
    verdict: Option<Verdict>,
    fault: Option<String>,
    checks: Option<Checks>,
    codes: Option<Vec<String>>,
    summary: Option<String>,
    fuel: Option<u64>,
}

/// Checks by name. A name that stands twice is an error: only one of the two would be compared.
struct Checks(Map<String, Value>);

impl<'de> Deserialize<'de> for Checks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Checks;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of checks, each true or false")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checks, A::Error> {
                let mut checks = Map::new();
                while let Some((id, passed)) = map.next_entry::<String, bool>()? {
                    if checks.contains_key(&id) {
                        return Err(A::Error::custom(format_args!("the check `{id}` stands twice")));
                    }
                    checks.insert(id, Value::Bool(passed));
                }
                Ok(Checks(checks))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

impl Question {
    /// Reads a `NAME.input.json`.
    ///
    /// # Errors
    /// When it is not JSON, has a key that is not one, or lacks `input`.
    pub fn read(bytes: &[u8]) -> Result<Self, BadCase> {
        let QuestionFile { params, input, now } = serde_json::from_slice(bytes)?;
        let now = match now {
            None => NOW,
            Some(text) => text
                .parse()
                .map_err(|_| BadCase::whole("`now` is no time of RFC 3339, such as 2026-01-01T00:00:00Z"))?,
        };
        Ok(Self { params, input, now })
    }
}

impl Expected {
    /// Reads a `NAME.expected.json`.
    ///
    /// # Errors
    /// When it is not JSON, has a key that is not one, or names both a verdict and a fault, or neither.
    pub fn read(bytes: &[u8]) -> Result<Self, BadCase> {
        let ExpectedFile { verdict, fault, checks, codes, summary, fuel } = serde_json::from_slice(bytes)?;
        let outcome = match (verdict, fault) {
            (Some(verdict), None) => {
                Expectation::Answer { verdict, checks: checks.map(|Checks(checks)| checks), codes, summary }
            }
            (None, Some(code)) if checks.is_none() && codes.is_none() && summary.is_none() => Expectation::Fault(code),
            (None, Some(_)) => return Err(BadCase::whole("a fault has no `checks`, `codes` or `summary`")),
            _ => return Err(BadCase::whole("one of `verdict` and `fault` has to be there, and not both")),
        };
        Ok(Self { outcome, fuel })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_needs_its_input_and_nothing_else() {
        let question = Question::read(br#"{"input": [1.50]}"#).expect("a question");
        assert_eq!((question.input.get(), question.params.len()), ("[1.50]", 0));
        assert_eq!(question.now.to_string(), "2026-01-01T00:00:00Z");
        let full = br#"{"params":{"a":1},"now":"2026-02-03T04:05:06Z","input":null}"#;
        let question = Question::read(full).expect("a question");
        assert_eq!((question.input.get(), question.now.to_string().as_str()), ("null", "2026-02-03T04:05:06Z"));
    }

    #[test]
    fn what_a_file_should_not_say_is_told_with_its_place() {
        let question = |text: &str| Question::read(text.as_bytes()).map(|_| ());
        let expected = |text: &str| Expected::read(text.as_bytes()).map(|_| ());
        let check = |found: Result<(), BadCase>, line: usize, reason: &str| {
            let bad = found.expect_err(reason);
            assert!(bad.line == line && bad.reason.contains(reason), "{bad:?}");
        };
        check(question(""), 1, "EOF");
        check(question("{}"), 1, "missing field `input`");
        check(question("{\n\"inputs\":1}"), 2, "unknown field `inputs`, expected one of `params`, `input`, `now`");
        check(question("{\"input\":1,\n\"params\":[]}"), 2, "invalid type: sequence");
        check(question(r#"{"input":1,"input":2}"#), 1, "duplicate field `input`");
        check(question(r#"{"input":1,"now":"yesterday"}"#), 0, "no time of RFC 3339");
        check(expected("{}"), 0, "one of `verdict` and `fault`");
        check(expected(r#"{"verdict":"pass","fault":"trap"}"#), 0, "one of `verdict` and `fault`");
        check(expected(r#"{"verdict":"passed"}"#), 1, "unknown variant `passed`");
        check(expected("{\"verdict\":\"pass\",\n\"feul\":3}"), 2, "unknown field `feul`");
        check(expected(r#"{"verdict":"pass","checks":{"a":true,"a":false}}"#), 1, "the check `a` stands twice");
        check(expected(r#"{"verdict":"pass","checks":["a"]}"#), 1, "an object of checks");
        check(expected(r#"{"fault":"trap","codes":[]}"#), 0, "a fault has no");
        check(expected("{\"verdict\":\"pass\",\"\u{1b}[31m\":3}"), 1, "control character");
        check(expected("{\"verdict\":\"pass\",\"\u{9b}31m\":3}"), 1, "unknown field `\\u{9b}31m`");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = (Question::read(&bytes), Expected::read(&bytes));
        }
    }
}
