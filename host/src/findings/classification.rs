//! What a scan left, read again: `classification.json`, and the snapshots of it (spec/workflow-findings.md, Classification).

use std::collections::HashSet;

use portcullis_sdk::Severity;
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    Fingerprint, Fingerprints, Found, Scanned, Stamp,
    artifact::{self, Artifact, ArtifactError},
};
use crate::judge::ResultCode;

/// A scan, as far as it can be read back. What is not named here is passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Classification {
    /// The files, in the scan's order.
    pub workflows: Vec<Workflow>,
    /// What they come to.
    pub summary: Summary,
    /// The validator; older tools do not say.
    #[serde(default)]
    pub tool: Option<Tool>,
}

/// What is known of the validator of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Tool {
    /// Whether somebody vouches for it. One that does not say is one that nobody does.
    #[serde(default)]
    pub verified: bool,
}

/// One file of a scan. Texts are hostile.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Workflow {
    /// The file.
    pub path: String,
    /// Whether nothing that decides is wrong with it.
    pub ok: bool,
    /// The message of what gave the code; nothing on success.
    #[serde(default)]
    pub error: Option<String>,
    /// The code's number.
    pub code: u32,
    /// The code's name.
    pub code_name: String,
    /// The line of what gave the code.
    #[serde(default)]
    pub line: Option<u32>,
    /// The fingerprint of that, by the formula of older tools.
    #[serde(default)]
    pub fingerprint: Option<Fingerprint>,
    /// Whether all that would decide is suppressed.
    #[serde(default)]
    pub suppressed: bool,
    /// Everything that was found; older tools do not say.
    #[serde(default)]
    pub fingerprints: Option<Vec<Named>>,
}

/// A finding by its names, in a file's `fingerprints`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its code.
    pub code: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Its line.
    pub line: Option<u32>,
    /// Its name by the formula of older tools.
    pub v1: Fingerprint,
    /// Its name that lasts.
    pub v2: Fingerprint,
    /// Whether it is let pass.
    pub suppressed: bool,
}

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// How many files there were.
    pub total: u32,
    /// How many of them failed.
    pub failed: u32,
    /// When it was.
    pub timestamp: Stamp,
}

impl Classification {
    /// Reads `classification.json`.
    ///
    /// # Errors
    /// When it is cut, empty, something else, or counts other files than it lists.
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let read: Self = artifact::read(Artifact::Classification, bytes)?;
        read.summary.check(read.workflows.len())?;
        Ok(read)
    }

    /// Every name of every finding; nothing where a file that is not as it should be does not say what was found in it.
    #[must_use]
    pub fn names(&self) -> Option<HashSet<Fingerprint>> {
        let mut names = HashSet::new();
        for workflow in &self.workflows {
            match &workflow.fingerprints {
                Some(found) => names.extend(found.iter().flat_map(|named| [named.v1, named.v2])),
                None if workflow.ok => (),
                None => return None,
            }
        }
        Some(names)
    }
}

impl Summary {
    /// Reads the summary of `classification.json` alone.
    ///
    /// # Errors
    /// As [`Classification::read`].
    pub fn read(bytes: &[u8]) -> Result<Self, ArtifactError> {
        #[derive(Deserialize)]
        struct Outline {
            workflows: Vec<IgnoredAny>,
            summary: Summary,
        }
        let Outline { workflows, summary } = artifact::read(Artifact::Classification, bytes)?;
        summary.check(workflows.len())?;
        Ok(summary)
    }

    fn check(self, listed: usize) -> Result<(), ArtifactError> {
        let Self { total, failed, .. } = self;
        let foreign = |why: String| Err(ArtifactError::foreign(Artifact::Classification, why));
        if failed > total {
            return foreign(format!("{failed} of {total} files failed"));
        }
        if usize::try_from(total).is_ok_and(|total| total < listed) {
            return foreign(format!("it counts {total} files and lists {listed}"));
        }
        Ok(())
    }
}

impl Scanned {
    /// What the file counts as: the name of its code, or that of a code which is let pass.
    #[must_use]
    pub fn category(&self) -> String {
        category(self.code.name(), self.suppressed)
    }

