//! `portcullis migrate`: brings workflows in older forms up to date.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use portcullis::{
    diagnostic::Diagnostic,
    evidence::{Selection, gather},
    files::{FileError, read_capped, shown, write_whole},
    migration::Migration,
    report::{Fate, MigratedFile, github::defused, migration_line, migration_md},
};

use super::{Exit, Failure, Outcome, term};

/// The most of a file that is read. Workflows are written by hand.
const MOST: u64 = 16 << 20;
/// Where the report goes when nobody says.
const REPORT: &str = "migration_report.md";

/// Bring workflows in older forms up to date
///
/// `intent:` becomes `goal:`, a goal's text gets double quotes, more than two blank lines become two, and white space at
/// the end of lines goes. Nothing else changes, and a second run changes nothing.
#[derive(clap::Args)]
#[command(
    group(clap::ArgGroup::new("mode").required(true).args(["dry_run", "apply"])),
    after_help = "Examples:\n  portcullis migrate flows/ --dry-run\n  portcullis migrate flows/ --apply"
)]
pub(crate) struct Args {
    /// Files, and folders whose files are migrated
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Show what would change as unified diffs, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the changes in place
    #[arg(long)]
    apply: bool,
    /// Which files of folders are migrated; repeatable
    #[arg(long, value_name = "GLOB", default_value = "**/*.aether")]
    include: Vec<String>,
    /// Where the report goes [default: migration_report.md when several files were migrated with --apply]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let listed = self.listed()?;
        let report = self.report_for(&listed)?;
        let mut problems = Vec::new();
        let mut files = Vec::with_capacity(listed.len());
        for path in &listed {
            let (fate, told) = self.migrate(path).unwrap_or_else(|problem| {
                let reason = problem.message.clone();
                problems.push(problem);
                (Fate::Failed(reason), String::new())
            });
            term::out(&defused(&told))?;
            if let (Fate::Skipped(reason), false) = (&fate, global.quiet) {
                term::note(&defused(&format!("`{}` is left alone: {reason}", shown(path))));
            }
            files.push(MigratedFile { path: path.to_string_lossy().into_owned(), fate });
        }
        term::show_all(&problems);
        if let Some(report) = report {
            write_whole(&report, migration_md(&files, self.dry_run).as_bytes(), 0o644)?;
        }
        let line = migration_line(&files, self.dry_run);
        match self.dry_run {
            false => term::out_line(&line)?,
            // The diffs alone are the result: another tool may apply them.
            true if !global.quiet => term::say(&line),
            true => {}
        }
        Ok(if problems.is_empty() { Exit::Ok } else { Exit::No })
    }

    /// The files that are named, and those of the folders that are; nothing is written before all are known. Links that are
    /// named come last: they are passed over, with a word.
    fn listed(&self) -> Result<Vec<PathBuf>, Failure> {
        let (links, places): (Vec<_>, Vec<_>) = self.paths.iter().cloned().partition(|path| path.is_symlink());
        let usage = |code, message: String| Failure::usage(Diagnostic::new(code, message));
        let selection = Selection::new(&self.include, &[]).map_err(|error| usage(error.code(), error.to_string()))?;
        let mut listed = Vec::new();
        if !places.is_empty() {
            let found = gather(&places, &selection).map_err(|error| usage(error.code(), error.to_string()))?;
            listed.extend(found.paths().map(PathBuf::from));
        }
        listed.extend(links);
        Ok(listed)
    }

    /// Where the report goes, if there is to be one. It never takes the place of a workflow.
    fn report_for(&self, listed: &[PathBuf]) -> Result<Option<PathBuf>, Failure> {
        let unasked = (self.apply && listed.len() > 1).then(|| PathBuf::from(REPORT));
        let Some(report) = self.report.clone().or(unasked) else { return Ok(None) };
        let place = fs::canonicalize(&report).ok();
        if place.is_some() && listed.iter().any(|path| fs::canonicalize(path).ok() == place) {
            let problem = Diagnostic::new("output-is-input", format!("`{}` is to be migrated", shown(&report)));
            return Err(Failure::usage(problem.help("name another file for --report")));
        }
        Ok(Some(report))
    }

    /// What becomes of one file, and what is told of it on stdout.
    fn migrate(&self, path: &Path) -> Result<(Fate, String), Diagnostic> {
        let metadata = path.symlink_metadata().map_err(|error| FileError::Read(path.to_owned(), error))?;
        if metadata.is_symlink() {
            let reason = "it is a link, which is neither followed nor replaced";
            return Ok((Fate::Skipped(reason.to_owned()), String::new()));
        }
        let bytes = read_capped(path, MOST)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Diagnostic::new("not-utf-8", format!("`{}` is not UTF-8 at byte {at}", shown(path)))
        })?;
        let migration = Migration::of(&text);
        let changes = migration.changes();
        if !changes.any() {
            return Ok((Fate::Unchanged, String::new()));
        }
        let told = if self.dry_run {
            migration.diff(&path.to_string_lossy())
        } else {
            replace(path, &migration, metadata.permissions().mode() & 0o7777)?;
            format!("migrated {}: {changes}\n", shown(path))
        };
        Ok((Fate::Changed(changes), told))
    }
}

