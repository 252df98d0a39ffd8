//! The blobs, one after another.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{
    super::{Broken, LedgerError, blobs::read_row, read::whole},
    Found,
};
use crate::digest::Digest;

/// Entries that are named as keeping a blob, at most.
const NAMED: u32 = 5;

/// Holds every blob against its digest, and against whether anything needs it. How many are there, and how many bytes they
/// have. `needs` says so for those that entries name.
pub(super) fn walk(
    connection: &Connection,
    needs: HashMap<i64, bool>,
    found: &mut Found,
) -> Result<(u64, u64), LedgerError> {
    let needs = with_sources(connection, needs)?;
    let (mut blobs, mut bytes) = (0, 0);
    let mut statement = connection.prepare(
        "SELECT blobs.id, digest, size, count(blob), coalesce(sum(length(bytes)), 0) \
         FROM blobs LEFT JOIN parts ON blob = blobs.id GROUP BY blobs.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let (Ok(digest), Ok(size)) = (row.get(1).map(Digest), row.get(2).map(i64::cast_unsigned)) else {
            found.add(Broken::Damaged { what: format!("row {id} of the blobs has no digest") });
            continue;
        };
        let has_parts = row.get::<_, i64>(3)? > 0;
        match (has_parts, needs.get(&id)) {
            (false, _) if size == 0 => {}
            (true, Some(true)) => {
                blobs += 1;
                bytes += whole(row.get(4)?)?;
                if !is_whole(connection, id, digest, size)? {
                    let entries = keepers(connection, id, found)?;
                    found.add(Broken::BlobChanged { digest, entries });
                }
            }
            (false, Some(true)) => {
                let entries = keepers(connection, id, found)?;
                found.add(Broken::BlobMissing { digest, entries });
            }
            (true, _) => found.add(Broken::BlobStray { digest }),
            (false, _) => {}
        }
    }
    Ok((blobs, bytes))
}

/// `needs` with the blobs that others share: a piece is needed where the whole is.
fn with_sources(connection: &Connection, mut needs: HashMap<i64, bool>) -> Result<HashMap<i64, bool>, LedgerError> {
    let mut statement = connection.prepare("SELECT blob, source FROM parts WHERE source IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut shared: Vec<(i64, bool)> = Vec::new();
    while let Some(row) = rows.next()? {
        let needed = needs.get(&row.get(0)?).copied().unwrap_or_default();
        shared.push((row.get(1)?, needed));
    }
    for (source, needed) in shared {
        *needs.entry(source).or_default() |= needed;
    }
    Ok(needs)
}

fn is_whole(connection: &Connection, id: i64, digest: Digest, size: u64) -> Result<bool, LedgerError> {
    match read_row(connection, id, size, &mut |_| Ok(())) {
        Ok(read) => Ok(read == (digest, size)),
        // Rows that lead nowhere are a blob that was changed.
        Err(LedgerError::Corrupt(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The first entries that keep a blob; there is no index for asking, so nobody asks for more than is told.
fn keepers(connection: &Connection, id: i64, found: &Found) -> Result<Vec<u64>, LedgerError> {
    if found.is_full() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT entry FROM keeps WHERE blob = ?1 OR blob IN (SELECT blob FROM parts WHERE source = ?1) \
         ORDER BY entry LIMIT ?2",
    )?;
    let entries = statement.query_map((id, NAMED), |row| row.get::<_, i64>(0))?;
    entries.map(|entry| whole(entry?)).collect()
}
