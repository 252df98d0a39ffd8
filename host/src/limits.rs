//! What one call of a gate may use. Limits are never optional: what nobody sets has a default, and nothing passes the
//! host's ceiling.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// The limits of one gate, as the manifest or the command line gives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Units of fuel a call may burn; unset, [`Limits::fuel_for`] scales it with the input.
    pub fuel: Option<u64>,
    /// Bytes of linear memory; unset, [`Limits::memory_for`] scales it with the input.
    pub memory: Option<u64>,
    /// Wall time of a call.
    pub time: Duration,
    /// Elements in all tables together.
    pub table_elements: u64,
    /// Bytes of the answer.
    pub stdout: u64,
    /// Bytes of notes.
    pub stderr: u64,
    /// Bytes of the request.
    pub input: u64,
    /// Bytes of the module.
    pub module: u64,
    /// What compiling the module may use.
    pub compile: CompileLimits,
}

/// What compiling one module may use. Compiling hostile code is attack surface as much as running it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompileLimits {
    /// Wall time of the compiling process.
    pub time: Duration,
    /// Address space of the compiling process in bytes.
    pub memory: u64,
    /// Functions that the module defines.
    pub functions: u32,
    /// Locals of one function.
    pub locals: u32,
    /// Bytes of one function's body.
    pub function_size: u32,
    /// Bytes of the compiled form.
    pub artifact: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: None,
            memory: None,
            time: Duration::from_secs(5),
            table_elements: 100_000,
            stdout: 16 * MIB,
            stderr: 64 << 10,
            input: 64 * MIB,
            module: 32 * MIB,
            compile: CompileLimits::default(),
        }
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(20),
            memory: 2048 * MIB,
            functions: 20_000,
            locals: 1_000,
            function_size: 1 << 20,
            artifact: 256 * MIB,
        }
    }
}

/// The host's ceiling: no manifest and no flag raises a limit past it.
pub mod ceiling {
    use std::time::Duration;

    /// Fuel of one call.
    pub const FUEL: u64 = 1_000_000_000_000;
    /// Linear memory in bytes. Also bounds how long one bulk operation can hold out against the clock.
    pub const MEMORY: u64 = 1 << 30;
    /// Wall time of one call.
    pub const TIME: Duration = Duration::from_secs(600);
    /// Elements in all tables together.
    pub const TABLE_ELEMENTS: u64 = 1_000_000;
    /// Bytes of the answer.
    pub const STDOUT: u64 = 256 << 20;
    /// Bytes of notes.
    pub const STDERR: u64 = 16 << 20;
    /// Bytes of the request.
    pub const INPUT: u64 = 256 << 20;
    /// Bytes of the module.
    pub const MODULE: u64 = 256 << 20;
    /// Wall time of compiling one module.
    pub const COMPILE_TIME: Duration = Duration::from_secs(600);
    /// Address space of compiling one module in bytes.
    pub const COMPILE_MEMORY: u64 = 16 << 30;
}

impl Limits {
    /// Fuel for a request of `input` bytes: what the gate was given, or 50 million and 1,000 a byte.
    #[must_use]
    pub fn fuel_for(&self, input: usize) -> u64 {
        self.fuel.unwrap_or_else(|| 50_000_000 + 1_000 * input as u64).min(ceiling::FUEL)
    }

    /// Linear memory in bytes for a request of `input` bytes: what the gate was given, or 64 MiB, or 8 × the input.
    #[must_use]
    pub fn memory_for(&self, input: usize) -> u64 {
        self.memory.unwrap_or_else(|| (64 * MIB).max(8 * input as u64)).min(ceiling::MEMORY)
    }
}

/// Which limit a call or a compile ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// [`Limits::fuel`], in units.
    Fuel,
    /// [`Limits::time`], in milliseconds.
    Time,
    /// [`Limits::memory`], in bytes.
    Memory,
    /// [`Limits::table_elements`].
    Tables,
    /// The guest's call stack, in bytes.
    Stack,
    /// Instances, memories or tables of one store, in number.
    Instances,
    /// [`Limits::stdout`], in bytes.
    Stdout,
    /// [`Limits::stderr`], in bytes.
    Stderr,
    /// [`Limits::input`], in bytes.
    Input,
    /// [`Limits::module`], in bytes.
    ModuleSize,
    /// [`CompileLimits::time`], in milliseconds.
    CompileTime,
    /// [`CompileLimits::memory`], in bytes.
    CompileMemory,
    /// [`CompileLimits::functions`].
    Functions,
    /// [`CompileLimits::locals`].
    Locals,
    /// [`CompileLimits::function_size`], in bytes.
    FunctionSize,
    /// [`CompileLimits::artifact`], in bytes.
    Artifact,
}

/// A limit that was reached, with what was wanted and what was allowed, both in the limit's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Exceeded {
    /// Which limit.
    pub limit: Limit,
    /// What was used or asked for; at least, where the guest was stopped before it could say.
    pub used: u64,
    /// What was allowed.
    pub allowed: u64,
}

impl Limit {
    /// The limit's unit, for people.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Fuel => "units",
            Self::Time | Self::CompileTime => "ms",
            Self::Tables => "elements",
            Self::Instances | Self::Functions | Self::Locals => "in number",
            _ => "bytes",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "fuel",
            Self::Time => "wall time",
            Self::Memory => "memory",
            Self::Tables => "tables",
            Self::Stack => "stack",
            Self::Instances => "instances",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Input => "input",
            Self::ModuleSize => "module size",
            Self::CompileTime => "compile time",
            Self::CompileMemory => "compile memory",
            Self::Functions => "functions",
            Self::Locals => "locals of a function",
            Self::FunctionSize => "function size",
            Self::Artifact => "compiled size",
        })
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: used {}, allowed {} {}", self.limit, self.used, self.allowed, self.limit.unit())
    }
}
