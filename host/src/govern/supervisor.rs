//! A process between the host and an agent, which ends all that the agent starts, whatever becomes of the host.
//!
//! ```text
//! host ◀──socket──▶ supervisor ── agent ── what it starts
//!   └───────────── pipes ───────────┘
//! ```
//!
//! It is handed the agent's pipes through the socket on its standard input and holds none of them open itself. What the agent's
//! descendants leave behind comes to it, because it asks the system for that. It ends all of it when the agent has ended, and
//! when the host closes the socket: its end does, however it comes. It is gone when nothing of it is left, and not before, so
//! that whoever sees it knows that something may be.

use std::{
    ffi::OsString,
    io::{self, IoSlice, IoSliceMut, Read as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    process::{Child, Command, ExitCode, ExitStatus},
    time::Duration,
};

use rustix::{
    cmsg_space,
    event::{PollFlags, Timespec},
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        recvmsg, sendmsg,
    },
    process::{Pid, PidfdFlags, Signal, getpid, kill_process_group, pidfd_open, set_child_subreaper},
};

use super::{
    family::{end_all, has_ended, reap_others},
    pipes::ready,
};

/// The first argument of a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// What the host says to have the agent end by itself.
pub(super) const END: u8 = b'e';
/// What is said with the agent's pipes.
const PIPES: u8 = b'p';
/// The most files that are handed over at once.
const MOST_FILES: usize = 3;
/// How often it is looked for what has ended that was left behind.
const LOOK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How often the end of an agent is looked for on a system that does not announce it.
const LOOK_OFTEN: Duration = Duration::from_millis(5);
/// The status of a supervisor that has started nothing.
const NOTHING: u8 = 127;
/// What is added to the number of a signal that has ended an agent, as shells do.
const BY_SIGNAL: i32 = 128;

/// What the host is told of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// The agent runs.
    As(Pid),
    /// The system did not start it, with that number of an error.
    Refused(i32),
}

impl Started {
    const LENGTH: usize = 5;

    fn to_bytes(self) -> [u8; Self::LENGTH] {
        let (kind, number) = match self {
            Self::As(pid) => (1, pid.as_raw_pid()),
            Self::Refused(error) => (0, error),
        };
        let [a, b, c, d] = number.to_le_bytes();
        [kind, a, b, c, d]
    }

    fn from_bytes(bytes: [u8; Self::LENGTH]) -> Option<Self> {
        let [kind, a, b, c, d] = bytes;
        let number = i32::from_le_bytes([a, b, c, d]);
        if kind == 0 {
            Some(Self::Refused(number))
        } else {
            Some(number).filter(|number| *number > 0).and_then(Pid::from_raw).map(Self::As)
        }
    }
}

/// Sends a message with files.
pub(super) fn send(socket: &UnixStream, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Receives a message of that length with its files; nothing where the other end is closed.
fn receive<const N: usize>(socket: &UnixStream) -> io::Result<Option<([u8; N], Vec<OwnedFd>)>> {
    let mut bytes = [0; N];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST_FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received?.bytes,
        }
    };
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(handed) = message {
            files.extend(handed);
        }
    }
    Ok((received == N).then_some((bytes, files)))
}

