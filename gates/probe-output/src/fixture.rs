//! `output_fixture_diff`: the files of a folder, against those that are expected.

use alloc::collections::BTreeMap;

use portcullis_sdk::{
    evidence::{Entry, Files, Look, Sample, Seconds},
    prelude::*,
};
use serde::de::IgnoredAny;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    /// The folder of the files; paths are compared below it.
    #[serde(default)]
    root: String,
    /// The folder of those that are expected.
    #[serde(default)]
    expected_root: String,
    /// Whether there may be files that are not expected.
    #[serde(default)]
    allow_extra: bool,
}

#[derive(Deserialize)]
pub struct Input<'a> {
    #[serde(borrow)]
    files: Files<'a>,
    #[serde(borrow)]
    expected: Files<'a>,
}

/// What the record keeps.
#[derive(Serialize)]
pub struct Seen {
    files: usize,
    expected: usize,
    different: Sample,
    missing: Sample,
    unexpected: Sample,
}

type Entries<'a> = BTreeMap<&'a str, &'a Entry<'a>>;

pub fn look(params: &Params, input: &Input<'_>) -> Result<Look<Seen>, Fault> {
    let files = below(&params.root, "files", &input.files)?;
    let expected = below(&params.expected_root, "expected", &input.expected)?;
    if expected.is_empty() {
        return Err(Fault::bad_input("input: expected: no file is expected"));
    }
    let common = || expected.iter().filter_map(|(path, entry)| Some((*path, *entry, *files.get(path)?)));
    let seen = Seen {
        files: files.len(),
        expected: expected.len(),
        different: Sample::of(common().filter(|(_, expected, found)| expected != found).map(|(path, ..)| path)),
        missing: Sample::of(only_in(&expected, &files)),
        unexpected: Sample::of(only_in(&files, &expected)),
    };
    let unexpected = if params.allow_extra { 0 } else { seen.unexpected.count };
    let passed = seen.different.count + seen.missing.count + unexpected == 0;
    let summary = if passed {
        format!("all {} expected files are there as they should be", seen.expected)
    } else {
        let (different, missing) = (seen.different.count, seen.missing.count);
        format!("{different} files differ, {missing} are missing, {unexpected} are not expected")
    };
    Ok(Look { passed, summary, took: Seconds::default(), seen })
}

/// What lies below `root`, by its path there. That something lies elsewhere is a mistake in the manifest: it would not be
/// compared.
fn below<'a>(root: &str, member: &str, files: &'a Files<'_>) -> Result<Entries<'a>, Fault> {
    let root = root.trim_end_matches('/');
    let entry = |(path, entry): (&'a str, &'a Entry<'_>)| match path.strip_prefix(root) {
        Some(below) if root.is_empty() => Ok((below, entry)),
        Some(below) if below.starts_with('/') => Ok((below.trim_start_matches('/'), entry)),
        _ => Err(Fault::bad_input(format!("input: {member}: `{path}` does not lie below `{root}`"))),
    };
    files.files.iter().map(entry).collect()
}

fn only_in<'a>(these: &Entries<'a>, others: &Entries<'_>) -> impl Iterator<Item = &'a str> {
    these.keys().copied().filter(|path| !others.contains_key(path))
}
