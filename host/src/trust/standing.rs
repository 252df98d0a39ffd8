//! What is known of revocations at the moment of a run, and how well.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    list::{CheckedList, Demand, Entry, Floor, Freshness, List, check_list, read_emergency},
    problem::DocumentError,
    revoked::{Revocations, Source, read_deny},
    root::TrustRoot,
    state::{SeenList, State},
    strict_json::{Time, Whole},
};
use crate::digest::Digest;

/// What the trust file says about revocation lists. Paths are as written, relative to that file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationRules {
    /// The signed list.
    pub list: Option<String>,
    /// Which list that is; else the one that was seen first.
    pub list_id: Option<String>,
    /// Whether nothing runs without it.
    pub required: bool,
    /// The file that remembers what was seen; where it is kept otherwise is the caller's to say.
    pub state: Option<String>,
    /// How old a list may be.
    pub max_age: Option<SignedDuration>,
    /// By how much it may be past its time.
    pub offline_grace: SignedDuration,
    /// The least epoch and version.
    pub min_version: Option<(Whole, Whole)>,
    /// The unsigned local deny list.
    pub deny: Option<String>,
    /// Signed lists that only add.
    pub emergency: Vec<String>,
}

/// The bytes of what [`RevocationRules`] names, as far as they are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Material<'a> {
    /// The signed list.
    pub list: Option<&'a [u8]>,
    /// The state file; none on a machine's first run.
    pub state: Option<&'a [u8]>,
    /// The local deny list.
    pub deny: Option<&'a [u8]>,
    /// Signed lists that only add; one that is named and missing is the caller's to refuse.
    pub emergency: &'a [Vec<u8>],
}

/// Which list it was: what a record names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// Which list.
    pub list_id: String,
    /// Its epoch.
    pub epoch: Whole,
    /// Its version.
    pub version: Whole,
    /// The digest of its payload.
    pub digest: Digest,
    /// When it was issued.
    pub issued: Time,
    /// When its time is over.
    pub expires: Time,
    /// How long ago it was issued.
    pub age: SignedDuration,
}

/// What is revoked, how well that is known, and what keeps it from being known.
#[derive(Clone, Debug)]
pub struct Standing {
    freshness: Freshness,
    names_list: bool,
    list: Option<ListFacts>,
    problem: Option<DocumentError>,
    revocations: Revocations,
    known: Option<State>,
    next: Option<State>,
}

/// What lists are looked at with.
struct Look<'a> {
    root: &'a TrustRoot,
    rules: &'a RevocationRules,
    known: Option<&'a State>,
    now: Timestamp,
}

impl Standing {
    /// Looks at everything there is at `now`. Never fails: what keeps the state of things from being known is part of the
    /// answer, and what is known to be revoked stays revoked even then.
    #[must_use]
    pub fn assess(root: &TrustRoot, rules: &RevocationRules, material: &Material<'_>, now: Timestamp) -> Self {
        let mut standing = Self::of(Revocations::default());
        standing.names_list = rules.list.is_some();
        // A state file that does not read is a problem, yet the lists are looked at all the same for what they revoke.
        let known = material.state.map(State::parse).transpose().unwrap_or_else(|problem| {
            standing.refuse(problem);
            None
        });
        if let Err(problem) = known.as_ref().map_or(Ok(()), |known| known.check_root(root)) {
            standing.refuse(problem);
        }
        let look = Look { root, rules, known: known.as_ref(), now };
        let mut next = State::after(look.known, root, now);
        let mut withdrawn = BTreeMap::new();
        if let Err(problem) = standing.take_list(&look, material.list, &mut next, &mut withdrawn) {
            standing.refuse(problem);
        }
        if let Err(problem) = standing.take_emergency(&look, material.emergency, &mut next, &withdrawn) {
            standing.refuse(problem);
        }
        if let Err(problem) = standing.take_deny(material.deny) {
            standing.refuse(problem);
        }
        standing.next = Some(next).filter(|next| !next.is_empty());
        standing.known = known;
        standing
    }

    /// A standing in which exactly `revocations` are revoked, whoever says so: for asking what a list would do.
    #[must_use]
    pub fn of(revocations: Revocations) -> Self {
        Self {
            freshness: Freshness::Unknown,
            names_list: false,
            list: None,
            problem: None,
            revocations,
            known: None,
            next: None,
        }
    }

    /// The same, if `list` took the place of the signed list: what only adds stays, but for what `list` withdraws.
    #[must_use]
    pub fn supposing(&self, list: List) -> Self {
        let withdrawn: BTreeMap<String, Time> = list.entries.iter().filter_map(Entry::withdrawal).collect();
        let mut supposed = Self::of(Revocations::of(list));
        for revocation in self.revocations.all() {
            match revocation.source {
                Source::List => {}
                Source::Emergency if is_withdrawn(revocation.entry(), &withdrawn) => {}
                source => supposed.revocations.add(revocation.entry().clone(), source),
            }
        }
        supposed
    }

    /// How well the list tells the present.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// The list, if its signatures hold.
    #[must_use]
    pub fn list(&self) -> Option<&ListFacts> {
        self.list.as_ref()
    }

