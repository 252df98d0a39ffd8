//! Approvals against reviews: what counts, and every way in which one does not.

use std::collections::BTreeMap;

use super::*;
use crate::{
    digest::Digest,
    trust::{Approval, Approver, DocumentError, Ignored, Review, Revocations, SignedOff, gate_named, weigh},
};

pub(super) fn evidence() -> BTreeMap<String, Digest> {
    BTreeMap::from([("audit".to_owned(), Digest::of(b"audit")), ("status".to_owned(), Digest::of(b"status"))])
}

pub(super) fn review(evidence: &BTreeMap<String, Digest>) -> Review<'_> {
    let (module, params) = (Digest::of(b"module"), Digest::of(b"{}"));
    Review { policy: "go-no-go", gate: "hmr_quiesce", module, params, evidence, subject: Some("git:0123") }
}

pub(super) fn approval() -> Approval {
    let (issued, expires) = (at("2026-01-09T00:00:00Z"), at("2026-01-16T00:00:00Z"));
    Approval::of(&review(&evidence()), "looked at the log", issued, expires).expect("an approval")
}

/// Alice holds key 31 and may approve the gate; bob holds 32 and may approve others; carol holds 33, whose time is over.
pub(super) fn approvers() -> BTreeMap<String, Approver> {
    let approver = |name: &str, seed: u8, rest: &str, gates: &str| {
        let key = key(seed).public().to_short_form();
        format!("[approver.{name}]\nkeys = [{{ key = \"{key}\"{rest} }}]\ngates = [{gates}]\n")
    };
    let past = ", not_after = \"2026-01-09T12:00:00Z\"";
    let parts = [
        approver("alice", 31, "", "\"hmr_*\""),
        approver("bob", 32, "", "\"agents_api\", \"hmr\", \"*_quiescent\""),
        approver("carol", 33, past, "\"*\""),
    ];
    trust("", &parts.concat()).approvers
}

pub(super) fn signed(seed: u8) -> Vec<u8> {
    seal(&approval(), &[seed])
}

fn seal(approval: &Approval, seeds: &[u8]) -> Vec<u8> {
    seal_payload(approval.to_payload().expect("a payload"), seeds)
}

fn seal_payload(payload: Vec<u8>, seeds: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::new(crate::trust::APPROVAL_TYPE, payload);
    seeds.iter().for_each(|seed| assert!(envelope.sign(&key(*seed))));
    envelope.to_json().into_bytes()
}

fn weighed(bytes: &[u8]) -> Result<SignedOff, Ignored> {
    weigh(bytes, &review(&evidence()), &approvers(), &Revocations::default(), now())
}

#[track_caller]
fn check(what: &str, found: Result<SignedOff, Ignored>, expect: &str) {
    let told = found.as_ref().map_or_else(ToString::to_string, |found| found.approver.clone());
    assert_eq!(
        found.map_or_else(|ignored| ignored.code().to_owned(), |found| found.approver),
        expect,
        "{what}: {told}"
    );
}

#[test]
fn an_approval_of_this_very_review_counts_and_says_whose_it_is() {
    let found = weighed(&signed(31)).expect("it counts");
    let expect = SignedOff {
        approver: "alice".to_owned(),
        key: key(31).public().id(),
        approval: Digest::of(&approval().to_payload().expect("a payload")),
        reason: "looked at the log".to_owned(),
        issued: approval().issued,
        expires: approval().expires,
    };
    assert_eq!(found, expect);
    let none = BTreeMap::new();
    let review = Review { evidence: &none, ..review(&none) };
    let approval = Approval::of(&review, "r", approval().issued, approval().expires).expect("an approval");
    let found = weigh(&seal(&approval, &[31]), &review, &approvers(), &Revocations::default(), now());
    check("a gate without evidence", found, "alice");
}

