//! From outcomes to a decision, rule by rule.

use proptest::prelude::*;

use super::*;
use crate::decision::{
    Expr,
    samples::{advisory, answer, bare, fault, gate, sign_off},
};

fn expr(text: &str) -> Rule {
    Rule::Expr(Expr::parse(text).expect(text))
}

/// Gates `a`, `b`, `c`…: `p`ass, `f`ail, `r`eview, `n`ot applicable, `s`kipped, `x` fault; a capital is advisory.
fn gates(outcomes: &str) -> Vec<GateResult> {
    let names = ('a'..='z').map(String::from);
    let result = |(letter, name): (char, String)| {
        let outcome = match letter.to_ascii_lowercase() {
            'p' => GateOutcome::Pass,
            'f' => GateOutcome::Fail,
            'r' => GateOutcome::Review,
            'n' => GateOutcome::NotApplicable,
            's' => GateOutcome::Skipped("needs `z`".to_owned()),
            'x' => GateOutcome::Fault(fault(Cause::Trap, "unreachable")),
            other => panic!("no outcome is called {other}"),
        };
        bare(if letter.is_ascii_uppercase() { advisory(&name) } else { gate(&name) }, outcome)
    };
    outcomes.chars().zip(names).map(result).collect()
}

#[test]
fn a_rule_makes_a_decision() {
    use Ruling::{Blocked, Go, NoGo};
    for (rule, outcomes, expect) in [
        (Rule::All, "pp", Go),
        (Rule::All, "pf", NoGo),
        (Rule::All, "px", Blocked),
        (Rule::All, "ps", Blocked),
        (Rule::All, "fx", NoGo),
        (Rule::All, "pn", Go),
        (Rule::All, "pr", Go),
        (Rule::All, "rn", Blocked),
        (Rule::All, "pFX", Go),
        (Rule::All, "P", Blocked),
        (Rule::All, "", Blocked),
        (Rule::Any, "pf", Go),
        (Rule::Any, "px", Go),
        (Rule::Any, "fx", Blocked),
        (Rule::Any, "ff", NoGo),
        (Rule::Any, "fP", NoGo),
        (Rule::Any, "", Blocked),
        (Rule::AtLeast(2), "ppf", Go),
        (Rule::AtLeast(2), "pff", NoGo),
        (Rule::AtLeast(2), "pfx", Blocked),
        (Rule::AtLeast(2), "pn", Blocked),
        (Rule::AtLeast(3), "pp", NoGo),
        (Rule::AtLeast(0), "", Blocked),
        (Rule::AtLeast(0), "f", NoGo),
        (expr("a && (b || c)"), "pfp", Go),
        (expr("a && !b"), "pf", Go),
        (expr("a && !b"), "px", Blocked),
        (expr("!a"), "r", Blocked),
        (expr("!a"), "n", Blocked),
        (expr("a"), "pff", Go),
        (expr("b || a"), "fP", Go),
        (expr("a && zz"), "p", Go),
        (expr("zz"), "p", Blocked),
        (expr("!at_least(2, a, b)"), "pr", Blocked),
    ] {
        assert_eq!(combine(&rule, &gates(outcomes), false, "run-1").ruling, expect, "{rule:?} over {outcomes}");
    }
}

#[test]
fn strict_manual_turns_an_unsigned_mandatory_review_into_a_no_go_whatever_the_rule() {
    use Ruling::{Blocked, Go, NoGo};
    for (rule, outcomes, expect) in [
        (Rule::All, "pr", NoGo),
        (Rule::All, "r", NoGo),
        (Rule::All, "xr", NoGo),
        (expr("!b"), "pr", NoGo),
        (expr("a"), "pr", NoGo),
        (Rule::All, "pR", Go),
        (Rule::All, "xR", Blocked),
        (Rule::All, "pp", Go),
    ] {
        let decision = combine(&rule, &gates(outcomes), true, "run-1");
        assert_eq!(decision.ruling, expect, "{rule:?} over {outcomes}");
        let unsigned = decision.reasons.iter().any(|reason| reason.code == "review-unsigned");
        assert_eq!(unsigned, expect == NoGo, "{rule:?} over {outcomes}");
    }
}

#[test]
fn reasons_name_what_stood_in_the_way() {
    for (rule, outcomes, expect) in [
        (Rule::All, "pp", vec![("rule-met", "rule `all` holds: 2 of 2 deciding gates passed")]),
        (
            Rule::All,
            "sx",
            vec![
                ("gate-skipped", "gate `a` did not run: needs `z`"),
                ("gate-fault", "gate `b` gave no verdict: trap: unreachable"),
            ],
        ),
        (Rule::All, "nr", vec![("nothing-passed", "no deciding gate passed or failed, and nothing is never a go")]),
        (Rule::All, "P", vec![("nothing-decides", "no gate that decides was selected")]),
        (
            Rule::AtLeast(2),
            "pn",
            vec![("rule-open", "rule `at_least = 2` cannot be told: 1 of 2 deciding gates passed")],
        ),
        (expr("!a"), "p", vec![("rule-not-met", "rule `!a` does not hold: 1 of 1 deciding gate passed")]),
        (
            Rule::Any,
            "fF",
            vec![
                ("gate-failed", "gate `a` failed: "),
                ("rule-not-met", "rule `any` does not hold: 0 of 1 deciding gate passed"),
            ],
        ),
    ] {
        let decision = combine(&rule, &gates(outcomes), false, "run-1");
        let reasons: Vec<_> = decision.reasons.iter().map(|reason| (&*reason.code, reason.message.as_str())).collect();
        assert_eq!(reasons, expect, "{rule:?} over {outcomes}");
    }
}

