//! Signed roots, made from what people write.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    files::shown,
    trust::{DocumentError, Envelope, ROOT_TYPE, Time, TrustRoot},
};

use super::{Exit, Failure, Outcome, Validity, malformed, read_root, sign_with, term, write_document};
use crate::cli::documents::signed_for;

/// Days that a root is valid unless the user says otherwise.
const VALID: u64 = 365;

#[derive(clap::Args)]
pub(crate) struct NewRoot {
    /// The hand-written trust file; `version` and `epoch` count from it
    trust: PathBuf,
    /// Where the signed root goes
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// A private key of the role `root`; more than once, and `trust sign` adds others later
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    validity: Validity,
}

#[derive(clap::Args)]
pub(crate) struct Rotate {
    /// The root that is trusted now
    old: PathBuf,
    /// What the new root says: a trust file, or a root; versions in it are not looked at [default: what the old one says]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Where the signed root goes
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// A private key of the old or the new role `root`; more than once, and `trust sign` adds others later
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    #[command(flatten)]
    validity: Validity,
}

impl NewRoot {
    pub(crate) fn execute(self) -> Outcome {
        let (issued, expires) = self.validity.span(VALID)?;
        let meant = read_root(&self.trust, issued.0)?.root;
        let payload = meant.to_payload(meant.version(), issued, expires);
        make(&self.trust, payload, &self.out, &self.key, issued, None)
    }
}

impl Rotate {
    pub(crate) fn execute(self) -> Outcome {
        let (issued, expires) = self.validity.span(VALID)?;
        let old = read_root(&self.old, issued.0)?.root;
        let meant = match &self.to {
            Some(path) => read_root(path, issued.0)?.root,
            None => old.clone(),
        };
        let payload = old.payload_after(&meant, issued, expires);
        make(self.to.as_ref().unwrap_or(&self.old), payload, &self.out, &self.key, issued, Some(&old))
    }
}

fn make(
    from: &Path,
    payload: Result<Vec<u8>, DocumentError>,
    out: &Path,
    keys: &[PathBuf],
    now: Time,
    old: Option<&TrustRoot>,
) -> Outcome {
    let failed = |error: DocumentError| {
        let problem = Diagnostic::new(error.code(), error.to_string()).at(shown(from));
        Failure::usage(problem.help("name who may rotate the root: [role.root] with `keys` and `threshold`"))
    };
    let payload = payload.map_err(failed)?;
    let root = TrustRoot::from_json(&payload, now.0).map_err(|error| malformed(from, &error))?;
    let mut envelope = Envelope::new(ROOT_TYPE, payload);
    sign_with(&mut envelope, keys)?;
    write_document(out, &envelope.to_json())?;
    let changes = old.map(|old| super::show::changes(old, &root)).unwrap_or_default();
    term::out_line(format!("{}\n{changes}", described(out, &envelope, &root, old)).trim_end())?;
    Ok(Exit::Ok)
}

/// Where a root was put, and how far its signatures carry.
pub(super) fn described(out: &Path, envelope: &Envelope, root: &TrustRoot, old: Option<&TrustRoot>) -> String {
    let mut text = format!("{}  root version {}.{}  {}", shown(out), root.epoch(), root.version(), root.digest());
    let roles = [("the new root", Some(root)), ("the old root", old)];
    for (whose, root) in roles {
        let Some(root) = root else { continue };
        let (found, needed) = signed_for(envelope, root, root.root_role());
        let whose = if old.is_none() { "it" } else { whose };
        text.push_str(&format!("\nsigned by {found} of the {needed} keys that {whose} needs"));
    }
    text
}
