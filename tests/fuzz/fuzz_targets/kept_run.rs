//! What a ledger kept of a run: its documents, with a byte 0x1e between two of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::kept_run(bytes));
