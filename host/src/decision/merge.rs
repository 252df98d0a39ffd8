//! A validator over many files is one gate: what its files came to, as one result.

use portcullis_sdk::{Answer, Finding, Severity, Verdict};
use serde_json::{json, value::to_raw_value};

use super::gate::{GateFacts, GateOutcome, GateResult, failing_code};
use crate::{
    judge::{Cause, Fault, Judgement, Outcome, ResultCode, Usage},
    text::{counted, excerpt},
};

/// How many bytes of notes are kept over all files.
const NOTES: usize = 64 << 10;

/// What the files have come to so far.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    not_applicable: usize,
    faults: usize,
    first_fault: Option<Fault>,
}

impl GateResult {
    /// What a validator came to that was asked once a file: a fail if it fails one, else a fault if it faulted on one,
    /// else a pass. Files come in the order in which they are told, and each finding gets its file's path.
    #[must_use]
    pub fn from_files(gate: GateFacts, files: Vec<(String, Judgement)>) -> Self {
        let count = files.len();
        let mut tally = Tally::default();
        let mut result = Self::empty(gate, GateOutcome::Pass, ResultCode::Success);
        for (path, judgement) in files {
            let Judgement { outcome, usage, notes } = judgement;
            add(&mut result.usage, usage);
            if !notes.is_empty() && result.notes.len() + notes.len() <= NOTES {
                result.notes.push_str(&format!("{path}: {notes}\n"));
            }
            match outcome {
                Outcome::Answered(answer) => result.take(&mut tally, &path, answer),
                Outcome::Fault(fault) => result.fail_to_judge(&mut tally, &path, fault),
            }
        }
        result.details = to_raw_value(&json!({
            "files": count,
            "failed": tally.failed,
            "faulted": tally.faults,
            "not_applicable": tally.not_applicable,
        }))
        .ok();
        result.conclude(tally, count)
    }

    fn take(&mut self, tally: &mut Tally, path: &str, answer: Answer) {
        match answer.verdict {
            Verdict::Pass => tally.passed += 1,
            Verdict::NotApplicable => tally.not_applicable += 1,
            // A validator cannot ask for a review; counting one as anything but a fail would let it through.
            Verdict::Fail | Verdict::Review => tally.failed += 1,
        }
        self.checks.extend(answer.checks);
        self.findings
            .extend(answer.findings.into_iter().map(|finding| Finding { path: Some(path.to_owned()), ..finding }));
        self.violations.extend(answer.violations);
        for action in answer.next_actions {
            if !self.next_actions.contains(&action) {
                self.next_actions.push(action);
            }
        }
    }

    /// A fault on one file is told as a finding too, so that it is seen also where another file decides.
    fn fail_to_judge(&mut self, tally: &mut Tally, path: &str, fault: Fault) {
        let code = fault.cause.result_code();
        self.findings.push(Finding {
            code: code.name().to_owned(),
            number: Some(code.number()),
            severity: Severity::Error,
            message: format!("{}: {}", fault.cause.code(), fault.message),
            path: Some(path.to_owned()),
            line: None,
            pointer: None,
        });
        tally.faults += 1;
        tally.first_fault.get_or_insert(Fault { message: format!("{path}: {}", fault.message), ..fault });
    }

    fn conclude(mut self, tally: Tally, count: usize) -> Self {
        if count == 0 {
            let message = "no file matches, and a gate that judged nothing passes nothing".to_owned();
            let nothing = Self::faulted(self.gate, Fault { cause: Cause::Evidence, message });
            return Self { details: self.details, ..nothing };
        }
        if tally.failed > 0 {
            self.code = failing_code(&self.findings);
            self.outcome = GateOutcome::Fail;
            self.summary = format!("{} of {} failed", tally.failed, counted(count, "file", "files"));
        } else if let Some(mut fault) = tally.first_fault {
            if tally.faults > 1 {
                let more = counted(tally.faults - 1, "more file", "more files");
                fault.message = format!("{} (and {more})", excerpt(&fault.message, 1_000));
            }
            self.code = fault.cause.result_code();
            self.summary.clone_from(&fault.message);
            self.outcome = GateOutcome::Fault(fault);
        } else if tally.passed == 0 {
            self.outcome = GateOutcome::NotApplicable;
            self.summary = format!("none of {} is for this gate", counted(count, "file", "files"));
        } else {
            self.summary = format!("{} passed", counted(tally.passed, "file", "files"));
        }
        self
    }
}

