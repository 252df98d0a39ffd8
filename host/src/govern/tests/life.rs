//! Lives that go as they should, and ends that come from outside.

use super::*;
use crate::{
    agent::ClarifiedPlan,
    manifest::{EventsPlan, Filter, Hosts, Sink, SinkPlan},
    notify,
};

#[test]
fn a_good_life_is_completed_and_all_of_it_stands_in_the_state() {
    Bed::each(|bed| {
        let phases = Mutex::new(Vec::new());
        let observe = |snapshot: &Snapshot| phases.lock().expect("a list").extend(snapshot.phase);
        let script = format!("echo a note >&2\n{INTO_EXECUTE}say '{{\"heartbeat\":true}}'\n{TO_THE_END}");
        let driven = Try { observe: &observe, ..Try::new(bed, "a", &script) }.drive();
        assert_eq!((driven.status, driven.stage), (AgentStatus::Completed, StageStatus::Completed), "{driven:?}");
        assert_eq!((driven.missing.as_slice(), code(&driven), driven.notes.as_str()), ([].as_slice(), "", "a note"));
        let beta = driven.outputs.get(OutputType::Beta).expect("an output");
        assert_eq!(beta.content.as_json(), r#"{"made": 1}"#);
        let mut seen = phases.into_inner().expect("a list");
        seen.dedup();
        assert_eq!(seen, Phase::ORDER);
        let agent = id("a");
        let snapshot = bed.snapshot("a");
        assert_eq!(
            (snapshot.status, snapshot.phase, snapshot.verified),
            (AgentStatus::Completed, Some(Phase::Exit), true)
        );
        for kind in ["beta", "gamma"] {
            let kept = bed.store.get(&keys::agent_output(&agent, &id(kind))).expect("read");
            assert!(kept.is_some(), "{kind}");
        }
        assert_eq!(bed.list(&keys::task_artifacts(&id("p.a"))).len(), 3, "the plan is an output too");
        assert!(bed.store.get(&keys::agent_heartbeat(&agent)).expect("read").is_some());
        assert!(bed.store.get(&keys::agent_packet(&agent)).expect("read").is_some());
        assert_eq!(bed.store.get(&keys::handoff(&id("p.a"))), Ok(None), "nothing is left to go on from");
        let runs = bed.list(&keys::history_runs(&agent));
        assert_eq!((runs.len(), &runs[0]["status"]), (1, &serde_json::json!("COMPLETED")));
        assert!(bed.is_free("a") && bed.list(&keys::revocations()).is_empty());
    });
}

#[test]
fn what_an_agent_does_out_of_order_revokes_it_and_its_group_is_gone() {
    Bed::each(|bed| {
        let script = "hear started\nenter BOOTSTRAP\nsay '{\"phase\":\"EXECUTE\"}'\n(while :; do echo x >> \"$HERE/deeds\"; sleep 0.01; done) &\nsleep 60\n";
        let tried = Try::new(bed, "a", script);
        let driven = tried.drive();
        assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "APPLY_WITHOUT_PLAN"), "{driven:?}");
        let rules: Vec<_> = driven.violations.iter().map(|violation| violation.rule.name()).collect();
        assert_eq!(rules, ["APPLY_WITHOUT_PLAN", "RUN_WITHOUT_CHECK"]);
        assert!(tried.is_gone());
        let deeds = || fs::read(tried.here().join("deeds")).unwrap_or_default().len();
        let before = deeds();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(deeds(), before, "a revoked agent does nothing more");
        assert_eq!(bed.revocations(), ["APPLY_WITHOUT_PLAN"]);
        assert_eq!(bed.snapshot("a").status, AgentStatus::Revoked);
        assert!(bed.is_free("a"));
    });
}

