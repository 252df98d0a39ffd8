//! One process at a time at a run: a lock that ends with the process, however that ends.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt as _, path::PathBuf, time::Duration};

use super::{Ledger, LedgerError};
use crate::{digest::Digest, files::Lock};

/// Somebody who only looks whether a run is claimed holds its lock for a moment.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// The right to be at a run, for as long as this lives. A process that is killed gives it up.
#[derive(Debug)]
pub struct Claim {
    _lock: Lock,
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
            if let Some(lock) = Lock::try_now(&path)? {
                return Ok(Claim { _lock: lock });
            }
            if attempt + 1 < TRIES {
                std::thread::sleep(PAUSE);
            }
        }
        Err(LedgerError::RunClaimed(run.to_owned()))
    }

    /// Whether a process is at this run now.
    #[must_use]
    pub fn is_claimed(&self, run: &str) -> bool {
        Lock::is_held(&self.claim_path(run))
    }

    /// Beside the ledger. No name out of a ledger becomes a path.
    fn claim_path(&self, run: &str) -> PathBuf {
        let mut folder = self.path.as_os_str().to_owned();
        folder.push("-claims");
        PathBuf::from(folder).join(Digest::of(run.as_bytes()).to_string())
    }
}
