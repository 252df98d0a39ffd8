//! What the commands that collect evidence share: the flags, the world, progress, and what the record says of it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use jiff::Timestamp;
use portcullis::{
    decision::InputRecord,
    diagnostic::Diagnostic,
    evidence::{CollectEvent, Collected, Collecting, Piece, Recorded, Recorder, Strays, World, collect},
    files::read_capped,
    manifest::{self, Origin, Overrides, Plan},
    text::excerpt,
};

use super::{Exit, Failure, term};

/// Where evidence comes from, if not from where the manifest says.
#[derive(clap::Args, Clone)]
pub(crate) struct EvidenceFlags {
    /// Take evidence NAME from a file instead of its source
    #[arg(long, value_name = "NAME=PATH", value_parser = named_path)]
    evidence: Vec<(String, PathBuf)>,
    /// Judge what `collect` recorded in this folder, and ask nothing of the world
    #[arg(long, value_name = "DIR")]
    evidence_dir: Option<PathBuf>,
}

fn named_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), PathBuf::from(path))),
        _ => Err("it is written NAME=PATH".to_owned()),
    }
}

impl EvidenceFlags {
    /// The files that they name for reading.
    pub(crate) fn named(&self) -> impl Iterator<Item = PathBuf> {
        self.evidence.iter().map(|(_, path)| path.clone())
    }

    /// The plan of a manifest, with only `gates` and what they need where any are named.
    pub(crate) fn plan(&self, manifest: &Path, gates: &[String]) -> Result<Plan, Failure> {
        let bytes = read_capped(manifest, manifest::MAX_BYTES).map_err(|error| {
            let help =
                "name the manifest before any --gates, or write a portcullis.toml; the README has one to start from";
            Failure::usage(Diagnostic::from(error).help(help))
        })?;
        let overrides = Overrides { evidence: self.evidence.clone() };
        let plan =
            manifest::parse(&bytes, manifest, &overrides).map_err(|problems| Failure::all(Exit::Usage, problems))?;
        if gates.is_empty() { Ok(plan) } else { plan.select(gates).map_err(Failure::usage) }
    }

    /// The recorded evidence that they name.
    pub(crate) fn recorded(&self, plan: &Plan) -> Result<Option<Recorded>, Failure> {
        let Some(folder) = &self.evidence_dir else { return Ok(None) };
        let recorded = Recorded::open(folder).map_err(|error| {
            let help = "name a folder that `portcullis collect MANIFEST --out DIR` wrote";
            Failure::usage(Diagnostic::new(error.code(), error.to_string()).help(help))
        })?;
        if recorded.manifest() != plan.digest {
            term::note(
                "the evidence was recorded for another state of the manifest; what it holds is judged by this one",
            );
        }
        Ok(Some(recorded))
    }
}

/// The files that collecting reads, as far as the plan names them.
pub(crate) fn read_by(plan: &Plan) -> impl Iterator<Item = PathBuf> {
    plan.evidence.iter().filter_map(|source| match &source.origin {
        Origin::File { path, .. } => Some(path.clone()),
        _ => None,
    })
}

/// Collects the evidence of a plan, and tells on a watched terminal how far it is.
pub(crate) fn collected(
    plan: &Plan,
    recorded: Option<&Recorded>,
    recorder: Option<&Recorder>,
    (jobs, cancelled): (usize, &'static AtomicBool),
    progress: &Progress,
) -> Collected {
    let world = World { variable: &variable, clock: &Timestamp::now, cancelled };
    let observe = |event: CollectEvent<'_>| match event {
        CollectEvent::Started { name } => progress.tell(&format!("collecting {}", excerpt(name, 60))),
        CollectEvent::Finished { ended, pieces, .. } => {
            progress.tell(&format!("{ended} of {pieces} pieces of evidence"))
        }
    };
    // What commands leave behind, even in sessions of its own, ends when the last of them has.
    let runs_commands = recorded.is_none() && plan.evidence.iter().any(|source| source.origin.acts());
    let _strays = runs_commands.then(Strays::adopt);
    let collected = collect(plan, Collecting { world, jobs, recorded, recorder, observe: &observe });
    progress.clear();
    collected
}

fn variable(name: &str) -> Option<String> {
    // A name that the system cannot hold is not set.
    let plain = !name.is_empty() && !name.contains(['=', '\0']);
    plain.then(|| std::env::var_os(name)).flatten().map(|value| value.to_string_lossy().into_owned())
}

/// What the record says of each piece.
pub(crate) fn inputs(collected: &Collected) -> impl Iterator<Item = InputRecord> + '_ {
    collected.pieces().map(input)
}

fn input(piece: &Piece) -> InputRecord {
    InputRecord {
        name: piece.name.clone(),
        kind: piece.kind.to_string(),
        uri: piece.uri.clone(),
        outcome: piece.outcome.to_string(),
        error: piece.result.as_ref().err().map(|error| error.code().to_owned()),
        digest: piece.seen.map(|(digest, _)| digest.into()),
        size_bytes: piece.seen.map(|(_, size)| size),
        collected_on: Some(piece.collected_on),
        duration_ms: Some(piece.took),
    }
}

/// One line on a watched terminal that says how far a command is.
pub(crate) struct Progress {
    watched: bool,
}

impl Progress {
    pub(crate) fn new(global: &term::Global) -> Self {
        Self { watched: term::is_watched() && !global.quiet }
    }

    pub(crate) fn tell(&self, text: &str) {
        if self.watched {
            term::transient(text);
        }
    }

    pub(crate) fn clear(&self) {
        self.tell("");
    }
}
