//! Under GitHub's runner: problems become annotations and a summary of the step, and nothing that a gate says becomes a
//! command of the runner's.

use serde_json::json;

use crate::harness::{Dir, Ended, PASS, answering};

const MIB: usize = 1 << 20;

/// The lines that the runner obeys: with `::` at their start or `##[` anywhere, but for those between a `stop-commands` and
/// its token. Where those of stderr come in between is anybody's guess, so that nothing stops them.
fn commands(ended: &Ended) -> Vec<&str> {
    let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    let mut found: Vec<&str> = ended.stderr.lines().filter(is_command).collect();
    let mut token: Option<&str> = None;
    for line in ended.stdout.lines() {
        let stops = line.strip_prefix("::stop-commands::");
        match (token, stops) {
            (Some(silence), _) if line.trim() == format!("::{silence}::") => token = None,
            (Some(_), _) => {}
            (None, Some(silence)) => {
                assert!(silence.len() >= 16, "a token that nobody guesses: {silence}");
                token = Some(silence);
            }
            (None, None) => found.extend(Some(line).filter(is_command)),
        }
    }
    assert_eq!(token, None, "the runner listens again at the end\n{ended}");
    found
}

/// Runs under the runner, which reads `summary.md` afterwards.
fn run(dir: &Dir, more: &[&str]) -> Ended {
    let summary = dir.path("summary.md");
    let run = dir.portcullis(&[&["run"], more].concat()).env("GITHUB_ACTIONS", "true");
    run.env("GITHUB_STEP_SUMMARY", summary.to_str().expect("UTF-8")).run()
}

fn dir() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.parrot("validator");
    dir
}

fn finding(code: &str, message: &str, path: &str) -> serde_json::Value {
    json!({ "code": code, "severity": "error", "message": message, "path": path, "line": 3 })
}

#[test]
fn what_keeps_a_run_from_a_go_is_an_annotation_and_stands_in_the_summary() {
    let dir = dir();
    let fails =
        json!({ "verdict": "fail", "findings": [finding("TOO_LONG", "95 characters", "notes/a.md")] }).to_string();
    dir.manifest(&format!("{}{}", answering("lines", fails), answering("good", PASS)));
    dir.write("summary.md", "# From an earlier step\n");
    let ended = run(&dir, &[]);
    ended.exits(1);
    let commands = commands(&ended);
    let errors: Vec<_> = commands.iter().filter(|line| line.starts_with("::error ")).collect();
    assert!(!errors.is_empty() && errors.len() == commands.len(), "{ended}");
    let about = errors.iter().find(|line| line.contains("file=notes/a.md")).unwrap_or_else(|| panic!("{ended}"));
    assert!(about.contains("line=3") && about.contains("95 characters"), "{ended}");
    let summary = dir.text("summary.md");
    assert!(summary.starts_with("# From an earlier step\n"), "what was there stays: {summary}");
    assert!(summary.contains("lines") && summary.contains("no-go"), "{summary}");
}

#[test]
fn a_go_has_no_annotation_of_an_error_and_a_summary_all_the_same() {
    let dir = dir();
    dir.manifest(&answering("good", PASS));
    let ended = run(&dir, &[]);
    ended.exits(0);
    assert!(commands(&ended).iter().all(|line| !line.starts_with("::error")), "{ended}");
    assert!(dir.text("summary.md").contains("good"));
}

#[test]
fn elsewhere_there_are_no_commands_and_no_summary() {
    let dir = dir();
    dir.manifest(&answering("bad", crate::harness::FAIL));
    let summary = dir.path("summary.md");
    for (name, value) in [("GITHUB_ACTIONS", ""), ("GITHUB_ACTIONS", "false"), ("CI", "true")] {
        let ended = dir.portcullis(&["run"]).env(name, value).run();
        ended.exits(1);
        assert!(commands(&ended).is_empty(), "{name}={value}\n{ended}");
    }
    assert!(!summary.exists());
}

/// Words that would be commands, if anything let them be.
const HOSTILE: [&str; 10] = [
    "x\n::error::forged",
    "x\r::error::forged",
    "x\r\n::set-output name=a::forged",
    "::stop-commands::forged",
    "%0A::error::forged",
    "%250A::error::forged",
    "::add-mask::forged",
    "x\u{2028}::error::forged",
    "##[add-path]forged",
    "a,file=forged.rs,line=1::forged",
];

