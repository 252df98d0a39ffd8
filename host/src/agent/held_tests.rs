//! Lives of agents that do not go smoothly: pauses, silence, lost locks, lost state, and runs that go on.

use super::{
    AgentLine, AgentOutput, AgentStatus, Asked, ChaosCondition, ClarifiedPlan, Effect, End, Event, HostLine,
    OutputType, Phase, Setup, Trouble,
    samples::{at, content, error, gamma, good_life, in_phase, judged, lived, output, phase, plan, setup, told},
};

fn trouble(effects: &[Effect]) -> Trouble {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Clarify(trouble) => Some(trouble.clone()),
        _ => None,
    });
    found.expect("a clarified plan is asked for")
}

#[test]
fn the_third_of_the_same_error_pauses_until_a_clarified_plan_is_acknowledged() {
    let mut agent = in_phase(Phase::Execute);
    agent.on(error("E1"), at(0));
    agent.on(error("E2"), at(0));
    agent.on(error("E1"), at(0));
    assert_eq!(agent.status(), AgentStatus::Running);
    let effects = agent.on(error("E1"), at(0));
    assert_eq!((told(&effects).join(", "), agent.status()), ("clarify E1".to_owned(), AgentStatus::Paused));
    assert_eq!(agent.reason(), Some("error E1 came 3 times"));
    let trouble = trouble(&effects);
    assert_eq!((trouble.count, trouble.objective.as_str()), (3, "build it"));
    assert_eq!(trouble.history, ["E1: E1 happened", "E2: E2 happened", "E1: E1 happened", "E1: E1 happened"]);
    // Nothing but a sign of life, errors and the acknowledgement is taken, and to try is no error.
    for event in [phase(Phase::Verify), output(OutputType::Beta), plan(None), Event::Line(AgentLine::Done)] {
        assert_eq!(told(&agent.on(event, at(0))), ["say refused PAUSED"]);
    }
    assert_eq!(agent.remembered().spent.total, 4);
    let acknowledge = |id: &str| Event::Line(AgentLine::Acknowledge(id.to_owned()));
    assert_eq!(told(&agent.on(acknowledge("early"), at(0))), ["say refused UNKNOWN_PLAN"]);
    let plan = trouble.plain_plan(at(1));
    assert_eq!(told(&agent.on(Event::Clarified(plan.clone()), at(1))), ["broadcast, read by 0", "say paused"]);
    let another = ClarifiedPlan { plan_id: "another".to_owned(), ..plan.clone() };
    assert_eq!(agent.on(Event::Clarified(another), at(1)), []);
    assert_eq!(told(&agent.on(acknowledge("another"), at(1))), ["say refused UNKNOWN_PLAN"]);
    assert_eq!(told(&agent.on(acknowledge(&plan.plan_id), at(1))), ["broadcast, read by 1", "say resumed"]);
    assert_eq!((agent.status(), agent.phase()), (AgentStatus::Running, Some(Phase::Execute)));
    // That error counts anew.
    agent.on(error("E1"), at(1));
    agent.on(error("E1"), at(1));
    assert_eq!(agent.status(), AgentStatus::Running);
    agent.on(error("E1"), at(1));
    assert_eq!(agent.status(), AgentStatus::Paused);
}

#[test]
fn an_error_that_comes_too_often_in_a_pause_is_the_next_pause() {
    let mut agent = in_phase(Phase::Execute);
    let mut effects = Vec::new();
    for code in ["A", "A", "A"] {
        effects = agent.on(error(code), at(0));
    }
    ["B", "B", "B"].iter().for_each(|code| assert_eq!(told(&agent.on(error(code), at(0))), [""; 0]));
    let plan = trouble(&effects).plain_plan(at(0));
    agent.on(Event::Clarified(plan.clone()), at(0));
    let effects = agent.on(Event::Line(AgentLine::Acknowledge(plan.plan_id)), at(0));
    assert_eq!(told(&effects), ["broadcast, read by 1", "clarify B"]);
    assert_eq!(agent.status(), AgentStatus::Paused);
}

