//! Passes when a service did what it should: it answered as expected, changed what it should and nothing else, or was used in a
//! browser without an error.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

mod answers;
mod browser;
mod changes;
mod pointer;

use portcullis_sdk::{evidence::read_part as read, prelude::*};

/// What kind of look this is, and nothing else of the parameters.
#[derive(Deserialize)]
struct Params {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    ApiSmoke,
    SideEffectProbe,
    BrowserSmoke,
}

portcullis_sdk::probe!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, &'a RawValue, &'a RawValue>) -> Result<Evidence, Fault> {
    Ok(match read::<Params>("params", params)?.kind {
        Kind::ApiSmoke => answers::look(&read("params", params)?, &read("input", input)?)?.into_evidence("api_smoke"),
        Kind::SideEffectProbe => {
            changes::look(&read("params", params)?, &read("input", input)?)?.into_evidence("side_effect_probe")
        }
        Kind::BrowserSmoke => {
            browser::look(&read("params", params)?, &read("input", input)?)?.into_evidence("browser_smoke")
        }
    })
}

/// `1 change`, `3 changes`.
fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
