//! The three documents, with the objects inside the manifest that have to be objects.

use portcullis_sdk::prelude::*;

use crate::value::{Fields, Integer, Node, Value, integer};

/// What the checks look at.
pub struct Documents<'a> {
    pub manifest: Fields<'a>,
    pub sanitize: Fields<'a>,
    pub preflight: Fields<'a>,
    pub fixtures: Node<'a>,
    pub candidate_inputs: Node<'a>,
    pub request_pack: Node<'a>,
    pub output: Node<'a>,
}

impl<'a> Documents<'a> {
    /// The documents, if each object that the manifest has to hold is an object, null or missing.
    pub fn new(manifest: Fields<'a>, sanitize: Fields<'a>, preflight: Fields<'a>) -> Result<Self, Fault> {
        Ok(Self {
            fixtures: Node::of(&manifest, "fixtures")?,
            candidate_inputs: Node::of(&manifest, "candidate_inputs")?,
            request_pack: Node::of(&manifest, "request_pack")?,
            output: Node::of(&manifest, "external_runner_output")?,
            manifest,
            sanitize,
            preflight,
        })
    }

    /// How many records the manifest, the sanitize report and the preflight report each say there are.
    pub fn counts(&self) -> [Counts<'a>; 3] {
        let manifest = Counts {
            fixtures: self.fixtures.get("records"),
            candidate_inputs: self.candidate_inputs.get("records"),
            requests: self.request_pack.get("records"),
            expected_action_marker_records: self.fixtures.get("expected_action_marker_records"),
        };
        [manifest, Counts::of(&self.sanitize), Counts::of(&self.preflight)]
    }
}

/// How many records one document says there are, as it says it.
#[derive(Serialize)]
pub struct Counts<'a> {
    pub fixtures: Value<'a>,
    pub candidate_inputs: Value<'a>,
    pub requests: Value<'a>,
    pub expected_action_marker_records: Value<'a>,
}

impl<'a> Counts<'a> {
    fn of(report: &Fields<'a>) -> Self {
        Self {
            fixtures: report.get("fixtures"),
            candidate_inputs: report.get("candidate_inputs"),
            requests: report.get("requests"),
            expected_action_marker_records: report.get("expected_action_marker_records"),
        }
    }

    /// The number of requests; zero, if the document gives no integer.
    pub fn request_count(&self) -> Integer<'a> {
        integer(self.requests).unwrap_or(Integer::ZERO)
    }
}
