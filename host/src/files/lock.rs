//! Locks: one at a time at something, in however many processes, and none longer than its process lives.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::{Errno, retry_on_intr},
};

use super::{FileError, folder_of};

/// How often a lock is asked for that somebody took away while it was waited for.
const TRIES: usize = 1_000;

/// A lock, held for as long as this lives. What is locked is a file of its own, there only while somebody holds it or waits.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Waits until no other process holds the right to change the file at `path`: for whoever reads it, and puts what it makes
/// of that in its place. What is locked is a file beside it, as the file itself is replaced.
///
/// # Errors
/// When the folder cannot be written, or has no locks.
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    let place = lock_path(path);
    Lock::wait(&place).map_err(|error| FileError::Write(place, error))
}

/// What [`lock`] locks for the file at `path`.
#[must_use]
pub fn lock_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.lock"))
}

impl Lock {
    /// The lock that the file at `place` is, as soon as nobody else holds it.
    ///
    /// # Errors
    /// When there is anything else there, the folder cannot be written, or it has no locks.
    pub fn wait(place: &Path) -> io::Result<Self> {
        let taken = (0..TRIES).find_map(|_| Self::ask(place, FlockOperation::LockExclusive).transpose());
        taken.unwrap_or_else(|| Err(io::Error::other("it is taken away again and again")))
    }

    /// The same, if nobody else holds it now; somebody who only asks [`Lock::is_held`] does for a moment.
    ///
    /// # Errors
    /// As [`Lock::wait`].
    pub fn try_now(place: &Path) -> io::Result<Option<Self>> {
        Self::ask(place, FlockOperation::NonBlockingLockExclusive)
    }

    /// Whether somebody holds the lock that the file at `place` is.
    #[must_use]
    pub fn is_held(place: &Path) -> bool {
        let Ok(file) = open(place, OpenOptions::new().read(true)) else { return false };
        let asked = retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockShared));
        asked.is_err_and(|error| error == Errno::WOULDBLOCK)
    }

    fn ask(place: &Path, how: FlockOperation) -> io::Result<Option<Self>> {
        let file = open(place, OpenOptions::new().create(true).truncate(false).write(true).mode(0o600))?;
        match retry_on_intr(|| flock(&file, how)) {
            Ok(()) => {
                // Whoever held it took the file away on leaving: then this is a lock on nothing.
                let lock = Self { file, path: place.to_owned() };
                Ok(lock.is_at_its_place().then_some(lock))
            }
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn is_at_its_place(&self) -> bool {
        let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
        match (self.file.metadata(), self.path.symlink_metadata()) {
            (Ok(held), Ok(named)) => id(held) == id(named),
            _ => false,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While the lock is held, and only what it is on, so that nobody's newer file is taken away.
        if self.is_at_its_place() {
            let _ = fs::remove_file(&self.path);
        }
        // A child that is just being started may have the file open still.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Opens what is locked. Whatever else lies there is neither followed nor waited for.
fn open(place: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()).open(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{read_capped, write_whole};

    #[test]
    fn of_many_that_change_a_file_at_once_none_loses_anothers_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let change = || {
            let _lock = lock(&path).expect("locked");
            let mut bytes = read_capped(&path, 999).unwrap_or_default();
            bytes.push(b'x');
            write_whole(&path, &bytes, 0o600).expect("written");
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10).for_each(|_| change()));
            }
        });
        assert_eq!(read_capped(&path, 999).expect("there").len(), 80);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "no lock is left over");
    }

    #[test]
    fn a_lock_follows_no_link_and_waits_for_no_pipe() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, beside) = (folder.path().join("a"), folder.path().join(".a.lock"));
        std::os::unix::fs::symlink(folder.path().join("target"), &beside).expect("a link");
        assert_eq!(lock(&path).expect_err("a link").code(), "file-unwritable");
        assert!(!folder.path().join("target").exists());
        fs::remove_file(&beside).expect("removed");
        rustix::fs::mknodat(rustix::fs::CWD, &beside, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .expect("a pipe");
        assert_eq!(lock(&path).expect_err("a pipe").code(), "file-unwritable");
        assert_eq!(lock(&folder.path().join("no/such/a")).expect_err("no folder").code(), "file-unwritable");
    }

    #[test]
    fn whoever_does_not_wait_is_told_and_takes_nothing_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("a.lock");
        assert!(!Lock::is_held(&place) && !place.exists());
        let held = Lock::try_now(&place).expect("asked").expect("nobody holds it");
        for _ in 0..2 {
            assert!(Lock::try_now(&place).expect("asked").is_none());
            assert!(Lock::is_held(&place) && place.exists());
        }
        drop(held);
        assert!(!Lock::is_held(&place) && !place.exists());
        drop(Lock::wait(&place).expect("nobody holds it"));
        Lock::try_now(folder.path()).expect_err("a folder");
    }
}
