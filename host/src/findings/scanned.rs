//! What a scan came to: many files, of which most are as they should be.

use std::ops::Deref;

use super::{Fingerprint, Found};
use crate::{judge::ResultCode, names::Names};

/// How far a file got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It could not be read.
    Read,
    /// It was looked at.
    Parse,
    /// The validator gave no verdict.
    Execute,
}

/// What one file came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Its first parse error that decides, else its first validation error, else success; or that of what kept it from
    /// being looked at. Where everything that would decide is suppressed, the code of that.
    pub code: ResultCode,
    /// How far it got.
    pub phase: Phase,
    /// The message of what gave the code; empty on success.
    pub message: String,
    /// The line of that.
    pub line: Option<u32>,
    /// The fingerprint of that, by the seeds' formula.
    pub fingerprint: Option<Fingerprint>,
    /// Whether all that would decide is suppressed: then the file counts as suppressed, and not as failed.
    pub suppressed: bool,
    /// Everything that was found, in the order of the validator.
    pub findings: Vec<Found>,
}

impl Scanned {
    /// A file in which nothing was found.
    pub const CLEAN: Self = Self {
        code: ResultCode::Success,
        phase: Phase::Parse,
        message: String::new(),
        line: None,
        fingerprint: None,
        suppressed: false,
        findings: Vec::new(),
    };

    /// Whether nothing that decides is wrong with it.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == ResultCode::Success
    }

    /// Whether it counts as failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.ok() && !self.suppressed
    }
}

/// A file of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'s> {
    /// Its path, relative to where the scan started; hostile text.
    pub path: &'s str,
    /// What it came to.
    pub scanned: &'s Scanned,
}

impl Deref for File<'_> {
    type Target = Scanned;

    fn deref(&self) -> &Scanned {
        self.scanned
    }
}

/// The files of a scan. Of a clean one, as most are, only the path takes room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    paths: Names,
    /// What those came to that are not clean, by their numbers, in that order.
    others: Vec<(usize, Scanned)>,
}

impl Files {
    /// The files at `paths`, of which `others` are not clean, by their numbers, in that order.
    #[must_use]
    pub fn new(paths: Names, others: Vec<(usize, Scanned)>) -> Self {
        Self { paths, others }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = File<'_>> + Clone {
        let mut others = self.others.iter().peekable();
        self.paths.iter().enumerate().map(move |(number, path)| {
            let other = others.next_if(|(other, _)| *other == number);
            File { path, scanned: other.map_or(const { &Scanned::CLEAN }, |(_, scanned)| scanned) }
        })
    }

    /// Everything that was found in them.
    pub fn findings(&self) -> impl Iterator<Item = &Found> {
        self.others.iter().flat_map(|(_, scanned)| &scanned.findings)
    }
}

impl FromIterator<(String, Scanned)> for Files {
    fn from_iter<I: IntoIterator<Item = (String, Scanned)>>(files: I) -> Self {
        let mut all = Self::default();
        for (path, scanned) in files {
            if scanned != Scanned::CLEAN {
                all.others.push((all.paths.len(), scanned));
            }
            all.paths.push(&path);
        }
        all
    }
}

/// A scan: what many files came to, in the order of their paths.
#[derive(Clone, Debug)]
pub struct Scan {
    /// When it was made: UTC.
    pub timestamp: jiff::Timestamp,
    /// The validator, as people know it: its name and version.
    pub module: String,
    /// The validator's content digest.
    pub content: crate::digest::Digest,
    /// Who published it; nothing where nobody verified it, which every output says.
    pub publisher: Option<String>,
    /// The files.
    pub files: Files,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_what_it_came_to_and_the_clean_ones_nothing_else() {
        let wrong = |line| Scanned { code: ResultCode::ParseError, line: Some(line), ..Scanned::CLEAN };
        for (count, others) in [(0, vec![]), (1, vec![0]), (5, vec![]), (5, vec![0, 1, 4]), (3, vec![0, 1, 2])] {
            let scanned = |number: usize| if others.contains(&number) { wrong(number as u32) } else { Scanned::CLEAN };
            let list: Vec<(String, Scanned)> =
                (0..count).map(|number| (format!("f{number}"), scanned(number))).collect();
            let files: Files = list.iter().cloned().collect();
            assert_eq!((files.len(), files.is_empty()), (count, count == 0));
            let told: Vec<_> = files.iter().map(|file| (file.path.to_owned(), file.scanned.clone())).collect();
            assert_eq!(told, list);
            assert_eq!(files.others.len(), others.len());
        }
    }
}
