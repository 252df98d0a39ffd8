//! `each`: the files that a validator is asked about, one at a time.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::{DirEntry, WalkDir};

use crate::{
    digest::Digest,
    files::{read_capped, shown},
    text::printable,
};

/// Folders that hold what tools keep or make, never what a team wrote (spec/workflow-findings.md).
const PASSED_OVER: [&str; 8] = [".git", ".hg", ".svn", "__pycache__", ".venv", "venv", "build", "dist"];

/// The text is no pattern for files below a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It is empty, absolute or leads up.
    #[error("`{}` leads out of the manifest's folder", printable(.0))]
    Outside(String),
    /// It is no glob.
    #[error("`{}` is no glob: {}", printable(.0), printable(.1))]
    Syntax(String, String),
}

impl GlobError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "bad-glob"
    }
}

/// Files that a pattern matches could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// There is none, and a gate that looked at nothing says nothing.
    #[error("no file matches `{}`", printable(.0))]
    NoFiles(String),
    /// The pattern is none.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A folder or an entry cannot be read, or a name that matches is not UTF-8 and could not be put into a request.
    #[error("`{}` {reason}", shown(.path))]
    Unlistable {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The recorded evidence does not hold what the pattern matched.
    #[error("what `{}` matched was not recorded", printable(.0))]
    NotRecorded(String),
    /// They could not be listed when evidence was recorded.
    #[error("{}", printable(.0))]
    Recorded(String),
}

impl MatchError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFiles(_) => "no-files",
            Self::Glob(error) => error.code(),
            Self::Unlistable { .. } | Self::Recorded(_) => "files-unlistable",
            Self::NotRecorded(_) => "evidence-not-recorded",
        }
    }
}

/// The files that a gate is asked about, one at a time: in the world, or in a folder of recorded evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    folder: PathBuf,
    paths: Vec<String>,
    /// The digest that each was recorded with and lies under, or why it could not be read then.
    recorded: Option<Vec<Result<Digest, String>>>,
}

impl Matched {
    /// Files below `root`.
    pub(super) fn found(root: PathBuf, paths: Vec<String>) -> Self {
        Self { folder: root, paths, recorded: None }
    }

    /// Files in `folder`, under their digests.
    pub(super) fn recorded(folder: PathBuf, paths: Vec<String>, digests: Vec<Result<Digest, String>>) -> Self {
        Self { folder, paths, recorded: Some(digests) }
    }

    /// Their paths, relative to the folder of the manifest, with `/` between their parts; in the order of their bytes.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The bytes of the file with that index, at most `cap`, and their digest.
    ///
    /// # Errors
    /// With a sentence for people: it is not there or is no file, is too large, is not what was recorded.
    pub fn read(&self, index: usize, cap: u64) -> Result<(Digest, Vec<u8>), String> {
        let name = self.paths.get(index).map(String::as_str).unwrap_or_default();
        let known = match self.recorded.as_ref().and_then(|digests| digests.get(index)) {
            Some(Err(reason)) => return Err(reason.clone()),
            Some(Ok(digest)) => Some(*digest),
            None => None,
        };
        let path = self.folder.join(known.map_or_else(|| name.to_owned(), |digest| digest.to_string()));
        let bytes = read_capped(&path, cap).map_err(|error| error.to_string())?;
        let digest = Digest::of(&bytes);
        match known.is_none_or(|known| known == digest) {
            true => Ok((digest, bytes)),
            false => Err(format!("`{}` is not what was recorded", printable(name))),
        }
    }
}

/// A matcher for paths relative to a folder, with `/` between their parts. `*` and `?` stay within one part, `**`
/// spans any number.
///
/// # Errors
/// When the pattern is no glob, or leads out of the folder.
pub fn glob(pattern: &str) -> Result<GlobMatcher, GlobError> {
    let leads_out = pattern.is_empty() || pattern.starts_with('/') || pattern.split('/').any(|part| part == "..");
    if leads_out {
        return Err(GlobError::Outside(pattern.to_owned()));
    }
    let pattern_below = pattern.strip_prefix("./").unwrap_or(pattern);
    let glob = GlobBuilder::new(pattern_below).literal_separator(true).backslash_escape(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| GlobError::Syntax(pattern.to_owned(), error.kind().to_string()))
}

/// The regular files below `root` that `pattern` matches, as paths relative to `root` with `/` between their parts, in
/// the order of their bytes. Links are not followed, and folders such as `.git` and `build` are passed over.
///
/// # Errors
/// When nothing matches, when the pattern is no glob, and when a folder that might hold a match cannot be listed: what
/// was not seen cannot be said to be right.
pub fn expand(pattern: &str, root: &Path) -> Result<Vec<String>, MatchError> {
    let matcher = glob(pattern)?;
    let top = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let mut found = Vec::new();
    let Some(start) = start(pattern, top) else { return Err(MatchError::NoFiles(pattern.to_owned())) };
    for entry in WalkDir::new(start).follow_links(false).into_iter().filter_entry(wanted) {
        let entry = entry.map_err(|error| unlistable(top, &error))?;
        if entry.file_type().is_file() {
            found.extend(matching(&entry, top, &matcher)?);
        }
    }
    if found.is_empty() {
        return Err(MatchError::NoFiles(pattern.to_owned()));
    }
    found.sort_unstable();
    Ok(found)
}

