//! The same bytes of every output, whatever the number of calls at once.

use super::{MODULE, NOW, classified, dir, names, scan, statuses};
use crate::harness::{Dir, Ended};

/// Files of every kind that there is, and more of them than calls at once in any order would happen to sort.
fn mixed() -> Dir {
    let dir = dir();
    for number in 0..320 {
        let name = format!("flows/{}/{number:03}-{}.aether", number % 7, ["B", "a", "é"][number % 3]);
        let text = match number % 8 {
            0 => format!(": broken {number}\nfoo{number}(1)\n"),
            1 => format!("goal: x\n\nfoo{number}(1)\nmemory: bar(2)\n"),
            2 => "store((1)\r\n".to_owned(),
            3 => "x".repeat(3_000),
            _ => format!("goal: {number}\nmemory: store({number})\n"),
        };
        let bytes = if number % 16 == 5 { [text.as_bytes(), b"\xff\n"].concat() } else { text.into_bytes() };
        dir.write(name, bytes);
    }
    dir
}

const OUTPUTS: [&str; 6] = ["text", "classification", "markdown", "baseline", "sarif", "status"];

/// Scans with so many jobs, and gives every output.
fn outputs(dir: &Dir, jobs: usize, more: &[&str]) -> (Ended, Vec<Vec<u8>>) {
    let asked: Vec<String> = OUTPUTS.iter().map(|form| format!("--output={form}=out/{jobs}.{form}")).collect();
    let jobs = jobs.to_string();
    let mut arguments = vec!["--jobs", &jobs, "--input-limit", "2KiB", "--emit-error-code"];
    arguments.extend(asked.iter().map(String::as_str).chain(more.iter().copied()));
    let ended = scan(dir, &arguments).run();
    ended.exits(1);
    let written = OUTPUTS.iter().map(|form| dir.read(format!("out/{jobs}.{form}"))).collect();
    (ended, written)
}

#[test]
fn every_output_has_the_same_bytes_whatever_the_number_of_jobs() {
    let dir = mixed();
    dir.write("out/keep", "");
    let (first, expected) = outputs(&dir, 1, &[]);
    assert!(expected.iter().all(|bytes| bytes.len() > 200), "each says something");
    for jobs in 2..=8 {
        let (ended, written) = outputs(&dir, jobs, &[]);
        for ((form, written), expected) in OUTPUTS.iter().zip(&written).zip(&expected) {
            assert!(written == expected, "{form} with {jobs} jobs");
        }
        assert_eq!((&ended.stdout, &ended.stderr), (&first.stdout, &first.stderr), "{jobs} jobs");
    }
}

#[test]
fn suppressions_and_a_baseline_change_nothing_about_that() {
    let dir = mixed();
    dir.write("out/keep", "");
    scan(&dir, &["--output", "baseline=main.json"]).run().exits(1);
    dir.write("flows/new.aether", "fresh(1)\n");
    let classification = classified(&dir, &[]);
    let entries = names(&classification, "flows/1/008-é.aether", "v1");
    let entries: Vec<String> =
        entries.iter().map(|name| format!("{name}  # old owner=@ann expires=2026-01-20\n")).collect();
    assert_eq!(entries.len(), 2);
    dir.write("s.txt", entries.concat() + "0000000000000000  # for nothing\n");
    let more = ["--suppressions", "s.txt", "--baseline", "main.json", "--fail-on", "new"];
    let (first, expected) = outputs(&dir, 1, &more);
    first.says("suppression-unused").says("suppression-expiring").says("1 new");
    for jobs in [2, 3, 8] {
        let (ended, written) = outputs(&dir, jobs, &more);
        assert!(written == expected && ended.stderr == first.stderr, "{jobs} jobs");
    }
}

#[test]
fn files_come_in_the_order_of_the_bytes_of_their_paths_each_once() {
    let dir = mixed();
    dir.write("flows/readme.md", ": x");
    let paths = |ended: &Ended| -> Vec<String> {
        ended.json_lines().iter().map(|line| line["file"].as_str().expect("a path").to_owned()).collect()
    };
    let all = paths(scan(&dir, &["--status-json"]).run().exits(1));
    assert_eq!(all.len(), 320);
    assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]));
    let again = ["flows/0", "./flows", "flows/0/000-B.aether", "./flows/0/000-B.aether", "--status-json"];
    assert_eq!(paths(scan(&dir, &again).run().exits(1)), all, "named twice, looked at once");
    for (more, expect) in
        [(&["--limit", "1"][..], &all[..1]), (&["--limit", "7"], &all[..7]), (&["--limit", "9999"], &all[..])]
    {
        assert_eq!(paths(scan(&dir, &[more, &["--status-json"]].concat()).run().exits(1)), expect);
    }
    let kept: Vec<String> = all.iter().filter(|path| path.contains("/3/") && !path.contains("-a")).cloned().collect();
    let chosen = ["--include", "3/*.aether", "--include", "*.md", "--exclude", "**/*-a.*", "--exclude", "*.md"];
    assert_eq!(paths(scan(&dir, &[&chosen[..], &["--status-json"]].concat()).run().exits(1)), kept);
}

#[test]
fn folders_that_tools_keep_are_passed_over_and_what_git_ignores_is_not() {
    let dir = dir();
    for folder in [".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "build", "dist", "a/build"] {
        dir.write(format!("flows/{folder}/no.aether"), ": x");
    }
    for file in ["ignored", "target/a", ".hidden/b", "builds/c", "a/dist"] {
        dir.write(format!("flows/{file}.aether"), "");
    }
    dir.write("flows/.gitignore", "ignored.aether\ntarget\n");
    let found = statuses(scan(&dir, &["--status-json"]).run().exits(0));
    let paths: Vec<&str> = found.iter().filter_map(|status| status.split(' ').next()).collect();
    let expect = [".hidden/b", "a/dist", "builds/c", "ignored", "target/a"].map(|name| format!("flows/{name}.aether"));
    assert_eq!(paths, expect);
    // Whoever names such a folder means it.
    let named = dir.portcullis(&["scan", MODULE, "flows/build", "--unverified", "--now", NOW]).run();
    named.exits(1).says("flows/build/no.aether:1");
}
