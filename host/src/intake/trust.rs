//! The trust file and what it points to, read once a run: the root, who is trusted for what, and what is revoked.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::shelf::Shelf;
use crate::{
    decision::{RevocationsRecord, TrustRecord},
    diagnostic::Diagnostic,
    digest::Digest,
    files::{FileError, Lock, lock_path, read_capped, shown, write_durably},
    stopped::Stopped,
    trust::{
        self, Appraisal, Envelope, KeyId, Material, Policy, RevocationRules, Standing, TrustFile, TrustSource,
        VerifiedModule,
    },
};
use jiff::Timestamp;

/// Bytes of a trust file, root or list that are read.
pub const CAP: u64 = 64 << 20;

/// What a machine remembers, and its clock.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The clock: what was seen is never remembered for a later time than this.
    pub clock: Timestamp,
    /// The folder for what was seen of revocation lists, where the trust file names none; a user without a home has none.
    pub state: Option<PathBuf>,
}

/// What modules are verified against.
pub struct TrustFiles {
    path: PathBuf,
    digest: Digest,
    /// What the trust file says.
    pub file: TrustFile,
    /// What is revoked, and how well that is known.
    pub standing: Standing,
    now: Timestamp,
    lists: Lists,
}

impl TrustFiles {
    /// Reads the trust file and all that it names, as of `now`, and remembers what was seen of lists on `machine`. One that
    /// is not there, or not to be trusted, refuses the run: nobody can say who may publish. What keeps revocations from being
    /// known is part of the standing, and refuses every module.
    ///
    /// # Errors
    /// When the trust file or what it names cannot be read or believed, or what was seen cannot be remembered.
    pub fn open(path: &Path, now: Timestamp, shelf: &Shelf, machine: &Machine) -> Result<Self, Stopped> {
        let trust = Read::all(path, now, shelf)?;
        let rules = &trust.file.revocations;
        if rules.list.is_none() && rules.emergency.is_empty() {
            let standing = trust.standing(None, now);
            return Ok(trust.with(standing, now));
        }
        let state = StateFile::open(path, rules.state.as_deref(), machine)?;
        let seen = read_state(&state.path)?;
        let standing = trust.standing(seen.as_deref(), now);
        if let Some(next) = standing.next_state(machine.clock) {
            write_durably(&state.path, &next.to_json(), 0o600).map_err(|error| state_failed(&error))?;
        }
        Ok(trust.with(standing, now))
    }

    /// The same, for asking only: nothing is remembered, and what was seen before is not asked for.
    ///
    /// # Errors
    /// When the trust file or what it names cannot be read or believed.
    pub fn peek(path: &Path, now: Timestamp, shelf: &Shelf) -> Result<Self, Stopped> {
        let trust = Read::all(path, now, shelf)?;
        let standing = trust.standing(None, now);
        Ok(trust.with(standing, now))
    }

    /// The same, with `list` in the place of the revocation list, and for asking only.
    #[must_use]
    pub fn with_list(self, list: Vec<u8>) -> Self {
        let Self { path, digest, mut file, now, lists, .. } = self;
        let lists = Lists { list: Some(list), ..lists };
        // One that the trust file does not name counts as one that it does.
        file.revocations.list.get_or_insert_default();
        let standing = Standing::assess(&file.root, &file.revocations, &lists.material(None), now);
        Self { path, digest, file, standing, now, lists }
    }

    /// Every file that these rest on, read or written: an output in the place of any of them would take it away.
    #[must_use]
    pub fn paths(&self, machine: &Machine) -> Vec<PathBuf> {
        let rules = &self.file.revocations;
        let named = rules.list.iter().chain(&rules.deny).chain(&rules.emergency).chain(&self.file.root_path);
        let mut paths: Vec<PathBuf> = named.map(|name| beside(&self.path, name)).collect();
        paths.push(self.path.clone());
        let state = state_path(&self.path, rules.state.as_deref(), machine);
        paths.extend(state.into_iter().flat_map(|state| [lock_path(&state), state]));
        paths
    }

    /// The module, if it is trusted.
    ///
    /// # Errors
    /// With the refusal, and what to do about it.
    pub fn verify(&self, path: &Path, bytes: Vec<u8>) -> Result<VerifiedModule, Stopped> {
        self.try_verify(bytes).map_err(|refusal| Stopped::refused(Diagnostic::from(&refusal).at(shown(path))))
    }

