//! What makes a module trusted: its bytes, its publisher, its name and kind.

use proptest::prelude::*;

use super::*;
use crate::trust::{FileKind, file::SIGNATURE, verify_with_keys};

#[test]
fn a_module_of_a_publisher_gives_what_was_verified() {
    let trust = trust("", "");
    let bytes = signed(&module("lint-gate", "1.2.3"), &[1]);
    let verified = verify(&bytes, &trust, &assess(&trust, "")).expect("trusted");
    assert_eq!(verified.bytes(), bytes);
    assert_eq!((verified.publisher(), verified.key_ids()), ("acme", &[key(1).public().id()][..]));
    assert_eq!((verified.metadata().name.as_str(), verified.file_kind()), ("lint-gate", FileKind::Module));
    assert!(verified.warnings().is_empty());
}

#[test]
fn what_a_publisher_may_not_sign_is_refused() {
    let check = |acme: &str, bytes: &[u8], seeds: &[u8], expect: &str| {
        let trust = trust(acme, "");
        assert_eq!(code(verify(&signed(bytes, seeds), &trust, &assess(&trust, ""))), expect, "{acme} {seeds:?}");
    };
    let good = module("lint-gate", "1.2.3");
    check("", &good, &[1], "accepted");
    check("", &good, &[9, 2], "accepted");
    check("", &good, &[9], "untrusted-key");
    check("", &good, &[11, 12, 13], "untrusted-key");
    check("threshold = 2", &good, &[1], "threshold");
    check("threshold = 2", &good, &[1, 9, 11], "threshold");
    check("threshold = 2", &good, &[1, 2], "accepted");
    check("threshold = 2", &good, &[1, 3], "accepted");
    check("", &module("beta-gate", "1.2.3"), &[1], "publisher-module");
    check("", &module("beta-gate", "1.2.3"), &[1, 3], "accepted");
    let gate = bare(&[("portcullis.gate", r#"{"protocol":1,"name":"lint-gate","version":"1.0.0","kind":"gate"}"#)]);
    check("", &gate, &[1], "publisher-kind");
    check("", &gate, &[3], "accepted");
    check("", &bare(&[]), &[1], "metadata-missing");
    check("", &bare(&[("portcullis.gate", "{}")]), &[1], "metadata-malformed");
    check("", &bare(&[("portcullis.gate", "{}")]), &[9], "untrusted-key");
    let metadata = r#"{"protocol":1,"name":"lint-gate","version":"1.0.0","kind":"validator"}"#;
    check("", &bare(&[("portcullis.gate", metadata), ("portcullis.gate", metadata)]), &[1], "metadata-malformed");
    check("", &bare(&[("portcullis.gate", &metadata.replace(":1,", ":2,"))]), &[1], "protocol-version");
}

#[test]
fn a_key_counts_only_within_its_time() {
    let short = |seed| key(seed).public().to_short_form();
    let check = |first: &str, second: &str, seeds: &[u8], expect: &str| {
        let acme = format!("keys = [{{ key = \"{}\"{first} }}, {{ key = \"{}\"{second} }}]", short(1), short(2));
        let trust = trust(&acme, "");
        let bytes = signed(&module("lint-gate", "1.2.3"), seeds);
        assert_eq!(code(verify(&bytes, &trust, &assess(&trust, ""))), expect, "{first} {second} {seeds:?}");
    };
    let (old, new) = (", not_after = \"2026-01-10T00:00:00Z\"", ", not_before = \"2026-01-10T00:00:00Z\"");
    check(old, new, &[1], "key-window");
    check(old, new, &[2], "accepted");
    check(old, new, &[1, 2], "accepted");
    check("", ", not_before = \"2026-01-10T00:00:01Z\"", &[2], "key-window");
}

#[test]
fn a_file_that_is_no_signed_module_is_refused_before_anything_else() {
    let trust = trust("", "");
    let standing = assess(&trust, "");
    let good = signed(&module("lint-gate", "1.2.3"), &[1]);
    let check = |bytes: &[u8], expect: &str| assert_eq!(code(verify(bytes, &trust, &standing)), expect);
    check(b"", "not-wasm");
    check(b"(module)", "not-wasm");
    check(b"\x7fELF\x02\x01\x01\0\0\0\0\0", "not-wasm");
    check(&module("lint-gate", "1.2.3"), "signature-missing");
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    write_section(&mut component, 0, Some("portcullis.gate"), b"{}");
    check(&signed(&component, &[1]), "file-kind");
    // The signature's section within another one, and a name that only looks like it, are not a signature.
    let section = &good[8..good.len() - module("lint-gate", "1.2.3").len() + 8];
    let mut nested = b"\0asm\x01\0\0\0".to_vec();
    write_section(&mut nested, 0, Some("other"), section);
    nested.extend_from_slice(&good[8 + section.len()..]);
    check(&nested, "signature-missing");
    let mut look_alike = good.clone();
    let position = look_alike.windows(9).position(|window| window == SIGNATURE.as_bytes()).expect("the section");
    look_alike[position] = b'S';
    check(&look_alike, "signature-missing");
    // A whole signed module as the content of another one carries no signature to its outside.
    let mut wrapped = good.clone();
    wrapped.extend_from_slice(section);
    check(&wrapped, "signature-doubled");
}

#[test]
fn a_signature_that_is_transplanted_to_another_module_does_not_hold() {
    let trust = trust("", "");
    let (one, other) = (module("lint-gate", "1.2.3"), module("lint-gate", "1.2.4"));
    let donor = signed(&one, &[1]);
    let moved = [&donor[..donor.len() - one.len() + 8], &other[8..]].concat();
    assert_eq!(code(verify(&moved, &trust, &assess(&trust, ""))), "digest-mismatch");
}

#[test]
fn sections_that_are_added_removed_or_reordered_break_the_signature() {
    let check = |sections: &[(&str, &str)], expect: bool| {
        let original = bare(&[("a", "1"), ("signature_delimiter", "0123456789abcdef"), ("b", "2")]);
        let donor = signed(&original, &[1]);
        let head = &donor[..donor.len() - original.len() + 8];
        let bytes = [head, &bare(sections)[8..]].concat();
        let found = verify_with_keys(&bytes, &[key(1).public().clone()], 1, false);
        assert_eq!(found.is_ok(), expect, "{sections:?}");
    };
    let (a, cut, b) = (("a", "1"), ("signature_delimiter", "0123456789abcdef"), ("b", "2"));
    check(&[a, cut, b], true);
    check(&[a, b, cut], false);
    check(&[b, cut, a], false);
    check(&[a, cut], false);
    check(&[a, b], false);
    check(&[a], false);
    check(&[a, cut, b, a], false);
    check(&[a, cut, b, cut], false);
    check(&[], false);
}

#[test]
fn every_single_bit_flip_and_every_truncation_is_refused() {
    let trust = trust("threshold = 2", "");
    let standing = assess(&trust, "");
    let delimiter = ("signature_delimiter", "0123456789abcdef");
    let metadata = r#"{"protocol":1,"name":"lint-gate","version":"1.0.0","kind":"validator"}"#;
    let good = signed(&bare(&[("portcullis.gate", metadata), delimiter, ("name", "x")]), &[1, 2]);
    assert_eq!(code(verify(&good, &trust, &standing)), "accepted");
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&bytes, &trust, &standing).is_err(), "byte {} bit {}", bit / 8, bit % 8);
    }
    for length in 0..good.len() {
        assert!(verify(&good[..length], &trust, &standing).is_err(), "{length} bytes");
    }
}

