//! What one gate came to, as the run hands it over and the record keeps it.

use portcullis_sdk::{Answer, Check, Finding, Json, Kind, RuntimeEvidence, Severity, Verdict, Violation};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Truth;
use crate::{
    digest::Digest,
    findings::{Found, decides},
    judge::{Cause, Fault, Judgement, Outcome, ResultCode, Usage},
    limits::{Exceeded, Limits},
    manifest::{Enforcement, FailOn},
    text::{counted, excerpt, grouped},
};

/// How much of a gate's own words a headline repeats, in characters.
const QUOTED: usize = 100;

/// What is known of a gate before it is asked.
#[derive(Clone, Debug)]
pub struct GateFacts {
    /// Its name in the plan.
    pub name: String,
    /// The kind in its signed bytes.
    pub kind: Kind,
    /// The stage that it belongs to.
    pub stage: String,
    /// Whether its outcome decides.
    pub enforcement: Enforcement,
    /// The module behind it.
    pub module: ModuleRecord,
    /// Its parameters.
    pub params: Map<String, Value>,
    /// The evidence that it judges, in the manifest's order.
    pub judged: Vec<Judged>,
    /// Its limits.
    pub limits: Limits,
}

/// A piece of evidence that a gate judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The member of the input that it is; nothing where it is the whole input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its name in the manifest.
    pub evidence: String,
    /// Of evidence that changes while an agent works, the digest of what this gate judged; the record's inputs have the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// Which module a gate is a use of, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleRecord {
    /// Its identity: the digest of what was signed.
    pub content_digest: Digest,
    /// The name in its metadata.
    pub name: String,
    /// The version in its metadata.
    pub version: String,
    /// The publisher whose keys signed it.
    pub publisher: String,
    /// Those keys.
    pub key_ids: Vec<String>,
}

/// What a gate came to. A verdict, a word of the host's, or a fault; nothing turns one into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateOutcome {
    /// It passed.
    Pass,
    /// It failed, and says why.
    Fail,
    /// A person has to look, and nobody has signed off.
    Review,
    /// The question does not arise.
    NotApplicable,
    /// It was not asked, with the reason.
    Skipped(String),
    /// It stands in a branch that was not taken, with the reason: nobody meant to ask it.
    NotTaken(String),
    /// It was asked, and gave no verdict.
    Fault(Fault),
}

impl GateOutcome {
    /// Its name in the record.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Review => "review",
            Self::NotApplicable => "not_applicable",
            Self::Skipped(_) | Self::NotTaken(_) => "skipped",
            Self::Fault(_) => "fault",
        }
    }

    /// What it is in a rule.
    #[must_use]
    pub fn truth(&self) -> Truth {
        match self {
            Self::Pass => Truth::True,
            Self::Fail => Truth::False,
            Self::Review | Self::NotApplicable | Self::NotTaken(_) => Truth::Neutral,
            Self::Skipped(_) | Self::Fault(_) => Truth::Unknown,
        }
    }
}

/// A gate with its outcome and everything that bears it out. Serializes as an entry of the record's `gates`.
#[derive(Clone, Debug)]
pub struct GateResult {
    /// What was known before.
    pub gate: GateFacts,
    /// What it came to.
    pub outcome: GateOutcome,
    /// The code of that.
    pub code: ResultCode,
    /// One sentence: the gate's own, or the host's where the gate has none.
    pub summary: String,
    /// Named checks, in the gate's order.
    pub checks: Vec<Check>,
    /// What is wrong, and where.
    pub findings: Vec<Found>,
    /// What a probe saw.
    pub evidence: Vec<RuntimeEvidence>,
    /// Rules of the pipeline that were broken.
    pub violations: Vec<Violation>,
    /// What to do next, in the gate's words.
    pub next_actions: Vec<String>,
    /// Anything else, as the gate wrote it.
    pub details: Option<Json>,
    /// The gate's notes on stderr; hostile text, and no part of the record.
    pub notes: String,
    /// What its calls used.
    pub usage: Usage,
    /// The approval that turned its review into a pass.
    pub sign_off: Option<SignOff>,
}

/// Whose signed word made a pass of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOff {
    /// The approver's name in the trust file.
    pub approver: String,
    /// The key that signed.
    pub key_id: String,
    /// The digest of the approval's payload: its identity.
    pub approval: Digest,
    /// Why, in the approver's words.
    pub reason: String,
    /// When it was made.
    pub issued: String,
    /// When its time is over.
    pub expires: String,
}

impl GateResult {
    /// What a gate came to that was asked once.
    #[must_use]
    pub fn from_judgement(gate: GateFacts, judgement: Judgement) -> Self {
        let Judgement { outcome, usage, notes } = judgement;
        let mut result = match outcome {
            Outcome::Answered(answer) => Self::answered(gate, answer),
            Outcome::Fault(fault) => Self::faulted(gate, fault),
        };
        (result.usage, result.notes) = (usage, notes);
        result
    }

