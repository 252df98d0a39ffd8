//! WASI preview 1 for a guest that has nothing: stdin, stdout, stderr, a clock that stands still, seeded randomness.
//!
//! Every function of preview 1 is there, so that programs of any toolchain load; those about files, folders and sockets
//! answer "bad descriptor". What the host does for a guest is charged as fuel before it is done, and no count or length
//! that a guest names sizes anything of ours beyond the call's limits.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};
use wasmtime::{Caller, Extern, Linker, Memory, Module};

use super::call::{Quota, SLICE, Watch};
use crate::limits::{Exceeded, Limit};

/// The import module.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Buffers that one read or write may name; more is an argument error, as POSIX has it (IOV_MAX).
const MAX_BUFFERS: u32 = 1024;
/// Fuel for entering the host: about what a call and its checks take.
const CALL: u64 = 100;
/// Fuel for each buffer of a read or write.
const BUFFER: u64 = 20;
/// Bytes of randomness that are made between two looks at the clock: some milliseconds of work, in whole blocks.
const RANDOM_PART: u32 = 1 << 20;

const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;
const INVAL: i32 = 28;
const SPIPE: i32 = 70;

/// Every function of preview 1 with its type: parameters, `>`, results; `i` is i32, `l` is i64.
const FUNCTIONS: [(&str, &str); 46] = [
    ("args_get", "ii>i"),
    ("args_sizes_get", "ii>i"),
    ("clock_res_get", "ii>i"),
    ("clock_time_get", "ili>i"),
    ("environ_get", "ii>i"),
    ("environ_sizes_get", "ii>i"),
    ("fd_advise", "illi>i"),
    ("fd_allocate", "ill>i"),
    ("fd_close", "i>i"),
    ("fd_datasync", "i>i"),
    ("fd_fdstat_get", "ii>i"),
    ("fd_fdstat_set_flags", "ii>i"),
    ("fd_fdstat_set_rights", "ill>i"),
    ("fd_filestat_get", "ii>i"),
    ("fd_filestat_set_size", "il>i"),
    ("fd_filestat_set_times", "illi>i"),
    ("fd_pread", "iiili>i"),
    ("fd_prestat_dir_name", "iii>i"),
    ("fd_prestat_get", "ii>i"),
    ("fd_pwrite", "iiili>i"),
    ("fd_read", "iiii>i"),
    ("fd_readdir", "iiili>i"),
    ("fd_renumber", "ii>i"),
    ("fd_seek", "ilii>i"),
    ("fd_sync", "i>i"),
    ("fd_tell", "ii>i"),
    ("fd_write", "iiii>i"),
    ("path_create_directory", "iii>i"),
    ("path_filestat_get", "iiiii>i"),
    ("path_filestat_set_times", "iiiilli>i"),
    ("path_link", "iiiiiii>i"),
    ("path_open", "iiiiillii>i"),
    ("path_readlink", "iiiiii>i"),
    ("path_remove_directory", "iii>i"),
    ("path_rename", "iiiiii>i"),
    ("path_symlink", "iiiii>i"),
    ("path_unlink_file", "iii>i"),
    ("poll_oneoff", "iiii>i"),
    ("proc_exit", "i>"),
    ("proc_raise", "i>i"),
    ("random_get", "ii>i"),
    ("sched_yield", ">i"),
    ("sock_accept", "iii>i"),
    ("sock_recv", "iiiiii>i"),
    ("sock_send", "iiiii>i"),
    ("sock_shutdown", "ii>i"),
];

/// The type of the function of that name, if preview 1 has one.
pub(super) fn signature(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, signature)| *signature)
}

/// What one call keeps for its guest.
pub(super) struct Guest {
    /// The request, read from `position` on.
    pub(super) stdin: Vec<u8>,
    pub(super) position: usize,
    /// The answer, and how long it may get.
    pub(super) stdout: Vec<u8>,
    pub(super) stdout_limit: u64,
    /// Notes, and how long they may get.
    pub(super) stderr: Vec<u8>,
    pub(super) stderr_limit: u64,
    /// argv\[0\].
    pub(super) name: String,
    /// The clock, in nanoseconds since 1970.
    pub(super) now: u64,
    /// The state of the random stream; seeded from the request when it is first asked.
    pub(super) random: Option<Random>,
    /// The guest's memory, once it is instantiated.
    pub(super) memory: Option<Memory>,
    /// What ends the call from outside.
    pub(super) watch: Watch,
    /// The fuel at which it is time to look whether it does.
    pub(super) next_look: u64,
    /// What the store may allocate.
    pub(super) quota: Quota,
}