/// The deepest folder that holds all that `pattern` can match, if it is there to be entered. What lies outside of it
/// costs nothing, and need not be readable.
fn start(pattern: &str, top: &Path) -> Option<PathBuf> {
    let mut folder = top.to_owned();
    let parts = pattern.strip_prefix("./").unwrap_or(pattern).split('/');
    let plain = |part: &&str| !matches!(*part, "" | ".") && !part.contains(['*', '?', '[', ']', '{', '}', ',', '\\']);
    let mut parts: Vec<_> = parts.take_while(plain).collect();
    if !pattern.contains(['*', '?', '[', '{']) {
        parts.pop();
    }
    for part in parts {
        folder.push(part);
        let enterable = !PASSED_OVER.contains(&part) && folder.symlink_metadata().is_ok_and(|found| found.is_dir());
        if !enterable {
            return None;
        }
    }
    Some(folder)
}

fn wanted(entry: &DirEntry) -> bool {
    let passed_over = entry.file_type().is_dir() && PASSED_OVER.iter().any(|name| entry.file_name() == *name);
    entry.depth() == 0 || !passed_over
}

/// The relative path of `entry`, if it matches.
fn matching(entry: &DirEntry, top: &Path, matcher: &GlobMatcher) -> Result<Option<String>, MatchError> {
    let Ok(relative) = entry.path().strip_prefix(top) else { return Ok(None) };
    if !matcher.is_match(relative) {
        return Ok(None);
    }
    let text = relative.to_str().ok_or_else(|| MatchError::Unlistable {
        path: entry.path().to_owned(),
        reason: "matches, and its name is not UTF-8".to_owned(),
    })?;
    Ok(Some(text.to_owned()))
}

fn unlistable(top: &Path, error: &walkdir::Error) -> MatchError {
    let reason = error.io_error().map_or_else(|| "loops".to_owned(), |error| error.kind().to_string());
    MatchError::Unlistable {
        path: error.path().unwrap_or(top).to_owned(),
        reason: format!("cannot be listed: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "x").expect("written");
        }
        folder
    }

    #[test]
    fn files_are_listed_in_byte_order_and_only_what_a_team_wrote() {
        let folder = tree(&[
            "flows/b.aether",
            "flows/a/é.aether",
            "flows/a.aether",
            "flows/B.aether",
            "flows/build/no.aether",
            "flows/.git/no.aether",
            "flows/.hidden.aether",
            "flows/dist.aether",
            "other/c.aether",
            "flows/readme.md",
        ]);
        symlink("a.aether", folder.path().join("flows/link.aether")).expect("a link");
        symlink("..", folder.path().join("flows/loop")).expect("a link");
        let expect = [".hidden.aether", "B.aether", "a.aether", "a/é.aether", "b.aether", "dist.aether"]
            .map(|name| format!("flows/{name}"));
        assert_eq!(expand("flows/**/*.aether", folder.path()), Ok(expect.to_vec()));
        assert_eq!(expand("./other/?.aether", folder.path()), Ok(vec!["other/c.aether".to_owned()]));
        assert_eq!(expand("flows/a/é.aether", folder.path()), Ok(vec!["flows/a/é.aether".to_owned()]));
        for pattern in ["flows/loop/*/*", "flows/build/*", "flows/link.aether/*", "gone/**", "flows/link.aether"] {
            assert_eq!(expand(pattern, folder.path()).map_err(|error| error.code()), Err("no-files"), "{pattern}");
        }
        assert_eq!(expand("*/*.{md,txt}", folder.path()), Ok(vec!["flows/readme.md".to_owned()]));
    }

    #[test]
    fn the_top_folder_may_have_any_name() {
        let folder = tree(&["build/a.json"]);
        assert_eq!(expand("*.json", &folder.path().join("build")), Ok(vec!["a.json".to_owned()]));
    }

    #[test]
    fn nothing_found_and_nothing_readable_are_errors() {
        let folder = tree(&["a.txt"]);
        assert_eq!(expand("*.json", folder.path()).expect_err("none").code(), "no-files");
        assert_eq!(expand("*", &folder.path().join("gone")).expect_err("no folder").code(), "files-unlistable");
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff.txt")), "x").expect("written");
        let error = expand("*.txt", folder.path()).expect_err("no UTF-8");
        assert_eq!(error.code(), "files-unlistable");
        assert_eq!(expand("a.*", folder.path()), Ok(vec!["a.txt".to_owned()]));
    }

    #[test]
    fn a_pattern_stays_below_its_folder() {
        for pattern in ["", "/etc/*", "../*", "a/../../b", "a[", "{a", "[z-a]"] {
            assert_eq!(glob(pattern).map(|_| ()).map_err(|error| error.code()), Err("bad-glob"), "{pattern}");
        }
    }
}