#[test]
fn silence_and_a_lost_lock_are_violations_at_their_deadlines_and_not_before() {
    let mut agent = in_phase(Phase::Execute);
    assert_eq!(agent.deadline(), Some(at(60)));
    agent.on(Event::Tick, at(59));
    assert_eq!(agent.status(), AgentStatus::Running);
    let beat = Event::Line(AgentLine::Heartbeat);
    assert_eq!(told(&agent.on(beat.clone(), at(59))), ["seen", "tell heartbeat in EXECUTE"]);
    assert_eq!((told(&agent.on(beat.clone(), at(60))), agent.deadline()), (vec![], Some(at(100))));
    // Its lock is renewed in time, and asked for again when nothing came of it.
    assert_eq!(told(&agent.on(Event::Tick, at(100))), ["renew lock"]);
    assert_eq!(agent.on(Event::Tick, at(101)), []);
    agent.on(beat.clone(), at(110));
    assert_eq!(
        (agent.deadline(), told(&agent.on(Event::Tick, at(130)))),
        (Some(at(130)), vec!["renew lock".to_owned()])
    );
    agent.on(Event::LockRenewed, at(131));
    assert_eq!(agent.deadline(), Some(at(170)));
    // A line that comes too late does not bring it back.
    let late = told(&agent.on(beat, at(170)));
    assert_eq!(late[0], "ledger HEARTBEAT_TIMEOUT");
    assert_eq!(agent.status(), AgentStatus::Revoked);

    let mut agent = in_phase(Phase::Execute);
    for second in (50..300).step_by(50) {
        agent.on(Event::Line(AgentLine::Heartbeat), at(second));
    }
    assert_eq!(agent.status(), AgentStatus::Running);
    assert_eq!(told(&agent.on(Event::Tick, at(300)))[0], "ledger LOCK_EXPIRED");
    let mut agent = in_phase(Phase::Execute);
    assert_eq!(told(&agent.on(Event::LockLost, at(1)))[0], "ledger LOCK_EXPIRED");
    // Both at once are both told.
    let effects = told(&in_phase(Phase::Execute).on(Event::Tick, at(1000)));
    let records: Vec<_> = effects.iter().filter(|line| line.starts_with("record")).collect();
    assert_eq!(records, ["record HEARTBEAT_TIMEOUT revoked", "record LOCK_EXPIRED revoked"]);
}

#[test]
fn no_heartbeat_is_waited_for_while_the_host_holds_the_agent_up_but_the_lock_runs_on() {
    let (mut judging, _) = lived(setup(), good_life().into_iter().take(4));
    let mut recovering = in_phase(Phase::Execute);
    recovering.on(Event::Disturbed("the state is not reached".to_owned()), at(0));
    for agent in [&mut judging, &mut recovering] {
        assert_eq!(agent.deadline(), Some(at(100)));
        agent.on(Event::Tick, at(299));
        assert_eq!(agent.deadline(), Some(at(300)));
    }
    judging.on(judged(Asked::Preflight, true), at(299));
    recovering.on(Event::Recovered, at(299));
    for agent in [&mut judging, &mut recovering] {
        assert_eq!(agent.status(), AgentStatus::Running);
        agent.on(Event::Tick, at(300));
        assert_eq!(agent.status(), AgentStatus::Revoked);
    }
}