#[test]
fn an_approval_counts_for_nothing_but_the_review_that_it_was_made_of() {
    let (review_evidence, bytes) = (evidence(), signed(31));
    let review = review(&review_evidence);
    let swapped =
        BTreeMap::from([("audit".to_owned(), evidence()["status"]), ("status".to_owned(), evidence()["audit"])]);
    let without = |name: &str| evidence().into_iter().filter(|(found, _)| found != name).collect::<BTreeMap<_, _>>();
    let (less, renamed) = (without("status"), [without("status"), [("state".to_owned(), evidence()["status"])].into()]);
    let renamed: BTreeMap<_, _> = renamed.into_iter().flatten().collect();
    let more: BTreeMap<_, _> = evidence().into_iter().chain([("log".to_owned(), Digest::of(b"log"))]).collect();
    let changed: BTreeMap<_, _> = evidence().into_iter().chain([("audit".to_owned(), Digest::of(b"new"))]).collect();
    for (what, review, expect) in [
        ("as it was", review, "alice"),
        ("evidence changed", Review { evidence: &changed, ..review }, "APPROVAL_OTHER_EVIDENCE"),
        ("evidence swapped", Review { evidence: &swapped, ..review }, "APPROVAL_OTHER_EVIDENCE"),
        ("evidence renamed", Review { evidence: &renamed, ..review }, "APPROVAL_OTHER_EVIDENCE"),
        ("more evidence", Review { evidence: &more, ..review }, "APPROVAL_OTHER_EVIDENCE"),
        ("less evidence", Review { evidence: &less, ..review }, "APPROVAL_OTHER_EVIDENCE"),
        ("another commit", Review { subject: Some("git:0124"), ..review }, "APPROVAL_OTHER_SUBJECT"),
        ("the start of the commit", Review { subject: Some("git:01"), ..review }, "APPROVAL_OTHER_SUBJECT"),
        ("no subject", Review { subject: None, ..review }, "APPROVAL_OTHER_SUBJECT"),
        ("another module", Review { module: Digest::of(b"m"), ..review }, "APPROVAL_OTHER_MODULE"),
        ("other parameters", Review { params: Digest::of(b"{ }"), ..review }, "APPROVAL_OTHER_PARAMS"),
        ("another pipeline", Review { policy: "release", ..review }, "APPROVAL_OTHER_POLICY"),
        ("another gate of alice's", Review { gate: "hmr_swap", ..review }, "APPROVAL_OTHER_GATE"),
        ("a gate that is not alice's", Review { gate: "agents_api", ..review }, "APPROVAL_WRONG_PERSON"),
    ] {
        check(what, weigh(&bytes, &review, &approvers(), &Revocations::default(), now()), expect);
    }
    assert!(Approval::of(&Review { subject: None, ..review }, "r", approval().issued, approval().expires).is_err());
}

#[test]
fn an_approval_counts_from_when_it_is_issued_until_it_expires() {
    let (bytes, evidence) = (signed(31), evidence());
    for (now, expect) in [
        ("2026-01-08T23:54:59Z", "APPROVAL_NOT_YET_VALID"),
        ("2026-01-08T23:55:00Z", "alice"),
        ("2026-01-15T23:59:59Z", "alice"),
        ("2026-01-16T00:00:00Z", "APPROVAL_EXPIRED"),
    ] {
        check(now, weigh(&bytes, &review(&evidence), &approvers(), &Revocations::default(), at(now).0), expect);
    }
}

