//! Compiling, in a child of our own binary.
//!
//! The compiler cannot be interrupted, and small modules can make it take seconds and gigabytes. A child can be bounded:
//! address space and processor time by the kernel, wall time by the parent, who reads no more than the artifact's limit.

use std::{
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitCode, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use super::engine::{self, Tier};
use crate::{
    limits::{CompileLimits, Exceeded, Limit},
    text::printable,
};

/// Bytes of the child's message that are kept.
const MESSAGE: u64 = 4 << 10;
/// How long a child is waited for between two looks whether the user has asked for an end.
const LOOK: Duration = Duration::from_millis(50);

/// Why a module was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A limit was reached.
    #[error("compiling reached a limit, {0}")]
    Limit(Exceeded),
    /// The compiler refused the module.
    #[error("does not compile: {0}")]
    Refused(String),
    /// The child could not be started or did not behave.
    #[error("the compiling process failed: {0}")]
    Child(String),
    /// The user asked for an end.
    #[error("the run was interrupted")]
    Interrupted,
}

/// Starts compiling children.
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    cancelled: Option<&'static AtomicBool>,
}

impl Compiler {
    /// `program` answers the arguments of [`Compiler::ARGUMENT`] with [`serve_compile`]: the `portcullis` binary, or a
    /// program of yours that does the same first thing in its `main`.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, cancelled: None }
    }

    /// The same, whose children end soon after `cancelled` is set.
    #[must_use]
    pub fn cancelled_by(self, cancelled: &'static AtomicBool) -> Self {
        Self { cancelled: Some(cancelled), ..self }
    }

    /// The first argument of a compiling child.
    pub const ARGUMENT: &'static str = "__compile";

    /// The artifact of `wasm`. `alone` says that no other module is being compiled, so that all cores may work on it.
    ///
    /// # Errors
    /// When a limit is reached, the module is invalid, or the child cannot be run.
    pub fn compile(
        &self,
        wasm: &[u8],
        tier: Tier,
        alone: bool,
        limits: &CompileLimits,
    ) -> Result<Vec<u8>, CompileError> {
        let mut child = self.spawn(tier, alone, limits).map_err(|error| CompileError::Child(error.to_string()))?;
        let deadline = Instant::now() + limits.time;
        let result = self.converse(&mut child, wasm, deadline, limits);
        // Harmless when it has left by itself; nothing else may be left behind.
        let _ = child.kill();
        let status = child.wait();
        let status = status.map_err(|error| CompileError::Child(error.to_string()));
        let compiled = result.and_then(|(artifact, message)| judge(status?, artifact, &message, limits));
        // A Ctrl-C in a terminal reaches the child as well: that it did not finish then says nothing of the module.
        compiled.map_err(|error| if self.is_cancelled() { CompileError::Interrupted } else { error })
    }

    fn spawn(&self, tier: Tier, alone: bool, limits: &CompileLimits) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(Self::ARGUMENT)
            .arg(tier.name())
            .arg(if alone { "parallel" } else { "serial" })
            .arg(limits.memory.to_string())
            .arg(cpu_seconds(limits.time).to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// Hands the module over and takes the artifact, until the deadline.
    fn converse(
        &self,
        child: &mut Child,
        wasm: &[u8],
        deadline: Instant,
        limits: &CompileLimits,
    ) -> Result<(Vec<u8>, String), CompileError> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) = (stdin, stdout, stderr) else {
            return Err(CompileError::Child("no pipes".to_owned()));
        };
        let (send, receive) = mpsc::channel();
        let cap = limits.artifact.saturating_add(1);
        thread::scope(|scope| {
            // A child that dies early closes the pipe; its status says why.
            scope.spawn(move || stdin.write_all(wasm));
            scope.spawn(move || {
                let mut artifact = Vec::new();
                let mut message = Vec::new();
                let read = Read::by_ref(&mut stdout).take(cap).read_to_end(&mut artifact);
                let _ = Read::by_ref(&mut stderr).take(MESSAGE).read_to_end(&mut message);
                let _ = send.send(read.map(|_| (artifact, String::from_utf8_lossy(&message).trim().to_owned())));
            });
            let received = self.wait(&receive, deadline);
            // All that it gives is here, or it is late. A child that has more to do than to leave is not ours any more, and
            // the threads above wait for it: for as long as it does not read what it is handed, the first.
            if received.is_err() || !self.leaves(child, deadline) {
                let _ = child.kill();
            }
            match received {
                Ok(Ok(read)) => Ok(read),
                Ok(Err(error)) => Err(CompileError::Child(error.to_string())),
                Err(RecvTimeoutError::Timeout) => Err(out_of_time(limits)),
                Err(RecvTimeoutError::Disconnected) => Err(CompileError::Child("it closed its pipes".to_owned())),
            }
        })
    }

    /// What the child gives, unless its time is over or the user asks for an end before.
    fn wait<T>(&self, receive: &mpsc::Receiver<T>, deadline: Instant) -> Result<T, RecvTimeoutError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match receive.recv_timeout(left.min(LOOK)) {
                Err(RecvTimeoutError::Timeout) if left > LOOK && !self.is_cancelled() => {}
                received => return received,
            }
        }
    }

    /// Whether the child ends by itself before the deadline.
    fn leaves(&self, child: &mut Child, deadline: Instant) -> bool {
        let mut nap = Duration::from_micros(50);
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline || self.is_cancelled() {
                return false;
            }
            thread::sleep(nap);
            nap = (nap * 2).min(LOOK);
        }
        true
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
    }
}

