//! A witness beside the ledger: how far the chain had come, so that a ledger that lost its end is not taken for one that
//! never was longer.
//!
//! What was committed last stands in a log, and SQLite passes over a log from the first frame on that does not add up: right
//! after a crash, wrong after damage. The witness is written after every commit and never before, so whatever happens to
//! a machine, the ledger is as long as it says or longer. It proves nothing against whoever writes it; a seal does.

use std::{
    fs::OpenOptions,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{Head, LedgerError, append};
use crate::{digest::Digest, files::read_capped, sqlite::beside};

/// Bytes of a witness: a number, a digest, and the start of the digest of both.
const LENGTH: usize = 20 + 1 + 64 + 1 + 12 + 1;
/// Somebody may be writing it this moment.
const TRIES: usize = 3;

fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, "-head")
}

fn text(head: &Head) -> String {
    let said = format!("{:020} {}", head.entries, head.hash);
    format!("{said} {}\n", Digest::of(said.as_bytes()).short())
}

fn parse(written: &[u8]) -> Option<Head> {
    let written = str::from_utf8(written).ok()?;
    let mut words = written.split_ascii_whitespace();
    let head = Head { entries: words.next()?.parse().ok()?, hash: words.next()?.parse().ok()? };
    (text(&head) == written).then_some(head)
}

/// How far the chain has come at least; nothing where nobody says, or what is said is half written.
pub(super) fn read(ledger: &Path) -> Option<Head> {
    (0..TRIES).find_map(|_| parse(&read_capped(&path_of(ledger), LENGTH as u64).ok()?))
}

/// Says how far the chain has come. Where that cannot be written, what was said before stays true.
pub(super) fn write(ledger: &Path, head: &Head) {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path_of(ledger));
    let _ = file.and_then(|file| file.write_all_at(text(head).as_bytes(), 0));
}

/// That the ledger is as long as its witness says. Whether it is the same is for the verifier to say.
pub(super) fn check(connection: &Connection, ledger: &Path) -> Result<(), LedgerError> {
    let Some(Head { entries: seen, .. }) = read(ledger) else { return Ok(()) };
    let Head { entries, .. } = append::head(connection)?;
    if entries >= seen { Ok(()) } else { Err(LedgerError::CutShort { entries, seen }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_reads_back_and_half_of_one_says_nothing() {
        let head = Head { entries: 7, hash: Digest::of(b"head") };
        let whole = text(&head);
        assert_eq!((whole.len(), parse(whole.as_bytes())), (LENGTH, Some(head)));
        let other = text(&Head { entries: 8, hash: Digest::of(b"other") });
        for at in 0..LENGTH {
            assert_eq!(parse(&whole.as_bytes()[..at]), None);
            let torn = [&whole[..at], &other[at..]].concat();
            assert!([&whole, &other].contains(&&torn) || parse(torn.as_bytes()).is_none(), "{torn}");
        }
        assert_eq!(parse(whole.replace(' ', "  ").as_bytes()), None);
        assert_eq!(parse(b"\0\0\0"), None);
    }
}
