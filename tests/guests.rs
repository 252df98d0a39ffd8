//! What a guest may do while it runs: nothing but answer, within its limits.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Dir, answering_as};

/// Runs a gate with that text and limits to its end, and gives its entry of the record.
fn judged(wat: &str, limits: &str) -> (Value, Duration) {
    let dir = Dir::new();
    dir.gate("m.wasm", "gate", wat);
    dir.manifest(&format!("[gate.g]\nmodule = 'm.wasm'\nlimits = {{ {limits} }}\n"));
    let ended = dir.run();
    let decision = dir.decision();
    let gate = decision["gates"][0].clone();
    let (status, word) = if gate["outcome"] == "pass" { (0, "go") } else { (3, "blocked") };
    ended.exits(status);
    assert_eq!(decision["decision"], word, "{decision}");
    if let Some(code) = gate["fault"]["code"].as_str() {
        ended.says(code);
    }
    (gate, ended.took)
}

fn check_pass(wat: &str, limits: &str) {
    let (gate, _) = judged(wat, limits);
    assert_eq!(gate["outcome"], "pass", "{gate}");
}

/// That it gives no verdict, with that code.
fn check_fault(wat: &str, limits: &str, code: &str) -> Value {
    let (gate, _) = judged(wat, limits);
    assert_eq!((&gate["outcome"], &gate["fault"]["code"]), (&json!("fault"), &json!(code)), "{gate}");
    gate["fault"].clone()
}

/// That it runs into a limit, and that the fault names it with what was used and what was allowed.
fn check_limit(wat: &str, limits: &str, code: &str, (limit, allowed): (&str, u64)) {
    let fault = check_fault(wat, limits, code);
    let told = &fault["limit"];
    assert_eq!((&told["limit"], &told["allowed"]), (&json!(limit), &json!(allowed)), "{fault}");
    assert!(told["used"].as_u64() >= Some(allowed), "{fault}");
}

