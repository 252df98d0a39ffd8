//! From verdicts to one decision, through the binary: rules, enforcement, needs, stages, reviews, and the record.

use serde_json::{Value, json};

use crate::harness::{Dir, FAIL, NOT_APPLICABLE, OUT, PASS, REVIEW, answering};

const FAULT: &str = "";

fn answer(word: &str) -> &'static str {
    match word {
        "pass" => PASS,
        "fail" => FAIL,
        "review" => REVIEW,
        "n/a" => NOT_APPLICABLE,
        "fault" => FAULT,
        other => panic!("{other}"),
    }
}

/// Gates `a`, `b`, … that come to the words of `outcomes`; `word?` is advisory.
fn gates(outcomes: &str) -> String {
    let gate = |(name, word): (char, &str)| {
        let advisory = if word.ends_with('?') { "enforcement = 'advisory'\n" } else { "" };
        format!("{}{advisory}", answering(&name.to_string(), answer(word.trim_end_matches('?'))))
    };
    ('a'..).zip(outcomes.split_whitespace()).map(gate).collect()
}

fn check(dir: &Dir, outcomes: &str, rule: &str, status: i32) {
    dir.manifest(&format!("{}[decision]\n{rule}\n", gates(outcomes)));
    let ended = dir.run();
    let decision = dir.decision();
    assert_eq!((ended.status, &decision["exitCode"]), (Some(status), &json!(status)), "{outcomes} by {rule}\n{ended}");
    let reasons = decision["reasons"].as_array().expect("reasons");
    assert!(!reasons.is_empty() && reasons.iter().all(|it| it["code"].is_string()), "{outcomes} by {rule}: {decision}");
}

fn dir() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir
}

const GO: i32 = 0;
const NO_GO: i32 = 1;
const BLOCKED: i32 = 3;

#[test]
fn all_any_and_at_least_in_three_valued_logic() {
    let dir = dir();
    for (outcomes, all, any, two) in [
        ("pass pass pass", GO, GO, GO),
        ("pass pass fail", NO_GO, GO, GO),
        ("pass fail fail", NO_GO, GO, NO_GO),
        ("fail fail fail", NO_GO, NO_GO, NO_GO),
        ("pass pass fault", BLOCKED, GO, GO),
        ("pass fail fault", NO_GO, GO, BLOCKED),
        ("fail fail fault", NO_GO, BLOCKED, NO_GO),
        ("fault fault fault", BLOCKED, BLOCKED, BLOCKED),
        ("pass pass n/a", GO, GO, GO),
        ("n/a n/a n/a", BLOCKED, BLOCKED, BLOCKED),
        ("pass pass review", GO, GO, GO),
        ("review review review", BLOCKED, BLOCKED, BLOCKED),
        ("pass pass fail?", GO, GO, GO),
        ("pass pass fault?", GO, GO, GO),
        ("fault fault pass?", BLOCKED, BLOCKED, BLOCKED),
        ("fail fail pass?", NO_GO, NO_GO, NO_GO),
    ] {
        check(&dir, outcomes, "rule = 'all'", all);
        check(&dir, outcomes, "rule = 'any'", any);
        check(&dir, outcomes, "at_least = 2", two);
    }
}

#[test]
fn an_expression_cannot_turn_a_fault_into_a_go() {
    let dir = dir();
    for (outcomes, expr, status) in [
        ("pass fail pass", "a && (b || c)", GO),
        ("pass fail fail", "a && (b || c)", NO_GO),
        ("pass fault fail", "a && (b || c)", BLOCKED),
        ("fault", "a", BLOCKED),
        ("fault", "!a", BLOCKED),
        ("fault", "!!a", BLOCKED),
        ("fault pass", "!a && b", BLOCKED),
        ("fault pass", "a || !a", BLOCKED),
        ("fault fail", "!(a && !b)", BLOCKED),
        ("fail", "!a", GO),
        ("pass", "!a", NO_GO),
        ("fault pass fail", "at_least(1, !a, !b)", BLOCKED),
        ("pass pass fault", "at_least(2, a, b, c)", GO),
        ("pass fault?", "a && b", BLOCKED),
        ("pass fault?", "a", GO),
        ("review", "!a", BLOCKED),
        ("n/a", "!a", BLOCKED),
    ] {
        check(&dir, outcomes, &format!("expr = '{expr}'"), status);
    }
}

