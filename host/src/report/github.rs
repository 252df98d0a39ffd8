//! What a workflow on GitHub shows: annotations, and the summary of a step.
//!
//! A runner obeys lines of a step's output, so a line that starts with `::`, or has `##[` in it, may be a command. Hostile
//! words get into commands only escaped ([`annotations()`]); whatever else is printed stands between [`stop_commands`].

mod annotations;
mod command;
mod summary;

pub use annotations::annotations;
pub use summary::step_summary;

use crate::digest::hex;

/// Two lines, each with its line feed: after the first one a runner obeys nothing in a step's output until it meets the
/// second. `token` has to be random and never used before: text that can guess it can end the silence.
#[must_use]
pub fn stop_commands(token: [u8; 16]) -> (String, String) {
    // Hex digits are the name of no command, which the runner refuses as a token.
    let token = hex(&token);
    (format!("::stop-commands::{token}\n"), format!("::{token}::\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_stopped_and_started_with_the_same_token() {
        let (stop, start) = stop_commands([0xa5; 16]);
        assert_eq!(stop, format!("::stop-commands::{}\n", "a5".repeat(16)));
        assert_eq!(start, format!("::{}::\n", "a5".repeat(16)));
    }
}
