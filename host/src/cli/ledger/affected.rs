//! Which past decisions rested on a module, a key, or what a list revokes.

use std::path::{Path, PathBuf};

use portcullis::{
    diagnostic::Diagnostic,
    digest::Digest,
    files::shown,
    ledger::{Affected, AffectedStep, Mode, Query, Rested, Use, UseRole, Why},
    limits::ceiling,
    text::{counted, excerpt, printable},
    trust::{self, KeyId, Revocations},
};
use serde::Serialize;

use super::{
    Exit, Failure, Outcome, Place, failed,
    modules::{read_module, read_public_key},
    term,
};
use crate::cli::{
    revocations::read_list,
    table::{joined, table},
    verify::Named,
};

#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["revocations", "module", "key"])))]
pub(super) struct Args {
    /// Whatever this list revokes, signed or a draft; who signed it is not asked
    #[arg(long, value_name = "LIST")]
    revocations: Option<PathBuf>,
    /// This module: its file, or the digest of its content
    #[arg(long, value_name = "FILE|SHA256")]
    module: Option<PathBuf>,
    /// This key: its full name, or the public key
    #[arg(long, value_name = "ID|PUB")]
    key: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    run: &'a portcullis::ledger::RunRow,
    steps: Vec<ToldStep<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldStep<'a> {
    entry: u64,
    kind: &'static str,
    name: &'a str,
    outcome: Option<&'a str>,
    rested_on: Vec<ToldRest<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToldRest<'a> {
    role: UseRole,
    content_digest: Digest,
    publisher: Option<&'a str>,
    name: Option<&'a str>,
    version: Option<&'a str>,
    key_ids: &'a [KeyId],
    revoked_by: Vec<Named>,
    /// Releases of its publisher are revoked, and it does not say which release it is.
    release_unknown: bool,
}

impl Args {
    pub(super) fn execute(self) -> Outcome {
        let revocations = self.revocations.as_deref().map(read_list).transpose()?;
        let revocations = revocations.map(|(list, _)| Revocations::of(list));
        let query = match (&revocations, &self.module, &self.key) {
            (Some(revocations), _, _) => Query::Revocations(revocations),
            (None, Some(module), _) => Query::Content(content(module)?),
            (None, None, Some(key)) => Query::Key(key_id(key)?),
            (None, None, None) => return Err(Failure::usage(Diagnostic::new("nothing-asked", "nothing is asked for"))),
        };
        let ledger = self.place.open(Mode::Read)?;
        let affected = ledger.affected(&query).map_err(|error| failed(ledger.path(), &error))?;
        if self.json {
            term::out_json(&affected.iter().map(Told::from).collect::<Vec<_>>())?;
        } else {
            term::out(&render(&affected))?;
        }
        Ok(if affected.is_empty() { Exit::Ok } else { Exit::No })
    }
}

/// A digest as it is written, or the content of the module that is named.
fn content(named: &Path) -> Result<Digest, Failure> {
    if let Some(Ok(digest)) = named.to_str().map(str::parse) {
        return Ok(digest);
    }
    trust::content_digest(&read_module(named, ceiling::MODULE)?)
        .map_err(|error| Failure::usage(Diagnostic::new(error.code(), error.to_string()).at(shown(named))))
}

/// A key's full name as it is written, or that of the public key that is named.
fn key_id(named: &Path) -> Result<KeyId, Failure> {
    match named.to_str().map(str::parse) {
        Some(Ok(id)) => Ok(id),
        _ => read_public_key(named).map(|key| key.id()),
    }
}

impl<'a> From<&'a Affected> for Told<'a> {
    fn from(affected: &'a Affected) -> Self {
        Self { run: &affected.run, steps: affected.steps.iter().map(ToldStep::from).collect() }
    }
}

impl<'a> From<&'a AffectedStep> for ToldStep<'a> {
    fn from(step: &'a AffectedStep) -> Self {
        Self {
            entry: step.seq,
            kind: step.kind.name(),
            name: &step.name,
            outcome: step.outcome.as_deref(),
            rested_on: step.rested.iter().map(ToldRest::from).collect(),
        }
    }
}

impl<'a> From<&'a Rested> for ToldRest<'a> {
    fn from(rested: &'a Rested) -> Self {
        let Use { role, content, publisher, name, version, keys } = &rested.used;
        Self {
            role: *role,
            content_digest: *content,
            publisher: publisher.as_deref(),
            name: name.as_deref(),
            version: version.as_deref(),
            key_ids: keys,
            revoked_by: rested.why.iter().filter_map(revoked).collect(),
            release_unknown: rested.why.contains(&Why::ReleaseUnknown),
        }
    }
}

fn revoked(why: &Why) -> Option<Named> {
    match why {
        Why::Revoked(revocation) => Some(Named::from(&**revocation)),
        _ => None,
    }
}

fn render(affected: &[Affected]) -> String {
    if affected.is_empty() {
        return "no decision rested on it\n".to_owned();
    }
    let head = ["RUN", "BEGAN", "PIPELINE", "DECISION", "SUBJECT", "STEP", "OUTCOME", "RESTED ON"].map(str::to_owned);
    let rows = affected.iter().flat_map(|affected| affected.steps.iter().map(|step| row(affected, step)));
    let mut text = table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    let decided = affected.iter().filter(|affected| affected.run.finished.is_some()).count();
    let go = affected.iter().filter(|affected| affected.run.finished.as_ref().is_some_and(|f| f.decision == "go"));
    text.push_str(&format!(
        "{} rested on it: {decided} came to a decision, {} of them to go\n",
        counted(affected.len(), "run", "runs"),
        go.count()
    ));
    text
}

fn row(affected: &Affected, step: &AffectedStep) -> [String; 8] {
    let Affected { run, .. } = affected;
    let name = match step.kind {
        portcullis::ledger::Kind::Gate => excerpt(&step.name, 64),
        kind => kind.name().to_owned(),
    };
    [
        excerpt(&run.run, 64),
        run.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        excerpt(&run.policy, 40),
        run.finished.as_ref().map_or_else(|| "none".to_owned(), |finished| excerpt(&finished.decision, 20)),
        run.subject.as_ref().map_or_else(|| "-".to_owned(), |subject| excerpt(subject, 80)),
        name,
        step.outcome.as_ref().map_or_else(|| "-".to_owned(), |outcome| excerpt(outcome, 40)),
        joined(step.rested.iter().map(shown_rest)),
    ]
}

/// `acme/lint 1.2.0, revoked by R-1 (revoked-key, malicious)`.
fn shown_rest(rested: &Rested) -> String {
    let Use { role, content, publisher, name, version, .. } = &rested.used;
    let what = match (role, publisher, name, version) {
        (UseRole::Module, Some(publisher), Some(name), Some(version)) => {
            format!("{}/{} {}", printable(publisher), printable(name), excerpt(version, 64))
        }
        (UseRole::Approval, Some(approver), _, _) => format!("approval of {}", printable(approver)),
        (role, ..) => format!("{} {}", role.name(), content.short()),
    };
    let by: Vec<String> = rested.why.iter().filter_map(revoked).map(|named| named.shown()).collect();
    match (by.is_empty(), rested.why.contains(&Why::ReleaseUnknown)) {
        (false, _) => format!("{what}, revoked by {}", by.join("; ")),
        (true, true) => format!("{what}, of which release is not known"),
        (true, false) => what,
    }
}
