//! `eval --lines`: one outcome a line, in order, whatever the lines are and however many are asked at once.

use serde_json::{Value, json};

use crate::harness::{Dir, FAIL, PASS, hex};

fn input(answer: &str) -> String {
    format!("{{\"text\":\"{}\"}}", hex(answer.as_bytes()))
}

fn dir() -> Dir {
    let dir = Dir::new();
    dir.parrot("gate");
    dir
}

#[test]
fn bad_lines_have_their_place_among_the_others_with_any_number_of_jobs() {
    let dir = dir();
    let numbered = |number: usize| input(&format!("{{\"verdict\":\"pass\",\"details\":{number}}}"));
    let mut lines = Vec::new();
    for number in 0..40 {
        lines.push(numbered(number).into_bytes());
        lines.push(match number % 6 {
            0 => b"{".to_vec(),
            1 => b"".to_vec(),
            2 => b"\"\xff\"".to_vec(),
            3 => vec![b'['; 1_000],
            4 => b"{} {}".to_vec(),
            _ => [b"\"", &[b'a'; 2_000][..], b"\""].concat(),
        });
    }
    dir.write("in.jsonl", lines.join(&b'\n'));
    let mut first: Option<String> = None;
    for jobs in ["1", "2", "3", "4"] {
        let arguments =
            ["eval", "parrot-gate.wasm", "--lines", "--input", "in.jsonl", "--jobs", jobs, "--input-limit", "1200B"];
        let ended = dir.portcullis(&arguments).run();
        let outcomes = ended.exits(3).json_lines();
        assert_eq!(outcomes.len(), 80, "jobs {jobs}");
        for (index, outcome) in outcomes.iter().enumerate() {
            if index % 2 == 0 {
                assert_eq!(
                    (&outcome["outcome"], &outcome["details"]),
                    (&json!("pass"), &json!(index / 2)),
                    "{outcome}"
                );
            } else {
                assert_eq!(
                    (&outcome["outcome"], &outcome["fault"]["code"]),
                    (&json!("fault"), &json!("evidence-missing")),
                    "{outcome}"
                );
            }
        }
        let too_long = outcomes[11]["summary"].as_str();
        assert!(too_long.is_some_and(|it| it.contains("larger than 1200 bytes")), "{}", outcomes[11]);
        assert_eq!(first.get_or_insert_with(|| ended.stdout.clone()), &ended.stdout, "jobs {jobs}");
    }
}

#[test]
fn faults_of_the_guest_stay_on_their_line() {
    let dir = dir();
    let lines = [input(PASS), input(""), input(FAIL), "{}".to_owned(), input("NaN"), input(PASS)].join("\n");
    let ended = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines"]).stdin(lines).run();
    let told = |outcome: &Value| outcome["fault"]["code"].as_str().or(outcome["outcome"].as_str()).map(str::to_owned);
    let told: Vec<_> = ended.exits(3).json_lines().iter().filter_map(told).collect();
    assert_eq!(told, ["pass", "malformed-answer", "fail", "fuel-exhausted", "malformed-answer", "pass"]);
}

#[test]
fn answers_of_any_verdict_are_an_end_well() {
    let dir = dir();
    let lines = [input(PASS), input(FAIL)].join("\r\n");
    let ended = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines"]).stdin(lines).run();
    assert_eq!(ended.exits(0).json_lines().len(), 2);
}

#[test]
fn a_details_line_feed_does_not_break_the_line() {
    let dir = dir();
    let lines = input("{\"verdict\":\"pass\",\"details\":{\n\"a\":\r\n1}}");
    let ended = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines"]).stdin(lines).run();
    assert_eq!(ended.exits(0).json_lines(), [ended.json()]);
}

#[test]
fn more_lines_than_a_batch_come_out_in_order() {
    let dir = dir();
    let line = |number: usize| input(&format!("{{\"verdict\":\"pass\",\"details\":{number}}}"));
    let lines: Vec<_> = (0..2_500).map(line).collect();
    let ended = dir.portcullis(&["eval", "parrot-gate.wasm", "--lines", "--jobs", "2"]).stdin(lines.join("\n")).run();
    let numbers: Vec<_> = ended.exits(0).json_lines().iter().map(|it| it["details"].as_u64()).collect();
    assert_eq!(numbers, (0..2_500).map(Some).collect::<Vec<_>>());
}
