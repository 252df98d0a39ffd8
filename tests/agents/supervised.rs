//! What holds an agent's processes together: whatever becomes of the host, of the agent or of what is between them, nothing of it
//! works on unwatched, and nothing of it is started twice.

use std::{
    fs,
    process::{Child, Command},
};

use rustix::process::Signal;
use serde_json::json;

use super::{bed::*, *};
use crate::interrupts::send;

/// Leaves its group and its parents behind, and works on whoever hears it.
const DAEMONS: &str = r#"
daemon() { trap '' TERM INT HUP PIPE; echo $$ > "$1.daemon"; while :; do echo x >> "$1.works"; sleep 0.02; done; }
if test "$1" = daemon; then daemon "$2"; fi
setsid sh "$ME.sh" daemon one </dev/null >/dev/null 2>&1 &
(setsid sh -c "(sh $ME.sh daemon two &)" </dev/null >/dev/null 2>&1 &)
while ! test -s one.daemon || ! test -s two.daemon; do sleep 0.02; done
"#;

fn process(bed: &Bed, file: &str) -> u32 {
    bed.dir.text(file).trim().parse().expect("a process")
}

/// That a file is not written to any more.
fn rests(bed: &Bed, file: &str) -> bool {
    let before = bed.lines(file);
    thread::sleep(Duration::from_millis(200));
    bed.lines(file) == before
}

#[test]
fn an_agent_and_all_that_it_started_is_gone_when_its_host_is_killed() {
    let bed = Bed::sqlite();
    let script =
        format!("{DAEMONS}\ntrap '' PIPE TERM HUP\n{INTO_EXECUTE}deeds\n: > a.there\nwhile :; do sleep 0.02; done\n");
    bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
    let mut running = bed.start();
    bed.are_there(&mut running, &["a"]);
    running.kill();
    bed.dir.tidy_up();
    for file in ["a.pid", "one.daemon", "two.daemon"] {
        process_ends(&bed.dir, file);
    }
    for file in ["one.works", "two.works", "a.deeds"] {
        assert!(rests(&bed, file), "{file}");
    }
}

#[test]
fn what_a_revoked_agent_left_behind_is_gone_while_others_go_on() {
    let bed = Bed::sqlite();
    // One that is never there for long: each starts the next one and ends.
    bed.dir.write("hop.sh", "echo x >> hops\nsetsid sh hop.sh </dev/null >/dev/null 2>&1 &\n");
    let script = format!("{DAEMONS}\nsh hop.sh\n{INTO_EXECUTE}stay go\n");
    bed.manifest(&[&floor(), &bed.agent("a", &script, ""), &bed.agent("b", &waiting(), "timeout = '50s'\n")]);
    let mut running = bed.start();
    bed.are_there(&mut running, &["a", "b"]);
    bed.office(&["revoke", "a", "--reason", "by hand"]).exits(0);
    for file in ["a.pid", "one.daemon", "two.daemon"] {
        process_ends(&bed.dir, file);
    }
    until("it has ended for the host", || bed.snapshot("a")["status"] == "REVOKED" && bed.holder("a").is_none());
    for file in ["one.works", "two.works", "hops"] {
        assert!(rests(&bed, file), "{file}");
    }
    assert!(!running.has_ended() && bed.holder("b").is_some());
    bed.tell(&["b"], "go");
    running.wait().exits(1);
    assert_eq!(of(&bed.dir.decision(), "b")["status"], "COMPLETED");
}

#[test]
fn an_agent_that_kills_what_watches_it_is_ended_and_passes_nothing() {
    let bed = Bed::sqlite();
    let kills = "kill -9 $PPID\ndeeds\nwhile :; do sleep 0.05; done\n";
    let leaves =
        "(kill -9 $PPID; trap '' TERM; while :; do echo x >> \"$ME.deeds\"; sleep 0.05; done) &\nsleep 0.2\nexit 0\n";
    bed.manifest(&[
        &floor(),
        &bed.agent("a", &format!("trap '' PIPE HUP TERM\n{INTO_EXECUTE}{kills}"), ""),
        &bed.agent("b", &format!("trap '' PIPE HUP TERM\n{INTO_EXECUTE}{leaves}"), ""),
        &bed.agent("c", &format!("kill -9 $PPID\n{}", work()), ""),
    ]);
    bed.run().exits(1);
    let record = bed.dir.decision();
    for agent in ["a", "b"] {
        assert_eq!(of(&record, agent)["status"], "FAILED", "{record}");
    }
    assert_ne!(of(&record, "c")["status"], "COMPLETED", "{record}");
    ["a", "b", "c"].iter().for_each(|agent| bed.is_gone(agent));
}