    /// A gate that was not asked, and why.
    #[must_use]
    pub fn skipped(gate: GateFacts, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { summary: why.clone(), ..Self::empty(gate, GateOutcome::Skipped(why), ResultCode::GenericFailure) }
    }

    /// A gate in a branch that was not taken, and why it was not.
    #[must_use]
    pub fn not_taken(gate: GateFacts, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { summary: why.clone(), ..Self::empty(gate, GateOutcome::NotTaken(why), ResultCode::Success) }
    }

    /// A gate that gave no verdict, and why; also one that could not be asked, because what it judges is not to be had.
    #[must_use]
    pub fn faulted(gate: GateFacts, fault: Fault) -> Self {
        let code = fault.cause.result_code();
        Self { summary: fault.message.clone(), ..Self::empty(gate, GateOutcome::Fault(fault), code) }
    }

    /// The same, once somebody signed it off: a review becomes a pass and keeps what it said. Anything else stays what it
    /// is, for no word of a person's turns a fail or a fault into a pass, or one sign-off into another.
    #[must_use]
    pub fn signed_off(self, sign_off: SignOff) -> Self {
        if self.outcome != GateOutcome::Review {
            return self;
        }
        Self { outcome: GateOutcome::Pass, code: ResultCode::Success, sign_off: Some(sign_off), ..self }
    }

    pub(super) fn empty(gate: GateFacts, outcome: GateOutcome, code: ResultCode) -> Self {
        Self {
            gate,
            outcome,
            code,
            summary: String::new(),
            checks: Vec::new(),
            findings: Vec::new(),
            evidence: Vec::new(),
            violations: Vec::new(),
            next_actions: Vec::new(),
            details: None,
            notes: String::new(),
            usage: Usage::default(),
            sign_off: None,
        }
    }

    fn answered(gate: GateFacts, answer: Answer) -> Self {
        let Answer { verdict, summary, checks, findings, evidence, violations, next_actions, details } = answer;
        let code = code_of(verdict, &findings);
        let outcome = match verdict {
            Verdict::Pass => GateOutcome::Pass,
            Verdict::Fail => GateOutcome::Fail,
            Verdict::Review => GateOutcome::Review,
            Verdict::NotApplicable => GateOutcome::NotApplicable,
        };
        let empty = Self::empty(gate, outcome, code);
        let findings = findings.into_iter().map(Found::from).collect();
        Self { summary, checks, findings, evidence, violations, next_actions, details, ..empty }.summarised()
    }

    /// The same, with a summary where the gate gave none.
    pub(super) fn summarised(mut self) -> Self {
        if self.summary.trim().is_empty() {
            self.summary = self.headline();
        }
        self
    }

    /// The fault, where there is no verdict.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.outcome {
            GateOutcome::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// Whether it gave no verdict because the run was ended: then it has yet to be asked.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.fault().is_some_and(|fault| fault.cause == Cause::Interrupted)
    }

    /// Why it came to this, in one short line that is fit for a terminal: the first reason of a fail, and how many more.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.outcome {
            GateOutcome::Fail => self.failures(),
            GateOutcome::Fault(fault) => format!("{}: {}", fault.cause.code(), excerpt(&told(fault), QUOTED)),
            GateOutcome::Skipped(why) | GateOutcome::NotTaken(why) => excerpt(why, QUOTED),
            _ if !self.summary.trim().is_empty() => excerpt(&self.summary, QUOTED),
            GateOutcome::Review => "a person has to look".to_owned(),
            GateOutcome::NotApplicable => "the question does not arise".to_owned(),
            GateOutcome::Pass => match (self.checks.len(), self.evidence.len()) {
                (0, 0) => String::new(),
                (0, evidence) => counted(evidence, "probe passed", "probes passed"),
                (checks, _) => counted(checks, "check holds", "checks hold"),
            },
        }
    }

    fn failures(&self) -> String {
        // Of a probe the check is only the name, and what it saw says why.
        let is_told = |check: &Check| {
            check.failure.is_none() && self.evidence.iter().any(|it| !it.passed && it.probe_kind == check.id)
        };
        let checks = self
            .checks
            .iter()
            .filter(|check| !check.passed && !is_told(check))
            .map(|check| check.failure.as_ref().unwrap_or(&check.id).clone());
        // What is new comes first: where only that decides, nothing else does.
        let errors = |new: bool| {
            self.findings.iter().filter(move |it| decides(it, FailOn::Any) && decides(it, FailOn::New) == new)
        };
        let findings = errors(true).chain(errors(false));
        let findings = findings.map(|finding| format!("{} {}", finding.code, place(finding)).trim_end().to_owned());
        let evidence = self.evidence.iter().filter(|evidence| !evidence.passed).map(told_by_probe);
        let violations = self.violations.iter().map(|violation| violation.kind.clone());
        let mut failures = checks.chain(findings).chain(evidence).chain(violations);
        let first = failures.next().unwrap_or_default();
        match failures.count() {
            0 => excerpt(&first, QUOTED),
            more => format!("{} (+{more})", excerpt(&first, QUOTED)),
        }
    }
}

