//! `each`: the files that a validator is asked about, one at a time.

use std::{
    borrow::Cow,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::{DirEntry, WalkDir};

use super::matched::{Matched, MatchedFile};
use crate::{files::shown, text::printable};

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

/// The files below `root` that `pattern` matches, as paths relative to `root` with `/` between their parts, in the order of
/// their bytes. Links are not followed, and folders such as `.git` and `build` are passed over. What lies there and cannot
/// be read, be it a folder or a pipe, is one of them: what was not seen cannot be said to be right.
///
/// # Errors
/// When nothing matches, the pattern is no glob, or there is no such folder.
pub fn expand(pattern: &str, root: &Path) -> Result<Matched, MatchError> {
    let matcher = glob(pattern)?;
    let top = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let Some(start) = start(pattern, top) else { return Err(MatchError::NoFiles(pattern.to_owned())) };
    let mut found = Matched::default();
    walk(&start, (top, Path::new("")), &|path| matcher.is_match(path), &mut found)?;
    if found.is_empty() {
        return Err(MatchError::NoFiles(pattern.to_owned()));
    }
    Ok(found.in_order(root))
}

/// Which files of a folder are looked at.
pub struct Selection {
    include: Vec<GlobMatcher>,
    exclude: Vec<GlobMatcher>,
}

impl Selection {
    /// Files that one of `include` matches and none of `exclude`; patterns are relative to each folder.
    ///
    /// # Errors
    /// When one of them is no glob, or leads out of the folder.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, GlobError> {
        let matchers = |patterns: &[String]| patterns.iter().map(|pattern| glob(pattern)).collect::<Result<_, _>>();
        Ok(Self { include: matchers(include)?, exclude: matchers(exclude)? })
    }

    fn takes(&self, path: &Path) -> bool {
        let any = |matchers: &[GlobMatcher]| matchers.iter().any(|matcher| matcher.is_match(path));
        any(&self.include) && !any(&self.exclude)
    }
}

/// The files among `places`: each that is a file, and of each folder those that `selection` takes. Paths are as the places
/// are written, each once, in the order of their bytes.
///
/// # Errors
/// When a place is not there or nothing is found.
pub fn gather(places: &[PathBuf], selection: &Selection) -> Result<Matched, MatchError> {
    let mut found = Matched::default();
    for place in places {
        let plain = place.strip_prefix("./").unwrap_or(place);
        let unlistable = |error: std::io::Error| MatchError::Unlistable {
            path: place.clone(),
            reason: format!("cannot be looked at: {}", error.kind()),
        };
        if place.metadata().map_err(unlistable)?.is_dir() {
            let prefix = if plain == Path::new(".") { Path::new("") } else { plain };
            walk(place, (place, prefix), &|path| selection.takes(path), &mut found)?;
        } else {
            found.push(MatchedFile::at(plain));
        }
    }
    if found.is_empty() {
        let places: Vec<String> = places.iter().map(|place| place.to_string_lossy().into_owned()).collect();
        return Err(MatchError::NoFiles(places.join(" ")));
    }
    Ok(found.in_order(Path::new("")))
}

/// Adds what lies below `start` and `is_wanted` by its path below `top`; it is told as lying below `prefix`.
fn walk(
    start: &Path,
    (top, prefix): (&Path, &Path),
    is_wanted: &dyn Fn(&Path) -> bool,
    found: &mut Matched,
) -> Result<(), MatchError> {
    for entry in WalkDir::new(start).follow_links(false).into_iter().filter_entry(wanted) {
        match entry {
            Ok(entry) if entry.file_type().is_dir() || entry.file_type().is_symlink() => {}
            Ok(entry) => {
                let relative = below(entry.path(), top);
                if is_wanted(relative) {
                    // Of thousands of files, most are told as they were found, without another path being made.
                    let told = match prefix.as_os_str() {
                        nothing if nothing.is_empty() => Cow::Borrowed(relative),
                        same if same == top.as_os_str() => Cow::Borrowed(entry.path()),
                        _ => Cow::Owned(prefix.join(relative)),
                    };
                    found.push(MatchedFile::at(&told));
                }
            }
            Err(error) if error.depth() == 0 => return Err(unlistable(top, &error)),
            Err(error) => {
                let path = error.path().unwrap_or(top);
                let told = prefix.join(below(path, top)).to_string_lossy().into_owned();
                found.push(MatchedFile::unreadable(told, unlistable(top, &error).to_string()));
            }
        }
    }
    Ok(())
}

/// The path below `top` of what was found there, which begins as `top` is written.
fn below<'p>(path: &'p Path, top: &Path) -> &'p Path {
    let Some(rest) = path.as_os_str().as_bytes().strip_prefix(top.as_os_str().as_bytes()) else { return path };
    let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
    Path::new(OsStr::from_bytes(rest.get(slashes..).unwrap_or_default()))
}

/// The deepest folder that holds all that `pattern` can match, if it is there to be entered. What lies outside of it
/// costs nothing, and need not be readable.
fn start(pattern: &str, top: &Path) -> Option<PathBuf> {
    let mut folder = top.to_owned();
    for part in plain_folders(pattern) {
        folder.push(part);
        let enterable = !PASSED_OVER.contains(&part) && folder.symlink_metadata().is_ok_and(|found| found.is_dir());
        if !enterable {
            return None;
        }
    }
    Some(folder)
}

