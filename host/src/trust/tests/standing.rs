//! What revocation does to a module, and what not knowing does.

use super::*;
use crate::{
    digest::Digest,
    trust::{DocumentError, Freshness, KeyId, RevocationRules, Revocations, Source, TrustRoot},
};

fn digest(version: &str) -> Digest {
    Digest::of(&module("lint-gate", version)[8..])
}

fn id(seed: u8) -> KeyId {
    key(seed).public().id()
}

fn entry(id: &str, severity: &str, what: &str) -> String {
    format!(
        r#"{{"id":"{id}",{what},"reason":"malicious","severity":"{severity}","revoked_at":"2026-01-02T00:00:00Z"}}"#
    )
}

fn content(version: &str) -> String {
    format!(r#""kind":"module","content_sha256":"{}""#, digest(version))
}

fn key_entry(seed: u8, except: &[Digest]) -> String {
    let except = serde_json::to_string(except).expect("digests");
    format!(r#""kind":"key","key_sha256":"{}","except_content_sha256":{except}"#, id(seed))
}

fn release(publisher: &str, versions: &str) -> String {
    format!(r#""kind":"release","publisher":"{publisher}","module":"lint-gate","versions":"{versions}""#)
}

fn check(acme: &str, entries: &[String], seeds: &[u8], expect: &str) {
    let trust = trust(acme, "");
    let bytes = signed(&module("lint-gate", "1.2.2"), seeds);
    let standing = assess(&trust, &entries.join(","));
    assert_eq!(code(verify(&bytes, &trust, &standing)), expect, "{acme} {entries:?} {seeds:?}");
}

#[test]
fn a_revoked_content_does_not_run_whoever_signs_it_and_however() {
    let entries = [entry("R", "block", &content("1.2.2"))];
    check("", &entries, &[1], "revoked-module");
    check("", &entries, &[3], "revoked-module");
    check("", &entries, &[1, 2, 3, 9], "revoked-module");
    check("", &[entry("R", "block", &content("1.2.3"))], &[1], "accepted");
}

#[test]
fn a_revoked_key_counts_for_nothing_but_the_contents_listed() {
    let revoked = entry("R", "block", &key_entry(1, &[]));
    let excepted = entry("R", "block", &key_entry(1, &[digest("1.2.2")]));
    check("", std::slice::from_ref(&revoked), &[1], "revoked-key");
    check("", std::slice::from_ref(&revoked), &[1, 2], "accepted");
    check("threshold = 2", std::slice::from_ref(&revoked), &[1, 2], "revoked-key");
    check("threshold = 2", std::slice::from_ref(&revoked), &[1], "threshold");
    check("", &[revoked], &[1, 3], "accepted");
    check("", std::slice::from_ref(&excepted), &[1], "accepted");
    check("", &[excepted, entry("S", "block", &key_entry(1, &[]))], &[1], "revoked-key");
}

#[test]
fn a_revoked_release_is_known_by_its_signed_name_and_version() {
    check("", &[entry("R", "block", &release("acme", "<1.2.3"))], &[1], "revoked-release");
    check("", &[entry("R", "block", &release("acme", "<1.2.2"))], &[1], "accepted");
    check("", &[entry("R", "block", &release("beta", "*"))], &[1], "accepted");
    check("", &[entry("R", "block", &release("beta", "*"))], &[1, 3], "revoked-release");
    check("", &[entry("R", "block", &release("acme", "<1.2.3"))], &[1, 3], "revoked-release");
    check("", &[entry("R", "warn", &release("acme", "<1.2.3"))], &[1], "accepted");
    let trust = trust("", "");
    let nameless = signed(&bare(&[("a", "b")]), &[1]);
    let with = |entries: &str| code(verify(&nameless, &trust, &assess(&trust, entries)));
    assert_eq!(with(&entry("R", "warn", &release("acme", "=9.9.9"))), "revoked-release");
    assert_eq!(with(&entry("R", "block", &release("beta", "=9.9.9"))), "metadata-missing");
}

#[test]
fn a_revocation_that_warns_lets_the_module_run_with_a_finding() {
    let entries = [
        entry("M", "warn", &content("1.2.2")),
        entry("K", "warn", &key_entry(1, &[])),
        entry("L", "warn", &key_entry(2, &[])),
        entry("R", "warn", &release("acme", "<1.2.3")),
    ];
    let trust = trust("", "");
    let standing = assess(&trust, &entries.join(","));
    let verified = verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing).expect("it warns");
    let found: Vec<_> = verified.warnings().iter().map(|warning| (warning.id(), warning.code())).collect();
    assert_eq!(found, [("M", "revoked-module"), ("R", "revoked-release"), ("K", "revoked-key")]);
}

const RULES: &str = "[revocations]\nlist = \"l.json\"\n";

fn standing(rules: &str, material: &Material<'_>, now: &str) -> Standing {
    let trust = trust("", rules);
    Standing::assess(&trust.root, &trust.revocations, material, at(now).0)
}

#[test]
fn without_the_list_that_is_demanded_nothing_runs_and_the_code_is_its_own() {
    let trust = trust("", RULES);
    let standing = Standing::assess(&trust.root, &trust.revocations, &Material::default(), now());
    assert_eq!(standing.freshness(), Freshness::Unknown);
    assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing)), "missing");
    assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.2"), &[9]), &trust, &standing)), "untrusted-key");
    let optional = super::trust("", &format!("{RULES}required = false\n"));
    let standing = Standing::assess(&optional.root, &optional.revocations, &Material::default(), now());
    assert_eq!((standing.problem(), standing.freshness()), (None, Freshness::Unknown));
    assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &optional, &standing)), "accepted");
}

