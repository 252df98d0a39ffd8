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
    files::{FileError, read_capped, shown, write_durably},
    trust::{self, Appraisal, Material, Policy, RevocationRules, Standing, TrustFile, TrustSource, VerifiedModule},
};

use super::{Exit, Failure, host, modules::refusal_diagnostic};

/// Bytes of a trust file, root or list that are read.
pub(crate) const CAP: u64 = 64 << 20;

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
        let (file, digest) = read_trust(path, now)?;
        let standing = assess(path, &file, now)?;
        Ok(Self { path: path.to_owned(), digest, file, standing, now })
    }

    /// The same, for asking only: nothing is remembered, and what was seen before is not asked for.
    pub(crate) fn peek(path: &Path, now: Timestamp) -> Result<Self, Failure> {
        let (file, digest) = read_trust(path, now)?;
        let lists = Lists::read(path, &file.revocations)?;
        let standing = Standing::assess(&file.root, &file.revocations, &lists.material(None), now);
        Ok(Self { path: path.to_owned(), digest, file, standing, now })
    }

    /// Every file that these rest on, read or written: an output in the place of any of them would take it away.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let rules = &self.file.revocations;
        let named = rules.list.iter().chain(&rules.deny).chain(&rules.emergency).chain(&self.file.root_path);
        let mut paths: Vec<PathBuf> = named.map(|name| beside(&self.path, name)).collect();
        paths.push(self.path.clone());
        let state = state_path(&self.path, rules.state.as_deref());
        paths.extend(state.into_iter().flat_map(|state| [lock_path(&state), state]));
        paths
    }

    /// The module, if it is trusted.
    pub(crate) fn verify(&self, path: &Path, bytes: Vec<u8>) -> Result<VerifiedModule, Failure> {
        self.try_verify(bytes, false)
            .map_err(|refusal| Failure::new(Exit::Refused, refusal_diagnostic(&refusal).at(shown(path))))
    }

    /// The same, with the refusal as data.
    pub(crate) fn try_verify(&self, bytes: Vec<u8>, components: bool) -> Result<VerifiedModule, trust::Refusal> {
        trust::verify_module(bytes, &self.policy(&self.standing, components))
    }

    /// All that the trust file has to say of a module, components taken too.
    pub(crate) fn appraise(&self, bytes: &[u8]) -> Appraisal {
        trust::appraise(bytes, &self.policy(&self.standing, true))
    }

    /// What a module would have to live up to if `standing` were what is revoked.
    pub(crate) fn policy<'a>(&'a self, standing: &'a Standing, components: bool) -> Policy<'a> {
        Policy { root: &self.file.root, standing, now: self.now, components }
    }

    /// How the record names the trust root.
    pub(crate) fn record(&self) -> TrustRecord {
        TrustRecord {
            uri: shown(&self.path),
            digest: self.digest.into(),
            version: Some(self.file.root.version().get()),
            epoch: Some(self.file.root.epoch().get()),
            root: self.file.root.digest().into(),
        }
    }

    /// How the record names the revocation list.
    pub(crate) fn revocations_record(&self) -> RevocationsRecord {
        RevocationsRecord::of(&self.standing)
    }
}

/// The trust file with its root, and the digest of its bytes. Looks at no list and remembers nothing.
fn read_trust(path: &Path, now: Timestamp) -> Result<(TrustFile, Digest), Failure> {
    let bytes = read(path)?;
    Ok((parse_trust(path, &bytes, now)?, Digest::of(&bytes)))
}

/// The trust file that `bytes` are, read from `path`, with its root.
pub(crate) fn parse_trust(path: &Path, bytes: &[u8], now: Timestamp) -> Result<TrustFile, Failure> {
    let problem = |error: trust::TrustFileError| untrusted(error.diagnostic(&shown(path)));
    match TrustSource::read(bytes, now).map_err(problem)? {
        TrustSource::Whole(file) => Ok(file),
        TrustSource::NeedsRoot(needs) => {
            let root = beside(path, &needs.path);
            needs.with_root(&read(&root)?, now).map_err(problem)
        }
    }
}

fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_capped(path, CAP).map_err(|error| trust_unreadable(&error))
}