/// Why the host ended a call in the middle.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// `proc_exit`.
    #[error("exit status {0}")]
    Exit(i32),
    /// A limit was reached.
    #[error("{0}")]
    Limit(Exceeded),
    /// The call's time is over.
    #[error("out of time")]
    TimeOver,
    /// The user has asked for an end.
    #[error("interrupted")]
    Cancelled,
}

impl Stop {
    fn limit(limit: Limit, used: u64, allowed: u64) -> wasmtime::Error {
        wasmtime::Error::new(Self::Limit(Exceeded { limit, used, allowed }))
    }
}

type Guarded<T> = wasmtime::Result<Result<T, i32>>;

/// Puts the functions of preview 1 that `module` imports into `linker`. A gate has three of the 46, and making one takes as
/// long as a gate's call.
pub(super) fn offer(linker: &mut Linker<Guest>, module: &Module) -> wasmtime::Result<()> {
    let imports = module.imports().filter(|import| import.module() == MODULE);
    let wanted: HashSet<&str> = imports.map(|import| import.name()).collect();
    let mut offered = FUNCTIONS.iter().filter(|(name, _)| wanted.contains(name));
    offered.try_for_each(|(name, signature)| define(linker, name, signature))
}

fn define(linker: &mut Linker<Guest>, name: &str, signature: &str) -> wasmtime::Result<()> {
    match name {
        "args_get" => linker.func_wrap(MODULE, name, args_get)?,
        "args_sizes_get" => linker.func_wrap(MODULE, name, args_sizes_get)?,
        "environ_get" => linker.func_wrap(MODULE, name, |_: i32, _: i32| SUCCESS)?,
        "environ_sizes_get" => linker.func_wrap(MODULE, name, environ_sizes_get)?,
        "clock_res_get" => linker.func_wrap(MODULE, name, clock_res_get)?,
        "clock_time_get" => linker.func_wrap(MODULE, name, clock_time_get)?,
        "fd_close" => linker.func_wrap(MODULE, name, |fd: i32| if is_stdio(fd) { SUCCESS } else { BADF })?,
        "fd_fdstat_get" => linker.func_wrap(MODULE, name, fd_fdstat_get)?,
        "fd_fdstat_set_flags" => {
            linker.func_wrap(MODULE, name, |fd: i32, _: i32| if is_stdio(fd) { SUCCESS } else { BADF })?
        }
        "fd_filestat_get" => linker.func_wrap(MODULE, name, fd_filestat_get)?,
        "fd_seek" => {
            linker.func_wrap(MODULE, name, |fd: i32, _: i64, _: i32, _: i32| if is_stdio(fd) { SPIPE } else { BADF })?
        }
        "fd_read" => linker.func_wrap(MODULE, name, fd_read)?,
        "fd_write" => linker.func_wrap(MODULE, name, fd_write)?,
        "poll_oneoff" => linker.func_wrap(MODULE, name, poll_oneoff)?,
        "proc_exit" => linker.func_wrap(MODULE, name, |status: i32| -> wasmtime::Result<()> {
            Err(wasmtime::Error::new(Stop::Exit(status)))
        })?,
        "random_get" => linker.func_wrap(MODULE, name, random_get)?,
        "sched_yield" => linker.func_wrap(MODULE, name, || SUCCESS)?,
        _ => refuse(linker, name, signature)?,
    };
    Ok(())
}

/// A function about something that a guest does not have.
fn refuse<'a>(linker: &'a mut Linker<Guest>, name: &str, signature: &str) -> wasmtime::Result<&'a mut Linker<Guest>> {
    use wasmtime::{FuncType, Val, ValType};
    let parameters = signature.split('>').next().unwrap_or_default();
    let parameters = parameters.chars().map(|ty| if ty == 'l' { ValType::I64 } else { ValType::I32 });
    let ty = FuncType::new(linker.engine(), parameters, [ValType::I32]);
    linker.func_new(MODULE, name, ty, |_, _, results| {
        if let Some(result) = results.first_mut() {
            *result = Val::I32(BADF);
        }
        Ok(())
    })
}

fn is_stdio(fd: i32) -> bool {
    (0..=2).contains(&fd)
}

/// Takes `fuel` from the guest for what the host is about to do.
///
/// Setting fuel begins a new slice of it, so a guest that calls often enough is never stopped at the end of one: the clock
/// has to be looked at here as well.
fn charge(caller: &mut Caller<'_, Guest>, fuel: u64) -> wasmtime::Result<()> {
    let Some(left) = caller.get_fuel()?.checked_sub(fuel) else {
        caller.set_fuel(0)?;
        return Err(wasmtime::Error::new(wasmtime::Trap::OutOfFuel));
    };
    let guest = caller.data_mut();
    if left <= guest.next_look {
        guest.next_look = left.saturating_sub(SLICE);
        guest.watch.look()?;
    }
    caller.set_fuel(left)
}

