//! The decision record: everything that decided, named so that it can be proved and replayed.
//!
//! Field names follow the in-toto verification summary where it has one. Sections that nothing fills are there with their
//! empty value, so that a reader need not tell "absent" from "empty".

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    agents::{AgentRecord, ErrorBudgetRecord, ViolationRecord},
    combine::{Decision, NextAction, Reason, Ruling},
    completion::{CompletionRecord, completion},
    gate::{GateOutcome, GateResult, SignOff},
};
use crate::{
    agent::StageStatus,
    digest::Digest,
    manifest::{Completion, Enforcement, FailOn},
    trust::{Freshness, Standing},
};

/// What is known of a run apart from its gates.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// The run's name.
    pub run_id: String,
    /// The run's fixed clock: as of when signatures and windows were judged.
    pub time_verified: Timestamp,
    /// When it started.
    pub started_on: Timestamp,
    /// When it ended.
    pub finished_on: Timestamp,
    /// What the decision is about.
    pub subject: Vec<SubjectRecord>,
    /// The manifest.
    pub policy: PolicyRecord,
    /// The trust root.
    pub trust: TrustRecord,
    /// The revocation list.
    pub revocations: RevocationsRecord,
    /// Everything that was judged.
    pub inputs: Vec<InputRecord>,
    /// What findings were compared with.
    pub baseline: Vec<BaselineRecord>,
    /// What has to be shown before the work is complete, where the manifest asks.
    pub completion: Option<Completion>,
    /// What came of the stages.
    pub stages: Vec<StageRecord>,
    /// Where agents were remembered, where there are any.
    pub state: Option<StateRecord>,
    /// What became of the agents.
    pub agents: Vec<AgentRecord>,
}

/// `decision.json`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The version of this format: 1.
    pub schema_version: u32,
    /// The run's name.
    pub run_id: String,
    /// What was decided.
    pub decision: Ruling,
    /// The same as the verification summary says it: `PASSED` on a go, else `FAILED`.
    pub verification_result: &'static str,
    /// The exit status of the run: the decision's, whatever completion comes to.
    pub exit_code: u8,
    /// Whether the work is complete; nothing where the manifest does not ask.
    pub completion: Option<CompletionRecord>,
    /// Who decided.
    pub verifier: VerifierRecord,
    /// The run's fixed clock.
    #[serde(serialize_with = "rfc3339")]
    pub time_verified: Timestamp,
    /// When it started.
    #[serde(serialize_with = "rfc3339")]
    pub started_on: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    pub finished_on: Timestamp,
    /// What the decision is about.
    pub subject: Vec<SubjectRecord>,
    /// The manifest.
    pub policy: PolicyRecord,
    /// The trust root.
    pub trust: TrustRecord,
    /// The revocation list.
    pub revocations: RevocationsRecord,
    /// Everything that was judged.
    pub inputs: Vec<InputRecord>,
    /// The baselines that findings were compared with; nothing where there are none.
    pub baseline: Option<Vec<BaselineRecord>>,
    /// How many gates came to what.
    pub summary: Summary,
    /// The stages, in the order in which they ran.
    pub stages: Vec<StageRecord>,
    /// Where agents were remembered, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateRecord>,
    /// The agents that ran, or were to, in the order of their stages.
    pub agents: Vec<AgentRecord>,
    /// The gates, in the manifest's order.
    pub gates: Vec<GateResult>,
    /// Sign-offs that counted, in the order of the gates.
    pub approvals: Vec<ApprovalRecord>,
    /// Rules of the pipeline that were broken: those that agents broke, then what gates saw besides.
    pub violations: Vec<ViolationRecord>,
    /// The agents' budgets of errors.
    pub error_budget: ErrorBudgetRecord,
    /// Why it was decided so.
    pub reasons: Vec<Reason>,
    /// What to do next.
    pub next_actions: Vec<NextAction>,
}

