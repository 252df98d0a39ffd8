//! `render_hash`: one file, by its hash.

use portcullis_sdk::{
    evidence::{Entry, Files, Look, Seconds, is_sha256},
    prelude::*,
};
use serde::de::IgnoredAny;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// Where the file is, as the manifest's source `files` tells it.
    path: String,
    /// The SHA-256 of its bytes.
    sha256: String,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen<'a> {
    path: String,
    expected: String,
    found: Option<&'a str>,
}

pub fn look<'a>(Params { path, sha256, .. }: Params, files: &'a Files<'_>) -> Result<Look<Seen<'a>>, Fault> {
    if !is_sha256(&sha256) {
        return Err(Fault::bad_input("params: sha256: a SHA-256 digest is 64 lower-case hex digits"));
    }
    let entry = files.files.find(&path);
    let found = if let Some(Entry::File(found)) = entry { Some(&**found) } else { None };
    let summary = match entry {
        None => format!("`{path}` is not there"),
        Some(Entry::Link(_)) => format!("`{path}` is a link"),
        Some(Entry::File(found)) if **found != *sha256 => format!("`{path}` is another than expected"),
        Some(Entry::File(_)) => format!("`{path}` is as expected"),
    };
    let passed = found == Some(sha256.as_str());
    Ok(Look { passed, summary, took: Seconds::default(), seen: Seen { path, expected: sha256, found } })
}
