//! A value of the shared state, with its version and its checksum.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::sealed_value(bytes));