/// The guest's memory and its state, side by side.
fn parts<'a>(caller: &'a mut Caller<'_, Guest>) -> wasmtime::Result<(&'a mut [u8], &'a mut Guest)> {
    let memory = match caller.data().memory {
        Some(memory) => memory,
        None => {
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let memory = memory.ok_or_else(|| wasmtime::Error::new(wasmtime::Trap::MemoryOutOfBounds))?;
            caller.data_mut().memory = Some(memory);
            memory
        }
    };
    Ok(memory.data_and_store_mut(caller))
}

fn slice(memory: &mut [u8], at: u32, length: u32) -> Result<&mut [u8], i32> {
    memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..length as usize)).ok_or(FAULT)
}

fn put<const N: usize>(memory: &mut [u8], at: u32, bytes: [u8; N]) -> Result<(), i32> {
    memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..N)).ok_or(FAULT)?.copy_from_slice(&bytes);
    Ok(())
}

fn number(memory: &[u8], at: u32) -> Result<u32, i32> {
    let bytes = memory.get(at as usize..).and_then(|rest| rest.first_chunk::<4>()).ok_or(FAULT)?;
    Ok(u32::from_le_bytes(*bytes))
}

fn errno(result: Result<(), i32>) -> wasmtime::Result<i32> {
    Ok(result.err().unwrap_or(SUCCESS))
}

fn args_sizes_get(mut caller: Caller<'_, Guest>, count: u32, size: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, guest) = parts(&mut caller)?;
    let length = guest.name.len() as u32 + 1;
    errno(put(memory, count, 1_u32.to_le_bytes()).and_then(|()| put(memory, size, length.to_le_bytes())))
}

fn args_get(mut caller: Caller<'_, Guest>, argv: u32, buffer: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, guest) = parts(&mut caller)?;
    let mut write = || {
        let name = guest.name.as_bytes();
        put(memory, argv, buffer.to_le_bytes())?;
        let text = slice(memory, buffer, name.len() as u32 + 1)?;
        let (text, end) = text.split_at_mut(name.len());
        text.copy_from_slice(name);
        end.fill(0);
        Ok(())
    };
    errno(write())
}

fn environ_sizes_get(mut caller: Caller<'_, Guest>, count: u32, size: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, _) = parts(&mut caller)?;
    errno(put(memory, count, [0; 4]).and_then(|()| put(memory, size, [0; 4])))
}

fn clock_res_get(mut caller: Caller<'_, Guest>, _clock: i32, result: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, _) = parts(&mut caller)?;
    errno(put(memory, result, 1_000_000_000_u64.to_le_bytes()))
}

fn clock_time_get(mut caller: Caller<'_, Guest>, _clock: i32, _: i64, result: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, guest) = parts(&mut caller)?;
    errno(put(memory, result, guest.now.to_le_bytes()))
}

fn fd_fdstat_get(mut caller: Caller<'_, Guest>, fd: i32, result: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    if !is_stdio(fd) {
        return Ok(BADF);
    }
    const CHARACTER_DEVICE: u8 = 2;
    const READ: u64 = 1 << 1;
    const WRITE: u64 = 1 << 6;
    let mut stat = [0; 24];
    stat[0] = CHARACTER_DEVICE;
    let rights = if fd == 0 { READ } else { WRITE };
    stat[8..16].copy_from_slice(&rights.to_le_bytes());
    let (memory, _) = parts(&mut caller)?;
    errno(put(memory, result, stat))
}

fn fd_filestat_get(mut caller: Caller<'_, Guest>, fd: i32, result: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    if !is_stdio(fd) {
        return Ok(BADF);
    }
    let mut stat = [0; 64];
    stat[16] = 2;
    let (memory, _) = parts(&mut caller)?;
    errno(put(memory, result, stat))
}

/// The buffers that a read or write names, and their length together; charged before anything is moved.
fn buffers(caller: &mut Caller<'_, Guest>, at: u32, count: u32) -> Guarded<(Vec<(u32, u32)>, u64)> {
    charge(caller, CALL + BUFFER * u64::from(count.min(MAX_BUFFERS)))?;
    if count > MAX_BUFFERS {
        return Ok(Err(INVAL));
    }
    let (memory, _) = parts(caller)?;
    let mut read = || {
        let mut list = Vec::with_capacity(count as usize);
        let mut total = 0;
        for index in 0..count {
            let entry = at.checked_add(index * 8).ok_or(FAULT)?;
            let buffer = (number(memory, entry)?, number(memory, entry.checked_add(4).ok_or(FAULT)?)?);
            slice(memory, buffer.0, buffer.1)?;
            total += u64::from(buffer.1);
            list.push(buffer);
        }
        Ok((list, total))
    };
    Ok(read())
}

