//! A validator over many files is one gate: what its files came to, as one result.

use portcullis_sdk::{Answer, Verdict};
use serde_json::{json, value::to_raw_value};

use super::gate::{GateFacts, GateOutcome, GateResult, failing_code};
use crate::{
    findings::{BaselineState, Found, Looked, decides},
    judge::{Cause, Fault, Judgement, Outcome, ResultCode, Usage},
    manifest::FailOn,
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
    /// What a validator came to that was asked once a file: a fail if it fails one by what decides under `fail_on`, else a
    /// fault if it faulted on one, else a pass. Files come in the order in which they are told.
    #[must_use]
    pub fn from_files(gate: GateFacts, files: Vec<(String, Looked)>, fail_on: FailOn) -> Self {
        let count = files.len();
        let mut tally = Tally::default();
        let mut result = Self::empty(gate, GateOutcome::Pass, ResultCode::Success);
        for (path, looked) in files {
            let failed = looked.fails(fail_on);
            let Looked { judgement: Judgement { outcome, usage, notes }, findings, .. } = looked;
            add(&mut result.usage, usage);
            if !notes.is_empty() && result.notes.len() + notes.len() <= NOTES {
                result.notes.push_str(&format!("{path}: {notes}\n"));
            }
            match outcome {
                Outcome::Answered(answer) => result.take(&mut tally, answer, failed),
                Outcome::Fault(fault) => {
                    tally.faults += 1;
                    tally
                        .first_fault
                        .get_or_insert_with(|| Fault { message: format!("{path}: {}", fault.message), ..fault });
                }
            }
            result.findings.extend(findings);
        }
        result.details = to_raw_value(&details(&result.findings, &tally, count)).ok();
        result.conclude(tally, count, fail_on)
    }

    fn take(&mut self, tally: &mut Tally, answer: Answer, failed: bool) {
        match answer.verdict {
            _ if failed => tally.failed += 1,
            Verdict::NotApplicable => tally.not_applicable += 1,
            // What it failed by is suppressed, or was there before.
            Verdict::Pass | Verdict::Fail | Verdict::Review => tally.passed += 1,
        }
        self.checks.extend(answer.checks);
        self.violations.extend(answer.violations);
        for action in answer.next_actions {
            if !self.next_actions.contains(&action) {
                self.next_actions.push(action);
            }
        }
    }

    fn conclude(mut self, tally: Tally, count: usize, fail_on: FailOn) -> Self {
        if count == 0 {
            let message = "no file matches, and a gate that judged nothing passes nothing".to_owned();
            let nothing = Self::faulted(self.gate, Fault { cause: Cause::Evidence, message });
            return Self { details: self.details, ..nothing };
        }
        if tally.failed > 0 {
            let deciding = self.findings.iter().filter(|found| decides(found, fail_on));
            self.code = failing_code(deciding.map(|found| &found.finding));
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

/// How many files came to what, and how many findings do not decide, where any do not.
fn details(findings: &[Found], tally: &Tally, count: usize) -> serde_json::Value {
    let mut details = json!({
        "files": count,
        "failed": tally.failed,
        "faulted": tally.faults,
        "not_applicable": tally.not_applicable,
    });
    let suppressed = findings.iter().filter(|found| found.suppressed.is_some()).count();
    let unchanged = findings.iter().filter(|found| found.state == Some(BaselineState::Unchanged)).count();
    for (name, number) in [("suppressed", suppressed), ("unchanged", unchanged)] {
        if number > 0 {
            details[name] = number.into();
        }
    }
    details
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

    use jiff::civil::date;

    use super::*;
    use crate::{
        decision::samples::{answer, fault, gate},
        digest::Digest,
        findings::{Document, Rules, suppressions::Used},
    };

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
            let path = format!("{number}.aether");
            let document = Document::of(Digest::of(b""), Vec::new());
            let rules = Rules { suppressions: None, known: None, fail_on: FailOn::Any, today: date(2026, 1, 10) };
            let judgement = Judgement { outcome, usage, notes: String::new() };
            let looked = Looked::at(&path, &document, judgement, &rules, &mut Used::default());
            (path, looked)
        });
        GateResult::from_files(gate("flows"), files.collect(), FailOn::Any)
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
