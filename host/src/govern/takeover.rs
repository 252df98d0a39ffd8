//! A run whose host was killed holds the lock of its agent, and the agent's process may still be there. Whoever resumes that
//! very run, on the machine on which it ran, ends what is left of the process and takes the lock over, instead of waiting
//! until it runs out.

use std::{
    fs,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process_group};
use serde::{Deserialize, Serialize};

use super::{hindrance::Hindrance, plan::Stage, process::kill_descendants};
use crate::{
    state::{Fence, Holder, LockKey, keys},
    text::excerpt,
};

/// How long what is left of an earlier attempt may take to be gone.
const GONE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(5);
/// The most characters of a name of the system's.
const MOST_NAME: usize = 100;

/// Which process of which machine an agent is: numbers of processes are given anew, so that the time of its start and the
/// machine's own start belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trace {
    /// The system's name for its own start.
    boot: String,
    /// The space of process numbers; containers have their own.
    numbers: String,
    pid: i32,
    /// When it was started, in the system's ticks.
    started: u64,
}

/// What of a packet says whose it is.
#[derive(Deserialize)]
struct Left {
    run_id: String,
    process: Option<Trace>,
}

impl Trace {
    /// That of a process of this machine; nothing where the system does not tell.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        let [boot, numbers] = machine()?;
        Some(Self { boot, numbers, pid: pid.as_raw_pid(), started: started(pid)? })
    }

    /// Ends the process with all of its group; what of it is gone already is left alone. Whether nothing of it is there now.
    fn end(&self) -> bool {
        // Anybody who can write to the state can write this: neither the first process nor this one is ever an agent.
        let is_one = self.pid > 1 && self.pid != getpgrp().as_raw_pid();
        let is_here = machine() == Some([self.boot.clone(), self.numbers.clone()]);
        let Some(pid) = (is_one && is_here).then(|| Pid::from_raw(self.pid)).flatten() else { return false };
        let since = Instant::now();
        loop {
            match started(pid) {
                Some(started) if started == self.started => {
                    if getpgid(Some(pid)).is_ok_and(|group| group == pid) {
                        kill_descendants(pid);
                    }
                }
                // Its number is another one's by now, and so nothing of its group is left.
                Some(_) => return true,
                None if !lives(pid) => return true,
                // The first of its group has ended, and others have not.
                None => drop(kill_process_group(pid, Signal::KILL)),
            }
            if since.elapsed() > GONE {
                return false;
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// Takes the lock over that an earlier attempt at the same run left; nothing where that cannot be told.
pub(super) fn take_over(stage: &Stage<'_>, lock: &LockKey, holder: &Holder) -> Result<Option<Fence>, Hindrance> {
    if !stage.resumes || stage.state.held(lock)?.is_none_or(|held| held.by != holder.name()) {
        return Ok(None);
    }
    let packet = stage.state.get(&keys::agent_packet(stage.agent))?;
    let left = packet.and_then(|entry| serde_json::from_slice::<Left>(&entry.value).ok());
    let Some(Left { process: Some(trace), .. }) = left.filter(|left| left.run_id == stage.run_id) else {
        return Ok(None);
    };
    if trace.end() { Ok(Some(stage.state.seize(lock, holder)?)) } else { Ok(None) }
}

/// What tells this machine since its start, and its space of process numbers, from all others.
fn machine() -> Option<[String; 2]> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let numbers = fs::read_link("/proc/self/ns/pid").ok()?;
    Some([excerpt(boot.trim(), MOST_NAME), excerpt(&numbers.to_string_lossy(), MOST_NAME)])
}

/// When a process was started that is there and has not ended.
fn started(pid: Pid) -> Option<u64> {
    numbers(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?.get(18)?.parse().ok()
}

/// Whether anything of a group has not ended.
fn lives(group: Pid) -> bool {
    let group = group.to_string();
    let stats = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path().join("stat"));
    let mut stats = stats.filter_map(|stat| fs::read_to_string(stat).ok());
    stats.any(|stat| numbers(&stat).is_some_and(|numbers| numbers.get(1) == Some(&&*group)))
}

/// What stands behind the status in what the system says of a process; nothing where it has ended and only waits to be
/// collected.
fn numbers(stat: &str) -> Option<Vec<&str>> {
    // Its name comes before all else and may hold anything, brackets too.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    let status = fields.next()?;
    (!matches!(status, "Z" | "X")).then(|| fields.collect())
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::CommandExt as _,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn only_the_very_process_is_ended_and_all_of_its_group() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 60 & echo; wait"]).process_group(0).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let trace = Trace::of(Pid::from_child(&child)).expect("a trace");
        for other in [
            Trace { started: trace.started + 1, ..trace.clone() },
            Trace { boot: "another".to_owned(), ..trace.clone() },
            Trace { numbers: "another".to_owned(), ..trace.clone() },
            Trace { pid: -1, ..trace.clone() },
            Trace { pid: 1, ..trace.clone() },
            Trace { pid: getpgrp().as_raw_pid(), ..trace.clone() },
        ] {
            let is_gone = other.end();
            assert_eq!(is_gone, other.started != trace.started, "{other:?}");
            assert_eq!(child.try_wait().expect("a child"), None, "{other:?}");
        }
        let reaper = std::thread::spawn(move || child.wait());
        assert!(trace.end());
        assert!(reaper.join().expect("a thread").is_ok());
        assert!(!lives(Pid::from_raw(trace.pid).expect("a number")), "nothing of its group is left");
        assert!(trace.end(), "what is gone stays gone");
    }
}
