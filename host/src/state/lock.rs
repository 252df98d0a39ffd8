//! Locks that run out, and fences that make a late holder harmless.
//!
//! Whoever gets a lock gets a fence with a token that is larger than every one before it, for ever. A write that is done under
//! a fence is done only while the lock is held with that very fence: store and lock are asked in one step. So a holder that
//! slept past its time, or was cut off, changes nothing any more, whether or not somebody else has the lock meanwhile.

use std::time::Duration;

use super::{LockKey, StateError, envelope::random};

/// The longest name of a holder, in bytes.
pub(super) const MAX_HOLDER: usize = 128;

/// Who asks for a lock. Whoever asks twice with the same one is given the same fence while it holds: a question whose answer
/// was lost can be asked again, and nobody holds it twice. So there is one for each that holds, and none is shared.
#[derive(Debug, PartialEq, Eq)]
pub struct Holder {
    pub(super) name: String,
    pub(super) nonce: u128,
}

impl Holder {
    /// Somebody new; the name is for those who wait.
    ///
    /// # Errors
    /// When the name is empty, too long or not printable ASCII, or the system gives no randomness.
    pub fn new(name: &str) -> Result<Self, StateError> {
        let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !printable || name.is_empty() || name.len() > MAX_HOLDER {
            return Err(StateError::Holder);
        }
        Ok(Self { name: name.to_owned(), nonce: random()? })
    }

    /// The name for those who wait.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The proof that a lock was got, under which is written. It does not keep the lock: [`super::State::renew`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub(super) lock: LockKey,
    pub(super) holder: String,
    pub(super) nonce: u128,
    pub(super) token: u64,
}

impl Fence {
    pub(super) fn new(lock: &LockKey, holder: &Holder, token: u64) -> Self {
        Self { lock: lock.clone(), holder: holder.name.clone(), nonce: holder.nonce, token }
    }

    /// Larger than that of every fence before it.
    #[must_use]
    pub fn token(&self) -> u64 {
        self.token
    }

    /// The lock.
    #[must_use]
    pub fn lock(&self) -> &LockKey {
        &self.lock
    }

    /// That it is stale.
    pub(super) fn lost(&self) -> StateError {
        StateError::LockLost { key: self.lock.name().to_owned(), token: self.token }
    }
}

/// Who holds a lock now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The holder's name.
    pub by: String,
    /// The token of its fence.
    pub token: u64,
    /// For how long, unless it is renewed.
    pub left: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_has_a_name_that_can_be_shown_and_is_nobody_else() {
        let (one, other) = (Holder::new("host 7/run").expect("a name"), Holder::new("host 7/run").expect("a name"));
        assert_ne!(one, other);
        for name in ["", "a\nb", "ä", "a\u{1b}[31m", &"a".repeat(MAX_HOLDER + 1)] {
            assert_eq!(Holder::new(name), Err(StateError::Holder), "{name:?}");
        }
    }
}
