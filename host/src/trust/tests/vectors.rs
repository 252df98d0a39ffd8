//! The published vectors: every signed module and every signed document gives what its index says.

use std::{fs, path::PathBuf};

use serde::Deserialize;

use super::*;
use crate::{
    digest::Digest,
    trust::{Demand, Floor, PublicKey, TrustRoot, check_list, inspect, verify_with_keys},
};

fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../tests/fixtures/signing", name].iter().collect();
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn public(name: &str) -> PublicKey {
    PublicKey::parse(std::str::from_utf8(&fixture(name)).expect("text")).expect("a key")
}

#[derive(Deserialize)]
struct ModuleCase {
    file: String,
    trusted_key: String,
    expect: String,
}

#[test]
fn every_signed_module_gives_what_its_index_says() {
    let cases: Vec<ModuleCase> = serde_json::from_slice(&fixture("modules.json")).expect("an index");
    assert!(cases.len() >= 36);
    for case in cases {
        let (bytes, key) = (fixture(&case.file), public(&case.trusted_key));
        let found = verify_with_keys(&bytes, std::slice::from_ref(&key), 1, true);
        assert_eq!(found.is_ok(), case.expect == "ACCEPT", "{}: {found:?}", case.file);
        let is_component = case.file.contains("component");
        let without_components = verify_with_keys(&bytes, &[key], 1, false);
        assert_eq!(without_components.is_ok(), case.expect == "ACCEPT" && !is_component, "{}", case.file);
    }
}

#[test]
fn every_attack_on_a_module_has_its_code() {
    let key = public("keys/k1.spki.pem");
    for (file, expect) in [
        ("adv/a01_tampered_code.wasm", "digest-mismatch"),
        ("adv/a02_other_body_no_delimiter.wasm", "digest-mismatch"),
        ("adv/a03_stripped.wasm", "signature-missing"),
        ("adv/a04_signature_last.wasm", "signature-misplaced"),
        ("adv/a05_truncated.wasm", "wasm-truncated"),
        ("adv/a06_appended_section.wasm", "digest-mismatch"),
        ("adv/a07_prefix_truncation_at_delimiter.wasm", "digest-mismatch"),
        ("adv/a08_unsigned_tail_after_delimiter.wasm", "digest-mismatch"),
        ("adv/a09_multi_delims_removed_evil_body.wasm", "digest-mismatch"),
        ("adv/a11_nonminimal_leb_in_signature_section.wasm", "signature-malformed"),
        ("adv/a15_bad_siglen_first.wasm", "signature-malformed"),
        ("adv/a16_no_length_prefixes_as_in_the_spec_text.wasm", "signature-malformed"),
        ("adv/a17_old_domain_without_content_type.wasm", "untrusted-key"),
        ("adv/a18_two_signature_sections.wasm", "signature-doubled"),
        ("adv/a20_wrong_key.wasm", "untrusted-key"),
        ("adv/a21_keyid_of_k1_signed_by_k2.wasm", "signature-invalid"),
        ("adv/a23_empty_body_signed_zero_hashes.wasm", "digest-mismatch"),
        ("adv/a24_hash_fn_2.wasm", "signature-malformed"),
        ("adv/a25_content_type_2.wasm", "signature-malformed"),
        ("adv/a26_version_2.wasm", "signature-malformed"),
        ("adv/a27_noncanonical_S.wasm", "untrusted-key"),
        ("adv/a28_padded_section_len_after_sign.wasm", "wasm-leb128"),
        ("adv/a30_65_hash_sets.wasm", "signature-malformed"),
        ("adv/a31_257_signatures.wasm", "signature-malformed"),
        ("adv/a32_oversize_section_length.wasm", "wasm-truncated"),
    ] {
        let found = verify_with_keys(&fixture(file), std::slice::from_ref(&key), 1, true);
        assert_eq!(found.map_err(|refusal| refusal.code()).err(), Some(expect), "{file}");
    }
}

#[test]
fn one_content_has_one_identity_however_it_is_signed() {
    let keys = [public("keys/k1.spki.pem"), public("keys/k2.spki.pem")];
    let expect = Digest::of(&fixture("in/tiny.wasm")[8..]);
    for file in ["tiny.k1", "tiny.k1.kid", "tiny.k1k2", "tiny.ssh", "padded.k1", "tiny.detached"] {
        let bytes = fixture(&format!("out/{file}.wasm"));
        let seen = inspect(&bytes, &keys.each_ref()).expect("well-formed");
        assert_eq!(seen.content_digest, expect, "{file}");
        assert!(seen.signatures.iter().all(|made| made.covers_file && made.signer.is_some()), "{file}");
    }
    let both = verify_with_keys(&fixture("out/tiny.k1k2.wasm"), &keys, 2, false).expect("two signers");
    assert_eq!(both.key_ids.len(), 2);
    let again = [keys[0].clone(), keys[0].clone()];
    assert_eq!(code(verify_with_keys(&fixture("out/tiny.k1.wasm"), &again, 2, false)), "threshold");
}

#[derive(Deserialize)]
struct DocumentCase {
    file: String,
    kind: String,
    now: String,
    floor: FloorCase,
    expect: String,
}

#[derive(Deserialize)]
struct FloorCase {
    epoch: u64,
    version: u64,
    payload_sha256: Option<Digest>,
}

#[test]
fn every_signed_document_gives_what_its_index_says_under_the_root_in_both_its_forms() {
    let cases: Vec<DocumentCase> = serde_json::from_slice(&fixture("revocation/index.json")).expect("an index");
    assert!(cases.len() >= 18);
    for form in ["revocation/root.1.payload.json", "revocation/root.1.json"] {
        let root = TrustRoot::from_json(&fixture(form), now()).expect("the pinned root");
        assert_eq!(root.check_time(now()), Ok(()));
        for case in &cases {
            let (bytes, now) = (fixture(&format!("revocation/{}", case.file)), at(&case.now).0);
            let FloorCase { epoch, version, payload_sha256 } = case.floor;
            let floor = Floor { epoch: whole(epoch), version: whole(version), payload: payload_sha256 };
            let demand = Demand { floor: Some(floor), ..Demand::default() };
            let found = match case.kind.as_str() {
                "list" => check_list(&bytes, &root, &demand, now).verdict.map(|_| ()),
                _ => root.rotate_to(&bytes, now).map(|_| ()),
            };
            let found = found.map_or_else(|error| format!("REJECT {}", error.code()), |()| "ACCEPT".to_owned());
            assert_eq!(found, case.expect, "{}", case.file);
        }
    }
}

#[test]
fn a_root_that_was_read_is_written_with_the_same_meaning() {
    let bytes = fixture("revocation/root.1.payload.json");
    let root = TrustRoot::from_json(&bytes, now()).expect("the pinned root");
    let (issued, expires) = (root.issued().expect("issued"), root.expires().expect("expires"));
    let payload = root.to_payload(root.version(), issued, expires).expect("a payload");
    let again = TrustRoot::from_json(&payload, now()).expect("just written");
    assert_eq!(again.publishers(), root.publishers());
    assert_eq!((again.root_role(), again.revocation_role()), (root.root_role(), root.revocation_role()));
}
