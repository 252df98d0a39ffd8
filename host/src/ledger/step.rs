//! What is handed to the ledger, step by step.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{digest::Digest, trust::KeyId};

/// The most bytes of the name of a run, a step or a role.
pub(super) const MAX_NAME: usize = 256;

/// Names for what steps keep. A step may keep more, under names of its own.
pub mod role {
    /// Of a run: what it was called with, so that it can be resumed.
    pub const SETTINGS: &str = "settings";
    /// Of a run: the manifest.
    pub const MANIFEST: &str = "manifest";
    /// Of a run: the trust file.
    pub const TRUST: &str = "trust";
    /// Of a run: the signed root that the trust file names.
    pub const ROOT: &str = "root";
    /// Of a run: the revocation list.
    pub const REVOCATIONS: &str = "revocations";
    /// Of a run: the local deny list.
    pub const DENY: &str = "deny";
    /// Of a piece of evidence: what is known of how it was collected, as JSON.
    pub const PIECE: &str = "piece";
    /// Of a piece of evidence: its bytes.
    pub const BYTES: &str = "bytes";
    /// Of a gate: its entry in the record, as JSON. Of an agent's stage: the same, with its outputs and what its gates judged.
    pub const ENTRY: &str = "entry";
    /// Of a gate: the module's file.
    pub const MODULE: &str = "module";
    /// Of a gate: what it was asked.
    pub const REQUEST: &str = "request";
    /// Of a gate: what it answered.
    pub const ANSWER: &str = "answer";
    /// Of a gate: its notes.
    pub const NOTES: &str = "notes";
    /// Of a gate: what is known of its calls, as JSON; answers and notes of several stand one behind the other.
    pub const CALLS: &str = "calls";
    /// Of a validator over many files: their bytes, one behind the other.
    pub const FILES: &str = "files";
    /// Of a run: what files it read, as JSON; with a number behind it the bytes of each.
    pub const READ: &str = "read";
    /// Of a run's end: what the world had against a go, as JSON.
    pub const OBJECTIONS: &str = "objections";
    /// Of a run's end: the decision record.
    pub const RECORD: &str = "record";
    /// What a step rested on, as JSON. Never pruned.
    pub(crate) const USES: &str = "uses";
    /// The runs that were pruned, as JSON. Never pruned.
    pub(crate) const RUNS: &str = "runs";
}

/// What an entry of the chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A run began.
    Begin,
    /// A piece of evidence was collected, or could not be.
    Evidence,
    /// An agent's stage ended.
    Agent,
    /// A gate came to something.
    Gate,
    /// A run came to its end.
    Finish,
    /// Bytes were let go.
    Prune,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Begin, Self::Evidence, Self::Agent, Self::Gate, Self::Finish, Self::Prune];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Evidence => "evidence",
            Self::Agent => "agent",
            Self::Gate => "gate",
            Self::Finish => "finish",
            Self::Prune => "prune",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Bytes to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Pieces that follow one another. A large one is kept once, however many hold it: a request is handed in as what stands
    /// before its input, the input, and what stands behind it.
    Pieces(Vec<Cow<'a, [u8]>>),
    /// Bytes that the ledger keeps already, such as a module that an earlier step brought.
    Known(Digest),
}

impl Content<'_> {
    /// The same, without a copy of the bytes.
    pub(super) fn borrowed(&self) -> Content<'_> {
        match self {
            Self::Pieces(pieces) => Content::Pieces(pieces.iter().map(|piece| Cow::Borrowed(&**piece)).collect()),
            Self::Known(digest) => Content::Known(*digest),
        }
    }
}

impl<'a> From<&'a [u8]> for Content<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Pieces(vec![bytes.into()])
    }
}

impl<'a> From<&'a str> for Content<'a> {
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Vec<u8>> for Content<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Pieces(vec![bytes.into()])
    }
}

impl From<String> for Content<'_> {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

/// Bytes to keep, and what they are to the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep<'a> {
    /// One of [`role`], or a name of the caller's own. No two of a step have the same.
    pub role: Cow<'a, str>,
    /// The bytes.
    pub content: Content<'a>,
}

