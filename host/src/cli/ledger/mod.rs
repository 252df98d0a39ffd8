//! `portcullis ledger`: what was kept of past runs, whether it is what it was, and which decisions rested on something.

mod affected;
mod export;
mod list;
mod place;
mod prune;
mod seal;
mod show;
mod verify;

use clap::Subcommand;

pub(crate) use place::{KeepFlags, Place, failed, resolve};

use super::{Exit, Failure, Outcome, host, modules, term};

/// Look into what was kept of past runs, check it, and ask what rested on a key or a module
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis ledger list\n  portcullis ledger show 20260110T000000Z-0a1b2c3d\n  portcullis ledger seal --key ann.key --out head.json\n  portcullis ledger verify --seal head.json --key ann.pub\n  portcullis ledger affected --revocations revocations.json\n\nA run may be named by the beginning of its name, the newest one as `last`. affected ends with 0 when no decision rested on what was asked for, 1 when one did; verify with 0 when everything adds up, 1 when it does not. A ledger that cannot be read ends any of them with 3."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List runs, the newest first
    List(list::Args),
    /// Show a run, step by step
    Show(show::Args),
    /// Write all that was kept of a run into a folder, or as one JSON document
    Export(export::Args),
    /// Check every entry and every byte, and the chain against a seal
    Verify(verify::Args),
    /// Sign the end of the chain, to be kept where nobody writes the ledger
    Seal(seal::Args),
    /// Let the bytes of old runs go; what they came to, and on what, stays
    Prune(prune::Args),
    /// Tell every past decision that rested on a module, a key, or what a list revokes
    Affected(affected::Args),
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::List(args) => args.execute(),
            Action::Show(args) => args.execute(),
            Action::Export(args) => args.execute(),
            Action::Verify(args) => args.execute(),
            Action::Seal(args) => args.execute(),
            Action::Prune(args) => args.execute(),
            Action::Affected(args) => args.execute(),
        }
    }
}