/// That it is ended by the clock, and soon.
fn check_clock(wat: &str, limits: &str) {
    let (gate, took) = judged(wat, &format!("time = '300ms', {limits}"));
    assert_eq!(
        (&gate["fault"]["code"], &gate["fault"]["limit"]["allowed"]),
        (&json!("time-limit"), &json!(300)),
        "{gate}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert!(gate["durationMs"].as_f64() < Some(8_000.0), "{gate}");
}

const SPINS: &str = include_str!("hostile/spins.wat");
const FLOODS: &str = include_str!("hostile/floods.wat");
const LEAVES: &str = include_str!("hostile/leaves.wat");

#[test]
fn a_guest_that_spins_runs_out_of_fuel_or_of_time() {
    check_limit(SPINS, "fuel = 1_000_000", "fuel-exhausted", ("fuel", 1_000_000));
    let limit = check_fault(SPINS, "", "fuel-exhausted")["limit"].clone();
    assert!((50_000_000..51_000_000).contains(&limit["allowed"].as_u64().expect("fuel")), "{limit}");
    check_clock(SPINS, "fuel = '1T'");
    let start = include_str!("hostile/spins-in-start-section.wat");
    check_limit(start, "fuel = 1_000_000", "fuel-exhausted", ("fuel", 1_000_000));
    check_clock(start, "fuel = '1T'");
}

#[test]
fn the_clock_also_ends_a_guest_inside_long_bulk_operations() {
    check_clock(include_str!("hostile/fills-memory.wat"), "fuel = '1T', memory = '1GiB'");
}

#[test]
fn the_clock_also_ends_a_guest_that_lets_the_host_work() {
    let gigabyte = include_str!("hostile/random-gigabyte.wat");
    check_clock(&gigabyte.replace("PAGES", "16384"), "fuel = '1T', memory = '1GiB'");
    check_clock(include_str!("hostile/polls.wat"), "fuel = '1T'");
}

#[test]
fn what_the_host_does_for_a_guest_is_paid_with_fuel() {
    let gigabyte = include_str!("hostile/random-gigabyte.wat").replace("PAGES", "1");
    check_limit(&gigabyte, "fuel = '50M'", "fuel-exhausted", ("fuel", 50_000_000));
    check_limit(include_str!("hostile/polls.wat"), "fuel = '50M'", "fuel-exhausted", ("fuel", 50_000_000));
}

#[test]
fn memory_tables_and_stack_are_bounded() {
    let memory = include_str!("hostile/grows-memory.wat");
    check_limit(memory, "", "memory-limit", ("memory", 64 << 20));
    check_limit(memory, "memory = '1MiB'", "memory-limit", ("memory", 1 << 20));
    let tables = include_str!("hostile/grows-tables.wat");
    check_limit(tables, "", "table-limit", ("tables", 100_000));
    check_limit(tables, "tables = 5000", "table-limit", ("tables", 5_000));
    check_limit(include_str!("hostile/recurses.wat"), "", "stack-limit", ("stack", 1 << 20));
}

#[test]
fn what_a_guest_writes_is_bounded() {
    let (stdout, stderr) = (FLOODS.replace("FD", "1"), FLOODS.replace("FD", "2"));
    check_limit(&stdout, "", "stdout-limit", ("stdout", 16 << 20));
    check_limit(&stdout, "stdout = '100KiB'", "stdout-limit", ("stdout", 100 << 10));
    check_limit(&stderr, "", "stderr-limit", ("stderr", 64 << 10));
    check_limit(&stderr, "stderr = '1KiB'", "stderr-limit", ("stderr", 1 << 10));
    check_limit(include_str!("hostile/many-buffers.wat"), "", "stdout-limit", ("stdout", 16 << 20));
}

#[test]
fn a_hundred_megabytes_are_no_answer_even_where_they_are_allowed() {
    let wat = include_str!("hostile/writes-100-megabytes.wat");
    check_limit(wat, "", "stdout-limit", ("stdout", 16 << 20));
    check_fault(wat, "stdout = '100MB'", "malformed-answer");
}

#[test]
fn a_guest_that_leaves_well_has_answered_and_one_that_does_not_has_not() {
    check_pass(&LEAVES.replace("STATUS", "0"), "");
    for status in ["7", "1", "-1", "256", "2147483647"] {
        let fault = check_fault(&LEAVES.replace("STATUS", status), "", "exit-status");
        assert!(fault["message"].as_str().is_some_and(|message| message.contains(status)), "{fault}");
    }
}

#[test]
fn a_guest_that_traps_has_not_answered_whatever_it_wrote() {
    let traps = include_str!("hostile/traps.wat");
    for trap in [
        "unreachable",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
        "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))",
        "(drop (i32.trunc_f32_s (f32.const nan)))",
        "(drop (i32.load (i32.const 65536)))",
        "(i64.store offset=4294967295 (i32.const -1) (i64.const 0))",
        "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))",
        "(call_indirect (i32.const 0))",
        "(call_indirect (i32.const 9))",
    ] {
        check_fault(&traps.replace("TRAP", trap), "", "trap");
    }
    check_fault(include_str!("hostile/has-no-memory.wat"), "", "trap");
}

#[test]
fn a_guest_that_says_nothing_has_not_answered() {
    check_fault(include_str!("hostile/says-nothing.wat"), "", "malformed-answer");
}

#[test]
fn addresses_beyond_a_guests_memory_are_an_error_to_it_and_nothing_else() {
    check_pass(include_str!("hostile/reads-beyond.wat"), "");
}

#[test]
fn what_a_guest_notes_before_it_fails_is_shown_and_not_obeyed() {
    let fault = check_fault(include_str!("hostile/notes-escapes.wat"), "", "exit-status");
    let message = fault["message"].as_str().expect("a message");
    assert!(message.contains(r"\u{1b}[2J") && message.contains(r"\u{202e}"), "{message}");
}

#[test]
fn a_guest_has_its_name_and_nothing_else() {
    let dir = Dir::new();
    dir.gate("m.wasm", "gate", include_str!("guests/looks-around.wat"));
    dir.manifest("[gate.name]\nmodule = 'm.wasm'\n");
    dir.portcullis(&["run"]).env("SECRET", "1").run().exits(0);
}

#[test]
fn the_clock_stands_still_and_randomness_follows_from_the_request() {
    let dir = Dir::new();
    dir.gate("m.wasm", "gate", include_str!("guests/clock-and-random.wat"));
    dir.write("two.jsonl", "{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n");
    for jobs in ["1", "2"] {
        let arguments =
            ["eval", "m.wasm", "--lines", "--input", "two.jsonl", "--jobs", jobs, "--now", "2026-01-10T00:00:00Z"];
        let ended = dir.portcullis(&arguments).run();
        let lines: Vec<_> = ended.exits(0).stdout.lines().collect();
        assert_eq!(lines[0], lines[1], "the same request: the same bytes and fuel");
        let [first, _, other] = ended.json_lines().try_into().expect("three lines");
        let nanoseconds = 1_768_003_200_000_000_000_u64.to_le_bytes().map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(
            (&first["details"]["first"], &first["details"]["later"]),
            (&json!(nanoseconds), &json!(nanoseconds))
        );
        assert_ne!(first["details"]["random"], other["details"]["random"], "another request: other randomness");
        assert_eq!(first["fuelUsed"], other["fuelUsed"]);
    }
}

#[test]
fn faults_of_one_gate_leave_the_others_their_verdicts() {
    let dir = Dir::new();
    dir.parrot("gate");
    dir.gate("spins.wasm", "gate", SPINS);
    dir.gate("traps.wasm", "gate", &include_str!("hostile/traps.wat").replace("TRAP", "unreachable"));
    let good = answering_as("gate", "good", crate::harness::PASS);
    dir.manifest(&format!("[gate.spins]\nmodule = 'spins.wasm'\n{good}[gate.traps]\nmodule = 'traps.wasm'\n"));
    dir.run().exits(3);
    let outcomes: Vec<_> =
        dir.decision()["gates"].as_array().expect("gates").iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, ["fault", "pass", "fault"]);
}
