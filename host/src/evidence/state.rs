//! The source `files`: what lies below a folder, each file by its digest, so that what was there before something ran can be
//! held against what is there after it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::{
    each::{glob, plain_folders},
    source::file_code,
    world::{Failed, World},
};
use crate::{
    digest::Digest,
    files::{FileError, open_capped, reason, shown},
};

/// The most that is looked at: how many files and links, and how many bytes of them together.
struct Most {
    entries: usize,
    bytes: u64,
}

const MOST: Most = Most { entries: 10_000, bytes: 1 << 30 };

/// What the evidence document holds.
#[derive(Serialize)]
struct Document {
    outcome: &'static str,
    files: BTreeMap<String, Entry>,
    count: usize,
}

/// What lies at a path.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    File { sha256: Digest, size_bytes: u64 },
    Link { link: String },
}

/// The document of the files below `root` that `pattern` matches, in the order of their paths' bytes. None is a state, too.
///
/// Nothing is passed over, as it is where validators look for what a team wrote: what a command makes lies in `build` and
/// `dist`. Links are told and not followed.
///
/// # Errors
/// When something that may match cannot be seen whole: a folder or a file cannot be read, a name is not UTF-8, there is more
/// than may be looked at. A state with a gap would show a change where there is none, or none where there is one.
pub(super) fn state(pattern: &str, root: &Path, world: World<'_>) -> Result<String, Failed> {
    looked_at(pattern, root, world, &MOST)
}

fn looked_at(pattern: &str, root: &Path, world: World<'_>, most: &Most) -> Result<String, Failed> {
    let matcher = glob(pattern).map_err(|error| unreadable(error.to_string()))?;
    let top = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    let mut state = State { files: BTreeMap::new(), left: most.bytes };
    let entries = start(pattern, top)?.into_iter().flat_map(|start| WalkDir::new(start).follow_links(false));
    for entry in entries {
        if world.is_cancelled() {
            return Err(Failed { code: "evidence-interrupted", message: "the run was interrupted".to_owned() });
        }
        let entry = entry.map_err(|error| unlistable(top, error))?;
        let below = entry.path().strip_prefix(top).unwrap_or(entry.path());
        if entry.file_type().is_dir() || !matcher.is_match(below) {
            continue;
        }
        if state.files.len() == most.entries {
            return Err(too_large(format!("more than {} files match `{}`", most.entries, shown(Path::new(pattern)))));
        }
        state.add(below, &entry)?;
    }
    let document = Document { outcome: "completed", count: state.files.len(), files: state.files };
    Ok(serde_json::to_string(&document).unwrap_or_default())
}

/// What was seen so far.
struct State {
    files: BTreeMap<String, Entry>,
    /// How many bytes may still be read.
    left: u64,
}

impl State {
    fn add(&mut self, below: &Path, entry: &DirEntry) -> Result<(), Failed> {
        let seen = if entry.file_type().is_symlink() {
            let target = entry.path().read_link();
            let target = target.map_err(|error| failed(&FileError::Read(entry.path().to_owned(), error)))?;
            Entry::Link { link: utf8(&target)? }
        } else {
            let (sha256, size_bytes) = self.digest(entry.path())?;
            Entry::File { sha256, size_bytes }
        };
        self.files.insert(utf8(below)?, seen);
        Ok(())
    }

    fn digest(&mut self, path: &Path) -> Result<(Digest, u64), Failed> {
        let (file, _) = open_capped(path, self.left).map_err(|error| match error {
            FileError::TooLarge { .. } => past_all_bytes(),
            error => failed(&error),
        })?;
        // One byte more than allowed tells that a file grew while it was read.
        let read = Digest::of_all(io::Read::take(file, self.left.saturating_add(1)));
        let (digest, size) = read.map_err(|error| failed(&FileError::Read(path.to_owned(), error)))?;
        self.left = self.left.checked_sub(size).ok_or_else(past_all_bytes)?;
        Ok((digest, size))
    }
}

/// The deepest folder that holds all that `pattern` can match; nothing where there is none, and so nothing to match.
fn start(pattern: &str, top: &Path) -> Result<Option<PathBuf>, Failed> {
    let mut folder = top.to_owned();
    for part in plain_folders(pattern) {
        folder.push(part);
        match folder.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => {
                return Err(unreadable(format!("`{}` is a link, and links are not followed", shown(&folder))));
            }
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&FileError::Read(folder, error))),
        }
    }
    Ok(Some(folder))
}