/// Processor time for a wall time: two cores, rounded up.
fn cpu_seconds(wall: Duration) -> u64 {
    wall.as_secs().saturating_add(1).saturating_mul(2)
}

fn out_of_time(limits: &CompileLimits) -> CompileError {
    let allowed = u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX);
    CompileError::Limit(Exceeded { limit: Limit::CompileTime, used: allowed, allowed })
}

fn judge(
    status: ExitStatus,
    artifact: Vec<u8>,
    message: &str,
    limits: &CompileLimits,
) -> Result<Vec<u8>, CompileError> {
    if artifact.len() as u64 > limits.artifact {
        let used = artifact.len() as u64;
        return Err(CompileError::Limit(Exceeded { limit: Limit::Artifact, used, allowed: limits.artifact }));
    }
    match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
        (Some(0), _) => Ok(artifact),
        (Some(1), _) => Err(CompileError::Refused(printable(message))),
        (_, Some(Signal::XCPU)) => Err(out_of_time(limits)),
        // Rust aborts when an allocation fails or a stack ends, and the kernel kills when memory runs out.
        (_, Some(Signal::ABORT | Signal::KILL | Signal::SEGV)) => Err(CompileError::Limit(Exceeded {
            limit: Limit::CompileMemory,
            used: limits.memory,
            allowed: limits.memory,
        })),
        _ => Err(CompileError::Child(format!("{status}"))),
    }
}

/// The child's side: bounds itself, reads a module from stdin, writes its artifact to stdout.
#[must_use]
pub fn serve_compile(arguments: &[String]) -> ExitCode {
    match try_serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::from(1)
        }
    }
}

fn try_serve(arguments: &[String]) -> wasmtime::Result<()> {
    let [tier, threads, memory, seconds] = arguments else {
        return Err(wasmtime::Error::msg("this command is for the host itself"));
    };
    let (memory, seconds) = (memory.parse()?, seconds.parse()?);
    confine(memory, seconds)?;
    let tier = if tier == Tier::Fast.name() { Tier::Fast } else { Tier::Optimised };
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm)?;
    let artifact = engine::compiling(tier, threads == "parallel")?.precompile_module(&wasm)?;
    io::stdout().lock().write_all(&artifact)?;
    Ok(())
}

fn confine(memory: u64, seconds: u64) -> io::Result<()> {
    let exactly = |value: u64| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, exactly(memory))?;
    // One second between the signal that names the reason and the one that cannot be missed.
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(1)) })?;
    setrlimit(Resource::Core, exactly(0))?;
    setrlimit(Resource::Fsize, exactly(0))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}