#[test]
fn only_who_may_approve_the_gate_with_a_key_that_counts_now_is_the_right_person() {
    let text = |seeds: &[u8]| String::from_utf8(seal(&approval(), seeds)).expect("JSON");
    let id = |seed: u8| key(seed).public().id().to_string();
    let renamed = |seeds: &[u8], from: u8, to: &str| text(seeds).replace(&id(from), to).into_bytes();
    for (what, bytes, expect) in [
        ("alice", signed(31), "alice"),
        ("bob, for other gates", signed(32), "APPROVAL_WRONG_PERSON"),
        ("carol, whose key's time is over", signed(33), "APPROVAL_WRONG_PERSON"),
        ("a publisher", signed(1), "APPROVAL_WRONG_PERSON"),
        ("a stranger", signed(40), "APPROVAL_WRONG_PERSON"),
        ("bob and alice", seal(&approval(), &[32, 31]), "alice"),
        ("a stranger and alice", seal(&approval(), &[40, 31]), "alice"),
        ("a stranger under the name of alice's key", renamed(&[40], 40, &id(31)), "APPROVAL_TAMPERED"),
        ("a stranger without a name", renamed(&[40], 40, ""), "APPROVAL_TAMPERED"),
        ("bob under the name of alice's key", renamed(&[32], 32, &id(31)), "APPROVAL_WRONG_PERSON"),
        ("alice under the name of bob's key", renamed(&[31], 31, &id(32)), "alice"),
        ("alice without a name", renamed(&[31], 31, ""), "alice"),
        ("nobody", seal(&approval(), &[]), "APPROVAL_TAMPERED"),
    ] {
        check(what, weighed(&bytes), expect);
    }
}

#[test]
fn a_key_of_two_people_is_nobodys_word() {
    let mut shared = approvers();
    let alice = shared["alice"].clone();
    shared.insert("dave".to_owned(), Approver { gates: vec!["*".to_owned()], ..alice });
    let (evidence, none) = (evidence(), Revocations::default());
    check("shared", weigh(&signed(31), &review(&evidence), &shared, &none, now()), "APPROVAL_WRONG_PERSON");
}

