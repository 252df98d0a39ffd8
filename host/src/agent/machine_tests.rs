//! Lives of agents, one rule at a time.

use super::{
    Agent, AgentLine, AgentStatus, Asked, Confidence, Effect, ErrorBudget, Event, Judged, OutputType, Phase,
    Remembered, Report, Setup, Snapshot, Spent, Tier, ViolationType, read_line,
    samples::{at, error, gamma, good_life, in_phase, judged, lived, output, phase, plan, setup, told, unjudged},
};

#[test]
fn a_good_life_goes_through_all_phases_and_tells_of_it() {
    let mut agent = Agent::new(setup());
    let mut all = Vec::new();
    for event in good_life() {
        all.extend(told(&agent.on(event, at(0))));
    }
    let expect = "say started, seen, say accepted BOOTSTRAP, keep alpha of BOOTSTRAP, say checkpoint, ask preflight, \
                  say accepted PREFLIGHT, say accepted PLAN, keep beta of PLAN, say checkpoint, ask plan, say accepted_plan, \
                  tell plan_created in PLAN, tell execution_started in EXECUTE, say accepted EXECUTE, keep beta of EXECUTE, \
                  say checkpoint, tell execution_complete in EXECUTE, ask verify, say accepted VERIFY, keep gamma of VERIFY, \
                  say checkpoint, say accepted PACKAGE, say accepted REPORT, say accepted EXIT, end Gently";
    assert_eq!(all.join(", "), expect);
    assert_eq!((agent.status(), agent.phase(), agent.deadline()), (AgentStatus::Completed, Some(Phase::Exit), None));
    let outputs: Vec<_> = agent.snapshot().outputs.iter().map(|output| output.phase).collect();
    assert_eq!(outputs, [Phase::Bootstrap, Phase::Execute, Phase::Verify]);
    // `done` out of REPORT is EXIT, and behind EXIT it changes nothing.
    let (agent, _) = lived(setup(), good_life().into_iter().take(15).chain([Event::Line(AgentLine::Done)]));
    assert_eq!((agent.status(), agent.phase()), (AgentStatus::Completed, Some(Phase::Exit)));
}

#[test]
fn each_way_out_of_the_order_is_its_own_violation() {
    let start = || vec![Event::Started];
    let until = |count: usize| good_life().into_iter().take(count).collect::<Vec<_>>();
    let without_plan = vec![
        Event::Started,
        phase(Phase::Bootstrap),
        phase(Phase::Preflight),
        judged(Asked::Preflight, true),
        phase(Phase::Plan),
    ];
    let refused_plan = [without_plan.clone(), vec![plan(None), judged(Asked::Plan, false)]].concat();
    let without_checks = vec![
        Event::Started,
        phase(Phase::Bootstrap),
        phase(Phase::Preflight),
        judged(Asked::Preflight, false),
        phase(Phase::Plan),
        plan(None),
        judged(Asked::Plan, true),
    ];
    let both = &["APPLY_WITHOUT_PLAN", "RUN_WITHOUT_CHECK"][..];
    let procedure = &["PROCEDURE_VIOLATION"][..];
    for (events, entered, expect) in [
        (without_plan, Phase::Execute, &["APPLY_WITHOUT_PLAN"][..]),
        (refused_plan, Phase::Execute, &["APPLY_WITHOUT_PLAN"]),
        (without_checks, Phase::Execute, &["RUN_WITHOUT_CHECK"]),
        (start(), Phase::Execute, both),
        (until(2), Phase::Execute, both),
        (start(), Phase::Preflight, procedure),
        (start(), Phase::Exit, procedure),
        (start(), Phase::Revoked, procedure),
        (until(2), Phase::Bootstrap, procedure),
        (until(2), Phase::Plan, procedure),
        (until(5), Phase::Preflight, procedure),
        (until(8), Phase::Plan, procedure),
        (until(8), Phase::Verify, procedure),
        (until(9), Phase::Execute, procedure),
        (until(9), Phase::Plan, procedure),
        (until(12), Phase::Execute, procedure),
        (until(12), Phase::Report, procedure),
        (until(15), Phase::Revoked, procedure),
    ] {
        let (mut agent, _) = lived(setup(), events);
        let before = agent.phase();
        let effects = agent.on(phase(entered), at(0));
        let recorded: Vec<_> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Record(violation) => {
                    assert_eq!(violation.phase, before);
                    Some(violation.rule.name().to_owned())
                }
                _ => None,
            })
            .collect();
        assert_eq!(recorded, expect, "{before:?} → {entered}");
        assert_eq!((agent.status(), agent.phase()), (AgentStatus::Revoked, Some(Phase::Revoked)));
    }
}

