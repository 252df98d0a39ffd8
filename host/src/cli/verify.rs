//! `portcullis verify`: who signed modules, and whether they are trusted.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis::{
    decision::RevocationsRecord,
    diagnostic::Diagnostic,
    files::{read_capped, shown},
    limits::ceiling,
    text::printable,
    trust::{self, Refusal, attach},
};
use serde::Serialize;

use super::{
    Exit, Failure, Outcome, host,
    modules::{VerifyFlags, read_module, read_public_key},
    term,
    trust_files::TrustFiles,
};

/// Say who signed modules and whether they are trusted
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis verify gates/ --trust trust.toml\n  portcullis verify gate.wasm --key release.pub"
)]
pub(crate) struct Args {
    /// Modules, or folders of them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    against: VerifyFlags,
    /// The detached signature of the one module
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// As of when, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is said of one file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    file: String,
    trusted: bool,
    /// Why not: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_digest: Option<String>,
    name: Option<String>,
    version: Option<String>,
    kind: Option<&'static str>,
    publisher: Option<String>,
    key_ids: Vec<String>,
    /// Revocations that let it run.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<RevocationsRecord>,
    files: &'a [Verified],
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let judge = Judge::new(&self)?;
        let files = listed(&self.files)?;
        if self.signature.is_some() && files.len() != 1 {
            return Err(Failure::usage(Diagnostic::new("one-module", "--signature goes with one module")));
        }
        let mut verified = Vec::with_capacity(files.len());
        for file in &files {
            verified.push(self.one(file, &judge)?);
        }
        let trusted = verified.iter().all(|file| file.trusted);
        if self.json {
            let revocations = judge.trust.as_ref().map(TrustFiles::revocations_record);
            let report = Report { trusted, revocations, files: &verified };
            term::out_line(&serde_json::to_string_pretty(&report).unwrap_or_default())?;
        } else {
            term::out(&table(&verified, judge.trust.as_ref()))?;
        }
        Ok(if trusted { Exit::Ok } else { Exit::Refused })
    }

    fn one(&self, path: &Path, judge: &Judge) -> Result<Verified, Failure> {
        let mut bytes = match read_module(path, ceiling::MODULE) {
            Ok(bytes) => bytes,
            Err(failure) if failure.exit == Exit::Refused => return Ok(empty(path)),
            Err(failure) => return Err(failure),
        };
        if let Some(signature) = &self.signature {
            let payload = read_capped(signature, 1 << 20)?;
            bytes = match attach(&bytes, &payload) {
                Ok(bytes) => bytes,
                Err(error) => {
                    return Ok(Verified { code: Some(error.code()), reason: Some(error.to_string()), ..empty(path) });
                }
            };
        }
        Ok(judge.judge(path, bytes))
    }
}

/// Against what files are judged.
struct Judge {
    trust: Option<TrustFiles>,
    key: Option<trust::PublicKey>,
}

impl Judge {
    fn new(args: &Args) -> Result<Self, Failure> {
        let trust =
            args.against.trust.as_deref().map(|path| TrustFiles::open(path, host::now(args.now))).transpose()?;
        let key = args.against.key.as_deref().map(read_public_key).transpose()?;
        if trust.is_none() && key.is_none() {
            let problem = Diagnostic::new("nothing-to-trust", "there is nothing to verify against");
            return Err(Failure::usage(problem.help("give --trust FILE, or --key PUB for one key")));
        }
        Ok(Self { trust, key })
    }

