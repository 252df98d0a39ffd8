//! What a machine remembers of revocation lists, so that an older one is not taken again. Only the content; reading,
//! locking and writing the file whole is the caller's.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    list::{Entry, Floor, List},
    problem::DocumentError,
    strict_json::{self, JsonError, Time, Whole},
};
use crate::digest::Digest;

/// How far the clock may step back between two runs: two that start together read it at slightly different moments.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(60);

/// What was seen last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    schema: Whole,
    /// The greatest epoch that was taken.
    pub epoch: Whole,
    /// The greatest version within it.
    pub version: Whole,
    /// The digest of that list's payload.
    pub payload_sha256: Digest,
    /// The latest clock.
    pub clock: Time,
    /// Ids of that list's entries.
    pub seen: Vec<String>,
}

impl State {
    /// Reads a state file.
    ///
    /// # Errors
    /// When it is not one: forgetting what was seen would let an older list in.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let state: Self = strict_json::read(bytes).map_err(|error| match error {
            JsonError::DuplicateKey(key) => DocumentError::State(format!("the key `{key}` stands twice")),
            JsonError::Invalid(message) => DocumentError::State(message),
        })?;
        if state.schema != Whole::ONE {
            return Err(DocumentError::State(format!("its schema is {}", state.schema)));
        }
        Ok(state)
    }

    /// The file's bytes, JSON with a line feed behind it.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A struct of strings and numbers always serialises.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What is remembered once `list` was taken at `now`.
    #[must_use]
    pub fn after(previous: Option<&Self>, list: &List, payload_sha256: Digest, now: Timestamp) -> Self {
        let clock = previous.map_or(now, |state| state.clock.0.max(now));
        Self {
            schema: Whole::ONE,
            epoch: list.epoch,
            version: list.version,
            payload_sha256,
            clock: Time(clock),
            seen: list.entries.iter().map(Entry::id).map(str::to_owned).collect(),
        }
    }

    /// Whether `next` says nothing worth a write: the same list, and a clock that could as well have stood still.
    #[must_use]
    pub fn covers(&self, next: &Self) -> bool {
        let is_same_list =
            (next.epoch, next.version, next.payload_sha256) == (self.epoch, self.version, self.payload_sha256);
        is_same_list && next.clock.0.duration_since(self.clock.0) < CLOCK_STEP
    }

    /// The floor that was seen.
    #[must_use]
    pub fn floor(&self) -> Floor {
        Floor { epoch: self.epoch, version: self.version, payload: Some(self.payload_sha256) }
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
        State::after(None, &list, Digest::of(b"list"), at("2026-01-10T00:00:00Z").0)
    }

    #[test]
    fn a_state_reads_back_and_a_damaged_one_is_refused_at_every_length() {
        let bytes = state().to_json();
        assert_eq!(State::parse(&bytes), Ok(state()));
        for length in 0..bytes.len() - 1 {
            assert_eq!(
                State::parse(&bytes[..length]).map_err(|error| error.code()),
                Err("state-malformed"),
                "{length}"
            );
        }
        let later = String::from_utf8(bytes).expect("text").replace("\"schema\":1", "\"schema\":2");
        assert_eq!(State::parse(later.as_bytes()).map_err(|error| error.code()), Err("state-malformed"));
    }

    #[test]
    fn the_clock_may_not_go_back_and_what_is_remembered_never_does() {
        let state = state();
        assert_eq!(state.check_clock(at("2026-01-09T23:59:00Z").0), Ok(()));
        assert_eq!(state.check_clock(at("2026-01-09T23:58:59Z").0), Err(DocumentError::ClockBehind(state.clock)));
        let times = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
        let list = List::new("l", Whole::ONE, Whole::ONE, Whole::ONE, times.0, times.1);
        let next = State::after(Some(&state), &list, Digest::of(b"x"), at("2026-01-09T23:59:30Z").0);
        assert_eq!(next.clock, state.clock);
        assert!(!state.covers(&next), "another list has to be remembered");
    }

    #[test]
    fn a_state_is_written_again_once_a_minute_at_most_while_the_list_stays() {
        let state = state();
        let later = |clock: &str| State { clock: at(clock), ..state.clone() };
        assert!(state.covers(&later("2026-01-10T00:00:59Z")));
        assert!(!state.covers(&later("2026-01-10T00:01:00Z")));
    }
}
