//! A baseline, and a scan of which one is made.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::baseline(bytes));
