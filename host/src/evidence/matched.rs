//! The files that a validator is asked about, one at a time: in the world, or in a folder of recorded evidence.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{digest::Digest, files::read_capped, text::printable};

/// The files that a gate is asked about, in the order in which they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    folder: PathBuf,
    files: Vec<MatchedFile>,
}

/// One of them. They are told in the order of their paths; two names that are not UTF-8 may look alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MatchedFile {
    /// Its path, with `/` between its parts; with U+FFFD in the place of what is not UTF-8.
    pub(super) path: String,
    source: Source,
}

/// Where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// Under its path.
    Here,
    /// Under a path that is not UTF-8.
    At(PathBuf),
    /// Under the digest that it was recorded with.
    Recorded(Digest),
    /// In memory: they were kept with a run.
    Kept(Arc<[u8]>),
    /// Nowhere, and why.
    Nowhere(String),
}

impl MatchedFile {
    pub(super) fn at(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self { path: text.to_owned(), source: Source::Here },
            None => Self { path: path.to_string_lossy().into_owned(), source: Source::At(path.to_owned()) },
        }
    }

    pub(super) fn recorded(path: String, digest: Digest) -> Self {
        Self { path, source: Source::Recorded(digest) }
    }

    pub(super) fn unreadable(path: String, reason: String) -> Self {
        Self { path, source: Source::Nowhere(reason) }
    }

    /// The same file, told as one below `prefix`.
    pub(super) fn below(self, prefix: &Path) -> Self {
        match self.source {
            Source::Here => Self::at(&prefix.join(self.path)),
            Source::At(path) => Self::at(&prefix.join(path)),
            source => Self { path: prefix.join(self.path).to_string_lossy().into_owned(), source },
        }
    }
}

impl Matched {
    pub(super) fn new(folder: PathBuf, files: Vec<MatchedFile>) -> Self {
        Self { folder, files }
    }

    /// Files that were kept with a run: the path of each, and its bytes or why they could not be read.
    pub fn kept(files: impl IntoIterator<Item = (String, Result<Vec<u8>, String>)>) -> Self {
        let file = |(path, bytes): (String, Result<Vec<u8>, String>)| match bytes {
            Ok(bytes) => MatchedFile { path, source: Source::Kept(bytes.into()) },
            Err(reason) => MatchedFile::unreadable(path, reason),
        };
        Self::new(PathBuf::new(), files.into_iter().map(file).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The first `most` of them.
    #[must_use]
    pub fn first(mut self, most: usize) -> Self {
        self.files.truncate(most);
        self
    }

    /// Their paths.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// The bytes of the file with that index, at most `cap`, and their digest.
    ///
    /// # Errors
    /// With a sentence for people: it is not there or is no file, is too large, is not what was recorded.
    pub fn read(&self, index: usize, cap: u64) -> Result<(Digest, Vec<u8>), String> {
        let file = self.files.get(index).ok_or("there is no such file")?;
        let path = match &file.source {
            Source::Here => self.folder.join(&file.path),
            Source::At(path) => self.folder.join(path),
            Source::Recorded(digest) => self.folder.join(digest.to_string()),
            Source::Kept(bytes) if bytes.len() as u64 > cap => {
                return Err(format!("`{}` is larger than {cap} bytes", printable(&file.path)));
            }
            Source::Kept(bytes) => return Ok((Digest::of(bytes), bytes.to_vec())),
            Source::Nowhere(reason) => return Err(reason.clone()),
        };
        let bytes = read_capped(&path, cap).map_err(|error| error.to_string())?;
        let digest = Digest::of(&bytes);
        match file.source {
            Source::Recorded(known) if known != digest => {
                Err(format!("`{}` is not what was recorded", printable(&file.path)))
            }
            _ => Ok((digest, bytes)),
        }
    }
}
