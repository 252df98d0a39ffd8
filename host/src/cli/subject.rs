//! What a decision is about: what `--subject` says, or the commit of the repository that the manifest lies in.

use std::{path::Path, str::FromStr};

use portcullis::report::github::defused;
use rustix::process::geteuid;

use super::{git, term};

/// The most characters of a subject.
const MAX: usize = 256;

/// What a decision, or an approval, is about: `git:` and a commit, or any name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject(String);

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (1..=MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(format!("a subject has 1 to {MAX} visible ASCII characters")) }
    }
}

impl Subject {
    /// What the user says, or else the commit of the repository around `manifest`, if it is in one of the user's own.
    pub(crate) fn of(said: Option<Self>, manifest: &Path) -> Option<Self> {
        let folder = manifest.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        said.or_else(|| match git::commit(folder, geteuid().as_raw()) {
            Ok(commit) => commit.map(|commit| Self(format!("git:{commit}"))),
            Err(refused) => {
                term::note(&defused(&format!("{refused}; --subject says what this is about")));
                None
            }
        })
    }

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
