//! The agent's standard input, output and error. Whoever is at the other end: no line is longer than it may be, no more of
//! them wait than a few, and nothing here waits for longer than the stage lasts.

use std::{
    io::{PipeReader, Read as _, Write as _},
    os::fd::AsFd,
    process::{ChildStderr, ChildStdin, ChildStdout},
    sync::{
        Condvar, Mutex, PoisonError,
        mpsc::{Receiver, Sender},
    },
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
};

use super::{driver::Message, mask::Mask};
use crate::{agent::Lines, evidence::World};

/// As much as is read at once.
const CHUNK: usize = 8 << 10;
/// How many lines may wait to be heard.
const MOST_LINES: usize = 16;
/// How much of stderr is kept.
const MOST_NOTES: usize = 64 << 10;
/// How often stderr is still read when the stage is over: another process may be writing to it.
const LAST_READS: usize = 16;

/// Room for lines that wait.
#[derive(Debug)]
pub(super) struct Room {
    left: Mutex<Option<usize>>,
    changed: Condvar,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { left: Mutex::new(Some(MOST_LINES)), changed: Condvar::new() }
    }

    /// Waits for room for one line; there is none when the stage is over.
    fn take(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match left.as_mut() {
                None => return false,
                Some(0) => left = self.changed.wait(left).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    *left -= 1;
                    return true;
                }
            }
        }
    }

    /// A line was heard.
    pub(super) fn give_back(&self) {
        if let Some(left) = self.left.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *left += 1;
        }
        self.changed.notify_all();
    }

    /// The stage is over.
    pub(super) fn close(&self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_all();
    }
}

/// Which of `files` are ready, in their order, once one is or `wait` is over.
pub(super) fn ready<const N: usize>(files: [(&dyn AsFd, PollFlags); N], wait: Option<&Timespec>) -> [bool; N] {
    let mut polled = files.map(|(file, flags)| PollFd::from_borrowed_fd(file.as_fd(), flags));
    // A system that has no memory for it just now is asked again by whoever waits.
    let _ = poll(&mut polled, wait);
    polled.map(|file| !file.revents().is_empty())
}

/// Reads lines until there are no more or `over` is closed.
pub(super) fn hear(
    mut stdout: ChildStdout,
    over: &PipeReader,
    room: &Room,
    (mask, world): (&Mask, World<'_>),
    post: &Sender<Message>,
) {
    let (mut lines, mut chunk) = (Lines::default(), vec![0; CHUNK]);
    loop {
        let [has_more, is_over] = ready([(&stdout, PollFlags::IN), (over, PollFlags::IN)], None);
        if is_over {
            return;
        }
        let read = if has_more { stdout.read(&mut chunk) } else { continue };
        let (heard, is_end) = match read {
            Ok(0) => (lines.end().into_iter().collect(), true),
            Ok(length) => (lines.feed(chunk.get(..length).unwrap_or_default()), false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => (Vec::new(), true),
        };
        for line in heard {
            let at = (world.clock)();
            if !room.take() || post.send(Message::Line(at, mask.line(line))).is_err() {
                return;
            }
        }
        if is_end {
            let _ = post.send(Message::Silent);
            return;
        }
    }
}

/// Says lines until there are no more, nobody reads them, or `over` is closed.
pub(super) fn say(mut stdin: ChildStdin, over: &PipeReader, lines: &Receiver<String>) {
    // A write takes what there is room for, so that `over` is looked at between.
    let Ok(flags) = fcntl_getfl(&stdin) else { return };
    if fcntl_setfl(&stdin, flags | OFlags::NONBLOCK).is_err() {
        return;
    }
    while let Ok(line) = lines.recv() {
        let mut left = line.as_bytes();
        while !left.is_empty() {
            let [_, is_over] = ready([(&stdin, PollFlags::OUT), (over, PollFlags::IN)], None);
            if is_over {
                return;
            }
            match stdin.write(left) {
                Ok(length) => left = left.get(length..).unwrap_or_default(),
                Err(error)
                    if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted) => {}
                Err(_) => return,
            }
        }
    }
}

/// What was said on stderr.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The beginning of it.
    pub(super) bytes: Vec<u8>,
    /// How many bytes came.
    pub(super) total: u64,
}

/// Reads notes until there are no more or `over` is closed; what comes when there are enough is dropped.
pub(super) fn note(mut stderr: ChildStderr, over: &PipeReader) -> Notes {
    let (mut notes, mut chunk, mut last) = (Notes::default(), vec![0; CHUNK], 0);
    loop {
        let [has_more, is_over] = ready([(&stderr, PollFlags::IN), (over, PollFlags::IN)], None);
        last += usize::from(is_over);
        if (is_over && !has_more) || last > LAST_READS {
            return notes;
        }
        let read = if has_more { stderr.read(&mut chunk) } else { continue };
        match read {
            Ok(0) => return notes,
            Ok(length) => {
                let room = MOST_NOTES.saturating_sub(notes.bytes.len());
                notes.bytes.extend_from_slice(chunk.get(..length.min(room)).unwrap_or_default());
                notes.total = notes.total.saturating_add(length as u64);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return notes,
        }
    }
}
