//! What a machine remembers: an older list is not taken again, whatever happens to the memory.

use std::process::{Child, Command, Stdio};

use super::Scene;

/// A scene that keeps what was seen in its own folder, and has seen version 2.
fn at_version_2() -> (Scene, Vec<u8>) {
    let scene = Scene::new();
    scene.trust("state = \"seen.json\"");
    let first = scene.dir.read("list.json");
    scene.goes();
    scene.revoke(&["--module", &"0".repeat(64), "--reason", "policy"]);
    scene.goes();
    assert_eq!(scene.dir.json("seen.json")["list"]["version"], 2);
    (scene, first)
}

#[test]
fn an_older_list_put_back_is_refused_until_the_memory_is_gone_and_then_by_the_trust_file() {
    let (scene, first) = at_version_2();
    let mode = std::os::unix::fs::MetadataExt::mode(&scene.dir.path("seen.json").metadata().expect("there"));
    assert_eq!(mode & 0o777, 0o600);
    scene.dir.write("list.json", &first);
    scene.is_refused("rollback");
    std::fs::remove_file(scene.dir.path("seen.json")).expect("removed");
    scene.trust("state = \"seen.json\"\nmin_version = { epoch = 1, version = 2 }");
    scene.is_refused("rollback");
}

#[test]
fn another_list_of_the_same_number_and_one_that_drops_an_entry_are_refused() {
    let (scene, first) = at_version_2();
    let second = scene.dir.read("list.json");
    scene.dir.write("list.json", &first);
    scene.revoke(&["--module", &"1".repeat(64), "--reason", "policy"]);
    scene.is_refused("equivocation");
    // A third one that was not made from the second: the second one's entry is gone, and nobody withdrew it.
    scene.dir.write("list.json", &first);
    scene.revoke(&["--module", &"2".repeat(64), "--reason", "policy", "--id", "R-8"]);
    scene.revoke(&["--module", &"3".repeat(64), "--reason", "policy", "--id", "R-9"]);
    scene.is_refused("rollback");
    scene.dir.write("list.json", &second);
    scene.goes();
}

#[test]
fn a_memory_that_does_not_read_or_cannot_be_kept_refuses() {
    let (scene, _) = at_version_2();
    let whole = scene.dir.read("seen.json");
    for damaged in [&b""[..], b"{}", b"null", &whole[..whole.len() / 2], b"\xff\xfe"] {
        scene.dir.write("seen.json", damaged);
        scene.is_refused("state-malformed");
    }
    std::fs::remove_file(scene.dir.path("seen.json")).expect("removed");
    std::fs::create_dir(scene.dir.path("seen.json")).expect("a folder");
    scene.is_refused("state-unreadable");
    for place in ["/proc/no-such-folder/seen.json", "/dev/null/seen.json", "trust.toml/seen.json"] {
        scene.trust(&format!("state = \"{place}\""));
        scene.is_refused("state-unwritable");
    }
}

/// Starts a run of its own outputs; the harness would not have others write while it looks whether one has left.
fn start(scene: &Scene, index: usize) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["run", "--no-cache", "--out", &format!("out-{index}")]).current_dir(scene.dir.path("")).env_clear();
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

fn statuses(running: Vec<Child>) -> Vec<Option<i32>> {
    running.into_iter().map(|mut running| running.wait().expect("waited").code()).collect()
}

#[test]
fn runs_at_once_agree_and_leave_a_whole_memory() {
    let (scene, first) = at_version_2();
    std::fs::remove_file(scene.dir.path("seen.json")).expect("removed");
    assert_eq!(statuses((0..6).map(|index| start(&scene, index)).collect()), [Some(0); 6]);
    assert_eq!(scene.dir.json("seen.json")["list"]["version"], 2);
    // Some with the newer list and some with the older one: once the newer was seen, no run takes the older.
    let second = scene.dir.read("list.json");
    std::fs::remove_file(scene.dir.path("seen.json")).expect("removed");
    let mut running = Vec::new();
    for index in 0..6 {
        scene.dir.write("list.json.new", if index % 2 == 0 { &second } else { &first });
        std::fs::rename(scene.dir.path("list.json.new"), scene.dir.path("list.json")).expect("renamed");
        running.push(start(&scene, index));
    }
    assert!(statuses(running).iter().all(|status| matches!(status, Some(0 | 4))));
    scene.dir.write("list.json", &second);
    scene.goes();
    scene.dir.write("list.json", &first);
    scene.is_refused("rollback");
}

#[test]
fn a_clock_that_goes_back_or_past_the_lists_time_is_refused() {
    let (scene, _) = at_version_2();
    let issued = member(&scene, "issued");
    let at = |days: i64| format!("{}Z", shifted(&issued, days));
    // A time that was only asked about does not lock the machine out.
    scene.run_at(&at(1)).exits(0);
    scene.goes();
    let mut seen = scene.dir.json("seen.json");
    seen["clock"] = at(1).into();
    scene.dir.write("seen.json", seen.to_string());
    scene.run_at(&at(0)).exits(4).refuses_with("clock-behind");
    scene.dir.has_no_artifacts();
    scene.run_at(&at(2)).exits(0);
    scene.run_at(&at(30)).exits(4).refuses_with("expired");
    scene.run_at(&at(2)).exits(0);
    scene.trust("state = \"seen.json\"\nmax_age = \"2d\"");
    scene.run_at(&at(3)).exits(4).refuses_with("stale");
    scene.trust("state = \"other.json\"");
    scene.run_at(&at(-1)).exits(4).refuses_with("not-yet-valid");
}

/// A member of the list.
fn member(scene: &Scene, member: &str) -> String {
    let shown = scene.revocations(&["show", "list.json", "--json"]).exits(0).json();
    shown["list"][member].as_str().expect("a time").trim_end_matches('Z').to_owned()
}

/// The time that many days later.
fn shifted(time: &str, days: i64) -> String {
    let timestamp: jiff::Timestamp = format!("{time}Z").parse().expect("a time");
    let later = timestamp + jiff::SignedDuration::from_hours(24 * days);
    later.to_string().trim_end_matches('Z').to_owned()
}
