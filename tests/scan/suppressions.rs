//! What is let pass: by either name, until its last day, and never a failure of the tool; and the commands around it.

use serde_json::json;

use super::{MODULE, NOW, classified, comes_to, names, scan, scan_by, with_flows};
use crate::harness::{Dir, Ended};

const BAD: &str = "goal: x\nfoo(1)\n: y\n";
const PARSE: &str = "PARSE_ERROR parse 3 Parse error (assignment) line 3: : y";
const FOO: &str = "VALIDATION_ERROR parse 2 unknown function 'foo'";

/// A folder with one file in which a call and a line are wrong, and their names of both kinds.
fn around() -> (Dir, [String; 2], [String; 2]) {
    let dir = with_flows(&[("a", BAD)]);
    let found = classified(&dir, &[]);
    let of = |kind| names(&found, "flows/a.aether", kind).try_into().expect("two findings");
    let (v1, v2) = (of("v1"), of("v2"));
    (dir, v1, v2)
}

/// Scans with a file of those suppressions, on that day.
fn under(dir: &Dir, suppressions: &str, day: &str, more: &[&str]) -> Ended {
    dir.write("s.txt", suppressions);
    let now = format!("{day}T12:00:00Z");
    let arguments = ["scan", MODULE, "flows", "--trust", "trust.toml", "--suppressions", "s.txt", "--now", &now];
    dir.portcullis(&[&arguments[..], more].concat()).run()
}

#[test]
fn a_finding_of_either_name_passes_and_the_rest_decides() {
    let (dir, [foo_v1, parse_v1], [foo_v2, parse_v2]) = around();
    for (suppressions, expect) in [
        (format!("{parse_v1}\n"), Some(FOO)),
        (format!("{parse_v2}  # why\n"), Some(FOO)),
        (format!("{foo_v1} bare words\n"), Some(PARSE)),
        (format!("{foo_v2}\n"), Some(PARSE)),
        (format!("{foo_v1}\r\n{parse_v2}"), None),
        (format!("# {foo_v1}\n{parse_v1}\n{parse_v2}\n"), Some(FOO)),
        (format!("\u{feff}{}\n{parse_v1}\n", foo_v2.to_uppercase()), None),
        (String::new(), Some(PARSE)),
    ] {
        let ended = under(&dir, &suppressions, "2026-01-10", &["--output", "classification"]);
        ended.exits(i32::from(expect.is_some()));
        let told = ended.json();
        let (file, summary) = (&told["workflows"][0], &told["summary"]);
        let counts = (summary["failed"].as_u64(), summary["suppressed_failures"].as_u64());
        match expect {
            Some(expect) => {
                assert_eq!((&file["category"], &file["suppressed"]), (&file["code_name"], &json!(false)));
                assert!(expect.starts_with(file["code_name"].as_str().expect("a code")), "{suppressions}: {file}");
                assert_eq!(counts, (Some(1), Some(0)));
            }
            None => {
                assert_eq!((&file["category"], &file["suppressed"]), (&json!("Suppressed-PARSE_ERROR"), &json!(true)));
                assert_eq!(counts, (Some(0), Some(1)), "counted apart");
                assert_eq!(summary["categories"]["Suppressed-PARSE_ERROR"]["count"], 1);
            }
        }
    }
    let ended = under(&dir, &format!("{foo_v1}\n{parse_v1}\n"), "2026-01-10", &[]);
    ended.exits(0).says("Suppressed-PARSE_ERROR").says("0 of 1 file failed (0.0 %), 1 suppressed");
}

#[test]
fn a_suppression_holds_to_the_end_of_its_last_day_and_tells_whose_it_is() {
    let (dir, [foo, parse], _) = around();
    let file = format!("{foo}  # waits owner=@ann expires=2026-01-31\n{parse}  # waits too owner=@team/core\n");
    for (day, status, code, told) in [
        ("2026-01-10", 0, None, None),
        ("2026-01-16", 0, None, None),
        ("2026-01-17", 0, Some("suppression-expiring"), Some("of @ann holds until 2026-01-31: 14 days left")),
        ("2026-01-30", 0, Some("suppression-expiring"), Some("1 day left")),
        ("2026-01-31", 0, Some("suppression-expiring"), Some("of @ann holds until today, 2026-01-31")),
        (
            "2026-02-01",
            1,
            Some("suppression-expired"),
            Some("of @ann expired after 2026-01-31: 1 finding decides again"),
        ),
    ] {
        let ended = under(&dir, &file, day, &[]);
        ended.exits(status);
        for told in told.into_iter().chain(code) {
            assert!(ended.stderr.contains(told), "{day}: {told}\n{ended}");
        }
        assert_eq!(ended.stderr.matches("warning[").count(), usize::from(code.is_some()), "{day}\n{ended}");
        assert_eq!(ended.stderr.contains("s.txt:1"), code.is_some(), "{day}: where it stands\n{ended}");
    }
}

