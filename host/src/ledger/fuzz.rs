//! For [`crate::fuzz`]: a row of the chain.

use super::{Broken, Facts, LedgerError, Use, read::RawEntry};
use crate::{digest::Digest, fuzz::assert_plain};

/// A row of the chain, its kind, name, time in milliseconds and facts each on a line: one whose hash is another's is refused,
/// and what reads says the same when it is written again. The facts may also be what a step rested on.
///
/// # Panics
/// When that does not hold.
pub fn ledger_row(bytes: &[u8]) {
    // The database gives texts as UTF-8 only.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(4, '\n').map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let (kind, name, at, facts) = (line(), line(), line().parse().unwrap_or_default(), line());
    if let Ok(uses) = serde_json::from_str::<Vec<Use>>(&facts) {
        let written = serde_json::to_string(&uses).expect("texts and digests have a form");
        assert_eq!(serde_json::from_str::<Vec<Use>>(&written).expect("what is written reads"), uses);
    }
    let other = Digest::of(b"another entry");
    let (run, run_id) = (Some("r".to_owned()), Some(1));
    let mut row = RawEntry { seq: 1, run, kind, name, at, facts, prev: other, hash: other, run_id };
    let changed = row.clone().checked(Vec::new()).expect_err("its hash is another's");
    assert!(
        matches!(&changed, LedgerError::BrokenChain(broken) if matches!(**broken, Broken::EntryChanged { seq: 1, .. }))
    );
    assert_plain(&changed);
    row.hash = row.hash_as(1, &[]);
    match row.checked(Vec::new()) {
        Ok(entry) => {
            assert_eq!(Facts::parse(entry.kind, &entry.facts.to_text()), Ok(entry.facts.clone()));
            serde_json::to_string(&entry).expect("an entry has a form");
        }
        Err(error) => assert_plain(&error),
    }
}
