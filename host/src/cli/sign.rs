//! `portcullis sign`: puts a signature into a module, or beside it.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    files::{shown, write_durably},
    limits::Limits,
    trust,
};

use super::{Exit, Failure, Outcome, modules, term};

/// Sign modules
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis sign gate.wasm --key release.key")]
pub(crate) struct Args {
    /// The modules; signing one again with another key adds a signature
    #[arg(required = true)]
    modules: Vec<PathBuf>,
    /// The private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the signed module goes [default: in place]; for one module
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the signature alone [default: MODULE.sig]
    #[arg(long)]
    detached: bool,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        if self.out.is_some() && self.modules.len() > 1 {
            return Err(Failure::usage(Diagnostic::new("one-output", "--out takes one module, and there are several")));
        }
        let key = modules::read_private_key(&self.key)?;
        for module in &self.modules {
            self.sign(module, &key)?;
        }
        Ok(Exit::Ok)
    }

    fn sign(&self, module: &Path, key: &trust::PrivateKey) -> Result<(), Failure> {
        let bytes = modules::read_module(module, Limits::default().module)?;
        let failed = |error: trust::SignError| {
            Failure::usage(Diagnostic::new(error.code(), error.to_string()).at(shown(module)).help(error.help()))
        };
        let (beside, signed) = if self.detached {
            (with_ending(module, ".sig"), trust::sign_detached(&bytes, key).map_err(failed)?)
        } else {
            (module.to_owned(), trust::sign(&bytes, key).map_err(failed)?)
        };
        let out = self.out.clone().unwrap_or(beside);
        write_durably(&out, &signed, 0o644)?;
        let digest = trust::inspect(&bytes, &[]).map(|seen| seen.content_digest.to_string()).unwrap_or_default();
        term::out_line(&format!("{}  content {digest}  key {}", shown(&out), key.public().id().short()))
    }
}

/// The path with `ending` behind its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
