//! Trying what may pass again, for as long as somebody is patient.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::hindrance::Hindrance;
use crate::state::StateError;

/// How long is waited between tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Tries `work` until it is done, it is clear that it never will be, `patience` is over, or the run is to end.
///
/// # Errors
/// What was in the way the last time.
pub fn insist<T>(
    patience: Duration,
    cancelled: &AtomicBool,
    mut work: impl FnMut() -> Result<T, Hindrance>,
) -> Result<T, Hindrance> {
    let since = Instant::now();
    loop {
        if cancelled.load(Ordering::Relaxed) {
            return Err(Hindrance::Interrupted);
        }
        match work() {
            // No time heals what cannot be read.
            Err(damage @ Hindrance::State(StateError::Corrupted { .. })) => return Err(damage),
            Err(hindrance) if hindrance.may_pass() && since.elapsed() < patience => thread::sleep(PAUSE),
            ended => return ended,
        }
    }
}
