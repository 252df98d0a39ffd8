//! A revocation list, as a payload, an envelope, a state file and a deny list: unsigned bytes never let a module run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::trust::{List, Material, Standing, Time, TrustSource};

const TRUST: &[u8] = b"schema = 1\n[revocations]\nlist = \"l.json\"\n";

fuzz_target!(|bytes: &[u8]| {
    let now = Time::parse("2026-01-10T00:00:00Z").expect("a time").0;
    let Ok(TrustSource::Whole(file)) = TrustSource::read(TRUST, now) else { panic!("a trust file") };
    let material = Material { list: Some(bytes), state: Some(bytes), deny: Some(bytes), emergency: &[bytes.to_vec()] };
    let standing = Standing::assess(&file.root, &file.revocations, &material, now);
    assert!(standing.problem().is_some() && standing.next_state(now).is_none());
    if let Ok(list) = List::parse(bytes) {
        assert_eq!(List::parse(&list.to_payload().expect("what reads is written")), Ok(list));
    }
});
