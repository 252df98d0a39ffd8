//! Old findings are lived with, and new ones are not hidden: `--fail-on new`, and the same in a manifest.

use serde_json::{Value, json};

use super::{MODULE, NOW, classified, comes_to, names, scan, with_flows};
use crate::harness::{Dir, Ended, OUT};

const OLD: [(&str, &str); 3] = [("a", "goal: x\nfoo(1)\n: y\n"), ("b", "bar(2)\n"), ("c", "goal: x\n")];

/// A folder with old findings, and the baseline of them.
fn around() -> Dir {
    let dir = with_flows(&OLD);
    scan(&dir, &["--output", "baseline=main.json"]).run().exits(1);
    dir
}

/// Scans by the rule, and then runs a gate by it over the same files: both come to that.
#[track_caller]
fn decides(dir: &Dir, status: i32) -> Ended {
    let gate =
        format!("[gate.flows]\nmodule = '{MODULE}'\neach = 'flows/**/*.aether'\nlimits = {{ input = '2KiB' }}\n");
    dir.manifest(&format!("{gate}baseline = 'main.json'\nfail_on = 'new'\n"));
    dir.portcullis(&["run", "--now", NOW]).run().exits(status);
    let outcome = ["pass", "fail", "", "fault"][status as usize];
    assert_eq!(dir.decision()["gates"][0]["outcome"], outcome);
    dir.portcullis(&["scan", "flows", "--now", NOW]).run().exits(status);
    let ended = scan(dir, &["--baseline", "main.json", "--fail-on", "new", "--input-limit", "2KiB"]).run();
    ended.exits(status);
    ended
}

#[test]
fn what_was_there_before_does_not_decide_and_what_was_not_does() {
    let cases: [(&str, &str, i32, &str); 9] = [
        ("a", "goal: x\nfoo(1)\n: y\n", 0, "errors: 0 new, 3 unchanged"),
        ("a", "# one\n\n# two\ngoal: x\nstore(1)\n\tfoo(1)\n  : y\r\n", 0, "errors: 0 new, 3 unchanged"), // moved
        ("a", "goal: z\n: y\nfoo(1)\n", 0, "errors: 0 new, 3 unchanged"),
        ("a", "goal: x\n", 0, "errors: 0 new, 1 unchanged"), // mended
        ("a", "goal: x\nfoo(2)\n: y\n", 1, "errors: 1 new, 2 unchanged"), // another line
        ("a", "goal: x\nfoo(1)\n: y\nfoo(3)\n", 1, "errors: 1 new, 3 unchanged"),
        ("c", "bar(2)\n", 1, "errors: 1 new, 3 unchanged"), // the same in another file
        ("d/e", ":\n", 1, "errors: 1 new, 3 unchanged"),
        ("d/e", "goal: x\n", 0, "errors: 0 new, 3 unchanged"),
    ];
    for (name, text, status, told) in cases {
        let dir = around();
        dir.write(format!("flows/{name}.aether"), text);
        decides(&dir, status).says(told);
        // Without the word, what is old decides as ever.
        scan(&dir, &["--baseline", "main.json"]).run().exits(1).says(told);
    }
}

