//! Bytes by their digest, each once.
//!
//! What is large lies in many parts, so that neither side ever holds a second copy of it. What was handed in as pieces shares
//! its large ones with every other blob that has them, such as evidence that stands in many requests.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension as _, types::ValueRef};
use sha2::{Digest as _, Sha256};

use super::{Broken, Content, Ledger, LedgerError, hash::digest_of, read::whole};
use crate::digest::Digest;

/// The most bytes of one blob. A request with the largest input that a gate may have is a quarter of it.
pub(super) const MAX: u64 = 1 << 30;
/// Bytes of one row.
const PART: usize = 1 << 20;
/// From so many bytes on, a piece is a blob of its own: below, the row would weigh as much as the bytes.
pub(crate) const SHARED: usize = 4 << 10;

/// Whether the bytes of a row of `blobs` are there; nothing is there at once.
pub(super) const IS_THERE: &str = "(size = 0 OR EXISTS (SELECT 1 FROM parts WHERE blob = blobs.id))";

/// Content with its name.
pub(super) struct Hashed<'a> {
    pub(super) digest: Digest,
    /// Nothing, where the ledger is to have it.
    bytes: Option<(u64, &'a [Cow<'a, [u8]>])>,
}

impl<'a> Hashed<'a> {
    /// Takes time, and no lock.
    pub(super) fn of(content: &'a Content<'a>) -> Result<Self, LedgerError> {
        match content {
            Content::Known(digest) => Ok(Self { digest: *digest, bytes: None }),
            Content::Pieces(pieces) => {
                let (digest, size) = digest_of(pieces.iter().map(|piece| &**piece));
                if size > MAX { Err(LedgerError::TooLarge) } else { Ok(Self { digest, bytes: Some((size, pieces)) }) }
            }
        }
    }
}

/// A blob's row.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) size: u64,
    /// Whether its bytes are there.
    there: bool,
}

/// The row of that digest.
fn find(connection: &Connection, digest: &Digest) -> Result<Option<Stored>, LedgerError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT id, size, {IS_THERE} FROM blobs WHERE digest = ?1"))?;
    let found = statement.query_row([digest.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    found.map(|(id, size, there)| Ok(Stored { id, size: whole(size)?, there })).transpose()
}

/// Keeps content that is not there yet.
pub(super) fn put(connection: &Connection, content: &Hashed<'_>) -> Result<Stored, LedgerError> {
    let found = find(connection, &content.digest)?;
    match (found, content.bytes) {
        (Some(stored), _) if stored.there => Ok(stored),
        (Some(_), None) => Err(LedgerError::BlobPruned(content.digest)),
        (None, None) => Err(LedgerError::NoBlob(content.digest)),
        (found, Some((size, pieces))) => {
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).filter(|piece| !piece.is_empty()).collect();
            let id = match found {
                Some(stored) => stored.id,
                None => {
                    let mut insert = connection.prepare_cached("INSERT INTO blobs (digest, size) VALUES (?1, ?2)")?;
                    insert.insert((content.digest.0, size.cast_signed()))?
                }
            };
            fill(connection, id, &pieces)?;
            Ok(Stored { id, size, there: true })
        }
    }
}

/// Puts the bytes of a blob that has none.
fn fill(connection: &Connection, id: i64, pieces: &[&[u8]]) -> Result<(), LedgerError> {
    let bytes: Cow<'_, [u8]> = match pieces {
        [bytes] => (*bytes).into(),
        pieces if pieces.iter().any(|piece| piece.len() >= SHARED) => return compose(connection, id, pieces),
        pieces => pieces.concat().into(),
    };
    (0..).zip(bytes.chunks(PART)).try_for_each(|(part, bytes)| add_part(connection, id, part, bytes))
}

