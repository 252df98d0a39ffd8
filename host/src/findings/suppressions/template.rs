//! What could be suppressed, for people to choose from: nothing in it holds until somebody has written why and until when.

use std::collections::HashMap;

use portcullis_sdk::Severity;

use super::super::{Classification, Fingerprint, Workflow};
use crate::{
    judge::ResultCode,
    text::{counted, excerpt, grouped},
};

/// Characters of a path and of a message that a template repeats.
const QUOTED: usize = 100;

/// A name that findings of a scan have, by the formula of older tools, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequent {
    /// The name.
    pub fingerprint: Fingerprint,
    /// The findings' code.
    pub code: String,
    /// How many there are.
    pub count: usize,
    /// The first file that has one.
    pub path: String,
    /// Their line in it.
    pub line: Option<u32>,
    /// What they say, where the scan tells.
    pub message: Option<String>,
}

/// The names that most errors of a scan have, the most frequent first; neither those that are suppressed nor those of the
/// tool's own failures, which cannot be.
#[must_use]
pub fn most_frequent(scan: &Classification, most: usize) -> Vec<Frequent> {
    let mut counts: HashMap<Fingerprint, Frequent> = HashMap::new();
    for one in scan.workflows.iter().flat_map(errors).filter(|one| one.code != ResultCode::InternalError.name()) {
        let known = counts.entry(one.fingerprint).or_insert(Frequent { count: 0, ..one.clone() });
        known.count += 1;
        known.message = known.message.take().or(one.message);
    }
    let mut found: Vec<Frequent> = counts.into_values().collect();
    found.sort_unstable_by_key(|one| (std::cmp::Reverse(one.count), one.fingerprint));
    found.truncate(most);
    found
}

/// What is wrong with a file and not suppressed: every error, or what gave its code where no more is said.
fn errors(file: &Workflow) -> Vec<Frequent> {
    let of = |fingerprint, code: &str, line| {
        let is_told = file.fingerprint == Some(fingerprint);
        let message = file.error.clone().filter(|message| is_told && !message.is_empty());
        Frequent { fingerprint, code: code.to_owned(), count: 1, path: file.path.clone(), line, message }
    };
    match &file.fingerprints {
        Some(found) => {
            let decides = found.iter().filter(|named| named.severity == Severity::Error && !named.suppressed);
            decides.map(|named| of(named.v1, &named.code, named.line)).collect()
        }
        None if file.ok || file.suppressed => Vec::new(),
        None => file.fingerprint.map(|fingerprint| of(fingerprint, &file.code_name, file.line)).into_iter().collect(),
    }
}

/// A file in which every entry is a comment. What has to be filled in is no owner and no day, so that an entry whose `#` is
/// taken away alone is a problem and no suppression.
#[must_use]
pub fn template(frequent: &[Frequent]) -> String {
    let mut text =
        "# The most frequent findings that nothing lets pass. To let one pass, take the `# ` off its line,\n# say why, whose it is and until when.\n"
            .to_owned();
    for Frequent { fingerprint, code, count, path, line, message } in frequent {
        let count = format!("{} {}", grouped(*count as u64), if *count == 1 { "time" } else { "times" });
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        text.push_str(&format!("\n# {count}: {}, such as {}{line}\n", excerpt(code, QUOTED), excerpt(path, QUOTED)));
        if let Some(message) = message {
            text.push_str(&format!("#   {}\n", excerpt(message, QUOTED)));
        }
        text.push_str(&format!("# {fingerprint}  # WHY owner=@ expires=YYYY-MM-DD\n"));
    }
    if frequent.is_empty() {
        text.push_str(&format!("# {}\n", counted(0, "finding", "findings")));
    }
    text
}
