//! Agents that mean no good: what they write, what they do not read, and what they would like to be seen.

use super::*;
use crate::state::faults::{Fault, Faulty};

#[test]
fn a_flood_of_lines_or_of_bytes_without_an_end_holds_nothing_up_and_ends_the_agent() {
    let bed = Bed::sqlite();
    for (name, script, status, expect) in [
        ("a", "yes '{}'", AgentStatus::Revoked, "ERROR_BUDGET_EXCEEDED"),
        ("b", "tr '\\0' x < /dev/zero", AgentStatus::Revoked, "HEARTBEAT_TIMEOUT"),
        ("c", "cat /dev/zero", AgentStatus::Revoked, "HEARTBEAT_TIMEOUT"),
        ("d", "yes ''", AgentStatus::Revoked, "HEARTBEAT_TIMEOUT"),
        ("e", "yes '{\"heartbeat\":true}'", AgentStatus::Failed, ""),
        ("f", "yes >&2", AgentStatus::Revoked, "HEARTBEAT_TIMEOUT"),
    ] {
        let mut tried = Try::new(&bed, name, script);
        tried.plan.heartbeat = Duration::from_millis(500);
        tried.plan.timeout = if name == "e" { Duration::from_secs(1) } else { Duration::from_secs(60) };
        let driven = tried.drive();
        assert_eq!((driven.status, cause(&driven)), (status, expect), "{name}: {driven:?}");
        assert!(tried.is_gone() && driven.notes.len() <= 64 << 10, "{name}");
    }
}

