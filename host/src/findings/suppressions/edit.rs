//! Files of suppressions changed in place: what people wrote around the entries stays, and so does their order.

use super::{Entry, Problem, Suppressions};
use crate::text::is_unsafe;

/// What a new file starts with.
pub const HEAD: &str = "# What is let pass, one entry a line: FINGERPRINT  # reason owner=@name expires=YYYY-MM-DD\n# It holds to the end of its last day, in UTC.\n\n";

/// An entry could not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The file is none of suppressions.
    #[error("the file has problems")]
    Unreadable(Vec<Problem>),
    /// The fingerprint has an entry already.
    #[error("the fingerprint is suppressed in line {0} already")]
    Present(usize),
    /// Read again, the line would not say what it was to say.
    #[error("the reason is to be one line of words that has neither `owner=` nor `expires=` in it")]
    Unwritable,
}

/// The file `bytes` with `entry` behind all that is there; its line is of no account.
///
/// # Errors
/// When the file has problems, has the fingerprint already, or could not say what the entry says.
pub fn add(bytes: &[u8], entry: &Entry) -> Result<Vec<u8>, AddError> {
    let present = Suppressions::parse(bytes).map_err(AddError::Unreadable)?;
    if let Some(other) = present.entries().iter().find(|other| other.fingerprint == entry.fingerprint) {
        return Err(AddError::Present(other.line));
    }
    let line = entry.to_string();
    let reads_back = Entry::parse(entry.line, &line).is_ok_and(|read| read == *entry);
    if line.contains(is_unsafe) || !reads_back {
        return Err(AddError::Unwritable);
    }
    let end = if bytes.windows(2).any(|pair| pair == b"\r\n") { "\r\n" } else { "\n" };
    let mut changed = bytes.to_vec();
    if !changed.is_empty() && !changed.ends_with(b"\n") {
        changed.extend_from_slice(end.as_bytes());
    }
    changed.extend_from_slice(line.as_bytes());
    changed.extend_from_slice(end.as_bytes());
    Ok(changed)
}

/// The file `bytes` without the lines of those numbers, in rising order.
#[must_use]
pub fn without(bytes: &[u8], lines: &[usize]) -> Vec<u8> {
    let all = (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n'));
    all.filter(|(number, _)| lines.binary_search(number).is_err()).flat_map(|(_, line)| line).copied().collect()
}
