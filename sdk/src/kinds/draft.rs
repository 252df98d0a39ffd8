//! What the four kinds have in common: an answer without its verdict yet.

use alloc::{boxed::Box, string::String, vec::Vec};

use serde::Serialize;

use crate::{
    Answer, Check, Fault, Json, Severity, Verdict,
    json::Writer,
    text::{Digits, joined, let_go},
};

/// An answer that is being put together.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) answer: Answer,
    fault: Option<Fault>,
}

impl Draft {
    /// Boxed, because an answer goes through a gate's hands by value, from one method to the next.
    #[inline(never)]
    pub(crate) fn new() -> Box<Self> {
        let answer = Answer {
            verdict: Verdict::Fail,
            summary: String::new(),
            checks: Vec::new(),
            findings: Vec::new(),
            evidence: Vec::new(),
            violations: Vec::new(),
            next_actions: Vec::new(),
            details: None,
        };
        Box::new(Self { answer, fault: None })
    }

    /// The first thing that went wrong is what is told.
    pub(crate) fn spoil(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    pub(crate) fn check(&mut self, id: String, passed: bool, failure: Option<String>) {
        self.answer.checks.push(Check { id, passed, failure });
    }

    pub(crate) fn details<T: Serialize + ?Sized>(&mut self, details: &T) {
        match json(details) {
            Ok(details) => self.answer.details = Some(details),
            Err(fault) => self.spoil(fault),
        }
    }

    /// Whether something in it says no.
    pub(crate) fn has_reason_to_fail(&self) -> bool {
        self.answer.checks.iter().any(|check| !check.passed)
            || self.answer.findings.iter().any(|finding| finding.severity == Severity::Error)
            || !self.answer.violations.is_empty()
    }

    pub(crate) fn finish(mut self, verdict: Verdict, summary: String) -> Result<Answer, Fault> {
        if let Some(fault) = self.fault {
            let_go(self.answer);
            return Err(fault);
        }
        self.answer.verdict = verdict;
        if self.answer.summary.is_empty() {
            self.answer.summary = summary;
        }
        Ok(self.answer)
    }

    /// `2 of 3 checks hold`.
    pub(crate) fn check_count(&self) -> String {
        let passed = self.answer.checks.iter().filter(|check| check.passed).count();
        let count = self.answer.checks.len();
        joined(&[Digits::of(passed as u64).as_str(), " of ", Digits::of(count as u64).as_str(), " checks hold"])
    }
}

/// A value as a piece of JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Json, Fault> {
    let mut writer = Writer::new();
    value.serialize(&mut writer).map_err(Fault::bad_answer)?;
    writer.into_json().ok_or_else(|| Fault::bad_answer("it cannot be written as JSON"))
}

/// The methods that every kind's answer has.
macro_rules! common_methods {
    () => {
        /// One sentence for people, in place of the one that counts.
        pub fn summary(mut self, sentence: impl Into<alloc::string::String>) -> Self {
            self.draft.answer.summary = sentence.into();
            self
        }

        /// What to do next, one sentence; may be called again.
        pub fn next_action(mut self, sentence: impl Into<alloc::string::String>) -> Self {
            self.draft.answer.next_actions.push(sentence.into());
            self
        }

        /// Anything else that the record should keep. What cannot be written as JSON makes the answer a fault.
        pub fn details<T: serde::Serialize + ?Sized>(mut self, details: &T) -> Self {
            self.draft.details(details);
            self
        }
    };
}

pub(crate) use common_methods;
