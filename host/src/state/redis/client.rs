//! Questions to a server: connections that are kept, and attempts that are bounded.

use std::{
    iter,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::{
    line::{Line, Patience, Trouble, is_busy},
    resp::Reply,
};
use crate::{
    state::{Address, StateError},
    text::excerpt,
};

/// Connections that are kept for the next question; there may be more at once.
const KEPT: usize = 8;
/// Between the first attempt and the second; then twice as long each time.
const PAUSE: Duration = Duration::from_millis(50);
/// How much of what a server says a message repeats, in characters.
const QUOTED: usize = 200;

/// Whether a question changes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

/// A server that is asked from any number of threads.
#[derive(Debug)]
pub(super) struct Client {
    address: Address,
    patience: Patience,
    lines: Mutex<Vec<Line>>,
}

impl Client {
    pub(super) fn new(address: Address, patience: Patience) -> Self {
        Self { address, patience: patience.bounded(), lines: Mutex::new(Vec::new()) }
    }

    /// Asks until there is an answer or the attempts are used up. Only for what may be asked twice and is done once.
    pub(super) fn ask(&self, effect: Effect, key: &str, words: &[&[u8]]) -> Result<Reply, StateError> {
        let mut maybe_done = false;
        let mut last = StateError::Busy;
        for attempt in 0..self.patience.attempts {
            if attempt > 0 {
                thread::sleep(PAUSE * (1 << (attempt - 1)));
            }
            match self.attempt(words) {
                Ok(Reply::Error(said)) if is_busy(&said) => last = StateError::Busy,
                Ok(Reply::Error(said)) => return Err(told(self.refused(key, &said), maybe_done)),
                Ok(reply) => return Ok(reply),
                Err(Trouble::Busy) => last = StateError::Busy,
                Err(Trouble::Unsent(why)) => last = StateError::Unreachable(why),
                Err(Trouble::Unanswered(why)) => {
                    maybe_done = effect == Effect::Writes;
                    last = StateError::Unreachable(why);
                }
                Err(Trouble::Garbled(why)) => {
                    return Err(told(StateError::Protocol(why), effect == Effect::Writes));
                }
                Err(Trouble::Settled(error)) => return Err(told(error, maybe_done)),
            }
        }
        Err(told(last, maybe_done))
    }

    fn attempt(&self, words: &[&[u8]]) -> Result<Reply, Trouble> {
        let kept = iter::from_fn(|| self.lines().pop()).find(Line::is_quiet);
        let mut line = match kept {
            Some(line) => line,
            None => Line::open(&self.address, self.patience)?,
        };
        let answer = line.ask(words, self.patience.answer);
        let mut lines = self.lines();
        if answer.is_err() {
            // What ended one connection has most likely ended those that nobody has asked since.
            lines.clear();
        } else if lines.len() < KEPT {
            lines.push(line);
        }
        answer
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a server's error means here.
    fn refused(&self, key: &str, said: &str) -> StateError {
        let code = said.split(' ').next().unwrap_or_default();
        match code {
            "NOAUTH" | "WRONGPASS" | "NOPERM" => StateError::Denied,
            "OOM" | "MISCONF" => StateError::Full,
            "READONLY" => StateError::ReadOnly,
            // Older servers put their own words in front when a script fails.
            _ if said.contains("WRONGTYPE") => StateError::corrupted(key, "it is of another kind"),
            _ => StateError::Refused(excerpt(&self.hidden(said), QUOTED)),
        }
    }

    /// `said` without the password.
    fn hidden(&self, said: &str) -> String {
        match &self.address.password {
            Some(password) if !password.is_empty() => said.replace(password.as_str(), "[hidden]"),
            _ => said.to_owned(),
        }
    }
}

/// The error, or that nobody knows, where an attempt may have been seen.
fn told(error: StateError, maybe_done: bool) -> StateError {
    match error {
        StateError::Unreachable(why) if maybe_done => StateError::Unsure(why),
        error if maybe_done => StateError::Unsure(error.to_string()),
        error => error,
    }
}