fn fd_read(mut caller: Caller<'_, Guest>, fd: i32, list: u32, count: u32, result: u32) -> wasmtime::Result<i32> {
    let (list, total) = match buffers(&mut caller, list, count)? {
        Ok(found) => found,
        Err(error) => return Ok(error),
    };
    if fd != 0 {
        return Ok(BADF);
    }
    let left = caller.data().stdin.len() - caller.data().position;
    charge(&mut caller, total.min(left as u64) / 8)?;
    let (memory, guest) = parts(&mut caller)?;
    let mut moved = 0_u32;
    for (at, length) in list {
        let rest = &guest.stdin[guest.position..];
        let part = &rest[..rest.len().min(length as usize)];
        match slice(memory, at, part.len() as u32) {
            Ok(buffer) => buffer.copy_from_slice(part),
            Err(error) => return Ok(error),
        }
        guest.position += part.len();
        moved += part.len() as u32;
    }
    errno(put(memory, result, moved.to_le_bytes()))
}

fn fd_write(mut caller: Caller<'_, Guest>, fd: i32, list: u32, count: u32, result: u32) -> wasmtime::Result<i32> {
    let (list, total) = match buffers(&mut caller, list, count)? {
        Ok(found) => found,
        Err(error) => return Ok(error),
    };
    let guest = caller.data();
    let (limit, written, allowed) = match fd {
        1 => (Limit::Stdout, guest.stdout.len() as u64, guest.stdout_limit),
        2 => (Limit::Stderr, guest.stderr.len() as u64, guest.stderr_limit),
        _ => return Ok(BADF),
    };
    let used = written.saturating_add(total);
    if used > allowed {
        return Err(Stop::limit(limit, used, allowed));
    }
    charge(&mut caller, total / 8)?;
    let (memory, guest) = parts(&mut caller)?;
    let stream = if fd == 1 { &mut guest.stdout } else { &mut guest.stderr };
    for (at, length) in list {
        match slice(memory, at, length) {
            Ok(buffer) => stream.extend_from_slice(buffer),
            Err(error) => return Ok(error),
        }
    }
    errno(put(memory, result, (total as u32).to_le_bytes()))
}

/// Every subscription is ready at once: time does not pass for a guest, and its streams never wait.
fn poll_oneoff(mut caller: Caller<'_, Guest>, from: u32, to: u32, count: u32, result: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL + BUFFER * u64::from(count.min(MAX_BUFFERS)))?;
    if count == 0 || count > MAX_BUFFERS {
        return Ok(INVAL);
    }
    let (memory, _) = parts(&mut caller)?;
    let mut answer = || {
        for index in 0..count {
            let subscription = from.checked_add(index * 48).ok_or(FAULT)?;
            let mut event = [0; 32];
            let head = slice(memory, subscription, 9)?;
            event[..8].copy_from_slice(&head[..8]);
            event[10] = head[8];
            put(memory, to.checked_add(index * 32).ok_or(FAULT)?, event)?;
        }
        put(memory, result, count.to_le_bytes())
    };
    errno(answer())
}

/// Part by part, so that the clock is seen in the middle of a gigabyte.
fn random_get(mut caller: Caller<'_, Guest>, at: u32, length: u32) -> wasmtime::Result<i32> {
    charge(&mut caller, CALL)?;
    let (memory, _) = parts(&mut caller)?;
    if slice(memory, at, length).is_err() {
        return Ok(FAULT);
    }
    let (mut at, mut left) = (at, length);
    while left > 0 {
        let part = left.min(RANDOM_PART);
        charge(&mut caller, 4 * u64::from(part))?;
        let (memory, guest) = parts(&mut caller)?;
        let Ok(buffer) = slice(memory, at, part) else { return Ok(FAULT) };
        let stdin = &guest.stdin;
        guest.random.get_or_insert_with(|| Random::from_request(stdin)).fill(buffer);
        // A part that ends where addresses end is the last one.
        at = at.wrapping_add(part);
        left -= part;
    }
    Ok(SUCCESS)
}

/// A stream of bytes that follows from the request alone: SHA-256 over a seed and a counter.
pub(super) struct Random {
    seed: [u8; 32],
    blocks: u64,
}

impl Random {
    fn from_request(request: &[u8]) -> Self {
        Self { seed: Sha256::digest(request).into(), blocks: 0 }
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(32) {
            let block = Sha256::new().chain_update(self.seed).chain_update(self.blocks.to_le_bytes()).finalize();
            self.blocks += 1;
            part.copy_from_slice(&block[..part.len()]);
        }
    }
}
