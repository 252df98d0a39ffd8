//! Events in files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use super::*;

#[test]
fn each_event_is_a_line_at_the_end_of_a_file_of_its_user_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    for _ in 0..2 {
        let notifier = open(Sink::File(path.clone()));
        Kind::ALL.iter().for_each(|kind| notifier.tell(of(*kind)));
        assert_eq!(numbers(&finish(notifier, LONG)), [9, 9, 0, 0, 0]);
    }
    let documents = documents(&path);
    let words: Vec<_> = documents.iter().map(|document| document["event"].as_str().expect("a word")).collect();
    let expect: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(words, [expect.clone(), expect].concat());
    let ids: std::collections::HashSet<_> = documents.iter().map(|document| document["id"].to_string()).collect();
    assert_eq!(ids.len(), 18);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_sink_hears_of_the_kinds_that_it_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let [some, none, all] = ["some", "none", "all"].map(|name| folder.path().join(name));
    let sinks = vec![
        (Sink::File(some.clone()), Filter::Only(vec![Kind::AgentRevoked, Kind::Heartbeat])),
        (Sink::File(none.clone()), Filter::Only(Vec::new())),
        (Sink::File(all.clone()), Filter::All),
    ];
    let notifier = opened(sinks, &Hosts::Loopback, QUICK).expect("opened");
    Kind::ALL.iter().for_each(|kind| notifier.tell(of(*kind)));
    let report = notifier.finish(LONG);
    assert_eq!(report.sinks.iter().map(|sink| sink.delivered).collect::<Vec<_>>(), [2, 0, 9]);
    assert_eq!((report.lost(), report.problems().count()), (0, 0));
    let heard: Vec<_> = documents(&some).iter().map(|document| document["event"].to_string()).collect();
    assert_eq!(heard, ["\"agent_revoked\"", "\"heartbeat\""]);
    // An event has one id, whoever hears of it.
    assert_eq!(documents(&some)[1]["id"], documents(&all)[8]["id"]);
}

#[test]
fn nothing_is_written_through_a_link_or_into_what_is_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("real"), "kept\n").expect("written");
    symlink(at("real"), at("link")).expect("linked");
    symlink(at("nothing"), at("dangling")).expect("linked");
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    for (name, code) in [
        ("link", "events-file-link"),
        ("dangling", "events-file-link"),
        ("", "events-not-a-file"),
        ("pipe", "events-not-a-file"),
        ("no/such", "events-file-unwritable"),
    ] {
        let error = refused(Sink::File(at(name)));
        assert_eq!(error.code(), code, "{name}: {error}");
    }
    assert_eq!(fs::read_to_string(at("real")).expect("there"), "kept\n");
    assert!(!at("nothing").exists());
    assert_eq!(refused(Sink::File("/dev/null".into())).code(), "events-not-a-file");
}

#[test]
fn a_line_that_somebody_left_unfinished_takes_no_other_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    fs::write(&path, "{\"schema\":1,\"id\":\"half").expect("written");
    let notifier = open(Sink::File(path.clone()));
    notifier.tell(event());
    notifier.tell(event());
    assert_eq!(numbers(&finish(notifier, LONG)), [2, 2, 0, 0, 0]);
    let text = fs::read_to_string(&path).expect("there");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"schema\":1,\"id\":\"half"));
    assert!(lines[1..].iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[test]
fn several_runs_write_one_file_at_once_and_no_line_into_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let notifier = open(Sink::File(path.clone()));
                (0..40).for_each(|_| notifier.tell(large()));
                assert_eq!(numbers(&finish(notifier, LONG)), [40, 40, 0, 0, 0]);
            });
        }
    });
    assert_eq!(documents(&path).len(), 120);
}
