//! The command line itself: help on stdout, misuse on stderr with status 2, and nothing run by mistake.

use crate::harness::Dir;

#[test]
fn help_is_a_result_and_misuse_is_not() {
    let dir = Dir::new();
    dir.portcullis(&["--help"]).run().exits(0).says("Exit status: 0 go");
    dir.portcullis(&["--version"]).run().exits(0).says(env!("CARGO_PKG_VERSION"));
    for command in ["run", "eval", "new", "build", "test", "bench", "key", "sign", "verify", "cache", "demo"] {
        let ended = dir.portcullis(&[command, "--help"]).run();
        ended.exits(0).says("Example");
        assert_eq!(ended.stderr, "");
    }
    for arguments in [
        &[][..],
        &["rum"],
        &["run", "--fast"],
        &["run", "a", "b"],
        &["eval"],
        &["key"],
        &["run", "-q", "-v"],
        &["run", "--jobs", "x"],
    ] {
        let ended = dir.portcullis(arguments).run();
        ended.exits(2);
        assert_eq!(ended.stdout, "", "{ended}");
    }
    assert!(!dir.has(crate::harness::OUT));
}

#[test]
fn a_quiet_command_tells_no_notes() {
    let dir = Dir::new();
    for (quiet, name) in [(false, "loud"), (true, "quiet")] {
        let new: &[&str] = if quiet { &["-q", "key", "new", name] } else { &["key", "new", name] };
        let ended = dir.portcullis(&[new, &["--no-passphrase"]].concat()).run();
        assert_eq!(ended.exits(0).stderr.contains("is not encrypted"), !quiet, "{ended}");
        let short = dir.portcullis(&["key", "show", &format!("{name}.pub"), "--json"]).run().json()["short"].clone();
        ended.says(&format!("short  {}", short.as_str().expect("a text")));
    }
}

#[test]
fn the_hosts_own_command_compiles_nothing_that_it_should_not() {
    let dir = Dir::new();
    for arguments in [&["__compile"][..], &["__compile", "fast"], &["__compile", "fast", "serial", "x", "1"]] {
        dir.portcullis(arguments).run().exits(1);
    }
    let arguments = ["__compile", "fast", "serial", "1073741824", "20"];
    dir.portcullis(&arguments).stdin("no module").run().exits(1);
}

#[test]
fn without_a_home_a_run_goes_on_without_a_cache() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.manifest(&crate::harness::answering("g", crate::harness::PASS));
    let run = |arguments: &[&str]| {
        let homeless = dir.portcullis(arguments);
        homeless.env("HOME", "").env("XDG_CACHE_HOME", "").env("XDG_STATE_HOME", "relative").run()
    };
    run(&["run"]).exits(0);
    run(&["cache", "show"]).exits(2).refuses_with("no-cache-folder");
}
