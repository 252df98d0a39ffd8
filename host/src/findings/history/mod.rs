//! How it goes: a snapshot of each scan in a folder, and the newest of them in a row (spec/workflow-findings.md, History).

mod chart;

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Serialize;

pub use chart::{change, chart, rate};

use super::{Stamp, artifact::CAP, classification::Summary};
use crate::{
    diagnostic::Diagnostic,
    files::{FileError, read_capped, write_new, write_whole},
    text::printable,
};

/// How every snapshot's name ends.
const ENDING: &str = "_classification.json";
/// The row of the newest snapshots, in their folder.
pub const TRENDS: &str = "trends.json";
/// How many of them it has.
const NEWEST: usize = 20;
/// How many files are looked at for them: broken ones are passed over, but not without end.
const LOOKED_AT: usize = 10 * NEWEST;
/// How many snapshots of one second are told apart.
const SAME_SECOND: usize = 9_999;
/// How often the row is made anew because other scans have left something meanwhile.
const ROUNDS: usize = 10;

/// A scan, as the row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The name of its file.
    pub file: String,
    /// When it was made.
    pub timestamp: Stamp,
    /// How many files failed.
    pub failed: u32,
    /// How many there were.
    pub total: u32,
}

/// Snapshots, the oldest first, and what is wrong with those that are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trends {
    /// Those that can be read.
    pub snapshots: Vec<Snapshot>,
    /// One problem for each that cannot.
    pub skipped: Vec<Diagnostic>,
}

/// Leaves the classification of a scan in `folder`, which is made where it is not there, and says where it lies. Nothing is
/// written over: of scans in one second, each gets a name behind that of the one before it.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn keep(folder: &Path, at: Timestamp, classification: &[u8]) -> Result<PathBuf, FileError> {
    fs::create_dir_all(folder).map_err(|error| FileError::Write(folder.to_owned(), error))?;
    for place in 1..=SAME_SECOND {
        let path = folder.join(name(at, place));
        if write_new(&path, classification, 0o644)? {
            return Ok(path);
        }
    }
    let full = io::Error::new(ErrorKind::AlreadyExists, "there is no name left for a snapshot of this second");
    Err(FileError::Write(folder.join(name(at, 1)), full))
}

/// The name of the snapshot in that place of its second. `n` sorts behind the `c` of the first.
fn name(at: Timestamp, place: usize) -> String {
    let second = at.strftime("%Y%m%dT%H%M%S");
    if place == 1 { format!("{second}{ENDING}") } else { format!("{second}_n{place:04}{ENDING}") }
}

/// Whether a file of that name is a snapshot.
fn is_name(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((second, place)) = name.strip_suffix(ENDING).map(|name| name.split_once("_n").unwrap_or((name, "1")))
    else {
        return false;
    };
    let is_second = second
        .split_once('T')
        .is_some_and(|(day, time)| day.len() == 8 && time.len() == 6 && digits(day) && digits(time));
    is_second && digits(place)
}

/// The names of all snapshots in `folder`, the oldest first.
///
/// # Errors
/// When the folder is not there or cannot be read.
pub fn list(folder: &Path) -> Result<Vec<String>, FileError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => FileError::Missing(folder.to_owned()),
        _ => FileError::Read(folder.to_owned(), error),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.extend(name.into_string().ok().filter(|name| is_name(name)));
    }
    names.sort_unstable();
    Ok(names)
}

/// The newest snapshots in `folder`: `most` that can be read.
///
/// # Errors
/// When the folder is not there or cannot be read.
pub fn newest(folder: &Path, most: usize) -> Result<Trends, FileError> {
    Ok(read(folder, &list(folder)?, most, usize::MAX))
}

/// Makes [`TRENDS`] in `folder` of the newest 20 snapshots, whole or not at all.
///
/// # Errors
/// When the folder is not there, or cannot be read or written.
pub fn write_trends(folder: &Path) -> Result<Trends, FileError> {
    let mut names = list(folder)?;
    let mut round = 0;
    loop {
        let trends = read(folder, &names, NEWEST, LOOKED_AT);
        let row = serde_json::to_string_pretty(&trends.snapshots).map_err(io::Error::other);
        let row = row.map_err(|error| FileError::Write(folder.join(TRENDS), error))?;
        write_whole(&folder.join(TRENDS), format!("{row}\n").as_bytes(), 0o644)?;
        // Whoever writes last has to have seen the snapshots of all that wrote before it.
        let now = list(folder)?;
        round += 1;
        if now == names || round == ROUNDS {
            return Ok(trends);
        }
        names = now;
    }
}

fn read(folder: &Path, names: &[String], most: usize, looked_at: usize) -> Trends {
    let mut trends = Trends::default();
    for name in names.iter().rev().take(looked_at) {
        if trends.snapshots.len() == most {
            break;
        }
        match snapshot(folder, name) {
            Ok(snapshot) => trends.snapshots.push(snapshot),
            Err(problem) => trends.skipped.push(problem),
        }
    }
    trends.snapshots.reverse();
    trends.skipped.reverse();
    trends
}

fn snapshot(folder: &Path, name: &str) -> Result<Snapshot, Diagnostic> {
    let skipped = |why: String| {
        Diagnostic::new("snapshot-skipped", format!("the snapshot `{}` is passed over: {why}", printable(name)))
    };
    let bytes = read_capped(&folder.join(name), CAP).map_err(|error| skipped(error.to_string()))?;
    let Summary { total, failed, timestamp } = Summary::read(&bytes).map_err(|error| skipped(error.to_string()))?;
    Ok(Snapshot { file: name.to_owned(), timestamp, failed, total })
}

#[cfg(test)]
mod tests;
