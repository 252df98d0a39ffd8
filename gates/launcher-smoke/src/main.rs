//! Passes when every service that a launch has to bring up is in the list of those that it did.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

mod listing;

use listing::Listing;
use portcullis_sdk::prelude::*;

/// What the manifest's author decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Params {
    /// The services that have to be there.
    expected: Vec<String>,
}

impl Default for Params {
    fn default() -> Self {
        Self { expected: ["memory_system", "plugin_manager", "aetherra_engine"].map(String::from).into() }
    }
}

/// What the record keeps beside the checks.
#[derive(Serialize)]
struct Details<'a> {
    services: &'a [String],
    missing: &'a [&'a str],
    expected: &'a [String],
}

portcullis_sdk::gate!(judge);

fn judge(Request { params, input, .. }: Request<'_, Params, &RawValue>) -> Result<Ruling, Fault> {
    let Params { expected } = params;
    if expected.is_empty() {
        return Err(Fault::bad_input("params.expected: no service is expected, and so any launch would do"));
    }
    let Listing { services, failure } = Listing::of(input)?;
    let missing: Vec<_> = expected.iter().filter(|name| !services.contains(name)).map(String::as_str).collect();

    let listed = Ruling::new().check_or("services_listed", failure.is_none(), failure.unwrap_or_default());
    let ruling = expected.iter().fold(listed, |ruling, name| {
        let is_there = !missing.contains(&name.as_str());
        ruling.check_or(format!("service_present:{name}"), is_there, format!("service_missing:{name}"))
    });
    let summary = match failure {
        Some(failure) => format!("{failure}: {} services are listed", services.len()),
        None if missing.is_empty() => format!("all {} expected services are there", expected.len()),
        None => format!("missing: {}", missing.join(", ")),
    };
    Ok(ruling.summary(summary).details(&Details { services: &services, missing: &missing, expected: &expected }))
}

#[cfg(test)]
mod tests {
    use portcullis_sdk::testing;

    use super::judge;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

    #[test]
    fn the_cases_hold() {
        testing::cases(judge, CASES);
    }

    #[test]
    fn every_failure_has_its_name() {
        let cases = [
            ("server-error", "services_listed", "launch_failed"),
            ("command-failed", "services_listed", "launch_failed"),
            ("server-cut", "services_listed", "list_cut"),
            ("command-cut", "services_listed", "list_cut"),
            ("server-answers-text", "services_listed", "no_list"),
            ("server-answers-something-else", "services_listed", "no_list"),
            ("command-without-json", "services_listed", "no_list"),
            ("empty-list", "services_listed", "list_empty"),
            ("empty-list-from-a-server", "services_listed", "list_empty"),
            ("one-missing", "service_present:plugin_manager", "service_missing:plugin_manager"),
        ];
        testing::failures(judge, CASES, &cases);
    }

    #[test]
    fn the_record_keeps_what_was_listed_what_is_missing_and_what_was_expected() {
        let cases = [
            (
                "one-missing",
                r#"{"services":["memory_system","aetherra_engine"],"missing":["plugin_manager"],"expected":["memory_system","plugin_manager","aetherra_engine"]}"#,
            ),
            ("other-expected", r#"{"services":["a"],"missing":[],"expected":["a"]}"#),
        ];
        testing::details(judge, CASES, &cases);
    }
}