    /// The same, with the refusal as data.
    ///
    /// # Errors
    /// When the module is not trusted.
    pub fn try_verify(&self, bytes: Vec<u8>) -> Result<VerifiedModule, trust::Refusal> {
        trust::verify_module(bytes, &self.policy(&self.standing, false))
    }

    /// All that the trust file has to say of a module, components taken too.
    #[must_use]
    pub fn appraise(&self, bytes: &[u8]) -> Appraisal {
        trust::appraise(bytes, &self.policy(&self.standing, true))
    }

    /// What a module would have to live up to if `standing` were what is revoked.
    #[must_use]
    pub fn policy<'a>(&'a self, standing: &'a Standing, components: bool) -> Policy<'a> {
        Policy { root: &self.file.root, standing, now: self.now, components }
    }

    /// How the record names the trust root.
    #[must_use]
    pub fn record(&self) -> TrustRecord {
        TrustRecord {
            uri: shown(&self.path),
            digest: self.digest.into(),
            version: Some(self.file.root.version().get()),
            epoch: Some(self.file.root.epoch().get()),
            root: self.file.root.digest().into(),
        }
    }

    /// How the record names the revocation list.
    #[must_use]
    pub fn revocations_record(&self) -> RevocationsRecord {
        RevocationsRecord::of(&self.standing)
    }

    /// The keys that signed the root, as far as it is signed and names them.
    #[must_use]
    pub fn root_signers(&self, shelf: &Shelf) -> Vec<KeyId> {
        let path = self.file.root_path.as_ref().map_or_else(|| self.path.clone(), |name| beside(&self.path, name));
        let envelope = read(&path, shelf).ok().and_then(|bytes| Envelope::parse(&bytes).ok());
        self.signers(envelope)
    }

    /// The keys that signed the revocation list, as far as the root names them.
    #[must_use]
    pub fn list_signers(&self) -> Vec<KeyId> {
        self.signers(self.lists.list.as_deref().and_then(|bytes| Envelope::parse(bytes).ok()))
    }

    fn signers(&self, envelope: Option<Envelope>) -> Vec<KeyId> {
        envelope.map(|envelope| envelope.signers(self.file.root.keys()).into_iter().collect()).unwrap_or_default()
    }
}

impl From<&trust::Refusal> for Diagnostic {
    fn from(refusal: &trust::Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string()).help(refusal.help())
    }
}

/// The trust file and the bytes of its lists, before anything is made of them.
struct Read<'a> {
    path: &'a Path,
    digest: Digest,
    file: TrustFile,
    lists: Lists,
}

impl<'a> Read<'a> {
    fn all(path: &'a Path, now: Timestamp, shelf: &Shelf) -> Result<Self, Stopped> {
        let bytes = read(path, shelf)?;
        let file = parse_trust(path, &bytes, now, shelf)?;
        let lists = Lists::read(path, &file.revocations, shelf)?;
        Ok(Self { path, digest: Digest::of(&bytes), file, lists })
    }

    fn standing(&self, seen: Option<&[u8]>, now: Timestamp) -> Standing {
        Standing::assess(&self.file.root, &self.file.revocations, &self.lists.material(seen), now)
    }

    fn with(self, standing: Standing, now: Timestamp) -> TrustFiles {
        let Self { path, digest, file, lists } = self;
        TrustFiles { path: path.to_owned(), digest, file, standing, now, lists }
    }
}

/// The trust file that `bytes` are, read from `path`, with its root.
///
/// # Errors
/// When it is none, or its root cannot be read or is not the one that it pins.
pub fn parse_trust(path: &Path, bytes: &[u8], now: Timestamp, shelf: &Shelf) -> Result<TrustFile, Stopped> {
    let problem = |error: trust::TrustFileError| Stopped::refused(error.diagnostic(&shown(path)));
    match TrustSource::read(bytes, now).map_err(problem)? {
        TrustSource::Whole(file) => Ok(file),
        TrustSource::NeedsRoot(needs) => {
            let root = beside(path, &needs.path);
            needs.with_root(&read(&root, shelf)?, now).map_err(problem)
        }
    }
}

fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

