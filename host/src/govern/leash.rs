//! What the host holds of an agent that has a supervisor.

use std::{
    io::{self, pipe},
    net::Shutdown,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::ExitStatusExt as _},
    },
    path::Path,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::{
    family::kill_descendants,
    process::{Pipes, is_over},
    supervisor::{END, SUPERVISE, Started, hand_over, hear_start, send},
};
use crate::{evidence::command::start::Found, files::reason};

/// How long a supervisor may take to say what became of the start.
const START: Duration = Duration::from_secs(30);

/// Why there is no agent on a leash.
pub(super) enum Refused {
    /// It was not started; a fragment.
    NotStarted(String),
    /// Its supervisor was killed before it was known which process the agent is.
    Remains,
}

/// A supervisor's end of the socket, and the agent. The supervisor ends all of it when this is dropped.
#[derive(Debug)]
pub(super) struct Leash {
    socket: UnixStream,
    agent: Pid,
    /// The very process, also where its number is another one's by now.
    hold: Option<OwnedFd>,
}

impl Leash {
    /// Starts a supervisor, and the agent through it.
    pub(super) fn start(supervisor: &Path, found: &Found) -> Result<(Child, Self, Pipes), Refused> {
        let failed = |error: io::Error| Refused::NotStarted(format!("its supervisor: {}", reason(&error)));
        let (socket, theirs) = UnixStream::pair().map_err(failed)?;
        let stdio = [Stdio::from(OwnedFd::from(theirs)), Stdio::null(), Stdio::null()];
        let mut child = found.spawn_by((supervisor, SUPERVISE), stdio).map_err(Refused::NotStarted)?;
        match converse(&socket) {
            Ok((Some((Started::As(agent), hold)), pipes)) => Ok((child, Self { socket, agent, hold }, pipes)),
            Ok((Some((Started::Refused(error), _)), _)) => {
                let _ = child.wait();
                Err(Refused::NotStarted(found.refused(&io::Error::from_raw_os_error(error))))
            }
            Ok((None, _)) => {
                let status = child.wait().map_err(failed)?;
                let is_killed = status.signal().is_some();
                let silent = || Refused::NotStarted(format!("its supervisor has said nothing: {status}"));
                Err(if is_killed { Refused::Remains } else { silent() })
            }
            Err(error) => {
                kill_descendants(Pid::from_child(&child));
                let _ = child.wait();
                Err(failed(error))
            }
        }
    }

    pub(super) fn agent(&self) -> Pid {
        self.agent
    }

    /// Has the supervisor ask the agent's group to end.
    pub(super) fn ask_to_end(&self) {
        // Where nobody hears it, the supervisor is gone.
        let _ = send(&self.socket, &[END], &[]);
    }

    /// Has the supervisor end all of it.
    pub(super) fn let_go(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Whether the agent itself has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.hold.as_ref().is_none_or(is_over)
    }

    /// Kills what can be found of an agent whose supervisor cannot.
    pub(super) fn kill_agent(&self) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !self.has_ended() {
            kill_descendants(self.agent);
        } else if matches!(waitid(WaitId::Pid(self.agent), options), Ok(Some(_))) {
            // It has come to this process and waits for it, and so the number of its group is its own.
            let _ = kill_process_group(self.agent, Signal::KILL);
        }
    }
}

type Heard = Option<(Started, Option<OwnedFd>)>;

/// Hands the agent's pipes to its supervisor, and hears what became of the start.
fn converse(socket: &UnixStream) -> io::Result<(Heard, Pipes)> {
    let ((stdin, ours), (from, stdout), (notes, stderr)) = (pipe()?, pipe()?, pipe()?);
    let handed = hand_over(socket, [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]);
    drop((stdin, stdout, stderr));
    let pipes = Pipes {
        stdin: Some(ChildStdin::from(OwnedFd::from(ours))),
        stdout: Some(ChildStdout::from(OwnedFd::from(from))),
        stderr: Some(ChildStderr::from(OwnedFd::from(notes))),
    };
    match handed {
        // It has ended before.
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            return Ok((None, pipes));
        }
        handed => handed?,
    }
    socket.set_read_timeout(Some(START))?;
    match hear_start(socket) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok((None, pipes)),
        heard => Ok((heard?, pipes)),
    }
}
