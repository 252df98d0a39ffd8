//! A validator's input and answer.

use alloc::{borrow::Cow, boxed::Box, string::String};

use serde::Deserialize;

use super::draft::{Draft, common_methods};
use crate::{
    Answer, Fault, Finding, Kind, Part, Severity, Verdict,
    text::{Digits, joined},
};

/// What a validator is asked about: one document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Document<'a> {
    /// Its path, as the manifest's folder sees it.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// Its text.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

/// What is wrong with one document; the verdict is fail if a finding is an error, else pass.
#[derive(Clone, Debug)]
#[must_use]
pub struct Findings {
    draft: Box<Draft>,
    path: String,
}

impl Findings {
    /// Nothing found yet in `document`, whose path the findings get.
    pub fn new(document: &Document<'_>) -> Self {
        Self { draft: Draft::new(), path: document.path.clone().into_owned() }
    }

    /// One more finding.
    pub fn found(mut self, finding: Finding) -> Self {
        self.push(finding);
        self
    }

    /// One more finding, in place.
    pub fn push(&mut self, mut finding: Finding) {
        finding.path.get_or_insert_with(|| self.path.clone());
        self.draft.answer.findings.push(finding);
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.draft.answer.findings.is_empty()
    }

    common_methods!();
}

impl Extend<Finding> for Findings {
    fn extend<T: IntoIterator<Item = Finding>>(&mut self, findings: T) {
        for finding in findings {
            self.push(finding);
        }
    }
}

impl Part for Findings {
    const KIND: Kind = Kind::Validator;
    const HAS_EVIDENCE: bool = false;

    fn into_answer(self) -> Result<Answer, Fault> {
        let verdict = if self.draft.has_reason_to_fail() { Verdict::Fail } else { Verdict::Pass };
        let found = &self.draft.answer.findings;
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        let [found, errors] = [found.len(), errors].map(|count| Digits::of(count as u64));
        let summary = joined(&["findings: ", found.as_str(), ", errors among them: ", errors.as_str()]);
        self.draft.finish(verdict, summary)
    }
}

impl Finding {
    fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { code, number: None, severity, message, path: None, line: None, pointer: None, fix: None }
    }

    /// A finding that decides: its stable code and one sentence.
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A finding that is shown.
    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// Advice.
    pub fn note(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// The same finding, with its code's number.
    #[must_use]
    pub fn numbered(mut self, number: u32) -> Self {
        self.number = Some(number);
        self
    }

    /// The same finding, on a line counted from 1.
    #[must_use]
    pub fn on_line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// The same finding, with what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same finding, at a JSON pointer into the input.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_fails_and_findings_carry_the_path() {
        let document = Document { path: "a/b".into(), text: "".into() };
        let cases = [
            (Findings::new(&document), Verdict::Pass, "findings: 0, errors among them: 0"),
            (
                Findings::new(&document).found(Finding::note("N", "n")),
                Verdict::Pass,
                "findings: 1, errors among them: 0",
            ),
            (
                Findings::new(&document).found(Finding::error("E", "e")),
                Verdict::Fail,
                "findings: 1, errors among them: 1",
            ),
        ];
        for (findings, verdict, summary) in cases {
            let answer = findings.into_answer().expect("findings are an answer");
            assert_eq!((answer.verdict, answer.summary.as_str()), (verdict, summary));
            assert!(answer.findings.iter().all(|finding| finding.path.as_deref() == Some("a/b")));
        }
    }
}