    /// Whether the trust file names a list, there or not.
    #[must_use]
    pub fn names_list(&self) -> bool {
        self.names_list
    }

    /// Why it cannot be determined what is revoked; then nothing runs.
    #[must_use]
    pub fn problem(&self) -> Option<&DocumentError> {
        self.problem.as_ref()
    }

    /// What is revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// What the state file has to hold from now on, `clock` being the machine's own: the time that is asked about may lie
    /// ahead. `None` if it stays as it is, as it does when no more than the clock moved, and by less than a minute.
    #[must_use]
    pub fn next_state(&self, clock: Timestamp) -> Option<State> {
        let known = self.known.as_ref();
        let next = self.next.clone().filter(|_| self.problem.is_none())?.at(clock, known);
        Some(next).filter(|next| known.is_none_or(|known| !known.covers(next)))
    }

    fn take_list(
        &mut self,
        look: &Look<'_>,
        bytes: Option<&[u8]>,
        next: &mut State,
        withdrawn: &mut BTreeMap<String, Time>,
    ) -> Result<(), DocumentError> {
        let Some(bytes) = bytes else {
            return match look.known.and_then(|known| known.list.as_ref()) {
                _ if look.rules.required => Err(DocumentError::Missing),
                Some(_) if look.rules.list.is_some() => Err(DocumentError::Gone),
                seen => {
                    next.list = seen.cloned();
                    Ok(())
                }
            };
        };
        let CheckedList { authentic, verdict } = check_list(bytes, look.root, &look.demand(), look.now);
        if let Some((list, digest)) = authentic {
            self.list = Some(facts(&list, digest, look.now));
            next.list = Some(SeenList::of(&list, digest));
            withdrawn.extend(list.entries.iter().filter_map(Entry::withdrawal));
            for entry in list.entries {
                self.revocations.add(entry, Source::List);
            }
        }
        let freshness = verdict?;
        self.freshness = freshness;
        look.known.map_or(Ok(()), |known| known.check_clock(look.now))
    }

    /// Only what was withdrawn after the emergency, with the full threshold, is not added.
    fn take_emergency(
        &mut self,
        look: &Look<'_>,
        lists: &[Vec<u8>],
        next: &mut State,
        withdrawn: &BTreeMap<String, Time>,
    ) -> Result<(), DocumentError> {
        let mut present = BTreeMap::new();
        for bytes in lists {
            let entries = match read_emergency(bytes, look.root, look.now) {
                Ok(list) => list.entries,
                Err(problem) => {
                    self.refuse(problem);
                    continue;
                }
            };
            // What withdraws has no effect here, so it does not stand for what it names either.
            for entry in entries.into_iter().filter(|entry| entry.effect().is_some()) {
                present.insert(entry.digest(), entry.id().to_owned());
                if !is_withdrawn(&entry, withdrawn) {
                    self.revocations.add(entry, Source::Emergency);
                }
            }
        }
        next.take_emergency(present)
    }

    fn take_deny(&mut self, deny: Option<&[u8]>) -> Result<(), DocumentError> {
        let text = std::str::from_utf8(deny.unwrap_or_default())
            .map_err(|_| DocumentError::Deny { line: 1, message: "the file is not UTF-8" })?;
        for entry in read_deny(text)? {
            self.revocations.add(entry, Source::Local);
        }
        Ok(())
    }

    /// The first problem is the one that is told.
    fn refuse(&mut self, problem: DocumentError) {
        self.freshness = Freshness::Unknown;
        self.problem.get_or_insert(problem);
    }
}

/// Whether an entry of an emergency list was withdrawn after it was made.
fn is_withdrawn(entry: &Entry, withdrawn: &BTreeMap<String, Time>) -> bool {
    let since = entry.effect().map(|(_, _, revoked_at)| revoked_at);
    withdrawn.get(entry.id()).is_some_and(|at| since.is_none_or(|since| *at >= since))
}

impl Look<'_> {
    fn demand(&self) -> Demand {
        let Self { rules, known, .. } = self;
        let seen = known.and_then(|known| known.list.as_ref());
        let written = rules.min_version.map(|(epoch, version)| Floor { epoch, version, payload: None });
        // Of two equal floors, the one that was seen knows the bytes.
        let floors = [written, seen.map(SeenList::floor)].into_iter().flatten();
        Demand {
            list_id: rules.list_id.clone().or_else(|| seen.and_then(|seen| seen.list_id.clone())),
            floor: floors.max_by_key(|floor| (floor.epoch, floor.version, floor.payload)),
            seen: seen.map(|seen| seen.seen.clone()).unwrap_or_default(),
            max_age: rules.max_age,
            offline_grace: rules.offline_grace,
        }
    }
}

fn facts(list: &List, digest: Digest, now: Timestamp) -> ListFacts {
    ListFacts {
        list_id: list.list_id.clone(),
        epoch: list.epoch,
        version: list.version,
        digest,
        issued: list.issued,
        expires: list.expires,
        age: list.age(now),
    }
}
