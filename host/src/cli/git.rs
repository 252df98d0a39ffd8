//! The commit that a repository stands at, read from its files: no program is run, and no configuration is obeyed.
//!
//! A repository's files may come from anyone. Each is read once and capped, a ref is a plain name below `refs/`, and what does
//! not read as git writes it is no commit. What git would resolve to another commit is never told as this one; where in doubt
//! there is none.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use portcullis::files::{FileError, read_capped, shown};

/// The most bytes of `HEAD`, a ref, or a file that points elsewhere.
const SMALL: u64 = 4 << 10;
/// The most bytes of `packed-refs`: some hundred thousand refs.
const PACKED: u64 = 64 << 20;
/// How often a ref may name another ref, as in git.
const DEPTH: usize = 5;

/// A repository that somebody else keeps: whoever that is says which commit it stands at.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` does not belong to the user who runs this, so the commit of its repository is not taken", shown(.0))]
pub(crate) struct NotTheUsers(PathBuf);

/// The commit that is checked out in the repository that `folder` lies in, in 40 or 64 lower-case hex digits; nothing where
/// there is no repository, or no commit in it yet. As git does, it refuses one that is not `user`'s own; root takes any, as a
/// container's does whose files come from outside.
pub(crate) fn commit(folder: &Path, user: u32) -> Result<Option<String>, NotTheUsers> {
    let Ok(folder) = fs::canonicalize(folder) else { return Ok(None) };
    let found = folder.ancestors().find_map(|tree| Some((tree, Repository::at(tree)?)));
    let Some((tree, Some(repository))) = found else { return Ok(None) };
    match repository.keeps(tree).into_iter().find(|place| user != ROOT && owner(place) != Some(user)) {
        Some(place) => Err(NotTheUsers(place)),
        None => Ok(repository.head()),
    }
}

/// The user who owns everything anyway.
const ROOT: u32 = 0;

/// Whose a file or folder is; of a link, whose both that and what it leads to are.
fn owner(path: &Path) -> Option<u32> {
    let link = path.symlink_metadata().ok()?.uid();
    path.metadata().ok().map(|found| found.uid()).filter(|owner| *owner == link)
}

/// Where a repository keeps what is asked for here.
struct Repository {
    /// What belongs to one working tree, such as `HEAD`.
    own: PathBuf,
    /// What all working trees of it share, such as branches.
    shared: PathBuf,
}

/// What stands in `HEAD` or a ref.
enum Ref {
    Commit(String),
    Other(String),
}

impl Repository {
    /// The repository whose working tree starts at `folder`; nothing where none does, so that one may further up. A file
    /// that points to none is where git gives up, and so it ends here.
    fn at(folder: &Path) -> Option<Option<Self>> {
        let place = folder.join(".git");
        match read_small(&place) {
            Ok(text) => Some(text.strip_prefix("gitdir: ").and_then(|path| Self::of(folder.join(path)))),
            Err(_) => Self::of(place).map(Some),
        }
    }

    /// The repository that is kept in the folder `own`, if it has what git asks of one.
    fn of(own: PathBuf) -> Option<Self> {
        let shared = match read_small(&own.join("commondir")) {
            Ok(text) => own.join(text),
            Err(FileError::Missing(_)) => own.clone(),
            Err(_) => return None,
        };
        let is_one = own.join("HEAD").is_file() && ["objects", "refs"].iter().all(|part| shared.join(part).is_dir());
        is_one.then_some(Self { own, shared })
    }

    /// What the commit of the working tree `tree` rests on: whoever owns one of these can make it another.
    fn keeps(&self, tree: &Path) -> [PathBuf; 4] {
        [tree.to_owned(), tree.join(".git"), self.own.clone(), self.shared.clone()]
    }

    fn head(&self) -> Option<String> {
        let mut name = "HEAD".to_owned();
        for _ in 0..=DEPTH {
            match self.read(&name)? {
                Ref::Commit(commit) => return Some(commit),
                Ref::Other(other) => name = other,
            }
        }
        None
    }

    /// What `HEAD`, or a ref with a plain name, says: in a file of its own, or packed with others.
    fn read(&self, name: &str) -> Option<Ref> {
        // These belong to one working tree; every other ref belongs to all of them.
        let is_own = ["refs/bisect/", "refs/worktree/", "refs/rewritten/"].iter().any(|start| name.starts_with(start));
        let folder = if is_own || name == "HEAD" { &self.own } else { &self.shared };
        match read_small(&folder.join(name)) {
            Ok(text) => parse(&text),
            // A folder of that name is left over from refs that are gone.
            Err(FileError::Missing(_) | FileError::NotAFile(_)) => self.packed(name).map(Ref::Commit),
            Err(_) => None,
        }
    }

    fn packed(&self, name: &str) -> Option<String> {
        let bytes = read_capped(&self.shared.join("packed-refs"), PACKED).ok()?;
        let text = |line: &[u8]| str::from_utf8(line).ok().map(str::to_owned);
        let named = |line: &&[u8]| line.strip_suffix(name.as_bytes()).is_some_and(|rest| rest.ends_with(b" "));
        let line = bytes.split(|byte| *byte == b'\n').find(named).and_then(text)?;
        object(line.strip_suffix(name)?.strip_suffix(' ')?)
    }
}

