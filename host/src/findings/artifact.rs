//! Artifacts of earlier scans are read strictly: what is cut, empty or something else is an error, and never nothing found.

use std::fmt;

use serde::Deserialize;

use crate::{diagnostic::Diagnostic, text::excerpt};

/// The most bytes of an artifact that are read.
pub const CAP: u64 = 256 << 20;
/// Characters of a message that may quote the artifact.
const MESSAGE: usize = 200;

/// What a file was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// What files came to: `parse_baseline.json`.
    Baseline,
    /// What a scan found: `classification.json`, or a snapshot of it.
    Classification,
}

/// A file is not the artifact that it was to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {artifact} {reason}")]
pub struct ArtifactError {
    /// What it was to be.
    pub artifact: Artifact,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with an artifact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not one character is in it.
    #[error("is empty")]
    Empty,
    /// It ends before its document does.
    #[error("is half-written: {0}")]
    Cut(String),
    /// It is no JSON.
    #[error("is no JSON: {0}")]
    Syntax(String),
    /// It is JSON of something else, or contradicts itself.
    #[error("is something else: {0}")]
    Foreign(String),
}

impl ArtifactError {
    pub(super) fn foreign(artifact: Artifact, why: impl Into<String>) -> Self {
        Self { artifact, reason: Reason::Foreign(why.into()) }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.artifact {
            Artifact::Baseline => "baseline-unreadable",
            Artifact::Classification => "scan-unreadable",
        }
    }
}

impl From<ArtifactError> for Diagnostic {
    fn from(error: ArtifactError) -> Self {
        let made = match error.artifact {
            Artifact::Baseline => "portcullis baseline write --scan classification.json",
            Artifact::Classification => "portcullis scan MODULE PATH --output classification=classification.json",
        };
        Self::new(error.code(), error.to_string()).help(format!("`{made}` makes one"))
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Classification => "classification",
        })
    }
}

/// The document that `bytes` are: one JSON object with nothing behind it.
pub(super) fn read<'a, T: Deserialize<'a>>(artifact: Artifact, bytes: &'a [u8]) -> Result<T, ArtifactError> {
    let failed = |reason| ArtifactError { artifact, reason };
    let bytes = bytes.trim_ascii_start();
    match bytes.first() {
        None => Err(failed(Reason::Empty)),
        // A list would be taken for the members of an object, in their order.
        Some(b'[') => Err(failed(Reason::Foreign("it is a list".to_owned()))),
        Some(_) => serde_json::from_slice(bytes).map_err(|error| {
            let said = excerpt(&error.to_string(), MESSAGE);
            failed(match error.classify() {
                serde_json::error::Category::Eof => Reason::Cut(said),
                serde_json::error::Category::Data => Reason::Foreign(said),
                _ => Reason::Syntax(said),
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Any {
        #[expect(dead_code, reason = "that it is there is what counts")]
        a: u32,
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        for (text, expect) in [
            ("", Reason::Empty),
            (" \n", Reason::Empty),
            ("{\"a\":1", Reason::Cut("EOF while parsing an object at line 1 column 6".to_owned())),
            ("[1]", Reason::Foreign("it is a list".to_owned())),
            ("{}", Reason::Foreign("missing field `a` at line 1 column 2".to_owned())),
            ("{\"a\":1}{}", Reason::Syntax("trailing characters at line 1 column 8".to_owned())),
            ("nothing", Reason::Syntax("expected ident at line 1 column 2".to_owned())),
        ] {
            let found = read::<Any>(Artifact::Baseline, text.as_bytes()).expect_err(text);
            assert_eq!(found.reason, expect, "{text}");
        }
        assert!(read::<Any>(Artifact::Baseline, b"{\"a\":1}\n").is_ok());
        let error = read::<Any>(Artifact::Classification, b"{\"a\":\"\x1b[2J\"}").expect_err("no number");
        let shown = Diagnostic::from(error).to_string();
        assert!(shown.starts_with("[scan-unreadable] the classification is "), "{shown}");
        assert!(!shown.contains('\x1b'), "{shown}");
    }
}
