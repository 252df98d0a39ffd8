//! Attacks and honest cases that take more than one file of the room: whole modules and lists against whole trust files.

mod approvals;
mod fuzz;
mod lists;
mod modules;
mod standing;
mod vectors;
mod wycheproof;

use jiff::Timestamp;

use super::{
    Envelope, LIST_TYPE, List, Material, Policy, PrivateKey, Refusal, Standing, Time, TrustFile, TrustSource,
    VerifiedModule, Whole, sign, verify_module, wasm::write_section,
};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(&[seed; 32])
}

fn at(text: &str) -> Time {
    Time::parse(text).expect("a time")
}

fn now() -> Timestamp {
    at("2026-01-10T00:00:00Z").0
}

fn whole(value: u64) -> Whole {
    Whole::new(value).expect("a whole number")
}

/// A module without code that says what it is.
fn module(name: &str, version: &str) -> Vec<u8> {
    let metadata = format!(r#"{{"protocol":1,"name":"{name}","version":"{version}","kind":"validator"}}"#);
    bare(&[("portcullis.gate", &metadata)])
}

/// A module of custom sections alone.
fn bare(sections: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (name, payload) in sections {
        write_section(&mut bytes, 0, Some(name), payload.as_bytes());
    }
    bytes
}

fn signed(bytes: &[u8], seeds: &[u8]) -> Vec<u8> {
    seeds.iter().fold(bytes.to_vec(), |bytes, seed| sign(&bytes, &key(*seed)).expect("signed"))
}

/// Keys 1 and 2 are acme's, 3 is beta's, 11 to 13 hold the revocation role, two of which have to sign.
fn trust(acme: &str, rest: &str) -> TrustFile {
    let written = |seeds: &[u8]| {
        seeds.iter().map(|seed| format!("\"{}\"", key(*seed).public().to_short_form())).collect::<Vec<_>>().join(", ")
    };
    let text = format!(
        "schema = 1\n[publisher.acme]\nmodules = [\"lint-*\"]\nkinds = [\"validator\"]\n{}\n\
         [publisher.beta]\nkeys = [{}]\nmodules = [\"lint-*\", \"beta-*\"]\nkinds = [\"gate\", \"validator\"]\n\
         [role.revocation]\nkeys = [{}]\nthreshold = 2\n{rest}",
        if acme.contains("keys") { acme.to_owned() } else { format!("keys = [{}]\n{acme}", written(&[1, 2])) },
        written(&[3]),
        written(&[11, 12, 13]),
    );
    match TrustSource::read(text.as_bytes(), now()).expect(&text) {
        TrustSource::Whole(file) => file,
        TrustSource::NeedsRoot(_) => unreachable!("it names no root"),
    }
}

/// A list as it is on a good day: version 42, a week old, a week to go.
fn list(entries: &str) -> List {
    let text = format!(
        r#"{{"type":"revocation-list","list_id":"l","epoch":1,"version":42,"root_version":1,
            "issued":"2026-01-04T00:00:00Z","expires":"2026-01-18T00:00:00Z","entries":[{entries}]}}"#
    );
    List::parse(text.as_bytes()).expect(&text)
}

fn sealed(list: &List, seeds: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::new(LIST_TYPE, list.to_payload().expect("a list"));
    for seed in seeds {
        envelope.sign(&key(*seed));
    }
    envelope.to_json().into_bytes()
}

fn assess(trust: &TrustFile, entries: &str) -> Standing {
    let bytes = sealed(&list(entries), &[11, 12]);
    let material = Material { list: Some(&bytes), ..Material::default() };
    Standing::assess(&trust.root, &trust.revocations, &material, now())
}

fn verify(bytes: &[u8], trust: &TrustFile, standing: &Standing) -> Result<VerifiedModule, Refusal> {
    verify_module(bytes.to_vec(), &Policy { root: &trust.root, standing, now: now(), components: false })
}

fn code<T>(found: Result<T, Refusal>) -> &'static str {
    found.map_or_else(|refusal| refusal.code(), |_| "accepted")
}
