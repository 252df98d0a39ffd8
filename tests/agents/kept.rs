//! What the ledger keeps of agents: a run that is judged again does not start them, and one that goes on starts no agent that
//! had ended, and any other from its last gamma.

use serde_json::json;

use super::{bed::*, *};
use crate::harness::OUT;

#[track_caller]
fn shown(bed: &Bed) -> Value {
    bed.portcullis(&["ledger", "show", "last", "--json"]).run().exits(0).json()
}

fn steps(run: &Value) -> Vec<String> {
    let entries = run["entries"].as_array().expect("entries");
    entries.iter().map(|entry| format!("{} {}", entry["kind"], entry["name"]).replace('"', "")).collect()
}

/// An agent whose outputs are judged by its own gates and by a later one.
fn judged(bed: &Bed, script: &str) {
    bed.manifest(&[
        &floor(),
        &output("first", "a", "alpha"),
        &output("draft", "a", "beta"),
        &output("last", "a", "gamma"),
        &looking("checks", "first"),
        &looking("made_ok", "draft"),
        &looking("audit", "last"),
        &bed.agent("a", script, "preflight = ['checks']\nverify = ['made_ok']\n"),
        &stage("audit", &["audit"]),
    ]);
}

fn whole() -> String {
    format!(
        "hear started\nenter BOOTSTRAP\nmake alpha '{{\"a\":[1,\"é\"]}}'\nenter PREFLIGHT\nenter PLAN\noffer\nenter EXECUTE\n{TO_THE_END}"
    )
}

#[test]
fn a_run_is_kept_with_its_agents_and_comes_to_the_same_without_starting_them() {
    Bed::each(|bed| {
        judged(bed, &whole());
        bed.run().exits(0);
        let record = bed.dir.decision();
        let run = shown(bed);
        let steps = steps(&run);
        for step in ["agent a", "gate checks", "gate made_ok", "gate audit", "evidence last"] {
            assert!(steps.iter().any(|found| found == step), "{step}: {steps:?}");
        }
        bed.portcullis(&["ledger", "show", "last"]).run().exits(0).says("agent a");
        bed.portcullis(&["ledger", "verify"]).run().exits(0);
        // Nothing of the world is needed any more, nor is any of it changed.
        if bed.server.is_none() {
            std::fs::rename(bed.dir.path("state.sqlite"), bed.dir.path("away.sqlite")).expect("moved");
        }
        std::fs::remove_file(bed.dir.path("a.sh")).expect("removed");
        let replayed = bed.portcullis(&["replay", "last", "--json"]).run();
        assert_eq!(replayed.exits(0).json()["same"], true, "{replayed}");
        assert!(bed.server.is_some() || !bed.dir.has("state.sqlite"));
        let written = bed.dir.read(format!("{OUT}/decision.json"));
        bed.portcullis(&["resume", "last"]).run().exits(0);
        assert_eq!(bed.dir.read(format!("{OUT}/decision.json")), written);
        assert_eq!((bed.starts("a"), record["decision"].as_str()), (1, Some("go")));
    });
}

#[test]
fn runs_that_ended_badly_come_to_the_same_too() {
    let ends = |exit: i32, script: &str| {
        let bed = Bed::sqlite();
        judged(&bed, script);
        bed.run().exits(exit);
        let written = bed.dir.read(format!("{OUT}/decision.json"));
        let replayed = bed.portcullis(&["replay", "last", "--json"]).run();
        assert_eq!(replayed.exits(0).json()["same"], true, "{replayed}");
        bed.portcullis(&["resume", "last"]).run().exits(exit);
        assert_eq!(bed.dir.read(format!("{OUT}/decision.json")), written, "{exit}");
        assert_eq!((bed.starts("a"), bed.history("a").len()), (1, 1));
    };
    let refused = format!(
        "hear started\nenter BOOTSTRAP\nmake alpha {}\nsay '{{\"phase\":\"EXECUTE\"}}'\nsleep 60\n",
        content(&broken("SCOPE_VIOLATION"))
    );
    thread::scope(|scope| {
        scope.spawn(|| ends(1, "hear started\nexit 3\n"));
        scope.spawn(move || ends(1, &refused));
    });
}

/// Made with a lock that is soon over, so that a run which goes on need not wait for long.
const SHORT: &str = "heartbeat = '3s'\nlock = '3s'\n";

