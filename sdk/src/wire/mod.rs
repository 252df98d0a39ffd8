//! Standard input and output, whole: read in few calls, written in one.

#[cfg(not(target_family = "wasm"))]
mod native;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{exit, read_all, write_all};
#[cfg(target_family = "wasm")]
pub(crate) use wasi::{exit, read_all, write_all};

/// Where a gate writes.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    /// The answer.
    Out = 1,
    /// Notes.
    Err = 2,
}
