//! Files that are hard to read, or not to be read at all: each costs its own result, and no other.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, symlink},
    time::Duration,
};

use rustix::{
    fs::{CWD, Mode, mkfifoat},
    process::geteuid,
};

use super::{MODULE, comes_to, dir, raw, scan, scan_by, statuses};
use crate::{
    harness::Dir,
    interrupts::{send, wait_until_it_works},
};

const FOO: &str = "VALIDATION_ERROR parse 1 unknown function 'foo'";
const FINE: &str = "SUCCESS parse -";

/// A folder with a good file and a bad one, between which others can stand.
fn around() -> Dir {
    let dir = dir();
    dir.write("flows/a.aether", "goal: x\n");
    dir.write("flows/z.aether", "foo(1)\n");
    dir
}

#[test]
fn a_pipe_a_socket_and_a_file_that_nobody_may_read_are_told_and_waited_for_by_nobody() {
    let dir = around();
    mkfifoat(CWD, dir.path("flows/pipe.aether"), Mode::RUSR | Mode::WUSR).expect("a pipe");
    let socket = dir.path("flows/socket.aether");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let not_a_file =
        |name: &str| format!("IO_ERROR read - evidence-missing: `flows/{name}.aether` is not a regular file");
    let ended = scan(&dir, &["--status-json"]).within(Duration::from_secs(60)).run();
    let found = statuses(ended.exits(1));
    assert_eq!(found[1], format!("flows/pipe.aether {}", not_a_file("pipe")));
    assert!(found[2].starts_with("flows/socket.aether IO_ERROR read - "), "{ended}");
    assert_eq!((found.len(), &found[3]), (4, &format!("flows/z.aether {FOO}")));
    fs::remove_file(socket).expect("removed");
    fs::remove_file(dir.path("flows/pipe.aether")).expect("removed");
    if geteuid().is_root() {
        return; // Nothing is unreadable to root.
    }
    for (name, folder) in [("flows/m.aether", false), ("flows/n", true)] {
        if folder {
            dir.write("flows/n/n.aether", "");
        } else {
            dir.write(name, "");
        }
        fs::set_permissions(dir.path(name), fs::Permissions::from_mode(0o000)).expect("set");
        let found = statuses(scan(&dir, &["--status-json"]).run().exits(1));
        assert!(found.iter().any(|told| told.starts_with(&format!("{name} IO_ERROR read - "))), "{found:?}");
        assert_eq!(found.last(), Some(&format!("flows/z.aether {FOO}")));
        fs::set_permissions(dir.path(name), fs::Permissions::from_mode(0o755)).expect("set");
    }
}

#[test]
fn links_are_not_followed_so_that_no_loop_is_walked_and_no_file_is_seen_twice() {
    let dir = around();
    dir.write("elsewhere/b.aether", ": x\n");
    dir.write("flows/sub/b.aether", "");
    for (to, link) in
        [("..", "flows/sub/loop"), (".", "flows/self"), ("../elsewhere", "flows/out"), ("loop2", "flows/loop2")]
    {
        symlink(to, dir.path(link)).expect("a link");
    }
    for (to, link) in
        [("a.aether", "linked"), ("gone", "dangling"), ("../elsewhere/b.aether", "outside"), ("/dev/zero", "zero")]
    {
        symlink(to, dir.path(format!("flows/{link}.aether"))).expect("a link");
    }
    let ended = scan(&dir, &["--status-json"]).run();
    comes_to(ended.exits(1), &[("a.aether", FINE), ("sub/b.aether", FINE), ("z.aether", FOO)]);
    // Whoever names a link means what it leads to.
    scan(&dir, &["flows/outside.aether"]).run().exits(1).says("flows/outside.aether:1");
    scan(&dir, &["flows/dangling.aether"]).run().exits(2).refuses_with("files-unlistable");
    scan(&dir, &["flows/zero.aether", "--status-json"])
        .run()
        .exits(1)
        .says("`flows/zero.aether` is not a regular file");
}

