//! A compiled module on its way from the cache into wasmtime.
//!
//! What was checked has to be what is run, so an entry is copied out of its file, which others may write, and the copy is
//! checked. On Linux the copy is a sealed file in memory, which wasmtime maps as it is. Otherwise it makes a copy of its own,
//! and most of what loading costs is the first touch of fresh pages.

use std::{
    fs::File,
    io::{self, Read, Write},
};

/// Bytes that are read at once: few calls, and little memory to touch.
const PART: usize = 32 << 10;

/// A compiled module in memory that only this process writes.
#[derive(Debug)]
pub enum Artifact {
    /// As bytes.
    Bytes(Vec<u8>),
    /// As a file in memory that nobody changes any more.
    Sealed(File),
}

impl Artifact {
    /// Copies the next `length` bytes of `from`, or as many as there are, and shows each part of them to `see`.
    pub(super) fn copy(from: &mut impl Read, length: u64, mut see: impl FnMut(&[u8])) -> io::Result<Self> {
        let mut copy = sealable().map_or_else(|| Self::Bytes(Vec::new()), Self::Sealed);
        let mut from = from.take(length);
        let mut buffer = vec![0; PART];
        loop {
            let read = match from.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let part = buffer.get(..read).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            see(part);
            match &mut copy {
                Self::Bytes(bytes) => bytes.extend_from_slice(part),
                Self::Sealed(file) => file.write_all(part)?,
            }
        }
        if let Self::Sealed(file) = &copy {
            seal(file)?;
        }
        Ok(copy)
    }
}

/// A new file in memory, where the system has such; a system that forbids it gets the other way.
#[cfg(target_os = "linux")]
fn sealable() -> Option<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("portcullis-module", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn sealable() -> Option<File> {
    None
}

#[cfg(target_os = "linux")]
fn seal(file: &File) -> io::Result<()> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    Ok(fcntl_add_seals(file, all)?)
}

#[cfg(not(target_os = "linux"))]
fn seal(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
impl Artifact {
    pub(super) fn bytes(self) -> Vec<u8> {
        use std::io::Seek as _;
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Sealed(mut file) => {
                let mut bytes = Vec::new();
                file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("read");
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_what_was_shown_as_far_as_it_was_asked_for() {
        let bytes: Vec<u8> = (0..3 * PART + 7).map(|number| (number % 251) as u8).collect();
        for length in [0, 1, PART, 2 * PART + 1, bytes.len(), bytes.len() + 1] {
            let mut shown = Vec::new();
            let copy = Artifact::copy(&mut bytes.as_slice(), length as u64, |part| shown.extend_from_slice(part));
            let copy = copy.expect("copied").bytes();
            assert_eq!(copy, bytes[..length.min(bytes.len())], "{length}");
            assert_eq!(copy, shown, "{length}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_writes_to_a_copy_any_more() {
        let copy = Artifact::copy(&mut &b"code"[..], 9, |_| {}).expect("copied");
        let Artifact::Sealed(mut file) = copy else { panic!("this system has files in memory") };
        assert!(file.write_all(b"more").is_err());
        assert!(file.set_len(1).is_err());
    }
}
