//! How commands end, and that nothing of them is left.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::*;

#[test]
fn a_flood_without_an_end_is_stopped_at_its_deadline() {
    let mut source = shell("yes; echo never");
    source.timeout = Duration::from_secs(1);
    source.max_output = 4;
    let (document, message) = failed(&source, "evidence-timeout");
    assert_eq!((&document["stdout"], &document["stdout_cut"]), (&json!("y\ny\n"), &json!(true)));
    assert_eq!(message, "`/bin/sh -c yes; echo never` did not end within 1s");
}

#[test]
fn a_command_that_hangs_is_killed_with_all_of_its_group() {
    let folder = tempfile::tempdir().expect("a folder");
    // Each writes its number, so that it can be seen that nothing of them is left.
    let mut source = shell("sh -c 'echo $$ > inner; exec sleep 600' & echo started; echo ' last words ' >&2; wait");
    source.cwd = folder.path().to_owned();
    source.timeout = Duration::from_secs(2);
    let begun = Instant::now();
    let (document, message) = failed(&source, "evidence-timeout");
    assert!(begun.elapsed() < LONG);
    assert_eq!((&document["exit_code"], &document["signal"]), (&Value::Null, &Value::Null));
    assert_eq!((&document["stdout"], &document["stdout_cut"]), (&json!("started\n"), &json!(false)));
    assert!(message.ends_with("did not end within 2s; the last line of its stderr: last words"), "{message}");
    assert_gone(&folder.path().join("inner"));
}

/// That the process whose number is in the file has ended, or does so soon.
fn assert_gone(file: &Path) {
    let number = fs::read_to_string(file).expect("it was started");
    let stat = format!("/proc/{}/stat", number.trim());
    let begun = Instant::now();
    // One that nobody waited for yet is as good as gone.
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(begun.elapsed() < LONG, "process {number} is still there");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_left_of_the_group_is_killed_when_the_command_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = shell("sh -c 'echo $$ > inner; exec sleep 600' & while [ ! -s inner ]; do :; done; echo done");
    source.cwd = folder.path().to_owned();
    let begun = Instant::now();
    let document = completed(&source);
    assert!(begun.elapsed() < LONG);
    assert_eq!((&document["stdout"], &document["stdout_cut"]), (&json!("done\n"), &json!(false)));
    assert_gone(&folder.path().join("inner"));
}

#[test]
fn a_process_in_another_session_that_holds_the_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source =
        shell("setsid sh -c 'echo $$ > inner; exec sleep 600 2>&-' & while [ ! -s inner ]; do :; done; echo done");
    source.cwd = folder.path().to_owned();
    source.format = Some(Format::Text);
    let begun = Instant::now();
    let document = completed(&source);
    assert!(begun.elapsed() < LONG);
    assert_eq!((&document["stdout"], &document["stdout_cut"]), (&json!("done\n"), &json!(true)));
    assert_eq!((&document["stdout_bytes"], &document["stderr_cut"]), (&json!(5), &json!(false)));
    assert_eq!((&document["data"], &document["data_error"]), (&Value::Null, &json!("stdout is cut after 5 bytes")));
    let left = fs::read_to_string(folder.path().join("inner")).expect("it was started");
    let left = left.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
    rustix::process::kill_process(left, rustix::process::Signal::KILL).expect("it is still there");
}

#[test]
fn a_command_that_closes_its_pipes_and_stays_is_waited_for() {
    let source = shell("exec >&- 2>&-; sleep 0.2; exit 4");
    assert_eq!(completed(&source)["exit_code"], 4);
}

#[test]
fn a_command_that_dies_by_a_signal_is_no_evidence() {
    let (document, message) = failed(&shell("echo a; echo why >&2; kill -9 $$"), "evidence-killed");
    assert_eq!((&document["outcome"], &document["signal"]), (&json!("killed"), &json!(9)));
    assert_eq!((&document["exit_code"], &document["stdout"]), (&Value::Null, &json!("a\n")));
    assert!(message.ends_with("was killed by signal 9; the last line of its stderr: why"), "{message}");
}

#[test]
fn the_end_of_collecting_ends_the_command() {
    static CANCELLED: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = shell("echo $$ > inner; echo started; exec sleep 600");
    source.cwd = folder.path().to_owned();
    let inner = folder.path().join("inner");
    let (document, failure) = thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !inner.exists() && begun.elapsed() < LONG {
                thread::sleep(Duration::from_millis(5));
            }
            CANCELLED.store(true, Ordering::Relaxed);
        });
        run_until(&source, &CANCELLED)
    });
    assert_eq!((&document["outcome"], &document["signal"]), (&json!("interrupted"), &Value::Null));
    assert_eq!(failure.map(|failure| failure.code), Some("evidence-interrupted"));
    assert_gone(&inner);
}

#[test]
fn several_commands_at_once_do_not_get_into_each_others_way() {
    thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let source = shell(&format!("for i in 1 2 3 4 5; do echo {number}; done; exit {number}"));
                let document = completed(&source);
                assert_eq!(document["exit_code"], number);
                assert_eq!(document["stdout"], format!("{number}\n").repeat(5));
            });
        }
    });
}

/// What is done with strays concerns the whole process, so this one has a process of its own.
#[test]
fn what_left_its_group_is_killed_when_the_last_command_has_ended() {
    let test = "strays_are_killed_and_what_was_there_before_is_not";
    let module = module_path!().split_once("::").map_or("", |(_, module)| module);
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", &format!("{module}::{test}"), "--ignored", "--nocapture"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn strays_are_killed_and_what_was_there_before_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nothing of this process's pipes, which would be held open if this failed.
    let mut sleep = Command::new("sleep");
    sleep.arg("600").stdout(Stdio::null()).stderr(Stdio::null());
    let mut own = sleep.spawn().expect("started");
    let mut before = sleep.process_group(0).spawn().expect("started");
    let strays = Strays::adopt().expect("the system gives them");
    let mut source = shell(
        "setsid sh -c 'echo $$ > outer; (setsid sh -c \"echo \\$\\$ > inner; exec sleep 600\" &); exec sleep 600' \
         >/dev/null 2>&1 & (setsid true &); while [ ! -s inner ]; do :; done",
    );
    source.cwd = folder.path().to_owned();
    assert_eq!(completed(&source)["stdout_cut"], false);
    drop(strays);
    for child in [&mut before, &mut own] {
        assert_eq!(child.try_wait().expect("a child"), None);
        child.kill().expect("killed");
        child.wait().expect("waited for");
    }
    for name in ["outer", "inner"] {
        let number = fs::read_to_string(folder.path().join(name)).expect("it was started");
        assert!(!Path::new(&format!("/proc/{}", number.trim())).exists(), "{name} is still there");
    }
}