#[test]
fn one_that_names_nothing_is_reported_and_changes_nothing() {
    let (dir, [foo, parse], _) = around();
    let ended = under(&dir, &format!("{foo}\n0000000000000000  # gone owner=@bob\n{parse}\n"), "2026-01-10", &[]);
    ended
        .exits(0)
        .says("warning[suppression-unused]: the suppression 0000000000000000 of @bob names nothing that was found");
    assert!(ended.stderr.contains("s.txt:2"), "{ended}");
    assert_eq!(ended.stderr.matches("warning[").count(), 1, "{ended}");
}

#[test]
fn neither_a_failure_of_the_tool_nor_a_file_that_could_not_be_read_is_ever_let_pass() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", include_str!("../guests/moody.wat"));
    dir.write("flows/a.aether", "trap");
    dir.write("flows/b.aether", "spin");
    dir.write("flows/c.aether", "x".repeat(3_000));
    let more = ["--fuel", "20M", "--input-limit", "2KiB"];
    let found =
        scan_by(&dir, "moody.wasm", &[&more[..], &["--output", "classification"]].concat()).run().exits(3).json();
    let all: String = ["a", "b", "c"]
        .iter()
        .flat_map(|name| ["v1", "v2"].map(|kind| names(&found, &format!("flows/{name}.aether"), kind)))
        .flatten()
        .map(|name| format!("{name}  # it is only the tool owner=@ann\n"))
        .collect();
    assert_eq!(all.lines().count(), 6);
    dir.write("s.txt", all);
    let ended =
        scan_by(&dir, "moody.wasm", &[&more[..], &["--suppressions", "s.txt", "--output", "classification"]].concat())
            .run();
    let told = ended.exits(3).json();
    assert_eq!((&told["summary"]["failed"], &told["summary"]["suppressed_failures"]), (&json!(3), &json!(0)));
    // Also where a validator says so itself.
    dir.parrot("validator");
    let answer = r#"{"verdict":"fail","findings":[{"code":"INTERNAL_ERROR","severity":"error","message":"it broke"}]}"#;
    std::fs::remove_dir_all(dir.path("flows")).expect("removed");
    dir.write("flows/a.aether", crate::harness::hex(answer.as_bytes()));
    let found = scan_by(&dir, "parrot-validator.wasm", &["--output", "classification"]).run().exits(1).json();
    dir.write("s.txt", names(&found, "flows/a.aether", "v1").join("\n"));
    let ended = scan_by(&dir, "parrot-validator.wasm", &["--suppressions", "s.txt", "--status-json"]).run();
    comes_to(ended.exits(1), &[("a.aether", "INTERNAL_ERROR parse - it broke")]);
}

#[test]
fn a_file_of_suppressions_that_is_not_whole_lets_nothing_pass_and_tells_the_line() {
    let (dir, [foo, _], _) = around();
    for (bytes, code, line) in [
        (format!("{foo}\n{}", &foo[..9]).into_bytes(), "suppression-fingerprint", 2),
        (format!("{foo}  # why owner=").into_bytes(), "suppression-owner", 1),
        (format!("{foo}  # why owner=ann\n").into_bytes(), "suppression-owner", 1),
        (format!("{foo}  # why expires=2026-02-30\n").into_bytes(), "suppression-expiry", 1),
        (format!("{foo}  # why expires=2026-02").into_bytes(), "suppression-expiry", 1),
        (format!("{foo}  # why expire=2026-02-01\n").into_bytes(), "suppression-misspelt", 1),
        (format!("{foo}  # owner=@a owner=@b\n").into_bytes(), "suppression-repeated", 1),
        (format!("\n{foo}\n{foo}\n").into_bytes(), "suppression-twice", 3),
        ([foo.as_bytes(), b"  # \xff\n"].concat(), "suppression-not-utf8", 1),
        (b"\xff\xfea\0".to_vec(), "suppression-not-utf8", 1),
        (b"{\"suppressions\": []}\n".to_vec(), "suppression-fingerprint", 1),
        (b"\x1b[2J\n".to_vec(), "suppression-fingerprint", 1),
    ] {
        dir.write("s.txt", &bytes);
        let told = String::from_utf8_lossy(&bytes).into_owned();
        for arguments in [
            &["scan", MODULE, "flows", "--trust", "trust.toml", "--suppressions", "s.txt"][..],
            &["suppress", "list", "--file", "s.txt"],
            &["suppress", "prune", "--file", "s.txt", "--expired"],
            &["suppress", "add", "1111111111111111", "--reason", "r", "--file", "s.txt"],
        ] {
            let ended = dir.portcullis(arguments).run();
            ended.exits(2).refuses_with(code);
            assert!(ended.stderr.contains(&format!("s.txt:{line}")), "{told:?}\n{ended}");
            assert!(ended.stdout.is_empty(), "{told:?}\n{ended}");
        }
        assert_eq!(dir.read("s.txt"), bytes, "as it was");
    }
    scan(&dir, &["--suppressions", "gone.txt"]).run().exits(2).refuses_with("file-missing");
    scan(&dir, &["--suppressions", "flows"]).run().exits(2).refuses_with("not-a-file");
}