#[test]
fn a_disturbed_agent_goes_on_where_it_was() {
    let disturbed = || Event::Disturbed("corrupted".to_owned());
    let mut agent = in_phase(Phase::Execute);
    assert_eq!((agent.on(disturbed(), at(0)), agent.status()), (vec![], AgentStatus::Recovering));
    assert_eq!(agent.reason(), Some("corrupted"));
    assert_eq!(agent.on(disturbed(), at(0)), []);
    assert_eq!(told(&agent.on(output(OutputType::Beta), at(0))), ["say refused RECOVERING"]);
    assert_eq!(told(&agent.on(Event::Recovered, at(0))), ["say resumed"]);
    assert_eq!((agent.status(), agent.phase()), (AgentStatus::Running, Some(Phase::Execute)));
    assert_eq!(agent.reason(), None);
    // A verdict of that time is not heard; the gates are asked again.
    let (mut agent, _) =
        lived(setup(), good_life().into_iter().take(7).chain([disturbed(), judged(Asked::Plan, true)]));
    assert_eq!(agent.status(), AgentStatus::Recovering);
    assert_eq!(told(&agent.on(Event::Recovered, at(0))), ["ask plan"]);
    assert_eq!(told(&agent.on(judged(Asked::Plan, true), at(0)))[0], "say accepted_plan");
    // An error that comes too often meanwhile pauses it afterwards, and one too many revokes it at once.
    let mut agent = in_phase(Phase::Execute);
    agent.on(disturbed(), at(0));
    (0..3).for_each(|_| drop(agent.on(error("E"), at(0))));
    let trouble = trouble(&agent.on(Event::Recovered, at(0)));
    assert_eq!(agent.status(), AgentStatus::Paused);
    agent.on(disturbed(), at(0));
    let plan = trouble.plain_plan(at(0));
    assert_eq!(told(&agent.on(Event::Clarified(plan), at(0))), ["broadcast, read by 0"]);
    assert_eq!(told(&agent.on(Event::Recovered, at(0))), ["say paused"]);
    agent.on(disturbed(), at(0));
    (0..10).for_each(|number| drop(agent.on(error(&format!("F{number}")), at(0))));
    assert_eq!(agent.status(), AgentStatus::Revoked);
    // What cannot be had back ends it.
    let mut agent = in_phase(Phase::Execute);
    agent.on(disturbed(), at(0));
    assert_eq!(told(&agent.on(Event::Stopped("gone".to_owned()), at(0))), ["end AtOnce"]);
    assert_eq!((agent.status(), agent.reason()), (AgentStatus::Failed, Some("gone")));
}