#[test]
fn a_critical_violation_revokes_tells_and_alerts_with_the_ledger_first() {
    let (_, effects) = lived(setup(), [Event::Started, phase(Phase::Bootstrap), phase(Phase::Execute)]);
    let expect = [
        "ledger APPLY_WITHOUT_PLAN",
        "say refused APPLY_WITHOUT_PLAN",
        "say revoked",
        "end AtOnce",
        "record APPLY_WITHOUT_PLAN revoked",
        "tell violation_detected in BOOTSTRAP",
        "alert APPLY_WITHOUT_PLAN",
        "record RUN_WITHOUT_CHECK revoked",
        "tell violation_detected in BOOTSTRAP",
        "alert RUN_WITHOUT_CHECK",
        "tell agent_revoked in REVOKED",
    ];
    assert_eq!(told(&effects), expect);
}

fn reported(kind: &str) -> Event {
    Event::Reported(vec![Report::of_gate("watcher", kind, "it did \u{1b}[2J")])
}

#[test]
fn what_gates_report_has_the_consequence_of_its_severity() {
    for (kind, before, expect) in [
        ("UNAUTHORIZED_PROD", 0, "ledger, say revoked, end, record, tell, alert, tell"),
        ("NEVER_HEARD_OF", 0, "ledger, say revoked, end, record, tell, alert, tell"),
        ("LOCK_EXPIRED", 0, "ledger, say revoked, end, record, tell, tell"),
        ("SCOPE_VIOLATION", 0, "say warning, record, tell"),
        ("SCOPE_VIOLATION", 1, "ledger, say revoked, end, record, tell, tell"),
        ("MISSING_ARTIFACT", 5, "say warning, record, tell"),
    ] {
        let remembered = Remembered { offences: before, ..Remembered::default() };
        let (mut agent, _) = lived(Setup { remembered, ..setup() }, [Event::Started]);
        let effects = agent.on(reported(kind), at(0));
        let words = told(&effects)
            .iter()
            .map(|line| {
                let count = if line.starts_with("say") { 2 } else { 1 };
                line.split(' ').take(count).collect::<Vec<_>>().join(" ")
            })
            .collect::<Vec<_>>();
        assert_eq!(words.join(", "), expect, "{kind} {before}");
        let revoked = agent.status() == AgentStatus::Revoked;
        assert_eq!(revoked, expect.starts_with("ledger"), "{kind}");
        let Some(Effect::Record(violation)) = effects.iter().find(|effect| matches!(effect, Effect::Record(_))) else {
            panic!("a record of {kind}")
        };
        assert_eq!((violation.rule.name(), violation.detail.as_str()), (kind, "it did \\u{1b}[2J"));
        assert_eq!(violation.gate.as_deref(), Some("watcher"));
    }
}

#[test]
fn what_is_reported_of_a_revoked_agent_is_kept_and_changes_nothing() {
    let (mut agent, _) = lived(setup(), [Event::Started, phase(Phase::Report)]);
    let reason = agent.reason().map(str::to_owned);
    let expect = ["record UNRECORDED_ROOT revoked", "tell violation_detected in REVOKED", "alert UNRECORDED_ROOT"];
    assert_eq!(told(&agent.on(reported("UNRECORDED_ROOT"), at(0))), expect);
    assert_eq!(agent.reason().map(str::to_owned), reason);
}

#[test]
fn a_second_offence_revokes_whatever_its_type_and_whenever_the_first_was() {
    let (mut agent, _) = lived(setup(), [Event::Started, reported("SCOPE_VIOLATION")]);
    assert_eq!((agent.status(), agent.remembered().offences), (AgentStatus::Starting, 1));
    agent.on(reported("FORBIDDEN_ACTION"), at(0));
    assert_eq!((agent.status(), agent.remembered().offences), (AgentStatus::Revoked, 2));
    // Two in one report are two.
    let reports = vec![
        Report::of_host(ViolationType::ScopeViolation, "one"),
        Report::of_host(ViolationType::ScopeViolation, "two"),
    ];
    let (agent, _) = lived(setup(), [Event::Started, Event::Reported(reports)]);
    assert_eq!(agent.status(), AgentStatus::Revoked);
}

