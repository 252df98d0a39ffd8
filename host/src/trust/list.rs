//! The revocation list (`application/vnd.portcullis.revocations.v1+json`): what it says, and whether it is to be believed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    envelope::Envelope,
    key::KeyId,
    metadata::is_name,
    problem::DocumentError,
    root::{TrustRoot, check_span},
    strict_json::{self, Time, Whole},
    versions::VersionRange,
};
use crate::{digest::Digest, text::excerpt};

/// The payload's type.
pub const LIST_TYPE: &str = "application/vnd.portcullis.revocations.v1+json";
const KIND: &str = "revocation-list";
/// Bytes of an entry's id.
const MAX_ID: usize = 128;

/// A revocation list as it is written. Serialised, it is the payload of a signed list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    #[serde(rename = "type")]
    kind: String,
    /// Which list this is.
    pub list_id: String,
    /// Counts before the version.
    pub epoch: Whole,
    /// Counts up with each list.
    pub version: Whole,
    /// The version of the root that it was made under.
    pub root_version: Whole,
    /// When it was made.
    pub issued: Time,
    /// When its time is over.
    pub expires: Time,
    /// What is revoked, and what is no more.
    pub entries: Vec<Entry>,
}

/// Why something is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the meaning")]
pub enum Reason {
    KeyCompromise,
    Malicious,
    Vulnerable,
    Superseded,
    Ceased,
    Policy,
}

impl Reason {
    /// Its name, as lists spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyCompromise => "key-compromise",
            Self::Malicious => "malicious",
            Self::Vulnerable => "vulnerable",
            Self::Superseded => "superseded",
            Self::Ceased => "ceased",
            Self::Policy => "policy",
        }
    }
}

/// What becomes of a module that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It runs, with a finding.
    Warn,
    /// It does not run.
    Block,
}

/// One entry of a list. Ids never vanish from a list: what is no longer revoked becomes [`Entry::Withdrawn`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// One module, by the digest of its content, whoever signed it.
    Module {
        /// The entry's name.
        id: String,
        /// The module.
        content_sha256: Digest,
        /// Why.
        reason: Reason,
        /// With what effect.
        severity: Severity,
        /// When.
        revoked_at: Time,
    },
    /// Every signature that a key ever made, whatever its date.
    Key {
        /// The entry's name.
        id: String,
        /// The key's full name.
        key_sha256: KeyId,
        /// Contents for which the key still counts.
        #[serde(default)]
        except_content_sha256: Vec<Digest>,
        /// Why.
        reason: Reason,
        /// With what effect.
        severity: Severity,
        /// When.
        revoked_at: Time,
    },
    /// Versions of a publisher's module, by its signed name and version.
    Release {
        /// The entry's name.
        id: String,
        /// Who published it.
        publisher: String,
        /// Its name.
        module: String,
        /// Which versions.
        versions: VersionRange,
        /// Why.
        reason: Reason,
        /// With what effect.
        severity: Severity,
        /// When.
        revoked_at: Time,
    },
    /// An entry that was in an earlier list and counts no more.
    Withdrawn {
        /// The name of the entry that is withdrawn.
        id: String,
        /// When.
        withdrawn_at: Time,
    },
}

impl Entry {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Module { id, .. } | Self::Key { id, .. } | Self::Release { id, .. } | Self::Withdrawn { id, .. } => {
                id
            }
        }
    }

    /// Why, with what effect and when it revokes; `None` if it withdraws.
    #[must_use]
    pub fn effect(&self) -> Option<(Reason, Severity, Time)> {
        match self {
            Self::Module { reason, severity, revoked_at, .. }
            | Self::Key { reason, severity, revoked_at, .. }
            | Self::Release { reason, severity, revoked_at, .. } => Some((*reason, *severity, *revoked_at)),
            Self::Withdrawn { .. } => None,
        }
    }

    /// Which entry it withdraws, and when; `None` if it revokes.
    #[must_use]
    pub fn withdrawal(&self) -> Option<(String, Time)> {
        match self {
            Self::Withdrawn { id, withdrawn_at } => Some((id.clone(), *withdrawn_at)),
            _ => None,
        }
    }

    /// The digest of all that it says.
    pub(super) fn digest(&self) -> Digest {
        // Strings and numbers always serialise.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    fn flaw(&self) -> Option<&'static str> {
        match self {
            entry if entry.id().is_empty() || entry.id().len() > MAX_ID => Some("an id is empty or too long"),
            Self::Release { publisher, module, .. } if !is_name(publisher) || !is_name(module) => {
                Some("a publisher or module of a release is no name")
            }
            _ => None,
        }
    }
}

