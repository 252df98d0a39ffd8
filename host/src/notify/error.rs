//! What keeps a notifier from being opened.

use std::path::PathBuf;

use crate::{diagnostic::Diagnostic, files::shown};

/// Why events cannot go where the manifest says. Holds no secret: of a URL it has scheme, host and port, and of a command what
/// the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A symbolic link stands where the file is to be: what is behind it may be anybody's.
    #[error("events cannot go to `{}`: it is a symbolic link", shown(.0))]
    Link(PathBuf),
    /// Something that is no regular file stands there.
    #[error("events cannot go to `{}`: it is not a regular file", shown(.0))]
    NotAFile(PathBuf),
    /// The system refuses the file.
    #[error("events cannot go to `{}`: {why}", shown(.path))]
    File {
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// The command could not be started.
    #[error("events cannot go to `{command}`: it could not be started: {why}")]
    Command {
        /// As the manifest has it.
        command: String,
        /// Why not.
        why: String,
    },
    /// A variable of the environment that is asked for is not set.
    #[error("events cannot go to `{sink}`: {why}")]
    Variable {
        /// Where to.
        sink: String,
        /// Which one.
        why: String,
    },
    /// The URL is none that can be asked.
    #[error("events cannot go to `{sink}`: {why}")]
    Url {
        /// Where to.
        sink: String,
        /// What is wrong with it.
        why: String,
    },
    /// The URL leads where nothing may be reached.
    #[error("events cannot go to `{0}`: it is not among the hosts that may be reached")]
    HostRefused(String),
    /// A header that cannot be sent, or is not the manifest's to send.
    #[error("events cannot go to `{sink}`: the header `{header}` {why}")]
    Header {
        /// Where to.
        sink: String,
        /// Its name.
        header: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The key for signatures is empty: anybody could make them.
    #[error("events cannot go to `{0}`: the secret that signs them is empty")]
    EmptySecret(String),
    /// The system gave no random numbers or no thread.
    #[error("events cannot be sent: {0}")]
    System(String),
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Link(_) => "events-file-link",
            Self::NotAFile(_) => "events-not-a-file",
            Self::File { .. } => "events-file-unwritable",
            Self::Command { .. } => "events-command-missing",
            Self::Variable { .. } => "events-env-missing",
            Self::Url { .. } => "events-bad-url",
            Self::HostRefused(_) => "events-host-refused",
            Self::Header { .. } => "events-bad-header",
            Self::EmptySecret(_) => "events-empty-secret",
            Self::System(_) => "events-system",
        }
    }
}

impl From<OpenError> for Diagnostic {
    fn from(error: OpenError) -> Self {
        let problem = Self::new(error.code(), error.to_string());
        match error {
            OpenError::HostRefused(_) => problem.help("list it under `[network] hosts`"),
            _ => problem,
        }
    }
}
