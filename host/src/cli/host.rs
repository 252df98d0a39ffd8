//! What commands share that touches the machine: the clock, folders, jobs, the sandbox, Ctrl-C.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    digest::hex,
    evidence::World,
    sandbox::{Cache, Compiler, Sandbox, Throughput},
    stopped::Stopped,
};

use signal_hook::consts::{SIGINT, SIGTERM};

use super::{Failure, term};

/// Where compiled modules are kept.
#[derive(clap::Args, Clone)]
pub(crate) struct CacheFlags {
    /// Compile every module anew and keep nothing
    #[arg(long)]
    pub(crate) no_cache: bool,
}

/// Lets Ctrl-C end calls as faults instead of ending the process in the middle of a file. A second one ends it at once.
pub(crate) fn watch_interrupts() -> &'static AtomicBool {
    static CANCELLED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    CANCELLED.get_or_init(|| {
        let cancelled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the second signal finds the flag that the first one set.
            let second = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&cancelled));
            let first = signal_hook::flag::register(signal, Arc::clone(&cancelled));
            if let Err(error) = second.and(first) {
                term::note(&format!("Ctrl-C ends this run at once: {error}"));
            }
        }
        cancelled
    })
}

/// Now, or the clock that the user fixed.
pub(crate) fn now(fixed: Option<Timestamp>) -> Timestamp {
    let now = fixed.unwrap_or_else(Timestamp::now);
    // Gates and records see whole seconds: finer time is of no use to them, and reads badly.
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A name for a run that sorts by time and does not repeat.
pub(crate) fn run_id(now: Timestamp) -> Result<String, Failure> {
    let random: [u8; 4] = random()?;
    Ok(format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), hex(&random)))
}

/// Random bytes of the system's.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut random = [0; N];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::blocked(Diagnostic::new("no-randomness", format!("the system gives no randomness: {error}")))
    })?;
    Ok(random)
}

/// How many calls may be under way at once, of so many in all. For one it is not worth asking the system for its cores.
pub(crate) fn jobs(asked: Option<usize>, calls: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if calls <= 1 { 1 } else { asked.unwrap_or_else(cores).clamp(1, 64) }
}

/// A sandbox that compiles in children of this program and keeps what they give.
pub(crate) fn sandbox(throughput: Throughput, cache: &CacheFlags, verbose: bool) -> Result<Sandbox, Stopped> {
    let cache = if cache.no_cache { None } else { open_cache(verbose) };
    Sandbox::new(throughput, compiler()?, cache).map_err(|error| sandbox_failed(error.to_string()))
}

/// Starts compiling children of this program.
pub(crate) fn compiler() -> Result<Compiler, Stopped> {
    let failed = |error| sandbox_failed(format!("this program cannot be found again: {error}"));
    this_program().map(|program| Compiler::new(program).cancelled_by(watch_interrupts())).map_err(failed)
}

/// This program, also after its file was replaced while it ran, where the system can say so.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

fn sandbox_failed(message: String) -> Stopped {
    Stopped::blocked(Diagnostic::new("sandbox-failed", message))
}

fn open_cache(verbose: bool) -> Option<Cache> {
    let places = cache_places()?;
    match Cache::open(&places.folder, &places.key) {
        Ok(cache) => Some(cache),
        Err(error) => {
            if verbose {
                term::note(&format!("no cache: {error}"));
            }
            None
        }
    }
}

/// Where the cache is, and where its key is: two folders, so that whoever restores or shares one has not got the other.
pub(crate) struct CachePlaces {
    pub(crate) folder: PathBuf,
    pub(crate) key: PathBuf,
}

/// The places by the XDG base directories; nothing where the user has no home.
pub(crate) fn cache_places() -> Option<CachePlaces> {
    let folder = base("XDG_CACHE_HOME", ".cache")?.join("portcullis/modules");
    Some(CachePlaces { folder, key: state_folder()?.join("cache.key") })
}

/// Where this program keeps what users have of it, such as the ledger.
pub(crate) fn data_folder() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("portcullis"))
}

/// The folder that relative paths start from.
pub(crate) fn folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

/// The world, for collecting evidence.
pub(crate) fn world(cancelled: &'static AtomicBool) -> World<'static> {
    World { variable: &variable, clock: &Timestamp::now, cancelled }
}

/// The value of a variable of the environment.
pub(crate) fn variable(name: &str) -> Option<String> {
    // A name that the system cannot hold is not set.
    let plain = !name.is_empty() && !name.contains(['=', '\0']);
    plain.then(|| std::env::var_os(name)).flatten().map(|value| value.to_string_lossy().into_owned())
}

/// Where this program remembers things between runs.
pub(crate) fn state_folder() -> Option<PathBuf> {
    Some(base("XDG_STATE_HOME", ".local/state")?.join("portcullis"))
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))
}

/// What is said where there is no place for a cache.
pub(crate) fn no_cache_place() -> Failure {
    Failure::usage(
        Diagnostic::new("no-cache-folder", "there is no folder for a cache")
            .help("set HOME or XDG_CACHE_HOME and XDG_STATE_HOME"),
    )
}
