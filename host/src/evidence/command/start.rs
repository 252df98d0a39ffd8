//! Argument templates → a running child: its own group, and the environment that the manifest gives it.

use std::{
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::fs::{Access, access};

use crate::{
    evidence::secrets::Secrets,
    files::{open_capped, reason, shown},
    manifest::{CommandSource, Template},
};

/// Where the system looks for programs where an environment names no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The child, started; nothing is on its stdin, and its stdout and stderr are pipes.
///
/// # Errors
/// As [`spawn`].
pub(super) fn start(source: &CommandSource, secrets: &Secrets) -> Result<Child, String> {
    spawn((&source.argv, &source.env), &source.cwd, secrets, [Stdio::null(), Stdio::piped(), Stdio::piped()])
}

/// A child in a group of its own: its arguments and its environment (all of it) filled in, in that folder, with that stdin,
/// stdout and stderr.
///
/// # Errors
/// The reason for which it could not be started, as a fragment that follows "could not be started: ". Without a secret.
pub(crate) fn spawn(
    words: (&[Template], &[(String, Template)]),
    cwd: &Path,
    secrets: &Secrets,
    stdio: [Stdio; 3],
) -> Result<Child, String> {
    Found::new(words, cwd, secrets)?.spawn(stdio)
}

/// A program that was found, and all that it is started with.
pub(crate) struct Found {
    file: PathBuf,
    folder: PathBuf,
    program: String,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
}

impl Found {
    /// Its arguments and its environment filled in.
    ///
    /// # Errors
    /// As [`spawn`].
    pub(crate) fn new(
        (argv, env): (&[Template], &[(String, Template)]),
        cwd: &Path,
        secrets: &Secrets,
    ) -> Result<Self, String> {
        let mut argv = argv.iter().map(|argument| secrets.expand(argument));
        let env: Vec<_> = env.iter().map(|(name, value)| (name.clone(), secrets.expand(value))).collect();
        let Some(program) = argv.next() else {
            return Err("it names no program".to_owned());
        };
        let folder = if cwd.as_os_str().is_empty() { Path::new(".") } else { cwd };
        if !folder.is_dir() {
            return Err(format!("its folder `{}` does not exist", shown(folder)));
        }
        let folder = std::path::absolute(folder).map_err(|error| reason(&error))?;
        let path = env.iter().rfind(|(name, _)| *name == "PATH").map(|(_, path)| path.as_str());
        let file = find(&program, &folder, path)?;
        if access(&file, Access::EXEC_OK).is_ok() && is_plain_text(&file) {
            return Err("exec format error".to_owned());
        }
        Ok(Self { file, folder, program, arguments: argv.collect(), env })
    }

    /// Starts it.
    ///
    /// # Errors
    /// As [`spawn`].
    pub(crate) fn spawn(&self, stdio: [Stdio; 3]) -> Result<Child, String> {
        let mut command = Command::new(&self.file);
        command.arg0(&self.program).args(&self.arguments);
        self.start(command, stdio).map_err(|error| self.refused(&error))
    }

    /// Starts `host` in its place, which is told `word`, the program's file, its name and its arguments, in its folder and
    /// with its environment.
    ///
    /// # Errors
    /// As [`spawn`].
    pub(crate) fn spawn_by(&self, (host, word): (&Path, &str), stdio: [Stdio; 3]) -> Result<Child, String> {
        let host = std::path::absolute(host).map_err(|error| reason(&error))?;
        let mut command = Command::new(host);
        command.arg(word).arg(&self.file).arg(&self.program).args(&self.arguments);
        self.start(command, stdio).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => self.refused(&error),
            _ => format!("its supervisor: {}", reason(&error)),
        })
    }

    fn start(&self, mut command: Command, [stdin, stdout, stderr]: [Stdio; 3]) -> io::Result<Child> {
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value))).current_dir(&self.folder);
        command.stdin(stdin).stdout(stdout).stderr(stderr).process_group(0).spawn()
    }

    /// Why the system does not start it, as a fragment without a secret.
    pub(crate) fn refused(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::NotFound if self.file.exists() => "what it is to be run by does not exist".to_owned(),
            // What was not taken is an argument or a variable, and may be a secret.
            io::ErrorKind::InvalidInput => "a null byte is in its arguments or its environment".to_owned(),
            _ => reason(error),
        }
    }
}

/// The file that `program` names: where there is a `/` in it, from `folder` on, and else the first in `path` that can be
/// executed.
fn find(program: &str, folder: &Path, path: Option<&str>) -> Result<PathBuf, String> {
    if program.is_empty() {
        return Err("its program is an empty text".to_owned());
    }
    if program.contains('/') {
        return Ok(folder.join(program));
    }
    let entries = path.unwrap_or(DEFAULT_PATH).split(':');
    let files: Vec<_> = entries.map(|entry| folder.join(entry).join(program)).filter(|file| file.is_file()).collect();
    let first = files.iter().find(|file| access(*file, Access::EXEC_OK).is_ok());
    first.cloned().ok_or_else(|| match path {
        _ if !files.is_empty() => "it is in its PATH, and not executable".to_owned(),
        Some(_) => "it is not in the PATH of its environment".to_owned(),
        None => format!("it is not in {DEFAULT_PATH}, and its environment names no PATH"),
    })
}

/// Whether the file begins as no program does. A C library whose `execvp` is used hands such a file to a shell, and nothing
/// of a manifest ever goes through one. What cannot be read is left to the system: it is no script then.
fn is_plain_text(file: &Path) -> bool {
    let mut head = Vec::new();
    let read = open_capped(file, u64::MAX).map(|(opened, _)| opened.take(4).read_to_end(&mut head));
    matches!(read, Ok(Ok(_))) && !head.starts_with(b"#!") && head != b"\x7fELF"
}