#[test]
fn what_an_expired_list_revokes_stays_revoked_and_the_rest_is_not_known() {
    let trust = trust("", RULES);
    let bytes = sealed(&list(&entry("R", "block", &content("1.2.2"))), &[11, 12]);
    let material = Material { list: Some(&bytes), ..Material::default() };
    let late = at("2026-02-01T00:00:00Z").0;
    let standing = Standing::assess(&trust.root, &trust.revocations, &material, late);
    let judge = |version| code(verify(&signed(&module("lint-gate", version), &[1]), &trust, &standing));
    assert_eq!((judge("1.2.2"), judge("1.2.3")), ("revoked-module", "expired"));
    assert_eq!((standing.freshness(), standing.next_state(now())), (Freshness::Unknown, None));
    assert_eq!(standing.list().map(|facts| facts.version), Some(whole(42)));
}

#[test]
fn what_was_seen_is_remembered_and_an_older_list_is_not_taken_again() {
    let (mut old, new) = (list(""), list(""));
    old.version = whole(41);
    let (old, new) = (sealed(&old, &[11, 12]), sealed(&new, &[11, 12]));
    let first = standing(RULES, &Material { list: Some(&new), ..Material::default() }, "2026-01-10T00:00:00Z");
    let state = first.next_state(now()).expect("it was taken").to_json();
    let check = |list: &[u8], state: &[u8], rules: &str, now: &str, expect: Option<&str>| {
        let found = standing(rules, &Material { list: Some(list), state: Some(state), ..Material::default() }, now);
        assert_eq!(found.problem().map(|problem| problem.code()), expect);
        assert_eq!(found.next_state(at(now).0).is_some(), expect.is_none() && now != "2026-01-10T00:00:00Z");
    };
    check(&new, &state, RULES, "2026-01-10T00:00:00Z", None);
    check(&new, &state, RULES, "2026-01-10T01:00:00Z", None);
    check(&old, &state, RULES, "2026-01-10T00:00:00Z", Some("rollback"));
    check(&new, &state, RULES, "2026-01-09T00:00:00Z", Some("clock-behind"));
    check(&new, b"", RULES, "2026-01-10T00:00:00Z", Some("state-malformed"));
    check(&new, &state[..20], RULES, "2026-01-10T00:00:00Z", Some("state-malformed"));
    let mut other = list("");
    other.list_id = "other".to_owned();
    check(&sealed(&other, &[11, 12]), &state, RULES, "2026-01-10T00:00:00Z", Some("equivocation"));
    other.version = whole(43);
    let other = sealed(&other, &[11, 12]);
    check(&other, &state, RULES, "2026-01-10T01:00:00Z", Some("equivocation"));
    check(&other, &state, &format!("{RULES}list_id = \"other\"\n"), "2026-01-10T01:00:00Z", None);
    check(&new, &state, &format!("{RULES}list_id = \"other\"\n"), "2026-01-10T01:00:00Z", Some("equivocation"));
    let least = format!("{RULES}min_version = {{ epoch = 1, version = 43 }}\n");
    check(&new, &state, &least, "2026-01-10T00:00:00Z", Some("rollback"));
    let equal = format!("{RULES}min_version = {{ epoch = 1, version = 42 }}\n");
    let mut other = list(&entry("R", "warn", &content("1.2.2")));
    other.version = whole(42);
    check(&sealed(&other, &[11, 12]), &state, &equal, "2026-01-10T00:00:00Z", Some("equivocation"));
}

