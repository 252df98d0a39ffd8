//! What is said of one file, as data.

use std::path::Path;

use portcullis::{
    files::shown,
    text::excerpt,
    trust::{self, Appraisal, KeyId, Refusal, Revocation, Severity, SignedFor, Source},
};
use portcullis_sdk::Metadata;
use serde::Serialize;

/// What is said of one file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verified {
    pub(super) file: String,
    pub(super) trusted: bool,
    /// Why not: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
    pub(super) content_digest: Option<String>,
    /// What the module says of itself, once a key that is known has signed that; so the two below.
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) kind: Option<&'static str>,
    /// Whom it is trusted as.
    pub(super) publisher: Option<String>,
    /// Keys that signed it and count.
    pub(super) key_ids: Vec<String>,
    /// What the keys of each publisher that signed it come to.
    pub(super) thresholds: Vec<Threshold>,
    /// `none`, `warned`, `revoked`, or `unknown` where that cannot be determined; nothing where nobody was asked.
    pub(super) revocation: Option<&'static str>,
    /// Everything that names it, a key that signed it, or its release.
    pub(super) revoked_by: Vec<Named>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Threshold {
    pub(crate) publisher: String,
    pub(crate) needed: usize,
    pub(crate) counted: usize,
    pub(crate) met: bool,
    pub(crate) key_ids: Vec<String>,
    pub(crate) revoked_key_ids: Vec<String>,
    pub(crate) out_of_time_key_ids: Vec<String>,
}

impl From<&SignedFor> for Threshold {
    fn from(signed: &SignedFor) -> Self {
        let names = |keys: &[KeyId]| keys.iter().map(ToString::to_string).collect();
        Self {
            publisher: signed.publisher.clone(),
            needed: signed.needed,
            counted: signed.counting.len(),
            met: signed.is_met(),
            key_ids: names(&signed.counting),
            revoked_key_ids: names(&signed.revoked),
            out_of_time_key_ids: names(&signed.out_of_time),
        }
    }
}

/// One revocation that names a module.
#[derive(Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    pub(crate) id: String,
    code: &'static str,
    reason: &'static str,
    severity: Severity,
    source: Source,
}

impl From<&Revocation> for Named {
    fn from(revocation: &Revocation) -> Self {
        Self {
            id: revocation.id().to_owned(),
            code: revocation.code(),
            reason: revocation.reason.name(),
            severity: revocation.severity,
            source: revocation.source,
        }
    }
}

impl Named {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        let effect = if self.severity == Severity::Warn { ", which lets it run" } else { "" };
        format!("{} ({}, {}){effect}", excerpt(&self.id, 64), self.code, self.reason)
    }
}

impl Verified {
    /// A file of which nothing is known.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            file: shown(path),
            trusted: false,
            code: None,
            reason: None,
            help: None,
            content_digest: None,
            name: None,
            version: None,
            kind: None,
            publisher: None,
            key_ids: Vec::new(),
            thresholds: Vec::new(),
            revocation: None,
            revoked_by: Vec::new(),
        }
    }

    pub(super) fn appraised(mut self, found: Appraisal, is_unknown: bool) -> Self {
        self.content_digest = found.content_digest.map(|digest| digest.to_string());
        self.revoked_by = found.revocations.iter().map(Named::from).collect();
        // A revoked key may leave enough others: what decides is the verdict.
        let is_revoked = matches!(found.verdict, Err(Refusal::Revoked(_) | Refusal::ReleaseUnknown(_)));
        self.revocation = found.content_digest.map(|_| match (is_revoked, is_unknown) {
            (true, _) => "revoked",
            (false, true) => "unknown",
            (false, false) if self.revoked_by.is_empty() => "none",
            (false, false) => "warned",
        });
        self.thresholds = found.claims.iter().map(Threshold::from).collect();
        match found.verdict {
            Ok(publisher) => {
                let keys = self.thresholds.iter().find(|threshold| threshold.publisher == publisher);
                self.key_ids = keys.map(|threshold| threshold.key_ids.clone()).unwrap_or_default();
                (self.trusted, self.publisher) = (true, Some(publisher));
            }
            Err(refusal) => self.refuse(&refusal),
        }
        self.says(found.metadata)
    }

    pub(super) fn signed(mut self, bytes: &[u8], keys: &[trust::PublicKey]) -> Self {
        self.content_digest = trust::content_digest(bytes).ok().map(|digest| digest.to_string());
        match trust::verify_with_keys(bytes, keys, 1, true) {
            Ok(module) => {
                self.trusted = true;
                self.key_ids = module.key_ids.iter().map(ToString::to_string).collect();
                self.says(module.metadata)
            }
            Err(refusal) => {
                self.refuse(&refusal);
                self
            }
        }
    }

    fn refuse(&mut self, refusal: &Refusal) {
        self.code = Some(refusal.code());
        self.reason = Some(refusal.to_string());
        self.help = Some(refusal.help().to_owned());
    }

    fn says(mut self, metadata: Option<Metadata>) -> Self {
        if let Some(metadata) = metadata {
            self.kind = Some(metadata.kind.name());
            (self.name, self.version) = (Some(metadata.name), Some(metadata.version));
        }
        self
    }
}
