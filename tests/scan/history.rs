//! How it goes, from scan to scan: nothing is lost, nothing broken counts, and the newest twenty stand in a row.

use serde_json::{Value, json};

use super::{MODULE, dir, with_flows};
use crate::harness::{Dir, Ended};

fn history(dir: &Dir, arguments: &[&str]) -> Ended {
    dir.portcullis(&[&["history"], arguments].concat()).run()
}

fn snapshots(dir: &Dir, folder: &str) -> Vec<String> {
    let entries = dir.path(folder).read_dir().expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("listed").file_name().into_string().expect("text")).collect();
    names.retain(|name| name.ends_with("_classification.json"));
    names.sort();
    names
}

/// A snapshot of that second, in which so many of a hundred files failed.
fn snapshot(dir: &Dir, second: &str, failed: u32) {
    let (day, time) = second.split_once('T').expect("a day and a time");
    let stamp =
        format!("{}-{}-{}T{}:{}:{}+00:00", &day[..4], &day[4..6], &day[6..], &time[..2], &time[2..4], &time[4..]);
    let told = json!({"workflows": [], "summary": {"total": 100, "failed": failed, "timestamp": stamp}});
    dir.write(format!("h/{second}_classification.json"), told.to_string());
}

#[test]
fn scans_in_the_same_second_lose_nothing() {
    let dir = with_flows(&[("a", "foo(1)\n"), ("b", "goal: x\n")]);
    // Compiled once, so that they come close together.
    dir.portcullis(&["scan", MODULE, "flows", "--unverified"]).run().exits(1);
    let running: Vec<_> = (0..12)
        .map(|_| dir.portcullis(&["scan", MODULE, "flows", "--unverified", "--history-dir", "h/deep"]).start())
        .collect();
    for running in running {
        running.wait().exits(1);
    }
    let names = snapshots(&dir, "h/deep");
    assert_eq!(names.len(), 12, "{names:?}");
    for name in &names {
        let told = dir.json(format!("h/deep/{name}"));
        assert_eq!((&told["summary"]["failed"], &told["summary"]["total"]), (&json!(1), &json!(2)), "{name}");
    }
    let trends = dir.json("h/deep/trends.json");
    let listed: Vec<&str> = trends.as_array().expect("a list").iter().filter_map(|it| it["file"].as_str()).collect();
    assert_eq!(listed, names, "whoever wrote last saw all");
    let list = history(&dir, &["list", "--history-dir", "h/deep", "--json"]).exits(0).json();
    assert_eq!(list, trends);
}

#[test]
fn the_row_has_the_newest_twenty_and_the_list_has_all() {
    let dir = dir();
    for number in 0..25 {
        snapshot(&dir, &format!("202601{:02}T101500", number + 1), 25 - number);
    }
    dir.write("h/20260101T101500_classification.json.bak", "");
    dir.write("h/notes.json", "{}");
    dir.write("h/2026T10_classification.json", "");
    let told = history(&dir, &["trends", "--history-dir", "h", "--json"]).exits(0).json();
    assert_eq!(dir.json("h/trends.json"), told);
    let row = told.as_array().expect("a list");
    assert_eq!(row.len(), 20);
    assert_eq!(
        row[0],
        json!({"file": "20260106T101500_classification.json", "timestamp": "2026-01-06T10:15:00+00:00", "failed": 20, "total": 100})
    );
    assert_eq!(row[19]["file"], "20260125T101500_classification.json");
}

