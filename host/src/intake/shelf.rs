//! The files that a run reads: each once, from the disk, or as a ledger kept them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::files::{FileError, read_capped};

/// What a file held, or why it could not be read; nothing where there was none.
pub type Content = Result<Option<Arc<[u8]>>, String>;

/// Where files come from.
pub struct Shelf {
    kept: Option<BTreeMap<PathBuf, Content>>,
    /// What was read; without its bytes where nobody asks for them afterwards.
    seen: Mutex<BTreeMap<PathBuf, Content>>,
    remembers: bool,
}

impl Shelf {
    /// The disk.
    #[must_use]
    pub fn disk() -> Self {
        Self { kept: None, seen: Mutex::default(), remembers: false }
    }

    /// The disk; what was read is remembered for [`Shelf::seen`], and read no second time.
    #[must_use]
    pub fn remembering() -> Self {
        Self { remembers: true, ..Self::disk() }
    }

    /// What was kept, and nothing else.
    #[must_use]
    pub fn of(kept: BTreeMap<PathBuf, Content>) -> Self {
        Self { kept: Some(kept), ..Self::disk() }
    }

    /// The bytes of a file, at most `cap` of them.
    ///
    /// # Errors
    /// As [`read_capped`].
    pub fn read(&self, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
        if let Some(kept) = &self.kept {
            return again(path, cap, kept.get(path).unwrap_or(&Ok(None)));
        }
        if let Some(held) = self.lock().get(path).filter(|_| self.remembers) {
            return again(path, cap, held);
        }
        let read = read_capped(path, cap);
        let content = match &read {
            Ok(bytes) if self.remembers => Ok(Some(Arc::from(bytes.as_slice()))),
            Ok(_) | Err(FileError::Missing(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        };
        self.lock().insert(path.to_owned(), content);
        read
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Content>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `.json` files right in the folder `place`, or `place` itself where it is no folder; none where it is not there.
    #[must_use]
    pub fn documents(&self, place: &Path) -> Vec<PathBuf> {
        let is_document = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
        if let Some(kept) = &self.kept {
            let below = |path: &&PathBuf| path.as_path() == place || path.parent() == Some(place) && is_document(path);
            return kept.keys().filter(below).cloned().collect();
        }
        let found: BTreeSet<PathBuf> = match fs::read_dir(place) {
            Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_document).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeSet::new(),
            Err(_) => BTreeSet::from([place.to_owned()]),
        };
        found.into_iter().collect()
    }

    /// Whether there is anything at `place`; whoever keeps files keeps no empty folders, and is not asked.
    #[must_use]
    pub fn has(&self, place: &Path) -> bool {
        self.kept.is_some() || place.symlink_metadata().is_ok()
    }

    /// Everything that was read from the disk so far, if this shelf remembers it.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<PathBuf, Content> {
        if self.remembers { self.lock().clone() } else { BTreeMap::new() }
    }

    /// The files that were read, or asked for, so far.
    #[must_use]
    pub fn paths(&self) -> Vec<PathBuf> {
        self.lock().keys().cloned().collect()
    }
}

/// What was read before.
fn again(path: &Path, cap: u64, held: &Content) -> Result<Vec<u8>, FileError> {
    match held {
        Ok(None) => Err(FileError::Missing(path.to_owned())),
        Ok(Some(bytes)) if bytes.len() as u64 > cap => Err(FileError::TooLarge { path: path.to_owned(), cap }),
        Ok(Some(bytes)) => Ok(bytes.to_vec()),
        Err(reason) => Err(FileError::Read(path.to_owned(), io::Error::other(reason.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_once_is_not_read_again_and_reads_the_same_from_what_was_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, gone) = (folder.path().join("a.json"), folder.path().join("gone"));
        fs::write(&here, "one").expect("written");
        let shelf = Shelf::remembering();
        assert_eq!(shelf.read(&here, 9).expect("there"), b"one");
        assert_eq!(shelf.read(&gone, 9).expect_err("missing").code(), "file-missing");
        fs::write(&here, "two").expect("written");
        assert_eq!(shelf.read(&here, 9).expect("remembered"), b"one");
        let kept = Shelf::of(shelf.seen());
        assert_eq!(kept.read(&here, 9).expect("kept"), b"one");
        assert_eq!(kept.read(&here, 2).expect_err("too large").code(), "file-too-large");
        assert_eq!(kept.read(&gone, 9).expect_err("missing").code(), "file-missing");
        assert_eq!(kept.documents(folder.path()), [here]);
        assert_eq!(kept.read(&folder.path().join("other"), 9).expect_err("never read").code(), "file-missing");
    }

    #[test]
    fn the_documents_of_a_folder_are_its_json_files() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.json", "a.json", "c.txt"] {
            fs::write(folder.path().join(name), "{}").expect("written");
        }
        let shelf = Shelf::disk();
        assert_eq!(shelf.documents(folder.path()), ["a.json", "b.json"].map(|name| folder.path().join(name)));
        let file = folder.path().join("c.txt");
        assert_eq!(shelf.documents(&file), [file]);
        assert_eq!(shelf.documents(&folder.path().join("gone")), Vec::<PathBuf>::new());
    }
}
