//! Ends that are nobody's wish: interrupts, time that is over, programs that are not there; and what is left of an agent then.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::json;

use super::{bed::*, *};
use crate::interrupts::send;

#[test]
fn an_interrupted_run_ends_its_agents_with_all_that_they_started_and_is_blocked() {
    let end = |name: &str, traps: &str| {
        let bed = Bed::sqlite();
        let script = format!("{traps}\n{INTO_EXECUTE}deeds\nstay go\n");
        bed.manifest(&[&floor(), &bed.agent("a", &script, ""), &bed.agent("b", &script, "")]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a", "b"]);
        let sent = Instant::now();
        send(running.id(), Signal::INT);
        let ended = running.wait();
        assert!(sent.elapsed() < Duration::from_secs(20), "{name}: {ended}");
        ended.exits(3);
        let record = bed.dir.decision();
        assert_eq!(record["decision"], "blocked", "{name}");
        for agent in ["a", "b"] {
            bed.is_gone(agent);
            let entry = of(&record, agent);
            let expect = (&json!("FAILED"), &json!("agent-interrupted"));
            assert_eq!((&entry["status"], &entry["hindrance"]), expect, "{name}: {entry}");
            assert_eq!((bed.snapshot(agent)["status"].as_str(), bed.holder(agent)), (Some("FAILED"), None), "{name}");
        }
        assert!(bed.revocations().is_empty(), "{name}");
    };
    thread::scope(|scope| {
        scope.spawn(|| end("it ends when it is asked to", ""));
        scope.spawn(|| end("it ignores that", "trap '' TERM INT"));
    });
}

#[test]
fn a_second_interrupt_ends_the_run_at_once_and_its_agents_hear_no_more() {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", &format!("{INTO_EXECUTE}stay go\n"), "")]);
    let mut running = bed.start();
    bed.are_there(&mut running, &["a"]);
    send(running.id(), Signal::INT);
    thread::sleep(Duration::from_millis(1));
    send(running.id(), Signal::INT);
    let ended = running.wait();
    assert!(matches!(ended.status, Some(3 | 130)), "{ended}");
    // Nobody is there to hear it, so its pipe breaks at its next line.
    process_ends(&bed.dir, "a.pid");
}

#[test]
fn a_daemon_that_it_leaves_behind_is_ended_with_the_run() {
    let bed = Bed::sqlite();
    let daemon = "(setsid sh -c 'echo $$ > stray; exec sleep 300' >/dev/null 2>&1 </dev/null &)\n\
        while ! test -s stray; do sleep 0.05; done\n";
    bed.manifest(&[&floor(), &bed.agent("a", &format!("{INTO_EXECUTE}{daemon}{TO_THE_END}"), "")]);
    bed.run().exits(0);
    process_ends(&bed.dir, "stray");
}

#[test]
fn what_keeps_the_host_from_letting_an_agent_go_on_holds_the_run_up() {
    let hindered = |code: &str, script: &str, more: &str| {
        let bed = Bed::sqlite();
        let manifest = bed.agent("a", script, more);
        let manifest = match code {
            "agent-not-started" => manifest.replace("/bin/sh", "./not-there"),
            "agent-env-missing" => manifest.replace("ME = 'a'", "ME = '${env:NOT_SET}'"),
            _ => manifest,
        };
        bed.manifest(&[&floor(), &manifest]);
        let ended = bed.run();
        ended.exits(3).says("blocked").says(code);
        let record = bed.dir.decision();
        let entry = of(&record, "a");
        assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("FAILED"), &json!(code)), "{entry}");
        assert!(codes(&record).contains(&code), "{code}: {:?}", codes(&record));
        assert!(stages(&record).contains(&"a failed".to_owned()), "{code}");
        assert_eq!(gate(&record, "floor")["outcome"], "pass");
        assert_eq!(bed.holder("a"), None, "{code}");
        if bed.dir.has("a.pid") {
            bed.is_gone("a");
        }
    };
    thread::scope(|scope| {
        let stays = format!("{INTO_EXECUTE}deeds\nstay go\n");
        scope.spawn(|| hindered("agent-not-started", "", ""));
        scope.spawn(|| hindered("agent-env-missing", "", ""));
        scope.spawn(move || hindered("agent-timeout", &stays, "timeout = '2s'\n"));
        scope.spawn(|| {
            // It is told something for every line, and hears nothing.
            let deaf = "hear started\nenter BOOTSTRAP\nwhile :; do say '{\"output\":\"alpha\",\"content\":{}}'; done\n";
            hindered("agent-deaf", deaf, "");
        });
    });
}

#[test]
fn an_agent_that_ends_before_it_is_through_has_failed_and_that_is_a_no_go() {
    let ends = |script: &str, place: &str| {
        let bed = Bed::sqlite();
        bed.manifest(&[&floor(), &bed.agent("a", script, "heartbeat = '2s'\n")]);
        let ended = bed.run();
        ended.exits(1).says("no-go");
        let record = bed.dir.decision();
        let entry = of(&record, "a");
        assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("FAILED"), &json!(null)), "{script}: {entry}");
        assert!(entry["reason"].as_str().is_some_and(|why| why.contains(place)), "{script}: {entry}");
        assert!(codes(&record).contains(&"agent-failed"), "{:?}", codes(&record));
        assert_eq!(bed.history("a")[0]["status"], "FAILED");
    };
    let exits = format!("{INTO_EXECUTE}make beta '{{}}'\nexit 0\n");
    let killed = format!("{INTO_EXECUTE}kill -9 $$\n");
    thread::scope(|scope| {
        scope.spawn(|| ends("exit 0\n", "before its first phase"));
        scope.spawn(move || ends(&exits, "EXECUTE"));
        scope.spawn(move || ends(&killed, "EXECUTE"));
        scope.spawn(|| ends("hear started\nenter BOOTSTRAP\nexec >&-\nexit 0\n", "BOOTSTRAP"));
    });
}
