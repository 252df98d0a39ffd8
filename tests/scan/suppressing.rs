//! `suppress add`, `list`, `prune` and `template`: what people do to a file of suppressions.

use serde_json::json;

use super::{NOW, classified, names, scan, with_flows};
use crate::harness::{Dir, Ended};

const FILE: &str = ".portcullis/suppressions.txt";
const ONE: &str = "a1b2c3d4e5f67890";

fn suppress(dir: &Dir, arguments: &[&str]) -> Ended {
    let clock: &[&str] = if arguments[0] == "template" { &[] } else { &["--now", NOW] };
    dir.portcullis(&[&["suppress"], arguments, clock].concat()).run()
}

#[test]
fn what_is_added_lets_the_finding_pass_and_is_listed() {
    let dir = with_flows(&[("a", "foo(1)\n")]);
    let name = &names(&classified(&dir, &[]), "flows/a.aether", "v2")[0];
    let reason = ["--reason", "waits for\n the plugin, see #12", "--owner", "@ann", "--expires", "2026-01-20"];
    suppress(&dir, &[&["add", name][..], &reason].concat()).exits(0).says(name);
    let line = format!("{name}  # waits for the plugin, see #12 owner=@ann expires=2026-01-20");
    assert_eq!(dir.text(FILE).lines().last(), Some(line.as_str()));
    scan(&dir, &["--suppressions", FILE]).run().exits(0).says("10 days left");
    suppress(&dir, &["add", ONE, "--reason", "later", "--owner", "bob", "--expires", "2026-01-10"]).exits(0);
    suppress(&dir, &["add", "deadbeefcafe1234", "--reason", "for ever"]).exits(0);
    let listed = suppress(&dir, &["list"]);
    listed.exits(0).says("@ann").says("10 days left").says("last day").says("holds until today");
    let told = suppress(&dir, &["list", "--json"]).exits(0).json();
    let member = |name: &str| told.as_array().expect("a list").iter().map(|it| it[name].clone()).collect::<Vec<_>>();
    assert_eq!(member("owner"), [json!("ann"), json!("bob"), json!(null)]);
    assert_eq!(member("state"), ["expiring", "expiring", "holds"]);
    assert_eq!(member("daysLeft"), [json!(10), json!(0), json!(null)]);
    let later = dir.portcullis(&["suppress", "list", "--json", "--now", "2026-01-11T00:00:00Z"]).run();
    assert_eq!(later.exits(0).json()[1]["state"], "expired");
    assert!(later.stderr.contains("@bob expired after 2026-01-10"), "{later}");
}

#[test]
fn what_could_not_be_meant_is_not_added() {
    let dir = with_flows(&[]);
    suppress(&dir, &["add", ONE, "--reason", "first"]).exits(0);
    let before = dir.text(FILE);
    for (arguments, status) in [
        (&["add", ONE, "--reason", "again"][..], 2),
        (&["add", "deadbeefcafe1234", "--reason", "  "], 2),
        (&["add", "deadbeefcafe1234"], 2),
        (&["add", "deadbeef", "--reason", "r"], 2),
        (&["add", "deadbeefcafe123g", "--reason", "r"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "owner=@eve"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "r expires=2027-01-01"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "\u{1b}[2J"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "r", "--owner", "a b"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "r", "--expires", "2026-01-09"], 2),
        (&["add", "deadbeefcafe1234", "--reason", "r", "--expires", "01/02/2027"], 2),
    ] {
        suppress(&dir, arguments).exits(status);
        assert_eq!(dir.text(FILE), before, "{arguments:?}");
    }
}

#[test]
fn what_people_wrote_around_entries_stays_as_it_is() {
    let dir = with_flows(&[("a", "foo(1)\n")]);
    let name = &names(&classified(&dir, &[]), "flows/a.aether", "v1")[0];
    let written = format!(
        "# ours\r\n\r\n{name}  # in use\r\n  # between\r\n{ONE} unused\r\ndeadbeefcafe1234  # over expires=2026-01-09\r\n# end"
    );
    dir.write("s.txt", &written);
    let added = suppress(&dir, &["add", "0123456789abcdef", "--reason", "new", "--file", "s.txt"]);
    added.exits(0);
    assert_eq!(dir.text("s.txt"), format!("{written}\r\n0123456789abcdef  # new\r\n"));
    dir.write("s.txt", &written);
    let mode = std::os::unix::fs::PermissionsExt::mode(&dir.path("s.txt").metadata().expect("there").permissions());
    scan(&dir, &["--output", "classification=c.json"]).run().exits(1);
    let prune = |more: &[&str]| suppress(&dir, &[&["prune", "--file", "s.txt"], more].concat());
    prune(&["--scan", "c.json", "--expired", "--dry-run"]).exits(0).says("2 of 3 entries would go").says(ONE);
    assert_eq!(dir.text("s.txt"), written);
    prune(&["--expired"]).exits(0).says("1 of 3 entries gone").says("deadbeefcafe1234");
    prune(&["--scan", "c.json"]).exits(0).says("1 of 2 entries gone");
    assert_eq!(dir.text("s.txt"), format!("# ours\r\n\r\n{name}  # in use\r\n  # between\r\n# end"));
    let after = std::os::unix::fs::PermissionsExt::mode(&dir.path("s.txt").metadata().expect("there").permissions());
    assert_eq!(after & 0o777, mode & 0o777);
    prune(&["--scan", "c.json", "--expired"]).exits(0).says("0 of 1 entry gone");
    prune(&[]).exits(2);
}

