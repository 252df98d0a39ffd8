//! Events in a file: appended, one write a line under a lock, so that several runs may write one file at once.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::{Errno, retry_on_intr},
};

use super::{
    error::OpenError,
    event::Told,
    queue::{Ended, Queue},
    sink::Deliver,
};
use crate::files::reason;

/// A file that is written at its end, wherever that is.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Whether the file ends within a line, which the next one must not become a part of; not known before the first.
    torn: Option<bool>,
}

impl Lines {
    /// The file at `path`, made for its user alone if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |error: io::Error| match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::LOOP) => OpenError::Link(path.to_owned()),
            // A folder, or a pipe that nobody reads.
            Some(Errno::ISDIR | Errno::NXIO) => OpenError::NotAFile(path.to_owned()),
            _ => OpenError::File { path: path.to_owned(), why: reason(&error) },
        };
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)
            .map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(OpenError::NotAFile(path.to_owned()));
        }
        Ok(Self { file, torn: None })
    }

    /// What could not be written is not tried again: half of it may be there.
    fn append(&mut self, line: &str) -> io::Result<()> {
        // While somebody else's line is on its way, the file seems to end within one. Where there are no locks, that is all
        // that they would have been good for.
        let _ = retry_on_intr(|| flock(&self.file, FlockOperation::LockExclusive));
        let appended = self.append_locked(line);
        let _ = flock(&self.file, FlockOperation::Unlock);
        appended
    }

    fn append_locked(&mut self, line: &str) -> io::Result<()> {
        let torn = match self.torn {
            Some(torn) => torn,
            None => ends_within_a_line(&mut self.file)?,
        };
        let bytes = if torn { format!("\n{line}").into_bytes() } else { line.as_bytes().to_vec() };
        let written = loop {
            match self.file.write(&bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => break written?,
            }
        };
        self.torn = Some(written < bytes.len() && (written > 0 || torn));
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Deliver for Lines {
    fn deliver(&mut self, told: &Told, _: &Queue) -> Ended {
        match self.append(&told.line) {
            Ok(()) => Ended::Delivered,
            Err(error) => Ended::Failed(reason(&error)),
        }
    }
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