#[test]
fn what_a_gate_says_is_never_a_command() {
    let dir = dir();
    for hostile in HOSTILE {
        let answer = json!({
            "verdict": "fail",
            "summary": hostile,
            "checks": [{ "id": hostile, "passed": false, "failure": hostile }],
            "findings": [finding(hostile, hostile, hostile), { "code": "X", "severity": "warning", "message": hostile }],
            "violations": [{ "type": hostile, "detail": hostile }],
            "next_actions": [hostile],
            "details": { "a": hostile },
        });
        dir.manifest(&answering("hostile", answer.to_string()));
        for more in [&[][..], &["--output", "text"], &["--output", "markdown"], &["-v"]] {
            let ended = run(&dir, more);
            // Whether an answer like that is taken at all is the gate protocol's to say.
            assert!(matches!(ended.status, Some(1 | 3)), "{ended}");
            for line in commands(&ended) {
                check_annotation(line, hostile, &ended);
            }
        }
        let summary = dir.text("summary.md");
        assert!(!summary.lines().any(|line| line.trim_start().starts_with("::")), "{hostile:?}: {summary}");
    }
}

/// That a command is one of ours, whole and with nothing of the gate's in its properties that is not escaped.
#[track_caller]
fn check_annotation(line: &str, hostile: &str, ended: &Ended) {
    let rest = line.strip_prefix("::").unwrap_or_else(|| panic!("{hostile:?}: `{line}`\n{ended}"));
    let (head, message) = rest.split_once("::").unwrap_or_else(|| panic!("{hostile:?}: `{line}`\n{ended}"));
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    assert!(["error", "warning", "notice"].contains(&name), "{hostile:?}: `{line}`\n{ended}");
    for property in properties.split(',').filter(|property| !property.is_empty()) {
        let (name, value) = property.split_once('=').unwrap_or_else(|| panic!("{hostile:?}: `{line}`"));
        assert!(["title", "file", "line", "endLine", "col"].contains(&name), "{hostile:?}: `{line}`");
        assert!(!value.contains(':') && value != "forged.rs", "{hostile:?}: `{line}`");
    }
    assert!(!message.contains("##["), "{hostile:?}: `{line}`");
    // A percent sign that the gate wrote is none of the runner's escapes.
    if hostile.starts_with('%') && message.contains("forged") {
        assert!(unescaped(message).contains(hostile), "{hostile:?}: `{line}`");
    }
}

/// What the runner makes of an annotation's message.
fn unescaped(message: &str) -> String {
    message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

#[test]
fn a_hostile_path_or_name_of_a_file_is_never_a_command() {
    let dir = dir();
    let fails =
        json!({ "verdict": "fail", "findings": [{ "code": "X", "severity": "error", "message": "m", "line": 1 }] });
    for name in ["a,line=9::forged.txt", "a%0Ab.txt", "::error::forged.txt", "a\nb.txt"] {
        dir.write(format!("docs/{name}"), crate::harness::hex(fails.to_string().as_bytes()));
    }
    dir.manifest("[gate.v]\nmodule = 'parrot-validator.wasm'\neach = 'docs/*.txt'\n");
    let ended = run(&dir, &[]);
    assert!(matches!(ended.status, Some(1 | 3)), "{ended}");
    for line in commands(&ended) {
        check_annotation(line, "a file's name", &ended);
    }
}

#[test]
fn ten_thousand_findings_stay_within_what_the_runner_takes() {
    let dir = dir();
    let message = "m".repeat(60);
    let findings: Vec<_> =
        (0..10_000).map(|_| json!({ "code": "X", "severity": "error", "message": message, "line": 1 })).collect();
    let answer = json!({ "verdict": "fail", "findings": findings }).to_string();
    dir.write("answer.json", format!("\"{}\"", crate::harness::hex(answer.as_bytes())));
    let gate = |name| format!("[gate.{name}]\nmodule = 'parrot-gate.wasm'\ninput = {{ text = 'answer' }}\n");
    let gates: String = ["a", "b", "c"].map(gate).concat();
    dir.manifest(&format!("[evidence]\nanswer = {{ file = 'answer.json' }}\n{gates}"));
    // Twice in one step.
    for _ in 0..2 {
        let ended = run(&dir, &[]);
        ended.exits(1);
        let commands = commands(&ended);
        for level in ["error", "warning", "notice"] {
            let shown = commands.iter().filter(|line| line.starts_with(&format!("::{level} "))).count();
            assert!(shown <= 10, "{shown} annotations, and the runner shows ten of a step\n{ended}");
        }
        assert!(!commands.is_empty(), "{ended}");
    }
    let summary = dir.text("summary.md");
    assert!(summary.len() > 1_000 && summary.len() < MIB, "{} bytes", summary.len());
    assert_eq!(dir.decision()["gates"][0]["findings"].as_array().map(Vec::len), Some(10_000));
}

#[test]
fn a_summary_that_cannot_be_written_is_never_taken_for_a_no_go() {
    let dir = dir();
    dir.manifest(&answering("good", PASS));
    for place in ["gone/summary.md", "home", ""] {
        let ended = dir.portcullis(&["run"]).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place).run();
        // Whether what was asked for and could not be had is an error; a no-go it is not, and no silence either.
        match ended.status {
            Some(0) => assert_eq!(dir.decision()["decision"], "go", "{place}\n{ended}"),
            _ => {
                ended.exits(3).refuses_with("file-unwritable");
            }
        }
    }
}

