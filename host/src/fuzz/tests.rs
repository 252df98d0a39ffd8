//! Every target, given its seeds and a fixed, small number of changed ones.

use std::path::Path;

use super::{seeds, smoke::Target, *};
use crate::manifest::{Overrides, parse};

const TARGETS: [Target; 9] = [
    Target { name: "agent_lines", seeds: seeds::agent_lines, run: agent_lines },
    Target { name: "baseline", seeds: seeds::baseline, run: baseline },
    Target { name: "event_stream", seeds: seeds::event_stream, run: event_stream },
    Target { name: "kept_run", seeds: seeds::kept_run, run: kept_run },
    Target { name: "ledger_row", seeds: seeds::ledger_row, run: ledger_row },
    Target { name: "manifest", seeds: seeds::manifest, run: manifest },
    Target { name: "redis_replies", seeds: seeds::redis_replies, run: redis_replies },
    Target { name: "sealed_value", seeds: seeds::sealed_value, run: sealed_value },
    Target { name: "suppressions", seeds: seeds::suppressions, run: suppressions },
];

#[test]
fn every_target_takes_its_seeds_and_whatever_becomes_of_them() {
    TARGETS.iter().for_each(Target::smoke);
}

#[test]
fn the_seeds_are_different_and_libfuzzer_has_each_target() {
    for target in &TARGETS {
        target.check_seeds();
        target.check_listed();
    }
}

/// Seeds that are refused at once would leave most of a reader alone.
#[test]
fn what_is_well_formed_reads() {
    for seed in seeds::kept_run() {
        let kept = kept::read(&seed, true).expect("a run");
        assert!(!kept.calls.is_empty() && kept.finished.is_some() == kept.agents.is_empty());
    }
    for seed in seeds::manifest() {
        parse(&seed, Path::new("p.toml"), &Overrides::default()).expect("a plan");
    }
    for (seed, is_baseline) in seeds::baseline().iter().zip([true, true, false]) {
        assert_eq!((Baseline::read(seed).is_ok(), Classification::read(seed).is_ok()), (is_baseline, !is_baseline));
    }
    for (seed, entries) in seeds::suppressions().iter().zip([Some(2), Some(2), None]) {
        assert_eq!(Suppressions::parse(seed).ok().map(|read| read.entries().len()), entries);
    }
}
