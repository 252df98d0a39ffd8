//! `migrate`: what changes, that nothing else does, and that a second time nothing does.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::harness::{Dir, Ended};

const OLD: &str = "intent: tidy up  \n\n\n\n\nmemory: store(1)\t\ngoal: \"kept\"";
const NEW: &str = "goal: \"tidy up\"\n\n\nmemory: store(1)\ngoal: \"kept\"";

fn migrate(dir: &Dir, arguments: &[&str]) -> Ended {
    dir.portcullis(&[&["migrate"], arguments].concat()).run()
}

fn flows(files: &[(&str, &[u8])]) -> Dir {
    let dir = Dir::new();
    for (name, bytes) in files {
        dir.write(format!("flows/{name}"), bytes);
    }
    dir
}

#[test]
fn a_dry_run_shows_what_would_change_and_writes_nothing() {
    let dir = flows(&[("a.aether", OLD.as_bytes()), ("b.aether", NEW.as_bytes()), ("c.txt", OLD.as_bytes())]);
    let before = dir.path("flows/a.aether").metadata().expect("there").mtime_nsec();
    let ended = migrate(&dir, &["flows", "--dry-run"]);
    let expect = "--- flows/a.aether\n+++ flows/a.aether\n@@ -1,7 +1,5 @@\n-intent: tidy up  \n+goal: \"tidy up\"\n \n \n-\n-\n\
                  -memory: store(1)\t\n+memory: store(1)\n goal: \"kept\"\n\\ No newline at end of file\n";
    assert_eq!(ended.exits(0).stdout, expect);
    assert!(ended.stderr.contains("2 files: 1 would change, 1 unchanged"), "{ended}");
    assert_eq!(dir.text("flows/a.aether"), OLD);
    assert_eq!(dir.path("flows/a.aether").metadata().expect("there").mtime_nsec(), before);
    assert!(!dir.has("migration_report.md"));
    // The diff is one that other tools apply, to what `--apply` writes.
    dir.write("change.diff", &ended.stdout);
    let patched = dir.other("git", &["apply", "--unsafe-paths", "-p0", "change.diff"]).run();
    patched.exits(0);
    assert_eq!(dir.text("flows/a.aether"), NEW);
}

#[test]
fn what_is_applied_once_is_not_changed_again() {
    let dir = flows(&[("a.aether", OLD.as_bytes()), ("sub/b.aether", OLD.as_bytes()), ("c.aether", b"x: y\n")]);
    migrate(&dir, &["flows", "--apply"]).exits(0).says("3 files: 2 changed, 1 unchanged");
    assert_eq!((dir.text("flows/a.aether"), dir.text("flows/sub/b.aether")), (NEW.to_owned(), NEW.to_owned()));
    let report = dir.text("migration_report.md");
    assert!(report.contains("| flows/a.aether | 1 | 1 | 2 | 2 | changed |"), "{report}");
    assert!(report.contains("| flows/c.aether | 0 | 0 | 0 | 0 | unchanged |"), "{report}");
    let inode = |name: &str| dir.path(name).metadata().expect("there").ino();
    let before = inode("flows/a.aether");
    migrate(&dir, &["flows", "--apply"]).exits(0).says("3 files: 3 unchanged");
    assert_eq!(inode("flows/a.aether"), before, "it was not written again");
    assert_eq!(migrate(&dir, &["flows", "--dry-run"]).exits(0).stdout, "");
}

