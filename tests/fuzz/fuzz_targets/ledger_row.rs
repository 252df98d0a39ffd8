//! A row of a ledger's chain: kind, name, time and facts, each on a line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::ledger_row(bytes));
