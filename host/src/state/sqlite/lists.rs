//! Lists: items with numbers that grow by one, dropped at the old end alone.

use rusqlite::{Connection, Row};

use super::{Write, number, values::one_number};
use crate::state::{
    Item, ListKey, PAGE, Page, StateError, Version, WhenFull,
    envelope::{check, checksum},
};

/// The numbers of the oldest item and of the next one.
fn extent(rows: &Connection, key: &str) -> Result<(u64, u64), StateError> {
    let ends = [
        "SELECT number FROM items WHERE key = ?1 ORDER BY number LIMIT 1",
        "SELECT number FROM items WHERE key = ?1 ORDER BY number DESC LIMIT 1",
    ];
    let [first, last] = ends.map(|sql| one_number(rows, sql, key));
    let (Some(first), Some(last)) = (first?, last?) else { return Ok((0, 0)) };
    let wrong = StateError::corrupted(key, "its items have numbers that are none");
    match (u64::try_from(first), u64::try_from(last)) {
        (Ok(first), Ok(last)) if last < i64::MAX as u64 => Ok((first, last + 1)),
        _ => Err(wrong),
    }
}

pub(super) fn append(write: &Write<'_>, key: &ListKey, version: Version, value: &[u8]) -> Result<u64, StateError> {
    let rows = &write.rows;
    let (first, end) = extent(rows, key.name())?;
    let most = u64::from(key.most());
    if end - first >= most {
        if key.when_full() == WhenFull::Refuse {
            return Err(StateError::Crowded { key: key.name().to_owned(), most: key.most() });
        }
        rows.prepare_cached("DELETE FROM items WHERE key = ?1 AND number <= ?2")?
            .execute((key.name(), (end - most).cast_signed()))?;
    }
    let sum = checksum(key.name(), version, value).to_be_bytes();
    rows.prepare_cached("INSERT INTO items (key, number, version, checksum, value) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((key.name(), end.cast_signed(), version.0.to_be_bytes(), sum, value))?;
    Ok(end)
}

pub(super) fn read(rows: &Connection, key: &ListKey, from: u64, most: usize) -> Result<Page, StateError> {
    let (first, end) = extent(rows, key.name())?;
    if from > end {
        return Err(StateError::Lost { key: key.name().to_owned() });
    }
    let start = from.max(first);
    let wanted = (most.min(PAGE) as u64).min(end - start);
    let mut select = rows.prepare_cached(
        "SELECT number, version, checksum, value FROM items WHERE key = ?1 AND number >= ?2 ORDER BY number LIMIT ?3",
    )?;
    let mut found = select.query((key.name(), start.cast_signed(), wanted.cast_signed()))?;
    let mut items = Vec::new();
    for offset in start..start + wanted {
        let missing = StateError::corrupted(key.name(), "an item of it is missing");
        let row = found.next()?.ok_or(missing.clone())?;
        if row.get_ref(0)?.as_i64() != Ok(offset.cast_signed()) {
            return Err(missing);
        }
        items.push(Item { offset, value: value(row, key.name())? });
    }
    Ok(Page { items, first, end })
}

fn value(row: &Row<'_>, key: &str) -> Result<Vec<u8>, StateError> {
    let value = row.get_ref(3)?.as_blob().map_err(|_| StateError::corrupted(key, "an item of it is no bytes"))?;
    check(key, Version(number(row, 1, key)?), number(row, 2, key)?, value)?;
    Ok(value.to_vec())
}