/// Kills a run as a power cut would, and waits until nobody holds the lock of its agent any more.
fn kill(bed: &Bed, running: crate::harness::Running<'_>, agent: &str) {
    running.kill();
    bed.dir.tidy_up();
    until("the lock is over", || bed.holder(agent).is_none());
    // Nobody hears it any more, and its pipes are broken.
    process_ends(&bed.dir, &format!("{agent}.pid"));
}

#[test]
fn a_run_that_was_killed_goes_on_from_the_last_gamma_of_its_agent() {
    Bed::each(|bed| {
        let script = format!(
            r#"
IFS= read -r line
printf '%s\n' "$line" >> "$ME.heard"
case "$line" in *'"checkpoint":null'*) ;; *)
  enter PACKAGE; enter REPORT; say '{{"done":true}}'; exit 0;;
esac
enter BOOTSTRAP
enter PREFLIGHT
enter PLAN
offer
enter EXECUTE
error E1
make beta {made}
enter VERIFY
make gamma '{{"at":1}}'
enter PACKAGE
make gamma '{{"at":2}}'
stay go
"#,
            made = content(crate::harness::PASS)
        );
        bed.manifest(&[
            &floor(),
            &output("draft", "a", "beta"),
            &output("last", "a", "gamma"),
            &judging("made_ok", "draft"),
            &looking("audit", "last"),
            &bed.agent("a", &script, &format!("{SHORT}verify = ['made_ok']\n")),
            &stage("audit", &["audit"]),
        ]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a"]);
        kill(bed, running, "a");
        let resumed = bed.portcullis(&["resume", "last"]).run();
        let heard: Vec<String> = bed.dir.text("a.heard").lines().map(str::to_owned).collect();
        assert_eq!(heard.len(), 2, "{resumed}");
        let started: Value = serde_json::from_str(&heard[1]).expect("JSON");
        let point = &started["started"]["checkpoint"];
        let expect = (&json!("gamma"), &json!("PACKAGE"), &json!({"at": 2}));
        assert_eq!((&point["type"], &point["phase"], &point["content"]), expect, "{started}");
        resumed.exits(0);
        let record = bed.dir.decision();
        assert_eq!(of(&record, "a")["status"], "COMPLETED");
        assert_eq!(started["started"]["run_id"], record["runId"], "it is the same run");
        assert_eq!(record["errorBudget"]["agents"][0]["spent"]["total"], 1, "its errors went on with it");
        assert_eq!(gate(&record, "audit")["details"]["input"], json!({"at": 2}));
        bed.has_kept_what_it_said("a");
        bed.portcullis(&["replay", "last"]).run().exits(0);
        // A run of its own starts anew.
        bed.tell(&["a"], "go");
        bed.run();
        let heard = bed.dir.text("a.heard");
        assert!(heard.lines().last().expect("a line").contains("\"checkpoint\":null"), "{heard}");
    });
}

#[test]
fn what_is_left_of_an_agent_whose_host_was_killed_is_ended_by_the_run_that_goes_on() {
    Bed::each(|bed| {
        // Its lock would hold for minutes, and nothing of it minds that nobody hears it any more.
        let script = format!(
            "trap '' PIPE TERM HUP\nif test -e again; then {}\nexit 0; fi\n: > again\n{INTO_EXECUTE}deeds\nstay go\nwhile :; do sleep 0.05; done\n",
            work()
        );
        bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a"]);
        running.kill();
        bed.dir.tidy_up();
        let left = bed.dir.text("a.pid");
        bed.dir.write("left", &left);
        bed.tell(&["a"], "go");
        assert!(bed.holder("a").is_some());
        bed.portcullis(&["resume", "last"]).run().exits(0);
        process_ends(&bed.dir, "left");
        let deeds = bed.lines("a.deeds");
        thread::sleep(Duration::from_millis(200));
        assert_eq!((bed.lines("a.deeds"), bed.starts("a"), bed.holder("a")), (deeds, 2, None));
        assert_eq!(of(&bed.dir.decision(), "a")["status"], "COMPLETED");
    });
}

