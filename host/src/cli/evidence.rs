//! What the commands that collect evidence share: the flags, the world, progress, and what the record says of it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use jiff::Timestamp;
use portcullis::{
    diagnostic::Diagnostic,
    evidence::{Archive, CollectEvent, Collected, Keeper, Recorded, Recorder},
    intake::{Settings, Shelf},
    manifest::{Origin, Plan},
    run::{self, Event},
    text::excerpt,
};

use super::{Failure, host, term};

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

    /// What a run, or a question about one, is called with.
    pub(crate) fn settings(&self, manifest: &Path, gates: &[String], now: Timestamp) -> Settings {
        let mut settings = Settings::new(manifest.to_owned(), host::folder(), now);
        settings.evidence.clone_from(&self.evidence);
        settings.evidence_dir.clone_from(&self.evidence_dir);
        settings.gates = gates.to_vec();
        settings
    }

    /// The plan of a manifest, with only `gates` and what they need where any are named.
    pub(crate) fn plan(&self, manifest: &Path, gates: &[String]) -> Result<Plan, Failure> {
        Ok(self.settings(manifest, gates, Timestamp::UNIX_EPOCH).plan(&Shelf::disk())?)
    }

    /// The recorded evidence that they name.
    pub(crate) fn recorded(&self, plan: &Plan) -> Result<Option<Recorded>, Failure> {
        self.evidence_dir.as_deref().map(|folder| recorded(folder, plan)).transpose()
    }
}

/// The recorded evidence in `folder`.
pub(crate) fn recorded(folder: &Path, plan: &Plan) -> Result<Recorded, Failure> {
    let recorded = Recorded::open(folder).map_err(|error| {
        let help = "name a folder that `portcullis collect MANIFEST --out DIR` wrote";
        Failure::usage(Diagnostic::new(error.code(), error.to_string()).help(help))
    })?;
    if recorded.manifest() != plan.digest {
        term::note("the evidence was recorded for another state of the manifest; what it holds is judged by this one");
    }
    Ok(recorded)
}

/// As archives, which stand for the world.
pub(crate) fn archives(recorded: Option<&Recorded>) -> Vec<&dyn Archive> {
    recorded.into_iter().map(|recorded| -> &dyn Archive { recorded }).collect()
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
    let keeper = recorder.map(|recorder| -> &dyn Keeper { recorder });
    let observe = |event: Event<'_>| progress.follow(&event);
    let collected = run::collected(plan, host::world(cancelled), jobs, &archives(recorded), keeper, &observe);
    progress.clear();
    collected
}

/// One line on a watched terminal that says how far a command is.
pub(crate) struct Progress {
    watched: bool,
}

impl Progress {
    pub(crate) fn new(global: &term::Global) -> Self {
        Self { watched: term::is_watched() && !global.quiet }
    }

    /// Whether anybody sees what is told.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(crate) fn tell(&self, text: &str) {
        if self.watched {
            term::transient(text);
        }
    }

    /// Tells what of a run is worth a line.
    pub(crate) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Collect(CollectEvent::Started { name }) => self.tell(&format!("collecting {}", excerpt(name, 60))),
            Event::Collect(CollectEvent::Finished { ended, pieces, .. }) => {
                self.tell(&format!("{ended} of {pieces} pieces of evidence"));
            }
            Event::Started { gate } => self.tell(&format!("asking {}", excerpt(gate, 60))),
            Event::Agent { name, fares } => {
                let phase = fares.phase.map(|phase| format!(" in {}", phase.name())).unwrap_or_default();
                self.tell(&format!("agent {} is {}{phase}", excerpt(name, 60), fares.status.name()));
            }
            Event::Judging
            | Event::Note(_)
            | Event::Trouble(_)
            | Event::Alert(_)
            | Event::Governed(_)
            | Event::Finished { .. } => {}
        }
    }

    pub(crate) fn clear(&self) {
        self.tell("");
    }
}
