//! What a machine remembers of roots and revocation lists, so that an older one is not taken again. Only the content;
//! reading, locking and writing the file whole is the caller's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    list::{Entry, Floor, List},
    problem::DocumentError,
    root::TrustRoot,
    strict_json::{self, JsonError, Time, Whole},
};
use crate::{digest::Digest, text::excerpt};

/// How far the clock may step back between two runs: two that start together read it at slightly different moments.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(60);
/// The schema that is written; schema 1, which knew of nothing but the list, is read too.
const SCHEMA: u64 = 2;

/// What was seen last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    schema: Whole,
    /// The latest clock.
    pub clock: Time,
    /// The list that was taken; none before the first one.
    pub list: Option<SeenList>,
    /// The root document that was trusted; none where the root is written by hand, and no version has to be counted up.
    pub root: Option<SeenRoot>,
    /// Entries of emergency lists that no signed list has taken up: the id of each, by the digest of the entry. One key
    /// signs such a list, so that another may neither leave an entry out nor say something else under its id.
    pub emergency: BTreeMap<Digest, String>,
}

/// The list that was taken last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeenList {
    /// Which list; a state file of schema 1 does not say.
    pub list_id: Option<String>,
    /// The greatest epoch that was taken.
    pub epoch: Whole,
    /// The greatest version within it.
    pub version: Whole,
    /// The digest of that list's payload.
    pub payload_sha256: Digest,
    /// Ids of that list's entries.
    pub seen: Vec<String>,
}

/// The root document that was trusted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SeenRoot {
    /// Its epoch.
    pub epoch: Whole,
    /// Its version.
    pub version: Whole,
    /// The digest of its payload.
    pub payload_sha256: Digest,
}

/// A state file of schema 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Earlier {
    #[serde(rename = "schema")]
    _schema: Whole,
    epoch: Whole,
    version: Whole,
    payload_sha256: Digest,
    clock: Time,
    seen: Vec<String>,
}

impl From<Earlier> for State {
    fn from(earlier: Earlier) -> Self {
        let Earlier { epoch, version, payload_sha256, clock, seen, .. } = earlier;
        Self { list: Some(SeenList { list_id: None, epoch, version, payload_sha256, seen }), ..Self::blank(clock.0) }
    }
}

impl State {
    fn blank(clock: Timestamp) -> Self {
        let schema = Whole::new(SCHEMA).unwrap_or(Whole::ONE);
        Self { schema, clock: Time(clock), list: None, root: None, emergency: BTreeMap::new() }
    }

