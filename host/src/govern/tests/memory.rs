//! What is known of an agent in its next run: revocations, offences, and where to go on.

use std::os::unix::process::CommandExt as _;

use super::*;
use crate::digest::Digest;

#[test]
fn a_revoked_agent_does_not_start_until_somebody_who_is_believed_reinstates_it() {
    Bed::each(|bed| {
        let script = format!("{INTO_EXECUTE}{TO_THE_END}");
        bed.revoke("a", "r-0");
        bed.revoke("other", "r-0");
        let tried = Try::new(bed, "a", &script);
        let driven = tried.drive();
        assert_eq!((driven.status, driven.stage), (AgentStatus::Revoked, StageStatus::Failed));
        assert_eq!(code(&driven), "agent-revoked");
        assert!(!tried.here().join("pid").exists() && bed.is_free("a"), "it was not started");

        let item = bed.store.read(&keys::revocations(), 0, 1).expect("a list").items[0].value.clone();
        let reinstate = |lifts: Vec<Digest>| {
            let entry = LedgerEntry::Reinstated(Reinstatement {
                agent_id: "a".to_owned(),
                lifts,
                at: Time(clock()),
                signed: serde_json::json!({ "payload": "x" }),
            });
            assert_eq!(LedgerEntry::read(entry.to_json().as_bytes()), Some(entry.clone()));
            bed.store.append(&keys::revocations(), entry.to_json().as_bytes(), None).expect("written");
        };
        reinstate(vec![Digest::of(b"another")]);
        assert_eq!(
            code(&Try { believe: true, ..Try::new(bed, "a", &script) }.drive()),
            "agent-revoked",
            "not this one"
        );
        reinstate(vec![Digest::of(&item)]);
        assert_eq!(code(&Try::new(bed, "a", &script).drive()), "agent-revoked", "nobody believes it");
        let driven = Try { believe: true, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");

        bed.revoke("a", "r-1");
        let again = Try { believe: true, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!(code(&again), "agent-revoked", "what was lifted is not what comes later");
    });
}

#[test]
fn an_entry_that_nobody_can_read_lets_nobody_start() {
    let bed = Bed::sqlite();
    bed.store.append(&keys::revocations(), b"{\"banned\":\"all\"}", None).expect("written");
    let driven = Try::new(&bed, "a", "exit 0").drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-ledger-unreadable"));
    let bed = Bed::sqlite();
    bed.store.put(&keys::agent_state(&id("a")), b"{}", None).expect("written");
    assert_eq!(code(&Try::new(&bed, "a", "exit 0").drive()), "agent-state-unreadable");
    assert!(bed.is_free("a"));
}

#[test]
fn a_second_offence_revokes_also_in_another_run() {
    Bed::each(|bed| {
        let offends = |asked, outputs: &Outputs| {
            let reports = vec![Report::of_gate("guard", "SCOPE_VIOLATION", "too far")];
            Judged { reports: if asked == Asked::Preflight { reports } else { Vec::new() }, ..pass(asked, outputs) }
        };
        let script = format!("{INTO_EXECUTE}{TO_THE_END}");
        let first = Try { judge: &offends, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!((first.status, first.offences), (AgentStatus::Completed, 1), "{first:?}");
        let second = Try { judge: &offends, run_id: "r-2", ..Try::new(bed, "a", &script) }.drive();
        assert_eq!((second.status, cause(&second)), (AgentStatus::Revoked, "SCOPE_VIOLATION"));
        let counters = bed.store.counters(&keys::agent_errors(&id("a"))).expect("counters");
        assert_eq!(counters.get(&id("offences")), Some(&2));
    });
}

#[test]
fn a_run_that_stopped_goes_on_from_its_last_gamma_and_one_that_was_completed_does_not() {
    Bed::each(|bed| {
        let stops = format!(
            "{INTO_EXECUTE}enter VERIFY\nsay '{{\"output\":\"gamma\",\"content\":{{\"half\":1}}}}'\nhear checkpoint\nerror E1\nexit 1\n"
        );
        assert_eq!(Try::new(bed, "a", &stops).drive().status, AgentStatus::Failed);
        let goes_on = r#"
hear started
printf '%s\n' "$line" >> "$HERE/started"
case "$line" in *'"half": 1'*|*'"half":1'*)
  enter VERIFY; enter PACKAGE; enter REPORT; say '{"done":true}'; exit 0;;
esac
exit 1
"#;
        let mut other = Try::new(bed, "a", goes_on);
        other.plan.argv[2] = Template::text(format!("{PRELUDE}{goes_on}"));
        // Another command is other work: it starts over.
        let driven = other.drive();
        assert_eq!(driven.status, AgentStatus::Failed, "{driven:?}");
        let both = format!("if test -e \"$HERE/go\"; then {goes_on}\nfi\n{stops}");
        assert_eq!(Try::new(bed, "b", &both).drive().status, AgentStatus::Failed);
        fs::write(bed.folder.path().join("b/go"), "").expect("written");
        let driven = Try { run_id: "r-2", ..Try::new(bed, "b", &both) }.drive();
        assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
        assert_eq!(driven.spent.total, 1, "its errors went on with it");
        let again = Try { run_id: "r-3", ..Try::new(bed, "b", &both) }.drive();
        let started = fs::read_to_string(bed.folder.path().join("b/started")).expect("written");
        assert!(started.lines().last().expect("a line").contains("\"checkpoint\":null"), "{started}");
        assert_eq!(again.spent.total, 0, "a new run has a new budget");
    });
}

#[test]
fn what_a_revoked_agent_made_is_not_gone_on_from_when_it_is_reinstated() {
    let bed = Bed::sqlite();
    let script = format!(
        "if test -e \"$HERE/go\"; then hear started; printf '%s\\n' \"$line\" > \"$HERE/started\"; exit 0; fi\n{INTO_EXECUTE}enter VERIFY\nsay '{{\"output\":\"gamma\",\"content\":{{}}}}'\nhear checkpoint\nsay '{{\"phase\":\"EXECUTE\"}}'\nsleep 60\n"
    );
    let driven = Try::new(&bed, "a", &script).drive();
    assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "PROCEDURE_VIOLATION"));
    let unlifted = standing(&*bed.store, "a", &|_| Err(String::new())).expect("read");
    assert_eq!(unlifted.len(), 1);
    let lifts = unlifted.iter().map(|(digest, _)| *digest).collect();
    let entry = Reinstatement { agent_id: "a".to_owned(), lifts, at: Time(clock()), signed: serde_json::Value::Null };
    let entry = LedgerEntry::Reinstated(entry).to_json();
    bed.store.append(&keys::revocations(), entry.as_bytes(), None).expect("written");
    fs::write(bed.folder.path().join("a/go"), "").expect("written");
    let driven = Try { believe: true, ..Try::new(&bed, "a", &script) }.drive();
    assert_eq!(driven.status, AgentStatus::Failed, "{driven:?}");
    let started = fs::read_to_string(bed.folder.path().join("a/started")).expect("it was started");
    assert!(started.contains("\"checkpoint\":null"), "{started}");
    assert_eq!(driven.spent.procedure, 1, "that is not forgotten");
}