#[test]
fn gates_judge_and_what_they_refuse_or_report_counts() {
    let bed = Bed::sqlite();
    let verify_fails = |asked, _: &Outputs| Judged {
        asked,
        passed: asked != Asked::Verify,
        reason: "tests fail".to_owned(),
        ..pass(asked, &Outputs::default())
    };
    let script = format!("{INTO_EXECUTE}{TO_THE_END}");
    let driven = Try { judge: &verify_fails, ..Try::new(&bed, "a", &script) }.drive();
    assert_eq!((driven.status, driven.stage, code(&driven)), (AgentStatus::Failed, StageStatus::Failed, ""));
    assert!(driven.reason.expect("a reason").contains("tests fail"));
    let reports = |asked, outputs: &Outputs| {
        assert!(asked != Asked::Plan || outputs.get(OutputType::Beta).is_some(), "the plan is there to be judged");
        let reports = vec![Report::of_gate("guard", "UNAUTHORIZED_PROD", "it went there")];
        Judged {
            asked,
            passed: asked == Asked::Preflight,
            reports: if asked == Asked::Plan { reports } else { Vec::new() },
            ..pass(asked, outputs)
        }
    };
    let driven = Try { judge: &reports, ..Try::new(&bed, "b", &script) }.drive();
    assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "UNAUTHORIZED_PROD"));
    let panics = |_, _: &Outputs| panic!("a gate's own trouble");
    let script = "hear started; enter BOOTSTRAP; say '{\"phase\":\"PREFLIGHT\"}'; hear CHECKS_FAILED; exit 0";
    let driven = Try { judge: &panics, ..Try::new(&bed, "c", script) }.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-not-judged"), "{driven:?}");
    let faults = |asked, outputs: &Outputs| Judged { passed: false, faulted: true, ..pass(asked, outputs) };
    let driven = Try { judge: &faults, ..Try::new(&bed, "d", script) }.drive();
    assert_eq!((code(&driven), driven.spent.total), ("agent-not-judged", 0), "a fault is nothing that it did");
    let advisory = |asked, outputs: &Outputs| Judged { verifies: false, ..pass(asked, outputs) };
    let driven = Try { judge: &advisory, ..Try::new(&bed, "e", &format!("{INTO_EXECUTE}{TO_THE_END}")) }.drive();
    assert_eq!((driven.status, driven.verified), (AgentStatus::Completed, false), "nothing that decides has passed");
}

#[test]
fn an_agent_that_exits_too_early_has_failed_wherever_it_was() {
    let bed = Bed::sqlite();
    for (name, script, place) in [
        ("a", "exit 0", "before its first phase"),
        ("b", "hear started; enter BOOTSTRAP; exit 3", "BOOTSTRAP"),
        ("c", "hear started; enter BOOTSTRAP; kill -9 $$", "BOOTSTRAP"),
        // Its last line has no line feed, and is heard all the same.
        ("d", "hear started; printf '{\"phase\":\"BOOTSTRAP\"}'", "BOOTSTRAP"),
    ] {
        let tried = Try::new(&bed, name, script);
        let driven = tried.drive();
        assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, ""), "{name}");
        assert!(driven.reason.expect("a reason").contains(place), "{name}");
        assert!(tried.is_gone() && bed.is_free(name));
    }
}

#[test]
fn what_was_said_before_the_end_is_heard_also_when_gates_take_their_time() {
    let bed = Bed::sqlite();
    // Longer than a process that is gone is listened to, and with more behind it than may wait.
    let slow = |asked, outputs: &Outputs| {
        thread::sleep(Duration::from_millis(if asked == Asked::Preflight { 1_300 } else { 100 }));
        pass(asked, outputs)
    };
    let beats = "{\"heartbeat\":true}\n".repeat(60);
    let lines = [
        r#"{"phase":"BOOTSTRAP"}"#,
        r#"{"phase":"PREFLIGHT"}"#,
        beats.trim_end(),
        r#"{"phase":"PLAN"}"#,
        r#"{"plan":{}}"#,
        r#"{"phase":"EXECUTE"}"#,
        r#"{"phase":"VERIFY"}"#,
        r#"{"output":"gamma","content":{}}"#,
        r#"{"phase":"PACKAGE"}"#,
        r#"{"phase":"REPORT"}"#,
        r#"{"phase":"EXIT"}"#,
    ];
    let script: String = lines.iter().map(|line| format!("say '{line}'\n")).collect();
    let driven = Try { judge: &slow, ..Try::new(&bed, "a", &script) }.drive();
    assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
}