impl Record {
    /// The record of a run that came to `decision` over `gates`.
    #[must_use]
    pub fn new(run: RunFacts, decision: Decision, gates: Vec<GateResult>) -> Self {
        let RunFacts {
            run_id,
            time_verified,
            started_on,
            finished_on,
            subject,
            policy,
            trust,
            revocations,
            inputs,
            baseline,
            completion: asked,
            stages,
            state,
            agents,
        } = run;
        let Decision { ruling, reasons, next_actions } = decision;
        let took = Duration::try_from(started_on.duration_until(finished_on)).unwrap_or_default();
        Self {
            schema_version: 1,
            run_id,
            decision: ruling,
            verification_result: if ruling == Ruling::Go { "PASSED" } else { "FAILED" },
            exit_code: ruling.exit_code(),
            completion: asked.map(|asked| completion(&asked, ruling, &gates)),
            verifier: VerifierRecord { id: "portcullis", version: env!("CARGO_PKG_VERSION") },
            time_verified,
            started_on,
            finished_on,
            subject,
            policy,
            trust,
            revocations,
            inputs,
            baseline: if baseline.is_empty() { None } else { Some(baseline) },
            summary: Summary::of(&gates, took),
            approvals: gates.iter().filter_map(ApprovalRecord::of).collect(),
            violations: ViolationRecord::all(&agents, &gates),
            error_budget: ErrorBudgetRecord::of(&agents),
            stages,
            state,
            agents,
            gates,
            reasons,
            next_actions,
        }
    }
}

/// What came of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageRecord {
    /// Its name in the manifest.
    pub id: String,
    /// What it does: `gate`, `parallel`, `condition` or `agent`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How it ended.
    pub status: StageStatus,
    /// Why it was skipped, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The side of a condition that was taken: `then` or `else`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<&'static str>,
}

/// Where agents were remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateRecord {
    /// The place, without what lets one in: `user` for the user's own, a path, or a server.
    pub place: String,
    /// What `--state` said, where that was asked for instead of what the manifest says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// The program that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifierRecord {
    /// Its name.
    pub id: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Digests by algorithm, as in-toto writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Digest,
}

impl From<Digest> for DigestSet {
    fn from(sha256: Digest) -> Self {
        Self { sha256 }
    }
}

/// What a decision is about, such as a commit or an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubjectRecord {
    /// Its name.
    pub name: String,
    /// Its digests by algorithm, such as `gitCommit`.
    pub digest: BTreeMap<String, String>,
}

impl SubjectRecord {
    /// What is called `name`: `git:` and a commit has the commit as its digest.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let digest = name.strip_prefix("git:").map(|commit| ("gitCommit".to_owned(), commit.to_owned()));
        Self { name: name.to_owned(), digest: BTreeMap::from_iter(digest) }
    }
}

/// The manifest that a run followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRecord {
    /// The pipeline's name in it.
    pub name: String,
    /// Where it was read, as the user named it.
    pub uri: String,
    /// Its bytes.
    pub digest: DigestSet,
}

/// The trust root that modules were verified against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustRecord {
    /// Where it was read.
    pub uri: String,
    /// Its bytes.
    pub digest: DigestSet,
    /// Its version, where it has one.
    pub version: Option<u64>,
    /// Its epoch, where it has one.
    pub epoch: Option<u64>,
    /// The root's payload; the bytes above, where that is what was written by hand.
    pub root: DigestSet,
}

/// The revocation list that modules were held against, and how well it told the present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationsRecord {
    /// `fresh`, `stale` or `unknown`; `none` where the trust file names no list.
    pub status: &'static str,
    /// The list; its fields are left out where there is none.
    #[serde(flatten)]
    pub list: Option<ListRecord>,
}

/// Which list it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListRecord {
    /// Which list.
    pub list_id: String,
    /// Its epoch.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// Its payload.
    pub digest: DigestSet,
    /// When it was issued.
    pub issued: String,
    /// When its time is over.
    pub expires: String,
    /// How old it was, in seconds.
    pub age_seconds: i64,
}

impl RevocationsRecord {
    /// What the record says of `standing`.
    #[must_use]
    pub fn of(standing: &Standing) -> Self {
        let list = standing.list().map(|list| ListRecord {
            list_id: list.list_id.clone(),
            epoch: list.epoch.get(),
            version: list.version.get(),
            digest: list.digest.into(),
            issued: list.issued.to_string(),
            expires: list.expires.to_string(),
            age_seconds: list.age.as_secs(),
        });
        let status = match (&list, standing.problem()) {
            (None, None) if !standing.names_list() => "none",
            _ => match standing.freshness() {
                Freshness::Fresh => "fresh",
                Freshness::Stale => "stale",
                Freshness::Unknown => "unknown",
            },
        };
        Self { status, list }
    }
}