#[test]
fn a_list_that_only_adds_needs_one_key_of_the_role_and_never_expires() {
    let trust = trust("", RULES);
    let main = sealed(&list(""), &[11, 12]);
    let check = |emergency: Vec<u8>, now: &str, expect: &str| {
        let material = Material { list: Some(&main), emergency: &[emergency], ..Material::default() };
        let standing = Standing::assess(&trust.root, &trust.revocations, &material, at(now).0);
        assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing)), expect);
    };
    let mut extra = list(&entry("E", "block", &content("1.2.2")));
    check(sealed(&extra, &[12]), "2026-01-10T00:00:00Z", "revoked-module");
    check(sealed(&extra, &[1]), "2026-01-10T00:00:00Z", "threshold");
    check(b"{}".to_vec(), "2026-01-10T00:00:00Z", "schema");
    extra.expires = at("2026-01-05T00:00:00Z");
    extra.version = whole(1);
    check(sealed(&extra, &[12]), "2026-01-10T00:00:00Z", "revoked-module");
    extra.root_version = whole(2);
    check(sealed(&extra, &[12]), "2026-01-10T00:00:00Z", "root-version");
}

#[test]
fn what_an_emergency_list_revoked_is_asked_for_until_the_signed_list_takes_it_up() {
    let trust = trust("", "[revocations]\nemergency = [\"e.json\"]\n");
    let one = |id: &str, version: &str| sealed(&list(&entry(id, "block", &content(version))), &[12]);
    let assess = |main: Option<&[u8]>, emergency: &[Vec<u8>], state: Option<&[u8]>| {
        Standing::assess(&trust.root, &trust.revocations, &Material { list: main, state, deny: None, emergency }, now())
    };
    let first = assess(None, &[one("E", "1.2.2")], None);
    let state = first.next_state(now()).expect("it was seen").to_json();
    let check = |main: &str, emergency: &[Vec<u8>], expect: Option<&str>| {
        let main = (!main.is_empty()).then(|| sealed(&list(main), &[11, 12]));
        let found = assess(main.as_deref(), emergency, Some(&state));
        assert_eq!(found.problem().map(DocumentError::code), expect, "{main:?}");
    };
    let withdrawn = r#"{"id":"E","kind":"withdrawn","withdrawn_at":"2026-01-03T00:00:00Z"}"#;
    check("", &[one("E", "1.2.2")], None);
    check("", &[one("F", "1.2.2"), one("E", "1.2.2")], None);
    check("", &[], Some("rollback"));
    check("", &[one("F", "1.2.2")], Some("rollback"));
    check("", &[one("E", "9.9.9")], Some("rollback"));
    check("", &[sealed(&list(withdrawn), &[12])], Some("rollback"));
    check(withdrawn, &[], None);
    check(&entry("E", "block", &content("1.2.2")), &[], None);
    check(&entry("R", "block", &content("1.2.2")), &[], Some("rollback"));
}

#[test]
fn a_list_that_was_seen_and_is_gone_refuses_even_where_none_is_demanded() {
    let rules = format!("{RULES}required = false\n");
    let bytes = sealed(&list(""), &[11, 12]);
    let seen = standing(&rules, &Material { list: Some(&bytes), ..Material::default() }, "2026-01-10T00:00:00Z");
    let state = seen.next_state(now()).expect("it was taken").to_json();
    let gone = standing(&rules, &Material { state: Some(&state), ..Material::default() }, "2026-01-10T00:00:00Z");
    assert_eq!(gone.problem().map(DocumentError::code), Some("missing"));
    let never = standing(&rules, &Material::default(), "2026-01-10T00:00:00Z");
    assert_eq!((never.problem(), never.next_state(now()), never.names_list()), (None, None, true));
    let unnamed = standing("", &Material { state: Some(&state), ..Material::default() }, "2026-01-10T00:00:00Z");
    assert_eq!((unnamed.problem(), unnamed.names_list()), (None, false));
}