#[test]
fn an_agent_that_is_stopped_with_what_watches_it_is_killed_all_the_same() {
    let bed = Bed::sqlite();
    let script = format!("{DAEMONS}\n{INTO_EXECUTE}deeds\n: > a.there\nkill -STOP $PPID\nkill -STOP $$\n");
    bed.manifest(&[&floor(), &bed.agent("a", &script, "heartbeat = '1s'\n")]);
    bed.run().exits(1);
    assert_eq!(of(&bed.dir.decision(), "a")["revocation"]["type"], "HEARTBEAT_TIMEOUT");
    bed.is_gone("a");
    for file in ["one.daemon", "two.daemon"] {
        process_ends(&bed.dir, file);
    }
}

#[test]
fn no_agent_is_started_beside_one_that_has_outlived_its_host_and_what_watched_it() {
    Bed::each(|bed| {
        let script = format!(
            "trap '' PIPE TERM HUP\nif test -e again; then {}\nexit 0; fi\n: > again\necho $PPID > supervisor\n{INTO_EXECUTE}: > a.there\nwhile :; do sleep 0.05; done\n",
            work()
        );
        bed.manifest(&[&floor(), &bed.agent("a", &script, "heartbeat = '3s'\nlock = '3s'\n")]);
        let mut running = bed.start();
        bed.are_there(&mut running, &["a"]);
        // Neither sees the other one's end.
        send(running.id(), Signal::STOP);
        send(process(bed, "supervisor"), Signal::KILL);
        running.kill();
        bed.dir.tidy_up();
        let left = process(bed, "a.pid");
        bed.portcullis(&["resume", "last"]).run().exits(3).says("agent-still-there").says(&left.to_string());
        until("the lock is over", || bed.holder("a").is_none());
        bed.portcullis(&["resume", "last"]).run().exits(3).says("agent-still-there");
        bed.portcullis(&["run", "--out", "other"]).run().exits(3).says("agent-still-there");
        assert_eq!((bed.starts("a"), bed.holder("a")), (1, None));
        send(left, Signal::KILL);
        process_ends(&bed.dir, "a.pid");
        bed.run().exits(0);
        assert_eq!(bed.starts("a"), 2);
    });
}

/// A process that has nothing to do with any agent; it ends with the test.
struct Foreign(Child);

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_packet_that_names_another_process_has_nobody_killed() {
    let bed = Bed::sqlite();
    bed.manifest(&[&floor(), &bed.agent("a", &work(), "")]);
    let mut foreign = Foreign(Command::new("/bin/sleep").arg("300").spawn().expect("a process"));
    let pid = foreign.0.id();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let started: u64 = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(19)?.parse().ok()).expect("a time");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a name").trim().to_owned();
    let numbers = fs::read_link("/proc/self/ns/pid").expect("a name").to_string_lossy().into_owned();
    let process = json!({ "boot": boot, "numbers": numbers, "pid": pid, "started": started });
    let id = portcullis::state::Id::parse("a").expect("a name");
    let packet = json!({ "run_id": "r-0", "process": process }).to_string();
    bed.store.put(&portcullis::state::keys::agent_packet(&id), packet.as_bytes(), None).expect("written");
    bed.run().exits(3).says("agent-still-there").says(&pid.to_string());
    assert!(foreign.0.try_wait().expect("a child").is_none());
    let entry = of(&bed.dir.decision(), "a").clone();
    assert_eq!((&entry["status"], &entry["hindrance"]), (&json!("PENDING"), &json!("agent-still-there")), "{entry}");
    drop(foreign);
    bed.run().exits(0);
}

#[test]
fn an_agent_that_is_interrupted_may_put_its_things_in_order() {
    let bed = Bed::sqlite();
    let script = format!("trap 'echo tidy >> tidied; exit 0' TERM\n{INTO_EXECUTE}deeds\nstay go\n");
    bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
    let mut running = bed.start();
    bed.are_there(&mut running, &["a"]);
    send(running.id(), Signal::INT);
    running.wait().exits(3);
    assert_eq!(bed.dir.text("tidied"), "tidy\n");
    bed.is_gone("a");
}

#[test]
fn what_stands_between_is_not_seen_by_the_agent_nor_in_what_is_said_of_it() {
    let bed = Bed::sqlite();
    let script = format!("ls -l /proc/self/fd > files\nps -o pgid= -p $$ > group\n{}", work());
    bed.manifest(&[&floor(), &bed.agent("a", &script, "")]);
    bed.run().exits(0);
    let files = bed.dir.text("files");
    assert!(files.contains("pipe:") && !files.contains("socket:"), "{files}");
    assert_eq!(bed.dir.text("group").trim(), bed.dir.text("a.pid").trim(), "it leads a group of its own");
    // What the system refuses is told as if nothing stood between.
    bed.dir.write("a.sh", "#!/does/not/exist\n");
    fs::set_permissions(bed.dir.path("a.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    let manifest = bed.dir.text("portcullis.toml").replace("['/bin/sh', 'a.sh']", "['./a.sh']");
    bed.dir.write("portcullis.toml", manifest);
    bed.run().exits(3).says("agent-not-started").says("what it is to be run by does not exist");
    assert_eq!(bed.holder("a"), None);
}
