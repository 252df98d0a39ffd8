//! A stream of server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::event_stream(bytes));
