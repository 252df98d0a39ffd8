//! One process from its start to its end: wall time, processor time, memory.

use std::{io, process::Command, time::Duration, time::Instant};

/// What a process took.
#[derive(Clone, Copy)]
pub(crate) struct Ran {
    /// From before it was started until it was gone.
    pub(crate) wall: Duration,
    /// Processor time of it and its children.
    pub(crate) cpu: Duration,
    /// The most memory that it, or the largest of its children, held, in bytes.
    pub(crate) peak: u64,
}

/// Runs `command`, which has to leave with `status`.
#[expect(clippy::zombie_processes, reason = "it is waited for by `wait`, which also tells what it used")]
pub(crate) fn run(command: &mut Command, status: i32) -> Ran {
    let begun = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (ended, usage) = wait(child.id()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let wall = begun.elapsed();
    let left = libc::WIFEXITED(ended).then(|| libc::WEXITSTATUS(ended));
    assert_eq!(left, Some(status), "{command:?}");
    Ran { wall, cpu: time(usage.ru_utime) + time(usage.ru_stime), peak: peak(&usage) }
}

/// The most memory that this process has held, in bytes: the least that a child's peak can show.
pub(crate) fn own_peak() -> u64 {
    // SAFETY: all zeros is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `rusage` that outlives the call.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    peak(&usage)
}

/// The standard library's own waiting does not tell what a child used.
fn wait(process: u32) -> io::Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all zeros is a valid `rusage`.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that outlive the call.
    let waited = unsafe { libc::wait4(process.cast_signed(), &raw mut status, 0, &raw mut usage) };
    if waited < 0 { Err(io::Error::last_os_error()) } else { Ok((status, usage)) }
}

fn time(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
}

/// Kilobytes on Linux, as the kernel tells them.
fn peak(usage: &libc::rusage) -> u64 {
    usage.ru_maxrss.unsigned_abs() << 10
}
