//! The payload of a `signature` section: no bytes make an unsigned module verify, and none panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::trust::{PrivateKey, attach, inspect, verify_with_keys};

/// A module of one custom section.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\0\x03\x01x!";

fuzz_target!(|bytes: &[u8]| {
    let Ok(attached) = attach(MODULE, bytes) else { return };
    let key = PrivateKey::from_seed(&[7; 32]);
    inspect(&attached, &[key.public()]).expect("what attaches reads");
    assert!(verify_with_keys(&attached, &[key.public().clone()], 1, true).is_err(), "a key that nobody has signed");
});