#[test]
fn what_is_revoked_counts_for_nothing_whatever_the_severity() {
    let payload = Digest::of(&approval().to_payload().expect("a payload"));
    let rest = r#""reason":"policy","severity":"warn","revoked_at":"2026-01-09T12:00:00Z""#;
    let by_key = |seed: u8, except: &str| {
        let id = key(seed).public().id();
        format!(r#"{{"id":"R-1","kind":"key","key_sha256":"{id}","except_content_sha256":[{except}],{rest}}}"#)
    };
    let by_digest = |digest: Digest| format!(r#"{{"id":"R-2","kind":"module","content_sha256":"{digest}",{rest}}}"#);
    let (evidence, both) = (evidence(), seal(&approval(), &[31, 34]));
    for (what, entries, expect) in [
        ("nothing", String::new(), "alice"),
        ("her key", by_key(31, ""), "APPROVAL_REVOKED"),
        ("her key, but for this approval", by_key(31, &format!("\"{payload}\"")), "alice"),
        ("her key, but for something else", by_key(31, &format!("\"{}\"", Digest::of(b""))), "APPROVAL_REVOKED"),
        ("another key", by_key(32, ""), "alice"),
        ("the approval", by_digest(payload), "APPROVAL_REVOKED"),
        ("the gate's module", by_digest(Digest::of(b"module")), "alice"),
    ] {
        let revocations = Revocations::of(list(&entries));
        check(what, weigh(&signed(31), &review(&evidence), &approvers(), &revocations, now()), expect);
    }
    let mut more = approvers();
    let erin =
        Approver { keys: vec![(key(34).public().clone(), crate::trust::Window::default())], ..more["alice"].clone() };
    more.insert("erin".to_owned(), erin);
    let revocations = Revocations::of(list(&by_key(31, "")));
    check("hers, erin signed too", weigh(&both, &review(&evidence), &more, &revocations, now()), "erin");
}

#[test]
fn what_was_changed_or_does_not_read_counts_for_nothing() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON");
    let payload = text(approval().to_payload().expect("a payload"));
    let of_payload = |from: &str, to: &str| seal_payload(payload.replace(from, to).into_bytes(), &[31]);
    let other_payload = {
        let mut later = approval();
        later.expires = at("2027-01-01T00:00:00Z");
        let field = |bytes: &[u8]| -> String {
            let value: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
            value["payload"].as_str().expect("a payload").to_owned()
        };
        text(signed(31)).replace(&field(&signed(31)), &field(&seal(&later, &[31])))
    };
    let twice = text(signed(31)).replace("\"payloadType\"", "\"payloadType\": \"x\", \"payloadType\"");
    let other_type = text(signed(31)).replace("approval.v1", "revocations.v1");
    let huge = format!("{}{}", text(signed(31)), " ".repeat(crate::trust::MAX_APPROVAL as usize));
    let gate_twice = of_payload("\"gate\":", "\"gate\":\"agents_api\",\"gate\":");
    assert_eq!(gate_named(&gate_twice), None);
    for (what, bytes, expect) in [
        ("the payload put in the place of another", other_payload.into_bytes(), "APPROVAL_TAMPERED"),
        ("a key twice in the envelope", twice.into_bytes(), "APPROVAL_MALFORMED"),
        ("a key twice in the payload", gate_twice, "APPROVAL_MALFORMED"),
        ("an unknown key in the payload", of_payload("\"id\":", "\"by\":\"x\",\"id\":"), "APPROVAL_MALFORMED"),
        ("a digest that is none", of_payload(&Digest::of(b"audit").to_string(), "00"), "APPROVAL_MALFORMED"),
        ("expires before it is issued", of_payload("2026-01-16", "2026-01-08"), "APPROVAL_MALFORMED"),
        ("another type of document", other_type.into_bytes(), "APPROVAL_MALFORMED"),
        ("a huge document", huge.into_bytes(), "APPROVAL_MALFORMED"),
        ("the bare payload", payload.clone().into_bytes(), "APPROVAL_MALFORMED"),
        ("half of it", signed(31)[..200].to_vec(), "APPROVAL_MALFORMED"),
        ("nothing", Vec::new(), "APPROVAL_MALFORMED"),
    ] {
        check(what, weighed(&bytes), expect);
    }
    let list = sealed(&list(""), &[31]);
    assert_eq!(weighed(&list), Err(Ignored::Malformed(DocumentError::PayloadType(LIST_TYPE.to_owned()))));
}

/// Every bit, so that none is left to luck: what still counts says exactly what it said, signed by the same key.
#[test]
fn no_flipped_bit_makes_another_approval_of_it() {
    let original = signed(31);
    let whole = weighed(&original).expect("it counts");
    let meaning = |bytes: &[u8]| {
        let envelope = Envelope::parse(bytes).expect("what counts reads");
        (envelope.payload_type().to_owned(), envelope.payload().to_owned())
    };
    let (mut counting, (evidence, approvers, none)) = (0, (evidence(), approvers(), Revocations::default()));
    for bit in 0..original.len() * 8 {
        let mut bytes = original.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(found) = weigh(&bytes, &review(&evidence), &approvers, &none, now()) {
            assert_eq!((found, meaning(&bytes)), (whole.clone(), meaning(&original)), "bit {bit}");
            counting += 1;
        }
    }
    // Blanks between members, and the name beside the signature, which decides nothing.
    assert!(counting < original.len() * 8 / 10, "{counting}");
}

#[test]
fn an_unsigned_payload_is_not_believed_even_in_what_it_says_against_itself() {
    let (mut expired, mut other) = (approval(), approval());
    expired.expires = at("2026-01-09T12:00:00Z");
    other.policy = "other".to_owned();
    check("expired", weighed(&seal(&expired, &[40])), "APPROVAL_WRONG_PERSON");
    check("of another pipeline", weighed(&seal(&other, &[40])), "APPROVAL_WRONG_PERSON");
    check("no JSON at all", weighed(&seal_payload(b"\xff".to_vec(), &[40])), "APPROVAL_WRONG_PERSON");
}
