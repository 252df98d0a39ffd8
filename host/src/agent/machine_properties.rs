//! What holds for agents whatever happens to them, and in whatever order.

use std::collections::BTreeSet;

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{
    Agent, AgentLine, AgentStatus, Asked, ClarifiedPlan, Confidence, Effect, End, ErrorBudget, Event, Happening,
    HostLine, Judged, OutputType, Phase, Remembered, Report, Setup, Spent, Tier,
    samples::{at, content, error, gamma, judged, output, phase, plan, setup},
};

/// One thing that may happen.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would only stand in the way of reading the lives that fail")]
enum Step {
    Event(Event),
    /// What is owed is done, and goes well; if nothing is, the agent enters its next phase.
    Well,
    /// What is owed is done, and goes badly.
    Badly,
}

fn event() -> impl Strategy<Value = Event> {
    let line = prop_oneof![
        prop::sample::select(Phase::ALL).prop_map(AgentLine::Phase),
        prop::sample::select(OutputType::ALL).prop_map(|kind| AgentLine::Output { kind, content: content("{}") }),
        Just(AgentLine::Heartbeat),
        prop::sample::select(&["A", "B", "C"][..])
            .prop_map(|code| AgentLine::Error { code: code.to_owned(), message: String::new() }),
        prop::option::of(0.0..1.0)
            .prop_map(|sure| { AgentLine::Plan { plan: content("{}"), confidence: sure.and_then(Confidence::new) } }),
        Just(AgentLine::Acknowledge("clarified-x".to_owned())),
        (0_u64..5).prop_map(|to| AgentLine::Promotion { to: Tier::new(to).expect("a tier"), reason: "r".to_owned() }),
        Just(AgentLine::Done),
    ];
    let reports = || {
        let kinds =
            &["SCOPE_VIOLATION", "MISSING_ARTIFACT", "LOCK_EXPIRED", "UNAUTHORIZED_POOL", "PROCEDURE_VIOLATION", "?"];
        let report = prop::sample::select(&kinds[..]).prop_map(|kind| Report::of_gate("g", kind, "d"));
        prop::collection::vec(report, 0..3)
    };
    prop_oneof![
        12 => line.prop_map(Event::Line),
        1 => Just(Event::Started),
        1 => Just(Event::BadLine(super::read_line(b"").expect_err("bad"))),
        1 => (prop::sample::select(Asked::ALL), any::<bool>(), reports()).prop_map(|(asked, passed, reports)| {
            Event::Judged(Judged { asked, passed, faulted: false, verifies: passed, reason: String::new(), reports })
        }),
        1 => reports().prop_map(Event::Reported),
        1 => Just(Event::Clarified(plan_of("clarified-x"))),
        1 => (0_u64..5).prop_map(|to| Event::PromotionApproved {
            approver: "alice".to_owned(),
            to: Tier::new(to).expect("a tier"),
        }),
        2 => Just(Event::Tick),
        2 => Just(Event::LockRenewed),
        1 => Just(Event::Disturbed(String::new())),
        2 => Just(Event::Recovered),
    ]
}

fn last_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::LockLost),
        Just(Event::TokenRevoked(String::new())),
        Just(Event::Stopped(String::new())),
        Just(Event::ProcessEnded),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        8 => event().prop_map(Step::Event),
        1 => last_event().prop_map(Step::Event),
        40 => Just(Step::Well),
        2 => Just(Step::Badly),
        1 => prop::sample::select(Phase::ALL).prop_map(|entered| Step::Event(phase(entered))),
        3 => Just(Step::Event(plan(Some(0.9)))),
        2 => any::<bool>().prop_map(|asks| Step::Event(if asks { asked() } else { approved() })),
        3 => prop::sample::select(&["A", "B"][..]).prop_map(|code| Step::Event(error(code))),
    ];
    prop::collection::vec((step, prop_oneof![9 => 0_i64..5, 1 => 0_i64..400]), 0..80)
}

/// The agent asks for tier 2, the one above its own.
fn asked() -> Event {
    Event::Line(AgentLine::Promotion { to: Tier::new(2).expect("a tier"), reason: "r".to_owned() })
}

fn approved() -> Event {
    Event::PromotionApproved { approver: "alice".to_owned(), to: Tier::new(2).expect("a tier") }
}

fn setups() -> impl Strategy<Value = Setup> {
    let gates = prop::sample::subsequence(Asked::ALL.to_vec(), 0..=3);
    let kept = prop::option::weighted(0.3, prop::sample::select(&[Phase::Verify, Phase::Package, Phase::Exit][..]));
    (gates, kept, 0_u32..3, 0_u32..15, 1_u32..5).prop_map(|(gates, kept, offences, total, same)| Setup {
        gates,
        checkpoint: kept.map(gamma),
        budget: ErrorBudget { max_same_error_repeats: same, ..ErrorBudget::default() },
        remembered: Remembered { offences, spent: Spent { total, ..Spent::default() } },
        ..setup()
    })
}