#[test]
fn a_run_that_is_interrupted_or_out_of_time_leaves_nothing_behind() {
    let bed = Bed::sqlite();
    let script = format!("trap '' TERM\n{INTO_EXECUTE}\n(trap '' TERM; sleep 60) &\nwhile :; do sleep 0.05; done\n");
    let mut tried = Try::new(&bed, "a", &script);
    tried.plan.timeout = Duration::from_millis(600);
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-timeout"), "{driven:?}");
    assert!(tried.is_gone() && bed.is_free("a"));

    static CANCELLED: AtomicBool = AtomicBool::new(false);
    let in_execute = |snapshot: &Snapshot| {
        if snapshot.phase == Some(Phase::Execute) {
            CANCELLED.store(true, Ordering::Relaxed);
        }
    };
    let tried = Try { cancelled: &CANCELLED, observe: &in_execute, ..Try::new(&bed, "b", &script) };
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-interrupted"), "{driven:?}");
    assert!(tried.is_gone() && bed.is_free("b"));
    let again = tried.drive();
    assert_eq!(code(&again), "agent-interrupted", "nothing starts any more");
}

#[test]
fn descendants_that_left_the_group_are_ended_with_a_revoked_agent() {
    let bed = Bed::sqlite();
    let script = format!(
        "{INTO_EXECUTE}setsid sh -c 'echo $$ > \"$HERE/stray\"; exec sleep 300' &\nwhile ! test -s \"$HERE/stray\"; do sleep 0.01; done\nsay '{{\"phase\":\"PLAN\"}}'\nsleep 60\n"
    );
    let tried = Try::new(&bed, "a", &script);
    let driven = tried.drive();
    assert_eq!((driven.status, cause(&driven)), (AgentStatus::Revoked, "PROCEDURE_VIOLATION"), "{driven:?}");
    let stray = fs::read_to_string(tried.here().join("stray")).expect("a pid");
    let state = || fs::read_to_string(format!("/proc/{}/stat", stray.trim()));
    until("the end of the stray", || state().map_or(true, |stat| stat.contains(") Z ")));
}

