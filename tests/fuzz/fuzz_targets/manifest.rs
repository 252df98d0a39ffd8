//! A manifest, agents and all.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::manifest(bytes));
