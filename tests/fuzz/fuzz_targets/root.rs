//! A trust root, signed, bare or written by hand: what reads is written so that it reads back with the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::trust::{Time, TrustRoot, TrustSource};

fuzz_target!(|bytes: &[u8]| {
    let now = Time::parse("2026-01-10T00:00:00Z").expect("a time").0;
    let _ = TrustSource::read(bytes, now);
    let Ok(root) = TrustRoot::from_json(bytes, now) else { return };
    let (Some(issued), Some(expires)) = (root.issued(), root.expires()) else { panic!("a signed root has its time") };
    let payload = root.to_payload(root.version(), issued, expires).expect("it has a root role");
    let again = TrustRoot::from_json(&payload, now).expect("what is written reads");
    assert_eq!((again.publishers(), again.root_role()), (root.publishers(), root.root_role()));
});
