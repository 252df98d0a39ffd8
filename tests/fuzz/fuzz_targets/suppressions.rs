//! A file of suppressions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::suppressions(bytes));
