//! Values by their keys.

use rusqlite::{Connection, OptionalExtension as _};

use super::{Write, number};
use crate::state::{
    Agents, Entry, MAX_AGENTS, StateError, ValueKey, Version,
    envelope::{check, checksum},
    keys::agent_of,
};

/// Rows that are taken away at once when their time has run out.
const SWEPT: u32 = 256;

pub(super) fn get(rows: &Connection, now: i64, key: &ValueKey) -> Result<Option<Entry>, StateError> {
    let mut select = rows.prepare_cached(
        "SELECT version, checksum, value FROM entries WHERE key = ?1 AND (expires IS NULL OR expires > ?2)",
    )?;
    let mut found = select.query((key.name(), now))?;
    let Some(row) = found.next()? else { return Ok(None) };
    let version = Version(number(row, 0, key.name())?);
    let sum = number(row, 1, key.name())?;
    let value = row.get_ref(2)?.as_blob().map_err(|_| StateError::corrupted(key.name(), "it is no bytes"))?;
    check(key.name(), version, sum, value)?;
    Ok(Some(Entry { version, value: value.to_vec() }))
}

/// Which writing of a value stands there now.
pub(super) fn version(write: &Write<'_>, key: &ValueKey) -> Result<Option<Version>, StateError> {
    let mut select = write
        .rows
        .prepare_cached("SELECT version FROM entries WHERE key = ?1 AND (expires IS NULL OR expires > ?2)")?;
    let mut found = select.query((key.name(), write.now))?;
    found.next()?.map(|row| number(row, 0, key.name()).map(Version)).transpose()
}

pub(super) fn put(write: &Write<'_>, key: &ValueKey, version: Version, value: &[u8]) -> Result<(), StateError> {
    let mut insert = write.rows.prepare_cached(
        "INSERT INTO entries (key, version, checksum, value, expires) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) \
         DO UPDATE SET version = ?2, checksum = ?3, value = ?4, expires = ?5",
    )?;
    let sum = checksum(key.name(), version, value).to_be_bytes();
    let expires = key.lifetime().map(|lifetime| write.end(lifetime));
    insert.execute((key.name(), version.0.to_be_bytes(), sum, value, expires))?;
    Ok(())
}

pub(super) fn delete(write: &Write<'_>, key: &ValueKey) -> Result<(), StateError> {
    write.rows.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key.name()])?;
    Ok(())
}

/// Takes away some of what has run out.
pub(super) fn sweep(write: &Write<'_>) -> Result<(), StateError> {
    write
        .rows
        .prepare_cached(
            "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
        )?
        .execute((write.now, SWEPT))?;
    write.rows.prepare_cached("DELETE FROM counters WHERE expires <= ?1")?.execute([write.now])?;
    Ok(())
}

pub(super) fn agents(rows: &Connection, now: i64) -> Result<Agents, StateError> {
    // The byte behind `:` is `;`.
    let mut select = rows.prepare_cached(
        "SELECT key FROM entries WHERE key > 'agent:' AND key < 'agent;' AND (expires IS NULL OR expires > ?1) ORDER BY key",
    )?;
    let mut found = select.query([now])?;
    let mut agents = Agents::default();
    while let Some(row) = found.next()? {
        let Some(id) = row.get_ref(0)?.as_str().ok().and_then(agent_of) else { continue };
        if agents.ids.len() == MAX_AGENTS {
            agents.more = true;
            break;
        }
        agents.ids.push(id);
    }
    agents.ids.sort_unstable();
    Ok(agents)
}

/// The only number of a row, if there is one.
pub(super) fn one_number(rows: &Connection, sql: &str, key: &str) -> Result<Option<i64>, StateError> {
    Ok(rows.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?)
}
