//! What is written with every value: which writing it is, and a checksum over it, its key and the value.
//!
//! The checksum finds what was damaged, cut, or moved from another key. It proves nothing against whoever means to write a
//! false value: who may write to the store is for the store to say.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};

use super::StateError;
use crate::digest::unhex;

/// Which writing of a value it is: no two writings have the same, also when the bytes are the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub(super) u128);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value as it was found, and adds up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which writing it is.
    pub version: Version,
    /// Its bytes. Whoever wrote them may have been anybody: they are to be validated like all that comes from outside.
    pub value: Vec<u8>,
}

/// Numbers of which no two are the same, in whatever process they are made.
#[derive(Debug)]
pub(super) struct Nonces {
    base: u64,
    next: AtomicU64,
}

impl Nonces {
    /// Numbers that begin somewhere of their own.
    pub(super) fn new() -> Result<Self, StateError> {
        let start = random()?;
        Ok(Self { base: (start >> 64) as u64, next: AtomicU64::new(start as u64) })
    }

    pub(super) fn next(&self) -> u128 {
        u128::from(self.base) << 64 | u128::from(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A random number.
pub(super) fn random() -> Result<u128, StateError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| StateError::Randomness)?;
    Ok(u128::from_be_bytes(bytes))
}

/// Half of a SHA-256 over key, version and value, of which none can give way to another.
pub(super) fn checksum(key: &str, version: Version, value: &[u8]) -> u128 {
    let hash: [u8; 32] = Sha256::new()
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(version.0.to_be_bytes())
        .chain_update(value)
        .finalize()
        .into();
    hash.iter().take(16).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// Bytes in front of a value in a sealed text: `1 `, the version, a space, the checksum, the end of the line.
pub(super) const HEADER: usize = 2 + 32 + 1 + 32 + 1;

/// The value with version and checksum in front of it, for a store that keeps nothing but text.
pub(super) fn seal(key: &str, version: Version, value: &[u8]) -> Vec<u8> {
    let mut sealed = format!("1 {version} {:032x}\n", checksum(key, version, value)).into_bytes();
    sealed.extend_from_slice(value);
    sealed
}

/// The value that [`seal`] put under this key, if it is one and still adds up.
pub(super) fn unseal(key: &str, sealed: &[u8]) -> Result<Entry, StateError> {
    let (header, value) = sealed.split_at_checked(HEADER).ok_or(StateError::corrupted(key, "it is cut short"))?;
    let number = |from: usize| {
        let digits = std::str::from_utf8(header.get(from..from + 32)?).ok()?;
        unhex(digits).map(u128::from_be_bytes)
    };
    let (version, sum) = match (header, number(2), number(35)) {
        ([b'1', b' ', .., b'\n'], Some(version), Some(sum)) if header.get(34) == Some(&b' ') => (Version(version), sum),
        _ => return Err(StateError::corrupted(key, "it is nothing that this program writes")),
    };
    check(key, version, sum, value)?;
    Ok(Entry { version, value: value.to_vec() })
}

/// That a checksum is the one of this value.
pub(super) fn check(key: &str, version: Version, sum: u128, value: &[u8]) -> Result<(), StateError> {
    if checksum(key, version, value) == sum {
        Ok(())
    } else {
        Err(StateError::corrupted(key, "its checksum is not that of its bytes"))
    }
}

/// That a value is no larger than it may be.
pub(super) fn fits(value: &[u8], most: usize) -> Result<(), StateError> {
    if value.len() <= most { Ok(()) } else { Err(StateError::TooLarge { most }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_do_not_repeat() {
        let (one, other) = (Nonces::new().expect("random"), Nonces::new().expect("random"));
        let numbers: std::collections::HashSet<u128> = (0..1_000).flat_map(|_| [one.next(), other.next()]).collect();
        assert_eq!(numbers.len(), 2_000);
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_unsealed_under_its_key_alone(key in "[ab:]{0,20}", version: u128, value: Vec<u8>) {
            let version = Version(version);
            let sealed = seal(&key, version, &value);
            prop_assert_eq!(unseal(&key, &sealed), Ok(Entry { version, value }));
            for other in [format!("{key}x"), key.replacen([':', 'a'], "b", 1), key.replacen('b', "a", 1)] {
                let moved = unseal(&other, &sealed).map_err(|error| error.code());
                prop_assert!(other == key || moved == Err("state-corrupted"), "{}", other);
            }
        }

        #[test]
        fn one_bit_that_is_wrong_is_found(value: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let mut sealed = seal("k", Version(7), &value);
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            // A hex digit in the other case says the same.
            let same = sealed[at].is_ascii_uppercase() && at < HEADER;
            prop_assert!(same || unseal("k", &sealed).is_err());
        }

        #[test]
        fn what_is_cut_or_anything_else_is_found(value: Vec<u8>, cut: prop::sample::Index, other: Vec<u8>) {
            let sealed = seal("k", Version(7), &value);
            prop_assert!(unseal("k", &sealed[..cut.index(sealed.len())]).is_err());
            prop_assert!(unseal("k", &other).is_err());
        }
    }
}
