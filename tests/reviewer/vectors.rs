//! The published roots and lists, through the binary.

use serde_json::Value;

use super::FIXTURES;
use crate::harness::Dir;

fn list(name: &str) -> String {
    format!("{FIXTURES}/revocation/{name}")
}

#[test]
fn every_published_root_and_list_is_judged_as_it_says_under_the_root_in_both_its_forms() {
    let dir = Dir::new();
    let cases = std::fs::read_to_string(list("index.json")).expect("the cases");
    let cases: Vec<Value> = serde_json::from_str(&cases).expect("JSON");
    assert!(cases.len() >= 18);
    for root in ["root.1.json", "root.1.payload.json"] {
        for case in &cases {
            let text = |name: &str| case[name].as_str().expect("text").to_owned();
            let floor = &case["floor"];
            let mut floor_text = format!("{}:{}", floor["epoch"], floor["version"]);
            if let Some(digest) = floor["payload_sha256"].as_str() {
                floor_text.push_str(&format!(":{digest}"));
            }
            let (file, root, now) = (list(&text("file")), list(root), text("now"));
            let mut arguments = match text("kind").as_str() {
                "list" => vec!["revocations", "check", &file, "--floor", &floor_text],
                _ => vec!["trust", "check-root", &file],
            };
            arguments.extend(["--root", &root, "--now", &now, "--json"]);
            let ended = dir.portcullis(&arguments).run();
            let told = ended.json();
            let found = match told["accepted"].as_bool() {
                Some(true) => "ACCEPT".to_owned(),
                _ => format!("REJECT {}", told["code"].as_str().expect("a code")),
            };
            assert_eq!(found, text("expect"), "{file}");
            ended.exits(if found == "ACCEPT" { 0 } else { 4 });
        }
    }
}

#[test]
fn an_answer_is_one_line_with_the_facts_or_the_code() {
    let dir = Dir::new();
    let check = |file: &str, more: &[&str]| {
        let (file, root) = (list(file), list("root.1.json"));
        let arguments = ["revocations", "check", &file, "--root", &root, "--now", "2026-01-10T00:00:00Z", "--json"];
        dir.portcullis(&[&arguments[..], more].concat()).run()
    };
    let accepted = check("r01_good.json", &[]);
    accepted.exits(0);
    assert!(accepted.stdout.starts_with(r#"{"accepted":true,"#) && accepted.stdout.lines().count() == 1, "{accepted}");
    let facts = accepted.json();
    assert_eq!(
        (&facts["version"], &facts["freshness"], &facts["ageSeconds"]),
        (&42.into(), &"fresh".into(), &518_400.into())
    );
    check("r01_good.json", &["--floor", facts["floor"].as_str().expect("a floor")]).exits(0);
    let other = format!("1:42:{}", "0".repeat(64));
    for (file, more, code) in [
        ("r01_good.json", vec!["--floor", &other], "equivocation"),
        ("r01_good.json", vec!["--floor", "1:43"], "rollback"),
        ("r01_good.json", vec!["--floor", "2:1"], "rollback"),
        ("no-such-list.json", vec![], "missing"),
        ("../revocation", vec![], "missing"),
        ("root.1.json", vec![], "payload-type"),
        ("index.json", vec![], "schema"),
    ] {
        let refused = check(file, &more);
        refused.exits(4);
        let start = format!(r#"{{"accepted":false,"code":"{code}""#);
        assert!(refused.stdout.starts_with(&start), "{code}\n{refused}");
    }
    for bad in ["1", "0:1", "1:x", "1:42:abc"] {
        check("r01_good.json", &["--floor", bad]).exits(2);
    }
}

#[test]
fn without_a_root_that_is_there_nothing_is_answered_and_for_people_a_refusal_is_told() {
    let dir = Dir::new();
    let file = list("r02_one_signature.json");
    dir.portcullis(&["revocations", "check", &file]).run().exits(2).refuses_with("nothing-to-trust");
    dir.portcullis(&["revocations", "check", &file, "--root", "gone.json", "--json"]).run().exits(2);
    let root = list("root.1.json");
    dir.portcullis(&["revocations", "check", &file, "--root", &root]).run().exits(4).refuses_with("threshold");
    let good = list("r01_good.json");
    let ended = dir.portcullis(&["revocations", "check", &file, "--root", &good, "--json"]).run();
    assert_eq!(ended.exits(4).json()["code"], "payload-type");
}
