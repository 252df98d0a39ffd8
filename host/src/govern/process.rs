//! The agent's process, in a group of its own, and all that is left of the group and of its descendants at its end.

use std::{
    collections::HashSet,
    fs,
    io::PipeReader,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFlags, Timespec},
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpgid, kill_process, kill_process_group, pidfd_open,
        pidfd_send_signal, waitid,
    },
};

use super::{hindrance::Hindrance, pipes::ready, plan::Stage};
use crate::{
    evidence::{command::start::spawn, secrets::Secrets},
    text::excerpt,
};

/// How often the end of a process is looked for on a system that does not announce it.
const LOOK: Duration = Duration::from_millis(5);
/// How long a process that is dropped may take to be gone.
const GONE: Duration = Duration::from_secs(1);
/// No more descendants are looked at: whoever starts more is ended by its group.
const MOST: usize = 10_000;
/// How often strays are looked for: each round finds what was started in the one before.
const ROUNDS: usize = 4;

/// A process that was started. Where it is dropped, it is killed and waited for.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    is_reaped: bool,
}

/// The three ways to talk to it.
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl Process {
    /// Starts the agent.
    pub(super) fn start(stage: &Stage<'_>, secrets: &Secrets) -> Result<(Self, Pipes), Hindrance> {
        let plan = stage.plan;
        let stdio = [Stdio::piped(), Stdio::piped(), Stdio::piped()];
        let mut child = spawn((&plan.argv, &plan.env), &plan.cwd, secrets, stdio).map_err(|reason| {
            let words: Vec<_> = plan.argv.iter().map(|argument| argument.written.as_str()).collect();
            Hindrance::NotStarted { command: excerpt(&words.join(" "), 200), reason }
        })?;
        let pipes = Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
        let pid = Pid::from_child(&child);
        Ok((Self { child, pid, is_reaped: false }, pipes))
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Asks the group to end.
    pub(super) fn ask_to_end(&self) {
        if !self.is_reaped {
            let _ = kill_process_group(self.pid, Signal::TERM);
        }
    }

    /// Kills the group, and what of its descendants has left it while their parents were there.
    pub(super) fn kill(&self) {
        if self.is_reaped {
            return;
        }
        kill_descendants(self.pid);
    }

    /// Waits for it once its end was seen, with nothing left of its group. Whether it has ended.
    pub(super) fn reap(&mut self) -> bool {
        if !self.is_reaped && has_ended(self.pid) {
            // Before it is waited for: until then, nothing else can have the number of its group.
            let _ = kill_process_group(self.pid, Signal::KILL);
            self.is_reaped = self.child.wait().is_ok();
        }
        self.is_reaped
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.kill();
            let since = Instant::now();
            while !self.reap() && since.elapsed() < GONE {
                std::thread::sleep(LOOK);
            }
        }
    }
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

/// Waits for the end of a process, or until `over` is closed. Whether it has ended.
pub(super) fn ends(pid: Pid, over: &PipeReader) -> bool {
    let Ok(end) = pidfd_open(pid, PidfdFlags::empty()) else {
        let wait = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
        loop {
            if has_ended(pid) {
                return true;
            }
            if ready([(over, PollFlags::IN)], Some(&wait))[0] {
                return false;
            }
        }
    };
    loop {
        let [has_ended, is_over] = ready([(&end, PollFlags::IN), (over, PollFlags::IN)], None);
        if has_ended || is_over {
            return has_ended;
        }
    }
}

/// Whether the child has ended; it can still be waited for.
fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None) | Err(rustix::io::Errno::INTR))
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
        Err(rustix::io::Errno::NOSYS) => drop(kill_process(stray, Signal::KILL)),
        _ => {}
    }
}
