//! Processes that commands leave behind: those that left their group, so that killing the group did not reach them.
//!
//! The system hands a process whose parent has ended to its nearest ancestor that asked for such processes. This one asks,
//! and so they are its children when the last command has ended.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitId, WaitIdOptions, WaitOptions, child_subreaper, getpgrp, getpid, kill_process,
        set_child_subreaper, waitid, waitpid,
    },
};

/// How long ending them may take.
const GRACE: Duration = Duration::from_secs(1);

/// While there is one, processes that commands leave behind come to this process, and when it is dropped, they are killed.
///
/// It is for the whole process: there may be one at a time, and when it is dropped, no command may run any more. Children
/// that were there before it, and children in this process's own group, are left alone.
#[derive(Debug)]
pub struct Strays {
    before: Vec<Pid>,
}

impl Strays {
    /// Asks for them; nothing where the system does not give them, or something else in this process asked already.
    #[must_use]
    pub fn adopt() -> Option<Self> {
        if child_subreaper().ok()?.is_some() {
            return None;
        }
        set_child_subreaper(Some(getpid())).ok()?;
        Some(Self { before: of_other_groups() })
    }

    /// Those that are there now.
    fn now(&self) -> Vec<Pid> {
        let mut strays = of_other_groups();
        strays.retain(|child| !self.before.contains(child));
        strays
    }
}

impl Drop for Strays {
    fn drop(&mut self) {
        let since = Instant::now();
        // Again and again: what one of them had started comes here when it ends.
        loop {
            let strays = self.now();
            if strays.is_empty() || since.elapsed() >= GRACE {
                break;
            }
            for stray in strays {
                // Nobody else waits for it, so its number is its own until it is waited for here.
                let _ = kill_process(stray, Signal::KILL);
                let _ = waitpid(Some(stray), WaitOptions::NOHANG);
            }
            sleep(Duration::from_millis(1));
        }
        let _ = set_child_subreaper(None);
    }
}

/// The children of this process that are in other groups than it is.
fn of_other_groups() -> Vec<Pid> {
    children().into_iter().filter(|(_, group)| *group != getpgrp()).map(|(child, _)| child).collect()
}

/// The children of this process, each with its group.
pub(crate) fn children() -> Vec<(Pid, Pid)> {
    // Most runs leave none, and looking through all processes takes its time.
    let any = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::All, any), Err(Errno::CHILD)) {
        return Vec::new();
    }
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse().ok().and_then(Pid::from_raw));
    pids.filter_map(|pid| Some((pid, group_of_child(pid)?))).collect()
}

fn group_of_child(pid: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    parent_and_group(&stat).filter(|(parent, _)| *parent == getpid()).map(|(_, group)| group)
}

/// The parent and the group in a process's `stat`. Its name comes before them and may hold anything, brackets too.
fn parent_and_group(stat: &[u8]) -> Option<(Pid, Pid)> {
    let named = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(stat.get(named + 1..)?).ok()?;
    let mut numbers = fields.split_ascii_whitespace().skip(1).map(|field| field.parse().ok().and_then(Pid::from_raw));
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_pass_for_the_numbers_behind_it() {
        for (stat, expect) in [
            ("5 (sh) S 3 4 4 0 -1", Some((3, 4))),
            ("5 (a) S 1 2 (b)) R 3 4\n", Some((3, 4))),
            ("5 (kthread) S 0 0 0", None),
            ("5 (sh) S 3", None),
            ("5 (sh) S x 4", None),
            ("", None),
        ] {
            let read = parent_and_group(stat.as_bytes());
            let read = read.map(|(parent, group)| (parent.as_raw_pid(), group.as_raw_pid()));
            assert_eq!(read, expect, "{stat}");
        }
    }
}
