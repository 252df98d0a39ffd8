//! Finds lines of an `.aether` workflow that do not parse and calls of functions that do not exist.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod advice;
mod call;
mod check;
mod text;

use portcullis_sdk::prelude::*;

/// What the manifest's author decides; each piece of advice is off unless it is asked for.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Params {
    /// Functions that exist beside the built-ins.
    builtins: Vec<String>,
    /// Note arguments of calls that no line before has assigned.
    unknown_variables: bool,
    /// Note assignments to words of the language.
    reserved_words: bool,
    /// Note the former spellings `intent:` and `remember:`.
    legacy: bool,
}

portcullis_sdk::validator!(judge);

fn judge(Request { params, input: document, .. }: Request<'_, Params, Document<'_>>) -> Findings {
    let mut findings = Findings::new(&document);
    findings.extend(check::check(&document.text, &params));
    findings
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::testing;

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