#[test]
fn a_file_over_the_limit_costs_its_own_result_and_the_limit_is_told() {
    let dir = around();
    File::create(dir.path("flows/g.aether")).and_then(|file| file.set_len(1 << 30)).expect("a file of holes");
    dir.write("flows/h.aether", "x".repeat(5_000));
    let ended = scan(&dir, &["--status-json"]).run();
    let too_large = "IO_ERROR read - evidence-missing: `flows/g.aether` is larger than 67108864 bytes";
    comes_to(ended.exits(1), &[("a.aether", FINE), ("g.aether", too_large), ("h.aether", FINE), ("z.aether", FOO)]);
    let found = statuses(scan(&dir, &["--input-limit", "4KiB", "--status-json"]).run().exits(1));
    assert!(found[1].ends_with("larger than 4096 bytes") && found[2].ends_with("larger than 4096 bytes"), "{found:?}");
    // What fits as a file and not as a request, in which it is longer, is over the limit as well.
    dir.write("flows/h.aether", "\u{1}".repeat(4_000));
    let found = statuses(scan(&dir, &["--input-limit", "4KiB", "--status-json"]).run().exits(1));
    assert!(found[2].starts_with("flows/h.aether IO_ERROR read - input-limit: "), "{found:?}");
    scan(&dir, &["--input-limit", "1GiB"]).run().exits(2).refuses_with("over-ceiling");
}

#[test]
fn bytes_that_are_no_text_are_told_by_their_place_and_the_rest_is_read() {
    let dir = around();
    let utf_16: Vec<u8> = "\u{feff}foo(1)\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes) in [
        ("b", &b"goal: x\nmemory: \xe4\nx: y\n"[..]),
        ("c", b"\xff\nfoo(1)\n"),
        ("d", b"goal: x\r\n: \xc3\x28\r\n"),
        ("e", &utf_16),
        ("f", b"goal: x\nfoo\xf0\x9f\x98"),
    ] {
        dir.write(format!("flows/{name}.aether"), bytes);
    }
    let ended = scan(&dir, &["--status-json"]).run();
    comes_to(
        ended.exits(1),
        &[
            ("a.aether", FINE),
            ("b.aether", "IO_ERROR parse 2 the file is not UTF-8 at byte 16"),
            ("c.aether", "VALIDATION_ERROR parse 2 unknown function 'foo'"),
            ("d.aether", "PARSE_ERROR parse 2 Parse error (assignment) line 2: : \u{fffd}("),
            ("e.aether", "IO_ERROR parse 1 the file is not UTF-8 at byte 0"),
            ("f.aether", "IO_ERROR parse 2 the file is not UTF-8 at byte 11"),
            ("z.aether", FOO),
        ],
    );
    // That is told also where another finding gives the status.
    let log = scan(&dir, &["--output", "sarif"]).run().json();
    let results = log["runs"][0]["results"].as_array().expect("results").iter();
    let of_c =
        results.filter(|it| it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "flows/c.aether");
    let rules: Vec<_> = of_c.map(|result| result["ruleId"].clone()).collect();
    assert_eq!(rules, ["IO_ERROR", "VALIDATION_ERROR"]);
}

#[test]
fn a_line_of_ten_mebibytes_is_read_like_any_other() {
    let dir = around();
    let long = "x".repeat(10 << 20);
    dir.write("flows/free.aether", format!("{long}\nfoo(1)\n"));
    dir.write("flows/goal.aether", format!("goal: {long}\r\n"));
    dir.write("flows/nul.aether", "\0".repeat(1 << 20));
    let ended = scan(&dir, &["--status-json"]).run();
    let second = "VALIDATION_ERROR parse 2 unknown function 'foo'";
    comes_to(
        ended.exits(1),
        &[("a.aether", FINE), ("free.aether", second), ("goal.aether", FINE), ("nul.aether", FINE), ("z.aether", FOO)],
    );
}

#[test]
fn names_that_are_hostile_or_no_text_are_looked_at_and_shown_harmlessly() {
    let dir = around();
    let names: [&[u8]; 8] = [
        b"\x1b[31mred\x1b]0;x\x07",
        b"a\nerror: b",
        b"\xff\xfe",
        "\u{202e}olleh".as_bytes(),
        b"::error::x",
        b"%0A%s{0}",
        b"q'\"|<b>`",
        b"  ",
    ];
    for name in names {
        fs::write(raw(&dir, &[b"flows/", name, b".aether"].concat()), "foo(1)\n").expect("written");
    }
    for form in ["text", "classification", "markdown", "baseline", "sarif", "status"] {
        // The harness looks for what a terminal obeys, in JSON as well.
        let ended = scan(&dir, &["--output", form]).env("GITHUB_ACTIONS", "true").run();
        ended.exits(1);
        assert!(!ended.stdout.lines().any(|line| line.trim_start().starts_with("::")), "{ended}");
    }
    let told = scan(&dir, &["--status-json"]).run();
    let paths: Vec<_> = told.json_lines().iter().map(|line| line["file"].as_str().expect("text").to_owned()).collect();
    assert_eq!(paths.len(), 10);
    for name in ["\u{1b}[31mred\u{1b}]0;x\u{7}", "a\nerror: b", "\u{fffd}\u{fffd}", "\u{202e}olleh"] {
        assert!(paths.contains(&format!("flows/{name}.aether")), "{name:?}\n{told}");
    }
    assert!(told.json_lines().iter().all(|line| line["code"] == 25 || line["file"] == "flows/a.aether"), "{told}");
    dir.write("-dash.aether", "foo(1)\n");
    let dashed = ["scan", MODULE, "--trust", "trust.toml", "--", "-dash.aether"];
    dir.portcullis(&dashed).run().exits(1).says("-dash.aether:1");
}

