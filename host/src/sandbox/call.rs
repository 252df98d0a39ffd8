//! One call of a guest: a fresh store, its limits, and what came of it.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use wasmtime::{Extern, InstancePre, ModuleExport, ResourceLimiter, Store, Trap};

use super::{
    engine::STACK,
    scan::MAX_TABLES,
    wasi::{Guest, Stop},
};
use crate::{
    judge::{Cause, Fault, Usage},
    limits::{Exceeded, Limit, Limits},
};

/// Fuel between two looks at the clock: some milliseconds of work.
pub(super) const SLICE: u64 = 10_000_000;

/// What one call gave.
#[derive(Debug)]
pub struct Ended {
    /// The guest left of its own will with status 0, or why it did not.
    pub result: Result<(), Fault>,
    /// What it used.
    pub usage: Usage,
}

/// The bytes of a call, kept by the caller so that many calls share the allocations.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The request; as it was after the call.
    pub request: Vec<u8>,
    /// The answer.
    pub stdout: Vec<u8>,
    /// Notes.
    pub stderr: Vec<u8>,
}

/// What a guest shows of itself, found once: looking for a name takes longer than what it stands for.
pub(super) struct Exports {
    /// What is called.
    pub(super) start: ModuleExport,
    /// Its memory, if it has one.
    pub(super) memory: Option<ModuleExport>,
}

/// What is fixed for a call beside its request.
pub(super) struct Setting<'a> {
    pub(super) name: &'a str,
    pub(super) now: u64,
    pub(super) limits: &'a Limits,
    pub(super) cancelled: &'static AtomicBool,
}

/// What ends a call from outside: the clock, and a Ctrl-C.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    deadline: Instant,
    cancelled: &'static AtomicBool,
}

impl Watch {
    /// Ends the call if its time is over or the user has asked for an end.
    pub(super) fn look(self) -> wasmtime::Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(wasmtime::Error::new(Stop::Cancelled));
        }
        if Instant::now() >= self.deadline {
            return Err(wasmtime::Error::new(Stop::TimeOver));
        }
        Ok(())
    }
}

/// What the store may allocate; a guest that asks for more is stopped, not told no, so that the fault names the limit.
pub(super) struct Quota {
    memory: usize,
    memory_peak: usize,
    tables: usize,
    tables_used: usize,
}

impl ResourceLimiter for Quota {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory {
            return Err(over(Limit::Memory, desired, self.memory));
        }
        self.memory_peak = self.memory_peak.max(desired);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.tables_used.saturating_add(desired.saturating_sub(current));
        if used > self.tables {
            return Err(over(Limit::Tables, used, self.tables));
        }
        self.tables_used = used;
        Ok(true)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        1
    }
}

fn over(limit: Limit, used: usize, allowed: usize) -> wasmtime::Error {
    wasmtime::Error::new(Stop::Limit(Exceeded { limit, used: used as u64, allowed: allowed as u64 }))
}

/// Runs the guest once. The request is taken from `buffers` and given back; stdout and stderr are overwritten.
pub(super) fn call(pre: &InstancePre<Guest>, exports: &Exports, setting: &Setting<'_>, buffers: &mut Buffers) -> Ended {
    let begun = Instant::now();
    let limits = setting.limits;
    let size = buffers.request.len();
    let mut usage = Usage { fuel_limit: limits.fuel_for(size), ..Usage::default() };
    buffers.stdout.clear();
    buffers.stderr.clear();
    if size as u64 > limits.input {
        let exceeded = Exceeded { limit: Limit::Input, used: size as u64, allowed: limits.input };
        return Ended { result: Err(limit_fault(exceeded)), usage };
    }
    let watch = Watch { deadline: begun + limits.time, cancelled: setting.cancelled };
    let mut store = Store::new(pre.module().engine(), guest(setting, watch, usage.fuel_limit, buffers));
    let result = start_store(&mut store, usage.fuel_limit).and_then(|()| drive(enter(&mut store, pre, exports), watch));
    usage.fuel = usage.fuel_limit.saturating_sub(store.get_fuel().unwrap_or(0));
    let guest = store.into_data();
    usage.memory_peak = guest.quota.memory_peak as u64;
    (buffers.request, buffers.stdout, buffers.stderr) = (guest.stdin, guest.stdout, guest.stderr);
    usage.duration = begun.elapsed();
    Ended { result: result.or_else(|error| explain(&error, &usage, limits.time)), usage }
}

