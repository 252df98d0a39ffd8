//! End to end: everything here goes through the binary, as a user, a pipeline or an attacker would.
//!
//! One file a topic. `harness` gives each test a folder of its own and holds every run to the rules that have no exception:
//! it ends, it does not panic, it shows nothing that a terminal obeys, it leaves nothing half-written.

mod agents;
mod answers;
mod approvals;
mod authoring;
mod cache;
mod command_line;
mod compile_bombs;
mod conditions;
mod decisions;
mod events;
mod evidence;
mod foreign;
mod github;
mod go_no_go;
mod graph;
mod guests;
mod harness;
mod inputs;
mod interrupts;
mod ledger;
mod library;
mod lines;
mod manifests;
mod modules;
mod outputs;
mod pipeline;
mod probes;
mod reviewer;
mod scan;
mod server;
mod signatures;
