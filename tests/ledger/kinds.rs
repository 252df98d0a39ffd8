//! Runs of every kind: killed and resumed, resumed once they had ended, and replayed, they come to what they came to.

use std::os::unix::fs::symlink;

use super::*;
use crate::{
    harness::{FAIL, PASS, REVIEW, answering, answering_as, hex},
    server::{Behaviour, Server},
};

const PROBED: &str = r#"{"verdict":"pass","evidence":[{"probe_kind":"headless_run","passed":true,"summary":"it ran",
    "duration_seconds":0.1,"payload":{"n":1}}]}"#;

/// Runs it, resumes and replays what came of that, and then kills one run after the other behind each of its steps and has it
/// go on. `anew` puts the world back where runs begin.
fn comes_to_the_same(dir: &Dir, more: &[&str], status: i32, anew: impl Fn()) -> Value {
    let run = [&["run", "--now", NOW, "--subject", SUBJECT], more].concat();
    anew();
    let before = if dir.has(LEDGER) { counted(dir) } else { 0 };
    dir.portcullis(&run).run().exits(status);
    let (whole, expect) = (counted(dir) - before, dir.decision());
    resumes_to_its_record(dir, status);
    for wanted in 1..whole {
        anew();
        let before = counted(dir);
        let mut running = dir.portcullis(&run).start();
        wait_until("the entries are there", || entries(dir) >= before + wanted || running.has_ended());
        kill(dir, running);
        dir.portcullis(&["resume", "last"]).run().exits(status);
        same(&lasting(&dir.decision()), &lasting(&expect));
        assert_eq!(shown(dir, "last")["entries"].as_array().map(Vec::len), Some(usize::try_from(whole).expect("few")));
    }
    resumes_to_its_record(dir, status);
    adds_up(dir);
    expect
}

fn resumes_to_its_record(dir: &Dir, status: i32) {
    let (decision, before) = (dir.text(format!("{OUT}/decision.json")), files(dir));
    fs::remove_dir_all(dir.path(OUT)).expect("removed");
    dir.portcullis(&["resume", "last"]).run().exits(status);
    assert_eq!(dir.text(format!("{OUT}/decision.json")), decision);
    dir.portcullis(&["replay", "last"]).run().exits(0).says("comes to the same");
    assert_eq!(files(dir), before);
}

#[test]
fn a_run_over_many_files() {
    let dir = Dir::new();
    dir.parrot("validator");
    dir.parrot("gate");
    for at in 0..30 {
        dir.write(format!("docs/{at:02}.txt"), hex(if at == 7 { FAIL } else { PASS }.as_bytes()));
    }
    dir.write("docs/30.txt", "");
    dir.write("docs/31.txt", "x".repeat(200));
    symlink("nowhere", dir.path("docs/32.txt")).expect("a link");
    let validator = "[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\nlimits = { input = 150 }\nenforcement = 'advisory'\n\
        [gate.none]\nmodule = 'parrot-validator.wasm'\neach = 'none/*.txt'\nenforcement = 'advisory'\n";
    dir.manifest(&format!("{validator}{}", answering("good", PASS)));
    let decision = comes_to_the_same(&dir, &[], 0, || {});
    assert_eq!(decision["gates"][1]["fault"]["code"], "evidence-missing", "{}", decision["gates"][1]);
}

#[test]
fn a_run_with_probes_and_completion() {
    let dir = Dir::new();
    dir.parrot("probe");
    dir.gate("traps.wasm", "probe", &include_str!("../hostile/traps.wat").replace("TRAP", "unreachable"));
    let sources = [("run", &*sh("echo out; exit 3", "")), ("killed", &sh("kill -9 $$", ""))];
    let probes = format!(
        "[gate.traps]\nmodule = 'traps.wasm'\ninput = {{ run = 'run' }}\n[gate.saw]\nmodule = 'traps.wasm'\ninput = 'killed'\n{}",
        answering_as("probe", "probed", PROBED)
    );
    manifest(&dir, "[completion]\nmode = 'product_complete'\n", &sources, &probes);
    let decision = comes_to_the_same(&dir, &[], 3, || {});
    assert_eq!(decision["completion"]["outcome"], "blocked", "{decision}");
}