    /// What was found, for the file's `fingerprints` in `classification.json`.
    #[must_use]
    pub fn named(&self) -> Vec<Named> {
        self.findings.iter().map(Named::from).collect()
    }
}

impl From<&Found> for Named {
    fn from(found: &Found) -> Self {
        let Fingerprints { v1, v2 } = found.fingerprints;
        let finding = &found.finding;
        let (code, severity, line) = (finding.code.clone(), finding.severity, finding.line);
        Self { code, severity, line, v1, v2, suppressed: found.suppressed.is_some() }
    }
}

/// What a file with that code counts as.
pub(super) fn category(code_name: &str, suppressed: bool) -> String {
    if suppressed && code_name != ResultCode::Success.name() {
        format!("Suppressed-{code_name}")
    } else {
        code_name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"workflows":[
        {"path":"a","ok":true,"category":"SUCCESS","error":"","code":0,"code_name":"SUCCESS","phase":"parse","line":null,
         "fingerprint":null,"suppressed":false,"fingerprints":[]},
        {"path":"b","ok":false,"category":"PARSE_ERROR","error":"no","code":20,"code_name":"PARSE_ERROR","phase":"parse","line":3,
         "fingerprint":"a1b2c3d4e5f67890","suppressed":false,"fingerprints":[{"code":"PARSE_ERROR","severity":"error","line":3,
         "v1":"a1b2c3d4e5f67890","v2":"deadbeefcafe1234","suppressed":false}]}],
        "summary":{"total":2,"failed":1,"failure_rate":0.5,"suppressed_failures":0,"categories":{},
        "timestamp":"2026-01-10T00:00:00+00:00"}}"#;

    #[test]
    fn a_scan_is_read_back_and_a_cut_one_is_an_error_at_every_length() {
        let read = Classification::read(WHOLE.as_bytes()).expect("read");
        assert_eq!((read.workflows.len(), read.summary.failed), (2, 1));
        let names = read.names().expect("every file says");
        let expect = ["a1b2c3d4e5f67890", "deadbeefcafe1234"].map(|text| text.parse().expect("a fingerprint"));
        assert_eq!(names, HashSet::from(expect));
        assert_eq!(Summary::read(WHOLE.as_bytes()), Ok(read.summary));
        for length in 0..WHOLE.len() {
            assert!(Classification::read(&WHOLE.as_bytes()[..length]).is_err(), "{length}");
            assert!(Summary::read(&WHOLE.as_bytes()[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_scan_that_contradicts_itself_is_an_error() {
        for (one, other) in [
            ("\"total\":2", "\"total\":1"),
            ("\"failed\":1", "\"failed\":3"),
            ("\"total\":2,", ""),
            ("2026-01-10T00:00:00+00:00", "2026-01-10T00:00:00"),
            ("\"workflows\"", "\"files\""),
        ] {
            let text = WHOLE.replace(one, other);
            assert_ne!(text, WHOLE);
            assert_eq!(Classification::read(text.as_bytes()).map_err(|error| error.code()), Err("scan-unreadable"));
            assert_eq!(Summary::read(text.as_bytes()).map_err(|error| error.code()), Err("scan-unreadable"), "{other}");
        }
    }

    #[test]
    fn a_scan_of_an_older_tool_does_not_say_all_that_was_found() {
        let text = WHOLE.replace(",\"fingerprints\":[]", "");
        assert!(Classification::read(text.as_bytes()).expect("read").names().is_some(), "nothing is wrong with it");
        let text = WHOLE.replace("\"fingerprints\":[{", "\"others\":[{");
        assert_eq!(Classification::read(text.as_bytes()).expect("read").names(), None);
    }

    #[test]
    fn a_file_counts_under_its_code_or_as_let_pass() {
        assert_eq!(category("PARSE_ERROR", false), "PARSE_ERROR");
        assert_eq!(category("PARSE_ERROR", true), "Suppressed-PARSE_ERROR");
        assert_eq!(category("SUCCESS", true), "SUCCESS");
    }
}
