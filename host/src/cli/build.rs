//! `portcullis build`: from gate crates to small modules whose bytes follow from their source.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::{FileError, read_capped, shown, write_whole},
    limits::ceiling,
    trust::{self, PrivateKey},
};

use super::{
    Exit, Failure, Outcome,
    cargo::{self, Workspace},
    modules::read_private_key,
    term,
};

/// Build gate crates into small, reproducible modules
///
/// The same source, Cargo.lock and rustc give the same bytes in any folder. RUSTFLAGS and profile settings of the caller
/// are left out, because they would change them.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  portcullis build\n  portcullis build gates --out modules --key ci.key")]
pub(crate) struct Args {
    /// Gate crates, or folders of them
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Where the modules go [default: `gates` in the workspace's target folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Sign each module with this private key
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Fail instead of changing Cargo.lock
    #[arg(long)]
    locked: bool,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let key = self.key.as_deref().map(read_private_key).transpose()?;
        let build = Build { out: self.out.as_deref(), key: key.as_ref(), locked: self.locked };
        let modules = build.run(&cargo::find(&self.paths)?)?;
        let width = modules.iter().map(|module| module.name.len()).max().unwrap_or(0);
        for Module { name, size, digest, path, .. } in &modules {
            term::out_line(&format!("{name:width$}  {size:>8} bytes  {}  {}", digest.short(), shown(path)))?;
        }
        Ok(Exit::Ok)
    }
}

/// How gates are built.
#[derive(Clone, Copy, Default)]
pub(super) struct Build<'a> {
    /// Where modules go; by default each workspace has a place.
    pub(super) out: Option<&'a Path>,
    /// What they are signed with.
    pub(super) key: Option<&'a PrivateKey>,
    /// Whether Cargo.lock has to stay as it is.
    pub(super) locked: bool,
}

/// A module that was built.
pub(super) struct Module {
    /// The program's name, which is its file's.
    pub(super) name: String,
    /// The folder of its crate.
    pub(super) folder: PathBuf,
    /// Where it is.
    pub(super) path: PathBuf,
    /// Bytes.
    pub(super) size: usize,
    /// Its identity, whether signed or not.
    pub(super) digest: Digest,
}

impl Build<'_> {
    /// Builds every crate, in order.
    pub(super) fn run(&self, workspaces: &[Workspace]) -> Result<Vec<Module>, Failure> {
        if self.out.is_some() {
            names_differ(workspaces)?;
        }
        let mut modules = Vec::new();
        for workspace in workspaces {
            workspace.ensure_target()?;
            workspace.build(self.locked)?;
            let folder = self.out.map_or_else(|| workspace.modules(), Path::to_owned);
            fs::create_dir_all(&folder).map_err(|error| FileError::Write(folder.clone(), error))?;
            for it in &workspace.crates {
                for program in &it.programs {
                    modules.push(self.module(program, &it.folder, &workspace.built(program), &folder)?);
                }
            }
        }
        Ok(modules)
    }

    fn module(&self, name: &str, crate_folder: &Path, built: &Path, folder: &Path) -> Result<Module, Failure> {
        let mut bytes = read_capped(built, ceiling::MODULE)?;
        let not_signed = |error: trust::SignError| {
            Failure::new(Exit::Refused, Diagnostic::new(error.code(), format!("not signed: {error}")).at(shown(built)))
        };
        if let Some(key) = self.key {
            bytes = trust::sign(&bytes, key).map_err(not_signed)?;
        }
        let digest = trust::content_digest(&bytes).unwrap_or_else(|_| Digest::of(&bytes));
        let path = folder.join(format!("{name}.wasm"));
        write_whole(&path, &bytes, 0o644)?;
        Ok(Module { name: name.to_owned(), folder: crate_folder.to_owned(), path, size: bytes.len(), digest })
    }
}

/// Modules of several workspaces may go into one folder only if each has a name of its own.
fn names_differ(workspaces: &[Workspace]) -> Result<(), Failure> {
    let mut places: HashMap<&str, &Path> = HashMap::new();
    for it in workspaces.iter().flat_map(|workspace| &workspace.crates) {
        for program in &it.programs {
            if let Some(other) = places.insert(program, &it.folder) {
                let message = format!("`{}` and `{}` both make `{program}.wasm`", shown(other), shown(&it.folder));
                return Err(Failure::usage(Diagnostic::new("same-name", message).help("build them into two folders")));
            }
        }
    }
    Ok(())
}
