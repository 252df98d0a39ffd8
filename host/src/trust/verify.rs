//! Bytes → [`VerifiedModule`]: the only way to one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portcullis_sdk::Metadata;
use semver::Version;

use super::{
    file::ModuleFile,
    key::{KeyId, PublicKey},
    list::Severity,
    metadata,
    refusal::Refusal,
    revoked::Revocation,
    root::{Publisher, TrustRoot},
    standing::Standing,
    wasm::FileKind,
};
use crate::digest::Digest;

/// What a module has to live up to.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// Who may sign what.
    pub root: &'a TrustRoot,
    /// What is revoked.
    pub standing: &'a Standing,
    /// The run's fixed clock.
    pub now: Timestamp,
    /// Whether a component is taken beside a module.
    pub components: bool,
}

/// A module that a trusted publisher signed and that nothing revokes, with the very bytes that were verified.
#[derive(Clone, Debug)]
pub struct VerifiedModule {
    bytes: Vec<u8>,
    facts: Facts,
}

#[derive(Clone, Debug)]
pub(super) struct Facts {
    kind: FileKind,
    content_digest: Digest,
    metadata: Metadata,
    pub(super) publisher: String,
    key_ids: Vec<KeyId>,
    warnings: Vec<Revocation>,
}

impl VerifiedModule {
    /// The bytes that were verified: what is compiled.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A module or a component.
    #[must_use]
    pub fn file_kind(&self) -> FileKind {
        self.facts.kind
    }

    /// The module's identity.
    #[must_use]
    pub fn content_digest(&self) -> Digest {
        self.facts.content_digest
    }

    /// What it says of itself, within the signed bytes.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.facts.metadata
    }

    /// Who published it, as follows from the keys.
    #[must_use]
    pub fn publisher(&self) -> &str {
        &self.facts.publisher
    }

    /// The publisher's keys that signed it and count.
    #[must_use]
    pub fn key_ids(&self) -> &[KeyId] {
        &self.facts.key_ids
    }

    /// Revocations that warn: it runs, with a finding for each.
    #[must_use]
    pub fn warnings(&self) -> &[Revocation] {
        &self.facts.warnings
    }
}

/// Verifies a module: its signatures, its publisher, its name and kind, and that nothing revokes it.
///
/// # Errors
/// When one of these does not hold, or it cannot be determined what is revoked.
pub fn verify_module(bytes: Vec<u8>, policy: &Policy<'_>) -> Result<VerifiedModule, Refusal> {
    let facts = judge(&bytes, policy)?;
    Ok(VerifiedModule { bytes, facts })
}

fn judge(bytes: &[u8], policy: &Policy<'_>) -> Result<Facts, Refusal> {
    policy.root.check_time(policy.now).map_err(Refusal::Root)?;
    let file = read_signed(bytes, policy.components)?;
    decide(&file, &claims(&file, policy), policy)
}

/// Whether a signed file whose signatures give `claims` is trusted.
pub(super) fn decide(file: &ModuleFile<'_>, claims: &[Claim<'_>], policy: &Policy<'_>) -> Result<Facts, Refusal> {
    let content = file.content_digest();
    let revocations = policy.standing.revocations();
    let mut warnings = Vec::new();
    weigh(revocations.of_module(&content), &mut warnings)?;
    if claims.is_empty() {
        let publishers = policy.root.publishers().values();
        let ids = publishers.flat_map(|publisher| &publisher.role.keys);
        return Err(unsigned_by(file, ids.filter_map(|id| policy.root.key(id)).map(|(key, _)| key)));
    }
    // What a file says of itself means nothing before a trusted key has signed it.
    let metadata = release(file, claims, policy, &mut warnings)?;
    let (claim, key_ids) = choose(claims, &metadata, &mut warnings)?;
    if let Some(problem) = policy.standing.problem() {
        return Err(Refusal::Revocations(problem.clone()));
    }
    Ok(Facts {
        kind: file.kind,
        content_digest: content,
        metadata,
        publisher: claim.name.to_owned(),
        key_ids,
        warnings,
    })
}

