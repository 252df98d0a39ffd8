//! Agents that mean no good: what they write, what they see, and where a secret would be found.

use std::fs;

use serde_json::json;

use super::{bed::*, *};

const SECRET: &str = "s3cret-value";

/// Runs one agent, and tells its status and why it was revoked, if it was.
fn comes_to(script: &str, more: &str) -> (Bed, i32, String, String) {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", script, more)]);
    let ended = bed.run();
    let record = bed.dir.decision();
    let entry = of(&record, "a");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (status, cause) = (word(&entry["status"]), word(&entry["revocation"]["type"]));
    bed.is_gone("a");
    (bed, ended.status.unwrap_or(-1), status, cause)
}

#[test]
fn whatever_an_agent_writes_ends_it_or_counts_and_never_holds_up_its_host() {
    let lives = |name: &str, noise: &str, more: &str, expect: (i32, &str, &str)| {
        let script = format!(
            "hear started\nenter BOOTSTRAP\n{noise}\nenter PREFLIGHT\nenter PLAN\noffer\nenter EXECUTE\n{TO_THE_END}"
        );
        let (_bed, exit, status, cause) = comes_to(&script, more);
        assert_eq!((exit, status.as_str(), cause.as_str()), expect, "{name}");
    };
    let goes_on = (0, "COMPLETED", "");
    let budget = (1, "REVOKED", "ERROR_BUDGET_EXCEEDED");
    thread::scope(|scope| {
        scope.spawn(|| {
            lives("a line of 2 MiB", "head -c 2097152 /dev/zero | tr '\\0' x; echo\nhear MALFORMED_LINE", "", goes_on);
            lives(
                "NULs",
                "printf '\\0\\0\\0\\n{\"heartbeat\":\\0true}\\n'\nhear MALFORMED\nhear MALFORMED",
                "",
                goes_on,
            );
            lives("what a terminal obeys", "printf '\\033]0;x\\007\\n'\nhear MALFORMED", "", goes_on);
        });
        scope.spawn(|| {
            lives("100,000 lines", "yes '{\"heartbeat\":true}' | head -n 100000", "timeout = '80s'\n", goes_on);
        });
        scope.spawn(|| {
            lives("garbage", "yes garbage", "", budget);
            lives("lines that say nothing", "yes ''", "heartbeat = '1s'\n", (1, "REVOKED", "HEARTBEAT_TIMEOUT"));
            lives("no end of a line", "cat /dev/zero", "heartbeat = '1s'\n", (1, "REVOKED", "HEARTBEAT_TIMEOUT"));
            lives("notes", "yes note | head -c 10000000 >&2", "", goes_on);
        });
    });
}

#[test]
fn who_closes_its_stdin_may_go_on_and_who_closes_its_stdout_is_not_heard() {
    let blind: String =
        ["BOOTSTRAP", "PREFLIGHT", "PLAN"].map(|phase| format!("say '{{\"phase\":\"{phase}\"}}'\n")).concat();
    let rest: String =
        ["EXECUTE", "VERIFY", "PACKAGE", "REPORT"].map(|phase| format!("say '{{\"phase\":\"{phase}\"}}'\n")).concat();
    let deaf = format!(
        "exec <&-\n{blind}say '{{\"plan\":{{}}}}'\n{rest}say '{{\"output\":\"gamma\",\"content\":{{}}}}'\nsay '{{\"done\":true}}'\n"
    );
    let dumb = format!("{INTO_EXECUTE}deeds >&-\nexec >&-\nwhile :; do sleep 0.1; done\n");
    thread::scope(|scope| {
        scope.spawn(move || {
            let (_bed, exit, status, _) = comes_to(&deaf, "");
            assert_eq!((exit, status.as_str()), (0, "COMPLETED"));
        });
        scope.spawn(move || {
            let (bed, exit, status, cause) = comes_to(&dumb, "heartbeat = '2s'\n");
            assert_eq!((exit, status.as_str(), cause.as_str()), (1, "REVOKED", "HEARTBEAT_TIMEOUT"));
            assert_eq!(bed.revocations(), ["a HEARTBEAT_TIMEOUT"]);
        });
    });
}

