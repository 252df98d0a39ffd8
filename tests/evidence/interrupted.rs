//! Ctrl-C while evidence is collected: children end with the run, and what was known is told.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::{dir, ends, input, manifest, wait_until};
use crate::{
    interrupts::{send, wait_until_it_works},
    server::{Behaviour, Server},
};

const SLEEPS: &str = "slow = { command = ['/bin/sh', '-c', 'sleep 300 & echo $! >grandchild; echo $$ >child; wait'], \
    env = { PATH = '/usr/bin:/bin' }, timeout = '5m' }\nquick = { value = 1 }";

#[test]
fn ctrl_c_ends_a_command_and_its_children_and_says_what_was_known() {
    for signal in [Signal::INT, Signal::TERM] {
        let dir = dir();
        manifest(&dir, "", SLEEPS);
        let running = dir.portcullis(&["run"]).start();
        wait_until_it_works(running.id());
        wait_until("the command runs", || dir.has("child"));
        let sent = Instant::now();
        send(running.id(), signal);
        let ended = running.wait();
        assert!(sent.elapsed() < Duration::from_secs(20), "{ended}");
        ended.exits(3).says("interrupted");
        ends(&dir, "child");
        ends(&dir, "grandchild");
        let decision = dir.decision();
        assert_eq!((&decision["decision"], &decision["exitCode"]), (&json!("blocked"), &json!(3)));
        assert_eq!(input(&decision, "slow")["outcome"], "interrupted", "{decision}");
        assert_ne!(decision["gates"][0]["outcome"], "pass");
    }
}

#[test]
fn ctrl_c_ends_what_waits_for_a_server() {
    let dir = dir();
    for behaviour in
        [Behaviour::HangBeforeHeaders, Behaviour::HangInBody, Behaviour::HangBetweenEvents, Behaviour::Drip]
    {
        let server = Server::start(behaviour);
        manifest(&dir, "", &format!("slow = {{ http = {{ url = '{}', timeout = '5m' }} }}", server.url("/x")));
        let running = dir.portcullis(&["run"]).start();
        wait_until_it_works(running.id());
        wait_until("it is asked", || server.asked("/x") == 1);
        let sent = Instant::now();
        send(running.id(), Signal::INT);
        let ended = running.wait();
        assert!(sent.elapsed() < Duration::from_secs(20), "{ended}");
        ended.exits(3).says("interrupted");
        assert_eq!(input(&dir.decision(), "slow")["outcome"], "interrupted");
    }
}

#[test]
fn ctrl_c_while_evidence_is_recorded_leaves_nothing_that_passes_for_a_recording() {
    let dir = dir();
    manifest(&dir, "", SLEEPS);
    let running = dir.portcullis(&["collect", "portcullis.toml", "--out", "recorded"]).start();
    wait_until_it_works(running.id());
    wait_until("the command runs", || dir.has("child"));
    send(running.id(), Signal::INT);
    running.wait().exits(3).says("interrupted");
    ends(&dir, "child");
    ends(&dir, "grandchild");
    let judged = dir.portcullis(&["run", "--evidence-dir", "recorded"]).run();
    assert!(matches!(judged.status, Some(2..=4)), "{judged}");
}
