//! `classification.json`: what each file came to (spec/workflow-findings.md, Classification).

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{Count, Listed, Provenance, Tally, Tool};
use crate::{
    findings::{File, Fingerprint, Named, Phase, Scan, Stamp},
    report::json::write_pretty,
};

/// The whole. The spec's members in its order; `tool` beyond them.
#[derive(Serialize)]
struct Whole<'a, W: Serialize> {
    workflows: W,
    summary: Summary<'a>,
    tool: ToolEntry<'a>,
}

#[derive(Serialize)]
struct Workflow<'a> {
    path: &'a str,
    ok: bool,
    category: String,
    error: Option<&'a str>,
    code: u32,
    code_name: &'static str,
    phase: Phase,
    line: Option<u32>,
    fingerprint: Option<Fingerprint>,
    suppressed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprints: Option<Vec<Named>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    total: usize,
    failed: usize,
    failure_rate: f64,
    suppressed_failures: usize,
    categories: Categories<'a>,
    timestamp: Stamp,
}

/// Under their names, in the order of the tally.
struct Categories<'a>(Vec<Count<'a>>);

impl Serialize for Categories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|count| (&count.category, count)))
    }
}

#[derive(Serialize)]
struct ToolEntry<'a> {
    name: &'a str,
    version: Option<&'a str>,
    #[serde(flatten)]
    provenance: Provenance<'a>,
}

/// The classification as indented JSON with a line feed at its end. Beyond the spec's members, each file that is not as it
/// should be, or in which anything was found, has the `fingerprints` of all that was found, and the whole names its `tool`,
/// verified or not.
///
/// # Errors
/// When `out` does not take it.
pub fn classification_json(scan: &Scan, out: &mut impl Write) -> io::Result<()> {
    let tally = Tally::of(scan);
    let failure_rate = tally.failure_rate();
    let Tally { total, failed, suppressed, categories } = tally;
    let (timestamp, categories) = (Stamp(scan.timestamp), Categories(categories.into_values().collect()));
    let summary = Summary { total, failed, failure_rate, suppressed_failures: suppressed, categories, timestamp };
    let Tool { name, version, provenance } = Tool::of(scan);
    let workflows = Listed(scan.files.iter().map(workflow));
    write_pretty(out, &Whole { workflows, summary, tool: ToolEntry { name, version, provenance } })
}

fn workflow(file: File<'_>) -> Workflow<'_> {
    Workflow {
        path: file.path,
        ok: file.ok(),
        category: file.category(),
        error: Some(file.scanned.message.as_str()).filter(|message| !message.is_empty()),
        code: file.code.number(),
        code_name: file.code.name(),
        phase: file.phase,
        line: file.line,
        fingerprint: file.fingerprint,
        suppressed: file.suppressed,
        // Where there is none and the file is right, nothing was found; a wrong file has to say so.
        fingerprints: (!file.ok() || !file.findings.is_empty()).then(|| file.named()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        findings::{Classification, Found},
        report::{samples::check_golden, scan::samples},
    };

    fn json(scan: &Scan) -> Value {
        serde_json::from_str(&samples::text(|out| classification_json(scan, out))).expect("is JSON")
    }

    fn names(value: &Value) -> String {
        value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_scan_with_every_case_is_classified_as_it_was() {
        let text = samples::text(|out| classification_json(&samples::scan(), out));
        check_golden("scan-classification.json", &text, include_str!("../testdata/scan-classification.json"));
    }

    #[test]
    fn the_members_stand_in_the_order_of_the_format() {
        let json = json(&samples::scan());
        assert_eq!(names(&json), "workflows summary tool");
        let workflow = "path ok category error code code_name phase line fingerprint suppressed";
        assert_eq!(names(&json["workflows"][0]), workflow);
        assert_eq!(names(&json["workflows"][1]), format!("{workflow} fingerprints"));
        assert_eq!(names(&json["summary"]), "total failed failure_rate suppressed_failures categories timestamp");
        assert_eq!(names(&json["tool"]), "name version contentDigest publisher verified");
    }

    #[test]
    fn what_is_written_is_read_back_with_the_names_of_all_that_was_found() {
        let scan = samples::scan();
        let text = samples::text(|out| classification_json(&scan, out));
        let read = Classification::read(text.as_bytes()).expect("reads");
        let names = |found: &Found| [found.fingerprints.v1, found.fingerprints.v2];
        let found = scan.files.findings().flat_map(names);
        assert_eq!(read.names(), Some(found.collect()));
        assert_eq!((read.summary.total, read.summary.failed), (9, 7));
    }

    #[test]
    fn a_category_names_five_files_of_many_and_the_failure_rate_has_four_places() {
        let json = json(&samples::many(3, 7));
        let count = &json["summary"]["categories"]["PARSE_ERROR"];
        assert_eq!((count["count"].as_u64(), count["examples"].as_array().map(Vec::len)), (Some(7), Some(5)));
        assert_eq!(json["summary"]["failure_rate"].to_string(), "0.7");
        assert_eq!(self::json(&samples::many(0, 0))["summary"]["failure_rate"].to_string(), "0.0");
    }
}