    fn judge(&self, path: &Path, bytes: Vec<u8>) -> Verified {
        let seen = trust::inspect(&bytes, &[]).ok();
        let mut verified = Verified { file: shown(path), ..empty(path) };
        if let Some(seen) = &seen {
            verified.content_digest = Some(seen.content_digest.to_string());
        }
        let metadata = match (&self.trust, &self.key) {
            (Some(trust), _) => trust.try_verify(bytes, true).map(|module| {
                verified.publisher = Some(module.publisher().to_owned());
                verified.key_ids = module.key_ids().iter().map(ToString::to_string).collect();
                verified.warnings = module.warnings().iter().map(|warning| printable(warning.id())).collect();
                Some(module.metadata().clone())
            }),
            (None, key) => trust::verify_with_keys(&bytes, key.as_slice(), 1, true).map(|module| {
                verified.key_ids = module.key_ids.iter().map(ToString::to_string).collect();
                module.metadata
            }),
        };
        match metadata {
            Ok(metadata) => {
                verified.trusted = true;
                (verified.code, verified.reason, verified.help) = (None, None, None);
                if let Some(metadata) = metadata {
                    verified.kind = Some(metadata.kind.name());
                    (verified.name, verified.version) = (Some(metadata.name), Some(metadata.version));
                }
            }
            Err(refusal) => verified.refuse(&refusal),
        }
        verified
    }
}

impl Verified {
    fn refuse(&mut self, refusal: &Refusal) {
        self.code = Some(refusal.code());
        self.reason = Some(refusal.to_string());
        self.help = Some(refusal.help().to_owned());
    }
}

/// A file that is no module.
fn empty(path: &Path) -> Verified {
    Verified {
        file: shown(path),
        trusted: false,
        code: Some("not-a-module"),
        reason: Some("the file is empty, so it is no module".to_owned()),
        help: None,
        content_digest: None,
        name: None,
        version: None,
        kind: None,
        publisher: None,
        key_ids: Vec::new(),
        warnings: Vec::new(),
    }
}

/// The files that were named, and the `.wasm` files of the folders, in the order of their names.
fn listed(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|error| {
                Failure::usage(Diagnostic::new("folder-unreadable", printable(&error.to_string())).at(shown(path)))
            })?;
            if entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "wasm") {
                files.push(entry.into_path());
            }
        }
        if files.len() == before {
            return Err(Failure::usage(
                Diagnostic::new("no-modules", "the folder holds no .wasm file").at(shown(path)),
            ));
        }
    }
    Ok(files)
}

fn table(files: &[Verified], trust: Option<&TrustFiles>) -> String {
    let width = files.iter().map(|file| file.file.chars().count()).max().unwrap_or(0).min(60);
    let mut text = String::new();
    for file in files {
        let word = if file.trusted { "trusted" } else { "REFUSED" };
        let digest = file.content_digest.as_deref().map_or("-", |digest| digest.get(..12).unwrap_or(digest));
        let release = match (&file.name, &file.version) {
            (Some(name), Some(version)) => format!("{} {}", printable(name), printable(version)),
            _ => "-".to_owned(),
        };
        let keys: Vec<&str> = file.key_ids.iter().map(|key| key.get(..12).unwrap_or(key)).collect();
        let keys = if keys.is_empty() { "-".to_owned() } else { keys.join(",") };
        let publisher = file.publisher.as_deref().map_or_else(|| "-".to_owned(), printable);
        text.push_str(&format!(
            "{word}  {:width$}  {digest}  {release}  {}  {publisher}  {keys}\n",
            file.file,
            file.kind.unwrap_or("-")
        ));
        if let (Some(code), Some(reason)) = (file.code, &file.reason) {
            text.push_str(&format!("         [{code}] {}\n", printable(reason)));
        }
        if let Some(help) = &file.help {
            text.push_str(&format!("         {help}\n"));
        }
        for warning in &file.warnings {
            text.push_str(&format!("         named by revocation {warning}, which lets it run\n"));
        }
    }
    let trusted = files.iter().filter(|file| file.trusted).count();
    text.push_str(&format!("{trusted} of {} trusted", files.len()));
    if let Some(trust) = trust {
        text.push_str(&described(&trust.revocations_record()));
    }
    text.push('\n');
    text
}

fn described(record: &RevocationsRecord) -> String {
    match &record.list {
        Some(list) => format!(
            "; revocation list {} version {}.{}, {} days old, {}",
            printable(&list.list_id),
            list.epoch,
            list.version,
            list.age_seconds / 86_400,
            record.status
        ),
        None => format!("; revocation list: {}", record.status),
    }
}
