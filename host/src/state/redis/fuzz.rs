//! For [`crate::fuzz`]: what a server answers, and what it keeps.

use std::io::BufReader;

use super::{
    read::Answer,
    resp::{Reply, reply},
};
use crate::{
    fuzz::assert_plain,
    state::{
        PAGE, StateError,
        envelope::{seal, unseal},
    },
};

/// The key of all that is read, and one of which nothing is.
const KEY: &str = "agent:a:state";
const OTHER: &str = "agent:b:state";

/// Replies, one behind the other: the same ones in whatever pieces they come, none with more in it than came, and a page of a
/// list only where its numbers add up.
///
/// # Panics
/// When that does not hold.
pub fn redis_replies(bytes: &[u8]) {
    let (mut whole, mut pieces) = (bytes, BufReader::with_capacity(3, bytes));
    while let Ok(said) = reply(&mut whole) {
        assert_eq!(reply(&mut pieces).ok().as_ref(), Some(&said), "in pieces");
        assert!(size(&said) <= bytes.len());
        take(&said);
    }
    assert!(reply(&mut pieces).is_err());
}

fn size(reply: &Reply) -> usize {
    match reply {
        Reply::Text(text) => text.len(),
        Reply::List(replies) => replies.iter().map(|reply| 1 + size(reply)).sum(),
        Reply::Number(_) | Reply::Nothing | Reply::Error(_) => 0,
    }
}

/// All that is ever made of a reply.
fn take(said: &Reply) {
    if let Reply::Text(text) = said {
        sealed_value(text);
    }
    let answer = || Answer::new(said.clone());
    let Ok(first) = answer() else { return };
    assert_plain(&first.refused(KEY));
    let numbers = [first.number(0, KEY), first.number(1, KEY)];
    plain(first.held(KEY));
    plain(first.counters(KEY));
    for number in numbers.into_iter().chain([Ok(0)]) {
        let Some(from) = plain(number) else { continue };
        let Some(page) = answer().ok().and_then(|answer| plain(answer.page(KEY, from, PAGE))) else { continue };
        let offsets = page.items.iter().map(|item| item.offset);
        assert!(offsets.eq((from.max(page.first)..page.end).take(PAGE)), "{page:?}");
    }
}

/// A value as it is kept, with its version and its checksum: what adds up is what was written, and under its own key alone.
///
/// # Panics
/// When that does not hold.
pub fn sealed_value(bytes: &[u8]) {
    if let Some(entry) = plain(unseal(KEY, bytes)) {
        let again = seal(KEY, entry.version, &entry.value);
        // Its digits may be of either case; the value itself is told by its bytes.
        assert!(again.eq_ignore_ascii_case(bytes) && bytes.ends_with(&entry.value));
        assert!(unseal(OTHER, bytes).is_err());
    }
}

fn plain<T>(read: Result<T, StateError>) -> Option<T> {
    read.inspect_err(assert_plain).ok()
}

/// A value of number `number`, as it is kept under `key`.
#[cfg(test)]
pub(crate) fn sealed(key: &str, number: u128, value: &[u8]) -> Vec<u8> {
    seal(key, crate::state::Version(number), value)
}