#[test]
fn a_chart_shows_whether_it_gets_better() {
    let dir = dir();
    for (second, failed) in [("20260101T000000", 100), ("20260102T000000", 50), ("20260103T000000", 0)] {
        snapshot(&dir, second, failed);
    }
    let told = history(&dir, &["trends", "--history-dir", "h"]).exits(0).stdout.clone();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("2026-01-01 00:00:00  100 of 100  100.0 %  █"), "{told}");
    let bar = |line: &str| line.chars().filter(|character| *character == '█').count();
    assert!(bar(lines[0]) > bar(lines[1]) && bar(lines[1]) > bar(lines[2]) && bar(lines[2]) == 0, "{told}");
    assert_eq!(lines[3..], ["50 fewer files failed than in the scan before", "h/trends.json"]);
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{told}");
    let list = history(&dir, &["list", "--history-dir", "h"]).exits(0).stdout.clone();
    assert_eq!(list.lines().count(), 4);
    assert!(
        list.contains("20260102T000000_classification.json  2026-01-02T00:00:00+00:00  50      100    50.0 %"),
        "{list}"
    );
}

#[test]
fn a_broken_snapshot_is_passed_over_with_a_word_and_the_others_count() {
    let dir = with_flows(&[("a", "foo(1)\n")]);
    for (second, failed) in [("20260101T000000", 3), ("20260109T000000", 2)] {
        snapshot(&dir, second, failed);
    }
    let whole = dir.text("h/20260101T000000_classification.json");
    let broken: [(&str, &[u8]); 6] = [
        ("20260102T000000", b""),
        ("20260103T000000", &whole.as_bytes()[..whole.len() / 2]),
        ("20260104T000000", b"[]"),
        ("20260105T000000", b"\xff\0"),
        (
            "20260106T000000",
            br#"{"workflows":[],"summary":{"total":1,"failed":2,"timestamp":"2026-01-06T00:00:00+00:00"}}"#,
        ),
        ("20260107T000000", br#"{"workflows":[],"summary":{"total":1,"failed":0,"timestamp":"2026-01-06"}}"#),
    ];
    for (second, bytes) in broken {
        dir.write(format!("h/{second}_classification.json"), bytes);
    }
    std::fs::create_dir(dir.path("h/20260108T000000_classification.json")).expect("made");
    let files = |told: &Value| -> Vec<String> {
        told.as_array().expect("a list").iter().map(|it| it["file"].as_str().expect("a name")[..8].to_owned()).collect()
    };
    for arguments in [["list", "--json"], ["trends", "--json"]] {
        let ended = history(&dir, &[&arguments[..], &["--history-dir", "h"]].concat());
        assert_eq!(files(&ended.exits(0).json()), ["20260101", "20260109"]);
        for (second, _) in broken {
            assert!(
                ended.stderr.contains(&format!("the snapshot `{second}_classification.json` is passed over")),
                "{ended}"
            );
        }
        assert_eq!(ended.stderr.matches("is passed over").count(), 7, "{ended}");
    }
    let ended = dir.portcullis(&["scan", MODULE, "flows", "--unverified", "--history-dir", "h"]).run();
    ended.exits(1).says("20260103T000000_classification.json` is passed over");
    assert_eq!(files(&dir.json("h/trends.json")).len(), 3);
    for (second, bytes) in broken {
        assert_eq!(dir.read(format!("h/{second}_classification.json")), bytes, "left as it was");
    }
}

#[test]
fn a_folder_without_snapshots_is_no_error_and_one_that_is_not_there_is() {
    let dir = dir();
    for action in ["list", "trends"] {
        let ended = history(&dir, &[action]);
        ended.exits(2).refuses_with("file-missing").says(".portcullis/history");
        history(&dir, &[action, "--history-dir", "gone"]).exits(2).refuses_with("file-missing");
        dir.write("file", "");
        history(&dir, &[action, "--history-dir", "file"]).exits(2);
    }
    std::fs::create_dir(dir.path("empty")).expect("made");
    assert_eq!(history(&dir, &["list", "--history-dir", "empty", "--json"]).exits(0).json(), json!([]));
    assert!(!dir.has("empty/trends.json"), "listing writes nothing");
    assert_eq!(history(&dir, &["trends", "--history-dir", "empty", "--json"]).exits(0).json(), json!([]));
    assert_eq!(dir.json("empty/trends.json"), json!([]));
}