fn plan_of(id: &str) -> ClarifiedPlan {
    let now = at(0);
    ClarifiedPlan {
        plan_id: id.to_owned(),
        trigger_reason: String::new(),
        history_reviewed: Vec::new(),
        outputs_analyzed: Vec::new(),
        original_objective: String::new(),
        clarified_objective: String::new(),
        adjustments: Vec::new(),
        broadcast_at: crate::trust::Time(now),
        acknowledged_by: Vec::new(),
    }
}

/// The events that a step is, with what is `owed` from before it.
fn events(step: Step, agent: &Agent, owed: &mut Vec<Effect>) -> Vec<Event> {
    match step {
        Step::Event(event) => vec![event],
        Step::Well if owed.is_empty() => match agent.phase() {
            _ if agent.status() == AgentStatus::Pending => vec![Event::Started],
            None => vec![phase(Phase::Bootstrap)],
            Some(current) => current.next().map(phase).into_iter().collect(),
        },
        Step::Well => owed.drain(..).filter_map(|effect| answer(&effect, true)).collect(),
        Step::Badly => owed.drain(..).filter_map(|effect| answer(&effect, false)).collect(),
    }
}

fn answer(effect: &Effect, well: bool) -> Option<Event> {
    match effect {
        Effect::Ask(asked) => Some(judged(*asked, well)),
        Effect::Clarify(trouble) => Some(Event::Clarified(trouble.plain_plan(at(0)))),
        Effect::Say(HostLine::Paused { clarified_plan }) => {
            Some(Event::Line(AgentLine::Acknowledge(clarified_plan.plan_id.clone())))
        }
        Effect::RenewLock => Some(if well { Event::LockRenewed } else { Event::LockLost }),
        Effect::Say(HostLine::Accepted(Phase::Plan)) => Some(plan(Some(0.9))),
        Effect::Say(HostLine::Accepted(entered)) => entered.output_type().map(output),
        _ => None,
    }
}

/// Whether the effect lets an agent do nothing.
fn is_harmless(effect: &Effect) -> bool {
    match effect {
        Effect::Revoke(_) | Effect::Record(_) | Effect::Alert(_) | Effect::End(End::AtOnce) => true,
        Effect::Say(line) => {
            matches!(line, HostLine::Refused { .. } | HostLine::Revoked { .. } | HostLine::Warning { .. })
        }
        Effect::Tell(notice) => {
            matches!(
                notice.what,
                Happening::ViolationDetected(_) | Happening::AgentRevoked(_) | Happening::Heartbeat {}
            )
        }
        // That a line came at all is written down before it is known what it leads to.
        Effect::Seen => true,
        _ => false,
    }
}

/// What a life came through.
#[derive(Default)]
struct Seen {
    phases: BTreeSet<Phase>,
    statuses: BTreeSet<AgentStatus>,
    checked: bool,
    planned: bool,
    verified: bool,
    approved: BTreeSet<Tier>,
}

fn check(setup: Setup, steps: Vec<(Step, i64)>) -> Result<(Agent, Seen), TestCaseError> {
    let mut agent = Agent::new(setup.clone());
    let (mut clock, mut owed, mut seen) = (0, Vec::new(), Seen::default());
    for (step, later) in steps {
        clock += later;
        for event in events(step, &agent, &mut owed) {
            let old = (agent.status(), agent.phase());
            let told = format!("{old:?} on {event:?}");
            if let Event::PromotionApproved { to, .. } = &event {
                seen.approved.insert(*to);
            }
            let tier = agent.tier();
            let effects = agent.on(event, at(clock));
            hold_phase(&setup, old.1, &agent, &told)?;
            hold_status(&setup, old.0, &agent, &effects, &told)?;
            hold_conditions(&setup, tier, &agent, &effects, &mut seen)?;
            owed.extend(effects.into_iter().filter(|effect| answer(effect, true).is_some()));
        }
    }
    Ok((agent, seen))
}

/// Work needs checks that passed and an accepted plan; a promotion needs verified work and an approver, and is one step.
fn hold_conditions(
    setup: &Setup,
    tier: Tier,
    agent: &Agent,
    effects: &[Effect],
    seen: &mut Seen,
) -> Result<(), TestCaseError> {
    seen.phases.extend(agent.phase());
    seen.statuses.insert(agent.status());
    for effect in effects {
        match effect {
            Effect::Say(HostLine::Accepted(Phase::Preflight)) => seen.checked = true,
            Effect::Say(HostLine::AcceptedPlan(_)) => seen.planned = true,
            Effect::Say(HostLine::Accepted(Phase::Execute)) => prop_assert!(seen.checked && seen.planned),
            Effect::Say(HostLine::Accepted(Phase::Verify)) => seen.verified = setup.gates.contains(&Asked::Verify),
            Effect::Promote(to) => {
                let was_verified = seen.verified || setup.checkpoint.is_some() && setup.gates.contains(&Asked::Verify);
                prop_assert!(was_verified && seen.approved.contains(to) && tier.above() == Some(*to));
            }
            _ => {}
        }
    }
    let promoted = effects.iter().any(|effect| matches!(effect, Effect::Promote(_)));
    prop_assert_eq!(agent.tier() != tier, promoted);
    Ok(())
}

