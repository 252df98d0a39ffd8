//! How wasmtime is set up: one set of rules for compiling and running, so that artifacts fit and fuel never differs.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, OperatorCost, OptLevel,
    PoolingAllocationConfig, RegallocAlgorithm, WasmFeatures,
};

use crate::limits::ceiling;

/// The guest's call stack in bytes.
pub(super) const STACK: usize = 1 << 20;
/// What host functions may use of the stack beyond the guest's part, in bytes.
const HOST_STACK: usize = 256 << 10;
/// Memory of a guest that stays mapped between calls when they are many, in bytes: the first memory of a usual gate.
const KEEP_RESIDENT: usize = 2 << 20;
/// Instances that a warm engine keeps ready. More than the cores of any machine that runs gates.
const SLOTS: u32 = 64;

/// What the host keeps of an instance, in bytes: as much as the functions and globals that a valid module may have can take,
/// so that whether calls are few or many never decides whether a module runs.
const INSTANCE_SIZE: usize = 32 << 20;

/// What an artifact has to be made by to be run: this release, whose settings these are, with this wasmtime, to the patch.
pub(super) const RELEASE: &str =
    concat!("portcullis ", env!("CARGO_PKG_VERSION"), " wasmtime ", env!("WASMTIME_VERSION"));

/// How much work goes into compiling. Both burn the same fuel and give the same verdicts; Winch would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Cranelift without optimisation: for a first run of little work.
    Fast,
    /// Cranelift at full optimisation: for much work.
    Optimised,
}

impl Tier {
    /// Its name, as the cache and the compiling child spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Optimised => "optimised",
        }
    }
}

/// What an engine is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throughput {
    /// A few calls: nothing is set up ahead of them.
    Few,
    /// Thousands of calls: instances and their memory are kept and reset.
    Many,
}

/// The proposals that gates need; everything else (threads, GC, exceptions, SIMD that rounds as the CPU likes, memories of
/// 64 bit, …) is off.
pub(super) fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::SIMD
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FLOATS
}

/// An engine that compiles, for the compiling child.
pub(super) fn compiling(tier: Tier, parallel: bool) -> wasmtime::Result<Engine> {
    let mut config = common()?;
    config.cranelift_nan_canonicalization(true).parallel_compilation(parallel);
    match tier {
        Tier::Fast => {
            config.cranelift_opt_level(OptLevel::None).cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
        }
        Tier::Optimised => config.cranelift_opt_level(OptLevel::Speed),
    };
    Engine::new(&config)
}

/// An engine that only runs what was compiled.
pub(super) fn running(throughput: Throughput) -> wasmtime::Result<Engine> {
    match throughput {
        Throughput::Few => with_slots(None),
        Throughput::Many => with_slots(Some(SLOTS)),
    }
}

/// The same for thousands of calls by one thread. Each slot takes its time to set up.
pub(super) fn running_alone() -> wasmtime::Result<Engine> {
    with_slots(Some(1))
}

fn with_slots(slots: Option<u32>) -> wasmtime::Result<Engine> {
    let mut config = common()?;
    config.enable_compiler(false);
    if let Some(slots) = slots {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(slots)));
    }
    Engine::new(&config)
}

fn common() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(features(), true)
        .consume_fuel(true)
        .operator_cost(cost())
        .max_wasm_stack(STACK)
        .async_stack_size(STACK + HOST_STACK)
        .concurrency_support(false)
        .wasm_backtrace_max_frames(None)
        .native_unwind_info(false)
        .generate_address_map(false)
        .debug_symbols(false);
    // wasmtime itself compares releases; an own word makes it compare to the patch.
    config.module_version(ModuleVersionStrategy::Custom(RELEASE.to_owned()))?;
    Ok(config)
}

/// wasmtime prices growing memory like an addition; touched pages cost thousands of times as much.
fn cost() -> OperatorCost {
    let mut cost = OperatorCost::new();
    cost.MemoryGrow = u8::MAX;
    cost.TableGrow = u8::MAX;
    cost.variable.memory_grow_per_page = u8::MAX;
    cost
}

fn pool(slots: u32) -> PoolingAllocationConfig {
    let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots * super::scan::MAX_TABLES)
        .total_stacks(slots)
        .max_memories_per_module(1)
        .max_tables_per_module(super::scan::MAX_TABLES)
        .max_core_instance_size(INSTANCE_SIZE)
        .table_elements(to_usize(ceiling::TABLE_ELEMENTS))
        .max_memory_size(to_usize(ceiling::MEMORY))
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}