#[test]
fn the_record_says_what_was_held_against_what() {
    let dir = around();
    dir.write("flows/d.aether", "fresh(1)\n");
    dir.write("s.txt", "0000000000000000\n");
    decides(&dir, 1);
    let decision = dir.decision();
    let digest = |file: &str| dir.other("sha256sum", &[file]).run().stdout[..64].to_owned();
    let expect = json!({"gate": "flows", "uri": "main.json", "digest": {"sha256": digest("main.json")}, "failOn": "new", "new": 1, "unchanged": 3});
    assert_eq!(decision["baseline"], json!([expect]));
    let input = decision["inputs"].as_array().expect("inputs").iter().find(|it| it["kind"] == "baseline").cloned();
    assert_eq!(input.expect("an input")["digest"]["sha256"], digest("main.json"));
    let findings = decision["gates"][0]["findings"].as_array().expect("findings");
    let states: Vec<&Value> = findings.iter().map(|finding| &finding["baselineState"]).collect();
    assert_eq!(states, ["unchanged", "unchanged", "unchanged", "new"]);
    assert_eq!(findings[3]["path"], "flows/d.aether");
    assert_eq!(
        (&decision["gates"][0]["details"]["failed"], &decision["gates"][0]["details"]["unchanged"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(dir.json(format!("{OUT}/gate_results.json"))["_meta"]["all_passed"], false);
    let log = scan(&dir, &["--baseline", "main.json", "--output", "sarif"]).run().exits(1).json();
    let results = log["runs"][0]["results"].as_array().expect("results").iter();
    assert_eq!(
        results.map(|result| result["baselineState"].clone()).collect::<Vec<_>>(),
        states.into_iter().cloned().collect::<Vec<_>>()
    );
    // Without a baseline nothing is called new.
    let log = scan(&dir, &["--output", "sarif"]).run().exits(1).json();
    assert!(log["runs"][0]["results"].as_array().expect("results").iter().all(|it| it.get("baselineState").is_none()));
    dir.manifest(&format!("[gate.flows]\nmodule = '{MODULE}'\neach = 'flows/*.aether'\n"));
    dir.run().exits(1);
    assert!(dir.decision()["baseline"].is_null(), "no baseline, and none told");
}

#[test]
fn a_file_that_could_not_be_judged_blocks_however_old_that_is() {
    let dir = with_flows(&OLD[2..]);
    dir.write("flows/large.aether", "x".repeat(3_000));
    scan(&dir, &["--input-limit", "2KiB", "--output", "baseline=main.json"]).run().exits(3);
    decides(&dir, 3);
    // A failure of the tool is news however often it was there.
    dir.parrot("validator");
    let answer = r#"{"verdict":"fail","findings":[{"code":"INTERNAL_ERROR","severity":"error","message":"it broke"}]}"#;
    std::fs::remove_dir_all(dir.path("flows")).expect("removed");
    dir.write("flows/a.aether", crate::harness::hex(answer.as_bytes()));
    let parrot = |more: &[&str]| super::scan_by(&dir, "parrot-validator.wasm", more).run();
    parrot(&["--output", "baseline=main.json"]).exits(1);
    parrot(&["--baseline", "main.json", "--fail-on", "new"]).exits(1);
}

#[test]
fn what_is_suppressed_is_old_to_a_baseline_and_does_not_decide_when_it_is_new() {
    let dir = around();
    let found = classified(&dir, &[]);
    dir.write("s.txt", names(&found, "flows/b.aether", "v1").join("\n"));
    scan(&dir, &["--suppressions", "s.txt", "--output", "baseline=main.json"]).run().exits(1);
    assert_eq!(dir.json("main.json")["by_code"]["Suppressed-VALIDATION_ERROR"], 1);
    decides(&dir, 0);
    dir.write("flows/d.aether", "fresh(1)\n");
    decides(&dir, 1);
    let fresh = &names(&classified(&dir, &[]), "flows/d.aether", "v2")[0];
    dir.write("s.txt", format!("{fresh}  # it may owner=@ann\n"));
    let more = ["--suppressions", "s.txt", "--baseline", "main.json", "--fail-on", "new"];
    scan(&dir, &more).run().exits(0).says("1 suppressed");
}

#[test]
fn a_baseline_of_an_older_tool_tells_what_gave_each_file_its_code() {
    let dir = around();
    let mut older = dir.json("main.json");
    older.as_object_mut().expect("an object").remove("findings");
    dir.write("main.json", older.to_string());
    let more = ["--baseline", "main.json", "--fail-on", "new", "--status-json"];
    // The call in `a` did not give the file its code, so nobody knows that it is old.
    scan(&dir, &more).run().exits(1);
    dir.write("flows/a.aether", "goal: x\n\n: y\n");
    let ended = scan(&dir, &more).run();
    comes_to(
        ended.exits(0),
        &[
            ("a.aether", "PARSE_ERROR parse 3 Parse error (assignment) line 3: : y"),
            ("b.aether", "VALIDATION_ERROR parse 1 unknown function 'bar'"),
            ("c.aether", "SUCCESS parse -"),
        ],
    );
    // One that counts what was wrong and does not list it knows nothing.
    older.as_object_mut().expect("an object").remove("files");
    dir.write("main.json", older.to_string());
    scan(&dir, &more).run().exits(2).refuses_with("baseline-unreadable");
}

#[test]
fn a_manifest_that_could_not_be_meant_runs_nothing() {
    let dir = around();
    let gate = format!("[gate.flows]\nmodule = '{MODULE}'\n");
    for (rest, told) in [
        ("each = 'flows/*.aether'\nfail_on = 'new'\n", "missing-key"),
        ("each = 'flows/*.aether'\nfail_on = 'old'\nbaseline = 'main.json'\n", "fail_on"),
        ("baseline = 'main.json'\n", "key-conflict"),
        ("suppressions = 's.txt'\n", "key-conflict"),
        ("each = 'flows/*.aether'\nbaseline = 'gone.json'\n", "file-missing"),
        ("each = 'flows/*.aether'\nbaseline = 1\n", "wrong-type"),
        ("each = 'flows/*.aether'\nbaseline = 'trust.toml'\n", "baseline-unreadable"),
    ] {
        dir.manifest(&format!("{gate}{rest}"));
        dir.run().exits(2).says(told);
        dir.has_no_artifacts();
    }
}
