//! What an entry's hash covers: everything that the ledger says of it, and the hash of the entry before.

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;

/// Keeps these hashes apart from all others; its number changes with what is covered.
const DOMAIN: &[u8] = b"portcullis.ledger.entry.v1";

/// The end of a chain: how many entries it has, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries; they are numbered from 1.
    pub entries: u64,
    /// The hash of the last one; zeros where there is none.
    pub hash: Digest,
}

impl Head {
    /// The head of an empty chain.
    pub(super) const EMPTY: Self = Self { entries: 0, hash: Digest([0; 32]) };
}

/// Something that an entry keeps, as its hash covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound<'a> {
    pub(super) role: &'a str,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// An entry as its hash covers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link<'a> {
    pub(super) seq: u64,
    /// The hash of the entry before.
    pub(super) prev: Digest,
    /// The run's name; empty for an entry of no run, for no run's name is empty.
    pub(super) run: &'a str,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// JSON.
    pub(super) facts: &'a str,
    /// In the order of their roles' bytes.
    pub(super) keeps: &'a [Bound<'a>],
}

impl Link<'_> {
    /// SHA-256 over every field, each with its length before it, so that no two entries give the same bytes.
    pub(super) fn hash(&self) -> Digest {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(DOMAIN);
        field(&self.seq.to_be_bytes());
        field(&self.prev.0);
        field(self.run.as_bytes());
        field(self.kind.as_bytes());
        field(self.name.as_bytes());
        field(&self.at.to_be_bytes());
        field(self.facts.as_bytes());
        field(&(self.keeps.len() as u64).to_be_bytes());
        for Bound { role, digest, size } in self.keeps {
            field(role.as_bytes());
            field(&digest.0);
            field(&size.to_be_bytes());
        }
        Digest(hasher.finalize().into())
    }
}

/// The digest and the length of pieces that follow one another.
pub(super) fn digest_of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Digest, u64) {
    let mut hasher = Sha256::new();
    let mut size = 0;
    for piece in pieces {
        hasher.update(piece);
        size += piece.len() as u64;
    }
    (Digest(hasher.finalize().into()), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_counts_and_none_runs_into_the_next() {
        let kept = [Bound { role: "request", digest: Digest::of(b"a"), size: 1 }];
        let link =
            Link { seq: 1, prev: Digest([0; 32]), run: "r", kind: "gate", name: "n", at: 7, facts: "{}", keeps: &kept };
        let other_role = [Bound { role: "answer", ..kept[0].clone() }];
        let other_digest = [Bound { digest: Digest::of(b"b"), ..kept[0].clone() }];
        let other_size = [Bound { size: 2, ..kept[0].clone() }];
        let links = [
            link,
            Link { seq: 2, ..link },
            Link { prev: Digest([1; 32]), ..link },
            Link { run: "", ..link },
            Link { kind: "gaten", name: "", ..link },
            Link { kind: "", name: "gaten", ..link },
            Link { name: "n{", facts: "}", ..link },
            Link { at: -7, ..link },
            Link { facts: "{ }", ..link },
            Link { keeps: &[], ..link },
            Link { keeps: &other_role, ..link },
            Link { keeps: &other_digest, ..link },
            Link { keeps: &other_size, ..link },
        ];
        for (index, one) in links.iter().enumerate() {
            for other in &links[..index] {
                assert_ne!(one.hash(), other.hash(), "{one:?} {other:?}");
            }
        }
        // What is written today has to be checkable for ever: a changed encoding needs another domain.
        let expect = "5423b85063bbc3041431587f530fb56cdfcded1483068924c18b4ef8a5ce003f";
        assert_eq!(link.hash().to_string(), expect);
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        assert_eq!(digest_of([&b"ab"[..], b"", b"c"]), (Digest::of(b"abc"), 3));
        assert_eq!(digest_of([]), (Digest::of(b""), 0));
    }
}
