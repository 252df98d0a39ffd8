//! Passes when the agents API is closed to whoever has no token, and shows its orchestrator to whoever has one.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod summary;

use portcullis_sdk::{evidence::Exchange, prelude::*};

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Params {
    /// The request header that carries the token.
    token_header: String,
}

impl Default for Params {
    fn default() -> Self {
        Self { token_header: "authorization".into() }
    }
}

/// The same question, asked twice.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    without_token: Exchange<'a>,
    #[serde(borrow)]
    with_token: Exchange<'a>,
}

/// What the record keeps beside the checks: the two statuses, and the member that held the summary.
#[derive(Serialize)]
struct Details {
    without_token: u16,
    with_token: u16,
    summary: Option<&'static str>,
}

portcullis_sdk::gate!(judge);

fn judge<'a>(Request { params, input, .. }: Request<'a, Params, Input<'a>>) -> Result<Ruling, Fault> {
    let Input { without_token, with_token } = &input;
    comparable(&params.token_header.to_ascii_lowercase(), without_token, with_token)?;

    let leaked = summary::is_anywhere_in(without_token);
    let closed = matches!(without_token.status, 401 | 403 | 501);
    let summary = with_token.json.and_then(summary::of);
    let details = Details { without_token: without_token.status, with_token: with_token.status, summary };
    Ok(Ruling::new()
        .check_or(
            "closed_without_token",
            closed && !leaked,
            if closed { "summary_shown_without_token" } else { "open_without_token" },
        )
        .check_or("open_with_token", with_token.status == 200, "closed_with_token")
        .check_or("orchestrator_summary", summary.is_some(), "orchestrator_summary_missing")
        .summary(format!("status {} without a token, {} with one", details.without_token, details.with_token))
        .details(&details))
}

/// Two exchanges say something about the token only if it is all that they differ in, and only if nothing of them is
/// missing: what was cut off could hold the summary.
fn comparable(token_header: &str, without_token: &Exchange<'_>, with_token: &Exchange<'_>) -> Result<(), Fault> {
    let asked = |exchange: &Exchange<'_>| exchange.request.headers.contains_key(token_header);
    let (without, with) = (&without_token.request, &with_token.request);
    let why = if asked(without_token) {
        format!("without_token: sent with the header `{token_header}`")
    } else if !asked(with_token) {
        format!("with_token: sent without the header `{token_header}`")
    } else if (&without.method, &without.url) != (&with.method, &with.url) {
        "the two exchanges ask for different things".into()
    } else if without_token.is_cut() || with_token.is_cut() {
        "a response is cut".into()
    } else {
        return Ok(());
    };
    Err(Fault::bad_input(why))
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::testing;

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