#[test]
fn a_file_that_vanishes_while_others_are_looked_at_is_told() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", include_str!("../guests/moody.wat"));
    // Whether it goes in time depends on the machine, so more time is given until it did.
    for time in ["1s", "2s", "4s", "8s", "16s", "32s"] {
        dir.write("flows/a.aether", "spin");
        dir.write("flows/b.aether", "pass");
        dir.write("flows/c.aether", "pass");
        let more = ["--jobs", "1", "--fuel", "1T", "--time", time, "--status-json"];
        let running = scan_by(&dir, "moody.wasm", &more).start();
        wait_until_it_works(running.id());
        fs::remove_file(dir.path("flows/b.aether")).expect("removed");
        let ended = running.wait();
        let found = statuses(ended.exits(3));
        assert_eq!((found.len(), found[2].as_str()), (3, "flows/c.aether SUCCESS parse -"));
        if found[1] == "flows/b.aether IO_ERROR read - evidence-missing: `flows/b.aether` does not exist" {
            return;
        }
        assert_eq!(found[1], "flows/b.aether SUCCESS parse -");
    }
    panic!("it never vanished in time");
}

#[test]
fn ctrl_c_ends_a_scan_and_what_was_not_looked_at_is_told_as_that() {
    let dir = Dir::new();
    dir.gate("moody.wasm", "validator", include_str!("../guests/moody.wat"));
    dir.write("flows/a.aether", "pass");
    dir.write("flows/b.aether", "spin");
    dir.write("flows/c.aether", "pass");
    let more = ["--jobs", "1", "--fuel", "1T", "--time", "60s", "--status-json"];
    let running = scan_by(&dir, "moody.wasm", &more).within(Duration::from_secs(50)).start();
    wait_until_it_works(running.id());
    send(running.id(), rustix::process::Signal::INT);
    let ended = running.wait();
    let found = statuses(ended.exits(3));
    assert!(found[1..].iter().all(|told| told.contains(" TIMEOUT_ERROR execute - interrupted: ")), "{ended}");
}

#[test]
fn where_there_is_nothing_to_look_at_nothing_is_right() {
    let dir = around();
    dir.write("empty/readme.md", "");
    for (arguments, code) in [
        (&["scan", MODULE, "empty"][..], "no-files"),
        (&["scan", MODULE, "gone"], "files-unlistable"),
        (&["scan", MODULE, "flows", "gone.aether"], "files-unlistable"),
        (&["scan", MODULE], "no-paths"),
        (&["scan", MODULE, "flows", "--include", "*.md"], "no-files"),
        (&["scan", MODULE, "flows", "--exclude", "**"], "no-files"),
        (&["scan", MODULE, "flows", "--include", "../*"], "bad-glob"),
        (&["scan", MODULE, "flows", "--exclude", "[a"], "bad-glob"),
        (&["scan", "gone.wasm", "flows"], "no-validator"),
    ] {
        let ended = dir.portcullis(&[arguments, &["--trust", "trust.toml"]].concat()).run();
        ended.exits(2).refuses_with(code);
        assert!(ended.stdout.is_empty(), "{ended}");
    }
    scan(&dir, &["--limit", "0"]).run().exits(2);
    scan(&dir, &["--fail-on", "old"]).run().exits(2);
    scan(&dir, &["--fail-on", "new"]).run().exits(2).refuses_with("no-baseline");
    scan(&dir, &["--params", "[]"]).run().exits(2).refuses_with("params-not-an-object");
}
