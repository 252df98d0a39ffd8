use jiff::civil::Date;
use portcullis_sdk::Finding;
use proptest::prelude::*;

use super::*;
use crate::findings::{Classification, Found};

const ONE: &str = "a1b2c3d4e5f67890";
const OTHER: &str = "deadbeefcafe1234";

fn date(text: &str) -> Date {
    day_of(text).expect("a day")
}

fn entry(fingerprint: &str, reason: &str, owner: Option<&str>, expires: Option<&str>) -> Entry {
    let fingerprint = fingerprint.parse().expect("a fingerprint");
    Entry { fingerprint, reason: reason.into(), owner: owner.map(str::to_owned), expires: expires.map(date), line: 1 }
}

fn read(text: &str) -> Suppressions {
    Suppressions::parse(text.as_bytes()).expect(text)
}

fn problems(bytes: &[u8]) -> Vec<String> {
    let found = Suppressions::parse(bytes).expect_err("problems");
    found.iter().map(|problem| problem.diagnostic("s.txt").to_string()).collect()
}

#[test]
fn a_line_says_what_passes_why_whose_it_is_and_until_when() {
    for (line, expect) in [
        (format!("{ONE}  # deprecated goal syntax"), entry(ONE, "deprecated goal syntax", None, None)),
        (format!("{ONE} awaiting plugin migration"), entry(ONE, "awaiting plugin migration", None, None)),
        (ONE.to_owned(), entry(ONE, "", None, None)),
        (format!("\t{ONE}\t#"), entry(ONE, "", None, None)),
        (
            format!("{ONE}  # see #12, a=b owner=@ann expires=2026-01-10\r"),
            entry(ONE, "see #12, a=b", Some("ann"), Some("2026-01-10")),
        ),
        (
            format!("{ONE} expires=2026-01-10 first owner=@team/core.a"),
            entry(ONE, "first", Some("team/core.a"), Some("2026-01-10")),
        ),
        (ONE.to_uppercase(), entry(ONE, "", None, None)),
    ] {
        assert_eq!(read(&line).entries(), [expect], "{line}");
        assert_eq!(read(&format!("\u{feff}{line}\n")).entries().len(), 1, "{line}");
    }
}

#[test]
fn comments_and_blank_lines_say_nothing() {
    let text = format!("# {OTHER}\n\n   \t\n  # {OTHER} owner=ann\r\n{ONE}\n");
    assert_eq!(read(&text).entries(), [Entry { line: 5, ..entry(ONE, "", None, None) }]);
    assert!(read("").entries().is_empty());
}

#[test]
fn every_problem_is_told_at_once_with_its_line() {
    let text = format!(
        "a1b2\n{ONE} owner=ann\n{ONE} expires=2026-02-30\n# fine\n{ONE} a owner=@ann owner=@bob\n{OTHER}\n{OTHER} again\n\
         {ONE} expire=2026-01-10\n{ONE} expires = 2026-01-10\n{ONE} Owner=@ann\n{ONE} owner=@\n{ONE} expires=20260110\n"
    );
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"\xff\n0123456789abcdef # ends in exp expires=2026-0");
    let expect = [
        "[suppression-fingerprint] `a1b2` is no fingerprint: it is 16 hex digits (s.txt:1)",
        "[suppression-owner] `owner=ann` names no owner: it is written owner=@name (s.txt:2)",
        "[suppression-expiry] `expires=2026-02-30` names no day: it is written expires=YYYY-MM-DD (s.txt:3)",
        "[suppression-repeated] `owner=` stands twice in the line (s.txt:5)",
        "[suppression-twice] deadbeefcafe1234 is suppressed in line 6 already (s.txt:7)",
        "[suppression-misspelt] `expire=2026-01-10` counts for nothing: it is written expires=YYYY-MM-DD (s.txt:8)",
        "[suppression-misspelt] `expires` counts for nothing: it is written expires=YYYY-MM-DD (s.txt:9)",
        "[suppression-misspelt] `Owner=@ann` counts for nothing: it is written owner=@name (s.txt:10)",
        "[suppression-owner] `owner=@` names no owner: it is written owner=@name (s.txt:11)",
        "[suppression-expiry] `expires=20260110` names no day: it is written expires=YYYY-MM-DD (s.txt:12)",
        "[suppression-not-utf8] the line is not UTF-8 (s.txt:13)",
        "[suppression-expiry] `expires=2026-0` names no day: it is written expires=YYYY-MM-DD (s.txt:14)",
    ];
    assert_eq!(problems(&bytes), expect);
    let found = Suppressions::parse(&bytes).expect_err("problems");
    let helped: Vec<bool> = found.iter().map(|problem| problem.diagnostic("s.txt").help.is_some()).collect();
    assert_eq!(helped.iter().filter(|helped| **helped).count(), 1);
    assert_eq!(helped.last(), Some(&true), "the file ends within its last line");
}

