//! Passes when what a command left is what was expected of it: its standard output, the files of a folder, one file's hash, or
//! the trace of a simulation.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

mod fixture;
mod golden;
mod hash;
mod trace;

use portcullis_sdk::{evidence::read_part as read, prelude::*};

/// What kind of look this is, and nothing else of the parameters.
#[derive(Deserialize)]
struct Params {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    StdoutGolden,
    OutputFixtureDiff,
    RenderHash,
    SimTrace,
}

portcullis_sdk::probe!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, &'a RawValue, &'a RawValue>) -> Result<Evidence, Fault> {
    Ok(match read::<Params>("params", params)?.kind {
        Kind::StdoutGolden => {
            golden::look(&read("params", params)?, &read("input", input)?)?.into_evidence("stdout_golden")
        }
        Kind::OutputFixtureDiff => {
            fixture::look(&read("params", params)?, &read("input", input)?)?.into_evidence("output_fixture_diff")
        }
        Kind::RenderHash => hash::look(read("params", params)?, &read("input", input)?)?.into_evidence("render_hash"),
        Kind::SimTrace => trace::look(&read("params", params)?, &read("input", input)?)?.into_evidence("sim_trace"),
    })
}

#[cfg(test)]
mod tests;
