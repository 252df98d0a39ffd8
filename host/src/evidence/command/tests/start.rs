//! What is started, where, and with which environment.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::*;

#[test]
fn arguments_go_to_the_program_as_they_are_and_stdin_is_at_its_end() {
    let said = completed(&command(&["printf", "%s|", "a b", "*", "; id", "`id`", " $HOME"]))["stdout"].clone();
    assert_eq!(said, "a b|*|; id|`id`| $HOME|");
    assert_eq!(completed(&command(&["cat"]))["stdout"], "");
}

#[test]
fn the_environment_is_what_the_manifest_gives_and_nothing_else() {
    let mut source = command(&["/usr/bin/env"]);
    source.env = Vec::new();
    assert_eq!(completed(&source)["stdout"], "");
    source.env = vec![("A".to_owned(), template("b c")), ("PATH".to_owned(), template("/nowhere"))];
    assert_eq!(completed(&source)["stdout"], "A=b c\nPATH=/nowhere\n");
    // Without a PATH, the system's: it has the program, and the program does not have it.
    let mut source = command(&["env"]);
    source.env = Vec::new();
    assert_eq!(completed(&source)["stdout"], "");
}

/// Written by another process: this one starts others all the time, and while one of those still has the file open for
/// writing, the system does not run it.
fn script(path: &Path, text: &str, mode: &str) {
    let written = Command::new("/bin/sh")
        .args(["-c", "mkdir -p \"${1%/*}\" && printf %s \"$2\" > \"$1\" && chmod \"$3\" \"$1\"", "sh"])
        .args([path.as_os_str(), text.as_ref(), mode.as_ref()])
        .status();
    assert!(written.expect("it runs").success());
}

#[test]
fn programs_are_looked_for_from_the_folder_on_or_in_the_path_of_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    script(&folder.path().join("sub/bin/tell"), "#!/bin/sh\necho $0; pwd\n", "755");
    script(&folder.path().join("sub/none/tell"), "not executable", "644");
    let at = |argv: &[&str], path: Option<&str>| {
        let env = path.map(|path| ("PATH".to_owned(), template(path)));
        CommandSource { cwd: folder.path().join("sub"), env: env.into_iter().collect(), ..command(argv) }
    };
    let here = fs::canonicalize(folder.path().join("sub")).expect("there");
    let said = |source: &CommandSource| {
        let document = completed(source);
        let (program, place) = document["stdout"].as_str().expect("text").split_once('\n').expect("two lines");
        assert_eq!(place.trim_end(), here.to_str().expect("text"));
        program.to_owned()
    };
    assert!(said(&at(&["./bin/tell"], None)).ends_with("bin/tell"));
    assert!(said(&at(&["bin/tell"], None)).ends_with("bin/tell"));
    assert!(said(&at(&["tell"], Some("/nowhere:none:bin"))).ends_with("bin/tell"));
    for (source, reason) in [
        (at(&["tell"], None), "it is not in /bin:/usr/bin, and its environment names no PATH"),
        (at(&["tell"], Some("/nowhere")), "it is not in the PATH of its environment"),
        (at(&["tell"], Some("none")), "it is in its PATH, and not executable"),
        (at(&["./gone"], None), "no such file or directory"),
        (at(&["none/tell"], None), "permission denied"),
        (at(&[""], None), "its program is an empty text"),
        (at(&[], None), "it names no program"),
        (at(&["bin/tell", "a\0b"], None), "a null byte is in its arguments or its environment"),
    ] {
        let (document, message) = failed(&source, "evidence-command-missing");
        assert_eq!(document["outcome"], "not_found");
        assert_eq!(document["exit_code"], Value::Null);
        assert!(message.ends_with(&format!("could not be started: {reason}")), "{message}");
    }
}

#[test]
fn a_file_that_is_no_program_is_not_handed_to_a_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    script(&folder.path().join("plain"), "echo ran\n", "755");
    script(&folder.path().join("lost"), "#!/no/such/interpreter\n", "755");
    let at = |argv: &[&str]| CommandSource { cwd: folder.path().to_owned(), ..command(argv) };
    let (_, message) = failed(&at(&["./plain"]), "evidence-command-missing");
    assert_eq!(message, "`./plain` could not be started: exec format error");
    let mut by_name = at(&["plain"]);
    by_name.env = vec![("PATH".to_owned(), template("."))];
    let (_, message) = failed(&by_name, "evidence-command-missing");
    assert_eq!(message, "`plain` could not be started: exec format error");
    let (_, message) = failed(&at(&["./lost"]), "evidence-command-missing");
    assert_eq!(message, "`./lost` could not be started: what it is to be run by does not exist");
    let gone = CommandSource { cwd: folder.path().join("gone"), ..command(&["true"]) };
    let (_, message) = failed(&gone, "evidence-command-missing");
    assert!(message.contains("/gone` does not exist"), "{message}");
}