fn read(path: &Path, shelf: &Shelf) -> Result<Vec<u8>, Stopped> {
    shelf.read(path, CAP).map_err(|error| trust_unreadable(&error))
}

/// A trust file, or the root that it names, that the machine does not give.
#[must_use]
pub fn trust_unreadable(error: &FileError) -> Stopped {
    let help = "the manifest names it as `trust`; `portcullis key show KEY.pub` gives the line that goes into it";
    Stopped::refused(Diagnostic::new("trust-unreadable", error.to_string()).help(help))
}

/// The bytes of the signed list, which may be missing; any other trouble refuses.
fn read_if_there(path: &Path, shelf: &Shelf) -> Result<Option<Vec<u8>>, Stopped> {
    match shelf.read(path, CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(unreadable("missing", &error)),
    }
}

/// The bytes of a list that only adds: one that is named and cannot be read may hold what must not run.
fn read_named(path: &Path, shelf: &Shelf) -> Result<Vec<u8>, Stopped> {
    shelf.read(path, CAP).map_err(|error| unreadable("missing", &error))
}

/// What was seen; nothing on a machine's first run. It is the machine's own, and no part of what a run rests on.
fn read_state(path: &Path) -> Result<Option<Vec<u8>>, Stopped> {
    match read_capped(path, CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(unreadable("state-unreadable", &error)),
    }
}

fn unreadable(code: &'static str, error: &FileError) -> Stopped {
    let help = "the trust file names it under [revocations]; nothing runs while it cannot be known what is revoked";
    Stopped::refused(Diagnostic::new(code, error.to_string()).help(help))
}

/// The bytes of the lists that a trust file names.
struct Lists {
    list: Option<Vec<u8>>,
    deny: Option<Vec<u8>>,
    emergency: Vec<Vec<u8>>,
}

impl Lists {
    /// Only the signed list may be missing: whether that is a problem is the trust file's to say.
    fn read(trust: &Path, rules: &RevocationRules, shelf: &Shelf) -> Result<Self, Stopped> {
        let at = |name: &String| beside(trust, name);
        Ok(Self {
            list: rules.list.as_ref().map(|name| read_if_there(&at(name), shelf)).transpose()?.flatten(),
            deny: rules.deny.as_ref().map(|name| read_named(&at(name), shelf)).transpose()?,
            emergency: rules.emergency.iter().map(|name| read_named(&at(name), shelf)).collect::<Result<_, _>>()?,
        })
    }

    fn material<'a>(&'a self, state: Option<&'a [u8]>) -> Material<'a> {
        Material { list: self.list.as_deref(), state, deny: self.deny.as_deref(), emergency: &self.emergency }
    }
}

fn state_failed(error: &FileError) -> Stopped {
    let help = "without it an older list could be put back unseen; name a writable file as `state` under [revocations]";
    Stopped::refused(Diagnostic::new("state-unwritable", error.to_string()).help(help))
}

/// Where what was seen is remembered: as the trust file names it, or one for each trust file, as two pipelines may well be
/// at different lists. `None` if this machine has no place for it.
fn state_path(trust: &Path, named: Option<&str>, machine: &Machine) -> Option<PathBuf> {
    if let Some(name) = named {
        return Some(beside(trust, name));
    }
    let place = fs::canonicalize(trust).unwrap_or_else(|_| trust.to_owned());
    let name = Digest::of(place.as_os_str().as_encoded_bytes()).short();
    machine.state.as_ref().map(|folder| folder.join(format!("seen/{name}.json")))
}

fn no_state_place() -> Stopped {
    let problem = Diagnostic::new("state-unwritable", "there is no folder to remember the newest revocation list in");
    Stopped::refused(problem.help("set HOME or XDG_STATE_HOME, or name `state` under [revocations]"))
}

/// The file that remembers what was seen, locked for as long as this lives.
struct StateFile {
    path: PathBuf,
    _lock: Lock,
}

impl StateFile {
    /// Two runs at once do not lose a step of each other's.
    fn open(trust: &Path, named: Option<&str>, machine: &Machine) -> Result<Self, Stopped> {
        let path = state_path(trust, named, machine).ok_or_else(no_state_place)?;
        let failed = |error| state_failed(&FileError::Write(path.clone(), error));
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let lock = Lock::wait(&lock_path(&path)).map_err(failed)?;
        Ok(Self { path, _lock: lock })
    }
}