/// Reads a file that carries a signature over itself, whoever made it.
fn read_signed(bytes: &[u8], components: bool) -> Result<ModuleFile<'_>, Refusal> {
    let file = ModuleFile::read(bytes)?;
    check_signed(&file, components)?;
    Ok(file)
}

/// Whether a file is of a kind that is taken and carries a signature over itself.
pub(super) fn check_signed(file: &ModuleFile<'_>, components: bool) -> Result<(), Refusal> {
    if file.kind == FileKind::Component && !components {
        return Err(Refusal::FileKind(file.kind));
    }
    if file.sets.is_none() {
        return Err(Refusal::Unsigned);
    }
    if file.own_sets().next().is_none() {
        return Err(Refusal::DigestMismatch);
    }
    Ok(())
}

/// Gathers what warns; what blocks ends it.
fn weigh<'a>(found: impl Iterator<Item = &'a Revocation>, warnings: &mut Vec<Revocation>) -> Result<(), Refusal> {
    for revocation in found {
        match revocation.severity {
            Severity::Block => return Err(Refusal::Revoked(Box::new(revocation.clone()))),
            Severity::Warn => warnings.push(revocation.clone()),
        }
    }
    Ok(())
}

/// A publisher whose keys validly signed the module, and which of them count.
pub(super) struct Claim<'a> {
    pub(super) name: &'a str,
    pub(super) publisher: &'a Publisher,
    pub(super) counting: Vec<KeyId>,
    /// Revocations that warn about keys that count.
    warnings: Vec<&'a Revocation>,
    pub(super) revoked: Vec<(KeyId, &'a Revocation)>,
    pub(super) out_of_time: Vec<KeyId>,
}

pub(super) fn claims<'a>(file: &ModuleFile<'_>, policy: &Policy<'a>) -> Vec<Claim<'a>> {
    let content = file.content_digest();
    let signs = |id: &&KeyId| policy.root.key(id).is_some_and(|(key, _)| file.is_signed_by(key));
    let mut claims = Vec::new();
    for (name, publisher) in policy.root.publishers() {
        let keys: BTreeSet<KeyId> = publisher.role.keys.iter().filter(signs).copied().collect();
        if !keys.is_empty() {
            claims.push(claim(name, publisher, keys, &content, policy));
        }
    }
    claims
}

fn claim<'a>(
    name: &'a str,
    publisher: &'a Publisher,
    keys: BTreeSet<KeyId>,
    content: &Digest,
    policy: &Policy<'a>,
) -> Claim<'a> {
    let (counting, warnings, revoked, out_of_time) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut claim = Claim { name, publisher, counting, warnings, revoked, out_of_time };
    for id in keys {
        let found: Vec<_> = policy.standing.revocations().of_key(&id, content).collect();
        let in_time = policy.root.key(&id).is_some_and(|(_, window)| window.holds(policy.now));
        if let Some(blocking) = found.iter().find(|revocation| revocation.severity == Severity::Block) {
            claim.revoked.push((id, blocking));
        } else if in_time {
            claim.counting.push(id);
            claim.warnings.extend(found);
        } else {
            claim.out_of_time.push(id);
        }
    }
    claim
}

/// The module's metadata, if its release is not revoked. Every publisher whose key is on the module is asked, so that a
/// second signature does not hide what the first publisher revoked.
fn release(
    file: &ModuleFile<'_>,
    claims: &[Claim<'_>],
    policy: &Policy<'_>,
    warnings: &mut Vec<Revocation>,
) -> Result<Metadata, Refusal> {
    let revocations = policy.standing.revocations();
    let Some(metadata) = metadata::read(&file.metadata)? else {
        let unknown = claims.iter().find(|claim| revocations.has_release_of(claim.name));
        return Err(unknown.map_or(Refusal::MetadataMissing, |claim| Refusal::ReleaseUnknown(claim.name.to_owned())));
    };
    // The version was read when the metadata was.
    let version = Version::parse(&metadata.version).map_err(|_| metadata::MetadataError::Version)?;
    for claim in claims {
        weigh(revocations.of_release(claim.name, &metadata.name, &version), warnings)?;
    }
    Ok(metadata)
}

/// The first publisher, by name, that may publish this module and whose threshold is met; otherwise why the one that came
/// nearest may not.
fn choose<'c, 'a>(
    claims: &'c [Claim<'a>],
    metadata: &Metadata,
    warnings: &mut Vec<Revocation>,
) -> Result<(&'c Claim<'a>, Vec<KeyId>), Refusal> {
    let mut nearest = Refusal::UntrustedKey;
    for claim in claims {
        match claim.check(metadata) {
            Ok(()) => {
                warnings.extend(claim.warnings.iter().copied().cloned());
                return Ok((claim, claim.counting.clone()));
            }
            Err(refusal) if rank(&refusal) > rank(&nearest) => nearest = refusal,
            Err(_) => {}
        }
    }
    Err(nearest)
}

