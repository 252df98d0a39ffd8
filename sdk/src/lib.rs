//! What a Portcullis gate is written with: the protocol's types and one entry for each kind of gate.
//!
//! A gate is a pure function from a typed [`Request`] to its kind's answer: [`Checks`] for a readiness gate, [`Ruling`]
//! for a gate, [`Findings`] for a validator, [`Evidence`] for a probe; or a `Result` of that and a [`Fault`]. The macro
//! of the kind ([`readiness!`], [`gate!`], [`validator!`], [`probe!`]) writes the rest: `main`, the envelope, and the
//! metadata section inside the bytes that are later signed.
//!
//! ```
//! #![cfg_attr(target_family = "wasm", no_std, no_main)]
//! use portcullis_sdk::prelude::*;
//!
//! #[derive(Deserialize)]
//! struct Health {
//!     status: String,
//! }
//!
//! portcullis_sdk::gate!(judge);
//!
//! fn judge(request: Request<'_, NoParams, Health>) -> Ruling {
//!     Ruling::new().check("status_is_up", request.input.status == "up")
//! }
//! ```
//!
//! Invariants: knows nothing of the host; on wasm, without the feature `std`, nothing here or below it links std; the
//! only way to a verdict is through a kind's answer, and none of them can pass on nothing or fail without a reason.
#![cfg_attr(all(target_family = "wasm", not(feature = "std")), no_std)]

extern crate alloc;

mod answer;
mod entry;
pub mod evidence;
mod fault;
#[cfg(all(target_family = "wasm", not(feature = "std")))]
mod heap;
pub mod json;
mod kinds;
mod macros;
mod protocol;
mod request;
#[cfg(feature = "schema")]
pub mod schema;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;
mod utf8;
mod wire;

pub use entry::{NoParams, Part, Reply, answer};
pub use fault::Fault;
pub use kinds::{Checks, Document, Evidence, Findings, Ruling};
pub use protocol::{
    Answer, Check, Finding, Json, Kind, Metadata, PROTOCOL, Request, RuntimeEvidence, Severity, Verdict, Violation,
};
pub use serde_json::value::RawValue;

/// What the macros write and nobody else calls.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::entry::{gate, probe, readiness, validator};
    pub use crate::macros::name_is_valid;
    pub use crate::text::said;
}

/// What a gate usually needs, and what `no_std` leaves out of the language's own prelude.
pub mod prelude {
    pub use alloc::{
        borrow::{Cow, ToOwned},
        boxed::Box,
        string::{String, ToString},
        vec,
        vec::Vec,
    };

    // Where there is std its own is in scope, and can be no other.
    #[cfg(not(all(target_family = "wasm", not(feature = "std"))))]
    pub use alloc::format;

    pub use serde::{Deserialize, Serialize};

    #[cfg(all(target_family = "wasm", not(feature = "std")))]
    pub use crate::__format as format;
    pub use crate::{
        Checks, Document, Evidence, Fault, Finding, Findings, NoParams, RawValue, Request, Ruling, RuntimeEvidence,
    };
}