#[test]
fn what_was_made_in_a_run_that_lost_its_lock_is_not_gone_on_from() {
    Bed::each(|bed| {
        let script = format!(
            "if test -e \"$HERE/go\"; then hear started; printf '%s\\n' \"$line\" > \"$HERE/started\"; exit 0; fi\n{INTO_EXECUTE}enter VERIFY\nsay '{{\"output\":\"gamma\",\"content\":{{}}}}'\nhear checkpoint\nenter PACKAGE\nwhile :; do say '{{\"output\":\"gamma\",\"content\":{{}}}}'; hear checkpoint; sleep 0.05; done\n"
        );
        let thief = Mutex::new(None);
        let in_package = |snapshot: &Snapshot| {
            let mut thief = thief.lock().expect("a fence");
            if snapshot.phase == Some(Phase::Package) && thief.is_none() {
                let holder = Holder::new("another").expect("a name");
                *thief = Some(bed.store.seize(&keys::agent_lock(&id("a")), &holder).expect("seized"));
            }
        };
        let driven = Try { observe: &in_package, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "LOCK_EXPIRED"), "{driven:?}");
        assert!(bed.store.get(&keys::handoff(&id("p.a"))).expect("read").is_some(), "nobody could take it away");
        bed.store.release(&thief.into_inner().expect("a fence").expect("taken")).expect("released");
        let unlifted = standing(&*bed.store, "a", &|_| Err(String::new())).expect("read");
        let lifts = unlifted.iter().map(|(digest, _)| *digest).collect();
        let said =
            Reinstatement { agent_id: "a".to_owned(), lifts, at: Time(clock()), signed: serde_json::Value::Null };
        reinstate(&*bed.store, said).expect("written");
        fs::write(bed.folder.path().join("a/go"), "").expect("written");
        let driven = Try { believe: true, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!(driven.status, AgentStatus::Failed, "{driven:?}");
        let started = fs::read_to_string(bed.folder.path().join("a/started")).expect("it was started");
        assert!(started.contains("\"checkpoint\":null"), "{started}");
    });
}