/// How near to trusted a publisher's claim came.
fn rank(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::Threshold { .. } => 1,
        Refusal::KeyWindow { .. } => 2,
        Refusal::PublisherModule { .. } => 3,
        Refusal::PublisherKind { .. } => 4,
        Refusal::Revoked(_) => 5,
        _ => 0,
    }
}

impl Claim<'_> {
    fn check(&self, metadata: &Metadata) -> Result<(), Refusal> {
        let publisher = || self.name.to_owned();
        let (found, needed) = (self.counting.len(), self.publisher.role.threshold.max(1));
        if found < needed {
            let but_for = found + self.revoked.len() + self.out_of_time.len() >= needed;
            return Err(match (self.revoked.first(), self.out_of_time.first()) {
                (Some((_, revocation)), _) if but_for => Refusal::Revoked(Box::new((*revocation).clone())),
                (None, Some(key)) if but_for => Refusal::KeyWindow { publisher: publisher(), key: *key },
                _ => Refusal::Threshold { publisher: publisher(), found, needed },
            });
        }
        if !self.publisher.may_name(&metadata.name) {
            return Err(Refusal::PublisherModule { publisher: publisher(), module: metadata.name.clone() });
        }
        if !self.publisher.kinds.contains(&metadata.kind) {
            return Err(Refusal::PublisherKind { publisher: publisher(), kind: metadata.kind });
        }
        Ok(())
    }
}

/// Why none of `keys` signed the file.
fn unsigned_by<'a>(file: &ModuleFile<'_>, mut keys: impl Iterator<Item = &'a PublicKey>) -> Refusal {
    let records = || file.own_sets().flat_map(|set| &set.records);
    let named = keys.find(|key| records().any(|record| record.names(key)));
    named.map_or(Refusal::UntrustedKey, |key| Refusal::SignatureInvalid(key.id()))
}

/// A module that given keys signed; says nothing of publishers and revocations, and cannot be compiled for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedModule {
    /// A module or a component.
    pub kind: FileKind,
    /// The module's identity.
    pub content_digest: Digest,
    /// Those of the keys that signed it, in the order of their names.
    pub key_ids: Vec<KeyId>,
    /// What it says of itself, if it says anything that reads.
    pub metadata: Option<Metadata>,
}

/// Verifies that at least `needed` (at least one) of `keys` signed the module; needs no trust file and no metadata.
///
/// # Errors
/// When the file is no signed module, was changed, or too few of the keys signed it.
pub fn verify_with_keys(
    bytes: &[u8],
    keys: &[PublicKey],
    needed: usize,
    components: bool,
) -> Result<SignedModule, Refusal> {
    let file = read_signed(bytes, components)?;
    let mut key_ids: Vec<_> = keys.iter().filter(|key| file.is_signed_by(key)).map(PublicKey::id).collect();
    key_ids.sort_unstable();
    key_ids.dedup();
    if key_ids.is_empty() {
        return Err(unsigned_by(&file, keys.iter()));
    }
    if key_ids.len() < needed {
        return Err(Refusal::Threshold { publisher: "the command".to_owned(), found: key_ids.len(), needed });
    }
    let metadata = metadata::read(&file.metadata).ok().flatten();
    Ok(SignedModule { kind: file.kind, content_digest: file.content_digest(), key_ids, metadata })
}