#[test]
fn a_run_goes_on_in_the_phase_of_its_last_gamma_or_starts_over() {
    let resumed = |phase| Setup { checkpoint: Some(gamma(phase)), ..setup() };
    let (_, effects) = lived(resumed(Phase::Package), [Event::Started]);
    let [Effect::Say(HostLine::Started { checkpoint: Some(point), .. })] = effects.as_slice() else {
        panic!("a greeting with the checkpoint: {effects:?}")
    };
    assert_eq!((point.phase, point.content.as_json()), (Phase::Package, r#"{"made": 1}"#));
    let allowed = |kept: Phase, first: Phase| {
        let (agent, _) = lived(resumed(kept), [Event::Started, phase(first)]);
        agent.status() != AgentStatus::Revoked
    };
    for kept in [Phase::Verify, Phase::Package, Phase::Report, Phase::Exit] {
        for first in Phase::ALL {
            let begins = if kept == Phase::Exit { Phase::Report } else { kept };
            assert_eq!(allowed(kept, *first), *first == Phase::Bootstrap || *first == begins, "{kept} {first}");
        }
    }
    // Gates of VERIFY are asked again, and one that starts over gets nothing for it.
    let (mut agent, effects) = lived(resumed(Phase::Verify), [Event::Started, phase(Phase::Verify)]);
    assert_eq!(told(&effects), ["seen", "ask verify"]);
    agent.on(judged(Asked::Verify, true), at(0));
    for next in [Phase::Package, Phase::Report, Phase::Exit] {
        agent.on(phase(next), at(0));
    }
    assert_eq!(agent.status(), AgentStatus::Completed);
    let over = [Event::Started, phase(Phase::Bootstrap), phase(Phase::Verify)];
    assert_eq!(lived(resumed(Phase::Verify), over).0.status(), AgentStatus::Revoked);
    // What does not hold, is no gamma or is somebody else's, is none.
    let broken = AgentOutput { content: content("{}"), ..gamma(Phase::Verify) };
    let foreign = AgentOutput { agent_id: "other".to_owned(), ..gamma(Phase::Verify) };
    let beta = AgentOutput::new("builder", Phase::Execute, content("{}"), at(0)).expect("an output");
    for output in [broken, foreign, beta] {
        let begin = output.phase;
        let (agent, effects) = lived(Setup { checkpoint: Some(output), ..setup() }, [Event::Started]);
        let greets = matches!(effects.as_slice(), [Effect::Say(HostLine::Started { checkpoint: None, .. })]);
        assert!(greets && agent.status() == AgentStatus::Starting);
        let mut agent = agent;
        agent.on(phase(begin), at(0));
        assert_eq!(agent.status(), AgentStatus::Revoked);
    }
}

#[test]
fn a_process_that_ends_before_exit_has_failed() {
    for (count, place) in [(1, "before its first phase"), (4, "PREFLIGHT"), (15, "REPORT")] {
        let (agent, effects) = lived(setup(), good_life().into_iter().take(count).chain([Event::ProcessEnded]));
        assert_eq!((told(&effects), agent.status()), (vec!["end AtOnce".to_owned()], AgentStatus::Failed));
        assert_eq!(agent.reason(), Some(format!("its process ended in {place}, not in EXIT").as_str()));
    }
    let (agent, effects) = lived(setup(), good_life().into_iter().chain([Event::ProcessEnded]));
    assert_eq!((effects, agent.status()), (vec![], AgentStatus::Completed));
    let (agent, _) = lived(setup(), [Event::Stopped("the command is not there".to_owned())]);
    assert_eq!(agent.status(), AgentStatus::Failed);
}

#[test]
fn what_is_made_in_exit_is_kept_until_the_agent_is_done() {
    let (mut agent, _) = lived(setup(), good_life());
    assert_eq!(told(&agent.on(output(OutputType::Gamma), at(1))), ["keep gamma of EXIT", "say checkpoint"]);
    assert_eq!(told(&agent.on(output(OutputType::Beta), at(1))), ["say refused OUTPUT_TYPE"]);
    assert_eq!(told(&agent.on(output(OutputType::Gamma), at(300))), ["say refused ENDED"]);
    assert_eq!(agent.on(Event::Line(AgentLine::Done), at(2)), []);
    assert_eq!(told(&agent.on(output(OutputType::Gamma), at(2))), ["say refused ENDED"]);
    let (mut agent, _) = lived(setup(), good_life().into_iter().chain([Event::LockLost]));
    assert_eq!(told(&agent.on(output(OutputType::Gamma), at(0))), ["say refused ENDED"]);
}

/// What tests may do to a run, and where it ends by what the host makes of it.
#[test]
fn every_chaos_condition_ends_in_the_state_that_is_written_down_for_it() {
    let beat = || Event::Line(AgentLine::Heartbeat);
    for condition in ChaosCondition::ALL {
        let (events, expect): (Vec<(Event, i64)>, _) = match condition {
            ChaosCondition::None => (vec![(beat(), 1)], AgentStatus::Running),
            ChaosCondition::TokenRevoked => (vec![(Event::TokenRevoked(String::new()), 1)], AgentStatus::Revoked),
            ChaosCondition::LockLost => (vec![(Event::LockLost, 1)], AgentStatus::Revoked),
            ChaosCondition::HeartbeatTimeout => (vec![(Event::Tick, 60)], AgentStatus::Revoked),
            ChaosCondition::ErrorSpike => {
                ((0..13).map(|number| (error(&format!("E{number}")), 1)).collect(), AgentStatus::Revoked)
            }
            ChaosCondition::StateCorrupted => (vec![(Event::Disturbed(String::new()), 1)], AgentStatus::Recovering),
            ChaosCondition::NetworkDelay => {
                let delayed = vec![(Event::Disturbed(String::new()), 1), (Event::Tick, 200), (Event::Recovered, 250)];
                (delayed, AgentStatus::Running)
            }
        };
        let mut agent = in_phase(Phase::Execute);
        let mut all = Vec::new();
        for (event, second) in events {
            all.extend(agent.on(event, at(second)));
        }
        assert_eq!(agent.status(), expect, "{condition}");
        assert_eq!(all.contains(&Effect::End(End::AtOnce)), expect == AgentStatus::Revoked, "{condition}");
    }
}