#[test]
fn a_violation_in_a_judgement_counts_before_its_verdict() {
    let reports = vec![Report::of_gate("plan_ok", "BASELINE_MUTATION", "it did")];
    let judged = Event::Judged(Judged {
        asked: Asked::Plan,
        passed: true,
        faulted: false,
        verifies: true,
        reason: String::new(),
        reports,
    });
    let (agent, effects) = lived(setup(), good_life().into_iter().take(7).chain([judged]));
    assert_eq!(agent.status(), AgentStatus::Revoked);
    assert!(!told(&effects).iter().any(|line| line.contains("accepted")), "{effects:?}");
}

#[test]
fn an_ended_agent_stays_what_it_is_and_still_gets_into_the_ledger() {
    let failed = || vec![Event::Started, Event::Stopped("the run was interrupted".to_owned())];
    for (events, status) in [(good_life(), AgentStatus::Completed), (failed(), AgentStatus::Failed)] {
        let (mut agent, _) = lived(setup(), events);
        let phase = agent.phase();
        let effects = told(&agent.on(reported("UNRECORDED_ROOT"), at(0)));
        assert_eq!(effects.first().map(String::as_str), Some("ledger UNRECORDED_ROOT"));
        assert!(effects.contains(&"end AtOnce".to_owned()), "{effects:?}");
        assert_eq!((agent.status(), agent.phase()), (status, phase));
        assert!(told(&agent.on(output(OutputType::Gamma), at(0))).iter().all(|line| !line.starts_with("keep")));
    }
}

#[test]
fn errors_past_the_budget_revoke_and_no_earlier() {
    let (mut agent, _) = lived(setup(), [Event::Started, phase(Phase::Bootstrap)]);
    for number in 0..12 {
        agent.on(error(&format!("E{number}")), at(0));
        assert_eq!(agent.status(), AgentStatus::Running, "{number}");
    }
    let effects = agent.on(error("E12"), at(0));
    let expect = ["ledger ERROR_BUDGET_EXCEEDED", "say revoked", "end AtOnce", "record ERROR_BUDGET_EXCEEDED revoked"];
    assert_eq!(told(&effects)[..4], expect);
    assert_eq!(agent.reason(), Some("ERROR_BUDGET_EXCEEDED: 13 errors were made, 12 are allowed"));
    // What was spent before a stop is not given back by it.
    let spent = Spent { total: 12, ..Spent::default() };
    let remembered = Remembered { offences: 0, spent };
    let (mut agent, _) = lived(Setup { remembered, ..setup() }, [Event::Started]);
    agent.on(error("E"), at(0));
    assert_eq!(agent.status(), AgentStatus::Revoked);
    // One that comes with nothing left is not even greeted.
    let spent = Spent { total: 13, ..Spent::default() };
    let remembered = Remembered { offences: 0, spent };
    let (agent, effects) = lived(Setup { remembered, ..setup() }, [Event::Started]);
    assert_eq!(agent.status(), AgentStatus::Revoked);
    assert!(!told(&effects).contains(&"say started".to_owned()));
}

#[test]
fn a_second_procedure_violation_of_a_reinstated_agent_is_past_its_budget_too() {
    let spent = Spent { procedure: 1, ..Spent::default() };
    let remembered = Remembered { offences: 0, spent };
    let (agent, effects) = lived(Setup { remembered, ..setup() }, [Event::Started, phase(Phase::Report)]);
    let records: Vec<_> = told(&effects).into_iter().filter(|line| line.starts_with("record")).collect();
    assert_eq!(records, ["record PROCEDURE_VIOLATION revoked", "record ERROR_BUDGET_EXCEEDED revoked"]);
    assert_eq!(agent.remembered().spent.procedure, 2);
}

