//! `[[events]]` as it is meant: where events go, which of them, and in which form. The manifest resolves into these.
//!
//! Nothing here opens or reaches anything: templates are filled in where the notifier is opened.

use std::{fmt, path::PathBuf};

use super::template::{Part, Template};
use crate::agent::EventKind as Kind;

/// Every place that events go to, in the manifest's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventsPlan {
    /// One for each `[[events]]`.
    pub sinks: Vec<SinkPlan>,
}

/// One `[[events]]`: a place, and what goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkPlan {
    /// Where to.
    pub to: Sink,
    /// Which events.
    pub kinds: Filter,
}

/// Where events go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Appended to this file, one JSON document a line. The path is joined to the manifest's folder already; where there is
    /// no file one is made for its user alone, and a symbolic link in its place is refused.
    File(PathBuf),
    /// The stdin of a command that is started once, one JSON document a line.
    Command(CommandSink),
    /// Posted to a server, one request an event.
    Webhook(WebhookSink),
}

/// A command that reads events: the parts of [`crate::manifest::CommandSource`] that hold for it. No shell is asked, and it
/// ends with the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSink {
    /// The program and its arguments; at least one.
    pub argv: Vec<Template>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its environment, all of it.
    pub env: Vec<(String, Template)>,
}

/// A server that is told of events.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSink {
    /// Where to; `http` or `https`. Its host is text and stands among the hosts that may be reached, as for
    /// [`crate::manifest::Exchange`]; behind it may be a variable.
    pub url: Template,
    /// Headers that are sent with each request, with lower-case names: an `authorization`, for example. What the notifier
    /// says itself (`content-type`, all of `x-portcullis-…`) cannot be said here, nor what the client does (`host`,
    /// `content-length`, `transfer-encoding`, `connection`).
    pub headers: Vec<(String, Template)>,
    /// The key that requests are signed with; without one they are not.
    pub secret: Option<Template>,
    /// What is sent.
    pub form: Form,
}

/// The URL's path and the headers may hold a token even where they are no variables: only what leads to a host is shown.
impl fmt::Debug for WebhookSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("WebhookSink")
            .field("url", &origin(&self.url))
            .field("headers", &names)
            .field("signed", &self.secret.is_some())
            .field("form", &self.form)
            .finish()
    }
}

/// `https://host:port`, as a URL is written: the part of it that is no secret. Less, where a user or a password stands in it.
pub(crate) fn origin(url: &Template) -> &str {
    let Some(Part::Text(text)) = url.parts.first() else { return "" };
    let Some((scheme, rest)) = text.split_once("://") else { return "" };
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = if host.contains('@') { "" } else { host };
    text.get(..scheme.len() + 3 + host.len()).unwrap_or_default()
}

/// What a request to a webhook holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The event as files have it.
    #[default]
    Portcullis,
    /// A message of Slack's incoming webhooks.
    Slack,
    /// A `repository_dispatch` of GitHub's REST interface.
    Github,
}

impl Form {
    /// Every form, in order.
    pub const ALL: &'static [Self] = &[Self::Portcullis, Self::Slack, Self::Github];

    /// The word that manifests use for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portcullis => "portcullis",
            Self::Slack => "slack",
            Self::Github => "github",
        }
    }

    /// The form of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|form| form.name() == word)
    }
}

/// Which events go to a sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Those of these kinds, and no other.
    Only(Vec<Kind>),
}

impl Filter {
    /// Whether events of that kind pass.
    #[must_use]
    pub fn passes(&self, kind: Kind) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }
}