/// Small pieces as they are, large ones as blobs of their own.
fn compose(connection: &Connection, id: i64, pieces: &[&[u8]]) -> Result<(), LedgerError> {
    let mut parts = 0..;
    let mut next = || parts.next().unwrap_or_default();
    let mut small = Vec::new();
    for piece in pieces {
        if piece.len() < SHARED {
            small.extend_from_slice(piece);
            continue;
        }
        if !small.is_empty() {
            add_part(connection, id, next(), &std::mem::take(&mut small))?;
        }
        let (digest, size) = digest_of([*piece]);
        let source = put(connection, &Hashed { digest, bytes: Some((size, &[(*piece).into()])) })?;
        let mut insert = connection.prepare_cached("INSERT INTO parts (blob, part, source) VALUES (?1, ?2, ?3)")?;
        insert.execute((id, next(), source.id))?;
    }
    if small.is_empty() { Ok(()) } else { add_part(connection, id, next(), &small) }
}

fn add_part(connection: &Connection, blob: i64, part: i64, bytes: &[u8]) -> Result<(), LedgerError> {
    let mut insert = connection.prepare_cached("INSERT INTO parts (blob, part, bytes) VALUES (?1, ?2, ?3)")?;
    insert.execute((blob, part, bytes))?;
    Ok(())
}

/// Where the bytes of a blob go as they are read.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), LedgerError> + 'a;

/// Reads a blob into `sink`, and holds what was read against the digest: only once this returns it is what was kept.
pub(super) fn read(connection: &Connection, digest: &Digest, sink: &mut Sink<'_>) -> Result<u64, LedgerError> {
    let stored = find(connection, digest)?.ok_or(LedgerError::NoBlob(*digest))?;
    if !stored.there {
        return Err(LedgerError::BlobPruned(*digest));
    }
    let (found, read) = read_row(connection, stored.id, stored.size, sink)?;
    if (found, read) == (*digest, stored.size) {
        Ok(read)
    } else {
        Err(Broken::BlobChanged { digest: *digest, entries: Vec::new() }.into())
    }
}

/// Reads the bytes of a row that should have `size` of them, and says their digest and how many they are: never many more
/// than that, nor than [`MAX`], whatever the rows say.
pub(super) fn read_row(
    connection: &Connection,
    id: i64,
    size: u64,
    sink: &mut Sink<'_>,
) -> Result<(Digest, u64), LedgerError> {
    let mut hasher = Sha256::new();
    let mut read = 0;
    let mut take = |bytes: &[u8]| {
        read += bytes.len() as u64;
        if read > size.min(MAX) {
            return Ok(false);
        }
        hasher.update(bytes);
        sink(bytes).map(|()| true)
    };
    walk(connection, id, true, &mut take)?;
    Ok((Digest(hasher.finalize().into()), read))
}

type Take<'a> = dyn FnMut(&[u8]) -> Result<bool, LedgerError> + 'a;

/// Hands every part to `take` until that has enough; whether it has not.
fn walk(connection: &Connection, id: i64, may_share: bool, take: &mut Take<'_>) -> Result<bool, LedgerError> {
    let mut parts = connection.prepare_cached("SELECT bytes, source FROM parts WHERE blob = ?1 ORDER BY part")?;
    let mut rows = parts.query([id])?;
    while let Some(row) = rows.next()? {
        let more = match (row.get_ref(0)?, row.get(1)?) {
            (ValueRef::Blob(bytes), _) => take(bytes)?,
            // One level deep: what is shared shares nothing, so that no file leads around in circles.
            (_, Some(source)) if may_share => walk(connection, source, false, take)?,
            _ => return Err(LedgerError::corrupt("a part of a blob leads nowhere")),
        };
        if !more {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Ledger {
    /// The bytes of that digest, which they were held against.
    ///
    /// # Errors
    /// When the ledger has no such bytes, they were pruned, or they are not what they were.
    pub fn blob(&self, digest: &Digest) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = Vec::new();
        read(&self.connection, digest, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Writes the bytes of that digest, and says how many there are. What was written counts for nothing unless this succeeds.
    ///
    /// # Errors
    /// As [`Ledger::blob`], and when they cannot be written.
    pub fn copy_blob(&self, digest: &Digest, to: &mut dyn std::io::Write) -> Result<u64, LedgerError> {
        read(&self.connection, digest, &mut |part| Ok(to.write_all(part)?))
    }
}