#[test]
fn an_advisory_gate_is_shown_and_does_not_decide() {
    let dir = dir();
    dir.manifest(&gates("pass fail?"));
    dir.run().exits(GO).says("advisory").says("it_holds");
    let decision = dir.decision();
    assert_eq!((&decision["gates"][1]["outcome"], &decision["summary"]["advisoryFailed"]), (&json!("fail"), &json!(1)));
    assert_eq!(dir.json(format!("{OUT}/gate_results.json"))["_meta"]["all_passed"], false);
}

fn outcomes(decision: &Value) -> Vec<String> {
    let one =
        |gate: &Value| format!("{} {}", gate["id"].as_str().unwrap_or("?"), gate["outcome"].as_str().unwrap_or("?"));
    decision["gates"].as_array().expect("gates").iter().map(one).collect()
}

#[test]
fn a_gate_whose_need_did_not_pass_is_skipped_and_never_a_go() {
    let dir = dir();
    for (first, second, status) in [
        ("pass", "pass", GO),
        ("fail", "skipped", NO_GO),
        ("fault", "skipped", BLOCKED),
        ("review", "skipped", BLOCKED),
    ] {
        dir.manifest(&format!("{}needs = ['b']\n{}", answering("a", PASS), answering("b", answer(first))));
        dir.run().exits(status);
        assert_eq!(outcomes(&dir.decision())[0], format!("a {second}"), "after {first}");
    }
    dir.manifest(&format!("{}{}needs = ['a']\n[decision]\nexpr = '!b'\n", answering("a", FAIL), answering("b", FAIL)));
    dir.run().exits(BLOCKED).says("needs gate `a`");
}

#[test]
fn a_stage_whose_need_did_not_end_well_is_skipped() {
    let dir = dir();
    let stages = "[[stage]]\nid = 'second'\ntype = 'parallel'\ngates = ['a', 'c']\nneeds = ['first']\n\
        [[stage]]\nid = 'first'\ntype = 'gate'\ngates = ['b']\n";
    for (words, expect, status) in [
        ("pass pass pass", ["a pass", "b pass", "c pass"], GO),
        ("pass fail pass", ["a skipped", "b fail", "c skipped"], NO_GO),
        ("pass fault pass", ["a skipped", "b fault", "c skipped"], BLOCKED),
        ("pass fail? pass", ["a pass", "b fail", "c pass"], GO),
    ] {
        dir.manifest(&format!("{}{stages}", gates(words)));
        dir.run().exits(status);
        let decision = dir.decision();
        assert_eq!(outcomes(&decision), expect, "{words}: in the manifest's order");
        assert_eq!(
            (&decision["gates"][0]["stage"], &decision["gates"][1]["stage"]),
            (&json!("second"), &json!("first"))
        );
    }
}

#[test]
fn a_review_waits_for_a_person_and_is_a_no_go_under_strict_manual() {
    let dir = dir();
    dir.manifest(&gates("pass review"));
    dir.run().exits(GO);
    let results = dir.json(format!("{OUT}/gate_results.json"));
    assert_eq!((&results["b"]["ok"], &results["b"]["manual"]), (&json!(true), &json!(true)));
    dir.portcullis(&["run", "--strict-manual"]).run().exits(NO_GO).says("--strict-manual");
    let decision = dir.decision();
    assert_eq!((&decision["decision"], &decision["reasons"][0]["code"]), (&json!("no-go"), &json!("review-unsigned")));
    assert_eq!(dir.json(format!("{OUT}/gate_results.json"))["b"]["ok"], false);
    // Whatever the rule says.
    dir.manifest(&format!("{}[decision]\nexpr = 'a || b'\n", gates("pass review")));
    dir.portcullis(&["run", "--strict-manual"]).run().exits(NO_GO);
    // An advisory one does not decide here either.
    dir.manifest(&gates("pass review?"));
    dir.portcullis(&["run", "--strict-manual"]).run().exits(GO);
}

