//! A list, for people and for programs.

use std::path::PathBuf;

use jiff::Timestamp;
use portcullis::{
    digest::Digest,
    text::{excerpt, printable},
    trust::{Entry, Envelope, Severity, TrustFile},
};
use serde_json::json;

use super::{Exit, Outcome, RootFlags, described, host, read_list, signed_for, term};
use crate::cli::table::{joined, table};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The list, signed or a draft
    list: PathBuf,
    #[command(flatten)]
    root: RootFlags,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let now = host::now(self.now);
        let root = self.root.read(now)?;
        let (list, envelope) = read_list(&self.list)?;
        let payload = envelope.as_ref().map(|envelope| Ok(envelope.payload().to_vec()));
        let payload =
            payload.unwrap_or_else(|| list.to_payload()).map_err(|error| super::malformed(&self.list, &error))?;
        let signers = root.as_ref().zip(envelope.as_ref()).map(|(file, envelope)| signers(file, envelope));
        if self.json {
            let shown = json!({
                "digest": Digest::of(&payload).to_string(),
                "signed": envelope.is_some(),
                "signers": signers.as_ref().map(|signers| &signers.names),
                "threshold": signers.as_ref().map(|signers| signers.needed),
                "ageSeconds": list.age(now).as_secs(),
                "list": list,
            });
            term::out_json(&shown)?;
            return Ok(Exit::Ok);
        }
        let mut text = format!("{}\n", described(&self.list, &list, Digest::of(&payload)));
        let age = term::age(list.age(now).as_secs());
        text.push_str(&format!(
            "issued {}, {age}, expires {}, under root version {}\n",
            list.issued, list.expires, list.root_version
        ));
        text.push_str(&match (&envelope, signers) {
            (None, _) => "a draft: nobody has signed it\n".to_owned(),
            (Some(_), None) => "signed; --root or --trust says by whom\n".to_owned(),
            (Some(_), Some(signers)) => {
                format!("signed by {} ({} of {})\n", joined(signers.names), signers.found, signers.needed)
            }
        });
        let head = ["ENTRY", "REVOKES", "REASON", "SEVERITY", "SINCE"].map(str::to_owned);
        text.push_str(&table(&std::iter::once(head).chain(list.entries.iter().map(row)).collect::<Vec<_>>()));
        term::out(&text)?;
        Ok(Exit::Ok)
    }
}

/// Which keys of the role signed.
struct Signers {
    names: Vec<String>,
    found: usize,
    needed: usize,
}

fn signers(file: &TrustFile, envelope: &Envelope) -> Signers {
    let role = file.root.revocation_role();
    let (found, needed) = signed_for(envelope, &file.root, role);
    let keys = role.iter().flat_map(|role| &role.keys).filter_map(|id| file.root.key(id)).map(|(key, _)| key);
    let names = envelope.signers(keys).iter().map(|id| id.short()).collect();
    Signers { names, found, needed }
}

fn row(entry: &Entry) -> [String; 5] {
    let what = match entry {
        Entry::Module { content_sha256, .. } => format!("module {content_sha256}"),
        Entry::Key { key_sha256, except_content_sha256, .. } => match except_content_sha256.len() {
            0 => format!("key {key_sha256}"),
            count => format!("key {key_sha256} but for {count} modules"),
        },
        Entry::Release { publisher, module, versions, .. } => {
            format!("{} {} {}", printable(publisher), printable(module), excerpt(&versions.to_string(), 64))
        }
        Entry::Withdrawn { withdrawn_at, .. } => format!("nothing since {withdrawn_at}: withdrawn"),
    };
    let (reason, severity, since) = entry.effect().map_or_else(
        || ("-", "-", "-".to_owned()),
        |(reason, severity, since)| {
            (reason.name(), if severity == Severity::Warn { "warn" } else { "block" }, since.to_string())
        },
    );
    [excerpt(entry.id(), 64), what, reason.to_owned(), severity.to_owned(), since]
}
