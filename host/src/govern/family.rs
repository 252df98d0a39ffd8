//! Processes and all that they have started, as the system tells of parents and children.

use std::{
    collections::HashSet,
    fs,
    process::{Child, ExitStatus},
    thread::sleep,
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, getpgid, getpid, kill_process, kill_process_group,
        pidfd_open, pidfd_send_signal, waitid, waitpid,
    },
};

use crate::evidence::command::strays;

/// No more descendants are looked at: whoever starts more is ended by its group.
const MOST: usize = 10_000;
/// How often strays are looked for: each round finds what was started in the one before.
const ROUNDS: usize = 4;
/// How long is waited for what was killed before it is looked at again.
const NAP: Duration = Duration::from_millis(1);

/// Whether the child has ended; it can still be waited for.
pub(super) fn has_ended(child: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(child), options), Ok(None) | Err(Errno::INTR))
}

/// Kills the group of `first`, and what of its descendants has left it while their parents were there.
pub(super) fn kill_descendants(first: Pid) {
    // What has stopped starts nothing while it is counted.
    let _ = kill_process_group(first, Signal::STOP);
    for _ in 0..ROUNDS {
        let mut strays = descendants(first);
        strays.retain(|(pid, _)| getpgid(Some(*pid)).is_ok_and(|group| group != first));
        if strays.is_empty() {
            break;
        }
        // The deepest first: what loses its parent is handed to somebody else.
        strays.into_iter().rev().for_each(|(pid, parent)| kill_stray(pid, parent));
    }
    let _ = kill_process_group(first, Signal::KILL);
}

/// Ends all that this process has started, and all that this has: `first` with its group, and whoever has come to this process
/// because it asked for those that lose their parents. Waits until nothing of it is there, and says how `first` has ended,
/// which nobody else has waited for.
pub(super) fn end_all(first: &mut Child) -> Option<ExitStatus> {
    let pid = Pid::from_child(first);
    let (mut status, mut is_reaped, mut before) = (None, false, Vec::new());
    loop {
        // The number of the first and of its group are its own until it is waited for.
        if !is_reaped {
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = kill_process(pid, Signal::KILL);
        }
        // Before the others are counted: what it had started is among them once it has ended.
        let is_last = !is_reaped && has_ended(pid);
        let mut others = children(getpid());
        if is_reaped && others.is_empty() {
            // Not every system lists children.
            others = strays::children().into_iter().map(|(child, _)| child).collect();
        }
        others.retain(|other| is_reaped || *other != pid);
        others.iter().for_each(|other| end_child(*other));
        kill_deeper();
        if is_last && others.is_empty() {
            status = first.wait().ok();
            is_reaped = true;
        }
        if is_reaped && is_alone() {
            return status;
        }
        // What starts another one and ends, again and again, is not given the time to.
        if others == before {
            sleep(NAP);
        }
        before = others;
    }
}

/// Waits for the children that have ended, but for `first`.
pub(super) fn reap_others(first: Pid) {
    for child in children(getpid()) {
        if child != first {
            let _ = waitpid(Some(child), WaitOptions::NOHANG);
        }
    }
}

/// Kills a child of this process, and waits for it where it has ended. Its number is its own until then.
fn end_child(child: Pid) {
    let _ = kill_process(child, Signal::KILL);
    let _ = waitpid(Some(child), WaitOptions::NOHANG);
}

/// Kills what children of this process have started.
fn kill_deeper() {
    let own = getpid();
    let deeper = descendants(own).into_iter().filter(|(_, parent)| *parent != own);
    deeper.for_each(|(pid, parent)| kill_stray(pid, parent));
}

/// Whether this process has no child.
fn is_alone() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, options), Err(Errno::CHILD))
}

/// The descendants of a process, each with its parent.
fn descendants(root: Pid) -> Vec<(Pid, Pid)> {
    let mut seen = HashSet::from([root]);
    let mut found: Vec<(Pid, Pid)> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            if found.len() < MOST && seen.insert(child) {
                found.push((child, parent));
                parents.push(child);
            }
        }
    }
    found
}

/// The children of a process: of all its threads.
fn children(parent: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(pid)
        .collect()
}

fn pid(text: String) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}

/// Kills a process that was seen as a child of `parent`. Its number may be another one's by now: so it is held first, and
/// looked at again.
fn kill_stray(stray: Pid, parent: Pid) {
    match pidfd_open(stray, PidfdFlags::empty()) {
        Ok(held) if children(parent).contains(&stray) => drop(pidfd_send_signal(&held, Signal::KILL)),
        Err(Errno::NOSYS) => drop(kill_process(stray, Signal::KILL)),
        _ => {}
    }
}
