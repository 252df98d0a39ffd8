//! Locks and their fences.

use std::time::Duration;

use rusqlite::Connection;

use super::{Write, number};
use crate::state::{Fence, Held, Holder, LockKey, StateError};

/// A lock that is held.
pub(super) struct Holding {
    pub(super) held: Held,
    nonce: u128,
}

/// Who holds a lock, unless its time has run out.
pub(super) fn holding(rows: &Connection, now: i64, lock: &LockKey) -> Result<Option<Holding>, StateError> {
    let key = lock.name();
    let mut select =
        rows.prepare_cached("SELECT token, nonce, holder, expires FROM locks WHERE key = ?1 AND expires > ?2")?;
    let mut found = select.query((key, now))?;
    let Some(row) = found.next()? else { return Ok(None) };
    let wrong = || StateError::corrupted(key, "it is no lock that this program writes");
    let token = row.get_ref(0)?.as_i64().ok().and_then(|token| u64::try_from(token).ok()).ok_or_else(wrong)?;
    let by = row.get_ref(2)?.as_str().map_err(|_| wrong())?.to_owned();
    let expires = row.get_ref(3)?.as_i64().map_err(|_| wrong())?;
    let left = Duration::from_millis(expires.saturating_sub(now).unsigned_abs());
    Ok(Some(Holding { held: Held { by, token, left }, nonce: number(row, 1, key)? }))
}

/// That the lock is held with this very fence.
pub(super) fn check(write: &Write<'_>, fence: &Fence) -> Result<(), StateError> {
    match holding(&write.rows, write.now, &fence.lock) {
        Ok(Some(holding)) if (holding.held.token, holding.nonce) == (fence.token, fence.nonce) => Ok(()),
        // Whatever stands there, it is not this one.
        Ok(_) | Err(StateError::Corrupted { .. }) => Err(fence.lost()),
        Err(error) => Err(error),
    }
}

pub(super) fn acquire(write: &Write<'_>, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
    match holding(&write.rows, write.now, lock)? {
        Some(holding) if holding.nonce == holder.nonce => {
            let fence = Fence::new(lock, holder, holding.held.token);
            renew(write, &fence)?;
            Ok(fence)
        }
        Some(Holding { held: Held { by, left, .. }, .. }) => {
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            Err(StateError::Held { key: lock.name().to_owned(), by, left_ms })
        }
        None => take(write, lock, holder),
    }
}

pub(super) fn seize(write: &Write<'_>, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
    match holding(&write.rows, write.now, lock) {
        Ok(Some(holding)) if holding.nonce == holder.nonce => acquire(write, lock, holder),
        Ok(_) | Err(StateError::Corrupted { .. }) => take(write, lock, holder),
        Err(error) => Err(error),
    }
}

pub(super) fn take_over(write: &Write<'_>, lock: &LockKey, holder: &Holder, from: u64) -> Result<Fence, StateError> {
    match holding(&write.rows, write.now, lock)? {
        Some(holding) if holding.nonce != holder.nonce && holding.held.token == from => take(write, lock, holder),
        _ => acquire(write, lock, holder),
    }
}

/// Gives the lock to `holder`, with a token past every one before it and not behind the clock: tokens go on growing where a
/// store was lost and made anew.
fn take(write: &Write<'_>, lock: &LockKey, holder: &Holder) -> Result<Fence, StateError> {
    let rows = &write.rows;
    let token: i64 = rows
        .prepare_cached("UPDATE fences SET token = max(token + 1, ?1) WHERE id = 1 RETURNING token")?
        .query_row([write.now], |row| row.get(0))?;
    let wrong = |_| StateError::corrupted("fences", "its token is none");
    let fence = Fence::new(lock, holder, u64::try_from(token).map_err(wrong)?);
    rows.prepare_cached(
        "INSERT INTO locks (key, token, nonce, holder, expires) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) \
         DO UPDATE SET token = ?2, nonce = ?3, holder = ?4, expires = ?5",
    )?
    .execute((lock.name(), token, holder.nonce.to_be_bytes(), &*holder.name, write.end(lock.lifetime())))?;
    Ok(fence)
}

pub(super) fn renew(write: &Write<'_>, fence: &Fence) -> Result<(), StateError> {
    write
        .rows
        .prepare_cached("UPDATE locks SET expires = ?2 WHERE key = ?1")?
        .execute((fence.lock.name(), write.end(fence.lock.lifetime())))?;
    Ok(())
}

pub(super) fn release(write: &Write<'_>, fence: &Fence) -> Result<(), StateError> {
    write.rows.prepare_cached("DELETE FROM locks WHERE key = ?1 AND token = ?2 AND nonce = ?3")?.execute((
        fence.lock.name(),
        fence.token.cast_signed(),
        fence.nonce.to_be_bytes(),
    ))?;
    Ok(())
}
