//! Which decisions rested on what.

use super::*;
use crate::trust::{List, Revocations, Time, Whole};

/// Runs `a` and `b` with two modules, and `c` with one that two keys signed and an approval.
fn three_runs() -> (Place, Ledger) {
    let place = Place::new();
    let mut ledger = place.open();
    let old = module_use(b"old", "acme", "1.1.0", &[1]);
    let new = module_use(b"new", "acme", "1.2.0", &[1, 2]);
    let other = module_use(b"other", "globex", "1.1.0", &[3]);
    let approval = Use {
        role: UseRole::Approval,
        content: Digest::of(b"approval"),
        publisher: Some("alice".to_owned()),
        name: None,
        version: None,
        keys: vec![key_id(9)],
    };
    for (run, gates) in [
        ("a", vec![("one", vec![old.clone()]), ("two", vec![other.clone()])]),
        ("b", vec![("one", vec![new.clone()]), ("two", vec![other])]),
        ("c", vec![("one", vec![new, approval]), ("two", vec![old])]),
    ] {
        let root = Use { role: UseRole::Root, publisher: None, ..module_use(b"root", "", "1.0.0", &[8]) };
        ledger.begin(&RunStart { uses: vec![root], ..start(run, 0) }).expect("begun");
        for (name, uses) in gates {
            ledger.gate(run, GateStep { uses, ..gate(name, run) }).expect("kept");
        }
        if run != "b" {
            ledger.finish(run, &finish(run)).expect("ended");
        }
    }
    (place, ledger)
}

fn told(ledger: &Ledger, query: &Query<'_>) -> Vec<String> {
    let affected = ledger.affected(query).expect("asked");
    let tell = |affected: Affected| {
        let steps: Vec<_> = affected.steps.iter().map(|step| format!("{} {}", step.kind.name(), step.name)).collect();
        format!("{}: {}", affected.run.run, steps.join(", "))
    };
    affected.into_iter().map(tell).collect()
}

#[test]
fn a_module_and_a_key_lead_to_the_runs_that_rested_on_them() {
    let (_place, ledger) = three_runs();
    let content = |bytes: &[u8]| told(&ledger, &Query::Content(Digest::of(bytes)));
    assert_eq!(content(b"old"), ["c: gate two", "a: gate one"]);
    assert_eq!(content(b"new"), ["c: gate one", "b: gate one"]);
    assert_eq!(content(b"approval"), ["c: gate one"]);
    assert_eq!(content(b"nothing"), [""; 0]);
    let key = |seed| told(&ledger, &Query::Key(key_id(seed)));
    assert_eq!(key(1), ["c: gate one, gate two", "b: gate one", "a: gate one"]);
    assert_eq!(key(2), ["c: gate one", "b: gate one"]);
    assert_eq!(key(9), ["c: gate one"]);
    assert_eq!(key(8), ["c: begin begin", "b: begin begin", "a: begin begin"]);
    let affected = ledger.affected(&Query::Key(key_id(9))).expect("asked");
    assert_eq!(affected[0].run.finished.as_ref().map(|finished| finished.decision.as_str()), Some("go"));
    assert_eq!(affected[0].steps[0].outcome.as_deref(), Some("pass"));
    assert_eq!(affected[0].steps[0].rested[0].why, [Why::Key(key_id(9))]);
    assert_eq!(affected[0].steps[0].rested.len(), 1, "the module of that gate is not asked for");
}

