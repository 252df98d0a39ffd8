//! What a server of the Redis protocol answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| portcullis::fuzz::redis_replies(bytes));