#[test]
fn a_gate_has_its_suppressions_from_its_manifest_and_tells_of_them_in_the_record() {
    let (dir, [foo, parse], _) = around();
    let entries = format!("{foo}  # waits owner=@ann expires=2026-01-12\n{parse}\n0000000000000000  # owner=@bob\n");
    dir.write("policy/s.txt", &entries);
    dir.manifest(&format!(
        "[gate.flows]\nmodule = '{MODULE}'\neach = 'flows/*.aether'\nsuppressions = 'policy/s.txt'\n"
    ));
    let run = |now: &str| dir.portcullis(&["run", "--now", now]).run();
    run(NOW).exits(0);
    let decision = dir.decision();
    let findings = decision["gates"][0]["findings"].as_array().expect("findings").clone();
    let codes: Vec<_> = findings.iter().map(|it| (it["code"].as_str(), it["severity"].as_str())).collect();
    let warning = |code| (Some(code), Some("warning"));
    assert_eq!(codes[2..], [warning("SUPPRESSION_EXPIRING"), warning("SUPPRESSION_UNUSED")], "{findings:?}");
    assert_eq!(findings[0]["suppression"], json!({"reason": "waits", "owner": "ann", "expires": "2026-01-12"}));
    assert_eq!(findings[1]["suppression"], json!({"reason": "", "owner": null, "expires": null}));
    assert_eq!(decision["gates"][0]["details"]["suppressed"], 2);
    let input = decision["inputs"].as_array().expect("inputs").iter().find(|it| it["kind"] == "suppressions").cloned();
    let input = input.expect("an input");
    let digest = dir.other("sha256sum", &["policy/s.txt"]).run().stdout;
    assert_eq!((&input["uri"], &input["sizeBytes"]), (&json!("policy/s.txt"), &json!(entries.len())));
    assert!(digest.starts_with(input["digest"]["sha256"].as_str().expect("a digest")), "{input}");
    run("2026-01-13T00:00:00Z").exits(1).says("@ann");
    dir.portcullis(&["scan", "flows", "--now", NOW]).run().exits(0).says("suppression-expiring").says("policy/s.txt:1");
    // The command line goes before the manifest.
    dir.write("none.txt", "");
    dir.portcullis(&["scan", "flows", "--now", NOW, "--suppressions", "none.txt"]).run().exits(1);
    dir.write("policy/s.txt", "half");
    run(NOW).exits(2).refuses_with("suppression-fingerprint");
    dir.has_no_artifacts();
}

#[test]
fn of_some_of_the_files_none_is_called_unused() {
    let (dir, [foo, parse], _) = around();
    dir.write("flows/b.aether", "bar(1)\n");
    let bar = names(&classified(&dir, &[]), "flows/b.aether", "v1").remove(0);
    let entries = format!("{foo}\n{parse}  # owner=@ann expires=2026-01-12\n{bar}\n0000000000000000\n");
    let all = under(&dir, &entries, "2026-01-10", &[]);
    all.exits(0).says("warning[suppression-unused]: the suppression 0000000000000000");
    assert_eq!(all.stderr.matches("suppression-unused").count(), 1, "{all}");
    let first = under(&dir, &entries, "2026-01-10", &["--limit", "1"]);
    first.exits(0).says("1 file").says("suppression-expiring");
    assert!(!first.stderr.contains("suppression-unused"), "{first}");
}

#[test]
fn a_status_line_says_that_all_that_is_wrong_is_let_pass() {
    let (dir, [foo, parse], _) = around();
    dir.write("flows/b.aether", "goal: x\n");
    let suppressed = |entries: &str, status: i32| -> Vec<Option<bool>> {
        let ended = under(&dir, entries, "2026-01-10", &["--status-json"]);
        ended.exits(status).json_lines().iter().map(|line| line.get("suppressed").map(|it| it == true)).collect()
    };
    assert_eq!(suppressed(&format!("{foo}\n{parse}\n"), 0), [Some(true), None]);
    assert_eq!(suppressed(&format!("{foo}\n"), 1), [None, None], "something is left");
}
