//! What a scan came to, in every form in which it is shown: pure functions from a [`Scan`] to text.
//!
//! Paths and messages are hostile here. JSON carries them whole, with nothing in it that a terminal obeys; what people
//! read has them spelled out and cut short. A scan by a validator that nobody verified says so in each form.

mod classification;
mod markdown;
mod sarif;
mod status;
mod text;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

pub use classification::classification_json;
pub use markdown::classification_md;
pub use sarif::sarif;
pub use status::status_line;
pub use text::scan_text;

use crate::{
    digest::Digest,
    findings::{File, Found, Scan, baseline::rate},
    judge::ResultCode,
};

/// How many files stand for a category (spec/workflow-findings.md, Classification).
const EXAMPLES: usize = 5;
/// How much of a path is repeated where people read it, in characters.
const PATH: usize = 120;
/// How much of a message is, in characters.
const MESSAGE: usize = 200;
/// How much of a name is, in characters.
const NAME: usize = 100;
/// What a scan by a validator that nobody verified says of it.
const UNVERIFIED: &str = "nobody verified who made this validator";

/// How many files are in a category, and a few of them.
#[derive(Serialize)]
struct Count<'a> {
    #[serde(skip)]
    category: String,
    count: usize,
    examples: Vec<&'a str>,
}

/// The files of a scan, counted.
struct Tally<'a> {
    total: usize,
    failed: usize,
    suppressed: usize,
    /// By whether they are suppressed, and by their code: suppressed ones come last.
    categories: BTreeMap<(bool, ResultCode), Count<'a>>,
}

impl<'a> Tally<'a> {
    fn of(scan: &'a Scan) -> Self {
        let mut tally = Self { total: scan.files.len(), failed: 0, suppressed: 0, categories: BTreeMap::new() };
        for file in scan.files.iter() {
            tally.failed += usize::from(file.failed());
            tally.suppressed += usize::from(file.suppressed);
            let empty = || Count { category: file.category(), count: 0, examples: Vec::new() };
            let count = tally.categories.entry((file.suppressed, file.code)).or_insert_with(empty);
            count.count += 1;
            if count.examples.len() < EXAMPLES {
                count.examples.push(file.path);
            }
        }
        tally
    }

    /// The share of files that failed, to 4 places; of no file, none did.
    fn failure_rate(&self) -> f64 {
        rate(self.failed, self.total)
    }
}

/// The validator.
struct Tool<'a> {
    name: &'a str,
    version: Option<&'a str>,
    provenance: Provenance<'a>,
}

/// Which bytes judged, and who vouches for them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provenance<'a> {
    content_digest: Digest,
    publisher: Option<&'a str>,
    verified: bool,
}

impl<'a> Tool<'a> {
    fn of(scan: &'a Scan) -> Self {
        let version = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        let (name, version) = match scan.module.rsplit_once(' ') {
            Some((name, last)) if version(last) => (name, Some(last)),
            _ => (scan.module.as_str(), None),
        };
        let publisher = scan.publisher.as_deref();
        let provenance = Provenance { content_digest: scan.content, publisher, verified: publisher.is_some() };
        Self { name, version, provenance }
    }
}

/// The finding that gave `file` its code, if a finding did.
fn deciding(file: File<'_>) -> Option<&Found> {
    let fingerprint = file.fingerprint?;
    file.scanned.findings.iter().find(|found| found.fingerprints.v1 == fingerprint)
}

/// A list that is made while it is written, and never there as a whole.
struct Listed<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for Listed<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

#[cfg(test)]
mod samples;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_version_are_told_apart() {
        for (module, expect) in [
            ("aether-workflow 1.0.0", ("aether-workflow", Some("1.0.0"))),
            ("gate.wasm", ("gate.wasm", None)),
            ("my gate.wasm", ("my gate.wasm", None)),
            ("", ("", None)),
        ] {
            let scan = Scan { module: module.to_owned(), ..samples::scan() };
            let tool = Tool::of(&scan);
            assert_eq!((tool.name, tool.version), expect, "{module:?}");
        }
    }

    #[test]
    fn every_file_is_counted_once_and_suppressed_ones_did_not_fail() {
        let scan = samples::scan();
        let tally = Tally::of(&scan);
        assert_eq!((tally.total, tally.failed, tally.suppressed), (9, 7, 1));
        assert_eq!(tally.categories.values().map(|count| count.count).sum::<usize>(), 9);
    }

    #[test]
    fn a_failure_rate_has_four_places_and_no_file_is_no_failure() {
        for (failed, total, expect) in
            [(0, 0, 0.0), (1, 3, 0.3333), (2, 3, 0.6667), (1_800, 2_700, 0.6667), (7, 7, 1.0)]
        {
            let tally = Tally { total, failed, suppressed: 0, categories: BTreeMap::new() };
            assert_eq!(tally.failure_rate().to_string(), expect.to_string(), "{failed} of {total}");
        }
    }

    #[test]
    fn an_unverified_validator_is_called_that_in_every_form() {
        let scan = Scan { publisher: None, ..samples::scan() };
        let json = [samples::text(|out| classification_json(&scan, out)), samples::text(|out| sarif(&scan, out))];
        assert!(json.iter().all(|text| text.contains("\"verified\": false")), "{json:?}");
        let read = [classification_md(&scan), scan_text(&scan)];
        assert!(read.iter().all(|text| text.contains(UNVERIFIED)), "{read:?}");
        let verified = samples::scan();
        assert!(!(classification_md(&verified) + &scan_text(&verified)).contains(UNVERIFIED));
    }
}