/// What a probe did not see as it should be: its kind, and why where it says that. Hostile text.
fn told_by_probe(RuntimeEvidence { probe_kind, summary, .. }: &RuntimeEvidence) -> String {
    if summary.trim().is_empty() { probe_kind.clone() } else { format!("{probe_kind}: {summary}") }
}

/// Where a finding is, as `path:line`, `line 3`, or a JSON pointer; empty where it has no place. Hostile text.
#[must_use]
pub(crate) fn place(finding: &Finding) -> String {
    match (&finding.path, finding.line, &finding.pointer) {
        (Some(path), Some(line), _) => format!("{path}:{line}"),
        (Some(path), None, Some(pointer)) => format!("{path}#{pointer}"),
        (Some(path), None, None) => path.clone(),
        (None, Some(line), _) => format!("line {line}"),
        (None, None, Some(pointer)) => pointer.clone(),
        (None, None, None) => String::new(),
    }
}

/// What happened, for people: with the amounts of a limit so that their size is seen. Hostile text.
#[must_use]
pub(crate) fn told(fault: &Fault) -> String {
    let Cause::Limit(exceeded) = fault.cause else { return fault.message.clone() };
    let Exceeded { limit, used, allowed } = exceeded;
    let amounts = format!("used {}, allowed {} {}", grouped(used), grouped(allowed), limit.unit());
    let plain = exceeded.to_string();
    if fault.message.contains(&plain) {
        fault.message.replace(&plain, &amounts)
    } else {
        format!("{}; {amounts}", fault.message)
    }
}

/// The code of a verdict: success unless it fails, else that of what it found.
#[must_use]
pub fn code_of(verdict: Verdict, findings: &[Finding]) -> ResultCode {
    if verdict == Verdict::Fail { failing_code(findings) } else { ResultCode::Success }
}

