//! A run with every outcome in it, one with agents, and golden files.

use std::time::Duration;

use portcullis_sdk::Kind;

use super::Record;
use crate::{
    agent::{AgentStatus, Phase, ViolationType},
    decision::{
        AgentRecord, Decision, GateFacts, GateOutcome, GateResult, InputRecord, PolicyRecord, Reason,
        RevocationsRecord, Ruling, RunFacts, SignOff, TrustRecord, combine,
        samples::{advisory, agent, answer, fault, gate, output, violation},
    },
    digest::Digest,
    golden,
    judge::{Cause, Judgement, Outcome, Usage},
    limits::{Exceeded, Limit},
    manifest::Rule,
};

/// Compares with a file of the room's `testdata`.
#[track_caller]
pub(super) fn check_golden(name: &str, text: &str, golden: &str) {
    golden::check(&format!("report/testdata/{name}"), text, golden);
}

fn judged(gate: GateFacts, micros: u64, fuel: u64, outcome: Outcome) -> GateResult {
    let usage = Usage { fuel, fuel_limit: 50_000_000, memory_peak: 1_114_112, duration: Duration::from_micros(micros) };
    GateResult::from_judgement(gate, Judgement { outcome, usage, notes: String::new() })
}

fn answered(gate: GateFacts, micros: u64, fuel: u64, json: &str) -> GateResult {
    judged(gate, micros, fuel, Outcome::Answered(answer(json)))
}

/// The name of the runs.
const RUN: &str = "20260110T000000Z-1a2b";

/// The record of a run over `gates` in which all mandatory ones have to pass.
pub(super) fn decided(gates: Vec<GateResult>, strict_manual: bool) -> Record {
    let decision = combine(&Rule::All, &gates, strict_manual, RUN);
    recorded(decision, gates, Vec::new())
}

/// The record of a run that came to `decision`.
fn recorded(decision: Decision, gates: Vec<GateResult>, agents: Vec<AgentRecord>) -> Record {
    let time = |text: &str| text.parse().expect("a time");
    let run = RunFacts {
        run_id: RUN.into(),
        time_verified: time("2026-01-10T00:00:00Z"),
        started_on: time("2026-01-10T00:00:00.1Z"),
        finished_on: time("2026-01-10T00:00:00.1204Z"),
        subject: Vec::new(),
        policy: PolicyRecord {
            name: "release".into(),
            uri: "release.toml".into(),
            digest: Digest::of(b"manifest").into(),
        },
        trust: TrustRecord {
            uri: "trust.toml".into(),
            digest: Digest::of(b"trust").into(),
            version: None,
            epoch: None,
            root: Digest::of(b"trust").into(),
        },
        revocations: RevocationsRecord { status: "none", list: None },
        inputs: vec![InputRecord {
            name: "preflight".into(),
            kind: "file".into(),
            uri: Some("evidence/preflight.json".into()),
            outcome: "completed".into(),
            error: None,
            digest: Some(Digest::of(b"{}").into()),
            size_bytes: Some(2),
            collected_on: Some(time("2026-01-10T00:00:00.1Z")),
            duration_ms: Some(Duration::from_micros(1_250)),
        }],
        baseline: Vec::new(),
        completion: None,
        stages: Vec::new(),
        agents,
        state: None,
    };
    Record::new(run, decision, gates)
}