#[test]
fn only_a_set_that_is_the_whole_sequence_of_the_file_counts() {
    use crate::trust::signature::{HashSet, Record, encode};
    let bytes = bare(&[("a", "1"), ("signature_delimiter", "0123456789abcdef"), ("b", "2")]);
    let own = crate::trust::file::ModuleFile::read(&bytes).expect("well-formed").hashes;
    let (first, last, other) = (own[0], own[1], crate::digest::Digest::of(b"other"));
    let check = |hashes: &[crate::digest::Digest], expect: &str| {
        let mut set = HashSet { hashes: hashes.to_vec(), records: Vec::new() };
        let signature = set.sign(&key(1));
        set.records.push(Record { hint: &[], algorithm: 1, signature: &signature });
        let attached = crate::trust::attach(&bytes, &encode(&[set])).expect("attached");
        assert_eq!(code(verify_with_keys(&attached, &[key(1).public().clone()], 1, false)), expect, "{hashes:?}");
    };
    check(&[first, last], "accepted");
    check(&[last], "digest-mismatch");
    check(&[first], "digest-mismatch");
    check(&[other, last], "digest-mismatch");
    check(&[last, first], "digest-mismatch");
    check(&[first, last, last], "digest-mismatch");
    check(&[first, first, last], "digest-mismatch");
    check(&[], "digest-mismatch");
}

#[test]
fn a_threshold_counts_keys_and_not_signatures() {
    let trust = trust("threshold = 2", "");
    let bytes = signed(&module("lint-gate", "1.2.3"), &[1]);
    let payload = crate::trust::sign_detached(&module("lint-gate", "1.2.3"), &key(1)).expect("signed");
    let mut sets = crate::trust::signature::parse(&payload).expect("well-formed");
    let again = crate::trust::signature::Record { hint: &[], ..sets[0].records[0].clone() };
    sets[0].records.push(again);
    let whole_set = sets[0].clone();
    sets.push(whole_set);
    let doubled = crate::trust::attach(&module("lint-gate", "1.2.3"), &crate::trust::signature::encode(&sets));
    for bytes in [bytes, doubled.expect("attached")] {
        assert_eq!(code(verify(&bytes, &trust, &assess(&trust, ""))), "threshold");
    }
}

