//! The files that a validator is asked about, one at a time: in the world, or in a folder of recorded evidence.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{digest::Digest, files::read_capped, names::Names, text::printable};

/// The files that a gate is asked about, in the order in which they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    folder: PathBuf,
    /// Their paths, with `/` between the parts; with U+FFFD in the place of what is not UTF-8.
    paths: Names,
    /// Where the bytes are of those that do not lie under their paths, by their numbers, in that order.
    elsewhere: Vec<(usize, Source)>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MatchedFile<'p> {
    path: Cow<'p, str>,
    elsewhere: Option<Source>,
}

/// Where the bytes of a file are that does not lie under its path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// Under a path that is not UTF-8.
    At(PathBuf),
    /// Under the digest that it was recorded with.
    Recorded(Digest),
    /// In memory: they were kept with a run.
    Kept(Arc<[u8]>),
    /// Nowhere, and why.
    Nowhere(String),
}

impl<'p> MatchedFile<'p> {
    pub(super) fn at(path: &'p Path) -> Self {
        match path.to_str() {
            Some(text) => Self { path: text.into(), elsewhere: None },
            None => Self { path: path.to_string_lossy(), elsewhere: Some(Source::At(path.to_owned())) },
        }
    }

    pub(super) fn recorded(path: String, digest: Digest) -> Self {
        Self { path: path.into(), elsewhere: Some(Source::Recorded(digest)) }
    }

    pub(super) fn unreadable(path: String, reason: String) -> Self {
        Self { path: path.into(), elsewhere: Some(Source::Nowhere(reason)) }
    }
}

impl Matched {
    pub(super) fn new(folder: PathBuf, files: Vec<MatchedFile<'_>>) -> Self {
        let mut matched = Self { folder, ..Self::default() };
        files.into_iter().for_each(|file| matched.push(file));
        matched
    }

    /// Files that were kept with a run: the path of each, and its bytes or why they could not be read.
    pub fn kept(files: impl IntoIterator<Item = (String, Result<Vec<u8>, String>)>) -> Self {
        let file = |(path, bytes): (String, Result<Vec<u8>, String>)| match bytes {
            Ok(bytes) => MatchedFile { path: path.into(), elsewhere: Some(Source::Kept(bytes.into())) },
            Err(reason) => MatchedFile::unreadable(path, reason),
        };
        Self::new(PathBuf::new(), files.into_iter().map(file).collect())
    }

    /// One more file, behind the others.
    pub(super) fn push(&mut self, file: MatchedFile<'_>) {
        self.elsewhere.extend(file.elsewhere.map(|source| (self.paths.len(), source)));
        self.paths.push(&file.path);
    }

    /// The same files below `folder`, each once, in the order of the bytes of their paths. Two names that are not UTF-8 may
    /// look alike, and are two.
    pub(super) fn in_order(self, folder: &Path) -> Self {
        let order = |one: &usize, other: &usize| {
            let paths = self.paths.get(*one).cmp(&self.paths.get(*other));
            paths.then_with(|| self.source(*one).cmp(&self.source(*other)))
        };
        let mut numbers: Vec<usize> = (0..self.len()).collect();
        numbers.sort_unstable_by(order);
        numbers.dedup_by(|one, other| order(one, other).is_eq());
        let moved = numbers.iter().enumerate().filter(|_| !self.elsewhere.is_empty());
        let elsewhere = moved.filter_map(|(place, number)| Some((place, self.source(*number)?.clone()))).collect();
        Self { folder: folder.to_owned(), paths: self.paths.picked(&numbers), elsewhere }
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

    /// The first `most` of them.
    #[must_use]
    pub fn first(mut self, most: usize) -> Self {
        self.paths.truncate(most);
        self.elsewhere.retain(|(number, _)| *number < most);
        self
    }

    /// Their paths.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.paths.iter()
    }

    /// The path of the file with that index; empty where there is none.
    #[must_use]
    pub fn path(&self, index: usize) -> &str {
        self.paths.get(index).unwrap_or_default()
    }

    /// Nothing but their paths.
    #[must_use]
    pub fn into_paths(self) -> Names {
        self.paths
    }

    /// The bytes of the file with that index, at most `cap`, and their digest.
    ///
    /// # Errors
    /// With a sentence for people: it is not there or is no file, is too large, is not what was recorded.
    pub fn read(&self, index: usize, cap: u64) -> Result<(Digest, Vec<u8>), String> {
        let bytes = self.bytes(index, cap)?;
        let digest = match self.source(index) {
            Some(Source::Recorded(known)) => *known,
            _ => Digest::of(&bytes),
        };
        Ok((digest, bytes))
    }

    /// The bytes alone.
    ///
    /// # Errors
    /// As [`Matched::read`].
    pub fn bytes(&self, index: usize, cap: u64) -> Result<Vec<u8>, String> {
        let path = self.paths.get(index).ok_or("there is no such file")?;
        let read = |path: &Path| {
            // Most paths start from where this program does, and are taken as they are.
            let found =
                if self.folder.as_os_str().is_empty() { path.into() } else { Cow::Owned(self.folder.join(path)) };
            read_capped(&found, cap).map_err(|error| error.to_string())
        };
        match self.source(index) {
            None => read(path.as_ref()),
            Some(Source::At(path)) => read(path),
            Some(Source::Recorded(known)) => {
                let bytes = read(known.to_string().as_ref())?;
                let is_the_same = Digest::of(&bytes) == *known;
                is_the_same.then_some(bytes).ok_or_else(|| format!("`{}` is not what was recorded", printable(path)))
            }
            Some(Source::Kept(bytes)) if bytes.len() as u64 > cap => {
                Err(format!("`{}` is larger than {cap} bytes", printable(path)))
            }
            Some(Source::Kept(bytes)) => Ok(bytes.to_vec()),
            Some(Source::Nowhere(reason)) => Err(reason.clone()),
        }
    }

    fn source(&self, number: usize) -> Option<&Source> {
        let place = self.elsewhere.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.elsewhere.get(place).map(|(_, source)| source)
    }
}
