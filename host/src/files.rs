//! Files: read once, capped, regular files only; written whole or not at all, and changed by one at a time.

mod lock;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, OFlags, fstat};

use crate::{diagnostic::Diagnostic, text::printable};
pub use lock::{Lock, lock, lock_path};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("`{}` does not exist", shown(.0))]
    Missing(PathBuf),
    /// It is a folder, a pipe, a socket or a device.
    #[error("`{}` is not a regular file", shown(.0))]
    NotAFile(PathBuf),
    /// It is larger than what asked for it takes.
    #[error("`{}` is larger than {cap} bytes", shown(.path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is taken, in bytes.
        cap: u64,
    },
    /// The system said no.
    #[error("failed to read `{}`: {}", shown(.0), reason(.1))]
    Read(PathBuf, io::Error),
    /// The system said no.
    #[error("failed to write `{}`: {}", shown(.0), reason(.1))]
    Write(PathBuf, io::Error),
}

impl FileError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "file-missing",
            Self::NotAFile(_) => "not-a-file",
            Self::TooLarge { .. } => "file-too-large",
            Self::Read(..) => "file-unreadable",
            Self::Write(..) => "file-unwritable",
        }
    }
}

impl From<FileError> for Diagnostic {
    fn from(error: FileError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// A path fit for a terminal.
#[must_use]
pub fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// The system's reason without Rust's `(os error 2)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// The regular file at `path`, at most `cap` bytes of it, and its length as far as one can tell now: files in /proc say 0, and
/// a file may grow while it is read.
///
/// # Errors
/// When there is no such file, it is no regular file, it is larger than `cap`, or the system refuses it.
pub fn open_capped(path: &Path, cap: u64) -> Result<(File, u64), FileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FileError::Missing(path.to_owned()),
        _ => FileError::Read(path.to_owned(), error),
    };
    // Opening a pipe that nobody writes would wait for ever; the flag does nothing to a regular file.
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path).map_err(failed)?;
    // The library's own way asks for times and more as well, which takes twice as long.
    let stat = fstat(&file).map_err(|error| failed(error.into()))?;
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    if length > cap {
        return Err(FileError::TooLarge { path: path.to_owned(), cap });
    }
    Ok((file, length))
}

/// The bytes of the regular file at `path`, at most `cap` of them, with one open and no second look at the path.
///
/// # Errors
/// As [`open_capped`].
pub fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let (mut file, length) = open_capped(path, cap)?;
    let failed = |error: io::Error| FileError::Read(path.to_owned(), error);
    // With room for one byte more than there are, one read gets them all and shows that no other has come since.
    let mut bytes = vec![0; length.min(cap) as usize + 1];
    let read = match file.read(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
        read => read.map_err(failed)?,
    };
    let whole = read > 0 && read as u64 == length;
    bytes.truncate(read);
    if !whole {
        let rest = cap.saturating_add(1).saturating_sub(read as u64);
        file.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    }
    if bytes.len() as u64 > cap {
        return Err(FileError::TooLarge { path: path.to_owned(), cap });
    }
    Ok(bytes)
}

/// Puts `bytes` at `path` with the permission bits of `mode`: a reader sees the old file or the new one, never a half.
///
/// # Errors
/// When the folder cannot be written or the disk is full; then the old file is as it was.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    write(path, bytes, mode, |_| Ok(()))
}

/// [`write_whole`] of what `fill` writes, which is never there as a whole in memory.
///
/// # Errors
/// As [`write_whole`], and where `fill` fails.
pub fn write_filled(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::Write(path.to_owned(), error);
    let file = empty(path, mode)?;
    let mut out = BufWriter::new(file.as_file());
    fill(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// [`write_whole`], and the file survives a power cut once this returns: for what cannot be made again, such as a key. It
/// waits for the disk, which takes longer than most decisions.
///
/// # Errors
/// As [`write_whole`], and when the disk does not take it.
pub fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    write(path, bytes, mode, File::sync_all)?;
    // The rename itself has to survive; where a folder cannot be synced, the file still is.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// [`write_whole`] where there is nothing yet: whether it was written. Of two that write at once, one does.
///
/// # Errors
/// As [`write_whole`].
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, FileError> {
    match filled(path, bytes, mode)?.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(FileError::Write(path.to_owned(), error.error)),
    }
}

fn write(path: &Path, bytes: &[u8], mode: u32, settle: impl Fn(&File) -> io::Result<()>) -> Result<(), FileError> {
    let failed = |error: io::Error| FileError::Write(path.to_owned(), error);
    let file = filled(path, bytes, mode)?;
    settle(file.as_file()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A file in the folder of `path` that is not there yet for anybody.
fn filled(path: &Path, bytes: &[u8], mode: u32) -> Result<tempfile::NamedTempFile, FileError> {
    let mut file = empty(path, mode)?;
    file.write_all(bytes).map_err(|error| FileError::Write(path.to_owned(), error))?;
    Ok(file)
}

fn empty(path: &Path, mode: u32) -> Result<tempfile::NamedTempFile, FileError> {
    tempfile::Builder::new()
        .prefix(".portcullis-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder_of(path))
        .map_err(|error| FileError::Write(path.to_owned(), error))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_cap_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        assert_eq!(read_capped(&path, 9).expect_err("missing").code(), "file-missing");
        assert_eq!(read_capped(folder.path(), 9).expect_err("a folder").code(), "not-a-file");
        write_whole(&path, b"0123456789", 0o600).expect("written");
        assert_eq!(read_capped(&path, 9).expect_err("too large").code(), "file-too-large");
        assert_eq!(read_capped(&path, 10).expect("fits"), b"0123456789");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(read_capped(Path::new("/dev/zero"), 9).expect_err("a device").code(), "not-a-file");
        write_whole(&path, b"", 0o600).expect("written");
        assert_eq!(read_capped(&path, 9).expect("empty"), b"");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_does_not_know_its_length_is_read_to_its_end() {
        let path = Path::new("/proc/self/status");
        let (_, length) = open_capped(path, 1 << 20).expect("it is there");
        let bytes = read_capped(path, 1 << 20).expect("read");
        assert!(length == 0 && bytes.len() > 100, "{length} said, {} read", bytes.len());
        assert_eq!(read_capped(path, 9).expect_err("more than that").code(), "file-too-large");
    }

    #[test]
    fn what_is_new_takes_the_place_of_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        assert!(write_new(&path, b"one", 0o644).expect("written"));
        assert!(!write_new(&path, b"two", 0o644).expect("it is there"));
        assert_eq!(read_capped(&path, 9).expect("there"), b"one");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
        let error = write_new(&path.join("b"), b"", 0o644).expect_err("no folder");
        assert_eq!(error.code(), "file-unwritable");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        write_filled(&path, 0o644, |out| out.write_all(b"old")).expect("written");
        let broken =
            |out: &mut BufWriter<&File>| out.write_all(b"ne").and_then(|()| Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(write_filled(&path, 0o644, broken).expect_err("broken off").code(), "file-unwritable");
        assert_eq!(read_capped(&path, 9).expect("there"), b"old");
        fs::remove_file(&path).expect("removed");
        let error = write_whole(&folder.path().join("no/such/a"), b"new", 0o644).expect_err("no folder");
        assert_eq!(error.code(), "file-unwritable");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }
}
