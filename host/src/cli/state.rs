//! Where the state is that agents share, as a flag, and how it is opened.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    files::shown,
    manifest::StatePlan,
    state::{Place, State, StateError},
};

use super::{Exit, Failure, host};

/// Where the state is, as a flag.
#[derive(clap::Args, Clone)]
pub(crate) struct StateFlag {
    /// What agents share: a file, or redis://HOST:PORT/DATABASE [default: the manifest's `state`, without one portcullis/state.sqlite in the user's data folder]
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
}

impl StateFlag {
    /// The state that is named, a path from `folder`; nothing where none is.
    pub(crate) fn plan(&self, folder: &Path) -> Result<Option<StatePlan>, Failure> {
        let Some(state) = &self.state else { return Ok(None) };
        StatePlan::parse(state, folder).map(Some).map_err(|bad| Failure::usage(bad.problem(state)))
    }
}

/// The place that `plan` names on this machine, for this user.
pub(crate) fn place(plan: &StatePlan) -> Result<Place, Failure> {
    let own = host::data_folder().map(|folder| folder.join("state.sqlite"));
    Place::of(plan, own, &host::variable).map_err(|error| {
        // Without a folder nothing was named; a variable that is not set is how the machine is.
        let exit = if error == StateError::NoFolder { Exit::Usage } else { Exit::Blocked };
        Failure::new(exit, error)
    })
}

/// Opens the state that `plan` names. A file that is not there is made where that is asked for; else whoever looks into it has
/// named another one than was meant.
pub(crate) fn open(plan: &StatePlan, make: bool) -> Result<Arc<dyn State>, Failure> {
    let place = place(plan)?;
    if let Place::File(path) = &place
        && !make
        && !path.try_exists().unwrap_or(true)
    {
        let problem = Diagnostic::new("no-state", "there is no state: no agent has run with it").at(shown(path));
        return Err(Failure::usage(problem.help("name another one with --state, or its manifest with --manifest")));
    }
    place.open(Arc::new(Timestamp::now)).map_err(|error| {
        let problem = Diagnostic::from(error);
        Failure::blocked(match &place {
            Place::File(path) => problem.at(shown(path)),
            Place::Server(_) => problem,
        })
    })
}
