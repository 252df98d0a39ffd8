//! The trust file and what it points to, read once a command: the root, who is trusted for what, and what is revoked.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portcullis::{
    decision::{RevocationsRecord, TrustRecord},
    diagnostic::Diagnostic,
    digest::Digest,
    files::{FileError, read_capped, shown, write_whole},
    trust::{self, Material, Policy, Standing, TrustFile, TrustSource, VerifiedModule},
};

use super::{Exit, Failure, host, modules::refusal_diagnostic};

/// Bytes of a trust file, root or list that are read.
const CAP: u64 = 64 << 20;

/// What modules are verified against.
pub(crate) struct TrustFiles {
    path: PathBuf,
    digest: Digest,
    pub(crate) file: TrustFile,
    pub(crate) standing: Standing,
    now: Timestamp,
}

impl TrustFiles {
    /// Reads the trust file and all that it names. One that is not there, or not to be trusted, refuses the run: nobody can
    /// say who may publish. What keeps revocations from being known is part of the standing, and refuses every module.
    pub(crate) fn open(path: &Path, now: Timestamp) -> Result<Self, Failure> {
        let bytes = read(path)?;
        let problem =
            |error: trust::TrustFileError| untrusted(Diagnostic::new(error.code(), error.to_string()).at(shown(path)));
        let file = match TrustSource::read(&bytes, now).map_err(problem)? {
            TrustSource::Whole(file) => file,
            TrustSource::NeedsRoot(needs) => {
                let root = beside(path, &needs.path);
                needs.with_root(&read(&root)?, now).map_err(problem)?
            }
        };
        let standing = assess(path, &file, now)?;
        Ok(Self { path: path.to_owned(), digest: Digest::of(&bytes), file, standing, now })
    }

    /// The module, if it is trusted.
    pub(crate) fn verify(&self, path: &Path, bytes: Vec<u8>) -> Result<VerifiedModule, Failure> {
        self.try_verify(bytes, false)
            .map_err(|refusal| Failure::new(Exit::Refused, refusal_diagnostic(&refusal).at(shown(path))))
    }

    /// The same, with the refusal as data, and with components taken where they are only looked at.
    pub(crate) fn try_verify(&self, bytes: Vec<u8>, components: bool) -> Result<VerifiedModule, trust::Refusal> {
        let policy = Policy { root: &self.file.root, standing: &self.standing, now: self.now, components };
        trust::verify_module(bytes, &policy)
    }

    /// How the record names the trust root.
    pub(crate) fn record(&self) -> TrustRecord {
        TrustRecord {
            uri: shown(&self.path),
            digest: self.digest.into(),
            version: Some(self.file.root.version().get()),
        }
    }

    /// How the record names the revocation list.
    pub(crate) fn revocations_record(&self) -> RevocationsRecord {
        RevocationsRecord::of(&self.standing)
    }
}

fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_capped(path, CAP).map_err(|error| {
        let help = "the manifest names it as `trust`; `portcullis key show KEY.pub` gives the line that goes into it";
        untrusted(Diagnostic::new("trust-unreadable", error.to_string()).help(help))
    })
}

/// The bytes of a file that may be missing; any other trouble refuses.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match read_capped(path, CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(untrusted(Diagnostic::new("missing", error.to_string()))),
    }
}

fn untrusted(problem: Diagnostic) -> Failure {
    Failure::new(Exit::Refused, problem)
}

/// Reads the lists, and keeps what was seen of them: under a lock, so that two runs at once cannot lose a step.
fn assess(trust: &Path, file: &TrustFile, now: Timestamp) -> Result<Standing, Failure> {
    let rules = &file.revocations;
    let list = rules.list.as_ref().map(|name| read_if_there(&beside(trust, name))).transpose()?.flatten();
    let deny = rules.deny.as_ref().map(|name| read(&beside(trust, name))).transpose()?;
    let emergency = rules.emergency.iter().map(|name| read(&beside(trust, name))).collect::<Result<Vec<_>, _>>()?;
    if list.is_none() {
        let material = Material { list: None, state: None, deny: deny.as_deref(), emergency: &emergency };
        return Ok(Standing::assess(&file.root, rules, &material, now));
    }
    let state = StateFile::open(trust, rules.state.as_deref())?;
    let seen = read_if_there(&state.path)?;
    let material =
        Material { list: list.as_deref(), state: seen.as_deref(), deny: deny.as_deref(), emergency: &emergency };
    let standing = Standing::assess(&file.root, rules, &material, now);
    if let Some(next) = standing.next_state() {
        write_whole(&state.path, &next.to_json(), 0o600).map_err(|error| state_failed(&error))?;
    }
    Ok(standing)
}

fn state_failed(error: &FileError) -> Failure {
    let help = "without it an older list could be put back unseen; name a writable file as `state` under [revocations]";
    untrusted(Diagnostic::new("state-unwritable", error.to_string()).help(help))
}

/// The file that remembers the newest list seen, locked for as long as this lives.
struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    fn open(trust: &Path, named: Option<&str>) -> Result<Self, Failure> {
        let path = match named {
            Some(name) => beside(trust, name),
            None => {
                // One for each trust file: two pipelines may well be at different lists.
                let place = fs::canonicalize(trust).unwrap_or_else(|_| trust.to_owned());
                let name = Digest::of(place.as_os_str().as_encoded_bytes()).short();
                host::state_folder().ok_or_else(host::no_state_place)?.join(format!("seen/{name}.json"))
            }
        };
        let failed = |error| state_failed(&FileError::Write(path.clone(), error));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let lock = path.with_extension("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock).map_err(failed)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        Ok(Self { path, _lock: lock })
    }
}
