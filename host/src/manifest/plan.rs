//! The manifest as it is meant: every name resolved, every path absolute or relative to where the command runs, every
//! problem already told. Nothing later checks it again.

use std::{path::PathBuf, time::Duration};

use serde_json::{Map, Value};

use super::{
    completion::Completion,
    governed::{AgentPlan, Branch, StageKind, StatePlan},
    hosts::Hosts,
    sinks::EventsPlan,
    template::Template,
};
use crate::{agent::OutputType, digest::Digest, limits::Limits};

/// What a run does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// The manifest's path, as the user named it.
    pub path: PathBuf,
    /// The digest of the manifest's bytes.
    pub digest: Digest,
    /// The trust file, root or `trust.toml`.
    pub trust: PathBuf,
    /// The folder of signed approvals; it need not be there.
    pub approvals: PathBuf,
    /// The hosts that collecting may reach.
    pub hosts: Hosts,
    /// Evidence sources, in the manifest's order.
    pub evidence: Vec<EvidenceSource>,
    /// Gates, in the manifest's order.
    pub gates: Vec<GatePlan>,
    /// Agents, in the manifest's order; each runs in one stage.
    pub agents: Vec<AgentPlan>,
    /// Stages in an order in which they can run; their gates are indices into [`Plan::gates`], each named exactly once.
    pub stages: Vec<Stage>,
    /// How outcomes become a decision.
    pub rule: Rule,
    /// What the run has to show before the work is complete, where the manifest asks.
    pub completion: Option<Completion>,
    /// What agents share, and what is remembered of them.
    pub state: StatePlan,
    /// Where events go.
    pub events: EventsPlan,
}

/// One piece of evidence and where it comes from.
#[derive(Clone, Debug)]
pub struct EvidenceSource {
    /// Its name in the manifest.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What is collected before it, as indices into [`Plan::evidence`]; also what a `Last-Event-ID` is taken from. All of it
    /// is collected where this is, even what no gate asks for: it is there for what it does.
    pub after: Vec<usize>,
    /// Environment variables whose values are no secrets in what this source says.
    pub reveal: Vec<String>,
    /// Whether the command line put a file in the place of what is written.
    pub overridden: bool,
}

/// Where evidence comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file, read once.
    File {
        /// Where it is.
        path: PathBuf,
        /// How it is read.
        format: Format,
        /// Whether it may be missing; then it is null.
        optional: bool,
    },
    /// The files that a glob matches, each by its digest.
    Files {
        /// The glob, as it is written.
        pattern: String,
        /// Where it starts: the manifest's folder.
        root: PathBuf,
    },
    /// A value written in the manifest.
    Value(Value),
    /// Named variables of the environment; one that is not set becomes null.
    Env(Vec<String>),
    /// What a command does.
    Command(CommandSource),
    /// What a server answers.
    Http(HttpSource),
    /// The last output of its type that an agent gave, as its content. It is there once that agent's stage has come so far.
    Agent {
        /// The agent, as an index into [`Plan::agents`].
        agent: usize,
        /// The type of the output.
        output: OutputType,
    },
}

impl Origin {
    /// The word that a manifest and a record use for it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Files { .. } => "files",
            Self::Value(_) => "value",
            Self::Env(_) => "env",
            Self::Command(_) => "command",
            Self::Http(_) => "http",
            Self::Agent { .. } => "agent",
        }
    }

    /// Whether collecting it does something in the world.
    #[must_use]
    pub fn acts(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Http(_))
    }

    /// Every text in it that may hold variables of the environment.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::File { .. } | Self::Files { .. } | Self::Value(_) | Self::Env(_) | Self::Agent { .. } => Vec::new(),
            Self::Command(command) => command.templates().collect(),
            Self::Http(http) => http.exchanges.iter().flat_map(Exchange::templates).collect(),
        }
    }

    /// The evidence whose last event's id it sends, as an index into [`Plan::evidence`].
    #[must_use]
    pub fn resumes_from(&self) -> Option<usize> {
        let Self::Http(http) = self else { return None };
        http.exchanges.iter().find_map(|exchange| match exchange.resume {
            Some(Resume::Evidence(index)) => Some(index),
            Some(Resume::Previous) | None => None,
        })
    }
}

/// A command to run: its arguments go to the program as they are, never through a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSource {
    /// The program and its arguments; at least one.
    pub argv: Vec<Template>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its environment, all of it.
    pub env: Vec<(String, Template)>,
    /// The longest that it may take.
    pub timeout: Duration,
    /// The most bytes of stdout that are kept, and the most of stderr; what is beyond is read and dropped.
    pub max_output: u64,
    /// How stdout becomes `data`, where the manifest says it.
    pub format: Option<Format>,
}

impl CommandSource {
    /// Every text in it that may hold variables of the environment.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.argv.iter().chain(self.env.iter().map(|(_, value)| value))
    }
}

/// One exchange with a server, or several, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSource {
    /// The exchanges, in their order; at least one.
    pub exchanges: Vec<Exchange>,
    /// Whether they are written as an array, and so shown as one.
    pub sequence: bool,
}

/// A request, and how much of its response is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Where to; `http` or `https`. Its host is text, so that it can be held against [`Plan::hosts`].
    pub url: Template,
    /// The method, in upper case.
    pub method: String,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, Template)>,
    /// The body; a `json` body is its text, and its content type is among the headers.
    pub body: Option<Template>,
    /// The longest that the exchange may take, redirects included.
    pub timeout: Duration,
    /// The most bytes of the response's body that are read.
    pub max_body: u64,
    /// How many redirects are followed.
    pub redirects: u32,
    /// The event stream is left once an event of this name was seen.
    pub stop_at: Option<String>,
    /// The event stream is left once so many events were seen.
    pub stop_after: Option<usize>,
    /// Where the `Last-Event-ID` that is sent comes from.
    pub resume: Option<Resume>,
}