#[test]
fn what_is_refused_is_an_error_unless_the_host_holds_the_agent() {
    let bad = || Event::BadLine(read_line(b"nonsense").expect_err("bad"));
    for (reached, event, code, counts) in [
        (Phase::Bootstrap, bad(), "MALFORMED_LINE", 1),
        (Phase::Bootstrap, plan(None), "OUT_OF_TURN", 1),
        (Phase::Execute, plan(None), "OUT_OF_TURN", 1),
        (Phase::Execute, output(OutputType::Gamma), "OUTPUT_TYPE", 1),
        (Phase::Execute, output(OutputType::Alpha), "OUTPUT_TYPE", 1),
        (Phase::Execute, Event::Line(AgentLine::Acknowledge("x".to_owned())), "OUT_OF_TURN", 1),
        (Phase::Execute, promotion(1), "NOT_THE_NEXT_TIER", 1),
        (Phase::Execute, promotion(3), "NOT_THE_NEXT_TIER", 1),
        (Phase::Exit, phase(Phase::Bootstrap), "ENDED", 0),
    ] {
        let (mut agent, _) = match reached {
            Phase::Exit => lived(setup(), good_life()),
            _ => (in_phase(reached), Vec::new()),
        };
        assert_eq!(told(&agent.on(event, at(0))), [format!("say refused {code}")]);
        assert_eq!(agent.remembered().spent.total, counts, "{code}");
    }
    let (mut agent, _) = lived(setup(), good_life().into_iter().take(4));
    assert_eq!(told(&agent.on(phase(Phase::Plan), at(0))), ["say refused JUDGING"]);
    let (mut agent, _) = lived(setup(), [Event::Started]);
    assert_eq!(told(&agent.on(output(OutputType::Alpha), at(0))), ["seen", "say refused OUT_OF_TURN"]);
}

#[test]
fn checks_that_fail_can_be_asked_for_again_and_a_plan_handed_in_again() {
    let (mut agent, effects) = lived(setup(), good_life().into_iter().take(4).chain([judged(Asked::Preflight, false)]));
    assert_eq!(told(&effects), ["say refused CHECKS_FAILED"]);
    assert_eq!((agent.status(), agent.phase()), (AgentStatus::Running, Some(Phase::Preflight)));
    assert_eq!(told(&agent.on(phase(Phase::Preflight), at(0))), ["ask preflight"]);
    assert_eq!(told(&agent.on(judged(Asked::Preflight, true), at(0))), ["say accepted PREFLIGHT"]);
    agent.on(phase(Phase::Plan), at(0));
    agent.on(plan(None), at(0));
    assert_eq!(told(&agent.on(judged(Asked::Plan, false), at(0))), ["say refused PLAN_REFUSED"]);
    agent.on(plan(None), at(0));
    agent.on(judged(Asked::Plan, true), at(0));
    assert_eq!(told(&agent.on(phase(Phase::Execute), at(0)))[1..], ["say accepted EXECUTE"]);
    assert_eq!(agent.remembered().spent.total, 2);
}

#[test]
fn what_is_not_verified_has_failed_and_is_not_revoked() {
    let (agent, effects) = lived(setup(), good_life().into_iter().take(11).chain([judged(Asked::Verify, false)]));
    assert_eq!(told(&effects), ["say refused VERIFICATION_FAILED", "end Gently"]);
    assert_eq!((agent.status(), agent.phase()), (AgentStatus::Failed, Some(Phase::Verify)));
    assert_eq!(agent.reason(), Some("what it made was not verified: a gate failed"));
}

#[test]
fn where_no_gates_are_named_none_are_asked() {
    let life = good_life().into_iter().filter(|event| !matches!(event, Event::Judged(_)));
    let (agent, _) = lived(unjudged(), life);
    assert_eq!(agent.status(), AgentStatus::Completed);
    // The plan is asked for all the same.
    let (agent, _) = lived(
        unjudged(),
        [Event::Started, phase(Phase::Bootstrap), phase(Phase::Preflight), phase(Phase::Plan), phase(Phase::Execute)],
    );
    assert_eq!(agent.status(), AgentStatus::Revoked);
}

#[test]
fn a_verdict_that_nobody_waits_for_changes_nothing() {
    for asked in Asked::ALL {
        let mut agent = in_phase(Phase::Execute);
        let before = agent.snapshot();
        assert_eq!(agent.on(judged(*asked, true), at(0)), []);
        assert_eq!(agent.on(judged(*asked, false), at(0)), []);
        assert_eq!(agent.snapshot(), before);
    }
}

#[test]
fn low_confidence_is_a_warning_and_an_end_without_a_final_output_too() {
    let (_, effects) = lived(setup(), good_life().into_iter().take(6).chain([plan(Some(0.69))]));
    assert!(told(&effects).contains(&"say warning CONFIDENCE_BELOW_THRESHOLD".to_owned()));
    let (_, effects) = lived(setup(), good_life().into_iter().take(6).chain([plan(Some(0.7))]));
    assert!(!told(&effects).iter().any(|line| line.contains("warning")));
    let without = good_life().into_iter().filter(|event| *event != output(OutputType::Gamma));
    let (agent, effects) = lived(setup(), without);
    assert_eq!(told(&effects)[0], "say warning MISSING_ARTIFACT");
    assert_eq!(agent.status(), AgentStatus::Completed);
}

