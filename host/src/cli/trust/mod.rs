//! `portcullis trust`: the trust root, shown, made, signed and rotated.

mod make;
mod show;

use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use portcullis::{
    files::read_capped,
    intake::CAP,
    trust::{ROOT_TYPE, TrustRoot},
};
use serde::Serialize;

use super::{
    Exit, Failure, Outcome,
    documents::{Answer, Document, Validity, malformed, read_root, sign_with, write_document},
    host, term,
};

/// Show, make, sign and rotate the trust root
#[derive(clap::Args)]
#[command(
    after_help = "From a hand-written trust file to a signed root, and to the one after it:\n  portcullis trust new-root trust.toml --out root.1.json --key ann.key --key bob.key\n  portcullis trust show root.1.json --toml > next.toml\n  portcullis trust rotate root.1.json --to next.toml --out root.2.json --key ann.key --key bob.key\n  portcullis trust check-root root.2.json --root root.1.json\n\ncheck-root ends with 0 when the root is taken, 4 when it is not."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show whom a trust file or root trusts, for what, and until when
    Show(show::Args),
    /// Say whether a new root may follow the old one
    CheckRoot {
        /// The new root, signed
        new: PathBuf,
        /// The root that is trusted now, signed or its bare payload, or a trust file
        #[arg(long, value_name = "OLD")]
        root: PathBuf,
        /// As of when, RFC 3339 [default: now]
        #[arg(long, value_name = "TIME")]
        now: Option<Timestamp>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make the first signed root from a hand-written trust file
    NewRoot(make::NewRoot),
    /// Make the root that follows: version N + 1, signed for the old root and the new one
    Rotate(make::Rotate),
    /// Add signatures to a root
    Sign {
        /// The root, signed by others or a bare payload
        root: PathBuf,
        /// A private key; more than once
        #[arg(long, value_name = "FILE", required = true)]
        key: Vec<PathBuf>,
        /// Where the signed root goes [default: in place]
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The root that it follows, to say which signatures are missing
        #[arg(long, value_name = "OLD")]
        old: Option<PathBuf>,
    },
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::Show(args) => args.execute(),
            Action::CheckRoot { new, root, now, json } => check_root(&new, &root, host::now(now), json),
            Action::NewRoot(args) => args.execute(),
            Action::Rotate(args) => args.execute(),
            Action::Sign { root, key, out, old } => sign(&root, &key, out.as_ref(), old.as_ref()),
        }
    }
}

/// What is said of a root that is taken.
#[derive(Serialize)]
struct RootFacts {
    version: u64,
    epoch: u64,
    issued: Option<String>,
    expires: Option<String>,
    digest: String,
}

impl RootFacts {
    fn of(root: &TrustRoot) -> Self {
        Self {
            version: root.version().get(),
            epoch: root.epoch().get(),
            issued: root.issued().map(|time| time.to_string()),
            expires: root.expires().map(|time| time.to_string()),
            digest: root.digest().to_string(),
        }
    }
}

fn check_root(new: &std::path::Path, old: &std::path::Path, now: Timestamp, json: bool) -> Outcome {
    let answer = Answer::new(json, new);
    let old = match read_root(old, now) {
        Ok(file) => file.root,
        Err(failure) => return answer.unrooted(failure),
    };
    let bytes = match read_capped(new, CAP) {
        Ok(bytes) => bytes,
        Err(error) => return answer.unreadable(&error),
    };
    match old.rotate_to(&bytes, now) {
        Ok(root) => {
            let text = format!(
                "accepted: root version {}.{} follows {}.{}\n{}",
                root.epoch(),
                root.version(),
                old.epoch(),
                old.version(),
                show::changes(&old, &root)
            );
            answer.accept(&RootFacts::of(&root), text.trim_end())
        }
        Err(error) => answer.refuse(&error),
    }
}

fn sign(path: &std::path::Path, keys: &[PathBuf], out: Option<&PathBuf>, old: Option<&PathBuf>) -> Outcome {
    let now = host::now(None);
    let old = old.map(|old| read_root(old, now)).transpose()?.map(|file| file.root);
    let document = Document::read(path, ROOT_TYPE)?;
    // The payload alone is read as the pinned form of a root is, which asks for no signatures.
    let root = TrustRoot::from_json(&document.payload, now).map_err(|error| malformed(path, &error))?;
    let mut envelope =
        document.envelope.unwrap_or_else(|| portcullis::trust::Envelope::new(ROOT_TYPE, document.payload));
    sign_with(&mut envelope, keys)?;
    let out = out.map_or(path, PathBuf::as_path);
    write_document(out, &envelope.to_json())?;
    term::out_line(&make::described(out, &envelope, &root, old.as_ref()))?;
    Ok(Exit::Ok)
}
