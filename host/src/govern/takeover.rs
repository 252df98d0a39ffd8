//! What an earlier run has left of an agent on this machine.
//!
//! A run whose host was killed holds the lock of its agent until that runs out, and a process of the agent may be there for
//! longer. The packet says which processes those are. Anybody who can write to the state can write it: it is only looked whether
//! they are there, and nothing is done to them. While they are, no other one is started beside them; once they are not, whoever
//! resumes that very run takes the lock over instead of waiting for it.

use std::{fs, thread, time::Instant};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::{hindrance::Hindrance, plan::Stage};
use crate::{
    state::{Fence, Held, Holder, LockKey, StateError, keys},
    text::excerpt,
};

/// How often it is looked whether what is left is gone.
const LOOK: std::time::Duration = std::time::Duration::from_millis(10);
/// The most characters of a name of the system's.
const MOST_NAME: usize = 100;

/// Which process of which machine an agent is, or its supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trace {
    /// The system's name for its own start.
    boot: String,
    /// The space of process numbers; containers have their own.
    numbers: String,
    pid: i32,
    /// When it was started, in the system's ticks: numbers are given anew.
    started: u64,
    /// The agent, where the process is its supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Mark>,
}

/// A process of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    pid: i32,
    started: u64,
}

/// What of a packet says whose it is.
#[derive(Deserialize)]
pub(super) struct Left {
    run_id: String,
    process: Option<Trace>,
}

impl Trace {
    /// That of a process of this machine, and of the agent that it supervises; nothing where the system does not tell.
    pub(super) fn of(process: Pid, agent: Option<Pid>) -> Option<Self> {
        let [boot, numbers] = machine()?;
        let Mark { pid, started } = Mark::of(process)?;
        Some(Self { boot, numbers, pid, started, agent: agent.and_then(Mark::of) })
    }

    fn is_of_here(&self) -> bool {
        machine() == Some([self.boot.clone(), self.numbers.clone()])
    }

    /// The number of a process or a group that is still there.
    fn remains(&self) -> Option<i32> {
        let first = Mark { pid: self.pid, started: self.started };
        [Some(first), self.agent.clone()].into_iter().flatten().find(Mark::remains).map(|mark| mark.pid)
    }
}

impl Mark {
    fn of(pid: Pid) -> Option<Self> {
        Some(Self { pid: pid.as_raw_pid(), started: started(pid)? })
    }

    /// Whether the process is there, or others of its group.
    fn remains(&self) -> bool {
        let Some(pid) = Some(self.pid).filter(|pid| *pid > 0).and_then(Pid::from_raw) else { return false };
        match started(pid) {
            // Another time: its number is another one's by now, and so nothing of its group is left.
            Some(started) => started == self.started,
            None => lives(pid),
        }
    }
}

impl Left {
    /// Waits until nothing of it is on this machine, as long as the stage is patient; `meanwhile` is done between two looks.
    pub(super) fn wait(&self, stage: &Stage<'_>, mut meanwhile: impl FnMut()) -> Result<(), Hindrance> {
        let Some(trace) = self.process.as_ref().filter(|trace| trace.is_of_here()) else { return Ok(()) };
        let since = Instant::now();
        while let Some(pid) = trace.remains() {
            if stage.is_cancelled() {
                return Err(Hindrance::Interrupted);
            }
            if since.elapsed() > stage.patience.left {
                return Err(Hindrance::StillThere(pid));
            }
            meanwhile();
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// What the last run of the agent was started as; nothing where nobody knows.
pub(super) fn left(stage: &Stage<'_>) -> Result<Option<Left>, StateError> {
    let packet = stage.state.get(&keys::agent_packet(stage.agent))?;
    Ok(packet.and_then(|entry| serde_json::from_slice(&entry.value).ok()))
}

/// Takes the lock over that an earlier attempt at the same run left on this machine, with nothing else of it; nothing where
/// that cannot be told.
pub(super) fn take_over(stage: &Stage<'_>, lock: &LockKey, holder: &Holder) -> Result<Option<Fence>, Hindrance> {
    if !stage.resumes {
        return Ok(None);
    }
    let own = |held: &Held| held.by == holder.name();
    let Some(held) = stage.state.held(lock)?.filter(own) else { return Ok(None) };
    let is_here = |left: &Left| left.process.as_ref().is_some_and(Trace::is_of_here);
    let Some(left) = left(stage)?.filter(|left| left.run_id == stage.run_id && is_here(left)) else {
        return Ok(None);
    };
    left.wait(stage, || {})?;
    match stage.state.take_over(lock, holder, held.token) {
        Err(held @ StateError::Held { .. }) => Err(Hindrance::Busy(held)),
        taken => Ok(Some(taken?)),
    }
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
        io::{BufRead as _, BufReader, Write as _},
        os::unix::process::CommandExt as _,
        process::{Command, Stdio},
    };

    use rustix::process::{Signal, kill_process, kill_process_group};

    use super::*;

    #[test]
    fn a_trace_is_of_the_very_process_and_of_its_group() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "sleep 60 & echo; read _"]).process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let pid = Pid::from_child(&child);
        let trace = Trace::of(pid, None).expect("a trace");
        assert!(trace.is_of_here() && trace.remains() == Some(trace.pid));
        for other in
            [Trace { boot: "another".to_owned(), ..trace.clone() }, Trace { numbers: "1".to_owned(), ..trace.clone() }]
        {
            assert!(!other.is_of_here());
        }
        for pid in [0, -1, -trace.pid, i32::MIN] {
            assert_eq!(Trace { pid, ..trace.clone() }.remains(), None, "{pid}");
        }
        let past = Trace { started: trace.started + 1, ..trace.clone() };
        assert_eq!(past.remains(), None, "its number is another one's");
        let agent = Some(Mark { pid: trace.pid, started: trace.started });
        assert_eq!(Trace { agent, ..past }.remains(), Some(trace.pid), "the supervisor is gone, and the agent is not");
        child.stdin.take().expect("a pipe").write_all(b"\n").expect("written");
        child.wait().expect("waited");
        assert_eq!(trace.remains(), Some(trace.pid), "what it has started is there");
        kill_process_group(pid, Signal::KILL).expect("killed");
        while trace.remains().is_some() {
            thread::sleep(LOOK);
        }
        assert!(kill_process(pid, Signal::TERM).is_err());
    }
}
