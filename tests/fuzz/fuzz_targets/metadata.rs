//! What a module says of itself: taken only if it is plain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::trust::{inspect, is_name};

const NAME: &[u8] = b"portcullis.gate";

fuzz_target!(|bytes: &[u8]| {
    let mut body = vec![NAME.len() as u8];
    body.extend_from_slice(NAME);
    body.extend_from_slice(bytes);
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    let mut length = body.len();
    while length >= 0x80 {
        module.push(length as u8 | 0x80);
        length >>= 7;
    }
    module.push(length as u8);
    module.extend_from_slice(&body);
    let seen = inspect(&module, &[]).expect("well-formed");
    if let Ok(Some(metadata)) = seen.metadata {
        assert!(is_name(&metadata.name) && metadata.version.is_ascii());
    }
});
