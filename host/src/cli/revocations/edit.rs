//! Drafts of lists: the first one, and what is added to and withdrawn from it.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::shown,
    limits::ceiling,
    text::excerpt,
    trust::{self, Entry, KeyId, List, Reason, Severity, Time, VersionRange, Whole},
};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error as NotOne};

use super::{Exit, Failure, Outcome, RootFlags, Validity, described, malformed, read_list, term, write_document};
use crate::cli::modules::{read_module, read_public_key};

/// Days that a list is valid unless the user says otherwise.
const VALID: u64 = 14;

#[derive(clap::Args)]
pub(super) struct New {
    /// Where the draft goes
    out: PathBuf,
    /// The list's name, the same in every version of it
    #[arg(long, value_name = "NAME")]
    id: String,
    #[command(flatten)]
    root: RootFlags,
    /// The version of the root that the list is made under [default: that of the root that is named, or 1]
    #[arg(long, value_name = "N", value_parser = whole)]
    root_version: Option<Whole>,
    /// Counts before the version
    #[arg(long, value_name = "N", value_parser = whole, default_value = "1")]
    epoch: Whole,
    /// Counts up with each list
    #[arg(long, value_name = "N", value_parser = whole, default_value = "1")]
    version: Whole,
    #[command(flatten)]
    validity: Validity,
}

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Add {
    /// The draft, or a signed list
    list: PathBuf,
    /// Revoke one module: its content digest, or the file
    #[arg(long, value_name = "SHA256|FILE", group = "what")]
    module: Option<String>,
    /// Revoke a key and all it ever signed: its full name, or the public key
    #[arg(long, value_name = "SHA256|PUB", group = "what")]
    signer: Option<String>,
    /// Revoke releases of a publisher's module
    #[arg(long, value_name = "PUBLISHER/MODULE", group = "what", requires = "versions")]
    release: Option<String>,
    /// Which versions, semver, such as `<1.2.3`
    #[arg(long, value_name = "RANGE", requires = "release")]
    versions: Option<String>,
    /// A module for which the key still counts: its content digest, or the file; more than once
    #[arg(long, value_name = "SHA256|FILE", requires = "signer")]
    except: Vec<String>,
    /// The entry's name [default: the list's name and the next number]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// key-compromise, malicious, vulnerable, superseded, ceased or policy
    #[arg(long, value_name = "REASON", value_parser = named::<Reason>)]
    reason: Reason,
    /// block, or warn: it runs, with a finding
    #[arg(long, value_name = "SEVERITY", value_parser = named::<Severity>, default_value = "block")]
    severity: Severity,
    #[command(flatten)]
    target: Target,
}

#[derive(clap::Args)]
pub(super) struct Withdraw {
    /// The draft, or a signed list
    list: PathBuf,
    /// The entries' names
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// Where a changed list goes, and when it was made.
#[derive(clap::Args)]
struct Target {
    /// Where the draft goes [default: in place, for a draft]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    validity: Validity,
}

fn whole(text: &str) -> Result<Whole, String> {
    text.parse().ok().and_then(Whole::new).ok_or_else(|| "it is a whole number from 1 to 2^53 - 1".to_owned())
}

/// A value by the name that lists spell.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(text.into_deserializer()).map_err(|error: NotOne| error.to_string())
}

impl New {
    pub(super) fn execute(self) -> Outcome {
        let (issued, expires) = self.validity.span(VALID)?;
        let root = self.root.read(issued.0)?.map(|file| file.root.version());
        let root_version = self.root_version.or(root).unwrap_or(Whole::ONE);
        let list = List::new(&self.id, self.epoch, self.version, root_version, issued, expires);
        if self.out.symlink_metadata().is_ok() {
            let problem = Diagnostic::new("list-exists", format!("`{}` is there already", shown(&self.out)));
            return Err(Failure::usage(
                problem.help("`revocations add` goes on from a list; choose another name for a new one"),
            ));
        }
        write_draft(&self.out, &list)
    }
}

impl Add {
    pub(super) fn execute(self) -> Outcome {
        let (mut list, out, now) = self.target.open(&self.list)?;
        let id = self.id.clone().unwrap_or_else(|| next_id(&list));
        list.entries.push(self.entry(id, now)?);
        write_draft(&out, &list)
    }

