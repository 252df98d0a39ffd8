//! One process at a time at a run: a lock that ends with the process, however that ends.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::{Ledger, LedgerError};
use crate::digest::Digest;

/// Somebody who only looks whether a run is claimed holds its lock for a moment.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The right to be at a run, for as long as this lives. A process that is killed gives it up.
#[derive(Debug)]
pub struct Claim {
    file: File,
    path: PathBuf,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // While the lock is held, so that nobody's newer file is taken away.
        let _ = fs::remove_file(&self.path);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Ledger {
    /// Claims a run for this process, whether it has begun or is to.
    ///
    /// # Errors
    /// When another process, or another claim of this one, is at it, or the system refuses the file that is locked.
    pub fn claim(&self, run: &str) -> Result<Claim, LedgerError> {
        self.check_writable()?;
        let path = self.claim_path(run);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        for attempt in 0..TRIES {
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Whoever held it took the file away on leaving: then this is a lock on nothing.
                Ok(()) if is_at(&file, &path) => return Ok(Claim { file, path }),
                Ok(()) => {}
                Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                    if attempt + 1 < TRIES {
                        std::thread::sleep(PAUSE);
                    }
                }
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Err(LedgerError::RunClaimed(run.to_owned()))
    }

    /// Whether a process is at this run now.
    #[must_use]
    pub fn is_claimed(&self, run: &str) -> bool {
        let Ok(file) = File::open(self.claim_path(run)) else { return false };
        flock(&file, FlockOperation::NonBlockingLockShared).is_err_and(|error| error == rustix::io::Errno::WOULDBLOCK)
    }

    /// Beside the ledger. No name out of a ledger becomes a path.
    fn claim_path(&self, run: &str) -> PathBuf {
        let mut folder = self.path.as_os_str().to_owned();
        folder.push("-claims");
        PathBuf::from(folder).join(Digest::of(run.as_bytes()).to_string())
    }
}

fn is_at(file: &File, path: &std::path::Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => id(held) == id(named),
        _ => false,
    }
}