#[test]
fn a_signed_root_is_not_replaced_by_an_older_one_or_by_another_of_its_number() {
    let rules = RevocationRules::default();
    let root = |version: u64, epoch: u64, expires: &str| {
        let mut meant =
            trust("", "[role.root]\nkeys = [\"ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"]").root;
        meant.epoch = whole(epoch);
        let payload = meant.to_payload(whole(version), at("2026-01-01T00:00:00Z"), at(expires)).expect("a root");
        TrustRoot::from_json(&payload, now()).expect("a root")
    };
    let assess = |root: &TrustRoot, state: Option<&[u8]>| {
        Standing::assess(root, &rules, &Material { state, ..Material::default() }, now())
    };
    let seen = root(2, 1, "2027-01-01T00:00:00Z");
    let state = assess(&seen, None).next_state(now()).expect("it was seen").to_json();
    let check = |root: &TrustRoot, expect: Option<&str>| {
        assert_eq!(assess(root, Some(&state)).problem().map(DocumentError::code), expect);
    };
    check(&seen, None);
    check(&root(3, 1, "2027-01-01T00:00:00Z"), None);
    check(&root(1, 2, "2027-01-01T00:00:00Z"), None);
    check(&root(1, 1, "2027-01-01T00:00:00Z"), Some("rollback"));
    check(&root(2, 1, "2028-01-01T00:00:00Z"), Some("equivocation"));
    check(&trust("", "").root, None);
}

#[test]
fn only_the_full_threshold_withdraws_and_only_what_came_before() {
    let trust = trust("", RULES);
    let judge = |withdrawn_at: &str, seeds: &[u8]| {
        let record = format!(r#"{{"id":"E","kind":"withdrawn","withdrawn_at":"{withdrawn_at}"}}"#);
        let main = sealed(&list(&record), seeds);
        let extra = sealed(&list(&entry("E", "block", &content("1.2.2"))), &[12]);
        let material = Material { list: Some(&main), emergency: &[extra], ..Material::default() };
        let standing = Standing::assess(&trust.root, &trust.revocations, &material, now());
        code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing))
    };
    assert_eq!(judge("2026-01-03T00:00:00Z", &[11, 12]), "accepted");
    assert_eq!(judge("2026-01-01T00:00:00Z", &[11, 12]), "revoked-module");
    assert_eq!(judge("2026-01-03T00:00:00Z", &[11]), "revoked-module");
    // An emergency list cannot withdraw what the list revokes.
    let record = r#"{"id":"R","kind":"withdrawn","withdrawn_at":"2026-01-09T00:00:00Z"}"#;
    let main = sealed(&list(&entry("R", "block", &content("1.2.2"))), &[11, 12]);
    let extra = sealed(&list(record), &[12]);
    let material = Material { list: Some(&main), emergency: &[extra], ..Material::default() };
    let standing = Standing::assess(&trust.root, &trust.revocations, &material, now());
    assert_eq!(code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing)), "revoked-module");
}

#[test]
fn the_local_deny_list_only_adds_and_has_to_read() {
    let trust = trust("", "");
    let judge = |deny: &[u8]| {
        let material = Material { deny: Some(deny), ..Material::default() };
        let standing = Standing::assess(&trust.root, &trust.revocations, &material, now());
        assert!(standing.revocations().all().iter().all(|revocation| revocation.source == Source::Local));
        code(verify(&signed(&module("lint-gate", "1.2.2"), &[1]), &trust, &standing))
    };
    assert_eq!(judge(b"# nothing\n"), "accepted");
    assert_eq!(judge(format!("module {}\n", digest("1.2.2")).as_bytes()), "revoked-module");
    assert_eq!(judge(format!("key {}\n", id(1)).as_bytes()), "revoked-key");
    assert_eq!(judge(b"release acme lint-gate <2"), "revoked-release");
    assert_eq!(judge(b"allow everything"), "deny-malformed");
    assert_eq!(judge(b"\xff"), "deny-malformed");
}

#[test]
fn asking_costs_the_same_however_long_the_list_is() {
    let mut long = list("");
    for index in 0..10_000u32 {
        let what = format!(r#""kind":"module","content_sha256":"{}""#, Digest::of(&index.to_le_bytes()));
        long.entries.push(serde_json::from_str(&entry(&index.to_string(), "block", &what)).expect("an entry"));
    }
    let revocations = Revocations::of(long);
    assert_eq!(revocations.of_module(&Digest::of(&9_999u32.to_le_bytes())).count(), 1);
    assert_eq!(revocations.of_module(&digest("1.2.2")).count(), 0);
}
