//! Programs that know nothing of the sdk: whatever a toolchain makes for WASI preview 1 loads, runs within its limits, and is
//! held to the protocol.

use crate::harness::Dir;

/// Looks at everything that a program usually finds, and passes when none of it is there.
const SEALED: &str = r##"
use std::{collections::HashMap, env, fs, io::Read, net, thread, time::SystemTime};

fn main() {
    let mut request = String::new();
    std::io::stdin().read_to_string(&mut request).expect("stdin");
    let sealed = env::vars().count() == 0
        && env::args().count() == 1
        && fs::read_dir("/").is_err()
        && fs::write("left.txt", "x").is_err()
        && net::TcpStream::connect("127.0.0.1:1").is_err()
        && thread::Builder::new().spawn(|| ()).is_err()
        && SystemTime::now() == SystemTime::now();
    let map: HashMap<_, _> = [(1, request.len())].into();
    eprintln!("{} bytes", map[&1]);
    println!(r#"{{"verdict":"{}"}}"#, if sealed { "pass" } else { "review" });
}
"##;

/// A module that rustc makes of `source`, with its standard library and everything that brings along.
fn compiled(dir: &Dir, source: &str) {
    dir.write("program.rs", source);
    let arguments = ["--edition", "2024", "--target", "wasm32-wasip1", "-O", "-o", "program.wasm", "program.rs"];
    dir.other("rustc", &arguments).with_toolchain().run().exits(0);
}

#[test]
fn a_program_with_a_standard_library_answers_and_reaches_nothing() {
    let dir = Dir::new();
    compiled(&dir, SEALED);
    let ended = dir.portcullis(&["eval", "program.wasm"]).run();
    ended.exits(0);
    assert_eq!(ended.json()["outcome"], "pass");
    assert!(!dir.has("left.txt"));
}

#[test]
fn a_program_that_does_not_speak_the_protocol_is_a_fault_and_no_verdict() {
    let dir = Dir::new();
    compiled(&dir, "fn main() { println!(\"Hello, world!\"); }");
    let ended = dir.portcullis(&["eval", "program.wasm"]).run();
    ended.exits(3);
    assert_eq!(ended.json()["fault"]["code"], "malformed-answer");
    compiled(&dir, "fn main() { std::process::abort(); }");
    let ended = dir.portcullis(&["eval", "program.wasm"]).run();
    ended.exits(3);
    assert_eq!(ended.json()["outcome"], "fault");
}