/// Hands the agent's standard input, output and error over to its supervisor.
pub(super) fn hand_over(socket: &UnixStream, pipes: [BorrowedFd<'_>; MOST_FILES]) -> io::Result<()> {
    send(socket, &[PIPES], &pipes)
}

/// What the supervisor says of the start, with a hold of the agent where the system gives one; nothing where it has ended
/// without a word.
pub(super) fn hear_start(socket: &UnixStream) -> io::Result<Option<(Started, Option<OwnedFd>)>> {
    let heard = receive(socket)?;
    Ok(heard.and_then(|(bytes, files)| Some((Started::from_bytes(bytes)?, files.into_iter().next()))))
}

/// The supervisor's side: starts the agent that `arguments` name, and is its supervisor. Its status is the agent's.
#[must_use]
pub fn serve_supervisor(arguments: &[OsString]) -> ExitCode {
    let code = |status: ExitStatus| status.code().or(status.signal().map(|signal| signal.saturating_add(BY_SIGNAL)));
    let status = supervise(arguments).ok().flatten().and_then(code).and_then(|code| u8::try_from(code).ok());
    ExitCode::from(status.unwrap_or(NOTHING))
}

fn supervise(arguments: &[OsString]) -> io::Result<Option<ExitStatus>> {
    let host = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    set_child_subreaper(Some(getpid()))?;
    let mut agent = match start(&host, arguments) {
        Ok(agent) => agent,
        Err(error) => {
            let refused = Started::Refused(error.raw_os_error().unwrap_or_default());
            send(&host, &refused.to_bytes(), &[])?;
            return Err(error);
        }
    };
    watch(&host, Pid::from_child(&agent));
    Ok(end_all(&mut agent))
}

/// Starts the agent in a group of its own. Its pipes are open in it alone.
fn start(host: &UnixStream, arguments: &[OsString]) -> io::Result<Child> {
    let [file, name, arguments @ ..] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
    let files = receive::<1>(host)?.map(|(_, files)| <[OwnedFd; MOST_FILES]>::try_from(files));
    let Some(Ok([stdin, stdout, stderr])) = files else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut command = Command::new(file);
    command.arg0(name).args(arguments).stdin(stdin).stdout(stdout).stderr(stderr).process_group(0).spawn()
}

/// Until the agent has ended, or the host wants it to, or is gone.
fn watch(host: &UnixStream, agent: Pid) {
    let hold = pidfd_open(agent, PidfdFlags::empty()).ok();
    let holds: Vec<_> = hold.iter().map(AsFd::as_fd).collect();
    if send(host, &Started::As(agent).to_bytes(), &holds).is_err() {
        return;
    }
    let often = Timespec { tv_sec: 0, tv_nsec: LOOK_OFTEN.subsec_nanos().into() };
    while !has_ended(agent) {
        let is_told = match &hold {
            Some(hold) => ready([(host, PollFlags::IN), (hold, PollFlags::IN)], Some(&LOOK))[0],
            None => ready([(host, PollFlags::IN)], Some(&often))[0],
        };
        if is_told && !is_to_go_on(host, agent) {
            return;
        }
        reap_others(agent);
    }
}

/// Does what the host says. Whether the agent may go on.
fn is_to_go_on(mut host: &UnixStream, agent: Pid) -> bool {
    let mut word = [0];
    match host.read(&mut word) {
        Ok(1) if word == [END] => {
            let _ = kill_process_group(agent, Signal::TERM);
            true
        }
        Err(error) => error.kind() == io::ErrorKind::Interrupted,
        Ok(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write as _, pipe};

    use super::*;

    #[test]
    fn what_is_said_of_a_start_is_heard_with_a_hold_of_the_agent() {
        let (one, other) = UnixStream::pair().expect("a socket");
        let own = getpid();
        for (said, files) in [(Started::As(own), 1), (Started::Refused(8), 0)] {
            let hold = pidfd_open(own, PidfdFlags::empty()).expect("a hold");
            let holds = [hold.as_fd()];
            send(&one, &said.to_bytes(), holds.get(..files).expect("so many")).expect("said");
            let (heard, hold) = hear_start(&other).expect("heard").expect("a word");
            assert_eq!((heard, hold.is_some()), (said, files == 1));
        }
        drop(one);
        assert!(hear_start(&other).expect("heard").is_none());
        for number in [0_i32, -1, i32::MIN] {
            let [a, b, c, d] = number.to_le_bytes();
            assert_eq!(Started::from_bytes([1, a, b, c, d]), None, "no process has the number {number}");
        }
    }

    #[test]
    fn pipes_are_handed_over_and_end_where_they_are_let_go() {
        let (one, other) = UnixStream::pair().expect("a socket");
        let (mut reader, writer) = pipe().expect("a pipe");
        hand_over(&one, [writer.as_fd(), writer.as_fd(), writer.as_fd()]).expect("handed over");
        drop(writer);
        let (word, files) = receive::<1>(&other).expect("received").expect("a word");
        assert_eq!((word, files.len()), ([PIPES], 3));
        let mut files = files.into_iter().map(std::fs::File::from);
        files.next().expect("the first").write_all(b"heard").expect("written");
        drop(files);
        let mut heard = String::new();
        assert_eq!(reader.read_to_string(&mut heard).expect("it ends"), 5);
    }
}
