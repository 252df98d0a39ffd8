//! From what probes saw to completion.

use portcullis_sdk::RuntimeEvidence;
use proptest::prelude::*;

use super::*;
use crate::{
    decision::{
        GateFacts,
        samples::{answer, bare, fault, gate},
    },
    judge::Cause,
};

/// `mode kinds gate=kind…`, as in `product headless_run,api_smoke a=headless_run`.
fn asked(text: &str) -> Completion {
    const KINDS: [&str; 4] = ["headless_run", "api_smoke", "stdout_golden", "unit_tests"];
    let kind = |name: &str| KINDS.into_iter().find(|kind| *kind == name).expect("a kind");
    let mut words = text.split(' ');
    let mode = match words.next() {
        Some("product") => CompletionMode::ProductComplete,
        _ => CompletionMode::CodeComplete,
    };
    let kinds = words.next().unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(kind).collect();
    let probes =
        words.filter_map(|word| word.split_once('=')).map(|(gate, name)| (kind(name), gate.to_owned())).collect();
    Completion { mode, task_class: None, kinds, probes }
}

fn facts(name: &str) -> GateFacts {
    GateFacts { kind: Kind::Probe, ..gate(name) }
}

fn evidence(probe_kind: &str, passed: bool) -> RuntimeEvidence {
    let summary = format!("{probe_kind} was seen");
    let payload = serde_json::value::to_raw_value(&serde_json::json!({})).expect("JSON");
    RuntimeEvidence { probe_kind: probe_kind.to_owned(), passed, summary, duration_seconds: 0.5, payload }
}