#[test]
fn a_file_of_something_else_is_told_of_a_hundred_times_and_no_more() {
    assert_eq!(problems("something else\n".repeat(1_000).as_bytes()).len(), 100);
    let many: String = (0..=100_000).map(|number| format!("{number:016x}\n")).collect();
    assert_eq!(
        problems(many.as_bytes()),
        ["[suppressions-too-many] there are more than 100000 entries (s.txt:100001)"]
    );
    let told = problems(b"\x1b[2J\xe2\x80\xae x");
    assert_eq!(
        told,
        ["[suppression-fingerprint] `\\u{1b}[2J\\u{202e}` is no fingerprint: it is 16 hex digits (s.txt:1)"]
    );
}

fn found(code: &str, v1: &str, v2: &str) -> Found {
    let name = |text: &str| text.parse().expect("a fingerprint");
    let fingerprints = Fingerprints { v1: name(v1), v2: name(v2) };
    Found { finding: Finding::error(code, "m"), fingerprints, state: None, suppressed: None }
}

const NEITHER: &str = "0000000000000000";
const TODAY: &str = "2026-01-10";

#[test]
fn a_finding_passes_by_either_name_until_the_last_day_is_over() {
    let check = |text: &str, one: Found, expect: Option<&str>| {
        let mut found = [one];
        read(text).apply(&mut found, date(TODAY), &mut Used::default());
        let reason = found[0].suppressed.as_ref().map(|suppressed| suppressed.reason.as_str());
        assert_eq!(reason, expect, "{text}");
    };
    let parse = || found("PARSE_ERROR", ONE, OTHER);
    check(&format!("{ONE} # by v1"), parse(), Some("by v1"));
    check(&format!("{OTHER} # by v2"), parse(), Some("by v2"));
    check(&format!("{NEITHER} # another"), parse(), None);
    check("", parse(), None);
    check(&format!("{ONE} # today expires={TODAY}"), parse(), Some("today"));
    check(&format!("{ONE} # over expires=2026-01-09"), parse(), None);
    check(&format!("{ONE} # over expires=2026-01-09\n{OTHER} # holds"), parse(), Some("holds"));
    check(&format!("{ONE} # no\n{OTHER} # no"), found("INTERNAL_ERROR", ONE, OTHER), None);
    let mut numbered = found("crash", ONE, OTHER);
    numbered.finding.number = Some(27);
    check(&format!("{ONE} # no"), numbered, None);
}

