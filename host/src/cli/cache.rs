//! `portcullis cache`: what is kept compiled.

use clap::Subcommand;
use portcullis::{sandbox::Cache, text::counted};

use super::{
    Exit, Failure, Outcome,
    host::{cache_places, no_cache_place},
    term,
};

/// Show or clear the compiled modules
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis cache show")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List what is kept, oldest first
    Show,
    /// Remove all of it
    Clear,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let places = cache_places().ok_or_else(no_cache_place)?;
        let failed = |error: portcullis::sandbox::CacheError| {
            Failure::blocked(portcullis::diagnostic::Diagnostic::new("cache-failed", error.to_string()))
        };
        let cache = Cache::open(&places.folder, &places.key).map_err(failed)?;
        let folder = portcullis::files::shown(&places.folder);
        match self.action {
            Action::Show => {
                let entries = cache.entries().map_err(failed)?;
                let total: u64 = entries.iter().map(|entry| entry.size).sum();
                for entry in &entries {
                    term::out_line(&format!("{:>10}  {}", entry.size, portcullis::text::printable(&entry.name)))?;
                }
                let modules = counted(entries.len(), "module", "modules");
                term::out_line(&format!("{modules}, {total} bytes in {folder}"))?;
            }
            Action::Clear => {
                let removed = cache.clear().map_err(failed)?;
                let modules = counted(removed, "module", "modules");
                term::out_line(&format!("removed {modules} from {folder}"))?;
            }
        }
        Ok(Exit::Ok)
    }
}
