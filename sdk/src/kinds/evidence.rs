//! A probe's answer.

use alloc::{boxed::Box, string::String};

use serde::Serialize;

use super::draft::{Draft, common_methods, json};
use crate::{
    Answer, Fault, Kind, Part, RuntimeEvidence, Verdict,
    text::{Digits, joined},
};

/// What a run or a request did; the verdict is pass if there is evidence and all of it passed, else fail. Each piece
/// also stands as a check under its kind's name, so that a fail says why in the place where every gate says it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Evidence {
    draft: Box<Draft>,
}

impl Evidence {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self { draft: Draft::new() }
    }

    /// One more piece: what kind of look it was (such as `headless_run`), whether what was seen is as it should be, one
    /// sentence, how long it took in seconds, and what was seen.
    ///
    /// An empty kind, a duration that is negative or no number, and anything seen that is no JSON object make the
    /// answer a fault.
    pub fn saw<T: Serialize + ?Sized>(
        mut self,
        probe_kind: impl Into<String>,
        passed: bool,
        summary: impl Into<String>,
        seconds: f64,
        seen: &T,
    ) -> Self {
        let (probe_kind, summary) = (probe_kind.into(), summary.into());
        self.draft.check(probe_kind.clone(), passed, None);
        match json(seen) {
            Err(fault) => self.draft.spoil(fault),
            Ok(payload) => {
                let evidence = RuntimeEvidence { probe_kind, passed, summary, duration_seconds: seconds, payload };
                if let Some(what) = wrong_with(&evidence) {
                    self.draft.spoil(Fault::bad_answer(what));
                }
                self.draft.answer.evidence.push(evidence);
            }
        }
        self
    }

    common_methods!();
}

impl Default for Evidence {
    fn default() -> Self {
        Self::new()
    }
}

fn wrong_with(evidence: &RuntimeEvidence) -> Option<&'static str> {
    if evidence.probe_kind.is_empty() {
        return Some("evidence without a kind");
    }
    if !evidence.duration_seconds.is_finite() || evidence.duration_seconds.is_sign_negative() {
        return Some("evidence with a duration that is negative or no number");
    }
    if !evidence.payload.get().starts_with('{') {
        return Some("evidence with a payload that is no object");
    }
    None
}

impl Part for Evidence {
    const KIND: Kind = Kind::Probe;

    fn into_answer(mut self) -> Result<Answer, Fault> {
        if self.draft.answer.evidence.is_empty() {
            self.draft.check("something_seen".into(), false, Some("nothing_seen".into()));
        }
        let pieces = &self.draft.answer.evidence;
        let passed = pieces.iter().filter(|piece| piece.passed).count();
        let [passed, pieces] = [passed, pieces.len()].map(|count| Digits::of(count as u64));
        let summary = joined(&[passed.as_str(), " of ", pieces.as_str(), " pieces of evidence passed"]);
        let verdict = if self.draft.has_reason_to_fail() { Verdict::Fail } else { Verdict::Pass };
        self.draft.finish(verdict, summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [(&str, u8); 0] = [];

    fn object() -> std::collections::BTreeMap<&'static str, u8> {
        NOTHING.into_iter().collect()
    }

    #[test]
    fn passes_only_if_there_is_evidence_and_all_of_it_passed() {
        let ran = Evidence::new().saw("headless_run", true, "exit 0", 0.4, &object());
        let cases = [
            (ran.clone(), Verdict::Pass),
            (ran.saw("api_smoke", false, "status 500", 0.0, &object()), Verdict::Fail),
            (Evidence::new(), Verdict::Fail),
        ];
        for (evidence, verdict) in cases {
            let answer = evidence.into_answer().expect("evidence is an answer");
            assert_eq!(answer.verdict, verdict);
            assert_eq!(verdict == Verdict::Fail, answer.checks.iter().any(|check| !check.passed));
        }
    }

    #[test]
    fn evidence_that_the_host_would_refuse_is_a_fault_with_its_reason() {
        let cases = [
            (Evidence::new().saw("", true, "s", 0.0, &object()), "evidence without a kind"),
            (Evidence::new().saw("k", true, "s", -0.1, &object()), "duration"),
            (Evidence::new().saw("k", true, "s", f64::NAN, &object()), "duration"),
            (Evidence::new().saw("k", true, "s", 0.0, &[1]), "no object"),
        ];
        for (evidence, reason) in cases {
            let fault = evidence.into_answer().expect_err("it is no answer").to_string();
            assert!(fault.starts_with("bad answer: ") && fault.contains(reason), "{fault}");
        }
    }
}