#[test]
fn line_endings_a_missing_last_newline_and_permissions_stay() {
    for (old, new) in [
        ("intent: a\r\n\r\n\r\n\r\nx: y  \r\n", "goal: \"a\"\r\n\r\n\r\nx: y\r\n"),
        ("intent: a\r\nx: y  \ngoal: b", "goal: \"a\"\r\nx: y\ngoal: \"b\""),
        ("\u{feff}intent: a\n", "\u{feff}goal: \"a\"\n"),
        ("intent: say \"hi\"\n", "goal: \"say \\\"hi\\\"\"\n"),
        ("", ""),
        ("\n\n\n\n", "\n\n"),
        ("x: intent: y\n# intent: z\n", "x: intent: y\n# intent: z\n"),
    ] {
        let dir = flows(&[("a.aether", old.as_bytes())]);
        for mode in [0o600, 0o644, 0o775] {
            dir.write("flows/a.aether", old);
            let path = dir.path("flows/a.aether");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            migrate(&dir, &["flows/a.aether", "--apply"]).exits(0);
            assert_eq!(dir.text("flows/a.aether"), new, "{old:?}");
            assert_eq!(path.metadata().expect("there").mode() & 0o7777, mode, "{old:?}");
        }
        assert!(!dir.has("migration_report.md"), "one file has none");
    }
}

#[test]
fn links_are_neither_followed_nor_replaced_and_what_is_no_text_is_left_alone() {
    let dir = flows(&[
        ("a.aether", OLD.as_bytes()),
        ("latin.aether", b"intent: \xe4\n"),
        ("build/no.aether", OLD.as_bytes()),
    ]);
    dir.write("elsewhere.aether", OLD);
    symlink("../elsewhere.aether", dir.path("flows/link.aether")).expect("a link");
    symlink("..", dir.path("flows/loop")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path("flows/pipe.aether"), rustix::fs::Mode::RUSR).expect("a pipe");
    let ended = migrate(&dir, &["flows", "flows/link.aether", "--apply", "--report", "r.md"]);
    ended.exits(1).refuses_with("not-utf-8").refuses_with("not-a-file").says("`flows/link.aether` is left alone");
    ended.says("4 files: 1 changed, 1 skipped, 2 failed");
    assert_eq!((dir.text("flows/a.aether"), dir.text("elsewhere.aether")), (NEW.to_owned(), OLD.to_owned()));
    assert!(dir.path("flows/link.aether").is_symlink());
    assert_eq!(
        (dir.read("flows/latin.aether"), dir.text("flows/build/no.aether")),
        (b"intent: \xe4\n".to_vec(), OLD.to_owned())
    );
    let report = dir.text("r.md");
    assert!(report.contains("is not UTF-8 at byte 8") && report.contains("skipped: it is a link"), "{report}");
}

#[test]
fn what_could_not_be_meant_changes_nothing() {
    let dir = flows(&[("a.aether", OLD.as_bytes()), ("b.aether", OLD.as_bytes())]);
    let wrong: [&[&str]; 8] = [
        &["flows"],
        &["flows", "--apply", "--dry-run"],
        &["--apply"],
        &["flows", "gone", "--apply"],
        &["flows", "--apply", "--include", "*.md"],
        &["flows", "--apply", "--include", "[a"],
        &["flows", "--apply", "--report", "flows/a.aether"],
        &["flows/a.aether", "flows/b.aether", "--apply", "--report", "./flows/../flows/b.aether"],
    ];
    for arguments in wrong {
        migrate(&dir, arguments).exits(2);
        assert_eq!((dir.text("flows/a.aether"), dir.text("flows/b.aether")), (OLD.to_owned(), OLD.to_owned()));
    }
    assert!(!dir.has("migration_report.md"));
}

#[test]
fn hostile_names_and_texts_reach_no_terminal_as_commands() {
    let dir = flows(&[("\u{1b}[31m\n::error::x.aether", "intent: \u{1b}[2J\u{202e}\n::add-mask::x  \n".as_bytes())]);
    let ended = migrate(&dir, &["flows", "--dry-run"]);
    ended.exits(0).says("\\u{1b}[2J\\u{202e}");
    assert!(!ended.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{ended}");
    migrate(&dir, &["flows", "--apply", "--report", "r.md"]).exits(0).says("1 intent renamed");
    assert!(!dir.text("r.md").contains('\u{1b}'));
}
