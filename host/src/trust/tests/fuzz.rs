//! Hostile bytes for everything that is read before it is trusted, with keys that those of libFuzzer do not have: `tests/fuzz`
//! has targets of the same names, with these seeds as its corpus.

use super::*;
use crate::{
    digest::Digest,
    fuzz::smoke::Target,
    trust::{
        Approval, DocumentError, ROOT_TYPE, Revocations, TrustRoot, appraise, attach, check_list, gate_named, inspect,
        sign_detached, verify_with_keys, weigh,
    },
};

const TARGETS: [Target; 6] = [
    Target { name: "signature_section", seeds: signature_seeds, run: fuzz_signature_section },
    Target { name: "envelope", seeds: envelope_seeds, run: fuzz_envelope },
    Target { name: "root", seeds: root_seeds, run: fuzz_root },
    Target { name: "list", seeds: list_seeds, run: fuzz_list },
    Target { name: "metadata", seeds: metadata_seeds, run: fuzz_metadata },
    Target { name: "approval", seeds: approval_seeds, run: fuzz_approval },
];

fn delimited() -> Vec<u8> {
    bare(&[("portcullis.gate", METADATA), ("signature_delimiter", "0123456789abcdef"), ("name", "x")])
}

const METADATA: &str = r#"{"protocol":1,"name":"lint-gate","version":"1.2.3-rc.1","kind":"validator"}"#;

fn signature_seeds() -> Vec<Vec<u8>> {
    let twice = sign(&signed(&delimited(), &[1]), &key(2)).expect("signed");
    let start = twice.windows(9).position(|window| window == b"signature").expect("the section") + 9;
    let end = twice.len() - (delimited().len() - 8);
    vec![sign_detached(&delimited(), &key(1)).expect("signed"), twice[start..end].to_vec()]
}

/// Whatever stands in the section, a module verifies only if the key signed this very content.
fn fuzz_signature_section(bytes: &[u8]) {
    let Ok(attached) = attach(&delimited(), bytes) else { return };
    let known = [key(1), key(2)].map(|key| key.public().clone());
    let seen = inspect(&attached, &known.each_ref()).expect("what attaches reads");
    let by_known = seen.signatures.iter().any(|made| made.covers_file && made.signer.is_some());
    assert_eq!(verify_with_keys(&attached, &known, 1, false).is_ok(), by_known);
    assert_eq!(seen.content_digest, Digest::of(&delimited()[8..]));
}

fn envelope_seeds() -> Vec<Vec<u8>> {
    vec![
        sealed(&list(""), &[11, 12]),
        sealed(&list(""), &[]),
        br#"{"payloadType":"t","payload":"","signatures":[]}"#.to_vec(),
    ]
}

/// What reads is written so that it reads back with the same signers.
fn fuzz_envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else { return };
    let keys = [key(11), key(12)];
    let signers = |envelope: &Envelope| envelope.signers(keys.iter().map(PrivateKey::public));
    let again = Envelope::parse(envelope.to_json().as_bytes()).expect("what is written reads");
    assert_eq!((again.payload_type(), again.payload()), (envelope.payload_type(), envelope.payload()));
    assert_eq!(signers(&again), signers(&envelope));
}

fn root_seeds() -> Vec<Vec<u8>> {
    let source = format!(
        "schema = 1\n[role.root]\nkeys = [\"{}\", \"{}\"]\nthreshold = 2\n[publisher.acme]\n\
         keys = [{{ key = \"{}\", not_after = \"2027-01-01T00:00:00Z\" }}]\nmodules = [\"lint-*\"]\nkinds = [\"gate\"]\n",
        key(21).public().to_short_form(),
        key(22).public().to_short_form(),
        key(1).public().to_short_form()
    );
    let Ok(TrustSource::Whole(file)) = TrustSource::read(source.as_bytes(), now()) else { panic!("{source}") };
    let times = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let payload = file.root.to_payload(Whole::ONE, times.0, times.1).expect("a payload");
    let mut envelope = Envelope::new(ROOT_TYPE, payload.clone());
    envelope.sign(&key(21));
    envelope.sign(&key(22));
    vec![payload, envelope.to_json().into_bytes(), source.into_bytes()]
}

/// What reads as a root breaks none of its rules, and is written so that it reads back.
fn fuzz_root(bytes: &[u8]) {
    let _ = TrustSource::read(bytes, now());
    let Ok(root) = TrustRoot::from_json(bytes, now()) else { return };
    assert!(root.flaws().is_empty());
    let (issued, expires) = (root.issued().expect("a signed root says"), root.expires().expect("a signed root says"));
    let payload = root.to_payload(root.version(), issued, expires).expect("it has a root role");
    let again = TrustRoot::from_json(&payload, now()).expect("what is written reads");
    assert_eq!((again.publishers(), again.root_role()), (root.publishers(), root.root_role()));
}