#[test]
fn the_records_order_is_the_manifests_with_any_number_of_jobs() {
    let dir = dir();
    let names: Vec<String> = (0..12).map(|at| format!("g{}", (at * 7) % 12)).collect();
    let text: String = names.iter().map(|name| answering(name, if name == "g5" { FAIL } else { PASS })).collect();
    dir.manifest(&text);
    for jobs in ["1", "2", "8"] {
        dir.portcullis(&["run", "--jobs", jobs]).run().exits(NO_GO);
        let decision = dir.decision();
        let ids: Vec<_> = decision["gates"].as_array().expect("gates").iter().map(|it| it["id"].clone()).collect();
        assert_eq!(ids, names, "jobs {jobs}");
    }
}

#[test]
fn the_record_names_what_decided() {
    let dir = dir();
    dir.manifest(&format!("{}params = {{ z = 1, a = 1.50 }}\nlimits = {{ fuel = '1G' }}\n", answering("g", PASS)));
    dir.portcullis(&["run", "--now", "2026-01-10T00:00:00Z"]).run().exits(GO);
    let decision = dir.decision();
    let sha256 = |bytes: &[u8]| portcullis::digest::Digest::of(bytes).to_string();
    for (pointer, expect) in [
        ("/schemaVersion", json!(1)),
        ("/decision", json!("go")),
        ("/verificationResult", json!("PASSED")),
        ("/exitCode", json!(0)),
        ("/verifier/id", json!("portcullis")),
        ("/timeVerified", json!("2026-01-10T00:00:00Z")),
        ("/policy/uri", json!("portcullis.toml")),
        ("/policy/digest/sha256", json!(sha256(&dir.read("portcullis.toml")))),
        ("/trust/uri", json!("trust.toml")),
        ("/trust/digest/sha256", json!(sha256(&dir.read("trust.toml")))),
        ("/revocations/status", json!("none")),
        ("/inputs/0/name", json!("g")),
        ("/gates/0/id", json!("g")),
        ("/gates/0/kind", json!("gate")),
        ("/gates/0/enforcement", json!("mandatory")),
        ("/gates/0/outcome", json!("pass")),
        ("/gates/0/code", json!(0)),
        ("/gates/0/codeName", json!("SUCCESS")),
        ("/gates/0/module/name", json!("parrot-gate")),
        ("/gates/0/module/version", json!("1.0.0")),
        ("/gates/0/module/publisher", json!("own")),
        ("/gates/0/fuelLimit", json!(1_000_000_000)),
        ("/gates/0/params/z", json!(1)),
        ("/gates/0/limits/fuel", json!(1_000_000_000)),
        ("/summary/passed", json!(1)),
    ] {
        assert_eq!(decision.pointer(pointer), Some(&expect), "{pointer}");
    }
    let content = portcullis::trust::content_digest(&dir.read("parrot-gate.wasm")).expect("a module").to_string();
    assert_eq!(decision["gates"][0]["module"]["contentDigest"], content);
    assert_eq!(decision["gates"][0]["module"]["keyIds"].as_array().map(Vec::len), Some(1));
    assert!(decision["gates"][0]["fuelUsed"].as_u64() > Some(0));
}

#[test]
fn the_same_manifest_decides_the_same_twice() {
    let dir = dir();
    dir.manifest(&gates("pass fail? n/a review?"));
    let decide = || {
        dir.portcullis(&["run", "--now", "2026-01-10T00:00:00Z"]).run().exits(GO);
        let mut decision = dir.decision();
        for name in ["runId", "startedOn", "finishedOn"] {
            decision[name].take();
        }
        decision["summary"]["durationMs"].take();
        for input in decision["inputs"].as_array_mut().expect("inputs") {
            input["collectedOn"].take();
            input["durationMs"].take();
        }
        for gate in decision["gates"].as_array_mut().expect("gates") {
            gate["durationMs"].take();
        }
        // It names the run.
        decision["nextActions"][0]["action"].take();
        decision
    };
    assert_eq!(decide(), decide());
}
