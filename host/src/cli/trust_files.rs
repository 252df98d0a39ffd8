//! Trust files as commands open them: from the disk, remembering on this machine what was seen of lists.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis::{
    intake::{self, Machine, Shelf, TrustFiles},
    trust::TrustFile,
};

use super::{Failure, host};

/// What this machine remembers, and its clock.
pub(crate) fn machine() -> Machine {
    Machine { clock: host::now(None), state: host::state_folder() }
}

/// Reads the trust file and all that it names, and remembers what was seen.
pub(crate) fn open(path: &Path, now: Timestamp) -> Result<TrustFiles, Failure> {
    Ok(TrustFiles::open(path, now, &Shelf::disk(), &machine())?)
}

/// The same, for asking only.
pub(crate) fn peek(path: &Path, now: Timestamp) -> Result<TrustFiles, Failure> {
    Ok(TrustFiles::peek(path, now, &Shelf::disk())?)
}

/// The trust file that `bytes` are, read from `path`, with its root.
pub(crate) fn parse_trust(path: &Path, bytes: &[u8], now: Timestamp) -> Result<TrustFile, Failure> {
    Ok(intake::parse_trust(path, bytes, now, &Shelf::disk())?)
}

/// Every file that these rest on, read or written.
pub(crate) fn paths(trust: &TrustFiles) -> Vec<PathBuf> {
    trust.paths(&machine())
}