impl List {
    /// A list without entries.
    #[must_use]
    pub fn new(list_id: &str, epoch: Whole, version: Whole, root_version: Whole, issued: Time, expires: Time) -> Self {
        let list_id = list_id.to_owned();
        Self { kind: KIND.to_owned(), list_id, epoch, version, root_version, issued, expires, entries: Vec::new() }
    }

    /// Reads a payload; says nothing about who signed it.
    ///
    /// # Errors
    /// With `duplicate-key`, `unknown-kind` or `schema` when it is not one.
    pub fn parse(payload: &[u8]) -> Result<Self, DocumentError> {
        let list: Self = strict_json::read(payload).map_err(|error| unknown_kind(payload).unwrap_or(error.into()))?;
        list.check()?;
        Ok(list)
    }

    /// The payload, one line of JSON.
    ///
    /// # Errors
    /// When it breaks a rule of the format.
    pub fn to_payload(&self) -> Result<Vec<u8>, DocumentError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|error| DocumentError::schema(error.to_string()))
    }

    /// Replaces the entry of that id by the record that it is withdrawn; false if nothing of that id is revoked.
    pub fn withdraw(&mut self, id: &str, withdrawn_at: Time) -> bool {
        let found = self.entries.iter_mut().find(|entry| entry.id() == id && entry.effect().is_some());
        let Some(entry) = found else { return false };
        *entry = Entry::Withdrawn { id: id.to_owned(), withdrawn_at };
        true
    }

    /// How long ago it was issued; negative if it is yet to be.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.issued.0)
    }

    fn check(&self) -> Result<(), DocumentError> {
        if self.kind != KIND {
            let kind = excerpt(&self.kind, 64);
            return Err(DocumentError::Schema(format!("the document is a `{kind}`, not a revocation list")));
        }
        if self.expires <= self.issued {
            return Err(DocumentError::schema("the list expires before it is issued"));
        }
        let mut ids = BTreeSet::new();
        for entry in &self.entries {
            let id = excerpt(entry.id(), 64);
            if let Some(flaw) = entry.flaw() {
                return Err(DocumentError::Schema(format!("entry `{id}`: {flaw}")));
            }
            if !ids.insert(entry.id()) {
                return Err(DocumentError::Schema(format!("two entries have the id `{id}`")));
            }
        }
        Ok(())
    }
}

/// The kind of entry that made a payload unreadable, if one did.
fn unknown_kind(payload: &[u8]) -> Option<DocumentError> {
    #[derive(Deserialize)]
    struct Kinds {
        entries: Vec<Kind>,
    }
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kinds: Kinds = strict_json::read(payload).ok()?;
    let known = ["module", "key", "release", "withdrawn"];
    let unknown = kinds.entries.into_iter().find(|entry| !known.contains(&entry.kind.as_str()))?;
    Some(DocumentError::UnknownKind(excerpt(&unknown.kind, 64)))
}

/// The least that is taken, from what the trust file demands and what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// The least epoch.
    pub epoch: Whole,
    /// The least version within that epoch.
    pub version: Whole,
    /// The digest of the payload that was seen under this very number, if one was.
    pub payload: Option<Digest>,
}

impl Floor {
    /// Reads `EPOCH:VERSION` or `EPOCH:VERSION:SHA256`; `None` if the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().and_then(Whole::new);
        let (epoch, rest) = text.split_once(':')?;
        let (version, digest) = rest.split_once(':').map_or((rest, None), |(version, digest)| (version, Some(digest)));
        let payload = digest.map(str::parse).transpose().ok()?;
        Some(Self { epoch: number(epoch)?, version: number(version)?, payload })
    }
}

/// What a list has to be, beside being signed.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// No list but the one of this name.
    pub list_id: Option<String>,
    /// Not below this.
    pub floor: Option<Floor>,
    /// Ids of entries that were seen; each has to be there still, or withdrawn.
    pub seen: Vec<String>,
    /// Not issued longer ago than this.
    pub max_age: Option<SignedDuration>,
    /// By how much a list may be past its time and still be taken, as stale.
    pub offline_grace: SignedDuration,
}

/// How well a list tells the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// Within its time.
    Fresh,
    /// Past its time, within the grace that the trust file gives.
    Stale,
    /// There is no list that can be believed.
    Unknown,
}

