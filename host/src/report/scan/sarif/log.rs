//! The parts of a SARIF log that are written, in the order in which they stand.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use crate::{
    findings::{BaselineState, Fingerprint},
    report::scan::Provenance,
};

/// The whole log (3.13).
#[derive(Serialize)]
pub(super) struct Log<R: Serialize> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) runs: [R; 1],
}

/// One run (3.14).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'a, U: Serialize, N: Serialize, R: Serialize> {
    pub(super) tool: Driver<Component<'a, U>>,
    pub(super) invocations: [Invocation<N>; 1],
    pub(super) original_uri_base_ids: BTreeMap<&'static str, Base>,
    pub(super) results: R,
}

/// The tool (3.18).
#[derive(Serialize)]
pub(super) struct Driver<C: Serialize> {
    pub(super) driver: C,
}

/// What looked: the validator (3.19).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a, U: Serialize> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) semantic_version: Option<&'a str>,
    pub(super) rules: U,
    pub(super) properties: Provenance<'a>,
}

/// What a code stands for (3.49).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    pub(super) id: &'a str,
    pub(super) short_description: Message<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<Message<'a>>,
}

/// How the run went (3.20).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation<N: Serialize> {
    pub(super) execution_successful: bool,
    pub(super) end_time_utc: String,
    pub(super) tool_execution_notifications: N,
}

/// What kept a file from being looked at (3.58).
#[derive(Serialize)]
pub(super) struct Notification<'a> {
    pub(super) descriptor: Id<'a>,
    pub(super) level: &'static str,
    pub(super) message: Message<'a>,
    pub(super) locations: [Location<'a>; 1],
}

/// Which kind of notification (3.52).
#[derive(Serialize)]
pub(super) struct Id<'a> {
    pub(super) id: &'a str,
}

/// What a base of references stands for (3.4).
#[derive(Serialize)]
pub(super) struct Base {
    pub(super) description: Message<'static>,
}

/// Words for people (3.11).
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) text: Cow<'a, str>,
}

/// A finding (3.27).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    pub(super) rule_id: &'a str,
    pub(super) rule_index: usize,
    pub(super) level: &'static str,
    pub(super) message: Message<'a>,
    pub(super) locations: [Location<'a>; 1],
    pub(super) partial_fingerprints: Names,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline_state: Option<BaselineState>,
    pub(super) suppressions: Vec<Suppression<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) properties: Option<Fix<'a>>,
}

/// The names of a finding.
#[derive(Serialize)]
pub(super) struct Names {
    #[serde(rename = "portcullis/v1")]
    pub(super) v1: Fingerprint,
    #[serde(rename = "portcullis/v2")]
    pub(super) v2: Fingerprint,
}

/// What to do about a finding.
#[derive(Serialize)]
pub(super) struct Fix<'a> {
    pub(super) fix: &'a str,
}

/// Why a finding is let pass (3.35).
#[derive(Serialize)]
pub(super) struct Suppression<'a> {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) justification: &'a str,
    pub(super) properties: Terms<'a>,
}

/// Who answers for that, and until when.
#[derive(Serialize)]
pub(super) struct Terms<'a> {
    pub(super) owner: Option<&'a str>,
    pub(super) expires: Option<&'a str>,
}

/// Where something is (3.28).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    pub(super) physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logical_locations: Option<[Logical<'a>; 1]>,
}

/// The file, and the place in it (3.29).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Physical {
    pub(super) artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<Region>,
}

/// The file (3.4).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact {
    pub(super) uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) uri_base_id: Option<&'static str>,
}

/// The place in it (3.30).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: u32,
}

/// The place within what the file says (3.33): a JSON pointer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logical<'a> {
    pub(super) fully_qualified_name: &'a str,
}
