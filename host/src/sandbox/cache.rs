//! Compiled modules, kept between runs.
//!
//! An artifact is native code: whoever can put one here runs code as us. So each entry carries a MAC over the module's
//! content digest, the compiler and its settings, and the artifact, under a key that is not in the cache's folder. The
//! entry is read once into memory, and those bytes are checked and loaded; anything that does not fit is compiled again.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

use super::{
    artifact::Artifact,
    engine::{RELEASE, Tier},
};
use crate::{
    digest::Digest,
    files::{FileError, open_capped, read_capped, write_whole},
};

/// Bytes of a MAC, which stands before the artifact. It is BLAKE3 with a key: on every run it is computed over all that is
/// loaded, and SHA-256 would take four times as long for no more safety.
const MAC: usize = 32;
/// Bytes that all entries together may take when a run adds its first; the oldest go first.
const CAPACITY: u64 = 1 << 30;
const SUFFIX: &str = "cwasm";

/// The cache cannot be used; a run goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Its folder or key cannot be made or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key is not one that this program made.
    #[error("the cache key `{}` is not {MAC} bytes", crate::files::shown(.0))]
    Key(PathBuf),
    /// An entry does not fit its name: other code, other settings, or another key.
    #[error("a cached module was not made by this host with its key, and is compiled again ({0})")]
    Forged(String),
    /// An entry of ours that this machine does not run.
    #[error("a cached module does not fit this machine, and is compiled again ({0})")]
    Unfit(String),
}

/// One entry, for showing.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file's name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// An open cache.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    key: [u8; MAC],
    /// Whether it was seen to that the entries take no more than they may.
    is_shrunk: AtomicBool,
}

impl Cache {
    /// Opens the cache in `folder` with the key in `key_file`, making both when they are not there.
    ///
    /// # Errors
    /// When either cannot be made or read, or the key file is no key.
    pub fn open(folder: &Path, key_file: &Path) -> Result<Self, CacheError> {
        let make = |folder: &Path| {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| FileError::Write(folder.to_owned(), error))
        };
        make(folder)?;
        let key = match read_capped(key_file, 2 * MAC as u64) {
            Err(FileError::Missing(_)) => {
                make(key_file.parent().unwrap_or(Path::new(".")))?;
                make_key(key_file)?;
                read_capped(key_file, 2 * MAC as u64)?
            }
            read => read?,
        };
        let key = key.try_into().map_err(|_| CacheError::Key(key_file.to_owned()))?;
        Ok(Self { folder: folder.to_owned(), key, is_shrunk: AtomicBool::new(false) })
    }

    /// The artifact of the module of that digest, if it is kept.
    ///
    /// # Errors
    /// When the entry cannot be read or was not made by this host with its key.
    pub fn get(&self, module: &Digest, tier: Tier, cap: u64) -> Result<Option<Artifact>, CacheError> {
        let name = entry_name(module, tier);
        let path = self.folder.join(&name);
        let (mut file, length) = match open_capped(&path, cap.saturating_add(MAC as u64)) {
            Err(FileError::Missing(_)) => return Ok(None),
            opened => opened?,
        };
        let Some(length) = length.checked_sub(MAC as u64) else { return Err(CacheError::Forged(name)) };
        let failed = |error| FileError::Read(path.clone(), error);
        let (mut written, mut mac) = ([0; MAC], self.mac(module, tier));
        file.read_exact(&mut written).map_err(failed)?;
        let artifact = Artifact::copy(&mut file, length, |part| _ = mac.update(part)).map_err(failed)?;
        // This comparison takes the same time wherever the two differ.
        if mac.finalize() == written { Ok(Some(artifact)) } else { Err(CacheError::Forged(name)) }
    }

    /// Keeps an artifact.
    ///
    /// # Errors
    /// When it cannot be written; then there is no entry, or the old one.
    pub fn put(&self, module: &Digest, tier: Tier, artifact: &[u8]) -> Result<(), CacheError> {
        let mut entry = Vec::with_capacity(MAC + artifact.len());
        entry.extend_from_slice(self.mac(module, tier).update(artifact).finalize().as_bytes());
        entry.extend_from_slice(artifact);
        write_whole(&self.folder.join(entry_name(module, tier)), &entry, 0o600)?;
        // Once in a run: looking at every entry for each that is added takes the square of their number.
        if !self.is_shrunk.swap(true, Ordering::Relaxed) {
            self.shrink(CAPACITY)?;
        }
        Ok(())
    }

    /// What is kept, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn entries(&self) -> Result<Vec<Entry>, CacheError> {
        let failed = |error: io::Error| FileError::Read(self.folder.clone(), error);
        let mut entries = Vec::new();
        for item in fs::read_dir(&self.folder).map_err(failed)? {
            let item = item.map_err(failed)?;
            let name = item.file_name().to_string_lossy().into_owned();
            let Ok(metadata) = item.metadata() else { continue };
            if metadata.is_file() && Path::new(&name).extension().is_some_and(|end| end == SUFFIX) {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push(Entry { name, size: metadata.len(), modified });
            }
        }
        entries.sort_by(|a, b| (a.modified, &a.name).cmp(&(b.modified, &b.name)));
        Ok(entries)
    }

    /// Removes every entry and says how many there were.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn clear(&self) -> Result<usize, CacheError> {
        let entries = self.entries()?;
        for entry in &entries {
            self.remove(entry)?;
        }
        Ok(entries.len())
    }

    fn remove(&self, entry: &Entry) -> Result<(), CacheError> {
        let path = self.folder.join(&entry.name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::Write(path, error).into()),
            _ => Ok(()),
        }
    }

    fn shrink(&self, capacity: u64) -> Result<(), CacheError> {
        let entries = self.entries()?;
        let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
        for entry in &entries {
            if total <= capacity {
                break;
            }
            self.remove(entry)?;
            total -= entry.size;
        }
        Ok(())
    }

    /// A MAC over an artifact, under a key for what it is an artifact of. Were that hashed along with it, the parts would not
    /// lie where they can be hashed many at once.
    fn mac(&self, module: &Digest, tier: Tier) -> blake3::Hasher {
        let mut key = blake3::Hasher::new_keyed(&self.key);
        for part in ["portcullis compiled module", RELEASE, tier.name()] {
            key.update(part.as_bytes()).update(&[0]);
        }
        key.update(&module.0);
        blake3::Hasher::new_keyed(key.finalize().as_bytes())
    }
}

