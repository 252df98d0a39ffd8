//! Modules, keys and limits as commands take them: read once, verified if the user says against what, loaded.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::{read_capped, shown},
    intake::{self, Shelf, TrustFiles},
    limits::{Limits, ceiling},
    report::Identity,
    sandbox::{Gate, LoadError, Loaded, Loading, Program, Sandbox, Tier},
    text::printable,
    trust::{self, PrivateKey, PublicKey, VerifiedModule},
    units,
};
use portcullis_sdk::Kind;

use super::{Exit, Failure, term, trust_files};

/// Bytes of a key file that are read.
const KEY_CAP: u64 = 16 << 10;

/// Limits of a call, as flags.
#[derive(clap::Args, Clone)]
pub(crate) struct LimitFlags {
    /// Fuel of a call, such as 500M [default: 50M and 1,000 a byte of input]
    #[arg(long, value_parser = units::count, value_name = "UNITS", help_heading = "Limits")]
    fuel: Option<u64>,
    /// Memory of a call, such as 128MiB [default: 64 MiB, or 8 times the input]
    #[arg(long, value_parser = units::bytes, value_name = "SIZE", help_heading = "Limits")]
    memory: Option<u64>,
    /// Wall time of a call, such as 2s [default: 5s]
    #[arg(long, value_parser = units::duration, value_name = "TIME", help_heading = "Limits")]
    time: Option<std::time::Duration>,
    /// Bytes of a request [default: 64MiB]
    #[arg(long, value_parser = units::bytes, value_name = "SIZE", help_heading = "Limits")]
    input_limit: Option<u64>,
}

impl LimitFlags {
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        self.over(Limits::default())
    }

    /// `limits` with what the flags say in their place.
    pub(crate) fn over(&self, mut limits: Limits) -> Result<Limits, Failure> {
        (limits.fuel, limits.memory) = (self.fuel.or(limits.fuel), self.memory.or(limits.memory));
        limits.time = self.time.unwrap_or(limits.time);
        limits.input = self.input_limit.unwrap_or(limits.input);
        let over = [
            ("--fuel", limits.fuel.is_some_and(|fuel| fuel > ceiling::FUEL)),
            ("--memory", limits.memory.is_some_and(|memory| memory > ceiling::MEMORY)),
            ("--time", limits.time > ceiling::TIME),
            ("--input-limit", limits.input > ceiling::INPUT),
        ];
        match over.iter().find(|(_, over)| *over) {
            Some((flag, _)) => {
                let message = format!("{flag} is past what this host allows any gate");
                Err(Failure::usage(Diagnostic::new("over-ceiling", message)))
            }
            None => Ok(limits),
        }
    }
}

/// Against what a module is verified, as flags.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct VerifyFlags {
    /// Verify against this trust file or root
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) trust: Option<PathBuf>,
    /// Verify against this public key
    #[arg(long, value_name = "PUB")]
    pub(crate) key: Option<PathBuf>,
}

impl VerifyFlags {
    /// Reads what they name.
    pub(crate) fn read(&self, now: Timestamp) -> Result<Against, Failure> {
        Ok(match (&self.trust, &self.key) {
            (Some(trust), _) => Against::Trust(Box::new(trust_files::open(trust, now)?)),
            (None, Some(key)) => Against::Key(Box::new(read_public_key(key)?)),
            (None, None) => Against::Nobody,
        })
    }
}

/// Against what a module is verified, as it was read.
pub(crate) enum Against {
    Trust(Box<TrustFiles>),
    Key(Box<PublicKey>),
    /// It is not verified.
    Nobody,
}

impl Against {
    /// The trust file, if it is one.
    pub(crate) fn trust(&self) -> Option<&TrustFiles> {
        match self {
            Self::Trust(trust) => Some(trust),
            Self::Key(_) | Self::Nobody => None,
        }
    }

    /// The module at `path`, if it holds.
    fn check(&self, path: &Path, bytes: Vec<u8>) -> Result<Checked, Failure> {
        Ok(match self {
            Self::Trust(trust) => Checked::Verified(Box::new(trust.verify(path, bytes)?)),
            Self::Key(key) => {
                trust::verify_with_keys(&bytes, std::slice::from_ref(key.as_ref()), 1, false)
                    .map_err(|error| refused(path, &error))?;
                Checked::Signed(bytes)
            }
            Self::Nobody => Checked::Unverified(bytes),
        })
    }
}

/// A module that a command was given.
pub(crate) struct Subject {
    module: Checked,
    digest: Digest,
    /// The name in its metadata, or that of its file.
    pub(crate) name: String,
    /// The kind in its metadata, or `gate`.
    pub(crate) kind: Kind,
    version: Option<String>,
}

enum Checked {
    Verified(Box<VerifiedModule>),
    Signed(Vec<u8>),
    Unverified(Vec<u8>),
}

impl Subject {
    /// Reads the module and verifies it. What kept `against` from being read is told of a module that is there.
    pub(crate) fn open(path: &Path, limits: &Limits, against: Result<Against, Failure>) -> Result<Self, Failure> {
        let bytes = read_module(path, limits.module)?;
        let seen = trust::inspect(&bytes, &[]).ok();
        let digest = seen.as_ref().map_or_else(|| Digest::of(&bytes), |seen| seen.content_digest);
        let metadata = seen.and_then(|seen| seen.metadata.ok().flatten());
        let module = against?.check(path, bytes)?;
        let stem = || path.file_stem().map_or_else(|| "gate".to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self {
            module,
            digest,
            name: metadata.as_ref().map_or_else(stem, |metadata| metadata.name.clone()),
            kind: metadata.as_ref().map_or(Kind::Gate, |metadata| metadata.kind),
            version: metadata.map(|metadata| metadata.version),
        })
    }