fn promotion(to: u64) -> Event {
    let to = Tier::new(to).expect("a tier");
    Event::Line(AgentLine::Promotion { to, reason: "it went well".to_owned() })
}

#[test]
fn a_promotion_waits_for_verified_work_and_for_an_approver() {
    let approved = |to: u64, approver: &str| Event::PromotionApproved {
        approver: approver.to_owned(),
        to: Tier::new(to).expect("a tier"),
    };
    let mut agent = in_phase(Phase::Execute);
    assert_eq!(told(&agent.on(promotion(2), at(0))), ["tell promotion_requested in EXECUTE"]);
    assert_eq!(told(&agent.on(promotion(2), at(0))), ["say refused OUT_OF_TURN"]);
    for event in [approved(3, "alice"), approved(2, ""), approved(2, "alice"), phase(Phase::Verify)] {
        agent.on(event, at(0));
        assert_eq!(agent.tier().number(), 1);
    }
    let effects = agent.on(judged(Asked::Verify, true), at(0));
    let expect = ["say accepted VERIFY", "promote to 2", "say promoted", "tell promotion_approved in VERIFY"];
    assert_eq!(
        (told(&effects), agent.tier().number(), agent.promotion()),
        (expect.map(str::to_owned).to_vec(), 2, None)
    );
    // The other way round, and with no gates at all.
    let mut agent = in_phase(Phase::Verify);
    agent.on(promotion(2), at(0));
    for (to, approver, has) in [(3, "alice", 1), (1, "alice", 1), (2, "", 1), (2, "alice", 2), (3, "alice", 2)] {
        agent.on(approved(to, approver), at(0));
        assert_eq!(agent.tier().number(), has, "{to} {approver}");
    }
    // What a run goes on from behind VERIFY was verified.
    let kept = Setup { checkpoint: Some(gamma(Phase::Package)), ..setup() };
    let (agent, _) = lived(kept, [Event::Started, phase(Phase::Package), promotion(2), approved(2, "alice")]);
    assert_eq!(agent.tier().number(), 2);
    let life = good_life().into_iter().filter(|event| !matches!(event, Event::Judged(_)));
    let mut asked: Vec<_> = life.collect();
    asked.splice(3..3, [promotion(2), approved(2, "alice")]);
    let (agent, _) = lived(unjudged(), asked);
    assert_eq!((agent.status(), agent.tier().number()), (AgentStatus::Completed, 1));
    assert!(agent.promotion().is_some());
}

#[test]
fn an_agent_that_stands_in_the_ledger_does_not_start_and_does_not_go_on() {
    let revoked = || Event::TokenRevoked("by another host".to_owned());
    let (mut agent, effects) = lived(setup(), [revoked()]);
    assert_eq!((effects, agent.status()), (vec![], AgentStatus::Revoked));
    assert_eq!(agent.on(Event::Started, at(0)), []);
    let mut agent = in_phase(Phase::Execute);
    let expect = ["say revoked", "end AtOnce", "tell agent_revoked in REVOKED"];
    assert_eq!(told(&agent.on(revoked(), at(0))), expect);
    assert_eq!(agent.reason(), Some("token_revoked: by another host"));
    let (mut agent, _) = lived(setup(), good_life());
    assert_eq!(told(&agent.on(revoked(), at(0))), ["say revoked", "end AtOnce"]);
    assert_eq!(agent.status(), AgentStatus::Completed);
}

#[test]
fn a_snapshot_reads_back() {
    let mut agent = in_phase(Phase::Verify);
    agent.on(Event::Line(AgentLine::Confidence(Confidence::new(1.0).expect("a confidence"))), at(0));
    agent.on(error("E"), at(0));
    let snapshot = agent.snapshot();
    let text = serde_json::to_string(&snapshot).expect("JSON");
    assert_eq!(serde_json::from_str::<Snapshot>(&text).expect("a snapshot"), snapshot);
    assert!(text.starts_with(r#"{"agent_id":"builder","run_id":"r-1","status":"RUNNING","phase":"VERIFY","tier":1,"#));
    let budget = ErrorBudget::default();
    assert!(snapshot.errors.exhausted(&budget).is_none());
}