#[test]
fn a_root_that_has_expired_or_is_yet_to_come_trusts_nothing() {
    let check = |rest: &str, expect: &str| {
        let mut trust = trust("", "");
        let text = format!("schema = 1\n{rest}");
        let Ok(TrustSource::Whole(times)) = TrustSource::read(text.as_bytes(), now()) else { panic!("{text}") };
        (trust.root.issued, trust.root.expires) = (times.root.issued, times.root.expires);
        let standing = Standing::of(crate::trust::Revocations::default());
        assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.3"), &[1]), &trust, &standing)), expect, "{rest}");
    };
    check("expires = \"2026-01-10T00:00:00Z\"", "root-expired");
    check("expires = \"2026-01-10T00:00:01Z\"", "accepted");
    check("issued = \"2026-01-10T00:05:00Z\"", "accepted");
    check("issued = \"2026-01-10T00:05:01Z\"", "root-not-yet-valid");
}

#[test]
fn an_empty_trust_file_trusts_no_one() {
    let Ok(TrustSource::Whole(empty)) = TrustSource::read(b"schema = 1", now()) else { panic!("a trust file") };
    let standing = Standing::assess(&empty.root, &empty.revocations, &Material::default(), now());
    assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.3"), &[1]), &empty, &standing)), "untrusted-key");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_and_what_is_changed_does_not(
        sections in prop::collection::vec(("[a-z_]{1,12}", "[ -~]{0,40}"), 0..6),
        cut: bool,
        at: prop::sample::Index,
        flip in 1..=255u8,
    ) {
        let mut sections: Vec<_> = sections.iter().map(|(name, payload)| (name.as_str(), payload.as_str())).collect();
        if cut {
            sections.insert(sections.len() / 2, ("signature_delimiter", "0123456789abcdef"));
        }
        let key = key(1);
        let mut bytes = sign(&bare(&sections), &key).expect("signed");
        let trusted = [key.public().clone()];
        prop_assert!(verify_with_keys(&bytes, &trusted, 1, false).is_ok());
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(verify_with_keys(&bytes, &trusted, 1, false).is_err());
    }

    #[test]
    fn any_bytes_behind_a_preamble_are_refused_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [b"\0asm\x01\0\0\0", &body[..]].concat();
        prop_assert!(verify_with_keys(&bytes, &[key(1).public().clone()], 1, true).is_err());
    }
}

#[test]
fn an_appraisal_comes_to_the_verdict_of_the_verifier_and_names_every_key_and_revocation() {
    use crate::trust::{KeyId, appraise};
    let id = |seed: u8| key(seed).public().id();
    let entry = |id: &str, severity: &str, what: String| {
        format!(
            r#"{{"id":"{id}",{what},"reason":"policy","severity":"{severity}","revoked_at":"2026-01-02T00:00:00Z"}}"#
        )
    };
    let revoked = entry("K", "block", format!(r#""kind":"key","key_sha256":"{}""#, id(1)));
    let release = r#""kind":"release","publisher":"beta","module":"lint-gate","versions":"<2""#;
    let release = entry("R", "warn", release.to_owned());
    let bytes = signed(&module("lint-gate", "1.2.3"), &[1, 2, 3]);
    let check = |acme: &str, entries: &str, expect: &str, counting: &[KeyId], ids: &[&str]| {
        let trust = trust(acme, "");
        let standing = assess(&trust, entries);
        let policy = Policy { root: &trust.root, standing: &standing, now: now(), components: false };
        let found = appraise(&bytes, &policy);
        let told = found.verdict.clone().unwrap_or_else(|refusal| refusal.code().to_owned());
        assert_eq!(told, expect);
        assert_eq!(found.verdict.clone().err(), verify(&bytes, &trust, &standing).err());
        assert_eq!(found.claims[0].counting, counting);
        assert_eq!(found.revocations.iter().map(|found| found.id()).collect::<Vec<_>>(), ids);
    };
    let sorted = |mut keys: Vec<KeyId>| {
        keys.sort_unstable();
        keys
    };
    check("", "", "acme", &sorted(vec![id(1), id(2)]), &[]);
    check("threshold = 2", &format!("{revoked},{release}"), "beta", &[id(2)], &["K", "R"]);
    let none = appraise(
        b"(module)",
        &Policy { root: &trust("", "").root, standing: &assess(&trust("", ""), ""), now: now(), components: false },
    );
    assert_eq!((none.kind, none.content_digest, none.claims.len()), (None, None, 0));
}