/// The code of a fail: its first parse error, else its first validation error, else that of its first error finding.
pub(super) fn failing_code<'f>(findings: impl IntoIterator<Item = &'f Finding> + Clone) -> ResultCode {
    let errors = || findings.clone().into_iter().filter(|finding| finding.severity == Severity::Error);
    let has = |code: ResultCode| errors().any(|finding| finding.code == code.name());
    for code in [ResultCode::ParseError, ResultCode::ValidationError] {
        if has(code) {
            return code;
        }
    }
    let first = errors().next().and_then(|finding| ResultCode::named(&finding.code));
    first.filter(|code| *code != ResultCode::Success).unwrap_or(ResultCode::GenericFailure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{answer, bare, fault, finding, gate, sign_off},
        findings::BaselineState,
        limits::Limit,
    };

    fn of(json: &str) -> GateResult {
        GateResult::answered(gate("a"), answer(json))
    }

    #[test]
    fn an_answer_becomes_an_outcome_with_a_code_and_a_headline() {
        let parse = r#"{"code":"PARSE_ERROR","severity":"error","message":"m","path":"b.aether","line":3}"#;
        let validation = r#"{"code":"VALIDATION_ERROR","severity":"error","message":"m","line":1}"#;
        let own = r#"{"code":"too-small","severity":"error","message":"m","pointer":"/a"}"#;
        let timeout = r#"{"code":"TIMEOUT_ERROR","severity":"error","message":"m"}"#;
        let quiet_parse = r#"{"code":"PARSE_ERROR","severity":"warning","message":"m"}"#;
        let fail = |findings: &[&str]| format!(r#"{{"verdict":"fail","findings":[{}]}}"#, findings.join(","));
        let probe = |check: &str, summary: &str| {
            let seen = r#""probe_kind":"stdout_golden","passed":false,"duration_seconds":1.0,"payload":{}"#;
            let checks = format!(r#"{{"id":"{check}","passed":false}}"#);
            format!(r#"{{"verdict":"fail","checks":[{checks}],"evidence":[{{{seen},"summary":"{summary}"}}]}}"#)
        };
        for (json, code, headline) in [
            (r#"{"verdict":"pass"}"#.to_owned(), ResultCode::Success, ""),
            (r#"{"verdict":"pass","checks":[{"id":"a","passed":true}]}"#.to_owned(), ResultCode::Success, "1 check holds"),
            (r#"{"verdict":"pass","summary":"all is\u001b well"}"#.to_owned(), ResultCode::Success, "all is\\u{1b} well"),
            (r#"{"verdict":"review"}"#.to_owned(), ResultCode::Success, "a person has to look"),
            (fail(&[validation, parse]), ResultCode::ParseError, "VALIDATION_ERROR line 1 (+1)"),
            (fail(&[own, validation]), ResultCode::ValidationError, "too-small /a (+1)"),
            (fail(&[quiet_parse, timeout]), ResultCode::TimeoutError, "TIMEOUT_ERROR"),
            (fail(&[own]), ResultCode::GenericFailure, "too-small /a"),
            (fail(&[parse]), ResultCode::ParseError, "PARSE_ERROR b.aether:3"),
            (
                r#"{"verdict":"fail","checks":[{"id":"a","passed":false,"failure":"a_missing"},{"id":"b","passed":false},{"id":"c","passed":true}]}"#.to_owned(),
                ResultCode::GenericFailure,
                "a_missing (+1)",
            ),
            (r#"{"verdict":"fail","violations":[{"type":"SCOPE_VIOLATION","detail":"d"}]}"#.to_owned(), ResultCode::GenericFailure, "SCOPE_VIOLATION"),
            (probe("other", "it differs in line 1"), ResultCode::GenericFailure, "other (+1)"),
            (probe("stdout_golden", "it differs in line 1"), ResultCode::GenericFailure, "stdout_golden: it differs in line 1"),
            (probe("stdout_golden", " "), ResultCode::GenericFailure, "stdout_golden"),
        ] {
            let result = of(&json);
            assert_eq!((result.code, result.headline().as_str()), (code, headline), "{json}");
        }
    }

    #[test]
    fn what_is_new_leads_where_some_of_it_was_there_before() {
        let found = |line, state| Found { state: Some(state), ..Found::from(finding("VALIDATION_ERROR", line)) };
        let mut result = bare(gate("a"), GateOutcome::Fail);
        result.findings = vec![found(1, BaselineState::Unchanged), found(2, BaselineState::New)];
        assert_eq!(result.headline(), "VALIDATION_ERROR flows/a.aether:2 (+1)");
        result.findings.truncate(1);
        assert_eq!(result.headline(), "VALIDATION_ERROR flows/a.aether:1");
    }

    #[test]
    fn a_fault_keeps_its_cause_and_takes_its_code_from_it() {
        let cause = Cause::Limit(Exceeded { limit: Limit::Fuel, used: 5, allowed: 5 });
        let result = GateResult::faulted(gate("a"), fault(cause, "it burned 5"));
        assert_eq!((result.code, result.outcome.truth()), (ResultCode::TimeoutError, Truth::Unknown));
        assert_eq!(result.headline(), "fuel-exhausted: it burned 5; used 5, allowed 5 units");
        let exceeded = Exceeded { limit: Limit::Memory, used: 1_234_567, allowed: 64_000 };
        let result = GateResult::faulted(gate("a"), fault(Cause::Limit(exceeded), &exceeded.to_string()));
        assert_eq!(result.headline(), "memory-limit: used 1,234,567, allowed 64,000 bytes");
    }

    #[test]
    fn only_a_review_is_signed_off_and_it_keeps_what_it_said() {
        let review = r#"{"verdict":"review","summary":"no audit log","details":{"events":0},"next_actions":["look"],
            "findings":[{"code":"LOG_MISSING","severity":"warning","message":"m"}]}"#;
        let (before, after) = (of(review), of(review).signed_off(sign_off("alice")));
        assert_eq!((&after.outcome, after.code), (&GateOutcome::Pass, ResultCode::Success));
        assert_eq!(after.sign_off, Some(sign_off("alice")));
        assert_eq!((&after.summary, &after.findings), (&before.summary, &before.findings));
        assert_eq!(after.headline(), before.headline());
        assert_eq!(after.signed_off(sign_off("bob")).sign_off, Some(sign_off("alice")), "the first one counts");
        let fault = fault(Cause::Trap, "unreachable");
        for outcome in [
            GateOutcome::Pass,
            GateOutcome::Fail,
            GateOutcome::NotApplicable,
            GateOutcome::Skipped("why".to_owned()),
            GateOutcome::Fault(fault),
        ] {
            let result = bare(gate("a"), outcome.clone()).signed_off(sign_off("alice"));
            assert_eq!((result.outcome, result.sign_off), (outcome, None));
        }
    }

    #[test]
    fn a_finding_called_success_never_makes_a_fail_a_success() {
        assert_eq!(failing_code(&[finding("SUCCESS", 1)]), ResultCode::GenericFailure);
    }
}