#[test]
fn a_failed_gate_is_told_with_its_first_failure_and_what_to_do() {
    let json = r#"{"verdict":"fail","checks":[{"id":"run_id","passed":false,"failure":"manifest_run_id_missing"},
        {"id":"b","passed":false},{"id":"c","passed":false}],"next_actions":["write a run id"]}"#;
    let judgement = crate::judge::Judgement {
        outcome: crate::judge::Outcome::Answered(answer(json)),
        usage: crate::judge::Usage::default(),
        notes: String::new(),
    };
    let decision = combine(&Rule::All, &[GateResult::from_judgement(gate("readiness"), judgement)], false, "run-1");
    assert_eq!(decision.reasons[0].message, "gate `readiness` failed: manifest_run_id_missing (+2)");
    assert_eq!(
        decision.next_actions,
        [NextAction { gate: Some("readiness".into()), agent: None, action: "write a run id".into() }]
    );
    assert_eq!(decision.exit_code(), 1);
}

#[test]
fn a_review_asks_for_a_sign_off_and_counts_as_passed_once_it_has_one() {
    for (rule, strict, expect) in [
        (Rule::All, true, Ruling::Go),
        (Rule::All, false, Ruling::Go),
        (Rule::AtLeast(2), false, Ruling::Go),
        (expr("a && b"), true, Ruling::Go),
        (expr("!b"), false, Ruling::NoGo),
    ] {
        let mut results = gates("pr");
        let asked = combine(&rule, &results, strict, "run-1").next_actions;
        let action = "sign it off: portcullis approve b --run run-1 --key KEY --expires TIME --reason TEXT";
        assert_eq!(asked, [NextAction { gate: Some("b".into()), agent: None, action: action.into() }]);
        results = results.into_iter().map(|result| result.signed_off(sign_off("alice"))).collect();
        let decision = combine(&rule, &results, strict, "run-1");
        assert_eq!((decision.ruling, decision.next_actions), (expect, Vec::new()), "{rule:?} {strict}");
    }
}

#[test]
fn a_fault_says_what_the_host_knows_to_do() {
    let cause = Cause::Limit(Exceeded { limit: Limit::Fuel, used: 9, allowed: 9 });
    let decision = combine(&Rule::All, &[GateResult::faulted(gate("spin"), fault(cause, "m"))], false, "run-1");
    assert_eq!(decision.exit_code(), 3);
    assert!(decision.next_actions[0].action.starts_with("raise `fuel` of gate `spin` in the manifest"));
}

proptest! {
    #[test]
    fn a_sign_off_changes_no_gate_but_a_review(outcomes in "[pfnsxPFNSX]{1,4}", rule in rule(), strict in any::<bool>()) {
        let before = gates(&outcomes);
        let signed: Vec<_> = before.iter().cloned().map(|result| result.signed_off(sign_off("alice"))).collect();
        prop_assert_eq!(combine(&rule, &before, strict, "run-1"), combine(&rule, &signed, strict, "run-1"));
    }

    #[test]
    fn a_go_survives_any_answer_of_a_gate_that_faulted(outcomes in "[pfrnsx]{1,4}", rule in rule(), place in 0..4_usize) {
        let mut results = gates(&outcomes);
        let place = place % results.len();
        results[place].outcome = GateOutcome::Fault(fault(Cause::Trap, "t"));
        if combine(&rule, &results, false, "run-1").ruling == Ruling::Go {
            for outcome in [GateOutcome::Pass, GateOutcome::Fail] {
                results[place].outcome = outcome;
                prop_assert_eq!(combine(&rule, &results, false, "run-1").ruling, Ruling::Go);
            }
        }
    }

    #[test]
    fn without_a_verdict_there_is_no_go(outcomes in "[rnsxRNSX]{0,4}", rule in rule(), strict in any::<bool>()) {
        let decision = combine(&rule, &gates(&outcomes), strict, "run-1");
        prop_assert!(decision.ruling != Ruling::Go);
        prop_assert!(!decision.reasons.is_empty());
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(vec![
        Rule::All,
        Rule::Any,
        Rule::AtLeast(0),
        Rule::AtLeast(2),
        expr("a"),
        expr("!a"),
        expr("!a || b"),
        expr("!(a && b) && !at_least(2, a, b, c)"),
        expr("at_least(1, !a, !b, c && d)"),
    ])
}

#[test]
fn objections_make_a_decision_worse_and_never_better() {
    let objection = |ruling, code: &'static str| Objection {
        ruling,
        reason: Reason { code: code.into(), gate: None, message: "m".to_owned() },
        next: Some(NextAction { gate: None, agent: Some("builder".to_owned()), action: "do it".to_owned() }),
    };
    let rulings = [Ruling::Go, Ruling::Blocked, Ruling::NoGo];
    let rank = |ruling| rulings.iter().position(|known| *known == ruling);
    for before in rulings {
        for objections in [&[][..], &[Ruling::Blocked], &[Ruling::NoGo], &[Ruling::NoGo, Ruling::Blocked]] {
            let reasons = vec![Reason { code: "rule-met".into(), gate: None, message: "m".to_owned() }];
            let decision = Decision { ruling: before, reasons, next_actions: Vec::new() };
            let against = decision.against(objections.iter().map(|ruling| objection(*ruling, "o")).collect());
            let worst = objections.iter().copied().chain([before]).max_by_key(|ruling| rank(*ruling));
            assert_eq!(Some(against.ruling), worst, "{before:?} {objections:?}");
            assert_eq!(against.next_actions.len(), objections.len());
            let keeps_its_reason = before != Ruling::Go || objections.is_empty();
            assert_eq!(against.reasons.iter().any(|reason| reason.code == "rule-met"), keeps_its_reason);
        }
    }
}