fn list_seeds() -> Vec<Vec<u8>> {
    let entries = format!(
        r#"{{"id":"R-1","kind":"module","content_sha256":"{0}","reason":"malicious","severity":"block","revoked_at":"2026-01-02T00:00:00Z"}},
        {{"id":"R-2","kind":"key","key_sha256":"{0}","except_content_sha256":["{0}"],"reason":"key-compromise","severity":"block","revoked_at":"2026-01-02T00:00:00Z"}},
        {{"id":"R-3","kind":"release","publisher":"acme","module":"lint-gate","versions":">=1.0.0, <1.2.3","reason":"vulnerable","severity":"warn","revoked_at":"2026-01-02T00:00:00Z"}},
        {{"id":"R-4","kind":"withdrawn","withdrawn_at":"2026-01-03T00:00:00Z"}}"#,
        Digest::of(b"x")
    );
    let list = list(&entries);
    vec![list.to_payload().expect("a list"), sealed(&list, &[11, 12]), b"module x\nkey y\nrelease a b <1\n".to_vec()]
}

/// What reads as a payload is taken when the role signs it or refused for what it says, and changes nothing unsigned.
fn fuzz_list(bytes: &[u8]) {
    let trust = trust("", "[revocations]\nlist = \"l.json\"\n");
    let unsigned = check_list(bytes, &trust.root, &crate::trust::Demand::default(), now());
    assert!(unsigned.verdict.is_err() || unsigned.authentic.is_some());
    let material = Material { list: Some(bytes), state: Some(bytes), deny: Some(bytes), emergency: &[bytes.to_vec()] };
    let standing = Standing::assess(&trust.root, &trust.revocations, &material, now());
    let policy = Policy { root: &trust.root, standing: &standing, now: now(), components: false };
    assert!(appraise(&signed(&module("lint-gate", "1.2.2"), &[1]), &policy).verdict.is_err());
    if let Ok(list) = List::parse(bytes) {
        assert_eq!(List::parse(&list.to_payload().expect("what reads is written")), Ok(list.clone()));
        let found = check_list(&sealed(&list, &[11, 12]), &trust.root, &crate::trust::Demand::default(), now());
        assert!(!matches!(found.verdict, Err(DocumentError::Schema(_) | DocumentError::Threshold { .. })));
    }
}

fn metadata_seeds() -> Vec<Vec<u8>> {
    vec![METADATA.as_bytes().to_vec(), METADATA.replace(':', " : ").into_bytes()]
}

/// What a signed module says of itself is taken only if it is plain.
fn fuzz_metadata(bytes: &[u8]) {
    let mut module = bare(&[]);
    write_section(&mut module, 0, Some("portcullis.gate"), bytes);
    let seen = inspect(&signed(&module, &[1]), &[]).expect("well-formed");
    if let Ok(Some(metadata)) = seen.metadata {
        assert!(crate::trust::is_name(&metadata.name) && semver::Version::parse(&metadata.version).is_ok());
        assert_eq!(crate::text::printable(&metadata.version), metadata.version);
    }
}

fn approval_seeds() -> Vec<Vec<u8>> {
    let approval = approvals::approval();
    let mut two = approval.seal(&key(31)).expect("sealed");
    two.sign(&key(32));
    let bob = approval.seal(&key(32)).expect("sealed").to_json();
    vec![approval.to_payload().expect("a payload"), approvals::signed(31), two.to_json().into_bytes(), bob.into_bytes()]
}

/// What counts is the approval that was signed; what reads as a payload is written so that it reads back.
fn fuzz_approval(bytes: &[u8]) {
    let (signed, evidence) = (approvals::approval().to_payload().expect("a payload"), approvals::evidence());
    let review = approvals::review(&evidence);
    if let Ok(found) = weigh(bytes, &review, &approvals::approvers(), &Revocations::default(), now()) {
        assert_eq!((found.approval, found.approver.as_str()), (Digest::of(&signed), "alice"));
        assert_eq!(gate_named(bytes).as_deref(), Some(review.gate));
    }
    if let Ok(approval) = Approval::parse(bytes) {
        assert_eq!(Approval::parse(&approval.to_payload().expect("what reads is written")), Ok(approval));
    }
}

#[test]
fn every_target_takes_its_seeds_and_whatever_becomes_of_them() {
    TARGETS.iter().for_each(Target::smoke);
}

#[test]
fn the_seeds_are_different_and_libfuzzer_has_each_target() {
    for target in &TARGETS {
        target.check_seeds();
        target.check_listed();
    }
}
