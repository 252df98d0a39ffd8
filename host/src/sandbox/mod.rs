//! The sandbox: the only room that names wasmtime.
//!
//! A guest reaches nothing but its request on stdin, its answer on stdout and notes on stderr. Its clock stands still, its
//! randomness follows from the request, NaNs are canonical: the same request gives the same verdict and the same fuel.
//!
//! WASI is our own (`wasi`), a few functions over the store: it needs no runtime of its own (tokio) and no file system
//! layer, charges fuel for what the host does, and bounds every length a guest may name. `host/benches/README.md` has the
//! figures of both.
//!
//! Compiling is attack surface as much as running: `scan` looks a module over before anything is spent on it, `compile`
//! does the work in a child of our own binary, `cache` keeps the result under a MAC.

mod artifact;
mod cache;
mod call;
mod compile;
mod engine;
mod gate;
mod scan;
mod shape;
mod wasi;

pub use artifact::Artifact;
pub use cache::{Cache, CacheError, Entry};
pub use call::{Buffers, Ended};
pub use compile::{CompileError, Compiler, serve_compile};
pub use engine::{Throughput, Tier};
pub use gate::{Gate, LoadError, Loaded, Loading, Program, Sandbox};
pub use scan::{ScanError, scan, survey};
pub use shape::{Export, Import, Memory, Shape};
