//! The agent's process, in a group of its own, and all that is left of the group and of its descendants at its end.
//!
//! Where there is a supervisor, that is the process here, and its end is that of all that the agent has started.

use std::{
    io::PipeReader,
    os::fd::OwnedFd,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFlags, Timespec},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use super::{
    family::{has_ended, kill_descendants},
    hindrance::Hindrance,
    leash::{Leash, Refused},
    pipes::ready,
    plan::Stage,
};
use crate::{
    evidence::{command::start::Found, secrets::Secrets},
    text::excerpt,
};

/// How often the end of a process is looked for on a system that does not announce it.
const LOOK: Duration = Duration::from_millis(5);
/// How long a process that is dropped may take to be gone.
const GONE: Duration = Duration::from_secs(1);
/// How long a supervisor may take to end what it watches, before it is ended itself.
const MOMENT: Duration = Duration::from_millis(500);

/// A process that was started. Where it is dropped, it is killed and waited for.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
    /// Where the child is the agent's supervisor.
    leash: Option<Leash>,
    killed: Option<Instant>,
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
        let not_started = |reason| {
            let words: Vec<_> = plan.argv.iter().map(|argument| argument.written.as_str()).collect();
            Hindrance::NotStarted { command: excerpt(&words.join(" "), 200), reason }
        };
        let found = Found::new((&plan.argv, &plan.env), &plan.cwd, secrets).map_err(not_started)?;
        let Some(supervisor) = stage.supervisor else {
            let mut child = found.spawn([Stdio::piped(), Stdio::piped(), Stdio::piped()]).map_err(not_started)?;
            let pipes = Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
            return Ok((Self::new(child, None), pipes));
        };
        match Leash::start(supervisor, &found) {
            Ok((child, leash, pipes)) => Ok((Self::new(child, Some(leash)), pipes)),
            Err(Refused::NotStarted(reason)) => Err(not_started(reason)),
            Err(Refused::Remains) => Err(Hindrance::Remains),
        }
    }

    fn new(child: Child, leash: Option<Leash>) -> Self {
        let pid = Pid::from_child(&child);
        Self { child, pid, leash, killed: None, is_reaped: false }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// The agent, where it is not the process itself.
    pub(super) fn supervised(&self) -> Option<Pid> {
        self.leash.as_ref().map(Leash::agent)
    }

    /// Asks the agent's group to end.
    pub(super) fn ask_to_end(&self) {
        match &self.leash {
            Some(leash) => leash.ask_to_end(),
            None if self.is_reaped => {}
            None => drop(kill_process_group(self.pid, Signal::TERM)),
        }
    }

    /// Kills the group, and what of its descendants has left it while their parents were there. A supervisor is told to: only
    /// where it does not, it is killed with all of it. To be called until it has ended.
    pub(super) fn kill(&mut self) {
        if self.is_reaped {
            return;
        }
        let Some(leash) = &self.leash else { return kill_descendants(self.pid) };
        leash.let_go();
        let killed = *self.killed.get_or_insert_with(Instant::now);
        let has_ended = has_ended(self.pid);
        if !has_ended && killed.elapsed() > MOMENT {
            kill_descendants(self.pid);
        }
        if has_ended || killed.elapsed() > MOMENT {
            leash.kill_agent();
        }
    }

    /// Goes on killing what was told to end and has not.
    pub(super) fn kill_again(&mut self) {
        if self.killed.is_some() {
            self.kill();
        }
    }

    /// Waits for it once its end was seen, with nothing left of its group. Whether it has ended.
    pub(super) fn reap(&mut self) -> bool {
        if !self.is_reaped && has_ended(self.pid) && self.leash.as_ref().is_none_or(Leash::has_ended) {
            // Before it is waited for: until then, nothing else can have the number of its group.
            let _ = kill_process_group(self.pid, Signal::KILL);
            self.is_reaped = self.child.wait().is_ok();
        }
        self.is_reaped
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let since = Instant::now();
        while !self.is_reaped {
            self.kill();
            if self.reap() || since.elapsed() > GONE {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }
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

/// Whether what is held has ended.
pub(super) fn is_over(hold: &OwnedFd) -> bool {
    ready([(hold, PollFlags::IN)], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))[0]
}
