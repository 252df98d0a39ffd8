//! Events on a command's stdin.

use rustix::process::{Pid, test_kill_process};

use super::*;

/// The process whose number the file at `path` holds, once it does.
fn pid_in(path: &Path) -> Pid {
    let read = || std::fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok().and_then(Pid::from_raw);
    wait_until(|| read().is_some());
    read().expect("a number")
}

/// Whether it is gone. One that is dead and waits for its parent is; the number may be that of no other so soon.
fn is_gone(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    test_kill_process(pid).is_err() || stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}

#[test]
fn a_command_is_started_once_and_reads_every_line_to_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let notifier = open(shell("echo started >> count; cat > heard; echo \"$TOKEN\" > end", folder.path()));
    (0..50).for_each(|_| notifier.tell(large()));
    let report = finish(notifier, LONG);
    assert_eq!((numbers(&report), report.trouble), ([50, 50, 0, 0, 0], None));
    assert_eq!(documents(&folder.path().join("heard")).len(), 50);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("there");
    assert_eq!((read("count"), read("end")), ("started\n".to_owned(), format!("{TOKEN}\n")));
}

#[test]
fn what_a_command_never_reads_holds_nobody_up_and_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "sleep 1000 & echo $! > below; echo $$ > itself; wait";
    let notifier = open(shell(script, folder.path()));
    let [itself, below] = ["itself", "below"].map(|name| pid_in(&folder.path().join(name)));
    (0..400).for_each(|_| notifier.tell(large()));
    let report = finish(notifier, Duration::from_millis(50));
    let [told, delivered, dropped, failed, undelivered] = numbers(&report);
    assert_eq!((told, failed), (400, 0));
    assert!(delivered < 10 && dropped > 200 && undelivered > 100, "{report:?}");
    // Its whole group ended with the run.
    wait_until(|| is_gone(itself) && is_gone(below));
}

#[test]
fn a_command_that_ends_early_loses_the_rest_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let notifier = open(shell("head -n 1 > heard; echo $$ > itself", folder.path()));
    notifier.tell(event());
    let itself = pid_in(&folder.path().join("itself"));
    wait_until(|| is_gone(itself));
    (0..3).for_each(|_| notifier.tell(event()));
    let report = finish(notifier, LONG);
    assert_eq!(numbers(&report), [4, 1, 0, 3, 0]);
    assert_eq!(report.trouble.as_deref(), Some("it has ended, or closed its stdin"));
    assert_eq!(documents(&folder.path().join("heard")).len(), 1);
}

#[test]
fn a_command_that_works_on_at_the_end_is_ended_and_the_report_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let notifier = open(shell("cat > heard; echo $$ > itself; exec sleep 1000", folder.path()));
    notifier.tell(event());
    let report = notifier.finish(Duration::from_millis(300));
    let problems: Vec<_> = report.problems().map(|problem| problem.code).collect();
    // On a machine so busy that not even `cat` was done, the event is lost as well.
    assert!(problems == ["events-cut-short"] || problems == ["events-lost"], "{problems:?}");
}

#[test]
fn a_command_ends_with_a_notifier_that_nobody_finishes() {
    let folder = tempfile::tempdir().expect("a folder");
    let notifier = open(shell("echo $$ > itself; exec sleep 1000", folder.path()));
    let itself = pid_in(&folder.path().join("itself"));
    drop(notifier);
    wait_until(|| is_gone(itself));
}

#[test]
fn a_command_ends_when_a_later_sink_cannot_be_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let itself = folder.path().join("itself");
    let script = "echo $$ > itself; exec sleep 1000";
    let sinks = vec![(shell(script, folder.path()), Filter::All), (Sink::File("/dev/null".into()), Filter::All)];
    let error = opened(sinks, &Hosts::Loopback, QUICK).expect_err("refused");
    assert_eq!(error.code(), "events-not-a-file");
    // It may have been ended before it could say who it is.
    thread::sleep(Duration::from_millis(20));
    if itself.exists() {
        let pid = pid_in(&itself);
        wait_until(|| is_gone(pid));
    }
}

#[test]
fn a_command_that_cannot_start_is_named_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = refused(command(&["./no-such", "${env:TOKEN}"], folder.path()));
    assert_eq!(error.code(), "events-command-missing");
    assert!(error.to_string().contains("`./no-such ${env:TOKEN}`"), "{error}");
    let error = refused(command(&["/bin/sh", "${env:GONE}"], folder.path()));
    let expect = "events cannot go to `/bin/sh ${env:GONE}`: the variable `GONE` is not set";
    assert_eq!((error.code(), error.to_string().as_str()), ("events-env-missing", expect));
    assert_eq!(refused(command(&[], folder.path())).code(), "events-command-missing");
}