#[test]
fn a_flood_of_outputs_waits_for_the_state_and_the_last_one_is_kept() {
    let bed = Bed::sqlite();
    let script = "hear started\nenter BOOTSTRAP\ni=0\nwhile test $i -lt 300; do i=$((i+1)); say \"{\\\"output\\\":\\\"alpha\\\",\\\"content\\\":{\\\"n\\\":$i}}\"; done\nsay '{\"heartbeat\":true}'\n";
    let driven = Try::new(&bed, "a", script).drive();
    assert_eq!(driven.missing, [""; 0]);
    let last = driven.outputs.get(OutputType::Alpha).expect("an output");
    assert_eq!(last.content.as_json(), r#"{"n": 300}"#);
    let kept = bed.store.get(&keys::agent_output(&id("a"), &id("alpha"))).expect("read").expect("kept");
    assert!(String::from_utf8_lossy(&kept.value).contains(r#"{"n": 300}"#));
}

#[test]
fn a_flood_of_broken_rules_is_counted_and_the_first_of_them_are_listed() {
    let bed = Bed::sqlite();
    let script = "hear started\nyes '{\"confidence\":0.1}' | head -n 300\n";
    let mut tried = Try::new(&bed, "a", script);
    tried.plan.confidence = crate::agent::Confidence::new(0.5);
    let driven = tried.drive();
    assert_eq!((driven.violations.len(), driven.status), (256, AgentStatus::Failed));
    assert_eq!(driven.missing, ["44 more violations, too many to list"]);
}

#[test]
fn last_words_are_heard_however_slow_the_state_is() {
    let bed = Bed::sqlite();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bed.store)));
    faulty.inject(Fault::NetworkDelay(Duration::from_millis(25)), usize::MAX);
    let script = "printf '{\"phase\":\"BOOTSTRAP\"}\\n'; i=0; while test $i -lt 100; do i=$((i+1)); say \"{\\\"output\\\":\\\"alpha\\\",\\\"content\\\":{\\\"n\\\":$i}}\"; done\n";
    let store = Arc::clone(&faulty) as Arc<dyn State>;
    let mut tried = Try { store, ..Try::new(&bed, "a", script) };
    tried.patience.finish = Duration::from_secs(60);
    let driven = tried.drive();
    let last = driven.outputs.get(OutputType::Alpha).expect("an output");
    assert_eq!(last.content.as_json(), r#"{"n": 100}"#, "{driven:?}");
    assert_eq!(driven.missing, [""; 0]);
}

#[test]
fn an_agent_that_does_not_read_what_it_is_told_is_ended() {
    let bed = Bed::sqlite();
    let mut tried = Try::new(
        &bed,
        "a",
        "hear started\nenter BOOTSTRAP\nwhile :; do say '{\"output\":\"alpha\",\"content\":{}}'; done\n",
    );
    tried.plan.timeout = Duration::from_secs(120);
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-deaf"), "{driven:?}");
    assert!(tried.is_gone() && bed.is_free("a"));
    // Who closes its stdin does not care to hear, and may go on.
    let script = "exec <&-\nsay '{\"phase\":\"BOOTSTRAP\"}'\nsay '{\"output\":\"alpha\",\"content\":{}}'\n";
    let driven = Try::new(&bed, "b", script).drive();
    assert_eq!((driven.status, code(&driven), driven.phase), (AgentStatus::Failed, "", Some(Phase::Bootstrap)));
}

#[test]
fn a_process_that_holds_the_pipes_open_behind_the_agent_does_not_hold_up_its_end() {
    let bed = Bed::sqlite();
    let script = "hear started\nenter BOOTSTRAP\nsetsid sh -c 'echo $$ > \"$HERE/stray\"; exec sleep 30' &\nwhile ! test -s \"$HERE/stray\"; do sleep 0.01; done\nexit 0\n";
    let tried = Try::new(&bed, "a", script);
    let since = Instant::now();
    let driven = tried.drive();
    assert_eq!(driven.status, AgentStatus::Failed);
    assert!(since.elapsed() < Duration::from_secs(25), "it waited for the other process");
    let stray = fs::read_to_string(tried.here().join("stray")).expect("a pid");
    let stray = stray.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    let _ = rustix::process::kill_process(stray, rustix::process::Signal::KILL);
}

#[test]
fn the_value_of_a_variable_is_in_nothing_that_comes_of_a_run() {
    let bed = Bed::sqlite();
    let script = r#"
hear started
enter BOOTSTRAP
say "{\"output\":\"alpha\",\"content\":{\"t\":\"<$TOKEN>\"}}"
hear checkpoint
say "{\"error\":{\"code\":\"$TOKEN\",\"message\":\"$TOKEN\"}}"
say "{\"$TOKEN\":1}"
echo "note $TOKEN and s3cret-va" >&2
printf 'end %s' s3cret-v >&2
"#;
    let mut tried = Try::new(&bed, "a", script);
    tried.plan.env.push(("TOKEN".to_owned(), Template::parse("${env:TOKEN}").expect("a template")));
    let driven = tried.drive();
    assert!(!format!("{driven:?}").contains("s3cret-value"), "{driven:?}");
    assert_eq!(driven.notes, "note [env TOKEN] and s3cret-va\nend ");
    assert_eq!(driven.outputs.get(OutputType::Alpha).expect("kept").content.as_json(), r#"{"t": "<[env TOKEN]>"}"#);
    assert_eq!(driven.spent.same.get("HIDDEN"), Some(&1));
    let file = fs::read(bed.folder.path().join("state.sqlite")).expect("a store");
    let log = fs::read(bed.folder.path().join("state.sqlite-wal")).unwrap_or_default();
    for bytes in [file, log] {
        assert!(!bytes.windows(12).any(|window| window == b"s3cret-value"));
    }
}

#[test]
fn what_cannot_be_started_is_said_and_its_lock_is_free() {
    let bed = Bed::sqlite();
    let mut tried = Try::new(&bed, "a", "");
    tried.plan.argv = vec![Template::text("/does/not/exist".to_owned())];
    let driven = tried.drive();
    assert_eq!((driven.status, code(&driven)), (AgentStatus::Failed, "agent-not-started"));
    tried.plan.argv = vec![Template::parse("${env:GONE}").expect("a template")];
    assert_eq!(code(&tried.drive()), "agent-env-missing");
    assert!(bed.is_free("a"));
}