/// A trust file, or the root that it names, that the machine does not give.
pub(crate) fn trust_unreadable(error: &FileError) -> Failure {
    let help = "the manifest names it as `trust`; `portcullis key show KEY.pub` gives the line that goes into it";
    untrusted(Diagnostic::new("trust-unreadable", error.to_string()).help(help))
}

/// The bytes of the signed list, which may be missing; any other trouble refuses.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match read_capped(path, CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(unreadable("missing", &error)),
    }
}

/// The bytes of a list that only adds: one that is named and cannot be read may hold what must not run.
fn read_named(path: &Path) -> Result<Vec<u8>, Failure> {
    read_capped(path, CAP).map_err(|error| unreadable("missing", &error))
}

/// What was seen; nothing on a machine's first run.
fn read_state(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match read_capped(path, CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(unreadable("state-unreadable", &error)),
    }
}

fn unreadable(code: &'static str, error: &FileError) -> Failure {
    let help = "the trust file names it under [revocations]; nothing runs while it cannot be known what is revoked";
    untrusted(Diagnostic::new(code, error.to_string()).help(help))
}

fn untrusted(problem: Diagnostic) -> Failure {
    Failure::new(Exit::Refused, problem)
}

/// The bytes of the lists that a trust file names.
struct Lists {
    list: Option<Vec<u8>>,
    deny: Option<Vec<u8>>,
    emergency: Vec<Vec<u8>>,
}

impl Lists {
    /// Only the signed list may be missing: whether that is a problem is the trust file's to say.
    fn read(trust: &Path, rules: &RevocationRules) -> Result<Self, Failure> {
        Ok(Self {
            list: rules.list.as_ref().map(|name| read_if_there(&beside(trust, name))).transpose()?.flatten(),
            deny: rules.deny.as_ref().map(|name| read_named(&beside(trust, name))).transpose()?,
            emergency: rules.emergency.iter().map(|name| read_named(&beside(trust, name))).collect::<Result<_, _>>()?,
        })
    }

    fn material<'a>(&'a self, state: Option<&'a [u8]>) -> Material<'a> {
        Material { list: self.list.as_deref(), state, deny: self.deny.as_deref(), emergency: &self.emergency }
    }
}

/// Reads the lists, and keeps what was seen of them: under a lock, so that two runs at once cannot lose a step.
fn assess(trust: &Path, file: &TrustFile, now: Timestamp) -> Result<Standing, Failure> {
    let rules = &file.revocations;
    let lists = Lists::read(trust, rules)?;
    if rules.list.is_none() && rules.emergency.is_empty() {
        return Ok(Standing::assess(&file.root, rules, &lists.material(None), now));
    }
    let state = StateFile::open(trust, rules.state.as_deref())?;
    let seen = read_state(&state.path)?;
    let standing = Standing::assess(&file.root, rules, &lists.material(seen.as_deref()), now);
    if let Some(next) = standing.next_state(host::now(None)) {
        write_durably(&state.path, &next.to_json(), 0o600).map_err(|error| state_failed(&error))?;
    }
    Ok(standing)
}

fn state_failed(error: &FileError) -> Failure {
    let help = "without it an older list could be put back unseen; name a writable file as `state` under [revocations]";
    untrusted(Diagnostic::new("state-unwritable", error.to_string()).help(help))
}

/// Where what was seen is remembered: as the trust file names it, or one for each trust file, as two pipelines may well be
/// at different lists. `None` if this machine has no place for it.
fn state_path(trust: &Path, named: Option<&str>) -> Option<PathBuf> {
    if let Some(name) = named {
        return Some(beside(trust, name));
    }
    let place = fs::canonicalize(trust).unwrap_or_else(|_| trust.to_owned());
    let name = Digest::of(place.as_os_str().as_encoded_bytes()).short();
    host::state_folder().map(|folder| folder.join(format!("seen/{name}.json")))
}

fn lock_path(state: &Path) -> PathBuf {
    state.with_extension("lock")
}

/// The file that remembers what was seen, locked for as long as this lives.
struct StateFile {
    path: PathBuf,
    _lock: File,
}

impl StateFile {
    fn open(trust: &Path, named: Option<&str>) -> Result<Self, Failure> {
        let path = state_path(trust, named).ok_or_else(host::no_state_place)?;
        let failed = |error| state_failed(&FileError::Write(path.clone(), error));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let lock = lock_path(&path);
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock).map_err(failed)?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        Ok(Self { path, _lock: lock })
    }
}
