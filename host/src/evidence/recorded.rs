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
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Archive, Collected, Keeper, MatchError, Matched, Piece,
    entry::{ErrorEntry, MAX_TEXT, PieceEntry, Sha256, Written, not_recorded},
    matched::MatchedFile,
};
use crate::{
    digest::Digest,
    files::{FileError, read_capped, shown, write_whole},
    manifest::{EvidenceSource, Format, GatePlan, Input, Plan},
    text::excerpt,
};

const INDEX: &str = "collected.json";
const PIECES: &str = "evidence";
const FILES: &str = "files";

/// The most bytes of an index: some hundred thousand files.
const MAX_INDEX: u64 = 64 << 20;

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

    fn write(&self, path: &Path, bytes: &[u8]) {
        if let Err(error) = write_whole(path, bytes, 0o644) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
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

impl Keeper for Recorder {
    fn keep(&self, name: &str, format: Format, bytes: &[u8]) {
        self.write(&piece_path(&self.folder, name, format), bytes);
    }

    fn keep_files(&self, gate: &GatePlan, matched: &Result<Matched, MatchError>) {
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

    fn written(&self, name: &str, format: Format, cap: u64) -> Written {
        let path = piece_path(&self.folder, name, format);
        Written {
            place: format!("`{}`", shown(&path)),
            bytes: read_capped(&path, cap).map_err(|error| error.to_string()),
        }
    }

    /// The files that the gate was to be asked about.
    fn files(&self, gate: &str, pattern: &str) -> Result<Matched, MatchError> {
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

impl Archive for Recorded {
    /// What the command line puts in a source's place is read there.
    fn piece(&self, source: &EvidenceSource, cap: u64, keeper: Option<&dyn Keeper>) -> Option<Piece> {
        if source.overridden {
            return None;
        }
        let entry = self.index.evidence.iter().find(|entry| entry.name == source.name);
        let piece = entry.and_then(|entry| entry.piece(keeper, |format| self.written(&source.name, format, cap)));
        let missing = || format!("`{}` does not hold it", shown(&self.folder));
        Some(piece.unwrap_or_else(|| not_recorded(&source.name, source.origin.kind(), missing())))
    }

    fn matched(&self, gate: &str, pattern: &str) -> Option<Result<Matched, MatchError>> {
        Some(self.files(gate, pattern))
    }
}
