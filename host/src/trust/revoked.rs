//! What is revoked, indexed by what it is about, so that asking costs the same however long the lists are.

use std::collections::HashMap;

use semver::Version;
use serde::Serialize;

use super::{
    key::KeyId,
    list::{Entry, List, Reason, Severity},
    problem::DocumentError,
    strict_json::Time,
    versions::VersionRange,
};
use crate::digest::Digest;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The signed list.
    List,
    /// A signed list that only adds.
    Emergency,
    /// The unsigned local deny list, which only adds too.
    Local,
}

/// One thing that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    entry: Entry,
    /// Who says so.
    pub source: Source,
    /// Why.
    pub reason: Reason,
    /// With what effect.
    pub severity: Severity,
    /// When.
    pub revoked_at: Time,
}

impl Revocation {
    /// What the list says.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The entry's name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.entry.id()
    }

    /// The stable code: what about a module is revoked.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.entry {
            Entry::Key { .. } => "revoked-key",
            Entry::Release { .. } => "revoked-release",
            Entry::Module { .. } | Entry::Withdrawn { .. } => "revoked-module",
        }
    }

    /// The part of a module that is revoked, for people.
    pub(super) fn subject(&self) -> &'static str {
        match self.entry {
            Entry::Key { .. } => "a key that signed the module",
            Entry::Release { .. } => "this version of the module",
            Entry::Module { .. } | Entry::Withdrawn { .. } => "the module",
        }
    }
}

/// All that is revoked.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    all: Vec<Revocation>,
    contents: HashMap<Digest, Vec<usize>>,
    keys: HashMap<KeyId, Vec<usize>>,
    releases: HashMap<String, HashMap<String, Vec<usize>>>,
}

impl Revocations {
    /// What the entries of `list` revoke.
    #[must_use]
    pub fn of(list: List) -> Self {
        let mut revocations = Self::default();
        for entry in list.entries {
            revocations.add(entry, Source::List);
        }
        revocations
    }

    /// Adds what `entry` revokes; a withdrawn entry revokes nothing.
    pub(super) fn add(&mut self, entry: Entry, source: Source) {
        let Some((reason, severity, revoked_at)) = entry.effect() else { return };
        let index = self.all.len();
        match &entry {
            Entry::Module { content_sha256, .. } => self.contents.entry(*content_sha256).or_default().push(index),
            Entry::Key { key_sha256, .. } => self.keys.entry(*key_sha256).or_default().push(index),
            Entry::Release { publisher, module, .. } => {
                let modules = self.releases.entry(publisher.clone()).or_default();
                modules.entry(module.clone()).or_default().push(index);
            }
            Entry::Withdrawn { .. } => {}
        }
        self.all.push(Revocation { entry, source, reason, severity, revoked_at });
    }

    /// Everything, in the order of the lists.
    #[must_use]
    pub fn all(&self) -> &[Revocation] {
        &self.all
    }

    /// What revokes this content.
    pub fn of_module(&self, content: &Digest) -> impl Iterator<Item = &Revocation> {
        self.at(self.contents.get(content))
    }

    /// What revokes this key for this content.
    pub fn of_key(&self, key: &KeyId, content: &Digest) -> impl Iterator<Item = &Revocation> {
        let excepted = |entry: &Entry| matches!(entry, Entry::Key { except_content_sha256, .. } if except_content_sha256.contains(content));
        self.at(self.keys.get(key)).filter(move |revocation| !excepted(&revocation.entry))
    }

    /// What revokes this version of a publisher's module.
    pub fn of_release(&self, publisher: &str, module: &str, version: &Version) -> impl Iterator<Item = &Revocation> {
        let affects = |entry: &Entry| matches!(entry, Entry::Release { versions, .. } if versions.affects(version));
        let found = self.releases.get(publisher).and_then(|modules| modules.get(module));
        self.at(found).filter(move |revocation| affects(&revocation.entry))
    }

    /// Whether any release of this publisher is revoked: then a module without name and version may be one of them.
    #[must_use]
    pub fn has_release_of(&self, publisher: &str) -> bool {
        self.releases.contains_key(publisher)
    }

    fn at<'a>(&'a self, found: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Revocation> {
        found.into_iter().flatten().filter_map(|index| self.all.get(*index))
    }
}

/// Reads the unsigned local deny list: a line is `module SHA256`, `key SHA256` or `release PUBLISHER MODULE VERSIONS`;
/// what stands behind `#` is a note.
pub(super) fn read_deny(text: &str) -> Result<Vec<Entry>, DocumentError> {
    let mut entries = Vec::new();
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.split('#').next().unwrap_or_default();
        let mut words = written.split_whitespace();
        if let Some(first) = words.next() {
            let entry =
                denied(line, first, words.collect()).map_err(|message| DocumentError::Deny { line, message })?;
            entries.push(entry);
        }
    }
    Ok(entries)
}

fn denied(line: usize, what: &str, words: Vec<&str>) -> Result<Entry, &'static str> {
    const DIGEST: &str = "a SHA-256 digest is 64 hex digits";
    let id = format!("deny:{line}");
    let (reason, severity, revoked_at) = (Reason::Policy, Severity::Block, Time(jiff::Timestamp::UNIX_EPOCH));
    match (what, words.as_slice()) {
        ("module", [digest]) => {
            let content_sha256 = digest.parse().map_err(|_| DIGEST)?;
            Ok(Entry::Module { id, content_sha256, reason, severity, revoked_at })
        }
        ("key", [digest]) => {
            let key_sha256 = digest.parse().map_err(|_| DIGEST)?;
            Ok(Entry::Key { id, key_sha256, except_content_sha256: Vec::new(), reason, severity, revoked_at })
        }
        ("release", [publisher, module, range @ ..]) if !range.is_empty() => {
            let versions =
                VersionRange::parse(&range.join(" ")).ok_or("a range of versions is semver, such as <1.2.3")?;
            let (publisher, module) = ((*publisher).to_owned(), (*module).to_owned());
            Ok(Entry::Release { id, publisher, module, versions, reason, severity, revoked_at })
        }
        _ => Err("it starts with none of the three words, or has too few or too many behind it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_deny_list_is_read_line_by_line_and_refused_at_the_first_that_is_none() {
        let text = format!("# ours\n\nmodule {SHA} # bad\n key  {SHA}\nrelease acme lint-gate >=1.0.0, <1.2.3\n");
        let entries = read_deny(&text).expect("a deny list");
        assert_eq!(entries.iter().map(Entry::id).collect::<Vec<_>>(), ["deny:3", "deny:4", "deny:5"]);
        let mut revocations = Revocations::default();
        for entry in entries {
            revocations.add(entry, Source::Local);
        }
        let version = Version::new(1, 1, 0);
        assert_eq!(revocations.of_release("acme", "lint-gate", &version).count(), 1);
        assert_eq!(revocations.of_release("acme", "lint", &version).count(), 0);
        assert_eq!(revocations.of_module(&SHA.parse().expect("a digest")).count(), 1);
        for (line, text) in
            ["module", "module x", SHA, "release acme", "release acme lint nonsense", "allow x"].iter().enumerate()
        {
            let error = read_deny(&format!("{}{text}", "\n".repeat(line))).expect_err("no entry");
            assert_eq!(
                (error.code(), matches!(error, DocumentError::Deny { line: at, .. } if at == line + 1)),
                ("deny-malformed", true)
            );
        }
    }
}