/// The folders at the start of a pattern that are written out: all that it matches lies in them.
pub(super) fn plain_folders(pattern: &str) -> Vec<&str> {
    let parts = pattern.strip_prefix("./").unwrap_or(pattern).split('/');
    let plain = |part: &&str| !matches!(*part, "" | ".") && !part.contains(['*', '?', '[', ']', '{', '}', ',', '\\']);
    let mut parts: Vec<_> = parts.take_while(plain).collect();
    if !pattern.contains(['*', '?', '[', '{']) {
        parts.pop();
    }
    parts
}

fn wanted(entry: &DirEntry) -> bool {
    let passed_over = entry.file_type().is_dir() && PASSED_OVER.iter().any(|name| entry.file_name() == *name);
    entry.depth() == 0 || !passed_over
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
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn paths(pattern: &str, root: &Path) -> Result<Vec<String>, MatchError> {
        expand(pattern, root).map(|matched| matched.paths().map(str::to_owned).collect())
    }

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
        assert_eq!(paths("flows/**/*.aether", folder.path()), Ok(expect.to_vec()));
        assert_eq!(paths("./other/?.aether", folder.path()), Ok(vec!["other/c.aether".to_owned()]));
        assert_eq!(paths("flows/a/é.aether", folder.path()), Ok(vec!["flows/a/é.aether".to_owned()]));
        for pattern in ["flows/loop/*/*", "flows/build/*", "flows/link.aether/*", "gone/**", "flows/link.aether"] {
            assert_eq!(paths(pattern, folder.path()).map_err(|error| error.code()), Err("no-files"), "{pattern}");
        }
        assert_eq!(paths("*/*.{md,txt}", folder.path()), Ok(vec!["flows/readme.md".to_owned()]));
    }

    #[test]
    fn a_file_is_told_below_its_folder_however_that_is_written() {
        let folder = tree(&["a/b.json", "a/c/d.json"]);
        let top = folder.path().to_str().expect("UTF-8");
        let all = Selection::new(&["**/*.json".to_owned()], &["c/e*".to_owned()]).expect("globs");
        for place in ["/a", "/a/", "/a//", "/./a", "/a/c/.."] {
            let place = format!("{top}{place}");
            let found = gather(&[place.clone().into()], &all).expect("some");
            let told = ["b.json", "c/d.json"].map(|name| Path::new(&place).join(name));
            assert_eq!(found.paths().map(Path::new).collect::<Vec<_>>(), told, "{place}");
            assert!((0..2).all(|index| found.read(index, 9).is_ok()), "{place}");
        }
        for (path, top, expect) in
            [("./a", ".", "a"), ("/a", "/", "a"), ("a//b", "a//", "b"), ("a/./b", "a/.", "b"), ("b", "a", "b")]
        {
            assert_eq!(below(Path::new(path), Path::new(top)), Path::new(expect));
        }
    }

    #[test]
    fn the_top_folder_may_have_any_name() {
        let folder = tree(&["build/a.json"]);
        assert_eq!(paths("*.json", &folder.path().join("build")), Ok(vec!["a.json".to_owned()]));
    }

    #[test]
    fn nothing_found_and_nothing_readable_are_errors() {
        let folder = tree(&["a.txt"]);
        assert_eq!(paths("*.json", folder.path()).expect_err("none").code(), "no-files");
        assert_eq!(paths("*", &folder.path().join("gone")).expect_err("no folder").code(), "files-unlistable");
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff.txt")), "x").expect("written");
        fs::write(folder.path().join("b.txt"), "y").expect("written");
        fs::write(folder.path().join(OsStr::from_bytes(b"\xfe.txt")), "z").expect("written");
        let matched = expand("*.txt", folder.path()).expect("some");
        let read = |index| matched.read(index, 9).map(|(_, bytes)| bytes);
        // Two that look alike are two.
        assert_eq!(matched.paths().collect::<Vec<_>>(), ["a.txt", "b.txt", "\u{fffd}.txt", "\u{fffd}.txt"]);
        let bytes: Vec<_> = (0..4).map(|index| read(index).expect("read")).collect();
        assert_eq!(bytes, [b"x", b"y", b"z", b"x"]);
        let first = matched.clone().first(3);
        assert_eq!((first.len(), first.bytes(2, 9)), (3, Ok(b"z".to_vec())), "where each lies stays with it");
        assert!(first.bytes(3, 9).is_err());
        let all = Selection::new(&["*".to_owned()], &[]).expect("globs");
        let gathered = gather(&[folder.path().to_owned(), folder.path().join("a.txt")], &all).expect("some");
        assert_eq!(gathered.len(), 4, "and one that is named twice is one");
        assert_eq!(paths("a.*", folder.path()), Ok(vec!["a.txt".to_owned()]));
    }

    #[test]
    fn a_pattern_stays_below_its_folder() {
        for pattern in ["", "/etc/*", "../*", "a/../../b", "a[", "{a", "[z-a]"] {
            assert_eq!(glob(pattern).map(|_| ()).map_err(|error| error.code()), Err("bad-glob"), "{pattern}");
        }
    }
}
