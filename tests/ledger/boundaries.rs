//! A run that is killed behind each of its steps, and goes on as if it never had been.

use rustix::process::Signal;

use super::*;
use crate::{
    harness::{Ended, FAIL, PASS, answering},
    interrupts::send,
};

const SPINS: &str = include_str!("../hostile/spins.wat");
/// Enough to be seen at it, and little enough to run out of it soon.
const SPINNING: &str = "enforcement = 'advisory'\nlimits = { fuel = '300M', time = '60s' }\n";
const PIECES: [&str; 3] = ["one", "two", "three"];

/// Three commands one after another, each of which waits until it may go on and says that it ran; then two gates that judge
/// what they said, and between them one that takes a moment.
fn pipeline() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.echo();
    dir.gate("spins.wasm", "gate", SPINS);
    let mut sources = Vec::new();
    for (index, name) in PIECES.iter().enumerate() {
        let script = format!(
            "while [ ! -e go-{name} ]; do kill -0 $PPID || exit 9; sleep 0.01; done; echo {name} >> ran; echo out {name}"
        );
        let after = index.checked_sub(1).map_or(String::new(), |before| format!(", after = ['{}']", PIECES[before]));
        sources.push((*name, sh(&script, &format!(", timeout = '80s'{after}"))));
    }
    let sources: Vec<(&str, &str)> = sources.iter().map(|(name, source)| (*name, source.as_str())).collect();
    let stages = ["looks", "spins", "good", "spins_too", "bad"].map(|gate| format!("gates = ['{gate}']\n"));
    let stage = |(at, gates): (usize, &String)| {
        let needs = at.checked_sub(1).map_or(String::new(), |before| format!("needs = ['s{before}']\n"));
        format!("[[stage]]\nid = 's{at}'\ntype = 'parallel'\n{gates}{needs}")
    };
    let stages: String = stages.iter().enumerate().map(stage).collect();
    let looks = "[gate.looks]\nmodule = 'echo.wasm'\ninput = { one = 'one', two = 'two', three = 'three' }\n";
    let spins = ["spins", "spins_too"].map(|name| format!("[gate.{name}]\nmodule = 'spins.wasm'\n{SPINNING}")).concat();
    let tables = format!("{looks}{spins}{}{}{stages}", answering("good", PASS), answering("bad", FAIL));
    manifest(&dir, "", &sources, &tables);
    dir
}

/// The entries of a whole run: its begin, five pieces of evidence, five gates, its end.
const ALL: u64 = 12;

fn start(dir: &Dir) -> Running<'_> {
    dir.portcullis(&["run", "--now", NOW, "--subject", SUBJECT]).start()
}

fn let_go(dir: &Dir, pieces: &[&str]) {
    pieces.iter().for_each(|piece| dir.write(format!("go-{piece}"), ""));
}

/// What a run comes to that nobody breaks off.
fn unbroken() -> (Dir, Value) {
    let dir = pipeline();
    let_go(&dir, &PIECES);
    start(&dir).wait().exits(1);
    let decision = dir.decision();
    assert_eq!(entries(&dir), ALL);
    (dir, decision)
}

/// Forgets every run, and that any command may go on.
fn begin_anew(dir: &Dir) {
    fs::remove_dir_all(dir.path(LEDGER).parent().expect("a folder")).expect("removed");
    for file in ["ran", "go-one", "go-two", "go-three"] {
        let _ = fs::remove_file(dir.path(file));
    }
}

fn resume(dir: &Dir, run: &str) -> Ended {
    dir.portcullis(&["resume", run]).run()
}

