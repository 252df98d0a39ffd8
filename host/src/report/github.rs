//! What a workflow on GitHub shows: annotations, and the summary of a step.
//!
//! A runner obeys lines of a step's output, so a line that starts with `::`, or has `##[` in it, may be a command. Hostile
//! words get into commands only escaped ([`annotations()`]); whatever else is printed stands between [`stop_commands`].

mod annotations;
mod command;
mod summary;

pub use annotations::annotations;
pub use command::defused;
pub use summary::{STEP, problems_summary, step_summary};

use crate::{diagnostic::Diagnostic, digest::hex, text::excerpt};

/// The most problems that become annotations: a runner shows no more of a step.
const MAX_PROBLEMS: usize = 10;

/// A line for each problem that kept a command from its work; the code is the title. Ends with a line feed, if there is any.
#[must_use]
pub fn problems(problems: &[Diagnostic]) -> String {
    let annotation = |problem: &Diagnostic| {
        let lines = [Some(&problem.message), problem.place.as_ref(), problem.help.as_ref()];
        let lines: Vec<String> = lines.into_iter().flatten().map(|line| excerpt(line, 1_000)).collect();
        let (title, message) = (format!("portcullis: {}", problem.code), lines.join("\n"));
        command::Annotation { title, file: None, line: None, message }.command(command::Level::Error)
    };
    problems.iter().take(MAX_PROBLEMS).map(annotation).collect()
}

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
    fn a_problem_is_an_annotation_with_its_place_and_its_fix() {
        let problem = Diagnostic::new("revoked-key", "revoked 100%").at("gates/a.wasm\n::error::x").help("ask");
        let expect = "::error title=portcullis%3A revoked-key::revoked 100%25%0Agates/a.wasm\\u{a}::error::x%0Aask\n";
        assert_eq!(problems(std::slice::from_ref(&problem)), expect);
        assert_eq!(problems(&vec![problem; 50]).lines().count(), MAX_PROBLEMS);
    }

    #[test]
    fn a_runner_is_stopped_and_started_with_the_same_token() {
        let (stop, start) = stop_commands([0xa5; 16]);
        assert_eq!(stop, format!("::stop-commands::{}\n", "a5".repeat(16)));
        assert_eq!(start, format!("::{}::\n", "a5".repeat(16)));
    }
}