fn utf8(path: &Path) -> Result<String, Failed> {
    path.to_str().map(str::to_owned).ok_or_else(|| unreadable(format!("the name of `{}` is not UTF-8", shown(path))))
}

fn unlistable(top: &Path, error: walkdir::Error) -> Failed {
    let path = error.path().unwrap_or(top).to_owned();
    let reason = error.into_io_error().map_or_else(|| "it loops".to_owned(), |error| reason(&error));
    unreadable(format!("`{}` cannot be listed: {reason}", shown(&path)))
}

fn failed(error: &FileError) -> Failed {
    Failed { code: file_code(error), message: error.to_string() }
}

fn unreadable(message: String) -> Failed {
    Failed { code: "evidence-unreadable", message }
}

fn too_large(message: String) -> Failed {
    Failed { code: "evidence-too-large", message }
}

fn past_all_bytes() -> Failed {
    too_large(format!("the files that match have more than {} bytes together", MOST.bytes))
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _, os::unix::fs::symlink, sync::atomic::AtomicBool};

    use jiff::Timestamp;

    use super::*;

    static GOES_ON: AtomicBool = AtomicBool::new(false);
    static ENDS: AtomicBool = AtomicBool::new(true);

    fn world(cancelled: &'static AtomicBool) -> World<'static> {
        World { variable: &|_| None, clock: &|| Timestamp::UNIX_EPOCH, cancelled }
    }

    /// The paths of the state, or the code of why there is none.
    fn paths(pattern: &str, root: &Path) -> Result<Vec<String>, &'static str> {
        let document = state(pattern, root, world(&GOES_ON)).map_err(|failed| failed.code)?;
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        let files = document["files"].as_object().expect("an object");
        assert_eq!((&document["outcome"], &document["count"]), (&"completed".into(), &files.len().into()));
        Ok(files.keys().cloned().collect())
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
    fn a_state_names_each_file_by_its_digest_in_the_order_of_the_paths() {
        let folder = tree(&["out/b", "out/a/é"]);
        symlink("b", folder.path().join("out/l")).expect("a link");
        let file = r#"{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","size_bytes":1}"#;
        let expect = format!(
            r#"{{"outcome":"completed","files":{{"out/a/é":{file},"out/b":{file},"out/l":{{"link":"b"}}}},"count":3}}"#
        );
        assert_eq!(state("out/**", folder.path(), world(&GOES_ON)).expect("a state"), expect);
    }

    #[test]
    fn nothing_is_passed_over_and_nothing_to_see_is_a_state_too() {
        let folder = tree(&["dist/.git/x", "build/y", "z"]);
        assert_eq!(paths("**", folder.path()), Ok(["build/y", "dist/.git/x", "z"].map(str::to_owned).to_vec()));
        assert_eq!(paths("./dist/**/x", folder.path()), Ok(vec!["dist/.git/x".to_owned()]));
        assert_eq!(paths("z", folder.path()), Ok(vec!["z".to_owned()]));
        for pattern in ["gone/**", "z/**", "gone", "*.txt", "dist/a/b/*"] {
            assert_eq!(paths(pattern, folder.path()), Ok(Vec::new()), "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_seen_whole_is_no_state() {
        let folder = tree(&["a/x", "b/x", "c/x"]);
        symlink("a", folder.path().join("link")).expect("a link");
        assert_eq!(paths("link/**", folder.path()), Err("evidence-unreadable"));
        fs::write(folder.path().join("b").join(OsStr::from_bytes(b"\xff")), "x").expect("written");
        assert_eq!(paths("b/**", folder.path()), Err("evidence-unreadable"));
        let socket = std::os::unix::net::UnixListener::bind(folder.path().join("c/s")).expect("a socket");
        assert_eq!(paths("c/**", folder.path()), Err("evidence-unreadable"));
        drop(socket);
        assert_eq!(paths("**", &folder.path().join("gone")), Err("evidence-unreadable"));
        let interrupted = state("a/**", folder.path(), world(&ENDS)).expect_err("interrupted");
        assert_eq!(interrupted.code, "evidence-interrupted");
    }

    #[test]
    fn there_is_a_most_of_files_and_of_bytes() {
        let folder = tree(&["a", "b", "c"]);
        for (entries, bytes, expect) in
            [(3, 3, None), (2, 3, Some("evidence-too-large")), (3, 2, Some("evidence-too-large"))]
        {
            let seen = looked_at("*", folder.path(), world(&GOES_ON), &Most { entries, bytes });
            assert_eq!(seen.err().map(|failed| failed.code), expect, "{entries} {bytes}");
        }
    }
}