    /// Reads a state file.
    ///
    /// # Errors
    /// When it is not one: forgetting what was seen would let an older list in.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        #[derive(Deserialize)]
        struct Peek {
            schema: Whole,
        }
        let Peek { schema } = read(bytes)?;
        match schema.get() {
            1 => read::<Earlier>(bytes).map(Self::from),
            SCHEMA => read(bytes),
            _ => Err(DocumentError::State(format!("its schema is {schema}"))),
        }
    }

    /// The file's bytes, JSON with a line feed behind it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A struct of strings and numbers always serialises.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What is remembered at `now` before any list was looked at: the root, and what was seen before.
    pub(super) fn after(previous: Option<&Self>, root: &TrustRoot, now: Timestamp) -> Self {
        let root = root.is_document.then(|| SeenRoot::of(root)).or(previous.and_then(|state| state.root));
        let emergency = previous.map(|state| state.emergency.clone()).unwrap_or_default();
        Self { root, emergency, ..Self::blank(now) }
    }

    /// Takes the entries that emergency lists hold now. What a signed list has taken up need not be remembered: its ids
    /// never vanish.
    ///
    /// # Errors
    /// When an entry that was seen is neither among them nor in the signed list, revoking or withdrawn.
    pub(super) fn take_emergency(&mut self, mut present: BTreeMap<Digest, String>) -> Result<(), DocumentError> {
        if present.is_empty() && self.emergency.is_empty() {
            return Ok(());
        }
        let settled: BTreeSet<&String> = self.list.iter().flat_map(|list| &list.seen).collect();
        present.retain(|_, id| !settled.contains(id));
        let is_gone = |(digest, id): &(&Digest, &String)| !present.contains_key(digest) && !settled.contains(id);
        if let Some((_, gone)) = self.emergency.iter().find(is_gone) {
            return Err(DocumentError::Dropped(excerpt(gone, 64)));
        }
        self.emergency = present;
        Ok(())
    }

    /// The same with the clock that is worth remembering: a time that was only asked for, ahead of the machine's `clock`,
    /// would have every later run refused.
    pub(super) fn at(mut self, clock: Timestamp, previous: Option<&Self>) -> Self {
        let now = self.clock.0.min(clock);
        self.clock = Time(previous.map_or(now, |state| state.clock.0.max(now)));
        self
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_none() && self.root.is_none() && self.emergency.is_empty()
    }

    /// Whether `next` says nothing worth a write: the same documents, and a clock that could as well have stood still.
    #[must_use]
    pub fn covers(&self, next: &Self) -> bool {
        (self.root, &self.emergency, &self.list) == (next.root, &next.emergency, &next.list)
            && next.clock.0.duration_since(self.clock.0) < CLOCK_STEP
    }

    /// Whether `root` is not older than the one that was seen.
    ///
    /// # Errors
    /// When it is, or has the same number and other bytes.
    pub(super) fn check_root(&self, root: &TrustRoot) -> Result<(), DocumentError> {
        let Some(seen) = self.root.filter(|_| root.is_document) else { return Ok(()) };
        let found = SeenRoot::of(root);
        match (found.epoch, found.version).cmp(&(seen.epoch, seen.version)) {
            std::cmp::Ordering::Less => Err(DocumentError::OlderRoot {
                found_epoch: found.epoch,
                found_version: found.version,
                epoch: seen.epoch,
                version: seen.version,
            }),
            std::cmp::Ordering::Equal if found != seen => Err(DocumentError::OtherRoot(seen.payload_sha256)),
            _ => Ok(()),
        }
    }

    /// Whether the clock has not gone back.
    ///
    /// # Errors
    /// When `now` is more than a minute before the clock last seen.
    pub fn check_clock(&self, now: Timestamp) -> Result<(), DocumentError> {
        if self.clock.0.duration_since(now) > CLOCK_STEP {
            return Err(DocumentError::ClockBehind(self.clock));
        }
        Ok(())
    }
}

impl SeenList {
    pub(super) fn of(list: &List, payload_sha256: Digest) -> Self {
        Self {
            list_id: Some(list.list_id.clone()),
            epoch: list.epoch,
            version: list.version,
            payload_sha256,
            seen: list.entries.iter().map(Entry::id).map(str::to_owned).collect(),
        }
    }

    /// The floor that was seen.
    #[must_use]
    pub fn floor(&self) -> Floor {
        Floor { epoch: self.epoch, version: self.version, payload: Some(self.payload_sha256) }
    }
}