#[test]
fn a_run_whose_command_leaves_children_behind() {
    let dir = Dir::new();
    dir.echo();
    let left = sh("setsid sleep 300 & echo $! > left; sleep 300 & echo out", "");
    manifest(&dir, "", &[("run", &left)], "[gate.look]\nmodule = 'echo.wasm'\ninput = 'run'\n");
    dir.run().exits(0);
    let child = dir.text("left");
    wait_until("it has ended", || !std::path::Path::new(&format!("/proc/{}", child.trim())).exists());
    resumes_to_its_record(&dir, 0);
    assert_eq!(dir.text("left"), child, "it ran once");
}

#[test]
fn a_run_that_was_signed_off() {
    let dir = Dir::new();
    dir.parrot("gate");
    let trust = dir.text("trust.toml");
    dir.new_key("ann");
    dir.write(
        "trust.toml",
        format!("{trust}[approver.ann]\nkeys = [\"{}\"]\ngates = [\"manual\"]\n", short(&dir, "ann")),
    );
    dir.manifest(&format!("{}{}", answering("manual", REVIEW), answering("good", PASS)));
    let approve =
        ["approve", "manual", "--key", "ann.key", "--expires", "30d", "--reason", "looked", "--subject", SUBJECT];
    let ahead = ["--manifest", "portcullis.toml", "--now", NOW];
    dir.portcullis(&[&approve[..], &ahead].concat()).run().exits(0);
    let decision = comes_to_the_same(&dir, &["--strict-manual"], 0, || {});
    assert_eq!(decision["approvals"][0]["approver"], "ann");
    let elsewhere = ["--strict-manual", "--approvals", "elsewhere"];
    fs::rename(dir.path("approvals"), dir.path("elsewhere")).expect("moved");
    comes_to_the_same(&dir, &elsewhere, 0, || {});
    // What comes in beside it afterwards does not turn a decision that was made.
    let out = ["--approvals", "elsewhere", "--strict-manual"];
    fs::create_dir(dir.path("empty")).expect("made");
    dir.portcullis(&["run", "--now", NOW, "--subject", SUBJECT, "--approvals", "empty", "--strict-manual"])
        .run()
        .exits(1);
    let name = dir.path("elsewhere").read_dir().expect("listed").next().expect("one").expect("listed").file_name();
    fs::copy(dir.path("elsewhere").join(&name), dir.path("empty").join(&name)).expect("copied");
    dir.portcullis(&["resume", "last"]).run().exits(1);
    dir.portcullis(&[&["run", "--now", NOW, "--subject", SUBJECT], &out[..]].concat()).run().exits(0);
}

#[test]
fn a_run_by_what_was_recorded() {
    let dir = Dir::new();
    dir.echo();
    dir.parrot("validator");
    dir.write("in.json", "[1]");
    dir.write("docs/a.txt", hex(PASS.as_bytes()));
    let sources = [("file", "{ file = 'in.json' }"), ("run", &sh("echo $$", "")), ("gone", "{ file = 'gone.json' }")];
    let gates = "[gate.look]\nmodule = 'echo.wasm'\ninput = { file = 'file', run = 'run' }\n\
        [gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\n\
        [gate.miss]\nmodule = 'echo.wasm'\ninput = 'gone'\nenforcement = 'advisory'\n";
    manifest(&dir, "", &sources, gates);
    dir.portcullis(&["collect", "--out", "recorded"]).run();
    // The world has moved on since, and is not asked.
    dir.write("in.json", "[2]");
    dir.write("gone.json", "[3]");
    dir.write("docs/a.txt", "");
    dir.write("docs/b.txt", "");
    let decision = comes_to_the_same(&dir, &["--evidence-dir", "recorded"], 0, || {});
    assert_eq!(decision["gates"][0]["details"]["input"]["file"], serde_json::json!([1]), "{decision}");
    fs::remove_file(dir.path("in.json")).expect("removed");
    comes_to_the_same(&dir, &["--evidence-dir", "recorded"], 0, || {});
}