#[test]
fn what_keeps_a_command_from_its_work_is_an_annotation() {
    let dir = dir();
    dir.manifest(&answering("good", PASS));
    let told = |arguments: &[&str], status: i32, code: &str| {
        let under = |value: &str| dir.portcullis(arguments).env("GITHUB_ACTIONS", value).run();
        let ended = under("true");
        ended.exits(status).refuses_with(code);
        let found = commands(&ended);
        assert_eq!(found.len(), 1, "{ended}");
        assert!(found[0].starts_with(&format!("::error title=portcullis%3A {code}::")), "{ended}");
        check_annotation(found[0], "a problem", &ended);
        let elsewhere = under("false");
        elsewhere.exits(status).refuses_with(code);
        assert!(commands(&elsewhere).is_empty(), "{elsewhere}");
    };
    told(&["run", "gone.toml"], 2, "file-missing");
    told(&["run", "--gates", "x\n::error::forged"], 2, "unknown-gate");
    told(&["run", "--out", "trust.toml"], 3, "file-unwritable");
    dir.write("parrot-gate.wasm", crate::harness::assemble(crate::harness::PARROT));
    told(&["run"], 4, "signature-missing");
    told(&["scan", "parrot-gate.wasm", "trust.toml"], 4, "unverified");
    // Each problem of several is one.
    dir.write("portcullis.toml", "schema = 2\nnmae = 'x'\n");
    let ended = run(&dir, &[]);
    let problems = ended.exits(2).stderr.matches("error[").count();
    assert!(problems > 1 && commands(&ended).len() == problems, "{ended}");
    let summary = dir.text("summary.md");
    let last = summary.rsplit("## ").next().unwrap_or_default();
    assert!(last.starts_with("⛔ nothing ran") && last.matches("\n- **").count() == problems, "{summary}");
}

#[test]
fn a_summary_takes_no_more_than_the_room_that_its_step_has_left() {
    let dir = dir();
    dir.manifest(&format!("{}{}", answering("good", PASS), answering("bad", crate::harness::FAIL)));
    let added = |room: usize| {
        let before = "x".repeat(MIB - room);
        dir.write("summary.md", &before);
        run(&dir, &[]).exits(1);
        let after = dir.text("summary.md");
        assert!(after.len() <= MIB, "{} bytes with room for {room}", after.len());
        after.strip_prefix(&before).expect("what was there stays").to_owned()
    };
    let whole = added(MIB / 2);
    assert!(whole.contains("| Gate |") && whole.contains("<details"), "{whole}");
    let alone = added(400);
    assert!(alone.starts_with("## ") && alone.contains("no-go"), "the decision stands alone: {alone}");
    assert!(!alone.contains("| Gate |") && !alone.contains("<details"), "{alone}");
    assert_eq!((added(40), added(0)), (String::new(), String::new()), "nothing is cut");
    dir.write("summary.md", "x".repeat(MIB + 1));
    run(&dir, &[]).exits(1);
    assert_eq!(dir.read("summary.md").len(), MIB + 1, "nothing is added to what is too long already");
}