fn entry_name(module: &Digest, tier: Tier) -> String {
    format!("{module}.{}.{SUFFIX}", tier.name())
}

/// Makes the key; when another process was faster, theirs stays.
fn make_key(path: &Path) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::Write(path.to_owned(), error);
    let mut key = [0; MAC];
    getrandom::fill(&mut key).map_err(|error| failed(io::Error::other(error)))?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("."))).map_err(failed)?;
    io::Write::write_all(&mut file, &key).map_err(failed)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error.error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Cache {
        Cache::open(&folder.join("cache"), &folder.join("key")).expect("opened")
    }

    #[test]
    fn an_entry_comes_back_only_as_it_was_put_under_its_own_name_and_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = open(folder.path());
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        assert!(matches!(cache.get(&one, Tier::Fast, 99), Ok(None)));
        cache.put(&one, Tier::Fast, b"code").expect("kept");
        let kept = open(folder.path()).get(&one, Tier::Fast, 99).expect("read");
        assert_eq!(kept.map(Artifact::bytes).as_deref(), Some(&b"code"[..]));

        let path = |module, tier| folder.path().join("cache").join(entry_name(module, tier));
        let entry = fs::read(path(&one, Tier::Fast)).expect("an entry");
        for (module, tier) in [(&two, Tier::Fast), (&one, Tier::Optimised)] {
            fs::write(path(module, tier), &entry).expect("copied");
            assert!(matches!(cache.get(module, tier, 99), Err(CacheError::Forged(_))), "{tier:?}");
        }
        for at in 0..entry.len() * 8 {
            let mut flipped = entry.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            fs::write(path(&one, Tier::Fast), &flipped).expect("flipped");
            assert!(matches!(cache.get(&one, Tier::Fast, 99), Err(CacheError::Forged(_))), "bit {at}");
        }
        for length in 0..entry.len() {
            fs::write(path(&one, Tier::Fast), &entry[..length]).expect("cut");
            assert!(matches!(cache.get(&one, Tier::Fast, 99), Err(CacheError::Forged(_))), "{length} bytes");
        }
        fs::write(path(&one, Tier::Fast), &entry).expect("restored");
        fs::remove_file(folder.path().join("key")).expect("removed");
        assert!(matches!(open(folder.path()).get(&one, Tier::Fast, 99), Err(CacheError::Forged(_))));
        assert_eq!(cache.clear().expect("cleared"), 3);
    }

    #[test]
    fn the_oldest_entries_go_until_the_others_fit() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = open(folder.path());
        for number in 0..4_u64 {
            let module = Digest::of(&number.to_le_bytes());
            cache.put(&module, Tier::Fast, &[0; 68]).expect("kept");
            let path = folder.path().join("cache").join(entry_name(&module, Tier::Fast));
            let written = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4 - number);
            fs::File::options().append(true).open(path).and_then(|file| file.set_modified(written)).expect("dated");
        }
        let kept = |capacity: u64| {
            cache.shrink(capacity).expect("shrunk");
            let left =
                |number: &u64| matches!(cache.get(&Digest::of(&number.to_le_bytes()), Tier::Fast, 99), Ok(Some(_)));
            (0..4).filter(left).collect::<Vec<u64>>()
        };
        assert_eq!(kept(400), [0, 1, 2, 3]);
        assert_eq!(kept(399), [0, 1, 2]);
        assert_eq!(kept(200), [0, 1]);
        assert_eq!(kept(0), [0; 0]);
    }
}
