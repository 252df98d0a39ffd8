//! What may lie in the folder of approvals: none of it hangs a run, fills the machine, or counts unless it is an approval.

use std::{fs, os::unix::fs::symlink};

use super::Scene;

#[test]
fn what_is_no_approval_is_told_and_counts_for_nothing() {
    let scene = Scene::new();
    fs::create_dir(scene.dir.path("approvals")).expect("a folder");
    let envelope = |payload: &str| {
        format!(
            "{{\"payloadType\":\"application/vnd.portcullis.approval.v1+json\",\"payload\":\"{payload}\",\"signatures\":[]}}"
        )
    };
    let nested = "[".repeat(200_000);
    let (empty, text) = (envelope(""), envelope("bm90IGpzb24="));
    for bytes in
        [&b""[..], b"{", b"{}", b"null", b"[]", b"\xff\xfe", b"\x1b[2J", nested.as_bytes(), envelope("???").as_bytes()]
    {
        scene.dir.write("approvals/x.json", bytes);
        scene.counts_for_nothing(&[], Some("APPROVAL_MALFORMED"));
    }
    for unsigned in [empty, text] {
        scene.dir.write("approvals/x.json", unsigned);
        scene.run(&[]).exits(1);
        assert_eq!(super::codes(&scene.manual()).len(), 1);
    }
}

#[test]
fn what_is_no_file_or_too_large_is_not_read() {
    let scene = Scene::new();
    let place = scene.dir.path("approvals/x.json");
    fs::create_dir(scene.dir.path("approvals")).expect("a folder");
    let check = || {
        scene.counts_for_nothing(&[], Some("APPROVAL_MALFORMED"));
        fs::remove_file(&place).expect("removed");
    };
    fs::File::create(&place).and_then(|file| file.set_len(100 << 20)).expect("100 MiB");
    check();
    rustix::fs::mkfifoat(rustix::fs::CWD, &place, rustix::fs::Mode::RUSR).expect("a pipe");
    check();
    symlink("x.json", &place).expect("a link to itself");
    check();
    symlink("/dev/zero", &place).expect("a link");
    check();
    symlink("gone.json", &place).expect("a link to nothing");
    check();
    fs::create_dir(&place).expect("a folder");
    scene.counts_for_nothing(&[], Some("APPROVAL_MALFORMED"));
}

#[test]
fn what_lies_beside_an_approval_takes_nothing_from_it() {
    let scene = Scene::new();
    let file = scene.approve("ann", &[]);
    let bytes = scene.dir.read(&file);
    scene.dir.write("approvals/README.md", "who approves what");
    scene.dir.write("approvals/folder/a.json", "{");
    scene.counts(&[]);
    // The same again, under other names, is the same word.
    scene.dir.write("approvals/a.json", &bytes);
    scene.dir.write("approvals/z.json", &bytes);
    scene.counts(&[]);
    assert!(scene.dir.decision()["approvals"].as_array().is_some_and(|approvals| approvals.len() == 1));
    // Broken ones are told, and the good one counts.
    scene.dir.write("approvals/b.json", "{");
    scene.run(&[]).exits(0);
    let manual = scene.manual();
    assert_eq!((manual["outcome"].as_str(), super::codes(&manual)), (Some("pass"), vec!["APPROVAL_MALFORMED"]));
}

#[test]
fn an_approval_is_found_through_a_link_and_in_the_folder_that_the_manifest_names() {
    let scene = Scene::new();
    let file = scene.approve("ann", &[]);
    fs::create_dir(scene.dir.path("signed")).expect("a folder");
    fs::rename(scene.dir.path(&file), scene.dir.path("signed/one.json")).expect("moved");
    scene.counts_for_nothing(&[], None);
    symlink("../signed/one.json", scene.dir.path("approvals/one.json")).expect("a link");
    scene.counts(&[]);
    fs::remove_dir_all(scene.dir.path("approvals")).expect("removed");
    let text = scene.dir.text("portcullis.toml");
    scene.dir.write("portcullis.toml", text.replacen("trust = ", "approvals = \"signed\"\ntrust = ", 1));
    scene.counts(&[]);
}

#[test]
fn an_approval_that_the_run_reads_is_not_taken_for_an_output() {
    let scene = Scene::new();
    let file = scene.approve("ann", &[]);
    let before = scene.dir.read(&file);
    scene.run(&["--output", &format!("json={file}")]).exits(2).refuses_with("output-is-input");
    assert_eq!(scene.dir.read(&file), before);
}

#[test]
fn a_place_of_approvals_that_is_named_has_to_be_there() {
    let scene = Scene::new();
    let file = scene.approve("ann", &[]);
    scene.counts(&["--approvals", &file]);
    scene.counts(&["--approvals", "approvals"]);
    for gone in ["gone.json", "gone/", "approvals/gone.json"] {
        let ended = scene.run(&["--approvals", &file, "--approvals", gone]);
        ended.exits(2).refuses_with("file-missing").says(gone);
        scene.dir.has_no_artifacts();
    }
    // The folder that the manifest means need not be.
    fs::remove_dir_all(scene.dir.path("approvals")).expect("removed");
    scene.counts_for_nothing(&[], None);
}

#[test]
fn of_more_files_than_are_looked_at_the_first_one_behind_them_is_told() {
    let scene = Scene::new();
    let file = scene.approve("ann", &[]);
    let signed = scene.dir.read(&file);
    fs::remove_file(scene.dir.path(&file)).expect("removed");
    // About another gate: nothing is told of these.
    for number in 0..1_000 {
        scene.dir.write(format!("approvals/{number:04}.json"), r#"{"gate":"other"}"#);
    }
    scene.counts_for_nothing(&[], None);
    for name in ["z1", "z2"] {
        scene.dir.write(format!("approvals/{name}.json"), &signed);
    }
    scene.counts_for_nothing(&[], Some("APPROVAL_MALFORMED"));
    let told = scene.manual()["findings"].to_string();
    assert!(told.contains("approvals/z1.json") && told.contains("only the first 1000 files"), "{told}");
    fs::rename(scene.dir.path("approvals/z1.json"), scene.dir.path("approvals/0500.json")).expect("moved");
    scene.run(&[]).exits(0);
    assert_eq!(scene.manual()["outcome"], "pass", "within the first ones it counts");
}
