//! The six conditions of the pipeline core, alone and in pairs, on both stores, with several agents at once.

use super::*;
use crate::{
    agent::ChaosCondition,
    state::faults::{Fault, Faulty},
};

/// The conditions, and what an agent can come to under each: nothing where it is completed all the same.
const CONDITIONS: [(ChaosCondition, &str); 6] = [
    (ChaosCondition::TokenRevoked, "token_revoked"),
    (ChaosCondition::LockLost, "LOCK_EXPIRED"),
    (ChaosCondition::StateCorrupted, ""),
    (ChaosCondition::HeartbeatTimeout, "HEARTBEAT_TIMEOUT"),
    (ChaosCondition::ErrorSpike, "ERROR_BUDGET_EXCEEDED"),
    (ChaosCondition::NetworkDelay, ""),
];

/// Works for a while, and then goes on, unless it is told to be silent or to make errors.
const WORKS: &str = r#"
if test -e "$HERE/spike"; then for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do error "E$i"; done; fi
if test -e "$HERE/silent"; then sleep 120; fi
i=0
while test $i -lt 8; do i=$((i+1)); say '{"heartbeat":true}'; sleep 0.05; done
"#;

fn inject(bed: &Bed, faulty: &Faulty, name: &str, condition: ChaosCondition) {
    match condition {
        ChaosCondition::None => {}
        ChaosCondition::TokenRevoked => bed.revoke(name, "r-1"),
        ChaosCondition::LockLost => faulty.inject(Fault::LockLost, 1),
        ChaosCondition::StateCorrupted => faulty.inject(Fault::StateCorrupted, 3),
        ChaosCondition::NetworkDelay => faulty.inject(Fault::NetworkDelay(Duration::from_millis(150)), 6),
        // These are the agent's to bring about.
        ChaosCondition::HeartbeatTimeout | ChaosCondition::ErrorSpike => {}
    }
}

fn tried(bed: &Bed, name: &str, conditions: &[ChaosCondition]) -> Driven {
    let faulty = Arc::new(Faulty::new(Arc::clone(&bed.store)));
    let script = format!("{INTO_EXECUTE}{WORKS}{TO_THE_END}");
    let once = AtomicBool::new(false);
    let in_execute = |snapshot: &Snapshot| {
        if snapshot.phase == Some(Phase::Execute) && !once.swap(true, Ordering::SeqCst) {
            conditions.iter().for_each(|condition| inject(bed, &faulty, name, *condition));
        }
    };
    let mut tried =
        Try { store: Arc::clone(&faulty) as Arc<dyn State>, observe: &in_execute, ..Try::new(bed, name, &script) };
    tried.patience.answer = Duration::from_millis(100);
    tried.plan.lock = Duration::from_secs(20);
    if conditions.contains(&ChaosCondition::HeartbeatTimeout) {
        fs::write(tried.here().join("silent"), "").expect("written");
        tried.plan.heartbeat = Duration::from_millis(1500);
    }
    if conditions.contains(&ChaosCondition::ErrorSpike) {
        fs::write(tried.here().join("spike"), "").expect("written");
    }
    let driven = tried.drive();
    assert!(tried.is_gone(), "{conditions:?}: something of {name} is left");
    driven
}

/// That the outcome is one of those that the conditions can have, and that the state knows of it.
fn check(bed: &Bed, name: &str, conditions: &[ChaosCondition], driven: &Driven) {
    let possible: Vec<_> = CONDITIONS
        .iter()
        .filter(|(condition, cause)| conditions.contains(condition) && !cause.is_empty())
        .map(|(_, cause)| *cause)
        .collect();
    let told = format!("{conditions:?}: {driven:?}");
    if possible.is_empty() {
        assert_eq!(driven.status, AgentStatus::Completed, "{told}");
        assert!(bed.store.get(&keys::agent_output(&id(name), &id("gamma"))).expect("read").is_some(), "{told}");
    } else {
        assert_eq!(driven.status, AgentStatus::Revoked, "{told}");
        assert!(possible.contains(&cause(driven)), "{told}");
        let ledger = bed.list(&keys::revocations());
        assert!(ledger.iter().any(|entry| entry["agent_id"] == name), "{told}");
        let again = Try::new(bed, name, "exit 0").drive();
        assert_eq!(code(&again), "agent-revoked", "{told}");
    }
    assert_eq!(bed.snapshot(name).status, driven.status, "{told}");
    assert_eq!(driven.hindrance, None, "{told}");
    let lost = [""; 0];
    let is_fenced_off = conditions.contains(&ChaosCondition::LockLost);
    assert!(is_fenced_off || driven.missing == lost, "{told}");
    assert_eq!(bed.list(&keys::history_runs(&id(name))).len(), 1, "{told}");
    assert!(bed.is_free(name), "{told}");
}

