//! What keeps an exchange from being evidence.

use std::time::Duration;

use crate::evidence::world::INTERRUPTED;

/// Why an exchange failed. Its texts may hold what a server wrote, and so have to pass by the secrets before they are seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    /// Its time was over.
    #[error("it did not end within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The server's machine says that nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// There is no way to the server.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// The manifest does not let it go there.
    #[error("`{0}` is not among the hosts that may be reached; list it under `[network] hosts`")]
    HostRefused(String),
    /// The server sends it where it may not go.
    #[error("it redirects to `{location}`, which is not followed: {why}")]
    RedirectRefused {
        /// Where to, as the server wrote it.
        location: String,
        /// Why not.
        why: String,
    },
    /// What came is not what a server says, or not all of it.
    #[error("{0}")]
    Malformed(String),
    /// Somebody asked for an end.
    #[error("the run was interrupted")]
    Interrupted,
    /// It resumes nothing.
    #[error("it resumes after an event, and what it resumes has none with an id")]
    NoEventId,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl Trouble {
    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "evidence-timeout",
            Self::Refused => "evidence-refused",
            Self::Unreachable(_) => "evidence-unreachable",
            Self::HostRefused(_) => "evidence-host-refused",
            Self::RedirectRefused { .. } => "evidence-redirect-refused",
            Self::Malformed(_) => "evidence-malformed",
            Self::Interrupted => "evidence-interrupted",
            Self::NoEventId => "evidence-no-event-id",
            Self::Failed(_) => "evidence-http-failed",
        }
    }

    /// The word for it in a document.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Refused => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::HostRefused(_) => "host_refused",
            Self::RedirectRefused { .. } => "redirect_refused",
            Self::Malformed(_) => "malformed",
            Self::Interrupted => INTERRUPTED,
            Self::NoEventId | Self::Failed(_) => "failed",
        }
    }
}