/// One thing that gates judged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputRecord {
    /// The name of the evidence, or the pattern of `each`.
    pub name: String,
    /// The kind of its source: `file`, `files`, `value`, `env`, `command`, `http`; or `each`, for files that a validator
    /// looked at.
    pub kind: String,
    /// Where it came from; nothing for a value in the manifest.
    pub uri: Option<String>,
    /// `completed`, or what kept it from that.
    pub outcome: String,
    /// The code of why it is no evidence that a gate may judge; nothing where it is.
    pub error: Option<String>,
    /// Its bytes as they were read; nothing where nothing was seen.
    pub digest: Option<DigestSet>,
    /// How many bytes.
    pub size_bytes: Option<u64>,
    /// When collecting it began; nothing where it was read while gates ran.
    #[serde(serialize_with = "rfc3339_if_any", deserialize_with = "time_if_any")]
    pub collected_on: Option<Timestamp>,
    /// How long collecting it took; written in milliseconds.
    #[serde(serialize_with = "milliseconds_if_any", deserialize_with = "duration_if_any")]
    pub duration_ms: Option<Duration>,
}

/// A baseline that a validator's findings were compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BaselineRecord {
    /// The gate.
    pub gate: String,
    /// Where it was read.
    pub uri: String,
    /// Its bytes.
    pub digest: DigestSet,
    /// Which findings decide.
    pub fail_on: FailOn,
    /// Findings that it does not have.
    pub new: usize,
    /// Findings that it has.
    pub unchanged: usize,
}

/// An approval that counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRecord {
    /// The gate whose review it turned into a pass.
    pub gate: String,
    /// The approver's name in the trust file.
    pub approver: String,
    /// The key that signed.
    pub key_id: String,
    /// Its payload: its identity.
    pub digest: DigestSet,
    /// Why, in the approver's words.
    pub reason: String,
    /// When it was made.
    pub issued: String,
    /// When its time is over.
    pub expires: String,
}

impl ApprovalRecord {
    fn of(gate: &GateResult) -> Option<Self> {
        let SignOff { approver, key_id, approval, reason, issued, expires } = gate.sign_off.clone()?;
        let gate = gate.gate.name.clone();
        Some(Self { gate, approver, key_id, digest: approval.into(), reason, issued, expires })
    }
}

/// How many gates came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All of them.
    pub gates: usize,
    /// Gates that passed.
    pub passed: usize,
    /// Gates that failed, advisory ones included.
    pub failed: usize,
    /// Advisory gates that failed.
    pub advisory_failed: usize,
    /// Gates that wait for a person.
    pub review: usize,
    /// Gates whose question did not arise.
    pub not_applicable: usize,
    /// Gates that were not asked.
    pub skipped: usize,
    /// Gates that gave no verdict.
    pub faults: usize,
    /// How long the run took, in milliseconds.
    pub duration_ms: f64,
}

impl Summary {
    fn of(gates: &[GateResult], took: Duration) -> Self {
        let mut summary = Self { gates: gates.len(), duration_ms: milliseconds(took), ..Self::default() };
        for gate in gates {
            let count = match gate.outcome {
                GateOutcome::Pass => &mut summary.passed,
                GateOutcome::Fail => &mut summary.failed,
                GateOutcome::Review => &mut summary.review,
                GateOutcome::NotApplicable => &mut summary.not_applicable,
                GateOutcome::Skipped(_) | GateOutcome::NotTaken(_) => &mut summary.skipped,
                GateOutcome::Fault(_) => &mut summary.faults,
            };
            *count += 1;
            if gate.outcome == GateOutcome::Fail && gate.gate.enforcement == Enforcement::Advisory {
                summary.advisory_failed += 1;
            }
        }
        summary
    }
}

/// A duration in milliseconds, to the microsecond.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

fn milliseconds_if_any<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(milliseconds).serialize(serializer)
}

fn rfc3339<S: Serializer>(timestamp: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(timestamp)
}

fn rfc3339_if_any<S: Serializer>(timestamp: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    timestamp.map(|timestamp| timestamp.to_string()).serialize(serializer)
}

fn duration_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let milliseconds = Option::<f64>::deserialize(deserializer)?;
    // Whole microseconds were written; a number that is none of a time comes to nothing or to the longest one.
    Ok(milliseconds.map(|milliseconds| Duration::from_micros((milliseconds * 1_000.0).round() as u64)))
}

fn time_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let time = Option::<String>::deserialize(deserializer)?;
    time.map(|time| time.parse().map_err(D::Error::custom)).transpose()
}