impl Exchange {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        [&self.url].into_iter().chain(self.headers.iter().map(|(_, value)| value)).chain(&self.body)
    }
}

/// Where a `Last-Event-ID` comes from: the id of the last event that an earlier exchange kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The exchanges before it in the same sequence.
    Previous,
    /// Another piece of evidence, as an index into [`Plan::evidence`]; it stands in [`EvidenceSource::after`] too. It is an
    /// `http` source, or a file that is read instead of one.
    Evidence(usize),
}

/// How the bytes of a file become JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON document.
    Json,
    /// One JSON document a line; becomes an array.
    JsonLines,
    /// A TOML document.
    Toml,
    /// A YAML document.
    Yaml,
    /// UTF-8 text; becomes a string.
    Text,
    /// Any bytes; become `{"base64": "…"}`.
    Bytes,
}

impl Format {
    /// Every format, with the word that a manifest uses for it and the ending that a file of it gets.
    pub(crate) const ALL: [(&str, Self, &str); 6] = [
        ("json", Self::Json, "json"),
        ("jsonl", Self::JsonLines, "jsonl"),
        ("toml", Self::Toml, "toml"),
        ("yaml", Self::Yaml, "yaml"),
        ("text", Self::Text, "txt"),
        ("bytes", Self::Bytes, "bin"),
    ];

    /// Its word and its ending.
    pub(crate) fn spelled(self) -> (&'static str, &'static str) {
        let known = Self::ALL.iter().find(|(_, format, _)| *format == self);
        known.map_or(("bytes", "bin"), |(word, _, ending)| (word, ending))
    }

    /// The format of that word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == word).map(|(_, format, _)| *format)
    }
}

/// One gate: a named use of a module.
#[derive(Clone, Debug)]
pub struct GatePlan {
    /// Its name, unique in the plan.
    pub name: String,
    /// Its module.
    pub module: PathBuf,
    /// What it is asked about.
    pub input: Input,
    /// Its parameters.
    pub params: Map<String, Value>,
    /// Its limits.
    pub limits: Limits,
    /// Whether its outcome decides.
    pub enforcement: Enforcement,
    /// Gates that have to pass before it runs, as indices into [`Plan::gates`].
    pub needs: Vec<usize>,
    /// The kind that the manifest says it is, where it says so; the signed bytes have to agree.
    pub kind: Option<portcullis_sdk::Kind>,
    /// What the findings of a validator over many files are held against.
    pub held: HeldPlan,
}

/// Which findings decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// All that are errors and not suppressed.
    #[default]
    Any,
    /// Of those only the ones that the baseline does not have.
    New,
}

/// Files that a validator's findings are held against, and which findings decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldPlan {
    /// What is let pass.
    pub suppressions: Option<PathBuf>,
    /// What was there before.
    pub baseline: Option<PathBuf>,
    /// Which findings decide.
    pub fail_on: FailOn,
}

/// What a gate is asked about.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing: an empty object.
    Nothing,
    /// One piece of evidence, whole: an index into [`Plan::evidence`].
    Whole(usize),
    /// An object whose members are pieces of evidence, as indices into [`Plan::evidence`].
    Named(Vec<(String, usize)>),
    /// A validator, once for each file that matches, as `{path, text}`.
    Each {
        /// The glob, as it is written.
        pattern: String,
        /// Where it starts: the manifest's folder.
        root: PathBuf,
    },
}

impl Input {
    /// Whether it is one request for each of many files.
    #[must_use]
    pub fn is_each(&self) -> bool {
        matches!(self, Self::Each { .. })
    }

    /// The pieces of evidence in it, as indices into [`Plan::evidence`], each with the name of the member that it is; none
    /// where it is the whole input.
    #[must_use]
    pub fn members(&self) -> Vec<(Option<&str>, usize)> {
        match self {
            Self::Nothing | Self::Each { .. } => Vec::new(),
            Self::Whole(index) => vec![(None, *index)],
            Self::Named(members) => members.iter().map(|(name, index)| (Some(name.as_str()), *index)).collect(),
        }
    }
}

/// Whether a gate's outcome decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// It decides.
    Mandatory,
    /// It is shown.
    Advisory,
}

/// A step of the run.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name, unique in the plan.
    pub id: String,
    /// What it does.
    pub kind: StageKind,
    /// The gates that it asks, as indices into [`Plan::gates`]: those of its agent, where it has one, and none where it is a
    /// condition.
    pub gates: Vec<usize>,
    /// Stages that have to end well before it starts, as indices into [`Plan::stages`] (always smaller than its own).
    pub needs: Vec<usize>,
    /// Stages that have to end before it starts, however they do, because it asks what came of them; as indices into
    /// [`Plan::stages`] (always smaller than its own). None of [`Stage::needs`] is among them.
    pub after: Vec<usize>,
    /// The branch that it stands in, of a stage before it; it runs only where that one is taken.
    pub branch: Option<Branch>,
}

/// How outcomes become a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Every mandatory gate passes.
    All,
    /// One mandatory gate passes.
    Any,
    /// So many mandatory gates pass.
    AtLeast(usize),
    /// An expression over gates, by name.
    Expr(crate::decision::Expr),
}

impl Rule {
    /// What makes a go, for people: `every mandatory gate passes`.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::All => "every mandatory gate passes".to_owned(),
            Self::Any => "one mandatory gate passes".to_owned(),
            Self::AtLeast(number) => format!("{number} mandatory gates pass"),
            Self::Expr(expr) => expr.to_string(),
        }
    }
}
