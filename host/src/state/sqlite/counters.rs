//! Counters by their names, under keys.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::{Write, number, values::one_number};
use crate::state::{
    Counted, CounterKey, Id, MAX_COUNTERS, StateError, Version,
    envelope::{check, checksum},
};

/// What the checksum of a counter is over, beside the key: a counter has no version.
fn said(name: &str, value: u32) -> Vec<u8> {
    format!("{name} {value}").into_bytes()
}

const NO_VERSION: Version = Version(0);

pub(super) fn count(write: &Write<'_>, key: &CounterKey, name: &Id, by: u32, most: u32) -> Result<Counted, StateError> {
    let rows = &write.rows;
    rows.prepare_cached("DELETE FROM counters WHERE key = ?1 AND expires <= ?2")?.execute((key.name(), write.now))?;
    let counters = all(rows, write.now, key)?;
    let value = counters.get(name).copied();
    if value.is_none() && counters.len() >= MAX_COUNTERS as usize {
        return Err(StateError::Crowded { key: key.name().to_owned(), most: MAX_COUNTERS });
    }
    let value = value.unwrap_or(0);
    let Some(after) = value.checked_add(by).filter(|after| *after <= most) else {
        return Ok(Counted { value, limited: true });
    };
    // They run out together, so long after the first count.
    let begun = one_number(
        rows,
        "SELECT min(expires) FROM counters WHERE key = ?1 HAVING min(expires) IS NOT NULL",
        key.name(),
    )?;
    let expires = match (begun, key.lifetime()) {
        (None, Some(lifetime)) if counters.is_empty() => Some(write.end(lifetime)),
        (begun, _) => begun,
    };
    rows.prepare_cached(
        "INSERT INTO counters (key, name, value, checksum, expires) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key, name) \
         DO UPDATE SET value = ?3, checksum = ?4",
    )?
    .execute((
        key.name(),
        name.as_str(),
        after,
        checksum(key.name(), NO_VERSION, &said(name.as_str(), after)).to_be_bytes(),
        expires,
    ))?;
    Ok(Counted { value: after, limited: false })
}

pub(super) fn all(rows: &Connection, now: i64, key: &CounterKey) -> Result<BTreeMap<Id, u32>, StateError> {
    let mut select = rows.prepare_cached(
        "SELECT name, value, checksum FROM counters WHERE key = ?1 AND (expires IS NULL OR expires > ?2) LIMIT ?3",
    )?;
    let mut found = select.query((key.name(), now, MAX_COUNTERS))?;
    let mut counters = BTreeMap::new();
    while let Some(row) = found.next()? {
        let (name, value) = counter(row, key.name())?;
        counters.insert(name, value);
    }
    Ok(counters)
}

fn counter(row: &Row<'_>, key: &str) -> Result<(Id, u32), StateError> {
    let wrong = || StateError::corrupted(key, "it has a counter that is none");
    let name = row.get_ref(0)?.as_str().ok().and_then(|name| Id::parse(name).ok()).ok_or_else(wrong)?;
    let value = row.get_ref(1)?.as_i64().ok().and_then(|value| u32::try_from(value).ok()).ok_or_else(wrong)?;
    check(key, NO_VERSION, number(row, 2, key)?, &said(name.as_str(), value))?;
    Ok((name, value))
}

pub(super) fn clear(write: &Write<'_>, key: &CounterKey) -> Result<(), StateError> {
    write.rows.prepare_cached("DELETE FROM counters WHERE key = ?1")?.execute([key.name()])?;
    Ok(())
}