#[test]
fn a_promotion_is_what_an_approver_signed_and_nothing_else() {
    let bed = Bed::sqlite();
    let script = format!(
        "{INTO_EXECUTE}enter VERIFY\nsay '{{\"promotion\":{{\"to\":2,\"reason\":\"r\"}}}}'\nhear promoted\nenter PACKAGE\nenter REPORT\nsay '{{\"done\":true}}'\n"
    );
    let tier = |number| Tier::new(number).expect("a tier");
    let grant = Grant {
        agent_id: "a".to_owned(),
        from: tier(1),
        to: tier(2),
        at: Time(clock()),
        signed: serde_json::Value::Null,
    };
    let json = serde_json::to_vec(&[grant]).expect("JSON");
    let asks = |snapshot: &Snapshot| {
        if snapshot.promotion.is_some() {
            bed.store.put(&keys::blackboard(&id("a"), &id("grants")), &json, None).expect("written");
        }
    };
    let mut tried = Try { observe: &asks, ..Try::new(&bed, "a", &script) };
    tried.plan.timeout = Duration::from_millis(1500);
    let driven = tried.drive();
    assert_eq!((code(&driven), driven.tier), ("agent-timeout", tier(1)), "nobody is believed: {driven:?}");
    bed.store.delete(&keys::blackboard(&id("a"), &id("grants")), None).expect("deleted");
    let driven = Try { observe: &asks, believe: true, run_id: "r-2", ..Try::new(&bed, "a", &script) }.drive();
    assert_eq!((driven.status, driven.tier), (AgentStatus::Completed, tier(2)), "{driven:?}");
    let driven = Try { believe: true, run_id: "r-3", ..Try::new(&bed, "a", "exit 0") }.drive();
    assert_eq!(driven.tier, tier(2), "it starts with what was signed");
    let driven = Try { run_id: "r-4", ..Try::new(&bed, "a", "exit 0") }.drive();
    assert_eq!(driven.tier, tier(1), "and with no more than that");
}

#[test]
fn whoever_resumes_a_run_whose_host_was_killed_waits_for_its_agent_and_takes_its_lock() {
    Bed::each(|bed| {
        let script = format!("{INTO_EXECUTE}{TO_THE_END}");
        let lock = keys::agent_lock(&id("a")).lasting(Duration::from_secs(300));
        let fence = bed.store.acquire(&lock, &Holder::new("run r-1").expect("a name")).expect("the lock");
        let resumed = || Try { resumes: true, ..Try::new(bed, "a", &script) };
        assert_eq!(code(&resumed().drive()), "agent-busy", "who knows what runs");
        let mut left = Command::new("/bin/sh");
        let mut left = left.args(["-c", "sleep 60 & wait"]).process_group(0).spawn().expect("a shell");
        let group = rustix::process::Pid::from_child(&left);
        let packet = |run: &str| {
            let process = takeover::Trace::of(group, None).expect("a trace");
            let packet = serde_json::json!({ "run_id": run, "process": process, "more": 1 }).to_string();
            bed.store.put(&keys::agent_packet(&id("a")), packet.as_bytes(), Some(&fence)).expect("written");
        };
        packet("r-0");
        assert_eq!(code(&resumed().drive()), "agent-busy", "another run's");
        packet("r-1");
        assert_eq!(code(&Try::new(bed, "a", &script).drive()), "agent-busy", "nobody says that its host is gone");
        let other = Try { resumes: true, run_id: "r-2", ..Try::new(bed, "a", &script) }.drive();
        assert_eq!(code(&other), "agent-busy", "not its own run");
        let refused = resumed().drive();
        assert_eq!((code(&refused), refused.status), ("agent-still-there", AgentStatus::Pending), "{refused:?}");
        assert!(refused.reason.as_ref().is_some_and(|why| why.contains(&group.to_string())), "{refused:?}");
        assert!(left.try_wait().expect("a child").is_none(), "nothing is killed by what stands in the state");
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).expect("killed");
        left.wait().expect("waited");
        let driven = resumed().drive();
        assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
        assert!(bed.store.put(&keys::agent_packet(&id("a")), b"{}", Some(&fence)).is_err(), "the lock was taken over");
    });
}

#[test]
fn no_agent_is_started_beside_one_whose_lock_has_run_out() {
    Bed::each(|bed| {
        let mut left = Command::new("/bin/sleep").arg("60").process_group(0).spawn().expect("a process");
        let process = takeover::Trace::of(rustix::process::Pid::from_child(&left), None).expect("a trace");
        let packet = serde_json::json!({ "run_id": "r-0", "process": process }).to_string();
        bed.store.put(&keys::agent_packet(&id("a")), packet.as_bytes(), None).expect("written");
        for resumes in [false, true] {
            let driven = Try { resumes, ..Try::new(bed, "a", "exit 0") }.drive();
            assert_eq!(code(&driven), "agent-still-there", "{driven:?}");
            assert!(bed.is_free("a") && left.try_wait().expect("a child").is_none());
        }
        let ends = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            left.kill().and_then(|()| left.wait()).expect("killed");
        });
        let mut tried = Try::new(bed, "a", &format!("{INTO_EXECUTE}{TO_THE_END}"));
        tried.patience.left = Duration::from_secs(60);
        assert_eq!(tried.drive().status, AgentStatus::Completed, "it has waited for it");
        ends.join().expect("no panic");
    });
}