    /// Revocations that let it run, for people.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let Checked::Verified(module) = &self.module else { return Vec::new() };
        let told = |warning: &trust::Revocation| {
            format!("the module is named by revocation `{}` ({})", warning.id(), warning.code())
        };
        module.warnings().iter().map(told).collect()
    }

    /// What is said of it beside an outcome.
    pub(crate) fn identity(&self) -> Identity {
        let publisher = match &self.module {
            Checked::Verified(module) => Some(module.publisher().to_owned()),
            Checked::Signed(_) | Checked::Unverified(_) => None,
        };
        Identity {
            content_digest: self.digest,
            name: self.version.is_some().then(|| self.name.clone()),
            version: self.version.clone(),
            verified: !matches!(self.module, Checked::Unverified(_)),
            publisher,
        }
    }

    /// Compiles it, or takes it from the cache.
    pub(crate) fn load(
        &self,
        sandbox: &Sandbox,
        tier: Tier,
        limits: &Limits,
        verbose: bool,
    ) -> Result<Callable, Failure> {
        let loading = Loading { tier, alone: true, limits };
        let loaded = match &self.module {
            Checked::Verified(module) => sandbox.load(module, loading).map(|loaded| noted(loaded, Callable::Gate)),
            Checked::Signed(bytes) | Checked::Unverified(bytes) => {
                sandbox.load_unverified(bytes, loading).map(|loaded| noted(loaded, Callable::Program))
            }
        };
        let (callable, note) = loaded.map_err(|error| not_loaded(&self.name, &error))?;
        if let (true, Some(note)) = (verbose, note) {
            term::note(&note);
        }
        Ok(callable)
    }
}

fn noted<T>(loaded: Loaded<T>, wrap: impl FnOnce(T) -> Callable) -> (Callable, Option<String>) {
    (wrap(loaded.program), loaded.note.map(|note| note.to_string()))
}

/// Something that can be called, verified or not.
pub(crate) enum Callable {
    Gate(Gate),
    Program(Program),
}

impl Deref for Callable {
    type Target = Program;

    fn deref(&self) -> &Program {
        match self {
            Self::Gate(gate) => gate,
            Self::Program(program) => program,
        }
    }
}

/// The bytes of a module, read once.
pub(crate) fn read_module(path: &Path, cap: u64) -> Result<Vec<u8>, Failure> {
    Ok(intake::read_module(path, cap, &Shelf::disk())?)
}

/// The `.wasm` files of a folder and those within it, in the order of their names; whatever else has that ending too, so that
/// nothing that a run would read is passed over.
pub(crate) fn modules_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|error| {
            Failure::usage(Diagnostic::new("folder-unreadable", printable(&error.to_string())).at(shown(folder)))
        })?;
        let is_module = entry.path().extension().is_some_and(|end| end.eq_ignore_ascii_case("wasm"));
        if is_module && !entry.file_type().is_dir() {
            files.push(entry.into_path());
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(Diagnostic::new("no-modules", "the folder holds no .wasm file").at(shown(folder))));
    }
    Ok(files)
}

/// A text that a user named.
pub(crate) fn read_document(path: &Path, cap: u64) -> Result<String, Failure> {
    String::from_utf8(read_capped(path, cap)?)
        .map_err(|_| Failure::usage(Diagnostic::new("not-utf8", "the file is not UTF-8").at(shown(path))))
}

/// A module that was not loaded: refused for what it is, or blocked for what compiling it took.
pub(crate) fn not_loaded(name: &str, error: &LoadError) -> Failure {
    let mut problem = Diagnostic::new(error.code(), error.to_string()).at(name);
    if let LoadError::Scan(scan) = error {
        problem.help = scan.help().map(str::to_owned);
    }
    Failure::new(if error.refuses() { Exit::Refused } else { Exit::Blocked }, problem)
}

fn refused(path: &Path, refusal: &trust::Refusal) -> Failure {
    Failure::new(Exit::Refused, Diagnostic::from(refusal).at(shown(path)))
}

/// A public key: SPKI PEM, an `ssh-ed25519` line or `ed25519:BASE64` in a file, or that last form itself.
pub(crate) fn read_public_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = match path.to_str() {
        Some(text) if text.starts_with("ed25519:") => text.to_owned(),
        _ => read_document(path, KEY_CAP)?,
    };
    PublicKey::parse(&text).map_err(|error| key_failure(path, &error))
}

/// A private key, asking for its passphrase where it has one.
pub(crate) fn read_private_key(path: &Path) -> Result<PrivateKey, Failure> {
    let text = zeroize::Zeroizing::new(read_document(path, KEY_CAP)?);
    warn_if_exposed(path);
    match PrivateKey::from_pem(&text, None) {
        Err(trust::KeyError::PassphraseNeeded) => {
            let passphrase = super::key::passphrase(&format!("Passphrase of {}: ", shown(path)))?;
            PrivateKey::from_pem(&text, Some(passphrase.as_bytes()))
        }
        read => read,
    }
    .map_err(|error| key_failure(path, &error))
}

fn key_failure(path: &Path, error: &trust::KeyError) -> Failure {
    Failure::usage(Diagnostic::new(error.code(), error.to_string()).at(shown(path)).help(error.help()))
}

/// Others who can read a private key can sign with it.
fn warn_if_exposed(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        term::caution(&format!("others can read the private key `{0}`: chmod 600 {0}", shown(path)));
    }
}
