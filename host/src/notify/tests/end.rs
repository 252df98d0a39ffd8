//! The end of a run with several sinks.

use super::*;

#[test]
fn a_sink_that_is_stuck_keeps_no_other_from_its_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    let stuck = shell("exec sleep 1000", folder.path());
    let sinks = vec![(stuck, Filter::All), (Sink::File(path.clone()), Filter::All)];
    let notifier = opened(sinks, &Hosts::Loopback, QUICK).expect("opened");
    for number in 1..=100 {
        notifier.tell(large());
        // The file is as fast as this test, at least.
        wait_until(|| std::fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == number));
    }
    let report = notifier.finish(Duration::from_millis(20));
    assert_eq!(report.sinks[1].delivered, 100);
    assert!(report.sinks[0].lost() > 50);
    assert_eq!(report.lost(), report.sinks[0].lost());
    let problems: Vec<_> = report.problems().map(|problem| problem.to_string()).collect();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("[events-lost] `/bin/sh -c exec sleep 1000` missed "), "{}", problems[0]);
}

#[test]
fn a_sink_that_was_too_slow_is_told_what_it_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let go = folder.path().join("go");
    let notifier = open(shell("while ! [ -e go ]; do sleep 0.01; done; cat > heard", folder.path()));
    (0..400).for_each(|_| notifier.tell(large()));
    std::fs::write(go, "").expect("written");
    let report = finish(notifier, LONG);
    assert_eq!((report.failed, report.undelivered), (0, 0));
    assert!(report.dropped > 200);
    let heard = documents(&folder.path().join("heard"));
    assert_eq!(heard.len() as u64, report.delivered + 1);
    let last = heard.last().expect("a last one");
    assert_eq!((&last["event"], &last["detail"]["dropped"]), (&json!("events_lost"), &json!(report.dropped)));
}

#[test]
fn many_tell_at_once_and_each_event_has_its_own_id() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.jsonl");
    let notifier = open(Sink::File(path.clone()));
    thread::scope(|scope| {
        (0..4).for_each(|_| drop(scope.spawn(|| (0..100).for_each(|_| notifier.tell(event())))));
    });
    assert_eq!(numbers(&finish(notifier, LONG)), [400, 400, 0, 0, 0]);
    let ids: std::collections::HashSet<_> =
        documents(&path).iter().map(|document| document["id"].to_string()).collect();
    assert_eq!(ids.len(), 400);
}

#[test]
fn a_run_without_sinks_ends_at_once() {
    let notifier = opened(Vec::new(), &Hosts::Loopback, QUICK).expect("opened");
    notifier.tell(event());
    assert_eq!(notifier.finish(LONG), super::super::Report::default());
}