fn hold_phase(setup: &Setup, old: Option<Phase>, agent: &Agent, told: &str) -> Result<(), TestCaseError> {
    let new = agent.phase();
    if new == old {
        return Ok(());
    }
    let is_next = match (old, new) {
        (None, Some(first)) => {
            first == Phase::Bootstrap || first == Phase::Revoked || setup.checkpoint.is_some() && first >= Phase::Verify
        }
        (Some(old), Some(new)) => old.next() == Some(new) || new == Phase::Revoked && !old.is_terminal(),
        (_, None) => false,
    };
    prop_assert!(is_next, "{told} → {new:?}");
    Ok(())
}

fn hold_status(
    setup: &Setup,
    old: AgentStatus,
    agent: &Agent,
    effects: &[Effect],
    told: &str,
) -> Result<(), TestCaseError> {
    let new = agent.status();
    prop_assert!(new == old || old.may_become(new), "{told} → {new}");
    prop_assert_eq!(new == AgentStatus::Revoked, agent.phase() == Some(Phase::Revoked), "{}", told);
    prop_assert_eq!(new == AgentStatus::Completed, agent.phase() == Some(Phase::Exit), "{}", told);
    let spent = agent.remembered().spent;
    if matches!(new, AgentStatus::Starting | AgentStatus::Running) {
        prop_assert!(spent.exhausted(&setup.budget).is_none(), "{told}");
    }
    if new == AgentStatus::Revoked {
        prop_assert!(effects.iter().all(is_harmless), "{told}: {effects:?}");
        let says = effects.iter().any(|effect| matches!(effect, Effect::Say(_) | Effect::End(_) | Effect::Seen));
        prop_assert!(old != AgentStatus::Revoked || !says, "{told}: {effects:?}");
        let ends = effects.contains(&Effect::End(End::AtOnce));
        prop_assert!(matches!(old, AgentStatus::Revoked | AgentStatus::Pending) || ends, "{told}: {effects:?}");
    }
    if old.is_terminal() {
        let asks = |effect: &Effect| matches!(effect, Effect::Ask(_) | Effect::Promote(_) | Effect::RenewLock);
        prop_assert!(!effects.iter().any(asks), "{told}: {effects:?}");
    }
    prop_assert_eq!(agent.deadline().is_some(), !new.is_terminal() && new != AgentStatus::Pending, "{}", told);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Phases come in order and none is left out, nothing follows REVOKED and EXIT, statuses change as they may, no agent runs
    /// on an exhausted budget, none that is revoked is let do anything, and tiers go up one at a time.
    #[test]
    fn whatever_happens_the_rules_hold(setup in setups(), steps in steps()) {
        check(setup, steps)?;
    }

    /// The same from states that random events seldom reach.
    #[test]
    fn nothing_leads_away_from_revoked_and_exit(
        exits in any::<bool>(),
        steps in prop::collection::vec((prop_oneof![event(), last_event()].prop_map(Step::Event), 0_i64..400), 0..40),
    ) {
        let mut life: Vec<_> = super::samples::good_life().into_iter().map(|event| (Step::Event(event), 0)).collect();
        if !exits {
            life.push((Step::Event(Event::Started), 0));
            life.splice(9.., [(Step::Event(phase(Phase::Report)), 0)]);
        }
        life.extend(steps);
        let expect = if exits { (AgentStatus::Completed, Phase::Exit) } else { (AgentStatus::Revoked, Phase::Revoked) };
        let (agent, _) = check(setup(), life)?;
        prop_assert_eq!((agent.status(), agent.phase()), (expect.0, Some(expect.1)));
    }
}

/// The properties above say little unless the lives that they look at get somewhere.
#[test]
fn random_lives_reach_every_phase_every_status_and_a_promotion() {
    let mut runner = TestRunner::deterministic();
    let (mut phases, mut statuses, mut promotions) = (BTreeSet::new(), BTreeSet::new(), 0);
    for _ in 0..1000 {
        let tree = (setups(), steps()).new_tree(&mut runner).expect("a life");
        let (setup, steps) = tree.current();
        let tier = setup.tier;
        let (agent, seen) = check(setup, steps).expect("the rules hold");
        phases.extend(seen.phases);
        statuses.extend(seen.statuses);
        promotions += usize::from(agent.tier() != tier);
    }
    assert_eq!(phases.len(), Phase::ALL.len(), "{phases:?}");
    assert_eq!(statuses.len(), AgentStatus::ALL.len(), "{statuses:?}");
    assert!(promotions > 0);
}