fn guest(setting: &Setting<'_>, watch: Watch, fuel: u64, buffers: &mut Buffers) -> Guest {
    let size = buffers.request.len();
    let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Guest {
        stdin: std::mem::take(&mut buffers.request),
        position: 0,
        stdout: std::mem::take(&mut buffers.stdout),
        stdout_limit: setting.limits.stdout,
        stderr: std::mem::take(&mut buffers.stderr),
        stderr_limit: setting.limits.stderr,
        name: setting.name.to_owned(),
        now: setting.now,
        random: None,
        memory: None,
        watch,
        next_look: fuel.saturating_sub(SLICE),
        quota: Quota {
            memory: to_usize(setting.limits.memory_for(size)),
            memory_peak: 0,
            tables: to_usize(setting.limits.table_elements),
            tables_used: 0,
        },
    }
}

fn start_store(store: &mut Store<Guest>, fuel: u64) -> wasmtime::Result<()> {
    store.limiter(|guest| &mut guest.quota);
    store.set_fuel(fuel)?;
    store.fuel_async_yield_interval(Some(SLICE))
}

async fn enter(store: &mut Store<Guest>, pre: &InstancePre<Guest>, exports: &Exports) -> wasmtime::Result<()> {
    let instance = pre.instantiate_async(&mut *store).await?;
    if let Some(memory) = &exports.memory {
        store.data_mut().memory = instance.get_module_export(&mut *store, memory).and_then(Extern::into_memory);
    }
    let start = instance.get_module_export(&mut *store, &exports.start).and_then(Extern::into_func);
    let start = start.ok_or_else(|| wasmtime::Error::msg("no function `_start`"))?;
    start.typed::<(), ()>(&*store)?.call_async(&mut *store, ()).await
}

/// Polls the guest to its end. It comes back after every slice of fuel, so the clock and a Ctrl-C are seen in time.
fn drive(guest: impl Future<Output = wasmtime::Result<()>>, watch: Watch) -> wasmtime::Result<()> {
    let mut guest = pin!(guest);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match guest.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => watch.look()?,
        }
    }
}

/// What an error of wasmtime means, by its type.
fn explain(error: &wasmtime::Error, usage: &Usage, time: Duration) -> Result<(), Fault> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
        (Some(Stop::Exit(0)), _) => Ok(()),
        (Some(Stop::Exit(status)), _) => Err(Fault {
            cause: Cause::Exit(*status),
            message: format!("left with exit status {status}, so whatever it wrote is no answer"),
        }),
        (Some(Stop::Limit(exceeded)), _) => Err(limit_fault(*exceeded)),
        (Some(Stop::TimeOver), _) => {
            Err(limit_fault(Exceeded { limit: Limit::Time, used: millis(usage.duration), allowed: millis(time) }))
        }
        (Some(Stop::Cancelled), _) => {
            Err(Fault { cause: Cause::Interrupted, message: "the run was interrupted".to_owned() })
        }
        (_, Some(Trap::OutOfFuel)) => {
            Err(limit_fault(Exceeded { limit: Limit::Fuel, used: usage.fuel_limit, allowed: usage.fuel_limit }))
        }
        (_, Some(Trap::StackOverflow)) => {
            Err(limit_fault(Exceeded { limit: Limit::Stack, used: STACK as u64, allowed: STACK as u64 }))
        }
        (_, Some(trap)) => {
            Err(Fault { cause: Cause::Trap, message: trap.to_string().replacen("wasm trap", "trapped", 1) })
        }
        (None, None) => Err(Fault { cause: Cause::Internal, message: format!("could not be run: {error:#}") }),
    }
}

/// The fault of a limit.
pub(super) fn limit_fault(exceeded: Exceeded) -> Fault {
    Fault { cause: Cause::Limit(exceeded), message: format!("reached a limit, {exceeded}") }
}
