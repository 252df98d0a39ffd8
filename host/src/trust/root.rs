//! The trust root: which publisher may sign which modules with which keys, and whose word on revocation counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use portcullis_sdk::Kind;

use super::{
    envelope::Envelope,
    key::{KeyId, PublicKey},
    metadata::is_name,
    problem::DocumentError,
    strict_json::{Time, Whole},
};
use crate::{digest::Digest, text::excerpt};

/// How far two honest clocks may be apart: a document may be issued so far in the future.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Keys of one role or publisher: bounds the work that a hostile envelope can ask for.
const MAX_KEYS: usize = 64;

/// When a key counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment; from ever, if there is none.
    pub not_before: Option<Time>,
    /// The first moment after it; for ever, if there is none.
    pub not_after: Option<Time>,
}

impl Window {
    /// Whether the key counts at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|from| from.0 <= now) && self.not_after.is_none_or(|until| now < until.0)
    }
}

/// Keys, and how many distinct ones have to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Full names of the keys, in the order of the file.
    pub keys: Vec<KeyId>,
    /// How many distinct ones have to sign.
    pub threshold: usize,
}

/// Who may sign which modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publisher {
    /// Its keys, and how many have to sign.
    pub role: Role,
    /// Patterns of module names, `*` for any characters.
    pub modules: Vec<String>,
    /// Kinds of module.
    pub kinds: Vec<Kind>,
}

impl Publisher {
    /// Whether it may sign a module of this name.
    #[must_use]
    pub fn may_name(&self, module: &str) -> bool {
        self.modules.iter().any(|pattern| matches(pattern, module))
    }
}

/// A key that the root names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrustedKey {
    pub(super) key: PublicKey,
    pub(super) window: Window,
}

/// A root as it is meant: every key checked, every name resolved, no rule broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustRoot {
    pub(super) version: Whole,
    pub(super) epoch: Whole,
    pub(super) issued: Option<Time>,
    pub(super) expires: Option<Time>,
    pub(super) keys: BTreeMap<KeyId, TrustedKey>,
    pub(super) publishers: BTreeMap<String, Publisher>,
    pub(super) root: Option<Role>,
    pub(super) revocation: Option<Role>,
    pub(super) digest: Digest,
    /// Whether it is a document whose version counts up, not a file that its user writes and changes.
    pub(super) is_document: bool,
}

/// A rule that a root breaks.
#[derive(Debug)]
pub(super) struct Flaw {
    /// The part of the root that breaks it.
    pub(super) part: &'static str,
    /// The publisher's or the role's name.
    pub(super) name: Option<String>,
    message: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {}: {}", self.part, excerpt(name, 64), self.message),
            None => write!(f, "{}: {}", self.part, self.message),
        }
    }
}

impl TrustRoot {
    /// Its version.
    #[must_use]
    pub fn version(&self) -> Whole {
        self.version
    }

    /// Its epoch.
    #[must_use]
    pub fn epoch(&self) -> Whole {
        self.epoch
    }

    /// When it was issued; a hand-written one need not say.
    #[must_use]
    pub fn issued(&self) -> Option<Time> {
        self.issued
    }

    /// When its time is over; a hand-written one need not say.
    #[must_use]
    pub fn expires(&self) -> Option<Time> {
        self.expires
    }

    /// The digest of the payload or of the hand-written file: what a record names.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Publishers by name.
    #[must_use]
    pub fn publishers(&self) -> &BTreeMap<String, Publisher> {
        &self.publishers
    }

    /// Those who may rotate the root.
    #[must_use]
    pub fn root_role(&self) -> Option<&Role> {
        self.root.as_ref()
    }

    /// Those whose revocation lists count.
    #[must_use]
    pub fn revocation_role(&self) -> Option<&Role> {
        self.revocation.as_ref()
    }