#[test]
fn each_condition_alone_and_each_pair_of_them_ends_as_it_should_and_nothing_is_lost() {
    Bed::each(|bed| {
        let conditions: Vec<_> = CONDITIONS.iter().map(|(condition, _)| *condition).collect();
        let mut sets: Vec<Vec<ChaosCondition>> = vec![Vec::new()];
        for (at, one) in conditions.iter().enumerate() {
            sets.push(vec![*one]);
            sets.extend(conditions.iter().skip(at + 1).map(|other| vec![*one, *other]));
        }
        assert_eq!(sets.len(), 1 + 6 + 15);
        let named: Vec<_> = sets.iter().enumerate().map(|(number, set)| (format!("a{number}"), set)).collect();
        // Several at once: they share the store and nothing else.
        for some in named.chunks(4) {
            thread::scope(|scope| {
                for (name, set) in some {
                    scope.spawn(move || check(bed, name, set, &tried(bed, name, set)));
                }
            });
        }
    });
}

#[test]
fn a_state_that_stays_away_ends_the_agent_and_what_is_missing_is_said() {
    Bed::each(|bed| {
        for (name, fault, expect) in [
            ("a", Fault::Disconnected, "state-unreachable"),
            ("b", Fault::StateCorrupted, "state-corrupted"),
            ("c", Fault::AnswerLost, "state-unsure"),
        ] {
            let faulty = Arc::new(Faulty::new(Arc::clone(&bed.store)));
            let script = format!("{INTO_EXECUTE}say '{{\"output\":\"beta\",\"content\":{{}}}}'\nsleep 120\n");
            let in_execute = |snapshot: &Snapshot| {
                if snapshot.phase == Some(Phase::Execute) {
                    faulty.inject(fault, usize::MAX);
                }
            };
            let store = Arc::clone(&faulty) as Arc<dyn State>;
            let mut tried = Try { store, observe: &in_execute, ..Try::new(bed, name, &script) };
            tried.patience.recover = Duration::from_millis(400);
            tried.patience.finish = Duration::from_millis(200);
            let driven = tried.drive();
            assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, expect), "{driven:?}");
            assert!(tried.is_gone());
            assert!(fault == Fault::StateCorrupted || !driven.missing.is_empty(), "{driven:?}");
        }
    });
}

#[test]
fn a_store_that_is_slow_holds_the_agent_and_one_that_stays_slow_ends_it() {
    let bed = Bed::sqlite();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bed.store)));
    let in_execute = |snapshot: &Snapshot| {
        if snapshot.phase == Some(Phase::Execute) {
            faulty.inject(Fault::NetworkDelay(Duration::from_secs(2)), 2);
        }
    };
    let store = Arc::clone(&faulty) as Arc<dyn State>;
    let mut tried = Try { store, observe: &in_execute, ..Try::new(&bed, "a", &format!("{INTO_EXECUTE}sleep 60\n")) };
    tried.patience.answer = Duration::from_millis(100);
    tried.patience.recover = Duration::from_millis(500);
    let since = Instant::now();
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "state-slow"), "{driven:?}");
    assert!(since.elapsed() < Duration::from_secs(40) && tried.is_gone());
}

#[test]
fn a_revocation_that_cannot_be_written_is_said_and_the_lock_is_left_to_run_out() {
    let bed = Bed::sqlite();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bed.store)));
    let in_execute = |snapshot: &Snapshot| {
        if snapshot.phase == Some(Phase::Execute) {
            faulty.inject(Fault::Disconnected, usize::MAX);
        }
    };
    let store = Arc::clone(&faulty) as Arc<dyn State>;
    let script = format!("{INTO_EXECUTE}sleep 120\n");
    let mut tried = Try { store, observe: &in_execute, ..Try::new(&bed, "a", &script) };
    // The lock runs out while the store is away.
    tried.plan.lock = Duration::from_secs(4);
    tried.patience.finish = Duration::from_millis(100);
    let driven = tried.drive();
    assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "LOCK_EXPIRED"), "{driven:?}");
    assert_eq!(code(&driven), "agent-revocation-unwritten");
    assert!(driven.missing.iter().any(|missing| missing.contains("revocation")), "{driven:?}");
    assert!(driven.hindrance.expect("there is one").to_string().contains("out of reach"));
}

#[test]
fn nobody_drives_an_agent_that_somebody_drives() {
    Bed::each(|bed| {
        let script = format!("{INTO_EXECUTE}while ! test -e \"$HERE/go\"; do sleep 0.01; done\n{TO_THE_END}");
        let refused = Mutex::new(Vec::new());
        let drivers = 4;
        let ends: Vec<Driven> = thread::scope(|scope| {
            let all: Vec<_> = (0..drivers)
                .map(|number| {
                    let (script, refused) = (&script, &refused);
                    scope.spawn(move || {
                        let run_id = format!("r-{number}");
                        let driven = Try { run_id: &run_id, ..Try::new(bed, "a", script) }.drive();
                        if driven.status == AgentStatus::Pending {
                            let mut refused = refused.lock().expect("a list");
                            refused.push(code(&driven).to_owned());
                            if refused.len() == drivers - 1 {
                                fs::write(bed.folder.path().join("a/go"), "").expect("written");
                            }
                        }
                        driven
                    })
                })
                .collect();
            all.into_iter().map(|driver| driver.join().expect("no panic")).collect()
        });
        assert_eq!(refused.into_inner().expect("a list"), ["agent-busy"; 3]);
        assert_eq!(ends.iter().filter(|driven| driven.status == AgentStatus::Completed).count(), 1);
    });
}