/// Probes `a`, `b`, `c`… by what they came to: `+KIND-KIND` passed and failed evidence, `!` a fail for another reason, `x` a
/// fault, `s` skipped, `n` not applicable, `g` a gate that is no probe and passes.
fn probes(text: &str) -> Vec<GateResult> {
    let one = |(word, name): (&str, char)| {
        let facts = facts(&name.to_string());
        let mut seen = Vec::new();
        for (at, sign) in word.match_indices(['+', '-']) {
            let rest = &word[at + 1..];
            seen.push(evidence(&rest[..rest.find(['+', '-', '!']).unwrap_or(rest.len())], sign == "+"));
        }
        let outcome = match word {
            "x" => GateOutcome::Fault(fault(Cause::Evidence, "evidence `run` could not be collected")),
            "s" => GateOutcome::Skipped("needs gate `z`, which did not pass".to_owned()),
            "n" => GateOutcome::NotApplicable,
            "g" => return bare(gate(&name.to_string()), GateOutcome::Pass),
            _ if word.ends_with('!') || seen.iter().any(|evidence| !evidence.passed) => GateOutcome::Fail,
            _ => GateOutcome::Pass,
        };
        let mut result = bare(facts, outcome);
        result.evidence = seen;
        if word.ends_with('!') {
            result.violations = answer(r#"{"verdict":"fail","violations":[{"type":"SCOPE","detail":"d"}]}"#).violations;
        }
        result
    };
    text.split_whitespace().zip('a'..='z').map(one).collect()
}

fn told(asked_for: &str, gates: &str) -> String {
    let record = completion(&asked(asked_for), Ruling::Go, &probes(gates));
    let reasons: Vec<_> = record.reasons.iter().map(|reason| &*reason.code).collect();
    format!("{} {}", record.outcome.name(), reasons.join(",")).trim_end().to_owned()
}

#[test]
fn the_work_is_complete_once_all_that_is_asked_for_was_shown() {
    for (asked, gates, expect) in [
        ("product headless_run", "+headless_run", "complete"),
        ("product headless_run,api_smoke", "+headless_run +api_smoke", "complete"),
        ("product headless_run,api_smoke", "+headless_run+api_smoke g", "complete"),
        ("product", "+headless_run", "complete"),
        ("product headless_run", "-headless_run", "blocked probe-failed"),
        ("product headless_run", "+headless_run -headless_run", "blocked probe-failed"),
        ("product headless_run", "x", "blocked probe-faulted,probe-deferred"),
        ("product headless_run", "s", "blocked probe-faulted,probe-deferred"),
        ("product headless_run", "n", "incomplete probe-deferred"),
        ("product headless_run", "+headless_run x", "blocked probe-faulted"),
        ("product headless_run", "+headless_run -api_smoke", "blocked probe-failed"),
        ("product headless_run", "+headless_run!", "blocked probe-failed,probe-deferred"),
        ("product headless_run,api_smoke", "+headless_run", "incomplete probe-deferred"),
        ("product headless_run", "g", "incomplete probe-deferred"),
        ("product headless_run", "", "incomplete probe-deferred"),
        ("product headless_run", "+stdout_golden", "incomplete probe-deferred"),
        ("product", "g", "incomplete nothing-shown"),
        ("product", "n", "incomplete nothing-shown"),
        ("product", "-api_smoke", "blocked probe-failed,nothing-shown"),
    ] {
        assert_eq!(told(asked, gates), expect, "{asked} by {gates}");
    }
}

#[test]
fn code_is_complete_by_its_own_kinds() {
    for (asked, gates, expect) in [
        ("code unit_tests", "+unit_tests -api_smoke", "complete"),
        ("code unit_tests", "+unit_tests-api_smoke", "complete"),
        ("code unit_tests", "-unit_tests", "blocked probe-failed"),
        ("code unit_tests", "+unit_tests x", "blocked probe-faulted"),
        ("code unit_tests,api_smoke b=api_smoke", "+unit_tests x", "blocked probe-faulted"),
        ("code", "+unit_tests -api_smoke", "blocked probe-failed"),
        ("code unit_tests", "+api_smoke", "incomplete probe-deferred"),
    ] {
        assert_eq!(told(asked, gates), expect, "{asked} by {gates}");
    }
}

#[test]
fn a_kind_that_is_bound_to_a_gate_is_shown_by_that_gate_alone() {
    for (asked, gates, expect) in [
        ("product api_smoke a=api_smoke", "+api_smoke", "complete"),
        ("product api_smoke a=api_smoke", "+headless_run +api_smoke", "blocked probe-failed"),
        ("product api_smoke a=api_smoke", "x +api_smoke", "blocked probe-faulted"),
        ("product api_smoke a=api_smoke", "g", "blocked probe-faulted"),
        ("product api_smoke a=api_smoke", "n", "incomplete probe-deferred"),
        ("product api_smoke z=api_smoke", "+api_smoke", "incomplete probe-deferred"),
    ] {
        assert_eq!(told(asked, gates), expect, "{asked} by {gates}");
    }
}

#[test]
fn a_decision_that_is_no_go_is_never_complete() {
    for ruling in [Ruling::NoGo, Ruling::Blocked] {
        let record = completion(&asked("product headless_run"), ruling, &probes("+headless_run"));
        assert_eq!((record.outcome, &*record.reasons[0].code), (CompletionOutcome::Blocked, "decision-not-go"));
        assert_eq!(record.reasons[0].message, format!("the decision is {}", ruling.name()));
    }
}

#[test]
fn the_record_says_what_each_probe_came_to() {
    let record = completion(
        &asked("product headless_run,api_smoke,stdout_golden b=api_smoke"),
        Ruling::Go,
        &probes("+headless_run x -unit_tests s"),
    );
    let expect = serde_json::json!({
        "mode": "product_complete", "taskClass": null, "outcome": "blocked",
        "probes": [
            {"kind": "headless_run", "gate": "a", "status": "passed", "reason": "headless_run was seen"},
            {"kind": "api_smoke", "gate": "b", "status": "faulted",
                "reason": "evidence-missing: evidence `run` could not be collected"},
            {"kind": "unit_tests", "gate": "c", "status": "failed", "reason": "unit_tests was seen"},
            {"kind": null, "gate": "d", "status": "faulted", "reason": "needs gate `z`, which did not pass"},
            {"kind": "stdout_golden", "gate": null, "status": "deferred",
                "reason": "no probe of this run gives evidence of this kind"},
        ],
        "reasons": [
            {"code": "probe-faulted", "gate": "b",
                "message": "probe `api_smoke` of gate `b` gave no evidence: evidence-missing: evidence `run` could not be collected"},
            {"code": "probe-failed", "gate": "c", "message": "probe `unit_tests` of gate `c` failed: unit_tests was seen"},
            {"code": "probe-faulted", "gate": "d",
                "message": "probe of gate `d` gave no evidence: needs gate `z`, which did not pass"},
            {"code": "probe-deferred",
                "message": "probe `stdout_golden` is deferred: no probe of this run gives evidence of this kind"},
        ],
    });
    assert_eq!(serde_json::to_value(&record).expect("JSON"), expect);
}

#[test]
fn no_word_of_a_probe_reaches_a_terminal_as_a_command() {
    let mut gates = probes("-headless_run");
    gates[0].evidence[0].probe_kind = "a\u{1b}[31m".to_owned();
    gates[0].evidence[0].summary = "b\u{1b}[2J".to_owned();
    let record = completion(&asked("product headless_run"), Ruling::Go, &gates);
    let message = &record.reasons[0].message;
    assert!(message.contains("a\\u{1b}[31m") && message.contains("b\\u{1b}[2J"), "{message}");
}

proptest! {
    #[test]
    fn complete_means_that_each_kind_passed_and_nothing_speaks_against_it(
        mode in prop::sample::select(vec!["product", "code"]),
        kinds in prop::sample::subsequence(vec!["headless_run", "api_smoke", "unit_tests"], 0..=3),
        words in prop::collection::vec(
            prop::sample::select(vec!["+headless_run", "-headless_run", "+api_smoke-unit_tests", "+unit_tests+api_smoke", "x", "s", "n", "g", "+api_smoke!"]),
            0..5,
        ),
        go in any::<bool>(),
    ) {
        let (asked, gates) = (asked(&format!("{mode} {}", kinds.join(","))), probes(&words.join(" ")));
        let record = completion(&asked, if go { Ruling::Go } else { Ruling::NoGo }, &gates);
        let passed = |kind: &&str| {
            gates.iter().any(|gate| gate.evidence.iter().any(|seen| seen.passed && seen.probe_kind == *kind))
        };
        let silent = gates.iter().any(|gate| matches!(gate.outcome, GateOutcome::Fault(_) | GateOutcome::Skipped(_)));
        if record.outcome == CompletionOutcome::Complete {
            prop_assert!(go && !silent && kinds.iter().all(passed) && record.reasons.is_empty());
            prop_assert!(gates.iter().any(|gate| gate.evidence.iter().any(|seen| seen.passed)));
            prop_assert!(mode == "code" || gates.iter().all(|gate| gate.outcome != GateOutcome::Fail));
        } else {
            prop_assert!(!record.reasons.is_empty());
        }
    }
}
