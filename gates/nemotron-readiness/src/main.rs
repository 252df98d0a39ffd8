//! Twenty-six checks over three documents: whether a sanitized request pack is ready to be approved for an external run.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

mod checks;
mod documents;
mod report;
mod value;

use documents::Documents;
use portcullis_sdk::prelude::*;
use value::{Fields, Integer};

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Params<'a> {
    /// The candidate that the documents have to be about.
    candidate_id: String,
    /// The least number of records; the input may say another.
    #[serde(borrow)]
    minimum_records: Integer<'a>,
}

impl Default for Params<'_> {
    fn default() -> Self {
        Self { candidate_id: "nemotron_fabric".into(), minimum_records: Integer::plain("50") }
    }
}

/// The three documents, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input<'a> {
    #[serde(borrow)]
    manifest: Fields<'a>,
    #[serde(borrow)]
    sanitize_report: Fields<'a>,
    #[serde(borrow)]
    sanitized_preflight: Fields<'a>,
    #[serde(borrow, default, deserialize_with = "value::present")]
    minimum_records: Option<Integer<'a>>,
}

portcullis_sdk::readiness!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, Params<'a>, Input<'a>>) -> Result<Checks, Fault> {
    if value::is_blank(&params.candidate_id) {
        return Err(Fault::bad_input("params.candidate_id: it names no candidate"));
    }
    let minimum_records = input.minimum_records.unwrap_or(params.minimum_records);
    let documents = Documents::new(input.manifest, input.sanitize_report, input.sanitized_preflight)?;
    let checks = checks::check(&documents, &params.candidate_id, minimum_records);
    Ok(report::attach(checks, &documents, minimum_records))
}

#[cfg(test)]
mod tests;
