//! How far a module's signatures carry, publisher by publisher, and what revokes it: for people who want to know, and for
//! weighing a revocation before it is made. Gives nothing that can be compiled.

use portcullis_sdk::Metadata;
use semver::Version;

use super::{
    file::ModuleFile,
    key::KeyId,
    metadata,
    refusal::Refusal,
    revoked::Revocation,
    verify::{Claim, Policy, check_signed, claims, decide},
    wasm::FileKind,
};
use crate::digest::Digest;

/// All that a trust file has to say of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraisal {
    /// A module or a component; nothing if it is neither.
    pub kind: Option<FileKind>,
    /// The module's identity, if the file has one.
    pub content_digest: Option<Digest>,
    /// What it says of itself, once a publisher's key has signed that.
    pub metadata: Option<Metadata>,
    /// The publishers whose keys signed it, by name.
    pub claims: Vec<SignedFor>,
    /// Everything that revokes it, a key that signed it, or its release, with whatever effect.
    pub revocations: Vec<Revocation>,
    /// The publisher that it is trusted as, or why it is not trusted.
    pub verdict: Result<String, Refusal>,
}

/// What the keys of one publisher come to on one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedFor {
    /// The publisher.
    pub publisher: String,
    /// Distinct keys that have to sign.
    pub needed: usize,
    /// Keys that signed and count.
    pub counting: Vec<KeyId>,
    /// Keys that signed and are revoked for this content.
    pub revoked: Vec<KeyId>,
    /// Keys that signed and do not count at this time.
    pub out_of_time: Vec<KeyId>,
}

impl SignedFor {
    /// Whether enough keys count.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.counting.len() >= self.needed
    }
}

/// Looks at a module as [`super::verify_module`] does, to the same verdict, and says everything.
#[must_use]
pub fn appraise(bytes: &[u8], policy: &Policy<'_>) -> Appraisal {
    let nothing = |refusal: Refusal| Appraisal {
        kind: None,
        content_digest: None,
        metadata: None,
        claims: Vec::new(),
        revocations: Vec::new(),
        verdict: Err(refusal),
    };
    match ModuleFile::read(bytes) {
        Err(error) => nothing(error.into()),
        Ok(file) => appraise_file(&file, policy),
    }
}

fn appraise_file(file: &ModuleFile<'_>, policy: &Policy<'_>) -> Appraisal {
    let claims = claims(file, policy);
    let in_time = policy.root.check_time(policy.now).map_err(Refusal::Root);
    let signed = in_time.and_then(|()| check_signed(file, policy.components));
    let verdict = signed.and_then(|()| decide(file, &claims, policy)).map(|facts| facts.publisher);
    let metadata = metadata::read(&file.metadata).ok().flatten().filter(|_| !claims.is_empty());
    Appraisal {
        kind: Some(file.kind),
        content_digest: Some(file.content_digest()),
        revocations: revocations(file.content_digest(), metadata.as_ref(), &claims, policy),
        claims: claims.iter().map(SignedFor::from).collect(),
        metadata,
        verdict,
    }
}

impl From<&Claim<'_>> for SignedFor {
    fn from(claim: &Claim<'_>) -> Self {
        Self {
            publisher: claim.name.to_owned(),
            needed: claim.publisher.role.threshold.max(1),
            counting: claim.counting.clone(),
            revoked: claim.revoked.iter().map(|(key, _)| *key).collect(),
            out_of_time: claim.out_of_time.clone(),
        }
    }
}

fn revocations(
    content: Digest,
    metadata: Option<&Metadata>,
    claims: &[Claim<'_>],
    policy: &Policy<'_>,
) -> Vec<Revocation> {
    let all = policy.standing.revocations();
    let mut found: Vec<&Revocation> = all.of_module(&content).collect();
    let release = metadata.and_then(|metadata| Some((metadata, Version::parse(&metadata.version).ok()?)));
    for claim in claims {
        let revoked = claim.revoked.iter().map(|(key, _)| key);
        let keys = claim.counting.iter().chain(revoked).chain(&claim.out_of_time);
        found.extend(keys.flat_map(|key| all.of_key(key, &content)));
        if let Some((metadata, version)) = &release {
            found.extend(all.of_release(claim.name, &metadata.name, version));
        }
    }
    let mut distinct: Vec<Revocation> = Vec::new();
    for revocation in found {
        if !distinct.contains(revocation) {
            distinct.push(revocation.clone());
        }
    }
    distinct
}