impl<'a> Keep<'a> {
    /// `content` as `role`.
    pub fn new(role: impl Into<Cow<'a, str>>, content: impl Into<Content<'a>>) -> Self {
        Self { role: role.into(), content: content.into() }
    }

    /// The same, without a copy of the bytes.
    pub(super) fn borrowed(&self) -> Keep<'_> {
        Keep { role: Cow::Borrowed(&*self.role), content: self.content.borrowed() }
    }
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct RunStart<'a> {
    /// Its name.
    pub run: Cow<'a, str>,
    /// When.
    pub at: Timestamp,
    /// The pipeline.
    pub policy: Cow<'a, str>,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// What the decision is to be about.
    pub subject: Option<Cow<'a, str>>,
    /// Manifest, trust, lists, settings, modules: whatever is known before anything runs.
    pub keeps: Vec<Keep<'a>>,
    /// What the whole run rests on: the root and the list, with the keys that signed them.
    pub uses: Vec<Use>,
}

/// What stands between a run's begin and its end.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "steps are handed in one by one and kept nowhere")]
pub enum Step<'a> {
    /// A piece of evidence.
    Evidence(EvidenceStep<'a>),
    /// An agent's stage.
    Agent(AgentStep<'a>),
    /// A gate.
    Gate(GateStep<'a>),
}

/// A piece of evidence that was collected, or could not be.
#[derive(Clone, Debug)]
pub struct EvidenceStep<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// When it ended.
    pub at: Timestamp,
    /// `completed`, or what kept it from that.
    pub outcome: Cow<'a, str>,
    /// How it was collected, and its bytes.
    pub keeps: Vec<Keep<'a>>,
}

/// An agent's stage that ended. The gates that judged the agent are steps of their own, handed in with it.
#[derive(Clone, Debug)]
pub struct AgentStep<'a> {
    /// The name of the stage.
    pub name: Cow<'a, str>,
    /// When it ended.
    pub at: Timestamp,
    /// How the agent ended, in one word.
    pub outcome: Cow<'a, str>,
    /// What became of it, and what it gave.
    pub keeps: Vec<Keep<'a>>,
}

/// A gate that came to something.
#[derive(Clone, Debug)]
pub struct GateStep<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// When.
    pub at: Timestamp,
    /// What it came to, in one word.
    pub outcome: Cow<'a, str>,
    /// Its entry in the record, as JSON.
    pub entry: Content<'a>,
    /// The module's file.
    pub module: Content<'a>,
    /// What it was asked, where it was asked once.
    pub asked: Option<Asked<'a>>,
    /// What else there is to keep.
    pub keeps: Vec<Keep<'a>>,
    /// What its outcome rests on.
    pub uses: Vec<Use>,
}

/// One call of a gate.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The request.
    pub request: Content<'a>,
    /// The answer; what came of it where the call faulted.
    pub answer: Content<'a>,
    /// The gate's own notes.
    pub notes: Content<'a>,
}

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Finish<'a> {
    /// When.
    pub at: Timestamp,
    /// `go`, `no-go` or `blocked`.
    pub decision: &'a str,
    /// The exit status.
    pub exit_code: u8,
    /// The decision record, as it was written.
    pub record: Content<'a>,
    /// What else there is to keep.
    pub keeps: Vec<Keep<'a>>,
}

/// Something signed that an outcome rests on: what `affected` asks about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// What it is.
    pub role: UseRole,
    /// Its identity: of a module its content digest, of a document the digest of its payload.
    pub content: Digest,
    /// Whose keys signed it: the publisher, or the approver; nothing for a root or a list.
    pub publisher: Option<String>,
    /// The name in its metadata.
    pub name: Option<String>,
    /// The version in its metadata.
    pub version: Option<String>,
    /// The keys that counted.
    pub keys: Vec<KeyId>,
}

/// What a [`Use`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UseRole {
    /// The module that judged.
    Module,
    /// The approval that made a pass of a review.
    Approval,
    /// The trust root.
    Root,
    /// The revocation list.
    List,
}

impl UseRole {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Approval => "approval",
            Self::Root => "root",
            Self::List => "list",
        }
    }
}
