//! Which state is meant, whose word counts, and which pipeline it is about: by flags, or by a manifest.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    intake::{Settings, Shelf, TrustFiles},
    manifest::Plan,
    state::State,
};

use super::{
    Failure, host,
    state::{self, StateFlag},
    trust_files,
};

/// The manifest that is meant where none is named, if it is there.
const USUAL: &str = "portcullis.toml";

/// Which state is meant, as flags.
#[derive(clap::Args, Clone)]
pub(super) struct Whose {
    /// The manifest of the pipeline, for all that is not named here [default: portcullis.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    state: StateFlag,
}

impl Whose {
    /// The plan of the manifest, where there is one. One that is only usual is not looked at where nothing of it is needed:
    /// `more` says whether anything but its state is.
    pub(super) fn plan(&self, more: bool) -> Result<Option<Plan>, Failure> {
        let is_needed = more || self.state.state.is_none();
        let usual = || Some(PathBuf::from(USUAL)).filter(|usual| is_needed && usual.exists());
        let Some(manifest) = self.manifest.clone().or_else(usual) else { return Ok(None) };
        let settings = Settings::new(manifest, host::folder(), Timestamp::UNIX_EPOCH);
        Ok(Some(settings.plan(&Shelf::disk())?))
    }

    /// Opens the state; it has to be there.
    pub(super) fn open(&self, plan: Option<&Plan>) -> Result<Arc<dyn State>, Failure> {
        let named = self.state.plan(&host::folder())?;
        state::open(&named.or_else(|| plan.map(|plan| plan.state.clone())).unwrap_or_default(), false)
    }
}

/// The people who may sign, as a flag.
#[derive(clap::Args, Clone)]
pub(super) struct TrustFlag {
    /// The trust file whose approvers count [default: the manifest's]
    #[arg(long, value_name = "TRUST")]
    trust: Option<PathBuf>,
}

impl TrustFlag {
    /// Whether the manifest has to say which one it is.
    pub(super) fn is_open(&self) -> bool {
        self.trust.is_none()
    }

    fn path<'a>(&'a self, plan: Option<&'a Plan>) -> Option<&'a Path> {
        self.trust.as_deref().or_else(|| plan.map(|plan| plan.trust.as_path()))
    }

    /// The trust file, where one is named.
    pub(super) fn read(&self, plan: Option<&Plan>, now: Timestamp) -> Result<Option<TrustFiles>, Failure> {
        self.path(plan).map(|path| trust_files::open(path, now)).transpose()
    }

    /// The trust file.
    pub(super) fn needed(&self, plan: Option<&Plan>, now: Timestamp) -> Result<TrustFiles, Failure> {
        let none = || {
            let problem = Diagnostic::new("no-trust-file", "no trust file says whose word counts");
            Failure::usage(problem.help("name it with --trust, or the manifest that names it with --manifest"))
        };
        self.read(plan, now)?.ok_or_else(none)
    }
}