#[test]
fn an_agent_that_had_ended_is_not_started_again_by_a_run_that_goes_on() {
    Bed::each(|bed| {
        let slow = "[evidence.slow]\ncommand = ['/bin/sh', '-c', 'echo x >> asked; : > slow.there; while ! test -e slow.go; do sleep 0.05; done']\n\
            env = { PATH = '/usr/bin:/bin' }\ntimeout = '50s'\nafter = ['last']\n";
        bed.manifest(&[
            &floor(),
            &output("last", "a", "gamma"),
            slow,
            &looking("audit", "slow"),
            &bed.agent("a", &work(), ""),
            &stage("audit", &["audit"]),
        ]);
        let mut running = bed.start();
        until_there("the command behind the agent", &mut running, || bed.dir.has("slow.there"));
        running.kill();
        bed.dir.tidy_up();
        assert_eq!((bed.starts("a"), bed.holder("a")), (1, None));
        bed.tell(&["slow"], "go");
        bed.portcullis(&["resume", "last"]).run().exits(0);
        assert_eq!((bed.starts("a"), bed.lines("asked"), bed.history("a").len()), (1, 2, 1));
        let record = bed.dir.decision();
        assert_eq!(of(&record, "a")["status"], "COMPLETED");
        assert!(stages(&record).contains(&"a completed".to_owned()));
        bed.portcullis(&["replay", "last"]).run().exits(0);
    });
}

#[test]
fn what_an_interrupted_run_left_goes_on_with_the_state_that_it_was_called_with() {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", &waiting(), SHORT)]);
    let mut running = bed.portcullis(&["run", "--state", "other.sqlite"]).start();
    bed.are_there(&mut running, &["a"]);
    crate::interrupts::send(running.id(), rustix::process::Signal::INT);
    running.wait().exits(3);
    let kept = bed.dir.read("other.sqlite").len();
    assert!(kept > 0 && bed.history("a").is_empty(), "the other state has it");
    bed.tell(&["a"], "go");
    bed.portcullis(&["resume", "last"]).run().exits(0);
    assert_eq!(bed.starts("a"), 2);
    let shown = bed.portcullis(&["agent", "show", "a", "--state", "other.sqlite", "--json"]).run().exits(0).json();
    assert_eq!(shown["runs"].as_array().map(Vec::len), Some(2), "{shown}");
    assert!(bed.history("a").is_empty(), "and no other one does");
}

#[test]
fn whenever_a_run_is_killed_it_goes_on_to_the_same_end_and_nothing_that_was_kept_is_lost() {
    Bed::each(|bed| {
        // Any of its phases may be the last of an attempt; a short nap lets each be that.
        let nap = |line: &str| format!("{line}\nsleep 0.02\n");
        let steps = [
            "hear started",
            "enter BOOTSTRAP",
            "enter PREFLIGHT",
            "enter PLAN",
            "offer",
            "enter EXECUTE",
            "make beta '{\"n\":1}'",
        ];
        let anew: String = steps.map(nap).concat();
        let ends =
            ["make gamma '{\"n\":1}'", "enter PACKAGE", "enter REPORT", "say '{\"done\":true}'"].map(nap).concat();
        let script = format!(
            "hear() {{ while IFS= read -r line; do case \"$line\" in *'\"started\"'*'\"phase\":\"VERIFY\"'*) enter VERIFY; {}; exit 0;; *\"$1\"*) return 0;; esac; done; exit 9; }}\n{anew}enter VERIFY\n{ends}",
            ends.replace('\n', "; ").trim_end_matches("; ")
        );
        bed.manifest(&[
            &floor(),
            &output("last", "a", "gamma"),
            &looking("audit", "last"),
            &bed.agent("a", &script, "heartbeat = '6s'\nlock = '6s'\n"),
            &stage("audit", &["audit"]),
        ]);
        for tenth in 1..14 {
            let running = bed.start();
            thread::sleep(Duration::from_millis(tenth * 30));
            running.kill();
            bed.dir.tidy_up();
            let resume = || bed.portcullis(&["resume", "last"]).run();
            let mut resumed = resume();
            if resumed.status == Some(2) {
                // It had not begun.
                continue;
            }
            if resumed.status == Some(3) {
                // Killed with the lock and before it was known where its agent is: nobody can say that it does not run.
                resumed.says("agent-busy");
                until("the lock is over", || bed.holder("a").is_none());
                bed.run().exits(0);
                resumed = resume();
            }
            resumed.exits(0);
            let record = bed.dir.decision();
            assert_eq!(of(&record, "a")["status"], "COMPLETED", "{tenth}");
            assert_eq!(gate(&record, "audit")["details"]["input"], json!({"n": 1}), "{tenth}");
            assert_eq!(bed.holder("a"), None, "{tenth}");
            bed.has_kept_what_it_said("a");
            bed.portcullis(&["replay", "last"]).run().exits(0);
        }
        assert!(bed.revocations().is_empty());
        bed.portcullis(&["ledger", "verify"]).run().exits(0);
    });
}