fn add(sum: &mut Usage, usage: Usage) {
    sum.fuel = sum.fuel.saturating_add(usage.fuel);
    sum.fuel_limit = sum.fuel_limit.saturating_add(usage.fuel_limit);
    sum.memory_peak = sum.memory_peak.max(usage.memory_peak);
    sum.duration = sum.duration.saturating_add(usage.duration);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::decision::samples::{answer, fault, gate};

    const PASS: &str = r#"{"verdict":"pass","next_actions":["rest"]}"#;
    const WARN: &str = r#"{"verdict":"pass","findings":[{"code":"odd","severity":"warning","message":"m","line":1}],"next_actions":["rest"]}"#;
    const FAIL: &str = r#"{"verdict":"fail","findings":[{"code":"VALIDATION_ERROR","severity":"error","message":"m","line":2,"path":"/etc/passwd"}]}"#;
    const NOT: &str = r#"{"verdict":"not_applicable"}"#;
    const FAULT: &str = "";

    fn merged(files: &[&str]) -> GateResult {
        let usage = Usage { fuel: 10, fuel_limit: 100, memory_peak: 7, duration: Duration::from_millis(2) };
        let files = files.iter().enumerate().map(|(number, file)| {
            let outcome = match *file {
                FAULT => Outcome::Fault(fault(Cause::Trap, "unreachable")),
                json => Outcome::Answered(answer(json)),
            };
            (format!("{number}.aether"), Judgement { outcome, usage, notes: String::new() })
        });
        GateResult::from_files(gate("flows"), files.collect())
    }

    #[test]
    fn a_failed_file_decides_before_a_fault_and_a_fault_before_a_pass() {
        for (files, name, code, summary) in [
            (&[PASS, WARN][..], "pass", ResultCode::Success, "2 files passed"),
            (&[PASS, FAULT, FAIL], "fail", ResultCode::ValidationError, "1 of 3 files failed"),
            (&[PASS, FAULT], "fault", ResultCode::InternalError, "1.aether: unreachable"),
            (&[FAULT, FAULT, FAULT], "fault", ResultCode::InternalError, "0.aether: unreachable (and 2 more files)"),
            (&[NOT, PASS], "pass", ResultCode::Success, "1 file passed"),
            (&[NOT, NOT], "not_applicable", ResultCode::Success, "none of 2 files is for this gate"),
            (&[], "fault", ResultCode::IoError, "no file matches, and a gate that judged nothing passes nothing"),
        ] {
            let result = merged(files);
            assert_eq!(
                (result.outcome.name(), result.code, result.summary.as_str()),
                (name, code, summary),
                "{files:?}"
            );
        }
    }

    #[test]
    fn findings_carry_the_path_that_the_host_knows_and_usage_adds_up() {
        let result = merged(&[WARN, FAIL, FAULT]);
        let places: Vec<_> =
            result.findings.iter().map(|finding| (finding.path.as_deref(), finding.code.as_str())).collect();
        let expect =
            [(Some("0.aether"), "odd"), (Some("1.aether"), "VALIDATION_ERROR"), (Some("2.aether"), "INTERNAL_ERROR")];
        assert_eq!(places, expect);
        let usage = Usage { fuel: 30, fuel_limit: 300, memory_peak: 7, duration: Duration::from_millis(6) };
        assert_eq!(result.usage, usage);
        let details = result.details.expect("counts");
        assert_eq!(details.get(), r#"{"files":3,"failed":1,"faulted":1,"not_applicable":0}"#);
        assert_eq!(merged(&[PASS, WARN]).next_actions, ["rest"]);
    }
}
