//! `portcullis verify`: who signed modules, and whether they are trusted.

mod said;
mod text;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portcullis::{
    decision::{RevocationsRecord, TrustRecord},
    diagnostic::Diagnostic,
    files::read_capped,
    intake::TrustFiles,
    limits::ceiling,
    trust::attach,
};
use serde::Serialize;

use self::said::Verified;
pub(crate) use self::said::{Named, Threshold};
use super::{
    Exit, Failure, Outcome, host,
    modules::{Against, VerifyFlags, modules_below, read_module},
    term,
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

#[derive(Serialize)]
struct Report<'a> {
    trusted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<TrustRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocations: Option<RevocationsRecord>,
    files: &'a [Verified],
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        let against = self.against.read(host::now(self.now))?;
        if matches!(against, Against::Nobody) {
            let problem = Diagnostic::new("nothing-to-trust", "there is nothing to verify against");
            return Err(Failure::usage(problem.help("give --trust FILE, or --key PUB for one key")));
        }
        let files = listed(&self.files)?;
        if self.signature.is_some() && files.len() != 1 {
            return Err(Failure::usage(Diagnostic::new("one-module", "--signature goes with one module")));
        }
        let mut verified = Vec::with_capacity(files.len());
        for file in &files {
            verified.push(self.one(file, &against)?);
        }
        let trusted = verified.iter().all(|file| file.trusted);
        if self.json {
            let trust = against.trust().map(TrustFiles::record);
            let revocations = against.trust().map(TrustFiles::revocations_record);
            let report = Report { trusted, trust, revocations, files: &verified };
            term::out_json(&report)?;
        } else {
            term::out(&text::render(&verified, against.trust()))?;
        }
        Ok(if trusted { Exit::Ok } else { Exit::Refused })
    }

    fn one(&self, file: &Listed, against: &Against) -> Result<Verified, Failure> {
        let path = &file.path;
        let mut bytes = match read_module(path, ceiling::MODULE) {
            Ok(bytes) => bytes,
            // What stands in a folder is judged; what is named wrongly is misuse.
            Err(failure) if file.is_found || failure.exit == Exit::Refused => {
                let problem = failure.problems.first();
                let told = |problem: &Diagnostic| (problem.code, problem.message.clone());
                let (code, reason) = problem.map_or(("file-unreadable", String::new()), told);
                return Ok(Verified { code: Some(code), reason: Some(reason), ..Verified::of(path) });
            }
            Err(failure) => return Err(failure),
        };
        if let Some(signature) = &self.signature {
            bytes = match attach(&bytes, &read_capped(signature, 1 << 20)?) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let (code, reason, help) = (error.code(), error.to_string(), error.help().to_owned());
                    let (code, reason, help) = (Some(code), Some(reason), Some(help));
                    return Ok(Verified { code, reason, help, ..Verified::of(path) });
                }
            };
        }
        Ok(judge(path, &bytes, against))
    }
}

fn judge(path: &Path, bytes: &[u8], against: &Against) -> Verified {
    let file = Verified::of(path);
    match against {
        Against::Trust(trust) => file.appraised(trust.appraise(bytes), trust.standing.problem().is_some()),
        Against::Key(key) => file.signed(bytes, std::slice::from_ref(key.as_ref())),
        Against::Nobody => file.signed(bytes, &[]),
    }
}

/// A file to verify.
struct Listed {
    path: PathBuf,
    /// Whether it was found in a folder, rather than named.
    is_found: bool,
}

/// The files that were named, and the `.wasm` files of the folders, in the order of their names. A link is a file too: what
/// a run would read through it is what is verified.
fn listed(named: &[PathBuf]) -> Result<Vec<Listed>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            files.extend(modules_below(path)?.into_iter().map(|path| Listed { path, is_found: true }));
        } else {
            files.push(Listed { path: path.clone(), is_found: false });
        }
    }
    Ok(files)
}