#[test]
fn an_agent_sees_of_the_environment_what_the_manifest_names_and_nothing_else() {
    let bed = Bed::sqlite();
    let script = format!("env | sort > seen\n{}", work());
    let agent = bed.agent("a", &script, "").replace("ME = 'a'", "ME = 'a', NAMED = 'x${env:TOKEN}y', PLAIN = 'é'");
    bed.manifest(&[&floor(), &agent]);
    bed.portcullis(&["run"]).env("TOKEN", SECRET).env("OTHER", "1").run().exits(0);
    let seen = bed.dir.text("seen");
    let names: Vec<_> = seen.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    // The shell itself adds these.
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<_> = names.into_iter().filter(|name| !own.contains(name)).collect();
    assert_eq!(names, ["ME", "NAMED", "PATH", "PLAIN"], "{seen}");
    assert!(seen.contains(&format!("NAMED=x{SECRET}y\n")) && seen.contains("PLAIN=é\n"), "{seen}");
}

#[test]
fn a_secret_that_an_agent_tells_is_in_nothing_that_is_left_of_the_run() {
    Bed::each(|bed| {
        let script = r#"
hear started
enter BOOTSTRAP
make alpha "{\"t\":\"<$TOKEN>\"}"
say "{\"error\":{\"code\":\"E1\",\"message\":\"$TOKEN\"}}"
say "{\"error\":{\"code\":\"$TOKEN\",\"message\":\"m\"}}"
say "{\"$TOKEN\":1}"
echo "note $TOKEN" >&2
enter PREFLIGHT
enter PLAN
say "{\"plan\":{\"token\":\"$TOKEN\"}}"
hear accepted_plan
say "{\"promotion\":{\"to\":1,\"reason\":\"$TOKEN\"}}"
enter EXECUTE
enter VERIFY
say '{"phase":"PLAN"}'
sleep 60
"#;
        let agent = bed.agent("a", script, "").replace("ME = 'a'", "ME = 'a', TOKEN = '${env:TOKEN}'");
        bed.manifest(&[
            "[[events]]\nfile = 'events.jsonl'\n",
            &output("first", "a", "alpha"),
            &looking("checks", "first"),
            &agent.replace("\n\n[[stage]]", "\npreflight = ['checks']\n\n[[stage]]"),
            &floor(),
        ]);
        let ended = bed.portcullis(&["run", "--output", "json=also.json"]).env("TOKEN", SECRET).run();
        ended.exits(1);
        assert_eq!(gate(&bed.dir.decision(), "checks")["details"]["input"], json!({"t": "<[env TOKEN]>"}));
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(SECRET), "{ended}");
        for arguments in [
            &["agent", "show", "a", "--state", &bed.place, "--json"][..],
            &["ledger", "export", "last", "--out", "export"],
        ] {
            let shown = bed.portcullis(arguments).run();
            shown.exits(0);
            assert!(!shown.stdout.contains(SECRET), "{shown}");
        }
        let is_in = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        if let Some(server) = &bed.server {
            let saved = server.saved();
            assert!(saved.windows(6).any(|window| window == b"HIDDEN") && !is_in(&saved));
        }
        let mut seen = 0;
        for entry in walkdir::WalkDir::new(bed.dir.path("")).into_iter().filter_map(Result::ok) {
            if entry.file_type().is_file() {
                seen += 1;
                let bytes = fs::read(entry.path()).expect("read");
                assert!(!is_in(&bytes), "{}", entry.path().display());
            }
        }
        assert!(seen > 10 && bed.dir.has("events.jsonl") && bed.dir.has("export"), "{seen} files");
    });
}