#[test]
fn a_run_of_some_gates_over_named_evidence() {
    let dir = Dir::new();
    dir.echo();
    dir.parrot("gate");
    dir.write("mine.json", "[7]");
    let gates =
        "[gate.look]\nmodule = 'echo.wasm'\ninput = 'file'\nneeds = ['good']\n[gate.other]\nmodule = 'gone.wasm'\n";
    manifest(&dir, "", &[("file", "{ file = 'in.json' }")], &format!("{gates}{}", answering("good", PASS)));
    let decision = comes_to_the_same(&dir, &["--gates", "look", "--evidence", "file=mine.json"], 0, || {});
    assert_eq!(decision["gates"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_run_where_evidence_failed_in_every_way() {
    let dir = Dir::new();
    dir.echo();
    dir.write("large.json", format!("\"{}\"", "x".repeat(100)));
    dir.write("broken.json", "{");
    dir.write("folder.json/file", "");
    let sources = [
        ("large", "{ file = 'large.json' }"),
        ("broken", "{ file = 'broken.json' }"),
        ("gone", "{ file = 'gone.json' }"),
        ("folder", "{ file = 'folder.json' }"),
        ("optional", "{ file = 'gone.json', optional = true }"),
        ("never", "{ file = 'large.json', after = ['fails'] }"),
        ("fails", &sh("exit 1", ", format = 'json'")),
        ("killed", &sh("kill -9 $$", "")),
        ("slow", &sh("sleep 30", ", timeout = '1s'")),
        ("unset", &sh("echo ${env:PORTCULLIS_NOT_SET}", "")),
    ];
    let gate = |(name, _): &(&str, &str)| {
        format!(
            "[gate.{name}]\nmodule = 'echo.wasm'\ninput = '{name}'\nlimits = {{ input = 4000 }}\nenforcement = 'advisory'\n"
        )
    };
    let small =
        "[gate.small]\nmodule = 'echo.wasm'\ninput = 'large'\nlimits = { input = 50 }\nenforcement = 'advisory'\n";
    let gates: String = sources.iter().map(gate).collect();
    let decides = "[gate.decides]\nmodule = 'echo.wasm'\ninput = { a = 'broken', b = 'killed' }\n";
    manifest(
        &dir,
        "",
        &sources,
        &format!("{gates}{small}{decides}").replacen("limits = { input = 4000 }", "limits = { input = 50 }", 1),
    );
    let decision = comes_to_the_same(&dir, &[], 3, || {});
    let outcomes =
        decision["gates"].as_array().expect("gates").iter().filter(|gate| gate["outcome"] == "fault").count();
    assert!(outcomes >= 7, "{decision}");
}

#[test]
fn a_run_that_holds_what_was_there_against_what_it_made() {
    let dir = Dir::new();
    dir.echo();
    dir.write("log.txt", "begun\n");
    let sources = [
        ("before", "{ files = 'out/**' }"),
        ("log", "{ file = 'log.txt' }"),
        ("run", &sh("mkdir -p out; echo x > out/a; echo ran >> log.txt", ", after = ['before', 'log']")),
        ("after", "{ files = 'out/**', after = ['run'] }"),
    ];
    let look =
        "[gate.look]\nmodule = 'echo.wasm'\ninput = { before = 'before', log = 'log', after = 'after', run = 'run' }\n";
    manifest(&dir, "", &sources, look);
    let anew = || {
        let _ = fs::remove_dir_all(dir.path("out"));
        dir.write("log.txt", "begun\n");
    };
    let run = ["run", "--now", NOW, "--subject", SUBJECT];
    dir.portcullis(&run).run().exits(0);
    resumes_to_its_record(&dir, 0);
    // Behind the command everything that it did stands; before it nothing does.
    for wanted in [1, 2, 3, 4, 5] {
        anew();
        let before = counted(&dir);
        let mut running = dir.portcullis(&run).start();
        wait_until("the entries are there", || entries(&dir) >= before + wanted || running.has_ended());
        kill(&dir, running);
        let ran = steps(&shown(&dir, "last")).contains(&"evidence run".to_owned());
        let log = dir.text("log.txt");
        dir.portcullis(&["resume", "last"]).run().exits(0);
        assert!(!ran || dir.text("log.txt") == log, "it is not run again");
        let input = dir.decision()["gates"][0]["details"]["input"].clone();
        assert_eq!((&input["before"]["count"], &input["after"]["count"]), (&0.into(), &1.into()), "{input}");
    }
    dir.write("out/b", "");
    dir.portcullis(&["resume", "last"]).run().exits(2).refuses_with("resume-changed").says("`after`");
}

#[test]
fn a_run_that_asked_a_server_asks_it_once() {
    let server = Server::start(Behaviour::Good);
    let dir = Dir::new();
    dir.echo();
    let url = server.url("/api/kernel/services");
    let sources = [(
        "asked",
        &*format!("{{ http = {{ url = '{url}', headers = {{ authorization = 'Bearer ${{env:TOKEN}}' }} }} }}"),
    )];
    manifest(&dir, "", &sources, "[gate.look]\nmodule = 'echo.wasm'\ninput = 'asked'\n");
    dir.portcullis(&["run"]).env("TOKEN", "s3cr3t-of-the-server").run().exits(0);
    assert_eq!(server.asked("/api/kernel/services"), 1);
    // Whoever resumes or replays it need not know the secret, and finds it nowhere.
    resumes_to_its_record(&dir, 0);
    assert_eq!(server.asked("/api/kernel/services"), 1);
    for (file, bytes) in files(&dir) {
        assert!(!bytes.windows(20).any(|part| part == b"s3cr3t-of-the-server"), "{file}");
    }
}

/// A gate that counts for about a second, and passes.
fn takes_a_moment() -> String {
    let counts = "(local $left i64) (local.set $left (i64.const 400000000))
        (loop $more (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br_if $more (i64.ne (local.get $left) (i64.const 0))))";
    CONTENT.replace("(func (export \"_start\")", &format!("(func (export \"_start\") {counts}"))
}

#[test]
fn a_run_that_was_interrupted_passes_over_nothing_when_it_goes_on() {
    use crate::interrupts::send;
    let dir = Dir::new();
    dir.parrot("gate");
    dir.gate("spins.wasm", "gate", &takes_a_moment());
    let sources = [("waits", &*sh("echo x >> begun; while [ ! -e go ]; do sleep 0.01; done", ", timeout = '80s'"))];
    let stages = "[[stage]]\nid = 'a'\ntype = 'parallel'\ngates = ['spins', 'good']\n\
        [[stage]]\nid = 'b'\ntype = 'parallel'\ngates = ['later']\nneeds = ['a']\n";
    // When it is interrupted it gives no verdict, and what needs it is passed over for now.
    let spins = "[gate.spins]\nmodule = 'spins.wasm'\ninput = 'waits'\nlimits = { fuel = '100G', time = '60s' }\n";
    let later = answering("later", PASS);
    let good = format!("{}needs = ['spins']\n", answering("good", PASS));
    manifest(&dir, "", &sources, &format!("{spins}{good}{later}{stages}"));
    let run = || dir.portcullis(&["run", "--now", NOW]);
    dir.write("go", "");
    run().run().exits(0);
    let (whole, expect) = (counted(&dir), dir.decision());
    for wanted in [1, 4] {
        let _ = fs::remove_file(dir.path("go"));
        let _ = fs::remove_file(dir.path("begun"));
        let before = counted(&dir);
        let running = run().start();
        wait_until("the command waits", || dir.has("begun"));
        if wanted == 4 {
            dir.write("go", "");
            wait_until("its evidence is there", || entries(&dir) >= before + wanted);
        }
        send(running.id(), rustix::process::Signal::INT);
        running.wait().exits(3).says("interrupted");
        dir.write("go", "");
        dir.portcullis(&["resume", "last"]).run().exits(0);
        same(&lasting(&dir.decision()), &lasting(&expect));
        assert_eq!(counted(&dir), before + whole);
    }
}