    fn entry(&self, id: String, revoked_at: Time) -> Result<Entry, Failure> {
        let (reason, severity) = (self.reason, self.severity);
        if let Some(module) = &self.module {
            return Ok(Entry::Module { id, content_sha256: content(module)?, reason, severity, revoked_at });
        }
        if let Some(signer) = &self.signer {
            let except_content_sha256 = self.except.iter().map(|text| content(text)).collect::<Result<_, _>>()?;
            return Ok(Entry::Key {
                id,
                key_sha256: key(signer)?,
                except_content_sha256,
                reason,
                severity,
                revoked_at,
            });
        }
        let bad = |message: &str| Failure::usage(Diagnostic::new("not-a-release", message.to_owned()));
        let release = self.release.as_deref().unwrap_or_default();
        let (publisher, module) = release.split_once('/').ok_or_else(|| bad("a release is PUBLISHER/MODULE"))?;
        let versions = self.versions.as_deref().and_then(VersionRange::parse);
        let versions =
            versions.ok_or_else(|| bad("a range of versions is semver, such as `<1.2.3` or `>=1.0.0, <1.2.3`"))?;
        let (publisher, module) = (publisher.to_owned(), module.to_owned());
        Ok(Entry::Release { id, publisher, module, versions, reason, severity, revoked_at })
    }
}

impl Withdraw {
    pub(super) fn execute(self) -> Outcome {
        let (mut list, out, now) = self.target.open(&self.list)?;
        for id in &self.ids {
            if !list.withdraw(id, now) {
                let message = format!("no entry `{}` is revoked in the list", excerpt(id, 64));
                let problem = Diagnostic::new("no-such-entry", message).at(shown(&self.list));
                return Err(Failure::usage(problem.help("`portcullis revocations show LIST` shows them")));
            }
        }
        write_draft(&out, &list)
    }
}

impl Target {
    /// The list to change: a draft as it is, a signed list as a draft of the version after it.
    fn open(&self, path: &Path) -> Result<(List, PathBuf, Time), Failure> {
        let (mut list, envelope) = read_list(path)?;
        let lifetime = list.expires.0.duration_since(list.issued.0).as_secs().unsigned_abs().div_ceil(86_400).max(1);
        let (issued, expires) = self.validity.span(lifetime)?;
        if envelope.is_none() {
            return Ok((list, self.out.clone().unwrap_or_else(|| path.to_owned()), issued));
        }
        let out = self.out.clone().ok_or_else(|| {
            let problem =
                Diagnostic::new("list-signed", "the list is signed, and a changed one is a draft of the next version");
            Failure::usage(problem.at(shown(path)).help("say where the draft goes: --out DRAFT.json"))
        })?;
        let last = || Failure::usage(Diagnostic::new("schema", "there is no version after this one").at(shown(path)));
        (list.version, list.issued, list.expires) = (list.version.next().ok_or_else(last)?, issued, expires);
        Ok((list, out, issued))
    }
}

/// Writes a draft: the payload, a line a member, so that people can read and compare it.
fn write_draft(out: &Path, list: &List) -> Outcome {
    let payload = list.to_payload().map_err(|error| malformed(out, &error))?;
    let text = serde_json::to_string_pretty(list).unwrap_or_default() + "\n";
    write_document(out, &text)?;
    term::out_line(&format!("{}  (a draft: nobody has signed it)", described(out, list, Digest::of(&payload))))?;
    Ok(Exit::Ok)
}

/// The list's name and the next number that is free. A withdrawal names what it withdraws, and reaches into emergency lists,
/// so names of different lists had better differ.
fn next_id(list: &List) -> String {
    let name = if trust::is_name(&list.list_id) { &list.list_id } else { "R" };
    let number = |entry: &Entry| entry.id().strip_prefix(name)?.strip_prefix('-')?.parse::<u64>().ok();
    format!("{name}-{}", list.entries.iter().filter_map(number).max().unwrap_or(0).saturating_add(1))
}

/// The content digest that is written, or that of the module in the file of that name.
fn content(text: &str) -> Result<Digest, Failure> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let path = Path::new(text);
    let bytes = read_module(path, ceiling::MODULE)?;
    trust::content_digest(&bytes)
        .map_err(|error| Failure::usage(Diagnostic::new(error.code(), error.to_string()).at(shown(path))))
}

/// The key's name that is written, or that of the public key in the file of that name.
fn key(text: &str) -> Result<KeyId, Failure> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => read_public_key(Path::new(text)).map(|key| key.id()),
    }
}
