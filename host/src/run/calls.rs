//! What is known of a gate's calls: enough to derive again what the gate came to, without asking it again.

use portcullis_sdk::Kind;

use crate::{
    digest::Digest,
    findings::{Document, Looked, Rules, suppressions::Used},
    judge::{Fault, Judgement, Usage},
};

/// All calls of a gate, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Why it could not be called at all: its module did not compile within its limits.
    pub fault: Option<Fault>,
    /// One where it was asked once, one for each file where it looked at many, none where it was not asked.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The file that a validator was asked about.
    pub file: Option<File>,
    /// The request. Of a validator over many files only the file is kept: the rest of its requests says the same.
    pub request: Vec<u8>,
    /// What the gate wrote to stdout, an answer or not.
    pub answer: Vec<u8>,
    /// What it wrote to stderr, as far as it is taken.
    pub notes: Vec<u8>,
    /// Why the call came to no answer; nothing where what was written is to be read as one.
    pub fault: Option<Fault>,
    /// What it used.
    pub usage: Usage,
}

/// A file that a validator was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, as the validator was told it.
    pub path: String,
    /// Its bytes; nothing where it could not be read, and so the validator was not called.
    pub bytes: Option<Vec<u8>>,
}

impl Calls {
    /// Whether any of it ended because the run did: then the gate has yet to be asked.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        let faults = self.calls.iter().filter_map(|call| call.fault.as_ref()).chain(&self.fault);
        faults.into_iter().any(|fault| fault.cause == crate::judge::Cause::Interrupted)
    }
}

impl Call {
    /// What a gate of `kind` said in it.
    #[must_use]
    pub fn judgement(&self, kind: Kind) -> Judgement {
        Judgement::of(kind, self.fault.clone(), &self.answer, &self.notes, self.usage)
    }

    /// What became of the file, held against `rules`.
    #[must_use]
    pub fn looked(&self, rules: &Rules<'_>, used: &mut Used) -> Looked {
        let path = self.file.as_ref().map_or("", |file| &file.path);
        match (self.file.as_ref().and_then(|file| file.bytes.as_ref()), &self.fault) {
            (None, Some(fault)) => Looked::unread(path, fault.clone()),
            (bytes, _) => {
                let bytes = bytes.cloned().unwrap_or_default();
                let document = Document::of(Digest::of(&bytes), bytes);
                Looked::at(path, &document, self.judgement(Kind::Validator), rules, used)
            }
        }
    }
}
