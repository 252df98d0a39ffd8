//! Evidence: what the gates of a plan are asked about, collected once, before any gate runs.
//!
//! Collecting touches the world and judging does not, so whatever goes wrong out there ends here, as an error in the
//! place of a piece of evidence. JSON is carried as it was written: a gate sees the digits that the file has.

mod decode;
mod each;

use serde_json::value::RawValue;

pub use decode::{DecodeError, document};
pub use each::{GlobError, MatchError, expand, glob};

use crate::{
    digest::Digest,
    files::{FileError, read_capped},
    manifest::{EvidenceSource, GatePlan, Input, Origin, Plan},
};

/// One piece of evidence.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Its name in the manifest.
    pub name: String,
    /// The digest of the bytes that were collected; of its JSON, where it stands in the manifest.
    pub digest: Digest,
    /// How many bytes that were.
    pub size: u64,
    /// What a request holds.
    pub json: Box<RawValue>,
}

/// A piece of evidence that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("evidence `{name}` could not be collected: {message}")]
pub struct CollectError {
    /// Its name in the manifest.
    pub name: String,
    code: &'static str,
    message: String,
}

impl CollectError {
    /// The stable code: `evidence-missing`, `evidence-unreadable`, `evidence-too-large`, `evidence-not-utf8`,
    /// `evidence-not-json`, `evidence-not-toml` or `evidence-too-deep`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// What was collected for a plan, by index into [`Plan::evidence`].
#[derive(Clone, Debug, Default)]
pub struct Collected {
    pieces: Vec<Option<Result<Evidence, CollectError>>>,
    files: Vec<Option<Result<Vec<String>, MatchError>>>,
}

impl Collected {
    /// The piece with that index, or why it could not be had; nothing where no gate of the plan asks for it.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Result<&Evidence, &CollectError>> {
        self.pieces.get(index)?.as_ref().map(Result::as_ref)
    }

    /// The files that the gate with that index into [`Plan::gates`] is asked about, relative to its root; nothing where it
    /// is asked once.
    #[must_use]
    pub fn files(&self, gate: usize) -> Option<Result<&[String], &MatchError>> {
        Some(self.files.get(gate)?.as_ref()?.as_ref().map(Vec::as_slice))
    }

    /// All that was collected, or could not be, in the plan's order.
    pub fn iter(&self) -> impl Iterator<Item = Result<&Evidence, &CollectError>> {
        self.pieces.iter().flatten().map(Result::as_ref)
    }
}

/// The evidence that the gates of `plan` ask for: each source once, in the plan's order. One that fails keeps no other
/// from being collected.
#[must_use]
pub fn collect(plan: &Plan) -> Collected {
    let mut caps = vec![None; plan.evidence.len()];
    for gate in &plan.gates {
        note_caps(gate, &mut caps);
    }
    let one = |(source, cap): (_, Option<u64>)| cap.map(|cap| collect_one(source, cap));
    let files = |gate: &GatePlan| match &gate.input {
        Input::Each { pattern, root } => Some(expand(pattern, root)),
        Input::Nothing | Input::Whole(_) | Input::Named(_) => None,
    };
    Collected {
        pieces: plan.evidence.iter().zip(caps).map(one).collect(),
        files: plan.gates.iter().map(files).collect(),
    }
}

/// Raises the cap of each piece that `gate` asks for to what the gate may be sent; a gate that may be sent less has
/// its own limit checked on its request.
fn note_caps(gate: &GatePlan, caps: &mut [Option<u64>]) {
    let indices = match &gate.input {
        Input::Whole(index) => vec![*index],
        Input::Named(members) => members.iter().map(|(_, index)| *index).collect(),
        Input::Nothing | Input::Each { .. } => Vec::new(),
    };
    for index in indices {
        if let Some(cap) = caps.get_mut(index) {
            *cap = (*cap).max(Some(gate.limits.input));
        }
    }
}

fn collect_one(source: &EvidenceSource, cap: u64) -> Result<Evidence, CollectError> {
    let failed = |code, message| CollectError { name: source.name.clone(), code, message };
    let evidence = |digest, size: usize, json| Evidence { name: source.name.clone(), digest, size: size as u64, json };
    match &source.origin {
        Origin::Value(value) => {
            let json = serde_json::value::to_raw_value(value);
            let json = json.map_err(|error| failed("evidence-not-json", error.to_string()))?;
            Ok(evidence(Digest::of(json.get().as_bytes()), json.get().len(), json))
        }
        Origin::File { path, format } => {
            let bytes = read_capped(path, cap).map_err(|error| failed(file_code(&error), error.to_string()))?;
            let (digest, size) = (Digest::of(&bytes), bytes.len());
            let json = decode::decode(bytes, *format)
                .map_err(|error| failed(error.code(), format!("`{}` {error}", crate::files::shown(path))))?;
            Ok(evidence(digest, size, json))
        }
    }
}

fn file_code(error: &FileError) -> &'static str {
    match error {
        FileError::Missing { .. } => "evidence-missing",
        FileError::TooLarge { .. } => "evidence-too-large",
        FileError::NotAFile { .. } | FileError::Read { .. } | FileError::Write { .. } => "evidence-unreadable",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::{Overrides, parse};

    fn collected(folder: &Path, manifest: &str) -> Vec<String> {
        let text = format!("schema = 1\nname = \"t\"\ntrust = \"t\"\n{manifest}");
        let plan = parse(text.as_bytes(), &folder.join("portcullis.toml"), &Overrides::default()).expect("a plan");
        let one = |piece: Result<&Evidence, &CollectError>| match piece {
            Ok(evidence) => format!("{}: {}", evidence.name, evidence.json),
            Err(error) => format!("{}: {}", error.name, error.code()),
        };
        collect(&plan).iter().map(one).collect()
    }

    #[test]
    fn what_gates_ask_for_is_collected_and_what_fails_keeps_nothing_else_back() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.json"), "\n{\"n\": 1.50, \"n\": 2}\n").expect("written");
        std::fs::write(folder.path().join("b.json"), "{").expect("written");
        let sources = "[evidence]\na = { file = 'a.json' }\nb = { file = 'b.json' }\nunused = { file = 'c.json' }\n\
            gone = { file = 'c.json' }\nfolder = { file = '.', format = 'bytes' }\nhere = { value = { x = 1 } }\n";
        let gates = "[gate.g]\nmodule = 'm'\ninput = { b = 'b', g = 'gone', f = 'folder', h = 'here' }\n\
            [gate.h]\nmodule = 'm'\ninput = 'a'\n";
        let expect = [
            "a: {\"n\": 1.50, \"n\": 2}",
            "b: evidence-not-json",
            "gone: evidence-missing",
            "folder: evidence-unreadable",
            "here: {\"x\":1}",
        ];
        assert_eq!(collected(folder.path(), &format!("{sources}{gates}")), expect);
    }

    #[test]
    fn a_file_is_read_as_far_as_the_most_generous_gate_may_be_sent() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.json"), "[1,2,3]").expect("written");
        let manifest = |limit| {
            format!(
                "[evidence]\na = {{ file = 'a.json' }}\n[gate.g]\nmodule = 'm'\ninput = 'a'\nlimits = {{ input = 2 }}\n\
                 [gate.h]\nmodule = 'm'\ninput = 'a'\nlimits = {{ input = {limit} }}\n"
            )
        };
        assert_eq!(collected(folder.path(), &manifest(7)), ["a: [1,2,3]"]);
        assert_eq!(collected(folder.path(), &manifest(6)), ["a: evidence-too-large"]);
    }
}
