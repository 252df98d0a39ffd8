//! A running child → how it ended and what it said, in one thread: whatever comes first of output, end, deadline and Ctrl-C.
//!
//! Output beyond the cap is read and dropped, so that a child that writes much is not stopped by a full pipe. Nothing that a
//! child leaves behind can hold this up: what is left of its group is killed, and a pipe that another process holds open is
//! waited for only shortly.

use std::{
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid},
};

use crate::{
    evidence::world::{INTERRUPTED, World},
    manifest::CommandSource,
};

/// How often the end of collecting is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// The same for the end of a child on a system that does not announce it.
const LOOK_FOR_END: Duration = Duration::from_millis(5);
/// How long pipes may stay open after the child has ended and its group was killed.
const GRACE: Duration = Duration::from_secs(1);
/// As much as a pipe holds.
const CHUNK: usize = 64 << 10;

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It never began, for this reason.
    NotStarted(String),
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, where it is known, and not because of anything here.
    Killed(Option<i32>),
    /// It was killed at its deadline.
    TimedOut,
    /// It was killed because collecting was to end.
    Interrupted,
}

impl Ended {
    /// The word for it in the evidence document.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::NotStarted(_) => "not_found",
            Self::Exited(_) => "completed",
            Self::Killed(_) => "killed",
            Self::TimedOut => "timeout",
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// What came through one pipe.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The beginning of it, up to the cap.
    pub(super) bytes: Vec<u8>,
    /// How many bytes came.
    pub(super) total: u64,
    /// Whether more came than was kept, or may have come after the pipe was left.
    pub(super) cut: bool,
}

/// What a child did.
#[derive(Debug)]
pub(super) struct Ran {
    /// How it ended.
    pub(super) ended: Ended,
    /// What it wrote to stdout.
    pub(super) stdout: Heard,
    /// What it wrote to stderr.
    pub(super) stderr: Heard,
    /// How long it took to end.
    pub(super) took: Duration,
}

impl Ran {
    /// A child that could not be started, for `reason`.
    pub(super) fn never(reason: String) -> Self {
        Self {
            ended: Ended::NotStarted(reason),
            stdout: Heard::default(),
            stderr: Heard::default(),
            took: Duration::ZERO,
        }
    }
}

/// Waits for `child`, whose time runs from `started` on, and reads what it says.
pub(super) fn drain(child: Child, source: &CommandSource, world: World<'_>, started: Instant) -> Ran {
    let mut watch = Watch::new(child, source.max_output);
    let stopped = loop {
        let left = source.timeout.saturating_sub(started.elapsed());
        watch.turn(left.min(LOOK));
        if watch.gone {
            break None;
        }
        if world.is_cancelled() {
            break Some(Ended::Interrupted);
        }
        if started.elapsed() >= source.timeout {
            break Some(Ended::TimedOut);
        }
    };
    let took = started.elapsed();
    // Before the child is waited for: until then, nothing else can have the number of its group.
    let _ = kill_process_group(watch.pid, Signal::KILL);
    watch.settle(world);
    let status = if watch.gone { watch.child.wait().ok() } else { None };
    let ended = stopped.unwrap_or_else(|| by_itself(status));
    Ran { ended, stdout: watch.stdout.left(), stderr: watch.stderr.left(), took }
}

fn by_itself(status: Option<ExitStatus>) -> Ended {
    match status.and_then(|status| status.code()) {
        Some(code) => Ended::Exited(code),
        None => Ended::Killed(status.and_then(|status| status.signal())),
    }
}

struct Watch {
    child: Child,
    pid: Pid,
    /// Readable once the child has ended; nothing after that, and on systems that have no such thing.
    end: Option<OwnedFd>,
    gone: bool,
    stdout: Pipe,
    stderr: Pipe,
    chunk: Vec<u8>,
}

impl Watch {
    fn new(mut child: Child, most: u64) -> Self {
        let pid = Pid::from_child(&child);
        let stdout = Pipe::new(child.stdout.take().map(OwnedFd::from), most);
        let stderr = Pipe::new(child.stderr.take().map(OwnedFd::from), most);
        let end = pidfd_open(pid, PidfdFlags::empty()).ok();
        Self { child, pid, end, gone: false, stdout, stderr, chunk: vec![0; CHUNK] }
    }

