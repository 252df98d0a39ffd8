//! Which lists are believed.

use jiff::SignedDuration;

use super::*;
use crate::{
    digest::Digest,
    trust::{Demand, DocumentError, Floor, Freshness, TrustRoot, check_list, root_document::ROOT_TYPE},
};

fn judged(bytes: &[u8], demand: &Demand, now: &str) -> Result<Freshness, &'static str> {
    check_list(bytes, &trust("", "").root, demand, at(now).0).verdict.map_err(|error| error.code())
}

/// The list whose payload is `text`, signed by enough.
fn raw(text: &str) -> Vec<u8> {
    let mut envelope = Envelope::new(LIST_TYPE, text.as_bytes().to_vec());
    envelope.sign(&key(11));
    envelope.sign(&key(13));
    envelope.to_json().into_bytes()
}

const NOW: &str = "2026-01-10T00:00:00Z";

#[test]
fn a_payload_is_read_strictly() {
    let good = String::from_utf8(list("").to_payload().expect("a list")).expect("text");
    let check = |from: &str, to: &str, expect: &str| {
        let text = good.replacen(from, to, 1);
        assert!(from.is_empty() || text != good, "{from} is not there");
        assert_eq!(
            judged(&raw(&text), &Demand::default(), NOW).err(),
            Some(expect).filter(|code| !code.is_empty()),
            "{text}"
        );
    };
    check("", "", "");
    check("\"epoch\":1", "\"epoch\":1,\"epoch\":1", "duplicate-key");
    check("\"epoch\":1", "\"\\u0065poch\":1,\"epoch\":1", "duplicate-key");
    for number in ["0", "-1", "1.0", "1e0", "9007199254740992", "\"1\"", "null", "01"] {
        check("\"epoch\":1", &format!("\"epoch\":{number}"), "schema");
    }
    check("\"version\":42", "\"version\":42.0", "schema");
    check("\"list_id\":\"l\",", "", "schema");
    check("\"list_id\":\"l\"", "\"list_id\":7", "schema");
    check("revocation-list", "root", "schema");
    check("2026-01-04T00:00:00Z", "2026-01-04T00:00:00+00:00", "schema");
    check("2026-01-04T00:00:00Z", "2026-01-18T00:00:00Z", "schema");
    check("\"root_version\":1", "\"root_version\":2", "root-version");
    check("]}", "]}{}", "schema");
    check("]}", "]} x", "schema");
    check("]}", "],\"extra\":{\"a\":1,\"a\":2}}", "duplicate-key");
    check("[]", "[7]", "schema");
    check("[]", r#"[{"id":"x","kind":"zzz","more":1}]"#, "unknown-kind");
    check("[]", r#"[{"id":"x","kind":"withdrawn"}]"#, "schema");
    check("[]", r#"[{"id":"x","kind":"withdrawn","withdrawn_at":"2026-01-04T00:00:00Z"}]"#, "");
    check("[]", r#"[{"id":"","kind":"withdrawn","withdrawn_at":"2026-01-04T00:00:00Z"}]"#, "schema");
}

#[test]
fn an_entry_is_read_strictly() {
    let good = concat!(
        r#"{"id":"R","kind":"release","publisher":"acme","module":"lint-gate","versions":"<1.2.3","reason":"vulnerable","#,
        r#""severity":"warn","revoked_at":"2026-01-03T00:00:00Z"}"#
    );
    let check = |from: &str, to: &str, expect: Option<&str>| {
        let payload = String::from_utf8(list("").to_payload().expect("a list")).expect("text");
        let text = payload.replace("[]", &format!("[{}]", good.replacen(from, to, 1)));
        assert_eq!(judged(&raw(&text), &Demand::default(), NOW).err(), expect, "{text}");
    };
    check("", "", None);
    check("vulnerable", "because", Some("schema"));
    check("warn", "info", Some("schema"));
    check("<1.2.3", "newest", Some("schema"));
    check("lint-gate", "Lint", Some("schema"));
    check("\"acme\"", "\"аcme\"", Some("schema"));
    check("\"id\":\"R\",", "", Some("schema"));
    check("}", ",\"content_sha256\":null}", Some("schema"));
    check("}", ",\"severity\":\"block\"}", Some("duplicate-key"));
    check("}", &format!("}},{good}"), Some("schema"));
    check("\"kind\":\"release\"", "\"kind\":\"module\"", Some("schema"));
    check("\"kind\":\"release\",", "", Some("schema"));
}

#[test]
fn only_distinct_keys_of_the_role_count() {
    let check = |seeds: &[u8], expect: Result<Freshness, &str>| {
        assert_eq!(judged(&sealed(&list(""), seeds), &Demand::default(), NOW), expect, "{seeds:?}");
    };
    check(&[11, 12], Ok(Freshness::Fresh));
    check(&[13, 12, 11], Ok(Freshness::Fresh));
    check(&[11], Err("threshold"));
    check(&[11, 1, 2, 3], Err("threshold"));
    check(&[], Err("threshold"));
    let mut root = trust("", "").root;
    root.revocation = None;
    let found = check_list(&sealed(&list(""), &[11, 12]), &root, &Demand::default(), now());
    assert_eq!(found.verdict.map_err(|error| error.code()), Err("threshold"));
}

#[test]
fn a_list_below_the_floor_or_of_the_same_number_with_other_bytes_is_refused() {
    let check = |epoch: u64, version: u64, payload: Option<Digest>, expect: Result<Freshness, &str>| {
        let floor = Some(Floor { epoch: whole(epoch), version: whole(version), payload });
        let demand = Demand { floor, ..Demand::default() };
        assert_eq!(judged(&sealed(&list(""), &[11, 12]), &demand, NOW), expect, "{epoch} {version}");
    };
    let own = Digest::of(&list("").to_payload().expect("a list"));
    check(1, 42, None, Ok(Freshness::Fresh));
    check(1, 42, Some(own), Ok(Freshness::Fresh));
    check(1, 42, Some(Digest::of(b"other")), Err("equivocation"));
    check(1, 41, Some(Digest::of(b"other")), Ok(Freshness::Fresh));
    check(1, 43, None, Err("rollback"));
    check(2, 1, None, Err("rollback"));
}

#[test]
fn a_floor_is_read_as_it_is_typed() {
    let digest = Digest::of(b"list");
    let floor = |payload| Floor { epoch: whole(1), version: whole(42), payload };
    assert_eq!(Floor::parse("1:42"), Some(floor(None)));
    assert_eq!(Floor::parse(&format!("1:42:{digest}")), Some(floor(Some(digest))));
    for text in ["", "1", "1:", "0:42", "1:42:", "1:42:ab", "1:42:ab:cd", "1.0:42", " 1:42"] {
        assert_eq!(Floor::parse(text), None, "{text}");
    }
}

#[test]
fn an_entry_that_was_seen_stays_or_is_withdrawn() {
    let entry = r#"{"id":"R","kind":"module","content_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","reason":"policy","severity":"block","revoked_at":"2026-01-03T00:00:00Z"}"#;
    let demand = Demand { seen: vec!["R".to_owned()], ..Demand::default() };
    let check = |list: &List, expect: Result<Freshness, &str>| {
        assert_eq!(judged(&sealed(list, &[11, 12]), &demand, NOW), expect);
    };
    let mut changing = list(entry);
    check(&changing, Ok(Freshness::Fresh));
    assert!(changing.withdraw("R", at("2026-01-04T00:00:00Z")));
    assert!(!changing.withdraw("R", at("2026-01-04T00:00:00Z")) && !changing.withdraw("Q", at("2026-01-04T00:00:00Z")));
    check(&changing, Ok(Freshness::Fresh));
    check(&list(""), Err("rollback"));
}

#[test]
fn a_list_has_its_time() {
    let bytes = sealed(&list(""), &[11, 12]);
    let hours = SignedDuration::from_hours;
    let check = |now: &str, max_age: Option<i64>, grace: i64, expect: Result<Freshness, &str>| {
        let demand = Demand { max_age: max_age.map(hours), offline_grace: hours(grace), ..Demand::default() };
        assert_eq!(judged(&bytes, &demand, now), expect, "{now} {max_age:?} {grace}");
    };
    check("2026-01-03T23:54:59Z", None, 0, Err("not-yet-valid"));
    check("2026-01-03T23:55:00Z", None, 0, Ok(Freshness::Fresh));
    check("2026-01-17T23:59:59Z", None, 0, Ok(Freshness::Fresh));
    check("2026-01-18T00:00:00Z", None, 0, Err("expired"));
    check("2026-01-18T00:00:00Z", None, 1, Ok(Freshness::Stale));
    check("2026-01-18T00:59:59Z", None, 1, Ok(Freshness::Stale));
    check("2026-01-18T01:00:00Z", None, 1, Err("expired"));
    check("2026-01-05T00:00:00Z", Some(24), 0, Ok(Freshness::Fresh));
    check("2026-01-05T00:00:01Z", Some(24), 0, Err("stale"));
    check("2026-01-05T00:00:01Z", Some(24), 1, Ok(Freshness::Stale));
    check("2026-01-05T01:00:00Z", Some(24), 1, Ok(Freshness::Stale));
    check("2026-01-05T01:00:01Z", Some(24), 1, Err("stale"));
    check("2026-01-03T23:56:00Z", Some(1), 0, Ok(Freshness::Fresh));
}

/// A signed root of `version` whose root role is `root` and whose publisher acme has `acme`.
fn root(version: u64, root: &[u8], threshold: u64, acme: &[u8], seeds: &[u8]) -> Vec<u8> {
    sealed_root(&root_payload(version, root, threshold, acme), seeds)
}

fn sealed_root(payload: &str, seeds: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::new(ROOT_TYPE, payload.as_bytes().to_vec());
    for seed in seeds {
        envelope.sign(&key(*seed));
    }
    envelope.to_json().into_bytes()
}

fn root_payload(version: u64, root: &[u8], threshold: u64, acme: &[u8]) -> String {
    let id = |seed: &u8| format!("\"{}\"", key(*seed).public().id());
    let ids = |seeds: &[u8]| seeds.iter().map(id).collect::<Vec<_>>().join(",");
    let keys: std::collections::BTreeSet<u8> = root.iter().chain(acme).copied().collect();
    let keys: Vec<_> = keys
        .iter()
        .map(|seed| format!("{}:\"{}\"", id(seed), crate::digest::hex(key(*seed).public().as_bytes())))
        .collect();
    format!(
        r#"{{"type":"root","version":{version},"epoch":1,"issued":"2026-01-01T00:00:00Z","expires":"2027-01-01T00:00:00Z",
            "keys":{{{}}},"roles":{{"root":{{"keyids":[{}],"threshold":{threshold}}}}},
            "publishers":{{"acme":{{"keyids":[{}],"threshold":1,"modules":["*"],"kinds":["gate"]}}}}}}"#,
        keys.join(","),
        ids(root),
        ids(acme)
    )
}

#[test]
fn a_root_follows_the_one_before_it_with_the_word_of_both() {
    let old = TrustRoot::from_json(&root(1, &[21, 22], 2, &[1], &[21, 22]), now()).expect("a root");
    let check = |bytes: &[u8], now: &str, expect: &str| {
        let found = old.rotate_to(bytes, at(now).0).map_or_else(|error| error.code(), |_| "accepted");
        assert_eq!(found, expect);
    };
    check(&root(2, &[22, 23], 2, &[1], &[21, 22, 23]), NOW, "accepted");
    check(&root(2, &[22, 23], 2, &[1], &[22, 23]), NOW, "threshold");
    check(&root(2, &[22, 23], 2, &[1], &[21, 22]), NOW, "threshold");
    check(&root(3, &[22, 23], 2, &[1], &[21, 22, 23]), NOW, "root-step");
    check(&root(1, &[22, 23], 2, &[1], &[21, 22, 23]), NOW, "root-step");
    check(&root(2, &[22, 23], 2, &[1], &[21, 22, 23]), "2027-01-01T00:00:00Z", "expired");
    check(&root(2, &[22, 23], 2, &[1], &[21, 22, 23]), "2025-12-31T23:54:59Z", "not-yet-valid");
    check(&root(2, &[22, 23], 2, &[22], &[21, 22, 23]), NOW, "schema");
    check(&root(2, &[22, 23], 3, &[1], &[21, 22, 23]), NOW, "threshold");
    check(&sealed(&list(""), &[21, 22]), NOW, "payload-type");
    let newer = root_payload(1, &[21, 22], 2, &[1]).replace("\"epoch\":1", "\"epoch\":2");
    let newer = TrustRoot::from_json(newer.as_bytes(), now()).expect("a root");
    let found = newer.rotate_to(&root(2, &[22, 23], 2, &[1], &[21, 22, 23]), now());
    assert_eq!(found.map_err(|error| error.code()), Err("root-step"));
}

#[test]
fn a_root_that_breaks_a_rule_or_is_signed_by_others_is_refused() {
    let check = |bytes: &[u8], expect: &str| {
        let found = TrustRoot::from_json(bytes, now()).map_or_else(|error| error.code(), |_| "accepted");
        assert_eq!(found, expect, "{}", String::from_utf8_lossy(bytes));
    };
    let good = root(1, &[21, 22], 2, &[1], &[21, 22]);
    check(&good, "accepted");
    check(&root(1, &[21, 22], 2, &[1], &[21, 1]), "threshold");
    check(&root(1, &[21, 21], 2, &[1], &[21, 22]), "threshold");
    check(&root(1, &[21, 22], 2, &[21], &[21, 22]), "schema");
    check(&root(1, &[21, 22], 2, &[], &[21, 22]), "schema");
    check(&sealed(&list(""), &[11, 12]), "payload-type");
    let payload = Envelope::parse(&good).expect("an envelope").payload().to_vec();
    let payload = String::from_utf8(payload).expect("text");
    let (id, other) = (key(1).public().id().to_string(), key(2).public().id().to_string());
    let torsion = format!("{:0<64}", "01");
    let good_key = crate::digest::hex(key(1).public().as_bytes());
    for (from, to, expect) in [
        ("", "", "accepted"),
        ("\"gate\"", "\"gait\"", "unknown-kind"),
        ("\"threshold\":1", "\"threshold\":0", "schema"),
        ("\"threshold\":1", "\"threshold\":2", "schema"),
        ("\"modules\":[\"*\"]", "\"modules\":[\"../*\"]", "schema"),
        ("\"acme\"", "\"Acme\"", "schema"),
        ("\"acme\"", "\"root\":1,\"root\"", "duplicate-key"),
        ("\"type\":\"root\"", "\"type\":\"list\"", "schema"),
        (&id, &other, "schema"),
        (&good_key, &torsion, "schema"),
        (&good_key, "00", "schema"),
        ("\"epoch\":1", "\"epoch\":1,\"epoch\":1", "duplicate-key"),
    ] {
        assert!(from.is_empty() || payload.contains(from), "{from} is not there");
        check(payload.replacen(from, to, 1).as_bytes(), expect);
    }
    assert_eq!(TrustRoot::from_json(b"", now()).map_err(|error| matches!(error, DocumentError::Schema(_))), Err(true));
}