/// A list that was looked at.
pub struct CheckedList {
    /// The list, once its signatures hold: what it revokes stays revoked, even if the list is refused for its age.
    pub authentic: Option<(List, Digest)>,
    /// Whether it is taken.
    pub verdict: Result<Freshness, DocumentError>,
}

/// Looks at a signed list by all the rules: type, threshold, schema, root version, time, floor.
#[must_use]
pub fn check_list(envelope: &[u8], root: &TrustRoot, demand: &Demand, now: Timestamp) -> CheckedList {
    match authenticate(envelope, root, root.revocation_role().map_or(1, |role| role.threshold), now) {
        Ok((list, digest)) => {
            let verdict = check_demand(&list, digest, root, demand, now);
            CheckedList { authentic: Some((list, digest)), verdict }
        }
        Err(error) => CheckedList { authentic: None, verdict: Err(error) },
    }
}

/// A list that only adds: one key of the role is enough, and neither age nor number is asked for.
///
/// # Errors
/// When it is not a list that a key of the role signed, is of another root, or is issued in the future.
pub(super) fn read_emergency(envelope: &[u8], root: &TrustRoot, now: Timestamp) -> Result<List, DocumentError> {
    let (list, _) = authenticate(envelope, root, 1, now)?;
    check_root_version(&list, root)?;
    check_span(Some(list.issued), None, now)?;
    Ok(list)
}

fn authenticate(
    envelope: &[u8],
    root: &TrustRoot,
    threshold: usize,
    now: Timestamp,
) -> Result<(List, Digest), DocumentError> {
    let envelope = Envelope::parse(envelope)?;
    let payload = envelope.expect_type(LIST_TYPE)?;
    let role = root.revocation_role().map(|role| super::root::Role { threshold, ..role.clone() });
    root.check_role(role.as_ref(), "revocation", &envelope, now)?;
    Ok((List::parse(payload)?, Digest::of(payload)))
}

fn check_root_version(list: &List, root: &TrustRoot) -> Result<(), DocumentError> {
    if list.root_version == root.version() {
        Ok(())
    } else {
        Err(DocumentError::RootVersion { list: list.root_version, root: root.version() })
    }
}

fn check_demand(
    list: &List,
    digest: Digest,
    root: &TrustRoot,
    demand: &Demand,
    now: Timestamp,
) -> Result<Freshness, DocumentError> {
    check_root_version(list, root)?;
    check_span(Some(list.issued), None, now)?;
    check_floor(list, digest, demand)?;
    let past = now.duration_since(list.expires.0);
    let expiry = is_past(past + SignedDuration::from_nanos(1), demand.offline_grace)
        .ok_or(DocumentError::Expired(list.expires))?;
    let over = demand.max_age.map_or(SignedDuration::MIN, |most| list.age(now).saturating_sub(most));
    let age = is_past(over, demand.offline_grace).ok_or(DocumentError::Stale(list.issued))?;
    Ok(if expiry || age { Freshness::Stale } else { Freshness::Fresh })
}

/// Whether `over`, the time past a limit, is past it and within the grace; `None` if it is past that too.
fn is_past(over: SignedDuration, grace: SignedDuration) -> Option<bool> {
    if over <= SignedDuration::ZERO { Some(false) } else { (over <= grace).then_some(true) }
}

fn check_floor(list: &List, digest: Digest, demand: &Demand) -> Result<(), DocumentError> {
    // Numbers and ids of another list say nothing about this one.
    if let Some(expected) = demand.list_id.as_ref().filter(|expected| **expected != list.list_id) {
        let (found, expected) = (excerpt(&list.list_id, 64), excerpt(expected, 64));
        return Err(DocumentError::OtherList { found, expected });
    }
    if let Some(floor) = demand.floor {
        let (found, least) = ((list.epoch, list.version), (floor.epoch, floor.version));
        if found < least {
            let (found_epoch, found_version) = found;
            let (epoch, version) = least;
            return Err(DocumentError::Rollback { found_epoch, found_version, epoch, version });
        }
        if let Some(seen) = floor.payload.filter(|seen| found == least && *seen != digest) {
            return Err(DocumentError::Equivocation(seen));
        }
    }
    let ids: BTreeSet<&str> = list.entries.iter().map(Entry::id).collect();
    match demand.seen.iter().find(|id| !ids.contains(id.as_str())) {
        Some(gone) => Err(DocumentError::Dropped(excerpt(gone, 64))),
        None => Ok(()),
    }
}