impl SeenRoot {
    fn of(root: &TrustRoot) -> Self {
        Self { epoch: root.epoch, version: root.version, payload_sha256: root.digest }
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DocumentError> {
    strict_json::read(bytes).map_err(|error| match error {
        JsonError::DuplicateKey(key) => DocumentError::State(format!("the key `{key}` stands twice")),
        JsonError::Invalid(message) => DocumentError::State(message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    fn state() -> State {
        let times = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        let mut list = List::new("l", Whole::ONE, Whole::ONE, Whole::ONE, times.0, times.1);
        list.entries.push(Entry::Withdrawn { id: "R-1".to_owned(), withdrawn_at: times.0 });
        let digest = Digest::of(b"list");
        State {
            list: Some(SeenList::of(&list, digest)),
            root: Some(SeenRoot { epoch: Whole::ONE, version: Whole::ONE, payload_sha256: digest }),
            emergency: BTreeMap::from([(digest, "E-1".to_owned())]),
            ..State::blank(at("2026-01-10T00:00:00Z").0)
        }
    }

    #[test]
    fn a_state_reads_back_and_a_damaged_one_is_refused_at_every_length() {
        let bytes = state().to_json();
        assert_eq!(State::parse(&bytes), Ok(state()));
        let code = |bytes: &[u8]| State::parse(bytes).map_err(|error| error.code());
        for length in 0..bytes.len() - 1 {
            assert_eq!(code(&bytes[..length]), Err("state-malformed"), "{length}");
        }
        let text = String::from_utf8(bytes).expect("text");
        for schema in ["1", "3"] {
            let other = text.replace("\"schema\":2", &format!("\"schema\":{schema}"));
            assert_eq!(code(other.as_bytes()), Err("state-malformed"), "{schema}");
        }
    }

    #[test]
    fn a_state_of_schema_1_still_counts() {
        let digest = Digest::of(b"list");
        let text = format!(
            r#"{{"schema":1,"epoch":1,"version":1,"payload_sha256":"{digest}","clock":"2026-01-10T00:00:00Z","seen":["R-1"]}}"#
        );
        let read = State::parse(text.as_bytes()).expect("schema 1");
        let list = state().list.map(|list| SeenList { list_id: None, ..list });
        assert_eq!(read, State { list, ..State::blank(state().clock.0) });
        assert!(!read.covers(&State { list: state().list, ..read.clone() }), "which list it is has to be remembered");
    }

    #[test]
    fn the_clock_may_not_go_back_and_what_is_remembered_is_never_before_it_nor_ahead_of_the_machine() {
        let state = state();
        assert_eq!(state.check_clock(at("2026-01-09T23:59:00Z").0), Ok(()));
        assert_eq!(state.check_clock(at("2026-01-09T23:58:59Z").0), Err(DocumentError::ClockBehind(state.clock)));
        let kept = |now: &str, clock: &str| State::blank(at(now).0).at(at(clock).0, Some(&state)).clock;
        assert_eq!(kept("2026-01-09T23:59:30Z", "2026-01-09T23:59:30Z"), state.clock);
        assert_eq!(kept("2026-01-12T00:00:00Z", "2026-01-11T00:00:00Z"), at("2026-01-11T00:00:00Z"));
        assert_eq!(kept("2026-01-11T00:00:00Z", "2026-01-12T00:00:00Z"), at("2026-01-11T00:00:00Z"));
        assert_eq!(kept("2099-01-01T00:00:00Z", "2026-01-09T00:00:00Z"), state.clock);
    }

    #[test]
    fn a_state_is_written_again_once_a_minute_at_most_while_the_documents_stay() {
        let state = state();
        let later = |clock: &str| State { clock: at(clock), ..state.clone() };
        assert!(state.covers(&later("2026-01-10T00:00:59Z")));
        assert!(!state.covers(&later("2026-01-10T00:01:00Z")));
        assert!(!state.covers(&State { root: None, ..state.clone() }));
        assert!(!state.covers(&State { list: None, ..state.clone() }));
        assert!(!state.covers(&State { emergency: BTreeMap::new(), ..state.clone() }));
    }

    #[test]
    fn an_entry_of_an_emergency_list_stays_or_is_taken_up_by_the_signed_list() {
        let check = |digest: &[u8], id: &str, seen: &[&str], expect: Result<usize, &str>| {
            let mut state = state();
            state.list.as_mut().expect("a list").seen = seen.iter().map(|id| (*id).to_owned()).collect();
            let taken = state.take_emergency(BTreeMap::from([(Digest::of(digest), id.to_owned())]));
            assert_eq!(taken.map(|()| state.emergency.len()).map_err(|error| error.code()), expect, "{id} {seen:?}");
        };
        check(b"list", "E-1", &[], Ok(1));
        check(b"list", "E-1", &["E-1"], Ok(0));
        check(b"other", "E-2", &["E-1"], Ok(1));
        check(b"other", "E-2", &[], Err("rollback"));
        check(b"other", "E-1", &[], Err("rollback"));
    }
}
