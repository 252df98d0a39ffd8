//! One module and one publisher, held against what is revoked now and what would be.

use std::{collections::BTreeSet, path::Path};

use portcullis::{
    files::shown,
    intake::TrustFiles,
    limits::ceiling,
    trust::{self, Appraisal, Entry, KeyId, List, Revocations, Severity, Standing},
};
use serde::Serialize;

use super::Failure;
use crate::cli::{
    modules::read_module,
    verify::{Named, Threshold},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModuleImpact {
    pub(super) file: String,
    pub(super) content_digest: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    /// Those whose keys are on it.
    pub(super) publishers: Vec<String>,
    pub(super) effect: Effect,
    /// Why it would not run, or does not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    /// Entries that name it, a key that signed it, or its release.
    pub(super) revoked_by: Vec<Named>,
    /// What the keys of each publisher would come to.
    pub(super) thresholds: Vec<Threshold>,
    /// Publishers whose threshold is met on it now and would be no longer.
    pub(super) no_longer_met: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Effect {
    /// It would run as before.
    None,
    /// It would run, with a finding.
    Warned,
    /// It would no longer run.
    Stopped,
    /// It does not run now either.
    RefusedAlready,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublisherImpact {
    pub(super) publisher: String,
    /// Its modules, of those looked at, that would no longer run.
    pub(super) stopped: usize,
    pub(super) revoked_key_ids: Vec<String>,
    /// Its keys that would be left, and how many have to sign: with fewer it can publish nothing new.
    pub(super) keys_left: usize,
    pub(super) needed: usize,
    pub(super) can_sign: bool,
}

/// A trust file, with what is revoked now and what would be.
pub(super) struct Scale {
    trust: TrustFiles,
    before: Standing,
    after: Standing,
}

impl Scale {
    /// How fresh a list is does not matter to what it revokes, so both sides know no problem.
    pub(super) fn new(trust: TrustFiles, list: &List) -> Self {
        let before = Standing::of(trust.standing.revocations().clone());
        let after = trust.standing.supposing(list.clone());
        Self { trust, before, after }
    }

    pub(super) fn weigh(&self, path: &Path) -> Result<ModuleImpact, Failure> {
        let bytes = read_module(path, ceiling::MODULE)?;
        let look = |standing| trust::appraise(&bytes, &self.trust.policy(standing, false));
        Ok(ModuleImpact::between(path, look(&self.before), look(&self.after)))
    }

    pub(super) fn publishers(&self, list: &List) -> Vec<PublisherImpact> {
        let blocked = |entry: &Entry| match entry {
            Entry::Key { key_sha256, severity: Severity::Block, .. } => Some(*key_sha256),
            _ => None,
        };
        let revoked: BTreeSet<KeyId> = list.entries.iter().filter_map(blocked).collect();
        let impact = |(name, publisher): (&String, &trust::Publisher)| {
            let (gone, left): (Vec<&KeyId>, Vec<&KeyId>) =
                publisher.role.keys.iter().partition(|key| revoked.contains(key));
            PublisherImpact {
                publisher: name.clone(),
                stopped: 0,
                revoked_key_ids: gone.iter().map(ToString::to_string).collect(),
                keys_left: left.len(),
                needed: publisher.role.threshold,
                can_sign: left.len() >= publisher.role.threshold,
            }
        };
        self.trust.file.root.publishers().iter().map(impact).collect()
    }
}

impl ModuleImpact {
    fn between(path: &Path, before: Appraisal, after: Appraisal) -> Self {
        let effect = match (&before.verdict, &after.verdict) {
            (Err(_), _) => Effect::RefusedAlready,
            (Ok(_), Err(_)) => Effect::Stopped,
            (Ok(_), Ok(_)) if after.revocations.is_empty() => Effect::None,
            (Ok(_), Ok(_)) => Effect::Warned,
        };
        let falls = |now: &&trust::SignedFor| {
            let then = after.claims.iter().find(|then| then.publisher == now.publisher);
            now.is_met() && !then.is_some_and(trust::SignedFor::is_met)
        };
        let (name, version) = after.metadata.map(|metadata| (metadata.name, metadata.version)).unzip();
        Self {
            file: shown(path),
            content_digest: after.content_digest.map(|digest| digest.to_string()),
            name,
            version,
            publishers: after.claims.iter().map(|claim| claim.publisher.clone()).collect(),
            effect,
            code: before.verdict.and(after.verdict).err().map(|refusal| refusal.code()),
            revoked_by: after.revocations.iter().map(Named::from).collect(),
            thresholds: after.claims.iter().map(Threshold::from).collect(),
            no_longer_met: before.claims.iter().filter(falls).map(|claim| claim.publisher.clone()).collect(),
        }
    }
}

/// What the list says of a module's content alone.
pub(super) fn by_content(path: &Path, list: &List) -> Result<ModuleImpact, Failure> {
    let bytes = read_module(path, ceiling::MODULE)?;
    let revocations = Revocations::of(list.clone());
    let content = trust::content_digest(&bytes);
    let found: Vec<&trust::Revocation> = content.iter().flat_map(|content| revocations.of_module(content)).collect();
    let is_blocked = found.iter().any(|revocation| revocation.severity == Severity::Block);
    Ok(ModuleImpact {
        file: shown(path),
        content_digest: content.as_ref().ok().map(ToString::to_string),
        name: None,
        version: None,
        publishers: Vec::new(),
        effect: match &content {
            Err(_) => Effect::RefusedAlready,
            Ok(_) if is_blocked => Effect::Stopped,
            Ok(_) if found.is_empty() => Effect::None,
            Ok(_) => Effect::Warned,
        },
        code: content.as_ref().map_or_else(|error| Some(error.code()), |_| is_blocked.then_some("revoked-module")),
        revoked_by: found.into_iter().map(Named::from).collect(),
        thresholds: Vec::new(),
        no_longer_met: Vec::new(),
    })
}
