//! The trust root as a signed document (`application/vnd.portcullis.root.v1+json`), and the step from one to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use portcullis_sdk::Kind;
use serde::{Deserialize, Serialize};

use super::{
    envelope::Envelope,
    key::{KeyId, PublicKey},
    problem::DocumentError,
    root::{Publisher, Role, TrustRoot, TrustedKey, Window},
    strict_json::{self, Time, Whole},
};
use crate::{
    digest::{Digest, hex, unhex},
    text::excerpt,
};

/// The payload's type.
pub const ROOT_TYPE: &str = "application/vnd.portcullis.root.v1+json";
const KIND: &str = "root";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RootDocument {
    #[serde(rename = "type")]
    kind: String,
    version: Whole,
    epoch: Whole,
    issued: Time,
    expires: Time,
    keys: BTreeMap<KeyId, String>,
    /// When a key counts, for those that do not always; absent from a root without such keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    validity: BTreeMap<KeyId, WindowDocument>,
    roles: RolesDocument,
    publishers: BTreeMap<String, PublisherDocument>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WindowDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<Time>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RolesDocument {
    root: RoleDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation: Option<RoleDocument>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RoleDocument {
    keyids: Vec<KeyId>,
    threshold: Whole,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PublisherDocument {
    keyids: Vec<KeyId>,
    threshold: Whole,
    modules: Vec<String>,
    kinds: Vec<String>,
}

impl TrustRoot {
    /// Reads the root that the user pins: the signed envelope, or its bare payload. An envelope has to be signed to the
    /// threshold of its own `root` role, so that damage shows; what makes it trusted is that the user named it.
    ///
    /// # Errors
    /// When it is neither, or breaks a rule of the format.
    pub fn from_json(bytes: &[u8], now: Timestamp) -> Result<Self, DocumentError> {
        if !Envelope::is_one(bytes) {
            return parse(bytes)?.meant();
        }
        let envelope = Envelope::parse(bytes)?;
        let root = parse(envelope.expect_type(ROOT_TYPE)?)?;
        root.check_signed(&envelope, now)?;
        root.meant()
    }

    /// The root in `envelope`, if it may follow this one: version N + 1, an epoch that is no older, within its time, and
    /// signed to the threshold of the `root` role of both.
    ///
    /// # Errors
    /// When one of these does not hold, or the new root breaks a rule of the format.
    pub fn rotate_to(&self, envelope: &[u8], now: Timestamp) -> Result<Self, DocumentError> {
        let envelope = Envelope::parse(envelope)?;
        let payload = envelope.expect_type(ROOT_TYPE)?;
        self.check_role(self.root.as_ref(), KIND, &envelope, now)?;
        let new = parse(payload)?;
        new.check_signed(&envelope, now)?;
        if self.version.next() != Some(new.0.version) || new.0.epoch < self.epoch {
            return Err(DocumentError::RootStep { found: new.0.version, old: self.version });
        }
        let new = new.meant()?;
        new.check_time(now)?;
        Ok(new)
    }

    /// The payload of the root that follows this one and means what `meant` says: version N + 1, an epoch that is no older.
    ///
    /// # Errors
    /// When there is no following version, or `meant` names no `root` role.
    pub fn payload_after(&self, meant: &Self, issued: Time, expires: Time) -> Result<Vec<u8>, DocumentError> {
        let version = self.version.next().ok_or_else(|| DocumentError::schema("there is no version after this one"))?;
        let meant = Self { epoch: self.epoch.max(meant.epoch), ..meant.clone() };
        meant.to_payload(version, issued, expires)
    }

    /// The payload of a signed root of this meaning, one line of JSON.
    ///
    /// # Errors
    /// When there is no `root` role, as a signed root has to say who may rotate it.
    pub fn to_payload(&self, version: Whole, issued: Time, expires: Time) -> Result<Vec<u8>, DocumentError> {
        let role = |role: &Role| RoleDocument { keyids: role.keys.clone(), threshold: whole(role.threshold) };
        let root = self.root.as_ref().ok_or_else(|| DocumentError::schema("a signed root needs the role `root`"))?;
        let windows = self.keys.iter().filter(|(_, trusted)| trusted.window != Window::default());
        let document = RootDocument {
            kind: KIND.to_owned(),
            version,
            epoch: self.epoch,
            issued,
            expires,
            keys: self.keys.iter().map(|(id, trusted)| (*id, hex(trusted.key.as_bytes()))).collect(),
            validity: windows
                .map(|(id, TrustedKey { window: Window { not_before, not_after }, .. })| {
                    (*id, WindowDocument { not_before: *not_before, not_after: *not_after })
                })
                .collect(),
            roles: RolesDocument { root: role(root), revocation: self.revocation.as_ref().map(role) },
            publishers: self.publishers.iter().map(|(name, publisher)| (name.clone(), publisher.into())).collect(),
        };
        serde_json::to_vec(&document).map_err(|error| DocumentError::schema(error.to_string()))
    }
}

/// A root whose keys are read and whose rules are not checked yet: who signed it is asked before what it says.
struct Shape(TrustRoot);

fn parse(payload: &[u8]) -> Result<Shape, DocumentError> {
    let document: RootDocument = strict_json::read(payload)?;
    if document.kind != KIND {
        return Err(DocumentError::Schema(format!("the document is a `{}`, not a root", excerpt(&document.kind, 64))));
    }
    let mut keys = BTreeMap::new();
    for (id, text) in &document.keys {
        keys.insert(*id, TrustedKey { key: key(*id, text)?, window: Window::default() });
    }
    for (id, window) in &document.validity {
        let flaw = || DocumentError::Schema(format!("the key {} has a validity and is not there", id.short()));
        let trusted = keys.get_mut(id).ok_or_else(flaw)?;
        trusted.window = Window { not_before: window.not_before, not_after: window.not_after };
    }
    let mut publishers = BTreeMap::new();
    for (name, publisher) in document.publishers {
        publishers.insert(name, publisher.meant()?);
    }
    Ok(Shape(TrustRoot {
        version: document.version,
        epoch: document.epoch,
        issued: Some(document.issued),
        expires: Some(document.expires),
        keys,
        publishers,
        root: Some(document.roles.root.meant()),
        revocation: document.roles.revocation.map(RoleDocument::meant),
        digest: Digest::of(payload),
        is_document: true,
    }))
}

impl Shape {
    fn check_signed(&self, envelope: &Envelope, now: Timestamp) -> Result<(), DocumentError> {
        self.0.check_role(self.0.root.as_ref(), KIND, envelope, now)
    }

    fn meant(self) -> Result<TrustRoot, DocumentError> {
        match self.0.flaws().into_iter().next() {
            Some(flaw) => Err(DocumentError::Schema(flaw.to_string())),
            None => Ok(self.0),
        }
    }
}

fn key(id: KeyId, text: &str) -> Result<PublicKey, DocumentError> {
    let flaw = |message: String| DocumentError::Schema(format!("key {}: {message}", id.short()));
    let bytes = unhex(text).ok_or_else(|| flaw("it is not 32 bytes in hex".to_owned()))?;
    let key = PublicKey::from_bytes(&bytes).map_err(|error| flaw(error.to_string()))?;
    if key.id() == id { Ok(key) } else { Err(flaw(format!("its name is {}", key.id().short()))) }
}

impl RoleDocument {
    fn meant(self) -> Role {
        Role { keys: self.keyids, threshold: usize::try_from(self.threshold.get()).unwrap_or(usize::MAX) }
    }
}

impl PublisherDocument {
    fn meant(self) -> Result<Publisher, DocumentError> {
        let kinds =
            self.kinds.iter().map(|name| kind(name).ok_or_else(|| DocumentError::UnknownKind(excerpt(name, 64))));
        Ok(Publisher {
            kinds: kinds.collect::<Result<_, _>>()?,
            role: RoleDocument { keyids: self.keyids, threshold: self.threshold }.meant(),
            modules: self.modules,
        })
    }
}

impl From<&Publisher> for PublisherDocument {
    fn from(publisher: &Publisher) -> Self {
        Self {
            keyids: publisher.role.keys.clone(),
            threshold: whole(publisher.role.threshold),
            modules: publisher.modules.clone(),
            kinds: publisher.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        }
    }
}

/// A threshold, which was checked to be at least 1 and at most the number of keys.
fn whole(threshold: usize) -> Whole {
    Whole::new(threshold as u64).unwrap_or(Whole::ONE)
}

/// The kind of that name.
pub(super) fn kind(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == name)
}