/// One mandatory gate, whose review nobody signed off.
pub(super) fn review_only(strict_manual: bool) -> Record {
    decided(
        vec![answered(gate("hmr_quiesce"), 300, 20, r#"{"verdict":"review","summary":"no audit log"}"#)],
        strict_manual,
    )
}

/// A gate whose review alice signed off.
pub(super) fn signed(gate: GateFacts) -> GateResult {
    let review = r#"{"verdict":"review","summary":"no audit log","details":{"events":0}}"#;
    let mut result = answered(gate, 300, 20, review);
    result.outcome = GateOutcome::Pass;
    result.sign_off = Some(SignOff {
        approver: "alice".into(),
        key_id: "k2".into(),
        approval: Digest::of(b"approval"),
        reason: "swap watched on |staging|".into(),
        issued: "2026-01-09T12:00:00Z".into(),
        expires: "2026-02-01T00:00:00Z".into(),
    });
    result
}

/// The whole go / no-go suite: a go in which a person signed the manual gate off.
pub(super) fn suite() -> Record {
    let pass = |name, micros, summary: &str, details: &str| {
        answered(
            gate(name),
            micros,
            40_000,
            &format!(r#"{{"verdict":"pass","summary":"{summary}","details":{details}}}"#),
        )
    };
    let services = r#"{"services":["memory_system","plugin_manager","aetherra_engine"],"missing":[]}"#;
    decided(
        vec![
            pass("launcher_smoke", 2_514_400, "3 of 3 services", services),
            pass("chat_sse_resume", 31_000, "resumed at 42", r#"{"last_id":41,"resumed_first":42,"monotonic":true}"#),
            pass("security_strict", 1_700, "risk score 0", "{}"),
            pass("memory_qfac", 900, "what was stored came back", "{}"),
            signed(gate("hmr_quiesce")),
            pass("agents_api", 1_200, "403 without a token, 200 with it", "{}"),
            pass("quality_gates", 40_100, "coverage 89.81 %, baseline 89.56 %", "{}"),
            pass("policy_privacy", 600, "header and event agree", "{}"),
        ],
        true,
    )
}

/// Every gate passes, but for an advisory one.
pub(super) fn go() -> Record {
    let smoke =
        answered(gate("launcher_smoke"), 1_240, 1_500_000, r#"{"verdict":"pass","checks":[{"id":"a","passed":true}]}"#);
    let agents = answered(gate("agents_api"), 900, 400, r#"{"verdict":"pass"}"#);
    let policy = r#"{"verdict":"fail","checks":[{"id":"header","passed":false,"failure":"policy_header_missing"}]}"#;
    decided(vec![smoke, agents, answered(advisory("policy_privacy"), 800, 9_000_000, policy)], false)
}

/// Every outcome once, with hostile words in them.
pub(super) fn record() -> Record {
    let readiness = GateFacts { kind: Kind::Readiness, ..gate("nemotron-readiness") };
    let flows = GateFacts { kind: Kind::Validator, ..gate("flows") };
    let probe = GateFacts { kind: Kind::Probe, stage: "probes".into(), ..gate("smoke") };
    let exceeded = Exceeded { limit: Limit::Fuel, used: 50_000_000, allowed: 50_000_000 };
    let fuel = Outcome::Fault(fault(Cause::Limit(exceeded), &format!("reached a limit, {exceeded}")));
    decided(
        vec![
            answered(
                readiness,
                1_240,
                1_500_000,
                r#"{"verdict":"pass","checks":[{"id":"run_id_present","passed":true},{"id":"records","passed":true}],
                "findings":[{"code":"odd","severity":"warning","message":"few records"}],"details":{"n": 1.10},"next_actions":["make finalize"]}"#,
            ),
            answered(
                flows,
                815,
                480_000,
                r#"{"verdict":"fail","summary":"2 of 3 calls \u001b[31mare unknown","findings":[
                {"code":"VALIDATION_ERROR","number":25,"severity":"error","message":"unknown function 'launch'","path":"flows/a.aether","line":12},
                {"code":"PARSE_ERROR","number":20,"severity":"error","message":"Parse error (assignment) line 3: : x\u202e|y","path":"flows/b.aether","line":3},
                {"code":"legacy-intent","severity":"note","message":"write `goal:`","path":"flows/b.aether","line":1}],
                "next_actions":["portcullis migrate flows/"]}"#,
            ),
            judged(gate("spinner"), 5_000_300, 50_000_000, fuel),
            judged(
                probe,
                400,
                700,
                Outcome::Answered(answer(
                    r#"{"verdict":"fail","evidence":[{"probe_kind":"headless_run","passed":false,"summary":"exit status 2",
                    "duration_seconds":0.4,"payload":{"argv":["./app","--smoke"]}}],
                    "violations":[{"type":"SCOPE_VIOLATION","detail":"wrote outside of its folder"}]}"#,
                )),
            ),
            answered(gate("hmr_quiesce"), 300, 20, r#"{"verdict":"review","summary":"no audit log"}"#),
            answered(gate("memory_qfac"), 250, 20, r#"{"verdict":"not_applicable","details":[1]}"#),
            GateResult::skipped(gate("agents_api"), "needs `spinner`, which gave no verdict"),
            answered(
                advisory("policy_privacy"),
                12_800,
                9_000_000,
                r#"{"verdict":"fail","checks":[{"id":"header","passed":false,"failure":"policy_header_missing"}],"details":{"keys":[]}}"#,
            ),
        ],
        false,
    )
}

/// Agents and what may become of them, with hostile words in all that is free text: one that went through with a warning, one
/// that was revoked, and one that another run drives.
pub(super) fn governed() -> Record {
    let pass = |name| answered(gate(name), 1_240, 400, r#"{"verdict":"pass"}"#);
    let scope = r#"{"verdict":"fail","violations":[{"type":"SCOPE_VIOLATION","detail":"wrote to /etc\u001b[2J"}]}"#;
    let gates = vec![
        pass("checks"),
        pass("plan_ok"),
        answered(advisory("tests_pass"), 900, 400, scope),
        GateResult::skipped(gate("linked"), "agent `tester` never came to VERIFY"),
    ];
    let mut builder = AgentRecord {
        phase: Some(Phase::Exit),
        verified: true,
        outputs: vec![output(Phase::Preflight), output(Phase::Execute), output(Phase::Package)],
        offences: 1,
        promotion: serde_json::from_str(r#"{"from":1,"to":2,"reason":"three clean runs\u001b[1A | <b>"}"#).ok(),
        violations: vec![violation(
            "builder",
            ViolationType::ScopeViolation,
            Some("tests_pass"),
            "wrote to /etc\\u{1b}[2J",
        )],
        ..agent("builder", AgentStatus::Completed)
    };
    builder.spent.total = 2;
    let planless = "went to work \u{1b}[2Jwithout ##[add-mask]an accepted plan";
    let mut tester = AgentRecord {
        phase: Some(Phase::Revoked),
        reason: Some(format!("APPLY_WITHOUT_PLAN: {planless}")),
        outputs: vec![output(Phase::Bootstrap)],
        revocation: serde_json::from_value(serde_json::json!({
            "agent_id": "tester", "run_id": RUN, "type": "APPLY_WITHOUT_PLAN", "severity": "critical",
            "reason": planless, "phase": "EXECUTE", "at": "2026-01-10T00:00:01Z",
        }))
        .ok(),
        violations: vec![
            violation("tester", ViolationType::ApplyWithoutPlan, None, planless),
            violation("tester", ViolationType::ErrorBudgetExceeded, None, "13 errors were made, 12 are allowed"),
        ],
        missing: vec!["its violation ERROR_BUDGET_EXCEEDED\u{202e}".to_owned()],
        ..agent("tester", AgentStatus::Revoked)
    };
    tester.spent.total = 13;
    let packer = AgentRecord {
        reason: Some("another run drives it: `agent:packer:lock` is held by |n2|\u{7}".to_owned()),
        hindrance: Some("agent-busy".to_owned()),
        ..agent("pack\u{1b}er", AgentStatus::Pending)
    };
    let reason =
        |code: &'static str, message: &str| Reason { code: code.into(), gate: None, message: message.to_owned() };
    let decision = Decision {
        ruling: Ruling::NoGo,
        reasons: vec![
            reason("agent-revoked", "agent `tester` was revoked: APPLY_WITHOUT_PLAN"),
            reason("agent-busy", "agent `packer` did not run: another run drives it"),
        ],
        next_actions: Vec::new(),
    };
    recorded(decision, gates, vec![builder, tester, packer])
}