#[test]
fn a_driver_whose_lock_somebody_else_takes_writes_nothing_more_and_ends_its_agent() {
    Bed::each(|bed| {
        let script =
            format!("{INTO_EXECUTE}while :; do say '{{\"output\":\"beta\",\"content\":{{}}}}'; sleep 0.02; done\n");
        let fence: Mutex<Option<Fence>> = Mutex::new(None);
        let in_execute = |snapshot: &Snapshot| {
            let mut fence = fence.lock().expect("a fence");
            if snapshot.phase == Some(Phase::Execute) && fence.is_none() {
                let taken = bed.store.seize(&keys::agent_lock(&id("a")), &Holder::new("another").expect("a name"));
                let taken = taken.expect("seized");
                bed.store.put(&keys::agent_state(&id("a")), b"mine", Some(&taken)).expect("held");
                *fence = Some(taken);
            }
        };
        let tried = Try { observe: &in_execute, ..Try::new(bed, "a", &script) };
        let driven = tried.drive();
        assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "LOCK_EXPIRED"), "{driven:?}");
        assert!(tried.is_gone() && !driven.missing.is_empty());
        let kept = bed.store.get(&keys::agent_state(&id("a"))).expect("read").expect("a state");
        assert_eq!(kept.value, b"mine");
        assert_eq!(bed.store.held(&keys::agent_lock(&id("a"))).expect("read").expect("held").by, "another");
    });
}

#[test]
fn a_revocation_on_another_machine_ends_all_runs_of_that_agent_and_no_other() {
    Bed::each(|bed| {
        let script = format!(
            "{INTO_EXECUTE}while ! test -e \"$HERE/go\"; do say '{{\"heartbeat\":true}}'; sleep 0.02; done\n{TO_THE_END}"
        );
        let reached = Mutex::new(0);
        let in_execute = |snapshot: &Snapshot| {
            if snapshot.phase == Some(Phase::Execute) && snapshot.status == AgentStatus::Running {
                *reached.lock().expect("a number") += 1;
            }
        };
        let (one, other) = (
            Try { observe: &in_execute, ..Try::new(bed, "a", &script) },
            Try { observe: &in_execute, ..Try::new(bed, "b", &script) },
        );
        thread::scope(|scope| {
            let (one, other) = (scope.spawn(|| one.drive()), scope.spawn(|| other.drive()));
            until("both at work", || *reached.lock().expect("a number") >= 2);
            bed.revoke("a", "r-1");
            let one = one.join().expect("no panic");
            assert_eq!((one.status, cause(&one)), (AgentStatus::Revoked, "token_revoked"), "{one:?}");
            fs::write(bed.folder.path().join("b/go"), "").expect("written");
            assert_eq!(other.join().expect("no panic").status, AgentStatus::Completed);
        });
        assert_eq!(bed.list(&keys::revocations()).len(), 1, "what stands there is not written again");
    });
}

#[test]
fn an_agent_that_is_through_and_does_not_end_is_still_revoked() {
    let bed = Bed::sqlite();
    let script = format!("{INTO_EXECUTE}{TO_THE_END}\nsleep 120\n");
    let exits = |snapshot: &Snapshot| {
        if snapshot.status == AgentStatus::Completed {
            bed.revoke("a", "r-1");
        }
    };
    let mut tried = Try { observe: &exits, ..Try::new(&bed, "a", &script) };
    tried.patience.gentle = Duration::from_secs(100);
    let since = Instant::now();
    let driven = tried.drive();
    assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
    assert!(since.elapsed() < Duration::from_secs(50) && tried.is_gone(), "its process was left alone");
    // Nor does it outlive its lock.
    let mut tried = Try::new(&bed, "b", &script);
    tried.patience.gentle = Duration::from_secs(100);
    tried.plan.lock = Duration::from_secs(3);
    let since = Instant::now();
    assert_eq!(tried.drive().status, AgentStatus::Completed);
    assert!(since.elapsed() < Duration::from_secs(50) && tried.is_gone(), "its process was left alone");
}

#[test]
fn a_server_that_dies_ends_the_agents_that_it_watched() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let store = crate::state::open(&server.1, folder.path(), &|_| None, Arc::new(clock)).expect("a store");
    let (pid, bed) = (rustix::process::Pid::from_child(&server.0), Bed { store, folder, _server: Some(server) });
    let in_execute = |snapshot: &Snapshot| {
        if snapshot.phase == Some(Phase::Execute) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    };
    let mut tried = Try { observe: &in_execute, ..Try::new(&bed, "a", &format!("{INTO_EXECUTE}sleep 120\n")) };
    tried.patience.recover = Duration::from_millis(500);
    tried.patience.finish = Duration::from_millis(200);
    let driven = tried.drive();
    assert_eq!(driven.status, AgentStatus::Failed, "{driven:?}");
    assert!(["state-unreachable", "state-unsure"].contains(&code(&driven)), "{driven:?}");
    assert!(tried.is_gone() && driven.missing.contains(&"how it fares".to_owned()), "{driven:?}");
}