/// Breaks a run off once the ledger has so many entries, and has it go on: nothing of what it had is different afterwards.
fn breaks_off_behind(dir: &Dir, wanted: u64, expect: &Value, end: impl Fn(&Dir, Running<'_>)) {
    begin_anew(dir);
    // As many commands may end as entries are wanted: the begin, the two values beside the commands, and theirs.
    let ended = PIECES.len().min(usize::try_from(wanted.saturating_sub(3)).expect("a few"));
    let_go(dir, &PIECES[..ended]);
    let mut running = start(dir);
    wait_until("the entries are there", || entries(dir) >= wanted || running.has_ended());
    end(dir, running);
    adds_up(dir);
    let before = shown(dir, "last");
    let kept = Export::of(dir, "last");
    assert_eq!(before["finished"].is_null(), steps(&before).len() < usize::try_from(ALL).expect("few"));
    let ran = fs::read_to_string(dir.path("ran")).unwrap_or_default();
    let_go(dir, &PIECES);
    resume(dir, "last").exits(1);
    let after = shown(dir, "last");
    let (was, is) = (before["entries"].as_array().expect("entries"), after["entries"].as_array().expect("entries"));
    assert_eq!(is[..was.len()], was[..], "what was kept stays");
    assert_eq!(is.len() as u64, ALL);
    for step in steps(&before).iter().filter_map(|step| step.strip_prefix("evidence ")) {
        let times = |ran: &str| ran.lines().filter(|line| *line == step).count();
        assert_eq!(times(&dir.text("ran")), times(&ran), "`{step}` had ended, and is not run again");
    }
    let decision = dir.decision();
    assert_eq!(decision["runId"], before["run"]);
    same(&lasting(&decision), &lasting(expect));
    for (name, bytes) in kept.evidence() {
        let looked = decision["gates"][0]["details"]["input"][&name].clone();
        assert!(looked.is_null() || looked == serde_json::from_slice::<Value>(&bytes).expect("JSON"), "{name}");
    }
    assert_eq!(adds_up(dir)["head"]["entries"], ALL);
    dir.portcullis(&["replay", "last"]).run().exits(0);
}

#[test]
fn a_run_that_is_killed_behind_any_step_goes_on_without_doing_one_again() {
    let (dir, expect) = unbroken();
    for wanted in 1..ALL {
        breaks_off_behind(&dir, wanted, &expect, kill);
    }
}

#[test]
fn a_run_that_the_user_ended_goes_on_without_doing_a_step_again() {
    let (dir, expect) = unbroken();
    for wanted in [1, 4, 5, 7, 8, 10] {
        breaks_off_behind(&dir, wanted, &expect, |_, running| {
            send(running.id(), Signal::INT);
            // It may have come to its end a moment before.
            let ended = running.wait();
            assert!(matches!(ended.status, Some(1 | 3)), "{ended}");
        });
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_gets_there() {
    let (dir, expect) = unbroken();
    begin_anew(&dir);
    let mut running = start(&dir);
    wait_until("it has begun", || entries(&dir) >= 1);
    let run = text(&shown(&dir, "last")["run"]);
    for wanted in 2..ALL {
        wait_until("the entries are there", || {
            // One more than it waits for: of a step that was kept as the run was killed, the witness may not know yet.
            let ended = usize::try_from(wanted.saturating_sub(2)).expect("a few");
            let_go(&dir, &PIECES[..ended.min(PIECES.len())]);
            entries(&dir) >= wanted || running.has_ended()
        });
        kill(&dir, running);
        running = dir.portcullis(&["resume", &run]).start();
    }
    running.wait().exits(1);
    same(&lasting(&dir.decision()), &lasting(&expect));
    assert_eq!(adds_up(&dir)["head"]["entries"], ALL);
    assert_eq!(listed(&dir, &[]).len(), 1);
}

#[test]
fn a_run_that_came_to_its_end_gives_its_record_again_from_wherever_it_is_asked() {
    let (dir, _) = unbroken();
    let decision = dir.read(format!("{OUT}/decision.json"));
    let (results, sign_off) =
        (dir.read(format!("{OUT}/gate_results.json")), dir.read(format!("{OUT}/gate_sign_off.md")));
    let (ran, before) = (dir.text("ran"), files(&dir));
    let again = |ended: Ended, out: &str| {
        ended.exits(1);
        assert_eq!(dir.read(format!("{out}/decision.json")), decision, "{ended}");
        assert_eq!(dir.read(format!("{out}/gate_results.json")), results);
        assert_eq!(dir.read(format!("{out}/gate_sign_off.md")), sign_off);
    };
    fs::remove_dir_all(dir.path(OUT)).expect("removed");
    again(resume(&dir, "last"), OUT);
    let json = dir.portcullis(&["resume", "last", "--out", "other", "--output", "json"]).run();
    assert_eq!(json.stdout.as_bytes(), decision);
    again(json, "other");
    fs::create_dir(dir.path("elsewhere")).expect("made");
    let program = env!("CARGO_BIN_EXE_portcullis");
    let script = format!("cd elsewhere && {program} resume last --output results=r.json");
    again(dir.other("sh", &["-c", &script]).run(), "elsewhere/portcullis-out");
    assert_eq!(dir.read("elsewhere/r.json"), results);
    assert_eq!((dir.text("ran"), files(&dir)), (ran, before), "nothing was done for it");
}

#[test]
fn of_two_that_are_at_one_run_the_second_is_refused() {
    let dir = pipeline();
    let_go(&dir, &["one"]);
    let running = start(&dir);
    wait_until("it is at its second command", || entries(&dir) >= 4);
    let refused = |what: &[&str]| {
        let before = files(&dir);
        let ended = dir.portcullis(what).run();
        ended.exits(3).refuses_with("run-claimed");
        assert_eq!(files(&dir), before);
    };
    let run = text(&shown(&dir, "last")["run"]);
    refused(&["resume", "last"]);
    refused(&["ledger", "prune", &run]);
    dir.portcullis(&["ledger", "list"]).run().exits(0).says("under way");
    kill(&dir, running);
    dir.portcullis(&["ledger", "list", "--unfinished"]).run().exits(0).says("broken off").says(&run);
    dir.portcullis(&["replay", "last"]).run().exits(2).refuses_with("run-unfinished");
    let resumed = dir.portcullis(&["resume", "last"]).start();
    wait_until("somebody is at it", || listed(&dir, &[])[0]["state"] == "under way");
    refused(&["resume", &run]);
    let_go(&dir, &PIECES);
    resumed.wait().exits(1);
    assert_eq!(dir.text("ran"), "one\ntwo\nthree\n");
    assert_eq!(adds_up(&dir)["head"]["entries"], ALL);
}
