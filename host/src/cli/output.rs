//! `--output FORM[=PATH]`: what goes where, and that nothing older or anything that is read lies there.

use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, shown, write_whole},
};

use super::Failure;

/// The forms in which a command shows what it came to.
pub(crate) trait Form: Copy + 'static {
    /// Each with its name; the first is what people read.
    const FORMS: &[(&str, Self)];
}

/// A form, and the file that it goes to; stdout without one.
#[derive(Clone, Debug)]
pub(crate) struct Output<F> {
    pub(crate) format: F,
    pub(crate) path: Option<PathBuf>,
}

impl<F: Form> FromStr for Output<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let Some((_, format)) = F::FORMS.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = F::FORMS.iter().map(|(name, _)| *name).collect();
            return Err(format!("the forms are {}", names.join(", ")));
        };
        match path {
            Some("") => Err("there is no path behind the `=`".to_owned()),
            path => Ok(Self { format: *format, path: path.map(PathBuf::from) }),
        }
    }
}

impl<F: Form> Output<F> {
    /// Writes it to its file, if it has one. A file is read later, by whatever: no colours in it.
    pub(crate) fn write(&self, text_of: impl Fn(F) -> String) -> Result<(), FileError> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = text_of(self.format);
        write_whole(path, anstream::adapter::strip_str(&text).to_string().as_bytes(), 0o644)
    }
}

/// The forms that go to stdout, in order: what people read, where none is asked for there.
pub(crate) fn on_stdout<F: Form>(asked: &[Output<F>]) -> Vec<F> {
    let shown: Vec<F> = asked.iter().filter(|output| output.path.is_none()).map(|output| output.format).collect();
    let usual = F::FORMS.iter().take(usize::from(shown.is_empty())).map(|(_, form)| *form);
    shown.iter().copied().chain(usual).collect()
}

/// Removes what lies at `paths` from an earlier time, so that nobody takes it for this one's. `read` are the files that the
/// command reads, as far as they are known: none of them is taken for an output.
pub(crate) fn clear(paths: &[PathBuf], read: &[PathBuf]) -> Result<(), Failure> {
    let file = |path: &Path| path.metadata().ok().map(|found| (found.dev(), found.ino()));
    let read: HashSet<(u64, u64)> = read.iter().filter_map(|path| file(path)).collect();
    for (index, path) in paths.iter().enumerate() {
        if file(path).is_some_and(|file| read.contains(&file)) {
            let problem = Diagnostic::new("output-is-input", format!("`{}` is read by this run", shown(path)));
            return Err(Failure::usage(problem.help("name another file for --output, or another folder for --out")));
        }
        if paths.iter().take(index).any(|earlier| earlier == path) {
            let problem = Diagnostic::new("output-twice", format!("two outputs go to `{}`", shown(path)));
            return Err(Failure::usage(problem.help("give each its own file")));
        }
    }
    Ok(paths.iter().try_for_each(|path| remove(path))?)
}

/// Removes a file or a link. A device or a pipe in an output's place is not ours to remove.
fn remove(path: &Path) -> Result<(), FileError> {
    let removed = path.symlink_metadata().and_then(|metadata| {
        let ours = metadata.is_file() || metadata.is_symlink();
        if ours { fs::remove_file(path).map(|()| true) } else { Ok(false) }
    });
    match removed {
        Ok(true) => Ok(()),
        Ok(false) => Err(FileError::NotAFile(path.to_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(FileError::Write(path.to_owned(), error)),
    }
}