#[test]
fn the_same_error_three_times_pauses_until_a_clarified_plan_is_acknowledged() {
    Bed::each(|bed| {
        let acknowledge = r#"
error E1; error E1; error E1
while IFS= read -r line; do case "$line" in *'"paused"'*) break;; esac; done
plan=${line#*'"plan_id":"'}; plan=${plan%%'"'*}
say "{\"acknowledge\":\"$plan\"}"
hear resumed
"#;
        let script = format!("{INTO_EXECUTE}{acknowledge}{TO_THE_END}");
        let tried = Try::new(bed, "a", &script);
        let driven = tried.drive();
        assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
        let mail = bed.list(&keys::project_broadcast(&id("p")));
        let kinds: Vec<_> = mail.iter().filter_map(|mail| mail.as_object()?.keys().next().cloned()).collect();
        assert_eq!(kinds, ["clarify", "plan", "plan"]);
        assert_eq!(mail[2]["plan"]["acknowledged_by"], serde_json::json!(["a"]));
        let counters = bed.store.counters(&keys::agent_errors(&id("a"))).expect("counters");
        assert_eq!((counters.get(&id("total")), counters.get(&id("error.E1"))), (Some(&3), Some(&3)));
        assert_eq!(bed.list(&keys::agent_error_log(&id("a"))).len(), 3);

        // Somebody else draws up the plan, and the host waits for it.
        let mut tried = Try::new(bed, "b", &script);
        tried.plan.clarify = None;
        let store = Arc::clone(&bed.store);
        let driven = thread::scope(|scope| {
            scope.spawn(move || {
                let find = || {
                    let page = store.read(&keys::project_broadcast(&id("p")), 0, 100).expect("a list");
                    page.items.iter().find_map(|item| match serde_json::from_slice(&item.value) {
                        Ok(Mail::Clarify(request)) if request.trouble.agent_id == "b" => Some(request),
                        _ => None,
                    })
                };
                until("the question", || find().is_some());
                let request = find().expect("a question");
                let forged = request.trouble.plan("do harm".to_owned(), Vec::new(), clock());
                let forged = Mail::Plan(ClarifiedPlan { clarified_objective: "other".to_owned(), ..forged });
                let plan = Mail::Plan(request.trouble.plan("do otherwise".to_owned(), Vec::new(), clock()));
                for mail in [forged, plan] {
                    let json = serde_json::to_vec(&mail).expect("JSON");
                    store.append(&keys::project_broadcast(&id("p")), &json, None).expect("written");
                }
            });
            tried.drive()
        });
        assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
        let plans: Vec<_> = bed.list(&keys::project_broadcast(&id("p")));
        assert_eq!(plans.last().expect("a plan")["plan"]["clarified_objective"], "do otherwise");
    });
}

#[test]
fn an_agent_that_is_interrupted_may_put_its_things_in_order() {
    let bed = Bed::sqlite();
    let script =
        format!("trap 'echo tidy > \"$HERE/tidy\"; exit 0' TERM\n{INTO_EXECUTE}while :; do sleep 0.05; done\n");
    let mut tried = Try::new(&bed, "a", &script);
    tried.plan.timeout = Duration::from_secs(2);
    tried.patience.term = Duration::from_secs(30);
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-timeout"), "{driven:?}");
    assert!(tried.here().join("tidy").exists() && tried.is_gone());
}

#[test]
fn the_world_is_told_what_happens_while_it_does() {
    let bed = Bed::sqlite();
    let file = bed.folder.path().join("events.jsonl");
    let plan = EventsPlan { sinks: vec![SinkPlan { to: Sink::File(file.clone()), kinds: Filter::All }] };
    let run = notify::Run { id: "r-1".to_owned(), pipeline: "p".to_owned() };
    static GOES_ON: AtomicBool = AtomicBool::new(false);
    let world = World { variable: &|_| None, clock: &clock, cancelled: &GOES_ON };
    let notifier = Notifier::open(&plan, run, &Hosts::Loopback, world, Arc::new(clock)).expect("a file");
    let script = format!("{INTO_EXECUTE}{TO_THE_END}");
    let driven = Try { notifier: Some(&notifier), ..Try::new(&bed, "a", &script) }.drive();
    assert_eq!(driven.status, AgentStatus::Completed, "{driven:?}");
    let script = "hear started\nsay '{\"phase\":\"EXECUTE\"}'\nsleep 60\n";
    let driven = Try { notifier: Some(&notifier), ..Try::new(&bed, "b", script) }.drive();
    assert_eq!(driven.status, AgentStatus::Revoked, "{driven:?}");
    assert_eq!(notifier.finish(notify::WAIT).lost(), 0);
    let events = fs::read_to_string(file).expect("written");
    let events: Vec<serde_json::Value> = events.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |agent: &str| -> Vec<_> {
        let events = events.iter().filter(|event| event["agent_id"] == agent);
        events.map(|event| event["event"].as_str().expect("a kind").to_owned()).collect()
    };
    assert_eq!(of("a"), ["plan_created", "execution_started", "execution_complete"]);
    assert_eq!(of("b"), ["violation_detected", "violation_detected", "agent_revoked"]);
}