/// The text of a small file, without the line's end.
fn read_small(path: &Path) -> Result<String, FileError> {
    let bytes = read_capped(path, SMALL)?;
    // What is not UTF-8 is no ref that is taken, and no folder has this name.
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned())
}

fn parse(text: &str) -> Option<Ref> {
    match text.strip_prefix("ref:") {
        Some(name) => Some(name.trim()).filter(|name| is_ref(name)).map(|name| Ref::Other(name.to_owned())),
        None => object(text.split(char::is_whitespace).next()?).map(Ref::Commit),
    }
}

/// The name of an object: not all zeroes, which stands for none.
fn object(text: &str) -> Option<String> {
    let is_name = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_name && text.bytes().any(|byte| byte != b'0')).then(|| text.to_ascii_lowercase())
}

/// Whether `name` is one that git gives a ref (git-check-ref-format), below `refs/`: as a path, it leads nowhere else.
fn is_ref(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let forbidden = |character: char| character.is_ascii_control() || " ~^:?*[\\\u{fffd}".contains(character);
    name.starts_with("refs/")
        && name.split('/').all(is_part)
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    /// A folder with files in it; a path that ends in `/` is a folder. Beside `.git/HEAD` is what else a repository has.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            let place = root.path().join(path);
            if path.ends_with('/') {
                fs::create_dir_all(place).expect("a folder");
            } else {
                fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
                if let Some(tree) = path.strip_suffix(".git/HEAD") {
                    for part in ["objects", "refs"] {
                        fs::create_dir_all(root.path().join(tree).join(".git").join(part)).expect("a folder");
                    }
                }
                fs::write(place, text).expect("a file");
            }
        }
        root
    }

    /// The commit, for whoever runs the tests.
    fn own_commit(folder: &Path) -> Option<String> {
        commit(folder, rustix::process::geteuid().as_raw()).expect("the user's own")
    }

    #[track_caller]
    fn check(what: &str, files: &[(&str, &str)], expect: Option<&str>) {
        let root = folder(files);
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).expect("a folder");
        for from in [root.path(), &inner] {
            assert_eq!(own_commit(from).as_deref(), expect, "{what}");
        }
    }

    #[test]
    fn the_commit_is_what_head_leads_to() {
        let (one, two) = (&format!("{ONE}\n"), &format!("{TWO}\n"));
        let long = &format!("{}{}\n", "AB".repeat(16), "cd".repeat(16));
        let packed = &format!(
            "# pack-refs with: peeled fully-peeled sorted \n{TWO} refs/heads/main2\n{ONE} refs/heads/main\n^{TWO}\n"
        );
        let main = (".git/HEAD", "ref: refs/heads/main\n");
        check("no repository", &[], None);
        check("detached", &[(".git/HEAD", one)], Some(ONE));
        check("detached, SHA-256", &[(".git/HEAD", long)], Some(&long.trim_end().to_lowercase()));
        check("a loose ref", &[main, (".git/refs/heads/main", one)], Some(ONE));
        check("a packed ref", &[main, (".git/packed-refs", packed)], Some(ONE));
        let both = [main, (".git/packed-refs", packed), (".git/refs/heads/main", two)];
        check("a loose ref before a packed one", &both, Some(TWO));
        check("a folder left over", &[main, (".git/packed-refs", packed), (".git/refs/heads/main/", "")], Some(ONE));
        check("no commit yet", &[main], None);
        check("a branch within a branch", &[(".git/HEAD", "ref:  refs/x\n"), (".git/refs/x", one)], Some(ONE));
        let through = [main, (".git/refs/heads/main", "ref: refs/x\n"), (".git/refs/x", one)];
        check("a ref of a ref", &through, Some(ONE));
        let nested = folder(&[(".git/HEAD", one), ("a/.git/HEAD", two), ("a/b/", "")]);
        let inner = own_commit(&nested.path().join("a/b"));
        assert_eq!((own_commit(nested.path()), inner), (Some(ONE.into()), Some(TWO.into())), "a repository within one");
        check("a folder that is no repository", &[(".git/HEAD", one), ("a/.git/", "")], Some(ONE));
        let no_objects = [(".git/HEAD", one.as_str()), ("a/.git/refs/", ""), ("a/.git//HEAD", two)];
        check("a repository without objects", &no_objects, Some(ONE));
    }

    #[test]
    fn a_working_tree_of_its_own_shares_the_branches() {
        let head = ("main/.git/worktrees/w/HEAD", "ref: refs/heads/w\n");
        let shared = ("main/.git/worktrees/w/commondir", "../..\n");
        let (one, two) = (&format!("{ONE}\n"), &format!("{TWO}\n"));
        for (pointer, files, expect) in [
            ("gitdir: ../main/.git/worktrees/w\n", vec![head, shared, ("main/.git/refs/heads/w", one)], Some(ONE)),
            ("gitdir: ../main/.git/worktrees/w\n", vec![(head.0, one), shared], Some(ONE)),
            (
                "gitdir: ../main/.git/worktrees/w\n",
                vec![(head.0, "ref: refs/bisect/x\n"), shared, ("main/.git/refs/bisect/x", two)],
                None,
            ),
            ("gitdir: ../nowhere\n", vec![head, shared], None),
            ("../main/.git/worktrees/w\n", vec![head, shared, ("main/.git/refs/heads/w", one)], None),
            ("gitdir: \n", vec![head], None),
        ] {
            let root = folder(&[files, vec![("main/.git/HEAD", two), ("tree/.git", pointer)]].concat());
            assert_eq!(own_commit(&root.path().join("tree")).as_deref(), expect, "{pointer}");
        }
    }

    #[test]
    fn a_hostile_repository_names_no_commit() {
        let zeroes = "0".repeat(40);
        let huge = "1".repeat(5_000);
        for head in [
            "",
            "ref: ",
            "ref: HEAD",
            "ref: refs/heads/../../../outside",
            "ref: refs/../../outside",
            "ref: /etc/passwd",
            "ref: refs//outside",
            "ref: refs/heads/.invalid",
            "ref: refs/heads/x.lock",
            "ref: refs/heads/a b",
            "ref: refs/heads/x\u{7}",
            "ref: refs/heads/x@{1}",
            "ref: refs/loop",
            "111111111111111111111111111111111111111",
            "11111111111111111111111111111111111111111",
            "g111111111111111111111111111111111111111",
            &zeroes,
            &huge,
        ] {
            let hex = &format!("{ONE}\n");
            let files = [
                (".git/HEAD", head),
                ("outside", hex),
                (".git/outside", hex),
                (".git/refs/heads/x.lock", hex),
                (".git/refs/loop", "ref: refs/loop"),
            ];
            check(head, &files, None);
        }
        let main = (".git/HEAD", "ref: refs/heads/main\n");
        let packed = |line: &str| {
            check(line, &[main, (".git/packed-refs", line)], None);
        };
        let outer = [(".git/HEAD", &*format!("{ONE}\n")), ("a/.git", "gitdir: nowhere\n"), ("a/b/", "")];
        assert_eq!(
            own_commit(&folder(&outer).path().join("a/b")),
            None,
            "a file that points nowhere hides what is further up"
        );
        packed("refs/heads/main");
        packed(&format!("{ONE}  refs/heads/main"));
        packed(&format!("^{ONE} refs/heads/main"));
        packed(&format!("{ONE}refs/heads/main"));
        packed(&format!("{ONE} x/refs/heads/main"));
        let broken =
            [main, (".git/refs/heads/main", "broken"), (".git/packed-refs", &format!("{ONE} refs/heads/main\n"))];
        check("a broken ref is not looked for elsewhere", &broken, None);
        let root = folder(&[main]);
        std::os::unix::fs::symlink("/dev/zero", root.path().join(".git/packed-refs")).expect("a link");
        assert_eq!(own_commit(root.path()), None, "a device");
    }

    #[test]
    fn a_repository_of_somebody_elses_names_no_commit_but_to_root() {
        let root = folder(&[(".git/HEAD", ONE), ("a/", "")]);
        let tree = fs::canonicalize(root.path()).expect("there");
        let me = rustix::process::geteuid().as_raw();
        let other = me + 1;
        for from in [&tree, &tree.join("a")] {
            assert_eq!(commit(from, me), Ok(Some(ONE.into())));
            assert_eq!(commit(from, other), Err(NotTheUsers(tree.clone())));
            assert_eq!(commit(from, ROOT), Ok(Some(ONE.into())));
        }
        let nothing = tempfile::tempdir().expect("a folder");
        assert_eq!(commit(nothing.path(), other), Ok(None), "where there is none, nobody's is refused");
    }

    #[test]
    fn each_thing_that_a_commit_rests_on_has_to_be_the_users() {
        // Only root can give files away.
        if rustix::process::geteuid().as_raw() != ROOT {
            return;
        }
        let linked = ("main/.git/worktrees/w/HEAD", ONE);
        let root = folder(&[("main/.git/HEAD", TWO), linked, ("tree/.git", "gitdir: ../main/.git/worktrees/w\n")]);
        fs::write(root.path().join("main/.git/worktrees/w/commondir"), "../..\n").expect("a file");
        let root = fs::canonicalize(root.path()).expect("there");
        let rests_on = ["tree", "tree/.git", "main/.git/worktrees/w", "main/.git"];
        let give = |place: &str, user| std::os::unix::fs::chown(root.join(place), Some(user), None).expect("given");
        let (me, other) = (4_242, 4_243);
        rests_on.iter().for_each(|place| give(place, me));
        assert_eq!(commit(&root.join("tree"), me), Ok(Some(ONE.into())));
        for place in rests_on {
            give(place, other);
            assert!(commit(&root.join("tree"), me).is_err(), "{place}");
            give(place, me);
        }
        let own = root.join("tree/.git");
        fs::remove_file(&own).expect("removed");
        std::os::unix::fs::symlink(root.join("main/.git"), &own).expect("a link");
        assert!(commit(&root.join("tree"), me).is_err(), "a link of another's to what is the user's");
    }
}