/// Puts the migrated text in the file's place, with the permissions that it had.
fn replace(path: &Path, migration: &Migration<'_>, mode: u32) -> Result<(), FileError> {
    write_whole(path, migration.text().as_bytes(), mode)?;
    let unset = |error| FileError::Write(path.to_owned(), error);
    // What the process masks out of new files was not masked out of the old one.
    if path.symlink_metadata().map_err(unset)?.permissions().mode() & 0o7777 != mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(unset)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn args(apply: bool, paths: &[&Path]) -> Args {
        let paths = paths.iter().map(|path| path.to_path_buf()).collect();
        Args { paths, dry_run: !apply, apply, include: vec!["**/*.aether".to_owned()], report: None }
    }

    fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, bytes).expect("written");
        path
    }

    #[test]
    fn a_file_is_replaced_with_its_permissions_and_left_alone_the_second_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "a.aether", b"intent: x\r\n");
        // More than most processes give to new files.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o776)).expect("set");
        assert!(
            matches!(args(false, &[]).migrate(&path), Ok((Fate::Changed(_), diff)) if diff.contains("+goal: \"x\""))
        );
        assert_eq!(fs::read(&path).expect("read"), b"intent: x\r\n", "a dry run writes nothing");
        assert!(matches!(args(true, &[]).migrate(&path), Ok((Fate::Changed(_), _))));
        assert_eq!(fs::read(&path).expect("read"), b"goal: \"x\"\r\n");
        let first = path.metadata().expect("there");
        assert_eq!(first.mode() & 0o7777, 0o776);
        assert_eq!(args(true, &[]).migrate(&path), Ok((Fate::Unchanged, String::new())));
        assert_eq!(path.metadata().expect("there").ino(), first.ino(), "the file was written again");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn links_are_skipped_and_what_is_no_text_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path(), "a.aether", b"intent: \xff");
        let link = folder.path().join("link.aether");
        symlink(&path, &link).expect("a link");
        assert!(matches!(args(true, &[]).migrate(&link), Ok((Fate::Skipped(_), _))));
        assert!(link.is_symlink());
        for (path, code) in [(path.as_path(), "not-utf-8"), (folder.path(), "not-a-file")] {
            assert_eq!(args(true, &[]).migrate(path).map_err(|problem| problem.code), Err(code));
        }
        assert_eq!(fs::read(&path).expect("read"), b"intent: \xff");
    }

    #[test]
    fn each_file_is_listed_once_and_links_come_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let named = file(folder.path(), "z.txt", b"");
        let found = file(folder.path(), "flows/a.aether", b"");
        file(folder.path(), "build/b.aether", b"");
        let link = folder.path().join("a-link");
        symlink("flows", &link).expect("a link");
        let listed = args(true, &[&link, &named, folder.path(), &found]).listed().expect("listed");
        assert_eq!(listed, [found, named.clone(), link]);
        let (gone, empty) = (folder.path().join("gone"), folder.path().join("build/sub"));
        fs::create_dir(&empty).expect("made");
        for (place, code) in [(gone, "files-unlistable"), (empty, "no-files")] {
            let failure = args(true, &[&place]).listed().expect_err("nothing there");
            assert_eq!((failure.exit, failure.problems[0].code), (Exit::Usage, code));
        }
        let astray = Args { include: vec!["../*".to_owned()], ..args(true, &[folder.path()]) };
        assert_eq!(astray.listed().expect_err("leads out").problems[0].code, "bad-glob");
    }

    #[test]
    fn a_report_is_written_for_several_files_and_never_over_one_of_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (file(folder.path(), "a.aether", b""), file(folder.path(), "b.aether", b""));
        let both = [one.clone(), two];
        let place = |args: &Args, listed: &[PathBuf]| args.report_for(listed).map_err(|failure| failure.exit);
        assert_eq!(place(&args(true, &[]), &both), Ok(Some(PathBuf::from(REPORT))));
        assert_eq!(place(&args(true, &[]), &both[..1]), Ok(None));
        assert_eq!(place(&args(false, &[]), &both), Ok(None));
        let over = Args { report: Some(folder.path().join("./a.aether")), ..args(true, &[]) };
        assert_eq!(place(&over, &both), Err(Exit::Usage));
        let beside = Args { report: Some(folder.path().join("r.md")), ..args(false, &[]) };
        assert_eq!(place(&beside, &both), Ok(Some(folder.path().join("r.md"))));
    }
}
