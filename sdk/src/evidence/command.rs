//! What a command did: the source `command`.

use alloc::{borrow::Cow, string::String, vec::Vec};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Completed, or_null};

/// A command that ran to its end, whatever it exited with.
#[derive(Clone, Debug, Deserialize)]
pub struct CommandRun<'a> {
    #[serde(rename = "outcome")]
    _outcome: Completed,
    /// The program and its arguments, as the manifest writes them.
    pub argv: Vec<String>,
    /// What it exited with.
    pub exit_code: i32,
    /// What it wrote to standard output; U+FFFD where that is not UTF-8.
    #[serde(borrow)]
    pub stdout: Cow<'a, str>,
    /// How much that was, in bytes.
    pub stdout_bytes: u64,
    /// Whether `stdout` is less than that.
    pub stdout_cut: bool,
    /// What it wrote to standard error; U+FFFD where that is not UTF-8.
    #[serde(borrow)]
    pub stderr: Cow<'a, str>,
    /// How much that was, in bytes.
    pub stderr_bytes: u64,
    /// Whether `stderr` is less than that.
    pub stderr_cut: bool,
    /// `stdout`, read as the manifest says it is written; none where it says nothing, or `stdout` is cut or is not that.
    #[serde(borrow, deserialize_with = "or_null")]
    pub data: Option<&'a RawValue>,
}