    /// The key of that name and when it counts.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<(&PublicKey, Window)> {
        self.keys.get(id).map(|trusted| (&trusted.key, trusted.window))
    }

    /// Every key that the root names.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values().map(|trusted| &trusted.key)
    }

    /// Whether the root counts at `now`.
    ///
    /// # Errors
    /// When it is issued more than five minutes in the future, or has expired.
    pub fn check_time(&self, now: Timestamp) -> Result<(), DocumentError> {
        check_span(self.issued, self.expires, now)
    }

    /// Whether enough distinct keys of `role` that count at `now` signed `envelope`.
    pub(super) fn check_role(
        &self,
        role: Option<&Role>,
        name: &'static str,
        envelope: &Envelope,
        now: Timestamp,
    ) -> Result<(), DocumentError> {
        let none = Role { keys: Vec::new(), threshold: 1 };
        let role = role.unwrap_or(&none);
        let trusted = role.keys.iter().filter_map(|id| self.keys.get(id));
        let keys = trusted.filter(|trusted| trusted.window.holds(now)).map(|trusted| &trusted.key);
        let found = envelope.signers(keys).len();
        if found < role.threshold.max(1) {
            return Err(DocumentError::Threshold { role: name, found, needed: role.threshold });
        }
        Ok(())
    }

    /// Everything that is wrong with what the root says.
    pub(super) fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let roles = [("root", &self.root), ("revocation", &self.revocation)];
        let in_roles = roles.iter().filter_map(|(_, role)| role.as_ref()).flat_map(|role| &role.keys);
        let role_keys: BTreeSet<KeyId> = in_roles.copied().collect();
        for (name, role) in roles {
            let found = role.iter().flat_map(|role| self.role_flaws(role));
            flaws.extend(found.map(|message| Flaw { part: "role", name: Some(name.to_owned()), message }));
        }
        let mut owners: BTreeMap<KeyId, &str> = BTreeMap::new();
        for (name, publisher) in &self.publishers {
            let mut found = publisher_flaws(name, publisher);
            found.extend(self.role_flaws(&publisher.role));
            for id in &publisher.role.keys {
                if role_keys.contains(id) {
                    found.push(format!("the key {} signs modules and holds a role", id.short()));
                }
                if let Some(other) = owners.insert(*id, name).filter(|other| other != name) {
                    found.push(format!("the key {} is {}'s too", id.short(), excerpt(other, 64)));
                }
            }
            let flaw = |message| Flaw { part: "publisher", name: Some(name.clone()), message };
            flaws.extend(found.into_iter().map(flaw));
        }
        if let (Some(issued), Some(expires)) = (self.issued, self.expires)
            && expires <= issued
        {
            let message = "the root expires before it is issued".to_owned();
            flaws.push(Flaw { part: "expires", name: None, message });
        }
        flaws
    }

    fn role_flaws(&self, role: &Role) -> Vec<String> {
        let mut flaws = Vec::new();
        let distinct: BTreeSet<&KeyId> = role.keys.iter().collect();
        if distinct.len() != role.keys.len() {
            flaws.push("a key stands twice".to_owned());
        }
        if role.keys.len() > MAX_KEYS {
            flaws.push(format!("there are more than {MAX_KEYS} keys"));
        }
        if role.threshold == 0 || role.threshold > distinct.len() {
            flaws.push(format!(
                "the threshold {} is not within 1 and the {} keys there are",
                role.threshold,
                distinct.len()
            ));
        }
        let unknown = role.keys.iter().filter(|id| !self.keys.contains_key(id));
        flaws.extend(unknown.map(|id| format!("the key {} is not among the root's keys", id.short())));
        flaws
    }
}

fn publisher_flaws(name: &str, publisher: &Publisher) -> Vec<String> {
    let mut flaws = Vec::new();
    if !is_name(name) {
        flaws.push("a publisher's name is not [a-z0-9][a-z0-9._-]{0,63}".to_owned());
    }
    for pattern in &publisher.modules {
        if !is_pattern(pattern) {
            flaws.push(format!("`{}` is no pattern of module names", excerpt(pattern, 64)));
        }
    }
    flaws
}

/// Whether a document counts at `now`.
pub(super) fn check_span(issued: Option<Time>, expires: Option<Time>, now: Timestamp) -> Result<(), DocumentError> {
    if let Some(issued) = issued.filter(|issued| issued.0.duration_since(now) > CLOCK_SKEW) {
        return Err(DocumentError::NotYetValid(issued));
    }
    match expires.filter(|expires| expires.0 <= now) {
        Some(expires) => Err(DocumentError::Expired(expires)),
        None => Ok(()),
    }
}

/// Whether `text` is a pattern of names, `*` being any characters.
pub(super) fn is_pattern(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(fits)
}

/// Whether `name` is what `pattern` stands for, `*` being any characters.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        // The leftmost place leaves the most for the parts behind it.
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let check =
            |pattern: &str, name: &str, expect: bool| assert_eq!(matches(pattern, name), expect, "{pattern} {name}");
        check("lint-*", "lint-gate", true);
        check("lint-*", "lint-", true);
        check("lint-*", "lint", false);
        check("lint-*", "xlint-gate", false);
        check("lint", "lint", true);
        check("lint", "lint-gate", false);
        check("*", "anything", true);
        check("*-gate", "lint-gate", true);
        check("*-gate", "lint-gate-x", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("a*a", "a", false);
        check("a**a", "aa", true);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b*", "xxbxxaxx", false);
    }

    #[test]
    fn a_window_holds_from_its_first_moment_to_before_its_last() {
        let at = |text: &str| Time::parse(text).expect("a time");
        let window =
            Window { not_before: Some(at("2026-01-01T00:00:00Z")), not_after: Some(at("2026-02-01T00:00:00Z")) };
        for (now, expect) in [
            ("2025-12-31T23:59:59.9Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-01-31T23:59:59Z", true),
            ("2026-02-01T00:00:00Z", false),
        ] {
            assert_eq!(window.holds(at(now).0), expect, "{now}");
        }
        assert!(Window::default().holds(Timestamp::MIN) && Window::default().holds(Timestamp::MAX));
    }
}
