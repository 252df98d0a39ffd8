//! An approval: no bytes that nobody signed count, and what reads as a payload is written so that it reads back.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use portcullis::{
    digest::Digest,
    trust::{Approval, Review, Revocations, Time, TrustSource, gate_named, is_name, weigh},
};

/// An approver whose private key nobody has.
const TRUST: &[u8] = b"schema = 1\n[approver.alice]\n\
    keys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]\ngates = [\"*\"]\n";

fuzz_target!(|bytes: &[u8]| {
    let now = Time::parse("2026-01-10T00:00:00Z").expect("a time").0;
    let Ok(TrustSource::Whole(file)) = TrustSource::read(TRUST, now) else { panic!("a trust file") };
    let (evidence, digest) = (BTreeMap::new(), Digest::of(b""));
    let (policy, gate, subject) = ("go-no-go", "hmr_quiesce", Some("git:0123"));
    let review = Review { policy, gate, module: digest, params: digest, evidence: &evidence, subject };
    weigh(bytes, &review, &file.approvers, &Revocations::default(), now).expect_err("a key that nobody has");
    assert!(gate_named(bytes).is_none_or(|gate| is_name(&gate)));
    if let Ok(approval) = Approval::parse(bytes) {
        assert_eq!(Approval::parse(&approval.to_payload().expect("what reads is written")), Ok(approval));
    }
});