    /// Waits until something happens, at most for `wait`, and takes it.
    fn turn(&mut self, wait: Duration) {
        let announced = self.end.is_some() || self.gone;
        let wait = if announced { wait } else { wait.min(LOOK_FOR_END) };
        let [stdout, stderr, end] = ready([&self.stdout.pipe, &self.stderr.pipe, &self.end], wait);
        if stdout {
            self.stdout.read(&mut self.chunk);
        }
        if stderr {
            self.stderr.read(&mut self.chunk);
        }
        if end || (!announced && has_ended(self.pid)) {
            self.gone = true;
            // It would stay readable, and no later turn would wait for anything.
            self.end = None;
        }
    }

    /// After the group was killed: what is still in the pipes, until both are closed and the child is gone. An open pipe is
    /// always read once more, because it may hold what the child wrote in its last moment.
    fn settle(&mut self, world: World<'_>) {
        let since = Instant::now();
        while !(self.gone && self.stdout.pipe.is_none() && self.stderr.pipe.is_none()) {
            let left = GRACE.saturating_sub(since.elapsed());
            self.turn(left.min(LOOK));
            if left.is_zero() || self.gone && world.is_cancelled() {
                return;
            }
        }
    }
}

struct Pipe {
    /// Nothing, once it was read to its end.
    pipe: Option<OwnedFd>,
    heard: Heard,
    most: usize,
}

impl Pipe {
    fn new(pipe: Option<OwnedFd>, most: u64) -> Self {
        Self { pipe, heard: Heard::default(), most: usize::try_from(most).unwrap_or(usize::MAX) }
    }

    fn read(&mut self, chunk: &mut [u8]) {
        let Some(pipe) = &self.pipe else { return };
        match rustix::io::read(pipe, &mut *chunk) {
            Ok(0) => self.pipe = None,
            Ok(length) => self.hear(chunk.get(..length).unwrap_or_default()),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => {
                self.heard.cut = true;
                self.pipe = None;
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        let room = self.most.saturating_sub(self.heard.bytes.len());
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.heard.bytes.extend_from_slice(kept);
        self.heard.total = self.heard.total.saturating_add(bytes.len() as u64);
        self.heard.cut |= kept.len() < bytes.len();
    }

    /// What came through it. Another process may go on writing into one that is still open.
    fn left(self) -> Heard {
        Heard { cut: self.heard.cut || self.pipe.is_some(), ..self.heard }
    }
}

/// Which of `files` have something to read, or are at their end, after at most `wait`.
fn ready(files: [&Option<OwnedFd>; 3], wait: Duration) -> [bool; 3] {
    let files: [Option<BorrowedFd<'_>>; 3] = files.map(|file| file.as_ref().map(|file| file.as_fd()));
    let mut polled: Vec<_> =
        files.iter().flatten().map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN)).collect();
    let timeout = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        // The system has no memory for it just now.
        Err(_) => std::thread::sleep(wait),
    }
    let mut events = polled.iter().map(|file| !file.revents().is_empty());
    files.map(|file| file.is_some() && events.next().unwrap_or(false))
}

/// Whether the child has ended; it can still be waited for.
pub(crate) fn has_ended(pid: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::Pid(pid), options), Ok(None) | Err(Errno::INTR))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_end_of_a_child_is_seen_where_the_system_does_not_announce_it() {
        let child =
            Command::new("/bin/sh").args(["-c", "echo a; exit 5"]).stdout(Stdio::piped()).spawn().expect("started");
        let mut watch = Watch::new(child, 9);
        watch.end = None;
        while !watch.gone || watch.stdout.pipe.is_some() {
            watch.turn(LOOK);
        }
        assert_eq!(by_itself(watch.child.wait().ok()), Ended::Exited(5));
        assert_eq!(watch.stdout.left().bytes, b"a\n");
    }
}
