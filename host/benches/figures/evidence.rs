//! Evidence: what collecting adds to what is collected.

use std::{fs, process::Stdio, sync::atomic::AtomicBool};

use jiff::Timestamp;
use portcullis::{
    digest::Digest,
    evidence::{Collecting, World, collect},
    manifest::{Overrides, parse},
};
use serde_json::json;

use crate::support::{GATES, Options, Place, Report, Row, in_turn, median, ms, run, timed};

const PART: &str = "4. Evidence";
/// A command that takes long enough to be measured, and not so long that nothing else can be.
const COMMAND: [&str; 3] = ["/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"];
const MEGABYTE: usize = 1 << 20;

static GOES_ON: AtomicBool = AtomicBool::new(false);

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    place.manifest("one.toml", 1);
    commands(options, place, report);
    files(options, place, report);
}

/// A source that is a command, beside the same command started by hand and beside a run without it.
fn commands(options: &Options, place: &Place, report: &mut Report) {
    manifest(place, "nothing.toml", "seen = { value = 1 }\n");
    let argv = json!(COMMAND);
    manifest(place, "command.toml", &format!("seen = {{ command = {argv} }}\n"));
    let collect = |manifest: &str| run(&mut place.portcullis(&["collect", manifest, "--out", "collected"]), 0);
    let mut alone = || {
        let mut command = place.command(COMMAND[0].as_ref());
        // As a source is: with nothing in its environment, and pipes that somebody reads.
        run(command.args(&COMMAND[1..]).env_clear().stdout(Stdio::null()), 0)
    };
    let samples = in_turn(
        options.rounds(51),
        &mut [&mut alone, &mut || collect("nothing.toml"), &mut || collect("command.toml")],
    );
    let wall = |at: usize| median(samples[at].iter().map(|ran| ms(ran.wall)));
    let (alone, nothing, command) = (wall(0), wall(1), wall(2));
    report.add(Row::new(PART, "a command by itself", alone, "ms").times(1.0, "this"));
    report.add(Row::new(PART, "`collect` of a value", nothing, "ms"));
    let row = Row::new(PART, "`collect` of the command, but for that", command - nothing, "ms");
    report.add(row.times((command - nothing) / alone, "the command"));
}

/// Many documents, beside reading and digesting them by hand on one thread.
fn files(options: &Options, place: &Place, report: &mut Report) {
    let count = options.size(100, 3);
    let document = format!("{{\"text\":\"{}\"}}\n", "x".repeat(MEGABYTE - 12));
    let mut sources = String::new();
    for number in 0..count {
        place.write(&format!("many/{number}.json"), &document);
        sources += &format!("e{number} = {{ file = \"many/{number}.json\" }}\n");
    }
    let members: Vec<String> = (0..count).map(|number| format!("e{number} = \"e{number}\"")).collect();
    let text = format!("{}{sources}{}", head(), gate(&format!("{{ {} }}", members.join(", "))));
    let plan = parse(text.as_bytes(), &place.path("many.toml"), &Overrides::default()).expect("a plan");
    let world = World { variable: &|_| None, clock: &Timestamp::now, cancelled: &GOES_ON };
    let collected =
        |jobs| timed(|| collect(&plan, Collecting { world, jobs, archives: &[], keeper: None, observe: &|_| {} }));
    let mut by_hand = || {
        timed(|| {
            let read = |number| fs::read(place.path(&format!("many/{number}.json"))).expect("written");
            (0..count).map(read).map(|bytes| Digest::of(&bytes).0[0]).fold(0, u8::wrapping_add)
        })
    };
    let samples = in_turn(options.rounds(9), &mut [&mut by_hand, &mut || collected(1), &mut || collected(2)]);
    let wall = |at: usize| median(samples[at].iter().map(|took| ms(*took)));
    let (by_hand, one, two) = (wall(0), wall(1), wall(2));
    let what = format!("{count} files of 1 MiB");
    report.add(Row::new(PART, format!("{what}, read and digested by hand"), by_hand, "ms").times(1.0, "this"));
    report.add(Row::new(PART, format!("{what}, collected: one thread"), one, "ms").times(one / by_hand, "by hand"));
    report.add(Row::new(PART, format!("{what}, collected: two threads"), two, "ms").times(two / by_hand, "by hand"));
}

fn head() -> &'static str {
    "schema = 1\nname = \"bench\"\ntrust = \"trust.toml\"\n[evidence]\n"
}

/// A gate that asks for `input`; its module is one that is there, and what it answers is of no interest.
fn gate(input: &str) -> String {
    format!("[gate.g]\nmodule = \"gates/0.wasm\"\ninput = {input}\n{}", GATES[0].params_line())
}

fn manifest(place: &Place, file: &str, sources: &str) {
    place.write(file, format!("{}{sources}{}", head(), gate("\"seen\"")));
}