/// What a list with that entry leads to.
fn by_list(ledger: &Ledger, entry: &str) -> Vec<String> {
    let (issued, expires) = (Time(time(0)), Time(time(60)));
    let list = List::new("acme", Whole::ONE, Whole::ONE, Whole::ONE, issued, expires);
    let payload = String::from_utf8(list.to_payload().expect("a list")).expect("JSON");
    let entry = format!(r#"[{{"id":"R-1",{entry}}}]"#);
    let list = List::parse(payload.replace("[]", &entry).as_bytes()).expect("a list");
    told(ledger, &Query::Revocations(&Revocations::of(list)))
}

#[test]
fn a_list_leads_to_whatever_its_entries_name() {
    let (_place, ledger) = three_runs();
    let why = r#""reason":"malicious","severity":"block","revoked_at":"2026-01-01T00:00:00Z""#;
    let content = |bytes: &[u8]| Digest::of(bytes);
    let release = |publisher: &str, module: &str, versions: &str| {
        format!(r#""kind":"release","publisher":"{publisher}","module":"{module}","versions":"{versions}",{why}"#)
    };
    for (entry, expect) in [
        (
            format!(r#""kind":"module","content_sha256":"{}",{why}"#, content(b"old")),
            &["c: gate two", "a: gate one"][..],
        ),
        (format!(r#""kind":"module","content_sha256":"{}",{why}"#, content(b"approval")), &["c: gate one"]),
        (
            format!(r#""kind":"key","key_sha256":"{}",{why}"#, key_id(1)),
            &["c: gate one, gate two", "b: gate one", "a: gate one"],
        ),
        (
            format!(
                r#""kind":"key","key_sha256":"{}","except_content_sha256":["{}"],{why}"#,
                key_id(1),
                content(b"new")
            ),
            &["c: gate two", "a: gate one"],
        ),
        (release("acme", "lint", "<1.2.0"), &["c: gate two", "a: gate one"]),
        (release("acme", "lint", ">=1.0.0, <2.0.0"), &["c: gate one, gate two", "b: gate one", "a: gate one"]),
        (release("globex", "lint", "*"), &["b: gate two", "a: gate two"]),
        (release("acme", "other", "*"), &[]),
        (r#""kind":"withdrawn","withdrawn_at":"2026-01-01T00:00:00Z""#.to_owned(), &[]),
    ] {
        assert_eq!(by_list(&ledger, &entry), expect, "{entry}");
    }
}

#[test]
fn a_module_without_a_release_may_be_any_release_of_its_publisher() {
    let place = Place::new();
    let mut ledger = place.open();
    ledger.begin(&start("a", 0)).expect("begun");
    let nameless = |name: Option<&str>, version: Option<&str>| Use {
        name: name.map(str::to_owned),
        version: version.map(str::to_owned),
        ..module_use(b"m", "acme", "1.0.0", &[1])
    };
    for (name, used) in [
        ("no-name", nameless(None, Some("1.0.0"))),
        ("no-version", nameless(Some("lint"), None)),
        ("no-semver", nameless(Some("lint"), Some("one"))),
        ("newer", nameless(Some("lint"), Some("2.0.0"))),
        ("elsewhere", Use { publisher: Some("globex".to_owned()), ..nameless(None, None) }),
    ] {
        ledger.gate("a", GateStep { uses: vec![used], ..gate(name, "a") }).expect("kept");
    }
    let why = r#""reason":"vulnerable","severity":"warn","revoked_at":"2026-01-01T00:00:00Z""#;
    let entry = format!(r#""kind":"release","publisher":"acme","module":"lint","versions":"<1.5.0",{why}"#);
    assert_eq!(by_list(&ledger, &entry), ["a: gate no-name, gate no-version, gate no-semver"]);
}

#[test]
fn what_decisions_rested_on_outlasts_pruning() {
    let (_place, mut ledger) = three_runs();
    let query = Query::Key(key_id(1));
    let before = told(&ledger, &query);
    let which = Prune { keep: Some(0), ..Prune::default() };
    assert_eq!(ledger.prune(&which, time(9), false).expect("pruned").runs, ["a", "c"]);
    assert_eq!(told(&ledger, &query), before);
}

#[test]
fn what_was_changed_is_not_gone_by() {
    let (place, ledger) = three_runs();
    drop(ledger);
    place.meddle(
        "UPDATE parts SET bytes = x'5b5d' WHERE blob = (SELECT blob FROM keeps WHERE entry = 2 AND role = 'uses')",
    );
    let error = place.open().affected(&Query::Key(key_id(1))).expect_err("changed");
    assert_eq!(error.code(), "ledger-broken-chain");
}
