//! A DSSE envelope: what reads is written so that it reads back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::trust::Envelope;

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::parse(bytes) else { return };
    let again = Envelope::parse(envelope.to_json().as_bytes()).expect("what is written reads");
    assert_eq!((again.payload_type(), again.payload()), (envelope.payload_type(), envelope.payload()));
});
