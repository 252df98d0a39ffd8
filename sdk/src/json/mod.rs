//! Reading JSON into typed values, and writing them, small and strict.
//!
//! Why not `serde_json`'s own reader and writer: they format what they met into every message, carry floating-point tables
//! for that, and make much of themselves anew for every type, which is more than half of a small gate. Here what does not
//! hang on a type is one function for all of them. And serde takes a struct from a list of its fields' values too, which no
//! document means: here a struct is an object. What is JSON and what is not is the same, and so are the values and what is
//! written of them; property tests hold the two side by side.

mod access;
mod block;
mod error;
mod float;
mod reader;
mod scan;
mod serializer;
mod write;

use serde::Deserialize;

pub use error::Error;
pub(crate) use {access::Members, block::ascii_end, reader::Reader, scan::Text, write::Writer};

/// The deepest nesting that is read.
pub const DEPTH_LIMIT: usize = 128;

/// Reads one document, whole. Members that `T` does not know are passed over; `&RawValue` and `Json` keep a piece as
/// it was written.
///
/// # Errors
/// The text is not one JSON document, is nested deeper than [`DEPTH_LIMIT`], or does not fit `T`; the error says where.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}