#[test]
fn what_passes_says_why_whose_it_is_and_until_when() {
    let mut found = [found("PARSE_ERROR", ONE, OTHER)];
    let text = format!("{ONE} # why owner=@ann expires=2026-02-01");
    read(&text).apply(&mut found, date(TODAY), &mut Used::default());
    let json = serde_json::to_string(&found[0].suppressed).expect("JSON");
    assert_eq!(json, r#"{"reason":"why","owner":"ann","expires":"2026-02-01"}"#);
}

#[test]
fn what_has_to_be_told_of_entries_names_their_owners() {
    let text = format!(
        "{ONE} # over owner=@ann expires=2026-01-09\n{OTHER} # near owner=@bob expires=2026-01-24\n\
         1111111111111111 # near, unused owner=@cid expires=2026-01-11\n2222222222222222 # today expires={TODAY}\n\
         3333333333333333 # far owner=@dan expires=2026-01-25\n4444444444444444 # over, unused expires=2025-01-01\n"
    );
    let read = read(&text);
    let mut used = Used::default();
    let mut files = vec![
        vec![found("PARSE_ERROR", ONE, NEITHER), found("PARSE_ERROR", NEITHER, OTHER)],
        vec![found("PARSE_ERROR", ONE, "2222222222222222"), found("PARSE_ERROR", "3333333333333333", NEITHER)],
        vec![found("INTERNAL_ERROR", "1111111111111111", NEITHER)],
    ];
    for file in &mut files {
        let mut one = Used::default();
        read.apply(file, date(TODAY), &mut one);
        used = used.merge(&one);
    }
    let told: Vec<String> =
        read.notices(&used, date(TODAY), WARNED).iter().map(|told| told.diagnostic("s.txt").to_string()).collect();
    let expect = [
        "[suppression-expired] the suppression a1b2c3d4e5f67890 of @ann expired after 2026-01-09: 2 findings decide again (s.txt:1)",
        "[suppression-expiring] the suppression deadbeefcafe1234 of @bob holds until 2026-01-24: 14 days left (s.txt:2)",
        "[suppression-unused] the suppression 1111111111111111 of @cid names nothing that was found (s.txt:3)",
        "[suppression-expiring] the suppression 2222222222222222, which names no owner, holds until today, 2026-01-10 (s.txt:4)",
        "[suppression-expired] the suppression 4444444444444444, which names no owner, expired after 2025-01-01 (s.txt:6)",
    ];
    assert_eq!(told, expect);
    let due: Vec<&str> = read.due(date(TODAY), 0).iter().map(Notice::code).collect();
    assert_eq!(due, ["suppression-expired", "suppression-expiring", "suppression-expired"]);
}

#[test]
fn adding_keeps_all_that_is_there() {
    let new = entry(OTHER, "why not", Some("ann"), Some("2026-02-01"));
    let line = format!("{OTHER}  # why not owner=@ann expires=2026-02-01");
    for (before, expect) in [
        (String::new(), format!("{line}\n")),
        (format!("# a\n\n  {ONE} b  # c\n# d\n"), format!("# a\n\n  {ONE} b  # c\n# d\n{line}\n")),
        (format!("# a\r\n{ONE}"), format!("# a\r\n{ONE}\r\n{line}\r\n")),
        ("# a".to_owned(), format!("# a\n{line}\n")),
    ] {
        let after = add(before.as_bytes(), &new).expect("added");
        assert_eq!(String::from_utf8(after).expect("text"), expect);
    }
    assert_eq!(add(format!("\n{OTHER}").as_bytes(), &new), Err(AddError::Present(2)));
    assert!(matches!(add(b"x", &new), Err(AddError::Unreadable(_))));
    for reason in ["two\nlines", "owner=@bob", "expires=soon", "a  b", "\u{202e}a", "expire=2026-01-01"] {
        assert_eq!(add(b"", &entry(OTHER, reason, None, None)), Err(AddError::Unwritable), "{reason:?}");
    }
    assert!(read(HEAD).entries().is_empty());
}

#[test]
fn lines_are_taken_out_and_the_rest_stays_as_it_is() {
    let text = format!("# a\r\n{ONE}\r\n\r\n{OTHER} # b\nend");
    let taken = |lines: &[usize]| String::from_utf8(without(text.as_bytes(), lines)).expect("text");
    assert_eq!(taken(&[2]), format!("# a\r\n\r\n{OTHER} # b\nend"));
    assert_eq!(taken(&[1, 3, 4]), format!("{ONE}\r\nend"));
    assert_eq!(taken(&[]), text);
    assert_eq!(taken(&[9]), text);
}

fn scan() -> Classification {
    let named = |code: &str, severity: &str, v1: &str, suppressed: bool| serde_json::json!({"code": code, "severity": severity, "line": 7, "v1": v1, "v2": NEITHER, "suppressed": suppressed});
    let file = |path: &str, found: Vec<serde_json::Value>| {
        serde_json::json!({"path": path, "ok": false, "error": "no\ngood \u{1b}[2J", "code": 20, "code_name": "PARSE_ERROR",
            "line": 7, "fingerprint": ONE, "suppressed": false, "fingerprints": found})
    };
    let old = serde_json::json!({"path": "old", "ok": false, "code": 25, "code_name": "VALIDATION_ERROR", "line": 3,
        "fingerprint": "5555555555555555"});
    let files = [
        file("a\n1111111111111111", vec![named("PARSE_ERROR", "error", ONE, false), named("X", "error", OTHER, false)]),
        file("b", vec![named("PARSE_ERROR", "error", ONE, false), named("X", "error", OTHER, true)]),
        file("c", vec![named("INTERNAL_ERROR", "error", "3333333333333333", false)]),
        file("d", vec![named("legacy", "note", "4444444444444444", false)]),
        old,
    ];
    let scan = serde_json::json!({"workflows": files,
        "summary": {"total": 5, "failed": 5, "timestamp": "2026-01-10T00:00:00Z"}});
    Classification::read(scan.to_string().as_bytes()).expect("a scan")
}

#[test]
fn a_template_proposes_the_most_frequent_and_suppresses_nothing() {
    let frequent = most_frequent(&scan(), 10);
    let counts: Vec<_> = frequent.iter().map(|one| (one.fingerprint.to_string(), one.count)).collect();
    let expect = [(ONE, 2), ("5555555555555555", 1), (OTHER, 1)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(counts, expect);
    assert_eq!(most_frequent(&scan(), 1).len(), 1);
    let text = template(&frequent);
    let golden = "# The most frequent findings that nothing lets pass. To let one pass, take the `# ` off its line,\n\
        # say why, whose it is and until when.\n\
        \n# 2 times: PARSE_ERROR, such as a\\u{a}1111111111111111:7\n#   no\\u{a}good \\u{1b}[2J\n\
        # a1b2c3d4e5f67890  # WHY owner=@ expires=YYYY-MM-DD\n\
        \n# 1 time: VALIDATION_ERROR, such as old:3\n# 5555555555555555  # WHY owner=@ expires=YYYY-MM-DD\n\
        \n# 1 time: X, such as a\\u{a}1111111111111111:7\n# deadbeefcafe1234  # WHY owner=@ expires=YYYY-MM-DD\n";
    assert_eq!(text, golden);
    assert!(read(&text).entries().is_empty(), "as it is, it suppresses nothing");
    let bared = text.replace(&format!("# {ONE}"), ONE);
    assert_eq!(problems(bared.as_bytes()).len(), 1, "nor where nobody has filled it in");
    assert!(template(&[]).ends_with("# 0 findings\n"));
}

prop_compose! {
    fn any_entry()(
        name: [u8; 8],
        words in prop::collection::vec("[a-zäß#.,!-]{1,12}", 0..5),
        owner in prop::option::of("[a-z0-9][a-z0-9./_@-]{0,20}"),
        days in prop::option::of(0..40_000_i64),
    ) -> Entry {
        let expires = days.map(|days| jiff::civil::date(2000, 1, 1) + jiff::SignedDuration::from_hours(24 * days));
        Entry { fingerprint: Fingerprint(name), reason: words.join(" "), owner, expires, line: 1 }
    }
}

proptest! {
    #[test]
    fn what_is_added_reads_back_in_its_order(entries in prop::collection::vec(any_entry(), 0..20)) {
        let mut bytes = HEAD.as_bytes().to_vec();
        let mut added: Vec<Entry> = Vec::new();
        for entry in entries {
            match add(&bytes, &entry) {
                Ok(changed) => {
                    prop_assert!(changed.starts_with(&bytes));
                    bytes = changed;
                    added.push(entry);
                }
                Err(error) => {
                    let is_present = added.iter().any(|other| other.fingerprint == entry.fingerprint);
                    prop_assert!(is_present, "{error}: {entry}");
                }
            }
        }
        let read = Suppressions::parse(&bytes).expect("reads back");
        let found: Vec<Entry> = read.entries().iter().map(|entry| Entry { line: 1, ..entry.clone() }).collect();
        prop_assert_eq!(&found, &added);
        let lines: Vec<usize> = read.entries().iter().map(|entry| entry.line).collect();
        prop_assert_eq!(without(&bytes, &lines), HEAD.as_bytes());
    }

    #[test]
    fn no_bytes_make_reading_panic_and_problems_come_in_order(bytes: Vec<u8>) {
        if let Err(problems) = Suppressions::parse(&bytes) {
            prop_assert!(problems.is_sorted_by_key(|problem| problem.line));
        }
    }

    #[test]
    fn no_line_makes_reading_panic(line in "[0-9a-f]{16}[ \t]#?[ a-z=@0-9#\u{0}-\u{20}é-]{0,60}") {
        let _ = Suppressions::parse(line.as_bytes());
    }
}
