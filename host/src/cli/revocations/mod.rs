//! `portcullis revocations`: lists of what is revoked, made, signed, checked and weighed.

mod check;
mod edit;
mod impact;
mod show;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use portcullis::{
    digest::Digest,
    files::shown,
    text::{counted, excerpt},
    trust::{Envelope, LIST_TYPE, List},
};

use super::{
    Exit, Failure, Outcome,
    documents::{Answer, Document, RootFlags, Validity, malformed, sign_with, signed_for, write_document},
    host, term,
};

/// Make, sign, check and weigh revocation lists
#[derive(clap::Args)]
#[command(
    after_help = "A list is drafted, weighed, signed by as many keys as the role needs, and put where the trust file says:\n  portcullis revocations new draft.json --id acme --trust trust.toml\n  portcullis revocations add draft.json --module bad.wasm --reason malicious\n  portcullis revocations impact draft.json --modules gates --manifest release.toml --trust trust.toml\n  portcullis revocations sign draft.json --key ann.key --key bob.key --out revocations.json --trust trust.toml\n  portcullis revocations check revocations.json --trust trust.toml\nThe next version starts from the signed one:\n  portcullis revocations add revocations.json --release acme/lint-gate --versions '<1.2.3' --reason vulnerable --out draft.json\n\ncheck ends with 0 when the list is taken, 4 when it is not. impact ends with 0 when the list stops nothing that ran before, 1 when it does."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Draft the first list
    New(edit::New),
    /// Revoke a module, a key or releases; from a signed list, in a draft of the next version
    Add(edit::Add),
    /// Withdraw an entry; from a signed list, in a draft of the next version
    Withdraw(edit::Withdraw),
    /// Sign a draft, or add signatures to a signed list
    Sign(Sign),
    /// Show what a list revokes and who signed it
    Show(show::Args),
    /// Say whether a list is taken
    Check(check::Args),
    /// Say what a list would stop, before it is published
    Impact(impact::Args),
}

/// What signing takes.
#[derive(clap::Args)]
struct Sign {
    /// The draft, or a list that others signed
    list: PathBuf,
    /// A private key of the role `revocation`; more than once
    #[arg(long, value_name = "FILE", required = true)]
    key: Vec<PathBuf>,
    /// Where the signed list goes [default: in place]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    root: RootFlags,
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::New(args) => args.execute(),
            Action::Add(args) => args.execute(),
            Action::Withdraw(args) => args.execute(),
            Action::Sign(args) => args.execute(),
            Action::Show(args) => args.execute(),
            Action::Check(args) => args.execute(),
            Action::Impact(args) => args.execute(),
        }
    }
}

impl Sign {
    fn execute(self) -> Outcome {
        let root = self.root.read(host::now(None))?;
        let (list, envelope) = read_list(&self.list)?;
        let fresh = || list.to_payload().map(|payload| Envelope::new(LIST_TYPE, payload));
        let mut envelope = envelope.map_or_else(fresh, Ok).map_err(|error| malformed(&self.list, &error))?;
        let signed = sign_with(&mut envelope, &self.key)?;
        let out = self.out.as_ref().unwrap_or(&self.list);
        write_document(out, &envelope.to_json())?;
        let mut text = described(out, &list, Digest::of(envelope.payload()));
        if let Some(file) = root {
            let role = file.root.revocation_role();
            let (found, needed) = signed_for(&envelope, &file.root, role);
            text.push_str(&format!("\nsigned by {found} of the {needed} keys that the role `revocation` needs"));
            for id in signed.iter().filter(|id| role.is_none_or(|role| !role.keys.contains(id))) {
                term::note(&format!("the key {} does not hold the role `revocation`", id.short()));
            }
        }
        term::out_line(&text)?;
        Ok(Exit::Ok)
    }
}

/// A list, with its envelope if it is signed; nothing of it is verified.
pub(crate) fn read_list(path: &Path) -> Result<(List, Option<Envelope>), Failure> {
    let document = Document::read(path, LIST_TYPE)?;
    let list = List::parse(&document.payload).map_err(|error| malformed(path, &error))?;
    Ok((list, document.envelope))
}

/// A list in one line.
fn described(path: &Path, list: &List, digest: Digest) -> String {
    format!(
        "{}  list {} version {}.{}, {}  {digest}",
        shown(path),
        excerpt(&list.list_id, 64),
        list.epoch,
        list.version,
        counted(list.entries.len(), "entry", "entries")
    )
}
