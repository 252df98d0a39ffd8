//! Where a fuzzer comes in: each function here takes bytes that may be anything, has a room read them as it reads them in
//! earnest, and holds what comes of it against what is true whatever they are.
//!
//! `tests/fuzz` has a libFuzzer target for each, and the tests here give each a fixed, small number of changed seeds. Readers
//! that no other room may call have their entry beside them. A build for use has none of this.

mod kept;
#[cfg(test)]
mod seeds;
#[cfg(test)]
pub(crate) mod smoke;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::{
    agent::{AgentLine, BadLine, Content, Lines},
    findings::{
        Classification, Fingerprint, Stamp,
        baseline::{Baseline, Thresholds, compare, document_of},
        suppressions::{Entry, Suppressions, add, without},
    },
    text::is_unsafe,
};
pub use crate::{
    evidence::http::fuzz::event_stream,
    ledger::fuzz::ledger_row,
    manifest::fuzz::manifest,
    state::redis::fuzz::{redis_replies, sealed_value},
};
pub use kept::kept_run;

/// That a message has nothing in it that a terminal obeys.
pub(crate) fn assert_plain(message: &impl ToString) {
    let message = message.to_string();
    assert!(!message.is_empty() && !message.contains(is_unsafe), "{message:?}");
}

/// What an agent writes: the same lines in whatever pieces it comes, each content in the one form that it is summed in.
///
/// # Panics
/// When that does not hold.
pub fn agent_lines(bytes: &[u8]) {
    let told = lines_of(bytes.chunks(bytes.len().max(1)));
    assert_eq!(told, lines_of(bytes.chunks(3)), "in pieces");
    for line in told {
        match line {
            Ok(AgentLine::Output { content, .. } | AgentLine::Plan { plan: content, .. }) => {
                let again = Content::read(content.as_json()).expect("a content in its one form is one");
                assert_eq!((again.as_json(), again.checksum()), (content.as_json(), content.checksum()));
            }
            Ok(AgentLine::Error { code, .. }) => assert_plain(&code),
            Ok(_) => {}
            Err(refused) => assert_plain(&refused),
        }
    }
}

fn lines_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<AgentLine, BadLine>> {
    let mut lines = Lines::default();
    let mut told: Vec<_> = pieces.flat_map(|piece| lines.feed(piece)).collect();
    told.extend(lines.end());
    told
}

/// A file of suppressions: what is added to one reads back behind all that was there, and without its entries it has none.
///
/// # Panics
/// When that does not hold.
pub fn suppressions(bytes: &[u8]) {
    let read = match Suppressions::parse(bytes) {
        Ok(read) => read,
        Err(problems) => {
            assert!(problems.is_sorted_by_key(|problem| problem.line) && (1..=100).contains(&problems.len()));
            return problems.iter().for_each(|problem| assert_plain(&problem.diagnostic("s.txt")));
        }
    };
    let names = || (0_u64..).map(|number| Fingerprint(number.to_be_bytes()));
    let is_new = |name: &Fingerprint| read.entries().iter().all(|entry| entry.fingerprint != *name);
    let fingerprint = names().find(is_new).expect("no file has them all");
    let entry = Entry { fingerprint, reason: "r".to_owned(), owner: Some("a".to_owned()), expires: None, line: 0 };
    let changed = add(bytes, &entry).expect("it is new, and plain");
    assert!(changed.starts_with(bytes));
    let again = Suppressions::parse(&changed).expect("what was added reads");
    let (last, before) = again.entries().split_last().expect("one was added");
    assert_eq!((before, last), (read.entries(), &Entry { line: last.line, ..entry }));
    let lines: Vec<usize> = read.entries().iter().map(|entry| entry.line).collect();
    let bare = Suppressions::parse(&without(bytes, &lines)).expect("what is left reads");
    assert!(bare.entries().is_empty());
}

/// A baseline, and a scan of which one is made: none is worse than itself, and what a scan makes reads.
///
/// # Panics
/// When that does not hold.
pub fn baseline(bytes: &[u8]) {
    let stamp = Stamp(Timestamp::UNIX_EPOCH);
    match Baseline::read(bytes) {
        Ok(baseline) => {
            assert!(compare(&baseline, &baseline, Thresholds::default(), stamp).ok);
            baseline.known().map_or_else(|error| assert_plain(&error), drop);
        }
        Err(error) => assert_plain(&error),
    }
    match Classification::read(bytes) {
        Ok(scan) => {
            let made = serde_json::to_vec(&document_of(&scan)).expect("texts and numbers have a form");
            Baseline::read(&made).expect("what a scan makes reads");
        }
        Err(error) => assert_plain(&error),
    }
}