#[test]
fn nothing_is_pruned_by_a_scan_that_does_not_say_all_that_it_found() {
    let dir = with_flows(&[("a", "foo(1)\n")]);
    dir.write("s.txt", format!("{ONE}\n"));
    scan(&dir, &["--output", "classification=c.json"]).run().exits(1);
    let whole = dir.text("c.json");
    let older = whole.replace("\"fingerprints\"", "\"others\"");
    for (text, code) in [
        (older.as_str(), "scan-unnamed"),
        ("", "scan-unreadable"),
        (&whole[..whole.len() / 2], "scan-unreadable"),
        ("{}", "scan-unreadable"),
        ("[]", "scan-unreadable"),
    ] {
        dir.write("c.json", text);
        let ended = suppress(&dir, &["prune", "--file", "s.txt", "--scan", "c.json"]);
        ended.exits(2).refuses_with(code);
        assert_eq!(dir.text("s.txt"), format!("{ONE}\n"));
    }
    suppress(&dir, &["prune", "--file", "s.txt", "--scan", "gone.json"]).exits(2).refuses_with("file-missing");
    suppress(&dir, &["list", "--file", "gone.txt"]).exits(2).refuses_with("file-missing");
    // Where nobody named a file, none lets nothing pass.
    assert_eq!(suppress(&dir, &["list", "--json"]).exits(0).json(), json!([]));
}

#[test]
fn a_template_proposes_the_most_frequent_and_holds_nothing_until_it_is_filled_in() {
    let dir = with_flows(&[("a", "foo(1)\n"), ("b", "foo(1)\nbar(1)\n"), ("c", "foo(1)\n"), ("d", ":\n")]);
    dir.write("flows/e.aether", "x".repeat(3_000));
    scan(&dir, &["--input-limit", "2KiB", "--output", "classification=c.json"]).run().exits(1);
    let template = suppress(&dir, &["template", "--scan", "c.json"]).exits(0).stdout.clone();
    let foo = &names(&dir.json("c.json"), "flows/a.aether", "v1")[0];
    let first = template.lines().find(|line| line.contains(" WHY ")).expect("an entry");
    assert_eq!(first, format!("# {foo}  # WHY owner=@ expires=YYYY-MM-DD"));
    assert!(template.contains("# 3 times: VALIDATION_ERROR, such as flows/a.aether:1"), "{template}");
    dir.write("s.txt", &template);
    let found = scan(&dir, &["--suppressions", "s.txt", "--output", "classification"]).run().exits(1).json();
    assert_eq!(found["summary"]["suppressed_failures"], 0);
    // With the `# ` alone taken away it is no entry yet; filled in, it is.
    let bare = template.replace(first, &first[2..]);
    dir.write("s.txt", &bare);
    scan(&dir, &["--suppressions", "s.txt"]).run().exits(2).refuses_with("suppression-owner");
    dir.write("s.txt", bare.replace("WHY owner=@ expires=YYYY-MM-DD", "it waits owner=@ann expires=2027-01-01"));
    let found = scan(&dir, &["--suppressions", "s.txt", "--output", "classification"]).run().exits(1).json();
    assert_eq!(found["summary"]["suppressed_failures"], 2, "both files in which nothing else is wrong");
    let one = suppress(&dir, &["template", "--scan", "c.json", "--top", "1"]).exits(0).stdout.clone();
    assert_eq!(one.matches(" WHY ").count(), 1);
}

#[test]
fn of_many_that_are_added_at_once_none_is_lost() {
    let dir = with_flows(&[]);
    let names: Vec<String> = (0..12).map(|number| format!("{number:016x}")).collect();
    for file in [None, Some("s.txt")] {
        let file_flag: Vec<&str> = file.iter().flat_map(|file| ["--file", *file]).collect();
        let add = |name: &str| {
            let reason = ["suppress", "add", name, "--reason", "r", "--now", NOW];
            dir.portcullis(&[&reason[..], &file_flag].concat()).start()
        };
        let running: Vec<_> = names.iter().map(|name| add(name)).collect();
        for running in running {
            running.wait().exits(0);
        }
        let listed = suppress(&dir, &[&["list", "--json"][..], &file_flag].concat()).exits(0).json();
        let mut listed: Vec<_> =
            listed.as_array().expect("a list").iter().filter_map(|entry| entry["fingerprint"].as_str()).collect();
        listed.sort_unstable();
        assert_eq!(listed, names);
    }
    // While some are added, others go.
    let prune = ["suppress", "prune", "--file", "s.txt", "--expired", "--now", "2026-02-01T00:00:00Z"];
    dir.write("s.txt", format!("{ONE}  # over expires=2026-01-20\n"));
    let add = |name: &str| {
        dir.portcullis(&["suppress", "add", name, "--reason", "r", "--file", "s.txt", "--now", NOW]).start()
    };
    let mut running: Vec<_> = names.iter().map(|name| add(name)).collect();
    running.insert(6, dir.portcullis(&prune).start());
    for running in running {
        running.wait().exits(0);
    }
    let left = dir.text("s.txt");
    assert!(!left.contains(ONE) && names.iter().all(|name| left.contains(name.as_str())), "{left}");
    let around = dir.path("").read_dir().expect("listed").map(|entry| entry.expect("listed").file_name());
    let locks: Vec<_> = around.filter(|name| name.to_string_lossy().ends_with(".lock")).collect();
    assert!(locks.is_empty(), "{locks:?}");
}
