//! A folder of evidence: what was collected once, so that it can be judged again, elsewhere and without the world.
//!
//! ```text
//! collected.json         what there is: names, digests, outcomes, times; written last
//! evidence/NAME.json     the bytes of each piece, under the ending of its format
//! files/SHA256           the files that validators are asked about
//! ```
//!
//! Whoever reads such a folder takes no path out of it: files are found by names of the plan and by digests, and each has
//! to be what its digest says.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    CollectError, Collected, Evidence, MatchError, Matched, Piece, decode, matched::MatchedFile, world::INTERRUPTED,
};
use crate::{
    digest::Digest,
    files::{FileError, read_capped, shown, write_whole},
    manifest::{Format, GatePlan, Input, Plan},
    text::excerpt,
};

const INDEX: &str = "collected.json";
const PIECES: &str = "evidence";
const FILES: &str = "files";

/// The most bytes of an index: some hundred thousand files.
const MAX_INDEX: u64 = 64 << 20;

/// The most of a word or a sentence that is believed of an index, in characters.
const MAX_TEXT: usize = 2_000;

/// `collected.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Index {
    schema: u32,
    name: String,
    manifest: Sha256,
    collected_on: String,
    evidence: Vec<PieceEntry>,
    each: Vec<EachEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sha256 {
    sha256: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PieceEntry {
    name: String,
    kind: String,
    uri: Option<String>,
    outcome: String,
    format: String,
    digest: Option<Sha256>,
    size_bytes: Option<u64>,
    collected_on: String,
    duration_us: u64,
    error: Option<ErrorEntry>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorEntry {
    code: String,
    message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EachEntry {
    gate: String,
    pattern: String,
    files: Vec<FileEntry>,
    error: Option<ErrorEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    path: String,
    sha256: Option<Digest>,
    error: Option<String>,
}

/// Writes a folder of evidence, piece by piece as they are collected.
pub struct Recorder {
    folder: PathBuf,
    each: Mutex<Vec<EachEntry>>,
    /// The first thing that could not be written.
    failed: Mutex<Option<FileError>>,
}

impl Recorder {
    /// Makes the folders inside `folder`, which is there.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn new(folder: &Path) -> Result<Self, FileError> {
        for inside in [PIECES, FILES] {
            let inside = folder.join(inside);
            fs::create_dir(&inside).map_err(|error| FileError::Write(inside, error))?;
        }
        Ok(Self { folder: folder.to_owned(), each: Mutex::default(), failed: Mutex::default() })
    }

    pub(super) fn keep(&self, name: &str, format: Format, bytes: &[u8]) {
        self.write(&piece_path(&self.folder, name, format), bytes);
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        if let Err(error) = write_whole(path, bytes, 0o644) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Keeps the files that a gate is asked about.
    pub(super) fn keep_files(&self, gate: &GatePlan, matched: &Result<Matched, MatchError>) {
        let Input::Each { pattern, .. } = &gate.input else { return };
        let one = |matched: &Matched, index: usize, path: &str| {
            let read = matched.read(index, gate.limits.input);
            if let Ok((digest, bytes)) = &read {
                self.write(&self.folder.join(FILES).join(digest.to_string()), bytes);
            }
            let (sha256, error) = read.map_or_else(|reason| (None, Some(reason)), |(digest, _)| (Some(digest), None));
            FileEntry { path: path.to_owned(), sha256, error }
        };
        let (files, error) = match matched {
            Ok(matched) => ((0..).zip(matched.paths()).map(|(index, path)| one(matched, index, path)).collect(), None),
            Err(error) => (Vec::new(), Some(ErrorEntry { code: error.code().to_owned(), message: error.to_string() })),
        };
        let entry = EachEntry { gate: gate.name.clone(), pattern: pattern.clone(), files, error };
        self.each.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// Writes the index, which makes a folder of evidence of it.
    ///
    /// # Errors
    /// When anything could not be written.
    pub fn finish(self, plan: &Plan, collected: &Collected, now: Timestamp) -> Result<(), FileError> {
        if let Some(error) = self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let index = Index {
            schema: 1,
            name: plan.name.clone(),
            manifest: Sha256 { sha256: plan.digest },
            collected_on: now.to_string(),
            evidence: collected.pieces().map(PieceEntry::of).collect(),
            each: self.each.into_inner().unwrap_or_else(PoisonError::into_inner),
        };
        let path = self.folder.join(INDEX);
        let json =
            serde_json::to_string_pretty(&index).map_err(|error| FileError::Write(path.clone(), error.into()))?;
        write_whole(&path, format!("{json}\n").as_bytes(), 0o644)
    }
}

impl PieceEntry {
    fn of(piece: &Piece) -> Self {
        let error = piece.result.as_ref().err();
        Self {
            name: piece.name.clone(),
            kind: piece.kind.to_string(),
            uri: piece.uri.clone(),
            outcome: piece.outcome.to_string(),
            format: piece.format.spelled().0.to_owned(),
            digest: piece.seen.map(|(sha256, _)| Sha256 { sha256 }),
            size_bytes: piece.seen.map(|(_, size)| size),
            collected_on: piece.collected_on.to_string(),
            duration_us: u64::try_from(piece.took.as_micros()).unwrap_or(u64::MAX),
            error: error.map(|error| ErrorEntry { code: error.code().to_owned(), message: error.message.clone() }),
        }
    }
}

fn piece_path(folder: &Path, name: &str, format: Format) -> PathBuf {
    folder.join(PIECES).join(format!("{name}.{}", format.spelled().1))
}

/// Whether `folder` holds recorded evidence.
#[must_use]
pub fn is_recorded(folder: &Path) -> bool {
    folder.join(INDEX).symlink_metadata().is_ok_and(|found| found.is_file())
}

/// A folder that holds no evidence.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// Its index cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its index is none.
    #[error("`{}` is no index of recorded evidence: {reason}", shown(.path))]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl RecordedError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Index { .. } => "evidence-index",
        }
    }
}

/// A folder of evidence that was collected earlier.
pub struct Recorded {
    folder: PathBuf,
    index: Index,
}

impl Recorded {
    /// Reads the index of `folder`.
    ///
    /// # Errors
    /// When there is none, or it is not one.
    pub fn open(folder: &Path) -> Result<Self, RecordedError> {
        let path = folder.join(INDEX);
        let bytes = read_capped(&path, MAX_INDEX)?;
        let bad = |reason: String| RecordedError::Index { path: path.clone(), reason: excerpt(&reason, 200) };
        let index: Index = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        if index.schema != 1 {
            return Err(bad(format!("this version reads schema 1, and here is {}", index.schema)));
        }
        let mut names = HashSet::new();
        if let Some(twice) = index.evidence.iter().find(|entry| !names.insert(entry.name.as_str())) {
            return Err(bad(format!("it has `{}` twice", twice.name)));
        }
        Ok(Self { folder: folder.to_owned(), index })
    }

    /// The digest of the manifest that it was collected for.
    #[must_use]
    pub fn manifest(&self) -> Digest {
        self.index.manifest.sha256
    }

    /// The index, which a run reads besides the pieces.
    #[must_use]
    pub fn index_path(&self) -> PathBuf {
        self.folder.join(INDEX)
    }

    /// A piece as it was recorded, at most `cap` bytes of it.
    pub(super) fn piece(&self, name: &str, kind: &'static str, cap: u64) -> Piece {
        let entry = self.index.evidence.iter().find(|entry| entry.name == name);
        match entry.and_then(|entry| Some((entry, Format::named(&entry.format)?, entry.collected_on.parse().ok()?))) {
            Some((entry, format, collected_on)) => self.read(entry, format, collected_on, cap),
            None => {
                let message = format!("`{}` does not hold it", shown(&self.folder));
                Piece {
                    name: name.to_owned(),
                    kind: Cow::Borrowed(kind),
                    uri: None,
                    outcome: Cow::Borrowed("failed"),
                    format: Format::Json,
                    collected_on: Timestamp::UNIX_EPOCH,
                    took: Duration::ZERO,
                    seen: None,
                    result: Err(error(name, "evidence-not-recorded", message)),
                }
            }
        }
    }

    fn read(&self, entry: &PieceEntry, format: Format, collected_on: Timestamp, cap: u64) -> Piece {
        let word = |text: &str| Cow::Owned(excerpt(text, 40));
        Piece {
            name: entry.name.clone(),
            kind: word(&entry.kind),
            uri: entry.uri.as_ref().map(|uri| excerpt(uri, MAX_TEXT)),
            outcome: word(&entry.outcome),
            format,
            collected_on,
            took: Duration::from_micros(entry.duration_us),
            seen: entry.digest.as_ref().map(|digest| (digest.sha256, entry.size_bytes.unwrap_or_default())),
            result: self.evidence(entry, format, cap),
        }
    }

    fn evidence(&self, entry: &PieceEntry, format: Format, cap: u64) -> Result<Evidence, CollectError> {
        if let Some(recorded) = &entry.error {
            let code = Cow::Owned(excerpt(&recorded.code, 60));
            // What was seen of a source that did not complete; one that saw nothing has no digest.
            let is_seen = entry.digest.is_some() && entry.outcome != INTERRUPTED;
            let document = is_seen.then(|| self.read_whole(entry, format, cap).ok()).flatten();
            return Err(CollectError {
                name: entry.name.clone(),
                code,
                message: excerpt(&recorded.message, MAX_TEXT),
                document: document.map(|evidence| evidence.json),
            });
        }
        self.read_whole(entry, format, cap)
    }

    /// The bytes of a piece, which are what was recorded.
    fn read_whole(&self, entry: &PieceEntry, format: Format, cap: u64) -> Result<Evidence, CollectError> {
        let failed = |code: &'static str, message: String| error(&entry.name, code, message);
        let path = piece_path(&self.folder, &entry.name, format);
        let bytes = read_capped(&path, cap).map_err(|error| failed("evidence-unreadable", error.to_string()))?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        if entry.digest.as_ref().map(|known| known.sha256) != Some(digest) {
            return Err(failed("evidence-changed", format!("`{}` is not what was recorded", shown(&path))));
        }
        let json = decode::decode(bytes, format)
            .map_err(|error| failed(error.code(), format!("`{}` {error}", shown(&path))))?;
        Ok(Evidence { name: entry.name.clone(), digest, size, json })
    }

    /// The files that the gate was to be asked about.
    pub(super) fn matched(&self, gate: &str, pattern: &str) -> Result<Matched, MatchError> {
        let entry = self.index.each.iter().find(|entry| entry.gate == gate && entry.pattern == pattern);
        let entry = entry.ok_or_else(|| MatchError::NotRecorded(pattern.to_owned()))?;
        if let Some(error) = &entry.error {
            return Err(MatchError::Recorded(excerpt(&error.message, MAX_TEXT)));
        }
        if entry.files.is_empty() {
            return Err(MatchError::NoFiles(pattern.to_owned()));
        }
        let file = |entry: &FileEntry| match (entry.sha256, &entry.error) {
            (Some(digest), None) => MatchedFile::recorded(entry.path.clone(), digest),
            (_, reason) => {
                let reason = reason.as_deref().unwrap_or("nothing of it was recorded");
                MatchedFile::unreadable(entry.path.clone(), excerpt(reason, MAX_TEXT))
            }
        };
        Ok(Matched::new(self.folder.join(FILES), entry.files.iter().map(file).collect()))
    }
}

fn error(name: &str, code: &'static str, message: String) -> CollectError {
    CollectError { name: name.to_owned(), code: Cow::Borrowed(code), message, document: None }
}
